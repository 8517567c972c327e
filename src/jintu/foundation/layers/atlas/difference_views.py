"""The panel of the difference between two versions."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, Missing, Place

from .. import schemas
from ..models import LayerVersion
from . import difference, prepared

CHOICES = 60
"""Versions of a layer that can be chosen, the newest."""


@require_safe
@needs("view")
def panel(request: HttpRequest) -> HttpResponse:
    """``?layer=`` offers its versions; with ``old`` and ``new`` (ids) what changed; ``kind`` or ``from`` and ``to``
    narrow the list. ``as_of`` only says which version comes first to mind."""
    scope = request.scope  # type: ignore[attr-defined]
    published = LayerVersion.objects.published().within(scope).defer("quality").order_by("-valid_from", "-pk")
    layers = _comparable(published)
    context: dict[str, Any] = {"layers": layers, "kinds": _kinds()}
    if not layers:
        return render(request, "layers/_difference.html", context)
    asked = [n for n in request.GET.get("layer", "").split(",") if n]
    chosen = next((n for n in asked if n in dict(layers)), layers[0][0])
    among = list(published.filter(layer=chosen)[:CHOICES])
    context |= {"layer": chosen, "versions": among, "several": len({v.division for v in among}) > 1}
    old, new = _two(request, among)
    context |= {"old": old, "new": new}
    facts = prepared.answer(
        difference.place_of(old, new),
        old.rows + new.rows,
        lambda: difference.compute(old, new),
        "atlas.difference",
        actor=actor_of(request),
        title=f"{old.schema.label} {old.name} → {new.name}",
        division=new.division,
        old=old.pk,
        new=new.pk,
    )
    if isinstance(facts, Job):
        return render(request, "layers/_waiting.html", {"job": facts, "again": request.get_full_path()})
    return render(request, "layers/_difference.html", context | _shown(request, facts, old, new))


def _comparable(published: Any) -> list[tuple[str, str]]:
    """Layers with at least two versions of one division, in the order of the tree."""
    seen: dict[tuple[str, str], int] = {}
    for layer, division in published.order_by().values_list("layer", "division"):
        seen[layer, division] = seen.get((layer, division), 0) + 1
    several = {layer for (layer, _division), n in seen.items() if n > 1}
    return [(s.name, s.label) for s in schemas.catalogue() if s.name in several and not s.is_table]


def _two(request: HttpRequest, among: list[LayerVersion]) -> tuple[LayerVersion, LayerVersion]:
    """The versions asked for, older first; without any the one shown and the one before."""
    by_pk = {str(v.pk): v for v in among}
    asked = [request.GET.get(n, "") for n in ("old", "new")]
    if any(asked):
        if not all(a in by_pk for a in asked):
            raise Missing("There is no such version, or it is outside your scope.")
        first, second = (by_pk[a] for a in asked)
        if first == second:
            raise InputError("Choose two different versions.", place=Place(field="new"))
        if first.division != second.division:
            raise InputError("Choose two versions of the same division.", place=Place(field="new"))
        older, newer = sorted((first, second), key=lambda v: (v.valid_from, v.pk))
        return older, newer
    day = request.GET.get("as_of", "9999")
    for i, newer in enumerate(among):
        if newer.valid_from.isoformat() <= day:
            older = next((v for v in among[i + 1 :] if v.division == newer.division), None)
            if older is not None:
                return older, newer
    for i, newer in enumerate(among):
        older = next((v for v in among[i + 1 :] if v.division == newer.division), None)
        if older is not None:
            return older, newer
    raise Missing("There is no other version to compare with.")


def _kinds() -> dict[str, str]:
    return {
        "came": _("came"),
        "went": _("went"),
        "class": _("changed class"),
        "attributes": _("changed attributes"),
        "outline": _("changed outline"),
    }


def _shown(request: HttpRequest, facts: dict[str, Any], old: LayerVersion, new: LayerVersion) -> dict[str, Any]:
    schema = new.schema
    names = _kinds()
    kind = request.GET.get("kind", "")
    pair = (request.GET["from"], request.GET.get("to", "")) if "from" in request.GET else None
    rows = difference.rows_of(facts, kind, pair)
    base = {"layer": schema.name, "old": old.pk, "new": new.pk}

    def address(**more: str) -> str:
        return f"{reverse('layers:difference')}?{urlencode(base | more)}"

    def named(code: str) -> str:
        return f"{code} {schema.columns[schema.classes].meaning(code)}".strip() if code else _("outside")

    return {
        "counts": [(k, names[k], n, address(kind=k)) for k, n in facts["counts"].items()],
        "total": sum(facts["counts"].values()),
        "same": facts["same"],
        "transitions": [
            (named(a), named(b), area, address(**{"from": a, "to": b})) for a, b, area in facts["transitions"][:40]
        ],
        "classes": [(named(c), a, b, b - a) for c, a, b in facts["classes"] if abs(b - a) >= 0.005],
        "rows": [
            r | {"name": names[r["kind"]], "fly": ",".join(map(str, r.get("box", [])))}
            for r in rows[: difference.LISTED]
        ],
        "found": len(rows),
        "narrowed": (names.get(kind) or (pair and f"{named(pair[0])} → {named(pair[1])}") or ""),
        "whole": address(),
        "overlay": difference.drawn(rows),
        "drawn_of": (sum("geometry" in r for r in rows), len(rows)),
    }
