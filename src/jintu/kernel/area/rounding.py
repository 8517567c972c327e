"""Rounding of summary tables so that every total keeps: Σ children = parent, Σ columns = total, in every table.

Tables in hectares show two decimals, 100 m²; rounding each figure by itself breaks the sums. Here the smallest cells
(division × class × ownership × slope …) are rounded once, from the top down, and every published figure is a sum of
them:

1. the highest division's total is rounded, and divided down its tree of columns by largest remainder;
2. a division's cells are divided among its children: each child's cell is its exact value cut down or up to a unit, the
   children's sum is the parent's cell, and which children go up is chosen so that no total of a child runs away from
   its exact value (the error is diffused along the columns it belongs to).

The result is the same for the same input, every cell is less than one unit from its exact value when its parent's is,
and `deviation` tells how far any total is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jintu.kernel.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["deviation", "nested_rounding", "round_to_sum"]


def round_to_sum(values: NDArray[np.int64], unit: int, total: int) -> NDArray[np.int64]:
    """Whole units (n,) of non-negative values (n,) that sum to ``total`` units: largest remainders go up.

    >>> round_to_sum(np.array([150, 150, 100]), 100, 4).tolist()
    [2, 1, 1]
    """
    whole, rest = np.divmod(values, unit)
    left = int(total - whole.sum())
    while left:
        step = np.argsort(-rest, kind="stable") if left > 0 else np.argsort(rest, kind="stable")
        if left < 0:
            step = step[whole[step] > 0]
        if not len(step):
            raise InputError("The values cannot be rounded to the sum {total}.", total=total)
        chosen = step[: min(abs(left), len(step))]
        sign = 1 if left > 0 else -1
        whole[chosen] += sign
        rest[chosen] -= sign * unit
        left -= sign * len(chosen)
    return whole


def nested_rounding(
    cells: NDArray[np.int64], parent: Sequence[int], groups: Sequence[NDArray[np.int64]], unit: int
) -> NDArray[np.int64]:
    """Cells in whole units for a tree of divisions.

    ``cells`` (d, c): exact values of every division, a parent's being the sum of its children's. ``parent`` (d,): row
    of the division above, -1 at the top; a parent stands before its children. ``groups``: ways to sum columns, each
    (c,) numbering the total a column belongs to, coarsest first. Raises `InputError` when parents are no sums.
    """
    above = np.asarray(parent, dtype=np.int64)
    if np.any(cells < 0) or np.any(above >= np.arange(len(above))):
        raise InputError("The cells or divisions are not in order.")
    done = np.zeros_like(cells)
    for top in np.flatnonzero(above < 0).tolist():
        done[top] = _columns(cells[top], groups, unit)
    for row in np.unique(above[above >= 0]).tolist():
        children = np.flatnonzero(above == row)
        if np.any(cells[children].sum(axis=0) != cells[row]):
            raise InputError("The parts of a division do not sum to it.")
        done[children] = _children(cells[children], done[row], groups, unit)
    return done


def _columns(values: NDArray[np.int64], groups: Sequence[NDArray[np.int64]], unit: int) -> NDArray[np.int64]:
    """Down the column tree: the total, then each way to sum that lies inside the one before, then the cells."""
    total = int((values.sum() + unit // 2) // unit)
    of = np.zeros(len(values), dtype=np.int64)
    target = np.array([total])
    for finer in [*groups, np.arange(len(values))]:
        numbers, first = np.unique(finer, return_index=True)
        position = np.searchsorted(numbers, finer)
        if np.any(of[first][position] != of):  # another way to sum, not a finer one
            continue
        sums = np.zeros(len(numbers), dtype=np.int64)
        np.add.at(sums, position, values)
        rounded = np.zeros(len(numbers), dtype=np.int64)
        for group in range(len(target)):
            inside = np.flatnonzero(of[first] == group)
            if len(inside):
                rounded[inside] = round_to_sum(sums[inside], unit, int(target[group]))
        of, target = position, rounded
    return target


def _children(
    values: NDArray[np.int64], target: NDArray[np.int64], groups: Sequence[NDArray[np.int64]], unit: int
) -> NDArray[np.int64]:
    """``values`` (k, c) of k children in units whose column sums are ``target`` (c,)."""
    whole, rest = np.divmod(values, unit)
    left = target - whole.sum(axis=0)
    # what each child's totals are owed so far, in parts of a unit: (k, number of totals) for each way to sum
    owed = [np.zeros((len(values), int(g.max(initial=0)) + 1)) for g in groups]
    everything = np.zeros(len(values))
    share = rest / unit
    for column in np.flatnonzero((left != 0) | rest.any(axis=0)).tolist():
        wish = share[:, column] + everything + sum(o[:, g[column]] for o, g in zip(owed, groups, strict=True))
        add = np.zeros(len(values), dtype=np.int64)
        need = int(left[column])
        # only what the division has may be rounded: a child without the class stays at nothing if it can be helped
        open_ = np.where(rest[:, column] > 0, wish, wish - 1e6)
        while need > 0:
            chosen = np.argsort(-open_, kind="stable")[: min(need, len(values))]
            add[chosen] += 1
            open_[chosen] -= 1e3
            need -= len(chosen)
        while need < 0:
            can = np.flatnonzero(whole[:, column] + add > 0)
            if not len(can):
                raise InputError("The values cannot be rounded to the sum {total}.", total=int(target[column]))
            chosen = can[np.argsort(wish[can], kind="stable")][: min(-need, len(can))]
            add[chosen] -= 1
            need += len(chosen)
        whole[:, column] += add
        error = share[:, column] - add
        everything += error
        for o, g in zip(owed, groups, strict=True):
            o[:, g[column]] += error
    return whole


def deviation(
    cells: NDArray[np.int64], rounded: NDArray[np.int64], groups: Sequence[NDArray[np.int64]], unit: int
) -> float:
    """The largest distance, in units, between a rounded total of a division and its exact value."""
    worst = 0.0
    error = rounded * unit - cells
    for group in [np.zeros(cells.shape[1], dtype=np.int64), *groups, np.arange(cells.shape[1])]:
        sums = np.zeros((len(cells), int(group.max(initial=0)) + 1), dtype=np.int64)
        np.add.at(sums.T, group, error.T)
        worst = max(worst, float(np.abs(sums).max(initial=0)) / unit)
    return worst
