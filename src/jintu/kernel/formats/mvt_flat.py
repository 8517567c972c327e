"""The compiled part of `jintu.kernel.formats.mvt`: polygons of flat arrays as commands, features as bytes.

Nearly all patches of a tile lie inside it and stay simple when their vertices are rounded: those are turned into
commands here, some thirty times faster than through Shapely. What crosses the tile's edge, has several parts, or
touches itself on the grid is left to GEOS. The test is stricter than OGC validity (no ring may touch itself or another
one), so that nothing passes that GEOS would have had to mend, and both ways give the same bytes.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Rings

__all__ = ["LEFT", "NOTHING", "WRITTEN", "commands", "features"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NOTHING, WRITTEN, LEFT = 0, 1, 2
"""A polygon shows nothing, is written, or is left to GEOS."""
MOST_VERTICES = 1024
"""Every pair of edges is looked at: beyond, GEOS with its index is no slower."""


@nb.njit(cache=True, nogil=True)
def commands(
    rings: Rings, parts: Integers, low: float, high: float, numbers: Integers, begins: Integers, states: Integers
) -> None:
    """Commands of polygons in tile units (y down) that lie between ``low`` and ``high``.

    ``parts``: polygons of each geometry, int64 (n,); ``numbers``: room for 2 × vertices + 3 × rings; ``begins``
    (n + 1,) receives the offsets of each geometry's commands, ``states`` (n,) what became of it.
    """
    px, py = np.empty(MOST_VERTICES, dtype=np.int64), np.empty(MOST_VERTICES, dtype=np.int64)
    at = 0
    for g in range(len(parts)):
        begins[g] = at
        first, last = rings.ends[rings.starts[g]], rings.ends[rings.starts[g + 1]]
        states[g] = _where(rings.x[first:last], rings.y[first:last], low, high)
        if states[g] != WRITTEN:
            continue
        if parts[g] != 1 or last - first > MOST_VERTICES:
            states[g] = LEFT
            continue
        count = rings.starts[g + 1] - rings.starts[g]
        starts = np.empty(count + 1, dtype=np.int64)
        states[g] = _rounded(rings, rings.starts[g], px, py, starts)
        if states[g] == WRITTEN:
            at = _written(px, py, starts, numbers, at)
    begins[len(parts)] = at


@nb.njit(cache=True, nogil=True)
def _where(x: Floats, y: Floats, low: float, high: float) -> int:
    west = south = np.inf
    east = north = -np.inf
    for k in range(len(x)):
        west, east = min(west, x[k]), max(east, x[k])
        south, north = min(south, y[k]), max(north, y[k])
    if not (west <= high and south <= high and east >= low and north >= low):
        return NOTHING
    return WRITTEN if west >= low and south >= low and east <= high and north <= high else LEFT


@nb.njit(cache=True, nogil=True)
def _rounded(rings: Rings, first: int, px: Integers, py: Integers, starts: Integers) -> int:
    """The rings of one polygon on the grid, open, without repeated points, turned as the format wants them."""
    n = 0
    area: Any = 0
    for r in range(len(starts) - 1):
        starts[r] = n
        i, j = rings.ends[first + r], rings.ends[first + r + 1] - 1
        doubled: Any = 0
        for k in range(i, j):
            ax, ay = np.int64(np.rint(rings.x[k])), np.int64(np.rint(rings.y[k]))
            bx, by = np.int64(np.rint(rings.x[k + 1])), np.int64(np.rint(rings.y[k + 1]))
            doubled += ax * by - bx * ay
        area += doubled if r == 0 else (abs(doubled) if area < 0 else -abs(doubled))
        back = (doubled > 0) != (r == 0)
        for k in range(j - i):  # the closing point is the first one
            m = j - k if back else i + k
            x, y = np.int64(np.rint(rings.x[m])), np.int64(np.rint(rings.y[m]))
            if n == starts[r] or x != px[n - 1] or y != py[n - 1]:
                px[n], py[n] = x, y
                n += 1
        while n > starts[r] + 1 and px[n - 1] == px[starts[r]] and py[n - 1] == py[starts[r]]:
            n -= 1
        if n - starts[r] < 3 or doubled == 0:
            return LEFT
    starts[-1] = n
    if abs(area) < 1:
        return NOTHING
    return WRITTEN if _simple(px, py, starts) and _nested(px, py, starts) else LEFT


@nb.njit(cache=True, nogil=True)
def _simple(px: Integers, py: Integers, starts: Integers) -> bool:
    """Whether no two edges have a point in common but the one that neighbours share."""
    for r in range(len(starts) - 1):
        for i in range(starts[r], starts[r + 1]):
            j = i + 1 if i + 1 < starts[r + 1] else starts[r]
            ax, ay, bx, by = px[i], py[i], px[j], py[j]
            west, east = min(ax, bx), max(ax, bx)
            south, north = min(ay, by), max(ay, by)
            for s in range(r, len(starts) - 1):
                for k in range(max(i + 1, starts[s]), starts[s + 1]):
                    m = k + 1 if k + 1 < starts[s + 1] else starts[s]
                    cx, cy, dx, dy = px[k], py[k], px[m], py[m]
                    if min(cx, dx) > east or max(cx, dx) < west or min(cy, dy) > north or max(cy, dy) < south:
                        continue
                    if k == j:  # one after the other: they may not run back over each other
                        if _turn(ax, ay, bx, by, dx, dy) == 0 and (bx - ax) * (dx - bx) + (by - ay) * (dy - by) < 0:
                            return False
                    elif m == i:
                        if _turn(cx, cy, ax, ay, bx, by) == 0 and (ax - cx) * (bx - ax) + (ay - cy) * (by - ay) < 0:
                            return False
                    elif (
                        _turn(ax, ay, bx, by, cx, cy) * _turn(ax, ay, bx, by, dx, dy) <= 0
                        and _turn(cx, cy, dx, dy, ax, ay) * _turn(cx, cy, dx, dy, bx, by) <= 0
                    ):
                        return False
    return True


@nb.njit(cache=True, nogil=True)
def _turn(ax: int, ay: int, bx: int, by: int, cx: int, cy: int) -> int:
    """1 when c lies on one side of the line from a to b, −1 on the other, 0 on it."""
    cross = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    return 1 if cross > 0 else (-1 if cross < 0 else 0)


@nb.njit(cache=True, nogil=True)
def _nested(px: Integers, py: Integers, starts: Integers) -> bool:
    """Whether holes, which touch nothing, lie in the shell and not in one another."""
    for r in range(1, len(starts) - 1):
        for s in range(len(starts) - 1):
            if s != r and _inside(px[starts[r]], py[starts[r]], px, py, starts[s], starts[s + 1]) != (s == 0):
                return False
    return True


@nb.njit(cache=True, nogil=True)
def _inside(x: int, y: int, px: Integers, py: Integers, first: int, last: int) -> bool:
    inside = False
    m = last - 1
    for k in range(first, last):
        if (py[k] > y) != (py[m] > y):
            turn = _turn(px[k], py[k], px[m], py[m], x, y)
            if (turn > 0) == (py[m] > py[k]):
                inside = not inside
        m = k
    return inside


@nb.njit(cache=True, nogil=True)
def _written(px: Integers, py: Integers, starts: Integers, numbers: Integers, at: int) -> int:
    x: Any = 0
    y: Any = 0
    for r in range(len(starts) - 1):
        count = starts[r + 1] - starts[r]
        for k in range(count):
            if k == 0:
                numbers[at] = 1 | 1 << 3
                at += 1
            elif k == 1:
                numbers[at] = 2 | (count - 1) << 3
                at += 1
            dx, dy = px[starts[r] + k] - x, py[starts[r] + k] - y
            numbers[at], numbers[at + 1] = (dx << 1) ^ (dx >> 63), (dy << 1) ^ (dy >> 63)
            at += 2
            x, y = px[starts[r] + k], py[starts[r] + k]
        numbers[at] = 7 | 1 << 3
        at += 1
    return at


# --- bytes ----------


@nb.njit(cache=True, nogil=True)
def features(
    numbers: Integers,
    begins: Integers,
    counts: Integers,
    kinds: Integers,
    tags: Integers,
    tag_ends: Integers,
    ids: Integers,
) -> Any:
    """The feature messages of a layer, uint8 (bytes,).

    Feature f has the commands ``numbers[begins[f] : begins[f] + counts[f]]``, the MVT type ``kinds[f]``, the tags
    ``tags[tag_ends[f] : tag_ends[f + 1]]`` and, when ``ids`` is not empty, ``ids[f]``.
    """
    n = len(begins)
    sizes = np.empty((n, 3), dtype=np.int64)  # of the message, its tags and its geometry
    total = 0
    for f in range(n):
        tag_bytes = geometry_bytes = 0
        for k in range(tag_ends[f], tag_ends[f + 1]):
            tag_bytes += _width(tags[k])
        for k in range(begins[f], begins[f] + counts[f]):
            geometry_bytes += _width(numbers[k])
        body = 3 + _width(geometry_bytes) + geometry_bytes
        if tag_bytes:
            body += 1 + _width(tag_bytes) + tag_bytes
        if len(ids):
            body += 1 + _width(ids[f])
        sizes[f, 0], sizes[f, 1], sizes[f, 2] = body, tag_bytes, geometry_bytes
        total += 1 + _width(body) + body
    out = np.empty(total, dtype=np.uint8)
    at = 0
    for f in range(n):
        at = _put(out, _byte(out, at, 0x12), sizes[f, 0])
        if len(ids):
            at = _put(out, _byte(out, at, 0x08), ids[f])
        if sizes[f, 1]:
            at = _put(out, _byte(out, at, 0x12), sizes[f, 1])
            for k in range(tag_ends[f], tag_ends[f + 1]):
                at = _put(out, at, tags[k])
        at = _byte(out, _byte(out, _byte(out, at, 0x18), kinds[f]), 0x22)
        at = _put(out, at, sizes[f, 2])
        for k in range(begins[f], begins[f] + counts[f]):
            at = _put(out, at, numbers[k])
    return out


@nb.njit(cache=True, nogil=True)
def _width(value: int) -> int:
    width = 1
    while value > 0x7F:
        value >>= 7
        width += 1
    return width


@nb.njit(cache=True, nogil=True)
def _byte(out: Any, at: int, value: int) -> int:
    out[at] = value
    return at + 1


@nb.njit(cache=True, nogil=True)
def _put(out: Any, at: int, value: int) -> int:
    """A varint; returns where the next byte goes."""
    while value > 0x7F:
        out[at] = value & 0x7F | 0x80
        value >>= 7
        at += 1
    out[at] = value
    return at + 1
