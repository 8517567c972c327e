"""GiST indexes for geometry columns."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.postgresql import schema

from ..geometry import GeometryField

__all__ = ["DatabaseSchemaEditor"]


def _indexed(field: models.Field) -> bool:
    return isinstance(field, GeometryField) and field.spatial_index


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    def _field_should_be_indexed(self, model: type[models.Model], field: models.Field) -> bool:
        return _indexed(field) or super()._field_should_be_indexed(model, field)

    def _create_index_sql(self, model: type[models.Model], *, fields: Any = None, **kwargs: Any) -> Any:
        if fields and len(fields) == 1 and isinstance(fields[0], GeometryField):
            kwargs["using"] = " USING GIST"
            kwargs["opclasses"] = ()
        return super()._create_index_sql(model, fields=fields, **kwargs)

    def _create_like_index_sql(self, model: type[models.Model], field: models.Field) -> Any:
        return None if isinstance(field, GeometryField) else super()._create_like_index_sql(model, field)

    def _field_should_be_altered(self, old_field: models.Field, new_field: models.Field, ignore: Any = None) -> bool:
        return super()._field_should_be_altered(old_field, new_field, ignore=ignore) or (
            _indexed(old_field) != _indexed(new_field)
        )

    def _alter_field(
        self, model: type[models.Model], old_field: models.Field, new_field: models.Field, *args: Any, **kwargs: Any
    ) -> None:
        if _indexed(old_field) and not _indexed(new_field):
            with self.connection.cursor() as cursor:
                constraints = self.connection.introspection.get_constraints(cursor, model._meta.db_table)
            for name, facts in constraints.items():
                if facts.get("type") == "gist" and facts["columns"] == [old_field.column]:
                    self.execute(self._delete_index_sql(model, name))
        super()._alter_field(model, old_field, new_field, *args, **kwargs)
        if _indexed(new_field) and not _indexed(old_field):
            self.execute(self._create_index_sql(model, fields=[new_field]))
