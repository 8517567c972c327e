"""PMTiles 3: one file with all tiles of a pyramid, written in one pass and read by ranges.

The container is that of the ``pmtiles`` package; here it is written without a second copy of the tiles in the system's
temporary directory, and read with its directories kept, so that a tile costs one read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from pmtiles import reader as pmtiles_reader
from pmtiles import tile as pmtiles_tile
from pmtiles.writer import Writer

__all__ = ["Archive", "tile_id", "write", "zxy"]

HEADER_BYTES = 127
LEAVES_KEPT = 64
"""Leaf directories of one archive held in memory; one lists some four thousand tiles."""


def tile_id(z: int, x: int, y: int) -> int:
    """Place of a tile in the file: by zoom, then along a Hilbert curve.

    >>> tile_id(0, 0, 0), tile_id(1, 0, 0), tile_id(1, 1, 0)
    (0, 1, 4)
    """
    return pmtiles_tile.zxy_to_tileid(z, x, y)


def zxy(number: int) -> tuple[int, int, int]:
    """Zoom, column and row of a place.

    >>> zxy(4)
    (1, 1, 0)
    """
    return pmtiles_tile.tileid_to_zxy(number)


def write(
    path: Path,
    tiles: Iterable[tuple[int, bytes]],
    bounds: tuple[float, float, float, float],
    metadata: Mapping[str, Any],
) -> int:
    """Write gzipped vector tiles, given as (place, data) with places ascending; returns how many there are.

    ``bounds``: west, south, east, north in degrees. The same tiles and metadata give the same bytes. Raises
    `ValueError` when there is no tile or a place comes twice or out of order.
    """
    scratch = path.with_name(path.name + ".tiles")
    with path.open("wb") as file:
        writer = Writer(file)
        writer.tile_f.close()
        try:
            with scratch.open("w+b") as writer.tile_f:
                last = -1
                for place, data in tiles:
                    if place <= last:
                        raise ValueError(f"tile {place} comes after {last}")
                    writer.write_tile(place, data)
                    last = place
                if last < 0:
                    raise ValueError("there is no tile")
                writer.finalize(_header(bounds, zxy(last)[0]), dict(metadata))
        finally:
            scratch.unlink(missing_ok=True)
    return int(writer.addressed_tiles)


def _header(bounds: tuple[float, float, float, float], zoom: int) -> dict[str, Any]:
    west, south, east, north = (round(v * 1e7) for v in bounds)
    return {
        "version": 3,
        "tile_type": pmtiles_tile.TileType.MVT,
        "tile_compression": pmtiles_tile.Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": zoom,
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }


class Archive:
    """An archive that is read through ``get(offset, length)``, which may check what it reads."""

    def __init__(self, get: Callable[[int, int], bytes]) -> None:
        self._get = get
        self.header: dict[str, Any] = {**pmtiles_tile.deserialize_header(get(0, HEADER_BYTES))}
        self._directories: OrderedDict[tuple[int, int], list[Any]] = OrderedDict()
        self._lock = Lock()

    @property
    def metadata(self) -> dict[str, Any]:
        return pmtiles_reader.Reader(self._get).metadata()

    @property
    def zooms(self) -> tuple[int, int]:
        """Lowest and highest zoom with a tile."""
        return self.header["min_zoom"], self.header["max_zoom"]

    def tile(self, z: int, x: int, y: int) -> bytes:
        """The tile as it is stored; b"" where there is none."""
        place = tile_id(z, x, y)
        offset, length = self.header["root_offset"], self.header["root_length"]
        for _depth in range(4):
            entry = pmtiles_tile.find_tile(self._directory(offset, length), place)
            if entry is None:
                return b""
            if entry.run_length:
                return self._get(self.header["tile_data_offset"] + entry.offset, entry.length)
            offset, length = self.header["leaf_directory_offset"] + entry.offset, entry.length
        return b""

    def tiles(self) -> Iterator[tuple[tuple[int, int, int], bytes]]:
        """All tiles in the order of the file."""
        return pmtiles_reader.all_tiles(self._get)

    def _directory(self, offset: int, length: int) -> list[Any]:
        with self._lock:
            known = self._directories.get((offset, length))
            if known is not None:
                self._directories.move_to_end((offset, length))
                return known
        found = pmtiles_tile.deserialize_directory(self._get(offset, length))
        with self._lock:
            self._directories[offset, length] = found
            while len(self._directories) > LEAVES_KEPT:
                self._directories.popitem(last=False)
        return found
