"""Division codes of the rows of a file: its own codes, or its names at their day.

A county renamed since is still found by its old name.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from jintu.foundation.identity.scope import Scope, prefix_of
from jintu.kernel.errors import InputError

from .. import divisions
from .mapping import Mapping
from .typing import Cell, where

if TYPE_CHECKING:
    import polars as pl

__all__ = ["codes_of", "resolve"]


def codes_of(
    raw: pl.DataFrame, mapping: Mapping, columns: dict[str, pl.Series], scope: Scope, division: str
) -> tuple[pl.Series, list[Cell]]:
    """Division codes of the rows, each inside the scope and inside the division the import is for."""
    import polars as pl

    rule = mapping.division
    n = raw.height
    if rule.get("from"):
        codes = raw[str(rule["from"])].cast(pl.String).str.strip_chars()
        if rule.get("values"):
            codes = codes.replace({str(k): str(v) for k, v in rule["values"].items()})
        if rule.get("by") == "name":
            codes, cells = resolve(codes, rule, columns, within=str(rule.get("within") or division))
        else:
            cells = []
        codes = codes.fill_null(division) if division else codes
    else:
        codes = pl.Series([str(rule.get("constant") or division)] * n, dtype=pl.String)
        cells = []
    told = {c[0] for c in cells}
    bad = ~codes.str.contains(r"^([0-9]{6}|[0-9]{9}|[0-9]{12})$").fill_null(False)
    for i in where(bad):
        if int(i) not in told:
            cells.append(
                (
                    int(i),
                    "{value} is not a division code.",
                    "A code has 6 digits for a county, 9 for a township, 12 for a village.",
                    {"value": codes[int(i)] or "—"},
                    codes[int(i)] or "",
                )
            )
            told.add(int(i))
    allowed = {}
    prefix = prefix_of(division) if division else ""
    for code in codes.drop_nulls().unique():
        if not code.startswith(prefix) or not scope.covers(code):
            allowed[code] = False
    for i in where(codes.is_in(list(allowed))):
        if int(i) not in told:
            cells.append(
                (
                    int(i),
                    "Division {value} is outside the scope of this import ({scope}).",
                    "Rows of another division are filed by its own organisation.",
                    {"value": codes[int(i)], "scope": division or "、".join(scope.divisions)},
                    codes[int(i)],
                )
            )
    return codes, cells


def resolve(
    given: pl.Series, rule: dict[str, Any], columns: dict[str, pl.Series], *, within: str = ""
) -> tuple[pl.Series, list[Cell]]:
    """Codes of the names, null where nobody or more than one division is meant.

    ``rule["at"]`` is a day ("2019-12-31") or the name of a date column; each (name, year) is resolved once.
    """
    import polars as pl

    at = str(rule.get("at") or "")
    days: list[dt.date | None]
    if at in columns:
        days = columns[at].to_list()
    else:
        days = [dt.date.fromisoformat(at) if at else None] * len(given)
    known: dict[tuple[str, dt.date | None], str | InputError] = {}
    codes: list[str | None] = []
    wrong: list[Cell] = []
    listed = divisions.known()
    for i, (text, day) in enumerate(zip(given.to_list(), days, strict=True)):
        if not text:
            codes.append(None)
            continue
        pair = (text, day)
        if pair not in known:
            try:
                known[pair] = listed.resolve(text, day, within=within).code
            except InputError as error:
                known[pair] = error
        found = known[pair]
        if isinstance(found, InputError):
            wrong.append((i, found.sentence, found.remedy, found.params, text))
            codes.append(None)
        else:
            codes.append(found)
    return pl.Series(codes, dtype=pl.String), wrong
