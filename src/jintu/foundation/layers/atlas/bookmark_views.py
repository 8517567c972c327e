"""Bookmarks of One Map, and links to them that carry no rights."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs
from jintu.foundation.journal import append
from jintu.foundation.registers import descriptor
from jintu.kernel.errors import Conflict, InputError, Missing, Place, Refused

from .. import schemas
from ..models import MapBookmark
from . import themes
from .print_views import view_of

LISTED = 100
MOST = 200
"""Bookmarks of one person."""
SALT = "jintu.map.link"


def link_days() -> int:
    """Days a link holds: ``link_days`` of the node."""
    return int(settings.JINTU_LINK_DAYS)


@require_safe
@needs("view")
def panel(request: HttpRequest) -> HttpResponse:
    """One's bookmarks, and the form to keep what the map shows."""
    return _list(request, view=request.GET.get("view", ""))


def _list(request: HttpRequest, **more: Any) -> HttpResponse:
    own = MapBookmark.objects.filter(created_by=request.user.pk).order_by("-pk")[:LISTED]
    return render(request, "layers/_bookmarks.html", {"bookmarks": own, "days": link_days(), **more})


@require_POST
@needs("view")
def save(request: HttpRequest) -> HttpResponse:
    """Keep a view under a name. Raises `Conflict` for a name in use by this person."""
    name = " ".join(request.POST.get("name", "").split())[:80]
    if not name:
        raise InputError("The bookmark has no name.", place=Place(field="name"))
    state = _state(view_of(request.POST.get("view", "")))
    own = MapBookmark.objects.filter(created_by=request.user.pk)
    if own.filter(name=name).exists():
        raise Conflict("You have a bookmark called {name} already.", name=name)
    if own.count() >= MOST:
        raise Refused("You have {n} bookmarks: remove some first.", n=MOST)
    MapBookmark.objects.create(name=name, state=state, created_by=request.user.pk)
    return _list(request, view=request.POST.get("view", ""))


def _state(view: dict[str, Any]) -> dict[str, Any]:
    """What of a view is kept. Raises `InputError`."""
    try:
        lon, lat = (float(v) for v in view["center"])
        zoom = float(view["zoom"])
        day = date.fromisoformat(view["as_of"]).isoformat() if view.get("as_of") else ""
        opacity = {str(k)[:60]: min(1.0, max(0.0, float(v))) for k, v in dict(view.get("opacity") or {}).items()}
        if not (-180 <= lon <= 180 and -90 <= lat <= 90 and 0 <= zoom <= 24) or len(opacity) > 60:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise InputError("The view is not a part of the map.", place=Place(field="view")) from None
    state = {"center": [lon, lat], "zoom": zoom, "layers": view["layers"], "opacity": opacity, "as_of": day}
    if view["theme"]:
        state["theme"] = themes.find(view["theme"]).as_json()
    return state


@require_POST
@needs("view")
def remove(request: HttpRequest, uid: Any) -> HttpResponse:
    _own(request, uid).delete()
    return _list(request, view=request.POST.get("view", ""))


def _own(request: HttpRequest, uid: Any) -> MapBookmark:
    found = MapBookmark.objects.filter(uid=uid, created_by=request.user.pk).first()
    if found is None:
        raise Missing("There is no such bookmark of yours.")
    return found


@require_POST
@needs("view")
def link(request: HttpRequest, uid: Any) -> HttpResponse:
    """A signed address of a bookmark. Whoever opens it sees what their own scope allows."""
    found = _own(request, uid)
    actor = actor_of(request)
    until = timezone.localdate() + timedelta(days=link_days())
    with transaction.atomic():
        append(
            "map.link",
            actor=actor,
            division=actor.division,
            objects=[("layer.bookmark", str(found.uid))],
            facts={"until": until.isoformat(), "layers": found.state["layers"]},
        )
    token = signing.dumps(str(found.uid), salt=SALT, compress=True)
    address = request.build_absolute_uri(f"{reverse('layers:onemap')}?link={token}")
    return _list(request, view=request.POST.get("view", ""), link=address, linked=found.pk, until=until)


def opened(request: HttpRequest) -> MapBookmark | None:
    """The bookmark that ``?bookmark=`` (one's own) or ``?link=`` asks for.

    Raises `Refused` for a link that has run out, `Missing` for one that is none or whose bookmark is gone.
    """
    if uid := request.GET.get("bookmark", ""):
        return _own(request, uid) if len(uid) == 36 else None
    token = request.GET.get("link", "")
    if not token:
        return None
    try:
        uid = signing.loads(token, salt=SALT, max_age=timedelta(days=link_days()))
    except signing.SignatureExpired:
        raise Refused("The link has run out.", remedy="Ask whoever sent it for a new one.") from None
    except signing.BadSignature:
        raise Missing("This is no link of this node.") from None
    found = MapBookmark.objects.filter(uid=uid).first()
    if found is None:
        raise Missing("The bookmark of this link was removed.")
    return found


def start(found: MapBookmark, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page starts with: the view, and the names of layers that are not there for this person."""
    there = {layer["id"] for group in groups for layer in group["layers"]}
    labels = {s.name: s.label for s in schemas.catalogue()} | {r.name: str(r.label) for r in descriptor.catalogue()}
    missing = [n for n in found.state["layers"] if n not in there and n != "theme"]
    state = {k: found.state[k] for k in ("center", "zoom", "layers", "opacity")}
    answer = {**state, "missing": [labels.get(n, n) for n in missing]}
    if "theme" in found.state and "theme" not in there:
        theme = themes.Theme.from_json(found.state["theme"])
        answer["missing"].append(_("Thematic map") + f" {theme.schema.label}")
    return answer


def theme_of(found: MapBookmark) -> str:
    """The reference of the bookmark's thematic map, its definition kept where tiles find it."""
    if "theme" not in found.state:
        return ""
    theme = themes.Theme.from_json(found.state["theme"])
    themes.remember(theme)
    return theme.reference
