"""What stands before the data: header, kinds of features, structures of tables; and the CRS that the header means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jintu.kernel import crs
from jintu.kernel.errors import InputError
from jintu.kernel.formats.source import Field
from jintu.kernel.formats.vct.lines import Lines, dialect

__all__ = ["Feature", "Head", "Table", "crs_of", "read_head"]

NO_GEOMETRY = "none"


@dataclass(frozen=True)
class Feature:
    """A kind of features: its code, name, geometry (point, line, polygon, annotation) and table."""

    code: str
    name: str
    geometry: str
    table: str


@dataclass(frozen=True)
class Table:
    """A table; ``geometry`` is "none" where no kind of features is kept in it."""

    name: str
    fields: tuple[Field, ...]
    geometry: str = NO_GEOMETRY


@dataclass
class Head:
    """``values``: entries of the header by name in lower case."""

    values: dict[str, str] = field(default_factory=dict)
    features: list[Feature] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)

    @property
    def separator(self) -> str:
        return self.values.get("separator") or ","

    @property
    def dimensions(self) -> int:
        return 3 if self.values.get("dim", "2").strip().startswith("3") else 2

    @property
    def topology(self) -> bool:
        """Of the 1999 edition: polygons are built of lines."""
        return self.values.get("topo", "0").strip() not in ("", "0")

    @property
    def north_first(self) -> bool:
        """The first coordinate is the northing."""
        axis = self.values.get("xaxisdirection", "").strip().upper()
        return axis == "N" or self.values.get("coordinate", "").strip().lower() in dialect()["north_first"]

    @property
    def offset(self) -> tuple[float, float]:
        """What is added to every coordinate."""
        parts = numbers(self.values.get("offset", ""))
        return (parts[0], parts[1]) if len(parts) >= 2 else (0.0, 0.0)

    def codes(self, table: str) -> set[str]:
        """Feature codes whose objects are kept in a table."""
        return {f.code for f in self.features if f.table == table}


def numbers(text: str) -> list[float]:
    """The numbers of a list; nothing when one is none."""
    try:
        return [float(part) for part in re.split(r"[,，;\s]+", text.strip()) if part]
    except ValueError:
        return []


def read_head(lines: Lines, encoding: str) -> Head:
    """Everything up to the first section of geometry or attributes. Raises `InputError` with the line."""
    head = Head()
    first = lines.need("HeadBegin")
    if first.lower() != b"headbegin":
        raise lines.error("The file does not begin with HeadBegin.", "Check that the right file was chosen.")
    for text in _section(lines, encoding, "HeadEnd"):
        key, sign, value = text.replace("：", ":", 1).partition(":")
        if sign:
            head.values[key.strip().lower()] = value.strip() if key.strip().lower() != "separator" else value.strip(" ")
    while (line := lines.next()) is not None:
        name = line.lower()
        if name == b"featurecodebegin":
            head.features += [_feature(lines, head, t) for t in _section(lines, encoding, "FeatureCodeEnd")]
        elif name == b"tablestructurebegin":
            for table in _tables(lines, head, encoding):
                head.tables[table.name] = table
        elif name.endswith(b"begin"):
            lines.put_back(line)
            break
        else:
            raise lines.wrong("FeatureCodeBegin, TableStructureBegin or a section of data", line)
    return head


def _section(lines: Lines, encoding: str, end: str) -> Iterator[str]:
    while (line := lines.need(end)).lower() != end.lower().encode():
        yield line.decode(encoding, "replace")


def _feature(lines: Lines, head: Head, text: str) -> Feature:
    parts = [part.strip() for part in text.split(head.separator)]
    kinds: dict[str, str] = dialect()["geometries"]
    if len(parts) < 3:
        raise lines.wrong("a kind of features: code, name, geometry, table", text.encode())
    # between geometry and table the 1999 edition has colours
    table = parts[-1] if len(parts) > 3 else parts[1]
    return Feature(parts[0], parts[1], kinds.get(parts[2].lower(), parts[2].lower()), table)


def _tables(lines: Lines, head: Head, encoding: str) -> Iterator[Table]:
    kinds: dict[str, str] = dialect()["fields"]
    texts = _section(lines, encoding, "TableStructureEnd")
    for text in texts:
        name, *rest = (part.strip() for part in text.split(head.separator))
        if name == "0":
            continue
        if not rest or not rest[0].isdigit():
            raise lines.wrong("a table: name and number of fields", text.encode())
        fields = []
        for _ in range(int(rest[0])):
            entry = next(texts, None)
            parts = [part.strip() for part in (entry or "").split(head.separator)]
            if len(parts) < 2 or parts[1].lower() not in kinds:
                raise lines.wrong(f"a field of {name}: name, type, width", (entry or "").encode())
            size = [int(p) if p.isdigit() else None for p in parts[2:4]] + [None, None]
            fields.append(Field(parts[0], kinds[parts[1].lower()], size[0], size[1]))
        kind = next((f.geometry for f in head.features if f.table == name), NO_GEOMETRY)
        bare = len(rest) > 1 and rest[1].lower() in ("nonegeometry", "nogeometry")
        yield Table(name, tuple(fields), NO_GEOMETRY if bare else kind)


# --- CRS ----------


def crs_of(head: Head, west: float | None = None) -> tuple[str | None, str]:
    """(EPSG code, "") that the header means, or (None, why it is not known).

    ``west``: least easting of the file, which shows whether eastings carry the zone number where the header gives no
    false easting.
    """
    try:
        datum = _datum(head)
        if _is_degrees(head):
            return crs.Crs(datum).code, ""
        return crs.Crs(datum, _zone(head, west)).code, ""
    except _Unknown as why:
        return None, str(why)
    except InputError as error:
        return None, str(error)


class _Unknown(Exception):
    """Why the header is not enough."""


def _datum(head: Head) -> crs.Datum:
    text = head.values.get("spheroid", "")
    name, *figure = (part.strip() for part in re.split(r"[,，]", text))
    spelled = re.sub(r"[\s_\-./（）()]+", "", name).lower()
    listed = next((d for d, names in dialect()["datums"].items() if spelled in names), None)
    datum = crs.datum_named(name) or (crs.datum_named(listed) if listed else None)
    if datum is None:
        raise _Unknown(f"the ellipsoid “{name or '—'}” stands for no datum")
    values = numbers(",".join(figure)) or numbers(head.values.get("parameters", ""))[:2]
    if len(values) == 2 and values[0] > 6e6:
        flattening = values[1] if values[1] > 1 else 1 / values[1] if values[1] > 0 else 0.0
        if abs(values[0] - datum.semi_major) > 1 or abs(flattening - datum.inverse_flattening) > 0.01:
            raise _Unknown(f"the figures {values} are not those of {datum.name}")
    return datum


def _is_degrees(head: Head) -> bool:
    kind = head.values.get("coordinatesystemtype", "").strip().upper()
    unit = (head.values.get("xyunit") or head.values.get("unit") or "M").strip().lower()
    meaning = dialect()["units"].get(unit)
    if meaning is None:
        raise _Unknown(f"the unit “{unit}” is not known")
    if kind == "P" and meaning == "degree":
        raise _Unknown("the system is a projected one, but the unit is degrees")
    if kind == "D" and meaning == "metre":
        # writers leave the default unit in geodetic files; the coordinates would tell, but they are not asked
        raise _Unknown("the system is a geodetic one, but the unit is metres")
    return meaning == "degree"


def _zone(head: Head, west: float | None) -> crs.Zone:
    projection = head.values.get("projection", "")
    if not any(word in projection.lower() for word in ("高斯", "gauss", "transverse")):
        raise _Unknown(f"the projection “{projection or '—'}” is not Gauss-Krüger")
    given = numbers(head.values.get("parameters", ""))
    named = dict(zip(dialect()["parameters"].get(len(given), ()), given, strict=False))
    meridian = _number(head.values.get("meridian")) or named.get("central_meridian")
    east = named.get("false_easting")
    if named.get("scale", 1.0) != 1.0:
        raise _Unknown(f"the scale {named['scale']} is not 1")
    if east is None:
        if west is None:
            raise _Unknown("neither a false easting nor an extent is given")
        east = 5e5 + 1e6 * (west // 1e6)
    prefix, rest = divmod(east, 1e6)
    if rest != 5e5:
        raise _Unknown(f"the false easting {east:.0f} is not that of a standard zone")
    width, number = int(named.get("zone_width") or 0), int(prefix or named.get("zone") or 0)
    if not width and number:
        width = 6 if number in crs.ZONES[6] else 3
    if not width and meridian is not None:
        width = 3 if meridian % 3 == 0 else 6
    if not number and meridian is None:
        raise _Unknown("neither zone nor central meridian is given")
    if not number:
        return crs.Zone.by_meridian(float(meridian or 0), width, prefixed=False)
    zone = crs.Zone(width, number, bool(prefix))
    if meridian is not None and meridian != zone.central_meridian:
        raise _Unknown(f"zone {number} has the central meridian {zone.central_meridian}, not {meridian:g}")
    return zone


def _number(text: Any) -> float | None:
    found = numbers(str(text)) if text else []
    return found[0] if found else None
