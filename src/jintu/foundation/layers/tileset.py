"""The prebuilt tiles of a version: ``tiles.pmtiles`` beside its data, and ``tiles.json`` that says what they are.

They are derived from the version and are no part of its hash. ``tiles.json`` has the hash of the archive and of every
mebibyte of it, and the database the hash of ``tiles.json``: what is read is checked, once in a process, as the data is.
"""

from __future__ import annotations

import json
import mmap
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _

from jintu.kernel import hashing

from . import lake
from .models import LayerVersion

if TYPE_CHECKING:
    from jintu.kernel.formats.pmtiles import Archive

__all__ = ["EDITION", "FACTS", "TILES", "facts", "tile", "verify", "write_facts"]

TILES, FACTS = "tiles.pmtiles", "tiles.json"
EDITION = "6"
"""Of what tiles show (`drawing`): part of the cache's path and of every archive. Another number, other tiles."""
PART = 1 << 20


def tile(version: LayerVersion, z: int, x: int, y: int) -> bytes | None:
    """The gzipped tile, b"" where nothing is; None where the pyramid does not reach or is not there.

    Raises `Refused` when it was changed after it was built.
    """
    if not version.tiles_hash:
        return None
    archive = _opened(version)
    if archive is None or not archive.zooms[0] <= z <= archive.zooms[1]:
        return None
    return archive.tile(z, x, y)


def facts(version: LayerVersion) -> dict[str, Any] | None:
    """What ``tiles.json`` says: zooms, tiles, bytes, hash, edition; None where there are no prebuilt tiles."""
    if not version.tiles_hash:
        return None
    try:
        return json.loads((version.directory / FACTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def write_facts(folder: Path, version: LayerVersion, zooms: tuple[int, int], count: int) -> str:
    """Write ``tiles.json`` for the archive in a folder; returns its hash."""
    algorithm = getattr(settings, "JINTU_HASH", "sha256")
    archive = folder / TILES
    with archive.open("rb") as stream:
        parts = [hashing.of_bytes(part, algorithm) for part in iter(lambda: stream.read(PART), b"")]
    said = {
        "version": version.hash,
        "edition": EDITION,
        "min_zoom": zooms[0],
        "max_zoom": zooms[1],
        "tiles": count,
        "bytes": archive.stat().st_size,
        "hash": hashing.of_file(archive, algorithm),
        "part_bytes": PART,
        "parts": parts,
    }
    (folder / FACTS).write_text(json.dumps(said, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    return hashing.of_file(folder / FACTS, algorithm)


def verify(version: LayerVersion) -> list[str]:
    """What is wrong with the prebuilt tiles; empty when they are what was built, or none were."""
    if not version.tiles_hash:
        return []
    where = version.directory
    missing = [_("{name} is missing").format(name=name) for name in (FACTS, TILES) if not (where / name).is_file()]
    if missing:
        return missing
    if hashing.of_file(where / FACTS, version.tiles_hash.partition(":")[0]) != version.tiles_hash:
        return [_("{name} was changed").format(name=FACTS)]
    published = json.loads((where / FACTS).read_text(encoding="utf-8"))["hash"]
    if hashing.of_file(where / TILES, published.partition(":")[0]) != published:
        return [_("{name} was changed").format(name=TILES)]
    return []


def _opened(version: LayerVersion) -> Archive | None:
    where = version.directory
    try:
        stamps = tuple((f.st_mtime_ns, f.st_size) for f in ((where / FACTS).stat(), (where / TILES).stat()))
    except FileNotFoundError:  # derived files may be deleted: tiles are then made when they are asked for
        return None
    return _archive(where, version.tiles_hash, stamps)


@lru_cache(maxsize=64)
def _archive(where: Path, tiles_hash: str, stamps: tuple[tuple[int, int], ...]) -> Archive | None:
    """``stamps``: a file that was exchanged is opened, and looked at, again."""
    from jintu.kernel.formats.pmtiles import Archive

    if hashing.of_file(where / FACTS, tiles_hash.partition(":")[0]) != tiles_hash:
        raise lake.changed(where / FACTS)
    said = json.loads((where / FACTS).read_text(encoding="utf-8"))
    if said["edition"] != EDITION:
        return None
    if stamps[1][1] != said["bytes"]:
        raise lake.changed(where / TILES)
    return Archive(_Checked(where / TILES, said["parts"], said["part_bytes"]))


class _Checked:
    """Reads ranges of a file, each part of which is hashed before it is used for the first time."""

    def __init__(self, path: Path, parts: list[str], size: int) -> None:
        self.path, self.parts, self.size = path, parts, size
        with path.open("rb") as stream:
            self.content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self.right: set[int] = set()

    def __call__(self, offset: int, length: int) -> bytes:
        for part in range(offset // self.size, (offset + max(length, 1) - 1) // self.size + 1):
            if part not in self.right:
                data = self.content[part * self.size : (part + 1) * self.size]
                if hashing.of_bytes(data, self.parts[part].partition(":")[0]) != self.parts[part]:
                    raise lake.changed(self.path)
                self.right.add(part)
        return self.content[offset : offset + length]
