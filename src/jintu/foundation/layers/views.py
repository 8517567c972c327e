"""One Map: the page, what is at a point, search, occupation analysis and its report, tiles."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs
from jintu.foundation.operations.clock import today
from jintu.kernel import codelists
from jintu.kernel.errors import InputError, Missing, Place

from . import analysis, finding, outlines, reporting, tiles
from . import onemap as onemap_config
from .answering import vector_tile
from .atlas import bookmark_views
from .models import AnalysisResult

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _day(request: HttpRequest) -> date:
    """The as-of date asked for, else the node's business date."""
    text = request.GET.get("as_of") or request.POST.get("as_of") or ""
    if not text:
        return today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "{value} is not a date.", place=Place(field="as_of"), remedy="Write it as 2026-06-15.", value=text[:20]
        ) from None


@require_safe
@needs("view")
def onemap(request: HttpRequest) -> HttpResponse:
    """The map. ``?register=&uid=`` opens it on a record, ``?bookmark=`` and ``?link=`` as somebody left it."""
    kept = bookmark_views.opened(request)
    if kept is None:
        facts = onemap_config.config(request.scope, _day(request))  # type: ignore[attr-defined]
    else:
        day = date.fromisoformat(kept.state["as_of"]) if kept.state["as_of"] else today()
        facts = onemap_config.config(request.scope, day, bookmark_views.theme_of(kept))  # type: ignore[attr-defined]
        facts["start"] = bookmark_views.start(kept, facts["groups"])
    name, uid = request.GET.get("register", ""), request.GET.get("uid", "")
    if name and uid:
        shown = finding.record(name, uid, request.scope)  # type: ignore[attr-defined]
        facts |= {"overlays": shown, "fit": "overlays"}
    return render(request, "layers/onemap.html", {"onemap": facts})


@require_safe
@needs("view")
def config(request: HttpRequest) -> HttpResponse:
    """The same configuration for another day."""
    theme = request.GET.get("theme", "")[:40]
    return JsonResponse(onemap_config.config(request.scope, _day(request), theme))  # type: ignore[attr-defined]


@require_safe
@needs("view")
def identify(request: HttpRequest) -> HttpResponse:
    """Everything at a point, as a fragment for the panel."""
    try:
        lon, lat = float(request.GET["lon"]), float(request.GET["lat"])
        zoom = float(request.GET.get("zoom", 16))
        if not (-180 <= lon <= 180 and -90 <= lat <= 90 and 0 <= zoom <= 24):
            raise ValueError
    except (KeyError, ValueError):
        raise InputError("The point is not a longitude and latitude.", place=Place(field="lon, lat")) from None
    names = [n for n in request.GET.get("layers", "").split(",") if n]
    hits = finding.at(lon, lat, names, request.scope, _day(request), zoom)  # type: ignore[attr-defined]
    first = next((h for h in hits if h.stage), hits[0] if hits else None)
    context = {"hits": hits, "lon": lon, "lat": lat, "overlay": _feature(first) if first else None}
    return render(request, "layers/_identify.html", context)


def _feature(hit: finding.Hit) -> dict[str, Any]:
    import shapely

    shape = json.loads(shapely.to_geojson(hit.geometry))
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": shape, "properties": {"role": "selected", "name": hit.title}}],
    }


@require_safe
@needs("view")
def search(request: HttpRequest) -> HttpResponse:
    """Where a number or a name is."""
    found = finding.search(request.GET.get("q", "")[:100], request.scope, _day(request))  # type: ignore[attr-defined]
    return JsonResponse({"results": found})


@require_POST
@needs("analyse")
def analyse(request: HttpRequest) -> HttpResponse:
    """Analyse an outline drawn on the map."""
    return _answer(request, outlines.from_geojson(request.POST.get("geometry", "")))


@require_POST
@needs("analyse")
def upload(request: HttpRequest) -> HttpResponse:
    """Analyse the parcels of a file."""
    file = request.FILES.get("file")
    if file is None:
        raise InputError("There is no file.", place=Place(field="file"), remedy="Choose a TXT, ZIP or GeoJSON file.")
    outline = outlines.from_upload(file, file.name or "file", request.POST.get("crs", ""))
    return _answer(request, outline, drawn=False)


def _answer(request: HttpRequest, outline: outlines.Outline, *, drawn: bool = True) -> HttpResponse:
    scope, day = request.scope, _day(request)  # type: ignore[attr-defined]
    answer = analysis.analyse(outline, scope, day)
    kept = analysis.keep(answer, outline, scope, actor_of(request))
    overlay = {"type": "FeatureCollection", "features": _parts(outline, scope, day, drawn)}
    return render(request, "layers/_analysis.html", {**_shown(request, kept), "overlay": overlay, "drawn": drawn})


def _parts(outline: outlines.Outline, scope: Any, day: date, drawn: bool) -> list[dict[str, Any]]:
    """Outlines to draw: the uploaded parcels, and what lies where it must not."""
    import shapely

    names = {"farmland": _("basic farmland"), "prohibited": _("prohibited zone"), "restricted": _("restricted zone")}
    shapes: list[tuple[dict[str, Any], Any]]
    shapes = [] if drawn else [({"role": "selected", "name": p.name}, p.geometry) for p in outline.parcels]
    shapes += [
        ({"role": "part", "name": names[what], "area_m2": round(area, 2)}, shape)
        for what, shape, area in analysis.wrong_parts(outline, scope, day)
        if what != "restricted"
    ]
    return [
        {"type": "Feature", "geometry": json.loads(shapely.to_geojson(shape)), "properties": facts}
        for facts, shape in shapes
    ]


def _kept(request: HttpRequest, uid: Any) -> AnalysisResult:
    """A result of the person's own, or of somebody within the scope."""
    kept = AnalysisResult.objects.filter(uid=uid).first()
    scope = request.scope  # type: ignore[attr-defined]
    if kept is None or not (kept.created_by == request.user.pk or scope.covers(kept.division)):
        raise Missing("There is no such analysis, or it is outside your scope.")
    return kept


def _shown(request: HttpRequest, kept: AnalysisResult) -> dict[str, Any]:
    """What the panel and the report show of a result."""
    result = kept.result
    unit = request.GET.get("unit", "")
    unit = unit if unit in reporting.UNITS else "ha"
    total = result["area_m2"]
    use = result["land_use"]
    level = request.GET.get("level", "")
    level = level if level in ("first", "three") else "classes"
    context: dict[str, Any] = {
        "kept": kept,
        "result": result,
        "unit": unit,
        "unit_name": reporting.unit_name(unit),
        "units": [(u, reporting.unit_name(u)) for u in reporting.UNITS],
        "levels": (("classes", _("second level")), ("first", _("first level")), ("three", _("three classes"))),
        "level": level,
        "total": reporting.shown(total, unit),
        "total_mu": reporting.shown(total, "mu"),
        "sentences": reporting.sentences(result, unit),
        "conclusion": reporting.conclusion(result),
        "method": reporting.method_words(),
        "versions": [{**v, "label": reporting.layer_label(v["layer"])} for v in result["versions"]],
    }
    if use:
        if level == "three":
            rows = [
                {"code": "", "name": reporting.three_name(k), "area_m2": v, "share": 100 * v / total if total else 0}
                for k, v in use["three"].items()
            ]
        else:
            rows = reporting.rows_of(use[level], "land_use", total)
        context["rows"] = _with_text(rows, unit)
        context["bar"] = _bar(reporting.rows_of(use["first"], "land_use", total))
        three = use["three"]
        context["shares"] = {
            "agri": 100 * three[codelists.AGRI] / total if total else 0,
            "cultivated": 100 * use["cultivated_m2"] / total if total else 0,
        }
        context["cultivated"] = reporting.shown(use["cultivated_m2"], unit)
        context["ridge"] = reporting.shown(use["ridge_m2"], unit)
        context["chart"] = {
            "kind": "bar",
            "unit": context["unit_name"],
            "categories": [f"{r['code']} {r['name']}" for r in reporting.rows_of(use["classes"], "land_use", total)],
            "series": [
                {
                    "name": _("Area"),
                    "data": [{"value": _number(e["area_m2"], unit)} for e in use["classes"]],
                }
            ],
        }
    for key, kind in (("zones", "use_zone"), ("controls", "control_zone")):
        if result[key]:
            context[key] = _with_text(reporting.rows_of(result[key]["classes"], kind, total), unit)
    if result["farmland"] is not None:
        context["farmland"] = reporting.shown(result["farmland"]["area_m2"], unit)
    context["registers"] = [
        {
            **entry,
            "label": reporting.register_label(entry["register"]),
            "covered": reporting.shown(entry["covered_m2"], unit),
            "uncovered": reporting.shown(entry["uncovered_m2"], unit),
            "rows": [{**r, "text": reporting.shown(r["overlap_m2"], unit)} for r in entry["rows"]],
        }
        for entry in result["registers"]
    ]
    return context


def _with_text(rows: list[dict[str, Any]], unit: str) -> list[dict[str, Any]]:
    return [{**r, "text": reporting.shown(r["area_m2"], unit)} for r in rows]


def _number(area: float, unit: str) -> float:
    return round(area * {"ha": 0.0001, "mu": 0.0015, "m2": 1.0}[unit], 4)


def _bar(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """First-level classes as pieces of a bar 100 wide."""
    pieces, at = [], 0.0
    for row in rows:
        pieces.append({"x": f"{at:.3f}", "width": f"{max(0.0, row['share'] - 0.2):.3f}", "token": row["token"]})
        at += row["share"]
    return pieces


@require_safe
@needs("view")
def panel(request: HttpRequest, uid: Any) -> HttpResponse:
    """The panel of a kept result again: other unit, other level of classes."""
    return render(request, "layers/_analysis.html", _shown(request, _kept(request, uid)))


@require_safe
@needs("view")
def report(request: HttpRequest, uid: Any) -> HttpResponse:
    """The printable report, with versions, area method and hashes."""
    import shapely

    kept = _kept(request, uid)
    context = _shown(request, kept)
    west, south, east, north = kept.geom.bounds
    dx, dy = (east - west) or 1e-4, (north - south) or 1e-4
    facts = onemap_config.config(request.scope, kept.as_of)  # type: ignore[attr-defined]
    context["map"] = {
        "bounds": [west - dx * 0.15, south - dy * 0.15, east + dx * 0.15, north + dy * 0.15],
        "fit": "bounds",
        "groups": facts["groups"],
        "overlays": {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": json.loads(shapely.to_geojson(kept.geom)),
                    "properties": {"role": "selected"},
                }
            ],
        },
    }
    return render(request, "layers/report.html", context)


@require_safe
@needs("view")
def workbook(request: HttpRequest, uid: Any) -> HttpResponse:
    """All figures of a result as a workbook."""
    kept = _kept(request, uid)
    answer = HttpResponse(reporting.workbook(kept), content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="analysis-{kept.as_of:%Y%m%d}-{kept.pk}.xlsx"'
    return answer


@require_safe
@needs("view")
def outline(request: HttpRequest, uid: Any) -> HttpResponse:
    """The outline of a result as GeoJSON (EPSG:4490)."""
    import shapely

    kept = _kept(request, uid)
    facts = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}},
        "features": [
            {
                "type": "Feature",
                "properties": {"title": kept.title, "area_m2": str(kept.area), "hash": kept.hash},
                "geometry": json.loads(shapely.to_geojson(kept.geom)),
            }
        ],
    }
    answer = JsonResponse(facts, content_type="application/geo+json")
    answer["Content-Disposition"] = f'attachment; filename="outline-{kept.pk}.geojson"'
    return answer


@require_safe
@needs("view")
def tile(request: HttpRequest, layer: str, version: str, z: int, x: int, y: int) -> HttpResponse:
    """One vector tile. The address names content that never changes, so a browser may keep it for a year."""
    pieces = tiles.pieces_of(layer, version, request.scope)  # type: ignore[attr-defined]
    return vector_tile(request, tiles.tile(pieces, z, x, y))
