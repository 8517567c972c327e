"""Summary tables that were delivered, compared with those of the database (Q6101).

A sheet is known by the title of a table; its columns by the words of its head, one line or two; its rows by the
division's code and, where the table has it, the nature of ownership.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import Missing

from . import tables
from .workbook import CODE, OWNERS, UNITS

if TYPE_CHECKING:
    from .summary import Line, Summary

__all__ = ["Difference", "compare"]

HECTARES = {"ha": 1.0, "mu": 1 / 15, "m2": 1e-4}
TOP = 8
"""Lines in which the title, the unit and the head are looked for."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what the database gives: where and what it says, what it should, and how far off."""

    said: str
    wanted: str
    off_ha: float


def compare(summary: Summary, path: Path) -> list[Difference] | None:
    """The figures of a workbook that differ; None where it has no summary table of areas."""
    import python_calamine

    book = python_calamine.CalamineWorkbook.from_path(str(path))
    found: list[Difference] = []
    known = False
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        table = _table(rows)
        if table is not None:
            known = True
            found += _differences(summary, table, name, rows)
    return found if known else None


def _words(row: Sequence[Any]) -> list[str]:
    return ["".join(str(cell).split()) if cell is not None else "" for cell in row]


def _table(rows: Sequence[Sequence[Any]]) -> tables.Table | None:
    """The table of areas whose title stands above the head, the longest title first."""
    known = sorted((t for t in tables.all_tables() if t.layout == "areas"), key=lambda t: -len(t.zh))
    above = [word for row in rows[:TOP] for word in _words(row) if word]
    if not any(CODE in word for word in above):
        return None
    return next((t for t in known if any(t.zh in word for word in above)), None)


def _differences(
    summary: Summary, table: tables.Table, sheet: str, rows: Sequence[Sequence[Any]]
) -> Iterator[Difference]:
    unit = next((u for u, word in UNITS.items() if any(f"单位:{word}" in w for w in _top(rows))), "ha")
    at = next(i for i, row in enumerate(rows[:TOP]) if CODE in _words(row))
    heads = _heads(rows[at], rows[at + 1] if at + 1 < len(rows) else ())
    code_column = _words(rows[at]).index(CODE)
    lines = _lines(summary, table, unit)
    for row in rows[at + 1 :]:
        words = _words(row)
        code = words[code_column].removesuffix(".0") if code_column < len(words) else ""
        if not re.fullmatch(r"\d{6,12}", code):
            continue
        own = next((o for o, word in OWNERS.items() if word in words[: code_column + 2]), "") if table.by_owner else ""
        line = lines.get((code, own))
        if line is None:
            yield Difference(f"{sheet} {code}", "—", float("inf"))
            continue
        for key, value in line.items():
            if key not in heads:
                continue
            cell = row[heads[key]] if heads[key] < len(row) else None
            given = float(cell) if isinstance(cell, int | float) else 0.0
            if abs(given - value) > 1e-9:
                place = f"{sheet} {code} {OWNERS[own] if own else ''} {'/'.join(key)}".replace("  ", " ")
                yield Difference(f"{place}: {given:.2f}", f"{value:.2f}", abs(given - value) * HECTARES[unit])


def _top(rows: Sequence[Sequence[Any]]) -> list[str]:
    return [word.replace("：", ":") for row in rows[:TOP] for word in _words(row) if word]


def _heads(first: Sequence[Any], second: Sequence[Any]) -> dict[tuple[str, ...], int]:
    """(word,) or (group, word) → column; of cells merged across only the first has the group's word."""
    found: dict[tuple[str, ...], int] = {}
    group = ""
    below = _words(second)
    for i, word in enumerate(_words(first)):
        group = word or group
        under = below[i] if i < len(below) else ""
        found.setdefault((group, under) if under and not re.fullmatch(r"[\d.]+", under) else (group,), i)
    return found


def _lines(summary: Summary, table: tables.Table, unit: str) -> dict[tuple[str, str], dict[tuple[str, ...], float]]:
    """(division code, owner) → head → figure, of all divisions."""
    try:
        result = summary.table(table, summary.top(), unit, depth=9)
    except Missing:
        return {}
    heads = [tuple("".join(pair[0].split()) for pair in c.head) for c in result.columns]
    return {(line.code, line.own): _figures(line, heads) for line in result.lines}


def _figures(line: Line, heads: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    return {head: cell / 100 for head, cell in zip(heads, line.cells, strict=True)}
