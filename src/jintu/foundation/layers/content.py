"""What a version says, and how it is written: the order of its rows, the hash of its content, GeoParquet.

Rows lie in the order of a Hilbert curve over the layer's extent, ties by identifier, so that the order of delivery does
not matter. The hash is of the content and not of a file: another writer, compression or row group gives the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from jintu.kernel import hashing

from . import shapes
from .lake import BBOX, DATA, DELIVERED, FORMAT, GEOMETRY

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Written", "content_hash", "write"]

ROW_GROUP = 16_384


@dataclass(frozen=True)
class Written:
    """What `write` says of the data it wrote."""

    hash: str
    rows: int
    area_m2: float
    bbox: tuple[float, float, float, float]
    order: NDArray[np.int64]
    """Position in the given table of each row written."""


def content_hash(table: pa.Table, *, schema: str, crs: str, algorithm: str = "") -> str:
    """Hash of what the version says, whatever wrote the file: rows in the order of the lake, columns by name.

    Each column is hashed as (which rows have a value, the values as little-endian numbers, days since 1970, or lengths
    and UTF-8 or WKB bytes); the version's hash is that of the canonical JSON of schema, CRS, row count and those
    hashes.
    """
    algorithm = algorithm or getattr(settings, "JINTU_HASH", "sha256")
    columns = {name: _column_hash(table.column(name), algorithm) for name in table.column_names if name != BBOX}
    facts = {"format": FORMAT, "schema": schema, "crs": crs, "rows": table.num_rows, "columns": columns}
    return hashing.of_json(facts, algorithm)


def _column_hash(column: pa.ChunkedArray, algorithm: str) -> str:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    present = np.asarray(pc.is_valid(array)).astype(np.uint8)
    if pt.is_floating(array.type):
        kind, parts = "float", [np.asarray(pc.fill_null(array, 0.0)).astype("<f8") + 0.0]
    elif pt.is_integer(array.type):
        kind, parts = "integer", [np.asarray(pc.fill_null(array, 0)).astype("<i8")]
    elif pt.is_date(array.type):
        days = pc.fill_null(array.cast(pa.date32()).cast(pa.int32()), 0)
        kind, parts = "date", [np.asarray(days).astype("<i8")]
    else:
        kind = "text" if pt.is_string(array.type) or pt.is_large_string(array.type) else "bytes"
        wide = array.cast(pa.large_string() if kind == "text" else pa.large_binary())
        wide = pc.fill_null(wide, "" if kind == "text" else b"")
        if isinstance(wide, pa.ChunkedArray):
            wide = wide.combine_chunks()
        _, offsets, data = wide.buffers()
        starts = np.frombuffer(offsets, dtype="<i8")[wide.offset : wide.offset + len(wide) + 1] if len(wide) else None
        first, last = (int(starts[0]), int(starts[-1])) if starts is not None else (0, 0)
        body = (
            np.frombuffer(data, dtype=np.uint8)[first:last] if data is not None and last > first else np.empty(0, "u1")
        )
        parts = [np.diff(starts).astype("<i8") if starts is not None else np.empty(0, "<i8"), body]
    if algorithm == "sha256":
        digest = hashlib.sha256(kind.encode())
        for part in (present, *parts):
            digest.update(memoryview(np.ascontiguousarray(part)).cast("B"))
        return f"sha256:{digest.hexdigest()}"
    return hashing.of_bytes(b"".join((kind.encode(), present.tobytes(), *(p.tobytes() for p in parts))), algorithm)


def write(
    target: Path,
    table: pa.Table | dict[str, pa.ChunkedArray],
    *,
    schema: str,
    crs: str,
    key: str,
    kind: str = "polygon",
    area_m2: float = 0.0,
) -> Written:
    """Write ``data.parquet`` into a directory.

    ``table``: attributes by our names, ``geometry`` (WKB lon/lat 4490, oriented; not in a table) and, when it differs,
    ``geometry_delivered`` (WKB in ``crs``). ``kind``: of the geometry, as of `schemas.GEOMETRIES`. ``area_m2``: of all.
    A dictionary of columns is emptied one by one, so that there are never two copies of all. Rows are put in Hilbert
    order, ties by ``key``; those of a table without geometry in the order of ``key``.
    """
    import numpy as np
    import pyarrow as pa

    from jintu.kernel.overlay.tree import hilbert_places

    columns = table if isinstance(table, dict) else dict(zip(table.column_names, table.columns, strict=True))
    keys = np.asarray(columns[key].fill_null("").to_pylist(), dtype=str)
    if kind == "none":
        order = np.argsort(keys, kind="stable")
        return _write_plain(target, _ordered(columns, order), schema=schema, key=key)
    boxes = shapes.boxes(columns[GEOMETRY], kind)
    order = np.lexsort((keys, hilbert_places(boxes)))
    del keys
    ordered = _ordered(columns, order)
    digest = content_hash(ordered, schema=schema, crs=crs)
    sides = [pa.array(boxes[order, i]) for i in range(4)]
    covering = pa.StructArray.from_arrays(sides, names=["xmin", "ymin", "xmax", "ymax"])
    ordered = ordered.append_column(BBOX, covering)
    west, south = boxes[:, :2].min(axis=0)
    east, north = boxes[:, 2:].max(axis=0)
    geo = _geo_metadata(crs, (west, south, east, north), DELIVERED in ordered.column_names, kind)
    ordered = ordered.replace_schema_metadata({b"geo": json.dumps(geo).encode(), b"jintu:schema": schema.encode()})
    _write_parquet(ordered, target / DATA, plain=(GEOMETRY, DELIVERED, BBOX, key))
    return Written(
        hash=digest,
        rows=ordered.num_rows,
        area_m2=area_m2,
        bbox=(float(west), float(south), float(east), float(north)),
        order=order,
    )


def _ordered(columns: dict[str, pa.ChunkedArray], order: NDArray[np.int64]) -> pa.Table:
    """The columns, emptied one by one, with their rows in another order."""
    import pyarrow as pa

    rows = pa.array(order)
    return pa.table({name: columns.pop(name).take(rows) for name in list(columns)})


def _write_parquet(table: pa.Table, path: Path, plain: Sequence[str]) -> None:
    """In row groups, with 32-bit offsets whatever came in: every reader knows those. ``plain``: without dictionary."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    small = {pa.large_binary(): pa.binary(), pa.large_string(): pa.string()}
    schema = pa.schema([f.with_type(small.get(f.type, f.type)) for f in table.schema], table.schema.metadata)
    coded = [n for n in table.column_names if n not in plain]
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=coded) as writer:
        for start in range(0, table.num_rows, ROW_GROUP):
            writer.write_table(table.slice(start, ROW_GROUP).cast(schema), row_group_size=ROW_GROUP)


def _write_plain(target: Path, ordered: pa.Table, *, schema: str, key: str) -> Written:
    """A table without geometry: Parquet without the parts that GeoParquet adds."""
    import numpy as np

    digest = content_hash(ordered, schema=schema, crs="")
    ordered = ordered.replace_schema_metadata({b"jintu:schema": schema.encode()})
    _write_parquet(ordered, target / DATA, plain=(key,))
    return Written(digest, ordered.num_rows, 0.0, shapes.NOWHERE, np.arange(ordered.num_rows))


def _geo_metadata(crs: str, bbox: Sequence[float], delivered: bool, kind: str) -> dict[str, Any]:
    """The "geo" key of GeoParquet 1.1."""
    import pyproj

    primary: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": list(shapes.TYPES[kind]),
        "crs": json.loads(pyproj.CRS("EPSG:4490").to_json()),
        "edges": "planar",
        "orientation": "counterclockwise",
        "bbox": [float(v) for v in bbox],
        "covering": {"bbox": {side: [BBOX, side] for side in ("xmin", "ymin", "xmax", "ymax")}},
    }
    columns = {GEOMETRY: primary}
    if delivered:
        columns[DELIVERED] = {
            "encoding": "WKB",
            "geometry_types": list(shapes.TYPES[kind]),
            "crs": json.loads(pyproj.CRS(crs).to_json()),
            "edges": "planar",
        }
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": columns}
