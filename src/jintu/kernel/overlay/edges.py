"""The edges of one polygon that matter inside a frame, clipped to it.

The overlay integral (see `kernel`) asks, for a frame, only for the *heights* of edges above the frame's southern side:
what lies below counts as height zero and is dropped, what lies above counts as the frame's full height. So a polygon's
boundary becomes a list of rows

    x1, x2, y1, y2, slope, sign          0 ≤ x1 < x2 ≤ width, 0 ≤ y ≤ height, y = y1 + slope · (x − x1)

in coordinates relative to the frame's south-western corner. The sign is +1 for an edge with the polygon below it and −1
for one with the polygon above it; vertical edges have no width and drop out. An edge is always walked from west to
east, so that two polygons that share an edge get it with the same digits.

Long boundaries are not read in full: `skips` keeps, for every 16 and every 256 consecutive edges, from where to where
they reach and how far north, and `collect` steps over runs that cannot matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from jintu.kernel.flat import Floats, Integers, Rings

__all__ = ["COLUMNS", "Side", "collect", "covers", "skips"]

COLUMNS = 6
RUN = 16
LONG_RUN = 256


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
    """(n,)"""
    runs: Floats
    """(vertices / 16, 3) west, east, north of 16 consecutive edges"""
    long_runs: Floats
    """(vertices / 256, 3) the same of 256"""


@nb.njit(cache=True, nogil=True)
def skips(rings: Rings, length: int, first: int, last: int, out: Floats) -> None:
    """West, east and north of the runs first … last of ``length`` consecutive edges."""
    x, y = rings.x, rings.y
    for run in range(first, last):
        west, east, north = np.inf, -np.inf, -np.inf
        for k in range(run * length, min((run + 1) * length + 1, len(x))):
            west, east, north = min(west, x[k]), max(east, x[k]), max(north, y[k])
        out[run, 0], out[run, 1], out[run, 2] = west, east, north


@nb.njit(cache=True, nogil=True)
def _misses(runs: Floats, k: int, west: float, east: float, south: float) -> bool:
    return runs[k, 1] <= west or runs[k, 0] >= east or runs[k, 2] <= south


@nb.njit(cache=True, nogil=True)
def collect(
    side: Side, g: int, west: float, south: float, width: float, height: float, out: Floats
) -> tuple[int, bool]:
    """Rows of geometry g inside a frame, written to ``out``; (how many, whether any edge enters the frame).

    ``out`` needs two rows for each vertex of g. When no edge enters, the polygon has all of the frame or nothing of
    it: `covers` tells which.
    """
    x, y = side.x, side.y
    east, n, enters = west + width, 0, False
    for ring in range(side.starts[g], side.starts[g + 1]):
        k, end = side.ends[ring], side.ends[ring + 1] - 1
        while k < end:
            if k % LONG_RUN == 0 and k + LONG_RUN <= end and _misses(side.long_runs, k // LONG_RUN, west, east, south):
                k += LONG_RUN
                continue
            if k % RUN == 0 and k + RUN <= end and _misses(side.runs, k // RUN, west, east, south):
                k += RUN
                continue
            x1, x2 = x[k] - west, x[k + 1] - west
            y1, y2 = y[k] - south, y[k + 1] - south
            k += 1
            if (y1 <= 0 and y2 <= 0) or (x1 <= 0 and x2 <= 0) or (x1 >= width and x2 >= width):
                continue
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
                n = _put(out, n, x1, x2, height, height, 0.0, sign)
                continue
            enters = True
            if y1 < 0:
                x1, y1 = min(x1 - y1 / slope, x2), 0.0
            elif y2 < 0:
                x2, y2 = max(x2 - y2 / slope, x1), 0.0
            if y1 > height:
                middle = min(x1 + (height - y1) / slope, x2)
                n = _put(out, n, x1, middle, height, height, 0.0, sign)
                x1, y1 = middle, height
            elif y2 > height:
                middle = max(x2 + (height - y2) / slope, x1)
                n = _put(out, n, middle, x2, height, height, 0.0, sign)
                x2, y2 = middle, height
            n = _put(out, n, x1, x2, y1, y2, slope, sign)
    return n, enters


@nb.njit(cache=True, nogil=True)
def _put(out: Floats, n: int, x1: float, x2: float, y1: float, y2: float, slope: float, sign: float) -> int:
    if x1 >= x2:
        return n
    out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4], out[n, 5] = x1, x2, y1, y2, slope, sign
    return n + 1


@nb.njit(cache=True, nogil=True)
def covers(rows: Floats, n: int, width: float) -> bool:
    """Whether a polygon of which no edge enters the frame has all of it: the winding number over the middle."""
    middle, winding = 0.5 * width, 0.0
    for k in range(n):
        if rows[k, 0] <= middle < rows[k, 1]:
            winding += rows[k, 5]
    return winding > 0.5
