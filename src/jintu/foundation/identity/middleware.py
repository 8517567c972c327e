"""Puts ``request.scope`` on every request, ends idle sessions, and asks for a new password where one is due."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse

from . import passwords
from .scope import Scope

__all__ = ["ScopeMiddleware"]

ALWAYS_OPEN = {"identity:login", "identity:logout", "identity:password", "set_language", "healthz"}
SEEN = "seen"
SEEN_EVERY = 60
"""Seconds between two writes of the session's last use."""


OPEN = "/open"
"""Below it are the services for everybody (`jintu.foundation.publication`)."""


def is_open(path: str) -> bool:
    """
    >>> is_open("/open"), is_open("/open/collections"), is_open("/openings/")
    (True, True, False)
    """
    return path == OPEN or path.startswith(f"{OPEN}/")


class ScopeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_open(request.path_info):
            # whoever asks, signed in or not, is the public here: no session is read, no answer differs by person
            request.scope = Scope.nothing()  # type: ignore[attr-defined]
            return self.get_response(request)
        if request.user.is_authenticated and self._is_idle(request):
            logout(request)
            return redirect(f"{reverse('identity:login')}?expired=1&next={request.path}")
        request.scope = Scope.of(request.user)  # type: ignore[attr-defined]
        if request.user.is_authenticated and (request.user.must_change_password or passwords.has_expired(request.user)):
            try:
                name = resolve(request.path_info).view_name
            except Resolver404:
                name = ""
            if name and name not in ALWAYS_OPEN:
                return redirect("identity:password")
        return self.get_response(request)

    def _is_idle(self, request: HttpRequest) -> bool:
        """Ends a session that was not used for a while; notes its use at most once a minute."""
        now = int(time.time())
        seen = request.session.get(SEEN, now)
        if now - seen > settings.JINTU_LOGIN["idle_minutes"] * 60:
            return True
        if now - seen >= SEEN_EVERY or SEEN not in request.session:
            request.session[SEEN] = now
        return False
