"""Pages of the quality inspection: those of a version, one with its errors, marking, the workbook, the rules."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs, require
from jintu.foundation.layers import onemap, read_record, schemas
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.operations import files, jobs, signing
from jintu.kernel.errors import Missing, NotAllowed

from . import parameters
from .inspection import fields, keeping, rules
from .inspection.lacking import lacking
from .inspection.models import Inspection, InspectionMark, InspectionReport

SHOWN = 100


def _version(request: HttpRequest, pk: int) -> LayerVersion:
    found = LayerVersion.objects.within(request.scope).filter(pk=pk).first()  # type: ignore[attr-defined]
    if found is None:
        raise Missing("There is no such version, or it is outside your scope.")
    return found


def _inspection(request: HttpRequest, pk: int) -> Inspection:
    within = Inspection.objects.within(request.scope).select_related("version")  # type: ignore[attr-defined]
    found = within.filter(pk=pk).first()
    if found is None:
        raise Missing("There is no such inspection, or it is outside your scope.")
    return found


def _may_inspect(request: HttpRequest, version: LayerVersion) -> bool:
    scope = request.scope  # type: ignore[attr-defined]
    return scope.can("import", version) or scope.can("supervise", version)


def _english() -> bool:
    return (get_language() or "").startswith("en")


def _name(rule_id: str) -> str:
    rule = rules.get(rule_id)
    return rule_id if rule is None else rule.name[_english()]


def _words(rule: rules.QualityRule | None) -> str:
    """What to do about it; in English the definition too, which is written in that language."""
    if rule is None:
        return ""
    definition = " ".join(rule.clause.replace("`", "").split())
    return f"{definition} {rule.remedy[1]}".strip() if _english() else rule.remedy[0]


@require_http_methods(["GET", "HEAD", "POST"])
@needs("view")
def of_version(request: HttpRequest, version: int) -> HttpResponse:
    """Inspections of one version, newest first; POST queues another."""
    about = _version(request, version)
    if request.method == "POST":
        if not _may_inspect(request, about):
            raise NotAllowed("Your roles do not allow this.", verb="inspect")
        with transaction.atomic():
            job = jobs.enqueue(
                "checks.inspect",
                actor=actor_of(request),
                division=about.division,
                title=f"{about.schema.label} {about.name}",
                version=about.pk,
            )
        return redirect("operations:job", pk=job.pk)
    made = Inspection.objects.filter(version=about).defer("outcomes", "inputs").order_by("-id")
    context = {
        "version": about,
        "schema": about.schema,
        "page": Paginator(made, 30).get_page(request.GET.get("page")),
        "may_inspect": _may_inspect(request, about),
    }
    return render(request, "checks/inspections.html", context)


@require_safe
@needs("view")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One inspection: score, verdict, rules, and the errors of the rule chosen (``?rule=``, ``?from=``)."""
    inspection = _inspection(request, pk)
    outcomes = [o | {"name": _name(o["rule"]), "needs": lacking(o)} for o in inspection.outcomes]
    failed = [o["rule"] for o in outcomes if o["count"] or o.get("aside")]
    chosen = request.GET.get("rule", "") or (failed[0] if failed else "")
    start = max(0, int(request.GET["from"])) if request.GET.get("from", "").isdigit() else 0
    errors, kept = keeping.errors_of(inspection, chosen, start, SHOWN) if chosen else ([], 0)
    schema = inspection.version.schema
    for error in errors:
        error["label"], error["code"] = fields.said(schema, error["field"])
    context = {
        "inspection": inspection,
        "map": _map(inspection, errors, chosen),
        "version": inspection.version,
        "schema": schema,
        "mapped": read_record.told(schema, inspection.version.quality.get("reading") or {}),
        "outcomes": sorted(outcomes, key=lambda o: (not o["count"], "not_run" in o, o["rule"])),
        "chosen": chosen,
        "chosen_name": _name(chosen),
        "words": _words(rules.get(chosen)),
        "errors": errors,
        "kept": kept,
        "start": start,
        "older": start + SHOWN if start + SHOWN < kept else None,
        "newer": max(0, start - SHOWN) if start else None,
        "may_mark": request.scope.can("verify", inspection.version),  # type: ignore[attr-defined]
        "may_export": request.scope.can("export", inspection.version),  # type: ignore[attr-defined]
        "may_inspect": _may_inspect(request, inspection.version),
        "states": InspectionMark.State.choices,
    }
    return render(request, "checks/inspection.html", context)


def _map(inspection: Inspection, errors: list[dict[str, Any]], rule: str) -> dict[str, Any]:
    """The version with the errors shown over it; each error learns its box, to fly to."""
    import shapely

    version = inspection.version
    features = []
    for error in errors:
        shape = shapely.from_wkb(error.pop("geometry"))
        if shape is None or shape.is_empty:
            continue
        error["box"] = ",".join(f"{x:.7f}" for x in shape.bounds)
        features.append(
            {
                "type": "Feature",
                "properties": {"role": "selected", "name": f"{rule} {error['key']}"},
                "geometry": shapely.geometry.mapping(shape),
            }
        )
    layer = onemap.layer_of(version.schema, [version], version.valid_from, [])
    return {
        "bounds": list(version.bbox),
        "fit": "overlays" if features else "bounds",
        "groups": [{"id": "layer", "title": version.schema.label, "layers": [layer | {"visible": True}]}],
        "features": {"type": "FeatureCollection", "features": features},
    }


@require_POST
@needs("verify")
def mark(request: HttpRequest, pk: int) -> HttpResponse:
    """Say of one error that it is confirmed, a false positive or exempt."""
    inspection = _inspection(request, pk)
    require(request, "verify", inspection.version)
    error = {name: request.POST.get(name, "") for name in ("rule", "key", "field", "value")}
    keeping.mark(inspection, error, request.POST.get("state", ""), request.POST.get("reason", ""), actor_of(request))
    messages.success(request, _("Noted. It counts from the next inspection on."))
    return redirect(f"{request.path.removesuffix('mark/')}?rule={error['rule']}")


@require_safe
@needs("export")
def report(request: HttpRequest, pk: int, kind: str) -> FileResponse:
    """The report as it was issued, in the language of the page."""
    about = _report(request, pk, kind)
    return files.response(about.file, about.name)


@require_safe
@needs("export")
def signature(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The detached signature of the same file."""
    about = _report(request, pk, kind)
    answer = JsonResponse(about.signature, json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{about.name}{signing.SUFFIX}"'
    return answer


def _report(request: HttpRequest, pk: int, kind: str) -> InspectionReport:
    from .inspection import documents

    inspection = _inspection(request, pk)
    require(request, "export", inspection.version)
    if kind not in InspectionReport.Kind.values:
        raise Missing("There is no report of this kind.")
    return documents.issue(inspection, kind, _name, actor_of(request))


@require_safe
@needs("view")
def rule_list(request: HttpRequest) -> HttpResponse:
    """The rules with severity, tables, what they need, definition and parameters with their basis."""
    shipped = parameters.shipped()
    rows: list[dict[str, Any]] = [
        {
            "rule": rule,
            "name": _name(rule.id),
            "words": _words(rule),
            "parameters": [p for p in shipped if p.rule == rule.id],
        }
        for rule in rules.catalogue()
    ]
    tables = {s.table: s.label for s in schemas.catalogue()}
    return render(request, "checks/quality_rules.html", {"rows": rows, "tables": tables})
