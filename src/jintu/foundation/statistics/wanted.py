"""Which figures of registers the home page and the dashboard want, and the SQL that reckons them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, F, Func, IntegerField, Sum

from jintu.foundation.identity.scope import Scope
from jintu.foundation.operations import clock
from jintu.foundation.registers import descriptor, presets
from jintu.foundation.registers.models import VisibleRows
from jintu.kernel.errors import Missing

from . import declared

__all__ = ["Group", "Wanted", "every", "groups", "installed", "of_boxes", "of_measure"]


@dataclass(frozen=True)
class Wanted:
    """Number, and sum of the column ``area``, of the current rows of a register that meet ``preset``.

    With ``when``, by the year of that date; rows without the date are then left out.
    """

    register: str
    preset: str = ""
    when: str = ""
    area: str = ""

    @property
    def name(self) -> str:
        return ":".join((self.register, self.preset, self.when, self.area))


class Group(NamedTuple):
    """Rows of one division, data level and year (0: not by year)."""

    division: str
    data_level: int
    year: int
    n: int
    area: Decimal


class Year(Func):
    """The year of a date. On SQLite from its text: Django's own calls Python for every row."""

    template = "CAST(EXTRACT(YEAR FROM %(expressions)s) AS INTEGER)"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(SUBSTR(%(expressions)s, 1, 4) AS INTEGER)", **context)


def of_boxes() -> list[tuple[declared.Box, Wanted, list[Wanted]]]:
    """Every box of the process picture with its total and its presets; boxes of absent registers are left out."""
    return [
        (box, Wanted(box.register, area=box.area), [Wanted(box.register, preset) for preset in box.presets])
        for box in declared.boxes()
        if installed(box.register)
    ]


def of_measure(measure: declared.Measure) -> Wanted:
    return Wanted(measure.register, measure.preset, measure.when, measure.area)


def every() -> list[Wanted]:
    """All figures that are declared, each once."""
    found = [w for _box, total, due in of_boxes() for w in (total, *due)]
    found += [of_measure(measure) for measure in declared.measures()]
    return [w for w in dict.fromkeys(found) if installed(w.register)]


def installed(register: str) -> bool:
    try:
        descriptor.get(register)
    except Missing:
        return False
    return True


def _rows(wanted: Wanted, scope: Scope | None) -> VisibleRows:
    """The grouped rows; without a scope, of the whole node."""
    rows = descriptor.get(wanted.register).model.objects.current()
    if scope is not None:
        rows = rows.within(scope)
    if wanted.preset:
        rows = presets.get(wanted.register, wanted.preset).narrow(rows, clock.today())
    by = ["division", "data_level"]
    if wanted.when:
        rows = rows.filter(**{f"{wanted.when}__isnull": False}).annotate(in_year=Year(F(wanted.when)))
        by.append("in_year")
    totals: dict[str, Any] = {"how_many": Count("id")}
    if wanted.area:
        totals["how_large"] = Sum(wanted.area)
    return rows.order_by().values(*by).annotate(**totals)


def registers_of(wanted: Wanted) -> list[str]:
    """The registers whose tables the figure is read from, those of its preset's conditions among them."""
    try:
        sql, _params = _rows(wanted, None).query.sql_with_params()
    except EmptyResultSet:
        return [wanted.register]
    return [r.name for r in descriptor.catalogue() if f'"{r.model._meta.db_table}"' in sql]


def groups(wanted: Sequence[Wanted], scope: Scope | None = None) -> Iterator[tuple[Wanted, Group]]:
    """Every group of every figure, read by one statement."""
    parts, params = [], []
    for i, one in enumerate(wanted):
        try:
            sql, values = _rows(one, scope).query.sql_with_params()
        except EmptyResultSet:
            continue
        year, area = ("in_year" if one.when else "0"), ("how_large" if one.area else "0")
        parts.append(f"SELECT {i}, division, data_level, {year}, how_many, {area} FROM ({sql}) AS figure_{i}")
        params += values
    if not parts:
        return
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), params)
        found = cursor.fetchall()
    fields = [descriptor.get(w.register).attributes[w.area][0] if w.area else None for w in wanted]
    for i, division, level, year, n, area in found:
        field: Any = fields[i]
        exact = field.from_db_value(area, None, connection) if field is not None else None
        yield wanted[i], Group(division, level, year, n, exact or Decimal(0))
