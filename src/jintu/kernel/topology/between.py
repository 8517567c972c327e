"""Between two layers: does one cover the other exactly, and do lines run where the borders are.

Covering is cancelling once more: the edges of one layer and, turned round, those of the other. Where both have the same
outline nothing is left; a face with a negative depth is missing from the first layer, one with a positive depth sticks
out of the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jintu.kernel.flat import Floats, Integers, Polygons
from jintu.kernel.overlay.pairs import candidates
from jintu.kernel.overlay.tree import build
from jintu.kernel.topology.cancelling import cancel, merge
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.faces import faces
from jintu.kernel.topology.noding import node
from jintu.kernel.topology.partition import area_defects, enclosed, face_shape, parts_wider_than_tolerance, wide
from jintu.kernel.topology.plane import Plane

__all__ = ["borders_without_lines", "covers", "lines_off_borders"]


def covers(covering: Polygons, covered: Polygons, plane: Plane | None = None, threads: int | None = None) -> Defects:
    """Where ``covering`` (DLTB) does not cover ``covered`` (XZQ) exactly (Q4101, Q4111).

    `UNCOVERED`: spots are rows of ``covered``; `OUTSIDE`: spots are rows of ``covering``. Overlaps within either layer
    are no defect here.
    """
    plane = plane or Plane()
    theirs = cancel(covered, plane, threads=threads).reversed()
    found = faces(node(merge([cancel(covering, plane, threads=threads), theirs]), plane.reach))
    parts = []
    for kind, sign, inside, outside in (
        (Kind.UNCOVERED, -1, covered, covering),
        (Kind.OUTSIDE, 1, covering, covered),
    ):
        cycles = wide(found, np.flatnonzero((sign * found.depth > 0) & (found.area > 0)), plane)
        shapes = np.array([face_shape(found, c, plane) for c in cycles.tolist()], dtype=object)
        parts.append(_left_over(kind, shapes, inside, outside, plane))
    return joined(parts)


def _left_over(kind: Kind, shapes: Any, inside: Polygons, outside: Polygons, plane: Plane) -> Defects:
    """What of the faces no polygon of ``outside`` covers, for each polygon of ``inside`` over it."""
    import shapely

    if not len(shapes):
        return joined([])
    tree = build(shapely.bounds(shapes))
    mine, theirs = _by_face(inside, tree), _by_face(outside, tree)
    spots, pieces = [], []
    for face, rows in sorted(mine.items()):
        rest, others = shapes[face], theirs.get(face)
        if others:
            rest = shapely.difference(rest, shapely.union_all(enclosed(outside.take(others))))
        for row, shape in zip(rows, enclosed(inside.take(rows)), strict=True):
            for piece in parts_wider_than_tolerance(shapely.intersection(rest, shape), plane):
                spots.append([(row,)])
                pieces.append(piece)
    return area_defects(kind, pieces, spots, plane)


def _by_face(polygons: Polygons, tree: Any) -> dict[int, list[int]]:
    """Rows whose boxes meet that of each face."""
    rows, face = candidates(polygons.boxes(), tree, 0, len(polygons))
    found: dict[int, list[int]] = {}
    for f, row in zip(face.tolist(), rows.tolist(), strict=True):
        found.setdefault(f, []).append(row)
    return found


# --- lines and borders ----------


def lines_off_borders(lines: Any, polygons: Polygons, plane: Plane | None = None) -> Defects:
    """Pieces of lines (Shapely, None allowed) that run on no boundary of the polygons (Q4103, Q4104)."""
    return _apart(Kind.OFF_BORDER, _of_lines(lines), _of_polygons(polygons), plane or Plane())


def borders_without_lines(lines: Any, polygons: Polygons, plane: Plane | None = None) -> Defects:
    """Pieces of the polygons' boundaries on which no line runs (Q4103)."""
    return _apart(Kind.WITHOUT_LINE, _of_polygons(polygons), _of_lines(lines), plane or Plane())


Segments = tuple[Floats, Integers]
"""(n, 4) x, y, x, y in the coordinates of the layer; (n, 3) row, ring, vertex"""


def _of_lines(lines: Any) -> Segments:
    import shapely

    shapes = np.asarray(lines, dtype=object)
    parts, row = shapely.get_parts(shapes, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    first = np.searchsorted(part, np.arange(len(parts) + 1))
    number = np.arange(len(parts)) - np.searchsorted(row, row)
    return _segments(points, part, np.column_stack((row, number)), first)


def _of_polygons(polygons: Polygons) -> Segments:
    starts = polygons.rings.starts
    ring = np.repeat(np.arange(len(polygons.ring_offsets) - 1), np.diff(polygons.ring_offsets))
    row = np.repeat(np.arange(len(polygons)), np.diff(starts))
    owner = np.column_stack((row, np.arange(len(row)) - starts[row]))
    return _segments(np.column_stack((polygons.x, polygons.y)), ring, owner, polygons.ring_offsets)


def _segments(points: Floats, part: Integers, owner: Integers, first: Integers) -> Segments:
    begin = np.flatnonzero(part[1:] == part[:-1])
    spots = np.column_stack((owner[part[begin]], begin - first[part[begin]]))
    return np.column_stack((points[begin], points[begin + 1])), spots


def _apart(kind: Kind, mine: Segments, others: Segments, plane: Plane) -> Defects:
    """Pieces of the first segments farther than the tolerance from all of the second."""
    import shapely

    (own, spots), (there, _) = mine, others
    own_keys = _keys(own, plane)
    _, once = np.unique(own_keys, return_index=True)  # an edge between two polygons is looked at once
    alone = np.sort(once[~np.isin(own_keys[once], _keys(there, plane))])
    alone = alone[(own[alone, :2] != own[alone, 2:]).any(axis=1)]
    if not len(alone):
        return joined([])
    metres = np.tile((plane.x_metres, plane.y_metres), 2)
    own, spots, there = own[alone] * metres, spots[alone], there * metres
    which, near = candidates(_boxes(there, plane.tolerance), build(_boxes(own, plane.tolerance)), 0, len(there))
    order = np.argsort(near, kind="stable")
    rest = shapely.linestrings(own.reshape(-1, 2, 2))
    if len(order):
        group = np.unique(near[order], return_inverse=True)
        nets = shapely.multilinestrings(shapely.linestrings(there[which[order]].reshape(-1, 2, 2)), indices=group[1])
        rest[group[0]] = shapely.difference(rest[group[0]], shapely.buffer(nets, plane.tolerance))
    pieces, index = shapely.get_parts(rest, return_index=True)
    length = shapely.length(pieces)
    kept = length > plane.tolerance
    pieces, index, length = pieces[kept], index[kept], length[kept]
    shapes = shapely.transform(pieces, lambda points: points / metres[:2])
    middle = shapely.get_coordinates(shapely.line_interpolate_point(shapes, 0.5, normalized=True))
    return collect(kind, middle, spots[index], measure=length, shapes=shapes)


def _keys(segments: Floats, plane: Plane) -> Any:
    """One number per segment, the same whichever way it is walked; two segments share one by chance in 1e19."""
    grid = np.floor(segments * np.tile(plane.grid, 2) + 0.5).astype(np.int64).astype(np.uint64)
    with np.errstate(over="ignore"):
        ends = []
        for k in (0, 2):
            h = grid[:, k] * np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(32)
            h = (h + grid[:, k + 1]) * np.uint64(0xBF58476D1CE4E5B9)
            ends.append(h ^ (h >> np.uint64(29)))
        return (ends[0] + ends[1]) * np.uint64(0x94D049BB133111EB) ^ (ends[0] * ends[1])


def _boxes(segments: Floats, margin: float) -> Floats:
    low, high = np.minimum(segments[:, :2], segments[:, 2:]), np.maximum(segments[:, :2], segments[:, 2:])
    return np.column_stack((low - margin, high + margin))
