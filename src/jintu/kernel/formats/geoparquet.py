"""GeoParquet 1.0 and 1.1 with WKB encoding, and plain Parquet. ``__row__`` counts from 1."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.formats import ogr
from jintu.kernel.formats.source import GEOMETRY, ROW, Field, Limits, Source, sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["codecs", "read", "write"]


def read(path: Path, *, limits: Limits) -> Source:
    """Open the primary geometry column. No "crs" key means OGC:CRS84 by the standard; an explicit null is unknown."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = Place(file=path.name)
    digest, files = sha256_of([path])
    try:
        parquet = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            "The Parquet file is damaged: {reason}.",
            place=place,
            remedy="Copy or export it again.",
            reason=str(error).split("\n")[0],
        ) from error
    source = Source(path, "geoparquet", path.stem, [], digest, _batches, files=files, limits=limits)
    schema = parquet.schema_arrow
    raw = (parquet.schema_arrow.metadata or {}).get(b"geo")
    primary = ""
    if raw:
        try:
            geo = json.loads(raw)
            primary = geo["primary_column"]
            column = geo["columns"][primary]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                "The geo metadata of the file is not valid.", place=place, remedy="Export it again."
            ) from error
        if column.get("encoding", "WKB").upper() != "WKB":
            raise Unsupported(
                "Geometry encoded as {encoding} is not read.",
                place=place,
                remedy="Write it with WKB encoding.",
                encoding=column["encoding"],
            )
        if column.get("edges", "planar") != "planar":
            raise Unsupported(
                "Edges are {edges}, not straight.",
                place=place,
                remedy="Export with planar edges.",
                edges=column["edges"],
            )
        source.has_geometry = True
        source.geometry_type = ", ".join(column.get("geometry_types", []))
        if "crs" not in column:
            source.crs = "EPSG:4326"
        elif column["crs"] is not None:
            source.crs = ogr.crs_text(json.dumps(column["crs"]))
    source.metadata["geometry_column"] = primary
    source.count = parquet.metadata.num_rows
    hidden = {primary, *((column.get("covering", {}).get("bbox", {}).get("xmin", [""])[0],) if raw else ())}
    for f in schema:
        if f.name in hidden:
            continue
        kind = _kind(f.type)
        if kind is None:
            source.notice("The column {name} of type {type} is read as text.", name=f.name, type=str(f.type))
        source.fields.append(Field(f.name, kind or "text"))
    return source


def _kind(t: pa.DataType) -> str | None:
    import pyarrow.types as pt

    if pt.is_dictionary(t):
        t = t.value_type
    if pt.is_string(t) or pt.is_large_string(t) or pt.is_string_view(t):
        return "text"
    if pt.is_boolean(t):
        return "boolean"
    if pt.is_integer(t):
        return "integer"
    if pt.is_floating(t):
        return "number"
    if pt.is_date(t):
        return "date"
    if pt.is_timestamp(t):
        return "datetime"
    if pt.is_binary(t) or pt.is_large_binary(t):
        return "binary"
    return None


def _batches(source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f.name for f in source.fields]
    primary = source.metadata["geometry_column"]
    number = 0
    # a name with a dot would be taken as a nested path: read by position instead
    parquet = pq.ParquetFile(source.path)
    for batch in parquet.iter_batches(size, columns=[*names, primary] if geometry else names):
        rows = pa.array(np.arange(number + 1, number + 1 + len(batch), dtype=np.int64))
        number += len(batch)
        columns = [rows, *(_text_or(batch.column(f.name), f.kind) for f in source.fields)]
        keep = None
        if geometry:
            wkb, keep = ogr.flatten(source, batch.column(primary), rows)
            columns.append(wkb)
        table = pa.table(columns, names=[ROW, *names, *([GEOMETRY] if geometry else [])])
        yield table.filter(keep) if keep is not None else table


def _text_or(column: pa.Array, kind: str) -> pa.Array:
    import pyarrow as pa

    if kind == "text" and _kind(column.type) is None and not pa.types.is_nested(column.type):
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())
    return ogr._plain(column, kind)


def write(path: Path, tables: Iterator[pa.Table], *, crs: str | None, **_: Any) -> None:
    """Write GeoParquet 1.1 with PROJJSON; the lake has its own writer (order, covering, row groups)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            table = table.select([n for n in table.column_names if n != ROW])
            if writer is None:
                schema = table.schema
                if GEOMETRY in schema.names:
                    import pyproj

                    schema = schema.with_metadata(
                        {
                            b"geo": json.dumps(
                                {
                                    "version": "1.1.0",
                                    "primary_column": GEOMETRY,
                                    "columns": {
                                        GEOMETRY: {
                                            "encoding": "WKB",
                                            "geometry_types": [],
                                            "crs": json.loads(pyproj.CRS(crs).to_json()) if crs else None,
                                        }
                                    },
                                }
                            ).encode()
                        }
                    )
                writer = pq.ParquetWriter(path, schema, compression="zstd")
            writer.write_table(table.cast(pa.schema(writer.schema, writer.schema.metadata)))
    finally:
        if writer is not None:
            writer.close()


def codecs(schema: pa.Schema, coordinates: Collection[str]) -> dict[str, str]:
    """Compression of each column of a file that is written once and read often, for ``pq.ParquetWriter``.

    LZ4 for the columns ``coordinates``: half the bits of a coordinate are as good as random, so that zstd takes five
    times as long to unpack and saves a fifth at most. zstd for the others, where it saves half.

    >>> import pyarrow as pa
    >>> codecs(pa.schema([("owner", pa.string()), ("bbox", pa.struct([("xmin", pa.float64())]))]), ["bbox"])
    {'owner': 'zstd', 'bbox.xmin': 'lz4'}
    """
    return {
        path: "lz4" if field.name in coordinates else "zstd"
        for field in schema
        for path in _leaves(field.name, field.type)
    }


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    """Paths in the file of what a column of a type is made of."""
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return [path]
    members = (kind.field(k) for k in range(kind.num_fields))
    return [leaf for member in members for leaf in _leaves(f"{path}.{member.name}", member.type)]
