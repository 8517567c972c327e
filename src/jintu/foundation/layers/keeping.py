"""Tiles kept on disc after they were asked for once: plain ones and those of thematic maps.

They can be made again at any time, so the room is limited (``tile_cache_mb`` of the node): the least recently used are
removed first. A file's time is that of its last use, to the hour, so that looking at a tile is no write each time.
Every so many writes of a process the folder is measured.
"""

from __future__ import annotations

import itertools
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

__all__ = ["keep", "kept", "trim"]

LIMIT = 4096 << 20
EVERY = 1_000
"""Writes of a process between two looks at the size: a tile has some 30 kB."""
ROOM = 0.9
"""Share of the limit that stays when it is passed, so that the next tile does not pass it again."""
FRESH_S = 3600

_writes = itertools.count(1)


def kept(path: Path) -> bytes | None:
    """A tile kept before; None where there is none."""
    try:
        data = path.read_bytes()
        if time.time() - path.stat().st_mtime > FRESH_S:
            os.utime(path)
    except FileNotFoundError:  # never there, or removed by another process meanwhile
        return None
    return data


def keep(path: Path, data: bytes) -> None:
    """Keep a tile; whoever reads meanwhile finds the whole of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    draft.write_bytes(data)
    draft.replace(path)
    if next(_writes) % EVERY == 0:
        trim(getattr(settings, "JINTU_TILE_CACHE_BYTES", LIMIT))


def trim(limit: int) -> int:
    """Remove the least recently used tiles until they take less than ``limit`` bytes; returns how many went."""
    found = sorted((entry.st_mtime, entry.st_size, path) for path, entry in _files())
    total = sum(size for _, size, _ in found)
    if total <= limit:
        return 0
    gone = 0
    for _, size, path in found:
        if total <= limit * ROOM:
            break
        Path(path).unlink(missing_ok=True)
        total -= size
        gone += 1
    return gone


def _files() -> Iterator[tuple[str, os.stat_result]]:
    cache = Path(settings.NODE.data) / "cache"
    for top in (cache / "tiles", *(cache / "atlas").glob("*/tile")):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    yield path, os.stat(path)
                except FileNotFoundError:  # a draft that took its place
                    continue
