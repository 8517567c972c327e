"""Tile matrix sets: how the world is cut into tiles of 256 pixels.

``WebMercatorQuad`` is that of OGC 17-083r4, Annex D. ``c`` and ``w`` are the pyramids that Chinese map services and
their clients use: degrees of CGCS2000 and Web Mercator, origin in the north-west, level n = 360° in 256·2ⁿ pixels
(GB/T 35634). Scale denominators are those of OGC, pixels of 0.28 mm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIXELS", "SETS", "Grid"]

PIXELS = 256
EARTH = 6378137.0
HALF = math.pi * EARTH
METRES_PER_DEGREE = math.pi * EARTH / 180
PIXEL = 0.28e-3
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Grid:
    """``first`` and ``last``: zooms, also the identifiers of the matrices; ``mercator``: Web Mercator, else degrees."""

    id: str
    uri: str
    crs: str
    urn: str
    mercator: bool
    first: int
    last: int

    def columns(self, zoom: int) -> int:
        return 2**zoom

    def rows(self, zoom: int) -> int:
        return 2**zoom if self.mercator else 2 ** (zoom - 1)

    def has(self, zoom: int, row: int, column: int) -> bool:
        return self.first <= zoom <= self.last and 0 <= row < self.rows(zoom) and 0 <= column < self.columns(zoom)

    def cell(self, zoom: int) -> float:
        """Side of a pixel in units of the CRS."""
        return (2 * HALF if self.mercator else 360.0) / PIXELS / 2**zoom

    def scale(self, zoom: int) -> float:
        """Scale denominator."""
        return self.cell(zoom) * (1.0 if self.mercator else METRES_PER_DEGREE) / PIXEL

    @property
    def origin(self) -> tuple[float, float]:
        """West and north edge."""
        return (-HALF, HALF) if self.mercator else (-180.0, 90.0)

    @property
    def corner(self) -> tuple[float, float]:
        """The origin in the axis order of the CRS: EPSG:4490 puts latitude first."""
        west, north = self.origin
        return (west, north) if self.mercator else (north, west)

    def box(self, zoom: int, row: int, column: int, margin: float = 0.0) -> Box:
        """West, south, east, north of a tile in units of the CRS; ``margin`` in pixels on every side."""
        west, north = self.origin
        side, more = self.cell(zoom) * PIXELS, self.cell(zoom) * margin
        return (
            west + column * side - more,
            north - (row + 1) * side - more,
            west + (column + 1) * side + more,
            north - row * side + more,
        )

    def degrees(self, box: Box) -> Box:
        """A box of the CRS in longitude and latitude."""
        if not self.mercator:
            return box
        west, south, east, north = box
        south, north = (math.degrees(math.atan(math.sinh(v / EARTH))) for v in (south, north))
        return west / METRES_PER_DEGREE, south, east / METRES_PER_DEGREE, north

    def projected(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Longitudes and latitudes (n, 2) in units of the CRS."""
        if not self.mercator:
            return points
        latitude = np.radians(np.clip(points[:, 1], -89.9, 89.9))
        return np.column_stack((points[:, 0] * METRES_PER_DEGREE, EARTH * np.arcsinh(np.tan(latitude))))

    def limits(self, zoom: int, bbox: Box) -> tuple[int, int, int, int]:
        """Least and greatest row, least and greatest column of tiles that meet a box in degrees."""
        corners = self.projected(np.array([[bbox[0], bbox[3]], [bbox[2], bbox[1]]]))
        west, north = self.origin
        side = self.cell(zoom) * PIXELS
        columns = np.clip((corners[:, 0] - west) // side, 0, self.columns(zoom) - 1).astype(int)
        rows = np.clip((north - corners[:, 1]) // side, 0, self.rows(zoom) - 1).astype(int)
        return int(rows[0]), int(rows[1]), int(columns[0]), int(columns[1])

    def document(self, title: str) -> dict[str, Any]:
        """As JSON (OGC 17-083r4)."""
        return {
            "id": self.id,
            "title": title,
            "uri": self.uri,
            "crs": self.crs,
            "orderedAxes": ["E", "N"] if self.mercator else ["Lat", "Lon"],
            "tileMatrices": [
                {
                    "id": str(zoom),
                    "scaleDenominator": self.scale(zoom),
                    "cellSize": self.cell(zoom),
                    "cornerOfOrigin": "topLeft",
                    "pointOfOrigin": list(self.corner),
                    "tileWidth": PIXELS,
                    "tileHeight": PIXELS,
                    "matrixWidth": self.columns(zoom),
                    "matrixHeight": self.rows(zoom),
                }
                for zoom in range(self.first, self.last + 1)
            ],
        }


_MERCATOR = ("http://www.opengis.net/def/crs/EPSG/0/3857", "urn:ogc:def:crs:EPSG::3857")
SETS = {
    g.id: g
    for g in (
        Grid(
            "WebMercatorQuad",
            "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad",
            *_MERCATOR,
            mercator=True,
            first=0,
            last=24,
        ),
        Grid(
            "c",
            "",
            "http://www.opengis.net/def/crs/EPSG/0/4490",
            "urn:ogc:def:crs:EPSG::4490",
            mercator=False,
            first=1,
            last=18,
        ),
        Grid("w", "", *_MERCATOR, mercator=True, first=1, last=18),
    )
}
