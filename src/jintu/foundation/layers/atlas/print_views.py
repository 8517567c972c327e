"""The panel that orders a printed sheet, and the sheet."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs
from jintu.foundation.operations import files, jobs
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, Missing, Place

from .. import schemas
from . import drawing, painting, printing, themes
from .theme_views import day_of

SCALES = (500, 1000, 2000, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)


def view_of(text: str) -> dict[str, Any]:
    """What the map page says of itself: box, layers, day, thematic map. Raises `InputError`."""
    try:
        found = json.loads(text)
        box = [float(v) for v in found["box"]]
        layers = [str(n)[:60] for n in found["layers"]][:60]
        if len(box) != 4:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise InputError("The view is not a part of the map.", place=Place(field="view")) from None
    return {**found, "box": box, "layers": layers, "theme": str(found.get("theme") or "")[:40]}


@require_safe
@needs("view")
def panel(request: HttpRequest) -> HttpResponse:
    """The form, filled with what the map shows."""
    view = view_of(request.GET.get("view", ""))
    title = ""
    if view["theme"]:
        title = painting.title_of(themes.find(view["theme"]))
    else:
        shown = [s.label for s in schemas.catalogue() if s.name in view["layers"] and s.theme != "base"]
        title = shown[-1] if shown else _("Map")
    context = {
        "view": json.dumps({k: view[k] for k in ("box", "layers", "theme")}),
        "title": title,
        "as_of": day_of(request).isoformat(),
        "scales": [(s, f"1:{s:,}".replace(",", "\u202f")) for s in SCALES],
    }
    return render(request, "layers/_print.html", context)


@require_POST
@needs("view")
def sheet(request: HttpRequest) -> HttpResponse:
    """The sheet at once, or by a job where it holds much."""
    form = request.POST
    view = view_of(form.get("view", ""))
    scale = form.get("scale", "")
    order = printing.Order.from_json(
        {
            **view,
            "title": form.get("title", ""),
            "day": day_of(request).isoformat(),
            "paper": form.get("paper", "A3"),
            "landscape": form.get("orientation") != "portrait",
            "scale": int(scale) if scale.isdigit() else None,
            "language": get_language() or "zh-hans",
        }
    )
    scope, actor = request.scope, actor_of(request)  # type: ignore[attr-defined]
    if drawing.features_near(order.sheet, scope, order.layers, order.day) > settings.JINTU_PRINT_AT_ONCE:
        with transaction.atomic():
            job = jobs.enqueue(
                "atlas.print",
                actor=actor,
                division=actor.division,
                title=order.title,
                order=order.as_json(),
                user=request.user.pk,
            )
        return redirect("operations:job", pk=job.pk)
    data = printing.pdf(order, scope, printing.name_of(request.user))
    printing.record(order, f"sha256:{hashlib.sha256(data).hexdigest()}", actor)
    answer = HttpResponse(data, content_type="application/pdf")
    answer["Content-Disposition"] = 'inline; filename="map.pdf"'
    return answer


@require_safe
@needs("view")
def printed(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheet that a job of this person has made."""
    job = Job.objects.filter(pk=pk, kind="atlas.print", user=request.user.pk, state=Job.State.DONE).first()
    if job is None:
        raise Missing("There is no such sheet.")
    return files.response(job.result["file"], job.result["name"])
