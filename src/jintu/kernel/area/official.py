"""The area that stands in a document: the survey rule for the ellipsoidal area of a patch (图斑椭球面积).

Source: 国土调查办发〔2008〕32号, with the CGCS2000 constants and the 70 m rule of the third survey. The rule is a
recipe with rounding in the middle, so it is followed to the letter, in plain Python: each ring's vertices go from the
delivered plane to latitude and longitude by the rule's own series, rounded to a millionth of an arc-second, and the
trapezoids between the edges and the central meridian are summed.

The pseudo-code appended to the notice takes the *second* eccentricity in A … E. That is a slip of 2.3e-5: the exact
authalic integral agrees with the *first*, which stands in the constants below.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from jintu.kernel.crs import CGCS2000, XIAN80, Crs, Datum
from jintu.kernel.errors import InputError, Place, Unsupported

__all__ = ["SurveyConstants", "constants", "lonlat_arcseconds", "official_area", "trapezoid"]

RHO = 206264.8062471
"""Arc-seconds in a radian, as many digits as the rule gives."""
LONGEST_EDGE = 70.0
"""Metres; longer edges get points in between, in the delivered plane."""
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class SurveyConstants:
    """The rule's numbers for one ellipsoid."""

    b: float
    second_eccentricity_squared: float
    c: float
    k: tuple[float, float, float, float, float]
    series: tuple[float, float, float, float, float]


_CONSTANTS = {
    XIAN80.name: SurveyConstants(
        b=6356755.29,
        second_eccentricity_squared=6.73950181947292e-3,
        c=6399596.65198801,
        k=(1.57048687472752e-7, 5.05250559291393e-3, 2.98473350966158e-5, 2.41627215981336e-7, 2.22241909461273e-9),
        series=(1.003364092347734, 1.124190223994970e-3, 1.699462014491986e-6, 2.717863936e-9, 4.358431965e-12),
    ),
    CGCS2000.name: SurveyConstants(
        b=6356752.31414036,
        second_eccentricity_squared=6.73949677548e-3,
        c=6399593.62586,
        k=(1.57048761144159e-7, 5.05250178820567e-3, 2.98472900956587e-5, 2.41626669230084e-7, 2.22241238938534e-9),
        series=(1.003364089834192, 1.124189381926991e-3, 1.699459473518503e-6, 2.717857846e-9, 4.358419005e-12),
    ),
}


def constants(datum: Datum) -> SurveyConstants:
    """The survey rule's constants; the rule gives none for Beijing 1954."""
    try:
        return _CONSTANTS[datum.name]
    except KeyError:
        raise Unsupported(
            "The survey rule has no area constants for {datum}.",
            remedy="Official areas are computed on CGCS2000 or Xian 1980.",
            datum=datum.name,
        ) from None


def trapezoid(k: SurveyConstants, width: float, south: float, north: float) -> float:
    """Signed area in m² between two latitudes over a width in longitude, all in radians."""
    half, middle = (north - south) / 2, (south + north) / 2
    signed = (1, -1, 1, -1, 1)
    total = sum(
        sign * factor * math.sin(n * half) * math.cos(n * middle)
        for sign, factor, n in zip(signed, k.series, (1, 3, 5, 7, 9), strict=True)
    )
    return 2 * k.b * k.b * width * total


def lonlat_arcseconds(k: SurveyConstants, meridian: float, east: float, north: float) -> tuple[float, float]:
    """Inverse Gauss projection by the rule's series: longitude and latitude in arc-seconds, six decimals.

    ``meridian`` in degrees, ``north`` in metres, ``east`` in metres from the central meridian.
    """
    e = k.k[0] * north
    s = math.sin(e)
    bf = e + math.cos(e) * (k.k[1] * s - k.k[2] * s**3 + k.k[3] * s**5 - k.k[4] * s**7)
    t, cos = math.tan(bf), math.cos(bf)
    eta = k.second_eccentricity_squared * cos * cos
    v2 = 1 + eta
    u = east * math.sqrt(v2) / k.c
    latitude = (
        bf
        - v2 * t * u**2 / 2
        + (5 + 3 * t**2 + eta - 9 * eta * t**2) * v2 * t * u**4 / 24
        - (61 + 90 * t**2 + 45 * t**4) * v2 * t * u**6 / 720
    )
    longitude = (
        u - (1 + 2 * t**2 + eta) * u**3 / 6 + (5 + 28 * t**2 + 24 * t**4 + 6 * eta + 8 * eta * t**2) * u**5 / 120
    ) / cos
    return round(meridian * 3600 + longitude * RHO, 6), round(latitude * RHO, 6)


def official_area(shape: Any, crs: Crs) -> Decimal:
    """Area in m², two decimals, of a polygon delivered in a Gauss–Krüger zone.

    ``shape`` is a Shapely polygon or multipolygon, or a list of closed rings of (east, north) pairs in metres, the
    first the shell and the others its holes; the orientation does not matter. Raises `InputError` for coordinates in
    degrees and for rings that are not closed, `Unsupported` on a datum the rule has no constants for.
    """
    if crs.zone is None:
        raise InputError(
            "The official area is computed from plane coordinates, not from {crs}.",
            remedy="Use the delivered coordinates in their Gauss-Krüger zone.",
            crs=crs.code,
        )
    k = constants(crs.datum)
    meridian, origin = float(crs.zone.central_meridian), crs.zone.false_easting
    total = 0.0
    for polygon in _polygons(shape):
        for number, ring in enumerate(polygon):
            area = abs(_ring(k, meridian, origin, ring, number + 1))
            total += area if number == 0 else -area
    return Decimal(repr(total)).quantize(CENT, rounding=ROUND_HALF_UP)


def _polygons(shape: Any) -> Iterable[list[Sequence[Sequence[float]]]]:
    if not hasattr(shape, "geom_type"):
        yield list(shape)
        return
    parts = getattr(shape, "geoms", [shape])
    for part in parts:
        if part.geom_type != "Polygon":
            raise Unsupported("The geometry is not a polygon.", remedy="Give polygons or multipolygons only.")
        if not part.is_empty:
            yield [list(ring.coords) for ring in (part.exterior, *part.interiors)]


def _ring(k: SurveyConstants, meridian: float, origin: float, ring: Sequence[Sequence[float]], number: int) -> float:
    if len(ring) < 4 or tuple(ring[0][:2]) != tuple(ring[-1][:2]):
        raise InputError(
            "The ring does not end where it begins.",
            place=Place(ring=number),
            remedy="Repeat the first vertex as the last.",
        )
    points = [lonlat_arcseconds(k, meridian, east - origin, north) for east, north in _with_points_between(ring)]
    total = 0.0
    for (lon1, lat1), (lon2, lat2) in zip(points, points[1:] + points[:1], strict=True):
        width = (lon1 + lon2) / 2 - meridian * 3600
        total += trapezoid(k, width / RHO, lat1 / RHO, lat2 / RHO)
    return total


def _with_points_between(ring: Sequence[Sequence[float]]) -> Iterable[tuple[float, float]]:
    """The ring's vertices without the closing one, and int(length / 70 m) equally spaced points on long edges.

    An edge is walked from its lower end, so that two patches that share it get the same points.
    """
    for (x1, y1, *_), (x2, y2, *_) in itertools.pairwise(ring):
        yield x1, y1
        extra = int(math.hypot(x2 - x1, y2 - y1) / LONGEST_EDGE)
        if not extra:
            continue
        forward = (x1, y1) <= (x2, y2)
        (ax, ay), (bx, by) = ((x1, y1), (x2, y2)) if forward else ((x2, y2), (x1, y1))
        between = [
            (round(ax + (bx - ax) * i / (extra + 1), 6), round(ay + (by - ay) * i / (extra + 1), 6))
            for i in range(1, extra + 1)
        ]
        yield from between if forward else reversed(between)
