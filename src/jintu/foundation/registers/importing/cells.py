"""What a mapping does to the cells of a file before they are typed, for tables that were made to be looked at.

Web pages and office tables put several things into one cell ("其他商服用地40年; 商务金融用地50年"), lists into one row
("1|2|" instalments), one thing into either of two columns, and codes as comparisons. Everything here yields text;
whether the text is right is decided by `typing`, so that a cell no rule fits is reported as it stands in the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError

from .problems import Problem

if TYPE_CHECKING:
    import polars as pl

__all__ = ["headers_of", "of", "records"]

_OTHER = re.compile(r"\{=([^{}]+)\}")


def headers_of(rule: dict[str, Any]) -> set[str]:
    """The columns of the file one rule of a mapping reads."""
    found = {str(rule[name]) for name in ("from", "otherwise", "filled") if rule.get(name)}
    found |= set(_OTHER.findall(str(rule.get("pattern") or "")))
    found |= {str(h) for h in rule.get("lists") or ()}
    if rule.get("compare"):
        found.add(str(rule["compare"]["with"]))
    return found


def records(raw: pl.DataFrame, rule: dict[str, Any]) -> tuple[pl.DataFrame, list[Problem]]:
    """The records that the rows of a file hold.

    ``filled``: rows where that column is empty hold none. ``split`` and ``lists``: these columns hold lists of equal
    length, and each position is a record; an empty end ("1|2|") counts for nothing. Rows whose lists differ in length
    are left out and reported.
    """
    import polars as pl

    if not rule:
        return raw, []
    header = str(rule.get("filled") or "")
    if header:
        raw = raw.filter(raw[header].cast(pl.String).str.strip_chars().fill_null("") != "")
    mark = str(rule.get("split") or "")
    lists = [str(h) for h in rule.get("lists") or ()]
    if not mark or not lists:
        return raw, []
    raw = raw.with_columns(
        pl.col(h).cast(pl.String).fill_null("").str.strip_chars().str.strip_suffix(mark).str.split(mark) for h in lists
    )
    lengths = raw.select(pl.col(h).list.len() for h in lists)
    uneven = lengths.select(pl.max_horizontal(lists) != pl.min_horizontal(lists)).to_series()
    problems = [
        Problem(
            int(raw["__row__"][i]),
            lists[0],
            "The lists of this row differ in length: {lengths}.",
            mark.join(raw[lists[0]][i]),
            "Write one entry per instalment in each of the columns.",
            {"lengths": "、".join(f"{h} {lengths[h][i]}" for h in lists)},
        )
        for i in uneven.arg_true().to_list()
    ]
    return raw.filter(~uneven).explode(lists), problems


def of(raw: pl.DataFrame, rule: dict[str, Any]) -> pl.Series:
    """The cells a rule means, as text unless the file has types and the rule changes nothing."""
    import polars as pl

    header = str(rule.get("from") or "")
    if not header:
        return pl.Series([str(rule["constant"])] * raw.height, dtype=pl.String)
    series = raw[header]
    if rule.get("otherwise"):
        first, second = series.cast(pl.String), raw[str(rule["otherwise"])].cast(pl.String)
        series = pl.select(
            pl.when(first.str.strip_chars().fill_null("") == "").then(second).otherwise(first)
        ).to_series()
    if rule.get("pattern"):
        series = _by_pattern(raw, series.cast(pl.String), str(rule["pattern"]))
    if rule.get("compare"):
        series = _by_comparison(raw, series.cast(pl.String), rule["compare"])
    return series.rename(header)


def _by_pattern(raw: pl.DataFrame, series: pl.Series, pattern: str) -> pl.Series:
    """The first group that matched, where the pattern is found; other cells stay as they are.

    ``{=header}`` in the pattern stands for the row's own cell in that column, literally: a list "use years; use years"
    gives the years of the row's own use.
    """
    import polars as pl

    others = _OTHER.findall(pattern)
    known: dict[tuple[str | None, ...], str | None] = {}
    made: list[str | None] = []
    for cell, *beside in zip(series.to_list(), *(raw[h].cast(pl.String).to_list() for h in others), strict=True):
        at = (cell, *beside)
        if at not in known:
            known[at] = _picked(cell, pattern, dict(zip(others, beside, strict=True)))
        made.append(known[at])
    return pl.Series(made, dtype=pl.String)


def _picked(cell: str | None, pattern: str, beside: dict[str, str | None]) -> str | None:
    if not cell:
        return cell
    whole = _OTHER.sub(lambda m: re.escape((beside[m[1]] or "").strip()), pattern)
    found = re.search(whole, cell)
    if not found:
        return cell
    return next((group for group in found.groups() if group is not None), found[0])


def _by_comparison(raw: pl.DataFrame, series: pl.Series, rule: dict[str, Any]) -> pl.Series:
    """A number told by another: ``equal`` to the one in ``with``, ``zero``, or ``else``. No number stays as it is."""
    import polars as pl

    from jintu.kernel import units

    made: list[str | None] = []
    for cell, other in zip(series.to_list(), raw[str(rule["with"])].cast(pl.String).to_list(), strict=True):
        try:
            mine, against = units.number(cell), units.number(other)
        except InputError:
            made.append(cell)
            continue
        if mine is None or against is None:
            made.append(cell)
        elif mine == against:
            made.append(str(rule["equal"]))
        else:
            made.append(str(rule["zero"] if mine == 0 else rule["else"]))
    return pl.Series(made, dtype=pl.String)
