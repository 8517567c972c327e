"""Map sheets of GB/T 13989-2012: numbers, bounds and theoretical areas (图幅理论面积).

>>> sheet_number(114.5612, 36.0555, 10_000)
'J50G095009'
>>> sheet_bounds("J50G095009")
(114.5, 36.041666666666664, 114.5625, 36.083333333333336)
>>> sheet_area("J50G003040")
Decimal('24728895.82')
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from jintu.kernel.area.official import CENT, constants, trapezoid
from jintu.kernel.crs import CGCS2000, Datum
from jintu.kernel.errors import InputError, Unsupported

__all__ = ["SCALES", "sheet_area", "sheet_bounds", "sheet_number"]

SCALES = {
    1_000_000: ("", 1),
    500_000: ("B", 2),
    250_000: ("C", 4),
    100_000: ("D", 12),
    50_000: ("E", 24),
    25_000: ("F", 48),
    10_000: ("G", 96),
    5_000: ("H", 192),
    2_000: ("I", 576),
}
"""Denominator → (letter, rows and columns in one 1:1 000 000 sheet)."""

_PER_LETTER = {letter: n for letter, n in SCALES.values() if letter}
_TALL, _WIDE = 4 * 36_000, 6 * 36_000
"""A 1:1 000 000 sheet in tenths of an arc-second: sheet sizes are whole numbers of these, so no edge is ever missed."""


def sheet_number(longitude: float, latitude: float, scale: int) -> str:
    """Number of the sheet that holds a point; on an edge, the sheet to the north or east.

    Degrees on the datum the sheets are drawn on. Raises `InputError` outside 0–60° N (beyond, sheets are merged) and
    for a scale that is not of the series.
    """
    if scale not in SCALES:
        raise InputError(
            "There is no sheet series 1:{scale}.", remedy="Scales run from 1:1 000 000 to 1:2 000.", scale=scale
        )
    if not (0 <= latitude < 60 and -180 <= longitude < 180):
        raise InputError(
            "{longitude}, {latitude} lies outside the sheet series.",
            remedy="Give longitude and latitude in degrees, latitude from 0 to 60.",
            longitude=longitude,
            latitude=latitude,
        )
    letter, n = SCALES[scale]
    # a millionth of a second is finer than any coordinate and swallows the float error of a point on an edge
    east, north = (math.floor(round(v * 36_000, 5)) for v in (longitude, latitude))
    band, column = north // _TALL, east // _WIDE + 31
    name = f"{chr(ord('A') + band)}{column:02d}"
    if not letter:
        return name
    row = n - north % _TALL * n // _TALL
    return f"{name}{letter}{row:03d}{east % _WIDE * n // _WIDE + 1:03d}"


def sheet_bounds(number: str) -> tuple[float, float, float, float]:
    """West, south, east, north of a sheet in degrees. Raises `InputError` for what is no sheet number."""
    west, south, east, north = _bounds(number)
    return float(west), float(south), float(east), float(north)


def _bounds(number: str) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    match = re.fullmatch(r"([A-O])(\d{2})(?:([B-I])(\d{3})(\d{3}))?", number.strip().upper())
    if match and 1 <= int(match[2]) <= 60:
        n = _PER_LETTER[match[3]] if match[3] else 1
        row, column = (int(match[4]), int(match[5])) if match[3] else (1, 1)
        if 1 <= row <= n and 1 <= column <= n:
            south = (ord(match[1]) - ord("A")) * 4 + Fraction(4 * (n - row), n)
            west = (int(match[2]) - 31) * 6 + Fraction(6 * (column - 1), n)
            return west, south, west + Fraction(6, n), south + Fraction(4, n)
    raise InputError("{number} is not a sheet number.", remedy="Write it as in GB/T 13989: J50G002040.", number=number)


def sheet_area(number: str, datum: Datum = CGCS2000) -> Decimal:
    """Theoretical area of a sheet in m², two decimals, by the trapezoid series of the survey rule."""
    if datum.families is None:
        raise Unsupported("Map sheets are not drawn on {datum}.", datum=datum.name)
    west, south, east, north = (math.radians(v) for v in _bounds(number))
    area = trapezoid(constants(datum), east - west, south, north)
    return Decimal(repr(area)).quantize(CENT, rounding=ROUND_HALF_UP)
