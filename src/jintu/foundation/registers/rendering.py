"""Rows of a register as the templates show them: header cells, body cells, sections of a record.

Everything is made of strings here, so that a template only loops and fifty rows of a wide register stay cheap.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from . import divisions, values
from .descriptor import Register
from .listing import Sort
from .models import RowStatus

__all__ = ["Cell", "Head", "Section", "body", "heads", "may_see_persons", "row_title", "sections", "summary"]

BADGES = {RowStatus.DRAFT: "y", RowStatus.WITHDRAWN: ""}


@dataclass(frozen=True)
class Head:
    """A column's head: name, unit, CSS classes, and the sort it would give when clicked."""

    name: str
    label: str
    unit: str = ""
    css: str = ""
    sort: str = ""
    direction: str = ""


@dataclass(frozen=True)
class Cell:
    text: str
    css: str = ""
    unit: str = ""
    url: str = ""

    @property
    def html(self) -> SafeString:
        """The cell as an element of the table: a page has some five hundred, too many for conditions of a template."""
        text = escape(self.text)
        inside = f'<a href="{escape(self.url)}">{text}</a>' if self.url else text
        unit = f' data-u="{escape(self.unit)}"' if self.unit else ""
        return mark_safe(f'<td class="{escape(self.css)}"{unit}>{inside}</td>')  # noqa: S308 - every part is escaped


@dataclass
class Section:
    """A group of columns of one record: (label, text, unit, url, is number)."""

    title: str
    items: list[tuple[str, str, str, str, bool]] = field(default_factory=list)


def may_see_persons(scope: Any) -> bool:
    """Names of persons are for those who work with the record: who may edit or decide, not for mere viewers."""
    return bool(scope.verbs & {"edit", "verify", "dispatch"})


def heads(register: Register, names: Iterable[str], sort: Sort) -> list[Head]:
    """Heads of the chosen columns, then division and, at the end, the status."""
    made = []
    for name in names:
        f, column = register.attributes[name]
        number = values.is_number(f)
        turned = f"-{name}" if (sort.name == name and not sort.descending) else name
        if sort.name != name and (number or f.get_internal_type() == "DateField"):
            turned = f"-{name}"
        made.append(
            Head(
                name,
                values.header(f, column),
                values.unit_label(column) if number else "",
                " ".join(c for c in ("num" if number else "", "lo" if column.minor else "") if c),
                turned,
                ("descending" if sort.descending else "ascending") if sort.name == name else "",
            )
        )
    return made


def body(
    register: Register, rows: Iterable[Any], names: list[str], *, persons: bool = True
) -> list[tuple[Any, str, list[Cell]]]:
    """(uid, title, cells) of each row; the first cell links to the record. The last two are division and status."""
    found = []
    labels = {n: values.choices_of(register.attributes[n][0]) for n in names}
    shape = []
    for name in names:
        f, column = register.attributes[name]
        number = values.is_number(f)
        css = []
        if number:
            css.append("num")
        elif name != register.title:
            css.append("nw")
        if column.minor:
            css.append("lo")
        if name == register.title:
            css.append("m-name")
        elif name != register.key and not number:
            css.append("m-hide")
        shape.append((name, f, column, " ".join(css), values.unit_label(column) if number else ""))
    statuses = dict(RowStatus.choices)
    nobody = uuid.UUID(int=0)
    record = reverse("registers:detail", args=[register.name, nobody])  # asked once: fifty times is a tenth of the page
    for row in rows:
        cells = []
        url = record.replace(str(nobody), str(row.uid))
        for name, f, column, css, unit in shape:
            value = getattr(row, name)
            if column.personal and not persons and value:
                text = values.MASK
            elif labels[name] and value not in (None, ""):
                label = labels[name].get(str(value), "")
                text = f"{value} {label}".strip() if column.codelist else (label or str(value))
            else:
                text = values.shown(f, value, column)
            has = text != values.NOTHING
            cells.append(Cell(text, css, unit if has else "", url if name == register.key else ""))
        cells.append(Cell(divisions.name(row.division), "nw"))
        status = "" if row.status == RowStatus.VALID else str(statuses[row.status])
        cells.append(Cell(status, f"nw st {BADGES.get(row.status, '')}".strip()))
        found.append((row.uid, row_title(register, row), cells))
    return found


def row_title(register: Register, row: Any) -> str:
    """The row's name: its title, else its key."""
    title = getattr(row, register.title) if register.title else ""
    return str(title or getattr(row, register.key))


def sections(
    register: Register, row: Any, links: Mapping[tuple[str, str], str], *, persons: bool = True
) -> list[Section]:
    """A record's columns by group. ``links`` gives the address of linked records by (register, key)."""
    made = []
    for group, names in register.groups.items():
        section = Section(str(_(group)) if group else _("Record"))
        for name in names:
            f, column = register.attributes[name]
            value = getattr(row, name)
            text = values.MASK if column.personal and not persons and value else values.shown(f, value, column)
            url = links.get((column.link, str(value)), "") if column.link and value else ""
            number = values.is_number(f)
            unit = values.unit_label(column) if number and text != values.NOTHING else ""
            section.items.append((values.header(f, column), text, unit, url, number))
        made.append(section)
    return made


def summary(register: Register, sums: Mapping[str, Decimal]) -> list[tuple[str, str, str]]:
    """Sums of a list as (label, number, unit)."""
    made = []
    for name, total in sums.items():
        f, column = register.attributes[name]
        made.append((values.header(f, column), values.shown(f, total, column), values.unit_label(column)))
    return made
