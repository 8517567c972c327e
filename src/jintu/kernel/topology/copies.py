"""Rows that are there twice: the same boundary, or the same vertices in another order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Integers, Polygons, in_parallel, split
from jintu.kernel.lines import Lines
from jintu.kernel.topology.cancelling import mixed
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.plane import Plane

__all__ = ["copied_lines", "copies"]


def copies(
    rows: Integers,
    vertices: NDArray[np.uint64],
    boundary: NDArray[np.uint64],
    fetch: Callable[[Integers], Polygons],
    plane: Plane,
) -> Defects:
    """One defect for each copy: the first row with the vertices, then the copy. ``measure`` is 1 when the boundary is
    the same too. ``rows`` ascend; the fingerprints are those of `rings.Measures`."""
    order = _several(vertices)
    if not len(order):
        return joined([])
    members = np.sort(order)
    of_member = {int(m): k for k, m in enumerate(members)}
    polygons = fetch(rows[members])
    shapes = polygons.to_shapely()
    spots, found, alike = [], [], []
    for first, copy in _pairs(order, vertices):
        if not np.array_equal(_points(polygons, of_member[first], plane), _points(polygons, of_member[copy], plane)):
            continue  # two different polygons with one fingerprint
        spots.append([(int(rows[first]),), (int(rows[copy]),)])
        found.append(shapes[of_member[copy]])
        alike.append(float(boundary[first] == boundary[copy]))
    return _defects(spots, found, alike, plane)


def _several(values: NDArray[np.uint64]) -> Integers:
    """Where the values but 0 are that are there more than once, by value and then by place: few among many."""
    ascending = np.sort(values)
    several = np.unique(ascending[1:][(ascending[1:] == ascending[:-1]) & (ascending[1:] != 0)])
    if not len(several):
        return np.empty(0, dtype=np.int64)
    at = np.minimum(np.searchsorted(several, values), len(several) - 1)
    found = np.flatnonzero(several[at] == values)
    return found[np.argsort(values[found], kind="stable")]


def _pairs(order: Integers, vertices: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """(first, copy) of the runs of equal fingerprints; within a run the order is that of the rows."""
    starts = np.flatnonzero(np.concatenate(([True], np.diff(vertices[order]) != 0)))
    sizes = np.diff(np.append(starts, len(order)))
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        if vertices[order[start]]:
            for k in range(1, size):
                yield int(order[start]), int(order[start + k])


def _points(polygons: Polygons, g: int, plane: Plane) -> Integers:
    """The vertices of a geometry on the grid, sorted, without the closing ones."""
    starts = polygons.rings.starts
    pieces = []
    for r in range(starts[g], starts[g + 1]):
        i, j = polygons.ring_offsets[r], polygons.ring_offsets[r + 1] - 1
        grid = np.column_stack((polygons.x[i:j] * plane.grid[0], polygons.y[i:j] * plane.grid[1]))
        pieces.append(np.floor(grid + 0.5).astype(np.int64))
    return np.unique(np.concatenate(pieces), axis=0)


def _defects(spots: list[Any], shapes: list[Any], alike: list[float], plane: Plane) -> Defects:
    import shapely

    if not shapes:
        return joined([])
    places = shapely.get_coordinates(shapely.point_on_surface(shapes))
    area = shapely.area(shapes) * plane.x_metres * plane.y_metres
    plain = [shapely.get_geometry(s, 0) if shapely.get_num_geometries(s) == 1 else s for s in shapes]
    return collect(Kind.DUPLICATE, places, spots, area=area, measure=alike, shapes=plain)


# --- lines ----------


def copied_lines(lines: Lines, threads: int | None = None) -> Integers:
    """Rows of lines that are there several times, ascending: the same vertices to the last bit, walked either way, and
    from any vertex where a line closes; parts in any order.

    >>> import shapely
    >>> from jintu.kernel.lines import from_shapely
    >>> there = shapely.LineString([(0, 0), (1, 0), (1, 1)])
    >>> copied_lines(from_shapely([there, None, there.reverse(), shapely.LineString([(0, 0), (1, 1)])])).tolist()
    [0, 2]
    """
    prints = np.empty(len(lines), dtype=np.uint64)
    bits = lines.x.view(np.int64), lines.y.view(np.int64)
    in_parallel(
        lambda i, j: _prints(*bits, lines.part_offsets, lines.row_offsets, i, j, prints),
        split(len(lines), threads),
        threads,
    )
    ordered = np.sort(prints)
    several = ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] != 0)]
    rows = np.flatnonzero(np.isin(prints, several)) if len(several) else np.empty(0, dtype=np.int64)
    return rows[_repeated(lines.take(rows))]


def _repeated(lines: Lines) -> NDArray[np.bool_]:
    """Which lines are there several times, by their vertices."""
    import shapely

    normal = shapely.to_wkb(shapely.normalize(lines.to_shapely())).tolist()
    counts = Counter(normal)
    return np.array([counts[one] > 1 for one in normal], dtype=np.bool_)


@nb.njit(cache=True, nogil=True)
def _prints(
    x: Integers,
    y: Integers,
    part_offsets: Integers,
    row_offsets: Integers,
    first: int,
    last: int,
    out: NDArray[np.uint64],
) -> None:
    """A number for each row, the same for the same segments whichever way they are walked; 0 where there is nothing.

    ``x``, ``y``: the bits of coordinates.
    """
    for g in range(first, last):
        total = np.uint64(0)
        for p in range(row_offsets[g], row_offsets[g + 1]):
            here = mixed(x[part_offsets[p]], y[part_offsets[p]])
            for k in range(part_offsets[p] + 1, part_offsets[p + 1]):
                there = mixed(x[k], y[k])
                both = here + there
                total += both * (both ^ (both >> np.uint64(31)))
                here = there
        out[g] = total
