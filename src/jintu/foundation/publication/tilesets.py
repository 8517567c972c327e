"""OGC API – Tiles: the vector tiles of open versions, and what describes them (OGC 20-057, 17-083r4)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from jintu.foundation.layers import tiles
from jintu.kernel.errors import Missing

from .grids import SETS, Grid
from .models import Opening

__all__ = ["GRID", "MVT", "matrix_set", "matrix_sets", "tile", "tileset", "tilesets"]

GRID = SETS["WebMercatorQuad"]
MVT = "application/vnd.mapbox-vector-tile"
SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_DIMENSIONS = {"point": 0, "line": 1, "polygon": 2}


def _link(rel: str, kind: str, title: str, href: str, **more: Any) -> dict[str, Any]:
    return {"rel": rel, "type": kind, "title": title, "href": href, **more}


def _title(grid: Grid) -> str:
    return _("Web Mercator") if grid.mercator else _("Degrees of CGCS2000")


def matrix_sets(base: str) -> dict[str, Any]:
    """The tile matrix sets of the vector tiles: one."""
    address = f"{base}/tileMatrixSets/{GRID.id}"
    known = {
        "id": GRID.id,
        "title": _title(GRID),
        "uri": GRID.uri,
        "links": [_link("self", "application/json", _title(GRID), address)],
    }
    return {"tileMatrixSets": [known]}


def matrix_set(name: str) -> dict[str, Any]:
    """One of them. Raises `Missing`."""
    if name != GRID.id:
        raise Missing("There is no tile matrix set {name}.", name=name)
    return GRID.document(_title(GRID))


def tilesets(opening: Opening, base: str) -> dict[str, Any]:
    """The tilesets of a collection."""
    address = f"{base}/collections/{opening.collection}/tiles"
    return {
        "links": [_link("self", "application/json", _("This document"), address)],
        "tilesets": [_facts(opening, base)],
    }


def _facts(opening: Opening, base: str) -> dict[str, Any]:
    address = f"{base}/collections/{opening.collection}/tiles/{GRID.id}"
    schema = opening.version.schema
    return {
        "title": f"{schema.label} {opening.version.division} {opening.version.name}",
        "dataType": "vector",
        "crs": GRID.crs,
        "tileMatrixSetURI": GRID.uri,
        "links": [
            _link("self", "application/json", _("This document"), address),
            _link(SCHEME, "application/json", _title(GRID), f"{base}/tileMatrixSets/{GRID.id}"),
            _link("item", MVT, _("Vector tiles"), address + "/{tileMatrix}/{tileRow}/{tileCol}", templated=True),
        ],
    }


def tileset(opening: Opening, name: str, base: str) -> dict[str, Any]:
    """A tileset: its layers and columns, and which tiles there are. Raises `Missing`."""
    matrix_set(name)
    version = opening.version
    schema = version.schema
    west, south, east, north = version.bbox
    carried = [n for n in dict.fromkeys((schema.classes, tiles.label_of(schema))) if n]
    layers = [
        {
            "id": schema.name,
            "dataType": "vector",
            "geometryDimension": _DIMENSIONS[schema.geometry],
            "minTileMatrix": str(tiles.MIN_ZOOM),
            "maxTileMatrix": str(tiles.MAX_ZOOM),
            "propertiesSchema": {
                "type": "object",
                "properties": {n: {"type": "string", "title": schema.columns[n].label} for n in carried}
                | {"key": {"type": "string", "title": schema.columns[schema.key].label}},
            },
        }
    ]
    limits = []
    for zoom in range(tiles.MIN_ZOOM, tiles.MAX_ZOOM + 1):
        top, bottom, left, right = GRID.limits(zoom, version.bbox)
        limits.append(
            {
                "tileMatrix": str(zoom),
                "minTileRow": top,
                "maxTileRow": bottom,
                "minTileCol": left,
                "maxTileCol": right,
            }
        )
    return _facts(opening, base) | {
        "boundingBox": {"lowerLeft": [west, south], "upperRight": [east, north], "crs": _CRS84},
        "tileMatrixSetLimits": limits,
        "layers": layers,
    }


def tile(opening: Opening, name: str, zoom: int, row: int, column: int) -> bytes:
    """A vector tile, gzipped; b"" where nothing is. Raises `Missing` outside the tileset."""
    matrix_set(name)
    if not tiles.MIN_ZOOM <= zoom <= tiles.MAX_ZOOM or not GRID.has(zoom, row, column):
        raise Missing("There is no tile {z}/{x}/{y}.", z=zoom, x=column, y=row)
    return tiles.tile([opening.version], zoom, column, row)
