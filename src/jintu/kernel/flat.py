"""Polygons as flat coordinate arrays: what the compiled kernels work on.

A million polygons are seven arrays and no Python objects. The nesting is that of GeoArrow multipolygons::

    geometry g  = polygons  geometry_offsets[g] … geometry_offsets[g + 1]
    polygon  p  = rings     polygon_offsets[p] … polygon_offsets[p + 1]      (the first is the shell, the rest holes)
    ring     r  = vertices  ring_offsets[r] … ring_offsets[r + 1]            (closed: the last equals the first)

Rings are turned when they are read, shells counter-clockwise and holes clockwise, so that the kernels may add signed
edges without asking and the orientation of the input never matters.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jintu.kernel import columns, wkb
from jintu.kernel.columns import NOT_FINITE, UNCLOSED, gather, running_sum
from jintu.kernel.compiled import compiled
from jintu.kernel.wkb import BIG_ENDIAN, Floats, Integers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Polygons",
    "Rings",
    "Room",
    "concatenated",
    "from_shapely",
    "from_wkb",
    "in_parallel",
    "refilled",
    "split",
    "thread_count",
]


class Rings(NamedTuple):
    """What a compiled function sees of `Polygons`: geometry g has rings ``starts[g] … starts[g + 1]``."""

    x: Floats
    y: Floats
    ends: Integers
    """(rings + 1,) vertex offsets of the rings"""
    starts: Integers
    """(n + 1,) ring offsets of the geometries"""


@dataclass(frozen=True, eq=False)
class Polygons:
    """n geometries, each a polygon, a multipolygon or nothing.

    ``x``, ``y``           float64 (vertices,): east and north; longitude and latitude in degrees unless said otherwise
    ``ring_offsets``       int64 (rings + 1,)
    ``polygon_offsets``    int64 (polygons + 1,)
    ``geometry_offsets``   int64 (n + 1,)
    """

    x: Floats
    y: Floats
    ring_offsets: Integers
    polygon_offsets: Integers
    geometry_offsets: Integers

    def __len__(self) -> int:
        return len(self.geometry_offsets) - 1

    @staticmethod
    def from_wkb(column: Any, threads: int | None = None) -> Polygons:
        """See `from_wkb`."""
        return from_wkb(column, threads)

    @staticmethod
    def from_shapely(geometries: Iterable[Any], threads: int | None = None) -> Polygons:
        """See `from_shapely`."""
        return from_shapely(geometries, threads)

    @cached_property
    def rings(self) -> Rings:
        """The arrays without the polygon level, for compiled functions."""
        return Rings(self.x, self.y, self.ring_offsets, self.polygon_offsets[self.geometry_offsets])

    @property
    def arrays(self) -> tuple[Floats, Floats, Integers, Integers, Integers]:
        return self.x, self.y, self.ring_offsets, self.polygon_offsets, self.geometry_offsets

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in self.arrays)

    def vertex_counts(self) -> Integers:
        """Vertices of each geometry, the closing ones included; int64 (n,)."""
        return np.diff(self.ring_offsets[self.rings.starts])

    def boxes(self, threads: int | None = None) -> Floats:
        """Bounding boxes (n, 4): west, south, east, north. A geometry without rings has (inf, inf, -inf, -inf)."""
        out = np.empty((len(self), 4))
        rings = self.rings
        in_parallel(lambda i, j: _boxes(rings, i, j, out), split(len(self), threads), threads)
        return out

    def areas(self, threads: int | None = None) -> Floats:
        """Ellipsoidal area of each in m²; see `jintu.kernel.area.ellipsoidal`."""
        from jintu.kernel.area import ellipsoidal

        return ellipsoidal(self, threads)

    def take(self, indices: Any) -> Polygons:
        """The geometries at ``indices``, in that order (repetition allowed), as new arrays."""
        wanted = np.ascontiguousarray(indices, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"indices must lie between 0 and {len(self) - 1}")
        geometry_offsets, polygons = gather(self.geometry_offsets, wanted)
        polygon_offsets, rings = gather(self.polygon_offsets, polygons)
        ring_offsets, vertices = gather(self.ring_offsets, rings)
        return Polygons(self.x[vertices], self.y[vertices], ring_offsets, polygon_offsets, geometry_offsets)

    def with_coordinates(self, x: Floats, y: Floats) -> Polygons:
        """The same rings with other coordinates, one for one: what a change of projection gives."""
        if len(x) != len(self.x) or len(y) != len(self.y):
            raise ValueError("as many coordinates are needed as there were")
        flat = Polygons(
            np.array(x, dtype=np.float64),
            np.array(y, dtype=np.float64),
            self.ring_offsets,
            self.polygon_offsets,
            self.geometry_offsets,
        )
        return _checked(flat, None)

    def to_shapely(self) -> NDArray[np.object_]:
        """Shapely multipolygons (n,); a geometry without rings becomes an empty one."""
        import shapely

        coordinates = np.column_stack([self.x, self.y])
        offsets = (self.ring_offsets, self.polygon_offsets, self.geometry_offsets)
        return np.asarray(shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, coordinates, offsets))


class Room:
    """Memory for the coordinates of polygons that are looked at and thrown away, one lot after another.

    New memory is handed out by the operating system page by page, which takes as long as to fill it.
    """

    def __init__(self) -> None:
        self._x, self._y = np.empty(0), np.empty(0)

    def take(self, count: int) -> tuple[Floats, Floats]:
        """Two arrays (count,). What was taken before is overwritten."""
        if count > len(self._x):
            self._x, self._y = np.empty(count), np.empty(count)
        return self._x[:count], self._y[:count]


def from_wkb(
    column: Any,
    threads: int | None = None,
    rows: Integers | None = None,
    *,
    as_delivered: bool = False,
    room: Room | None = None,
) -> Polygons:
    """Polygons of a column of WKB, or of some of its rows.

    ``column`` is a list of bytes (or None), a pyarrow binary array of any width, or a polars binary column; ``rows``
    are positions in it, read in that order. Polygons and multipolygons are read, in ISO or extended WKB, either byte
    order; Z and M are dropped; null and empty geometries get zero rings. Raises `Unsupported` for other geometry types,
    `InputError` for truncated WKB, rings that are not closed, and coordinates that are not finite; the row of the place
    is that of the column and counts from 1.

    ``as_delivered`` keeps the rings in their direction and refuses none of them, for those who look for what is wrong
    (`jintu.kernel.topology`). Overlay and areas must not be given such polygons. ``room`` is where coordinates are put:
    the polygons are good until it is used again.
    """
    data, begins, ends = columns.buffers(column, rows)
    n = len(begins)
    sizes = np.zeros((n, 3), dtype=np.int64)
    spans = split(n, threads)
    in_parallel(lambda i, j: wkb.measure(data, begins, ends, i, j, sizes), spans, threads)
    if n and sizes[:, 0].min() < 0:
        if (wrong := sizes[:, 0] == BIG_ENDIAN).any():
            positions = np.flatnonzero(wrong) if rows is None else rows[wrong]
            return from_wkb(
                columns.little_endian(column, positions), threads, rows, as_delivered=as_delivered, room=room
            )
        row = int(np.argmax(sizes[:, 0] < 0))
        raise columns.refusal(int(sizes[row, 0]), row if rows is None else int(rows[row]))
    geometry_offsets, rings, vertices = (running_sum(sizes[:, k]) for k in range(3))
    x, y = (room or Room()).take(int(vertices[-1]))
    flat = Polygons(
        x=x,
        y=y,
        ring_offsets=np.empty(rings[-1] + 1, dtype=np.int64),
        polygon_offsets=np.empty(geometry_offsets[-1] + 1, dtype=np.int64),
        geometry_offsets=geometry_offsets,
    )
    flat.ring_offsets[-1] = vertices[-1]
    flat.polygon_offsets[-1] = rings[-1]
    in_parallel(lambda i, j: wkb.fill(data, begins, ends, i, j, rings, vertices, flat.arrays), spans, threads)
    return flat if as_delivered else _checked(flat, threads, rows)


def refilled(column: Any, polygons: Polygons, threads: int | None = None) -> pa.Array:
    """The WKB (large_binary) of a column with the coordinates of ``polygons``, which were read from it.

    The column is plain: little-endian, two dimensions, no SRID.

    >>> import shapely
    >>> column = [shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=1), None]
    >>> flat = from_wkb(column)
    >>> moved = refilled(column, flat.with_coordinates(flat.x + 5, flat.y))
    >>> shapely.bounds(shapely.from_wkb(moved[0].as_py())).tolist(), moved[1].as_py()
    ([5.0, 0.0, 6.0, 1.0], None)
    """
    import pyarrow as pa

    data, begins, ends = columns.buffers(column, None)
    given = columns.arrow(column)
    first = int(begins[0]) if len(begins) else 0
    out = data[first : int(ends[-1]) if len(ends) else 0].copy()
    vertices = polygons.ring_offsets[polygons.polygon_offsets[polygons.geometry_offsets]]
    in_parallel(
        lambda i, j: wkb.refill(out, begins - first, ends - first, i, j, vertices, polygons.x, polygons.y),
        split(len(polygons), threads),
        threads,
    )
    offsets = np.append(begins, ends[-1:]) - first
    valid = pa.array(np.asarray(given.is_valid())).buffers()[1] if given.null_count else None
    buffers = [valid, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(out)]
    return pa.Array.from_buffers(pa.large_binary(), len(begins), buffers)


def from_shapely(geometries: Iterable[Any], threads: int | None = None) -> Polygons:
    """Polygons of Shapely polygons and multipolygons (None allowed). Raises like `from_wkb`."""
    import shapely

    shapes = np.array(list(geometries), dtype=object)
    return from_wkb(shapely.to_wkb(shapes, byte_order=1, include_srid=False, output_dimension=2), threads)


def concatenated(parts: Sequence[Polygons]) -> Polygons:
    """The geometries of all parts, one part after the other; of no parts, none.

    >>> import shapely
    >>> squares = from_shapely([shapely.box(0, 0, 1, 1), None])
    >>> len(concatenated([squares, squares])), len(concatenated([]))
    (4, 0)
    """
    if not parts:
        return from_wkb([])

    def offsets(name: str) -> Integers:
        runs = [np.diff(getattr(p, name)) for p in parts]
        return running_sum(np.concatenate(runs))

    return Polygons(
        np.concatenate([p.x for p in parts]),
        np.concatenate([p.y for p in parts]),
        offsets("ring_offsets"),
        offsets("polygon_offsets"),
        offsets("geometry_offsets"),
    )


# --- threads ----------


def thread_count(threads: int | None) -> int:
    """The number asked for, or one per core this process may use."""
    return max(1, threads if threads is not None else len(os.sched_getaffinity(0)))


def split(n: int, threads: int | None, at_least: int = 2048, per_thread: int = 4) -> list[tuple[int, int]]:
    """Cut ``range(n)`` into runs for the threads; short ranges stay whole, because starting threads costs more."""
    workers = thread_count(threads)
    pieces = min(per_thread * workers, max(1, n // at_least)) if workers > 1 else 1
    edges = [n * piece // pieces for piece in range(pieces + 1)]
    return list(itertools.pairwise(edges))


def in_parallel(work: Callable[[int, int], Any], spans: Sequence[tuple[int, int]], threads: int | None) -> list[Any]:
    """``work(i, j)`` for each span, results in the order of the spans. ``work`` should release the GIL."""
    if len(spans) < 2 or thread_count(threads) == 1:
        return [work(i, j) for i, j in spans]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(thread_count(threads)) as pool:
        return list(pool.map(lambda span: work(*span), spans))


# --- rings ----------


def _checked(flat: Polygons, threads: int | None, rows: Integers | None = None) -> Polygons:
    """Turn the rings the right way round, in place, and refuse what has no inside."""
    status = np.zeros((len(flat), 3), dtype=np.int64)
    in_parallel(lambda i, j: _orient(flat.arrays, i, j, status), split(len(flat), threads), threads)
    if len(flat) and status[:, 0].min() < 0:
        row = int(np.argmax(status[:, 0] < 0))
        code, ring, vertex = status[row].tolist()
        raise columns.refusal(code, row if rows is None else int(rows[row]), ring, vertex)
    return flat


@compiled
def _orient(flat: tuple[Floats, Floats, Integers, Integers, Integers], first: int, last: int, status: Integers) -> None:
    """Shells counter-clockwise, holes clockwise, by the sign of the ring's area about its first vertex."""
    x, y, ring_offsets, polygon_offsets, geometry_offsets = flat
    for g in range(first, last):
        for p in range(geometry_offsets[g], geometry_offsets[g + 1]):
            for r in range(polygon_offsets[p], polygon_offsets[p + 1]):
                i, j = ring_offsets[r], ring_offsets[r + 1] - 1
                x0, y0 = x[i], y[i]
                doubled = 0.0
                for k in range(i, j):
                    doubled += (x[k] - x0) * (y[k + 1] - y0) - (x[k + 1] - x0) * (y[k] - y0)
                if not np.isfinite(doubled):
                    for k in range(i, j + 1):
                        if not (np.isfinite(x[k]) and np.isfinite(y[k])):
                            status[g, 0], status[g, 1], status[g, 2] = NOT_FINITE, r - polygon_offsets[p] + 1, k - i + 1
                            break
                elif x[j] != x0 or y[j] != y0:
                    status[g, 0], status[g, 1], status[g, 2] = UNCLOSED, r - polygon_offsets[p] + 1, j - i + 1
                elif (doubled < 0) == (r == polygon_offsets[p]):
                    while i < j:
                        x[i], x[j] = x[j], x[i]
                        y[i], y[j] = y[j], y[i]
                        i += 1
                        j -= 1


@compiled
def _boxes(rings: Rings, first: int, last: int, out: Floats) -> None:
    for g in range(first, last):
        west = south = np.inf
        east = north = -np.inf
        for k in range(rings.ends[rings.starts[g]], rings.ends[rings.starts[g + 1]]):
            west, east = min(west, rings.x[k]), max(east, rings.x[k])
            south, north = min(south, rings.y[k]), max(north, rings.y[k])
        out[g, 0], out[g, 1], out[g, 2], out[g, 3] = west, south, east, north
