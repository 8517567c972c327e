"""The edges of one polygon that matter inside a frame, clipped to it.

The overlay integral (see `kernel`) asks, for a frame, only for the *heights* of edges above the frame's southern side:
what lies below counts as height zero and is dropped, what lies above counts as the frame's full height. So a polygon's
boundary becomes a list of rows

    x1, x2, y1, y2, slope, sign          0 ≤ x1 < x2 ≤ width, 0 ≤ y ≤ height, y = y1 + slope · (x − x1)

in coordinates relative to the frame's south-western corner. The sign is +1 for an edge with the polygon below it and −1
for one with the polygon above it; vertical edges have no width and drop out. An edge is always walked from west to
east, so that two polygons that share an edge get it with the same digits. Rows stand upright in their array, (6, room):
what is alike lies together, and several are computed at once.

Most edges lie outside the frame. They are sorted out first, in a loop without branches: a processor guesses wrong about
edges half of the time, and a wrong guess costs more than the comparison. For long boundaries `reaches` keeps, for every
64 consecutive edges, from where to where they go and how far north, so that most of them are not even looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jintu.kernel.compiled import compiled
from jintu.kernel.flat import Floats, Integers, Rings

__all__ = ["COLUMNS", "RUN", "Side", "collect", "covers", "reaches"]

COLUMNS = 6
RUN = 64


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
def _outside(x: float, y: float, west: float, south: float, east: float) -> np.uint8:
    """On which sides of the frame a point lies, a bit for each. An edge whose ends share a side stays outside."""
    one, two = np.uint8(1), np.uint8(2)
    return np.uint8(x <= west) | np.uint8(x >= east) << one | np.uint8(y <= south) << two


@compiled
def _near(side: Side, g: int, west: float, south: float, east: float, found: Integers) -> int:
    """First vertices of the edges of geometry g that may matter to a frame, into ``found``; how many there are."""
    x, y = side.x, side.y
    n = 0
    for ring in range(side.starts[g], side.starts[g + 1]):
        k, end = side.ends[ring], side.ends[ring + 1] - 1
        while k < end:
            stop = min(end, k - k % RUN + RUN)
            if stop - k == RUN:
                run = k // RUN
                if side.runs[run, 1] <= west or side.runs[run, 0] >= east or side.runs[run, 2] <= south:
                    k = stop
                    continue
            here = _outside(x[k], y[k], west, south, east)
            for i in range(k, stop):
                there = _outside(x[i + 1], y[i + 1], west, south, east)
                found[n] = i
                n += (here & there) == 0
                here = there
            k = stop
    return n


@compiled
def collect(
    side: Side, g: int, west: float, south: float, width: float, height: float, near: Integers, out: Floats
) -> tuple[int, bool]:
    """Rows of geometry g inside a frame, written to ``out``; (how many, whether any edge enters the frame).

    ``near`` is scratch with room for one number, ``out`` with room for two rows for each vertex of g. When no edge
    enters, the polygon has all of the frame or nothing of it: `covers` tells which.
    """
    return _clip(side.x, side.y, near, _near(side, g, west, south, west + width, near), west, south, width, height, out)


@compiled(error_model="numpy")
def _clip(
    x: Floats,
    y: Floats,
    near: Integers,
    count: int,
    west: float,
    south: float,
    width: float,
    height: float,
    out: Floats,
) -> tuple[int, bool]:
    n, enters = 0, False
    for e in range(count):
        k = near[e]
        x1, x2 = x[k] - west, x[k + 1] - west
        y1, y2 = y[k] - south, y[k + 1] - south
        if x1 == x2:  # no height to integrate, but the polygon ends here
            enters = enters or y1 < height or y2 < height
            continue
        sign = -1.0
        if x1 > x2:
            x1, x2, y1, y2, sign = x2, x1, y2, y1, 1.0
        slope = (y2 - y1) / (x2 - x1)
        if x1 < 0:
            x1, y1 = 0.0, y1 - slope * x1
        if x2 > width:
            x2, y2 = width, y2 - slope * (x2 - width)
        if y1 <= 0 and y2 <= 0:
            continue
        if y1 >= height and y2 >= height:
            n = _put_above(out, n, x1, x2, height, sign)
            continue
        enters = True
        if y1 < 0:
            x1, y1 = min(x1 - y1 / slope, x2), 0.0
        elif y2 < 0:
            x2, y2 = max(x2 - y2 / slope, x1), 0.0
        if y1 > height:
            middle = min(x1 + (height - y1) / slope, x2)
            n = _put_above(out, n, x1, middle, height, sign)
            x1, y1 = middle, height
        elif y2 > height:
            middle = max(x2 + (height - y2) / slope, x1)
            n = _put_above(out, n, middle, x2, height, sign)
            x2, y2 = middle, height
        n = _put(out, n, x1, x2, y1, y2, slope, sign)
    return n, enters


@compiled
def _put(out: Floats, n: int, x1: float, x2: float, y1: float, y2: float, slope: float, sign: float) -> int:
    """Write a row; it counts when it has some width."""
    out[0, n], out[1, n], out[2, n], out[3, n], out[4, n], out[5, n] = x1, x2, y1, y2, slope, sign
    return n + int(x1 < x2)


@compiled
def _put_above(out: Floats, n: int, x1: float, x2: float, height: float, sign: float) -> int:
    """Write a row at the frame's full height, or make the row before longer: a boundary above the frame is one row."""
    if n and out[2, n - 1] == height and out[3, n - 1] == height and out[5, n - 1] == sign:
        if out[1, n - 1] == x1:
            out[1, n - 1] = x2
            return n
        if out[0, n - 1] == x2:
            out[0, n - 1] = x1
            return n
    return _put(out, n, x1, x2, height, height, 0.0, sign)


@compiled
def covers(rows: Floats, n: int, width: float) -> bool:
    """Whether a polygon of which no edge enters the frame has all of it: the winding number over the middle."""
    middle, winding = 0.5 * width, 0.0
    for k in range(n):
        if rows[0, k] <= middle < rows[1, k]:
            winding += rows[5, k]
    return winding > 0.5
