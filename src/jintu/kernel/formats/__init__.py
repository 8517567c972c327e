"""Files as they come in and go out.

`read` opens any supported file and gives a `Source`: fields, delivered CRS, encoding with the reason for it, hash,
and Arrow tables in which text is text, geometry is 2D WKB in the delivered CRS and every row knows its number.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as d:
...     path = pathlib.Path(d) / "用地.csv"
...     _ = path.write_bytes("编号,用途\\n011,12:30\\n".encode("gbk"))
...     source = read(path)
...     source.encoding, source.encoding_basis, source.table().to_pylist()
('gb18030', 'detected', [{'__row__': 2, '编号': '011', '用途': '12:30'}])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import Place, Unsupported
from jintu.kernel.formats.contents import Member, contents, datasets, layers, may_hold_several
from jintu.kernel.formats.detect import EXTENSIONS, detect
from jintu.kernel.formats.source import GEOMETRY, ROW, Field, Limits, Notice, Source

if TYPE_CHECKING:
    import pyarrow as pa

Choose = Callable[[list[str]], str | None]
"""Which of several layers is meant; None when that cannot be told."""

__all__ = [
    "EXTENSIONS",
    "GEOMETRY",
    "ROW",
    "Field",
    "Limits",
    "Member",
    "Notice",
    "Source",
    "contents",
    "datasets",
    "layers",
    "may_hold_several",
    "read",
    "write",
]


def read(
    path: str | Path,
    *,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    limits: Limits | None = None,
    header: int | None = None,
    choose: Choose | None = None,
) -> Source:
    """Open a file, or the one dataset in a ZIP archive.

    ``layer``: layer of a GeoPackage or geodatabase, sheet of a workbook, member of an archive ("a.gpkg/DLTB" for a
    layer of one). ``choose``: asked for it where none is given and there are several. ``crs``: of the coordinates,
    where the file does not say; it also overrules the file, which is noticed. ``encoding``: of the text, where
    detection is not wanted. ``header``: row of the header (from 1) of a table.

    Raises Missing, InputError or Unsupported, with place and remedy.
    """
    path = Path(path)
    limits = limits or Limits()
    kind = detect(path, limits)
    if kind == "zip":
        return _from_archive(path, layer, choose, crs=crs, encoding=encoding, limits=limits, header=header)
    named = layer or _chosen(path, kind, choose, limits)
    source = _open(path, kind, layer=named, encoding=encoding, limits=limits, header=header)
    if named and not layer:
        source.notice("The file has several layers; {layer} is read, by its name.", layer=named)
    if crs:
        from jintu.kernel.formats.ogr import crs_text

        given = crs_text(crs)
        if source.has_geometry and source.crs not in (None, given):
            source.notice(
                "The file says {said}; {given} was given and is used.", said=str(source.crs)[:80], given=given
            )
        if source.has_geometry:
            source.crs = given
    return source


def _chosen(path: Path, kind: str, choose: Choose | None, limits: Limits) -> str | None:
    """The layer to read of a file of several; None where the reader may decide. Raises InputError that lists them."""
    from jintu.kernel.formats.contents import OF_MANY, choice_of

    if choose is None or kind not in OF_MANY:
        return None
    # a workbook has empty sheets, which are no choice
    names = [m.name for m in contents(path, limits=limits)] if kind == "xlsx" else layers(path, limits=limits)
    if len(names) < 2:
        return None
    named = choose(names)
    if named is None:
        raise choice_of(names, path, "The file holds {count} layers.")
    return named


def _open(
    path: Path, kind: str, *, layer: str | None, encoding: str | None, limits: Limits, header: int | None
) -> Source:
    if kind == "shp":
        from jintu.kernel.formats import shp

        return shp.read(path, encoding=encoding, limits=limits)
    if kind == "dbf":
        from jintu.kernel.formats import dbf

        return dbf.read(path, encoding=encoding, limits=limits)
    if kind == "gpkg":
        from jintu.kernel.formats import gpkg

        return gpkg.read(path, layer=layer, limits=limits)
    if kind == "fgdb":
        from jintu.kernel.formats import fgdb

        return fgdb.read(path, layer=layer, limits=limits)
    if kind == "geojson":
        from jintu.kernel.formats import geojson

        return geojson.read(path, limits=limits)
    if kind == "geoparquet":
        from jintu.kernel.formats import geoparquet

        return geoparquet.read(path, limits=limits)
    if kind == "xlsx":
        from jintu.kernel.formats import xlsx

        return xlsx.read(path, layer=layer, limits=limits, header=header)
    if kind == "vct":
        from jintu.kernel.formats import vct

        return vct.read(path, layer=layer, encoding=encoding, limits=limits)
    if kind == "txt":
        from jintu.kernel.formats import txt

        if txt.looks_like(path, encoding):
            return txt.read(path, encoding=encoding, limits=limits)
    from jintu.kernel.formats import csv

    return csv.read(path, encoding=encoding, limits=limits, header=header)


def _from_archive(path: Path, layer: str | None, choose: Choose | None, *, limits: Limits, **options: Any) -> Source:
    from jintu.kernel.formats import archive
    from jintu.kernel.formats.contents import meant
    from jintu.kernel.formats.source import sha256_of

    directory, _ = archive.unpack(path, limits)
    try:
        root = Path(directory.name)
        found = meant(datasets(root))
        if not found:
            raise Unsupported(
                "The archive holds no file that is read.",
                place=Place(file=path.name),
                remedy="Pack a shapefile (.shp, .shx, .dbf, .prj), a geodatabase or a GeoPackage.",
            )
        chosen, inner = _member(path, root, found, layer, choose, limits)
        source = read(chosen, layer=inner, choose=choose, limits=limits, **options)
    except BaseException:
        directory.cleanup()
        raise
    source.keep.append(directory)
    digest, files = sha256_of([path])
    source.sha256, source.files = digest, {**source.files, **files}
    return source


def _member(
    path: Path, root: Path, found: list[Path], layer: str | None, choose: Choose | None, limits: Limits
) -> tuple[Path, str | None]:
    """(dataset, layer in it) of an archive: "maps/a.shp" or "a.shp" names the one, "maps/a.gpkg/DLTB" both; anything
    else is a layer of the only dataset. Raises InputError that lists them when it is not said."""
    from jintu.kernel.formats.contents import choice_of, names_inside

    if layer is None and choose is not None and len(found) > 1:
        layer = choose(names_inside(root, found, limits))
    for dataset in found:
        name = str(dataset.relative_to(root))
        if layer in (name, dataset.name, dataset.stem):
            return dataset, None
        if layer and layer.startswith(f"{name}/"):
            return dataset, layer.removeprefix(f"{name}/")
    if len(found) > 1:
        raise choice_of(names_inside(root, found, limits), path, "The archive holds {count} datasets.")
    return found[0], layer


def write(
    path: str | Path,
    tables: pa.Table | Iterable[pa.Table],
    *,
    crs: str | None = None,
    encoding: str | None = None,
    layer: str | None = None,
    **options: Any,
) -> None:
    """Write tables in the format of the extension: .shp .gpkg .gdb .geojson .parquet .vct .csv .xlsx, and
    .txt (boundary points).

    ``tables`` have a WKB column ``geometry`` (x = east) where the format is spatial; ``__row__`` is left out. ``crs``
    is that of the coordinates and is needed wherever the format can say it. CSV and XLSX write geometry as WKT.
    Raises Unsupported for other extensions and InputError where the format cannot hold the data.
    """
    import pyarrow as pa

    path = Path(path)
    given = [tables] if isinstance(tables, pa.Table) else tables
    kind = EXTENSIONS.get(path.suffix.lower(), "")
    if kind in ("csv", "xlsx"):
        plain = (_with_wkt(table) for table in given)
        if kind == "csv":
            from jintu.kernel.formats import csv

            return csv.write(path, plain, encoding=encoding or "utf-8-sig", **options)
        from jintu.kernel.formats import xlsx

        return xlsx.write(path, plain, sheet=layer or "Sheet1", **options)
    if kind not in ("shp", "gpkg", "geojson", "fgdb", "geoparquet", "txt", "vct"):
        raise Unsupported(
            "Files of type {suffix} are not written.",
            place=Place(file=path.name),
            remedy="Choose .shp, .gpkg, .gdb, .geojson, .parquet, .vct, .csv, .xlsx or .txt.",
            suffix=path.suffix,
        )
    stream: Iterator[pa.Table] = iter(given)
    if kind == "shp":
        from jintu.kernel.formats import shp

        return shp.write(path, stream, crs=crs, encoding=encoding or "utf-8")
    if kind == "gpkg":
        from jintu.kernel.formats import gpkg

        return gpkg.write(path, stream, crs=crs, layer=layer)
    if kind == "fgdb":
        from jintu.kernel.formats import fgdb

        return fgdb.write(path, stream, crs=crs, layer=layer)
    if kind == "geojson":
        from jintu.kernel.formats import geojson

        return geojson.write(path, stream, crs=crs)
    if kind == "geoparquet":
        from jintu.kernel.formats import geoparquet

        return geoparquet.write(path, stream, crs=crs)
    if kind == "vct":
        from jintu.kernel.formats import vct

        return vct.write(path, stream, crs=crs, encoding=encoding or "gb18030", layer=layer, **options)
    from jintu.kernel.formats import txt

    return txt.write(path, stream, crs=crs, encoding=encoding or "gb18030", **options)


def _with_wkt(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    table = table.select([name for name in table.column_names if name != ROW])
    if GEOMETRY not in table.column_names:
        return table
    import shapely

    i = table.column_names.index(GEOMETRY)
    texts = shapely.to_wkt(shapely.from_wkb(table.column(i).to_pylist()), rounding_precision=-1)
    return table.set_column(i, GEOMETRY, pa.array(texts, pa.string()))
