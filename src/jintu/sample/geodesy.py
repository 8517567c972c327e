"""Where the sample county lies, and areas by construction.

The county is computed in the plane of one 3° Gauss–Krüger zone of CGCS2000 (zone 40, EPSG:4528, easting prefixed with
the zone number) and turned into lon/lat once. Areas here are worked out independently of `jintu.kernel.area`, so that
what the generator says about an area is a second opinion and not an echo.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

__all__ = ["CRS", "EAST", "NORTH", "quad_areas", "ring_area", "ring_areas", "to_lonlat", "to_plane"]

CRS = "EPSG:4528"
"""CGCS2000 / 3-degree Gauss-Kruger zone 40, central meridian 120° E, false easting 40 500 000 m."""

EAST, NORTH = 40_378_000.0, 4_008_000.0
"""South-west corner of the county's frame (about 118.64° E, 36.19° N); the county grows from here to north-east."""

_B = 6356752.31414035585
_E2 = 2 / 298.257222101 - 1 / 298.257222101**2
_E = _E2**0.5


@functools.cache
def _transformer(inverse: bool) -> Any:
    from pyproj import Transformer

    source, target = ("EPSG:4490", CRS) if inverse else (CRS, "EPSG:4490")
    return Transformer.from_crs(source, target, always_xy=True)


def to_lonlat(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Easting and northing in metres (`CRS`) to longitude and latitude in degrees (EPSG:4490)."""
    return _transformer(False).transform(x, y)


def to_plane(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude in degrees (EPSG:4490) to easting and northing in metres (`CRS`)."""
    return _transformer(True).transform(lon, lat)


def _zone(latitude: np.ndarray) -> np.ndarray:
    """Area in m² between the equator and a latitude (radians), per radian of longitude: the authalic integral."""
    s = _E * np.sin(latitude)
    return _B * _B / 2 * (np.sin(latitude) / (1 - s * s) + np.arctanh(s) / _E)


_REFERENCE = np.radians(36.4)
_REFERENCE_ZONE = float(_zone(_REFERENCE))


def _trapezoids(lon1: np.ndarray, lat1: np.ndarray, lon2: np.ndarray, lat2: np.ndarray) -> np.ndarray:
    """Signed area west-to-east under edges straight in lon/lat (degrees), m² above a reference parallel (Simpson)."""
    a, b = np.radians(lat1), np.radians(lat2)
    mean = (_zone(a) + 4 * _zone((a + b) / 2) + _zone(b)) / 6 - _REFERENCE_ZONE
    return np.radians(lon2 - lon1) * mean


def ring_areas(lon: np.ndarray, lat: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Signed ellipsoidal areas (m², counter-clockwise positive) of closed rings laid end to end in flat arrays."""
    if not len(starts):
        return np.zeros(0)
    edge = np.zeros(len(lon))
    edge[:-1] = _trapezoids(lon[:-1], lat[:-1], lon[1:], lat[1:])
    edge[np.asarray(starts[1:], dtype=np.int64) - 1] = 0.0
    return -np.add.reduceat(edge, starts)


def ring_area(lon: np.ndarray, lat: np.ndarray) -> float:
    """Ellipsoidal area (m², never negative) of one closed ring."""
    return abs(float(ring_areas(np.asarray(lon), np.asarray(lat), np.zeros(1, dtype=np.int64))[0]))


def quad_areas(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Ellipsoidal areas (m²) of the cells of a grid of vertices: ``(h+1, w+1)`` degrees in, ``(h, w)`` out.

    A patch made of cells has exactly the sum of their areas, because inner edges cancel.
    """
    south_north = _trapezoids(lon[:, :-1], lat[:, :-1], lon[:, 1:], lat[:, 1:])
    west_east = _trapezoids(lon[:-1], lat[:-1], lon[1:], lat[1:])
    return south_north[1:] - south_north[:-1] - west_east[:, 1:] + west_east[:, :-1]
