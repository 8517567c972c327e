"""Lines as flat coordinate arrays: what the compiled kernels work on, as `jintu.kernel.flat` has polygons.

The nesting is that of GeoArrow multilinestrings::

    row  g = parts     row_offsets[g] … row_offsets[g + 1]
    part p = vertices  part_offsets[p] … part_offsets[p + 1]       (two or more)

Vertices stand as they were delivered: nothing is turned, and repeated vertices stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel import columns, wkb
from jintu.kernel.columns import gather, running_sum
from jintu.kernel.compiled import compiled
from jintu.kernel.flat import Floats, Integers, in_parallel, split
from jintu.kernel.wkb import BIG_ENDIAN

__all__ = ["Lines", "concatenated", "from_shapely", "from_wkb"]


@dataclass(frozen=True, eq=False)
class Lines:
    """n rows, each a line, several, or nothing.

    ``x``, ``y``       float64 (vertices,)
    ``part_offsets``   int64 (parts + 1,)
    ``row_offsets``    int64 (n + 1,)
    """

    x: Floats
    y: Floats
    part_offsets: Integers
    row_offsets: Integers

    def __len__(self) -> int:
        return len(self.row_offsets) - 1

    @staticmethod
    def from_wkb(column: Any, threads: int | None = None) -> Lines:
        """See `from_wkb`."""
        return from_wkb(column, threads)

    @property
    def arrays(self) -> tuple[Floats, Floats, Integers, Integers]:
        return self.x, self.y, self.part_offsets, self.row_offsets

    def boxes(self, threads: int | None = None) -> Floats:
        """Bounding boxes (n, 4): west, south, east, north. A row without parts has (inf, inf, -inf, -inf)."""
        out = np.empty((len(self), 4))
        in_parallel(lambda i, j: _boxes(self.arrays, i, j, out), split(len(self), threads), threads)
        return out

    def lengths(self, x_metres: float = 1.0, y_metres: float = 1.0, threads: int | None = None) -> Floats:
        """Length of each part (parts,) in a plane of so many metres per unit of x and y."""
        out = np.empty(len(self.part_offsets) - 1)
        metres = (float(x_metres), float(y_metres))
        in_parallel(lambda i, j: _lengths(self.arrays, i, j, metres, out), split(len(out), threads), threads)
        return out

    def take(self, indices: Any) -> Lines:
        """The rows at ``indices``, in that order (repetition allowed), as new arrays."""
        wanted = np.ascontiguousarray(indices, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"indices must lie between 0 and {len(self) - 1}")
        row_offsets, parts = gather(self.row_offsets, wanted)
        part_offsets, vertices = gather(self.part_offsets, parts)
        return Lines(self.x[vertices], self.y[vertices], part_offsets, row_offsets)

    def to_shapely(self) -> NDArray[np.object_]:
        """Shapely multilines (n,); a row without parts becomes an empty one."""
        import shapely

        coordinates, offsets = np.column_stack([self.x, self.y]), (self.part_offsets, self.row_offsets)
        return np.asarray(shapely.from_ragged_array(shapely.GeometryType.MULTILINESTRING, coordinates, offsets))


def from_wkb(column: Any, threads: int | None = None) -> Lines:
    """Lines of a column of WKB: a list of bytes (or None), a pyarrow binary array, or a polars binary column.

    Lines and multilines are read, in ISO or extended WKB, either byte order; Z and M are dropped; null and empty
    geometries get no parts, and empty parts are none. Raises `Unsupported` for other geometry types, `InputError` for
    truncated WKB and a line of one vertex, with the row, which counts from 1. Coordinates are not looked at.
    """
    data, begins, ends = columns.buffers(column, None)
    n = len(begins)
    sizes = np.zeros((n, 2), dtype=np.int64)
    spans = split(n, threads)
    in_parallel(lambda i, j: wkb.measure_lines(data, begins, ends, i, j, sizes), spans, threads)
    if n and sizes[:, 0].min() < 0:
        if (wrong := sizes[:, 0] == BIG_ENDIAN).any():
            return from_wkb(columns.little_endian(column, np.flatnonzero(wrong)), threads)
        row = int(np.argmax(sizes[:, 0] < 0))
        raise columns.refusal(int(sizes[row, 0]), row)
    row_offsets, vertices = running_sum(sizes[:, 0]), running_sum(sizes[:, 1])
    flat = Lines(
        x=np.empty(vertices[-1]),
        y=np.empty(vertices[-1]),
        part_offsets=np.empty(row_offsets[-1] + 1, dtype=np.int64),
        row_offsets=row_offsets,
    )
    flat.part_offsets[-1] = vertices[-1]
    in_parallel(lambda i, j: wkb.fill_lines(data, begins, ends, i, j, vertices, flat.arrays), spans, threads)
    return flat


def from_shapely(geometries: Iterable[Any], threads: int | None = None) -> Lines:
    """Lines of Shapely lines, rings and multilines (None allowed). Raises like `from_wkb`.

    >>> import shapely
    >>> lines = from_shapely([shapely.LineString([(0, 0), (3, 4)]), None])
    >>> len(lines), lines.part_offsets.tolist(), lines.row_offsets.tolist()
    (2, [0, 2], [0, 1, 1])
    """
    import shapely

    shapes = np.array(list(geometries), dtype=object)
    return from_wkb(shapely.to_wkb(shapes, byte_order=1, include_srid=False, output_dimension=2), threads)


def concatenated(parts: Sequence[Lines]) -> Lines:
    """The rows of all parts, one part after the other; of no parts, none."""
    none, nowhere = np.empty(0, dtype=np.int64), np.empty(0)

    def offsets(name: str) -> Integers:
        return running_sum(np.concatenate([none, *(np.diff(getattr(p, name)) for p in parts)]))

    return Lines(
        np.concatenate([nowhere, *(p.x for p in parts)]),
        np.concatenate([nowhere, *(p.y for p in parts)]),
        offsets("part_offsets"),
        offsets("row_offsets"),
    )


# --- compiled ----------


@compiled
def _boxes(arrays: tuple[Floats, Floats, Integers, Integers], first: int, last: int, out: Floats) -> None:
    x, y, part_offsets, row_offsets = arrays
    for g in range(first, last):
        west = south = np.inf
        east = north = -np.inf
        for k in range(part_offsets[row_offsets[g]], part_offsets[row_offsets[g + 1]]):
            west, east = min(west, x[k]), max(east, x[k])
            south, north = min(south, y[k]), max(north, y[k])
        out[g, 0], out[g, 1], out[g, 2], out[g, 3] = west, south, east, north


@compiled
def _lengths(
    arrays: tuple[Floats, Floats, Integers, Integers], first: int, last: int, metres: tuple[float, float], out: Floats
) -> None:
    x, y, part_offsets, _ = arrays
    for p in range(first, last):
        length = 0.0
        for k in range(part_offsets[p], part_offsets[p + 1] - 1):
            dx, dy = (x[k + 1] - x[k]) * metres[0], (y[k + 1] - y[k]) * metres[1]
            length += np.sqrt(dx * dx + dy * dy)
        out[p] = length
