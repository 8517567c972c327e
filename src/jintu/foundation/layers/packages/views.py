"""Pages of offline packages: the ledger, a package, the form for a new one."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs, require
from jintu.foundation.layers import schemas
from jintu.foundation.layers.atlas import prepared
from jintu.foundation.layers.models import LayerVersion, OfflinePackage
from jintu.foundation.operations import files
from jintu.foundation.operations.errors import tell
from jintu.foundation.operations.models import Job
from jintu.foundation.registers.rendering import may_see_persons
from jintu.kernel.errors import InputError, Missing, Place, Refused

from . import ledger

PAGE = 50
OFFERED = 300
FIELDS = ("recipient", "purpose", "approval", "approved_by")


def _entry(request: HttpRequest, pk: int) -> OfflinePackage:
    found = OfflinePackage.objects.within(request.scope).filter(pk=pk).first()  # type: ignore[attr-defined]
    if found is None:
        raise Missing("There is no such package, or it is outside your scope.")
    return found


@require_safe
@needs("view")
def index(request: HttpRequest) -> HttpResponse:
    """The ledger, newest first."""
    found = OfflinePackage.objects.within(request.scope)  # type: ignore[attr-defined]
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "layers/packages.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@needs("export")
def new(request: HttpRequest) -> HttpResponse:
    """Choose versions, say for whom and by which approval, and have the package made."""
    scope = request.scope  # type: ignore[attr-defined]
    offered = LayerVersion.objects.published().within(scope).defer("quality").order_by("layer", "-valid_from")[:OFFERED]
    context: dict[str, Any] = {"versions": [v for v in offered if scope.can("export", v)], "given": request.POST}
    context["chosen"] = {int(n) for n in request.POST.getlist("versions") if n.isdigit()}
    if request.method != "POST":
        return render(request, "layers/package_new.html", context)
    try:
        versions = ledger.choose(scope, sorted(context["chosen"]))
        entry = ledger.open_entry(
            versions,
            **{name: request.POST.get(name, "") for name in FIELDS},
            with_data=request.POST.get("with_data") == "1",
            persons=may_see_persons(scope),
            made_by=scope.label,
            actor=actor_of(request),
        )
    except (InputError, Refused) as error:
        context |= {"error": tell(error), "field": error.place.field}
        return render(request, "layers/package_new.html", context, status=422)
    ledger.order(entry, actor_of(request), get_language() or "zh-hans")
    messages.success(request, _("The package is being made."))
    return redirect("layers:package", pk=entry.pk)


@require_safe
@needs("view")
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What is in a package, for whom, and what became of it."""
    entry = _entry(request, pk)
    job = (
        Job.objects.filter(pk=entry.job).first()
        if entry.job and entry.state == OfflinePackage.State.PREPARING
        else None
    )
    context = {
        "package": entry,
        "versions": [v | {"label": schemas.get(v["layer"]).label} for v in entry.versions],
        "job": job,
        "waiting": job is not None and job.state in prepared.OPEN,
        "can_change": request.scope.can("export", entry),  # type: ignore[attr-defined]
        "today": timezone.localdate(),
    }
    return render(request, "layers/package.html", context)


@require_safe
@needs("export")
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The ZIP; who fetched it is in the journal."""
    entry = _entry(request, pk)
    require(request, "export", entry)
    if not entry.file or entry.state == OfflinePackage.State.VOID:
        raise Missing("There is nothing to download: the package was made elsewhere, is being made, or is void.")
    ledger.downloaded(entry, actor_of(request))
    return files.response(entry.file, f"{entry.number}.zip")


@require_POST
@needs("export")
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that it was handed over, or make it void."""
    entry = _entry(request, pk)
    require(request, "export", entry)
    if request.POST.get("to") == OfflinePackage.State.VOID:
        ledger.void(entry, request.POST.get("reason", ""), actor_of(request))
        messages.success(request, _("The package is void. Its entry stays."))
    else:
        ledger.hand_over(
            entry,
            handed_to=request.POST.get("handed_to", ""),
            medium=request.POST.get("medium", ""),
            on=_day(request.POST.get("handed_on", "")),
            actor=actor_of(request),
        )
        messages.success(request, _("The handing over is noted."))
    return redirect("layers:package", pk=pk)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "{value} is not a date.", place=Place(field="handed_on"), remedy="Write it as 2026-06-15.", value=text[:20]
        ) from None
