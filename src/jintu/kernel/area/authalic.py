"""The authalic area function, for compiled kernels.

Let Q(B) be the area in m², per degree of longitude, between the equator and latitude B on the CGCS2000 ellipsoid. The
area west to east under an edge y(x) is then ∫ Q(y(x)) dx, and a ring's area the signed sum over its edges. Near a
latitude B₀ a polynomial of degree four stands in for Q:

    Q(B₀ + h) − Q(B₀) ≈ c₁h + c₂h² + c₃h³ + c₄h⁴        (h in degrees)

because edges are straight, each edge's integral is then a closed expression of its two end heights. The term left out
is about h⁴/120 of the leading one with h in radians: 3e-12 of the area a quarter of a degree from B₀. Taller shapes are
integrated with Q itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jintu.kernel.compiled import compiled
from jintu.kernel.flat import Floats, Rings

__all__ = ["TALL", "Series", "area", "areas", "authalic", "mean_height", "moved", "series"]

Series = tuple[float, float, float, float]
"""c₁/2, c₂/3, c₃/4 and c₄/5: the coefficients as `mean_height` wants them, so that it need not divide."""

A = 6378137.0
E2 = (2 - 1 / 298.257222101) / 298.257222101
E = math.sqrt(E2)
RADIANS = math.pi / 180

TALL = 0.5
"""Degrees of latitude up to which the series, about the middle, stands in for the exact function."""

LOW = 0.02
"""Degrees of latitude from the first vertex up to which the series need not be about the middle: error 2e-16."""

GAUSS_NODES = np.array([-0.906179845938664, -0.5384693101056831, 0.0, 0.5384693101056831, 0.906179845938664])
GAUSS_WEIGHTS = np.array(
    [0.23692688505618928, 0.4786286704993663, 0.5688888888888887, 0.4786286704993663, 0.23692688505618928]
)
"""Five points of Gauss and Legendre (``numpy.polynomial.legendre.leggauss``, which takes longer to import)."""


@compiled
def authalic(latitude: float) -> float:
    """Q: m² per degree of longitude between the equator and ``latitude`` (degrees)."""
    s = math.sin(latitude * RADIANS)
    return RADIANS * A * A * (1 - E2) / 2 * (s / (1 - E2 * s * s) + math.atanh(E * s) / E)


@compiled
def series(latitude: float, planar: bool) -> Series:
    """The series of Q about ``latitude`` (degrees); 1/2, 0, 0, 0 in the plane, where height is height."""
    if planar:
        return 0.5, 0.0, 0.0, 0.0
    s, c = math.sin(latitude * RADIANS), math.cos(latitude * RADIANS)
    v = 1 / (1 - E2 * s * s)
    k = A * A * (1 - E2) * RADIANS
    first = c * v * v
    second = (-s + 4 * E2 * s * c * c * v) * v * v
    third = c * v * v * (-1 + 4 * E2 * v * (c * c - 3 * s * s + 6 * E2 * s * s * c * c * v))
    fourth = s * (1 + E2 / 2) - 13.5 * E2 * s * (3 - 4 * s * s)  # sin 3B; to first order in e²: enough here
    return (
        k * first * RADIANS / 2,
        k * second * RADIANS**2 / 6,
        k * third * RADIANS**3 / 24,
        k * fourth * RADIANS**4 / 120,
    )


@compiled
def moved(c: Series, up: float) -> Series:
    """The same polynomial about a latitude ``up`` degrees to the north: a tenth of the work of `series`.

    The terms that the degree leaves out move too: where ``up`` is small beside the heights, the error is that of the
    series.
    """
    return (
        c[0] + up * (3 * c[1] + up * (6 * c[2] + up * 10 * c[3])),
        c[1] + up * (4 * c[2] + up * 10 * c[3]),
        c[2] + up * 5 * c[3],
        c[3],
    )


@compiled
def mean_height(u: float, v: float, c: Series) -> float:
    """Mean of c₁h + … + c₄h⁴ over a straight edge from height u to height v: its integral is dx times this."""
    s, p = u + v, u * v
    q = s * s - p
    return s * (c[0] + c[2] * (q - p)) + q * c[1] + c[3] * (q * q - s * s * p)


@compiled
def _mean_exact(south: float, north: float, base: float) -> float:
    """Mean of Q − ``base`` over a straight edge between two latitudes, in pieces of at most two degrees."""
    pieces = int(abs(north - south) / 2) + 1
    step = (north - south) / pieces
    total = 0.0
    for k in range(pieces):
        middle = south + (k + 0.5) * step
        for node in range(5):
            total += 0.5 * GAUSS_WEIGHTS[node] * (authalic(middle + 0.5 * step * GAUSS_NODES[node]) - base)
    return total / pieces


@compiled
def area(rings: Any, g: int, planar: bool) -> float:
    """Ellipsoidal area of geometry g in m², or planar in squared units of the coordinates.

    ``rings`` are oriented, as `Polygons` has them: anything with ``x``, ``y``, ``ends`` and ``starts``.
    """
    return _planar(rings, g) if planar else _ellipsoidal(rings, g)


@compiled
def _ellipsoidal(rings: Any, g: int) -> float:
    """About the latitude of the first vertex, in one pass; what proves high is summed again about its middle."""
    first = rings.ends[rings.starts[g]]
    if first == rings.ends[rings.starts[g + 1]]:
        return 0.0
    base = rings.y[first]
    total, low, high = _about(rings, g, base)
    if max(high, -low) > LOW:
        middle = base + 0.5 * (low + high)
        total = _about(rings, g, middle)[0] if high - low <= TALL else _tall(rings, g, middle)
    return max(total, 0.0)


@compiled
def _about(rings: Any, g: int, base: float) -> tuple[float, float, float]:
    """Area by the series about a latitude, and from where to where the heights above it reach."""
    x, y = rings.x, rings.y
    c = series(base, False)
    low = high = total = 0.0
    for r in range(rings.starts[g], rings.starts[g + 1]):
        begin = rings.ends[r]
        west, south = x[begin], y[begin] - base
        for k in range(begin, rings.ends[r + 1]):
            east, north = x[k], y[k] - base
            total -= (east - west) * mean_height(south, north, c)
            west, south = east, north
            low, high = min(low, north), max(high, north)
    return total, low, high


@compiled
def _tall(rings: Any, g: int, middle: float) -> float:
    x, y = rings.x, rings.y
    base, total = authalic(middle), 0.0
    for r in range(rings.starts[g], rings.starts[g + 1]):
        for k in range(rings.ends[r], rings.ends[r + 1] - 1):
            total -= (x[k + 1] - x[k]) * _mean_exact(y[k], y[k + 1], base)
    return total


@compiled
def _planar(rings: Any, g: int) -> float:
    x, y = rings.x, rings.y
    total = 0.0
    for r in range(rings.starts[g], rings.starts[g + 1]):
        x0, y0 = x[rings.ends[r]], y[rings.ends[r]]
        for k in range(rings.ends[r], rings.ends[r + 1] - 1):
            total += (x[k] - x0) * (y[k + 1] - y0) - (x[k + 1] - x0) * (y[k] - y0)
    return max(total / 2, 0.0)


@compiled
def areas(rings: Rings, first: int, last: int, planar: bool, out: Floats) -> None:
    """Areas of geometries first … last into ``out``."""
    for g in range(first, last):
        out[g] = area(rings, g, planar)
