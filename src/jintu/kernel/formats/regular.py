"""Delimited text that is regular: the same columns in every row, quotes as RFC 4180 has them.

Of such text Arrow's reader and Python's give the same cells, and Arrow's is many times as fast and holds no lock. What
Python's reader forgives (quotes within a cell, rows of uneven width, lone carriage returns) is not regular, and is left
to it. A look at the separators, quotes and line ends of a block tells which it is.
"""

from __future__ import annotations

from codecs import BOM_UTF8 as BOM
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jintu.kernel.formats.source import ROW, Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["IrregularError", "batches", "count"]

BLOCK = 4 << 20
ROW_LIMIT = 16 << 20
"""Bytes a row may have: above the limit of Python's reader for one cell it is not regular, and refused there."""
NUL, LINE_FEED, RETURN, QUOTE = 0, 10, 13, 34


class IrregularError(Exception):
    """The text is to be read cell by cell."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a block: where they start and end in ``data`` (line end included), the line's number in the file (from
    1, blank lines counted) and the number of cells, 0 for a blank line."""

    data: bytes
    starts: np.ndarray
    ends: np.ndarray
    numbers: np.ndarray
    cells: np.ndarray

    @property
    def end(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def filled(self, before: int) -> Rows:
        """Without blank lines; ``before`` rows of the file come before these."""
        keep = self.cells > 0
        return Rows(self.data, self.starts[keep], self.ends[keep], self.numbers[keep] + before, self.cells[keep])


def count(source: Source, header: int, columns: int) -> int:
    """Rows behind row ``header``. Raises IrregularError unless each of them has that many cells, two or more."""
    if columns < 2 or not _is_separator(source.metadata["delimiter"]):
        raise IrregularError
    total = 0
    for rows in _read(source):
        behind = rows.cells[rows.numbers > header]
        if (behind != columns).any():
            raise IrregularError
        total += len(behind)
    return total


def batches(source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    """Tables of ``size`` rows of a source `count` found regular; empty cells are null."""
    header = int(source.metadata["header_row"])
    pieces: list[bytes] = []
    numbers: list[np.ndarray] = []
    held = 0
    for rows in _read(source):
        at = int(np.searchsorted(rows.numbers, header, side="right"))
        while at < len(rows.numbers):
            upto = min(at + size - held, len(rows.numbers))
            pieces.append(rows.data[rows.starts[at] : rows.ends[upto - 1]])
            numbers.append(rows.numbers[at:upto])
            held += upto - at
            at = upto
            if held == size:
                yield _table(source, b"".join(pieces), np.concatenate(numbers))
                pieces, numbers, held = [], [], 0
    if held:
        yield _table(source, b"".join(pieces), np.concatenate(numbers))


def _is_separator(delimiter: str) -> bool:
    return len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\r\n\0'


def _read(source: Source) -> Iterator[Rows]:
    """All rows of the file by blocks of whole rows. Raises IrregularError."""
    separator, before, rest = ord(source.metadata["delimiter"]), 0, b""
    for block, last in _blocks(source):
        data = rest + block
        if last and data and not data.endswith(b"\n"):
            data += b"\n"
        rows = _rows(data, separator)
        rest = data[rows.end :]
        if len(rest) > ROW_LIMIT or (last and rest):  # a quotation mark that is not closed
            raise IrregularError
        yield rows.filled(before)
        before += len(rows.ends)


def _rows(data: bytes, separator: int) -> Rows:
    """The whole rows at the beginning of ``data``, which starts outside quotes. Raises IrregularError."""
    text = np.frombuffer(data, np.uint8)
    # few bytes other than the wanted ones and spaces are that small, so one comparison sifts them all
    at = np.flatnonzero((text <= QUOTE) | (text == separator))
    sign = text[at]
    quote = sign == QUOTE
    outside = (np.cumsum(quote) & 1) == 0
    line_end = outside & (sign == LINE_FEED)
    last = np.flatnonzero(line_end)[-1:]
    whole = slice(0, int(last[0]) + 1 if len(last) else 0)
    text = text[: int(at[last[0]]) + 1 if len(last) else 0]
    at, sign, quote, outside, line_end = at[whole], sign[whole], quote[whole], outside[whole], line_end[whole]
    lone = outside & (sign == RETURN)
    if (sign == NUL).any() or (text[at[lone] + 1] != LINE_FEED).any() or not _are_standard(text, at[quote], separator):
        raise IrregularError
    ends = at[line_end] + 1
    starts = np.concatenate([[0], ends[:-1]])[: len(ends)]
    if len(ends) and (ends - starts).max() >= ROW_LIMIT:
        raise IrregularError
    separators = np.diff(np.cumsum(outside & (sign == separator))[line_end], prepend=0)
    length = ends - starts
    blank = (length == 1) | ((length == 2) & (text[starts] == RETURN))
    return Rows(data, starts, ends, np.arange(1, len(ends) + 1), np.where(blank, 0, separators + 1))


def _are_standard(text: np.ndarray, quotes: np.ndarray, separator: int) -> bool:
    """Whether cells are quoted from end to end, with quotes inside doubled. ``quotes``: places of all of them.

    Odd quotes open a cell or are the second of two, even ones close it or are the first of two.
    """
    opening, closing = quotes[0::2], quotes[1::2]
    if len(opening) != len(closing):
        return False
    doubled = closing[:-1] + 1 == opening[1:]
    before = text[opening - 1]  # of a quote at the very beginning the last byte, a line feed
    begins = (before == separator) | (before == LINE_FEED)
    begins[1:] |= doubled
    after = text[closing + 1]
    ends = (after == separator) | (after == LINE_FEED) | (after == RETURN)
    ends[:-1] |= doubled
    return bool(begins.all() and ends.all())


def _table(source: Source, data: bytes, numbers: np.ndarray) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    names = [f.name for f in source.fields]
    if data.startswith(BOM):  # part of a cell here, but Arrow takes it for the mark of a file; a blank line prevents it
        data = b"\n" + data
    table = csv.read_csv(
        pa.BufferReader(data),
        read_options=csv.ReadOptions(column_names=names, block_size=min(len(data) + 1, 1 << 30)),
        parse_options=csv.ParseOptions(delimiter=source.metadata["delimiter"], newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )
    return table.combine_chunks().add_column(0, ROW, pa.array(numbers, pa.int64()))


def _blocks(source: Source) -> Iterator[tuple[bytes, bool]]:
    """The text in UTF-8 without byte-order mark, and whether it is the last of it."""
    if source.encoding in ("utf-8", "utf-8-sig"):
        with source.path.open("rb") as stream:
            if stream.read(len(BOM)) != BOM:
                stream.seek(0)
            while block := stream.read(BLOCK):
                yield block, False
    else:
        with source.path.open(encoding=source.encoding, newline="") as text:
            while piece := text.read(BLOCK // 2):
                yield piece.encode(), False
    yield b"", True
