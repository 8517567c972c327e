"""The full-text index over `SearchEntry.terms`: FTS5 with triggers on SQLite, GIN on PostgreSQL."""

from django.db import migrations

SQLITE = (
    """CREATE VIRTUAL TABLE register_search_fts USING fts5(
        terms, content='register_search_entry', content_rowid='id', tokenize='unicode61')""",
    """CREATE TRIGGER register_search_insert AFTER INSERT ON register_search_entry BEGIN
        INSERT INTO register_search_fts(rowid, terms) VALUES (new.id, new.terms); END""",
    """CREATE TRIGGER register_search_delete AFTER DELETE ON register_search_entry BEGIN
        INSERT INTO register_search_fts(register_search_fts, rowid, terms) VALUES ('delete', old.id, old.terms); END""",
    """CREATE TRIGGER register_search_update AFTER UPDATE OF terms ON register_search_entry BEGIN
        INSERT INTO register_search_fts(register_search_fts, rowid, terms) VALUES ('delete', old.id, old.terms);
        INSERT INTO register_search_fts(rowid, terms) VALUES (new.id, new.terms); END""",
)
POSTGRESQL = (
    "CREATE INDEX register_search_terms ON register_search_entry USING gin (to_tsvector('simple', terms))",
)
UNDO = {
    "sqlite": (
        "DROP TRIGGER register_search_insert",
        "DROP TRIGGER register_search_delete",
        "DROP TRIGGER register_search_update",
        "DROP TABLE register_search_fts",
    ),
    "postgresql": ("DROP INDEX register_search_terms",),
}


def make(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("registers", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
