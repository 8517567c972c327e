"""From candidate pairs to results: which pairs to look at, and how their areas are put together."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np

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


@nb.njit(cache=True, nogil=True)
def candidates(boxes: Floats, tree: Tree, first: int, last: int) -> tuple[Integers, Integers]:
    """Pairs (left, right) whose boxes overlap, for the left boxes first … last; rights ascend for each left."""
    lefts, rights = np.empty(1024, dtype=np.int64), np.empty(1024, dtype=np.int64)
    count = 0
    for g in range(first, last):
        if not boxes[g, 0] < boxes[g, 2]:
            continue
        found = search(tree, boxes[g], rights[count:])
        if count + found > len(rights):
            size = 2 * (count + found)
            grown_lefts, grown_rights = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
            grown_lefts[:count], grown_rights[:count] = lefts[:count], rights[:count]
            lefts, rights = grown_lefts, grown_rights
            search(tree, boxes[g], rights[count:])
        rights[count : count + found].sort()
        lefts[count : count + found] = g
        count += found
    return lefts[:count], rights[:count]


def keep(lefts: Integers, rights: Integers, areas: Floats, smallest: float) -> Pairs:
    """The pairs with at least ``smallest``: less is rounding, where boundaries only touch."""
    some = areas >= smallest
    return Pairs(lefts[some], rights[some], areas[some])


def sum_by_class(pairs: Pairs, classes: Integers, class_count: int) -> Pairs:
    """Pairs summed over right geometries of one class; geometries of a negative class do not count."""
    return Pairs(*_sum_by_class(pairs.left, classes[pairs.right], pairs.area_m2, class_count))


@nb.njit(cache=True, nogil=True)
def _sum_by_class(
    lefts: Integers, classes: Integers, areas: Floats, class_count: int
) -> tuple[Integers, Integers, Floats]:
    n = len(lefts)
    out_left, out_class, out_area = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n)
    sums, seen = np.zeros(class_count), np.zeros(class_count, dtype=np.bool_)
    written = k = 0
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
        out_class[begin:written].sort()
        for row in range(begin, written):
            out_left[row], out_area[row] = left, sums[out_class[row]]
            sums[out_class[row]], seen[out_class[row]] = 0.0, False
    return out_left[:written], out_class[:written], out_area[:written]
