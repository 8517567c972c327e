"""Whether polygons are valid in the sense of OGC Simple Features, decided exactly as GEOS decides it, but with all that
is wrong and where it is.

Every pair of edges of a polygon whose boxes meet is looked at once (edges are swept along the longer side of the
polygon). Two edges may meet only in an end they share; rings may touch in single points as long as the inside stays in
one piece. Then holes must lie in their shell and apart from one another, and parts apart. No tolerance is used: the
coordinates are taken as they are.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from jintu.kernel.flat import Floats, Integers, Polygons, in_parallel, split
from jintu.kernel.topology.cancelling import Arrays
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.predicates import crosses_at, edge_meets_ray, located, turn

__all__ = ["MOST", "invalid_rows", "validity"]

MOST = 64
"""Defects told of one polygon; a scribble has thousands and one is enough to see it."""

_NOT_FINITE, _UNCLOSED, _TOO_FEW = int(Kind.NOT_FINITE), int(Kind.UNCLOSED), int(Kind.TOO_FEW_POINTS)
_CROSSING, _TOUCH = int(Kind.SELF_CROSSING), int(Kind.SELF_TOUCH)
_OUTSIDE, _NESTED_HOLES = int(Kind.HOLE_OUTSIDE), int(Kind.NESTED_HOLES)
_NESTED_PARTS, _SPLIT = int(Kind.NESTED_PARTS), int(Kind.SPLIT_INTERIOR)

MANY = 16
"""Holes, and edges of a shell, from which on the shell is looked at by bands."""

COLUMNS = 9  # kind, geometry, ring, vertex, other ring, other vertex, x, y, measure


def validity(polygons: Polygons, rows: Any = None, threads: int | None = None) -> Defects:
    """What makes polygons invalid. Two spots where two edges or rings are concerned, the earlier first.

    ``polygons`` as delivered (`flat.from_wkb` with ``as_delivered``) or turned; ``rows`` are their numbers.
    """
    spans = split(len(polygons), threads, at_least=512, per_thread=16)
    found = in_parallel(lambda i, j: _examine(polygons.arrays, i, j), spans, threads)
    table = np.concatenate([np.empty((0, COLUMNS)), *found])
    numbers = np.arange(len(polygons)) if rows is None else np.asarray(rows, dtype=np.int64)
    return joined(_of_kind(table[table[:, 0] == kind], Kind(int(kind)), numbers) for kind in np.unique(table[:, 0]))


def invalid_rows(defects: Defects) -> Integers:
    """Rows that are not valid, ascending."""
    return np.unique(defects.of(*(kind for kind in Kind if kind.invalid)).rows)


def _of_kind(table: Floats, kind: Kind, numbers: Integers) -> Defects:
    spots = []
    for row, ring, vertex, other_ring, other_vertex in table[:, 1:6].astype(np.int64).tolist():
        number = int(numbers[row])
        one = [(number, ring, vertex)]
        if other_ring >= 0:
            one.append((number, other_ring, other_vertex))
        spots.append(one)
    return collect(kind, table[:, 6:8], spots, measure=table[:, 8])


# --- compiled ----------


@nb.njit(cache=True, nogil=True)
def _tell(
    out: Floats, n: int, kind: int, g: int, r: int, k: int, other_r: int, other_k: int, x: float, y: float, m: float
) -> tuple[Floats, int]:
    """Append a row, the earlier place first; (table, rows written)."""
    if n == len(out):
        more = np.empty((2 * n + 16, COLUMNS))
        more[:n] = out[:n]
        out = more
    if other_r >= 0 and (other_r < r or (other_r == r and other_k < k)):
        r, k, other_r, other_k = other_r, other_k, r, k
    out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = kind, g, r, k, other_r
    out[n, 5], out[n, 6], out[n, 7], out[n, 8] = other_k, x, y, m
    return out, n + 1


@nb.njit(cache=True, nogil=True)
def _examine(arrays: Arrays, first: int, last: int) -> Floats:
    """Table of what is wrong with the geometries first … last."""
    x, y, ring_offsets, polygon_offsets, geometry_offsets = arrays
    room, rings = 16, 4
    for g in range(first, last):
        r0, r1 = polygon_offsets[geometry_offsets[g]], polygon_offsets[geometry_offsets[g + 1]]
        room = max(room, ring_offsets[r1] - ring_offsets[r0])
        rings = max(rings, r1 - r0)
    px, py = np.empty(room), np.empty(room)
    vertex, ring_of = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    starts, part = np.empty(rings + 1, dtype=np.int64), np.empty(rings, dtype=np.int64)
    out, n = np.empty((0, COLUMNS)), 0
    for g in range(first, last):
        p0, p1 = geometry_offsets[g], geometry_offsets[g + 1]
        if p0 == p1:
            continue
        before = n
        out, n, count = _compact(
            x, y, ring_offsets, polygon_offsets, p0, p1, g, px, py, vertex, ring_of, starts, part, out, n
        )
        if n > before:
            continue
        out, n, touches = _contacts(px, py, vertex, ring_of, starts, part, count, g, out, n)
        if n > before or count == 1:
            continue
        out, n = _nesting(px, py, starts, part, count, g, out, n)
        if len(touches) and n == before:
            out, n = _in_one_piece(vertex, ring_of, count, touches, g, out, n)
    return out[:n]


@nb.njit(cache=True, nogil=True)
def _compact(
    x: Floats,
    y: Floats,
    ring_offsets: Integers,
    polygon_offsets: Integers,
    p0: int,
    p1: int,
    g: int,
    px: Floats,
    py: Floats,
    vertex: Integers,
    ring_of: Integers,
    starts: Integers,
    part: Integers,
    out: Floats,
    n: int,
) -> tuple[Floats, int, int]:
    """Copy the rings without repeated vertices; tell of what cannot be a ring. (table, rows, rings)."""
    v, count = 0, 0
    for p in range(p0, p1):
        for r in range(polygon_offsets[p], polygon_offsets[p + 1]):
            i, j = ring_offsets[r], ring_offsets[r + 1] - 1
            starts[count], part[count] = v, p
            bad = False
            for k in range(i, j + 1):
                if not (np.isfinite(x[k]) and np.isfinite(y[k])):
                    out, n = _tell(out, n, _NOT_FINITE, g, count, k - i, -1, -1, np.nan, np.nan, 0.0)
                    bad = True
                    break
                if k > i and x[k] == px[v - 1] and y[k] == py[v - 1]:
                    continue
                px[v], py[v], vertex[v], ring_of[v] = x[k], y[k], k - i, count
                v += 1
            if not bad:
                if x[i] != x[j] or y[i] != y[j]:
                    away = np.hypot(x[i] - x[j], y[i] - y[j])
                    out, n = _tell(out, n, _UNCLOSED, g, count, j - i, -1, -1, x[j], y[j], away)
                elif v - starts[count] < 4:
                    out, n = _tell(out, n, _TOO_FEW, g, count, 0, -1, -1, x[i], y[i], max(v - starts[count] - 1, 1))
            count += 1
    starts[count] = v
    return out, n, count


@nb.njit(cache=True, nogil=True)
def _contacts(
    px: Floats,
    py: Floats,
    vertex: Integers,
    ring_of: Integers,
    starts: Integers,
    part: Integers,
    count: int,
    g: int,
    out: Floats,
    n: int,
) -> tuple[Floats, int, Floats]:
    """Edges that meet where they must not; (table, rows, touches between rings of a part: edge, other edge, x, y)."""
    total = starts[count]
    began, met, touches = n, 0, np.empty((0, 4))
    swap = total > 48 and np.ptp(py[:total]) > np.ptp(px[:total])
    main = py if swap else px
    order = np.argsort(np.minimum(main[: total - 1], main[1:total])) if total > 48 else np.arange(total - 1)
    for a in range(len(order)):
        i = order[a]
        if ring_of[i] != ring_of[i + 1]:
            continue  # from the end of one ring to the begin of the next
        west, east = min(px[i], px[i + 1]), max(px[i], px[i + 1])
        south, north = min(py[i], py[i + 1]), max(py[i], py[i + 1])
        reach = max(main[i], main[i + 1])
        for b in range(a + 1, len(order)):
            j = order[b]
            if total > 48 and min(main[j], main[j + 1]) > reach:
                break
            if (
                max(px[j], px[j + 1]) < west
                or min(px[j], px[j + 1]) > east
                or max(py[j], py[j + 1]) < south
                or min(py[j], py[j + 1]) > north
                or ring_of[j] != ring_of[j + 1]
            ):
                continue
            kind, at_x, at_y = _meeting(px, py, ring_of, starts, i, j)
            if kind == 0:
                continue
            if kind > 0:
                out, n = _tell(out, n, kind, g, ring_of[i], vertex[i], ring_of[j], vertex[j], at_x, at_y, 0.0)
                if n - began >= MOST:
                    return out, n, touches
            elif part[ring_of[i]] == part[ring_of[j]]:
                if met == len(touches):
                    more = np.empty((2 * met + 16, 4))
                    more[:met] = touches
                    touches = more
                touches[met, 0], touches[met, 1] = min(i, j), max(i, j)
                touches[met, 2], touches[met, 3] = at_x, at_y
                met += 1
    return out, n, touches[:met]


@nb.njit(cache=True, nogil=True)
def _meeting(px: Floats, py: Floats, ring_of: Integers, starts: Integers, i: int, j: int) -> tuple[int, float, float]:
    """How edges i and j meet: (a kind, x, y); 0 when they do not or may; −1 when two rings touch."""
    ax, ay, bx, by = px[i], py[i], px[i + 1], py[i + 1]
    cx, cy, dx, dy = px[j], py[j], px[j + 1], py[j + 1]
    c, d = turn(ax, ay, bx, by, cx, cy), turn(ax, ay, bx, by, dx, dy)
    if c * d > 0:
        return 0, 0.0, 0.0
    a, b = turn(cx, cy, dx, dy, ax, ay), turn(cx, cy, dx, dy, bx, by)
    if a * b > 0:
        return 0, 0.0, 0.0
    if c * d < 0 and a * b < 0:
        share = _share(ax, ay, bx, by, cx, cy, dx, dy)
        return _CROSSING, ax + share * (bx - ax), ay + share * (by - ay)
    if c == 0 and d == 0:  # on one line: more than a point in common?
        if abs(bx - ax) >= abs(by - ay):
            low, high = max(min(ax, bx), min(cx, dx)), min(max(ax, bx), max(cx, dx))
        else:
            low, high = max(min(ay, by), min(cy, dy)), min(max(ay, by), max(cy, dy))
        if low < high:
            if abs(bx - ax) >= abs(by - ay):
                share = ((low + high) / 2 - ax) / (bx - ax)
            else:
                share = ((low + high) / 2 - ay) / (by - ay)
            return _CROSSING, ax + share * (bx - ax), ay + share * (by - ay)
    # one point, an end of at least one edge
    if (ax == cx and ay == cy) or (ax == dx and ay == dy) or (a == 0 and _within(ax, ay, cx, cy, dx, dy)):
        x, y = ax, ay
    elif (bx == cx and by == cy) or (bx == dx and by == dy) or (b == 0 and _within(bx, by, cx, cy, dx, dy)):
        x, y = bx, by
    elif c == 0 and _within(cx, cy, ax, ay, bx, by):
        x, y = cx, cy
    elif d == 0 and _within(dx, dy, ax, ay, bx, by):
        x, y = dx, dy
    else:
        return 0, 0.0, 0.0
    same = ring_of[i] == ring_of[j]
    first, last = starts[ring_of[i]], starts[ring_of[i] + 1] - 2
    if same and (abs(i - j) == 1 or (min(i, j) == first and max(i, j) == last)):
        return 0, 0.0, 0.0
    if (x == bx and y == by) or (x == dx and y == dy):
        return 0, 0.0, 0.0  # told at the edge that begins here
    before_i, before_j = _before(px, py, starts, ring_of, i, x, y), _before(px, py, starts, ring_of, j, x, y)
    if crosses_at((x, y), (px[before_i], py[before_i]), (bx, by), (px[before_j], py[before_j]), (dx, dy)):
        return _CROSSING, x, y
    return (_TOUCH, x, y) if same else (-1, x, y)


@nb.njit(cache=True, nogil=True)
def _before(px: Floats, py: Floats, starts: Integers, ring_of: Integers, i: int, x: float, y: float) -> int:
    """The vertex from which the boundary comes to the point, which lies on edge i before its end."""
    if px[i] != x or py[i] != y:
        return i
    return i - 1 if i > starts[ring_of[i]] else starts[ring_of[i] + 1] - 2


@nb.njit(cache=True, nogil=True)
def _within(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> bool:
    return min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by)


@nb.njit(cache=True, nogil=True)
def _share(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float) -> float:
    """How far along a → b it crosses c → d."""
    a = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    b = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    return a / (a - b) if a != b else 0.5


@nb.njit(cache=True, nogil=True)
def _ring_in(px: Floats, py: Floats, starts: Integers, r: int, s: int) -> int:
    """1 when ring r lies in ring s, −1 when outside: told by its first vertex that is not on s; 0 when all are."""
    for k in range(starts[r], starts[r + 1] - 1):
        where = located(px[k], py[k], px, py, starts[s], starts[s + 1] - 1)
        if where != 0:
            return where
    return 0


@nb.njit(cache=True, nogil=True)
def _bands(py: Floats, i: int, j: int) -> tuple[Integers, Integers, float, float]:
    """The edges i … j of a ring by the bands of latitude they meet, ascending in each: (edges, begin of each band,
    south, bands a unit). All together some eight times the edges, however tall these are."""
    edges = j - i
    south, tall = py[i : j + 1].min(), np.ptp(py[i : j + 1])
    heights = np.abs(py[i + 1 : j + 1] - py[i:j]).sum()
    bands = max(1, min(edges, int(7 * edges * tall / heights))) if heights > 0 else 1
    scale = bands / tall if tall > 0 else 0.0
    begins = np.zeros(bands + 1, dtype=np.int64)
    for k in range(i, j):
        low, high = min(py[k], py[k + 1]), max(py[k], py[k + 1])
        for band in range(_band(low, south, scale, bands), _band(high, south, scale, bands) + 1):
            begins[band + 1] += 1
    begins = np.cumsum(begins)
    at, held = begins.copy(), np.empty(begins[bands], dtype=np.int64)
    for k in range(i, j):
        low, high = min(py[k], py[k + 1]), max(py[k], py[k + 1])
        for band in range(_band(low, south, scale, bands), _band(high, south, scale, bands) + 1):
            held[at[band]] = k
            at[band] += 1
    return held, begins, south, scale


@nb.njit(cache=True, nogil=True)
def _band(y: float, south: float, scale: float, bands: int) -> int:
    return min(max(int((y - south) * scale), 0), bands - 1)


@nb.njit(cache=True, nogil=True)
def _ring_in_bands(px: Floats, py: Floats, starts: Integers, r: int, bands: Any) -> int:
    """`_ring_in` for a ring s of many edges, given by its `_bands`: an edge beside the point's band cannot matter."""
    held, begins, south, scale = bands
    for k in range(starts[r], starts[r + 1] - 1):
        band = _band(py[k], south, scale, len(begins) - 1)
        inside, on = False, False
        for e in held[begins[band] : begins[band + 1]]:
            met = edge_meets_ray(px[k], py[k], px[e], py[e], px[e + 1], py[e + 1])
            if met == 0:
                on = True
                break
            if met > 0:
                inside = not inside
        if not on:
            return 1 if inside else -1
    return 0


@nb.njit(cache=True, nogil=True)
def _nesting(
    px: Floats, py: Floats, starts: Integers, part: Integers, count: int, g: int, out: Floats, n: int
) -> tuple[Floats, int]:
    """Holes outside their shell or in one another, parts in one another; no two rings cross here."""
    boxes, outside = np.empty((count, 4)), np.zeros(count, dtype=np.bool_)
    for r in range(count):
        i, j = starts[r], starts[r + 1]
        boxes[r, 0], boxes[r, 1], boxes[r, 2], boxes[r, 3] = (
            px[i:j].min(),
            py[i:j].min(),
            px[i:j].max(),
            py[i:j].max(),
        )
    shell, banded = 0, False
    bands = _bands(py, starts[0], starts[0] + 1)
    for r in range(count):
        if r == 0 or part[r] != part[r - 1]:
            shell = r
            banded = r + MANY < count and part[r + MANY] == part[r] and starts[r + 1] - starts[r] > MANY
            if banded:
                bands = _bands(py, starts[r], starts[r + 1] - 1)
            for s in range(r):
                if part[s] == part[r] or (s > 0 and part[s] == part[s - 1]):
                    continue
                inside = _part_in(px, py, starts, part, boxes, r, s, count)
                if inside or _part_in(px, py, starts, part, boxes, s, r, count):
                    out, n = _tell(out, n, _NESTED_PARTS, g, r, 0, s, 0, px[starts[r]], py[starts[r]], 0.0)
            continue
        where = _ring_in_bands(px, py, starts, r, bands) if banded else _ring_in(px, py, starts, r, shell)
        if where < 0:
            outside[r] = True
            out, n = _tell(out, n, _OUTSIDE, g, r, 0, shell, 0, px[starts[r]], py[starts[r]], 0.0)
    nested = _holes_in_holes(px, py, starts, part, boxes, outside, count)
    for k in range(len(nested)):
        r, s = nested[k, 0], nested[k, 1]
        out, n = _tell(out, n, _NESTED_HOLES, g, r, 0, s, 0, px[starts[r]], py[starts[r]], 0.0)
    return out, n


@nb.njit(cache=True, nogil=True)
def _holes_in_holes(
    px: Floats,
    py: Floats,
    starts: Integers,
    part: Integers,
    boxes: Floats,
    outside: Any,
    count: int,
) -> Integers:
    """Pairs (r, s < r) of holes of a part one of which lies in the other, ascending; holes outside their shell are not
    held against those before them."""
    found, n = np.empty((0, 2), dtype=np.int64), 0
    order = np.argsort(boxes[:, 0], kind="mergesort")
    for a in range(count):
        for b in range(a + 1, count):
            r, s = max(order[a], order[b]), min(order[a], order[b])
            if boxes[order[b], 0] > boxes[order[a], 2]:
                break
            if part[r] != part[s] or outside[r] or s == 0 or part[s] != part[s - 1]:
                continue
            if boxes[r, 1] > boxes[s, 3] or boxes[r, 3] < boxes[s, 1]:
                continue
            if _ring_in(px, py, starts, r, s) > 0 or _ring_in(px, py, starts, s, r) > 0:
                if n == len(found):
                    more = np.empty((2 * n + 16, 2), dtype=np.int64)
                    more[:n] = found
                    found = more
                found[n, 0], found[n, 1] = r, s
                n += 1
    return found[np.argsort(found[:n, 0] * count + found[:n, 1])]


@nb.njit(cache=True, nogil=True)
def _part_in(
    px: Floats, py: Floats, starts: Integers, part: Integers, boxes: Floats, r: int, s: int, count: int
) -> bool:
    """Whether the shell r lies in the part of shell s, and not in one of its holes."""
    if boxes[r, 0] < boxes[s, 0] or boxes[r, 2] > boxes[s, 2] or boxes[r, 1] < boxes[s, 1] or boxes[r, 3] > boxes[s, 3]:
        return False
    if _ring_in(px, py, starts, r, s) <= 0:
        return False
    hole = s + 1
    while hole < count and part[hole] == part[s]:
        if _ring_in(px, py, starts, r, hole) > 0:
            return False
        hole += 1
    return True


@nb.njit(cache=True, nogil=True)
def _in_one_piece(
    vertex: Integers, ring_of: Integers, count: int, touches: Floats, g: int, out: Floats, n: int
) -> tuple[Floats, int]:
    """Rings that touch in a circle cut the inside in two: rings and points of contact, as a graph, must be a forest.

    Where many rings meet in one point each counts once: the touches of a point are looked at together.
    """
    m = len(touches)
    order = np.argsort(touches[:, 1], kind="mergesort")
    order = order[np.argsort(touches[order, 0], kind="mergesort")]
    touches = touches[order]
    by_place = np.argsort(touches[:, 3], kind="mergesort")
    by_place = by_place[np.argsort(touches[by_place, 2], kind="mergesort")]
    point = np.empty(m, dtype=np.int64)  # the first touch at the same place
    for k in range(m):
        t = by_place[k]
        u = by_place[k - 1]
        same = k > 0 and touches[t, 2] == touches[u, 2] and touches[t, 3] == touches[u, 3]
        point[t] = point[u] if same else t
    joins = np.empty(2 * m, dtype=np.int64)  # (ring, point) of each end, in the order of touches
    for t in range(m):
        for k in range(2):
            joins[2 * t + k] = ring_of[int(touches[t, k])] * m + point[t]
    seen = np.argsort(joins, kind="mergesort")
    again = np.zeros(2 * m, dtype=np.bool_)
    for k in range(1, 2 * m):
        again[seen[k]] = joins[seen[k]] == joins[seen[k - 1]]
    root = np.arange(count + m)  # rings, then points
    for e in range(2 * m):
        if again[e]:
            continue
        t = e // 2
        edge = int(touches[t, e % 2])
        ring = ring_of[edge]
        a, b = _root(root, ring), _root(root, count + point[t])
        if a == b:
            out, n = _tell(out, n, _SPLIT, g, ring, vertex[edge], -1, -1, touches[t, 2], touches[t, 3], 0.0)
        root[a] = b
    return out, n


@nb.njit(cache=True, nogil=True)
def _root(root: Integers, a: int) -> int:
    while root[a] != a:
        root[a] = root[root[a]]
        a = root[a]
    return a
