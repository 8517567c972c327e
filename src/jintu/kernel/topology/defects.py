"""What is found: one row per defect, in columns, because a bad layer has millions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["Defect", "Defects", "Kind", "Spot", "collect", "joined"]


class Kind(IntEnum):
    """What is wrong; the comment says what ``measure`` is."""

    # between the polygons of a layer
    GAP = 1  # mean width in m
    OVERLAP = 2  # mean width in m
    DUPLICATE = 3  # 1 when the boundaries are the same, 0 when only the set of vertices is
    UNSHARED_VERTEX = 4  # distance from the neighbour's edge in m
    SLIVER = 5  # compactness 4πA/P²
    # of one polygon: not valid
    NOT_FINITE = 10
    UNCLOSED = 11  # distance from end to begin in m
    TOO_FEW_POINTS = 12  # different points of the ring
    SELF_CROSSING = 13
    SELF_TOUCH = 14
    HOLE_OUTSIDE = 15
    NESTED_HOLES = 16
    NESTED_PARTS = 17
    SPLIT_INTERIOR = 18
    # of one ring: valid, but not as the standard wants it
    ORIENTATION = 20
    SPIKE = 21  # angle in degrees
    DUPLICATE_VERTEX = 22  # distance in m
    SHORT_EDGE = 23  # length in m
    # of lines
    LINE_CROSSING = 30
    LINE_OVERLAP = 31  # length in common in m
    DANGLE = 32  # distance to the nearest other line in m, or length that sticks out as a negative number
    PSEUDO_NODE = 33
    SHORT_LINE = 34  # length in m
    # between layers
    UNCOVERED = 40  # mean width in m
    OUTSIDE = 41  # mean width in m
    OFF_BORDER = 42  # length in m

    @property
    def invalid(self) -> bool:
        """Whether a polygon with it is not valid in the sense of OGC Simple Features."""
        return Kind.NOT_FINITE <= self <= Kind.SPLIT_INTERIOR


class Spot(NamedTuple):
    """A row, and where in it: ring over all parts and vertex in the ring, from 0; −1 when it is the row as such."""

    row: int
    ring: int = -1
    vertex: int = -1


class Defect(NamedTuple):
    """One defect: ``geometry`` (polygon, line or point) in the plane of the layer, ``area`` in m² of that plane."""

    kind: Kind
    spots: tuple[Spot, ...]
    geometry: BaseGeometry
    area: float
    measure: float

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(sorted({s.row for s in self.spots}))


@dataclass(frozen=True, eq=False)
class Defects:
    """n defects, sorted by kind, row and place.

    ``kind`` int8 (n,) · ``x``, ``y`` a place on the defect · ``area`` m² of the plane · ``measure`` see `Kind` ·
    ``spots`` int64 (m, 3) row, ring, vertex; those of defect i are ``ends[i] … ends[i + 1]`` · ``shapes`` polygon or
    line of the defect, None where it is the point (x, y)
    """

    kind: NDArray[np.int8]
    x: Floats
    y: Floats
    area: Floats
    measure: Floats
    spots: Integers
    ends: Integers
    shapes: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.kind)

    def __iter__(self) -> Iterator[Defect]:
        geometries = self.geometries()
        for i in range(len(self)):
            places = self.spots[self.ends[i] : self.ends[i + 1]].tolist()
            yield Defect(
                Kind(int(self.kind[i])),
                tuple(Spot(*place) for place in places),
                geometries[i],
                float(self.area[i]),
                float(self.measure[i]),
            )

    @property
    def rows(self) -> Integers:
        """The first row of each defect; −1 for one that concerns no row."""
        if not len(self.spots):
            return np.full(len(self), -1, dtype=np.int64)
        some = np.diff(self.ends) > 0
        return np.where(some, self.spots[np.minimum(self.ends[:-1], len(self.spots) - 1), 0], -1)

    def counts(self) -> dict[Kind, int]:
        """How many there are of each kind."""
        kinds, numbers = np.unique(self.kind, return_counts=True)
        return {Kind(int(k)): int(n) for k, n in zip(kinds, numbers, strict=True)}

    def of(self, *kinds: Kind) -> Defects:
        """Those of the kinds."""
        return self.take(np.flatnonzero(np.isin(self.kind, kinds)))

    def take(self, chosen: Any) -> Defects:
        """Those at the indices, in that order."""
        indices = np.ascontiguousarray(chosen, dtype=np.int64)
        counts = np.diff(self.ends)[indices]
        ends = np.concatenate(([0], np.cumsum(counts)))
        members = np.arange(ends[-1]) + np.repeat(self.ends[:-1][indices] - ends[:-1], counts)
        return Defects(
            self.kind[indices],
            self.x[indices],
            self.y[indices],
            self.area[indices],
            self.measure[indices],
            self.spots[members],
            ends,
            self.shapes[indices],
        )

    def numbered(self, rows: Integers) -> Defects:
        """The same defects, their rows called by the numbers they have in the layer; no row stays none."""
        spots = self.spots.copy()
        some = spots[:, 0] >= 0
        spots[some, 0] = rows[spots[some, 0]]
        return replace(self, spots=spots)

    def geometries(self) -> NDArray[np.object_]:
        """Shapely geometries (n,): the shapes, and points for the rest."""
        import shapely

        out = self.shapes.copy()
        bare = np.flatnonzero([shape is None for shape in out])
        out[bare] = shapely.points(self.x[bare], self.y[bare])
        return out

    def sorted(self) -> Defects:
        """By kind, first row, ring, vertex and place: the order does not depend on how the rows were cut."""
        first = np.full((len(self), 3), -1, dtype=np.int64)
        some = np.diff(self.ends) > 0
        first[some] = self.spots[self.ends[:-1][some]]
        return self.take(np.lexsort((self.y, self.x, first[:, 2], first[:, 1], first[:, 0], self.kind)))


def collect(
    kind: Kind,
    places: Any,
    spots: Sequence[Iterable[Sequence[int]]] | Integers,
    *,
    area: Any = 0.0,
    measure: Any = 0.0,
    shapes: Iterable[Any] | None = None,
) -> Defects:
    """Defects of one kind. ``places`` (n, 2); ``spots`` a list for each, or an array (n, 3) of one spot for each."""
    points = np.asarray(places, dtype=np.float64).reshape(-1, 2)
    n = len(points)
    if isinstance(spots, np.ndarray):
        flat, ends = spots.reshape(-1, 3).astype(np.int64), np.arange(n + 1)
    else:
        lists = [[(*s, -1, -1)[:3] for s in one] for one in spots]
        flat = np.array([s for one in lists for s in one], dtype=np.int64).reshape(-1, 3)
        ends = np.concatenate(([0], np.cumsum([len(one) for one in lists]))).astype(np.int64)
    column = np.full(n, None, dtype=object)
    if shapes is not None:
        for i, shape in enumerate(shapes):
            column[i] = shape
    return Defects(
        np.full(n, kind, dtype=np.int8),
        points[:, 0].copy(),
        points[:, 1].copy(),
        np.broadcast_to(np.asarray(area, dtype=np.float64), n).copy(),
        np.broadcast_to(np.asarray(measure, dtype=np.float64), n).copy(),
        flat,
        ends,
        column,
    )


def joined(parts: Iterable[Defects]) -> Defects:
    """All of them, sorted."""
    several = list(parts)
    if not several:
        return collect(Kind.GAP, np.empty((0, 2)), np.empty((0, 3), dtype=np.int64))
    offsets = np.cumsum([0] + [len(p.spots) for p in several])
    ends = [p.ends[:-1] + offset for p, offset in zip(several, offsets[:-1], strict=True)]
    return Defects(
        np.concatenate([p.kind for p in several]),
        np.concatenate([p.x for p in several]),
        np.concatenate([p.y for p in several]),
        np.concatenate([p.area for p in several]),
        np.concatenate([p.measure for p in several]),
        np.concatenate([p.spots for p in several]),
        np.concatenate([*ends, [offsets[-1]]]),
        np.concatenate([p.shapes for p in several]),
    ).sorted()
