"""Headers and row shapes of tables people typed: shared by CSV and spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from jintu.kernel.errors import InputError
from jintu.kernel.formats.source import Field, Source

__all__ = ["Shape", "find_header", "join_headers", "name_columns"]

_SPACE = re.compile(r"\s+")


def clean(header: object) -> str:
    """A header as one line: spaces, tabs and line breaks become one space; the byte-order mark goes.

    >>> clean("\\ufeff 发布\\n时间 ")
    '发布 时间'
    """
    return _SPACE.sub(" ", str(header if header is not None else "").replace("\ufeff", "")).strip()


def find_header(rows: Sequence[Sequence[object]]) -> int:
    """Index of the header among the first rows: the first row that fills at least half of the widest row.

    Title lines ("××县供地情况表") and unit lines ("单位：公顷") above the header fill one or two cells.

    >>> find_header([["供地情况表", "", ""], ["", "", "单位：公顷"], ["编号", "面积", "用途"], ["1", "2", "3"]])
    2
    """
    filled = [sum(1 for cell in row if cell not in (None, "") and str(cell).strip()) for row in rows]
    if not filled or max(filled) == 0:
        return 0
    need = max(1.0, max(filled) / 2) if max(filled) > 2 else 1.0
    return next(i for i, n in enumerate(filled) if n >= need)


def join_headers(parents: Sequence[object], children: Sequence[object]) -> list[str]:
    """Names of a two-line header: "parent-child", the parent alone where there is no child.

    ``parents`` must already be spread over the columns of their merged cells.

    >>> join_headers(["编号", "约定", "约定"], ["", "开工", "竣工"])
    ['编号', '约定-开工', '约定-竣工']
    """
    names = []
    for parent, child in zip(parents, children, strict=True):
        above, below = clean(parent), clean(child)
        names.append(f"{above}-{below}" if above and below and above != below else above or below)
    return names


@dataclass
class Shape:
    """What a first pass over the rows found: how wide they are and which columns hold anything."""

    header: int
    """Width of the header with its trailing blanks removed."""
    rows: int = 0
    width: int = 0
    wide: dict[int, int] = field(default_factory=dict)
    """Width without trailing blanks → number of rows, for rows wider than the header."""
    short: int = 0

    def add(self, row: Sequence[object]) -> None:
        self.rows += 1
        width = len(row)
        if width < self.header:
            self.short += 1
            return
        if width > self.header:
            while width > self.header and row[width - 1] in ("", None):
                width -= 1
            if width > self.header:
                self.wide[width] = self.wide.get(width, 0) + 1

    def columns(self) -> int:
        """Columns to read: the header's, and those behind it that at least half of the rows fill."""
        extra, behind = 0, sum(self.wide.values())
        for width in sorted(self.wide):
            if behind * 2 < self.rows:
                break
            extra = width - self.header
            behind -= self.wide[width]
        return self.header + extra


def name_columns(source: Source, headers: Sequence[object], columns: int, row: int) -> list[Field]:
    """Fields for the header cells: blanks become "column_n", repeated names get "_2", "_3"; both are noticed."""
    if columns > source.limits.columns:
        raise InputError(
            "The table has {columns} columns; at most {limit} are read.",
            place=source.place(row),
            remedy="Check the delimiter and the header row.",
            columns=columns,
            limit=source.limits.columns,
        )
    titles = [clean(headers[i]) if i < len(headers) else "" for i in range(columns)]
    taken, fields = set(titles), []
    count: dict[str, int] = {}
    for i, title in enumerate(titles, start=1):
        if not title:
            name = f"column_{i}"
            source.notice("Column {number} has no header; it is called {name}.", row, number=i, name=name)
        else:
            count[title] = count.get(title, 0) + 1
            name = title
            while count[title] > 1 and (name := f"{title}_{count[title]}") in taken:
                count[title] += 1
            if name != title:
                source.notice(
                    "The header {title} occurs more than once; column {number} is called {name}.",
                    row,
                    title=title,
                    number=i,
                    name=name,
                )
                taken.add(name)
        fields.append(Field(name, "text", title=title or name))
    return fields
