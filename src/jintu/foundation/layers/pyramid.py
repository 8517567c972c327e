"""The pyramid of a version, built ahead: every tile from the smallest scale to that of single features, in one file.

::

    one run over the generalised picture, up to its finest zoom (11 to 13)        4/… to 13/…
    blocks (tiles of that zoom, along the Hilbert curve)
        each is read from the lake by its box, once, and gives the tiles beyond it   14/…

A finished block is a file in the cache, so that a job that was killed goes on where it stopped, and the memory it takes
is that of a block and not of the layer: where features are dense the picture goes further down, and blocks are smaller.
At the end the blocks are joined in the order of PMTiles. Nothing depends on the clock, on the machine or on how often
it was started over: the same version gives the same bytes.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import jobs
from jintu.kernel.errors import Refused

from . import drawing, lake, rowgroups, tileset
from .features import Features
from .models import LayerVersion

__all__ = ["BUILT_TO", "Built", "build", "is_current", "start"]

BUILT_TO = 14
"""Greatest zoom of a pyramid unless ``JINTU_TILES_MAX_ZOOM`` says otherwise: beyond, a tile shows little and is
made when it is asked for, and the archive would double (docs/adr/0007-pyramid.md)."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Built:
    """``tiles``: with something on them; ``bytes``: of the archive; ``hash``: of ``tiles.json``."""

    tiles: int
    bytes: int
    hash: str


def max_zoom() -> int:
    return int(getattr(settings, "JINTU_TILES_MAX_ZOOM", BUILT_TO))


def is_current(version: LayerVersion) -> bool:
    """Whether the version has tiles of today's making. A table without geometry, or nothing, has none to make."""
    if version.schema.is_table or not version.rows:
        return True
    said = tileset.facts(version)
    return said is not None and said["edition"] == tileset.EDITION


def start(version: LayerVersion, actor: Actor | None = None) -> None:
    """Have the pyramid built by the worker after this transaction: publishing does not wait for it."""
    if getattr(settings, "JINTU_PREBUILD_TILES", True) and not is_current(version):
        jobs.enqueue("layers.tiles", actor=actor, division=version.division, version=version.pk)


def build(
    version: LayerVersion, actor: Actor | None = None, progress: Progress = lambda *_: None, to: int = 0
) -> Built:
    """Build the tiles of a version up to zoom ``to`` and put them beside its data; what ``progress`` raises ends it.

    Raises `Refused` for a table, for nothing at all, and when the version's files are not what was published.
    """
    to = to or max_zoom()
    if version.schema.is_table or not version.rows:
        raise Refused("{layer} has nothing to draw.", layer=version.layer)
    scratch = _scratch(version, to)
    scratch.mkdir(parents=True, exist_ok=True)
    work = ["low", *(_blocks(version) if to > drawing.finest(version) else ())]
    for number, block in enumerate(work):
        going_on = partial(progress, number, len(work), "tiles")
        going_on()
        if not _part(scratch, block).exists():
            made = _low_tiles(version, to, going_on) if block == "low" else _block_tiles(version, block, to)
            _keep(_part(scratch, block), made)
    progress(len(work), len(work), "writing")
    with lake.incoming() as draft:
        count = _join(version, [_part(scratch, b) for b in work], draft / tileset.TILES, to)
        digest = tileset.write_facts(draft, version, (drawing.MIN_ZOOM, to), count)
        size = (draft / tileset.TILES).stat().st_size
        _settle(version, draft, digest, actor, {"tiles": count, "bytes": size, "max_zoom": to})
    shutil.rmtree(scratch, ignore_errors=True)
    return Built(count, size, digest)


def _settle(version: LayerVersion, draft: Path, digest: str, actor: Actor | None, facts: dict[str, Any]) -> None:
    """Into the version's directory and, at the same time, into the database and the journal.

    Tiles of an earlier edition are disowned first: at no time does the database name a file that is not there.
    """
    LayerVersion.objects.filter(pk=version.pk).exclude(tiles_hash="").update(tiles_hash="")
    with transaction.atomic():
        LayerVersion.objects.filter(pk=version.pk).update(tiles_hash=digest)
        append(
            "layer.tiles",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts={"hash": version.hash, "tiles_hash": digest, **facts},
        )
        lake.add(draft, version.directory)
    version.tiles_hash = digest


# --- blocks ----------


def _scratch(version: LayerVersion, to: int) -> Path:
    below = Path(version.layer) / version.division / f"{version.key}-{tileset.EDITION}-{to}"
    return Path(settings.NODE.data) / "cache" / "pyramids" / below


def _part(scratch: Path, block: Any) -> Path:
    return scratch / ("low.part" if block == "low" else f"{block[0]}-{block[1]}.part")


def _range(version: LayerVersion, z: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of the tiles whose buffer touches the version, in the order of the archive."""
    from jintu.kernel.formats import mvt, pmtiles

    west, south, east, north = version.bbox
    x1, y1 = mvt.tile_of(z, west, north)
    x2, y2 = mvt.tile_of(z, east, south)
    last = 2**z - 1
    # a feature at the very edge also shows in the buffer of the next tile
    around = itertools.product(
        range(max(0, x1 - 1), min(last, x2 + 1) + 1), range(max(0, y1 - 1), min(last, y2 + 1) + 1)
    )
    return iter(sorted(around, key=lambda at: pmtiles.tile_id(z, *at)))


def _blocks(version: LayerVersion) -> list[tuple[int, int]]:
    """The tiles of the last zoom that shows the generalised picture."""
    return list(_range(version, drawing.finest(version)))


def _low_tiles(version: LayerVersion, to: int, going_on: Callable[[], None]) -> Iterator[tuple[int, bytes]]:
    """Tiles below the zoom at which features are shown themselves."""
    from jintu.kernel.formats import pmtiles

    for z in range(drawing.MIN_ZOOM, min(to, drawing.finest(version)) + 1):
        for x, y in _range(version, z):
            going_on()
            if data := drawing.encoded([version], z, x, y, _read_near):
                yield pmtiles.tile_id(z, x, y), drawing.packed(data)


def _read_near(version: LayerVersion, box: drawing.Box) -> Features:
    """Whether or not the version is in memory."""
    return rowgroups.near(version, drawing.columns_of(version.schema), box)


def _block_tiles(version: LayerVersion, block: tuple[int, int], to: int) -> Iterator[tuple[int, bytes]]:
    """The tiles of all zooms inside a block, from one reading of it."""
    from jintu.kernel.flat import thread_count
    from jintu.kernel.formats import mvt, pmtiles

    # a tile's buffer is narrower than its block's, which is that share of a wider tile
    at = drawing.finest(version)
    near = _read_near(version, mvt.bounds(at, *block, mvt.BUFFER / mvt.EXTENT))
    if not len(near):
        return
    places = [
        (z, *place)
        for z in range(at + 1, to + 1)
        for place in sorted(_inside(block, z - at), key=lambda place, z=z: pmtiles.tile_id(z, *place))
    ]

    def made(place: tuple[int, int, int]) -> bytes:
        return drawing.packed(drawing.encoded([version], *place, lambda *_: near))

    # encoding and packing are done without the interpreter's lock; the order is that of the places
    with ThreadPoolExecutor(thread_count(None)) as pool:
        for place, data in zip(places, pool.map(made, places), strict=True):
            if data:
                yield pmtiles.tile_id(*place), data


def _inside(block: tuple[int, int], deeper: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of the tiles inside a block, so many zooms deeper."""
    side = 2**deeper
    return itertools.product(*(range(at * side, (at + 1) * side) for at in block))


# --- parts on disc ----------


def _keep(part: Path, tiles: Iterable[tuple[int, bytes]]) -> None:
    """Write the tiles of a block: a line of JSON with places and lengths, then the tiles. Whole or not at all."""
    made = list(tiles)
    draft = part.with_name(f"{part.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    with draft.open("wb") as stream:
        stream.write(json.dumps([[place, len(data)] for place, data in made]).encode() + b"\n")
        stream.writelines(data for _, data in made)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(part)


def _join(version: LayerVersion, parts: list[Path], target: Path, to: int) -> int:
    """All parts as one archive; returns the number of tiles."""
    from jintu.kernel.formats import pmtiles

    entries: list[tuple[int, int, int, int]] = []
    for number, part in enumerate(parts):
        with part.open("rb") as stream:
            index = json.loads(stream.readline())
            offset = stream.tell()
        for place, length in index:
            entries.append((place, number, offset, length))
            offset += length
    entries.sort()
    return pmtiles.write(target, _read(parts, entries), version.bbox, _metadata(version, to))


def _read(parts: list[Path], entries: Iterable[tuple[int, int, int, int]]) -> Iterator[tuple[int, bytes]]:
    for number, run in itertools.groupby(entries, key=lambda entry: entry[1]):
        with parts[number].open("rb") as stream:
            for place, _, offset, length in run:
                stream.seek(offset)
                yield place, stream.read(length)


def _metadata(version: LayerVersion, to: int) -> dict[str, Any]:
    """What viewers of PMTiles look for, and the version it is."""
    schema = version.schema
    fields = {n: "String" for n in drawing.columns_of(schema) if n not in (schema.key, "geometry")} | {"key": "String"}
    layers = [{"id": schema.name, "fields": fields, "minzoom": drawing.MIN_ZOOM, "maxzoom": to}]
    return {
        "name": f"{version.layer} {version.division} {version.valid_from.isoformat()}",
        "type": "overlay",
        "format": "pbf",
        "generator": "jintu",
        "vector_layers": layers,
        "jintu": {"version": version.hash, "edition": tileset.EDITION},
    }
