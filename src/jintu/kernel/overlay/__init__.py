"""Overlay: which polygons of two layers meet, and in how many square metres.

    pairs = overlay(parcels, patches)                          # (parcel, patch, m²)
    sums = overlay(parcels, patches, classes=land_use)         # (parcel, class, m²)

A layer that is asked again and again is prepared once and stays in memory with its tree::

    resident = prepare(patches)
    overlay(one_parcel, resident)                              # about a millisecond

Everything is in lon/lat on CGCS2000 with edges straight in lon/lat; ``planar=True`` computes in the plane of the
coordinates instead. The answer does not depend on the number of threads, the order of the layers, or the orientation of
their rings. Polygons must be valid: `jintu.kernel.geometry.check` says what is wrong with one that is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jintu.kernel.area import authalic
from jintu.kernel.compiled import resident
from jintu.kernel.flat import Floats, Polygons, in_parallel, split
from jintu.kernel.once import once
from jintu.kernel.overlay.edges import RUN, Side, reaches
from jintu.kernel.overlay.kernel import pair_areas
from jintu.kernel.overlay.pairs import Pairs, candidates, keep, sum_by_class
from jintu.kernel.overlay.tree import Tree, build

__all__ = ["SMALLEST", "Pairs", "Prepared", "overlay", "prepare"]

SMALLEST = 1e-6
"""m²; less is rounding of coordinates where boundaries only touch, and is dropped."""

_BATCH = 65_536
"""Left geometries taken at a time: bounds the memory for candidate pairs."""


class Prepared:
    """Polygons with their boxes and search tree: a resident layer. Make it with `prepare`."""

    def __init__(self, polygons: Polygons, planar: bool, threads: int | None) -> None:
        self.polygons = polygons
        self.planar = planar
        self.boxes = polygons.boxes(threads)
        rings = polygons.rings
        runs = np.empty((-(-len(rings.x) // RUN), 3))
        in_parallel(lambda i, j: reaches(rings, i, j, runs), split(len(runs), threads), threads)
        largest = int(polygons.vertex_counts().max(initial=0))
        self.side = resident(Side(*rings, self.boxes, np.full(len(polygons), np.nan), runs, largest))

    def __len__(self) -> int:
        return len(self.polygons)

    def __reduce__(self) -> tuple[Any, ...]:
        """Only the polygons travel to another process; the rest is made again there."""
        return _received, (self.polygons.arrays, self.planar)

    @once
    def areas(self) -> Floats:
        """Area of each geometry in m² (planar: squared units); an overlay computes only those it needs whole."""
        rings = self.polygons.rings
        out = np.empty(len(self))
        in_parallel(lambda i, j: authalic.areas(rings, i, j, self.planar, out), split(len(self), None), None)
        return out

    @once
    def tree(self) -> Tree:
        """Built when the layer first stands on the right of an overlay."""
        return resident(build(self.boxes))


def _received(arrays: tuple[Any, ...], planar: bool) -> Prepared:
    # what comes over a network may be read-only, and may go when its message goes
    return Prepared(Polygons(*(np.array(a) for a in arrays)), planar, 1)


def prepare(polygons: Polygons, *, planar: bool = False, threads: int | None = None) -> Prepared:
    """Boxes and tree of polygons that will be overlaid more than once."""
    prepared = Prepared(polygons, planar, threads)
    _ = prepared.tree
    return prepared


def overlay(
    left: Polygons | Prepared,
    right: Polygons | Prepared,
    classes: Any = None,
    class_count: int | None = None,
    threads: int | None = None,
    *,
    planar: bool = False,
    smallest: float = SMALLEST,
) -> Pairs:
    """Area in common of each left with each right geometry, or with each class of right geometries.

    ``classes`` is an integer array, the class of each right geometry (0 … class_count − 1, negative for none); areas
    are then summed by class, as if right geometries of one class did not overlap. ``threads`` is one per core when
    None. Pairs with less than ``smallest`` are left out. Raises ValueError when there are not as many classes as right
    geometries, or one of those met is not below ``class_count``.
    """
    a = left if isinstance(left, Prepared) else Prepared(left, planar, threads)
    b = right if isinstance(right, Prepared) else Prepared(right, planar, threads)
    if a.planar != b.planar:
        raise ValueError("one layer was prepared in the plane and the other on the ellipsoid")
    codes = None
    if classes is not None:
        codes = np.ascontiguousarray(classes, dtype=np.int64)
        if class_count is None:
            class_count = int(codes.max(initial=-1)) + 1
        if len(codes) != len(b):
            raise ValueError(f"{len(b)} classes below {class_count} are needed")
    batches = [_batch(a, b, i, min(i + _BATCH, len(a)), threads, smallest) for i in range(0, len(a), _BATCH)]
    if codes is not None:
        batches = [sum_by_class(batch, codes, class_count or 0) for batch in batches]
    return Pairs(
        np.concatenate([batch.left for batch in batches] or [np.empty(0, dtype=np.int64)]),
        np.concatenate([batch.right for batch in batches] or [np.empty(0, dtype=np.int64)]),
        np.concatenate([batch.area_m2 for batch in batches] or [np.empty(0)]),
    )


def _batch(a: Prepared, b: Prepared, first: int, last: int, threads: int | None, smallest: float) -> Pairs:
    """Candidates are found first and shared out by number, so that one huge polygon occupies every thread."""
    spans = [(first + i, first + j) for i, j in split(last - first, threads, at_least=256)]
    found = in_parallel(lambda i, j: candidates(a.boxes, b.tree, i, j), spans, threads)
    lefts = np.concatenate([pair[0] for pair in found])
    rights = np.concatenate([pair[1] for pair in found])
    areas = np.empty(len(lefts))

    def work(i: int, j: int) -> None:
        pair_areas(a.side, b.side, lefts, rights, i, j, a.planar, areas)

    in_parallel(work, split(len(lefts), threads, at_least=512, per_thread=16), threads)
    return keep(lefts, rights, areas, smallest)
