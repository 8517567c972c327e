"""Puts ``request.scope`` on every request and sends people with a first password to change it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import resolve

from .scope import Scope

__all__ = ["ScopeMiddleware"]

ALWAYS_OPEN = {"identity:login", "identity:logout", "identity:password", "identity:mfa", "set_language", "healthz"}


class ScopeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.scope = Scope.of(request.user)  # type: ignore[attr-defined]
        if request.user.is_authenticated and request.user.must_change_password:
            name = resolve(request.path_info).view_name if not request.path_info.startswith("/static/") else ""
            if name and name not in ALWAYS_OPEN:
                return redirect("identity:password")
        return self.get_response(request)
