"""The frame of a printed map: paper, scale, projection, grid. Lengths on paper are millimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place

if TYPE_CHECKING:
    import pyproj

__all__ = ["PAPERS", "Sheet", "dms", "nice_scale"]

PAPERS = {"A3": (420.0, 297.0), "A4": (297.0, 210.0)}
"""Long side, short side."""
MARGIN = 12.0
HEAD = {"A3": 26.0, "A4": 22.0}
SIDE = {"A3": 86.0, "A4": 66.0}
"""Width of the column beside a landscape map."""
FOOT = {"A3": 74.0, "A4": 66.0}
"""Height of the strip below a portrait map."""
PART = {"A3": 10.0, "A4": 7.0}
"""Least length of a part of the scale bar: the next round one is up to half as long again, and four fit the column."""
GAP = 9.0
"""Room around the neat line for coordinates."""
SCALES = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
Box = tuple[float, float, float, float]


def nice_scale(least: float) -> int:
    """The next round denominator not below.

    >>> nice_scale(9_300), nice_scale(10_000), nice_scale(41_000)
    (10000, 10000, 50000)
    """
    power = 10 ** math.floor(math.log10(max(least, 100)))
    for factor in (*SCALES, 10):
        if factor * power >= least * (1 - 1e-9):
            return round(factor * power)
    raise AssertionError("ten is always enough")


@dataclass(frozen=True)
class Sheet:
    """A map around ``centre`` (lon, lat) at 1:``scale`` on paper.

    Plane coordinates are Gauss–Krüger on CGCS2000 in the 3° zone of the centre, false easting 500 km without zone
    number.
    """

    paper: str
    landscape: bool
    centre: tuple[float, float]
    scale: int

    @classmethod
    def around(cls, box: Box, paper: str, landscape: bool, scale: int | None = None) -> Sheet:
        """The sheet that shows a box (west, south, east, north in degrees), at a given scale or the largest round one.

        Raises `InputError` for paper that is none, a place that is none, and a scale outside 1:100 … 1:20 000 000.
        """
        if paper not in PAPERS:
            raise InputError("There is no paper {name}.", place=Place(field="paper"), name=paper[:10])
        west, south, east, north = box
        if not (-180 <= west < east <= 180 and -89 <= south < north <= 89):
            raise InputError("The view is not a part of the map.", place=Place(field="view"))
        centre = ((west + east) / 2, (south + north) / 2)
        if scale is None:
            trial = cls(paper, landscape, centre, 1_000_000)
            corners = [trial.project(x, y) for x in (west, east) for y in (south, north)]
            width = max(p[0] for p in corners) - min(p[0] for p in corners)
            height = max(p[1] for p in corners) - min(p[1] for p in corners)
            _x, _y, w, h = trial.frame
            scale = nice_scale(max(width / w, height / h) * 1000)
        if not 100 <= scale <= 20_000_000:
            raise InputError("A scale of 1:{scale} cannot be printed.", place=Place(field="scale"), scale=scale)
        return cls(paper, landscape, centre, scale)

    @property
    def size(self) -> tuple[float, float]:
        long, short = PAPERS[self.paper]
        return (long, short) if self.landscape else (short, long)

    @property
    def frame(self) -> Box:
        """Left, top, width, height of the neat line."""
        width, height = self.size
        left, top = MARGIN + GAP, HEAD[self.paper] + GAP / 2
        right = SIDE[self.paper] if self.landscape else 0.0
        below = 0.0 if self.landscape else FOOT[self.paper]
        return left, top, width - left - MARGIN - GAP - right, height - top - MARGIN - GAP - below

    @property
    def meridian(self) -> int:
        """Central meridian of the 3° zone."""
        return 3 * round(self.centre[0] / 3)

    @cached_property
    def _transformer(self) -> pyproj.Transformer:
        import pyproj

        plane = f"+proj=tmerc +lon_0={self.meridian} +k=1 +x_0=500000 +a=6378137 +rf=298.257222101 +units=m +no_defs"
        return pyproj.Transformer.from_crs("EPSG:4490", plane, always_xy=True)

    def project(self, lon: Any, lat: Any) -> tuple[Any, Any]:
        """Easting and northing, m."""
        return self._transformer.transform(lon, lat)

    def unproject(self, east: Any, north: Any) -> tuple[Any, Any]:
        return self._transformer.transform(east, north, direction="INVERSE")

    @cached_property
    def extent(self) -> Box:
        """West, south, east, north of the frame in the plane, m."""
        x, y = self.project(*self.centre)
        _left, _top, w, h = self.frame
        dx, dy = w * self.scale / 2000, h * self.scale / 2000
        return x - dx, y - dy, x + dx, y + dy

    @cached_property
    def degrees(self) -> Box:
        """What of the ellipsoid the frame shows: west, south, east, north."""
        import numpy as np

        west, south, east, north = self.extent
        along = np.linspace(0, 1, 9)
        xs = np.r_[west + along * (east - west), west + along * (east - west), np.full(9, west), np.full(9, east)]
        rise = south + along * (north - south)
        ys = np.r_[np.full(9, south), np.full(9, north), rise, rise]
        lon, lat = self.unproject(xs, ys)
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())

    def on_paper(self, xy: Any) -> Any:
        """An (n, 2) array of degrees in millimetres from the frame's upper left corner."""
        import numpy as np

        east, north = self.project(xy[:, 0], xy[:, 1])
        west, _south, _east, top = self.extent
        return np.column_stack([(east - west) * 1000 / self.scale, (top - north) * 1000 / self.scale])

    @property
    def zoom(self) -> float:
        """The web zoom whose pixels (of 1/96 inch) are as large on the ground."""
        metres = self.scale * 0.0254 / 96
        return math.log2(40_075_017 * math.cos(math.radians(self.centre[1])) / 512 / metres)

    @property
    def grid_step(self) -> int:
        """Metres between grid lines: 40 to 100 mm on paper, and 1, 2 or 5 of a power of ten."""
        least = self.scale * 0.04
        power = 10 ** math.floor(math.log10(max(least, 1)))
        return int(next(f * power for f in (1, 2, 5, 10) if f * power >= least * (1 - 1e-9)))

    def grid(self) -> dict[str, list[dict[str, Any]]]:
        """Lines of the plane grid: millimetres from the frame's corner, and what is written at them (km)."""
        west, south, east, north = self.extent
        step = self.grid_step

        def lines(low: float, high: float) -> list[int]:
            first = math.ceil(low / step)
            return [n * step for n in range(first, math.floor(high / step) + 1)]

        digits = max(0, -math.floor(math.log10(step / 1000)))
        return {
            "x": [{"at": (v - west) * 1000 / self.scale, "text": f"{v / 1000:.{digits}f}"} for v in lines(west, east)],
            "y": [
                {"at": (north - v) * 1000 / self.scale, "text": f"{v / 1000:.{digits}f}"} for v in lines(south, north)
            ],
        }

    def corners(self) -> list[list[str]]:
        """Longitude and latitude of the corners: upper left, upper right, lower left, lower right."""
        west, south, east, north = self.extent
        found = []
        for x, y in ((west, north), (east, north), (west, south), (east, south)):
            lon, lat = self.unproject(x, y)
            found.append([dms(float(lon)), dms(float(lat))])
        return found

    def scale_bar(self) -> dict[str, Any]:
        """Four parts of a round length: millimetres of one, and what stands at the ends (m or km)."""
        part = nice_scale(self.scale * PART[self.paper] / 10) // 100 or 1
        unit, by = ("km", 1000) if part * 4 >= 2000 else ("m", 1)
        return {"part": part * 1000 / self.scale, "labels": [f"{part * i / by:g}" for i in range(5)], "unit": unit}


def dms(degrees: float) -> str:
    """Degrees, minutes, seconds.

    >>> dms(118.70001)
    '118°42′00″'
    """
    seconds = round(abs(degrees) * 3600)
    sign = "−" if degrees < 0 else ""
    return f"{sign}{seconds // 3600}°{seconds // 60 % 60:02d}′{seconds % 60:02d}″"
