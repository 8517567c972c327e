"""Versions of layers: list, what a version is, comparison, verification, publishing and withdrawing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs, require
from jintu.foundation.operations.errors import noticed
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, Missing, Place

from . import comparing, exporting, finding, onemap, publishing, reports, schemas, tileset, verdicts, versions
from .models import LayerVersion

LISTED = 300
LISTED_ROWS = 100


def _version(request: HttpRequest, pk: int) -> LayerVersion:
    found = LayerVersion.objects.within(request.scope).filter(pk=pk).first()  # type: ignore[attr-defined]
    if found is None:
        raise Missing("There is no such version, or it is outside your scope.")
    return found


@require_safe
@needs("view")
def index(request: HttpRequest) -> HttpResponse:
    """All versions within the scope, by theme and layer, newest first."""
    found = LayerVersion.objects.within(request.scope).defer("quality")  # type: ignore[attr-defined]
    rows = list(found.order_by("-valid_from", "-pk")[:LISTED])
    groups = []
    for schema in schemas.catalogue():
        own = [v for v in rows if v.layer == schema.name]
        groups.append({"schema": schema, "theme": onemap.theme_title(schema.theme), "versions": own})
    loaded = [g for g in groups if g["versions"]]
    return render(
        request, "layers/versions.html", {"groups": loaded, "empty": [g for g in groups if not g["versions"]]}
    )


@require_safe
@needs("view")
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What a version is: source, hashes, quality, and the other versions to compare it with."""
    version = _version(request, pk)
    others = LayerVersion.objects.within(request.scope).filter(  # type: ignore[attr-defined]
        layer=version.layer, division=version.division
    )
    quality = version.quality
    classes = quality.get("classes") or {}
    context = {
        "version": version,
        "schema": version.schema,
        "quality": quality,
        "notices": [noticed(n) for n in quality.get("notices") or ()],
        "classes": [(c, _class_name(version.schema, c), f["rows"], f["area_m2"]) for c, f in classes.items()],
        "others": others.exclude(pk=version.pk).defer("quality").order_by("-valid_from"),
        "map": None if version.schema.is_table else _map(version),
        "tiles": tileset.facts(version),
        "rows": _first_rows(version) if version.schema.is_table else [],
        "reports": [
            (r.label, r.icon, reverse(r.url_name, args=[version.pk])) for r in reports.of_layer(version.layer, "tables")
        ],
        "formats": [k for k in exporting.FORMATS if k != "shp" or not version.schema.is_table],
        "can_export": request.scope.can("export", version),  # type: ignore[attr-defined]
        "can_change": request.scope.can("publish", version),  # type: ignore[attr-defined]
        "verdict": verdicts.standing(version),
        "mode": verdicts.mode(version),
        "load": _load(request, version),
    }
    return render(request, "layers/version.html", context)


def _load(request: HttpRequest, version: LayerVersion) -> str:
    """The page of the job that loaded it, with the list of rows left out; empty where there is none to be seen."""
    may = version.job is not None and request.scope.can("jobs")  # type: ignore[attr-defined]
    return reverse("operations:job", args=[version.job]) if may and Job.objects.filter(pk=version.job).exists() else ""


def _class_name(schema: schemas.Schema, code: str) -> str:
    column = schema.columns[schema.classes]
    known = bool(column.codelist or column.choices)
    return column.meaning(code) or (_("outside the list") if known else "")


def _first_rows(version: LayerVersion) -> list[list[Any]]:
    """The beginning of a table without geometry, in the order of its columns."""
    schema = version.schema
    names = [a.name for a in schema.attributes if not a.serial]
    table = version.table(names).slice(0, LISTED_ROWS)
    persons = [schema.columns[n].personal for n in names]
    return [
        [finding.MASK if hidden and row[n] else row[n] for n, hidden in zip(names, persons, strict=True)]
        for row in table.to_pylist()
    ]


def _map(version: LayerVersion) -> dict[str, Any]:
    layer = onemap.layer_of(version.schema, [version], version.valid_from, [])
    return {
        "bounds": list(version.bbox),
        "fit": "bounds",
        "groups": [{"id": "layer", "title": version.schema.label, "layers": [layer | {"visible": True}]}],
    }


@require_safe
@needs("view")
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """What changed from another version (``?with=``) to this one."""
    version = _version(request, pk)
    other = request.GET.get("with", "")
    if not other.isdigit():
        raise InputError("Choose a version to compare with.", place=Place(field="with"))
    old, new = sorted((_version(request, int(other)), version), key=lambda v: (v.valid_from, v.pk))
    found = comparing.diff(old, new)

    def named(code: str) -> str:
        return f"{code} {_class_name(version.schema, code)}" if code else _("outside")

    context = {
        "version": version,
        "reports": [
            (r.label, r.icon, reverse(r.url_name, args=[new.pk, old.pk]))
            for r in reports.of_layer(version.layer, "changes")
            if old.division == new.division
        ],
        "diff": found,
        "counts": (
            (_("added"), len(found.added), found.added[:50]),
            (_("vanished"), len(found.vanished), found.vanished[:50]),
            (_("changed attributes"), len(found.attributes), found.attributes[:50]),
            (_("changed geometry"), len(found.geometry), found.geometry[:50]),
        ),
        "transitions": [(named(a), named(b), area) for a, b, area in found.transitions[:200]],
        "fields": [(version.schema.columns[n].label, n, count) for n, count in found.fields.items()],
    }
    return render(request, "layers/compare.html", context)


@require_POST
@needs("view")
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Compute the hashes again, now."""
    version = _version(request, pk)
    wrong = versions.verify(version)
    if wrong:
        messages.error(request, _("The version is not what was published: {what}.").format(what="; ".join(wrong)))
    else:
        messages.success(request, _("Files and content are what was published."))
    return redirect("layers:version", pk=pk)


@require_POST
@needs("publish")
def change_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish a draft, or withdraw a version with a reason."""
    version = _version(request, pk)
    require(request, "publish", version)
    if request.POST.get("to") == LayerVersion.State.PUBLISHED:
        publishing.publish(version, actor_of(request), decision=request.POST.get("reason", ""))
        messages.success(request, _("The version is in force from its day on."))
    else:
        publishing.withdraw(version, request.POST.get("reason", ""), actor_of(request))
        messages.success(request, _("The version is withdrawn. Its files stay, so that old results can be checked."))
    return redirect("layers:version", pk=pk)
