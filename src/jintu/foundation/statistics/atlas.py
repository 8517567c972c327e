"""The divisions of a scope as a small map coloured by a figure, from the administrative layer in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from jintu.foundation.identity.scope import Scope
from jintu.foundation.layers import schemas, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.ui import naming
from jintu.ui.choropleth import Area, Shape, choropleth

__all__ = ["findings"]

MOST = 60
"""Divisions on one card; a ministry's map would be confetti."""
PIXELS = 400


def findings(scope: Scope, day: date, counted: Iterable[Mapping[str, Any]], length: int) -> tuple[list[Shape], float]:
    """(shapes, height) of the divisions with ``length`` digits; ``counted``: {"code", "n"}. Nothing without a layer."""
    pieces = versions.pieces_in_scope(schemas.DIVISIONS, scope, day)
    if not pieces:
        return [], 0.0
    by = {row["code"]: row["n"] for row in counted}
    areas = [
        Area(naming.division_name(code), outline, by.get(code, 0), _url(code))
        for code, outline in _outlines(tuple(v.pk for v in pieces), length)
        if scope.covers(code)
    ]
    return choropleth(areas) if 1 < len(areas) <= MOST else ([], 0.0)


def _url(code: str) -> str:
    return f"{reverse('checks:findings')}?{urlencode({'division': code})}"


@lru_cache(maxsize=8)
def _outlines(pieces: tuple[int, ...], length: int) -> list[tuple[str, dict[str, Any]]]:
    """(code, GeoJSON) of the divisions, dissolved from villages; versions never change, so neither does this."""
    import numpy as np
    import shapely

    villages: dict[str, list[Any]] = {}
    for version in LayerVersion.objects.filter(pk__in=pieces):
        table = version.table(["division_code", "geometry"])
        outlines = shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))
        for code, shape in zip(table.column("division_code").to_pylist(), outlines, strict=True):
            villages.setdefault(str(code)[:length], []).append(shape)
    if not villages:
        return []
    dissolved = [shapely.union_all(shapes) for shapes in villages.values()]
    west, south, east, north = shapely.total_bounds(dissolved)
    # half a pixel of the card; neighbours keep their common line
    drawn = shapely.coverage_simplify(np.array(dissolved), max(east - west, north - south) / PIXELS / 2)
    return [
        (code, shapely.geometry.mapping(shape))
        for code, shape in sorted(zip(villages, drawn, strict=True), key=lambda pair: pair[0])
    ]
