"""A value of a column as people see it: unit, label, date; the one place lists, pages, spreadsheets and diffs agree.

>>> group("1234567.50")
'1\\u00a0234\\u00a0567.50'
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from . import codelists, units
from .columns import Column, column_of
from .descriptor import Register

__all__ = ["choices_of", "group", "header", "is_number", "plain", "shown", "unit_label", "value_of"]

NOTHING = "—"
MASK = "＊＊＊"
NBSP = "\u00a0"


def is_number(field: models.Field) -> bool:
    return isinstance(field, (models.DecimalField, models.IntegerField, models.FloatField)) and not field.choices


def choices_of(field: models.Field) -> dict[str, str]:
    """Codes of a field with their labels: Django choices or the column's code list; empty for free values."""
    if field.choices:
        return {str(code): str(label) for code, label in field.flatchoices}
    column = column_of(field)
    return codelists.get(column.codelist) if column and column.codelist else {}


def group(number: str) -> str:
    """Groups of three split by a no-break space."""
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, dot, rest = digits.partition(".")
    parts = [whole[max(0, i - 3) : i] for i in range(len(whole), 0, -3)][::-1]
    return sign + NBSP.join(parts) + dot + rest


def unit_of(column: Column | None) -> str:
    return units.shown_unit(column.unit, column.display) if column and column.unit else ""


def unit_label(column: Column | None) -> str:
    """The unit on screen as a word, "" for none."""
    code = unit_of(column)
    known = units.UNITS.get(code)
    return str(known.label) if known else code


def header(field: models.Field, column: Column | None = None) -> str:
    """The column's name with a capital letter where the language has them."""
    text = str(field.verbose_name)
    return text[:1].upper() + text[1:]


def number(value: Decimal | int | float, field: models.Field, column: Column | None) -> Decimal:
    """The value in its display unit, rounded to the unit's digits on screen."""
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    shown = unit_of(column)
    if column and column.unit and shown in units.UNITS and column.unit in units.UNITS:
        exact = units.convert(exact, column.unit, shown)
        if isinstance(field, models.DecimalField):
            places = units.UNITS[shown].digits if shown != column.unit else field.decimal_places
            return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return exact


def shown(field: models.Field, value: Any, column: Column | None = None) -> str:
    """The value as text on a page. No value is a dash, zero is 0."""
    column = column or column_of(field)
    if value is None or value == "":
        return NOTHING
    if field.choices or (column and column.codelist):
        label = choices_of(field).get(str(value), "")
        if column and column.codelist:
            return f"{value} {label}".strip()
        return label or str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if is_number(field):
        if isinstance(field, models.IntegerField) and not (column and column.unit):
            return str(value)
        return group(format(number(value, field, column), "f"))
    if isinstance(value, dt.datetime):
        from django.utils import timezone

        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M") if timezone.is_aware(value) else str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if hasattr(value, "geom_type"):
        return _("{kind}, {n} vertices").format(kind=value.geom_type, n=_vertices(value))
    return str(value)


def _vertices(geometry: Any) -> int:
    import shapely

    return int(shapely.get_num_coordinates(geometry))


def plain(value: Any) -> Any:
    """The value as JSON and CSV carry it: decimals and dates as text, geometry as WKT, the rest as it is."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if hasattr(value, "geom_type"):
        import shapely

        return shapely.to_wkt(value, rounding_precision=-1)
    if value.__class__.__name__ == "UUID":
        return str(value)
    return value


def value_of(register: Register, row: Any) -> dict[str, Any]:
    """All columns of a row as plain values: what a record version keeps and what hashes are taken of."""
    data = {name: plain(getattr(row, name)) for name in register.columns}
    if register.geometry:
        data[register.geometry] = plain(getattr(row, register.geometry))
    data["division"] = row.division
    data["data_level"] = row.data_level
    data["status"] = row.status
    data["status_reason"] = row.status_reason
    return data
