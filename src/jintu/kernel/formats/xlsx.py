"""Spreadsheets (.xlsx, .xls, .ods) through calamine. A column keeps the type its cells have; text stays text."""

from __future__ import annotations

import datetime as dt
import functools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place
from jintu.kernel.formats.source import ROW, Field, Limits, Source, arrow_type, sha256_of
from jintu.kernel.formats.tabular import clean, find_header, join_headers, name_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["layers", "read", "write"]

Cell = Any


def _open(path: Path, limits: Limits) -> Any:
    import zipfile

    import python_calamine

    from jintu.kernel.formats import archive

    if zipfile.is_zipfile(path):
        archive.check(path, limits)
    try:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except python_calamine.PasswordError as error:
        raise InputError(
            "The workbook is protected by a password.",
            place=Place(file=path.name),
            remedy="Save it without a password.",
        ) from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise InputError(
            "The workbook cannot be opened: {reason}.",
            place=Place(file=path.name),
            remedy="Open it in a spreadsheet program and save it again.",
            reason=str(error),
        ) from error


def layers(path: Path, limits: Limits) -> list[str]:
    """Names of the sheets."""
    return list(_open(path, limits).sheet_names)


def read(path: Path, *, layer: str | None = None, limits: Limits, header: int | None = None) -> Source:
    """Open one sheet; the first that has rows when ``layer`` is not given.

    A column's kind is that of its cells: text; integer or number; date or datetime; boolean. Mixed columns become
    text, with numbers as typed ("3201", never "3201.0") and dates as ISO. A header of two lines (cells merged across)
    is read as "parent-child".
    """
    book = _open(path, limits)
    names = list(book.sheet_names)
    if layer is not None and layer not in names:
        raise InputError(
            "There is no sheet {layer}.",
            place=Place(file=path.name),
            remedy="The sheets are: {names}.",
            layer=layer,
            names=", ".join(names),
        )
    digest, files = sha256_of([path])
    source = Source(path, "xlsx", layer or "", [], digest, _batches, row_is="line", files=files, limits=limits)
    rows: list[list[Cell]] = []
    sheet = None
    for name in [layer] if layer is not None else names:
        sheet = book.get_sheet_by_name(name)
        rows = sheet.to_python(skip_empty_area=False)
        if any(cell not in ("", None) for row in rows for cell in row):
            source.layer = name
            break
    else:
        raise InputError(
            "The workbook has no cell with content.",
            place=source.place(),
            remedy="Check that the right file was chosen.",
        )
    if sum(map(len, rows)) > limits.cells:
        raise InputError(
            "The sheet has more than {limit} cells.", place=source.place(), remedy="Save it as CSV.", limit=limits.cells
        )
    if layer is None and len(names) > 1:
        source.notice("The workbook has {count} sheets; {layer} is read.", count=len(names), layer=source.layer)
    assert sheet is not None
    at = header - 1 if header else find_header(rows[:10])
    if at >= len(rows):
        raise InputError("There is no row {row} to take the header from.", place=source.place(), row=at + 1)
    titles, body = _header(source, sheet, rows, at)
    width = (
        max(
            (i + 1 for row in [titles, *rows[body:]] for i in range(len(row) - 1, -1, -1) if row[i] not in ("", None)),
            default=0,
        )
        if len(rows) < 2000
        else max(map(len, rows))
    )
    while (
        width > 1
        and not clean(titles[width - 1] if width <= len(titles) else "")
        and all(len(row) < width or row[width - 1] in ("", None) for row in rows[body:])
    ):
        width -= 1
    source.fields = name_columns(source, titles, width, at + 1)
    if at:
        source.notice("Row {row} is taken as the header; the rows above it are left out.", at + 1, row=at + 1)
    source.fields = [
        Field(
            f.name,
            _kind(source, f.name, [row[i] if i < len(row) else None for row in rows[body:]], body),
            title=f.title,
        )
        for i, f in enumerate(source.fields)
    ]
    source.metadata["header_row"] = str(body)
    data = [(n, row) for n, row in enumerate(rows[body:], start=body + 1) if any(c not in ("", None) for c in row)]
    source.count = len(data)
    if not data:
        source.notice("The table has a header and no rows.", at + 1)
    source.reader = functools.partial(_batches, data=data)
    return source


def _header(source: Source, sheet: Any, rows: list[list[Cell]], at: int) -> tuple[list[Cell], int]:
    """(titles, index of the first data row), joining two header lines when cells of the first are merged across."""
    titles = list(rows[at])
    try:
        merged = sheet.merged_cell_ranges or []
    except Exception:  # other formats than xlsx do not tell
        merged = []
    across = [((r0, c0), (r1, c1)) for (r0, c0), (r1, c1) in merged if r0 == at and r1 == at and c1 > c0]
    if not across or at + 1 >= len(rows):
        return titles, at + 1
    below = list(rows[at + 1]) + [""] * (len(titles) - len(rows[at + 1]))
    if not all(any(clean(below[c]) for c in range(c0, min(c1, len(below) - 1) + 1)) for (_, c0), (_, c1) in across):
        return titles, at + 1
    titles += [""] * (len(below) - len(titles))
    for (_, c0), (_, c1) in across:
        for column in range(c0, min(c1, len(titles) - 1) + 1):
            titles[column] = rows[at][c0]
    source.notice("The header has two lines; merged cells are read as parent-child.", at + 1)
    return join_headers(titles, below), at + 2


def _kind(source: Source, name: str, cells: list[Cell], offset: int) -> str:
    """Kind of a column from the types of its cells."""
    kinds = set()
    for row, cell in enumerate(cells, start=offset + 1):
        if cell is None or cell == "":
            continue
        if isinstance(cell, bool):
            kinds.add("boolean")
        elif isinstance(cell, (int, float)):
            kinds.add("integer" if float(cell).is_integer() else "number")
            if abs(cell) >= 1e15:
                source.notice(
                    "Numbers of more than 15 digits lose their last digits in a spreadsheet; store them as text.",
                    row,
                    name,
                )
        elif isinstance(cell, dt.datetime):
            kinds.add("date" if cell.time() == dt.time() else "datetime")
        elif isinstance(cell, dt.date):
            kinds.add("date")
        elif isinstance(cell, (dt.time, dt.timedelta)):
            kinds.add("time")
        else:
            kinds.add("text")
    if kinds <= {"integer"}:
        return "integer" if kinds else "text"
    if kinds <= {"integer", "number"}:
        return "number"
    if kinds <= {"date", "datetime"}:
        return "datetime" if "datetime" in kinds else "date"
    if len(kinds) > 1:
        source.notice("The column holds {kinds}; it is read as text.", None, name, kinds=", ".join(sorted(kinds)))
        return "text"
    return kinds.pop()


def _text(cell: Cell) -> str:
    """A cell as a person sees it; whole numbers without a decimal point."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    return str(cell)


def _cell(cell: Cell, kind: str) -> Cell:
    if cell is None or cell == "":
        return None
    if kind in ("text", "time"):
        return _text(cell)
    if kind == "integer":
        return int(cell)
    if kind == "number":
        return float(cell)
    if kind == "date":
        return cell.date() if isinstance(cell, dt.datetime) else cell
    if kind == "datetime" and not isinstance(cell, dt.datetime):
        return dt.datetime(cell.year, cell.month, cell.day)
    return cell


def _batches(
    source: Source, size: int, geometry: bool, data: Sequence[tuple[int, list[Cell]]] = ()
) -> Iterator[pa.Table]:
    import pyarrow as pa

    for start in range(0, len(data), size):
        part = data[start : start + size]
        columns = [pa.array([number for number, _ in part], pa.int64())]
        for i, f in enumerate(source.fields):
            cells = [_cell(row[i], f.kind) if i < len(row) else None for _, row in part]
            columns.append(pa.array(cells, arrow_type(f.kind)))
        yield pa.table(columns, names=[ROW, *(f.name for f in source.fields)])


def write(
    path: Path, tables: Iterator[pa.Table], *, sheet: str = "Sheet1", titles: dict[str, str] | None = None, **_: Any
) -> None:
    """Write a sheet with constant memory: text as text (never a formula or a link), dates as dates, frozen header.

    ``titles`` maps column names to the headers to show. Raises InputError past 1 048 575 rows.
    """
    import xlsxwriter

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "default_date_format": "yyyy-mm-dd",
            },
        )
        try:
            page = book.add_worksheet(sheet[:31])
            bold = book.add_format({"bold": True, "bg_color": "#E8EEF4", "border": 1})
            moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            page.freeze_panes(1, 0)
            number = 0
            for i, table in enumerate(tables):
                if i == 0:
                    for column, name in enumerate(table.column_names):
                        title = (titles or {}).get(name, name)
                        # a Chinese character is as wide as two Latin ones
                        page.set_column(column, column, min(40, 4 + sum(2 if c > "\u2e7f" else 1 for c in title)))
                        page.write_string(0, column, title, bold)
                lists = [column.to_pylist() for column in table.columns]
                for row in zip(*lists, strict=True):
                    number += 1
                    if number > 1_048_575:
                        raise InputError(
                            "A spreadsheet holds 1 048 576 rows at most.",
                            place=Place(file=path.name),
                            remedy="Export as CSV, or filter first.",
                        )
                    for column, cell in enumerate(row):
                        if cell is None:
                            continue
                        if isinstance(cell, str):
                            page.write_string(number, column, cell[:32767])
                        elif isinstance(cell, bool):
                            page.write_boolean(number, column, cell)
                        elif isinstance(cell, dt.datetime):
                            page.write_datetime(number, column, cell.replace(tzinfo=None), moment)
                        elif isinstance(cell, dt.date):
                            page.write_datetime(number, column, cell)
                        else:
                            page.write_number(number, column, float(cell))
        finally:
            book.close()
