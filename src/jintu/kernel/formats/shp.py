"""ESRI shapefile: geometry through pyogrio, attributes through our own dBase reader (see `dbf`)."""

from __future__ import annotations

import os
import struct
import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place
from jintu.kernel.formats import dbf, ogr
from jintu.kernel.formats import encoding as encodings
from jintu.kernel.formats.shp_rings import stray_holes
from jintu.kernel.formats.source import GEOMETRY, ROW, Limits, Source, sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read", "write"]

PARTS = {".shp", ".shx", ".dbf", ".prj", ".cpg"}
SHAPES = {
    0: "",
    1: "Point",
    3: "LineString",
    5: "Polygon",
    8: "MultiPoint",
    11: "Point",
    13: "LineString",
    15: "Polygon",
    18: "MultiPoint",
    21: "Point",
    23: "LineString",
    25: "Polygon",
    28: "MultiPoint",
}


def parts(path: Path) -> dict[str, Path]:
    """Files of the shapefile by lower-case extension, whatever the case of their names."""
    found: dict[str, Path] = {}
    stem = path.stem.lower()
    for other in sorted(path.parent.glob("*")):
        if other.stem.lower() == stem and other.suffix.lower() in PARTS:
            found.setdefault(other.suffix.lower(), other)
    found[".shp"] = path
    return found


def read(path: Path, *, encoding: str | None, limits: Limits) -> Source:
    """Open a shapefile. A missing .prj leaves the CRS unknown; a missing .cpg lets the text itself decide; a missing
    .shx is rebuilt in a temporary directory; a missing .dbf gives geometry without attributes.

    Raises InputError for a truncated file and for tables whose number of records is not that of the shapes.
    """
    files = parts(path)
    for part in files.values():
        if part.stat().st_size == 0 and part.suffix.lower() not in (".cpg", ".prj"):
            raise InputError("The file is empty (0 bytes).", place=Place(file=part.name), remedy="Export it again.")
    shape_type, index = scan(path)
    digest, hashes = sha256_of(files.values())
    source = Source(
        path,
        "shp",
        path.stem,
        [],
        digest,
        partial(_batches, index),
        files=hashes,
        limits=limits,
        has_geometry=True,
        geometry_type=SHAPES[shape_type],
    )
    source.count = len(index) // 8
    if ".shx" not in files:
        source.notice("The index file .shx is missing; it was rebuilt from the shapes.")
        source.keep.append(_with_index(path, files, index))
    if ".prj" in files and (wkt := files[".prj"].read_text("utf-8", "replace").strip("\x00 \r\n\t\ufeff")):
        source.crs = ogr.crs_text(wkt)
    else:
        source.notice("The file .prj is missing: the coordinate reference system has to be given.")
    if ".dbf" not in files:
        source.notice("The table .dbf is missing: there are shapes without attributes.")
        return source
    cpg = files[".cpg"].read_text("latin-1") if ".cpg" in files else None
    head = dbf.attach(source, files[".dbf"], encoding=encoding, cpg=cpg)
    source.metadata["dbf"] = str(files[".dbf"])
    if head.records != source.count:
        raise InputError(
            "There are {shapes} shapes, but {records} records in the table.",
            place=source.place(),
            remedy="The .shp and .dbf files do not belong together: export again.",
            shapes=source.count,
            records=head.records,
        )
    return source


def scan(path: Path) -> tuple[int, bytes]:
    """(shape type, body of a .shx) from the record headers. Raises InputError where the file breaks off."""
    place = Place(file=path.name)
    size = path.stat().st_size
    index = bytearray()
    with path.open("rb") as stream:
        head = stream.read(100)
        if len(head) < 100 or struct.unpack(">i", head[:4])[0] != 9994:
            raise InputError(
                "The file is not a shapefile.", place=place, remedy="Check that the right file was chosen."
            )
        shape_type = struct.unpack("<i", head[32:36])[0]
        if shape_type not in SHAPES:
            raise InputError(
                "Shapes of type {type} are not read.",
                place=place,
                remedy="Export polygons, lines or points.",
                type=shape_type,
            )
        at, number = 100, 0
        while at + 8 <= size:
            stream.seek(at)
            number += 1
            words = struct.unpack(">ii", stream.read(8))[1]
            if words < 2 or at + 8 + words * 2 > size:
                raise InputError(
                    "The file breaks off inside this shape.",
                    place=Place(file=path.name, row=number),
                    remedy="Copy or export it again.",
                )
            index += struct.pack(">ii", at // 2, words)
            at += 8 + words * 2
    return shape_type, bytes(index)


def _with_index(path: Path, files: dict[str, Path], index: bytes) -> tempfile.TemporaryDirectory[str]:
    """A temporary directory with links to the parts and a rebuilt .shx; the delivered files are never touched."""
    directory = tempfile.TemporaryDirectory(prefix="jintu-shx-")
    root = Path(directory.name)
    os.symlink(path.resolve(), root / "shape.shp")
    with path.open("rb") as stream:
        head = bytearray(stream.read(100))
    head[24:28] = struct.pack(">i", (100 + len(index)) // 2)
    (root / "shape.shx").write_bytes(bytes(head) + index)
    return directory


def _batches(index: bytes, source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    import numpy as np
    import pyarrow as pa

    table_path = source.metadata.get("dbf")
    records: Iterator[tuple[pa.Table, set[int]]]
    if table_path:
        records = dbf.tables(source, Path(table_path), dbf.header(Path(table_path)), size)
    else:
        count = source.count or 0
        records = (
            (pa.table({ROW: pa.array(np.arange(start + 1, min(start + size, count) + 1))}), set())
            for start in range(0, count, size)
        )
    shapes = _shapes(source, size, index) if geometry else None
    for table, bad in records:
        if shapes is not None:
            rows = table.column(ROW).combine_chunks()
            wkb, keep = ogr.flatten(source, shapes.take(rows), rows)
            table = table.append_column(GEOMETRY, wkb)
            if keep is not None:
                bad |= {row for row, kept in zip(rows.to_pylist(), keep.to_pylist(), strict=True) if not kept}
        yield dbf._without(table, bad)


class _shapes:
    """Geometry by record number, read in step with the table: both only ever go forward."""

    def __init__(self, source: Source, size: int, index: bytes) -> None:
        path = Path(source.keep[0].name) / "shape.shp" if source.keep and _rebuilt(source) else source.path
        self.source, self.stream = source, self._read(path, size)
        self.rows: Any = None
        self.wkb: Any = None
        self.stray = stray_holes(source.path, index) if source.geometry_type == "Polygon" else {}

    def _read(self, path: Path, size: int) -> Iterator[tuple[Any, Any]]:
        import pyarrow as pa
        import pyogrio

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                # no encoding: pyogrio would leave it behind as a setting of the whole process
                # deleted records are skipped by GDAL, so the feature id and not the position is the record number
                with pyogrio.raw.open_arrow(path, columns=[], return_fids=True, batch_size=size, use_pyarrow=True) as (
                    meta,
                    stream,
                ):
                    for batch in stream:
                        yield (
                            batch.column(meta["fid_column"] or "OGC_FID").cast(pa.int64()),
                            batch.column(meta["geometry_name"] or "wkb_geometry"),
                        )
            except (pyogrio.errors.DataSourceError, RuntimeError, pa.ArrowException) as error:
                raise InputError(
                    "The shapes cannot be read: {reason}.",
                    place=self.source.place(),
                    remedy="Export the file again.",
                    reason=str(error).split(";")[0],
                ) from error

    def take(self, rows: Any) -> Any:
        """WKB of the records with these numbers (ascending)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not len(rows):
            return pa.array([], pa.binary())
        last = rows[-1].as_py() - 1
        ids, wkb = ([self.rows], [self.wkb]) if self.rows is not None else ([], [])
        while not ids or not len(ids[-1]) or ids[-1][-1].as_py() < last:
            try:
                fid, shape = next(self.stream)
            except StopIteration:
                break
            ids.append(fid)
            wkb.append(shape)
        fids, shapes = pa.concat_arrays(ids), pa.concat_arrays(wkb)
        at = pc.index_in(pc.subtract(rows, 1), value_set=fids)
        cut = pc.sum(pc.less_equal(fids, last)).as_py() or 0
        self.rows, self.wkb = fids.slice(cut), shapes.slice(cut)
        return self._mended(rows, shapes.take(at))

    def _mended(self, rows: Any, shapes: Any) -> Any:
        """Holes that lie in no shell are holes, and told; GDAL has made parts of them."""
        import pyarrow as pa

        wrong = [(at, row) for at, row in enumerate(rows.to_pylist()) if row - 1 in self.stray] if self.stray else []
        if not wrong:
            return shapes
        values = shapes.to_pylist()
        for at, row in wrong:
            rings, wkb = self.stray[row - 1]
            if values[at] is None:
                continue
            values[at] = wkb
            self.source.notice(
                "Ring {ring} is a hole by its direction and lies in no shell: the outline is not valid.",
                row,
                ring=", ".join(map(str, rings)),
            )
        return pa.array(values, shapes.type)


def _longest(column: Any) -> int:
    """Bytes of the longest text of a column in UTF-8; 0 for other kinds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return 0
    return int(pc.max(pc.binary_length(column)).as_py() or 0)


def _rebuilt(source: Source) -> bool:
    return (Path(source.keep[0].name) / "shape.shx").exists()


def write(path: Path, tables: Iterator[pa.Table], *, crs: str | None, encoding: str = "utf-8", **_: Any) -> None:
    """Write .shp, .shx, .dbf, .prj and .cpg. Encoding "utf-8" or "gb18030" (written as GBK).

    Raises InputError for column names over 10 bytes and texts over 254 bytes, which the format would cut silently.
    """
    codec = "gbk" if encodings.canonical(encoding) == "gb18030" else "utf-8"
    first = 1

    def checked() -> Iterator[pa.Table]:
        nonlocal first
        for table in tables:
            for name in table.column_names:
                if name in (ROW, GEOMETRY):
                    continue
                if len(name.encode(codec, "replace")) > 10:
                    raise InputError(
                        "A shapefile's column names have 10 bytes at most; {name} is longer.",
                        place=Place(file=path.name, field=name),
                        remedy="Use standard field codes, or export as GeoPackage.",
                        name=name,
                    )
                if codec == "utf-8" and _longest(table.column(name)) <= 254:
                    continue
                for row, value in enumerate(table.column(name).to_pylist(), start=first):
                    if isinstance(value, str):
                        try:
                            length = len(value.encode(codec))
                        except UnicodeEncodeError as error:
                            raise InputError(
                                "The character {character} does not exist in {encoding}.",
                                place=Place(file=path.name, row=row, field=name),
                                remedy="Export as UTF-8.",
                                character=value[error.start],
                                encoding=encoding,
                            ) from error
                        if length > 254:
                            raise InputError(
                                "A shapefile's text has 254 bytes at most; this one has {length}.",
                                place=Place(file=path.name, row=row, field=name),
                                remedy="Export as GeoPackage.",
                                length=length,
                            )
            first += len(table)
            yield table

    ogr.write(path, checked(), "ESRI Shapefile", crs=crs, encoding="GBK" if codec == "gbk" else "UTF-8")
