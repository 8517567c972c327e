"""What a request of the open services says: its parameters, checked as the standard asks; the form of the answer."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

__all__ = ["BadRequest", "address_of", "boxes_of", "check", "form_of", "holds_on", "number"]

COMMON = frozenset({"f", "lang"})
FORMS = ("json", "html")
Box = tuple[float, float, float, float]


class BadRequest(Exception):
    """A parameter that is unknown or wrong; the sentence is for people."""


def check(request: HttpRequest, known: Collection[str] = ()) -> None:
    """Raises `BadRequest` for parameters the resource does not have (OGC 17-069r4, /req/core/query-param-unknown)."""
    if unknown := sorted(set(request.GET) - set(known) - COMMON):
        raise BadRequest(_("There is no parameter {names} here.").format(names=", ".join(unknown)))


def form_of(request: HttpRequest, others: Collection[str] = ()) -> str:
    """What ``f`` says, else what the client takes first: json or html. ``others``: values of ``f`` known beside."""
    asked = request.GET.get("f")
    if asked is not None:
        if asked not in (*FORMS, *others):
            raise BadRequest(_("There is no format {name}.").format(name=asked))
        return asked
    for part in request.headers.get("Accept", "").split(","):
        kind = part.partition(";")[0].strip()
        if kind == "text/html":
            return "html"
        if "json" in kind or kind == "*/*":
            return "json"
    return "json"


def number(request: HttpRequest, name: str, least: int, otherwise: int) -> int:
    """A whole number of at least ``least``."""
    given = request.GET.get(name)
    if given is None:
        return otherwise
    if not re.fullmatch(r"\d{1,12}", given) or int(given) < least:
        raise BadRequest(_("{name} must be a whole number of at least {least}.").format(name=name, least=least))
    return int(given)


def boxes_of(values: list[float]) -> list[Box]:
    """Boxes in degrees of four or six numbers; one across the antimeridian is two."""
    west, south, *_rest = values
    east, north = (values[2], values[3]) if len(values) == 4 else (values[3], values[4])
    if west <= east:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DURATION = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:\d{1,6}M)?(?:\d{1,6}S)?)?",
    re.I,
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.I)


def holds_on(text: str, since: date) -> bool:
    """Does what holds since a day hold in a ``datetime`` of RFC 3339: an instant, or an interval open ("..") at an end,
    or with a duration of ISO 8601 for its end, as the OGC's own test suite asks?

    >>> from datetime import date
    >>> [holds_on(t, date(2024, 12, 31)) for t in ("2025-01-01", "../2024-01-01", "2024-12-31T00:00:00Z/..")]
    [True, False, True]
    >>> [holds_on(t, date(2024, 12, 31)) for t in ("2024-12-01/P4W", "2024-12-01/P1M", "2023-12-31/P1YT6H")]
    [False, True, True]
    """
    begin, slash, end = text.partition("/")
    first = _day(begin, open_end=bool(slash))
    if first and (lasting := _DURATION.fullmatch(end)) and any(lasting.groups()):
        return _after(first, *(int(n or 0) for n in lasting.groups())) >= since
    bounds = [first, _day(end, open_end=True) if slash else first]
    if bounds == [None, None] and (begin, end) == ("", ""):
        raise BadRequest(_("datetime is neither an instant nor an interval of RFC 3339."))
    if None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]
        raise BadRequest(_("datetime ends before it begins."))
    return bounds[1] is None or bounds[1] >= since


def _after(day: date, years: int, months: int, weeks: int, days: int, hours: int) -> date:
    """The day on which a duration ends; a day that a month lacks becomes its last."""
    month = day.month - 1 + months
    year = day.year + years + month // 12
    try:
        last = monthrange(year, month % 12 + 1)[1]
        begun = date(year, month % 12 + 1, min(day.day, last))
        return begun + timedelta(days=days + 7 * weeks + hours // 24)
    except (ValueError, OverflowError):
        raise BadRequest(_("datetime is neither an instant nor an interval of RFC 3339.")) from None


def _day(text: str, *, open_end: bool) -> date | None:
    if open_end and text in ("", ".."):
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).date()
    except ValueError:
        pass
    raise BadRequest(_("datetime is neither an instant nor an interval of RFC 3339."))


def address_of(request: HttpRequest) -> str:
    """The client's network address; behind TLS it is what the proxy of this node says."""
    from django.conf import settings

    forwarded: Any = request.META.get("HTTP_X_FORWARDED_FOR") if settings.NODE.https else None
    return (forwarded or request.META.get("REMOTE_ADDR") or "").rpartition(",")[2].strip()
