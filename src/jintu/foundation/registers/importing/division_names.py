"""Division names of a file to codes, each at its day: a county renamed since is still found by its old name."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError

from .. import divisions
from .typing import Cell

if TYPE_CHECKING:
    import polars as pl

__all__ = ["resolve"]


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
