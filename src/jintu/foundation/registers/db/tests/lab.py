"""Applies migration operations to tables of their own, as ``migrate`` would, and looks at what became of them."""

from __future__ import annotations

from typing import Any

import shapely
from django.db import connection, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from shapely.geometry.base import BaseGeometry

APP = "lab"


class Lab:
    def __init__(self) -> None:
        self.state = ProjectState()

    def apply(self, *operations: Operation) -> None:
        for operation in operations:
            after = self.state.clone()
            operation.state_forwards(APP, after)
            with connection.schema_editor() as editor:
                operation.database_forwards(APP, editor, self.state, after)
            self.state = after

    def undo(self, operation: Operation, before: ProjectState) -> None:
        with connection.schema_editor() as editor:
            operation.database_backwards(APP, editor, self.state, before)
        self.state = before

    def model(self, name: str) -> Any:
        return self.state.apps.get_model(APP, name)

    def clean(self) -> None:
        """Drop what is left, those that refer to others first."""
        relations = {m: sum(f.is_relation for f in m._meta.concrete_fields) for m in self.state.apps.get_models()}
        for model in sorted(relations, key=lambda m: -relations[m]):
            with connection.schema_editor() as editor:
                editor.delete_model(model)


def columns_of(table: str) -> dict[str, str]:
    """Declared types of a table, on SQLite."""
    with connection.cursor() as cursor:
        cursor.execute(f'PRAGMA table_info("{table}")')
        return {row[1]: row[2] for row in cursor.fetchall()}


def triggers_of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
        return {name for (name,) in cursor.fetchall()}


def has_spatial_index(table: str, column: str) -> bool:
    """A GiST index, or an R*Tree with all its triggers and its registration."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            found = connection.introspection.get_constraints(cursor, table)
            return any(c.get("type") == "gist" and c["columns"] == [column] for c in found.values())
        tree = f"rtree_{table}_{column}"
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [tree])
        built = cursor.fetchone() is not None
    suffixes = ("insert", "update2", "update4", "update5", "update6", "update7", "delete")
    wanted = {f"{tree}_{suffix}" for suffix in suffixes}
    standing = wanted & triggers_of(table)
    assert standing in (set(), wanted), f"only some triggers stand: {standing}"
    assert built == bool(standing)
    return built


def assert_index_is_right(model: type[models.Model], field: str = "place") -> None:
    """The index answers what looking at every row answers; on SQLite it also holds exactly the rows' boxes."""
    rows: list[tuple[int, BaseGeometry | None]] = list(model._default_manager.values_list("pk", field))
    for box in (shapely.box(-1, -1, 200, 200), shapely.box(2.4, 0.2, 4.6, 0.4), shapely.box(50, 50, 51, 51)):
        wanted = {pk for pk, g in rows if g is not None and not g.is_empty and shapely.intersects(g, box)}
        found = set(model._default_manager.filter(**{f"{field}__intersects": box}).values_list("pk", flat=True))
        assert found == wanted
    if connection.vendor == "sqlite":
        column = model._meta.get_field(field).column
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT id FROM "rtree_{model._meta.db_table}_{column}"')
            indexed = {pk for (pk,) in cursor.fetchall()}
        assert indexed == {pk for pk, g in rows if g is not None and not g.is_empty}


def assert_index_follows_changes(model: Any, field: str = "place", **facts: Any) -> None:
    """Insert, move, empty, fill, delete: the index is right after each."""
    one = model.objects.create(**{field: shapely.box(3, 0, 4, 1)}, **facts)
    assert_index_is_right(model, field)
    setattr(one, field, shapely.box(50.2, 50.2, 50.8, 50.8))
    one.save()
    assert_index_is_right(model, field)
    model.objects.filter(pk=one.pk).update(**{field: None})
    assert_index_is_right(model, field)
    model.objects.filter(pk=one.pk).update(**{field: shapely.Point(3, 0.3)})
    assert_index_is_right(model, field)
    model.objects.filter(pk=one.pk).update(**{field: shapely.Polygon()})
    assert_index_is_right(model, field)
    model.objects.filter(pk=one.pk).delete()
    assert_index_is_right(model, field)
