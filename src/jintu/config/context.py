"""What every console page's frame needs: places of the rail, the person's scope and counters."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from jintu.foundation.identity.notices import unread

__all__ = ["frame"]


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: one small dict, no query unless the person is signed in."""
    places = (
        ("home", _("Home"), "layout-dashboard", "view"),
        ("layers:onemap", _("One Map"), "map-2", "view"),
        ("registers:index", _("Registers"), "table", "view"),
        ("checks:findings", _("Findings"), "alert-triangle", "view"),
        ("dashboard", _("Statistics"), "chart-bar", "view"),
        ("operations:jobs", _("Jobs"), "progress", "jobs"),
        ("identity:system", _("System"), "settings", ""),
    )
    scope = getattr(request, "scope", None)
    rail = [(name, label, icon) for name, label, icon, verb in places if not verb or scope is None or scope.can(verb)]
    found: dict[str, Any] = {"rail": rail, "node_name": settings.NODE.name or settings.NODE.division}
    if getattr(request, "user", None) is not None and request.user.is_authenticated:
        found["notice_count"] = SimpleLazyObject(lambda: unread(request.user))
    return found
