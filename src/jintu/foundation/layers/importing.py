"""From a file to a published layer version: read, map, check, compute, write, publish.

A file with anything wrong in it is refused whole, with every problem by row, field, ring and vertex; ``good_only``
loads what is right and lists what was left. Nothing of a refused or killed import remains.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, transaction

from jintu.foundation.journal import Actor, append
from jintu.kernel.errors import Conflict, InputError, Place, Refused

from . import attributes, lake, quality
from . import shapes as kinds
from .mapping import Mapping, match
from .models import LayerVersion
from .schemas import Schema
from .schemas import get as schema_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.formats import Source

__all__ = ["LayerRefused", "Result", "import_layer", "is_plane", "publish", "withdraw"]

Progress = Callable[[int, int, str], None]
BATCH = 50_000
WORKING = "EPSG:4490"


class LayerRefused(InputError):
    """The file has problems; ``problems`` are all of them (up to 10 000), ``count`` how many there are."""

    def __init__(self, problems: attributes.Problems) -> None:
        first = problems.kept[0]
        super().__init__(
            "{count} problems, nothing was loaded. The first: {first}",
            place=Place(file=problems.file),
            remedy="Correct the file, or load only the rows without problems.",
            count=problems.count,
            first=str(first),
        )
        self.problems = problems.kept
        self.count = problems.count


@dataclass
class Result:
    """``refused``: rows left out (only with ``good_only``); ``problems`` say why."""

    version: LayerVersion
    rows: int
    refused: int
    quality: dict[str, Any]
    problems: list[InputError] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass
class _Loaded:
    frame: pl.DataFrame
    working: pa.ChunkedArray | None
    """WKB, lon/lat 4490, oriented: bytes, because a million Shapely objects are gigabytes. None for a table without
    geometry."""
    delivered: pa.ChunkedArray | None
    """WKB as it came, 2D, when that is another system."""
    problems: attributes.Problems
    read: int


def import_layer(
    schema: str | Schema,
    path: str | Path,
    division: str,
    valid_from: date,
    *,
    mapping: Mapping | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    member: str | None = None,
    actor: Actor | None = None,
    good_only: bool = False,
    name: str = "",
    draft: bool = False,
    job: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Load a file as a version of a layer of a division, in force from a day on.

    ``crs``: of the coordinates, where the file does not say. ``member``: layer or file inside ``path``. ``draft``: keep
    it from being used until it is published. Raises `LayerRefused` with all problems; `InputError` for a file that
    cannot be read at all; `Conflict` when that day has a version already.
    """
    from jintu.kernel import divisions, formats

    schema = schema_of(schema) if isinstance(schema, str) else schema
    mapping = mapping or Mapping()
    mapping.check(schema)
    tell = progress or (lambda done, total, message: None)
    divisions.check(division)
    _day_is_free(schema, division, valid_from)
    lake.sweep()
    with formats.read(path, layer=member, crs=crs, encoding=encoding) as source:
        matched = _matched(source, schema, mapping)
        loaded = _read(source, schema, matched, mapping, tell)
        if loaded.problems.count and not good_only:
            raise LayerRefused(loaded.problems)
        if not len(loaded.frame):
            if loaded.problems.kept:
                raise LayerRefused(loaded.problems)
            raise InputError("The file has no rows.", place=source.place(), remedy="Check that it is the right file.")
        facts: dict[str, Any] = {
            "source": {
                "name": source.name,
                "format": source.format,
                "hash": source.sha256,
                "encoding": source.encoding,
            },
            "crs": "" if schema.is_table else str(source.crs),
        }
        notices = [str(n) for n in source.notices]
    with _room(), lake.incoming() as draft_dir:
        tell(0, 0, "checking areas and topology")
        written, summary = _write(draft_dir, loaded, schema, facts["crs"], mapping)
        left, problems = len(loaded.problems.rows), loaded.problems.kept
        summary |= {"refused": left, "read": loaded.read, "notices": notices[:50]}
        del loaded  # the next step needs the memory
        tell(0, 0, "generalising for small scales")
        _write_low(draft_dir, schema)
        key = f"{valid_from.isoformat()}-{written.hash.partition(':')[2][:8]}"
        version_name = name or valid_from.isoformat()
        manifest_hash = lake.write_manifest(
            draft_dir,
            {
                "layer": schema.name,
                "schema_version": schema.version,
                "standard": schema.standard,
                "division": division,
                "name": version_name,
                "valid_from": valid_from.isoformat(),
                "hash": written.hash,
                "rows": written.rows,
                "area_m2": round(written.area_m2, 2),
                "bbox": list(written.bbox),
                **facts,
                "mapping": {"name": mapping.name, **mapping.facts()},
                "quality": summary,
            },
        )
        west, south, east, north = written.bbox
        version = LayerVersion(
            layer=schema.name,
            division=division,
            name=version_name,
            key=key,
            valid_from=valid_from,
            state=LayerVersion.State.DRAFT if draft else LayerVersion.State.PUBLISHED,
            hash=written.hash,
            manifest_hash=manifest_hash,
            rows=written.rows,
            area=Decimal(str(round(written.area_m2, 2))),
            crs=facts["crs"],
            schema_version=schema.version,
            source_name=facts["source"]["name"][:255],
            source_hash=facts["source"]["hash"],
            mapping=mapping.name[:100],
            quality=summary,
            west=west,
            south=south,
            east=east,
            north=north,
            job=job,
            created_by=actor.user if actor else None,
        )
        tell(0, 0, "publishing")
        _keep(version, draft_dir, actor)
    return Result(version, written.rows, left, summary, problems, notices)


# --- reading ----------


def _matched(source: Source, schema: Schema, mapping: Mapping) -> dict[str, str]:
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


def _read(source: Source, schema: Schema, matched: dict[str, str], mapping: Mapping, tell: Progress) -> _Loaded:
    """All rows of the file in the schema's columns with their outlines; rows with problems are left out."""
    import polars as pl
    import pyarrow as pa

    place = source.place()
    problems = attributes.Problems(place.file, place.layer)
    system = None if schema.is_table else _system(source, mapping)
    frames: list[pl.DataFrame] = []
    working: list[pa.Array] = []
    delivered: list[pa.Array] = []
    read = 0
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
        read += len(rows)
        tell(read, source.count or 0, "reading")
    for error in source.problems:
        problems.put(error)
    frame = pl.concat(frames) if frames else pl.DataFrame(schema={"__row__": pl.Int64})
    if frames:
        _duplicates(frame, schema, problems)
    outlines = None if schema.is_table else pa.chunked_array(working, pa.large_binary())
    given = pa.chunked_array(delivered, pa.large_binary()) if delivered else None
    if problems.rows and len(frame):
        keep = ~frame["__row__"].is_in(list(problems.rows))
        mask = keep.to_arrow()
        frame = frame.filter(keep)
        outlines = outlines.filter(mask) if outlines is not None else None
        given = given.filter(mask) if given is not None else None
    return _Loaded(frame, outlines, given, problems, read)


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

    shapes = np.asarray(shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore"), dtype=object)
    found = shapely.get_type_id(shapes)
    bad = ~np.isin(found, kinds.type_ids(wanted))
    if wanted == "line":
        bad |= shapely.length(shapes) == 0
    for i in np.flatnonzero(bad):
        if found[i] < 0:
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


# --- writing ----------


def _write(
    target: Path, loaded: _Loaded, schema: Schema, crs: str, mapping: Mapping
) -> tuple[lake.Written, dict[str, Any]]:
    import numpy as np
    import polars as pl
    import pyarrow as pa

    from jintu.kernel.flat import Polygons

    if loaded.working is None or schema.geometry != "polygon":
        return _write_other(target, loaded, schema, crs)
    frame, column, delivered = loaded.frame.drop("__row__"), loaded.working, loaded.delivered
    # what is written is let go column by column: of a million patches each copy is half a gigabyte
    loaded.frame, loaded.working, loaded.delivered = loaded.frame.clear(), None, None
    polygons = Polygons.from_wkb(column)
    areas = polygons.areas()
    if mapping.area:
        frame = frame.with_columns(pl.Series(mapping.area, np.round(areas, 2)))
    plane = Polygons.from_wkb(delivered) if delivered is not None and is_plane(crs) else None
    summary = quality.summary(frame, schema, polygons, areas, plane)
    del polygons, plane
    table = frame.to_arrow().cast(pa.schema(attributes.arrow_schema(schema))).append_column("geometry", column)
    if delivered is not None:
        table = table.append_column("geometry_delivered", delivered)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    del frame, column, delivered, table
    total = float(areas.sum())
    return lake.write(target, columns, schema=schema.name, crs=crs, key=schema.key, area_m2=total), summary


def _write_other(target: Path, loaded: _Loaded, schema: Schema, crs: str) -> tuple[lake.Written, dict[str, Any]]:
    """Lines, points, and tables without geometry: they have no areas and no topology of a partition."""
    import pyarrow as pa

    frame = loaded.frame.drop("__row__")
    summary = quality.summary_of_others(frame, schema, loaded.working)
    table = frame.to_arrow().cast(pa.schema(attributes.arrow_schema(schema)))
    if loaded.working is not None:
        table = table.append_column("geometry", loaded.working)
    if loaded.delivered is not None:
        table = table.append_column("geometry_delivered", loaded.delivered)
    return lake.write(target, table, schema=schema.name, crs=crs, key=schema.key, kind=schema.geometry), summary


def is_plane(text: str) -> bool:
    """Are coordinates of this system metres in a plane? ``text``: an EPSG code or WKT."""
    import pyproj

    return pyproj.CRS(text).is_projected


def _write_low(target: Path, schema: Schema) -> None:
    from .generalise import write_low

    write_low(target, schema)


# --- publishing ----------


@contextmanager
def _room() -> Iterator[None]:
    """A full disc is said in a sentence; nothing of the version is kept then."""
    try:
        yield
    except (OSError, OperationalError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "is full" in str(error)
        if not full:
            raise
        raise Refused(
            "The disc is full: the version could not be written, and nothing was published.",
            remedy="Make room on the disc of the data directory and load the file again.",
        ) from error


def _day_is_free(schema: Schema, division: str, valid_from: date) -> None:
    taken = LayerVersion.objects.filter(layer=schema.name, division=division, valid_from=valid_from).exclude(
        state=LayerVersion.State.WITHDRAWN
    )
    if (known := taken.first()) is not None:
        raise Conflict(
            "{layer} of {division} has a version for {day} already ({name}, {hash}).",
            remedy="Withdraw that version with a reason first, or give another day.",
            layer=schema.table,
            division=division,
            day=valid_from.isoformat(),
            name=known.name,
            hash=known.short_hash,
        )


def _keep(version: LayerVersion, draft: Path, actor: Actor | None) -> None:
    """The directory goes to its place and the row into the database; a crash in between leaves a directory that no
    version names, which the next import removes."""
    with transaction.atomic():
        _day_is_free(version.schema, version.division, version.valid_from)
        again = LayerVersion.objects.filter(layer=version.layer, division=version.division, key=version.key).first()
        if again is not None:  # the very same content, withdrawn before: its files are there and right
            raise Conflict(
                "The same content was published for {day} and withdrawn: {reason}",
                remedy="Publish that version again instead.",
                day=version.valid_from.isoformat(),
                reason=again.state_reason or "—",
            )
        lake.settle(draft, version.directory)
        version.save()
        append(
            "layer.import" if version.state == LayerVersion.State.DRAFT else "layer.publish",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts=_facts(version),
        )


def _facts(version: LayerVersion) -> dict[str, Any]:
    return {
        "hash": version.hash,
        "manifest": version.manifest_hash,
        "source": version.source_hash,
        "rows": version.rows,
        "valid_from": version.valid_from.isoformat(),
    }


def publish(version: LayerVersion, actor: Actor | None = None) -> LayerVersion:
    """Put a draft, or a version withdrawn by mistake, in force."""
    if version.state == LayerVersion.State.PUBLISHED:
        raise Refused("The version is published already.")
    with transaction.atomic():
        _day_is_free_but(version)
        version.state, version.state_reason = LayerVersion.State.PUBLISHED, ""
        version.save(update_fields=["state", "state_reason"])
        append(
            "layer.publish",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts=_facts(version),
        )
    return version


def _day_is_free_but(version: LayerVersion) -> None:
    others = LayerVersion.objects.filter(
        layer=version.layer, division=version.division, valid_from=version.valid_from
    ).exclude(pk=version.pk)
    if others.exclude(state=LayerVersion.State.WITHDRAWN).exists():
        _day_is_free(version.schema, version.division, version.valid_from)


def withdraw(version: LayerVersion, reason: str, actor: Actor | None = None) -> LayerVersion:
    """Take a version out of force, with a reason. Its files stay: results that name it can be checked."""
    if not reason.strip():
        raise InputError("A withdrawal needs a reason.", place=Place(field="reason"))
    if version.state == LayerVersion.State.WITHDRAWN:
        raise Refused("The version is withdrawn already.")
    with transaction.atomic():
        version.state, version.state_reason = LayerVersion.State.WITHDRAWN, reason.strip()[:500]
        version.save(update_fields=["state", "state_reason"])
        append(
            "layer.withdraw",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts={"hash": version.hash},
        )
    return version
