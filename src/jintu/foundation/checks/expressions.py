"""Expressions and small steps that rules of several domains share: tolerance, use groups, days, pairs, hits.

Everything works on whole columns; only what was found is walked row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from .lazy import pl
from .rules import Hit, Parameters

__all__ = [
    "ROUNDING",
    "days_since",
    "hits",
    "is_construction",
    "known",
    "land_class",
    "narrowed",
    "rights_of",
    "text",
    "tolerance",
    "use_group",
]

ROUNDING = 0.005
"""Half of the last digit of a filed area or sum. Sums and products of filed figures are compared with this much room:
as binary fractions they may miss an exact limit by less than a millionth."""


def tolerance(whole: pl.Expr, p: Parameters) -> pl.Expr:
    """max(tolerance_m2, tolerance_ratio × whole): areas up to this are drawing and digitising, not a finding."""
    return pl.max_horizontal(pl.lit(float(p.tolerance_m2)), float(p.tolerance_ratio) * whole)


def known(frame: pl.DataFrame, column: str, as_of: date) -> pl.DataFrame:
    """The rows that had happened by a day, with their place in the frame as ``row``; without a date they count."""
    return frame.with_row_index("row").filter(pl.col(column).is_null() | (pl.col(column) <= as_of))


def days_since(column: str, as_of: date) -> pl.Expr:
    """Whole days from a date column to the as-of date; negative before it."""
    return (pl.lit(as_of) - pl.col(column)).dt.total_days()


def text(column: str) -> pl.Expr:
    """A text column without blanks around it; "" for none."""
    return pl.col(column).fill_null("").str.strip_chars()


@cache
def _uses() -> tuple[dict[str, str], dict[str, str]]:
    """Land-use code → group, and → AGRI, CONSTRUCTION or UNUSED, of GB/T 21010-2007 and -2017 and the second survey."""
    from jintu.kernel import codelists

    groups: dict[str, str] = {}
    classes: dict[str, str] = {}
    for name in ("land_use", "land_use_2017"):
        for entry in codelists.get(name):
            if entry.group in GROUPS:
                groups[entry.code] = "mining" if entry.code in ("062", "0602", "204") else entry.group
            three = codelists.three_class(entry.code)
            if three:
                classes[entry.code] = three
    return groups, classes


GROUPS = ("commerce", "industry", "housing", "public", "special", "transport", "water")
"""Uses a contract can be about. Settlement classes of the rural survey (20x) hold several and belong to none."""


def use_group(code: pl.Expr) -> pl.Expr:
    """The use group of a land-use code; null for blanks, for classes of no group and for codes nobody knows."""
    return code.replace_strict(_uses()[0], default=None, return_dtype=pl.String)


def land_class(code: pl.Expr) -> pl.Expr:
    """AGRI, CONSTRUCTION or UNUSED of a land-use code (Land Administration Law art. 4), null when unknown."""
    return code.replace_strict(_uses()[1], default=None, return_dtype=pl.String)


def is_construction(code: pl.Expr) -> pl.Expr:
    return (land_class(code) == "CONSTRUCTION").fill_null(False)


def narrowed(pairs: pl.DataFrame, left: pl.DataFrame | None = None, right: pl.DataFrame | None = None) -> pl.DataFrame:
    """Pairs whose left and right rows (column ``row``) are among those given; other columns of ``right`` come along."""
    if left is not None:
        pairs = pairs.join(left.select(left=pl.col("row").cast(pl.UInt32)), on="left", how="semi")
    if right is not None:
        pairs = pairs.join(right.rename({"row": "right"}).cast({"right": pl.UInt32}), on="right")
    return pairs


def rights_of(pairs: pl.DataFrame, rows: Sequence[int]) -> dict[int, list[int]]:
    """left → right rows, for the left rows asked for."""
    some = pairs.filter(pl.col("left").is_in(list(rows))).group_by("left").agg("right")
    return {int(left): [int(r) for r in rights] for left, rights in some.iter_rows()}


def plain(value: Any) -> Any:
    """A value as JSON keeps it: dates as text, floats without the noise of their last digits."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return round(value, 6)
    return value


def hits(
    found: pl.DataFrame,
    *objects: tuple[str, str],
    values: Sequence[str] = (),
    constants: Mapping[str, Any] | None = None,
    area: str = "",
    days: str = "",
    level: str = "",
    geometry: Callable[[Mapping[str, Any]], bytes | None] | None = None,
) -> Iterator[Hit]:
    """A hit for each row found.

    ``objects`` are (register, column with its key); a blank key is left out. ``values`` names columns kept as evidence,
    ``constants`` are added to them; ``area``, ``days`` and ``level`` name columns.
    """
    fixed = {name: plain(v) for name, v in (constants or {}).items()}
    for row in found.iter_rows(named=True):
        yield Hit(
            objects=tuple((register, row[column]) for register, column in objects if row[column]),
            area_m2=row[area] if area else None,
            days=row[days] if days else None,
            level=(row[level] or "") if level else "",
            values={name: plain(row[name]) for name in values} | fixed,
            geometry=geometry(row) if geometry else None,
        )
