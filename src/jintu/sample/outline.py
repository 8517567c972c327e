"""The cells inside the county, kept as runs: one connected piece without holes, however the noise falls.

A county of millions of cells is never held as one grid: rows are read once, as few runs each, and runs of neighbouring
rows are joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numba import njit

__all__ = ["Outline", "settle_outline"]


@dataclass(frozen=True)
class Outline:
    """Runs of inside cells: ``first[k] … last[k] - 1`` in the row of which ``starts[row] <= k < starts[row + 1]``."""

    starts: np.ndarray
    first: np.ndarray
    last: np.ndarray
    width: int

    def rows(self, j0: int, j1: int) -> np.ndarray:
        """The mask of some rows, bool ``(j1 - j0, width)``."""
        out = np.zeros((j1 - j0, self.width), dtype=np.bool_)
        for j in range(j0, j1):
            for k in range(self.starts[j], self.starts[j + 1]):
                out[j - j0, self.first[k] : self.last[k]] = True
        return out

    def at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Which cells of a grid of rows and columns are inside, bool ``(len(rows), len(columns))``."""
        return np.concatenate([self.rows(j, j + 1)[:, columns] for j in rows.tolist()])


def settle_outline(masks: Iterable[np.ndarray], width: int) -> Outline:
    """The largest piece of what ``masks`` (bands of rows, from the south) say is inside, with its holes filled.

    Cells belong together over a common side. So no part of the border touches another one, not even in a corner.
    """
    starts, first, last, inside = _runs(masks)
    piece = _joined(starts, first, last, inside)
    cells = np.bincount(piece, weights=np.where(inside, last - first, 0))
    starts, first, last, inside = _merged(starts, first, last, inside & (piece == np.argmax(cells)))
    piece = _joined(starts, first, last, inside)
    # what is outside and reaches the frame is the neighbours' land; what does not is the county's
    row = _row_of(starts)
    frame = (row == 0) | (row == len(starts) - 2) | (first == 0) | (last == width)
    foreign = np.zeros(len(piece), dtype=bool)
    foreign[piece[frame & ~inside]] = True
    starts, first, last, inside = _merged(starts, first, last, ~foreign[piece])
    row = _row_of(starts)[inside]
    return Outline(np.r_[0, np.cumsum(np.bincount(row, minlength=len(starts) - 1))], first[inside], last[inside], width)


def _runs(masks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every row as runs of equal cells: where each row's begin, first and last column of each, whether inside."""
    counts, firsts, lasts, kinds = [], [], [], []
    for mask in masks:
        turn = np.ones(mask.shape, dtype=np.bool_)
        turn[:, 1:] = mask[:, 1:] != mask[:, :-1]
        row, column = np.nonzero(turn)
        end = np.r_[column[1:], 0]
        end[np.r_[np.diff(row) > 0, True]] = mask.shape[1]
        counts.append(np.bincount(row, minlength=len(mask)))
        firsts.append(column)
        lasts.append(end)
        kinds.append(mask[row, column])
    starts = np.r_[0, np.cumsum(np.concatenate(counts))]
    return starts, np.concatenate(firsts), np.concatenate(lasts), np.concatenate(kinds)


def _row_of(starts: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def _merged(
    starts: np.ndarray, first: np.ndarray, last: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same cells with neighbouring runs of one kind made one."""
    new = np.r_[True, inside[1:] != inside[:-1]]
    new[starts[:-1]] = True
    begin = np.flatnonzero(new)
    end = np.r_[begin[1:], len(new)] - 1
    return np.searchsorted(begin, starts), first[begin], last[end], inside[begin]


@njit(cache=True)
def _joined(starts: np.ndarray, first: np.ndarray, last: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Number of the connected piece of each run."""
    parent = np.arange(len(first))
    for j in range(1, len(starts) - 1):
        for k in range(starts[j], starts[j + 1]):
            for m in range(starts[j - 1], starts[j]):
                if first[m] >= last[k]:
                    break
                if inside[m] != inside[k] or last[m] <= first[k]:
                    continue
                a, b = k, m
                while parent[a] != a:
                    parent[a] = parent[parent[a]]
                    a = parent[a]
                while parent[b] != b:
                    parent[b] = parent[parent[b]]
                    b = parent[b]
                parent[max(a, b)] = min(a, b)
    for k in range(len(first)):
        a = k
        while parent[a] != a:
            a = parent[a]
        parent[k] = a
    return parent
