"""Coordinate reference systems of the Chinese surveys: zones, prefixes, central meridians, EPSG codes.

Everything follows from a datum, a zone width and a zone number; the EPSG code is arithmetic (and a test checks all of
them against PROJ). What is not known is refused: a zone is never guessed from an extent, axes are never swapped, and a
datum is never changed, because the transformation parameters are not public.

Axes: Chinese survey papers write X for northing and Y for easting, and the EPSG definitions agree; files (shapefile,
GeoPackage, GeoJSON, GeoParquet) store easting first. **In this program x is always east (or longitude) and y always
north (or latitude)**; only readers of survey text files swap, on the word of the format's specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

from jintu.kernel.errors import InputError, Place, Unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = [
    "BEIJING54",
    "CGCS2000",
    "WGS84",
    "WORKING",
    "XIAN80",
    "Crs",
    "Datum",
    "Zone",
    "detect_zone",
    "from_epsg",
    "from_header",
    "known_epsg_codes",
    "parse",
    "to_lonlat",
]


@dataclass(frozen=True, slots=True)
class Datum:
    """A datum with its ellipsoid and the first EPSG codes of its four families of zones.

    The families: six-degree zones with prefix, six-degree by central meridian, three-degree zones with prefix,
    three-degree by central meridian.
    """

    name: str
    chinese: str
    epsg: int
    semi_major: float
    inverse_flattening: float
    families: tuple[int, int, int, int] | None = None
    spellings: tuple[str, ...] = ()

    @property
    def eccentricity_squared(self) -> float:
        f = 1 / self.inverse_flattening
        return f * (2 - f)


BEIJING54 = Datum(
    "Beijing 1954",
    "1954年北京坐标系",
    4214,
    6378245.0,
    298.3,
    (21413, 21453, 2401, 2422),
    ("beijing54", "beijing1954", "1954北京坐标系", "北京54", "北京1954", "bj54", "dbeijing1954", "gcsbeijing1954"),
)
XIAN80 = Datum(
    "Xian 1980",
    "1980西安坐标系",
    4610,
    6378140.0,
    298.257,
    (2327, 2338, 2349, 2370),
    ("xian80", "xian1980", "西安80", "西安1980", "1980年西安坐标系", "80西安坐标系", "dxian1980", "gcsxian1980"),
)
CGCS2000 = Datum(
    "CGCS2000",
    "2000国家大地坐标系",
    4490,
    6378137.0,
    298.257222101,
    (4491, 4502, 4513, 4534),
    (
        "cgcs2000",
        "chinageodeticcoordinatesystem2000",
        "china2000",
        "dchina2000",
        "gcschinageodeticcoordinatesystem2000",
        "国家2000",
        "国家大地2000",
        "cgcs2000国家大地坐标系",
        "2000坐标系",
        "2000国家大地坐标系统",
        "大地2000",
    ),
)
WGS84 = Datum("WGS 84", "WGS 84", 4326, 6378137.0, 298.257223563, None, ("wgs84", "wgs1984", "dwgs1984"))

DATUMS = (BEIJING54, XIAN80, CGCS2000, WGS84)
ZONES = {3: range(25, 46), 6: range(13, 24)}
"""Zone numbers that lie over the mainland: 3° zones 25–45 (75°–135° E), 6° zones 13–23."""

_NO_DATUM_CHANGE = (
    "Coordinates on {datum} cannot be turned into CGCS2000: the transformation parameters are not public."
)
_GIVE_CGCS2000 = "Have the surveying authority transform the data to CGCS2000, and deliver that."


@dataclass(frozen=True, slots=True)
class Zone:
    """A Gauss–Krüger zone: width 3 or 6 degrees, its number, and whether eastings carry the number as prefix."""

    width: int
    number: int
    prefixed: bool

    def __post_init__(self) -> None:
        if self.width not in ZONES:
            raise InputError(
                "A zone is 3 or 6 degrees wide, not {width}.", remedy="Correct the zone width.", width=self.width
            )
        if self.number not in ZONES[self.width]:
            raise InputError(
                "There is no {width}-degree zone {number}.",
                remedy="Three-degree zones are 25 to 45, six-degree zones 13 to 23.",
                width=self.width,
                number=self.number,
            )

    @property
    def central_meridian(self) -> int:
        """Degrees east."""
        return 3 * self.number if self.width == 3 else 6 * self.number - 3

    @property
    def false_easting(self) -> float:
        """Metres: 500 000, behind the zone number when eastings are prefixed."""
        return 500_000.0 + (1_000_000.0 * self.number if self.prefixed else 0.0)

    @classmethod
    def by_meridian(cls, meridian: float, width: int = 3, *, prefixed: bool = False) -> Zone:
        """The zone of a central meridian in degrees; refuses one that is no zone's."""
        number = meridian / 3 if width == 3 else (meridian + 3) / 6
        if number != int(number):
            raise InputError(
                "No {width}-degree zone has the central meridian {meridian}.",
                remedy="A local grid is not supported: deliver the data in a standard zone.",
                width=width,
                meridian=meridian,
            )
        return cls(width, int(number), prefixed)


@dataclass(frozen=True, slots=True)
class Crs:
    """A datum, and the zone when coordinates are plane (None: longitude and latitude in degrees)."""

    datum: Datum
    zone: Zone | None = None

    @property
    def is_plane(self) -> bool:
        return self.zone is not None

    @property
    def epsg(self) -> int:
        """The EPSG code, by formula."""
        if self.zone is None:
            return self.datum.epsg
        if self.datum.families is None:
            raise Unsupported("{datum} has no Gauss-Krüger zones.", datum=self.datum.name)
        index = 2 * (self.zone.width == 3) + (not self.zone.prefixed)
        return self.datum.families[index] + self.zone.number - ZONES[self.zone.width].start

    @property
    def code(self) -> str:
        return f"EPSG:{self.epsg}"

    @property
    def name(self) -> str:
        if self.zone is None:
            return self.datum.name
        kind = f"zone {self.zone.number}" if self.zone.prefixed else f"CM {self.zone.central_meridian}E"
        return f"{self.datum.name} / {self.zone.width}-degree Gauss-Kruger {kind}"

    def __str__(self) -> str:
        return f"{self.code} ({self.name})"

    def check(self, x: NDArray[np.float64], y: NDArray[np.float64], place: Place | None = None) -> None:
        """Refuse coordinates that cannot be of this CRS: out of range, axes swapped, another zone's prefix.

        ``x`` is east and ``y`` north, any shape. Coordinates are tested against the possible, not against a county.
        """
        if not len(x):
            return
        west, east, south, north = (float(v) for v in (x.min(), x.max(), y.min(), y.max()))
        if not all(abs(v) < 1e9 for v in (west, east, south, north)):
            raise InputError("A coordinate is not a number.", place=place, remedy="Remove or repair the vertex.")
        if self.zone is None:
            _check_degrees(west, east, south, north, place)
        else:
            _check_metres(self, self.zone, west, east, south, north, place)


WORKING = Crs(CGCS2000)
"""What all stored geometry is in: CGCS2000 longitude and latitude, EPSG:4490, 2D."""


def _check_degrees(west: float, east: float, south: float, north: float, place: Place | None) -> None:
    if max(-west, east) <= 180 and max(-south, north) <= 90:
        return
    if max(-south, north) <= 180 and max(-west, east) <= 90:
        raise InputError(
            "Longitude and latitude are swapped: {x}, {y}.",
            place=place,
            remedy="Write longitude first.",
            x=west,
            y=south,
        )
    metres = max(abs(east), abs(north)) > 1000
    raise InputError(
        "{x}, {y} is not a longitude and latitude in degrees.",
        place=place,
        remedy="The coordinates look like metres: name the plane coordinate system they are in."
        if metres
        else "Correct the coordinates.",
        x=east,
        y=north,
    )


def _check_metres(
    crs: Crs, zone: Zone, west: float, east: float, south: float, north: float, place: Place | None
) -> None:
    def possible(w: float, e: float, s: float, n: float, zone: Zone) -> bool:
        # half a six-degree zone and a generous overlap on either side of the false easting; equator to pole
        return abs(w - zone.false_easting) < 5e5 and abs(e - zone.false_easting) < 5e5 and s >= 0 and n < 1e7

    if possible(west, east, south, north, zone):
        return
    params = {"crs": crs.code, "x": east, "y": north}
    if max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90:
        raise InputError(
            "{x}, {y} are degrees, but {crs} is in metres.",
            place=place,
            remedy="Name the geographic coordinate system instead.",
            **params,
        )
    other = replace(zone, prefixed=not zone.prefixed)
    if possible(south, north, west, east, zone) or possible(south, north, west, east, other):
        raise InputError(
            "Easting and northing are swapped: {x}, {y}.",
            place=place,
            remedy="Deliver easting first (surveyors' Y), then northing (surveyors' X).",
            **params,
        )
    if possible(west, east, south, north, other):
        raise InputError(
            "The easting {x} does not suit {crs}: it carries the zone number as prefix, or should and does not.",
            place=place,
            remedy="Choose the coordinate system whose eastings are written like this.",
            **params,
        )
    raise InputError(
        "{x}, {y} lies outside {crs}.", place=place, remedy="Check the zone number of the coordinates.", **params
    )


def known_epsg_codes() -> dict[int, Crs]:
    """Every code this module knows: four geographic systems and 192 plane ones."""
    found = {datum.epsg: Crs(datum) for datum in DATUMS}
    for datum in DATUMS:
        if datum.families is not None:
            for width, numbers in ZONES.items():
                for number in numbers:
                    for prefixed in (True, False):
                        crs = Crs(datum, Zone(width, number, prefixed))
                        found[crs.epsg] = crs
    return found


@lru_cache(maxsize=1)
def _by_code() -> dict[int, Crs]:
    return known_epsg_codes()


def from_epsg(code: int | str) -> Crs:
    """The system of an EPSG code: 4513, "4513" or "EPSG:4513". Raises `Unsupported` for any other."""
    text = re.sub(r"^\s*(urn:ogc:def:crs:)?epsg(:[\d.]*)?:+", "", str(code), flags=re.IGNORECASE).strip()
    if text.isdigit() and int(text) in _by_code():
        return _by_code()[int(text)]
    raise Unsupported(
        "The coordinate system {code} is not one of those used by the land surveys.",
        remedy="Deliver the data in CGCS2000: EPSG:4490 or a Gauss-Krüger zone EPSG:4491 to 4554.",
        code=str(code),
    )


def detect_zone(easting: float, place: Place | None = None) -> Zone:
    """The zone that a prefixed easting names (8 digits: 39 512 345.6 is 3° zone 39).

    Raises `InputError` for an easting without prefix: then only the sender knows the zone.
    """
    number = int(easting // 1_000_000)
    for width, numbers in ZONES.items():
        if number in numbers:
            return Zone(width, number, prefixed=True)
    if 0 < easting < 1_000_000:
        raise InputError(
            "The easting {easting} carries no zone number.",
            place=place,
            remedy="Say in which zone, or with which central meridian, the coordinates are.",
            easting=easting,
        )
    raise InputError(
        "The easting {easting} names no zone.",
        place=place,
        remedy="Check that the value is an easting and not a northing.",
        easting=easting,
    )


def _spelling(text: str) -> str:
    return re.sub(r"[\s_\-./（）()]+", "", text).lower()


def datum_named(text: str) -> Datum | None:
    """The datum that a name in a file means, whichever way it is written; None when unknown."""
    wanted = _spelling(text)
    for datum in DATUMS:
        names = (datum.name, datum.chinese, *datum.spellings)
        if wanted in {_spelling(name) for name in names}:
            return datum
    return None


def from_header(
    system: str,
    zone_width: str | int | None = None,
    zone: str | int | None = None,
    *,
    prefixed: bool = True,
    place: Place | None = None,
) -> Crs:
    """The system that the header of a boundary-point text file names: 坐标系, 几度分带, 带号.

    ``prefixed`` says whether the file's eastings carry the zone number; the reader knows by looking at one
    (`detect_zone`). Raises `InputError` when the header does not say enough.
    """
    datum = datum_named(system)
    if datum is None or datum.families is None:
        raise Unsupported(
            "The coordinate system {system} is unknown.",
            place=place,
            remedy="Write 2000国家大地坐标系 (or 1980西安坐标系) in the header.",
            system=system or "—",
        )
    digits = {"三": 3, "六": 6}
    width_text = re.sub(r"[度带°\s]", "", str(zone_width if zone_width is not None else ""))
    number_text = re.sub(r"[号带\s]", "", str(zone if zone is not None else ""))
    width = digits.get(width_text) or (int(width_text) if width_text.isdigit() else None)
    if width is None or not number_text.isdigit():
        raise InputError(
            "The header does not say the zone: width {width}, number {number}.",
            place=place,
            remedy="Fill 几度分带 (3 or 6) and 带号.",
            width=width_text or "—",
            number=number_text or "—",
        )
    try:
        return Crs(datum, Zone(width, int(number_text), prefixed))
    except InputError as error:
        raise InputError(error.sentence, place=place, remedy=error.remedy, **error.params) from None


def parse(text: str | int, place: Place | None = None) -> Crs:
    """The system that a file declares: an EPSG code, WKT of any dialect (.prj), or a datum's name.

    Plane systems are recognised by their parameters (meridian, false easting, scale 1), never by a resemblance of
    names. Raises `Unsupported` for what is not one of ours, with what it is.
    """
    words = str(text).strip()
    if not words:
        raise InputError(
            "The coordinate system is not given.",
            place=place,
            remedy="Name it when importing; it is never guessed from the coordinates.",
        )
    if re.fullmatch(r"(urn:ogc:def:crs:)?(epsg[:\d.]*:)?\d+", words, flags=re.IGNORECASE):
        return from_epsg(words)
    named = datum_named(words)
    if named is not None:
        return Crs(named)
    try:
        return _from_definition(words)
    except Unsupported as error:
        raise Unsupported(error.sentence, place=place, remedy=error.remedy, **error.params) from None


@lru_cache(maxsize=256)
def _from_definition(words: str) -> Crs:
    import pyproj

    try:
        definition = pyproj.CRS.from_user_input(words)
    except pyproj.exceptions.CRSError:
        raise Unsupported(
            "The coordinate system cannot be read: {text}.",
            remedy="Give its EPSG code.",
            text=words[:80],
        ) from None
    if definition.is_compound:
        definition = definition.sub_crs_list[0]
    code = definition.to_epsg(min_confidence=100)
    if code in _by_code():
        return _by_code()[code]
    unsupported = Unsupported(
        "The coordinate system {name} is not one of those used by the land surveys.",
        remedy="Deliver the data in CGCS2000: EPSG:4490 or a Gauss-Krüger zone EPSG:4491 to 4554.",
        name=definition.name,
    )
    geographic = definition.geodetic_crs
    datum = next(
        (
            d
            for n in (
                geographic.datum.name if geographic and geographic.datum else "",
                geographic.name if geographic else "",
            )
            if (d := datum_named(n)) is not None
        ),
        None,
    )
    if datum is None or geographic is None or geographic.ellipsoid is None:
        raise unsupported
    figure = (geographic.ellipsoid.semi_major_metre, geographic.ellipsoid.inverse_flattening)
    if abs(figure[0] - datum.semi_major) > 1e-3 or abs(figure[1] - datum.inverse_flattening) > 1e-6:
        raise unsupported
    if definition.is_geographic:
        return Crs(datum)
    zone = _zone_of(definition)
    if zone is None or datum.families is None:
        raise unsupported
    return Crs(datum, zone)


def _zone_of(definition: Any) -> Zone | None:
    """The standard zone with the definition's transverse Mercator parameters; None when there is none."""
    operation = definition.coordinate_operation
    if operation is None or operation.method_name not in ("Transverse Mercator", "Gauss-Kruger", "Gauss_Kruger"):
        return None
    values = {
        p.name: p.value * (p.unit_conversion_factor if "asting" in p.name or "orthing" in p.name else 1.0)
        for p in operation.params
    }
    meridian = values.get("Longitude of natural origin")
    easting = values.get("False easting")
    shifted = values.get("Latitude of natural origin") or values.get("False northing")
    scale = values.get("Scale factor at natural origin", 1.0)
    if meridian is None or easting is None or shifted or scale != 1.0:
        return None
    for width in (3, 6):
        for prefixed in (True, False):
            try:
                zone = Zone.by_meridian(meridian, width, prefixed=prefixed)
            except InputError:
                continue
            if abs(zone.false_easting - easting) < 1e-3:
                six = f"{definition.name}".lower()
                # without a prefix, the 3° and the 6° zone of one meridian are the same mathematics: the name decides
                if not prefixed and width == 3 and meridian % 6 == 3 and re.search(r"(?<![\d])6[\s_-]*deg", six):
                    continue
                return zone
    return None


@lru_cache(maxsize=64)
def _transformer(epsg: int) -> Any:
    from pyproj import Transformer

    # within one datum: the projection alone, no datum shift is involved
    return Transformer.from_crs(f"EPSG:{epsg}", "EPSG:4490", always_xy=True)


@overload
def to_lonlat(what: Polygons, crs: Crs, *, wgs84_is_cgcs2000: bool = ..., place: Place | None = ...) -> Polygons: ...
@overload
def to_lonlat(what: Any, crs: Crs, *, wgs84_is_cgcs2000: bool = ..., place: Place | None = ...) -> Any: ...
def to_lonlat(what: Any, crs: Crs, *, wgs84_is_cgcs2000: bool = False, place: Place | None = None) -> Any:
    """Coordinates of ``crs`` in CGCS2000 longitude and latitude (EPSG:4490).

    ``what`` is a `Polygons`, a Shapely geometry or array of them, or a pair ``(x, y)`` of arrays; the same kind comes
    back. The coordinates are checked against the CRS first. On CGCS2000 this is the projection alone, good to the
    micrometre. Raises `InputError` for Beijing54 and Xian80, and for WGS 84 unless the operator has said, by
    ``wgs84_is_cgcs2000``, that the difference (decimetres, growing with the years since 2000) does not matter.
    """
    if crs.datum is WGS84 and not wgs84_is_cgcs2000:
        raise InputError(
            "The coordinates are on WGS 84, not on CGCS2000; they differ by some decimetres.",
            place=place,
            remedy="Say that WGS 84 is to be taken as CGCS2000, or deliver CGCS2000.",
        )
    if crs.datum not in (CGCS2000, WGS84):
        raise InputError(_NO_DATUM_CHANGE, place=place, remedy=_GIVE_CGCS2000, datum=crs.datum.name)
    if isinstance(what, tuple):
        return _lonlat_arrays(what[0], what[1], crs, place)
    if hasattr(what, "ring_offsets"):
        return what.with_coordinates(*_lonlat_arrays(what.x, what.y, crs, place))
    import numpy as np
    import shapely

    if crs.zone is None:
        points = shapely.get_coordinates(what)
        crs.check(points[:, 0], points[:, 1], place)
        return shapely.force_2d(what)

    def turn(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(_lonlat_arrays(points[:, 0], points[:, 1], crs, place))

    return shapely.transform(shapely.force_2d(what), turn)


def _lonlat_arrays(
    x: NDArray[np.float64], y: NDArray[np.float64], crs: Crs, place: Place | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    crs.check(x, y, place)
    if crs.zone is None:
        return x, y
    lon, lat = _transformer(crs.epsg).transform(x, y)
    return lon, lat
