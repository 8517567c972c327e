"""A page of a register: keyset paging, capped count, sums of the filtered rows.

Pages are found by the value of the sort column and the id, never by an offset, so page 400 costs what page 1 costs and
a row added meanwhile shifts nothing. Counts stop at `CAP`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q, Sum

from jintu.foundation.identity.scope import Scope
from jintu.kernel.errors import InputError, Place

from . import filters as filtering
from . import values
from .descriptor import Register
from .filters import Filters
from .models import VisibleRows

__all__ = ["CAP", "PAGE", "Count", "Page", "Sort", "asked", "base_rows", "columns", "count", "page", "sort_of", "sums"]

CAP = 10_000
PAGE = 50
MOST = 500
SUMMED = frozenset({"m2", "yuan", "kg"})


@dataclass(frozen=True)
class Count:
    """A number of rows, exact up to `CAP`."""

    n: int
    capped: bool = False

    def __str__(self) -> str:
        return values.group(str(self.n)) + ("+" if self.capped else "")


@dataclass(frozen=True)
class Sort:
    """One column and a direction; ``nullable`` columns put their empty values last when descending."""

    name: str
    descending: bool
    nullable: bool

    @property
    def param(self) -> str:
        return f"-{self.name}" if self.descending else self.name


@dataclass
class Page:
    rows: list[Any]
    sort: Sort
    after: str = ""
    """Cursor of the next page, "" on the last."""
    before: str = ""
    """Cursor of the page before, "" on the first."""
    fields: list[str] = field(default_factory=list)


def base_rows(register: Register, scope: Scope) -> VisibleRows:
    """Rows the scope may see; the start of every query of a page."""
    return register.model.objects.visible().within(scope)


def columns(register: Register, chosen: str = "") -> list[str]:
    """The columns a list shows: those chosen, else the listed ones; the key always first, then the title."""
    wanted = [c for c in chosen.split(",") if c in register.attributes and not register.attributes[c][1].hidden]
    if not wanted:
        wanted = [n for n, (_f, c) in register.attributes.items() if c.listed and not c.hidden]
    first = [register.key] + ([register.title] if register.title else [])
    return list(dict.fromkeys(first + wanted))


def sort_of(register: Register, asked: str = "") -> Sort:
    """The order asked for; an unknown column is refused."""
    text = asked or register.ordering
    name = text.lstrip("-")
    if name in {"id", "division", "updated_at", "created_at"}:
        return Sort(name, text.startswith("-"), False)
    if name not in register.attributes:
        raise InputError("The list cannot be sorted by {name}.", place=Place(field="sort"), name=name)
    return Sort(name, text.startswith("-"), register.attributes[name][0].null)


def page(
    register: Register,
    rows: VisibleRows,
    *,
    sort: Sort,
    after: str = "",
    before: str = "",
    size: int = PAGE,
    only: list[str] | None = None,
) -> Page:
    """One page of ``rows`` in the order ``sort``, after or before a cursor. ``only`` limits what is read.

    Raises `InputError` for a cursor that is none of ours.
    """
    size = max(1, min(size, MOST))
    backwards = bool(before)
    cursor = _read_cursor(register, sort, before or after) if (before or after) else None
    found = _walk(rows, sort, cursor, backwards, size + 1, only)
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    made = Page(found, sort)
    if found:
        has_next = more if not backwards else True
        has_previous = more if backwards else cursor is not None
        made.after = _cursor(sort, found[-1]) if has_next else ""
        made.before = _cursor(sort, found[0]) if has_previous else ""
    return made


def _walk(rows: VisibleRows, sort: Sort, cursor: Any, backwards: bool, n: int, only: list[str] | None) -> list[Any]:
    """The next ``n`` rows in the given direction.

    Filled and empty values are read as two ranges: one OR over both would keep the database from using the index.
    """
    down = sort.descending != backwards
    step = ("-id",) if down else ("id",)
    if sort.name == "id":
        if cursor is not None:
            rows = rows.filter(**{"id__lt" if down else "id__gt": cursor[1]})
        return list(_narrow(rows.order_by(*step), only)[:n])
    filled = rows.filter(**{f"{sort.name}__isnull": False}) if sort.nullable else rows
    empty = rows.filter(**{f"{sort.name}__isnull": True}) if sort.nullable else None
    segments = [("filled", filled), ("empty", empty)] if down else [("empty", empty), ("filled", filled)]
    found: list[Any] = []
    skipping = cursor is not None
    at_empty = cursor is not None and cursor[0] is None
    for name, part in segments:
        if part is None or len(found) >= n:
            continue
        here = (name == "empty") == at_empty
        if skipping and not here:
            continue
        if skipping:
            skipping = False
            part = _beyond(part, sort, cursor, down, name == "empty")
        order = step if name == "empty" else ((F(sort.name).desc() if down else F(sort.name).asc()), *step)
        found += list(_narrow(part.order_by(*order), only)[: n - len(found)])
    return found


def _beyond(part: VisibleRows, sort: Sort, cursor: Any, down: bool, empty: bool) -> VisibleRows:
    value, pk = cursor
    sign = "lt" if down else "gt"
    by_id = Q(**{f"id__{sign}": pk})
    if empty:
        return part.filter(by_id)
    # the range first, so that the index gives its start; the OR only breaks ties
    return part.filter(**{f"{sort.name}__{sign}e": value}).filter(Q(**{f"{sort.name}__{sign}": value}) | by_id)


def _narrow(rows: VisibleRows, only: list[str] | None) -> VisibleRows:
    return rows.only(*only) if only else rows


def _cursor(sort: Sort, row: Any) -> str:
    value = values.plain(getattr(row, sort.name))
    packed = json.dumps([sort.param, value, row.pk], ensure_ascii=False, default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _read_cursor(register: Register, sort: Sort, text: str) -> tuple[Any, int]:
    wrong = InputError(
        "This is not a page of the list.", place=Place(field="after"), remedy="Start again at the first page."
    )
    try:
        param, value, pk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if param != sort.param:
            raise wrong
        model_field = register.model._meta.get_field(sort.name)
        return (None if value is None else model_field.to_python(value)), int(pk)
    except (ValueError, TypeError, binascii.Error, UnicodeDecodeError):
        raise wrong from None


def count(rows: VisibleRows) -> Count:
    """How many rows, counted no further than `CAP`."""
    n = rows.order_by().values("pk")[: CAP + 1].count()
    return Count(min(n, CAP), n > CAP)


def sums(register: Register, rows: VisibleRows, names: list[str], counted: Count) -> dict[str, Decimal]:
    """Sums of the area, money and mass columns among ``names``; none when there are more rows than are counted."""
    summed = [
        n for n in names if register.attributes[n][1].unit in SUMMED and values.is_number(register.attributes[n][0])
    ]
    if not summed or counted.capped or not counted.n:
        return {}
    found = rows.order_by().aggregate(**{f"sum_{n}": Sum(n) for n in summed})
    return {n: found[f"sum_{n}"] for n in summed if found[f"sum_{n}"] is not None}


def asked(
    register: Register, scope: Scope, query: Mapping[str, Any], *, strict: bool = False
) -> tuple[Filters, VisibleRows]:
    """The filters of a query string and the rows they leave; the same for pages, API, export and tiles."""
    filters = filtering.read(register, query, strict=strict)
    return filters, filters.apply(base_rows(register, scope))


def field_of(register: Register, name: str) -> models.Field:
    """A column's Django field."""
    return register.attributes[name][0]
