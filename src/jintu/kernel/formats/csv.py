"""Delimited text. Every column is text: nothing becomes a number, a date or a time by itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError
from jintu.kernel.formats import encoding as encodings
from jintu.kernel.formats.source import ROW, Limits, Source, sha256_of
from jintu.kernel.formats.tabular import Shape, find_header, name_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read", "write"]

DELIMITERS = (",", "\t", ";", "|")
# the csv module's own limit of 128 KiB refuses long notices; a cell larger than this is a lost quote
csv.field_size_limit(16 * 1024 * 1024)


def read(
    path: Path, *, encoding: str | None = None, limits: Limits, header: int | None = None, delimiter: str | None = None
) -> Source:
    """Open a CSV or TSV. ``header`` is the row of the header (from 1) when the caller knows better than we.

    Raises InputError for text in no known encoding, unclosed quotes and files without a row.
    """
    codec, basis = encodings.of_file(path, encoding)
    digest, files = sha256_of([path])
    source = Source(
        path,
        "csv",
        path.stem,
        [],
        digest,
        _batches,
        encoding=codec,
        encoding_basis=basis,
        row_is="line",
        files=files,
        limits=limits,
    )
    delimiter = delimiter or _delimiter(path, codec)
    source.metadata["delimiter"] = delimiter
    first: list[list[str]] = []
    for row in _rows(source):
        first.append(row)
        if len(first) == 30:
            break
    if not any(cell.strip() for row in first for cell in row):
        raise InputError("The file has no text in it.", place=source.place(), remedy="Export it again.")
    at = header - 1 if header else find_header(first[:10])
    if at >= len(first):
        raise InputError("There is no row {row} to take the header from.", place=source.place(), row=at + 1)
    titles = first[at]
    width = len(titles)
    while width > 1 and not titles[width - 1].strip():
        width -= 1
    shape = _shape(source, at + 1, width)
    damaged = encodings.first_damage(path, codec)
    columns = shape.columns()
    source.fields = name_columns(source, titles, columns, at + 1)
    source.metadata["header_row"] = str(at + 1)
    source.count = shape.rows
    if at:
        source.notice("Row {row} is taken as the header; the rows above it are left out.", at + 1, row=at + 1)
    if columns > width:
        source.notice(
            "The header has {header} columns, the rows have {rows}: a header is missing, and the names may be shifted.",
            at + 1,
            header=width,
            rows=columns,
        )
    elif len(titles) > width or any(len(row) > width for row in first[at + 1 :]):
        source.notice("The empty last column (a trailing delimiter) is left out.", at + 1)
    if shape.short:
        source.notice("{count} rows are shorter than the header; what is missing is empty.", count=shape.short)
    if damaged:
        source.notice("Some text was spoilt by an earlier wrong conversion and cannot be mended.", damaged)
    if not shape.rows:
        source.notice("The table has a header and no rows.", at + 1)
    return source


def _shape(source: Source, header: int, width: int) -> Shape:
    """Goes once over the rows behind the header; a regular file is given to the quick reader."""
    from jintu.kernel.formats import regular

    try:
        rows = regular.count(source, header, width)
    except regular.IrregularError:
        shape = Shape(width)
        for number, row in enumerate(_rows(source), start=1):
            if number > header and row:
                shape.add(row)
        return shape
    source.reader = regular.batches
    return Shape(width, rows)


def _delimiter(path: Path, codec: str) -> str:
    """The delimiter that gives the most columns over the first lines, by parsing; comma when none stands out."""
    with path.open(encoding=codec, newline="") as stream:
        text = stream.read(65536)
    if path.suffix.lower() == ".tsv":
        return "\t"
    best, widest = ",", 1.0
    for candidate in DELIMITERS:
        try:
            widths = sorted(len(row) for row in csv.reader(text.splitlines(True)[:20], delimiter=candidate) if row)
        except csv.Error:
            continue
        if widths and (median := widths[len(widths) // 2]) > widest and median > 1:
            best, widest = candidate, median
    return best


def _rows(source: Source) -> Iterator[list[str]]:
    """Rows as lists, blank lines as empty lists. Raises InputError where quoting breaks."""
    number = 0
    with source.path.open(encoding=source.encoding if source.encoding != "utf-8" else "utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=source.metadata["delimiter"], strict=False)
        try:
            for row in reader:
                number += 1
                yield row
        except csv.Error as error:
            raise InputError(
                "The text cannot be split into columns: {reason}.",
                place=source.place(number + 1),
                remedy="Look for a quotation mark that is not closed.",
                reason=str(error),
            ) from error


def _batches(source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    columns = len(source.fields)
    skip = int(source.metadata["header_row"])
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, row in enumerate(_rows(source), start=1):
        if number <= skip or not row:
            continue
        if len(row) != columns:
            if any(row[columns:]):
                source.problem(
                    InputError(
                        "The row has {found} cells, the header {expected}.",
                        place=source.place(number),
                        remedy="Look for a missing line break or an unquoted delimiter in this row.",
                        found=len(row),
                        expected=columns,
                    )
                )
                continue
            row = row[:columns] + [""] * (columns - len(row))
        rows.append(row)
        numbers.append(number)
        if len(rows) == size:
            yield _table(source, rows, numbers)
            rows, numbers = [], []
    if rows:
        yield _table(source, rows, numbers)


def _table(source: Source, rows: list[list[str]], numbers: list[int]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [pa.array(numbers, pa.int64())]
    for cells in zip(*rows, strict=True):
        column = pa.array(cells, pa.string())
        columns.append(pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column))
    return pa.table(columns, names=[ROW, *(f.name for f in source.fields)])


def write(path: Path, tables: Iterator[pa.Table], *, encoding: str = "utf-8-sig", **_: Any) -> None:
    """Write text with a header; UTF-8 with a byte-order mark by default, so that spreadsheets show Chinese.

    Raises InputError when a character does not exist in the chosen encoding.
    """
    number = 1
    codec = "utf-8-sig" if encoding == "utf-8-sig" else encodings.canonical(encoding)
    with path.open("w", encoding=codec, newline="") as stream:
        writer = csv.writer(stream)
        for i, table in enumerate(tables):
            if i == 0:
                writer.writerow(table.column_names)
            lists = [column.to_pylist() for column in table.columns]
            try:
                for row in zip(*lists, strict=True):
                    number += 1
                    writer.writerow(["" if cell is None else cell for cell in row])
            except UnicodeEncodeError as error:
                from jintu.kernel.errors import Place

                raise InputError(
                    "The character {character} does not exist in {encoding}.",
                    place=Place(file=path.name, row=number),
                    remedy="Export as UTF-8.",
                    character=error.object[error.start],
                    encoding=encoding,
                ) from error
