"""Pages of the switch: what of the scope is open, and opening or closing one version."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs, require
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.operations.errors import tell
from jintu.kernel.errors import Missing

from . import opening
from .models import Opening

LISTED = 300


@require_safe
@needs("view")
def index(request: HttpRequest) -> HttpResponse:
    """What is or was open within the scope, open first."""
    within = LayerVersion.objects.within(request.scope)  # type: ignore[attr-defined]
    found = Opening.objects.filter(version__in=within).select_related("version").defer("version__quality")
    rows = list(found.order_by("-is_open", "-changed_at")[:LISTED])
    return render(request, "publication/openings.html", {"openings": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@needs("view")
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """What the public would see of a version; POST opens it, or closes it with a reason."""
    version = LayerVersion.objects.within(request.scope).filter(pk=pk).first()  # type: ignore[attr-defined]
    if version is None:
        raise Missing("There is no such version, or it is outside your scope.")
    if request.method == "POST":
        require(request, "publish", version)
        if request.POST.get("to") == "open":
            opening.open_version(version, actor_of(request))
            messages.success(request, _("Everybody may see this version now."))
        else:
            opening.close(version, request.POST.get("reason", ""), actor_of(request))
            messages.success(request, _("The version is closed. Caches may show it for five minutes more."))
        return redirect("publication:switch", pk=pk)
    known = Opening.objects.filter(version=version).select_related("version").first()
    why = opening.obstacle(version)
    schema = version.schema
    shown = known.shown if known is not None and known.is_open else list(schema.public)
    context = {
        "version": version,
        "schema": schema,
        "known": known,
        "is_open": bool(known and known.is_open and why is None),
        "obstacle": tell(why) if why is not None else None,
        "columns": [(a, a.name in shown) for a in schema.attributes],
        "can_change": request.scope.can("publish", version),  # type: ignore[attr-defined]
        "approval_no": _approval(),
    }
    return render(request, "publication/switch.html", context)


def _approval() -> str:
    from django.conf import settings

    return settings.NODE.map_approval_no
