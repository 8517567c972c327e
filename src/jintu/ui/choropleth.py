"""A small map of divisions coloured by a figure, as SVG paths: no script, no tiles, printable.

Polygons come as GeoJSON mappings in degrees. At the size of a card a county needs no projection beyond shrinking the
degrees of longitude by the cosine of its middle latitude.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Area", "Shape", "choropleth"]

WIDTH = 360.0
STEPS = 5
"""Shades, from none to most."""
EDGE = 20.0
"""A name's middle stays this far from the sides of the canvas."""


@dataclass(frozen=True)
class Area:
    """A division with its outline, the figure it is coloured by and where a click leads."""

    name: str
    geometry: Mapping[str, Any]
    value: float
    url: str = ""


@dataclass(frozen=True)
class Shape:
    """What the template draws. ``shade`` 0 to 4; ``x`` and ``y`` are where the name stands."""

    name: str
    value: float
    url: str
    path: str
    shade: int
    x: float
    y: float


def choropleth(areas: Iterable[Area], width: float = WIDTH) -> tuple[list[Shape], float]:
    """(shapes, height) on a canvas ``width`` wide; nothing for nothing.

    Shades are equal steps from 0 to the largest figure, so that twice as many looks twice as dark; 0 has none.

    >>> square = {"type": "Polygon", "coordinates": [[[118, 36], [119, 36], [119, 37], [118, 37], [118, 36]]]}
    >>> empty = {"type": "Polygon", "coordinates": []}
    >>> shapes, height = choropleth([Area("甲", square, 12), Area("乙", empty, 3)], 100)
    >>> [(s.name, s.shade, s.path, round(height)) for s in shapes]
    [('甲', 4, 'M2 121.4L98 121.4L98 2L2 2Z', 123)]
    >>> choropleth([])
    ([], 0.0)
    """
    drawn = [(area, rings) for area in areas if (rings := _rings(area.geometry))]
    if not drawn:
        return [], 0.0
    points = [p for _area, rings in drawn for ring in rings for p in ring]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    squeeze = math.cos(math.radians((south + north) / 2))
    margin = 2.0
    scale = (width - 2 * margin) / max((east - west) * squeeze, 1e-9)

    def place(p: Any) -> tuple[float, float]:
        return round(margin + (p[0] - west) * squeeze * scale, 1), round(margin + (north - p[1]) * scale, 1)

    most = max((area.value for area, _rings in drawn), default=0.0)
    shapes = []
    for area, rings in drawn:
        path, largest, best = [], 0.0, (0.0, 0.0)
        for ring in rings:
            spots = _thinned([place(p) for p in ring])
            size, middle = _middle(spots)
            if size > largest:
                largest, best = size, middle
            path.append("M" + "L".join(f"{x:g} {y:g}" for x, y in spots) + "Z")
        shade = 0 if area.value <= 0 or most <= 0 else min(STEPS - 1, 1 + int(area.value / most * (STEPS - 1.001)))
        x = min(max(best[0], EDGE), width - EDGE)
        shapes.append(Shape(area.name, area.value, area.url, "".join(path), shade, x, best[1]))
    return shapes, round((north - south) * scale + 2 * margin, 1)


def _rings(geometry: Mapping[str, Any]) -> list[list[Any]]:
    """Shells and holes without the closing position."""
    kind, coordinates = geometry.get("type"), geometry.get("coordinates") or []
    polygons = [coordinates] if kind == "Polygon" else coordinates if kind == "MultiPolygon" else []
    return [list(ring[:-1]) for polygon in polygons for ring in polygon if len(ring) > 3]


def _thinned(spots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without positions closer than a pixel and a half to the one before: nobody would see them."""
    kept = spots[:1]
    for spot in spots[1:]:
        if math.dist(spot, kept[-1]) >= 1.5:
            kept.append(spot)
    return kept if len(kept) > 2 else spots


def _middle(spots: list[tuple[float, float]]) -> tuple[float, tuple[float, float]]:
    """(area, centroid) of a ring on the canvas."""
    double, x, y = 0.0, 0.0, 0.0
    for (x0, y0), (x1, y1) in zip(spots, [*spots[1:], spots[0]], strict=True):
        cross = x0 * y1 - x1 * y0
        double += cross
        x += (x0 + x1) * cross
        y += (y0 + y1) * cross
    if not double:
        return 0.0, spots[0]
    return abs(double) / 2, (round(x / (3 * double), 1), round(y / (3 * double), 1))
