"""Parcels against layer versions: areas by attribute, and parts that no polygon covers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError

from .models import LayerVersion

if TYPE_CHECKING:
    from jintu.kernel.flat import Polygons

__all__ = ["by_attribute", "parcels_of"]


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


def by_attribute(
    polygons: Polygons, versions: Sequence[LayerVersion], column: str, threads: int | None = None
) -> list[tuple[int, str, float, int]]:
    """(row of ``polygons``, value, m², id of the version) in that order; null is "". Only what lies near is read."""
    import numpy as np
    import pyarrow as pa

    from jintu.kernel.flat import Polygons as Flat
    from jintu.kernel.overlay import overlay

    boxes = polygons.boxes(threads)
    if not len(polygons) or not np.isfinite(boxes).any():
        return []
    filled = boxes[np.isfinite(boxes).all(axis=1)]
    extent = (*filled[:, :2].min(axis=0).tolist(), *filled[:, 2:].max(axis=0).tolist())
    sums: list[tuple[int, str, float, int]] = []
    for version in versions:
        table = version.table([column, "geometry"], extent)
        if not table.num_rows:
            continue
        values = table.column(column).cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        names = values.dictionary.to_pylist()
        classes = np.asarray(values.indices).astype(np.int64)
        right = Flat.from_wkb(table.column("geometry"), threads)
        found = overlay(polygons, right, classes, len(names), threads)
        for left, number, area in zip(found.left.tolist(), found.right.tolist(), found.area_m2.tolist(), strict=True):
            sums.append((left, names[number], area, version.pk))
    return sorted(sums)
