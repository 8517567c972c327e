"""Writing VCT, version 3.0 or 2.0: one file of any number of layers, streamed.

Sections stand in a fixed order, but layers come one after the other: each section is written into a temporary file, and
the head, which says the extent, before all of them at the end.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.formats.source import GEOMETRY, ROW, Field

if TYPE_CHECKING:
    import pyarrow as pa

    from jintu.kernel.crs import Crs

__all__ = ["Layer", "write", "write_layers"]

SECTIONS = ("Point", "Line", "Polygon", "Annotation", "Attribute")
GEOMETRIES = {
    "Point": "point",
    "MultiPoint": "point",
    "LineString": "line",
    "MultiLineString": "line",
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
}
EDGES = "1099000000"
"""Feature code of lines that are nothing but boundaries of polygons. [V] in files of version 3.0"""
STYLE = "Unknown"
SEPARATOR, REPLACED = ",", "，"
VERSIONS = ("3.0", "2.0")


@dataclass
class Layer:
    """A layer to write. ``geometry``: point, line, polygon or none; "" takes that of the first shape. ``fields``: as
    the structure of the table declares them; empty takes those of the first batch."""

    name: str
    tables: Iterable[pa.Table]
    title: str = ""
    code: str = ""
    geometry: str = ""
    fields: Sequence[Field] = ()


@dataclass
class _Out:
    """The sections being written."""

    sections: Mapping[str, IO[str]]
    version: str
    by_lines: bool
    number: int = 0
    replaced: int = 0
    extent: list[float] = field(default_factory=lambda: [float("inf")] * 2 + [float("-inf")] * 2)

    def next(self) -> int:
        self.number += 1
        return self.number


def write(
    path: Path,
    tables: Iterator[pa.Table],
    *,
    crs: str | None,
    encoding: str = "gb18030",
    layer: str | None = None,
    **options: Any,
) -> None:
    """Write one layer; ``options`` are those of `Layer` and `write_layers`."""
    own = {k: options.pop(k) for k in ("title", "code", "geometry", "fields") if k in options}
    write_layers(path, [Layer(layer or path.stem, tables, **own)], crs=crs, encoding=encoding, **options)


def write_layers(
    path: Path,
    layers: Iterable[Layer],
    *,
    crs: str | None,
    encoding: str = "gb18030",
    version: str = "3.0",
    by_lines: bool = False,
    scale: int = 10_000,
    day: date | None = None,
) -> int:
    """Write layers into one file; returns in how many texts the separator was replaced by a full-width comma.

    ``by_lines``: polygons are written as lines and references to them, otherwise by their vertices. Coordinates are
    written with all their digits. Raises `InputError` for a CRS that the header cannot say and for text that the
    encoding does not have; `Unsupported` for geometry that is no point, line or polygon.
    """
    from jintu.kernel import crs as systems

    if version not in VERSIONS:
        raise Unsupported("VCT {version} is not written.", remedy="Choose 3.0 or 2.0.", version=version)
    system = systems.parse(crs, Place(file=path.name)) if crs else None
    codec = "gbk" if encoding.lower() in ("gb18030", "gbk", "gb2312") else encoding
    with tempfile.TemporaryDirectory(prefix="jintu-vct-") as folder, ExitStack() as stack:
        files = {
            name: stack.enter_context((Path(folder) / name).open("w", encoding=codec, newline="\n"))
            for name in (*SECTIONS, "FeatureCode", "TableStructure")
        }
        out = _Out(files, version, by_lines)
        try:
            for layer in layers:
                _write_layer(out, layer, path)
            if by_lines and out.number:
                files["FeatureCode"].write(f"{EDGES},边界线,Line,EDGES\n")
            with path.open("w", encoding=codec, newline="\n") as stream:
                stream.write(_head(system, out, version, scale, day or date.today()))
                for name in ("FeatureCode", "TableStructure", *SECTIONS):
                    files[name].flush()
                    stream.write(f"{name}Begin\n")
                    with (Path(folder) / name).open(encoding=codec, newline="") as section:
                        shutil.copyfileobj(section, stream, 1 << 20)
                    stream.write(f"{name}End\n\n")
        except UnicodeEncodeError as error:
            raise InputError(
                "The character {character} does not exist in {encoding}.",
                place=Place(file=path.name),
                remedy="Export as UTF-8.",
                character=error.object[error.start],
                encoding=codec,
            ) from error
    return out.replaced


def _head(system: Crs | None, out: _Out, version: str, scale: int, day: date) -> str:
    lines = ["HeadBegin", "DataMark:LANDUSE-VCT", f"Version:{version}"]
    if system is not None:
        datum, zone = system.datum, system.zone
        lines += [f"CoordinateSystemType:{'P' if zone else 'D'}", "Dim:2", "XAxisDirection:E", "YAxisDirection:N"]
        lines += [
            f"XYUnit:{'M' if zone else 'D'}",
            f"Spheroid:{datum.name},{datum.semi_major},{datum.inverse_flattening}",
        ]
        lines += ["PrimeMeridian:Greenwich"]
        if zone:
            east = zone.false_easting
            lines += ["Projection:高斯-克吕格投影"]
            lines += [f"Parameters:{zone.central_meridian},1,{east:.0f},0,{zone.width},{zone.number}"]
    else:
        lines += ["Dim:2"]
    if out.extent[0] <= out.extent[2]:
        west, south, east, north = out.extent
        lines += [f"ExtentMin:{west!r},{south!r}", f"ExtentMax:{east!r},{north!r}"]
    lines += [f"MapScale:{scale}", "Offset:0,0", f"Date:{day:%Y%m%d}", f"Separator:{SEPARATOR}", "HeadEnd"]
    return "\n".join(lines) + "\n\n"


# --- one layer ----------


def _write_layer(out: _Out, layer: Layer, path: Path) -> None:
    stream = iter(layer.tables)
    first = next(stream, None)
    if first is None:
        return
    names = [n for n in first.column_names if n not in (ROW, GEOMETRY)]
    fields = {f.name: f for f in layer.fields or _fields_of(first, names)}
    kind = layer.geometry or _kind_of(first)
    code = layer.code or "0000000000"
    if kind != "none":
        out.sections["FeatureCode"].write(f"{code},{layer.title or layer.name},{kind.capitalize()},{layer.name}\n")
    structure = out.sections["TableStructure"]
    structure.write(f"{layer.name},{len(names)}{'' if kind != 'none' else ',NoneGeometry'}\n")
    structure.writelines(_declared(fields[n]) + "\n" for n in names)
    structure.write("0\n")
    attributes = out.sections["Attribute"]
    attributes.write(f"{layer.name}\n")
    for table in _and_rest(first, stream):
        _write_rows(out, table, names, fields, kind, code, path)
    attributes.write("TableEnd\n")


def _and_rest(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _fields_of(table: pa.Table, names: Sequence[str]) -> list[Field]:
    import pyarrow.types as pt

    def one(name: str) -> Field:
        kind = table.schema.field(name).type
        if pt.is_integer(kind):
            return Field(name, "integer", 10)
        if pt.is_floating(kind) or pt.is_decimal(kind):
            return Field(name, "number", 24)
        return Field(name, "date", 8) if pt.is_date(kind) else Field(name, "text", 254)

    return [one(n) for n in names]


def _declared(f: Field) -> str:
    word = {"integer": "Int", "number": "Float", "date": "Date"}.get(f.kind, "Char")
    size = [str(f.length)] if f.length else []
    size += [str(f.decimals)] if f.decimals is not None and word == "Float" else []
    return ",".join([f.name, word, *size])


def _kind_of(table: pa.Table) -> str:
    import shapely

    if GEOMETRY not in table.column_names:
        return "none"
    for shape in shapely.from_wkb(table.column(GEOMETRY).to_pylist()):
        if shape is not None:
            return GEOMETRIES.get(shape.geom_type, "polygon")
    return "polygon"


def _write_rows(
    out: _Out, table: pa.Table, names: Sequence[str], fields: dict[str, Field], kind: str, code: str, path: Path
) -> None:
    import numpy as np
    import shapely

    columns = [_texts(out, table.column(n).to_pylist(), fields[n]) for n in names]
    rows = zip(*columns, strict=True) if columns else iter([()] * table.num_rows)
    shapes: list[Any] = [None] * table.num_rows
    if kind != "none":
        shapes = shapely.from_wkb(table.column(GEOMETRY).to_pylist()).tolist()
        box = shapely.total_bounds(shapes)
        if np.isfinite(box).all():
            low, high = np.minimum(out.extent[:2], box[:2]), np.maximum(out.extent[2:], box[2:])
            out.extent = [*low.tolist(), *high.tolist()]
    attributes = out.sections["Attribute"]
    for shape, row in zip(shapes, rows, strict=True):
        number = out.next()
        attributes.write(SEPARATOR.join((str(number), *row)) + "\n")
        if shape is not None and not shape.is_empty:
            if GEOMETRIES.get(shape.geom_type) != kind:
                raise Unsupported(
                    "The geometry is a {kind}, not a {wanted}.",
                    place=Place(file=path.name),
                    remedy="Export each kind of geometry as a layer of its own.",
                    kind=shape.geom_type,
                    wanted=kind,
                )
            _WRITERS[kind](out, number, code, shape)


def _texts(out: _Out, values: list[Any], f: Field) -> list[str]:
    """Values as they are written: empty for null, numbers with the declared decimals or all their digits."""
    if f.kind == "number" and f.decimals is not None:
        return ["" if v is None else f"{v:.{f.decimals}f}" for v in values]
    if f.kind == "date":
        return ["" if v is None else v.strftime("%Y%m%d") if hasattr(v, "strftime") else str(v) for v in values]
    texts = ["" if v is None else repr(v) if isinstance(v, float) else str(v) for v in values]
    for k, text in enumerate(texts):
        if SEPARATOR in text or "\n" in text or "\r" in text:
            out.replaced += 1
            texts[k] = " ".join(text.replace(SEPARATOR, REPLACED).split())
    return texts


# --- geometry ----------


def _vertices(points: Any) -> str:
    return "".join(f"{x!r}{SEPARATOR}{y!r}\n" for x, y in points.tolist())


def _begin(section: IO[str], number: int, code: str) -> None:
    section.write(f"{number}\n{code}\n{STYLE}\n")


def _write_point(out: _Out, number: int, code: str, shape: Any) -> None:
    import shapely

    section, points = out.sections["Point"], shapely.get_coordinates(shape)
    _begin(section, number, code)
    single = len(points) == 1
    count = "" if single and out.version == "2.0" else f"{len(points)}\n"
    section.write(f"{1 if single else 4}\n{count}{_vertices(points)}0\n")


def _write_line(out: _Out, number: int, code: str, shape: Any) -> None:
    import shapely

    section, parts = out.sections["Line"], shapely.get_parts(shape)
    _begin(section, number, code)
    section.write(f"1\n{len(parts)}\n")
    for part in parts:
        points = shapely.get_coordinates(part)
        section.write(f"11\n{len(points)}\n{_vertices(points)}")
    section.write("0\n")


def _write_polygon(out: _Out, number: int, code: str, shape: Any) -> None:
    import shapely

    section = out.sections["Polygon"]
    rings = [shapely.get_coordinates(r) for p in shapely.get_parts(shape) for r in (p.exterior, *p.interiors)]
    label = shapely.get_coordinates(shapely.point_on_surface(shape))
    if not out.by_lines:
        _begin(section, number, code)
        section.write(f"1\n{_vertices(label)}{len(rings)}\n")
        section.writelines(f"11\n{len(ring)}\n{_vertices(ring)}" for ring in rings)
        section.write("0\n")
        return
    references: list[int] = []
    for ring in rings:
        edge = out.next()
        _begin(out.sections["Line"], edge, EDGES)
        out.sections["Line"].write(f"1\n1\n11\n{len(ring)}\n{_vertices(ring)}0\n")
        references += [edge] if not references else [0, edge]
    _begin(section, number, code)
    section.write(f"100\n{_vertices(label)}21\n{len(references)}\n")
    for k in range(0, len(references), 8):
        section.write(SEPARATOR.join(map(str, references[k : k + 8])) + "\n")
    section.write("0\n")


_WRITERS = {"point": _write_point, "line": _write_line, "polygon": _write_polygon}
