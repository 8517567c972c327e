"""Writing a package: layers, viewer, statement, signature. Whole or not at all."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext as _

from jintu.foundation.journal import Actor
from jintu.foundation.layers import lake, pyramid, tileset
from jintu.foundation.layers.models import LayerVersion, OfflinePackage
from jintu.foundation.operations import signing
from jintu.kernel import hashing
from jintu.kernel.errors import Missing, Place, Refused

from . import contents

__all__ = ["FORMAT", "STATEMENT", "SUMS", "pack", "write"]

FORMAT = "jintu-package/1"
STATEMENT, SUMS = "package.json", "SHA256SUMS"
VIEWER = ("viewer.js", "viewer.css")
Progress = Callable[[int, int, str], None]


def write(
    package: OfflinePackage,
    versions: Sequence[LayerVersion],
    target: Path,
    *,
    language: str = "zh-hans",
    actor: Actor | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Write the package into a directory that is not there yet; returns its statement.

    Raises `Refused` when there is something already, `Missing` when the viewer is not built; what ``progress`` raises
    ends it. An interrupted package leaves nothing under ``target``.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused("There is something at {path} already.", remedy="Give an empty directory.", path=str(target))
    draft = target.with_name(f".{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        with translation.override(language):
            statement = _fill(package, list(versions), draft, language, actor, progress)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return statement


def _fill(
    package: OfflinePackage,
    versions: list[LayerVersion],
    root: Path,
    language: str,
    actor: Actor | None,
    progress: Progress,
) -> dict[str, Any]:
    _viewer(root)
    layers = []
    for number, version in enumerate(versions):
        going = partial(progress, number, len(versions), str(version))
        going()
        if not version.schema.is_table and not pyramid.is_current(version):
            pyramid.build(version, actor, lambda *_, going=going: going())
        folder = f"layers/{number + 1}-{version.schema.table}"
        (root / folder).mkdir(parents=True)
        layers.append(_layer(package, version, root, folder, going))
    progress(len(versions), len(versions), "signing")
    chinese = language.startswith("zh")
    content = {
        "lang": "zh" if chinese else "en",
        "title": _("Offline package {number}").format(number=package.number),
        "recipient": _("For {recipient}").format(recipient=package.recipient),
        "watermark": f"{package.recipient} {package.number}",
        "facts": contents.package_facts(package),
        "words": contents.words(),
        "map": contents.map_config(versions),
        "layers": layers,
    }
    text = json.dumps(content, ensure_ascii=True).replace("<", "\\u003c")
    (root / "content.js").write_text(f"window.JINTU_CONTENT={text}\n", encoding="ascii")
    (root / "index.html").write_text(_page(content["title"], chinese), encoding="utf-8")
    (root / "README.txt").write_text(_readme(package), encoding="utf-8")
    return _sign(package, versions, root)


def _viewer(root: Path) -> None:
    built = Path(str(resources("jintu.ui") / "static" / "dist"))
    for name in VIEWER:
        try:
            shutil.copyfile(built / "offline" / name, root / name)
        except FileNotFoundError:
            raise Missing(
                "The viewer of offline packages is not built.", remedy="Run make front.", place=Place(file=name)
            ) from None
    shutil.copyfile(built / "THIRD-PARTY.txt", root / "THIRD-PARTY.txt")


def _layer(
    package: OfflinePackage, version: LayerVersion, root: Path, folder: str, going: Callable[[], None]
) -> dict[str, Any]:
    where = root / folder
    shutil.copyfile(version.directory / lake.MANIFEST, where / lake.MANIFEST)
    if not version.schema.is_table:
        if wrong := tileset.verify(version):
            raise Refused("{version}: {what}.", version=str(version), what="; ".join(wrong))
        shutil.copyfile(version.directory / tileset.TILES, where / tileset.TILES)
        contents.write_tiles(version, root, folder, going)
        layer = contents.map_config([version])["groups"][0]["layers"][0]
        _json(where / "style.json", {k: layer[k] for k in ("title", "style", "legend") if k in layer})
    if package.with_data:
        shutil.copyfile(version.directory / lake.DATA, where / lake.DATA)
    runs = contents.write_rows(version, root, folder, going)
    _json(where / "metadata.json", dict(contents.provenance(version)))
    return contents.layer_facts(version, folder, runs)


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _page(title: str, chinese: bool) -> str:
    """No inline script; nothing may be loaded but the package's own files, and nothing may be sent anywhere."""
    policy = (
        "default-src 'none'; script-src file: 'self'; style-src file: 'self' 'unsafe-inline'; "
        "img-src data: blob:; worker-src blob: data:; connect-src blob:"
    )
    return f"""<!doctype html>
<html lang="{"zh-Hans" if chinese else "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<link rel="stylesheet" href="viewer.css">
<script defer src="content.js"></script>
<script defer src="viewer.js"></script>
</head>
<body></body>
</html>
"""


def _readme(package: OfflinePackage) -> str:
    lines = [
        _("Offline package {number}").format(number=package.number),
        _("For {recipient}").format(recipient=package.recipient),
        "",
        _("Open index.html in a browser. Nothing is installed and nothing is sent."),
        _("To see whether the package is whole: jintu package verify DIRECTORY, or sha256sum -c SHA256SUMS."),
        "",
    ]
    return "\n".join(lines)


def _sign(package: OfflinePackage, versions: list[LayerVersion], root: Path) -> dict[str, Any]:
    """Statement and signature over all files; the recipient is part of what is signed."""
    (root / SUMS).write_text("".join(f"{_sum(path)}  {name}\n" for name, path in _tree(root)), encoding="utf-8")
    algorithm = getattr(settings, "JINTU_HASH", "sha256")
    statement = {
        "format": FORMAT,
        "number": package.number,
        "division": package.division,
        "recipient": package.recipient,
        "purpose": package.purpose,
        "approval": {"number": package.approval, "by": package.approved_by},
        "made": package.created_at.isoformat(timespec="seconds"),
        "made_by": package.made_by,
        "with_data": package.with_data,
        "versions": package.versions,
        "files": {
            name: {"bytes": path.stat().st_size, "hash": hashing.of_file(path, algorithm)} for name, path in _tree(root)
        },
    }
    text = (json.dumps(statement, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    (root / STATEMENT).write_bytes(text)
    signed = signing.sign_bytes(text, STATEMENT, number=package.number, recipient=package.recipient)
    (root / f"{STATEMENT}{signing.SUFFIX}").write_bytes(signed)
    return statement


def _sum(path: Path) -> str:
    return hashing.of_file(path, "sha256").partition(":")[2]


def _tree(root: Path) -> list[tuple[str, Path]]:
    return sorted((p.relative_to(root).as_posix(), p) for p in root.rglob("*") if p.is_file())


def pack(folder: Path, target: Path, progress: Progress = lambda *_: None) -> None:
    """The package as one ZIP; files that are compressed already are stored."""
    members = _tree(folder)
    draft = target.with_name(f".{target.name}.part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, (name, path) in enumerate(members):
            progress(number, len(members), "packing")
            stored = path.suffix in (".pmtiles", ".parquet")
            archive.write(path, name, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
    draft.replace(target)
