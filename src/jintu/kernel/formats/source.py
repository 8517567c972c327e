"""What a reader hands back: a `Source`, the same for every format.

Nothing here imports pyarrow at start-up: the forking worker must stay free of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GEOMETRY", "ROW", "Field", "Limits", "Notice", "Source", "sha256_of"]

NOTICES_KEPT = 20
ROW = "__row__"
GEOMETRY = "geometry"

KINDS = ("text", "integer", "number", "boolean", "date", "datetime", "time", "binary")


@dataclass(frozen=True, slots=True)
class Field:
    """One column. ``kind`` is one of text, integer, number, boolean, date, datetime, time, binary.

    ``length`` is the width the file declares (characters or digits; None when it declares none), ``decimals`` the
    digits behind the point, ``title`` the header as the file writes it, before duplicates were numbered.
    """

    name: str
    kind: str = "text"
    length: int | None = None
    decimals: int | None = None
    title: str = ""

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something decided, repaired or left out while reading. ``sentence`` is a msgid with ``{name}`` placeholders."""

    sentence: str
    place: Place = field(default_factory=Place)
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        text = self.sentence.format(**self.params)
        return f"{self.place}: {text}" if str(self.place) else text


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost at most. Every breach is an InputError that says which limit it was."""

    file_bytes: int = 4 * 1024**3 - 1
    """Largest file, and largest total of an unpacked archive."""
    members: int = 10_000
    """Files in one archive."""
    ratio: float = 200.0
    """Unpacked bytes per packed byte, for members above 1 MiB: ordinary data stays below 50, a zip bomb above 1000."""
    columns: int = 2_000
    cells: int = 200_000_000
    problems: int = 10_000
    """Unreadable rows after which reading stops."""


@dataclass
class Source:
    """An opened file or layer. Reading is lazy: `batches` reads the file again at each call.

    - ``crs``: of the coordinates as delivered, "EPSG:n" or WKT, always in x = east (lon), y = north (lat) order;
      None when the file does not say. `batches` refuses geometry without a CRS, so the caller has to give one.
    - ``encoding`` and ``encoding_basis``: how text was decoded and why ("given", "declared", "detected", "format").
    - ``sha256``: "sha256:…" of the file; of a shapefile or FileGDB the hash of its sorted list of member hashes.
    - ``count``: rows, None when only reading would tell.
    - ``notices``: what was decided or repaired. ``problems``: rows that cannot be read, each an InputError with its
      place; such rows are *not* in the batches. Both are complete only after `batches` was read to the end.
    - ``row_is``: what ``__row__`` counts: "line" (spreadsheet row, the header included), "record" (1 for the first
      record) or "fid" (the identifier the file itself shows).
    """

    path: Path
    format: str
    layer: str
    fields: list[Field]
    sha256: str
    reader: Callable[[Source, int, bool], Iterator[pa.Table]]
    crs: str | None = None
    has_geometry: bool = False
    geometry_type: str = ""
    encoding: str = "utf-8"
    encoding_basis: str = "format"
    count: int | None = None
    row_is: str = "record"
    files: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    problems: list[InputError] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    said: dict[tuple[str, str], list[Notice]] = field(default_factory=dict, repr=False)
    keep: list[Any] = field(default_factory=list, repr=False)
    """Temporary directories that must live as long as this source."""

    @property
    def name(self) -> str:
        """File name as a person knows it; used in every `Place`."""
        return self.path.name

    def place(self, row: int | None = None, field: str = "", **more: int | None) -> Place:
        return Place(
            file=self.name, layer=self.layer if self.layer != self.path.stem else "", row=row, field=field, **more
        )  # type: ignore[arg-type]

    def field(self, name: str) -> Field:
        """The field of that name. Raises InputError that lists the names there are."""
        for each in self.fields:
            if each.name == name:
                return each
        raise InputError(
            "There is no column {name}.",
            place=self.place(),
            remedy="The columns are: {names}.",
            name=name,
            names=", ".join(f.name for f in self.fields),
        )

    def notice(self, sentence: str, row: int | None = None, field: str = "", /, **params: Any) -> None:
        """Add a notice once; of one sentence about one field the first NOTICES_KEPT places are kept."""
        said = Notice(sentence, self.place(row, field), params)
        places = self.said.setdefault((sentence, field), [])
        if len(places) < NOTICES_KEPT and said not in places:
            places.append(said)
            self.notices.append(said)

    def problem(self, error: InputError) -> None:
        """Keep a row's error; past ``limits.problems`` reading stops, because the file is of another kind."""
        key = (error.sentence, error.place)
        if any((known.sentence, known.place) == key for known in self.problems[-200:]):
            return
        self.problems.append(error)
        if len(self.problems) > self.limits.problems:
            raise InputError(
                "More than {limit} rows of the file cannot be read; the last: {last}",
                place=self.place(),
                remedy="Check that the right file, encoding and header row were chosen.",
                limit=self.limits.problems,
                last=str(error),
            )

    def require_crs(self) -> str:
        """The CRS. Raises InputError when the file does not say and none was given."""
        if self.crs is None:
            raise InputError(
                "The file does not say in which coordinate reference system its coordinates are.",
                place=self.place(),
                remedy="Give the coordinate reference system, for example EPSG:4526; it is never guessed.",
            )
        return self.crs

    def batches(self, size: int = 20_000, *, geometry: bool = True) -> Iterator[pa.Table]:
        """Tables of at most ``size`` rows with the columns of ``fields``, ``__row__`` (int64) and, when the source has
        geometry and it is wanted, ``geometry`` (2D WKB in the delivered CRS, or null).

        Raises InputError when geometry is wanted and the CRS is unknown.
        """
        if self.has_geometry and geometry:
            self.require_crs()
        self.problems.clear()
        return self.reader(self, size, geometry and self.has_geometry)

    def table(self, *, geometry: bool = True) -> pa.Table:
        """Everything in one table; for files known to be small."""
        import pyarrow as pa

        tables = list(self.batches(geometry=geometry))
        return pa.concat_tables(tables) if tables else self.schema(geometry=geometry).empty_table()

    def schema(self, *, geometry: bool = True) -> pa.Schema:
        """Arrow schema of the batches."""
        import pyarrow as pa

        columns = [pa.field(ROW, pa.int64())]
        columns += [pa.field(f.name, arrow_type(f.kind)) for f in self.fields]
        if geometry and self.has_geometry:
            columns.append(pa.field(GEOMETRY, pa.binary()))
        return pa.schema(columns)

    def close(self) -> None:
        """Remove temporary files."""
        for directory in self.keep:
            directory.cleanup()
        self.keep.clear()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def arrow_type(kind: str) -> pa.DataType:
    """Arrow type in which a field of that kind is delivered."""
    import pyarrow as pa

    return {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "datetime": pa.timestamp("ms"),
        "time": pa.string(),
        "binary": pa.binary(),
    }[kind]


def sha256_of(paths: Iterable[Path]) -> tuple[str, dict[str, str]]:
    """("sha256:…" of the whole, {file name: "sha256:…"}).

    One file: its own hash. Several (shapefile, FileGDB): the hash of the lines "name⇥sha256" in order of lower-case
    name, so that the order of the parts on disc does not matter.
    """
    each: dict[str, str] = {}
    for path in paths:
        with path.open("rb") as stream:
            each[path.name] = "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    if len(each) == 1:
        return next(iter(each.values())), each
    lines = "".join(f"{name.lower()}\t{each[name]}\n" for name in sorted(each, key=str.lower))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest(), each
