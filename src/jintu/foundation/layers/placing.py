"""Outlines as delivered, checked and placed in lon/lat: a batch at a time, by compiled functions where all is well.

A polygon that the compiled check finds fit is never made a Shapely object. The others, and lines and points, are: what
is wrong is told by part, ring and vertex (`jintu.kernel.geometry`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, JintuError, Place

from . import shapes as kinds
from .attributes import Problems
from .mapping import Mapping

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons
    from jintu.kernel.formats import Source

__all__ = ["Placed", "System", "is_plane", "place", "system_delivered", "system_of"]


def is_plane(text: str) -> bool:
    """Are coordinates of this system metres in a plane? ``text``: an EPSG code or WKT."""
    import pyproj

    return bool(pyproj.CRS(text).is_projected)


@dataclass(frozen=True)
class System:
    """The CRS of the coordinates: one of the kernel's, or a foreign one that the operator takes as CGCS2000."""

    text: str
    known: Any = None
    foreign: Any = None
    wgs84: bool = False

    @property
    def is_working(self) -> bool:
        from jintu.kernel import crs

        return self.known == crs.WORKING

    @cached_property
    def is_plane(self) -> bool:
        return is_plane(self.text)

    def lonlat(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Arrays of coordinates in CGCS2000 longitude and latitude."""
        from jintu.kernel import crs

        if self.foreign is not None:
            lon, lat = self.foreign.transform(x, y)
            return lon, lat
        lon, lat = crs.to_lonlat((x, y), self.known, wgs84_is_cgcs2000=self.wgs84)
        return lon, lat


@dataclass(frozen=True)
class Placed:
    """A batch: WKB lon/lat 4490, oriented, null where the row has none that is fit; WKB as it came, 2D, when that is
    another system; boxes (n, 4) in degrees, NaN where there is none; areas m² (n,), zeros unless polygons.

    Bytes, because a million Shapely objects are gigabytes."""

    working: pa.Array
    delivered: pa.Array | None
    boxes: NDArray[np.float64]
    areas: NDArray[np.float64]


def system_of(source: Source, mapping: Mapping) -> System:
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
        return _foreign(text)
    system = System(text, known, wgs84=mapping.take_as_cgcs2000)
    # asked once without coordinates: a datum that cannot be used is a fault of the file, not of its rows
    nothing = (np.empty(0), np.empty(0))
    crs.to_lonlat(nothing, known, wgs84_is_cgcs2000=system.wgs84, place=source.place())
    return system


def system_delivered(text: str) -> System:
    """The system of a version's delivered outlines.

    It was fit when they were loaded, so the operator's word for a foreign one holds and is not asked again.
    """
    from jintu.kernel import crs
    from jintu.kernel.errors import Unsupported

    try:
        return System(text, crs.parse(text), wgs84=True)
    except Unsupported:
        return _foreign(text)


def _foreign(text: str) -> System:
    import pyproj

    own = pyproj.CRS(text)
    return System(text, foreign=pyproj.Transformer.from_crs(own, own.geodetic_crs, always_xy=True))


def place(column: pa.ChunkedArray, rows: NDArray[np.int64], kind: str, system: System, problems: Problems) -> Placed:
    """A batch of outlines of a kind; ``rows``: their numbers in the file. What is not fit is told in ``problems``."""
    import pyarrow as pa

    given = column.cast(pa.large_binary()).combine_chunks()
    plain = _is_plain(given, kind)
    if kind == "polygon" and plain and system.foreign is None:
        placed = _polygons(given, rows, system, problems)
        if placed is not None:
            return placed
    shapes = _shapes(given, rows, kind, problems)
    working = _wkb(_outlines(shapes, rows, system, problems))
    delivered = None if system.is_working else given if plain else _wkb(shapes)
    return Placed(working, delivered, *_measured(working, kind))


_TYPES = {"polygon": (3, 6), "line": (2, 5), "point": (1, 4)}
"""OGC's type codes of plain WKB."""


def _is_plain(given: pa.Array, kind: str) -> bool:
    """Is every value little-endian WKB of that kind in two dimensions?"""
    import pyarrow.compute as pc

    heads = pc.unique(pc.binary_slice(given.drop_null(), 0, 5)).to_pylist()
    return set(heads) <= {bytes((1, code, 0, 0, 0)) for code in _TYPES[kind]}


def _measured(working: pa.Array, kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    if kind != "polygon":
        return kinds.boxes(working, kind), np.zeros(len(working))
    from jintu.kernel.flat import Polygons

    polygons = Polygons.from_wkb(working)
    return _boxes(polygons), polygons.areas()


def _boxes(polygons: Polygons) -> NDArray[np.float64]:
    import numpy as np

    boxes = polygons.boxes()
    boxes[~np.isfinite(boxes[:, 0])] = np.nan
    return boxes


# --- polygons, by compiled functions ----------


def _polygons(given: pa.Array, rows: NDArray[np.int64], system: System, problems: Problems) -> Placed | None:
    """Polygons of which most are fit; the others go the slow way by themselves. None where the batch cannot be read
    as a whole."""
    import numpy as np
    import pyarrow as pa

    from jintu.kernel import flat
    from jintu.kernel.topology import invalid_rows, validity

    try:
        polygons = flat.from_wkb(given)
    except JintuError:
        return None
    boxes = _boxes(polygons)
    bad = np.isnan(boxes[:, 0]) | ~_is_possible(boxes, system)
    bad[invalid_rows(validity(polygons))] = True
    if bad.all():
        return None
    if not bad.any():
        placed = _turned(given, polygons, system)
        return Placed(placed[0], None if system.is_working else given, *placed[1:])
    good, odd = np.flatnonzero(~bad), np.flatnonzero(bad)
    shapes = _shapes(given.take(pa.array(odd)), rows[odd], "polygon", problems)
    mended = _wkb(_outlines(shapes, rows[odd], system, problems))
    fit, fit_boxes, fit_areas = _turned(given.take(pa.array(good)), polygons.take(good), system)
    back = np.argsort(np.concatenate((good, odd)), kind="stable")
    odd_boxes, odd_areas = _measured(mended, "polygon")
    working = pa.chunked_array([fit, mended]).combine_chunks().take(pa.array(back))
    return Placed(
        working,
        None if system.is_working else given,
        np.concatenate((fit_boxes, odd_boxes))[back],
        np.concatenate((fit_areas, odd_areas))[back],
    )


def _is_possible(boxes: NDArray[np.float64], system: System) -> NDArray[np.bool_]:
    from jintu.kernel import geometry

    return geometry.are_possible(boxes, system.known)


def _turned(
    given: pa.Array, polygons: Polygons, system: System
) -> tuple[pa.Array, NDArray[np.float64], NDArray[np.float64]]:
    """WKB, boxes and areas in lon/lat of polygons that are fit."""
    from jintu.kernel import crs, flat

    turned = crs.to_lonlat(polygons, system.known, wgs84_is_cgcs2000=system.wgs84)
    return flat.refilled(given, turned), _boxes(turned), turned.areas()


# --- one by one, by Shapely ----------


def _wkb(shapes: NDArray[np.object_]) -> pa.Array:
    import pyarrow as pa
    import shapely

    return pa.array(shapely.to_wkb(shapes, byte_order=1, output_dimension=2, include_srid=False), pa.large_binary())


def _shapes(given: pa.Array, rows: NDArray[np.int64], wanted: str, problems: Problems) -> NDArray[np.object_]:
    """Shapely geometries of the kind wanted, as delivered; None, with a problem, for anything else."""
    import numpy as np
    import shapely

    values = given.to_numpy(zero_copy_only=False)
    shapes = np.asarray(shapely.from_wkb(values, on_invalid="ignore"), dtype=object)
    found = shapely.get_type_id(shapes)
    bad = ~np.isin(found, kinds.type_ids(wanted))
    if wanted == "line":
        bad |= shapely.length(shapes) == 0
    for i in np.flatnonzero(bad):
        if found[i] < 0 and values[i] is not None:
            problems.put(_unreadable(values[i], int(rows[i]), wanted, problems))
        elif found[i] < 0:
            problems.add(int(rows[i]), "geometry", "The row has no geometry.", "Draw it, or delete the row.")
        elif found[i] in kinds.type_ids(wanted):
            problems.add(int(rows[i]), "geometry", "The line has no length.", "Draw it, or delete the row.")
        else:
            problems.add(int(rows[i]), "geometry", *_WRONG_KIND[wanted], kind=shapes[i].geom_type)
        shapes[i] = None
    return shapes


def _unreadable(wkb: bytes, row: int, wanted: str, problems: Problems) -> InputError:
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
    shapes: NDArray[np.object_], rows: NDArray[np.int64], system: System, problems: Problems
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
