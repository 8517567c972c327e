"""What a layer leaves uncovered of each polygon: area by the kernel, cut geometry by GEOS when it is wanted.

The area of A not covered by the union of B₁ … Bₙ is area(A) − Σ area(A ∩ Bᵢ), unless some of the Bᵢ overlap one
another inside A. Overlaps among the right polygons are looked for first, with the same kernel; only lefts that meet
both of such a pair are cut with GEOS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers, Polygons, from_shapely
from jintu.kernel.overlay import SMALLEST, Pairs, Prepared, overlay

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["common_geometry", "uncovered", "uncovered_geometry"]


def uncovered(
    left: Polygons | Prepared,
    right: Polygons | Prepared,
    pairs: Pairs | None = None,
    *,
    threads: int | None = None,
) -> Floats:
    """Area in m² of each left geometry outside the union of the right ones; float64 (n,), never negative.

    ``pairs`` is the overlay of the two when it is at hand already, or a selection of its rows: then only those rights
    count for that left ("the approvals this supply names"). Below `SMALLEST` the answer is zero.
    """
    a = left if isinstance(left, Prepared) else Prepared(left, False, threads)
    b = right if isinstance(right, Prepared) else Prepared(right, False, threads)
    found = overlay(a, b, threads=threads) if pairs is None else pairs
    outside = a.areas - found.per_left(len(a))
    for row, rights in _with_overlapping_rights(found, b, threads):
        outside[row] = _cut_area(a.polygons, row, b.polygons, rights)
    # what is left of a fully covered polygon is rounding: of the area itself, and of the sum
    outside[outside < np.maximum(SMALLEST, 1e-12 * a.areas)] = 0.0
    return outside


def _with_overlapping_rights(found: Pairs, right: Prepared, threads: int | None) -> Iterator[tuple[int, Integers]]:
    """(left, its rights) for the lefts of which two rights overlap each other somewhere."""
    members = np.unique(found.right)
    candidates = right.polygons.take(members)
    among = overlay(candidates, candidates, threads=threads)
    different = among.left < among.right
    if not different.any():
        return
    partners: dict[int, list[int]] = {}
    for i, j in zip(members[among.left[different]].tolist(), members[among.right[different]].tolist(), strict=True):
        partners.setdefault(i, []).append(j)
    order = np.argsort(found.left, kind="stable")
    lefts, starts = np.unique(found.left[order], return_index=True)
    for row, rights in zip(lefts.tolist(), np.split(found.right[order], starts[1:]), strict=True):
        present = set(rights.tolist())
        if any(j in present for i in present if i in partners for j in partners[i]):
            yield row, rights


def _cut_area(left: Polygons, row: int, right: Polygons, rights: Integers) -> float:
    piece = uncovered_geometry(left.take([row]).to_shapely()[0], right.take(rights).to_shapely())
    return float(from_shapely([piece]).areas()[0])


def uncovered_geometry(geometry: BaseGeometry, covering: Sequence[BaseGeometry] | NDArray[Any]) -> BaseGeometry:
    """The part of a polygon outside the union of others: a polygon, a multipolygon, or an empty multipolygon."""
    import shapely

    return _polygonal(shapely.difference(geometry, shapely.union_all(list(covering))))


def common_geometry(geometry: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """The part two polygons have in common, without the lines and points where they only touch."""
    import shapely

    return _polygonal(shapely.intersection(geometry, other))


def _polygonal(shape: BaseGeometry) -> BaseGeometry:
    import shapely

    parts = [p for p in shapely.get_parts(shapely.get_parts(shape)) if p.geom_type == "Polygon" and not p.is_empty]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
