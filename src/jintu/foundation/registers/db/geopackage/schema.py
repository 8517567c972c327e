"""Tables with their guards, R*Trees and GeoPackage registration, kept through every change of a table.

SQLite changes a table by building a new one, copying, dropping the old and renaming: triggers vanish with the old
table, silently. So every path that rebuilds or renames a table takes the triggers off first and puts them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import models
from django.db.backends.sqlite3 import schema

from ..exact import ExactDecimalField
from ..geometry import GeometryField
from .functions import WRITER

__all__ = ["DatabaseSchemaEditor"]

_RTREE_EXTENSION = "http://www.geopackage.org/spec120/#extension_rtree"
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ','now')"
_REGISTER_ROW = {"uid", "division", "row_version", "batch"}
"""Columns by which the table of a register is known (historical models have no base class to ask)."""


def _geometries(model: type[models.Model]) -> dict[str, GeometryField]:
    return {f.column: f for f in model._meta.local_concrete_fields if isinstance(f, GeometryField)}


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    _rebuilding = False

    # -- guards

    def _guard(self, table: str) -> None:
        """Refuse writers that do not know our functions.

        ``WHEN 0``: the body never runs and costs nothing, but it is compiled with every statement that writes the
        table, and a connection without the function fails there.
        """
        for event in ("INSERT", "UPDATE", "DELETE"):
            name = self.quote_name(f"jintu_guard_{table}_{event.lower()}")
            self.execute(
                f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event} ON {self.quote_name(table)} WHEN 0 "
                f"BEGIN SELECT {WRITER}(); END"
            )

    def _drop_guard(self, table: str) -> None:
        for event in ("insert", "update", "delete"):
            self.execute(f"DROP TRIGGER IF EXISTS {self.quote_name(f'jintu_guard_{table}_{event}')}")

    def _other_triggers(self, table: str) -> list[tuple[str, str]]:
        """(name, SQL) of triggers on the table that are neither guards nor of an R*Tree, and of those elsewhere whose
        body speaks of the table: SQLite refuses to rename while a trigger names a table that is not there."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger' "
                "AND (tbl_name = %s OR instr(sql, %s)) ORDER BY name",
                [table, table],
            )
            return [
                (name, sql)
                for name, sql, on in cursor.fetchall()
                if not name.startswith("jintu_guard_") and not (on == table and name.startswith(f"rtree_{table}_"))
            ]

    # -- R*Trees, as the GeoPackage R-tree extension writes them (1.3 annex F.3, with the triggers of 1.4)

    def _drop_tree(self, table: str, column: str) -> None:
        tree = f"rtree_{table}_{column}"
        for suffix in ("insert", "update2", "update4", "update5", "update6", "update7", "delete"):
            self.execute(f"DROP TRIGGER IF EXISTS {self.quote_name(f'{tree}_{suffix}')}")
        self.execute(f"DROP TABLE IF EXISTS {self.quote_name(tree)}")

    def _build_tree(self, table: str, column: str, key: str) -> None:
        self._drop_tree(table, column)
        t, c, i, tree = (self.quote_name(n) for n in (table, column, key, f"rtree_{table}_{column}"))

        def box(row: str) -> str:
            return ", ".join(f"ST_{side}({row}{c})" for side in ("MinX", "MaxX", "MinY", "MaxY"))

        def full(row: str) -> str:
            return f"({row}{c} NOTNULL AND NOT ST_IsEmpty({row}{c}))"

        def bare(row: str) -> str:
            return f"({row}{c} ISNULL OR ST_IsEmpty({row}{c}))"

        def trigger(suffix: str, event: str, when: str, *body: str) -> None:
            name = self.quote_name(f"rtree_{table}_{column}_{suffix}")
            steps = " ".join(f"{step};" for step in body)
            self.execute(f"CREATE TRIGGER {name} AFTER {event} ON {t} WHEN {when} BEGIN {steps} END")

        same, moved = f"OLD.{i} = NEW.{i}", f"OLD.{i} != NEW.{i}"
        put = f"INSERT OR REPLACE INTO {tree} VALUES (NEW.{i}, {box('NEW.')})"
        drop = f"DELETE FROM {tree} WHERE id = OLD.{i}"
        resize = ", ".join(f"{side.lower()} = ST_{side}(NEW.{c})" for side in ("MinX", "MaxX", "MinY", "MaxY"))
        self.execute(f"CREATE VIRTUAL TABLE {tree} USING rtree(id, minx, maxx, miny, maxy)")
        self.execute(f"INSERT INTO {tree} SELECT {i}, {box('')} FROM {t} WHERE {full('')}")
        trigger("insert", "INSERT", full("NEW."), put)
        trigger(
            "update6",
            f"UPDATE OF {c}",
            f"{same} AND {full('NEW.')} AND {full('OLD.')}",
            f"UPDATE {tree} SET {resize} WHERE id = NEW.{i}",
        )
        trigger("update7", f"UPDATE OF {c}", f"{same} AND {full('NEW.')} AND {bare('OLD.')}", put)
        trigger("update2", f"UPDATE OF {c}", f"{same} AND {bare('NEW.')}", drop)
        trigger("update5", "UPDATE", f"{moved} AND {full('NEW.')}", drop, put)
        trigger(
            "update4", "UPDATE", f"{moved} AND {bare('NEW.')}", f"DELETE FROM {tree} WHERE id IN (OLD.{i}, NEW.{i})"
        )
        trigger("delete", "DELETE", f"OLD.{c} NOTNULL", drop)

    # -- what a table is to GeoPackage readers

    def _forget(self, table: str) -> None:
        value = self.quote_value(table)
        for register in ("gpkg_extensions", "gpkg_data_columns", "gpkg_geometry_columns", "gpkg_contents"):
            self.execute(f"DELETE FROM {register} WHERE table_name = {value}")

    def _announce(self, table: str, columns: dict[str, models.Field], title: str) -> None:
        """List the table in ``gpkg_contents``: with a geometry as features, a register without one as attributes."""
        self._forget(table)
        t, description = self.quote_value(table), self.quote_value(title)
        geometries = {c: f for c, f in columns.items() if isinstance(f, GeometryField)}
        if geometries:
            # GeoPackage knows one geometry per table; further ones keep their index and stay blobs to others
            column, field = next(iter(geometries.items()))
            self.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
                f"VALUES ({t}, 'features', {t}, {description}, {_NOW}, {field.srid})"
            )
            self.execute(
                "INSERT INTO gpkg_geometry_columns (table_name, column_name, geometry_type_name, srs_id, z, m) "
                f"VALUES ({t}, {self.quote_value(column)}, 'GEOMETRY', {field.srid}, 0, 0)"
            )
            if field.spatial_index:
                self.execute(
                    "INSERT INTO gpkg_extensions (table_name, column_name, extension_name, definition, scope) VALUES "
                    f"({t}, {self.quote_value(column)}, 'gpkg_rtree_index', '{_RTREE_EXTENSION}', 'write-only')"
                )
        elif {f.name for f in columns.values()} >= _REGISTER_ROW:
            self.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
                f"VALUES ({t}, 'attributes', {t}, {description}, {_NOW})"
            )
        else:
            return
        for column, field in columns.items():
            if isinstance(field, ExactDecimalField) and field.scale > 1:
                note = self.quote_value(f"integer, to be divided by {field.scale}")
                self.execute(
                    "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description) VALUES "
                    f"({t}, {self.quote_value(column)}, {self.quote_value(column)}, {note}, {note})"
                )

    # -- taking everything off and putting it back

    def _strip(self, model: type[models.Model], table: str) -> None:
        self._drop_guard(table)
        for column in _geometries(model):
            self._drop_tree(table, column)

    def _dress(self, table: str, columns: dict[str, models.Field], key: str, title: str) -> None:
        for column, field in columns.items():
            if isinstance(field, GeometryField) and field.spatial_index:
                self._build_tree(table, column, key)
        self._guard(table)
        self._announce(table, columns, title)

    @contextmanager
    def _rebuilt(
        self, model: type[models.Model], columns: dict[str, models.Field], key: str, *, by_hand: bool = True
    ) -> Iterator[None]:
        """Around a change of the table: afterwards it has ``columns``. ``by_hand``: the change drops the triggers."""
        table = model._meta.db_table
        others = self._other_triggers(table) if by_hand and not self.collect_sql else []
        for name, _ in others:
            self.execute(f"DROP TRIGGER IF EXISTS {self.quote_name(name)}")
        self._strip(model, table)
        outer, self._rebuilding = self._rebuilding, True
        try:
            yield
        finally:
            self._rebuilding = outer
        for _, sql in others:
            self.execute(sql, params=None)
        self._dress(table, columns, key, str(model._meta.verbose_name))

    # -- Django's entry points

    def create_model(self, model: type[models.Model]) -> None:
        super().create_model(model)
        if not self._rebuilding:
            columns = {f.column: f for f in model._meta.local_concrete_fields}
            self._dress(model._meta.db_table, columns, model._meta.pk.column, str(model._meta.verbose_name))

    def delete_model(self, model: type[models.Model], handle_autom2m: bool = True) -> None:
        if not self._rebuilding:
            self._strip(model, model._meta.db_table)
            self._forget(model._meta.db_table)
        super().delete_model(model, handle_autom2m=handle_autom2m)

    def _remake_table(
        self,
        model: type[models.Model],
        create_field: models.Field | None = None,
        delete_field: models.Field | None = None,
        alter_fields: list[tuple[models.Field, models.Field]] | None = None,
    ) -> None:
        columns = {f.column: f for f in model._meta.local_concrete_fields}
        key = model._meta.pk.column
        if delete_field is not None:
            columns.pop(delete_field.column, None)
        for old, new in alter_fields or []:
            columns.pop(old.column, None)
            columns[new.column] = new
            key = new.column if new.primary_key else key
        if create_field is not None and create_field.column:
            columns[create_field.column] = create_field
            key = create_field.column if create_field.primary_key else key
        with self._rebuilt(model, columns, key):
            super()._remake_table(model, create_field, delete_field, alter_fields)

    def add_field(self, model: type[models.Model], field: models.Field) -> None:
        super().add_field(model, field)
        if not self._rebuilding and field.column and isinstance(field, GeometryField | ExactDecimalField):
            columns = {f.column: f for f in model._meta.local_concrete_fields} | {field.column: field}
            self._dress(model._meta.db_table, columns, model._meta.pk.column, str(model._meta.verbose_name))

    def remove_field(self, model: type[models.Model], field: models.Field) -> None:
        if not isinstance(field, GeometryField | ExactDecimalField):
            super().remove_field(model, field)
            return
        columns = {f.column: f for f in model._meta.local_concrete_fields if f.column != field.column}
        with self._rebuilt(model, columns, model._meta.pk.column, by_hand=False):
            super().remove_field(model, field)

    def _alter_field(
        self, model: type[models.Model], old_field: models.Field, new_field: models.Field, *args: Any, **kwargs: Any
    ) -> None:
        renamed = old_field.column != new_field.column
        if renamed and isinstance(old_field, GeometryField | ExactDecimalField) and not self._rebuilding:
            columns = {
                (new_field if f.column == old_field.column else f).column: (
                    new_field if f.column == old_field.column else f
                )
                for f in model._meta.local_concrete_fields
            }
            with self._rebuilt(model, columns, model._meta.pk.column, by_hand=False):
                super()._alter_field(model, old_field, new_field, *args, **kwargs)
            return
        super()._alter_field(model, old_field, new_field, *args, **kwargs)

    def _field_should_be_altered(self, old_field: models.Field, new_field: models.Field, ignore: Any = None) -> bool:
        return super()._field_should_be_altered(old_field, new_field, ignore=ignore) or (
            getattr(old_field, "spatial_index", None) != getattr(new_field, "spatial_index", None)
        )

    def alter_db_table(self, model: type[models.Model], old_db_table: str, new_db_table: str) -> None:
        if self._rebuilding or old_db_table == new_db_table:
            super().alter_db_table(model, old_db_table, new_db_table)
            return
        self._strip(model, old_db_table)
        self._forget(old_db_table)
        super().alter_db_table(model, old_db_table, new_db_table)
        columns = {f.column: f for f in model._meta.local_concrete_fields}
        self._dress(new_db_table, columns, model._meta.pk.column, str(model._meta.verbose_name))
