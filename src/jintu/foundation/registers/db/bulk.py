"""Many rows in few statements, on either database."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    import polars as pl
    from django.db import models

__all__ = ["GROUP", "copy", "csv", "insert", "interleaved", "update"]

GROUP = 100
"""Rows of one statement. Before each statement that fires triggers SQLite notes every page it is going to change, and a
full-text index writes out what it has gathered: done for each row, that takes longer than the row."""


def interleaved(columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Columns of equal length as one list, row after row."""
    width = len(columns)
    flat: list[Any] = [None] * (width * len(columns[0]))
    for i, column in enumerate(columns):
        flat[i::width] = column
    return flat


def insert(
    cursor: Any, table: str, names: Sequence[str], flat: list[Any], constants: dict[str, Any], *, tail: str = ""
) -> None:
    """Insert rows into a table of the embedded database, `GROUP` rows a statement.

    ``table``, ``names``: quoted. ``flat``: the rows' values for ``names``, row after row; ``constants``: further quoted
    columns with one value for all rows. ``tail`` ends the statement (ON CONFLICT …).
    """
    width, shared = len(names), list(constants.values())
    columns = ", ".join([*names, *constants])
    driver = cursor.connection  # straight to it: Django's wrapper would translate the placeholders of every call
    step = width * GROUP
    whole = len(flat) // step * step
    many = f"INSERT INTO {table} ({columns}) VALUES {_holders(GROUP, width, len(shared))} {tail}"
    one = f"INSERT INTO {table} ({columns}) VALUES {_holders(1, width, len(shared))} {tail}"
    with connection.wrap_database_errors:
        driver.executemany(many, (shared + flat[i : i + step] for i in range(0, whole, step)))
        driver.executemany(one, (shared + flat[i : i + width] for i in range(whole, len(flat), width)))


@lru_cache(maxsize=64)
def _holders(rows: int, width: int, shared: int) -> str:
    """Placeholders of rows of ``width`` values of their own and ``shared`` ones, which stand first and only once."""
    fixed = "".join(f",?{i + 1}" for i in range(shared))
    starts = range(shared + 1, shared + 1 + rows * width, width)
    return ",".join("(" + ",".join(f"?{k}" for k in range(at, at + width)) + fixed + ")" for at in starts)


def copy(cursor: Any, table: str, names: Sequence[str], rows: bytes) -> None:
    """Copy rows, as `csv` writes them, into a table of PostgreSQL; ``table`` and ``names`` are quoted."""
    with (
        connection.wrap_database_errors,
        cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN WITH (FORMAT csv, NULL '\\N')") as stream,
    ):
        stream.write(rows)


def csv(frame: pl.DataFrame) -> bytes:
    """A frame as `copy` reads it: every text quoted, so that no text is taken for NULL."""
    out = io.BytesIO()
    frame.write_csv(out, include_header=False, quote_style="non_numeric", null_value="\\N")
    return out.getvalue()


def update(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Write some fields of rows of one model, by one prepared statement, on either database.

    Django's ``bulk_update`` resolves a condition for each row and column, which takes a hundred times as long.
    """
    if not rows:
        return
    meta = type(rows[0])._meta
    quote = connection.ops.quote_name
    fields = [meta.get_field(name) for name in names]
    assigned = ", ".join(f"{quote(f.column)} = {_placeholder(f)}" for f in fields)
    key = meta.pk
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(meta.db_table)} SET {assigned} WHERE {quote(key.column)} = %s",
            [[f.get_db_prep_save(getattr(row, f.attname), connection) for f in (*fields, key)] for row in rows],
        )


def _placeholder(f: Any) -> str:
    return f.get_placeholder(None, None, connection) if hasattr(f, "get_placeholder") else "%s"
