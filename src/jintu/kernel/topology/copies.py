"""Rows that are there twice: the same boundary, or the same vertices in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Integers, Polygons
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.plane import Plane

__all__ = ["copies"]


def copies(
    rows: Integers,
    vertices: NDArray[np.uint64],
    boundary: NDArray[np.uint64],
    fetch: Callable[[Integers], Polygons],
    plane: Plane,
) -> Defects:
    """One defect for each copy: the first row with the vertices, then the copy. ``measure`` is 1 when the boundary is
    the same too. ``rows`` ascend; the fingerprints are those of `rings.Measures`."""
    order = np.argsort(vertices, kind="stable")
    again = np.flatnonzero((vertices[order][1:] == vertices[order][:-1]) & (vertices[order][1:] != 0)) + 1
    if not len(again):
        return joined([])
    members = np.unique(np.concatenate((order[again], order[again - 1])))
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
