"""What a layer leaves to be judged once its edges have cancelled, and how that follows from what it left before.

The remains of a layer are small where it is clean: the edges round it, and 48 bytes a row. Kept, they make looking at
the next version of the layer a matter of what changed: only edges of outlines that went or came can cancel differently,
and only rows whose boxes meet theirs can have such edges.

    left = remains(scans)                                     # of the whole layer
    found = left.defects(fetch, plane)
    left = renewed(left, before, gone, came, fetch, plane)    # of the version after it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers, Polygons, concatenated, from_shapely
from jintu.kernel.overlay.pairs import candidates
from jintu.kernel.overlay.tree import build
from jintu.kernel.topology.cancelling import Edges, cancel, each, merge
from jintu.kernel.topology.copies import copies
from jintu.kernel.topology.defects import Defects, Kind, joined
from jintu.kernel.topology.partition import Fetch, enclosed, judge
from jintu.kernel.topology.plane import Plane
from jintu.kernel.topology.rings import measure
from jintu.kernel.topology.validating import validity

if TYPE_CHECKING:
    from jintu.kernel.topology import Scan

__all__ = ["Remains", "between", "crossing_rows", "remains", "renewed"]

Prints = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Remains:
    """Of a layer of n rows, numbered from 0: ``edges`` that did not cancel, ``boxes`` (n, 4), and the two fingerprints
    of `rings.Measures` by which copies are known, (n,)."""

    edges: Edges
    boxes: Floats
    vertices: Prints
    boundary: Prints

    def __len__(self) -> int:
        return len(self.boxes)

    def defects(self, fetch: Fetch, plane: Plane) -> Defects:
        """Gaps, overlaps, unshared vertices and duplicates; ``fetch`` as for `conclude`."""
        rows = np.arange(len(self))
        return between(self.edges, rows, self.boxes, (self.vertices, self.boundary), fetch, plane)


def between(
    edges: Edges, rows: Integers, boxes: Floats, prints: tuple[Prints, Prints], fetch: Fetch, plane: Plane
) -> Defects:
    """What is wrong between the rows of a layer, from the edges that are left; ``rows`` ascend."""
    duplicates = copies(rows, *prints, fetch, plane)
    return joined([_without_copies(judge(edges, boxes, rows, fetch, plane), duplicates), duplicates])


def _without_copies(found: Defects, duplicates: Defects) -> Defects:
    first_of = {copy: first for first, copy in (d.rows for d in duplicates if d.measure == 1)}
    if not first_of:
        return found
    kept = np.ones(len(found), dtype=np.bool_)
    for i in np.flatnonzero(found.kind == Kind.OVERLAP):
        one, other = found.spots[found.ends[i] : found.ends[i] + 2, 0].tolist()
        kept[i] = first_of.get(one, one) != first_of.get(other, other)
    return found.take(np.flatnonzero(kept))


def remains(scans: Sequence[Scan]) -> Remains:
    """Of all fragments of a layer, in any order. Raises ValueError where rows are missing or twice."""
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(s.rows for s in scans)])
    order = np.argsort(rows, kind="stable")
    if not np.array_equal(rows[order], np.arange(len(rows))):
        raise ValueError("the fragments are not the rows of a layer, each once")

    def column(parts: list[Any], empty: Any) -> Any:
        return np.ascontiguousarray(np.concatenate([empty, *parts])[order])

    none = np.empty(0, dtype=np.uint64)
    return Remains(
        merge([_no_edges(), *(s.edges for s in scans)]),
        column([s.boxes for s in scans], np.empty((0, 4))),
        column([s.measures.vertices for s in scans], none),
        column([s.measures.boundary for s in scans], none),
    )


def renewed(
    old: Remains,
    before: Integers,
    gone: Polygons,
    came: Polygons,
    fetch: Fetch,
    plane: Plane,
) -> Remains:
    """The remains of the version after that of ``old``.

    ``before`` (n,): of each row the number it had, where its outline is what it was, else −1; ``gone``: the outlines of
    the old version that are no more; ``came``: those of the rows that have no number, in their order; ``fetch`` gives
    the geometries of rows of the new version, and is asked for those about the change. All in the plane of ``old``.
    """
    fresh = np.flatnonzero(before < 0)
    same = np.flatnonzero(before >= 0)
    measures, own = measure(came, plane), came.boxes()
    boxes = np.empty((len(before), 4))
    boxes[same], boxes[fresh] = old.boxes[before[same]], own
    vertices, boundary = np.empty(len(before), np.uint64), np.empty(len(before), np.uint64)
    vertices[same], vertices[fresh] = old.vertices[before[same]], measures.vertices
    boundary[same], boundary[fresh] = old.boundary[before[same]], measures.boundary
    edges = _edges(old, before, concatenated([gone, came]), boxes, fetch, plane)
    return Remains(edges, boxes, vertices, boundary)


def _edges(old: Remains, before: Integers, moved: Polygons, boxes: Floats, fetch: Fetch, plane: Plane) -> Edges:
    """Edges of which no outline that went or came has any are left as they were; the others are cancelled again among
    all rows that may have them."""
    touched = _whole_edges(moved, plane)
    now = np.full(len(old), -1, dtype=np.int64)
    now[before[before >= 0]] = np.flatnonzero(before >= 0)
    kept = old.edges.take(~_among(old.edges, touched))
    kept = replace(kept, row=now[kept.row])
    near = _near(boxes, moved.boxes(), plane)
    about = fetch(near)
    again = _cancelled(about, near, plane)
    return merge([kept, again.take(_among(again, touched))])


def _near(boxes: Floats, moved: Floats, plane: Plane) -> Integers:
    """Rows whose boxes come within the grid of others'."""
    filled = moved[np.isfinite(moved).all(axis=1)]
    if not len(filled):
        return np.empty(0, dtype=np.int64)
    reach = 2 / np.array(plane.grid * 2)
    tree = build(filled + reach * (-1, -1, 1, 1))
    return np.unique(candidates(boxes, tree, 0, len(boxes))[0])


def crossing_rows(polygons: Polygons) -> Integers:
    """Geometries that cross themselves."""
    return np.unique(validity(polygons).of(Kind.SELF_CROSSING).rows)


def _whole_edges(polygons: Polygons, plane: Plane) -> Edges:
    """All edges of each geometry for itself; of those that cross themselves, of what they enclose."""
    bad = crossing_rows(polygons)
    mended = from_shapely(enclosed(polygons.take(bad)))
    good = np.setdiff1d(np.arange(len(polygons)), bad)
    return each(concatenated([polygons.take(good), mended]), plane)


def _cancelled(polygons: Polygons, rows: Integers, plane: Plane) -> Edges:
    """What of some rows does not cancel among them, as `scan` has it."""
    bad = crossing_rows(polygons)
    mended = from_shapely(enclosed(polygons.take(bad)))
    return merge([cancel(polygons, plane, rows, without=bad), cancel(mended, plane, rows[bad])])


def _among(edges: Edges, others: Edges) -> NDArray[np.bool_]:
    """Which edges join two points that one of the others joins, either way."""
    if not len(edges) or not len(others):
        return np.zeros(len(edges), dtype=np.bool_)
    ends = np.concatenate([_ends(edges), _ends(others)])
    number = np.unique(ends, axis=0, return_inverse=True)[1].reshape(-1)
    return np.isin(number[: len(edges)], number[len(edges) :])


def _ends(edges: Edges) -> Integers:
    """(n, 4) grid points, the smaller first."""
    turned = (edges.ax > edges.bx) | ((edges.ax == edges.bx) & (edges.ay > edges.by))
    one, other = np.column_stack((edges.ax, edges.ay)), np.column_stack((edges.bx, edges.by))
    return np.hstack((np.where(turned[:, None], other, one), np.where(turned[:, None], one, other)))


def _no_edges() -> Edges:
    return Edges(*(np.empty(0, dtype=np.int64) for _ in range(7)))
