"""Area of the intersection of two polygons without constructing it.

Cut the plane into thin vertical strips. In the strip at x a polygon A is a set of intervals in y, and the length of
what A and B have in common is a sum over pairs of boundary crossings,

    length(A ∩ B at x) = Σ_a Σ_b s_a s_b min(y_a(x), y_b(x))

with s = +1 where the polygon lies below its edge and −1 where it lies above. (For one interval each, [a₁, a₂] and
[b₁, b₂], this is the identity min(a₂, b₂) − min(a₂, b₁) − min(a₁, b₂) + min(a₁, b₁).) Integrated over x, every pair of
edges contributes the integral of a minimum of two straight lines; on the ellipsoid min(…) goes through the authalic
area function, whose local series has a closed integral under a straight edge (`jintu.kernel.area.authalic`).

So there is nothing to construct, no topology to keep, and no tolerance: touching, shared, collinear and identical edges
are ordinary cases whose contributions cancel. Rings must be oriented (`Polygons` sees to that) and valid.

Before any integral, the frame (the overlap of the two boxes) settles most pairs: where no edge of A enters the frame, A
has all of it or nothing.
"""

from __future__ import annotations

import numpy as np

from jintu.kernel.area.authalic import Series, area, mean_height, moved, series
from jintu.kernel.compiled import compiled
from jintu.kernel.flat import Floats, Integers
from jintu.kernel.overlay.edges import COLUMNS, LANES, SOME, Side, cap, collect, covers

__all__ = ["BAND", "pair_areas"]

BAND = 0.25
"""Degrees of latitude one series is used for; taller frames are summed in bands. Keeps its error below 3e-12."""

_STEP = 1 / 128
"""Degrees of latitude from one series computed to the next; between them it is moved. Neighbours share one."""

_SWEEP_FROM = 2500
"""Pairs of edges from which sorting both lists pays."""


def pair_areas(
    left: Side, right: Side, lefts: Integers, rights: Integers, first: int, last: int, planar: bool, out: Floats
) -> None:
    """Area of left[lefts[k]] ∩ right[rights[k]] into out[k], for k from first to last."""
    room_a, room_b = 2 * left.largest + LANES, 2 * right.largest + LANES
    a, b = np.empty((COLUMNS, room_a)), np.empty((COLUMNS, room_b))
    near = np.empty((4, max(room_a, room_b)), dtype=np.int64)
    sums = np.empty(max(room_a, room_b, SOME))
    _pair_areas(left, right, lefts, rights, first, last, planar, out, a, b, near, sums, np.full(5, np.nan))


@compiled(error_model="numpy")
def _pair_areas(
    left: Side,
    right: Side,
    lefts: Integers,
    rights: Integers,
    first: int,
    last: int,
    planar: bool,
    out: Floats,
    a: Floats,
    b: Floats,
    near: Integers,
    sums: Floats,
    last_series: Floats,
) -> None:
    """The same with scratch: room for two rows for each vertex, four lists of them, a number for each, a series."""
    for k in range(first, last):
        g, h = lefts[k], rights[k]
        west, east = max(left.boxes[g, 0], right.boxes[h, 0]), min(left.boxes[g, 2], right.boxes[h, 2])
        south, north = max(left.boxes[g, 1], right.boxes[h, 1]), min(left.boxes[g, 3], right.boxes[h, 3])
        width, height = east - west, north - south
        if width <= 0 or height <= 0:
            out[k] = 0.0
        elif planar or height < BAND:
            out[k] = _frame(left, g, right, h, west, south, width, height, True, planar, a, b, near, sums, last_series)
        else:
            out[k] = _bands(left, g, right, h, west, south, width, height, a, b, near, sums, last_series)


@compiled(error_model="numpy", inline="always")
def _frame(
    left: Side,
    g: int,
    right: Side,
    h: int,
    west: float,
    south: float,
    width: float,
    height: float,
    all_there: bool,
    planar: bool,
    a: Floats,
    b: Floats,
    near: Integers,
    sums: Floats,
    last_series: Floats,
) -> float:
    """Area in common within one frame; ``all_there`` when it is the whole overlap of the boxes.

    Part of `pair_areas` itself: to hand on two layers' arrays costs as much as a sixth of the answer.
    """
    m, a_enters = collect(left, g, west, south, width, height, sums, a)
    if not a_enters:
        if not covers(a, m, width):
            return 0.0
        if all_there and _is_box(right.boxes, h, west, south, width, height):
            return _whole(right, h, planar)
    n, b_enters = collect(right, h, west, south, width, height, sums, b)
    if not b_enters:
        if not covers(b, n, width):
            return 0.0
        if all_there and _is_box(left.boxes, g, west, south, width, height):
            return _whole(left, g, planar)
    if not all_there:
        m, n = cap(a, m, height), cap(b, n, height)
    c = _series(south, planar, last_series)
    if m * n < _SWEEP_FROM:
        return _every_pair(a, m, b, n, c, sums) if m < n else _every_pair(b, n, a, m, c, sums)
    return _sweep(a, m, b, n, c, near)


@compiled(error_model="numpy")
def _bands(
    left: Side,
    g: int,
    right: Side,
    h: int,
    west: float,
    south: float,
    width: float,
    height: float,
    a: Floats,
    b: Floats,
    near: Integers,
    sums: Floats,
    last_series: Floats,
) -> float:
    """The same for a frame too tall for one series, in bands."""
    bands = int(height / BAND) + 1
    height /= bands
    total = 0.0
    for band in range(bands):
        low = south + band * height
        total += _frame(left, g, right, h, west, low, width, height, False, False, a, b, near, sums, last_series)
    return total


@compiled
def _series(latitude: float, planar: bool, last: Floats) -> Series:
    """The series about ``latitude``; ``last`` keeps its step's, (5,), and what it held before makes no difference."""
    if planar:
        return 0.5, 0.0, 0.0, 0.0
    step = np.floor(latitude / _STEP) * _STEP
    if last[0] != step:
        last[0] = step
        last[1], last[2], last[3], last[4] = series(step, False)
    return moved((last[1], last[2], last[3], last[4]), latitude - step)


@compiled
def _whole(side: Side, g: int, planar: bool) -> float:
    """Area of a whole geometry, computed when it is first needed. Two threads may both do so: they write the same."""
    if np.isnan(side.areas[g]):
        side.areas[g] = area(side, g, planar)
    return side.areas[g]


@compiled
def _is_box(boxes: Floats, g: int, west: float, south: float, width: float, height: float) -> bool:
    """Whether the overlap of two boxes is the whole box of g: then its sides are those numbers, to the last digit."""
    wide, high = boxes[g, 2] - boxes[g, 0], boxes[g, 3] - boxes[g, 1]
    return boxes[g, 0] == west and boxes[g, 1] == south and wide == width and high == height


@compiled(error_model="numpy", inline="always")
def _strip(x1: float, x2: float, y: float, slope: float, b: Floats, j: int, c: Series) -> float:
    """∫ F(min) dx over the x that an edge of A (x1 to x2, from height y) shares with edge b[j]; 0 if they share none.

    Choices are made between values, not between ways: so several j are computed at once.
    """
    b_west, b_east = min(b[0, j], b[1, j]), max(b[0, j], b[1, j])
    left, right = max(x1, b_west), min(x2, b_east)
    a1, a2 = y + slope * (left - x1), y + slope * (right - x1)
    b1, b2 = b[2, j] + b[3, j] * (left - b_west), b[2, j] + b[3, j] * (right - b_west)
    d1, d2, width = a1 - b1, a2 - b2, right - left
    low1, low2 = min(a1, b1), min(a2, b2)
    cross = d1 * d2 < 0  # else one is the lower all the way, and it is not asked which
    share = d1 / (d1 - d2)
    crossing = a1 + (a2 - a1) * share if cross else low2
    before = width * share if cross else width
    whole = before * mean_height(low1, crossing, c) + (width - before) * mean_height(crossing, low2, c)
    return whole if width > 0 else 0.0


@compiled(error_model="numpy")
def _every_pair(a: Floats, m: int, b: Floats, n: int, c: Series, sums: Floats) -> float:
    """The sum for short lists, of all edges with all.

    One edge of the shorter list after the other with those of the longer, for which the sums are kept apart: so the
    inner loop has no branch and no sum of its own, and runs `LANES` at a time. Three strips of four are computed for
    nothing, where the edges share no x; to find out which costs more.
    """
    lanes = -(-n // LANES) * LANES
    for j in range(n, lanes):
        b[0, j] = b[1, j] = b[2, j] = b[3, j] = 0.0
    for j in range(lanes):
        sums[j] = 0.0
    for i in range(m):
        start, end, y, slope = a[0, i], a[1, i], a[2, i], a[3, i]
        x1, x2, sign = min(start, end), max(start, end), (1.0 if start > end else -1.0)
        for j in range(lanes):
            sums[j] += sign * _strip(x1, x2, y, slope, b, j, c)
    total = 0.0
    for j in range(n):
        total += sums[j] if b[0, j] > b[1, j] else -sums[j]
    return total


@compiled
def _sweep(a: Floats, m: int, b: Floats, n: int, c: Series, near: Integers) -> float:
    """The same sum for long lists: west to east, each edge with those of the other side that are open at its start."""
    a_order, b_order, a_open, b_open = near[0], near[1], near[2], near[3]
    _upright(a, m)
    _upright(b, n)
    _by_start(a, m, a_order)
    _by_start(b, n, b_order)
    p = q = a_count = b_count = 0
    total = 0.0
    while p < m or q < n:
        if q == n or (p < m and a[0, a_order[p]] <= b[0, b_order[q]]):
            i = a_order[p]
            p += 1
            b_count = _close(b, b_open, b_count, a[0, i])
            for k in range(b_count):
                total += a[4, i] * b[4, b_open[k]] * _strip(a[0, i], a[1, i], a[2, i], a[3, i], b, b_open[k], c)
            a_open[a_count] = i
            a_count += 1
        else:
            j = b_order[q]
            q += 1
            a_count = _close(a, a_open, a_count, b[0, j])
            for k in range(a_count):
                i = a_open[k]
                total += a[4, i] * b[4, j] * _strip(a[0, i], a[1, i], a[2, i], a[3, i], b, j, c)
            b_open[b_count] = j
            b_count += 1
    return total


@compiled
def _upright(rows: Floats, n: int) -> None:
    """Turn rows from west to east, with their sign as fifth member."""
    for k in range(n):
        rows[4, k] = 1.0 if rows[0, k] > rows[1, k] else -1.0
        rows[0, k], rows[1, k] = min(rows[0, k], rows[1, k]), max(rows[0, k], rows[1, k])


@compiled
def _by_start(rows: Floats, n: int, order: Integers) -> None:
    """Indices of rows from west to east by where they begin, equal ones as they stand (Shell's sort)."""
    for k in range(n):
        order[k] = k
    gap = 1
    while gap < n // 9:
        gap = 3 * gap + 1
    while gap:
        for k in range(gap, n):
            row, place = order[k], k
            x = rows[0, row]
            while place >= gap:
                other = order[place - gap]
                if rows[0, other] < x or (rows[0, other] == x and other < row):
                    break
                order[place] = other
                place -= gap
            order[place] = row
        gap //= 3


@compiled
def _close(rows: Floats, opened: Integers, count: int, x: float) -> int:
    """Forget the edges that end at or before x; returns how many are left."""
    kept = 0
    for k in range(count):
        if rows[1, opened[k]] > x:
            opened[kept] = opened[k]
            kept += 1
    return kept
