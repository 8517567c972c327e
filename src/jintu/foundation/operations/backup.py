"""Complete backups of a running node, and restoring them elsewhere.

A backup holds the database (``VACUUM INTO`` or ``pg_dump``), the stored files, the layer versions of the lake that have
a manifest, the node's configuration, and ``manifest.json`` with the size and SHA-256 of every part. The database is
taken first: files and layer versions are only ever added, and before the rows that name them, so what the database
names is there when the rest is copied.

Secrets (the signing key, the password in a database URL) are left out unless asked for. Without the signing key
everybody signs in again and second factors are set up anew: keep ``jintu.toml`` in a safe place, apart from backups.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from jintu import __version__
from jintu.kernel.errors import InputError, Missing, Place, Refused

__all__ = ["FORMAT", "Summary", "backup", "restore", "verify"]

FORMAT = 1
DATABASE = {"sqlite": "database.gpkg", "postgresql": "database.dump"}
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Summary:
    """``manifest``: SHA-256 of the manifest, by which the whole backup is known."""

    target: str
    manifest: str
    files: int
    bytes: int
    secrets: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _quiet(done: int, total: int, message: str) -> None:
    """Nobody is listening."""


# -- making


def backup(target: Path, *, with_secrets: bool = False, progress: Progress = _quiet) -> Summary:
    """Write a backup to a new directory, or to a new ``.tar`` file, while the node runs.

    Raises `Refused` when the target exists. A backup that did not end is removed.
    """
    from django.conf import settings
    from django.db import connection

    if target.exists():
        raise Refused("{target} exists already.", remedy="Name a new directory or file.", target=str(target))
    as_tar = target.suffix == ".tar"
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".jintu-backup-", dir=target.parent))
    try:
        node = settings.NODE
        progress(0, 0, "database")
        (_dump_sqlite if connection.vendor == "sqlite" else _dump_postgresql)(work / DATABASE[connection.vendor])
        sources = [*_tree("files", node.files), *_lake(node.lake)]
        for name in ("journal.head",):
            if (node.data / name).is_file():
                sources.append((PurePosixPath(name), node.data / name))
        for number, (name, source) in enumerate(sources):
            progress(number, len(sources), str(name))
            copy = work / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
        _write_private(work / "jintu.toml", _configuration(node.data / "jintu.toml", with_secrets))
        parts = {str(p.relative_to(work).as_posix()): _part(p) for p in sorted(work.rglob("*")) if p.is_file()}
        manifest = {
            "format": FORMAT,
            "jintu": __version__,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "database": connection.vendor,
            "division": node.division,
            "secrets": with_secrets,
            "parts": parts,
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True)
        (work / "manifest.json").write_text(text, encoding="utf-8")
        size = sum(p["size"] for p in parts.values())
        progress(len(sources), len(sources), "writing")
        if as_tar:
            draft = work.with_suffix(".tar")
            try:
                with tarfile.open(draft, "w") as tar:
                    tar.add(work, arcname=".")
                draft.chmod(0o600)
                draft.rename(target)
            finally:
                draft.unlink(missing_ok=True)
        else:
            work.chmod(0o700)
            work.rename(target)
        return Summary(str(target), _sha256_text(text), len(parts), size, with_secrets)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _dump_sqlite(target: Path) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(target)])
    target.chmod(0o600)


def _postgresql_environment(url: Any) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment by which PostgreSQL's programs connect: the password is not on the command line."""
    arguments = ["--host", url.hostname or "", "--username", url.username or "", "--no-password"]
    if url.port:
        arguments += ["--port", str(url.port)]
    return arguments, {**os.environ, "PGPASSWORD": url.password or ""}


def _dump_postgresql(target: Path) -> None:
    from django.db import connection

    facts = connection.settings_dict
    url = urlsplit(f"postgres://{facts['HOST']}:{facts['PORT']}" if facts["PORT"] else f"postgres://{facts['HOST']}")
    arguments = ["--host", url.hostname or "", "--username", facts["USER"], "--no-password"]
    if url.port:
        arguments += ["--port", str(url.port)]
    _run(
        ["pg_dump", *arguments, "--format=custom", "--no-owner", f"--file={target}", str(facts["NAME"])],
        {**os.environ, "PGPASSWORD": facts["PASSWORD"]},
    )
    target.chmod(0o600)


def _run(argv: list[str], environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Missing(
            "The program {program} is not installed.", remedy="Install postgresql-client.", program=argv[0]
        ) from None
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise Refused("{program} failed: {reason}", program=argv[0], reason=reason[-1] if reason else "?")


def _tree(name: str, root: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """All finished files below a directory (what begins with a dot is not finished)."""
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        below = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in below.parts):
            yield PurePosixPath(name) / below.as_posix(), path


def _lake(root: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """The files of published layer versions: those with a manifest, which is written last."""
    for manifest in sorted(root.rglob("manifest.json")) if root.is_dir() else ():
        below = PurePosixPath(manifest.parent.relative_to(root).as_posix())
        if not any(part.startswith(".") for part in below.parts):
            yield from _tree(str(PurePosixPath("lake") / below), manifest.parent)


def _part(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def _sha256_text(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


_SECRET = re.compile(r"^\s*(secret_key|database)\s*=.*$", re.MULTILINE)


def _configuration(file: Path, with_secrets: bool) -> str:
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return text if with_secrets else _SECRET.sub("", text)


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)


# -- checking and restoring


def verify(source: Path, *, expect: str = "", progress: Progress = _quiet) -> dict[str, Any]:
    """The manifest of a backup directory whose every part is as it was written. Raises `InputError`, `Missing`."""
    file = source / "manifest.json"
    if not file.is_file():
        raise Missing("{source} is no backup: it has no manifest.json.", source=str(source))
    text = file.read_text(encoding="utf-8")
    if expect and _sha256_text(text) != expect:
        raise InputError(
            "The manifest is not the one expected: its hash is {found}.",
            place=Place(file=str(file)),
            remedy="Use another copy of the backup.",
            found=_sha256_text(text),
        )
    try:
        manifest = json.loads(text)
        parts = {str(name): (int(p["size"]), str(p["sha256"])) for name, p in manifest["parts"].items()}
        number = int(manifest["format"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError("The manifest cannot be read.", place=Place(file=str(file))) from None
    if number > FORMAT:
        raise InputError(
            "The backup was made by a newer version.", place=Place(file=str(file)), remedy="Upgrade first."
        )
    there = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()} - {"manifest.json"}
    for done, (name, (size, digest)) in enumerate(sorted(parts.items())):
        progress(done, len(parts), name)
        path = source / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise InputError("The manifest names a file outside the backup: {name}.", name=name)
        if name not in there or path.is_symlink():
            raise InputError("A part of the backup is missing: {name}.", place=Place(file=str(source)), name=name)
        if path.stat().st_size != size or _part(path)["sha256"] != digest:
            raise InputError(
                "A part of the backup was changed: {name}.",
                place=Place(file=str(source)),
                remedy="Use another copy of the backup.",
                name=name,
            )
    if extra := sorted(there - set(parts)):
        raise InputError("The backup holds a file its manifest does not name: {name}.", name=extra[0])
    return manifest


def restore(
    source: Path,
    data: Path,
    *,
    config: Path | None = None,
    database: str = "",
    expect: str = "",
    progress: Progress = _quiet,
) -> dict[str, Any]:
    """Verify a backup (directory or tar) and make a node of it in a new data directory; returns its manifest.

    ``config`` a ``jintu.toml`` kept apart, with its secrets; otherwise a new signing key is made. ``database`` URL of
    an *empty* PostgreSQL database for a backup of one. Nothing is written before everything was verified, and what
    was begun is removed if it fails.
    """
    if data.exists() and any(data.iterdir()):
        raise Refused("The directory {data} is not empty.", remedy="Restore into a new directory.", data=str(data))
    with tempfile.TemporaryDirectory(prefix=".jintu-restore-", dir=_parent(data)) as scratch:
        if source.is_file():
            source = _unpack(source, Path(scratch) / "backup")
        manifest = verify(source, expect=expect, progress=progress)
        made = Path(scratch) / "node"
        made.mkdir(mode=0o700)
        for name in manifest["parts"]:
            if name.startswith(("files/", "lake/")) or name == "journal.head":
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, made / name)
        text = (config or source / "jintu.toml").read_text(encoding="utf-8")
        if database:
            text = re.sub(r"^\s*database\s*=.*\n?", "", text, flags=re.MULTILINE)
            text += f"\ndatabase = {json.dumps(database)}\n"
        if not re.search(r"^\s*secret_key\s*=", text, re.MULTILINE):
            text += f"\nsecret_key = {json.dumps(secrets.token_urlsafe(48))}\n"
        _write_private(made / "jintu.toml", text)
        if manifest["database"] == "sqlite":
            shutil.copyfile(source / DATABASE["sqlite"], made / "jintu.gpkg")
            (made / "jintu.gpkg").chmod(0o600)
            _check_sqlite(made / "jintu.gpkg")
        else:
            if not database:
                raise Refused(
                    "This is the backup of a PostgreSQL node.", remedy="Name an empty database: --database URL."
                )
            _fill_postgresql(source / DATABASE["postgresql"], database)
        if data.exists():
            data.rmdir()
        made.rename(data)
    return manifest


def _parent(data: Path) -> Path:
    data.absolute().parent.mkdir(parents=True, exist_ok=True)
    return data.absolute().parent


def _unpack(file: Path, target: Path) -> Path:
    target.mkdir()
    try:
        with tarfile.open(file) as tar:
            # the filter refuses paths and links that lead outside, devices, and foreign owners
            tar.extractall(target, filter="data")
    except tarfile.TarError as error:
        raise InputError(
            "The archive cannot be read: {reason}", place=Place(file=str(file)), reason=str(error)
        ) from None
    return target


def _check_sqlite(file: Path) -> None:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    finally:
        connection.close()
    if answer != "ok":
        raise InputError("The database in the backup is damaged: {reason}", reason=answer)


def _fill_postgresql(dump: Path, database: str) -> None:
    url = urlsplit(database)
    arguments, environment = _postgresql_environment(url)
    name = url.path.lstrip("/")
    if not name:
        raise InputError("The URL {url} names no database.", url=urlunsplit(url._replace(netloc=url.hostname or "")))
    _run(
        [
            "pg_restore",
            *arguments,
            "--no-owner",
            "--no-comments",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={name}",
            str(dump),
        ],
        environment,
    )
