"""What other layers cover of each polygon: area by the kernel, cut geometry by GEOS when it is wanted.

The area of A in the union of B₁ … Bₙ is Σ area(A ∩ Bᵢ), unless some of the Bᵢ overlap one another inside A. Overlaps
among the covering polygons are looked for first, with the same kernel; only lefts that meet both of such a pair are cut
with GEOS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Polygons, from_shapely
from jintu.kernel.overlay import SMALLEST, Pairs, Prepared, overlay

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["TWICE", "common_geometry", "covered", "uncovered", "uncovered_geometry"]

TWICE = 1e-3
"""m² two covering polygons must share before their areas may no longer simply be added."""


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
    outside: Floats = a.areas - covered(a, [(b, found)], threads=threads)
    # what is left of a fully covered polygon is rounding: of the area itself, and of the sum
    outside[outside < np.maximum(SMALLEST, 1e-12 * a.areas)] = 0.0
    return outside


def covered(
    left: Prepared,
    covers: Sequence[tuple[Prepared, Pairs]],
    among: Callable[[int, int], Pairs] | None = None,
    *,
    threads: int | None = None,
) -> Floats:
    """Area in m² of each left geometry inside the union of geometries of several layers; float64 (n,).

    ``covers`` are (layer, its pairs with left): the overlay, or the rows of it that shall count. ``among(i, j)`` is the
    overlay of cover i with cover j (i ≤ j) where the caller has it already.
    """
    inside: Floats = np.zeros(len(left))
    for _, pairs in covers:
        inside += pairs.per_left(len(left))
    for row, rights in _covered_twice(covers, among, threads):
        shapes = [covers[k][0].polygons.take([i]).to_shapely()[0] for k, i in rights]
        inside[row] = _cut_area(left.polygons.take([row]).to_shapely()[0], shapes)
    return inside


def _covered_twice(
    covers: Sequence[tuple[Prepared, Pairs]], among: Callable[[int, int], Pairs] | None, threads: int | None
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """(left, its rights as (cover, index)) for the lefts of which two rights share more than `TWICE` somewhere."""
    first = np.r_[0, np.cumsum([len(layer) for layer, _ in covers])]
    lefts = np.concatenate([pairs.left for _, pairs in covers] or [np.empty(0, dtype=np.int64)])
    rights = np.concatenate([first[k] + pairs.right for k, (_, pairs) in enumerate(covers)] or [lefts])
    order = np.lexsort((rights, lefts))
    lefts, rights = lefts[order], rights[order]
    begin = np.flatnonzero(np.r_[True, lefts[1:] != lefts[:-1]]) if len(lefts) else lefts
    if not (np.diff(np.r_[begin, len(lefts)]) > 1).any():
        return
    partners: dict[int, set[int]] = {}
    for k in range(len(covers)):
        for m in range(k, len(covers)):
            shared = among(k, m) if among is not None else _among(covers, k, m, threads)
            keep = shared.area_m2 > TWICE
            if k == m:
                keep &= shared.left < shared.right
            for i, j in zip(
                (first[k] + shared.left[keep]).tolist(), (first[m] + shared.right[keep]).tolist(), strict=True
            ):
                partners.setdefault(i, set()).add(j)
    if not partners:
        return
    touched = np.unique(lefts[np.isin(rights, np.fromiter(partners, dtype=np.int64))])
    starts = np.searchsorted(lefts, touched)
    ends = np.searchsorted(lefts, touched, side="right")
    for row, i, j in zip(touched.tolist(), starts.tolist(), ends.tolist(), strict=True):
        present = rights[i:j].tolist()
        if any(not partners[r].isdisjoint(present) for r in present if r in partners):
            which = np.searchsorted(first, rights[i:j], side="right") - 1
            yield row, list(zip(which.tolist(), (rights[i:j] - first[which]).tolist(), strict=True))


def _among(covers: Sequence[tuple[Prepared, Pairs]], k: int, m: int, threads: int | None) -> Pairs:
    """The overlay of what counts of two covers."""
    a, b = (np.unique(covers[i][1].right) for i in (k, m))
    shared = overlay(covers[k][0].polygons.take(a), covers[m][0].polygons.take(b), threads=threads)
    return Pairs(a[shared.left], b[shared.right], shared.area_m2)


def _cut_area(shape: BaseGeometry, covering: Sequence[BaseGeometry]) -> float:
    import shapely

    return float(from_shapely([common_geometry(shape, shapely.union_all(list(covering)))]).areas()[0])


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
