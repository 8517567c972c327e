"""Filters of a register, derived from its columns and read from a query string.

``name=value`` equals (several values, or commas, mean any of them) · ``name__gte`` / ``name__lte`` for dates and
numbers · ``name__prefix`` for texts and codes · ``name__empty=1|0`` · ``division=990121`` everything inside ·
``status`` · ``batch`` · ``bbox=minx,miny,maxx,maxy`` · ``q=`` full text ·
``preset=`` a named condition of the domain. A number may name its unit:
``area__gte=2.5ha``, or ``area__gte=2.5&area__unit=ha``. Names are model field names, the same in pages, API, exports
and tiles.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from jintu.foundation.identity.scope import prefix_of
from jintu.kernel.errors import InputError, Place

from . import units, values
from .descriptor import Register
from .models import RowStatus, VisibleRows
from .planner import WALKED

__all__ = ["RESERVED", "Condition", "Filters", "operators", "read"]

RESERVED = frozenset(
    {"sort", "after", "before", "columns", "size", "view", "format", "register", "lang", "csrfmiddlewaretoken"}
)
PLATFORM = ("division", "status", "batch", "uid")
_NUMBER = re.compile(r"^\s*([+-]?[\d\s,]*\.?\d+(?:[eE][+-]?\d+)?)\s*([A-Za-z_²0-9㎡一-鿿]*)\s*$")
MOST_VALUES = 200


@dataclass(frozen=True)
class Condition:
    """One part of a filter: ``key`` and ``raw`` as in the query string, ``text`` for a chip, ``q`` for the database."""

    key: str
    raw: str
    text: str
    q: Q
    narrow: Any = None
    """f(rows) in place of ``q`` for conditions that are more than one expression."""
    named: Any = None
    """f(name) → Q, the condition on another name of its column; only for divisions."""


@dataclass
class Filters:
    """What a query string asks for. ``search`` is the full-text part, applied by `apply` through the search index."""

    register: Register
    conditions: list[Condition] = field(default_factory=list)
    search: str = ""
    unknown: list[str] = field(default_factory=list)

    def apply(self, rows: VisibleRows, *, walked: bool = False) -> VisibleRows:
        """The rows that match all conditions. ``walked``: they will be read in the order of another index, so the
        division must not tempt the planner (`planner.Walked`)."""
        for condition in self.conditions:
            if walked and condition.key == "division":
                rows = rows.alias(**WALKED).filter(condition.named(next(iter(WALKED))))
            else:
                rows = condition.narrow(rows) if condition.narrow else rows.filter(condition.q)
        if self.search:
            from . import search

            rows = search.narrow(self.register, rows, self.search)
        return rows

    def pairs(self) -> list[tuple[str, str]]:
        """The filter as query-string pairs, search included."""
        found = [(c.key, c.raw) for c in self.conditions]
        return [*found, ("q", self.search)] if self.search else found

    def query(self, without: str = "") -> str:
        """The filter as a query string, less one key."""
        return urlencode([(k, v) for k, v in self.pairs() if k != without])

    def __bool__(self) -> bool:
        return bool(self.conditions or self.search)


def operators(f: models.Field) -> tuple[str, ...]:
    """Operators a field can be filtered with; "" is equality."""
    if f.choices:
        return ("", "empty")
    if isinstance(f, models.BooleanField):
        return ("",)
    if values.is_number(f) or isinstance(f, models.DateField):
        return ("", "gte", "lte", "empty")
    if isinstance(f, (models.CharField, models.TextField)):
        return ("", "prefix", "empty")
    return ()


def read(register: Register, query: Mapping[str, Any], *, strict: bool = False) -> Filters:
    """The filters of a query string (a QueryDict or a plain mapping).

    Unknown names are collected in ``unknown``, or refused when ``strict``; a value that cannot be read is always
    refused with an `InputError` that names the field.
    """
    filters = Filters(register)
    for key in query:
        given = query.getlist(key) if hasattr(query, "getlist") else _listed(query[key])
        given = [str(v).strip() for v in given if v is not None and str(v).strip() != ""]
        if key in RESERVED or not given or key.endswith("__unit"):
            continue
        unit = query.get(f"{key.partition('__')[0]}__unit") or ""
        if unit:
            # forms say the unit beside the number; from here on it stands behind it
            given = [v + unit if v[-1].isdigit() else v for v in given]
        if key == "q":
            filters.search = given[-1][:200]
            continue
        condition = _condition(register, key, given)
        if condition is None:
            filters.unknown.append(key)
        else:
            filters.conditions.append(condition)
    if strict and filters.unknown:
        raise InputError(
            "There is no filter called {name}.",
            place=Place(field=filters.unknown[0]),
            remedy="The columns of the register are listed in its API description.",
            name=filters.unknown[0],
        )
    return filters


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _condition(register: Register, key: str, given: list[str]) -> Condition | None:
    if key == "bbox":
        return _box(register, given[-1])
    if key == "division":
        return _division(given)
    if key == "preset":
        return _preset(register, given[-1])
    if key in ("status", "batch", "uid"):
        return _platform(register, key, given)
    name, _sep, op = key.partition("__")
    if name not in register.attributes:
        return None
    f, column = register.attributes[name]
    if op == "in":
        op = ""
    if op not in operators(f):
        return None
    label = values.header(f, column)
    if op == "empty":
        empty = given[-1].lower() in {"1", "true", "yes"}
        q = Q(**{f"{name}__isnull": True}) if f.null else Q(pk__in=())
        if isinstance(f, (models.CharField, models.TextField)):
            q |= Q(**{name: ""})
        text = f"{label} {_('empty')}" if empty else f"{label} {_('filled in')}"
        return Condition(key, given[-1], text, q if empty else ~q)
    if op == "prefix":
        start = given[-1]
        q = Q(**{f"{name}__gte": start, f"{name}__lt": start + "\U0010ffff"})
        return Condition(key, start, f"{label} {start}…", q)
    if op in {"gte", "lte"}:
        value = _value(f, column, given[-1], key)
        sign = "≥" if op == "gte" else "≤"
        return Condition(key, given[-1], f"{label} {sign} {_in_words(f, column, value)}", Q(**{f"{name}__{op}": value}))
    parts = [p for v in given for p in v.split(",") if p.strip()] if f.choices or column.codelist else given
    if len(parts) > MOST_VALUES:
        raise InputError("At most {n} values can be asked for at once.", place=Place(field=key), n=MOST_VALUES)
    wanted = [_value(f, column, p, key) for p in parts]
    text = f"{label} {'、'.join(_in_words(f, column, v) for v in wanted[:3])}{'…' if len(wanted) > 3 else ''}"
    q = Q(**{name: wanted[0]}) if len(wanted) == 1 else Q(**{f"{name}__in": wanted})
    return Condition(key, ",".join(parts), text, q)


def _preset(register: Register, name: str) -> Condition:
    from jintu.foundation.operations import clock

    from . import presets

    preset = presets.get(register.name, name)
    today = clock.today()
    return Condition("preset", name, str(preset.label), Q(), narrow=lambda rows: preset.narrow(rows, today))


def _in_words(f: models.Field, column: Any, value: Any) -> str:
    text = values.shown(f, value, column)
    unit = values.unit_label(column)
    return f"{text} {unit}" if unit else text


def _value(f: models.Field, column: Any, raw: str, key: str) -> Any:
    """One value, typed by its field."""
    place = Place(field=key)
    if isinstance(f, models.BooleanField):
        if raw.lower() in {"1", "true", "yes", "是"}:
            return True
        if raw.lower() in {"0", "false", "no", "否"}:
            return False
        raise InputError("{value} is neither yes nor no.", place=place, value=raw)
    if isinstance(f, models.DateField):
        try:
            day = dt.date.fromisoformat(raw if len(raw) > 7 else raw + "-01")
        except ValueError:
            raise InputError("{value} is not a day.", place=place, remedy="Write 2026-06-15.", value=raw) from None
        return day
    if values.is_number(f):
        return _number(f, column, raw, place)
    return raw


def _number(f: models.Field, column: Any, raw: str, place: Place) -> Any:
    match = _NUMBER.match(raw)
    try:
        value = Decimal(re.sub(r"[\s,]", "", match.group(1))) if match else None
    except InvalidOperation:
        value = None
    if match is None or value is None:
        raise InputError("{value} is not a number.", place=place, value=raw)
    written = match.group(2)
    if written:
        unit = written if written in units.UNITS else units.named(written)
        if not unit or not column.unit:
            raise InputError("{unit} is not a unit of this column.", place=place, unit=written)
        value = units.convert(value, unit, column.unit)
    if isinstance(f, models.IntegerField):
        if value != value.to_integral_value() or abs(value) >= 2**63:
            raise InputError("{value} is not a whole number.", place=place, value=raw)
        return int(value)
    if isinstance(f, models.DecimalField):
        places = Decimal(1).scaleb(-f.decimal_places)
        if abs(value) >= Decimal(10) ** (f.max_digits - f.decimal_places):
            raise InputError("{value} is too large for this column.", place=place, value=raw)
        return value.quantize(places)
    return float(value)


def _division(given: list[str]) -> Condition:
    codes = [c for v in given for c in v.split(",") if c]
    for code in codes:
        if not code.isdigit() or len(code) > 12:
            raise InputError("{value} is not a division code.", place=Place(field="division"), value=code)

    def named(name: str) -> Q:
        either = Q()
        for prefix in map(prefix_of, codes):
            either |= Q(**{f"{name}__gte": prefix, f"{name}__lt": prefix + "~"})
        return either

    from . import divisions

    names = "、".join(divisions.name(code) for code in codes[:3])
    return Condition("division", ",".join(codes), f"{_('Division')} {names}", named("division"), named=named)


def _platform(register: Register, key: str, given: list[str]) -> Condition | None:
    parts = [p for v in given for p in v.split(",") if p]
    if key == "status":
        labels = dict(RowStatus.choices)
        bad = [p for p in parts if p not in labels]
        if bad:
            raise InputError("{value} is no status of a row.", place=Place(field="status"), value=bad[0])
        text = f"{_('Status')} {'、'.join(str(labels[p]) for p in parts)}"
        return Condition("status", ",".join(parts), text, Q(status__in=parts))
    if key == "batch":
        if not all(p.isdigit() for p in parts):
            raise InputError("{value} is not the number of an import.", place=Place(field="batch"), value=given[-1])
        return Condition("batch", ",".join(parts), f"{_('Import')} {','.join(parts)}", Q(batch__in=parts))
    try:
        f = register.model._meta.get_field("uid")
        wanted = [f.to_python(p) for p in parts[:MOST_VALUES]]
    except Exception:
        raise InputError("{value} is not the identifier of a row.", place=Place(field="uid"), value=given[-1]) from None
    return Condition("uid", ",".join(parts), _("{n} selected rows").format(n=len(wanted)), Q(uid__in=wanted))


def _box(register: Register, raw: str) -> Condition | None:
    if not register.geometry:
        return None
    try:
        x0, y0, x1, y1 = (float(p) for p in raw.split(","))
    except ValueError:
        raise InputError(
            "{value} is not a box.",
            place=Place(field="bbox"),
            remedy="Write minx,miny,maxx,maxy in degrees.",
            value=raw,
        ) from None
    import shapely

    return Condition(
        "bbox",
        raw,
        _("inside the map window"),
        Q(**{f"{register.geometry}__bbox_overlaps": shapely.box(x0, y0, x1, y1)}),
    )
