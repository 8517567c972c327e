"""Cancelling: of a clean partition every edge inside occurs once in each direction, and what is left is the border.

Let every polygon be walked with its inside on the left. The number of polygons over a place, its *depth*, changes
across an edge by (how often the edge is walked one way) − (how often the other way). Edges for which both are the same
say nothing about depth and are dropped, all of them at once; the depth everywhere follows from the rest, exactly. So
the rest of two fragments of a layer, put together and cancelled again, is the rest of the whole, however it was cut.

Vertices are compared on the grid of the `Plane`. Geometries are taken in Hilbert order, a few hundred at a time, so
that the hash table stays in the processor's cache and all but the edges round them cancel there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers, Polygons, in_parallel
from jintu.kernel.overlay.tree import hilbert_order
from jintu.kernel.topology.plane import Plane

__all__ = ["Edges", "cancel", "each", "merge"]

_CHUNK = 256
Arrays = tuple[Floats, Floats, Integers, Integers, Integers]


@dataclass(frozen=True, eq=False)
class Edges:
    """Directed edges a → b with their polygon on the left, in grid points; all columns int64 (n,).

    ``vertex`` is the vertex of the ring as delivered at which the edge begins in the delivered direction.
    """

    ax: Integers
    ay: Integers
    bx: Integers
    by: Integers
    row: Integers
    ring: Integers
    vertex: Integers

    def __len__(self) -> int:
        return len(self.ax)

    @property
    def columns(self) -> tuple[Integers, ...]:
        return self.ax, self.ay, self.bx, self.by, self.row, self.ring, self.vertex

    def take(self, chosen: Any) -> Edges:
        return Edges(*(c[chosen] for c in self.columns))

    def reversed(self) -> Edges:
        """The same edges walked the other way: a layer to be subtracted."""
        return Edges(self.bx, self.by, self.ax, self.ay, self.row, self.ring, self.vertex)


def cancel(polygons: Polygons, plane: Plane, rows: Any = None, threads: int | None = None, without: Any = ()) -> Edges:
    """The edges of a fragment that do not cancel among themselves.

    ``rows`` are the numbers of the geometries in the layer, 0 … n − 1 when None; geometries ``without`` are left out.
    """
    arrays = polygons.arrays
    order = _along_curve(polygons)
    if len(without):
        order = order[~np.isin(order, without)]
    spans = [(i, min(i + _CHUNK, len(order))) for i in range(0, len(order), _CHUNK)]
    found = in_parallel(lambda i, j: _cancel_chunk(arrays, order, i, j, *plane.grid), spans, threads)
    if not found:
        return Edges(*(np.empty(0, dtype=np.int64) for _ in range(7)))
    rest = np.concatenate(found, axis=1)
    rest = np.ascontiguousarray(rest[:, _uncancelled(rest[0], rest[1], rest[2], rest[3])])
    numbers = rest[4] if rows is None else np.asarray(rows, dtype=np.int64)[rest[4]]
    return Edges(rest[0], rest[1], rest[2], rest[3], numbers, rest[5], rest[6])


def each(polygons: Polygons, plane: Plane) -> Edges:
    """The edges of every geometry for itself: what one walks to and fro is none of its edges."""
    order = np.arange(len(polygons))
    found = [_cancel_chunk(polygons.arrays, order, i, i + 1, *plane.grid) for i in range(len(polygons))]
    return Edges(*np.concatenate([np.empty((7, 0), dtype=np.int64), *found], axis=1))


def merge(parts: Sequence[Edges]) -> Edges:
    """What is left of several fragments together, sorted: the same however the layer was cut."""
    columns = [np.concatenate([part.columns[k] for part in parts]) for k in range(7)]
    kept = _uncancelled(*columns[:4])
    columns = [c[kept] for c in columns]
    order = np.lexsort(columns[::-1])
    return Edges(*(c[order] for c in columns))


def _along_curve(polygons: Polygons) -> Integers:
    """Geometries that have vertices, by their first vertex along a Hilbert curve."""
    starts = polygons.rings.starts
    filled = np.flatnonzero(starts[1:] > starts[:-1])
    first = polygons.ring_offsets[starts[:-1][filled]]
    x, y = polygons.x[first], polygons.y[first]
    return np.ascontiguousarray(filled[hilbert_order(np.column_stack((x, y, x, y)))])


@nb.njit(cache=True, nogil=True)
def mixed(x: Any, y: Any) -> Any:
    """64 well-mixed bits of a grid point."""
    h = np.uint64(x) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(32)
    h = (h + np.uint64(y)) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(32))


@nb.njit(cache=True, nogil=True)
def is_turned(x: Floats, y: Floats, i: int, j: int) -> bool:
    """Whether the closed ring of vertices i … j runs clockwise."""
    doubled = 0.0
    for k in range(i, j):
        doubled += (x[k] - x[i]) * (y[k + 1] - y[i]) - (x[k + 1] - x[i]) * (y[k] - y[i])
    return doubled < 0


@nb.njit(cache=True, nogil=True)
def _table_size(n: int) -> int:
    size = 64
    while size < 2 * n:
        size *= 2
    return size


@nb.njit(cache=True, nogil=True)
def _cancel_chunk(arrays: Arrays, order: Integers, first: int, last: int, scale_x: float, scale_y: float) -> Integers:
    """(7, k) columns of `Edges` (row within the fragment) of geometries order[first … last] that do not cancel."""
    x, y, ring_offsets, polygon_offsets, geometry_offsets = arrays
    n = 0
    for g in order[first:last]:
        n += ring_offsets[polygon_offsets[geometry_offsets[g + 1]]] - ring_offsets[polygon_offsets[geometry_offsets[g]]]
    qx, qy = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    place = np.empty(n, dtype=np.uint64)
    slot_of = np.full(n, -1, dtype=np.int32)
    turned = np.zeros(n, dtype=np.bool_)
    mask = _table_size(n) - 1
    table = np.zeros(mask + 1, dtype=np.int32)
    net = np.zeros(mask + 1, dtype=np.int32)
    v = 0
    for g in order[first:last]:
        for p in range(geometry_offsets[g], geometry_offsets[g + 1]):
            for r in range(polygon_offsets[p], polygon_offsets[p + 1]):
                i, j = ring_offsets[r], ring_offsets[r + 1] - 1
                wrong = is_turned(x, y, i, j) == (r == polygon_offsets[p])
                begin = v
                for k in range(i, j + 1):
                    qx[v] = np.int64(np.floor(x[k] * scale_x + 0.5))
                    qy[v] = np.int64(np.floor(y[k] * scale_y + 0.5))
                    place[v] = mixed(qx[v], qy[v])
                    turned[v] = wrong
                    v += 1
                for e in range(begin, v - 1):
                    forward = qx[e] < qx[e + 1] or (qx[e] == qx[e + 1] and qy[e] < qy[e + 1])
                    if qx[e] == qx[e + 1] and qy[e] == qy[e + 1]:
                        continue
                    slot = np.int64((place[e] + place[e + 1]) >> np.uint64(20)) & mask
                    while table[slot] and not _same(qx, qy, e, table[slot] - 1):
                        slot = (slot + 1) & mask
                    if not table[slot]:
                        table[slot] = e + 1
                    net[slot] += 1 if forward != wrong else -1
                    slot_of[e] = slot
    left = 0
    for e in range(n):
        if slot_of[e] >= 0 and net[slot_of[e]]:
            left += 1
    out = np.empty((7, left), dtype=np.int64)
    v, k = 0, 0
    for g in order[first:last]:
        base = polygon_offsets[geometry_offsets[g]]
        for r in range(base, polygon_offsets[geometry_offsets[g + 1]]):
            size = ring_offsets[r + 1] - ring_offsets[r]
            for e in range(v, v + size):
                if slot_of[e] >= 0 and net[slot_of[e]]:
                    a, b = (e + 1, e) if turned[e] else (e, e + 1)
                    out[0, k], out[1, k], out[2, k], out[3, k] = qx[a], qy[a], qx[b], qy[b]
                    out[4, k], out[5, k], out[6, k] = g, r - base, e - v
                    k += 1
            v += size
    return out


@nb.njit(cache=True, nogil=True)
def _same(qx: Integers, qy: Integers, e: int, f: int) -> bool:
    """Whether edges e and f join the same two points, either way."""
    if qx[e] == qx[f] and qy[e] == qy[f]:
        return qx[e + 1] == qx[f + 1] and qy[e + 1] == qy[f + 1]
    return qx[e] == qx[f + 1] and qy[e] == qy[f + 1] and qx[e + 1] == qx[f] and qy[e + 1] == qy[f]


@nb.njit(cache=True, nogil=True)
def _uncancelled(ax: Integers, ay: Integers, bx: Integers, by: Integers) -> NDArray[np.bool_]:
    """Which of the edges are walked more often one way than the other."""
    n = len(ax)
    mask = _table_size(n) - 1
    table = np.full(mask + 1, -1, dtype=np.int64)
    net = np.zeros(n, dtype=np.int64)
    head = np.empty(n, dtype=np.int64)
    for e in range(n):
        forward = ax[e] < bx[e] or (ax[e] == bx[e] and ay[e] < by[e])
        slot = np.int64((mixed(ax[e], ay[e]) + mixed(bx[e], by[e])) >> np.uint64(20)) & mask
        while table[slot] >= 0:
            f = table[slot]
            if (ax[e] == ax[f] and ay[e] == ay[f] and bx[e] == bx[f] and by[e] == by[f]) or (
                ax[e] == bx[f] and ay[e] == by[f] and bx[e] == ax[f] and by[e] == ay[f]
            ):
                break
            slot = (slot + 1) & mask
        if table[slot] < 0:
            table[slot] = e
        head[e] = table[slot]
        net[head[e]] += 1 if forward else -1
    out = np.empty(n, dtype=np.bool_)
    for e in range(n):
        out[e] = net[head[e]] != 0
    return out
