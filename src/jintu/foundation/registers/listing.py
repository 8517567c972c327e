"""A page of a register: keyset paging, capped count, sums of the filtered rows.

Pages are found by the value of the sort column and the id, never by an offset, so page 400 costs what page 1 costs and
a row added meanwhile shifts nothing. Counts stop at `CAP`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection, models
from django.db.models import F, Q

from jintu.foundation.identity.scope import Scope
from jintu.kernel.errors import InputError, Place

from . import filters as filtering
from . import values
from .descriptor import Register
from .filters import Filters
from .models import VisibleRows
from .planner import WALKED, along, as_stored

__all__ = [
    "CAP",
    "PAGE",
    "Count",
    "Look",
    "Page",
    "Sort",
    "asked",
    "base_rows",
    "columns",
    "count",
    "first",
    "look",
    "page",
    "sort_of",
]

CAP = 10_000
PAGE = 50
MOST = 500
MOST_FOUND = 2_000
"""Matches of a full-text query a list goes through, newest first; its count then says 2 000+."""
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


def base_rows(register: Register, scope: Scope, *, walked: bool = False) -> VisibleRows:
    """Rows the scope may see; the start of every query of a page. ``walked``: see `planner`."""
    rows = register.model.objects.visible()
    if not walked:
        return rows.within(scope)
    return rows.alias(**WALKED).filter(scope.rows(division=next(iter(WALKED))))


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
    # keys first, rows after: sorting by a column of a wide index then never reads the rows it leaves out
    ids = _walk(rows, sort, cursor, backwards, size + 1)
    by_id = {row.pk: row for row in _narrow(register.model.objects.filter(pk__in=ids), only)}
    found = [by_id[i] for i in ids if i in by_id]
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


def first(rows: VisibleRows, sort: Sort, size: int) -> tuple[list[Any], bool]:
    """The first rows of few, read at once, and whether there are more; in the order of `page`."""
    by = F(sort.name).desc(nulls_last=True) if sort.descending else F(sort.name).asc(nulls_first=True)
    found = list(rows.order_by(by, "-id" if sort.descending else "id")[: size + 1])
    return found[:size], len(found) > size


def _walk(rows: VisibleRows, sort: Sort, cursor: Any, backwards: bool, n: int) -> list[int]:
    """The ids of the next ``n`` rows in the given direction.

    Filled and empty values are read as two ranges: one OR over both would keep the database from using the index.
    """
    down = sort.descending != backwards
    step = ("-id",) if down else ("id",)
    if sort.name == "id":
        if cursor is not None:
            rows = rows.filter(**{"id__lt" if down else "id__gt": cursor[1]})
        return list(rows.order_by(*step).values_list("pk", flat=True)[:n])
    if cursor is None and connection.vendor == "sqlite":
        # there an empty value is smaller than any other, which is the order wanted
        order = F(sort.name).desc() if down else F(sort.name).asc()
        return list(rows.order_by(order, *step).values_list("pk", flat=True)[:n])
    filled = rows.filter(**{f"{sort.name}__isnull": False}) if sort.nullable else rows
    empty = rows.filter(**{f"{sort.name}__isnull": True}) if sort.nullable else None
    segments = [("filled", filled), ("empty", empty)] if down else [("empty", empty), ("filled", filled)]
    found: list[int] = []
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
        found += list(part.order_by(*order).values_list("pk", flat=True)[: n - len(found)])
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


def summable(register: Register, names: list[str]) -> list[str]:
    """The area, money and mass columns among ``names``."""
    return [
        n for n in names if register.attributes[n][1].unit in SUMMED and values.is_number(register.attributes[n][0])
    ]


@dataclass
class Look:
    """What a page shows of a register: its filters, its rows, how many there are, and their sums."""

    filters: Filters
    page: Page
    count: Count
    sums: dict[str, Decimal] = field(default_factory=dict)


COVERED = frozenset({"division", "status"})
"""Filters that the division's index answers by itself."""


def look(
    register: Register,
    scope: Scope,
    query: Mapping[str, Any],
    *,
    names: list[str] | None = None,
    only: list[str] | None = None,
    strict: bool = False,
) -> Look:
    """The page a query string asks for, for people and for programs.

    The rows are gone through once. Up to `CAP` of them are few: their keys, sort values and summed columns are read,
    and count, sums and page come from these. More than that are many: they are read along the sort column's index, and
    nothing is summed. ``names`` are the columns to sum, ``only`` the columns to read of the page's rows.

    Raises `InputError` for a filter, order or cursor that cannot be read.
    """
    filters, rows = asked(register, scope, query, strict=strict)
    sort = sort_of(register, query.get("sort", ""))
    after, before = query.get("after", ""), query.get("before", "")
    given = query.get("size", "")
    size = max(1, min(int(given), MOST)) if given.isdigit() else PAGE
    covered = [c for c in filters.conditions if c.key in COVERED]
    counted = count(Filters(register, covered).apply(base_rows(register, scope)))
    summed = summable(register, names or [])
    # where the division leaves many rows, its index is the slowest way to any of them
    walked = filters.apply(base_rows(register, scope, walked=True), walked=True) if counted.capped else rows
    keys: list[tuple[Any, ...]] = []
    if filters.search or len(covered) < len(filters.conditions) or not counted.capped:
        source = rows if filters.search else walked
        cells = source.order_by().values_list("pk", sort.name, *summed)[: CAP + 1]
        keys = as_stored(cells)
        counted = Count(min(len(keys), CAP), len(keys) > CAP or (bool(filters.search) and len(keys) >= MOST_FOUND))
    if len(keys) > CAP or (not keys and counted.capped):
        along(walked, sort.name)
        shown = page(register, walked, sort=sort, after=after, before=before, size=size, only=only)
        return Look(filters, shown, counted)
    totals = {
        name: _total(register.attributes[name][0], (k[i] for k in keys))
        for i, name in enumerate(summed, start=2)
        if not counted.capped and keys
    }
    mine = base_rows(register, scope)
    at = (before or after) and _read_cursor(register, sort, before or after)[1]
    if at and not any(k[0] == at for k in keys):
        # the row the page begins at is gone: its place is found by its value, so values must be typed
        keys = list(cells)
    shown = _of_keys(register, mine, keys, sort=sort, after=after, before=before, size=size, only=only)
    return Look(filters, shown, counted, totals)


def _total(f: models.Field, cells: Iterable[Any]) -> Decimal:
    """The sum of a column's values as the database keeps them; exact, scaled integers included."""
    total = sum(c for c in cells if c is not None)
    exact = f.from_db_value(total, None, connection) if hasattr(f, "from_db_value") else total
    return Decimal(exact)


def _of_keys(
    register: Register,
    rows: VisibleRows,
    keys: list[tuple[Any, ...]],
    *,
    sort: Sort,
    after: str,
    before: str,
    size: int,
    only: list[str] | None,
) -> Page:
    """The page of rows whose keys are all known: the same order and cursors as `page`."""

    def place(pk: int, value: Any) -> tuple[Any, ...]:
        # an empty value comes first ascending, last descending
        return (False, 0, pk) if value is None else (True, value, pk)

    places = sorted(place(k[0], k[1]) for k in keys)
    if sort.descending:
        places.reverse()
    start, stop = 0, size
    if before or after:
        value, pk = _read_cursor(register, sort, before or after)
        here = next((p for p in places if p[2] == pk), None) or place(pk, value)
        passed = sum(1 for p in places if (p > here if sort.descending else p < here))
        if before:
            start, stop = max(0, passed - size), passed
        else:
            start = passed + (passed < len(places) and places[passed] == here)
            stop = start + size
    ids = [p[2] for p in places[start:stop]]
    found = {row.pk: row for row in _narrow(rows.filter(pk__in=ids), only)}
    made = Page([found[i] for i in ids if i in found], sort)
    if made.rows:
        made.after = _cursor(sort, made.rows[-1]) if stop < len(places) else ""
        made.before = _cursor(sort, made.rows[0]) if start > 0 else ""
    return made


def asked(
    register: Register, scope: Scope, query: Mapping[str, Any], *, strict: bool = False
) -> tuple[Filters, VisibleRows]:
    """The filters of a query string and the rows they leave; for export and tiles."""
    filters = filtering.read(register, query, strict=strict)
    return filters, filters.apply(base_rows(register, scope))
