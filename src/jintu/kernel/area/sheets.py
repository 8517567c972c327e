"""Map sheets of GB/T 13989-2012: numbers, bounds, neighbours, sheets of an extent, theoretical areas (图幅理论面积).

All edges are whole tenths of an arc-second, so sheets are found and joined in integers: no edge is ever missed.

>>> sheet_number(114.5612, 36.0555, 10_000)
'J50G095009'
>>> neighbours("J50G001096")["NE"], scale_of("J50G001096")
('K51G096001', 10000)
>>> sheet_bounds("J50G095009")
(114.5, 36.041666666666664, 114.5625, 36.083333333333336)
>>> sheet_area("J50G003040")
Decimal('24728895.82')
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal

from jintu.kernel.area.official import CENT, constants, trapezoid
from jintu.kernel.crs import CGCS2000, Datum
from jintu.kernel.errors import InputError, Unsupported

__all__ = [
    "SCALES",
    "Tenths",
    "neighbours",
    "parent",
    "scale_of",
    "sheet_area",
    "sheet_at",
    "sheet_bounds",
    "sheet_number",
    "sheet_tenths",
    "sheets_in",
]

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

_BY_LETTER = {letter: (scale, n) for scale, (letter, n) in SCALES.items()}
_TALL, _WIDE = 4 * 36_000, 6 * 36_000
"""A 1:1 000 000 sheet in tenths of an arc-second: the sizes of all sheets are whole numbers of these."""
_NORTH, _EAST = 60 * 36_000, 180 * 36_000
MOST = 1_000_000
"""Sheets an extent may be asked for at once."""
_ASIDE = {"N": (0, 1), "NE": (1, 1), "E": (1, 0), "SE": (1, -1), "S": (0, -1), "SW": (-1, -1), "W": (-1, 0)} | {
    "NW": (-1, 1)
}

Tenths = tuple[int, int, int, int]
"""West, south, east, north in tenths of an arc-second."""


def _series(scale: int) -> tuple[str, int]:
    try:
        return SCALES[scale]
    except KeyError:
        raise InputError(
            "There is no sheet series 1:{scale}.", remedy="Scales run from 1:1 000 000 to 1:2 000.", scale=scale
        ) from None


def sheet_number(longitude: float, latitude: float, scale: int) -> str:
    """Number of the sheet that holds a point; on an edge, the sheet to the north or east.

    Degrees on the datum the sheets are drawn on. Raises `InputError` outside 0–60° N (beyond, sheets are merged) and
    for a scale that is not of the series.
    """
    _series(scale)
    if not (0 <= latitude < 60 and -180 <= longitude < 180):
        raise InputError(
            "{longitude}, {latitude} lies outside the sheet series.",
            remedy="Give longitude and latitude in degrees, latitude from 0 to 60.",
            longitude=longitude,
            latitude=latitude,
        )
    # a millionth of a second is finer than any coordinate and swallows the float error of a point on an edge
    east, north = (math.floor(round(v * 36_000, 5)) for v in (longitude, latitude))
    return sheet_at(min(east, _EAST - 1), min(north, _NORTH - 1), scale)


def sheet_at(east: int, north: int, scale: int) -> str:
    """The same for a point in tenths of an arc-second. Raises `InputError` outside the series."""
    letter, n = _series(scale)
    if not (0 <= north < _NORTH and -_EAST <= east < _EAST):
        raise InputError("{east}, {north} lies outside the sheet series.", east=east, north=north)
    band, column = north // _TALL, east // _WIDE + 31
    name = f"{chr(ord('A') + band)}{column:02d}"
    if not letter:
        return name
    row = n - north % _TALL * n // _TALL
    return f"{name}{letter}{row:03d}{east % _WIDE * n // _WIDE + 1:03d}"


def _parsed(number: str) -> tuple[int, int, int, int]:
    """West, south (tenths of a second), rows of the series, scale."""
    match = re.fullmatch(r"([A-O])(\d{2})(?:([B-I])(\d{3})(\d{3}))?", number.strip().upper())
    if match and 1 <= int(match[2]) <= 60:
        scale, n = _BY_LETTER[match[3] or ""]
        row, column = (int(match[4]), int(match[5])) if match[3] else (1, 1)
        if 1 <= row <= n and 1 <= column <= n:
            south = (ord(match[1]) - ord("A")) * _TALL + (n - row) * (_TALL // n)
            west = (int(match[2]) - 31) * _WIDE + (column - 1) * (_WIDE // n)
            return west, south, n, scale
    raise InputError("{number} is not a sheet number.", remedy="Write it as in GB/T 13989: J50G002040.", number=number)


def sheet_tenths(number: str) -> Tenths:
    """West, south, east, north of a sheet in tenths of an arc-second. Raises `InputError` for what is no number."""
    west, south, n, _ = _parsed(number)
    return west, south, west + _WIDE // n, south + _TALL // n


def sheet_bounds(number: str) -> tuple[float, float, float, float]:
    """West, south, east, north of a sheet in degrees. Raises `InputError` for what is no sheet number."""
    west, south, east, north = (v / 36_000 for v in sheet_tenths(number))
    return west, south, east, north


def scale_of(number: str) -> int:
    """Denominator of the sheet's scale. Raises `InputError`."""
    return _parsed(number)[3]


def parent(number: str, scale: int) -> str:
    """The sheet of a smaller scale that holds this one. Raises `InputError` when that scale is larger."""
    west, south, _, own = _parsed(number)
    if scale < own:
        raise InputError("A sheet 1:{own} has no parent at 1:{scale}.", own=own, scale=scale)
    return sheet_at(west, south, scale)


def neighbours(number: str) -> dict[str, str | None]:
    """Numbers of the eight sheets around one, by compass point; None beyond 0–60° N. The series closes at 180°."""
    west, south, n, scale = _parsed(number)
    wide, tall = _WIDE // n, _TALL // n
    found: dict[str, str | None] = {}
    for point, (dx, dy) in _ASIDE.items():
        east = (west + dx * wide + _EAST) % (2 * _EAST) - _EAST
        north = south + dy * tall
        found[point] = sheet_at(east, north, scale) if 0 <= north < _NORTH else None
    return found


def sheets_in(bbox: tuple[float, float, float, float], scale: int) -> list[str]:
    """Sheets that share ground with a box (west, south, east, north in degrees), by rows from the north-west.

    A box that only touches an edge has no part of the sheet beyond it. Raises `InputError` for a box outside the series
    or with more than a million sheets.
    """
    _, n = _series(scale)
    wide, tall = _WIDE // n, _TALL // n
    west, south = (math.floor(round(v * 36_000, 5)) for v in bbox[:2])
    east, north = (math.ceil(round(v * 36_000, 5)) for v in bbox[2:])
    if not (-_EAST <= west < east <= _EAST and 0 <= south < north <= _NORTH):
        raise InputError(
            "The extent {bbox} lies outside the sheet series.",
            remedy="Give west, south, east, north in degrees, latitude from 0 to 60.",
            bbox=", ".join(f"{v:g}" for v in bbox),
        )
    columns = range(west // wide, -(-east // wide))
    rows = range(-(-north // tall) - 1, south // tall - 1, -1)
    if len(rows) * len(columns) > MOST:
        raise InputError(
            "The extent has {count} sheets of 1:{scale}.",
            remedy="Choose a smaller extent or scale.",
            count=len(rows) * len(columns),
            scale=scale,
        )
    return [sheet_at(x * wide, y * tall, scale) for y in rows for x in columns]


def sheet_area(number: str, datum: Datum = CGCS2000) -> Decimal:
    """Theoretical area of a sheet in m², two decimals, by the trapezoid series of the survey rule."""
    if datum.families is None:
        raise Unsupported("Map sheets are not drawn on {datum}.", datum=datum.name)
    west, south, east, north = (math.radians(v / 36_000) for v in sheet_tenths(number))
    area = trapezoid(constants(datum), east - west, south, north)
    return Decimal(repr(area)).quantize(CENT, rounding=ROUND_HALF_UP)
