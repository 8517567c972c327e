"""From an error's class to an HTTP status and a page, in the reader's language."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from jintu.kernel.errors import Conflict, InputError, JintuError, Missing, NotAllowed, Place, Refused, Unsupported

if TYPE_CHECKING:
    from jintu.kernel.formats.source import Notice

__all__ = [
    "ErrorMiddleware",
    "Told",
    "api_exception",
    "joined",
    "keep",
    "noticed",
    "status_of",
    "tell",
    "tell_kept",
    "where",
]

log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[JintuError], int], ...] = (
    (Unsupported, 415),
    (InputError, 422),
    (Conflict, 409),
    (Refused, 409),
    (NotAllowed, 403),
    (Missing, 404),
)


def status_of(error: JintuError) -> int:
    """HTTP status of an error; 500 for a kind not listed."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


@dataclass(frozen=True)
class Told:
    """An error in the reader's language. ``place`` is a sentence part: "a.csv, row 7, field area". ``see``: the path of
    the page of what stands in the way, if the error names one."""

    code: str
    sentence: str
    remedy: str = ""
    place: str = ""
    see: str = ""


CONTENTS = (
    gettext_noop("an ESRI shapefile"),
    gettext_noop("an SQLite database or GeoPackage"),
    gettext_noop("a Parquet file"),
    gettext_noop("a ZIP archive"),
    gettext_noop("an old Office file (.xls)"),
    gettext_noop("a spreadsheet (.xlsx)"),
    gettext_noop("JSON"),
    gettext_noop("a web page or XML"),
    gettext_noop("a PDF document"),
    gettext_noop("an image"),
    gettext_noop("a RAR or 7z archive"),
    gettext_noop("plain text"),
    gettext_noop("an unknown binary file"),
    gettext_noop("a dBase table"),
)
"""What `jintu.kernel.formats.detect` calls the content of a file; the kernel does not translate."""


def _said(value: Any) -> Any:
    """A value as a person reads it: no binary noise behind the last digit that means something (12 digits are a
    millimetre of a coordinate and a cent of ten billion), contents of files and errors in the reader's language."""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, JintuError):
        return _whole(tell(value))
    if isinstance(value, Mapping):
        return _whole(tell_kept(value))
    return _(value) if value in CONTENTS else value


def _fill(msgid: str, params: Mapping[str, Any]) -> str:
    if not msgid:
        return ""
    text = _(msgid)
    params = {name: _said(value) for name, value in params.items()}
    try:
        return text.format(**params)
    except (KeyError, IndexError, ValueError):
        # a translation that names a value the error does not have must not hide the error
        log.warning("the translation of %r does not fit its values", msgid)
        try:
            return msgid.format(**params)
        except (KeyError, IndexError, ValueError):
            return msgid


def where(place: Place) -> str:
    """A place in the reader's language: "row 7, ring 1, vertex 3"."""
    nouns = {
        "layer": _("layer {value}"),
        "row": _("row {value}"),
        "field": _("field {value}"),
        "part": _("part {value}"),
        "ring": _("ring {value}"),
        "vertex": _("vertex {value}"),
    }
    return _(", ").join(nouns[noun].format(value=value) if noun else value for noun, value in place.words())


def _whole(told: Told) -> str:
    """An error inside another's sentence: place, what is wrong, what to do."""
    said = joined(told.sentence, told.remedy)
    return f"{told.place}{_(': ')}{said}" if told.place else said


def joined(*sentences: str) -> str:
    """Sentences one after another: with a space in English, without one behind a Chinese full stop."""
    return re.sub(r"(?<=[。！？；]) ", "", " ".join(s for s in sentences if s))


def noticed(notice: Notice | Mapping[str, Any] | str) -> str:
    """What a reader decided or repaired, for a person: "a.csv, row 1: The empty last column is left out.".

    ``notice``: as it was read, as `keep` kept it, or a sentence of long ago that stays as it is.
    """
    if isinstance(notice, str):
        return notice
    return _whole(tell_kept(notice if isinstance(notice, Mapping) else keep(notice)))


def tell(error: JintuError) -> Told:
    """The error for a person."""
    return Told(
        error.code,
        _fill(error.sentence, error.params),
        _fill(error.remedy, error.params),
        where(error.place),
        _page(error.params),
    )


def keep(error: JintuError | Notice) -> dict[str, Any]:
    """An error, or a reader's notice, as JSON, translated only when somebody reads it; errors among its values are kept
    in the same way."""
    return {
        "code": getattr(error, "code", "notice"),
        "sentence": error.sentence,
        "remedy": getattr(error, "remedy", ""),
        "params": {k: keep(v) if isinstance(v, JintuError) else str(v) for k, v in error.params.items()},
        "place": {k: v for k, v in asdict(error.place).items() if v not in ("", None)},
    }


def tell_kept(kept: Mapping[str, Any]) -> Told:
    """An error a job kept as JSON, for a person."""
    params = kept.get("params") or {}
    return Told(
        kept.get("code", "error"),
        _fill(kept.get("sentence", ""), params),
        _fill(kept.get("remedy", ""), params),
        where(Place(**(kept.get("place") or {}))),
        _page(params),
    )


def _page(params: Mapping[str, Any]) -> str:
    """A path on this node: whatever else stands there, a job's record could carry it anywhere."""
    see = str(params.get("see") or "")
    return see if see.startswith("/") and not see.startswith(("//", "/\\")) else ""


class ErrorMiddleware:
    """Answers a `JintuError` raised by a view: JSON to programs, a notice to HTMX, a page to people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, JintuError):
            return None
        status, told = status_of(exception), tell(exception)
        if status >= 500:
            log.error("%s: %s", exception.code, exception, exc_info=exception)
        if wants_json(request):
            return JsonResponse(as_json(told), status=status)
        page = "ui/_error.html" if request.headers.get("HX-Request") else "ui/error.html"
        return render(request, page, {"error": told, "status": status}, status=status)


def wants_json(request: HttpRequest) -> bool:
    """A program asks, not a person: the API, or a client that takes JSON and no HTML."""
    accept = request.headers.get("Accept", "")
    return request.path.startswith("/api/") or ("json" in accept and "html" not in accept)


def as_json(told: Told) -> dict[str, str]:
    return {"code": told.code, "detail": told.sentence, "remedy": told.remedy, "place": told.place}


def api_exception(exception: Exception, context: dict[str, Any]) -> Any:
    """Django REST framework's handler: our errors in one shape, its own as it makes them."""
    from rest_framework.response import Response
    from rest_framework.views import exception_handler, set_rollback

    if isinstance(exception, JintuError):
        set_rollback()
        return Response(as_json(tell(exception)), status=status_of(exception))
    return exception_handler(exception, context)
