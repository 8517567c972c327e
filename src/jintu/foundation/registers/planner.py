"""Hints to SQLite's planner, which guesses that a range is selective and then sorts what it found; and reading as is.

On a county's node every row is of the county: reading the first fifty of the newest by the date's index is a
millisecond, collecting two hundred thousand by the division's index and sorting them is half a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import CharField, F, Func, Model, QuerySet
from django.db.models.sql.datastructures import BaseTable

__all__ = ["WALKED", "Walked", "along", "as_stored", "take_measure"]

SAMPLE = 20_000
"""Entries of each index that SQLite looks at to guess how selective it is: some 50 ms for a wide table. With few it
misjudges how long the indexes are and reads the table by one that covers nothing."""


class Walked(Func):
    """A column by its value, not by its index: SQLite's unary plus does nothing else. Other databases know better."""

    template = "%(expressions)s"
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


WALKED = {"walked_division": Walked(F("division"), output_field=CharField())}
"""For ``alias(**WALKED)``: the division under a name that no index is found by."""


class _Along(BaseTable):
    """A table that SQLite has to read by one of its indexes."""

    index = ""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, params = super().as_sql(compiler, connection)
        return f"{sql} INDEXED BY {connection.ops.quote_name(self.index)}", params


def along(rows: QuerySet[Any], name: str) -> None:
    """Have ``rows``, and what is made of them, read by the index that begins with a column, or else one that has it.

    For rows known to be many: the fifty wanted come soon along the order they are wanted in, and where no index has
    that order, the narrow entries of one that has the column are sorted rather than the rows. Nothing happens where
    there is no such index, or on another database.
    """
    whole = [i for i in rows.model._meta.indexes if i.condition is None and name in i.fields]
    index = min(whole, key=lambda i: i.fields.index(name) > 0, default=None)
    if index is None or connection.vendor != "sqlite":
        return
    alias = rows.query.get_initial_alias()
    table = rows.query.alias_map[alias]
    if type(table) is BaseTable:
        walked = _Along(table.table_name, table.table_alias)
        walked.index = index.name
        rows.query.alias_map[alias] = walked


def as_stored(rows: QuerySet[Any]) -> list[tuple[Any, ...]]:
    """The cells of a ``values_list`` as the database keeps them: days as texts, areas as scaled integers on SQLite.

    They sort and sum as the values do, and ten thousand of them are not converted for a page of fifty.
    """
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def take_measure(models: Iterable[type[Model]]) -> None:
    """Have SQLite learn how selective the indexes of these tables are; PostgreSQL does so by itself.

    Without it SQLite takes every index for equally good, and a filled register is read by the wrong one.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit = {SAMPLE}")
        for model in models:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
