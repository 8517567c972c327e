"""The open services: OGC API – Features and Tiles, WMTS, and the page that leads to them. Nobody signs in."""

from __future__ import annotations

import gzip
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _

from jintu.foundation.operations.errors import tell
from jintu.kernel.errors import JintuError, Missing

from . import asked_point, asking, features, openapi, tilesets, wmts
from .answering import Asked, document, public

__all__: list[str] = []

GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
CONFORMS = tuple(
    f"http://www.opengis.net/spec/{name}"
    for name in (
        "ogcapi-common-1/1.0/conf/core",
        "ogcapi-common-2/1.0/conf/collections",
        "ogcapi-features-1/1.0/conf/core",
        "ogcapi-features-1/1.0/conf/geojson",
        "ogcapi-features-1/1.0/conf/html",
        "ogcapi-features-1/1.0/conf/oas30",
        "ogcapi-features-2/1.0/conf/crs",
        "ogcapi-features-3/1.0/conf/queryables",
        "ogcapi-features-3/1.0/conf/queryables-query-parameters",
        "ogcapi-features-3/1.0/conf/filter",
        "ogcapi-features-3/1.0/conf/features-filter",
        "cql2/1.0/conf/cql2-text",
        "cql2/1.0/conf/basic-cql2",
        "cql2/1.0/conf/advanced-comparison-operators",
        "cql2/1.0/conf/case-insensitive-comparison",
        "cql2/1.0/conf/basic-spatial-functions",
        "cql2/1.0/conf/basic-spatial-functions-plus",
        "ogcapi-tiles-1/1.0/conf/core",
        "ogcapi-tiles-1/1.0/conf/tileset",
        "ogcapi-tiles-1/1.0/conf/tilesets-list",
        "ogcapi-tiles-1/1.0/conf/mvt",
        "ogcapi-tiles-1/1.0/conf/oas30",
    )
)


def _link(rel: str, kind: str, title: str, href: str) -> dict[str, str]:
    return {"rel": rel, "type": kind, "title": title, "href": href}


def _both(base: str, form: str) -> list[dict[str, str]]:
    kinds = {"json": "application/json", "html": "text/html"}
    return [
        _link("self" if name == form else "alternate", kind, _("This document"), f"{base}?f={name}")
        for name, kind in kinds.items()
    ]


@public()
def landing(asked: Asked) -> HttpResponse:
    """Where everything is."""
    base = asked.base
    facts: dict[str, Any] = {
        "title": settings.NODE.name or settings.NODE.division or _("Jintu"),
        "description": _("Layers of this node that are open to the public."),
        "links": [
            *_both(base, asked.form),
            _link("service-desc", OPENAPI, _("Description of the interface (OpenAPI)"), f"{base}/openapi?f=json"),
            _link("service-doc", "text/html", _("Description of the interface"), f"{base}/openapi?f=html"),
            _link("conformance", "application/json", _("Standards kept"), f"{base}/conformance"),
            _link("data", "application/json", _("Collections"), f"{base}/collections"),
            _link(
                "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes",
                "application/json",
                _("Tile matrix sets"),
                f"{base}/tileMatrixSets",
            ),
            _link("alternate", "text/xml", "WMTS 1.0.0", f"{base}/wmts?SERVICE=WMTS&REQUEST=GetCapabilities"),
        ],
    }
    if settings.NODE.map_approval_no:
        facts["attribution"] = _("Map approval number: {number}").format(number=settings.NODE.map_approval_no)
    return document(
        asked.form, facts, title=facts["title"], template="publication/landing.html", openings=asked.openings, base=base
    )


@public()
def conformance(asked: Asked) -> HttpResponse:
    return document(asked.form, {"conformsTo": list(CONFORMS)}, title=_("Standards kept"))


@public()
def interface(asked: Asked) -> HttpResponse:
    facts = openapi.document(asked.openings, asked.base)
    return document(asked.form, facts, title=_("Description of the interface"), content_type=OPENAPI)


@public()
def collections(asked: Asked) -> HttpResponse:
    _status, _headers, facts = _ask(asked, "describe_collections")
    facts["links"] = _both(f"{asked.base}/collections", asked.form)
    return document(
        asked.form,
        facts,
        title=_("Collections"),
        template="publication/landing.html",
        openings=asked.openings,
        base=asked.base,
    )


@public()
def collection(asked: Asked, collection: str) -> HttpResponse:
    status, _headers, facts = _ask(asked, "describe_collections", collection)
    shown = [asked.opening.version.schema.columns[n] for n in asked.opening.shown]
    context = {
        "opening": asked.opening,
        "base": asked.base,
        "columns": shown,
        "template": "publication/collection.html",
    }
    return document(asked.form, facts, title=facts.get("title", ""), status=status, **context)


@public()
def schema(asked: Asked, collection: str) -> HttpResponse:
    status, _headers, facts = _ask(asked, "get_collection_schema", collection)
    return document(asked.form, facts, title=_("Columns"), content_type=SCHEMA, status=status)


@public()
def queryables(asked: Asked, collection: str) -> HttpResponse:
    status, _headers, facts = _ask(asked, "get_collection_queryables", collection)
    return document(asked.form, facts, title=_("Columns"), content_type=SCHEMA, status=status)


@public(parameters=None)
def items(asked: Asked, collection: str) -> HttpResponse:
    """A page of features."""
    request, found = asked.request, asked.opening
    form = asking.form_of(request)
    asking.check(request, features.PARAMETERS | set(found.shown))
    limit = asking.number(request, "limit", 1, features.DEFAULT_LIMIT)
    asking.number(request, "offset", 0, 0)
    if (when := request.GET.get("datetime")) is not None:
        asking.holds_on(when, found.version.valid_from)
    most = str(min(limit, settings.JINTU_OPEN_PAGE_FEATURES))
    with features.asking_more(features.more(found, request.GET)) if features.OURS & set(request.GET) else nullcontext():
        status, headers, facts = _ask(asked, "get_collection_items", collection, limit=most)
    for link in facts.get("links", ()):
        query = request.GET.copy()
        if link["rel"] in ("self", "alternate"):  # pygeoapi leaves out what it was not shown
            query["f"] = "html" if link.get("type") == "text/html" else "json"
            link["href"] = f"{asked.base}/collections/{collection}/items?{query.urlencode()}"
        if "offset" in link:
            query["offset"] = str(link.pop("offset"))
            link |= {"type": GEOJSON, "href": f"{asked.base}/collections/{collection}/items?{query.urlencode()}"}
            link["title"] = _("Next page") if link["rel"] == "next" else _("Page before")
    kind = GEOJSON if status == 200 else "application/json"
    answer = document(
        form,
        facts,
        title=f"{found.version.schema.label} {found.version.name}",
        template="publication/items.html" if status == 200 else "publication/document.html",
        content_type=kind,
        status=status,
        opening=found,
        labels=[found.version.schema.columns[n].label for n in found.shown],
        rows=[[f["id"], [f["properties"].get(n) for n in found.shown]] for f in facts.get("features", ())],
        beside={link["rel"]: link["href"] for link in facts.get("links", ()) if link["rel"] in ("next", "prev")},
    )
    return _with(answer, headers)


@public(parameters=frozenset({"crs"}))
def item(asked: Asked, collection: str, identifier: str) -> HttpResponse:
    """One feature."""
    status, headers, facts = _ask(asked, "get_collection_item", collection, identifier)
    kind = GEOJSON if status == 200 else "application/json"
    return _with(document(asked.form, facts, title=identifier, content_type=kind, status=status), headers)


def _ask(asked: Asked, operation: str, *arguments: str, **instead: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    parameters = {name: asked.request.GET[name] for name in asked.request.GET} | instead
    return features.ask(operation, asked.openings, asked.base, asked.request.path, parameters, *arguments)


def _with(answer: HttpResponse, headers: dict[str, str]) -> HttpResponse:
    for name, value in headers.items():
        answer[name] = value
    return answer


# --- tiles ----------


@public()
def matrix_sets(asked: Asked) -> HttpResponse:
    return document(asked.form, tilesets.matrix_sets(asked.base), title=_("Tile matrix sets"))


@public()
def matrix_set(asked: Asked, name: str) -> HttpResponse:
    return document(asked.form, tilesets.matrix_set(name), title=name)


@public()
def tilesets_of(asked: Asked, collection: str) -> HttpResponse:
    return document(asked.form, tilesets.tilesets(asked.opening, asked.base), title=_("Vector tiles"))


@public()
def tileset(asked: Asked, collection: str, name: str) -> HttpResponse:
    return document(asked.form, tilesets.tileset(asked.opening, name, asked.base), title=_("Vector tiles"))


@public(forms=("mvt",))
def tile(asked: Asked, collection: str, name: str, zoom: int, row: int, column: int) -> HttpResponse:
    data = tilesets.tile(asked.opening, name, zoom, row, column)
    if not data:
        return HttpResponse(status=204)
    if "gzip" not in asked.request.headers.get("Accept-Encoding", ""):
        return HttpResponse(gzip.decompress(data), content_type=tilesets.MVT)
    answer = HttpResponse(data, content_type=tilesets.MVT)
    answer["Content-Encoding"] = "gzip"
    return answer


# --- WMTS ----------


@public(parameters=None)
def wmts_kvp(asked: Asked) -> HttpResponse:
    """GetCapabilities, GetTile and GetFeatureInfo by parameters."""
    try:
        request, parameters = wmts.by_parameters(asked.request.GET)
        if request == "getcapabilities":
            return wmts.capabilities(asked.openings, asked.base)
        return _picture(parameters) if request == "gettile" else _info(parameters)
    except wmts.Fault as error:
        return wmts.fault(error)


@public(parameters=None)
def wmts_capabilities(asked: Asked) -> HttpResponse:
    return wmts.capabilities(asked.openings, asked.base)


@public(parameters=None)
def wmts_tile(asked: Asked, collection: str, **place: str) -> HttpResponse:
    """GetTile by address."""
    try:
        return _picture({"layer": collection, **place})
    except wmts.Fault as error:
        return wmts.fault(error, 404)


@public(parameters=None)
def wmts_info(asked: Asked, collection: str, ending: str, **place: str) -> HttpResponse:
    """GetFeatureInfo by address."""
    forms = {short: form for form, short in asked_point.FORMATS.items()}
    try:
        return _info({"layer": collection, "infoformat": forms.get(ending, ending), **place})
    except wmts.Fault as error:
        return wmts.fault(error, 404)


def _info(parameters: dict[str, str]) -> HttpResponse:
    try:
        return wmts.info(parameters)
    except Missing as error:
        raise wmts.Fault("InvalidParameterValue", "layer", _told(error)) from error


def _picture(parameters: dict[str, str]) -> HttpResponse:
    try:
        _found, data = wmts.tile(parameters)
    except Missing as error:
        raise wmts.Fault("InvalidParameterValue", "layer", _told(error)) from error
    return HttpResponse(data, content_type="image/png")


def _told(error: JintuError) -> str:
    return tell(error).sentence
