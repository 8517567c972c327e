"""Attributes of a file, column by column, into the columns of a schema; what does not fit is told by row and field.

Columns are converted whole. Codes, names and dates are looked up once for each different value, not once for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place

from .mapping import Mapping
from .schemas import Attribute, Schema

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Problems", "arrow_schema", "convert", "missing_columns"]

MOST_KEPT, MOST_ROWS = 10_000, 100_000
"""Problems kept with their place. Beyond the first number only the first one of each row is kept, beyond the second
none; the numbers of all rows are always kept."""


@dataclass
class Problems:
    """What is wrong, with places; and which rows it makes unusable."""

    file: str = ""
    layer: str = ""
    kept: list[InputError] = field(default_factory=list)
    count: int = 0
    rows: set[int] = field(default_factory=set)
    """Row numbers as the file counts them."""

    def add(self, row: int, name: str, sentence: str, remedy: str = "", **params: Any) -> None:
        self.put(InputError(sentence, place=Place(self.file, self.layer, row, name), remedy=remedy, **params))

    def put(self, error: InputError) -> None:
        self.count += 1
        fresh = error.place.row is not None and error.place.row not in self.rows
        if error.place.row is not None:
            self.rows.add(error.place.row)
        if len(self.kept) < (MOST_ROWS if fresh else MOST_KEPT):
            self.kept.append(error)


def missing_columns(schema: Schema, matched: dict[str, str], mapping: Mapping) -> list[Attribute]:
    """Mandatory attributes that neither the file nor the mapping gives (Q2101)."""
    given = {*matched, *mapping.constants, mapping.sequence, mapping.area}
    return [a for a in schema.attributes if a.mandatory and not a.serial and a.name not in given]


def arrow_schema(schema: Schema) -> list[tuple[str, Any]]:
    """Names and Arrow types of the attributes in the lake."""
    import pyarrow as pa

    types = {"Int": pa.string(), "Char": pa.string(), "Float": pa.float64(), "Date": pa.date32()}
    return [(a.name, types[a.type]) for a in schema.attributes]


def convert(
    frame: pl.DataFrame, schema: Schema, matched: dict[str, str], mapping: Mapping, problems: Problems
) -> pl.DataFrame:
    """A batch of the file as columns of the schema, in the schema's order.

    ``frame`` has the file's columns and ``__row__``. The computed area of `Mapping.area` is left null for the caller.
    """
    import polars as pl

    rows = frame["__row__"]
    made: dict[str, pl.Series] = {}
    for attribute in schema.attributes:
        column = matched.get(attribute.name)
        if column is not None:
            text = _as_text(frame[column])
            if attribute.name in mapping.values:
                text = _looked_up(text, partial(mapping.translate, attribute.name))
        elif attribute.name in mapping.constants:
            text = pl.Series(attribute.name, [mapping.constants[attribute.name]]).new_from_index(0, len(frame))
        elif attribute.name == mapping.sequence or attribute.serial:
            text = rows.cast(pl.String)
        else:
            text = pl.Series(attribute.name, [None], dtype=pl.String).new_from_index(0, len(frame))
        made[attribute.name] = _typed(text.alias(attribute.name), attribute, rows, problems)
        if attribute.mandatory and attribute.name != mapping.area and (column or attribute.name in mapping.constants):
            for row in rows.filter(text.is_null()).to_list():
                problems.add(row, attribute.code, "The mandatory field {field} is empty.", field=attribute.code)
    out = pl.DataFrame(made)
    _conditional(out, schema, rows, problems)
    return out.with_columns(rows)


def _as_text(column: pl.Series) -> pl.Series:
    """Text without blanks around it; blank is null. Whole numbers lose the ".0" that spreadsheets and DBF give them."""
    import polars as pl

    if column.dtype.is_float():
        whole = (column == column.round(0)) & (column.abs() < 1e15)
        text = (
            pl.select(
                pl.when(whole)
                .then(column.cast(pl.Int64, strict=False).cast(pl.String))
                .otherwise(column.cast(pl.String))
            )
            .to_series()
            .alias(column.name)
        )
    elif column.dtype == pl.Date or column.dtype in (pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ns")):
        text = column.dt.strftime("%Y-%m-%d")
    else:
        text = column.cast(pl.String)
    text = text.str.strip_chars()
    return pl.select(pl.when(text != "").then(text).otherwise(None)).to_series().alias(column.name)


def _looked_up(text: pl.Series, look: Callable[[str], str | None]) -> pl.Series:
    """``look`` applied once to each different value."""
    import polars as pl

    different = text.drop_nulls().unique()
    if not len(different):
        return text
    return text.replace_strict(
        different, pl.Series([look(v) for v in different], dtype=pl.String), default=None, return_dtype=pl.String
    )


def _bad(text: pl.Series, rows: pl.Series, good: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """Row and value where ``good`` is false, asked once for each different value."""
    different = text.drop_nulls().unique()
    wrong = [v for v in different if not good(v)]
    if wrong:
        mask = text.is_in(wrong).fill_null(False)
        yield from zip(rows.filter(mask).to_list(), text.filter(mask).to_list(), strict=True)


def _typed(text: pl.Series, a: Attribute, rows: pl.Series, problems: Problems) -> pl.Series:
    """The column in the type of the lake; every value that does not fit is a problem."""
    import polars as pl

    if a.type == "Float":
        number = text.cast(pl.Float64, strict=False)
        number = pl.select(pl.when(number.is_finite()).then(number)).to_series().alias(a.name)
        wrong = text.is_not_null() & number.is_null()
        for row, value in zip(rows.filter(wrong).to_list(), text.filter(wrong).to_list(), strict=True):
            problems.add(row, a.code, "{value} is not a number.", "Write digits with a point.", value=value)
        if a.above is not None or a.minimum is not None:
            low = number <= a.above if a.above is not None else number < a.minimum
            for row, value in zip(
                rows.filter(low.fill_null(False)).to_list(), number.filter(low.fill_null(False)).to_list(), strict=True
            ):
                problems.add(
                    row,
                    a.code,
                    "{value} is too small: it must be {limit} or more."
                    if a.above is None
                    else "{value} is too small: it must be above {limit}.",
                    value=value,
                    limit=a.above if a.above is not None else a.minimum,
                )
        return number
    if a.type == "Date":
        return _dates(text, a, rows, problems)
    if a.length:
        long = (text.str.len_chars() > a.length).fill_null(False)
        for row, value in zip(rows.filter(long).to_list(), text.filter(long).to_list(), strict=True):
            problems.add(row, a.code, "{value} is longer than {length} characters.", value=value[:80], length=a.length)
    if a.type == "Int":
        for row, value in _bad(text, rows, lambda v: v.isdigit() and int(v) > 0):
            problems.add(row, a.code, "{value} is not a whole number above 0.", value=value)
    if a.codelist or a.choices:
        for row, value in _bad(text, rows, lambda v: _is_code(a, v)):
            problems.add(
                row,
                a.code,
                "{value} is not a code of the list {list}.",
                "Use a code of the standard.",
                value=value,
                list=a.codelist or a.code,
            )
    return text


def _is_code(a: Attribute, value: str) -> bool:
    from jintu.kernel import codelists

    if value in a.not_codes:
        return False
    if a.choices:
        return value in a.choices
    codes = codelists.land_use(value) if a.codelist == "land_use" else codelists.get(a.codelist)
    return value in codes


def _dates(text: pl.Series, a: Attribute, rows: pl.Series, problems: Problems) -> pl.Series:
    import polars as pl

    from jintu.kernel import dates

    wrong: dict[str, InputError] = {}
    found: dict[str, Any] = {}
    for value in text.drop_nulls().unique():
        try:
            found[value] = dates.day(value)
        except InputError as error:
            wrong[value] = error
    if wrong:
        mask = text.is_in(list(wrong)).fill_null(False)
        for row, value in zip(rows.filter(mask).to_list(), text.filter(mask).to_list(), strict=True):
            why = wrong[value]
            problems.add(row, a.code, why.sentence, why.remedy, **why.params)
    if not found:
        return pl.Series(a.name, [None], dtype=pl.Date).new_from_index(0, len(text))
    return text.replace_strict(
        pl.Series(list(found)), pl.Series(list(found.values()), dtype=pl.Date), default=None, return_dtype=pl.Date
    ).alias(a.name)


def _conditional(out: pl.DataFrame, schema: Schema, rows: pl.Series, problems: Problems) -> None:
    """Fields that another field's code demands (Q2209)."""
    for a in schema.attributes:
        for other, beginning in a.required_when.items():
            empty = out[a.name].is_null() & out[other].str.starts_with(beginning).fill_null(False)
            for row in rows.filter(empty).to_list():
                problems.add(
                    row,
                    a.code,
                    "{field} is empty, but {other} begins with {beginning}.",
                    field=a.code,
                    other=schema.columns[other].code,
                    beginning=beginning,
                )
