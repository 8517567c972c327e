"""The equations of the summary tables (Q6101–Q6104), from the printed figures: for all divisions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import grid, tables
from .equations import Equations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .summary import Figures, Summary

__all__ = ["equations"]


def equations(summary: Summary, prefix: str, unit: str) -> list[Equations]:
    """Every equation the tables must fulfil; the whole tree below ``prefix``."""
    found = _of_patches(summary)
    made = {
        table.number: (table, summary.figures(table, prefix, unit, 9))
        for table in tables.all_tables()
        if table.layout == "areas" and isinstance(summary.grid(table.base), grid.Grid)
    }
    if isinstance(summary.grid("patches"), grid.Grid):
        found += _controls(summary, made["1"][1])
        found += _cross({number: figures for number, (_, figures) in made.items()}, unit)
    holders: dict[tuple[str, ...], NDArray[np.int64]] = {}
    for table, figures in made.values():
        divisions = tuple(figures.divisions)
        if divisions not in holders:
            holders[divisions] = _holders(divisions)
        found += _balances(table, figures, holders[divisions], unit)
    return found


def _of_patches(summary: Summary) -> list[Equations]:
    """Q5104, Q5105: how many patches break the identities."""
    left = [[sum(p.ridge_wrong for p in summary.patches), sum(p.net_wrong for p in summary.patches)]]
    kinds = (("Q5104", "ridge", ""), ("Q5105", "net", ""))
    return [Equations(kinds, "rows", [""], np.array(left, dtype=np.int64), np.zeros((1, 2), dtype=np.int64))]


def _controls(summary: Summary, figures: Figures) -> list[Equations]:
    """Q6101: the whole area of each division is its control area, in m²."""
    whole = figures.base.exact.sum(axis=1)
    told = [
        (division, whole[row], area)
        for row, division in zip(figures.rows, figures.divisions, strict=True)
        if (area := summary.control(division)) is not None
    ]
    if not told:
        return []
    divisions, left, right = zip(*told, strict=True)
    return [Equations((("Q6101", "control", "first"),), "m2", divisions, _column(left), _column(right))]


def _cross(figures: Mapping[str, Figures], unit: str) -> list[Equations]:
    """Q6103, Q6104: between tables, for each division."""
    first, owners, slope, second = (figures[number] for number in ("1", "2", "5", "3"))
    cultivated = next(i for i, c in enumerate(first.columns) if c.key == "01")
    total = first.cells[:, 0, 0]
    left = (owners.cells[:, 1:, 0].sum(axis=1), slope.cells[:, 0, 0], second.cells[:, 0, 0])
    right = (total, first.cells[:, 0, cultivated], total)
    kinds = (("Q6103", "owner", "first-owner"), ("Q6104", "slope", "slope"), ("Q6103", "second", "second"))
    return [Equations(kinds, unit, first.divisions, np.column_stack(left), np.column_stack(right))]


def _balances(table: tables.Table, figures: Figures, holder: NDArray[np.int64], unit: str) -> list[Equations]:
    """Q6101: the first column is the sum of its parts. Q6102: children sum to their parent, column by column."""
    owners = figures.cells.shape[1]
    divisions = [division for division in figures.divisions for _ in range(owners)]
    at = {c.key: i for i, c in enumerate(figures.columns)}
    parts = figures.cells[:, :, [at[p] for p in table.parts if p in at]].sum(axis=2)
    held = np.flatnonzero(holder >= 0)
    sums = np.zeros_like(figures.cells)
    np.add.at(sums, holder[held], figures.cells[held])
    above = np.unique(holder[held])
    sums, cells = (a[above].reshape(-1, a.shape[2]) for a in (sums, figures.cells))
    worst = np.argmax(np.abs(sums - cells), axis=1)  # of the columns the one where children and parent differ most
    rows = np.arange(len(worst))
    named = [figures.divisions[row] for row in above.tolist() for _ in range(owners)]
    return [
        Equations((("Q6101", "columns", table.id),), unit, divisions, _column(parts), _column(figures.cells[:, :, 0])),
        Equations(
            (("Q6102", "children", table.id),), unit, named, _column(sums[rows, worst]), _column(cells[rows, worst])
        ),
    ]


def _holders(divisions: Sequence[str]) -> NDArray[np.int64]:
    """Of each division the row of the next one above, −1 for none."""
    row = {division: i for i, division in enumerate(divisions)}
    return np.array(
        [next((row[d[:n]] for n in range(len(d) - 1, -1, -1) if d[:n] in row), -1) for d in divisions], dtype=np.int64
    )


def _column(values: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64).reshape(-1, 1)
