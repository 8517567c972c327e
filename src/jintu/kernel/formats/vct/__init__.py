"""VCT, the text format of GB/T 17798 in which surveys and plans are delivered and kept.

Read are the editions of 1999 (version 1.0) and 2007 (2.0, GB/T 17798-2007, 3.0): points, lines, polygons given by their
vertices or built of signed lines, annotations, attribute tables with and without geometry. `read` looks at the head
only; the first `Source.batches` indexes the file once (see `index` for the bound on memory) and then reads attributes
as a stream. Rows are numbered by the line of the file on which their attributes stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.formats import encoding as encodings
from jintu.kernel.formats.source import GEOMETRY, ROW, Field, Limits, Source, arrow_type, sha256_of
from jintu.kernel.formats.vct.assemble import Assembler
from jintu.kernel.formats.vct.head import Head, Table, crs_of, read_head
from jintu.kernel.formats.vct.head import numbers as numbers_in
from jintu.kernel.formats.vct.index import Index, Start, scan
from jintu.kernel.formats.vct.lines import Lines
from jintu.kernel.formats.vct.write import Layer, write, write_layers

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Layer", "layers", "read", "write", "write_layers"]

TYPES = {"point": "Point", "line": "LineString", "polygon": "Polygon", "annotation": "Point", "none": ""}
TEXT, ANGLE = "ZJNR", "ZJFX"
"""Columns of annotations that have no table of their own."""


def read(path: Path, *, layer: str | None, encoding: str | None, limits: Limits) -> Source:
    """Open one table. Raises InputError that lists the tables when there are several and none was named."""
    codec, basis = _encoding(path, encoding)
    head, start = _head(path, codec)
    names = list(head.tables)
    if layer is None and len(names) == 1:
        layer = names[0]
    found = next((n for n in names if layer and n.lower() == layer.lower()), None)
    if found is None:
        raise InputError(
            "The file holds {count} tables." if layer is None else "There is no table {layer}.",
            place=Place(file=path.name),
            remedy="Choose one of: {names}.",
            count=len(names),
            layer=layer or "",
            names=", ".join(names) or "—",
        )
    table = head.tables[found]
    digest, files = sha256_of([path])
    source = Source(
        path,
        "vct",
        found,
        _fields(table),
        digest,
        _batches,
        has_geometry=table.geometry != "none",
        geometry_type=TYPES.get(table.geometry, ""),
        encoding=codec,
        encoding_basis=basis,
        row_is="line",
        files=files,
        limits=limits,
    )
    if source.has_geometry:
        extent = numbers_in(head.values.get("extentmin", "")) or numbers_in(head.values.get("minx", ""))
        west = None if not extent else extent[1] if head.north_first and len(extent) > 1 else extent[0]
        source.crs, why = crs_of(head, west)
        if source.crs is None:
            source.notice("The header does not say the coordinate reference system: {why}.", why=why)
    source.keep.append(_Opened.of(path, head, start, codec))
    return source


def layers(path: Path) -> list[str]:
    """Names of the tables in the order of the file."""
    codec, _ = _encoding(path, None)
    return list(_head(path, codec)[0].tables)


def _encoding(path: Path, given: str | None) -> tuple[str, str]:
    """(codec, basis); lines are found as bytes, so that UTF-16 is refused."""
    codec, basis = encodings.of_file(path, given)
    if codec.startswith("utf-16"):
        raise Unsupported("VCT in UTF-16 is not read.", place=Place(file=path.name), remedy="Save it as UTF-8 or GBK.")
    return codec.removesuffix("-sig"), basis


def _head(path: Path, codec: str) -> tuple[Head, Start]:
    with Lines(path) as lines:
        head = read_head(lines, codec)
        if lines.next() is None:
            return head, Start(lines.offset, lines.number)
        # the line behind the head was looked at: it is the first of the sections
        return head, Start(lines.before, lines.number - 1)


def _fields(table: Table) -> list[Field]:
    if table.geometry == "annotation" and TEXT not in {f.name for f in table.fields}:
        return [*table.fields, Field(TEXT, "text"), Field(ANGLE, "number")]
    return list(table.fields)


class _Opened:
    """What the sources of one file share: the index, made when rows are first asked for, gone with the last source."""

    _shared: ClassVar[WeakValueDictionary[tuple[str, int, int, str], _Opened]] = WeakValueDictionary()

    def __init__(self, path: Path, head: Head, start: Start, codec: str) -> None:
        self.path, self.head, self.start, self.codec = path, head, start, codec
        self.users = 0
        self._index: Index | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, path: Path, head: Head, start: Start, codec: str) -> _Opened:
        """That of a source of the same file which is still open, or a new one."""
        facts = path.stat()
        key = (str(path.resolve()), facts.st_mtime_ns, facts.st_size, codec)
        opened = cls._shared.get(key)
        if opened is None:
            opened = cls._shared[key] = cls(path, head, start, codec)
        opened.users += 1
        return opened

    @property
    def index(self) -> Index:
        with self._lock:
            if self._index is None:
                self._index = scan(self.path, self.head, self.start, self.codec)
            return self._index

    def cleanup(self) -> None:
        """Called when a source is closed."""
        self.users -= 1
        if self.users <= 0 and self._index is not None:
            self._index.cleanup()
            self._index = None


# --- reading ----------


def _batches(source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    opened: _Opened = source.keep[0]
    index, head = opened.index, opened.head
    table = head.tables[source.layer]
    for name in sorted(index.passed_over):
        source.notice("The section {name} is passed over.", name=name)
    source.count = index.rows.get(table.name)
    if table.name not in index.tables and table.geometry == "annotation":
        yield from _annotations(source, opened, size, geometry)
        return
    shapes = _Shapes(source, opened, table) if geometry else None
    for numbers, ids, columns in _rows(source, opened, table, size):
        arrays, bad = _typed(source, table, numbers, columns)
        if shapes is not None:
            made, wrong = shapes.take(ids, numbers)
            bad |= wrong
            arrays[GEOMETRY] = made
        yield _kept(numbers, arrays, bad)
    if shapes is not None:
        shapes.leftover()


def _kept(rows: list[int], arrays: dict[str, Any], bad: set[int]) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    made = pa.table({ROW: pa.array(np.array(rows, dtype=np.int64)), **arrays})
    return made.filter(pa.array([row not in bad for row in rows])) if bad else made


def _rows(
    source: Source, opened: _Opened, table: Table, size: int
) -> Iterator[tuple[list[int], list[int], list[list[str | None]]]]:
    """(line numbers, object identifiers, columns of text) of the attribute rows, ``size`` at a time."""
    begin = opened.index.tables.get(table.name)
    if begin is None:
        return
    width, separator = len(table.fields), opened.head.separator
    with Lines(opened.path, begin.offset, begin.number) as lines:
        numbers: list[int] = []
        ids: list[int] = []
        values: list[list[str]] = []
        once: bool | None = None
        for line in lines:
            if separator.encode() not in line and line.lower().endswith(b"end"):
                break
            parts = line.decode(opened.codec, "replace").split(separator)
            if (
                once is None
            ):  # the identifier of the object comes first; where it is the first field, some write it once
                once = len(parts) == width
            cells = parts if once else parts[1:]
            if len(cells) != width or not parts[0].strip().isdigit():
                source.problem(_wrong_row(source, lines.number, len(cells), width, separator))
                continue
            numbers.append(lines.number)
            ids.append(int(parts[0]))
            values.append(cells)
            if len(values) == size:
                yield numbers, ids, [list(c) for c in zip(*values, strict=True)]
                numbers, ids, values = [], [], []
        if values:
            yield numbers, ids, [list(c) for c in zip(*values, strict=True)]


def _wrong_row(source: Source, number: int, found: int, width: int, separator: str) -> InputError:
    return InputError(
        "The row has {found} values, the table has {width} fields.",
        place=source.place(number),
        remedy="A “{separator}” inside a text must not be written as the separator; export it again.",
        found=found,
        width=width,
        separator=separator,
    )


def _typed(
    source: Source, table: Table, rows: list[int], columns: list[list[str | None]]
) -> tuple[dict[str, Any], set[int]]:
    """Columns in the types of their fields, and the rows with a value that is none."""
    import pyarrow as pa

    arrays: dict[str, Any] = {}
    bad: set[int] = set()
    for column, f in zip(columns, table.fields, strict=True):
        texts = [t if (t := (c or "").strip()) else None for c in column]
        if f.kind == "text":
            arrays[f.name] = pa.array(texts, pa.string())
            continue
        make = _MAKERS[f.kind]
        values: list[Any] = []
        for row, text in zip(rows, texts, strict=True):
            try:
                values.append(None if text is None else make(text))
            except (ValueError, InputError):
                values.append(None)
                bad.add(row)
                source.problem(
                    InputError(
                        "{value} is not a {kind}.",
                        place=source.place(row, f.name),
                        remedy="Correct the value in the program that wrote the file.",
                        value=text,
                        kind=f.kind,
                    )
                )
        arrays[f.name] = pa.array(values, arrow_type(f.kind))
    for f in _fields(table)[len(table.fields) :]:
        arrays[f.name] = pa.nulls(len(rows), arrow_type(f.kind))
    return arrays, bad


def _day(text: str) -> Any:
    from jintu.kernel import dates

    return dates.day(text)


_MAKERS: dict[str, Any] = {"integer": int, "number": float, "date": _day}


class _Shapes:
    """Geometry by the identifier of its object."""

    def __init__(self, source: Source, opened: _Opened, table: Table) -> None:
        import numpy as np

        from jintu.kernel import crs

        self.source, self.table = source, table
        index = opened.index
        self.objects = index.of(table.geometry)
        degrees = bool(source.crs) and source.crs == crs.WORKING.code
        self.assembler = Assembler(index, source.name, degrees=degrees, north_first=opened.head.north_first)
        wanted = {index.codes[c] for c in opened.head.codes(table.name) if c in index.codes}
        rows = self.objects.of_codes(wanted)
        numbers = self.objects.numbers()[rows]
        order = np.argsort(numbers, kind="stable")
        self.rows, self.ids = rows[order], numbers[order]
        self.used = np.zeros(len(rows), dtype=bool)

    def take(self, ids: list[int], lines: list[int]) -> tuple[pa.Array, set[int]]:
        """(WKB of the objects, lines whose geometry is wrong)."""
        import numpy as np
        import pyarrow as pa
        import shapely

        wanted = np.array(ids, dtype=np.int64)
        at = np.searchsorted(self.ids, wanted)
        known = at < len(self.ids)
        known[known] = self.ids[at[known]] == wanted[known]
        self.used[at[known]] = True
        rows = np.full(len(ids), -1, dtype=np.int64)
        rows[known] = self.rows[at[known]]
        shapes, problems = self.assembler.build(self.table.geometry, rows)
        bad: set[int] = set()
        for k, error in problems:
            bad.add(lines[k])
            self.source.problem(error)
        return pa.array(shapely.to_wkb(shapes, byte_order=1), pa.binary()), bad

    def leftover(self) -> None:
        """Objects that no row of the table belongs to are told, not invented."""
        alone = int((~self.used).sum())
        if alone:
            self.source.notice(
                "{count} objects of {layer} have no row in the table and are left out; the first is {first}.",
                count=alone,
                layer=self.table.name,
                first=int(self.ids[~self.used][0]),
            )


def _annotations(source: Source, opened: _Opened, size: int, geometry: bool) -> Iterator[pa.Table]:
    """Annotations without a table: identifier, code, words and angle, as far as the table has such fields."""
    import pyarrow as pa
    import shapely

    index, table = opened.index, opened.head.tables[source.layer]
    wanted = {index.codes[c] for c in opened.head.codes(table.name) if c in index.codes}
    rows = index.annotations.of_codes(wanted)
    names = {number: code for code, number in index.codes.items()}
    assembler = Assembler(index, source.name, degrees=False, north_first=opened.head.north_first)
    for begin in range(0, len(rows), size):
        part: NDArray[np.int64] = rows[begin : begin + size]
        facts: dict[str, list[Any]] = {
            "BSM": [index.annotations.ids[k] for k in part],
            "YSDM": [names[index.annotations.codes[k]] for k in part],
            TEXT: [index.texts[k][0] for k in part],
            ANGLE: [index.texts[k][1] for k in part],
        }
        arrays: dict[str, Any] = {}
        for f in source.fields:
            values = facts.get(f.name, [None] * len(part))
            arrays[f.name] = pa.array(
                [str(v) if f.kind == "text" and v is not None else v for v in values], arrow_type(f.kind)
            )
        if geometry:
            shapes, _ = assembler.build("annotation", part)
            arrays[GEOMETRY] = pa.array(shapely.to_wkb(shapes, byte_order=1), pa.binary())
        yield _kept([index.annotations.rows[k] for k in part], arrays, set())
