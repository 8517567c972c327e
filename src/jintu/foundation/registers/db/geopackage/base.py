"""SQLite as Django uses it, in a file that is a GeoPackage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db.backends.sqlite3 import base

from .container import prepare
from .functions import define
from .introspection import DatabaseIntrospection
from .operations import DatabaseOperations
from .queue import Cursor, Queue
from .schema import DatabaseSchemaEditor

__all__ = ["DatabaseWrapper"]

CHECKPOINT, BULK_CHECKPOINT = 1_000, 8_000
"""Pages of the write-ahead log after which they are copied into the file: SQLite's own default, and 32 MB in bulk, so
that the pages of an index everybody writes to are copied once and not after each transaction."""


def _text(data: dict[str, Any]) -> str:
    return "TEXT" if data["max_length"] is None else f"TEXT({data['max_length']})"


class DatabaseWrapper(base.DatabaseWrapper):
    """WAL, full synchronisation, foreign keys, IMMEDIATE transactions, and column types every GDAL reader knows."""

    SchemaEditorClass = DatabaseSchemaEditor
    introspection_class = DatabaseIntrospection
    ops_class = DatabaseOperations

    # GeoPackage 1.3 table 1. GDAL passes over columns declared otherwise: varchar(n), bigint, integer unsigned …
    data_types = {
        **base.DatabaseWrapper.data_types,
        "AutoField": "INTEGER",
        "BigAutoField": "INTEGER",
        "SmallAutoField": "INTEGER",
        "BooleanField": "BOOLEAN",
        "CharField": _text,
        "DateField": "DATE",
        "DateTimeField": "DATETIME",
        "DecimalField": "DOUBLE",
        "DurationField": "INTEGER",
        "FileField": _text,
        "FilePathField": _text,
        "FloatField": "DOUBLE",
        "IntegerField": "INTEGER",
        "BigIntegerField": "INTEGER",
        "IPAddressField": "TEXT(15)",
        "GenericIPAddressField": "TEXT(39)",
        "JSONField": "TEXT",
        "OneToOneField": "INTEGER",
        "PositiveBigIntegerField": "INTEGER",
        "PositiveIntegerField": "INTEGER",
        "PositiveSmallIntegerField": "SMALLINT",
        "SlugField": _text,
        "SmallIntegerField": "SMALLINT",
        "TextField": "TEXT",
        "TimeField": "TEXT(15)",
        "UUIDField": "TEXT(32)",
    }

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        if self.transaction_mode is None:
            # a reader that turns into a writer inside a transaction fails at once instead of waiting
            self.transaction_mode = "IMMEDIATE"
        params.setdefault("timeout", 20)
        return params

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = Queue(str(self.settings_dict["NAME"]))

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=partial(Cursor, queue=self.queue))

    def close(self) -> None:
        super().close()
        if self.connection is None:
            self.queue.close()

    @contextmanager
    def in_bulk(self) -> Iterator[None]:
        """Around many short transactions that count only together with a later one outside: they need not reach the
        disc one by one, because the later one takes all that was written before it along."""
        if self.in_atomic_block:
            yield
            return
        self._pace("NORMAL", BULK_CHECKPOINT)
        try:
            yield
        finally:
            self._pace("FULL", CHECKPOINT)

    def _pace(self, synchronous: str, checkpoint: int) -> None:
        with self.cursor() as cursor:
            cursor.execute(f"PRAGMA synchronous = {synchronous}")
            cursor.execute(f"PRAGMA wal_autocheckpoint = {checkpoint}")

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        define(connection)
        connection.execute("PRAGMA synchronous = FULL")
        # REPLACE deletes rows: with this, the delete triggers of append-only tables see it
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -32768")
        prepare(connection)
        return connection
