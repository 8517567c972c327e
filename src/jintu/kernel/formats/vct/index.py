"""One pass over a file: coordinates go to disc, what finds them stays in memory.

A file names lines by their identifiers and builds polygons of them, and attributes come last, in an order of their own.
So everything is read once: coordinates into a temporary file of doubles, identifiers and references into flat arrays
of about 200 bytes a patch, and of each attribute table only the place where it begins.
"""

from __future__ import annotations

import math
import tempfile
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jintu.kernel.formats.vct.head import Head
from jintu.kernel.formats.vct.lines import Lines, dialect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LINES", "POLYGONS", "RUNS", "Index", "Objects", "Start", "scan"]

DIRECT, BY_LINES, BY_POLYGONS = 1, 100, 22
RUNS, LINES, POLYGONS = 0, 1, 2
"""What the references of an object are: runs of coordinates, identifiers of lines, identifiers of polygons."""


@dataclass
class Objects:
    """Objects of one section. Object k has the references ``refs[starts[k]:starts[k + 1]]``; those of lines are signed
    identifiers, and 0 stands between the rings. ``rows``: line of the file at which each begins."""

    ids: array[int] = field(default_factory=lambda: array("q"))
    codes: array[int] = field(default_factory=lambda: array("i"))
    kinds: array[int] = field(default_factory=lambda: array("b"))
    starts: array[int] = field(default_factory=lambda: array("q", [0]))
    refs: array[int] = field(default_factory=lambda: array("q"))
    rows: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, number: int, code: int, kind: int, refs: list[int], row: int) -> None:
        self.ids.append(number)
        self.codes.append(code)
        self.kinds.append(kind)
        self.refs.extend(refs)
        self.starts.append(len(self.refs))
        self.rows.append(row)

    def of_codes(self, wanted: set[int]) -> NDArray[np.int64]:
        """Positions of the objects with one of these codes."""
        import numpy as np

        codes = np.frombuffer(self.codes, dtype=np.int32) if len(self) else np.empty(0, np.int32)
        return np.flatnonzero(np.isin(codes, list(wanted)))

    def numbers(self) -> NDArray[np.int64]:
        import numpy as np

        return np.frombuffer(self.ids, dtype=np.int64) if len(self) else np.empty(0, np.int64)


@dataclass(frozen=True)
class Start:
    """Where an attribute table begins, to open the file there again."""

    offset: int
    number: int


@dataclass
class Index:
    """What `scan` found. ``spool``: the coordinates, x and y of one vertex after the other, in the file's own order;
    ``runs``: vertex at which each run begins, one more than there are runs."""

    head: Head
    spool: Path
    directory: tempfile.TemporaryDirectory[str]
    codes: dict[str, int] = field(default_factory=dict)
    runs: array[int] = field(default_factory=lambda: array("q", [0]))
    points: Objects = field(default_factory=Objects)
    lines: Objects = field(default_factory=Objects)
    polygons: Objects = field(default_factory=Objects)
    annotations: Objects = field(default_factory=Objects)
    texts: list[tuple[str, float]] = field(default_factory=list)
    """Words and angle of each annotation."""
    tables: dict[str, Start] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    passed_over: set[str] = field(default_factory=set)

    def of(self, geometry: str) -> Objects:
        return {"point": self.points, "line": self.lines, "polygon": self.polygons}.get(geometry, self.annotations)

    def cleanup(self) -> None:
        self.directory.cleanup()


def scan(path: Path, head: Head, start: Start, encoding: str) -> Index:
    """Read the sections of data. Raises `InputError` with the line where the file is not what its counts say."""
    directory = tempfile.TemporaryDirectory(prefix="jintu-vct-")
    try:
        index = Index(head, Path(directory.name) / "coordinates.f8", directory)
        with index.spool.open("wb", buffering=1 << 20) as spool, Lines(path, start.offset, start.number) as lines:
            _Scanner(index, lines, spool, encoding).run()
        return index
    except BaseException:
        directory.cleanup()
        raise


class _Scanner:
    """Reads objects one after the other; every method leaves the reader behind what it read."""

    def __init__(self, index: Index, lines: Lines, spool: object, encoding: str) -> None:
        self.index, self.lines, self.spool, self.encoding = index, lines, spool, encoding
        self.separator = index.head.separator.encode(encoding)
        self.dimensions = index.head.dimensions
        self.straight = set(dialect()["straight"])

    def run(self) -> None:
        sections = {
            b"pointbegin": (self.point, b"pointend"),
            b"linebegin": (self.line, b"lineend"),
            b"polygonbegin": (self.polygon, b"polygonend"),
            b"annotationbegin": (self.annotation, b"annotationend"),
        }
        while (line := self.lines.next()) is not None:
            name = line.lower()
            if name in sections:
                read, end = sections[name]
                while (line := self.lines.need(end.decode())).lower() != end:
                    read(line)
                    self.end_of_object()
            elif name == b"attributebegin":
                self.attributes()
            elif name.endswith(b"begin"):
                self.pass_over(name[:-5])
            else:
                raise self.lines.wrong("the beginning of a section", line)

    def pass_over(self, name: bytes) -> None:
        """A section without layers."""
        self.index.passed_over.add(name.decode("ascii", "replace"))
        end = name + b"end"
        while self.lines.need(end.decode("ascii", "replace")).lower() != end:
            pass

    def end_of_object(self) -> None:
        """The 0 behind an object, which some writers leave out."""
        line = self.lines.need("0")
        if line != b"0":
            self.lines.put_back(line)

    def header(self, first: bytes) -> tuple[int, int, int]:
        """(identifier, number of the code, line) of an object; its style is passed over."""
        row = self.lines.number
        try:
            number = int(first)
        except ValueError:
            raise self.lines.wrong("the identifier of an object", first) from None
        code = self.lines.need("the feature code").decode(self.encoding, "replace")
        self.lines.need("the style")
        return number, self.index.codes.setdefault(code, len(self.index.codes)), row

    # --- coordinates

    def vertices(self, count: int) -> list[float]:
        """The numbers of ``count`` lines of coordinates, flat: two or three a line, as the header says."""
        if count < 1:
            raise self.lines.wrong("a number of vertices", str(count).encode())
        begin = self.lines.number
        raw = self.lines.block(count)
        try:
            values = list(map(float, self.separator.join(raw).split(self.separator)))
        except ValueError:
            values = []
        if len(values) != count * self.dimensions or not math.isfinite(sum(values)):
            values = self.one_by_one(raw, begin, count, self.dimensions)
        return values

    def one_by_one(self, raw: list[bytes], begin: int, count: int, width: int) -> list[float]:
        """The same slowly: blank lines are left out, and what is wrong is told by its line."""
        values: list[float] = []
        lines = [(begin + k + 1, text.strip()) for k, text in enumerate(raw) if text.strip()]
        while len(lines) < count:
            text = self.lines.need("a vertex")
            lines.append((self.lines.number, text))
        for number, text in lines:
            parts = text.split(self.separator)
            try:
                found = [float(part) for part in parts if part.strip()]
            except ValueError:
                found = []
            if len(found) < 2 or not all(map(math.isfinite, found)):
                self.lines.number = number
                raise self.lines.wrong("a vertex", text)
            values += [*found, 0.0][:width]
        return values

    def run_of(self, values: list[float], width: int) -> int:
        """Write a run of vertices; returns its number."""
        flat = array("d", values)
        if width == 3:
            plane = array("d", bytes(16 * (len(flat) // 3)))
            plane[0::2], plane[1::2] = flat[0::3], flat[1::3]
            flat = plane
        flat.tofile(self.spool)  # type: ignore[arg-type]
        self.index.runs.append(self.index.runs[-1] + len(flat) // 2)
        return len(self.index.runs) - 2

    def one_run(self, count: int) -> int:
        return self.run_of(self.vertices(count), self.dimensions)

    def is_vertex(self, line: bytes) -> bool:
        return self.separator in line

    # --- objects

    def point(self, first: bytes) -> None:
        number, code, row = self.header(first)
        self.lines.integer("the kind of point")
        line = self.lines.need("a vertex")
        count = 1
        if self.is_vertex(line):
            values = self.one_by_one([line], self.lines.number - 1, 1, self.dimensions)
        else:  # later editions say how many there are
            try:
                count = int(line)
            except ValueError:
                raise self.lines.wrong("a vertex", line) from None
            values = self.vertices(count)
        self.index.points.add(number, code, RUNS, [self.run_of(values, self.dimensions)], row)
        self.rest_of_point()

    def rest_of_point(self) -> None:
        """The second vertex of a directed point says where it looks: it is no part of the place."""
        line = self.lines.need("0")
        if not self.is_vertex(line):
            self.lines.put_back(line)

    def line(self, first: bytes) -> None:
        number, code, row = self.header(first)
        kind = self.lines.integer("the kind of line")
        if kind == BY_LINES:
            self.index.lines.add(number, code, LINES, self.references(), row)
            return
        count = self.lines.integer("a number of vertices or segments")
        line = self.lines.need("a vertex")
        self.lines.put_back(line)
        if self.is_vertex(line):  # 1999: the vertices follow
            self.only_straight(kind)
            self.index.lines.add(number, code, RUNS, [self.run_of(self.kept_vertices(count), self.dimensions)], row)
            return
        runs: list[int] = []
        values: list[float] = []
        for _ in range(count):
            self.only_straight(self.lines.integer("the kind of segment"))
            part = self.vertices(self.lines.integer("a number of vertices"))
            if values and values[-self.dimensions :][:2] != part[:2]:  # a line of several parts
                runs.append(self.run_of(values, self.dimensions))
                values = []
            values += part[self.dimensions :] if values else part
        self.index.lines.add(number, code, RUNS, [*runs, self.run_of(values, self.dimensions)], row)

    def kept_vertices(self, count: int) -> list[float]:
        """Vertices of which the first line was put back."""
        first = self.lines.need("a vertex")
        values = self.one_by_one([first], self.lines.number - 1, 1, self.dimensions)
        return values + (self.vertices(count - 1) if count > 1 else [])

    def only_straight(self, kind: int) -> None:
        if kind not in self.straight:
            raise self.lines.error(
                "The segment is of kind {kind}: an arc or a curve.",
                "Densify the curves to straight segments within the survey's tolerance and export again.",
                kind=kind,
            )

    def polygon(self, first: bytes) -> None:
        number, code, row = self.header(first)
        line = self.lines.need("the kind of polygon")
        self.lines.put_back(line)
        if self.is_vertex(line):  # 1999: the label point follows, and the header says what it is built of
            self.lines.next()
            kind, old = (BY_LINES if self.index.head.topology else DIRECT), True
        else:
            kind, old = self.lines.integer("the kind of polygon"), False
            line = self.lines.need("the label point")
            if not self.is_vertex(line):
                self.lines.put_back(line)
        if kind == DIRECT:
            self.index.polygons.add(number, code, RUNS, self.rings(old), row)
        elif kind == BY_LINES:
            of = 21 if old else self.lines.integer("what the polygon is built of")
            if of not in (21, BY_POLYGONS):
                raise self.lines.wrong("21 (lines) or 22 (polygons)", str(of).encode())
            self.index.polygons.add(number, code, LINES if of == 21 else POLYGONS, self.references(), row)
        else:
            raise self.lines.wrong("1 (vertices) or 100 (lines)", str(kind).encode())

    def rings(self, old: bool) -> list[int]:
        """Runs of the rings of a polygon that is given by its vertices."""
        if old:  # 1999: one ring after the other, each with its number of vertices
            found = [self.one_run(self.lines.integer("a number of vertices"))]
            while (line := self.lines.need("0")).isdigit() and line != b"0":
                following = self.lines.need("a vertex")
                self.lines.put_back(following)
                if not self.is_vertex(following):  # the identifier of the next object
                    raise self.lines.wrong("0 at the end of the object", line)
                found.append(self.run_of(self.kept_vertices(int(line)), self.dimensions))
            self.lines.put_back(line)
            return found
        found = []
        for _ in range(self.lines.integer("a number of rings")):
            self.only_straight(self.lines.integer("the kind of ring"))
            found.append(self.one_run(self.lines.integer("a number of vertices")))
        return found

    def references(self) -> list[int]:
        """Signed identifiers, a number of them on a line."""
        count = self.lines.integer("a number of references")
        found: list[int] = []
        while len(found) < count:
            line = self.lines.need("references")
            try:
                found += [int(part) for part in line.split(self.separator) if part.strip()]
            except ValueError:
                raise self.lines.wrong("references to lines", line) from None
        if len(found) != count:
            raise self.lines.error(
                "There are {found} references, but {said} are announced.",
                "Export it again.",
                found=len(found),
                said=count,
            )
        return found

    def annotation(self, first: bytes) -> None:
        """Words with a place and an angle. The 1999 edition says font, colour, weight, size and spacing before them."""
        number, code, row = self.header(first)
        kind = self.lines.need("the kind of annotation")
        old = kind not in (b"1", b"2")
        if old:
            for what in ("the colour", "the weight", "the size", "the spacing"):
                self.lines.need(what)
        words = self.lines.need("the words").decode(self.encoding, "replace")
        count = self.lines.integer("a number of vertices") if old or kind == b"2" else 1
        begin = self.lines.number
        values = self.one_by_one(self.lines.block(count), begin, count, self.dimensions + 1)
        self.index.annotations.add(number, code, RUNS, [self.run_of(values[:2], 2)], row)
        self.index.texts.append((words, values[2] if len(values) > 2 else 0.0))

    # --- attributes

    def attributes(self) -> None:
        """Where each table begins and how many rows it has."""
        tables = self.index.head.tables
        name: str | None = None
        while True:
            line = self.lines.need("AttributeEnd")
            bare = self.separator not in line
            if bare and line.lower() == b"attributeend":
                return
            text = line.decode(self.encoding, "replace") if bare else ""
            if bare and (text in tables or name is None):
                name = text
                if name not in tables:
                    raise self.lines.error(
                        "The table {name} has no structure.", "TableStructure must describe every table.", name=name
                    )
                self.index.tables.setdefault(name, Start(self.lines.offset, self.lines.number))
                self.index.rows.setdefault(name, 0)
            elif bare and line.lower().endswith(b"end"):
                name = None
            elif name is not None:
                self.index.rows[name] += 1
            else:
                raise self.lines.wrong("the name of a table", line)
