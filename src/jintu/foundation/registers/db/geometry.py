"""`GeometryField`: a Shapely geometry in a column, on GeoPackage/SQLite and on PostGIS, without a system GDAL."""

from __future__ import annotations

from typing import Any

import shapely
import shapely.geometry
from django.core import checks
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import models
from django.db.models import Lookup
from django.utils.translation import gettext_lazy as _
from shapely.geometry.base import BaseGeometry

from jintu.kernel.errors import InputError

from . import codec

__all__ = ["GeometryField"]


class GeometryField(models.Field):
    """A Shapely geometry, 2D, longitude and latitude on CGCS2000 (EPSG:4490).

    Takes a Shapely geometry, WKB or GeoPackage bytes, a GeoJSON mapping or text, or WKT; gives back Shapely.
    ``spatial_index=False`` leaves out the R*Tree or GiST index, for columns nobody searches by place.
    """

    description = _("Geometry")
    empty_strings_allowed = False
    default_error_messages = {"invalid": _("This is not a geometry: %(reason)s")}

    def __init__(self, *args: Any, srid: int = codec.SRID, spatial_index: bool = True, **kwargs: Any) -> None:
        self.srid = srid
        self.spatial_index = spatial_index
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        if self.srid != codec.SRID:
            kwargs["srid"] = self.srid
        if not self.spatial_index:
            kwargs["spatial_index"] = False
        return name, "jintu.foundation.registers.db.GeometryField", args, kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found = super().check(**kwargs)
        key = getattr(getattr(self, "model", None), "_meta", None)
        if key is not None and key.pk is not None and not isinstance(key.pk, models.IntegerField | models.AutoField):
            found.append(
                checks.Error(
                    "A model with a geometry needs an integer primary key.",
                    hint="The R*Tree identifies rows by rowid. Keep the UUID beside it, as a unique column.",
                    obj=self,
                    id="jintu.E001",
                )
            )
        return found

    def get_internal_type(self) -> str:
        return "GeometryField"

    def db_type(self, connection: Any) -> str:
        return f"geometry(Geometry,{self.srid})" if connection.vendor == "postgresql" else "GEOMETRY"

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        # Its mere existence also keeps Django from bulk inserting with UNNEST: geometry[] is not split at commas.
        if hasattr(value, "as_sql"):
            return "%s"
        return "%s::geometry" if connection.vendor == "postgresql" else "%s"

    def to_python(self, value: Any) -> BaseGeometry | None:
        if value is None or isinstance(value, BaseGeometry):
            return value
        try:
            if isinstance(value, bytes | bytearray | memoryview):
                raw = bytes(value)
                return codec.decode(raw) if raw[:2] == b"GP" else shapely.from_wkb(raw)
            if isinstance(value, dict):
                return shapely.geometry.shape(value)
            text = str(value).strip()
            if text.startswith("{"):
                return shapely.from_geojson(text)
            return shapely.from_wkt(text.split(";", 1)[-1])
        except (InputError, shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"reason": str(error)}
            ) from error

    def get_prep_value(self, value: Any) -> BaseGeometry | None:
        value = super().get_prep_value(value)
        if value is None or hasattr(value, "as_sql"):
            return value
        geometry = self.to_python(value)
        return shapely.force_2d(geometry) if geometry is not None and geometry.has_z else geometry

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if value is None or hasattr(value, "as_sql"):
            return value
        if connection.vendor == "postgresql":
            return shapely.to_wkb(shapely.set_srid(value, self.srid), hex=True, include_srid=True)
        return codec.encode(value, self.srid)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> BaseGeometry | None:
        if value is None or isinstance(value, BaseGeometry):
            return value
        return shapely.from_wkb(value) if isinstance(value, str) else codec.decode(value)

    def value_to_string(self, obj: models.Model) -> str:
        """WKT with every digit, for serialisers."""
        value = self.value_from_object(obj)
        return "" if value is None else shapely.to_wkt(value, rounding_precision=-1)


class SpatialLookup(Lookup):
    """Index first, then the exact predicate. The right side is a constant: overlays of tables belong to the kernel."""

    prepare_rhs = False
    sqlite_function = ""
    """Predicate on (column, constant); empty: the boxes alone decide."""
    postgis_function = ""

    def operand(self) -> tuple[Any, tuple[float, ...]]:
        """The geometry on the right, and further arguments of the predicate."""
        return self.rhs, ()

    def search_box(self, geometry: BaseGeometry, extra: tuple[float, ...]) -> tuple[float, float, float, float]:
        return geometry.bounds

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        field = self.lhs.output_field
        rhs, extra = self.operand()
        geometry = field.get_prep_value(rhs)
        if geometry is None or geometry.is_empty:
            raise EmptyResultSet
        value = field.get_db_prep_value(geometry, connection, prepared=True)
        if connection.vendor == "postgresql":
            if not self.postgis_function:
                return f"{column} && %s::geometry", [*params, value]
            more = ", %s" * len(extra)
            return f"{self.postgis_function}({column}, %s::geometry{more})", [*params, value, *extra]
        sql, args = "", []
        if field.spatial_index:
            target = self.lhs.target
            quote = connection.ops.quote_name
            tree = quote(f"rtree_{target.model._meta.db_table}_{target.column}")
            key = f"{compiler.quote_name_unless_alias(self.lhs.alias)}.{quote(target.model._meta.pk.column)}"
            minx, miny, maxx, maxy = self.search_box(geometry, extra)
            sql = f"{key} IN (SELECT id FROM {tree} WHERE maxx >= %s AND minx <= %s AND maxy >= %s AND miny <= %s)"
            args = [minx, maxx, miny, maxy]
        function = self.sqlite_function or ("" if sql else "ST_EnvIntersects")
        if function:
            sql += (" AND " if sql else "") + f"{function}({column}, %s{', %s' * len(extra)})"
            args += [*params, value, *extra]
        return f"({sql})", args


@GeometryField.register_lookup
class BoxOverlaps(SpatialLookup):
    """Boxes share a point, at the single precision of both databases' indexes."""

    lookup_name = "bbox_overlaps"


@GeometryField.register_lookup
class Intersects(SpatialLookup):
    lookup_name = "intersects"
    sqlite_function = postgis_function = "ST_Intersects"


@GeometryField.register_lookup
class Covers(SpatialLookup):
    lookup_name = "covers"
    sqlite_function = postgis_function = "ST_Covers"


@GeometryField.register_lookup
class CoveredBy(SpatialLookup):
    lookup_name = "coveredby"
    sqlite_function = postgis_function = "ST_CoveredBy"


@GeometryField.register_lookup
class DWithin(SpatialLookup):
    """Right side: (geometry, distance in degrees)."""

    lookup_name = "dwithin"
    sqlite_function = postgis_function = "ST_DWithin"

    def operand(self) -> tuple[Any, tuple[float, ...]]:
        geometry, distance = self.rhs
        return geometry, (float(distance),)

    def search_box(self, geometry: BaseGeometry, extra: tuple[float, ...]) -> tuple[float, float, float, float]:
        minx, miny, maxx, maxy = geometry.bounds
        (reach,) = extra
        return minx - reach, miny - reach, maxx + reach, maxy + reach
