"""The lake: layer versions as files that never change.

::

    lake/survey.DLTB/990121/2026-05-31-a3f9c2d1/
        data.parquet     GeoParquet 1.1 in Hilbert order, WKB lon/lat (EPSG:4490), bbox covering, row groups of 16 384
        low.parquet      the generalised picture for small scales, derived from it
        manifest.json    hash of the canonical content, schema, CRS, source, counts, quality, hashes of the files

A version is written into ``lake/.incoming`` and renamed into its place when every byte is on the disc; readers see all
of it or nothing. What a killed process leaves in ``.incoming`` is removed by `sweep`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings

from jintu.kernel import hashing
from jintu.kernel.errors import Missing, Refused

from . import shapes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = [
    "DATA",
    "DELIVERED",
    "LOW",
    "MANIFEST",
    "Written",
    "add",
    "changed",
    "check_parts",
    "content_hash",
    "directory",
    "hilbert",
    "incoming",
    "meets",
    "read",
    "root",
    "settle",
    "sweep",
    "write",
]

DATA, LOW, MANIFEST = "data.parquet", "low.parquet", "manifest.json"
GEOMETRY, DELIVERED, BBOX = "geometry", "geometry_delivered", "bbox"
ROW_GROUP = 16_384
FORMAT = "jintu-layer/1"


def root() -> Path:
    return Path(settings.NODE.lake)


def directory(layer: str, division: str, key: str) -> Path:
    """Where a version lies."""
    return root() / layer / division / key


# --- writing ----------


@dataclass(frozen=True)
class Written:
    """What `write` says of the data it wrote."""

    hash: str
    rows: int
    area_m2: float
    bbox: tuple[float, float, float, float]
    order: NDArray[np.int64]
    """Position in the given table of each row written."""


def hilbert(boxes: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Place of each box's centre along a Hilbert curve of order 16 over the extent of all; (n, 4) → (n,)."""
    import numpy as np

    centre = np.column_stack((boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3])) / 2
    low, high = centre.min(axis=0), centre.max(axis=0)
    grid = ((centre - low) / np.where(high > low, high - low, 1.0) * 65535).astype(np.uint64)
    x, y = grid[:, 0], grid[:, 1]
    place = np.zeros(len(x), dtype=np.uint64)
    most = np.uint64(65535)
    for bit in range(15, -1, -1):
        side = np.uint64(1 << bit)
        rx, ry = (x & side) > 0, (y & side) > 0
        place += side * side * ((np.uint64(3) * rx.astype(np.uint64)) ^ ry.astype(np.uint64))
        flip = ~ry & rx
        x, y = np.where(flip, most - x, x), np.where(flip, most - y, y)
        x, y = np.where(ry, x, y), np.where(ry, y, x)
    return place


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

    columns = table if isinstance(table, dict) else dict(zip(table.column_names, table.columns, strict=True))
    keys = np.asarray(columns[key].fill_null("").to_pylist(), dtype=str)
    if kind == "none":
        order = np.argsort(keys, kind="stable")
        return _write_plain(target, _ordered(columns, order), schema=schema, key=key)
    boxes = shapes.boxes(columns[GEOMETRY], kind)
    order = np.lexsort((keys, hilbert(boxes)))
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


def write_manifest(target: Path, facts: Mapping[str, Any]) -> str:
    """Write ``manifest.json``; returns its hash.

    It has the hashes of the other files, and of each row group of the data: what is read can be checked by itself.
    """
    algorithm = getattr(settings, "JINTU_HASH", "sha256")
    files = {
        p.name: {"bytes": p.stat().st_size, "hash": hashing.of_file(p, algorithm)}
        for p in sorted(target.iterdir())
        if p.name != MANIFEST
    }
    if DATA in files:
        files[DATA]["parts"] = _part_hashes(target / DATA, algorithm)
    text = json.dumps({"format": FORMAT, **facts, "files": files}, ensure_ascii=False, sort_keys=True, indent=1)
    (target / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return hashing.of_file(target / MANIFEST, algorithm)


def _parts(path: Path) -> list[tuple[int, int]]:
    """Byte ranges of the row groups of a Parquet file, and of its footer last."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    starts = []
    for g in range(metadata.num_row_groups):
        column = metadata.row_group(g).column(0)
        starts.append(min(o for o in (column.dictionary_page_offset, column.data_page_offset) if o))
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(-8, os.SEEK_END)
        footer = size - 8 - int.from_bytes(stream.read(4), "little")
    edges = [*starts, footer, size]
    return list(itertools.pairwise(edges))


def _part_hashes(path: Path, algorithm: str) -> list[str]:
    with path.open("rb") as stream:
        return [_hash_of(stream, part, algorithm) for part in _parts(path)]


def _hash_of(stream: IO[bytes], part: tuple[int, int], algorithm: str) -> str:
    stream.seek(part[0])
    return hashing.of_bytes(stream.read(part[1] - part[0]), algorithm)


def manifest(where: Path) -> dict[str, Any]:
    """The manifest of a version. Raises `Missing` when its files are gone."""
    try:
        return json.loads((where / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Missing(
            "The files of the version are missing: {path}.",
            remedy="Restore the lake from a backup.",
            path=str(where.relative_to(root()) if where.is_relative_to(root()) else where.name),
        ) from None


# --- atomic ----------


@contextmanager
def incoming() -> Iterator[Path]:
    """A directory to write a version into; removed at the end unless `settle` has moved it to its place."""
    target = root() / ".incoming" / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    target.mkdir(parents=True)
    try:
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)


def settle(draft: Path, where: Path) -> None:
    """Move a finished draft to its place, with every byte on the disc first.

    What an interrupted attempt may have left in that place is replaced: the caller has made sure that no version of the
    database lives there.
    """
    for file in draft.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    _fsync(draft)
    where.parent.mkdir(parents=True, exist_ok=True)
    if where.exists():
        shutil.rmtree(where)
    draft.rename(where)
    _fsync(where.parent)


def add(draft: Path, where: Path) -> None:
    """Move the files of a draft into a version's directory, in the order of their names, over others of those names.

    For what is derived from a version; its own files are never touched.
    """
    for file in sorted(draft.iterdir()):
        if file.name in (DATA, LOW, MANIFEST):
            raise ValueError(f"{file.name} of a version never changes")
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
        file.replace(where / file.name)
    _fsync(where)


def _fsync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(*, minutes: float = 60) -> list[str]:
    """Remove what killed processes left: drafts of dead processes of this host, drafts and unknown versions of other
    origin older than ``minutes``. Returns the paths removed, relative to the lake."""
    from .models import LayerVersion

    removed: list[str] = []
    old = time.time() - minutes * 60
    for draft in (root() / ".incoming").glob("*"):
        host, _, rest = draft.name.rpartition("-")[0].rpartition("-")
        dead = host == socket.gethostname() and rest.isdigit() and not _alive(int(rest))
        if dead or draft.stat().st_mtime < old:
            shutil.rmtree(draft, ignore_errors=True)
            removed.append(str(draft.relative_to(root())))
    known = {(v.layer, v.division, v.key) for v in LayerVersion.objects.only("layer", "division", "key")}
    for where in root().glob("*/*/*"):
        parts = where.relative_to(root()).parts
        if parts[0].startswith(".") or tuple(parts) in known:
            continue
        if where.stat().st_mtime < old:
            shutil.rmtree(where, ignore_errors=True)
            removed.append("/".join(parts))
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# --- reading ----------


def read(
    where: Path,
    columns: Sequence[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    manifest_hash: str = "",
) -> pa.Table:
    """Columns of a version; ``bbox`` (west, south, east, north) skips row groups, then rows, that do not meet it.

    Without ``columns`` everything but ``bbox`` and ``geometry_delivered``. With ``manifest_hash`` (of the manifest, as
    the database has it) what is read is checked against what was published. Raises `Missing`, and `Refused` for a file
    that was changed.
    """
    import pyarrow.parquet as pq

    try:
        if manifest_hash:
            check_parts(where, manifest_hash, ())
        file = pq.ParquetFile(where / DATA, memory_map=True)
    except FileNotFoundError:
        manifest(where)
        raise
    with file:
        names = list(columns) if columns is not None else _plain(file.schema_arrow.names)
        if unknown := set(names) - set(file.schema_arrow.names):
            raise Missing(
                "The version has no column {name}; there are: {names}.",
                name=", ".join(sorted(unknown)),
                names=", ".join(_plain(file.schema_arrow.names)),
            )
        if bbox is None or BBOX not in file.schema_arrow.names:  # what lies nowhere is not cut
            if manifest_hash:
                check_parts(where, manifest_hash, range(file.num_row_groups))
            return file.read(names).replace_schema_metadata(None)
        groups = [g for g in range(file.num_row_groups) if meets(file.metadata.row_group(g), bbox)]
        if manifest_hash:
            check_parts(where, manifest_hash, groups)
        wanted = file.read_row_groups(groups, [*names, BBOX]) if groups else None
        if wanted is None:
            return file.schema_arrow.remove_metadata().empty_table().select(names)
        boxes = wanted.column(BBOX).combine_chunks()
        import pyarrow.compute as pc

        west, south, east, north = bbox
        keep = pc.and_(
            pc.and_(
                pc.less_equal(pc.struct_field(boxes, "xmin"), east),
                pc.greater_equal(pc.struct_field(boxes, "xmax"), west),
            ),
            pc.and_(
                pc.less_equal(pc.struct_field(boxes, "ymin"), north),
                pc.greater_equal(pc.struct_field(boxes, "ymax"), south),
            ),
        )
        return wanted.filter(keep).select(names).replace_schema_metadata(None)


_checked: dict[tuple[Any, ...], set[int]] = {}
"""Parts found right in this process, by path, manifest, and time and size of the files."""


def check_parts(where: Path, manifest_hash: str, groups: Iterable[int]) -> None:
    """Hash the footer and some row groups of the data again, each once in a process.

    Raises `Refused` where they are not what was published, `FileNotFoundError` where there is no file. Versions from
    before parts were hashed are let through: `versions.verify` hashes their files.
    """
    import pyarrow as pa

    path = where / DATA
    facts = [(f.st_mtime_ns, f.st_size) for f in (path.stat(), (where / MANIFEST).stat())]
    right = _checked.setdefault((str(path), manifest_hash, *facts), set())
    wanted = sorted({-1, *groups} - right)
    if not wanted:
        return
    if hashing.of_file(where / MANIFEST, manifest_hash.partition(":")[0]) != manifest_hash:
        raise changed(where / MANIFEST)
    published = manifest(where)["files"][DATA].get("parts")
    if published is None:
        return
    try:
        ranges = _parts(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise changed(path) from error
    if len(ranges) != len(published):
        raise changed(path)
    with path.open("rb") as stream:
        for part in wanted:  # the footer is the last one
            if _hash_of(stream, ranges[part], published[part].partition(":")[0]) != published[part]:
                raise changed(path)
            right.add(part)


def changed(path: Path) -> Refused:
    return Refused(
        "{file} of layer version {version} was changed after it was published.",
        remedy="Restore the version from a backup; nothing can be computed from it.",
        file=path.name,
        version=path.parent.name,
    )


def _plain(names: Sequence[str]) -> list[str]:
    return [n for n in names if n not in (BBOX, DELIVERED)]


def meets(group: Any, bbox: tuple[float, float, float, float]) -> bool:
    """By the statistics of the covering; a group without statistics is read."""
    limits: dict[str, tuple[float, float]] = {}
    for i in range(group.num_columns):
        column = group.column(i)
        if column.path_in_schema.startswith(f"{BBOX}.") and column.statistics is not None:
            limits[column.path_in_schema[5:]] = (column.statistics.min, column.statistics.max)
    if len(limits) < 4:
        return True
    west, south, east, north = bbox
    return (
        limits["xmin"][0] <= east
        and limits["xmax"][1] >= west
        and limits["ymin"][0] <= north
        and limits["ymax"][1] >= south
    )
