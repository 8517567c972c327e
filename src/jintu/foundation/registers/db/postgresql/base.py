"""PostgreSQL with PostGIS: ``geometry(Geometry, 4490)`` columns with GiST indexes, through psycopg alone."""

from __future__ import annotations

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
