"""dBase tables (the attributes of a shapefile), read directly.

GDAL would be shorter, but it turns 20090231 into 3 March, skips what it cannot decode and cannot say where: here the
record and the field of every bad value are known. Layout: dBase III/IV level 3 and 5, Visual FoxPro 0x30–0x32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place
from jintu.kernel.formats import encoding as encodings
from jintu.kernel.formats.detect import DBASE
from jintu.kernel.formats.source import ROW, Field, Limits, Source, sha256_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["Header", "attach", "header", "read", "tables"]

# language driver id (byte 29) -> encoding; only those where the id is used consistently
LANGUAGE = {
    0x4D: "gb18030",
    0x7A: "gb18030",
    0x4F: "big5",
    0x78: "big5",
    0xC9: "cp1251",
    0x57: None,
    0x00: None,
    0x03: "cp1252",
    0x01: "cp437",
    0x02: "cp850",
    0x65: "cp866",
    0x26: "cp866",
    0xC8: "cp1250",
    0x13: "cp932",
    0x7B: "cp932",
    0x4E: "cp949",
    0x79: "cp949",
    0x69: "mazovia",
}
KINDS = {
    "C": "text",
    "N": "number",
    "F": "number",
    "D": "date",
    "L": "boolean",
    "I": "integer",
    "B": "number",
    "Y": "number",
    "T": "datetime",
}
BINARY = "IBYT"
MEMO = "MGPW0VQ+O@"  # kept elsewhere, or in an encoding of one maker's own: delivered as empty, with a notice
SEPARATOR = 0x1F  # between the values of a column while it is decoded as one block


@dataclass(frozen=True)
class Column:
    name: str
    letter: str
    start: int
    length: int
    decimals: int


@dataclass(frozen=True)
class Header:
    records: int
    offset: int
    width: int
    language: int
    columns: tuple[Column, ...]


def header(path: Path) -> Header:
    """Parse the header; names are decoded later with the table's encoding (here latin-1). Raises InputError."""
    place = Place(file=path.name)
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(32)
        if len(head) < 32 or head[0] not in DBASE:
            raise InputError("The file is not a dBase table.", place=place, remedy="Export it again.")
        if head[0] == 0x02:
            return _level2(head, stream.read(512), size)
        records, offset, width = struct.unpack("<IHH", head[4:12])
        if offset < 33 or width < 1 or offset > size:
            raise InputError("The header of the table is damaged.", place=place, remedy="Export it again.")
        stream.seek(0)
        raw = stream.read(offset)
    columns, at = [], 1
    step, first = (48, 68) if head[0] & 0x07 == 4 else (32, 32)  # dBase 7 has longer entries
    for i in range(first, offset - step + 1, step):
        entry = raw[i : i + step]
        if entry[0] in (0x0D, 0x00):
            break
        if step == 32:
            name, letter, length, decimals = entry[:11], chr(entry[11]), entry[16], entry[17]
        else:
            name, letter, length, decimals = entry[:32], chr(entry[32]), entry[33], entry[34]
        if letter == "C" and step == 32:
            length, decimals = length | decimals << 8, 0  # FoxPro keeps the high byte of long text in "decimals"
            if at + length > width:
                length &= 0xFF
        columns.append(Column(name.split(b"\x00")[0].decode("latin-1"), letter, at, length, decimals))
        at += length
    if at > width:
        raise InputError(
            "The columns of the table do not fit its record length ({width}).",
            place=place,
            remedy="Export it again.",
            width=width,
        )
    if (size - offset) // width < records:
        raise InputError(
            "The table says it has {said} records, but only {found} fit in the file: it was cut off.",
            place=place,
            remedy="Copy or export it again.",
            said=records,
            found=(size - offset) // width,
        )
    return Header(records, offset, width, head[29], tuple(columns))


def _level2(head: bytes, rest: bytes, size: int) -> Header:
    """dBase II: 16-byte column entries from byte 8, header of 521 bytes."""
    records, width = struct.unpack("<H", head[1:3])[0], struct.unpack("<H", head[6:8])[0]
    raw, columns, at = head + rest, [], 1
    for i in range(8, 520, 16):
        if raw[i] == 0x0D:
            break
        name, letter, length, decimals = raw[i : i + 11], chr(raw[i + 11]), raw[i + 12], raw[i + 15]
        columns.append(Column(name.split(b"\x00")[0].decode("latin-1"), letter, at, length, decimals))
        at += length
    return Header(records, 521, width, 0, tuple(columns))


def _memory(path: Path, head: Header) -> np.ndarray[Any, Any]:
    """Records as a read-only uint8 matrix [records, width], mapped, not loaded."""
    import numpy as np

    if head.records == 0:
        return np.zeros((0, head.width), np.uint8)
    return np.memmap(path, np.uint8, "r", head.offset, (head.records, head.width))


def choose_encoding(path: Path, head: Header, given: str | None, cpg: str | None) -> tuple[str, str]:
    """(encoding, basis). Order: given, .cpg, content, language byte of the header, and never a silent Latin-1.

    The content is tried strictly on up to 4 MB of non-ASCII values, because a .cpg is often wrong.
    """
    place = Place(file=path.name)
    sample = _sample(path, head)
    declared = _codepage(cpg) if cpg else None
    if given:
        encoding = encodings.canonical(given, place)
        bad = _misfit(sample, encoding)
        if bad:
            found = encodings.guess([value for _, _, value in sample])
            raise InputError(
                "The text is not in {encoding}: {value} does not fit.",
                place=Place(file=path.name, row=bad[0], field=bad[1]),
                remedy="It reads as {other}: choose that encoding." if found else "Choose another encoding.",
                encoding=given,
                value=bad[2].hex(" "),
                other=found,
            )
        return encoding, "given"
    if not sample:
        return declared or "utf-8", "declared" if declared else "detected"
    values = [value for _, _, value in sample]
    if declared and not _misfit(sample, declared) and not (declared == "utf-8" and encodings.prefers_gb(values)):
        return declared, "declared"
    found = encodings.guess(values)
    language = LANGUAGE.get(head.language)
    if (
        language
        and language != "mazovia"
        and not _misfit(sample, language)
        and (found is None or found == language or head.language in (0xC9, 0x65, 0x26))
    ):
        return language, "declared"
    if found:
        return found, "detected"
    raise InputError(
        "The encoding of the table's text cannot be told ({value} is neither UTF-8 nor GB 18030).",
        place=Place(file=path.name, row=sample[0][0], field=sample[0][1]),
        remedy="Give the encoding.",
        value=sample[0][2][:12].hex(" "),
    )


def _codepage(text: str) -> str | None:
    """Encoding named by a .cpg file: "UTF-8", "936", "ANSI 936", "GBK", "OEM 936" …"""
    word = text.strip().split("\n")[0].strip().upper().removeprefix("ANSI").removeprefix("OEM").strip(" :_-")
    if word.isdigit() and word not in ("936", "950", "65001"):
        word = f"cp{word}" if not word.startswith("8859") else f"iso8859-{word[4:]}"
    try:
        return encodings.canonical(word)
    except InputError:
        return None


def _sample(path: Path, head: Header, limit: int = 4_000_000) -> list[tuple[int, str, bytes]]:
    """(record, field, value) of non-ASCII text values, column names first as record 0."""
    import numpy as np

    found = [(0, "", c.name.encode("latin-1")) for c in head.columns if not c.name.isascii()]
    total = 0
    matrix = _memory(path, head)
    text = [c for c in head.columns if c.letter == "C"]
    for start in range(0, head.records, 20_000):
        part = np.asarray(matrix[start : start + 20_000])
        for column in text:
            cells = part[:, column.start : column.start + column.length]
            for row in np.flatnonzero((cells >= 0x80).any(axis=1)):
                value = cells[row].tobytes().rstrip(b" \x00")
                found.append((start + int(row) + 1, column.name, value))
                total += len(value)
        if total > limit:
            break
    return found


def _misfit(sample: list[tuple[int, str, bytes]], encoding: str) -> tuple[int, str, bytes] | None:
    """The first value that is not in that encoding; a character cut in two at the field's end is forgiven."""
    for row, name, value in sample:
        try:
            value.decode(encoding)
        except UnicodeDecodeError as error:
            if error.end < len(value) or error.start < len(value) - 3:
                return row, name, value[error.start : error.start + 4]
    return None


def attach(source: Source, path: Path, *, encoding: str | None, cpg: str | None) -> Header:
    """Parse the table's header and fill the source's fields, encoding and notices."""
    head = header(path)
    source.encoding, source.encoding_basis = choose_encoding(path, head, encoding, cpg)
    if cpg and not encoding and source.encoding_basis != "declared":
        source.notice(
            "The .cpg file says {cpg}, but the text is {encoding}.", cpg=cpg.strip(), encoding=source.encoding
        )
    fields, taken = [], set()
    for number, column in enumerate(head.columns, start=1):
        raw = column.name.encode("latin-1")
        title = (column.name if raw.isascii() else raw.decode(source.encoding, "replace")).strip()
        name = title or f"column_{number}"
        n = 1
        while name in taken:
            n += 1
            name = f"{title}_{n}"
        if name != title:
            source.notice("Column {number} is called {name}.", number=number, name=name)
        taken.add(name)
        kind = "text" if column.letter in MEMO else KINDS.get(column.letter, "text")
        if column.letter in "NF":
            kind = "integer" if column.decimals == 0 and column.length <= 18 and column.letter == "N" else "number"
        if column.letter in MEMO:
            source.notice("The column {name} is a memo or binary column, which is not read; it is empty.", name=name)
        fields.append(Field(name, kind, column.length, column.decimals if column.letter in "NF" else None, title=title))
    source.fields = fields
    return head


def read(path: Path, *, encoding: str | None, limits: Limits) -> Source:
    """Open a table without geometry."""
    digest, files = sha256_of([path])
    source = Source(path, "dbf", path.stem, [], digest, _batches, files=files, limits=limits)
    head = attach(source, path, encoding=encoding, cpg=cpg_beside(path))
    source.count = int((_memory(path, head)[:, 0] != 0x2A).sum())
    return source


def cpg_beside(path: Path) -> str | None:
    """Text of the .cpg file beside, whatever the case of its extension."""
    for other in path.parent.glob(f"{_escape(path.stem)}.*"):
        if other.suffix.lower() == ".cpg":
            return other.read_text("latin-1")
    return None


def _escape(name: str) -> str:
    import glob

    return glob.escape(name)


def _batches(source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    for table, bad in tables(source, source.path, header(source.path), size):
        yield _without(table, bad)


def _without(table: pa.Table, bad: set[int]) -> pa.Table:
    if not bad:
        return table
    import pyarrow as pa

    return table.filter(pa.array([row not in bad for row in table.column(ROW).to_pylist()]))


def tables(source: Source, path: Path, head: Header, size: int) -> Iterator[tuple[pa.Table, set[int]]]:
    """(table of undeleted records with their numbers, numbers of the records with an unreadable value)."""
    import numpy as np
    import pyarrow as pa

    matrix = _memory(path, head)
    for start in range(0, head.records, size):
        part = np.asarray(matrix[start : start + size])
        alive = part[:, 0] != 0x2A
        numbers = np.arange(start + 1, start + 1 + len(part), dtype=np.int64)[alive]
        part = part[alive]
        bad: set[int] = set()
        columns: list[Any] = [pa.array(numbers)]
        for column, f in zip(head.columns, source.fields, strict=True):
            cells = np.ascontiguousarray(part[:, column.start : column.start + column.length])
            columns.append(_column(source, column, f, cells, numbers, bad))
        yield pa.table(columns, names=[ROW, *(f.name for f in source.fields)]), bad


def _column(source: Source, column: Column, f: Field, cells: Any, numbers: Any, bad: set[int]) -> Any:
    """One column of a batch as an Arrow array of the field's kind."""
    import numpy as np
    import pyarrow as pa

    if f.kind == "text":
        return pa.nulls(len(cells), pa.string()) if column.letter in MEMO else _text(source, f, cells, numbers, bad)
    if column.letter in BINARY and column.length in (4, 8):
        return _binary(column, cells)
    if f.kind == "date":
        return _dates(source, f, cells, numbers, bad)
    if f.kind == "boolean":
        true, false = np.isin(cells[:, 0], list(b"TtYy")), np.isin(cells[:, 0], list(b"FfNn"))
        return pa.array(true, mask=~(true | false))
    return _numbers(source, f, _strings(cells), numbers, bad)


def _binary(column: Column, cells: Any) -> Any:
    """Visual FoxPro's binary columns: integer, double, currency, datetime, all little-endian."""
    import numpy as np
    import pyarrow as pa

    if column.letter == "T":
        return _moments(cells)
    raw = np.ascontiguousarray(cells).reshape(-1)
    if column.letter == "I":
        return pa.array(raw.view("<i4").astype(np.int64))
    if column.letter == "Y":
        return pa.array(raw.view("<i8") / 10_000)
    return pa.array(raw.view("<f8").astype(np.float64))


def _strings(cells: Any) -> list[str]:
    """ASCII cells as stripped strings."""
    width = cells.shape[1]
    if not width or not len(cells):
        return []
    return [value.decode("latin-1").strip(" \x00\t") for value in cells.view(f"S{width}").ravel()]


def _numbers(source: Source, f: Field, values: list[str], numbers: Any, bad: set[int]) -> Any:
    """Digits as int64 or float64, the whole column at once; one by one only where that fails."""
    import pyarrow as pa

    kind = pa.int64() if f.kind == "integer" else pa.float64()
    try:
        # a lone point is how dBase II writes a number that was never filled in
        values = ["" if value == "." else value for value in values]
        array = pa.array([value or None for value in values], pa.string()).cast(kind)
        if f.kind == "integer" or not array.is_nan().sum().as_py():
            return array
    except pa.ArrowInvalid:
        pass
    out: list[float | None] = []
    for row, value in zip(numbers.tolist(), values, strict=True):
        try:
            out.append(_number(value, f.kind) if value else None)
        except ValueError:
            out.append(None)
            if value.strip("*"):
                source.problem(InputError("{value} is not a number.", place=source.place(row, f.name), value=value))
                bad.add(row)
            else:
                source.notice(
                    "The column was too narrow for its value, which the file shows as {value}; it is empty.",
                    row,
                    f.name,
                    value=value,
                )
    return pa.array(out, kind)


def _number(value: str, kind: str) -> float:
    """A number with a decimal point or comma. Raises ValueError for anything else, NaN included."""
    if not set(value) <= set("0123456789+-.,eE"):
        raise ValueError(value)
    number = float(value.replace(",", "."))
    if kind == "number":
        return number
    if not number.is_integer():
        raise ValueError(value)
    return int(number)


def _text(source: Source, f: Field, cells: Any, numbers: Any, bad: set[int]) -> Any:
    """Text without its padding; decoded as one block, and one by one only where the block does not decode."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    count, width = cells.shape
    if not count or not width:
        return pa.nulls(count, pa.string())
    codec = "ascii" if (cells < 0x80).all() else source.encoding
    texts: list[str] = []
    if not (cells == SEPARATOR).any() and not codec.startswith("utf-16"):
        block = np.concatenate([cells, np.full((count, 1), SEPARATOR, np.uint8)], axis=1).tobytes()
        try:
            texts = block.decode(codec).split(chr(SEPARATOR))[:-1]
        except UnicodeDecodeError:
            texts = []
    if len(texts) != count:
        texts = [_one(source, f, int(numbers[i]), cells[i].tobytes(), codec, bad) for i in range(count)]
    if (cells == 0).any():  # C strings: what follows the first NUL is left over from an earlier value
        texts = [text.split("\x00")[0] for text in texts]
    array = pc.utf8_rtrim(pa.array(texts, pa.string()), characters=" ")
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)


def _one(source: Source, f: Field, row: int, value: bytes, codec: str, bad: set[int]) -> str:
    value = value.rstrip(b" \x00")
    try:
        return value.decode(codec)
    except UnicodeDecodeError as error:
        if error.end >= len(value) and error.start >= len(value) - 3:
            source.notice(
                "Text was cut in the middle of a character at the end of the field; the rest is kept.", row, f.name
            )
            return value[: error.start].decode(codec)
        source.problem(
            InputError(
                "The text is not in {encoding}: {value} does not fit.",
                place=source.place(row, f.name),
                remedy="Choose another encoding.",
                encoding=codec,
                value=value[error.start : error.start + 4].hex(" "),
            )
        )
        bad.add(row)
        return ""


def _dates(source: Source, f: Field, cells: Any, numbers: Any, bad: set[int]) -> Any:
    """YYYYMMDD, checked against the calendar: 20090231 is a problem, not 3 March."""
    import datetime as dt

    import pyarrow as pa

    out: list[dt.date | None] = []
    for row, value in zip(numbers.tolist(), _strings(cells), strict=True):
        if not value or value.strip("0") == "":
            out.append(None)
            continue
        try:
            if len(value) != 8 or not value.isdigit():
                raise ValueError(value)
            out.append(dt.date(int(value[:4]), int(value[4:6]), int(value[6:])))
        except ValueError:
            source.problem(
                InputError(
                    "{value} is not a day of the calendar.",
                    place=source.place(row, f.name),
                    remedy="Write the date as YYYYMMDD.",
                    value=value,
                )
            )
            bad.add(row)
            out.append(None)
    return pa.array(out, pa.date32())


def _moments(cells: Any) -> Any:
    """FoxPro/dBase 7 datetime: Julian day and milliseconds, little-endian."""
    import datetime as dt

    import numpy as np
    import pyarrow as pa

    if not len(cells) or cells.shape[1] != 8:
        return pa.nulls(len(cells), pa.timestamp("ms"))
    pairs = np.ascontiguousarray(cells).view("<u4")
    out: list[dt.datetime | None] = []
    for day, ms in pairs.tolist():
        if not 1721426 <= day <= 5373484:
            out.append(None)
        else:
            out.append(dt.datetime.fromordinal(day - 1721425) + dt.timedelta(milliseconds=ms))
    return pa.array(out, pa.timestamp("ms"))
