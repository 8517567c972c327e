"""Guards of views: signed in, and with the verb."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from jintu.kernel.errors import NotAllowed

__all__ = ["needs"]


def needs(*verbs: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view for people whose roles have one of the verbs; others are told so (403), strangers sign in first."""

    def guard(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            scope = request.scope  # type: ignore[attr-defined]
            require(request, next((v for v in verbs if scope.can(v)), verbs[0]))
            return view(request, *args, **kwargs)

        return guarded

    return guard


def require(request: HttpRequest, verb: str, thing: Any = None) -> None:
    """Raise `NotAllowed` unless the person may use the verb (on this row)."""
    scope = request.scope  # type: ignore[attr-defined]
    if scope.can(verb, thing):
        return
    if scope.can(verb):
        raise NotAllowed(
            "This belongs to division {division}; your scope is {scope}.",
            remedy="Ask the organisation that administers it.",
            division=getattr(thing, "division", ""),
            scope=scope.label or "—",
        )
    raise NotAllowed(
        "Your roles do not allow this.", remedy="Ask the security administrator of your organisation.", verb=verb
    )
