"""A version as a file for others: standard codes as columns, and the digits that were delivered.

Coordinates are those that came in, in the system they came in (`lake.DELIVERED`), or longitude and latitude where the
delivery was in those; VCT knows no other systems than those of the surveys. Rows are read and written in batches.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jintu.kernel.errors import Place, Unsupported

from . import lake
from .models import LayerVersion
from .schemas import Attribute, Schema

if TYPE_CHECKING:
    import pyarrow as pa

    from jintu.foundation.journal import Actor

__all__ = ["FORMATS", "fields_of", "file_name", "record", "tables", "write"]

FORMATS = {"shp": ".zip", "gpkg": ".gpkg", "fgdb": ".gdb.zip", "geoparquet": ".parquet", "csv": ".csv", "vct": ".vct"}
"""Extension of each; shapefiles and geodatabases are packed. By its double one GDAL opens a packed geodatabase."""
BATCH = 20_000
Progress = Callable[[int, int, str], None]


def file_name(version: LayerVersion, kind: str) -> str:
    """ "(990121)DLTB2024-12-31.gpkg"."""
    _known(kind, "")
    return f"({version.division}){version.schema.table}{version.valid_from.isoformat()}{FORMATS[kind]}"


def _known(kind: str, name: str) -> None:
    if kind not in FORMATS:
        raise Unsupported(
            "Layers are not exported as {kind}.",
            place=Place(file=name),
            remedy="Choose one of: {kinds}.",
            kind=kind,
            kinds=", ".join(FORMATS),
        )


def _coordinates(version: LayerVersion, kind: str) -> tuple[str | None, str | None]:
    """(column, system) of the outlines written: as they came in, or in longitude and latitude where they came in so.

    VCT names the systems of the land surveys alone: what came in another goes out in longitude and latitude.
    """
    import pyarrow.parquet as pq

    from .placing import system_delivered

    if version.schema.is_table:
        return None, None
    if lake.DELIVERED not in pq.read_schema(version.directory / lake.DATA).names:
        return lake.GEOMETRY, "EPSG:4490"
    if kind == "vct" and system_delivered(version.crs).known is None:
        return lake.GEOMETRY, "EPSG:4490"
    return lake.DELIVERED, version.crs


def tables(
    version: LayerVersion, kind: str = "gpkg", *, persons: bool = True, batch: int = BATCH
) -> Iterator[pa.Table]:
    """Rows with the standard's codes as columns and ``geometry``; without ``persons`` columns about them are empty."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = version.schema
    outlines, _crs = _coordinates(version, kind)
    shape = [outlines] if outlines else []
    with pq.ParquetFile(version.directory / lake.DATA, memory_map=True) as file:
        there = [a for a in schema.attributes if a.name in file.schema_arrow.names]
        for rows in file.iter_batches(batch, columns=[*(a.name for a in there), *shape]):
            columns: dict[str, Any] = {}
            for a in there:
                column = rows.column(a.name)
                hidden = a.personal and not persons
                columns[a.code] = _given_back(pa.nulls(len(rows), column.type) if hidden else column, a)
            if outlines:
                columns["geometry"] = rows.column(outlines).cast(pa.binary())
            yield pa.table(columns)


def _given_back(column: pa.Array, a: Attribute) -> pa.Array:
    """Identifiers as numbers again, where all of them are."""
    import pyarrow as pa

    if a.type != "Int" or (a.length or 0) > 18:
        return column
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def fields_of(schema: Schema) -> list[Any]:
    """The fields as the structure of a VCT table declares them."""
    from jintu.kernel.formats import Field

    kinds = {"Int": "integer", "Float": "number", "Date": "date", "Char": "text"}
    return [Field(a.code, kinds[a.type], a.length, a.decimals) for a in schema.attributes]


def write(
    version: LayerVersion,
    path: Path,
    kind: str,
    *,
    persons: bool = True,
    encoding: str = "",
    progress: Progress | None = None,
) -> int:
    """Write a version into ``path``; returns the rows written.

    ``kind``: one of `FORMATS`. ``encoding``: of the text of shapefiles, CSV and VCT. Raises `Unsupported` for other
    kinds and for a table without geometry as a shapefile; `InputError` where the format cannot hold the data.
    """
    import tempfile

    _known(kind, path.name)
    if kind == "shp" and version.schema.is_table:
        raise Unsupported(
            "A table without geometry is no shapefile.", place=Place(file=path.name), remedy="Export it as CSV or GPKG."
        )
    stream = _counted(version, kind, persons, progress)
    if kind in ("shp", "fgdb"):
        with tempfile.TemporaryDirectory(prefix="jintu-export-") as folder:
            inner = Path(folder) / f"{version.schema.table}{'.shp' if kind == 'shp' else '.gdb'}"
            _write(version, inner, kind, stream, encoding)
            _pack(Path(folder), path)
    else:
        _write(version, path, kind, stream, encoding)
    return version.rows


def _counted(version: LayerVersion, kind: str, persons: bool, progress: Progress | None) -> Iterator[pa.Table]:
    done = 0
    for table in tables(version, kind, persons=persons):
        yield table
        done += table.num_rows
        if progress:
            progress(done, version.rows, "writing")


def _write(version: LayerVersion, path: Path, kind: str, stream: Iterator[pa.Table], encoding: str) -> None:
    from jintu.kernel import formats

    schema, options = version.schema, {}
    if kind == "vct":
        options = {
            "fields": _with_digits(fields_of(schema), version),
            "title": schema.zh,
            "code": schema.feature_code,
            "geometry": schema.geometry,
            "day": version.valid_from,
        }
    _column, crs = _coordinates(version, kind)
    formats.write(path, stream, crs=crs, layer=schema.table, encoding=encoding or None, **options)


def _with_digits(fields: list[Any], version: LayerVersion) -> list[Any]:
    """Numbers keep all their digits where the standard's decimals would cut what was delivered."""
    from dataclasses import replace

    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    codes = version.schema.codes
    out = []
    for f in fields:
        if f.kind == "number" and f.decimals is not None:
            values = pq.read_table(version.directory / lake.DATA, columns=[codes[f.name].name]).column(0)
            exact = pc.all(pc.equal(pc.round(values, f.decimals), values)).as_py()
            f = f if exact is not False else replace(f, decimals=None)
        out.append(f)
    return out


def _pack(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, str(file.relative_to(folder)))


def record(version: LayerVersion, kind: str, digest: str, actor: Actor | None) -> None:
    """Who took which version out, in which format, with the hash of the file."""
    from jintu.foundation.journal import append

    with transaction.atomic():
        append(
            "layer.export",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts={"format": kind, "hash": version.hash, "file": digest},
        )
