"""WMTS GetFeatureInfo: what an open version has at a pixel of a tile, in the columns that are open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from jintu.foundation.layers import finding

from . import reading
from .answering import document
from .cql2 import Filter

if TYPE_CHECKING:
    from .grids import Grid
    from .models import Opening

__all__ = ["FORMATS", "answer"]

FORMATS = {"application/json": "json", "text/html": "html", "text/plain": "txt"}
"""What may be asked for, and how its address ends."""
MOST = 10
REACH = 4
"""Pixels around the one asked for within which lines and points count as hit."""


def answer(opening: Opening, grid: Grid, tile: tuple[int, int, int], pixel: tuple[int, int], form: str) -> HttpResponse:
    """At the middle of a pixel (column I, row J) of a tile (zoom, row, column): at most `MOST` features."""
    rows = _rows(opening, grid, tile, pixel)
    if form == "application/json":
        features = [_feature(opening, row) for row in rows]
        facts = {"type": "FeatureCollection", "features": features, "numberReturned": len(features)}
        return document("json", facts, content_type="application/json")
    told = [_told(opening, row) for row in rows]
    title = f"{opening.version.schema.label} {opening.version.name}"
    if form == "text/html":
        return document("html", {}, title=title, template="publication/info.html", found=told)
    blocks = ["\n".join(f"{label}: {text}" for label, text in pairs) for pairs in told]
    text = "\n\n".join([title, *(blocks or [_("Nothing is there.")])])
    return HttpResponse(f"{text}\n", content_type="text/plain; charset=utf-8")


def _rows(opening: Opening, grid: Grid, tile: tuple[int, int, int], pixel: tuple[int, int]) -> list[dict[str, Any]]:
    import shapely

    west, _south, _east, north = grid.box(*tile)
    side = grid.cell(tile[0])
    x, y = west + (pixel[0] + 0.5) * side, north - (pixel[1] + 0.5) * side
    reach = REACH * side
    west, south, east, north = grid.degrees((x - reach, y - reach, x + reach, y + reach))
    shape: Any = shapely.Point((west + east) / 2, (south + north) / 2)
    if grid.mercator:
        shape = shapely.Point(*grid.degrees((x, y, x, y))[:2])
    if opening.version.schema.geometry != "polygon":
        shape = shapely.box(west, south, east, north)
    where = Filter("", lambda rows: rows.meeting(shape))
    asked = reading.Question(opening.shown, limit=MOST, where=where, count=False)
    return reading.page(opening.version, asked).table.to_pylist()


def _feature(opening: Opening, row: dict[str, Any]) -> dict[str, Any]:
    import shapely

    shape = json.loads(shapely.to_geojson(shapely.from_wkb(row["geometry"])))
    properties = {name: row[name] for name in opening.shown}
    return {"type": "Feature", "id": row[opening.version.schema.key], "geometry": shape, "properties": properties}


def _told(opening: Opening, row: dict[str, Any]) -> list[tuple[str, str]]:
    columns = opening.version.schema.columns
    pairs = [(columns[name].label, finding.shown(columns[name], row[name])) for name in opening.shown]
    return [(label, text) for label, text in pairs if text]
