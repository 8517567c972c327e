"""The panel of thematic maps: choose, count, save; and their tiles."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs
from jintu.foundation.journal import append
from jintu.foundation.operations.clock import today
from jintu.foundation.operations.models import Job
from jintu.kernel import classing
from jintu.kernel.errors import Conflict, InputError, Missing, Place

from .. import schemas, tiles
from ..answering import vector_tile
from ..models import LayerVersion, MapTheme
from . import painting, palettes, pictures, prepared, themes

LISTED = 60
WIDTH, HEIGHT = 320, 72
"""Of the histogram, in its own units."""


def day_of(request: HttpRequest) -> date:
    """The as-of date of a request, else the node's business date."""
    text = request.GET.get("as_of") or request.POST.get("as_of") or ""
    try:
        return date.fromisoformat(text) if text else today()
    except ValueError:
        raise InputError("{value} is not a date.", place=Place(field="as_of"), value=text[:20]) from None


@require_safe
@needs("view")
def panel(request: HttpRequest) -> HttpResponse:
    """``?layer=&attribute=&method=&k=&scheme=&breaks=`` colours a layer; ``saved`` (id) shows a saved thematic map."""
    scope, day = request.scope, day_of(request)  # type: ignore[attr-defined]
    among = list(LayerVersion.objects.published().within(scope).defer("quality"))
    layers = [s for s in schemas.catalogue() if not s.is_table and any(v.layer == s.name for v in among)]
    saved = MapTheme.objects.within(scope, request.user.pk).order_by("name")[:LISTED]
    context: dict[str, Any] = {"layers": layers, "saved": saved, "as_of": day.isoformat(), "user": request.user}
    if not layers:
        return render(request, "layers/_theme.html", context)
    asked = _asked(request, layers)
    pieces = themes.pieces_for(asked["schema"].name, scope, day)
    context |= asked
    if not asked["attribute"]:
        return render(request, "layers/_theme.html", context)
    facts = _counted(request, asked, pieces)
    if isinstance(facts, Job):
        return render(request, "layers/_waiting.html", {"job": facts, "again": request.get_full_path()})
    theme = _theme(asked, facts)
    themes.remember(theme)
    job = _painted(request, theme, pieces)
    rows = themes.legend(theme, facts, painting.figures)
    context |= {
        "theme": theme,
        "facts": facts,
        "rows": rows,
        "histogram": _histogram(theme, facts),
        "limits": " ".join(repr(b).removesuffix(".0") for b in theme.breaks),
        "job": job,
        "again": request.get_full_path(),
        "group": painting.group(theme, pieces, day),
        "figures": [(label, painting.figure(facts[k])) for k, label in _figures() if k in facts],
    }
    return render(request, "layers/_theme.html", context)


def _figures() -> list[tuple[str, str]]:
    return [("min", _("least")), ("median", _("median")), ("mean", _("mean")), ("max", _("greatest"))]


def _asked(request: HttpRequest, layers: list[schemas.Schema]) -> dict[str, Any]:
    """What the form says, with what follows from it where it is silent."""
    form = request.GET
    chosen: dict[str, Any] = {k: form.get(k, "") for k in ("layer", "attribute", "method", "scheme", "k", "breaks")}
    if form.get("saved", "").isdigit():
        kept = MapTheme.objects.within(request.scope, request.user.pk).filter(pk=form["saved"]).first()  # type: ignore[attr-defined]
        if kept is None:
            raise Missing("There is no such thematic map, or it is outside your scope.")
        theme = themes.Theme.from_json(kept.definition)
        breaks = " ".join(str(b) for b in theme.breaks)
        method = theme.method if theme.method == themes.BY_VALUE else "manual"
        chosen |= {"layer": theme.layer, "attribute": theme.attribute, "method": method, "scheme": theme.scheme}
        chosen |= {"breaks": breaks, "k": ""}
    names = chosen["layer"].split(",")
    schema = next((s for name in names for s in layers if s.name == name), None)
    schema = schema or next((s for s in layers if s.symbols == "land_use"), layers[0])
    attributes = themes.attributes_of(schema)
    attribute = next((a for a in attributes if a.name == chosen["attribute"]), None)
    number = attribute is not None and themes.is_number(attribute)
    methods = [*classing.METHODS, themes.BY_VALUE] if number else [themes.BY_VALUE]
    method = chosen["method"] if chosen["method"] in methods else methods[0]
    k = int(chosen["k"]) if chosen["k"].isdigit() else 5
    return {
        "schema": schema,
        "attributes": attributes,
        "attribute": attribute,
        "number": number,
        "methods": [(m, _methods()[m]) for m in methods],
        "method": method,
        "k": min(max(k, 2), themes.MOST_CLASSES),
        "ks": range(2, themes.MOST_CLASSES + 1),
        "scheme": chosen["scheme"] if chosen["scheme"] in palettes.SCHEMES else "ylgnbu",
        "schemes": _schemes(),
        "breaks": _breaks(chosen["breaks"]) if method == "manual" else [],
    }


def _methods() -> dict[str, str]:
    return {
        "quantile": _("quantiles"),
        "equal": _("equal intervals"),
        "natural": _("natural breaks"),
        "manual": _("own limits"),
        "values": _("by value"),
    }


def _schemes() -> list[tuple[str, str, list[str]]]:
    names = {
        "ylgnbu": _("yellow – blue"),
        "ylorbr": _("yellow – brown"),
        "purples": _("purple"),
        "viridis": _("viridis"),
        "puor": _("orange – purple (two-sided)"),
        "rdbu": _("red – blue (two-sided)"),
    }
    return [(k, names[k], list(palettes.ramp(k, 7))) for k in palettes.SCHEMES]


def _breaks(text: str) -> list[float]:
    """Limits as typed, apart by spaces, commas or semicolons, western or Chinese. Raises `InputError`."""
    words = [w for w in re.split(r"[\s,;、\uff0c\uff1b]+", text) if w]
    if len(words) >= themes.MOST_CLASSES:
        raise InputError("There are more than {n} limits.", place=Place(field="breaks"), n=themes.MOST_CLASSES - 1)
    try:
        return classing.manual([float(w) for w in words])
    except ValueError:
        raise InputError(
            "{value} is not a list of numbers.",
            place=Place(field="breaks"),
            remedy="Write limits apart by spaces: 500 1000 5000.",
            value=text[:60],
        ) from None


def _counted(request: HttpRequest, asked: dict[str, Any], pieces: list[LayerVersion]) -> dict[str, Any] | Job:
    name, method, k, breaks = asked["attribute"].name, asked["method"], asked["k"], asked["breaks"]
    return prepared.answer(
        themes.count_path(pieces, name, method, k, breaks),
        sum(v.rows for v in pieces) // 10,  # a column is read ten times as fast as versions are compared
        lambda: themes.count(pieces, name, method, k, breaks),
        "atlas.count",
        actor=actor_of(request),
        title=f"{asked['schema'].label}: {asked['attribute'].label}",
        division=pieces[0].division,
        versions=sorted(v.pk for v in pieces),
        attribute=name,
        method=method,
        k=k,
        breaks=breaks,
    )


def _theme(asked: dict[str, Any], facts: dict[str, Any]) -> themes.Theme:
    return themes.Theme(
        layer=asked["schema"].name,
        attribute=asked["attribute"].name,
        method=asked["method"],
        scheme=asked["scheme"],
        breaks=tuple(facts["breaks"]),
        values=tuple(facts["values"]),
    )


def _painted(request: HttpRequest, theme: themes.Theme, pieces: list[LayerVersion]) -> Job | None:
    """The job that paints small scales, while it is not done; small layers are painted here."""
    if not pictures.has_picture(theme) or pictures.is_drawn(theme, pieces):
        return None
    path = prepared.place_of("painted", theme.digest, *sorted(v.hash for v in pieces))

    def paint() -> dict[str, Any]:
        for version in pieces:
            pictures.make_picture(theme, version)
        return {"done": True}

    found = prepared.answer(
        path.with_name(f"{path.stem}-{'-'.join(v.key for v in pieces)[:60]}.json"),
        sum(v.rows for v in pieces),
        paint,
        "atlas.picture",
        actor=actor_of(request),
        title=painting.title_of(theme),
        division=pieces[0].division,
        theme=theme.digest,
        versions=sorted(v.pk for v in pieces),
    )
    return found if isinstance(found, Job) else None


def _histogram(theme: themes.Theme, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Bars with the colour of the class they lie in."""
    import numpy as np

    bars = facts["histogram"]
    if not bars:
        return None
    tallest = max(n for _start, n in bars) or 1
    classes = classing.class_of(np.array([start for start, _n in bars]), list(theme.breaks))
    width = WIDTH / len(bars)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bars": [
            {
                "x": f"{i * width:.2f}",
                "y": f"{HEIGHT - HEIGHT * n / tallest:.2f}",
                "w": f"{width * 0.92:.2f}",
                "h": f"{HEIGHT * n / tallest:.2f}",
                "colour": theme.colours[c],
                "n": n,
            }
            for i, ((_start, n), c) in enumerate(zip(bars, classes.tolist(), strict=True))
        ],
        "low": painting.figure(facts["min"]),
        "high": painting.figure(facts["top"]),
        "cut": facts["top"] < facts["max"],
    }


@require_POST
@needs("view")
def save(request: HttpRequest) -> HttpResponse:
    """Keep a thematic map under a name. Raises `Conflict` for a name in use by this person."""
    theme = themes.find(request.POST.get("digest", "")[:40])
    name = " ".join(request.POST.get("name", "").split())[:80]
    if not name:
        raise InputError("The thematic map has no name.", place=Place(field="name"))
    scheme = request.POST.get("scheme", "")
    theme = themes.Theme.from_json(theme.as_json() | {"scheme": scheme if scheme in palettes.SCHEMES else theme.scheme})
    scope, actor = request.scope, actor_of(request)  # type: ignore[attr-defined]
    pieces = themes.pieces_for(theme.layer, scope, day_of(request))
    if MapTheme.objects.filter(created_by=request.user.pk, name=name).exists():
        raise Conflict("You have a thematic map called {name} already.", name=name)
    with transaction.atomic():
        kept = MapTheme.objects.create(
            name=name,
            layer=theme.layer,
            definition=theme.as_json(),
            digest=theme.digest,
            division=actor.division or (scope.divisions[0] if scope.divisions else ""),
            data_level=max(v.data_level for v in pieces),
            shared=bool(request.POST.get("shared")),
            created_by=request.user.pk,
        )
        append(
            "map.theme",
            actor=actor,
            division=kept.division,
            objects=[("layer.theme", str(kept.pk))],
            facts={"layer": theme.layer, "digest": theme.digest, "shared": kept.shared},
        )
    return _saved(request)


@require_POST
@needs("view")
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one's own thematic map away."""
    kept = MapTheme.objects.filter(pk=pk, created_by=request.user.pk).first()
    if kept is None:
        raise Missing("There is no such thematic map of yours.")
    with transaction.atomic():
        append("map.theme_remove", actor=actor_of(request), objects=[("layer.theme", str(pk))])
        kept.delete()
    return _saved(request)


def _saved(request: HttpRequest) -> HttpResponse:
    saved = MapTheme.objects.within(request.scope, request.user.pk).order_by("name")[:LISTED]  # type: ignore[attr-defined]
    return render(request, "layers/_themes.html", {"saved": saved, "user": request.user, "as_of": ""})


@require_safe
@needs("view")
def tile(request: HttpRequest, layer: str, version: str, digest: str, z: int, x: int, y: int) -> HttpResponse:
    """One tile of a thematic map, for whoever sees the version it is made of."""
    theme = themes.find(digest)
    if theme.layer != layer:
        raise Missing("There is no such thematic map.")
    pieces = tiles.pieces_of(layer, version, request.scope)  # type: ignore[attr-defined]
    if z < pictures.features_from(pieces) and not pictures.is_drawn(theme, pieces):
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
    return vector_tile(request, pictures.tile(theme, pieces, z, x, y))
