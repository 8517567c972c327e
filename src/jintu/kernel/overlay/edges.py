"""The edges of one polygon that matter inside a frame, clipped to it.

The overlay integral (see `kernel`) asks, for a frame, only for the *heights* of edges above the frame's southern side:
what lies below counts as height zero and is dropped, what lies above counts as the frame's full height. So a polygon's
boundary becomes a list of rows

    start, end, y, slope          0 ≤ start, end ≤ width; height y + slope · (x − min(start, end)), nowhere below 0

in coordinates relative to the frame's south-western corner. Start and end follow the ring: a polygon lies below the
edges that go west (sign +1) and above those that go east (−1). Vertical edges have no width and drop out. Heights are
always walked from west to east, so that two polygons that share an edge get it with the same digits.

Edges may rise above the frame: the lower of two counts, and only one polygon has any to the north of the overlap of two
boxes. Those that lie above it altogether are as good as level with it, and what follows one another is one row.

A processor guesses wrong about edges half of the time, and a wrong guess costs more than to compute a row. So no step
has a branch that depends on coordinates: `_near` writes every edge and moves on when it matters, `_clip` chooses
between values, several edges at once, `_append` writes rows where the next one replaces them unless they count. For
long boundaries `reaches` keeps, for every 64 consecutive edges, from where to where they go and how far north, so that
most of them are not even looked at.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jintu.kernel.compiled import compiled
from jintu.kernel.flat import Floats, Integers, Rings

__all__ = ["COLUMNS", "LANES", "RUN", "SOME", "Side", "cap", "collect", "covers", "reaches"]

COLUMNS = 5
"""Four members of a row, and one for `kernel` to note its sign."""

RUN = 64
"""Consecutive edges that are sorted out and clipped together."""

LANES = 4
"""Rows are computed so many at a time, and their number is made up to that with rows without width."""

COLUMN = RUN + LANES
"""Length of a column in the scratch for the edges of a run. That it is a constant lets the compiler see that columns
do not overlap."""

_1, _2, _3 = np.uint64(COLUMN), np.uint64(2 * COLUMN), np.uint64(3 * COLUMN)

SOME = 5 * COLUMN
"""Numbers in that scratch."""


class Side(NamedTuple):
    """One of the two layers of an overlay, as compiled functions see it."""

    x: Floats
    y: Floats
    ends: Integers
    """(rings + 1,) vertex offsets of the rings"""
    starts: Integers
    """(n + 1,) ring offsets of the geometries"""
    boxes: Floats
    """(n, 4) west, south, east, north"""
    areas: Floats
    """(n,); not a number where nobody has asked yet"""
    runs: Floats
    """(vertices / 64, 3) west, east, north of 64 consecutive edges"""
    largest: int
    """Vertices of the geometry that has most"""


@compiled
def reaches(rings: Rings, first: int, last: int, out: Floats) -> None:
    """West, east and north of the runs first … last of `RUN` consecutive edges."""
    x, y = rings.x, rings.y
    for run in range(first, last):
        west, east, north = np.inf, -np.inf, -np.inf
        for k in range(run * RUN, min((run + 1) * RUN + 1, len(x))):
            west, east, north = min(west, x[k]), max(east, x[k]), max(north, y[k])
        out[run, 0], out[run, 1], out[run, 2] = west, east, north


@compiled
def collect(
    side: Side, g: int, west: float, south: float, width: float, height: float, some: Floats, out: Floats
) -> tuple[int, bool]:
    """Rows of geometry g inside a frame, written to ``out``; (how many, whether any edge enters the frame).

    ``some`` is scratch with room for `SOME` numbers, ``out`` has room for two rows for each vertex of g. When no edge
    enters, the polygon has all of the frame or nothing of it: `covers` tells which.
    """
    n = entering = 0
    for ring in range(side.starts[g], side.starts[g + 1]):
        k, end = side.ends[ring], side.ends[ring + 1] - 1
        while k < end:
            stop = end
            if end - k > RUN:
                stop = min(end, k - k % RUN + RUN)
                if stop - k == RUN and _misses(side.runs, k // RUN, west, south, west + width):
                    k = stop
                    continue
            edges = _near(side.x, side.y, k, stop - k, west, south, width, some)
            if edges:
                entering += _clip(edges, width, height, some)
                n = _append(some, edges, out, n)
            k = stop
    return n, entering > 0


@compiled
def _misses(runs: Floats, run: int, west: float, south: float, east: float) -> bool:
    """Whether no edge of a run can matter to a frame."""
    return runs[run, 1] <= west or runs[run, 0] >= east or runs[run, 2] <= south


@compiled
def _outside(x: float, y: float, width: float) -> np.uint8:
    """On which sides of the frame a point lies, a bit for each. An edge whose ends share a side stays outside."""
    one, two = np.uint8(1), np.uint8(2)
    return np.uint8(x <= 0) | np.uint8(x >= width) << one | np.uint8(y <= 0) << two


@compiled
def _near(x: Floats, y: Floats, first: int, count: int, west: float, south: float, width: float, some: Floats) -> Any:
    """Of at most `RUN` edges those that may matter to a frame: both ends, relative to it, into four columns.

    They are made up to whole `LANES` by edges of no length. Returns how many there are, without those.
    """
    one, n, k = np.uint64(1), np.uint64(0), np.uint64(first)  # unsigned: not asked whether they count from the end
    u1, v1 = x[k] - west, y[k] - south
    here = _outside(u1, v1, width)
    for _ in range(count):
        k += one
        u2, v2 = x[k] - west, y[k] - south
        there = _outside(u2, v2, width)
        some[n], some[n + _1], some[n + _2], some[n + _3] = u1, v1, u2, v2
        n += np.uint64((here & there) == 0)
        u1, v1, here = u2, v2, there
    for e in range(LANES):
        pad = n + np.uint64(e)
        some[pad] = some[pad + _1] = some[pad + _2] = some[pad + _3] = 0.0
    return np.int64(n)


@compiled(error_model="numpy")
def _clip(edges: int, width: float, height: float, some: Floats) -> int:
    """Turn the edges of `_near` into rows, in place, with a fifth column: 1 for a row inside the frame, 2 for one above
    it, 0 for none. Returns how many edges enter the frame, vertical ones among them.
    """
    entering = 0
    for e in range(-(-edges // LANES) * LANES):
        u1, v1, u2, v2 = some[e], some[COLUMN + e], some[2 * COLUMN + e], some[3 * COLUMN + e]
        x1, x2 = min(u1, u2), max(u1, u2)
        y1, y2 = v1 if u1 <= u2 else v2, v2 if u1 <= u2 else v1
        wide = x2 - x1
        slope = (y2 - y1) / (wide if wide > 0 else 1.0)
        left, right = max(x1, 0.0), min(x2, width)
        y1, y2 = y1 + slope * (left - x1), y2 + slope * (right - x2)
        inside = (max(y1, y2) > 0) & (min(y1, y2) < height)
        above = min(y1, y2) >= height
        entering += 1 if inside else 0
        zero = left - y1 / slope if y1 < y2 else right - y2 / slope
        zero = min(max(zero, left), right)  # where the edge comes up from below the frame, or goes down
        left = zero if (y1 < 0) & (y2 > 0) else left
        right = zero if (y2 < 0) & (y1 > 0) else right
        there = (wide > 0) & (left < right) & (inside | above)
        some[e], some[COLUMN + e] = left if u1 <= u2 else right, right if u1 <= u2 else left
        some[2 * COLUMN + e] = height if above else max(y1, 0.0)
        some[3 * COLUMN + e] = 0.0 if above else slope
        some[4 * COLUMN + e] = (2.0 if above else 1.0) if there else 0.0
    return entering


@compiled
def _append(some: Floats, edges: int, out: Floats, n: int) -> Any:
    """Put the rows of `_clip` behind n others; how many there are then. One above the frame that goes on where the one
    before ended only moves its end: the signs of what the path covers twice cancel.
    """
    m = np.uint64(n)
    last_end, last_above = np.nan, False
    for e in range(edges):
        start, end, kind = some[e], some[COLUMN + e], some[4 * COLUMN + e]
        above = kind > 1.0
        out[0, m] = start
        m -= np.uint64(above & last_above & (start == last_end))
        out[1, m], out[2, m], out[3, m] = end, some[2 * COLUMN + e], some[3 * COLUMN + e]
        m += np.uint64(kind > 0.0)
        last_end, last_above = end, above
    return np.int64(m)


@compiled
def cap(rows: Floats, n: int, height: float) -> int:
    """Cut rows where they leave the frame to the north, from where on they are at its full height; how many there are.

    Only one polygon can have edges to the north of the overlap of two boxes, and the lower of two edges counts: so this
    is for frames that end before the boxes do.
    """
    for k in range(n):
        start, end, y, slope = rows[0, k], rows[1, k], rows[2, k], rows[3, k]
        west, east = min(start, end), max(start, end)
        if slope == 0.0 or max(y, y + slope * (east - west)) <= height:
            continue
        middle = min(max(west + (height - y) / slope, west), east)
        high_starts = (slope > 0) == (start > end)
        rows[0, n], rows[1, n] = (start, middle) if high_starts else (middle, end)
        rows[2, n], rows[3, n] = height, 0.0
        rows[0, k], rows[1, k] = (middle, end) if high_starts else (start, middle)
        if slope < 0:
            rows[2, k] = height
        n += 1
    return n


@compiled
def covers(rows: Floats, n: int, width: float) -> bool:
    """Whether a polygon of which no edge enters the frame has all of it: the winding number over the middle."""
    middle, winding = 0.5 * width, 0
    for k in range(n):
        winding += int(rows[1, k] <= middle) - int(rows[0, k] <= middle)
    return winding > 0
