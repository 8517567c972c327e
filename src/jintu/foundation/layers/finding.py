"""Finding things on the map: what lies at a point, and where a number or a name is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from jintu.foundation.registers import descriptor, listing
from jintu.foundation.registers import search as register_search
from jintu.foundation.registers import values as register_values
from jintu.foundation.registers.rendering import may_see_persons, row_title
from jintu.kernel.errors import Missing

from . import rowgroups, schemas, versions
from .features import Features
from .models import LayerVersion
from .schemas import Attribute, Schema

__all__ = ["Hit", "at", "record", "search", "shown"]

MOST = 20
MOST_OF_A_KIND = 5
"""Features of one version that a search shows."""
MASK = "＊＊＊"
REACH_PIXELS = 6


@dataclass
class Hit:
    """One thing at a point: its layer, what it is called, its values under their labels, its outline (GeoJSON)."""

    layer: str
    layer_title: str
    title: str
    token: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    version: str = ""
    stage: str = ""
    geometry: Any = None


def at(lon: float, lat: float, names: list[str], scope: Any, day: date, zoom: float = 16.0) -> list[Hit]:
    """What the layers and registers named have at a point, in their order; all of them when none is named.

    ``zoom``: of the map that was clicked; a line or a point counts as hit within a few pixels of it.
    """
    known = {s.name: s for s in schemas.catalogue() if not s.is_table}
    registers = {r.name for r in descriptor.catalogue() if r.geometry}
    wanted = [n for n in names if n in known or n in registers] or [*registers, *known]
    published = list(LayerVersion.objects.published().within(scope).defer("quality"))
    near = REACH_PIXELS * 360 / 2**zoom / 512
    found: list[Hit] = []
    for name in wanted:
        if name in registers:
            found += _rows_at(name, lon, lat, scope)
        else:
            found += _features_at(known[name], lon, lat, near, scope, day, published)
    return found


def _rows_at(name: str, lon: float, lat: float, scope: Any) -> list[Hit]:
    import shapely

    register = descriptor.get(name)
    point = shapely.Point(lon, lat)
    rows = listing.base_rows(register, scope).filter(**{f"{register.geometry}__intersects": point})[:MOST]
    persons = may_see_persons(scope)
    hits = []
    for row in rows:
        pairs = []
        for column in listing.columns(register):
            model_field, facts = register.attributes[column]
            value = getattr(row, column)
            if value in (None, ""):
                continue
            text = MASK if facts.personal and not persons else register_values.shown(model_field, value, facts)
            unit = register_values.unit_label(facts)
            pairs.append((register_values.header(model_field, facts), f"{text} {unit}".strip() if unit else text))
        hits.append(
            Hit(
                layer=name,
                layer_title=str(register.label),
                title=row_title(register, row),
                rows=pairs,
                url=reverse("registers:detail", args=[name, row.uid]),
                stage=register.stage,
                geometry=getattr(row, register.geometry),
            )
        )
    return hits


def _features_at(
    schema: Schema, lon: float, lat: float, near: float, scope: Any, day: date, published: list[LayerVersion]
) -> list[Hit]:
    hits = []
    for piece in versions.pieces_in_scope(schema.name, scope, day, published):
        if not (piece.west - near <= lon <= piece.east + near and piece.south - near <= lat <= piece.north + near):
            continue
        features = versions.held(piece) or rowgroups.near(
            piece, rowgroups.columns_of(piece), (lon - near, lat - near, lon + near, lat + near)
        )
        for i in features.at(lon, lat, near)[:MOST]:
            hits.append(_feature(schema, piece, features, i, scope))
    return hits


def shown(attribute: Attribute, value: Any) -> str:
    """A value as people read it: with its unit, its decimals, the meaning of its code; "" for none."""
    from jintu.ui import figures

    if value in (None, ""):
        return ""
    if attribute.unit == "m2":
        return f"{figures.figure(value, 2)} m²"
    if isinstance(value, float):
        return figures.figure(value, attribute.decimals or 0)
    meaning = attribute.meaning(value)
    return f"{value} {meaning}" if meaning else str(value)


def _feature(schema: Schema, piece: LayerVersion, features: Features, i: int, scope: Any) -> Hit:
    row = features.row(i)
    pairs = []
    for attribute in schema.attributes:
        value = row.get(attribute.name)
        if value in (None, ""):
            continue
        text = MASK if attribute.personal and not may_see_persons(scope) else shown(attribute, value)
        pairs.append((attribute.label, text))
    return Hit(
        layer=schema.name,
        layer_title=schema.label,
        title=schema.title_of(row),
        token=_token(schema, row),
        rows=pairs,
        version=f"{piece.name} ({piece.short_hash})",
        geometry=features.shapes([i])[0],
    )


def _token(schema: Schema, row: dict[str, Any]) -> str:
    if schema.symbols != "land_use":
        return ""
    from jintu.kernel import codelists

    return codelists.colour(str(row.get(schema.classes) or "")).removeprefix("--jt-")


def search(query: str, scope: Any, day: date) -> list[dict[str, Any]]:
    """Rows of registers by number, name or place, villages by name, and features by identifier or patch number."""
    query = query.strip()
    if len(query) < 2:
        return []
    found = _villages(query, scope, day)
    for group in register_search.find(query, scope):
        if not group.register.geometry:
            continue
        register = group.register
        uids = [e.uid for e in group.entries]
        rows = {r.uid: r for r in listing.base_rows(register, scope).filter(uid__in=uids)}
        for entry in group.entries:
            row = rows.get(entry.uid)
            shape = getattr(row, register.geometry) if row is not None else None
            if shape is None or shape.is_empty:
                continue
            found.append(
                _result(
                    f"{entry.key} {entry.title}".strip(),
                    str(register.label),
                    shape,
                    reverse("registers:detail", args=[register.name, entry.uid]),
                )
            )
    if query.isdigit():
        found += _by_number(query, scope, day)
    return found[:MOST]


def _villages(query: str, scope: Any, day: date) -> list[dict[str, Any]]:
    import pyarrow.compute as pc
    import shapely

    found = []
    for piece in versions.pieces_in_scope(schemas.DIVISIONS, scope, day):
        named = rowgroups.matching(
            piece, "division_name", lambda column: pc.match_substring(column, query), MOST_OF_A_KIND
        )
        coded = rowgroups.matching(piece, "division_code", lambda column: pc.equal(column, query), MOST_OF_A_KIND)
        places = {}
        for features in (named, coded):
            for i, shape in enumerate(features.shapes(range(len(features)))):
                row = features.row(i)
                places[row["division_code"]] = _result(
                    str(row["division_name"]), str(row["division_code"]), shapely.normalize(shape), ""
                )
        found += list(places.values())[:MOST_OF_A_KIND]
    return found


def _by_number(query: str, scope: Any, day: date) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    found = []
    for name in ("survey.DLTB", "survey.JBNTTB"):
        try:
            schema = schemas.get(name)
        except Missing:  # a node without the survey domain has no patches to find
            continue
        for piece in versions.pieces_in_scope(name, scope, day):
            features = rowgroups.matching(piece, schema.key, lambda column: pc.equal(column, query), MOST_OF_A_KIND)
            for i, shape in enumerate(features.shapes(range(len(features)))):
                found.append(_result(schema.title_of(features.row(i)), f"{schema.label} {query}", shape, ""))
    return found


def _result(title: str, hint: str, shape: Any, url: str) -> dict[str, Any]:
    import json

    import shapely

    result = {"title": title or _("without a name"), "hint": hint, "bounds": list(shape.bounds), "url": url}
    if shapely.get_num_coordinates(shape) < 2000:
        result["geometry"] = json.loads(shapely.to_geojson(shape))
    return result


def record(name: str, uid: str, scope: Any) -> dict[str, Any]:
    """The outline of one record, to open the map on. Raises `Missing` outside the scope or without an outline."""
    import json
    from uuid import UUID

    import shapely

    register = descriptor.get(name)
    try:
        key = UUID(uid)
    except ValueError:
        key = None
    row = listing.base_rows(register, scope).filter(uid=key).first() if key and register.geometry else None
    shape = getattr(row, register.geometry) if row is not None else None
    if shape is None or shape.is_empty:
        raise Missing("The record has no outline, or it is outside your scope.")
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": json.loads(shapely.to_geojson(shape)),
                "properties": {"role": "selected", "name": row_title(register, row)},
            }
        ],
    }
