"""What is analysed: an outline drawn on the map, or the parcels of an uploaded file with the areas they declare."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import IO, Any

from jintu.kernel.errors import InputError, Place

__all__ = ["Outline", "Parcel", "from_geojson", "from_upload"]

MOST_BYTES = 20 * 1024 * 1024
MOST_PARCELS = 500
MOST_VERTICES = 50_000
MOST_AREA_M2 = 5e9
AREA_COLUMNS = ("area_ha", "area_m2", "dkmj", "地块面积", "用地面积", "总面积", "面积", "area")
NAME_COLUMNS = ("parcel_name", "parcel_no", "parcel_key", "dkmc", "dkbh", "地块名称", "地块编号", "name", "id")


@dataclass(frozen=True)
class Parcel:
    """``geometry``: lon/lat 4490. ``declared_m2``: what the file says; ``official_m2``: by the survey rule, in the
    plane it was delivered in."""

    name: str
    geometry: Any
    declared_m2: Decimal | None = None
    official_m2: Decimal | None = None


@dataclass(frozen=True)
class Outline:
    parcels: tuple[Parcel, ...]
    source_name: str = ""
    source_hash: str = ""
    crs: str = "EPSG:4490"


def from_geojson(text: str) -> Outline:
    """An outline drawn on the map: a Polygon or MultiPolygon in lon/lat. Raises `InputError` with ring and vertex."""
    import shapely

    if len(text) > MOST_BYTES:
        raise InputError("The outline is too large.", place=Place(field="geometry"), remedy="Upload it as a file.")
    try:
        facts = json.loads(text)
        if not isinstance(facts, dict):
            raise ValueError("not an object")
        shape = shapely.from_geojson(json.dumps(facts.get("geometry", facts) if "coordinates" not in facts else facts))
    except (ValueError, TypeError, shapely.errors.GEOSException) as error:
        raise InputError(
            "The outline cannot be read.", place=Place(field="geometry"), remedy="Draw it again."
        ) from error
    return _checked(Outline((Parcel("", shape),)))


def from_upload(stream: IO[bytes], name: str, crs: str = "") -> Outline:
    """The parcels of a boundary-point TXT, zipped shapefile, GeoPackage, GeoJSON or GeoParquet.

    Raises `InputError` or `Unsupported` with file, row, ring and vertex.
    """
    from jintu.kernel import formats

    plain = PurePosixPath(name.replace("\\", "/")).name or "file"
    with tempfile.TemporaryDirectory(prefix="jintu-outline-") as folder:
        path = Path(folder) / plain
        size = 0
        with path.open("wb") as out:
            while block := stream.read(1 << 20):
                size += len(block)
                if size > MOST_BYTES:
                    raise InputError(
                        "The file is larger than {limit} MB.", place=Place(file=plain), limit=MOST_BYTES >> 20
                    )
                out.write(block)
        limits = formats.Limits(file_bytes=20 * MOST_BYTES, problems=100)
        with formats.read(path, crs=crs or None, limits=limits) as source:
            if not source.has_geometry:
                raise InputError(
                    "The file holds no outlines.",
                    place=Place(file=plain),
                    remedy="Give boundary points (TXT), a zipped shapefile, GeoPackage or GeoJSON.",
                )
            return _checked(_outline(source, plain))


def _outline(source: Any, name: str) -> Outline:
    import shapely

    from jintu.kernel import crs as systems
    from jintu.kernel import formats
    from jintu.kernel.area.official import official_area
    from jintu.kernel.errors import JintuError

    place = Place(file=name)
    system = systems.parse(source.require_crs(), place)
    table = source.table()
    if source.problems:
        raise source.problems[0]
    if table.num_rows > MOST_PARCELS:
        raise InputError(
            "The file holds {count} outlines; {most} can be analysed here.",
            place=place,
            remedy="Use the command jintu analyse for more.",
            count=table.num_rows,
            most=MOST_PARCELS,
        )
    shapes = shapely.from_wkb(table.column(formats.GEOMETRY).to_numpy(zero_copy_only=False))
    rows = table.column(formats.ROW).to_pylist()
    # GeoJSON says WGS 84 by its standard; people draw it on CGCS2000 maps, and at map scale the two are one
    placed = systems.to_lonlat(shapes, system, wgs84_is_cgcs2000=source.format == "geojson", place=place)
    fields = {f.name.lower(): f for f in source.fields}
    area = next((fields[n] for n in AREA_COLUMNS if n in fields), None)
    label = next((fields[n].name for n in NAME_COLUMNS if n in fields), "")
    names = table.column(label).to_pylist() if label else [None] * len(rows)
    said = table.column(area.name).to_pylist() if area is not None else [None] * len(rows)
    parcels = []
    for i, shape in enumerate(placed):
        official = None
        if system.is_plane and system.datum is systems.CGCS2000 and shapes[i] is not None:
            try:
                official = official_area(shapes[i], system)
            except JintuError:
                official = None
        declared = _declared(said[i], area.name if area is not None else "", place, rows[i])
        parcels.append(Parcel(str(names[i] or rows[i]), shape, declared, official))
    return Outline(tuple(parcels), name, source.sha256, system.code)


def _declared(value: Any, column: str, place: Place, row: int) -> Decimal | None:
    """A declared area in m²; the unit is that of the column's name, hectares for the boundary-point format."""
    from jintu.kernel import units

    if value in (None, ""):
        return None
    at = Place(file=place.file, row=row, field=column)
    if column == "area_ha":
        number = units.number(value, place=at)
        return None if number is None else number * units.HECTARE
    if column == "area_m2":
        return units.number(value, place=at)
    return units.area(str(value), header=column, place=at) if units.area_unit(column) else None


def _checked(outline: Outline) -> Outline:
    """Fit polygons within the limits, oriented; refused otherwise."""
    import shapely

    from jintu.kernel import geometry
    from jintu.kernel.flat import Polygons

    shapes = [p.geometry for p in outline.parcels]
    if not shapes or any(s is None or s.is_empty for s in shapes):
        raise InputError("There is no outline.", place=Place(file=outline.source_name), remedy="Draw or upload one.")
    for n, parcel in enumerate(outline.parcels, start=1):
        if parcel.geometry.geom_type not in ("Polygon", "MultiPolygon"):
            raise InputError(
                "The outline is a {kind}, not an area.",
                place=Place(file=outline.source_name, row=n),
                kind=parcel.geometry.geom_type,
            )
        place = Place(file=outline.source_name, row=n if len(shapes) > 1 else None)
        for error in geometry.check(parcel.geometry, place):
            raise error
    if sum(shapely.get_num_coordinates(shapes)) > MOST_VERTICES:
        raise InputError("The outline has more than {most} vertices.", most=MOST_VERTICES, remedy="Simplify it.")
    turned = [geometry.normalise(s) for s in shapes]
    if (total := float(Polygons.from_shapely(turned).areas().sum())) > MOST_AREA_M2:
        raise InputError(
            "The outline covers {area} km²; at most {most} km² can be analysed here.",
            remedy="Draw a smaller one.",
            area=round(total / 1e6),
            most=round(MOST_AREA_M2 / 1e6),
        )
    parcels = tuple(
        Parcel(p.name, g, p.declared_m2, p.official_m2) for p, g in zip(outline.parcels, turned, strict=True)
    )
    return Outline(parcels, outline.source_name, outline.source_hash, outline.crs)
