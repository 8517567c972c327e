"""What a version says, and how it is written: the order of its rows, the hash of its content, GeoParquet.

Rows lie in the order of a Hilbert curve over the layer's extent, ties by identifier, so that the order of delivery does
not matter. The hash is of the content and not of a file: another writer, compression or row group gives the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.conf import settings

from jintu.kernel import hashing

from . import digests, shapes
from .lake import BBOX, DATA, DELIVERED, DIGESTS, FORMAT, GEOMETRY

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

__all__ = ["Rows", "Written", "content_hash", "hash_of_file", "order_of", "write"]

ROW_GROUP = 16_384
SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Written:
    """What `write` says of the data it wrote."""

    hash: str
    rows: int
    area_m2: float
    bbox: tuple[float, float, float, float]


class Rows(Protocol):
    """Rows that can be taken by position: an Arrow table, or a `spill.Spill`."""

    @property
    def schema(self) -> pa.Schema: ...

    def take(self, rows: Any) -> pa.Table: ...


# --- the hash ----------


def content_hash(table: pa.Table, *, schema: str, crs: str, algorithm: str = "") -> str:
    """Hash of what the version says, whatever wrote the file: rows in the order of the lake, columns by name.

    Each column is hashed as (which rows have a value, the values as little-endian numbers, days since 1970, or lengths
    and UTF-8 or WKB bytes); the version's hash is that of the canonical JSON of schema, CRS, row count and those
    hashes.
    """
    algorithm = algorithm or getattr(settings, "JINTU_HASH", "sha256")
    columns = {
        name: _column_hash(table.schema.field(name).type, partial(iter, table.column(name).chunks), algorithm)
        for name in table.column_names
        if name != BBOX
    }
    return _of_columns(columns, schema, crs, table.num_rows, algorithm)


def hash_of_file(path: Path, *, schema: str, crs: str, algorithm: str = "") -> str:
    """`content_hash` of a version's data: a column and a row group at a time, so that memory does not grow with it."""
    import pyarrow.parquet as pq

    algorithm = algorithm or getattr(settings, "JINTU_HASH", "sha256")
    with pq.ParquetFile(path, memory_map=True) as file:
        columns = {
            field.name: _column_hash(field.type, partial(_chunks, file, field.name), algorithm)
            for field in file.schema_arrow
            if field.name != BBOX
        }
        return _of_columns(columns, schema, crs, file.metadata.num_rows, algorithm)


def _chunks(file: pq.ParquetFile, name: str) -> Iterator[pa.Array]:
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group, [name], use_threads=False).column(0).chunks


def _of_columns(columns: dict[str, str], schema: str, crs: str, rows: int, algorithm: str) -> str:
    return hashing.of_json(
        {"format": FORMAT, "schema": schema, "crs": crs, "rows": rows, "columns": columns}, algorithm
    )


def _column_hash(kind: pa.DataType, chunks: Callable[[], Iterator[pa.Array]], algorithm: str) -> str:
    """``chunks`` is asked twice where values have lengths: those come before the bytes. In memory are 9 bytes a row."""
    import pyarrow.types as pt

    if pt.is_floating(kind) or pt.is_integer(kind) or pt.is_date(kind):
        name, values = ("float" if pt.is_floating(kind) else "integer" if pt.is_integer(kind) else "date"), _numbers
    else:
        name, values = ("text" if pt.is_string(kind) or pt.is_large_string(kind) else "bytes"), _lengths
    present, numbers = [], []
    for chunk in chunks():
        present.append(_present(chunk))
        numbers.append(values(chunk))
    digest = hashing.new(algorithm)
    digest.update(name.encode())
    for part in (*present, *numbers):
        digest.update(part)
    del present, numbers
    if values is _lengths:
        for chunk in chunks():
            digest.update(_bytes(chunk))
    return f"{algorithm}:{digest.hexdigest()}"


def _present(array: pa.Array) -> bytes:
    import numpy as np
    import pyarrow.compute as pc

    return np.asarray(pc.is_valid(array)).astype(np.uint8).tobytes()


def _numbers(array: pa.Array) -> bytes:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    if pt.is_floating(array.type):
        return (np.asarray(pc.fill_null(array, 0.0)).astype("<f8") + 0.0).tobytes()  # −0.0 is 0.0
    whole = array.cast(pa.date32()).cast(pa.int32()) if pt.is_date(array.type) else array
    return np.asarray(pc.fill_null(whole, 0)).astype("<i8").tobytes()


def _offsets(array: pa.Array) -> NDArray[np.integer[Any]]:
    """(n + 1,) where the bytes of each value begin; nulls have none."""
    import numpy as np
    import pyarrow.types as pt

    wide = pt.is_large_string(array.type) or pt.is_large_binary(array.type)
    offsets = np.frombuffer(array.buffers()[1], dtype="<i8" if wide else "<i4")
    return offsets[array.offset : array.offset + len(array) + 1]


def _without_null_bytes(array: pa.Array) -> pa.Array:
    """Nulls may lie over bytes; those say nothing."""
    import pyarrow.compute as pc
    import pyarrow.types as pt

    if not array.null_count:
        return array
    return pc.fill_null(array, "" if pt.is_string(array.type) or pt.is_large_string(array.type) else b"")


def _lengths(array: pa.Array) -> bytes:
    import numpy as np

    if not len(array):
        return b""
    return np.diff(_offsets(_without_null_bytes(array))).astype("<i8").tobytes()


def _bytes(array: pa.Array) -> Any:
    array = _without_null_bytes(array)
    data = array.buffers()[2] if len(array) else None
    if data is None:
        return b""
    offsets = _offsets(array)
    return memoryview(data)[int(offsets[0]) : int(offsets[-1])]


# --- writing ----------


def order_of(keys: pl.Series, boxes: NDArray[np.float64] | None = None) -> NDArray[np.int64]:
    """Positions of rows in the order of the lake: along the Hilbert curve over all ``boxes`` (n, 4), ties by key; of
    a table without geometry by key."""
    import polars as pl

    from jintu.kernel.overlay.tree import hilbert_places

    columns = (
        {"key": keys.fill_null("")} if boxes is None else {"place": hilbert_places(boxes), "key": keys.fill_null("")}
    )
    frame = pl.DataFrame(columns).with_row_index("row")
    return frame.sort(*columns, maintain_order=True)["row"].cast(pl.Int64).to_numpy()


def write(
    target: Path,
    rows: Rows,
    *,
    schema: str,
    crs: str,
    key: str,
    kind: str = "polygon",
    area_m2: float = 0.0,
    boxes: NDArray[np.float64] | None = None,
    order: NDArray[np.int64] | None = None,
    seen: Callable[[pa.Table, NDArray[np.int64]], None] | None = None,
) -> Written:
    """Write ``data.parquet`` into a directory, a row group at a time, and the digests of its rows beside it.

    ``rows``: attributes by our names, ``geometry`` (WKB lon/lat 4490, oriented; not in a table) and, when it differs,
    ``geometry_delivered`` (WKB in ``crs``). ``kind``: of the geometry, as of `schemas.GEOMETRIES`. ``area_m2``: of all.
    ``order``: positions of the rows to write, by `order_of`; ``boxes`` of all rows by position. Without them ``rows``
    is a table, of which all is written. ``seen`` is given each row group with the positions of its rows.
    """
    import numpy as np
    import pyarrow.parquet as pq

    from jintu.kernel.formats.geoparquet import codecs

    if order is None:
        import polars as pl

        table = cast("pa.Table", rows)
        boxes = None if kind == "none" else shapes.boxes(table.column(GEOMETRY), kind)
        order = order_of(cast("pl.Series", pl.from_arrow(table.column(key))), boxes)
    bbox = shapes.NOWHERE
    if boxes is not None:
        (west, south), (east, north) = boxes[order, :2].min(axis=0), boxes[order, 2:].max(axis=0)
        bbox = (float(west), float(south), float(east), float(north))
    written_as = _file_schema(rows.schema, schema, crs, bbox, kind)
    coded = [n for n in rows.schema.names if n not in (GEOMETRY, DELIVERED, key)]
    packed = codecs(written_as, (GEOMETRY, DELIVERED, BBOX))
    with (
        pq.ParquetWriter(target / DATA, written_as, compression=packed, use_dictionary=coded) as writer,
        digests.writer(target / DIGESTS, written_as, key) as note,
    ):
        for start in range(0, len(order), ROW_GROUP):
            positions = np.ascontiguousarray(order[start : start + ROW_GROUP])
            group = rows.take(positions)
            if seen is not None:
                seen(group, positions)
            if boxes is not None:
                group = group.append_column(BBOX, _covering(boxes[positions]))
            group = group.cast(written_as)
            writer.write_table(group, row_group_size=ROW_GROUP)
            note(group)
    digest = hash_of_file(target / DATA, schema=schema, crs="" if kind == "none" else crs)
    return Written(digest, len(order), area_m2, bbox)


def _covering(boxes: NDArray[np.float64]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    sides = [pa.array(np.ascontiguousarray(boxes[:, i])) for i in range(4)]
    return pa.StructArray.from_arrays(sides, names=list(SIDES))


def _file_schema(given: pa.Schema, schema: str, crs: str, bbox: Sequence[float], kind: str) -> pa.Schema:
    """32-bit offsets whatever came in, which every reader knows; of a table without geometry plain Parquet."""
    import pyarrow as pa

    small = {pa.large_binary(): pa.binary(), pa.large_string(): pa.string()}
    fields = [f.with_type(small.get(f.type, f.type)) for f in given]
    metadata = {b"jintu:schema": schema.encode()}
    if kind != "none":
        fields.append(pa.field(BBOX, pa.struct([(side, pa.float64()) for side in SIDES])))
        metadata[b"geo"] = json.dumps(_geo_metadata(crs, bbox, DELIVERED in given.names, kind)).encode()
    return pa.schema(fields, metadata)


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
        "covering": {"bbox": {side: [BBOX, side] for side in SIDES}},
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
