"""The frame of every open service: limits, language, form, caching, and errors as the standard writes them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from jintu.foundation.operations.errors import status_of, tell
from jintu.kernel.errors import JintuError

from . import asking, opening, rate
from .models import Opening

__all__ = ["Asked", "document", "public"]

log = logging.getLogger(__name__)

EDITION = "1"
"""Part of every ETag: another number where the same data is answered otherwise."""
FRESH = 300
"""Seconds a cache may answer without asking; so long may a closed version be seen in one."""


@dataclass(frozen=True)
class Asked:
    """A request of an open service. ``openings``: all that is open, or the one collection the address names."""

    request: HttpRequest
    form: str
    base: str
    openings: list[Opening]

    @property
    def opening(self) -> Opening:
        return self.openings[0]


def public(*, forms: tuple[str, ...] = (), parameters: frozenset[str] | None = frozenset()) -> Callable[..., Any]:
    """A view for everybody. It is called with `Asked` and the rest of the address.

    ``forms``: values of ``f`` beside json and html; ``parameters``: those known beside ``f`` and ``lang``; None leaves
    checking them to the view.
    """

    def frame(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def framed(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if request.method == "OPTIONS":
                answer = HttpResponse(status=204)
                answer["Allow"] = answer["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
                return _headed(answer)
            if request.method not in ("GET", "HEAD"):
                answer = _error(request, 405, "MethodNotAllowed", _("This service can only be read."))
                answer["Allow"] = "GET, HEAD, OPTIONS"
                return answer
            if seconds := rate.meter().wait(asking.address_of(request)):
                answer = _error(request, 429, "TooManyRequests", _("Too many requests; come again later."))
                answer["Retry-After"] = str(seconds)
                return answer
            with override(_language(request)):
                return _answered(request, view, forms, parameters, kwargs)

        return framed

    return frame


def _answered(
    request: HttpRequest,
    view: Callable[..., HttpResponse],
    forms: tuple[str, ...],
    parameters: frozenset[str] | None,
    kwargs: dict[str, Any],
) -> HttpResponse:
    try:
        form = asking.form_of(request, forms) if parameters is not None else ""
        if parameters is not None:
            asking.check(request, parameters)
        name = kwargs.get("collection")
        openings = [opening.find(name)] if name else list(opening.reachable()[: settings.JINTU_OPEN_VERSIONS])
        base = request.build_absolute_uri(reverse("open:landing")).rstrip("/")
        asked = Asked(request, form, base, openings)
        tag = _tag(asked)
        if tag in request.headers.get("If-None-Match", ""):
            answer = HttpResponse(status=304)
        else:
            answer = view(asked, **kwargs)
    except asking.BadRequest as error:
        return _error(request, 400, "InvalidParameterValue", str(error))
    except JintuError as error:
        told = tell(error)
        status = status_of(error)
        if status >= 409 and status != 415:
            log.error("open service: %s", error)
        return _error(request, 501 if status == 415 else status, told.code, f"{told.sentence} {told.remedy}".strip())
    if answer.status_code in (200, 204, 304):
        answer["ETag"] = tag
        answer["Cache-Control"] = f"public, max-age={FRESH}, must-revalidate"
    return _headed(answer)


def _headed(answer: HttpResponse) -> HttpResponse:
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Access-Control-Expose-Headers"] = "Content-Crs, ETag, Link"
    answer["Vary"] = "Accept, Accept-Language, Accept-Encoding"
    answer["Content-Language"] = "en" if (get_language() or "").startswith("en") else "zh-Hans"
    return answer


def _language(request: HttpRequest) -> str:
    asked = request.GET.get("lang", "")
    if asked.startswith("en"):
        return "en"
    return "zh-hans" if asked.startswith("zh") else (get_language() or "zh-hans")


def _tag(asked: Asked) -> str:
    """Weak, because documents carry the time at which they were made: of what is open and of the question."""
    facts = [
        EDITION,
        settings.NODE.map_approval_no,
        asked.form,
        get_language(),
        asked.base,
        asked.request.path,
        sorted(asked.request.GET.items()),
        [(o.pk, o.changed_at.isoformat(), o.version.manifest_hash, o.shown) for o in asked.openings],
    ]
    return f'W/"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}"'


def _error(request: HttpRequest, status: int, code: str, sentence: str) -> HttpResponse:
    try:
        form = asking.form_of(request)
    except asking.BadRequest:
        form = "json"
    facts = {"code": code, "type": code, "description": sentence}
    answer = document(form, facts, title=sentence, status=status)
    answer["Cache-Control"] = "no-store"
    return _headed(answer)


def _leads(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a document leads: its own links without those to itself, and those of what it lists."""
    found = [k for k in facts.get("links", ()) if k.get("rel") not in ("self", "alternate")]
    for listed in (*facts.get("tilesets", ()), *facts.get("tileMatrixSets", ())):
        found += [k | {"title": listed["title"]} if k["rel"] == "self" else k for k in listed["links"]]
    return found


def document(
    form: str,
    facts: dict[str, Any],
    *,
    title: str = "",
    template: str = "publication/document.html",
    content_type: str = "application/json",
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """The document as JSON, or as a page made from it. Pages know no request: nothing of a session can be on them."""
    if form == "html":
        page = {
            "title": title,
            "facts": facts,
            "text": json.dumps(facts, ensure_ascii=False, indent=2, default=str),
            "node_name": settings.NODE.name or settings.NODE.division or _("Jintu"),
            "approval": settings.NODE.map_approval_no,
            "landing": reverse("open:landing"),
            "links": _leads(facts),
            **context,
        }
        return HttpResponse(render_to_string(template, page), status=status)
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"), default=str)
    return HttpResponse(text, content_type=content_type, status=status)
