"""GeoJSON (RFC 7946 and the 2008 text with a "crs" member). Strings stay strings, whatever they look like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError
from jintu.kernel.formats import encoding as encodings
from jintu.kernel.formats import ogr
from jintu.kernel.formats.source import GEOMETRY, ROW, Limits, Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read", "write"]

# GDAL would turn "2019/01/01" into a date and "12:30" into a time
OPTIONS = {"DATE_AS_STRING": "YES"}


def read(path: Path, *, limits: Limits) -> Source:
    """Open a feature collection. Without a "crs" member RFC 7946 makes it WGS 84 lon/lat, which is noticed."""
    encodings.of_file(path, "utf-8")
    source = ogr.open_source(path, "geojson", layer=None, limits=limits, row_is="record", options=OPTIONS)
    with path.open("rb") as stream:
        head, tail = stream.read(4096), b""
        if path.stat().st_size > 8192:
            stream.seek(-4096, 2)
            tail = stream.read()
    if b'"crs"' not in head and b'"crs"' not in tail:
        source.crs = "EPSG:4326"
        source.notice("The file names no CRS; by RFC 7946 it is WGS 84 longitude/latitude (EPSG:4326).")
    elif source.crs == "EPSG:4979":
        source.crs = "EPSG:4326"
    return source


def write(path: Path, tables: Iterator[pa.Table], *, crs: str | None, **_: Any) -> None:
    """Write a feature collection; any CRS but WGS 84 and CGCS2000 lon/lat is refused, as RFC 7946 knows no other."""
    import shapely

    if crs not in ("EPSG:4326", "EPSG:4490", "OGC:CRS84", None):
        raise InputError(
            "GeoJSON holds longitude and latitude only, not {crs}.",
            remedy="Export as GeoPackage or shapefile.",
            crs=crs,
        )
    with path.open("w", encoding="utf-8") as stream:
        member = ""
        if crs == "EPSG:4490":
            member = '"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4490"}},'
        stream.write('{"type":"FeatureCollection",' + member + '"features":[')
        separator = "\n"
        for table in tables:
            shapes = table.column(GEOMETRY).to_pylist() if GEOMETRY in table.column_names else [None] * len(table)
            texts = shapely.to_geojson(shapely.from_wkb(shapes))
            names = [n for n in table.column_names if n not in (GEOMETRY, ROW)]
            lists = [table.column(name).to_pylist() for name in names]
            for i, shape in enumerate(texts):
                properties = {name: _json(column[i]) for name, column in zip(names, lists, strict=True)}
                stream.write(
                    f'{separator}{{"type":"Feature","properties":{json.dumps(properties, ensure_ascii=False)},'
                    f'"geometry":{shape or "null"}}}'
                )
                separator = ",\n"
        stream.write("\n]}\n")


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
