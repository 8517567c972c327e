"""The description of the open services as OpenAPI 3.0, complete in itself: nothing is referred to on other hosts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from jintu import __version__

from . import cql2, features
from .models import Opening

__all__ = ["document"]

_STRING = {"type": "string"}
_NUMBERS = {"type": "array", "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}]}
_TYPES = {"Float": {"type": "number"}, "Date": {"type": "string", "format": "date"}}
_SHARED = ("bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "properties", "skipGeometry")
_FURTHER = ("filter", "filter-lang", "filter-crs", "sortby")


def document(openings: Sequence[Opening], base: str) -> dict[str, Any]:
    """What may be asked of what is open now."""
    title = settings.NODE.name or settings.NODE.division or "Jintu"
    paths: dict[str, Any] = {
        "/": _get(_("Start"), "landing", "landingPage"),
        "/conformance": _get(_("Standards kept"), "conformance", "confClasses"),
        "/openapi": _get(_("This document"), "openapi", "any"),
        "/collections": _get(_("Collections"), "collections", "collections"),
        "/tileMatrixSets": _get(_("Tile matrix sets"), "tileMatrixSets", "any"),
        "/tileMatrixSets/{tileMatrixSetId}": _get(
            _("Tile matrix sets"), "tileMatrixSet", "any", _in_path("tileMatrixSetId")
        ),
    }
    for opening in openings:
        paths |= _of_collection(opening)
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": __version__, "description": _("Layers that are open to the public.")},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"parameters": _parameters(), "schemas": _schemas(), "responses": _responses()},
    }


def _of_collection(opening: Opening) -> dict[str, Any]:
    name = opening.collection
    root = f"/collections/{name}"
    schema = opening.version.schema
    own = [
        {
            "name": n,
            "in": "query",
            "required": False,
            "description": schema.columns[n].label,
            "schema": _TYPES.get(schema.columns[n].type, _STRING),
            "style": "form",
            "explode": False,
        }
        for n in opening.shown
    ]
    shared = [_reference(n) for n in (*_SHARED, *_FURTHER)]
    items = _get(schema.label, f"items-{name}", "featureCollectionGeoJSON", *shared, *own)
    item = _get(schema.label, f"item-{name}", "featureGeoJSON", _in_path("featureId"), _reference("crs"))
    for operation, kind in ((items, "featureCollectionGeoJSON"), (item, "featureGeoJSON")):
        content = {"application/geo+json": {"schema": _schema(kind)}, "text/html": {"schema": _STRING}}
        operation["get"]["responses"]["200"]["content"] = content
    tile = _get(
        _("Vector tiles"),
        f"tile-{name}",
        "any",
        *(_in_path(n, {"type": "integer"}) for n in ("tileMatrix", "tileRow", "tileCol")),
    )
    tile["get"]["responses"]["200"]["content"] = {
        "application/vnd.mapbox-vector-tile": {"schema": {"type": "string", "format": "binary"}}
    }
    tile["get"]["responses"]["204"] = {"description": _("Nothing is there.")}
    return {
        root: _get(schema.label, f"collection-{name}", "collection"),
        f"{root}/schema": _get(_("Columns"), f"schema-{name}", "any"),
        f"{root}/queryables": _get(_("Columns"), f"queryables-{name}", "any"),
        f"{root}/items": items,
        f"{root}/items/{{featureId}}": item,
        f"{root}/tiles": _get(_("Vector tiles"), f"tilesets-{name}", "any"),
        f"{root}/tiles/WebMercatorQuad": _get(_("Vector tiles"), f"tileset-{name}", "any"),
        f"{root}/tiles/WebMercatorQuad/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": tile,
    }


def _get(summary: str, operation: str, schema: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "operationId": operation,
            "parameters": [*parameters, _reference("f"), _reference("lang")],
            "responses": {
                "200": {
                    "description": summary,
                    "content": {
                        "application/json": {"schema": _schema(schema)},
                        "text/html": {"schema": _STRING},
                    },
                },
                **{code: {"$ref": f"#/components/responses/{code}"} for code in ("400", "404", "429", "500")},
            },
        }
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _in_path(name: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema or _STRING}


def _in_query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
        "style": "form",
        "explode": False,
    }


def _parameters() -> dict[str, Any]:
    crs = {"type": "string", "format": "uri", "enum": list(features.CRSS), "default": features.CRS84}
    limit = {
        "type": "integer",
        "minimum": 1,
        "maximum": settings.JINTU_OPEN_PAGE_FEATURES,
        "default": min(features.DEFAULT_LIMIT, settings.JINTU_OPEN_PAGE_FEATURES),
    }
    found = (
        _in_query("bbox", _NUMBERS | {"items": {"type": "number"}}, _("Box that the features must meet")),
        _in_query("bbox-crs", crs, _("Coordinate system of the box")),
        _in_query("crs", crs, _("Coordinate system of the answer")),
        _in_query("datetime", _STRING, _("Instant or interval of RFC 3339")),
        _in_query("limit", limit, _("Features on a page")),
        _in_query("offset", {"type": "integer", "minimum": 0, "default": 0}, _("Features to pass over")),
        _in_query("properties", {"type": "array", "items": _STRING}, _("Columns of the answer")),
        _in_query("skipGeometry", {"type": "boolean", "default": False}, _("Leave the geometry out")),
        _in_query(
            "filter", _STRING | {"maxLength": cql2.MOST_CHARACTERS}, _("Condition in CQL2 that the features meet")
        ),
        _in_query("filter-lang", {"type": "string", "enum": ["cql2-text"], "default": "cql2-text"}, _("Its language")),
        _in_query("filter-crs", crs, _("Coordinate system of geometry in the condition")),
        _in_query("sortby", {"type": "array", "items": _STRING}, _("Columns to sort by; with - before it, downwards")),
        _in_query("f", {"type": "string", "enum": ["json", "html"]}, _("Form of the answer")),
        _in_query("lang", {"type": "string", "enum": ["zh", "en"]}, _("Language of the answer")),
    )
    return {p["name"]: p for p in found}


def _responses() -> dict[str, Any]:
    meanings = {
        "400": _("A parameter is unknown or wrong."),
        "404": _("There is no such thing, or it is not open."),
        "429": _("Too many requests; come again later."),
        "500": _("The node failed."),
    }
    content = {"application/json": {"schema": _schema("exception")}}
    return {code: {"description": meaning, "content": content} for code, meaning in meanings.items()}


def _object(required: Sequence[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _schemas() -> dict[str, Any]:
    links = _list(_schema("link"))
    number = {"type": "integer", "minimum": 0}
    return {
        "any": {"type": "object"},
        "exception": _object(["code"], code=_STRING, description=_STRING),
        "link": _object(["href"], href=_STRING, rel=_STRING, type=_STRING, hreflang=_STRING, title=_STRING),
        "landingPage": _object(["links"], title=_STRING, description=_STRING, links=links),
        "confClasses": _object(["conformsTo"], conformsTo=_list(_STRING)),
        "collections": _object(["links", "collections"], links=links, collections=_list(_schema("collection"))),
        "collection": _object(
            ["id", "links"],
            id=_STRING,
            title=_STRING,
            description=_STRING,
            links=links,
            extent={"type": "object"},
            itemType=_STRING,
            crs=_list(_STRING),
        ),
        "featureCollectionGeoJSON": _object(
            ["type", "features"],
            type={"type": "string", "enum": ["FeatureCollection"]},
            features=_list(_schema("featureGeoJSON")),
            links=links,
            timeStamp={"type": "string", "format": "date-time"},
            numberMatched=number,
            numberReturned=number,
        ),
        "featureGeoJSON": _object(
            ["type", "geometry", "properties"],
            type={"type": "string", "enum": ["Feature"]},
            geometry={"type": "object", "nullable": True},
            properties={"type": "object", "nullable": True},
            id=_STRING,
            links=links,
        ),
    }
