"""Parcels against layer versions: areas by attributes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError

from . import lake
from .models import LayerVersion

if TYPE_CHECKING:
    from jintu.kernel.executors import Executor
    from jintu.kernel.flat import Polygons

__all__ = ["by_attributes", "parcels_of"]


def parcels_of(
    path: Path, *, identifier: str = "", crs: str | None = None, member: str | None = None
) -> tuple[list[Any], Polygons]:
    """Names and outlines (lon/lat 4490) of the parcels in a file.

    ``identifier``: the column that names them, else one called id, parcel or the like, else the row number. Raises
    `InputError` with row, ring and vertex for an outline that is not fit: an area of it would mean nothing.
    """
    import shapely

    from jintu.kernel import crs as systems
    from jintu.kernel import formats, geometry
    from jintu.kernel.errors import Place
    from jintu.kernel.flat import Polygons

    with formats.read(path, layer=member, crs=crs) as source:
        if not source.has_geometry:
            raise InputError("The file has no geometry.", place=source.place())
        table = source.table()
        if source.problems:
            raise source.problems[0]
        system = systems.parse(source.require_crs(), source.place())
        rows = table.column(formats.ROW).to_pylist()
        shapes = shapely.from_wkb(table.column(formats.GEOMETRY).to_numpy(zero_copy_only=False))
        for i, errors in geometry.check_many(shapes, system):
            error, p = errors[0], errors[0].place
            raise InputError(
                error.sentence,
                place=Place(source.name, row=rows[i], field="geometry", part=p.part, ring=p.ring, vertex=p.vertex),
                remedy=error.remedy,
                **error.params,
            )
        placed = systems.to_lonlat(shapes, system, place=source.place())
        wanted = identifier or next(
            (
                f.name
                for f in source.fields
                if f.name.lower() in ("id", "parcel", "parcel_key", "parcel_no", "dkbh", "bsm")
            ),
            "",
        )
        if identifier:
            source.field(identifier)
        names = table.column(wanted).to_pylist() if wanted else rows
        return names, Polygons.from_shapely(placed)


def by_attributes(
    polygons: Polygons, versions: Sequence[LayerVersion], columns: Sequence[str], executor: Executor | None = None
) -> list[tuple[int, tuple[str, ...], float, int]]:
    """(row of ``polygons``, values of ``columns``, m², id of the version), sorted; a null is "".

    Streamed from the lake: only the row groups near the polygons are read, once each, and memory does not grow with the
    layer. ``executor`` is threads, one per core, when None. Raises `Missing` when the files of a version are gone,
    `Refused` when what is read of them is not what was published.
    """
    from jintu.kernel.overlay import prepare
    from jintu.kernel.overlay.fragments import plan
    from jintu.kernel.overlay.streaming import Source, overlay_files

    prepared = prepare(polygons)
    sources = [Source(str(version.directory / lake.DATA), tuple(columns)) for version in versions]
    for version, source in zip(versions, sources, strict=True):
        if not (version.directory / lake.DATA).is_file():
            lake.manifest(version.directory)
        read = {group for fragment in plan(source.path, 0, prepared.tree, columns) for group in fragment.groups}
        lake.check_parts(version.directory, version.manifest_hash, read)
    return sorted(
        (row, tuple("" if v is None else str(v) for v in values), area, version.pk)
        for version, sums in zip(versions, overlay_files(prepared, sources, executor), strict=True)
        for row, values, area in sums.rows()
    )
