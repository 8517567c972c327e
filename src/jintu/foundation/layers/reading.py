"""What a file holds, in the columns of a schema: values converted, outlines placed in lon/lat, problems by place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place

from . import attributes
from . import shapes as kinds
from .mapping import Mapping, match
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.formats import Source

__all__ = ["Loaded", "Progress", "is_plane", "matched_columns", "read"]

Progress = Callable[[int, int, str], None]
BATCH = 50_000


@dataclass
class Loaded:
    frame: pl.DataFrame
    working: pa.ChunkedArray | None
    """WKB, lon/lat 4490, oriented: bytes, because a million Shapely objects are gigabytes. None for a table without
    geometry."""
    delivered: pa.ChunkedArray | None
    """WKB as it came, 2D, when that is another system."""
    problems: attributes.Problems
    read: int


def matched_columns(source: Source, schema: Schema, mapping: Mapping) -> dict[str, str]:
    """Columns of the file by our names. Raises when the file has no geometry or lacks mandatory columns."""
    if not source.has_geometry and not schema.is_table:
        raise InputError(
            "The file has no geometry.",
            place=source.place(),
            remedy="Give a shapefile, GeoPackage or geodatabase layer.",
        )
    headers = [f.name for f in source.fields]
    try:
        matched = match(schema, headers, mapping)
    except InputError as error:
        raise InputError(error.sentence, place=source.place(), remedy=error.remedy, **error.params) from None
    lacking = attributes.missing_columns(schema, matched, mapping)
    if lacking:
        raise InputError(
            "Mandatory columns are missing: {names}.",
            place=source.place(),
            remedy="Add them, or say with a mapping which columns they are. The file has: {headers}.",
            names=", ".join(f"{a.code} {a.zh}" for a in lacking),
            headers=", ".join(headers),
        )
    return matched


def read(source: Source, schema: Schema, matched: dict[str, str], mapping: Mapping, tell: Progress) -> Loaded:
    """All rows of the file in the schema's columns with their outlines; rows with problems are left out."""
    import polars as pl
    import pyarrow as pa

    place = source.place()
    problems = attributes.Problems(place.file, place.layer)
    system = None if schema.is_table else _system(source, mapping)
    frames: list[pl.DataFrame] = []
    working: list[pa.Array] = []
    delivered: list[pa.Array] = []
    count = 0
    for table in source.batches(BATCH, geometry=not schema.is_table):
        rows = table.column("__row__").to_numpy()
        wanted = list(dict.fromkeys(["__row__", *matched.values()]))
        frame = pl.from_arrow(table.select(wanted))
        assert isinstance(frame, pl.DataFrame)
        frames.append(attributes.convert(frame, schema, matched, mapping, problems))
        if system is not None:
            shapes = _shapes(table.column("geometry"), rows, schema.geometry, problems)
            working.append(_wkb(_outlines(shapes, rows, system, problems)))
            if not system.is_working:
                delivered.append(_as_it_came(table.column("geometry"), shapes))
        count += len(rows)
        tell(count, source.count or 0, "reading")
    for error in source.problems:
        problems.put(error)
    frame = pl.concat(frames) if frames else pl.DataFrame(schema={"__row__": pl.Int64})
    if frames:
        _duplicates(frame, schema, problems)
    problems.kept.sort(key=lambda error: error.place.row or 0)
    outlines = None if schema.is_table else pa.chunked_array(working, pa.large_binary())
    given = pa.chunked_array(delivered, pa.large_binary()) if delivered else None
    if problems.rows and len(frame):
        keep = ~frame["__row__"].is_in(list(problems.rows))
        mask = keep.to_arrow()
        frame = frame.filter(keep)
        outlines = outlines.filter(mask) if outlines is not None else None
        given = given.filter(mask) if given is not None else None
    return Loaded(frame, outlines, given, problems, count)


def _wkb(shapes: NDArray[np.object_]) -> pa.Array:
    import pyarrow as pa
    import shapely

    return pa.array(shapely.to_wkb(shapes, byte_order=1, output_dimension=2, include_srid=False), pa.large_binary())


def _as_it_came(column: pa.ChunkedArray, shapes: NDArray[np.object_]) -> pa.Array:
    """The delivered WKB, 2D and little-endian: the bytes of the file themselves where they are that already."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import shapely

    given = column.cast(pa.large_binary()).combine_chunks()
    order = pc.unique(pc.binary_slice(given.drop_null().cast(pa.binary()), 0, 1)).to_pylist()
    return given if order == [b"\x01"] and not shapely.has_z(shapes).any() else _wkb(shapes)


@dataclass(frozen=True)
class _System:
    """The CRS of the coordinates: one of the kernel's, or a foreign one that the operator takes as CGCS2000."""

    text: str
    known: Any = None
    foreign: Any = None
    wgs84: bool = False

    @property
    def is_working(self) -> bool:
        from jintu.kernel import crs

        return self.known == crs.WORKING


def _system(source: Source, mapping: Mapping) -> _System:
    """Raises `InputError` or `Unsupported` for a CRS whose coordinates cannot become CGCS2000."""
    import numpy as np

    from jintu.kernel import crs
    from jintu.kernel.errors import Unsupported

    text = source.require_crs()
    try:
        known = crs.parse(text, source.place())
    except Unsupported:
        if not mapping.take_as_cgcs2000:
            raise
        import pyproj

        own = pyproj.CRS(text)
        return _System(text, foreign=pyproj.Transformer.from_crs(own, own.geodetic_crs, always_xy=True))
    system = _System(text, known, wgs84=mapping.take_as_cgcs2000)
    # asked once without coordinates: a datum that cannot be used is a fault of the file, not of its rows
    nothing = (np.empty(0), np.empty(0))
    crs.to_lonlat(nothing, known, wgs84_is_cgcs2000=system.wgs84, place=source.place())
    return system


def _shapes(
    column: pa.ChunkedArray, rows: NDArray[np.int64], wanted: str, problems: attributes.Problems
) -> NDArray[np.object_]:
    """Shapely geometries of the kind wanted, as delivered; None, with a problem, for anything else."""
    import numpy as np
    import shapely

    given = column.to_numpy(zero_copy_only=False)
    shapes = np.asarray(shapely.from_wkb(given, on_invalid="ignore"), dtype=object)
    found = shapely.get_type_id(shapes)
    bad = ~np.isin(found, kinds.type_ids(wanted))
    if wanted == "line":
        bad |= shapely.length(shapes) == 0
    for i in np.flatnonzero(bad):
        if found[i] < 0 and given[i] is not None:
            problems.put(_unreadable(given[i], int(rows[i]), wanted, problems))
        elif found[i] < 0:
            problems.add(int(rows[i]), "geometry", "The row has no geometry.", "Draw it, or delete the row.")
        elif found[i] in kinds.type_ids(wanted):
            problems.add(int(rows[i]), "geometry", "The line has no length.", "Draw it, or delete the row.")
        else:
            problems.add(
                int(rows[i]),
                "geometry",
                *_WRONG_KIND[wanted],
                kind=shapes[i].geom_type,
            )
        shapes[i] = None
    return shapes


def _unreadable(wkb: bytes, row: int, wanted: str, problems: attributes.Problems) -> InputError:
    """Why no geometry could be made of the bytes: with ring and vertex where a ring is not closed."""
    from jintu.kernel import flat
    from jintu.kernel.errors import JintuError

    sentence, remedy, params, where = "The geometry cannot be read.", "Draw it again, or delete the row.", {}, Place()
    if wanted == "polygon":
        try:
            flat.from_wkb([wkb], 1)
        except JintuError as error:
            sentence, remedy, params, where = error.sentence, error.remedy or remedy, error.params, error.place
    place = Place(problems.file, problems.layer, row, "geometry", where.part, where.ring, where.vertex)
    return InputError(sentence, place=place, remedy=remedy, **params)


_WRONG_KIND = {
    "polygon": ("The geometry is a {kind}, not a polygon.", "Give polygons only."),
    "line": ("The geometry is a {kind}, not a line.", "Give lines only."),
    "point": ("The geometry is a {kind}, not a point.", "Give points only."),
}


def _outlines(
    shapes: NDArray[np.object_], rows: NDArray[np.int64], system: _System, problems: attributes.Problems
) -> NDArray[np.object_]:
    """In lon/lat 4490, 2D, shells counter-clockwise; wrong ones are problems by part, ring and vertex."""
    import numpy as np
    import shapely

    from jintu.kernel import crs, geometry

    bad = set()
    known = system.known or crs.WORKING
    checked = shapes
    if system.foreign is not None:
        checked = shapely.transform(shapely.force_2d(shapes), lambda p: np.column_stack(system.foreign.transform(*p.T)))
    for i, errors in geometry.check_many(checked, known):
        bad.add(i)
        for error in errors:
            where = error.place
            problems.put(
                InputError(
                    error.sentence,
                    place=Place(
                        problems.file, problems.layer, int(rows[i]), "geometry", where.part, where.ring, where.vertex
                    ),
                    remedy=error.remedy,
                    **error.params,
                )
            )
    if system.foreign is not None:  # a crossing of less than the last digit goes away when it is projected
        for i in np.flatnonzero(~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)):
            if i in bad:
                continue
            bad.add(i)
            problems.add(
                int(rows[i]),
                "geometry",
                "The polygon is not valid: {reason}.",
                "Repair the boundary.",
                reason=shapely.is_valid_reason(shapes[i]),
            )
    good = ~shapely.is_missing(checked)
    good[list(bad)] = False
    out = np.full(len(shapes), None, dtype=object)
    if good.any():
        placed = (
            checked[good]
            if system.foreign is not None
            else crs.to_lonlat(checked[good], known, wgs84_is_cgcs2000=system.wgs84)
        )
        out[good] = shapely.orient_polygons(placed, exterior_cw=False)
    return out


def _duplicates(frame: pl.DataFrame, schema: Schema, problems: attributes.Problems) -> None:
    """Identifiers are unique in the dataset (Q2202)."""
    import polars as pl

    again = frame.select("__row__", key=schema.key).drop_nulls()
    again = again.filter(pl.col("key").is_duplicated()).with_columns(first=pl.col("__row__").min().over("key"))
    again = again.filter(pl.col("__row__") != pl.col("first"))
    code = schema.columns[schema.key].code
    for row, key, first in again.sort("__row__").iter_rows():
        problems.add(
            row,
            code,
            "{value} occurs before, in row {first}.",
            "Every feature needs an identifier of its own.",
            value=key,
            first=first,
        )


def is_plane(text: str) -> bool:
    """Are coordinates of this system metres in a plane? ``text``: an EPSG code or WKT."""
    import pyproj

    return pyproj.CRS(text).is_projected
