"""Do lines run where the borders of polygons are?

Nearly all of them do, segment for segment: both were drawn from the same vertices. So the segments of the lines are
kept as one number each, and those that are edges of polygons are struck out, while the polygons are shown a part at a
time. Only for what is left the polygons are shown again, and distances are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numba as nb
import numpy as np

from jintu.kernel.flat import Floats, Integers, Polygons, Rings, in_parallel
from jintu.kernel.lines import Lines
from jintu.kernel.overlay.pairs import candidates
from jintu.kernel.overlay.tree import build
from jintu.kernel.topology.cancelling import mixed
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.plane import Plane

__all__ = ["OffBorders", "lines_off_borders"]

_HALVES = 2
"""Of the table of segments, by the first bit of their keys: each is filled by one thread."""
_ROOM = 1.6
"""Places in the table to a segment."""
_LOT = 64
"""Keys that are sought together."""

Near = tuple[Floats, Integers]
"""Segments (n, 4) of polygons in metres, and which of the segments left each is near to."""


def lines_off_borders(lines: Lines, polygons: Polygons, plane: Plane | None = None) -> Defects:
    """Pieces of lines that run on no boundary of the polygons (Q4103, Q4104)."""
    search = OffBorders(lines, plane)
    search.strike(polygons)
    return search.defects([search.near(polygons)] if len(search.left()) else [])


class OffBorders:
    """The same of polygons that are read a part at a time, and once more where something is left::

    search = OffBorders(lines, plane)
    for part in parts: search.strike(part)              # in any order, several at once
    if len(search.left()):
        found = search.defects(search.near(part) for part in parts)
    """

    def __init__(self, lines: Lines, plane: Plane | None = None, threads: int | None = None) -> None:
        self._lines, self._plane = lines, plane or Plane()
        x, y, ends = lines.x, lines.y, lines.part_offsets
        counts = np.zeros(_HALVES + 1, dtype=np.int64)
        _count(x, y, ends, *self._plane.grid, counts[1:])
        # A half that is full would be searched without end.
        self._starts = np.cumsum((_ROOM * counts).astype(np.int64) + (counts > 0))
        self._keys = np.zeros(self._starts[-1], dtype=np.uint64)

        def fill(half: int, _: int) -> None:
            _fill(x, y, ends, *self._plane.grid, half, self._starts, self._keys)

        in_parallel(fill, [(half, half + 1) for half in range(_HALVES)], threads)
        self._left: Integers | None = None

    def strike(self, polygons: Polygons) -> None:
        """Segments of lines that are edges of these are on a border."""
        _strike(polygons.rings, *self._plane.grid, self._starts, self._keys)

    def left(self) -> Integers:
        """The vertices of the lines at which segments begin that were not struck out, each segment once."""
        if self._left is None:
            x, y, ends = self._lines.x, self._lines.y, self._lines.part_offsets
            self._left = _remaining(x, y, ends, *self._plane.grid, self._starts, self._keys)
            ahead = self._left + 1
            self._own = np.column_stack((x[self._left], y[self._left], x[ahead], y[ahead])) * self._metres
            self._tree = build(_boxes(self._own, self._plane.tolerance))
        return self._left

    @property
    def _metres(self) -> Floats:
        """Of the coordinates of a segment."""
        return np.tile((self._plane.x_metres, self._plane.y_metres), 2)

    def near(self, polygons: Polygons) -> Near:
        """Edges of polygons whose boxes meet those of segments that are left."""
        tolerance = self._plane.tolerance
        boxes = polygons.boxes() * self._metres + tolerance * np.array([-1, -1, 1, 1])
        some = polygons.take(np.unique(candidates(boxes, self._tree, 0, len(boxes))[0]))
        edges = _edges(some) * self._metres
        which, near = candidates(_boxes(edges, tolerance), self._tree, 0, len(edges))
        return edges[which], near

    def defects(self, near: Iterable[Near]) -> Defects:
        """Pieces of what is left that are farther than the tolerance from all edges, of ``near`` all parts."""
        import shapely

        left = self.left()
        if not len(left):
            return joined([])
        parts = list(near)
        edges = np.concatenate([np.empty((0, 4)), *(edges for edges, _ in parts)])
        of = np.concatenate([np.empty(0, dtype=np.int64), *(of for _, of in parts)])
        order = np.argsort(of, kind="stable")
        starts = np.searchsorted(of[order], np.arange(len(left) + 1))
        own, points = _apart(self._own, edges[order], starts, self._plane.tolerance)
        metres, vertices = self._metres[:2], left[own]
        part = np.searchsorted(self._lines.part_offsets, vertices, side="right") - 1
        row = np.searchsorted(self._lines.row_offsets, part, side="right") - 1
        first = self._lines.row_offsets[row], self._lines.part_offsets[part]
        spots = np.column_stack((row, part - first[0], vertices - first[1]))
        length = np.hypot(*(points[:, 1] - points[:, 0]).T)
        shapes = shapely.linestrings(points / metres)
        return collect(Kind.OFF_BORDER, points.mean(axis=1) / metres, spots, measure=length, shapes=shapes)


def _edges(polygons: Polygons) -> Floats:
    """(n, 4) x, y, x, y of all edges in their order."""
    points = np.column_stack((polygons.x, polygons.y))
    inside = np.ones(max(len(points) - 1, 0), dtype=np.bool_)
    last = polygons.ring_offsets[1:-1] - 1
    inside[last[(last >= 0) & (last < len(inside))]] = False
    begin = np.flatnonzero(inside)
    return np.column_stack((points[begin], points[begin + 1]))


def _boxes(segments: Floats, margin: float) -> Floats:
    low, high = np.minimum(segments[:, :2], segments[:, 2:]), np.maximum(segments[:, :2], segments[:, 2:])
    return np.column_stack((low - margin, high + margin))


# --- compiled ----------
# A key is never 0, which is a free place of the table; its last bit is 1 once it is struck out.


@nb.njit(cache=True, nogil=True)
def _point(x: float, y: float, scale_x: float, scale_y: float) -> Any:
    return mixed(np.int64(np.floor(x * scale_x + 0.5)), np.int64(np.floor(y * scale_y + 0.5)))


@nb.njit(cache=True, nogil=True)
def _key(begin: Any, end: Any) -> Any:
    """One number per segment, the same whichever way it is walked; two segments share one by chance in 1e18."""
    h = (begin + end) * np.uint64(0x94D049BB133111EB) ^ (begin * end)
    h = (h ^ (h >> np.uint64(32))) & ~np.uint64(1)
    return h if h else np.uint64(2)


@nb.njit(cache=True, nogil=True)
def _home(key: Any, starts: Integers) -> Any:
    """Where the key is in the table unless another is there."""
    half = np.int64(key >> np.uint64(63))
    share = ((key >> np.uint64(31)) & np.uint64(0xFFFFFFFF)) * np.uint64(starts[half + 1] - starts[half])
    return starts[half] + np.int64(share >> np.uint64(32))


@nb.njit(cache=True, nogil=True)
def _place(key: Any, starts: Integers, keys: Any) -> Any:
    """Where the key is in the table, or is to be put."""
    half = np.int64(key >> np.uint64(63))
    k = _home(key, starts)
    while keys[k] and keys[k] & ~np.uint64(1) != key:
        k += 1
        if k == starts[half + 1]:
            k = starts[half]
    return k


@nb.njit(cache=True, nogil=True)
def _ask(some: Any, n: int, starts: Integers, keys: Any) -> None:
    """Read the places of n keys before any is looked at: memory far away answers many together, one by one it is slow.
    What is read is left behind the keys, so that the reading is not left out."""
    for i in range(n):
        some[_LOT] ^= keys[_home(some[i], starts)]


@nb.njit(cache=True, nogil=True)
def _count(x: Floats, y: Floats, ends: Integers, scale_x: float, scale_y: float, counts: Integers) -> None:
    """How many segments of the lines belong to each half of the table."""
    for p in range(len(ends) - 1):
        here = _point(x[ends[p]], y[ends[p]], scale_x, scale_y)
        for v in range(ends[p], ends[p + 1] - 1):
            there = _point(x[v + 1], y[v + 1], scale_x, scale_y)
            counts[np.int64(_key(here, there) >> np.uint64(63))] += 1
            here = there


@nb.njit(cache=True, nogil=True)
def _fill(
    x: Floats, y: Floats, ends: Integers, scale_x: float, scale_y: float, half: int, starts: Integers, keys: Any
) -> None:
    """Put the segments that belong to one half into the table."""
    some, n = np.zeros(_LOT + 1, dtype=np.uint64), 0
    for p in range(len(ends) - 1):
        here = _point(x[ends[p]], y[ends[p]], scale_x, scale_y)
        for v in range(ends[p], ends[p + 1] - 1):
            there = _point(x[v + 1], y[v + 1], scale_x, scale_y)
            key = _key(here, there)
            here = there
            if np.int64(key >> np.uint64(63)) == half and (x[v] != x[v + 1] or y[v] != y[v + 1]):
                some[n] = key
                n += 1
                if n == _LOT:
                    _put(some, n, starts, keys)
                    n = 0
    _put(some, n, starts, keys)


@nb.njit(cache=True, nogil=True)
def _put(some: Any, n: int, starts: Integers, keys: Any) -> None:
    _ask(some, n, starts, keys)
    for i in range(n):
        keys[_place(some[i], starts, keys)] = some[i]


@nb.njit(cache=True, nogil=True)
def _strike(rings: Rings, scale_x: float, scale_y: float, starts: Integers, keys: Any) -> None:
    """Strike out the edges of polygons. Several threads may: they write the same."""
    x, y, ends = rings.x, rings.y, rings.ends
    some, n = np.zeros(_LOT + 1, dtype=np.uint64), 0
    for r in range(len(ends) - 1):
        if ends[r] == ends[r + 1]:
            continue
        here = _point(x[ends[r]], y[ends[r]], scale_x, scale_y)
        for v in range(ends[r], ends[r + 1] - 1):
            there = _point(x[v + 1], y[v + 1], scale_x, scale_y)
            key = _key(here, there)
            here = there
            if starts[np.int64(key >> np.uint64(63))] < starts[np.int64(key >> np.uint64(63)) + 1]:
                some[n] = key
                n += 1
                if n == _LOT:
                    _take_out(some, n, starts, keys)
                    n = 0
    _take_out(some, n, starts, keys)


@nb.njit(cache=True, nogil=True)
def _take_out(some: Any, n: int, starts: Integers, keys: Any) -> None:
    _ask(some, n, starts, keys)
    for i in range(n):
        k = _place(some[i], starts, keys)
        if keys[k]:
            keys[k] = some[i] | np.uint64(1)


@nb.njit(cache=True, nogil=True)
def _remaining(
    x: Floats, y: Floats, ends: Integers, scale_x: float, scale_y: float, starts: Integers, keys: Any
) -> Any:
    """The vertices at which segments begin that are not struck out, the first of those alike; strikes them out."""
    n = 0
    for key in keys:
        if key and not key & np.uint64(1):
            n += 1
    out = np.empty(n, dtype=np.int64)
    if not n:
        return out
    n = 0
    for p in range(len(ends) - 1):
        here = _point(x[ends[p]], y[ends[p]], scale_x, scale_y)
        for v in range(ends[p], ends[p + 1] - 1):
            there = _point(x[v + 1], y[v + 1], scale_x, scale_y)
            key = _key(here, there)
            here = there
            if x[v] != x[v + 1] or y[v] != y[v + 1]:
                k = _place(key, starts, keys)
                if not keys[k] & np.uint64(1):
                    keys[k] = key | np.uint64(1)
                    out[n] = v
                    n += 1
    return out


@nb.njit(cache=True, nogil=True)
def _apart(own: Floats, edges: Floats, starts: Integers, reach: float) -> tuple[Integers, Floats]:
    """Pieces, longer than the reach, of segments (n, 4) that are farther than the reach from all edges near them, those
    of segment i being ``starts[i] … starts[i + 1]``: which segment, and both ends (k, 2, 2)."""
    room = len(own) + len(edges)
    which, points, n = np.empty(room, dtype=np.int64), np.empty((room, 2, 2)), 0
    for i in range(len(own)):
        near = starts[i + 1] - starts[i]
        begin, end = np.empty(near), np.empty(near)
        for k in range(near):
            begin[k], end[k] = _within(own[i], edges[starts[i] + k], reach)
        ax, ay, bx, by = own[i]
        length, done = np.hypot(bx - ax, by - ay), 0.0
        for k in np.append(np.argsort(begin), -1):
            until = begin[k] if k >= 0 else 1.0
            if (until - done) * length > reach:
                which[n] = i
                points[n, 0, 0], points[n, 0, 1] = ax + done * (bx - ax), ay + done * (by - ay)
                points[n, 1, 0], points[n, 1, 1] = ax + until * (bx - ax), ay + until * (by - ay)
                if until == 1.0:
                    points[n, 1, 0], points[n, 1, 1] = bx, by
                n += 1
            if k >= 0:
                done = max(done, end[k])
    return which[:n], points[:n]


@nb.njit(cache=True, nogil=True)
def _within(segment: Floats, edge: Floats, reach: float) -> tuple[float, float]:
    """From which share of a segment to which it is within reach of an edge; (1, 1) where it is nowhere.

    What is within reach of an edge is convex: a rectangle and two discs.
    """
    ax, ay = segment[0], segment[1]
    dx, dy = segment[2] - ax, segment[3] - ay
    begin, end = 1.0, 0.0
    squared = dx * dx + dy * dy
    for c in (0, 2):
        px, py = edge[c] - ax, edge[c + 1] - ay
        foot, aside = (px * dx + py * dy) / squared, (px * dy - py * dx) ** 2 / squared
        if aside <= reach * reach:
            half = np.sqrt((reach * reach - aside) / squared)
            begin, end = min(begin, foot - half), max(end, foot + half)
    ex, ey = edge[2] - edge[0], edge[3] - edge[1]
    size = np.hypot(ex, ey)
    if size > 0:
        px, py = ax - edge[0], ay - edge[1]
        low, high = 0.0, 1.0
        along, aside = (px * ex + py * ey) / size, (px * ey - py * ex) / size
        for at, step, least, most in (
            (along, (dx * ex + dy * ey) / size, 0.0, size),
            (aside, (dx * ey - dy * ex) / size, -reach, reach),
        ):
            if step == 0:
                if at < least or at > most:
                    high = -1.0
            else:
                one, other = (least - at) / step, (most - at) / step
                low, high = max(low, min(one, other)), min(high, max(one, other))
        if low <= high:
            begin, end = min(begin, low), max(end, high)
    begin, end = max(begin, 0.0), min(end, 1.0)
    return (begin, end) if begin < end else (1.0, 1.0)
