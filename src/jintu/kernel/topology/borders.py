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
_AT_ONCE = 65_536
"""Segments that GEOS looks at together."""

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
        """Pieces of what is left that are farther than the tolerance from all edges, of ``near`` all parts in order."""
        import shapely

        left = self.left()
        if not len(left):
            return joined([])
        parts = list(near)
        edges = np.concatenate([np.empty((0, 4)), *(edges for edges, _ in parts)])
        of = np.concatenate([np.empty(0, dtype=np.int64), *(of for _, of in parts)])
        order = np.argsort(of, kind="stable")
        cuts = np.searchsorted(of[order], np.arange(0, len(left) + _AT_ONCE, _AT_ONCE))
        pieces, index = [], []
        for k in range(len(cuts) - 1):
            own, chosen = self._own[k * _AT_ONCE : (k + 1) * _AT_ONCE], order[cuts[k] : cuts[k + 1]]
            rest = _apart(own, edges[chosen], of[chosen] - k * _AT_ONCE, self._plane.tolerance)
            some, which = shapely.get_parts(rest, return_index=True)
            kept = shapely.length(some) > self._plane.tolerance
            pieces.append(some[kept])
            index.append(which[kept] + k * _AT_ONCE)
        return self._told(np.concatenate(pieces), left[np.concatenate(index)])

    def _told(self, pieces: Any, vertices: Integers) -> Defects:
        """Pieces (Shapely, in metres) of the segments that begin at the vertices, with row, part in it and vertex."""
        import shapely

        lines, metres = self._lines, self._metres[:2]
        part = np.searchsorted(lines.part_offsets, vertices, side="right") - 1
        row = np.searchsorted(lines.row_offsets, part, side="right") - 1
        spots = np.column_stack((row, part - lines.row_offsets[row], vertices - lines.part_offsets[part]))
        shapes = shapely.transform(pieces, lambda points: points / metres)
        middle = shapely.get_coordinates(shapely.line_interpolate_point(shapes, 0.5, normalized=True))
        return collect(Kind.OFF_BORDER, middle, spots, measure=shapely.length(pieces), shapes=shapes)


def _apart(own: Floats, edges: Floats, of: Integers, tolerance: float) -> Any:
    """What of the segments (n, 4) is farther than the tolerance from the edges near each; ``of`` ascends."""
    import shapely

    rest = shapely.linestrings(own.reshape(-1, 2, 2))
    if len(of):
        some, group = np.unique(of, return_inverse=True)
        nets = shapely.multilinestrings(shapely.linestrings(edges.reshape(-1, 2, 2)), indices=group)
        rest[some] = shapely.difference(rest[some], shapely.buffer(nets, tolerance))
    return rest


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
