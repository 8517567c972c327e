"""PostgreSQL with PostGIS: ``geometry(Geometry, 4490)`` columns with GiST indexes, through psycopg alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.postgresql import base

from .schema import DatabaseSchemaEditor

__all__ = ["DatabaseWrapper"]


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor

    def prepare_database(self) -> None:
        """Before migrations. The extension needs a superuser once; where it exists no right is needed."""
        super().prepare_database()
        with self.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS postgis")

    @contextmanager
    def in_bulk(self) -> Iterator[None]:
        """Around many short transactions that count only together with a later one outside: they need not reach the
        disc one by one, because the later one takes all that was written before it along."""
        if self.in_atomic_block:
            yield
            return
        with self.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        try:
            yield
        finally:
            with self.cursor() as cursor:
                cursor.execute("RESET synchronous_commit")
