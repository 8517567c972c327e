"""Single geometries: the GeoPackage codec, what is wrong with a shape, and the form in which we keep it.

Shapely is imported inside functions: this module is loaded at start-up by processes that never see a geometry.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jintu.kernel.crs import WORKING, Crs
from jintu.kernel.errors import InputError, Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

__all__ = [
    "SRID",
    "are_possible",
    "check",
    "check_many",
    "decode_gpkg",
    "encode_gpkg",
    "encode_gpkg_many",
    "gpkg_to_wkb",
    "normalise",
]

SRID = 4490

# GeoPackage 1.3 §2.1.3: "GP", version 0, flags, SRID, envelope, then WKB
_HEADER = struct.Struct("<2sBBi")
_HEADER_WITH_BOX = struct.Struct("<2sBBi4d")
_LITTLE_ENDIAN, _XY_ENVELOPE, _EMPTY = 0x01, 0x02, 0x10
_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}


def encode_gpkg(geometry: BaseGeometry, srid: int = SRID) -> bytes:
    """GeoPackage blob of a geometry, made 2D, with its XY envelope; an empty one has none and says so."""
    return encode_gpkg_many([geometry], srid)[0]  # type: ignore[return-value]


def encode_gpkg_many(geometries: Iterable[BaseGeometry | None], srid: int = SRID) -> list[bytes | None]:
    """`encode_gpkg` of many at once; None stays None."""
    import shapely

    shapes = list(geometries)
    bodies = shapely.to_wkb(shapes, byte_order=1, output_dimension=2, include_srid=False)
    boxes = shapely.bounds(shapes).tolist()
    return [None if body is None else _head(box, srid) + body for body, box in zip(bodies, boxes, strict=True)]


def _head(box: Sequence[float], srid: int) -> bytes:
    west, south, east, north = box
    if math.isnan(west):
        return _HEADER.pack(b"GP", 0, _LITTLE_ENDIAN | _EMPTY, srid)
    return _HEADER_WITH_BOX.pack(b"GP", 0, _LITTLE_ENDIAN | _XY_ENVELOPE, srid, west, east, south, north)


def gpkg_to_wkb(blob: bytes | memoryview) -> bytes:
    """The WKB inside a GeoPackage blob: the header is cut off, nothing is parsed."""
    size = _ENVELOPE_BYTES.get((blob[3] >> 1) & 7) if len(blob) > 8 else None
    if size is None or bytes(blob[:2]) != b"GP" or len(blob) <= 8 + size:
        raise InputError(
            "The value is not a GeoPackage geometry.", remedy="Write the column with a GeoPackage program."
        )
    return bytes(blob[8 + size :])


def decode_gpkg(blob: bytes | memoryview) -> BaseGeometry:
    """The geometry in a GeoPackage blob. Raises `InputError` when it is none."""
    import shapely

    try:
        return shapely.from_wkb(gpkg_to_wkb(blob))
    except shapely.errors.GEOSException as error:
        raise InputError("The geometry's WKB is cut short or broken.", remedy="Export it again.") from error


def normalise(geometry: BaseGeometry) -> BaseGeometry:
    """The geometry in 2D, shells counter-clockwise, holes clockwise; vertices and their digits are kept."""
    import shapely

    return shapely.orient_polygons(shapely.force_2d(geometry), exterior_cw=False)


# --- what is wrong with a shape ----------


def check_many(geometries: Sequence[BaseGeometry | None], crs: Crs = WORKING) -> Iterator[tuple[int, list[InputError]]]:
    """(index, errors) of the geometries that are not fit, found without looking at the good ones one by one."""
    import numpy as np
    import shapely

    shapes = np.asarray(geometries, dtype=object)
    present = ~shapely.is_missing(shapes)
    good = shapely.is_valid(shapes) & ~shapely.is_empty(shapes) & are_possible(shapely.bounds(shapes), crs)
    for index in np.flatnonzero(present & ~good):
        errors = check(shapes[index], crs=crs)
        if errors:
            yield int(index), errors


def are_possible(boxes: NDArray[np.float64], crs: Crs = WORKING) -> NDArray[np.bool_]:
    """Whether boxes (n, 4: west, south, east, north) lie where coordinates of that system can: where they do not, a
    look at the vertices (`check`) says more."""
    import numpy as np

    west, south, east, north = boxes.T
    if crs.zone is None:
        inside = (west >= -180) & (east <= 180) & (south >= -90) & (north <= 90)
        return inside & ~((south >= 73) & (east <= 54)) & ~((west <= 0) & (east >= 0) & (south <= 0) & (north >= 0))
    inside = np.abs(np.stack([west, east]) - crs.zone.false_easting).max(axis=0) < 5e5
    return inside & (south > 0) & (north < 1e7)


def check(geometry: BaseGeometry | None, place: Place | None = None, crs: Crs = WORKING) -> list[InputError]:
    """Everything that makes a polygon unfit, each with part, ring and vertex (from 1) and what to do.

    An empty list means: every coordinate possible in ``crs`` (x east, y north), every ring closed without crossing or
    touching itself, holes inside their shells and apart, parts apart. Lines and points have only their coordinates
    checked. None, a record without geometry, is fit.
    """
    import shapely

    where = place or Place()
    if geometry is None:
        return []
    if geometry.is_empty:
        return [InputError("The geometry is empty.", place=where, remedy="Draw it, or leave the geometry out.")]
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        points = shapely.get_coordinates(geometry)
        return _first(_coordinates(points, crs, where))
    parts = shapely.get_parts(geometry)
    places = [replace(where, part=n + 1) if len(parts) > 1 else where for n in range(len(parts))]
    errors: list[InputError] = []
    for part, at in zip(parts, places, strict=True):
        for ring, ring_at in _rings(part, at):
            errors += _first(_coordinates(shapely.get_coordinates(ring), crs, ring_at)) or _ring(ring, ring_at)
    if errors or shapely.is_valid(geometry):
        return errors
    for part, at in zip(parts, places, strict=True):
        errors += _holes(part, at)
    if not errors:
        errors += _overlapping(list(parts), places)
    return errors or [
        InputError(
            "The polygon is not valid: {reason}.",
            place=where,
            remedy="Repair the boundary.",
            reason=shapely.is_valid_reason(geometry),
        )
    ]


def _rings(part: BaseGeometry, place: Place) -> Iterator[tuple[Any, Place]]:
    import shapely

    for number, ring in enumerate((shapely.get_exterior_ring(part), *part.interiors)):
        yield ring, replace(place, ring=number + 1)


def _first(errors: Iterator[InputError]) -> list[InputError]:
    """One error a ring is enough: where one vertex is in metres, all are."""
    return [error] if (error := next(errors, None)) is not None else []


def _coordinates(points: NDArray[np.float64], crs: Crs, place: Place) -> Iterator[InputError]:
    import numpy as np

    def at(bad: NDArray[np.bool_]) -> tuple[Place, float, float]:
        vertex = int(np.argmax(bad))
        return replace(place, vertex=vertex + 1), float(points[vertex, 0]), float(points[vertex, 1])

    x, y = points[:, 0], points[:, 1]
    bad = ~(np.isfinite(x) & np.isfinite(y))
    if bad.any():
        here, _, _ = at(bad)
        yield InputError("A coordinate is not a number.", place=here, remedy="Remove or repair the vertex.")
        return
    bad = (np.abs(x) < 1e-6) & (np.abs(y) < 1e-6)
    if bad.any():
        here, _, _ = at(bad)
        yield InputError(
            "The vertex lies at 0, 0: its coordinates are missing.", place=here, remedy="Enter the coordinates."
        )
    if crs.zone is None:
        bad = (y >= 73) & (x >= 3) & (x <= 54)  # no survey has parcels there; with the axes swapped it is China
        if bad.any():
            here, lon, lat = at(bad)
            yield InputError(
                "Longitude and latitude are swapped: {x}, {y}.",
                place=here,
                remedy="Write longitude first.",
                x=lon,
                y=lat,
            )
            return
    try:
        crs.check(x, y, place)
    except InputError:
        for vertex in range(len(points)):
            try:
                crs.check(x[vertex : vertex + 1], y[vertex : vertex + 1], replace(place, vertex=vertex + 1))
            except InputError as exact:
                error = exact
                break
        yield error


def _ring(ring: Any, place: Place) -> list[InputError]:
    import numpy as np
    import shapely

    points = shapely.get_coordinates(ring)
    if len(points) < 4 or len(np.unique(points, axis=0)) < 3:
        return [
            InputError(
                "The ring has too few points: {count} different ones.",
                place=place,
                remedy="A ring needs at least three.",
                count=len(np.unique(points, axis=0)),
            )
        ]
    if shapely.is_simple(ring):
        return [] if shapely.area(shapely.polygons(ring)) > 0 else [_flat(place)]
    return [_crossing(points, place)]


def _flat(place: Place) -> InputError:
    return InputError(
        "The ring has no inside: its points lie on a line.", place=place, remedy="Delete the ring or correct it."
    )


def _crossing(points: NDArray[np.float64], place: Place) -> InputError:
    """The first place where a ring meets itself; vertices are numbered as delivered."""
    import numpy as np
    import shapely

    kept = np.r_[True, (np.diff(points, axis=0) != 0).any(axis=1)]  # a repeated vertex is no crossing
    numbers, points = np.flatnonzero(kept), points[kept]
    segments = shapely.linestrings(np.stack([points[:-1], points[1:]], axis=1))
    tree = shapely.STRtree(segments)
    first, second = tree.query(segments, predicate="intersects")
    apart = second > first + 1
    apart &= ~((first == 0) & (second == len(segments) - 1))
    pairs = sorted(zip(first[apart].tolist(), second[apart].tolist(), strict=True))
    neighbours = [(i, (i + 1) % len(segments)) for i in range(len(segments))]
    for i, j in pairs:
        meeting = shapely.intersection(segments[i], segments[j])
        x, y = shapely.get_coordinates(meeting)[0].tolist()
        params = {"x": x, "y": y, "other": int(numbers[j]) + 1}
        here = replace(place, vertex=int(numbers[i]) + 1)
        if shapely.crosses(segments[i], segments[j]):
            return InputError(
                "The ring crosses itself at {x}, {y}: the edge from this vertex meets the edge from vertex {other}.",
                place=here,
                remedy="Put the vertices in the order of the boundary, or split the polygon at the crossing.",
                **params,
            )
        return InputError(
            "The ring touches itself at {x}, {y}: the edge from this vertex meets the edge from vertex {other}.",
            place=here,
            remedy="Move the vertex, or make the enclosed part a hole or a part of its own.",
            **params,
        )
    for i, j in neighbours:
        if shapely.length(shapely.intersection(segments[i], segments[j])) > 0:
            return InputError(
                "The ring turns back on itself at {x}, {y}.",
                place=replace(place, vertex=int(numbers[(i + 1) % len(segments)]) + 1),
                remedy="Delete the spike.",
                x=float(points[i + 1, 0]),
                y=float(points[i + 1, 1]),
            )
    return _flat(place)


def _holes(part: BaseGeometry, place: Place) -> list[InputError]:
    import shapely

    shell = shapely.polygons(shapely.get_exterior_ring(part))
    holes = [shapely.polygons(ring) for ring in part.interiors]
    errors = []
    for number, hole in enumerate(holes):
        at = replace(place, ring=number + 2)
        if not shapely.intersects(shell, hole) or shapely.touches(shell, hole):
            errors.append(InputError("The hole lies outside its shell.", place=at, remedy="Make it a part of its own."))
        elif not shapely.covers(shell, hole):
            errors.append(InputError("The hole crosses its shell.", place=at, remedy="Draw the hole inside the shell."))
        elif shapely.length(shapely.intersection(shell.exterior, hole.exterior)) > 0:
            errors.append(
                InputError(
                    "The hole shares an edge with its shell.", place=at, remedy="Make it an indentation of the shell."
                )
            )
        for other in range(number):
            if shapely.relate_pattern(holes[other], hole, "2********") or shapely.length(
                shapely.intersection(holes[other].exterior, hole.exterior)
            ):
                errors.append(
                    InputError(
                        "The hole overlaps or adjoins the hole of ring {other}.",
                        place=at,
                        remedy="Join the two holes.",
                        other=other + 2,
                    )
                )
    return errors


def _overlapping(parts: list[BaseGeometry], places: list[Place]) -> list[InputError]:
    import shapely

    errors = []
    tree = shapely.STRtree(parts)
    for i, j in sorted(zip(*(side.tolist() for side in tree.query(parts, predicate="intersects")), strict=True)):
        if i < j and shapely.is_valid(parts[i]) and shapely.is_valid(parts[j]):
            meeting = shapely.intersection(parts[i], parts[j])
            if shapely.area(meeting) > 0 or shapely.length(meeting) > 0:
                errors.append(
                    InputError(
                        "The part overlaps or adjoins part {other}.",
                        place=places[j],
                        remedy="Join the two parts.",
                        other=i + 1,
                    )
                )
    return errors
