"""Matrices of change that balance: opening + Σ in − Σ out = closing, to the last digit.

Flows between classes are measured on the ground, openings and closings are official areas; the two differ by rounding.
`balance` changes the measured flows as little as needed: first in proportion (each row and column is scaled to its
total until nothing moves), then to whole units, cutting every flow down and giving the units left over to the largest
remainders that rows and columns still need, along alternating paths where one cannot give directly.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from jintu.kernel.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["balance"]

ROUNDS = 60
"""Scalings at most; measured flows are within 1e-6 of official areas, so three are usual."""


def balance(
    rows: ArrayLike, columns: ArrayLike, flows: ArrayLike, openings: ArrayLike, closings: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Whole flows whose rows sum to ``openings`` (n,) and whose columns sum to ``closings`` (m,).

    ``rows``, ``columns`` (k,): where each measured flow (k,) ≥ 0 goes, once for each pair. Openings and closings have
    one sum; all are whole units. Returns rows, columns and flows, and how many units had to go where nothing was
    measured, because no chain of flows joins the row and the column. Raises `InputError` when the sums differ.
    """
    of, to = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    left, right = np.asarray(openings, dtype=np.int64), np.asarray(closings, dtype=np.int64)
    if left.sum() != right.sum():
        raise InputError("Openings and closings do not have the same sum.")
    if len(left) and (left.min() < 0 or right.min() < 0):
        raise InputError("An opening or closing is negative.")
    value = _scaled(of, to, np.asarray(flows, dtype=np.float64), left, right)
    whole = np.floor(value + 1e-9).astype(np.int64)
    owed_row = left - np.bincount(of, weights=whole, minlength=len(left)).astype(np.int64)
    owed_column = right - np.bincount(to, weights=whole, minlength=len(right)).astype(np.int64)
    _take_back(of, to, whole, owed_row, owed_column)
    for k in np.argsort(whole - value, kind="stable").tolist():
        if owed_row[of[k]] > 0 and owed_column[to[k]] > 0:
            whole[k] += 1
            owed_row[of[k]] -= 1
            owed_column[to[k]] -= 1
    forced = _along_paths(of, to, whole, owed_row, owed_column)
    if forced:
        of, to, whole = _merged(of, to, whole, forced)
    keep = whole > 0
    return of[keep], to[keep], whole[keep], sum(units for _, _, units in forced)


def _scaled(
    of: NDArray[np.int64],
    to: NDArray[np.int64],
    value: NDArray[np.float64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Proportional fitting; a row or column without measured flows stays without."""
    for _ in range(ROUNDS):
        before = value
        for where, total in ((of, left), (to, right)):
            sums = np.bincount(where, weights=value, minlength=len(total))
            factor = np.divide(total, sums, out=np.zeros(len(total)), where=sums > 0)
            value = value * factor[where]
        if len(value) and np.abs(value - before).max() < 1e-6:
            break
    return value


def _take_back(
    of: NDArray[np.int64],
    to: NDArray[np.int64],
    whole: NDArray[np.int64],
    owed_row: NDArray[np.int64],
    owed_column: NDArray[np.int64],
) -> None:
    """Where rows or columns got more than their total, the largest flows give it back."""
    for k in np.argsort(-whole, kind="stable").tolist():
        more = max(-owed_row[of[k]], -owed_column[to[k]], 0)
        given = min(int(more), int(whole[k]))
        if given:
            whole[k] -= given
            owed_row[of[k]] += given
            owed_column[to[k]] += given


def _along_paths(
    of: NDArray[np.int64],
    to: NDArray[np.int64],
    whole: NDArray[np.int64],
    owed_row: NDArray[np.int64],
    owed_column: NDArray[np.int64],
) -> list[tuple[int, int, int]]:
    """Units still owed, moved along row → column → row … paths; what no path reaches is returned as new flows."""
    by_row: dict[int, list[int]] = {}
    by_column: dict[int, list[int]] = {}
    for k, (r, c) in enumerate(zip(of.tolist(), to.tolist(), strict=True)):
        by_row.setdefault(r, []).append(k)
        by_column.setdefault(c, []).append(k)
    forced: list[tuple[int, int, int]] = []
    shut: set[int] = set()  # rows from which no column that is owed can be reached; paths elsewhere never open them
    for row in np.flatnonzero(owed_row > 0).tolist():
        while owed_row[row] > 0 and row not in shut:
            path = _path(row, by_row, by_column, of, to, whole, owed_column, shut)
            if path is None:
                break
            units = min(int(owed_row[row]), int(owed_column[to[path[-1]]]), *(int(whole[k]) for k in path[1::2]))
            whole[path[::2]] += units
            whole[path[1::2]] -= units
            owed_row[row] -= units
            owed_column[to[path[-1]]] -= units
    for row in np.flatnonzero(owed_row > 0).tolist():
        for column in np.flatnonzero(owed_column > 0).tolist():
            units = min(int(owed_row[row]), int(owed_column[column]))
            if units:
                forced.append((row, column, units))
                owed_row[row] -= units
                owed_column[column] -= units
    return forced


def _path(
    row: int,
    by_row: dict[int, list[int]],
    by_column: dict[int, list[int]],
    of: NDArray[np.int64],
    to: NDArray[np.int64],
    whole: NDArray[np.int64],
    owed_column: NDArray[np.int64],
    shut: set[int],
) -> list[int] | None:
    """Shortest alternating path of flows (up, down, up …) from a row that is owed to a column that is owed; without
    one, the rows reached are shut."""
    came: dict[int, int | None] = {row: None}  # row → the flow taken down to reach it
    reached: dict[int, int] = {}  # column → the flow taken up to reach it
    queue = deque([row])
    while queue:
        here = queue.popleft()
        for up in by_row.get(here, ()):
            column = int(to[up])
            if column in reached:
                continue
            reached[column] = up
            if owed_column[column] > 0:
                return _back(column, reached, came, of, to)
            for down in by_column[column]:
                other = int(of[down])
                if other not in came and other not in shut and whole[down] > 0:
                    came[other] = down
                    queue.append(other)
    shut.update(came)
    return None


def _back(
    column: int, reached: dict[int, int], came: dict[int, int | None], of: NDArray[np.int64], to: NDArray[np.int64]
) -> list[int]:
    path: list[int] = []
    while True:
        up = reached[column]
        path.append(up)
        down = came[int(of[up])]
        if down is None:
            return path[::-1]
        path.append(down)
        column = int(to[down])


def _merged(
    of: NDArray[np.int64], to: NDArray[np.int64], whole: NDArray[np.int64], forced: list[tuple[int, int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    more = np.array(forced, dtype=np.int64)
    pairs = np.column_stack((np.r_[of, more[:, 0]], np.r_[to, more[:, 1]]))
    unique, place = np.unique(pairs, axis=0, return_inverse=True)
    sums = np.zeros(len(unique), dtype=np.int64)
    np.add.at(sums, place.ravel(), np.r_[whole, more[:, 2]])
    return unique[:, 0], unique[:, 1], sums
