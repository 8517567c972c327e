"""OGC API – Features, parts 1 to 3, by pygeoapi: its API object over what is open now, and its answers made ours.

pygeoapi reads parameters, turns coordinates and makes documents of collections, queryables and features. Filters and
order are read here and handed to the provider past it. Left aside are its Django glue, its pages, its list of
conformance classes and its OpenAPI document: they promise or load what is not there.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from jintu.kernel.errors import Unsupported

from . import cql2
from .asking import BadRequest
from .models import Opening

__all__ = ["CRS84", "CRSS", "DEFAULT_LIMIT", "PARAMETERS", "More", "api", "ask", "asking_more", "further", "more"]

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRSS = (CRS84, *(f"http://www.opengis.net/def/crs/EPSG/0/{code}" for code in (4490, 4326, 3857)))
"""CGCS2000 and WGS 84 in degrees are taken as one: they differ by less than a map shows. EPSG puts latitude first."""
DEFAULT_LIMIT = 100
OURS = frozenset({"filter", "filter-crs", "filter-lang", "sortby"})
"""Parameters that pygeoapi is not shown."""
PARAMETERS = OURS | {"bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "properties", "skipGeometry"}
FILTER_LANGUAGE = "cql2-text"
MOST_KEPT = 64
TILESETS = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"


@dataclass(frozen=True)
class More:
    """What a question says besides what pygeoapi reads of it: its parser of filters is another language's."""

    where: cql2.Filter | None = None
    order: Sequence[tuple[str, bool]] = ()


NOTHING = More()
_more: ContextVar[More] = ContextVar("more", default=NOTHING)


@contextmanager
def asking_more(more: More) -> Iterator[None]:
    """Within, providers answer with this filter and order."""
    token = _more.set(more)
    try:
        yield
    finally:
        _more.reset(token)


def further() -> More:
    """The filter and order that are asked for in this context."""
    return _more.get()


class Asked:
    """A request as pygeoapi reads one. The form is always JSON: pages are made from it by our own templates."""

    body = b""

    def __init__(self, path: str, parameters: Mapping[str, str], language: str) -> None:
        self.path_info = path
        self.GET = {k: v for k, v in parameters.items() if k not in ("f", "lang") and k not in OURS} | {"f": "json"}
        self.headers = {"Accept-Language": language}


def ask(
    operation: str, openings: Sequence[Opening], base: str, path: str, parameters: Mapping[str, str], *arguments: str
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and document of an operation of pygeoapi ("describe_collections", "get_collection_items", …).

    Raises `Unsupported` where the extra is not installed, and the errors of `reading`.
    """
    from django.utils.translation import get_language

    made = api(base, tuple(openings))
    from pygeoapi import api as core
    from pygeoapi.api import itemtypes

    language = "zh" if (get_language() or "zh").startswith("zh") else "en-US"
    request = core.APIRequest.from_django(Asked(path, parameters, language), made.locales)
    perform = getattr(itemtypes, operation, None) or getattr(core, operation)
    headers, status, text = perform(made, request, *arguments)
    document = _tidy(json.loads(text))
    by_name = {o.collection: o for o in openings}
    for collection in document.get("collections", [document] if operation == "describe_collections" else []):
        if found := by_name.get(collection.get("id", "")):
            _complete(collection, found, base)
    if operation in ("get_collection_queryables", "get_collection_schema") and arguments[0] in by_name:
        _name(document, by_name[arguments[0]])
    kept = {name: value for name, value in headers.items() if name in ("Content-Crs",)}
    return int(status), kept, document


def api(base: str, openings: tuple[Opening, ...]) -> Any:
    """pygeoapi's API object for what is open; the same object until something is opened or closed."""
    key = (base, *((o.pk, o.changed_at, o.version.manifest_hash) for o in openings))
    with _lock:
        if key not in _made:
            _made[key] = _make(base, openings)
            while len(_made) > MOST_KEPT:
                _made.popitem(last=False)
        return _made[key]


_made: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_lock = Lock()


def more(opening: Opening, parameters: Mapping[str, str]) -> More:
    """Filter and order that parameters ask for. Raises `BadRequest`."""
    language = parameters.get("filter-lang", FILTER_LANGUAGE)
    if language != FILTER_LANGUAGE:
        raise BadRequest(_("Filters are written in {name}.").format(name=FILTER_LANGUAGE))
    crs = parameters.get("filter-crs", CRS84)
    if crs not in CRSS:
        raise BadRequest(_("There is no coordinate system {name} here.").format(name=crs[:80]))
    types = {n: opening.version.schema.columns[n].type for n in opening.shown}
    text = parameters.get("filter", "").strip()
    if "filter" in parameters and not text:
        raise BadRequest(_("The filter is empty."))
    where = cql2.parse(text, types, lambda shape: _in_degrees(shape, crs)) if text else None
    return More(where, _order(parameters.get("sortby"), types))


def _order(text: str | None, known: Mapping[str, str]) -> list[tuple[str, bool]]:
    if text is None:
        return []
    found = []
    for part in text.split(","):
        name = part.strip().removeprefix("+").removeprefix("-")
        if name not in known or name in (n for n, _down in found):
            raise BadRequest(
                _("Features cannot be sorted by {name}; there are {names}, each once.").format(
                    name=name[:60], names=", ".join(known)
                )
            )
        found.append((name, part.strip().startswith("-")))
    return found


def _in_degrees(shape: Any, crs: str) -> Any:
    """Geometry in the axis order of its coordinate system, as longitude and latitude."""
    if crs == CRS84:
        return shape
    import numpy as np
    import pyproj
    import shapely

    turn = pyproj.Transformer.from_crs(pyproj.CRS.from_user_input(crs), "OGC:CRS84")
    moved = shapely.transform(shape, lambda p: np.column_stack(turn.transform(p[:, 0], p[:, 1])))
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise BadRequest(_("The geometry of the filter lies outside its coordinate system."))
    return moved


def _make(base: str, openings: Sequence[Opening]) -> Any:
    try:
        from pygeoapi.api import API
    except ImportError:
        raise Unsupported(
            "OGC API – Features is not installed on this node.",
            remedy="Install the extra: pip install 'jintu[ogc]'. Tiles and WMTS work without it.",
        ) from None
    # what clients do wrong is no error of the node
    logging.getLogger("pygeoapi").setLevel(logging.CRITICAL)
    return API(_config(base, openings), {})


def _config(base: str, openings: Sequence[Opening]) -> dict[str, Any]:
    name = settings.NODE.name or settings.NODE.division or "Jintu"
    most = settings.JINTU_OPEN_PAGE_FEATURES
    return {
        "server": {
            "url": base,
            "encoding": "utf-8",
            "languages": ["zh", "en-US"],
            "gzip": False,
            "limits": {"default_items": min(DEFAULT_LIMIT, most), "max_items": most, "on_exceed": "throttle"},
            "api_rules": {"api_version": "1.0.0", "strict_slashes": True},
        },
        "logging": {"level": "ERROR"},
        "metadata": {"identification": {"title": name, "description": name, "url": base, "keywords": []}},
        "resources": {o.collection: _resource(o) for o in openings},
    }


def _resource(opening: Opening) -> dict[str, Any]:
    """A collection. No temporal extent here: pygeoapi would refuse days outside it, the standard answers with none."""
    version = opening.version
    schema = version.schema
    place = f"{version.division} {version.name}"
    return {
        "type": "collection",
        "title": {"zh": f"{schema.zh} {place}", "en": f"{schema.en} {place}"},
        "description": {"zh": f"{schema.zh}（{schema.standard}）", "en": f"{schema.en} ({schema.standard})"},
        "keywords": [schema.table, version.division],
        "extents": {"spatial": {"bbox": list(version.bbox), "crs": CRS84}},
        "providers": [
            {
                "type": "feature",
                "name": "jintu.foundation.publication.provider.LakeProvider",
                "data": opening.collection,
                "id_field": schema.key,
                "crs": list(CRSS),
            }
        ],
    }


def _complete(collection: dict[str, Any], opening: Opening, base: str) -> None:
    """What pygeoapi does not say of a collection: since when it holds, whose map it is, its tiles."""
    since = f"{opening.version.valid_from.isoformat()}T00:00:00Z"
    collection.setdefault("extent", {})["temporal"] = {"interval": [[since, None]]}
    if settings.NODE.map_approval_no:
        collection["attribution"] = _("Map approval number: {number}").format(number=settings.NODE.map_approval_no)
    collection["links"].append(
        {
            "rel": TILESETS,
            "type": "application/json",
            "title": _("Vector tiles"),
            "href": f"{base}/collections/{opening.collection}/tiles",
        }
    )


def _name(document: dict[str, Any], opening: Opening) -> None:
    """Columns by what people call them, the codes of each with their meaning; and that there are no others."""
    schema = opening.version.schema
    for name, facts in document.get("properties", {}).items():
        if name in schema.columns:
            facts["title"] = schema.columns[name].label
        elif name == cql2.GEOMETRY:
            facts["title"] = _("Geometry")
    document["additionalProperties"] = False


def _titled(link: dict[str, Any]) -> str:
    """What a link leads to, in the reader's language: pygeoapi knows no Chinese."""
    words = {
        "root": _("Start"),
        "self": _("This document"),
        "alternate": _("This document"),
        "items": _("Features"),
        "data": _("Collections"),
        "schema": _("Columns"),
        "queryables": _("Columns"),
    }
    return words.get(link.get("rel", "").rpartition("/")[2]) or link.get("title", "")


def _tidy(document: Any) -> Any:
    """Without links to forms that are not served here (JSON-LD), at every level that has links."""
    if isinstance(document, dict) and isinstance(document.get("links"), list):
        document["links"] = [
            link | {"title": _titled(link)}
            for link in document["links"]
            if "ld+json" not in link.get("type", "") and link.get("rel") != "none"
        ]
    for inner in document.get("collections", []) if isinstance(document, dict) else []:
        _tidy(inner)
    return document
