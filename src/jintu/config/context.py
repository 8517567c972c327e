"""What every console page's frame needs: places of the rail, the person's scope and counters."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

__all__ = ["frame"]


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: one small dict, no query unless the person is signed in."""
    places = (
        ("home", _("Home"), "layout-dashboard"),
        ("layers:onemap", _("One Map"), "map-2"),
        ("registers:index", _("Registers"), "table"),
        ("checks:findings", _("Findings"), "alert-triangle"),
        ("dashboard", _("Statistics"), "chart-bar"),
        ("operations:jobs", _("Jobs"), "progress"),
        ("identity:system", _("System"), "settings"),
    )
    return {"rail": places}
