"""An outline as people hand it in: a boundary-point TXT, a zipped shapefile, GeoJSON, GeoPackage, WKT or pasted points.

>>> g = from_text("113.1 30.1\\n113.2 30.1\\n113.2 30.2")
>>> g.geometry.geom_type, len(g.geometry.exterior.coords)
('Polygon', 4)
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jintu.kernel.errors import InputError, Place

from .coordinates import WORKING, is_working, to_lonlat
from .descriptor import Register
from .models import DeliveredGeometry

__all__ = ["Delivered", "from_text", "from_upload"]

MOST_BYTES = 50 * 1024 * 1024
_POINT = re.compile(
    r"^\s*(?:[A-Za-z一-鿿]*\d+\s*[,\t，;；]\s*)??"
    r"([+-]?\d+(?:\.\d+)?)\s*[,\s，;；]\s*([+-]?\d+(?:\.\d+)?)\s*$"
)


@dataclass(frozen=True)
class Delivered:
    """``geometry`` in lon/lat; ``wkb`` and ``crs`` as delivered; ``file_sha256`` of the file it came in."""

    geometry: Any
    crs: str = WORKING
    wkb: bytes = b""
    file_sha256: str = ""

    def keep(self, register: Register, row: Any) -> None:
        """Store the delivered digits beside the row, when they are not the working ones."""
        if self.crs and self.wkb and not is_working(self.crs):
            DeliveredGeometry.objects.create(
                register=register.name, uid=row.uid, crs=self.crs, wkb=self.wkb, file_sha256=self.file_sha256
            )


def from_text(text: str, crs: str = "") -> Delivered:
    """WKT, GeoJSON, or one point "x, y" per line (an empty line starts another ring).

    Without ``crs`` the numbers must be degrees on CGCS2000. Raises `InputError` with the line that cannot be read.
    """
    import shapely

    text = text.strip()
    place = Place(field="geometry")
    if not text:
        raise InputError("There are no coordinates.", place=place, remedy="Paste them, or choose a file.")
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    try:
        if text.startswith("{"):
            geometry = _one(_geojson(text), place)
        elif text[0].isalpha() and "(" in text and text[:20].upper().lstrip().startswith(_KINDS):
            geometry = shapely.from_wkt(text)
        else:
            geometry = _points(text)
    except (shapely.errors.ShapelyError, ValueError, KeyError, TypeError) as error:
        raise InputError("The coordinates cannot be read: {reason}.", place=place, reason=str(error)[:200]) from error
    return _delivered(geometry, crs or WORKING, digest)


_KINDS = ("POINT", "LINESTRING", "POLYGON", "MULTI", "GEOMETRYCOLLECTION", "SRID")


def _geojson(text: str) -> list[Any]:
    import json

    import shapely.geometry

    data = json.loads(text)
    features = data["features"] if data.get("type") == "FeatureCollection" else [data]
    return [shapely.geometry.shape(f.get("geometry", f)) for f in features]


def _points(text: str) -> Any:
    import shapely

    rings: list[list[tuple[float, float]]] = [[]]
    for n, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            if rings[-1]:
                rings.append([])
            continue
        found = _POINT.match(line)
        if not found:
            raise InputError(
                "This is not a point.",
                place=Place(field="geometry", row=n),
                remedy="Write x and y, separated by a comma or a blank.",
            )
        rings[-1].append((float(found[1]), float(found[2])))
    rings = [r for r in rings if r]
    for n, ring in enumerate(rings, start=1):
        if len(set(ring)) < 3:
            raise InputError("A ring needs three points or more.", place=Place(field="geometry", ring=n))
    return shapely.Polygon(rings[0], rings[1:])


def from_upload(stream: IO[bytes], name: str, crs: str = "") -> Delivered:
    """The outline in an uploaded file; several features become one multipolygon.

    Raises `InputError` or `Unsupported` from the reader, with file, row, ring and vertex.
    """
    import shapely

    from jintu.kernel import formats

    with tempfile.TemporaryDirectory(prefix="jintu-outline-") as directory:
        path = Path(directory) / (Path(name).name or "outline")
        size = 0
        with path.open("wb") as out:
            while block := stream.read(1 << 20):
                size += len(block)
                if size > MOST_BYTES:
                    raise InputError(
                        "The file is larger than {limit} MB.", place=Place(file=name), limit=MOST_BYTES >> 20
                    )
                out.write(block)
        if path.suffix.lower() in {".wkt", ".geojson", ".json"}:
            return from_text(path.read_text("utf-8-sig"), crs)
        with formats.read(path, crs=crs or None) as source:
            if not source.has_geometry:
                raise InputError("The file holds no outlines.", place=Place(file=name))
            table = source.table()
            found = [g for g in shapely.from_wkb(table.column(formats.GEOMETRY).to_pylist()) if g is not None]
            if source.problems:
                raise source.problems[0]
            geometry = _one(found, Place(file=name))
            return _delivered(geometry, str(source.crs), source.sha256)


def _one(geometries: Iterable[Any], place: Place) -> Any:
    """All outlines of a hand-in as one geometry."""
    import shapely

    found = [g for g in geometries if g is not None and not g.is_empty]
    if not found:
        raise InputError("The file holds no outlines.", place=place)
    if len(found) == 1:
        return found[0]
    parts = [p for g in found for p in shapely.get_parts(g)]
    if any(p.geom_type != "Polygon" for p in parts):
        raise InputError("Several outlines together must all be polygons.", place=place)
    return shapely.MultiPolygon(parts)


def _delivered(geometry: Any, crs: str, digest: str) -> Delivered:
    import shapely

    working, wrong = to_lonlat([geometry], crs)
    if wrong:
        raise wrong[0]
    return Delivered(working[0], crs, shapely.to_wkb(shapely.force_2d(geometry), byte_order=1), digest)
