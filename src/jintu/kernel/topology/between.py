"""Between two layers: does one cover the other exactly.

Covering is cancelling once more: the edges of one layer and, turned round, those of the other. Where both have the same
outline nothing is left; a face with a negative depth is missing from the first layer, one with a positive depth sticks
out of the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jintu.kernel.flat import Polygons
from jintu.kernel.overlay.pairs import candidates
from jintu.kernel.overlay.tree import build
from jintu.kernel.topology.cancelling import cancel, merge
from jintu.kernel.topology.defects import Defects, Kind, joined
from jintu.kernel.topology.faces import faces
from jintu.kernel.topology.noding import node
from jintu.kernel.topology.partition import area_defects, enclosed, face_shape, parts_wider_than_tolerance, wide
from jintu.kernel.topology.plane import Plane

__all__ = ["covers"]


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
