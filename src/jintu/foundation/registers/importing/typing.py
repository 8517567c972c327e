"""Columns of text become columns of the register's types, a whole column at a time.

Most cells of most files are plain: those go through vectorised expressions. What is left (units in the cell, Chinese
dates, full-width digits, nonsense) is parsed cell by cell, but each distinct text only once. Numbers stay exact: the
floating-point product decides only where it cannot be wrong, the rest is computed as fractions.

Staged types: text String · decimals Int64 scaled by the field's decimal places · integers Int64 · floats Float64 ·
dates Date · booleans Boolean · geometry Binary (WKB, EPSG:4490).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.db import models

from jintu.kernel.errors import InputError

from .. import units, values
from ..columns import Column
from .problems import Problem

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Cell", "boolean", "choice", "convert", "day", "decimal", "scaled_type", "text", "where", "whole"]

Cell = tuple[int, str, str, dict[str, Any], str]
"""(position in the column, sentence, remedy, params, value) of one wrong cell."""

NOTHING = ("", "-", "--", "—", "/")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNREADABLE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffd}]"
"""In text, one of either is worth a closer look."""
_YES = {"1", "true", "t", "yes", "y", "是", "有", "√"}
_NO = {"0", "false", "f", "no", "n", "否", "无", "×"}


def convert(
    f: models.Field, column: Column, series: pl.Series, rule: dict[str, Any], empty: list[str], header: str = ""
) -> tuple[pl.Series, list[Cell]]:
    """The typed column and its wrong cells (null where wrong)."""
    import polars as pl

    translation = rule.get("values") or {}
    if translation:
        series = _string(series)
        table = {str(k).strip(): str(v) for k, v in translation.items()}
        series = series.replace(table)
    if empty and series.dtype == pl.String:
        series = series.set(series.is_in([*empty]).fill_null(False), None)
    if f.choices or (column.codelist and values.choices_of(f)):
        return choice(f, column, series)
    if isinstance(f, models.BooleanField):
        return boolean(series)
    if isinstance(f, models.DateField):
        return day(series)
    if isinstance(f, (models.DecimalField, models.FloatField)):
        return decimal(f, column, series, rule.get("unit", ""), header)
    if isinstance(f, models.IntegerField):
        return whole(f, column, series)
    return text(f, column, series)


def _string(series: pl.Series) -> pl.Series:
    """Any column as stripped text; whole floats lose their ".0" (spreadsheets write 2011 as 2011.0)."""
    import polars as pl

    if series.dtype == pl.Float64:
        whole_ = (series == series.floor()).fill_null(False)
        if whole_.any():
            as_int = series.set(~whole_, None).cast(pl.Int64, strict=False).cast(pl.String)
            return pl.select(pl.when(whole_).then(as_int).otherwise(series.cast(pl.String))).to_series()
    if series.dtype != pl.String:
        series = series.cast(pl.String, strict=False)
    return series.str.strip_chars(" \t\r\n\u00a0\u3000\ufeff")


def _blank(series: pl.Series) -> pl.Series:
    return series.is_null() | series.is_in(list(NOTHING)).fill_null(True)


def where(mask: pl.Series) -> list[int]:
    """Positions at which a mask is true. Nearly always there are none, and that is found without an evaluation."""
    return mask.fill_null(False).arg_true().to_list() if mask.any() else []


def _doubtful(series: pl.Series, mask: pl.Series) -> list[int]:
    """Positions of cells under a mask that say something."""
    return where(mask & ~_blank(series)) if mask.any() else []


def _slowly(series: pl.Series, doubtful: Any, parse: Callable[[str], Any]) -> tuple[dict[int, Any], list[Cell]]:
    """Parse the doubtful cells, each distinct text once: (position → value, wrong cells)."""
    found: dict[int, Any] = {}
    wrong: list[Cell] = []
    known: dict[str, Any] = {}
    for i in doubtful:
        raw = series[int(i)]
        if raw not in known:
            try:
                known[raw] = parse(raw)
            except InputError as error:
                known[raw] = error
        value = known[raw]
        if isinstance(value, InputError):
            wrong.append((int(i), value.sentence, value.remedy, value.params, str(raw)))
        else:
            found[int(i)] = value
    return found, wrong


def _filled(series: pl.Series, found: dict[int, Any]) -> pl.Series:
    if not found:
        return series
    import polars as pl

    positions = list(found)
    return series.scatter(positions, pl.Series(list(found.values()), dtype=series.dtype))


def text(f: models.Field, column: Column, series: pl.Series) -> tuple[pl.Series, list[Cell]]:
    """Text, stripped; too long or with control characters is wrong."""
    series = _string(series)
    wrong: list[Cell] = []
    limit = f.max_length
    if limit:
        for i in where(series.str.len_chars() > limit):
            raw = series[int(i)]
            wrong.append(
                (
                    int(i),
                    "The text has {n} characters, {limit} are allowed.",
                    "Shorten it.",
                    {"n": len(raw), "limit": limit},
                    raw[:60],
                )
            )
    for i in where(series.str.contains(_UNREADABLE)):
        raw = series[i]
        controls = _CONTROL.search(raw) is not None
        wrong.append(
            (
                i,
                "The text holds control characters."
                if controls
                else "The text holds characters that could not be read.",
                "The encoding may be wrong; choose it and load the file again.",
                {},
                (repr(raw) if controls else raw)[:60],
            )
        )
    return series, wrong


def choice(f: models.Field, column: Column, series: pl.Series) -> tuple[pl.Series, list[Cell]]:
    """Codes; labels are accepted for codes, nothing else."""
    known = values.choices_of(f)
    by_label = {}
    for code, label in known.items():
        by_label.setdefault(str(label), code)
        by_label.setdefault(f"{code} {label}", code)
    series = _string(series)
    right = series.is_in(list(known)).fill_null(False)
    if right.all():
        return series, []
    blank = _blank(series) & ~right
    series = series.replace({k: v for k, v in by_label.items() if k not in known})
    bad = ~series.is_in(list(known)).fill_null(False) & ~blank
    options = "、".join(f"{c} {label}" for c, label in list(known.items())[:12]) + ("…" if len(known) > 12 else "")
    wrong: list[Cell] = [
        (
            int(i),
            "{value} is not a code of this column.",
            "Allowed are: {options}.",
            {"value": series[int(i)], "options": options},
            series[int(i)],
        )
        for i in where(bad)
    ]
    return series.set(blank | bad, None), wrong


def boolean(series: pl.Series) -> tuple[pl.Series, list[Cell]]:
    """Yes and no in the usual spellings."""
    import polars as pl

    if series.dtype == pl.Boolean:
        return series, []
    low = _string(series).str.to_lowercase()
    yes, no = low.is_in(list(_YES)).fill_null(False), low.is_in(list(_NO)).fill_null(False)
    blank = _blank(low) & ~no
    made = pl.select(pl.when(yes).then(True).when(no).then(False).otherwise(None)).to_series()
    wrong: list[Cell] = [
        (int(i), "{value} is neither yes nor no.", "Write 是 or 否.", {"value": low[int(i)]}, low[int(i)])
        for i in where(~yes & ~no & ~blank)
    ]
    return made, wrong


def day(series: pl.Series) -> tuple[pl.Series, list[Cell]]:
    """Days. A bare number is refused with the day it would be as a spreadsheet serial: it may just be a number."""
    import polars as pl

    if series.dtype == pl.Date:
        return series, []
    if series.dtype == pl.Datetime:
        return series.dt.date(), []
    given = _string(series)
    normal = given.str.replace(r"^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?$", "$1-$2-$3")
    made = normal.str.to_date("%Y-%m-%d", strict=False)
    usual = made.is_not_null() & (made.dt.year() >= 1900) & (made.dt.year() <= 2200)
    made = made.set(~usual, None)
    if not made.null_count():
        return made, []
    blank = _blank(given) | given.is_in(["0", "00000000"]).fill_null(False)
    found, wrong = _slowly(given, where(made.is_null() & ~blank), _one_day)
    return _filled(made, found), wrong


def _one_day(raw: str) -> Any:
    from jintu.kernel import dates

    plain = raw.replace(".", "", 1)
    if plain.isdigit() and len(raw.split(".")[0]) == 5:
        meant = dates.excel_day(float(raw))
        raise InputError(
            "{value} is a number, not a day; as a spreadsheet serial it would be {meant}.",
            remedy="Format the column as dates, or write {meant}.",
            value=raw,
            meant=meant.isoformat(),
        )
    return dates.day(raw)


def whole(f: models.Field, column: Column, series: pl.Series) -> tuple[pl.Series, list[Cell]]:
    """Whole numbers within the field's range."""
    import polars as pl

    given = _string(series)
    plain = given.str.contains(r"^[+-]?[0-9]{1,18}$").fill_null(False)
    made = given.set(~plain, None).str.strip_prefix("+").cast(pl.Int64, strict=False)
    found, wrong = _slowly(given, _doubtful(given, ~plain), _one_whole)
    made = _filled(made, found)
    low = 0 if column.positive or f.get_internal_type().startswith("Positive") else None
    if low is not None:
        for i in where(made < low):
            wrong.append(
                (int(i), "{value} is negative.", "Correct the value.", {"value": made[int(i)]}, str(made[int(i)]))
            )
    top = {
        "SmallIntegerField": 2**15,
        "PositiveSmallIntegerField": 2**15,
        "IntegerField": 2**31,
        "PositiveIntegerField": 2**31,
    }.get(f.get_internal_type())
    if top:
        for i in where(made.abs() >= top):
            wrong.append(
                (
                    int(i),
                    "{value} is too large for this column.",
                    "Correct the value.",
                    {"value": made[int(i)]},
                    str(made[int(i)]),
                )
            )
    return _without(made, wrong), wrong


def _one_whole(raw: str) -> int | None:
    from jintu.kernel import units as kernel_units

    value = kernel_units.number(raw)
    if value is None:
        return None
    if value != value.to_integral_value() or abs(value) >= 2**63:
        raise InputError("{value} is not a whole number.", remedy="Write digits only.", value=raw)
    return int(value)


def decimal(
    f: models.Field, column: Column, series: pl.Series, unit: str, header: str = ""
) -> tuple[pl.Series, list[Cell]]:
    """Exact decimals in the stored unit, scaled to whole numbers; floats for FloatField."""
    import numpy as np
    import polars as pl

    factor = units.factor(unit, column.unit) if unit and column.unit else Fraction(1)
    places = f.decimal_places if isinstance(f, models.DecimalField) else None
    given = _string(series) if series.dtype != pl.Float64 or places is None else series.cast(pl.String)
    plain = given.str.contains(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$").fill_null(False)
    number = given.set(~plain, None).cast(pl.Float64, strict=False)
    stored = unit or column.unit
    if places is None:
        made = number * float(factor)
        parse = _parser(column, stored, header, factor, None)
        found, wrong = _slowly(given, _doubtful(given, ~plain), parse)
        made = _filled(made, {i: float(v) for i, v in found.items() if v is not None})
    else:
        scale = factor * 10**places
        product = number.to_numpy() * float(scale)
        with np.errstate(invalid="ignore"):
            nearest = np.floor(np.abs(product) + 0.5) * np.sign(product)
            # half way between two values, or so large that the product is no longer exact to the last digit
            close = np.abs(np.abs(product) - np.floor(np.abs(product)) - 0.5) < 1e-3
            unsure = close | (np.abs(product) > 2.0**40)
            safe = np.where(np.isfinite(nearest) & ~unsure, nearest, 0.0)
        made = pl.Series(safe.astype(np.int64)).set(~plain | pl.Series(unsure, dtype=pl.Boolean), None)
        parse = _parser(column, stored, header, factor, places)
        doubtful = _doubtful(given, ~plain | pl.Series(unsure, dtype=pl.Boolean))
        found, wrong = _slowly(given, doubtful, parse)
        top = 10**f.max_digits
        for i, value in list(found.items()):
            if value is None:
                del found[i]
            elif abs(value) >= min(top, 2**63):
                del found[i]
                wrong.append(
                    (i, "{value} is too large for this column.", "Check the unit.", {"value": given[i]}, given[i])
                )
        made = _filled(made, found)
        if top < 2**40:
            for i in where(made.abs() >= top):
                wrong.append(
                    (
                        int(i),
                        "{value} is too large for this column.",
                        "Check the unit.",
                        {"value": given[int(i)]},
                        given[int(i)],
                    )
                )
    if column.positive or column.unit == "m2":
        for i in where(made < 0):
            sentence = "Area {value} is negative." if column.unit == "m2" else "{value} is negative."
            wrong.append((int(i), sentence, "Correct the value.", {"value": given[int(i)]}, given[int(i)]))
    return _without(made, wrong), wrong


def _parser(column: Column, unit: str, header: str, factor: Fraction, places: int | None) -> Callable[[str], Any]:
    """Parse one cell to a scaled whole number (or a Decimal when ``places`` is None), None for an empty one."""
    from jintu.kernel import units as kernel_units

    def parse(raw: str) -> Any:
        if column.unit == "m2":
            exact = kernel_units.area(raw, unit or None, header=header if not unit else "", signed=True)
        elif column.unit == "yuan":
            exact = kernel_units.money(raw, unit or None, header=header if not unit else "", signed=True)
        else:
            exact = kernel_units.number(raw.removesuffix("%") if column.unit == "percent" else raw)
            if exact is not None and factor != 1:
                exact = exact * factor.numerator / factor.denominator
        if exact is None or places is None:
            return exact
        return _half_up(Fraction(exact) * 10**places)

    return parse


def _half_up(value: Fraction) -> int:
    """Rounded half away from zero (四舍五入)."""
    whole_, rest = divmod(abs(value.numerator), value.denominator)
    rounded = whole_ + (2 * rest >= value.denominator)
    return rounded if value >= 0 else -rounded


def _without(series: pl.Series, wrong: list[Cell]) -> pl.Series:
    """The column with nothing in its wrong cells."""
    return series.scatter(sorted({cell[0] for cell in wrong}), None) if wrong else series


def scaled_type(f: models.Field) -> Any:
    """The Polars type a field is staged as."""
    import polars as pl

    if isinstance(f, models.BooleanField):
        return pl.Boolean
    if isinstance(f, models.DateField):
        return pl.Date
    if isinstance(f, models.FloatField):
        return pl.Float64
    if isinstance(f, (models.DecimalField, models.IntegerField)) and not f.choices:
        return pl.Int64
    return pl.String


def unscaled(f: models.Field, value: Any) -> Any:
    """A staged value as Python's: scaled whole numbers back to Decimal."""
    if value is not None and isinstance(f, models.DecimalField):
        return Decimal(value).scaleb(-f.decimal_places)
    return value


def problems(cells: list[Cell], rows: Any, name: str) -> list[Problem]:
    """Wrong cells of a column as problems of rows."""
    return [
        Problem(int(rows[i]), name, sentence, value, remedy, params) for i, sentence, remedy, params, value in cells
    ]
