"""Database triggers that refuse UPDATE, DELETE and TRUNCATE, installed by migrations as operations.

SQLite's table rebuilds drop triggers: the GeoPackage schema editor carries them over
(`jintu.foundation.registers.db.geopackage.schema`). ``installed`` says whether they all stand, for ``jintu doctor``.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.migrations.operations.base import Operation

__all__ = ["AppendOnly", "expected", "installed"]

_MESSAGE = "the journal is append-only"
APPEND_ONLY = ("journal_entry", "journal_subject", "journal_seal", "journal_link", "journal_record_version")
REDACTABLE = "journal_record_version"

# A version may be emptied once, by an entry that says so; nothing else of it may change.
_KEPT = ("id", "register", "uid", "row_version", "digest", "entry_id")


def _redaction(same: str) -> str:
    unchanged = " AND ".join(f"NEW.{c} {same} OLD.{c}" for c in _KEPT)
    return (
        "OLD.redaction_id IS NULL AND NEW.redaction_id IS NOT NULL AND NEW.data IS NULL AND NEW.salt = '' AND "
        f"{unchanged} AND EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.redaction_id AND act = 'journal.redact')"
    )


def _sqlite(table: str) -> list[str]:
    when = f"WHEN NOT ({_redaction('IS')}) " if table == REDACTABLE else ""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    return [
        f'CREATE TRIGGER "{table}_no_update" BEFORE UPDATE ON "{table}" {when}{refuse}',
        f'CREATE TRIGGER "{table}_no_delete" BEFORE DELETE ON "{table}" {refuse}',
    ]


def _postgresql(table: str) -> list[str]:
    if table == REDACTABLE:
        # a WHEN clause may not hold a subquery, so the exception is decided in a function of its own
        return [
            "CREATE OR REPLACE FUNCTION journal_only_redact() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {_redaction('IS NOT DISTINCT FROM')} THEN RETURN NEW; END IF; "
            f"RAISE EXCEPTION '{_MESSAGE}'; END $$",
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION journal_only_redact()",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION journal_refuse()",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()",
        ]
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION journal_refuse()",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION journal_refuse()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()",
    ]


class AppendOnly(Operation):
    """Migration operation: from here on the table only grows."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str) -> None:
        self.table = table

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models do not change."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                "CREATE OR REPLACE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"RAISE EXCEPTION '{_MESSAGE}'; END $$",
                params=None,
            )
            statements = _postgresql(self.table)
        else:
            statements = _sqlite(self.table)
        for sql in statements:
            schema_editor.execute(sql, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        on = f" ON {self.table}" if schema_editor.connection.vendor == "postgresql" else ""
        for name in expected(schema_editor.connection.vendor, (self.table,)):
            schema_editor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on}', params=None)

    def describe(self) -> str:
        return f"Refuse changes of {self.table}"

    @property
    def migration_name_fragment(self) -> str:
        return f"append_only_{self.table}"


def expected(vendor: str, tables: tuple[str, ...] = APPEND_ONLY) -> set[str]:
    """Names of the triggers that must stand."""
    events = ("update", "delete", "truncate") if vendor == "postgresql" else ("update", "delete")
    return {f"{table}_no_{event}" for table in tables for event in events}


def installed() -> set[str]:
    """Names of those of them that do, and are enabled."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {name for (name,) in cursor.fetchall()} & expected(connection.vendor)
