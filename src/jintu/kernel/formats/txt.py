"""Boundary-point TXT (勘测定界坐标文件, 电子报盘): strict parser, repair importer, writer.

    [属性描述]
    坐标系=2000国家大地坐标系          几度分带=3   带号=38   计量单位=米   精度=0.001   转换参数=,,,,,,
    [地块坐标]
    points,area_ha,parcel_no,name,面,sheet_no,use,land class,@
    J1,1,X(north),Y(east)      ring 1 is the shell, the following are holes; the last point repeats the first

`read` repairs what has one possible meaning (full-width signs, missing trailing commas, an unclosed ring, a missing
count) and gives a notice with the line for each; whatever is ambiguous becomes a problem of that parcel. Coordinates
are delivered as x = east, y = north, prefix and digits as written. 转换参数 are never kept: where they are not zero
the source says that they were left out, because such parameters are state secrets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.formats import encoding as encodings
from jintu.kernel.formats.source import GEOMETRY, ROW, Field, Limits, Source, sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FIELDS", "crs_of", "looks_like", "read", "write"]

FIELDS = ("points_count", "area_ha", "parcel_no", "parcel_name", "shape", "sheet_no", "use", "land_class")
SECRET = "转换参数"  # noqa: S105  a key of the header, not a password
_FULL = re.compile(r"[\uff01-\uff5e\u3000]")
_DATUMS = (
    ("2000", "cgcs2000"),
    ("cgcs", "cgcs2000"),
    ("1980", "xian80"),
    ("80", "xian80"),
    ("西安", "xian80"),
    ("1954", "beijing54"),
    ("54", "beijing54"),
    ("北京", "beijing54"),
)
# first EPSG codes of each datum: 3° zones with prefix (from zone 25) and without (from 75°E), then 6° zones likewise
# (from zone 13)
_SERIES = {
    "cgcs2000": (4513, 4534, 4491, 4502),
    "xian80": (2349, 2370, 2327, 2338),
    "beijing54": (2401, 2422, 21413, 21453),
}


def crs_of(datum: str, degrees: int, zone: int, prefixed: bool) -> str:
    """EPSG code of a Gauss–Krüger zone by formula (3°: zones 25–45, 6°: zones 13–23).

    >>> crs_of("2000国家大地坐标系", 3, 38, True), crs_of("1980西安坐标系", 3, 38, False)
    ('EPSG:4526', 'EPSG:2383')
    """
    plain = unicodedata.normalize("NFKC", datum).lower()
    series = next((name for mark, name in _DATUMS if mark in plain), None)
    if series is None:
        raise Unsupported(
            "The coordinate system {name} is not known.",
            remedy="Use 2000国家大地坐标系, 1980西安坐标系 or 1954北京坐标系.",
            name=datum,
        )
    first3, cm3, first6, cm6 = _SERIES[series]
    if degrees == 3 and 25 <= zone <= 45:
        return f"EPSG:{(first3 if prefixed else cm3) + zone - 25}"
    if degrees == 6 and 13 <= zone <= 23:
        return f"EPSG:{(first6 if prefixed else cm6) + zone - 13}"
    raise InputError(
        "There is no {degrees}° zone {zone} in this series.",
        remedy="3° zones are 25 to 45, 6° zones 13 to 23.",
        degrees=degrees,
        zone=zone,
    )


def looks_like(path: Path, encoding: str | None = None) -> bool:
    """Whether the text is a boundary-point file: one of its section heads is among the first lines."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    for codec in ([encodings.canonical(encoding)] if encoding else []) + ["utf-8-sig", "gb18030", "utf-16"]:
        try:
            text = head.decode(codec, "ignore")
        except (UnicodeError, LookupError):
            continue
        if "地块坐标" in text or "属性描述" in text:
            return True
    return False


@dataclass
class _Parcel:
    row: int
    values: dict[str, str]
    rings: dict[int, list[tuple[int, str, str]]] = field(default_factory=dict)
    """ring number → (line, north, east) as written."""
    points: int = 0
    broken: bool = False


@dataclass
class _Parsed:
    header: dict[str, str] = field(default_factory=dict)
    parcels: list[_Parcel] = field(default_factory=list)


def read(path: Path, *, encoding: str | None = None, limits: Limits) -> Source:
    """Open a boundary-point file. Fields are those of FIELDS, all text; ``metadata`` has the header without 转换参数.

    ``crs`` comes from 坐标系, 几度分带 and 带号, and from whether the eastings carry the zone; it is None when the
    header does not say enough. Raises InputError when there is no 地块坐标 section or no parcel.
    """
    codec, basis = encodings.of_file(path, encoding)
    digest, files = sha256_of([path])
    source = Source(
        path,
        "txt",
        path.stem,
        [Field(name) for name in FIELDS],
        digest,
        _batches,
        has_geometry=True,
        geometry_type="Polygon",
        encoding=codec,
        encoding_basis=basis,
        row_is="line",
        files=files,
        limits=limits,
    )
    parsed = _parse(source, _lines(path, codec))
    source.count = len(parsed.parcels)
    source.metadata.update(parsed.header)
    source.crs = _crs(source, parsed)
    if not parsed.parcels:
        raise InputError(
            "The file holds no parcel.",
            place=source.place(),
            remedy="After [地块坐标] each parcel starts with a line that ends in @.",
        )
    return source


def _lines(path: Path, codec: str) -> list[str]:
    with path.open(encoding="utf-8-sig" if codec == "utf-8" else codec) as stream:
        return stream.read().splitlines()


def _half(source: Source, text: str, line: int) -> str:
    """Full-width letters, digits and signs as half-width; noticed once per line."""
    if not _FULL.search(text):
        return text
    source.notice("Full-width signs were read as half-width.", line)
    return unicodedata.normalize("NFKC", text)


def _parse(source: Source, lines: list[str]) -> _Parsed:
    parsed, section, current = _Parsed(), "", None
    for number, raw in enumerate(lines, start=1):
        written = raw.strip().strip("\ufeff\x00\x1a").strip()
        if not written:
            continue
        head = re.fullmatch(r"[\[【［](.+?)[\]】］]", written)
        if head:
            section = head[1].strip()
            if section not in ("属性描述", "地块坐标"):
                source.notice("The section {name} is left out.", number, name=section)
            continue
        if section == "属性描述":
            key, sign, value = written.replace("＝", "=", 1).partition("=")
            if not sign:
                source.notice("The line of the header has no =; it is left out.", number)
            elif key.strip() == SECRET:
                if any(part.strip(" 0.") for part in re.split(r"[,，]", value)):
                    source.notice("Datum transformation parameters were left out: they are not kept anywhere.", number)
            else:
                parsed.header[key.strip()] = value.strip()
        elif section == "地块坐标":
            # with all its commas and an @ a parcel line is whole, and full-width signs in it belong to a name
            whole = "@" in written and written.count(",") >= len(FIELDS) - 1
            line = written if whole else _half(source, written, number)
            if "@" in line:
                current = _head(source, line, number)
                parsed.parcels.append(current)
            elif current is None:
                source.problem(
                    InputError(
                        "The point stands before the first parcel.",
                        place=source.place(number),
                        remedy="Each parcel starts with a line that ends in @.",
                    )
                )
            else:
                _point(source, current, line, number)
        elif not section:
            source.notice("Text before the first section is left out.", number)
    if not parsed.parcels and not parsed.header:
        raise InputError(
            "The file has no section [地块坐标].",
            place=source.place(),
            remedy="Export the coordinates in the boundary-point format.",
        )
    return parsed


def _head(source: Source, line: str, number: int) -> _Parcel:
    """The parcel line: eight values, then @; some provinces write more commas, some leave the last ones out."""
    body, _, rest = line.partition("@")
    if rest.strip(" ,"):
        source.notice("What follows @ is left out.", number)
    values = [value.strip() for value in body.split(",")]
    if values and not values[-1]:
        values.pop()
    if len(values) < len(FIELDS):
        if len(values) < len(FIELDS) - 1 or not body.endswith(","):
            source.notice("Commas are missing in the parcel line; the last values are empty.", number)
        values += [""] * (len(FIELDS) - len(values))
    elif len(values) > len(FIELDS):
        if any(values[len(FIELDS) :]):
            source.notice("The parcel line has more than eight values; the further ones are left out.", number)
        values = values[: len(FIELDS)]
    parcel = _Parcel(number, dict(zip(FIELDS, values, strict=True)))
    shape = parcel.values["shape"]
    if shape not in ("面", ""):
        _fail(
            source,
            parcel,
            number,
            "shape",
            "Only areas (面) are read, not {shape}.",
            "Leave out points and lines.",
            shape=shape,
        )
    return parcel


def _fail(
    source: Source,
    parcel: _Parcel,
    row: int,
    name: str,
    sentence: str,
    remedy: str = "",
    ring: int | None = None,
    vertex: int | None = None,
    **params: Any,
) -> None:
    parcel.broken = True
    source.problem(
        InputError(
            sentence,
            place=Place(file=source.name, row=row, field=name, ring=ring, vertex=vertex),
            remedy=remedy,
            **params,
        )
    )


def _point(source: Source, parcel: _Parcel, line: str, number: int) -> None:
    parts = [part.strip() for part in re.split(r"[,;\t]|\s{1,}", line) if part.strip()]
    if "," not in line and len(parts) == 4:
        source.notice("The values of the point are not separated by commas.", number)
    if len(parts) != 4:
        _fail(
            source,
            parcel,
            number,
            "",
            "A point has four values (name, ring, X, Y), this line has {count}.",
            "Write J1,1,X,Y.",
            count=len(parts),
        )
        return
    name, ring, north, east = parts
    if not re.fullmatch(r"[A-Za-z_\-]*\d+[\-\d]*", name):
        source.notice("The point name {name} is unusual.", number, name=name)
    if not ring.isdigit() or int(ring) < 1:
        _fail(source, parcel, number, "ring", "The ring number {value} is not a whole number from 1.", value=ring)
        return
    for value, which in ((north, "X"), (east, "Y")):
        if not re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
            _fail(
                source, parcel, number, which, "{value} is not a coordinate.", "Write metres with a point.", value=value
            )
            return
    points = parcel.rings.setdefault(int(ring), [])
    vertex = len(points) + 1
    if float(north) > 6_000_000 > float(east):
        _fail(
            source,
            parcel,
            number,
            "X",
            "X ({north}) and Y ({east}) are exchanged: X is the northing.",
            "Write the northing first.",
            ring=int(ring),
            vertex=vertex,
            north=north,
            east=east,
        )
        return
    points.append((number, north, east))
    parcel.points += 1


def _finish(source: Source, parcel: _Parcel) -> bytes | None:
    """WKB of a parcel, or None when it has a problem."""
    if parcel.broken:
        return None
    if not parcel.rings:
        _fail(source, parcel, parcel.row, "", "The parcel has no points.")
        return None
    # the count may be that of the points written, of the closed rings, or of the different points
    unclosed = sum(points[0][1:] != points[-1][1:] for points in parcel.rings.values())
    said = unicodedata.normalize("NFKC", parcel.values["points_count"])
    if not said.isdigit():
        source.notice("The number of points is missing; there are {count}.", parcel.row, count=parcel.points)
        parcel.values["points_count"] = str(parcel.points)
    elif int(said) not in (parcel.points, parcel.points + unclosed, parcel.points + unclosed - len(parcel.rings)):
        _fail(
            source,
            parcel,
            parcel.row,
            "points_count",
            "The parcel line says {said} points, there are {found}.",
            "Look for a lost line or correct the number.",
            said=said,
            found=parcel.points,
        )
        return None
    rings = []
    if sorted(parcel.rings) != list(range(1, len(parcel.rings) + 1)):
        source.notice("The ring numbers have a gap.", parcel.row)
    for number in sorted(parcel.rings):
        points = parcel.rings[number]
        coords = [(float(east), float(north)) for _, north, east in points]
        if len(points) > 1 and points[0][1:] != points[-1][1:] and coords[0] != coords[-1]:
            source.notice("The ring was not closed; its first point was repeated.", points[-1][0])
            coords.append(coords[0])
        if len(set(coords)) < 3:
            _fail(source, parcel, points[0][0], "", "The ring has fewer than three different points.", ring=number)
            return None
        rings.append(coords)
    try:
        return _polygon(source, parcel, rings)
    except ValueError as error:
        _fail(source, parcel, parcel.row, "", "The rings make no polygon: {reason}.", reason=str(error))
        return None


def _polygon(source: Source, parcel: _Parcel, rings: list[list[tuple[float, float]]]) -> bytes:
    """WKB of the rings: a ring inside a shell before it is its hole, any other a further part (noticed)."""
    from shapely import MultiPolygon, Polygon, box, to_wkb

    shells: list[Polygon] = []
    holes: list[list[list[tuple[float, float]]]] = []
    for number, ring in enumerate(rings, start=1):
        shape = Polygon(ring)
        inside = shape.representative_point() if shape.is_valid else shape.centroid
        owner = next(
            (
                i
                for i, shell in enumerate(shells)
                if box(*shell.bounds).covers(box(*shape.bounds)) and shell.is_valid and shell.covers(inside)
            ),
            None,
        )
        if owner is not None:
            holes[owner].append(ring)
            continue
        if shells:
            source.notice(
                "Ring {ring} lies outside the shells before it and is read as a further part.", parcel.row, ring=number
            )
        shells.append(shape)
        holes.append([])
    polygons = [Polygon(shell.exterior, inner) for shell, inner in zip(shells, holes, strict=True)]
    return bytes(to_wkb(polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)))


def _crs(source: Source, parsed: _Parsed) -> str | None:
    """CRS by header and coordinates; checks the prefix of the eastings against 带号."""
    header = parsed.header
    datum, degrees, zone = header.get("坐标系", ""), header.get("几度分带", ""), header.get("带号", "")
    eastings = [
        (line, Decimal(east)) for parcel in parsed.parcels for ring in parcel.rings.values() for line, _, east in ring
    ]
    if not eastings:
        return None
    prefixes = {int(east // 1_000_000) for _, east in eastings}
    digits = re.sub(r"\D", "", degrees)
    number = re.sub(r"\D", "", zone)
    if len(prefixes) > 1:
        raise InputError(
            "Eastings with and without zone, or of several zones, are mixed: {zones}.",
            place=source.place(eastings[0][0]),
            remedy="Write all points of a file in one zone.",
            zones=", ".join(map(str, sorted(prefixes))),
        )
    prefix = prefixes.pop()
    if not datum:
        source.notice("The header names no coordinate system: it has to be given.")
        return None
    if prefix and number and int(number) != prefix:
        raise InputError(
            "The header says zone {said}, the eastings start with {found}.",
            place=source.place(eastings[0][0]),
            remedy="Correct 带号 or the coordinates.",
            said=number,
            found=prefix,
        )
    if not prefix and not number:
        source.notice("Neither header nor eastings tell the zone: the coordinate system has to be given.")
        return None
    if not number:
        source.notice("带号 is missing in the header; the eastings carry zone {zone}.", zone=prefix)
    which = prefix or int(number)
    if not digits:
        # zones 13–23 exist in 6° series only, 25–45 in 3° series only
        digits = "6" if 13 <= which <= 23 else "3"
        source.notice("几度分带 is missing in the header; zone {zone} is of {degrees}°.", zone=which, degrees=digits)
    return crs_of(datum, int(digits), which, bool(prefix))


def _batches(source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    import pyarrow as pa

    parsed = _parse(source, _lines(source.path, source.encoding))
    rows: list[tuple[int, dict[str, str], bytes]] = []

    def table() -> pa.Table:
        columns = [pa.array([row for row, _, _ in rows], pa.int64())]
        columns += [pa.array([values[name] or None for _, values, _ in rows], pa.string()) for name in FIELDS]
        names = [ROW, *FIELDS]
        if geometry:
            columns.append(pa.array([wkb for _, _, wkb in rows], pa.binary()))
            names.append(GEOMETRY)
        return pa.table(columns, names=names)

    for parcel in parsed.parcels:
        wkb = _finish(source, parcel)
        if wkb is not None:
            rows.append((parcel.row, parcel.values, wkb))
        if len(rows) == size:
            yield table()
            rows = []
    if rows:
        yield table()


def write(
    path: Path,
    tables: Iterator[pa.Table],
    *,
    crs: str | None,
    encoding: str = "gb18030",
    header: dict[str, str] | None = None,
    decimals: int = 4,
    **_: Any,
) -> None:
    """Write parcels as boundary points; columns named as in FIELDS are used, others are left out.

    ``crs`` must be one of the Gauss–Krüger zones of `crs_of`. ``header`` gives 数据产生单位, 数据产生日期 and the like;
    转换参数 is written empty, always. A further part of a multi-part parcel becomes a further ring, as it is read.
    """
    import shapely

    datum, degrees, zone, _prefixed = _names_of(crs)
    lines = ["[属性描述]", f"格式版本号={(header or {}).get('格式版本号', '1.01')}"]
    lines += [
        f"{key}={value}"
        for key, value in (header or {}).items()
        if key not in ("格式版本号", "坐标系", "几度分带", "投影类型", "计量单位", "带号", "精度", SECRET)
    ]
    lines += [
        f"坐标系={datum}",
        f"几度分带={degrees}",
        "投影类型=高斯克吕格",
        "计量单位=米",
        f"带号={zone}",
        f"精度={10**-decimals:.{decimals}f}",
        f"{SECRET}=,,,,,,",
        "[地块坐标]",
    ]
    for table in tables:
        records = table.to_pylist()
        for number, record in enumerate(records, start=1):
            shape = shapely.from_wkb(record[GEOMETRY])
            if shape is None or shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
                raise InputError(
                    "The boundary-point format holds areas only.",
                    place=Place(file=path.name, row=record.get(ROW) or number),
                )
            parts = getattr(shape, "geoms", [shape])
            rings = [list(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]
            values = [str(record.get(name) if record.get(name) is not None else "") for name in FIELDS]
            values[0], values[4] = str(sum(map(len, rings))), values[4] or "面"
            values = [value.replace(",", "，").replace("@", "＠") for value in values]
            lines.append(",".join(values) + ",@")
            point = 0
            for ring_number, ring in enumerate(rings, start=1):
                start = point + 1
                for i, (east, north, *_rest) in enumerate(ring):
                    if i < len(ring) - 1:
                        point += 1
                    name = f"J{point}" if i < len(ring) - 1 else f"J{start}"
                    lines.append(f"{name},{ring_number},{north:.{decimals}f},{east:.{decimals}f}")
    path.write_text("\r\n".join(lines) + "\r\n", encoding=encodings.canonical(encoding), newline="")


def _names_of(crs: str | None) -> tuple[str, int, int, bool]:
    """(datum name, degrees, zone, prefixed) of an EPSG code made by `crs_of`."""
    code = int(crs.split(":")[1]) if crs and crs.upper().startswith("EPSG:") and crs.split(":")[1].isdigit() else 0
    names = {"cgcs2000": "2000国家大地坐标系", "xian80": "1980西安坐标系", "beijing54": "1954北京坐标系"}
    for series, (first3, cm3, first6, cm6) in _SERIES.items():
        for first, degrees, zone, count, prefixed in (
            (first3, 3, 25, 21, True),
            (cm3, 3, 25, 21, False),
            (first6, 6, 13, 11, True),
            (cm6, 6, 13, 11, False),
        ):
            if first <= code < first + count:
                return names[series], degrees, zone + code - first, prefixed
    raise Unsupported(
        "Boundary points are written in Gauss–Krüger zones only, not in {crs}.",
        remedy="Choose the zone in which the parcels were delivered.",
        crs=crs or "—",
    )
