"""Columns as they were delivered (Q21xx), from `foundation.layers.read_record`: how the file was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jintu.foundation.checks.inspection.rules import quality
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import polars

    from jintu.foundation.checks.inspection.tables import Dataset, Table
    from jintu.foundation.layers.schemas import Attribute

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]
KINDS = {
    "Int": ("integer", "number", "text"),
    "Char": ("text",),
    "Float": ("number", "integer"),
    "Date": ("date", "datetime", "text"),
}
"""Kinds of the readers that hold a type of the standard: identifiers and days may be written as text."""
UNTYPED = ("csv", "xlsx", "txt")
"""Formats whose columns have no types."""


def _columns(data: Dataset) -> Iterator[dict[str, Any]]:
    from jintu.foundation.layers.read_record import FIELDS

    for values in data.given["reading"]["fields"]:
        yield dict(zip(FIELDS, values, strict=True))


@quality(
    "Q2101", "A", ("缺少必备字段", "Mandatory column missing"), given=("reading",),
    remedy=("补齐字段后重新提交。", "Add the column and deliver again."),
)  # fmt: skip
def mandatory_columns(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Every column of constraint M is in the file, under its own name or the one a mapping took it from, or the mapping
    made it: filled in, numbered by row, computed from the outline. What was mapped stands in the report."""
    from jintu.foundation.layers.read_record import MADE, mapped_in

    there = {c["name"] for c in _columns(data)} | mapped_in(data.given["reading"], *MADE)
    lacking = [a for a in t.schema.attributes if a.mandatory and a.name not in there]
    for a in lacking:
        yield t.errors_at([-1], column=a.name, values=["—"], expected=a.code)


@quality("Q2102", "A", ("字段类型或长度不符", "Type or length of a column not as the standard has it"),
         given=("reading",))  # fmt: skip
def column_types(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Columns have the standard's type and, where the file declares them, at least its width (text) and decimals
    (figures); shapefiles count bytes, which are more than characters. Not judged: formats without types, and columns
    whose words a mapping translated, which are not what was loaded."""
    from jintu.foundation.layers.read_record import VALUES, mapped_in

    if data.given["reading"]["format"] in UNTYPED:
        return
    translated = mapped_in(data.given["reading"], VALUES)
    for column in _columns(data):
        a = t.schema.columns.get(column["name"])
        if a is None or a.name in translated:
            continue
        wanted = _type(a)
        if column["kind"] not in KINDS[a.type] or not _wide_enough(a, column):
            yield t.errors_at([-1], column=a.name, values=[_told(column)], expected=wanted)


def _wide_enough(a: Attribute, column: dict[str, Any]) -> bool:
    length, decimals = column["length"], column["decimals"]
    if length is None or not a.length:
        return True
    if a.type == "Char":
        return length >= a.length  # type: ignore[no-any-return]
    if a.type == "Float" and column["kind"] == "number":
        return decimals is None or decimals >= (a.decimals or 0)
    return True


def _type(a: Attribute) -> str:
    """Char(19), Float(15,2)."""
    inside = ",".join(str(n) for n in (a.length, a.decimals) if n)
    return f"{a.type}({inside})" if inside else a.type


def _told(column: dict[str, Any]) -> str:
    inside = ",".join(str(n) for n in (column["length"], column["decimals"]) if n)
    return f"{column['title']} {column['kind']}" + (f"({inside})" if inside else "")


@quality("Q2103", "C", ("存在标准以外的字段", "Column beyond the standard"), given=("reading",))
def further_columns(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Columns that the standard does not know are told; those of ``ignored`` (separated by |) are programs' own, and
    one that the mapping did without is still the standard's."""
    from jintu.foundation.layers.read_record import MADE, mapped_in

    ignored = {name.lower() for name in str(p.ignored).split("|")}
    for name in mapped_in(data.given["reading"], *MADE) & set(t.schema.columns):
        ignored |= {spelling.lower() for spelling in t.schema.columns[name].spellings()}
    extra = [c["title"] for c in _columns(data) if not c["name"] and c["title"].lower() not in ignored]
    yield t.errors_at([-1] * len(extra), values=extra)


RULES = (mandatory_columns, column_types, further_columns)
