"""From candidate pairs to results: which pairs to look at, and how their areas are put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.compiled import compiled
from jintu.kernel.flat import Floats, Integers
from jintu.kernel.overlay.tree import Tree, search

__all__ = ["Pairs", "candidates", "keep", "sum_by_class"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Areas in common, sorted by left, then right; only pairs with some area are there.

    ``left``     int64 (k,): index of the left geometry
    ``right``    int64 (k,): index of the right geometry, or the class when classes were given
    ``area_m2``  float64 (k,): m² on CGCS2000 (squared units of the coordinates in planar mode)
    """

    left: Integers
    right: Integers
    area_m2: Floats

    def __len__(self) -> int:
        return len(self.left)

    def per_left(self, count: int) -> Floats:
        """Sum of each left geometry's areas, float64 (count,)."""
        sums: Floats = np.zeros(count)
        np.add.at(sums, self.left, self.area_m2)
        return sums

    def dense(self, count: int, classes: int) -> Floats:
        """The areas as a table, float64 (count, classes), zero where there is nothing."""
        table = np.zeros((count, classes))
        table[self.left, self.right] = self.area_m2
        return table


def candidates(boxes: Floats, tree: Tree, first: int, last: int) -> tuple[Integers, Integers]:
    """Pairs (left, right) whose boxes overlap, for the left boxes first … last; rights ascend for each left."""
    room = max(1024, 16 * (last - first))
    lefts, rights = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    count = 0
    while True:
        first, count, wanted = _candidates(boxes, tree, first, last, count, lefts, rights)
        if first == last:
            return lefts[:count], rights[:count]
        more = np.empty(2 * (count + wanted) - len(lefts), dtype=np.int64)
        lefts, rights = np.concatenate((lefts, more)), np.concatenate((rights, more))


@compiled
def _candidates(
    boxes: Floats, tree: Tree, first: int, last: int, count: int, lefts: Integers, rights: Integers
) -> tuple[int, int, int]:
    """Go on from ``count`` pairs: (left box that has no room, or last; pairs there are now; pairs of that box)."""
    for g in range(first, last):
        if not boxes[g, 0] < boxes[g, 2]:
            continue
        found = search(tree, boxes[g], rights[count:])
        if count + found > len(rights):
            return g, count, found
        ascend(rights, count, count + found)
        for k in range(count, count + found):
            lefts[k] = g
        count += found
    return last, count, 0


@compiled
def ascend(values: Integers, first: int, last: int) -> None:
    """Sort values[first:last] in place (Shell's sort): what comes along a Hilbert curve is nearly sorted already."""
    gap = 1
    while gap < (last - first) // 9:
        gap = 3 * gap + 1
    while gap:
        for k in range(first + gap, last):
            value, place = values[k], k
            while place >= first + gap and values[place - gap] > value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value
        gap //= 3


def keep(lefts: Integers, rights: Integers, areas: Floats, smallest: float) -> Pairs:
    """The pairs with at least ``smallest``: less is rounding, where boundaries only touch."""
    some = areas >= smallest
    return Pairs(lefts[some], rights[some], areas[some])


def sum_by_class(pairs: Pairs, classes: Integers, class_count: int) -> Pairs:
    """Pairs summed over right geometries of one class; geometries of a negative class do not count.

    Raises ValueError when a right geometry among them has a class that is not below ``class_count``: of a resident
    layer the others are not looked at, for that takes longer than one parcel.
    """
    n, met = len(pairs), classes[pairs.right]
    if n and met.max() >= class_count:
        raise ValueError(f"classes below {class_count} are needed, and there is {met.max()}")
    out = Pairs(np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n))
    sums, seen = np.zeros(class_count), np.zeros(class_count, dtype=np.bool_)
    written = _sum_by_class(pairs.left, met, pairs.area_m2, sums, seen, out.left, out.right, out.area_m2)
    return Pairs(out.left[:written], out.right[:written], out.area_m2[:written])


@compiled
def _sum_by_class(
    lefts: Integers,
    classes: Integers,
    areas: Floats,
    sums: Floats,
    seen: NDArray[np.bool_],
    out_left: Integers,
    out_class: Integers,
    out_area: Floats,
) -> int:
    written = k = 0
    n = len(lefts)
    while k < n:
        begin, left = written, lefts[k]
        while k < n and lefts[k] == left:
            if classes[k] >= 0:
                sums[classes[k]] += areas[k]
                if not seen[classes[k]]:
                    seen[classes[k]] = True
                    out_class[written] = classes[k]
                    written += 1
            k += 1
        ascend(out_class, begin, written)
        for row in range(begin, written):
            out_left[row], out_area[row] = left, sums[out_class[row]]
            sums[out_class[row]], seen[out_class[row]] = 0.0, False
    return written
