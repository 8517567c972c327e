"""Rings of polygons in a shapefile, by the specification: the direction of a ring says what it is.

ESRI Shapefile Technical Description (1998), Polygon: "vertices of rings defining holes in polygons are in a
counterclockwise direction", those of single rings and of shells clockwise. GDAL makes a part of a hole that lies in no
shell; here it stays the hole that it says it is, and the polygon is not valid. Where no ring of a record is clockwise
the writer did not follow the rule, and nothing is said of it.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jintu.kernel.topology.predicates import located

__all__ = ["assembled", "stray_holes"]

POLYGONS = (5, 15, 25)

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _opened(path: Path, index: bytes) -> tuple[Bytes, Integers]:
    """The bytes of the file, and where the content of each record begins and how long it is, (n, 2)."""
    words = np.frombuffer(index, dtype=">i4").reshape(-1, 2).astype(np.int64)
    return np.memmap(path, dtype=np.uint8, mode="r"), np.column_stack((words[:, 0] * 2 + 8, words[:, 1] * 2))


def stray_holes(path: Path, index: bytes) -> dict[int, tuple[list[int], bytes]]:
    """Records with holes that lie in no shell: number from 0 → (numbers of those rings from 1, WKB as assembled).

    ``index``: the body of a .shx.
    """
    if not index:
        return {}
    data, records = _opened(path, index)
    found: dict[int, tuple[list[int], bytes]] = {}
    for number in np.flatnonzero(_suspect(data, records)).tolist():
        x, y, offsets = _rings(data, *records[number].tolist())
        owner = _owners(x, y, offsets)
        stray = np.flatnonzero(owner == _STRAY)
        if len(stray):
            found[number] = ((stray + 1).tolist(), assembled(x, y, offsets, owner))
    return found


def assembled(x: Floats, y: Floats, offsets: Integers, owner: Integers) -> bytes:
    """Rings as a polygon or multipolygon (WKB): a hole that lies in no shell goes with the shell before it."""
    import shapely

    rings = [np.column_stack((x[i:j], y[i:j])) for i, j in pairwise(offsets.tolist())]
    shells = np.flatnonzero(owner == _SHELL).tolist()
    holes: dict[int, list[Any]] = {k: [] for k in shells}
    for k, of in enumerate(owner.tolist()):
        if of != _SHELL:
            before = [s for s in shells if s < k] or shells[:1]
            holes[of if of >= 0 else before[-1]].append(rings[k])
    parts = [shapely.Polygon(rings[k], holes[k]) for k in shells]
    shape = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return bytes(shapely.to_wkb(shape, byte_order=1))


# --- compiled ----------

_SHELL, _STRAY = -1, -2


@nb.njit(cache=True, nogil=True)
def _i32(data: Bytes, o: int) -> Any:
    value = np.int64(data[o]) | np.int64(data[o + 1]) << 8 | np.int64(data[o + 2]) << 16 | np.int64(data[o + 3]) << 24
    return value - (1 << 32) if value >= 1 << 31 else value


@nb.njit(cache=True, nogil=True)
def _rings(data: Bytes, begin: int, size: int) -> tuple[Floats, Floats, Integers]:
    """x, y and ring offsets of the polygon in a record; nothing for another shape, or one that does not fit into it."""
    x, y = np.empty(0), np.empty(0)
    nothing = x, y, np.zeros(1, dtype=np.int64)
    if size < 44:
        return nothing
    kind, rings, points = _i32(data, begin), _i32(data, begin + 36), _i32(data, begin + 40)
    if kind not in POLYGONS or rings < 1 or points < 1 or 44 + 4 * rings + 16 * points > size:
        return nothing
    offsets = np.empty(rings + 1, dtype=np.int64)
    for r in range(rings):
        offsets[r] = _i32(data, begin + 44 + 4 * r)
        if offsets[r] < 0 or offsets[r] >= points or (r and offsets[r] <= offsets[r - 1]):
            return nothing
    offsets[rings] = points
    start = begin + 44 + 4 * rings
    doubles = data[start : start + 16 * points].view(np.float64)
    x, y = np.empty(points), np.empty(points)
    for k in range(points):
        x[k], y[k] = doubles[2 * k], doubles[2 * k + 1]
    return x, y, offsets


@nb.njit(cache=True, nogil=True)
def _owners(x: Floats, y: Floats, offsets: Integers) -> Integers:
    """Of each ring the shell it is a hole of, `_SHELL` or `_STRAY`; all shells where none is clockwise."""
    n = len(offsets) - 1
    owner = np.full(n, _SHELL, dtype=np.int64)
    turns = np.empty(n)
    some = False
    for r in range(n):
        i, j = offsets[r], offsets[r + 1] - 1
        doubled = 0.0
        for k in range(i, j):
            doubled += (x[k] - x[i]) * (y[k + 1] - y[i]) - (x[k + 1] - x[i]) * (y[k] - y[i])
        turns[r] = doubled
        some |= doubled < 0
    if not some:
        return owner
    for r in range(n):
        if not turns[r] > 0:
            continue
        owner[r] = _STRAY
        for s in range(n):
            if turns[s] < 0 and _inside(x, y, offsets, r, s):
                owner[r] = s
                break
    return owner


@nb.njit(cache=True, nogil=True)
def _inside(x: Floats, y: Floats, offsets: Integers, hole: int, shell: int) -> bool:
    """By the first vertex of the hole that does not lie on the shell; a hole all on it is inside."""
    for k in range(offsets[hole], offsets[hole + 1]):
        where = located(x[k], y[k], x, y, offsets[shell], offsets[shell + 1] - 1)
        if where != 0:
            return where > 0
    return True


@nb.njit(cache=True, nogil=True)
def _suspect(data: Bytes, records: Integers) -> NDArray[np.bool_]:
    """Records with a hole in no shell."""
    out = np.zeros(len(records), dtype=np.bool_)
    for g in range(len(records)):
        begin, size = records[g, 0], records[g, 1]
        if size < 44 or _i32(data, begin + 36) < 2:
            continue
        x, y, offsets = _rings(data, begin, size)
        owner = _owners(x, y, offsets)
        for r in range(len(owner)):
            out[g] |= owner[r] == _STRAY
    return out
