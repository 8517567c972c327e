"""What the map page is told: layers by theme with their versions, registers, legend, dates, bounds, addresses.

The keys are those of ``frontend/README.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from jintu.foundation.registers import descriptor
from jintu.kernel import codelists

from . import drawing, lake, schemas, tiles, tileset, versions
from .atlas import painting
from .models import ImagerySource, LayerVersion
from .schemas import Schema

__all__ = ["config", "layer_of", "style_of", "theme_title", "union"]

STAGES = ("inspect", "supply", "use", "approve", "compensate")
"""Registers on the map, top first: what is questioned lies over what was granted."""
SHOWN = {"survey.DLTB", schemas.DIVISIONS, "land.approval_parcel", "land.supply"}
"""Layers that are on when the map opens."""

MOST_DATES = 120
"""Stops of the time slider."""

USE_ZONE_TOKENS = {
    "010": "lu-02",
    "020": "lu-01",
    "030": "lu-05",
    "040": "lu-07",
    "050": "lu-06",
    "060": "lu-08",
    "070": "lu-11",
    "080": "lu-09",
    "090": "lu-03",
    "100": "lu-04",
    "990": "lu-12",
}
ALL = "*"
"""The colour of a schema's features that have none of their own."""
CONTROL_ZONE_TOKENS = {"010": "lu-05", "020": "lu-02", "030": "lu-04", "040": "lu-03"}


def theme_title(theme: str) -> str:
    return {
        "lifecycle": _("Approval, supply, use, compensation, inspection"),
        "land_use": _("Present land use"),
        "ownership": _("Land ownership"),
        "minerals": _("Mineral plan"),
        "plan": _("Plan and control"),
        "base": _("Base geography"),
        "imagery": _("Imagery"),
    }[theme]


def config(scope: Any, day: date, theme: str = "") -> dict[str, Any]:
    """The map of a scope on a day, with a thematic map (its digest) on top. One query for versions and one for
    imagery, however many layers there are."""
    published = list(
        LayerVersion.objects.published().within(scope).defer("quality").order_by("layer", "-valid_from", "-pk")
    )
    groups: list[dict[str, Any]] = []
    lifecycle = [_register_layer(r) for r in _registers()]
    if lifecycle:
        groups.append(_group("lifecycle", lifecycle, opened=True))
    bounds: list[tuple[float, float, float, float]] = []
    if theme:
        groups[:0] = painting.groups(theme, scope, day, published)
    for theme in schemas.THEMES:
        layers = []
        for schema in schemas.catalogue():
            if schema.theme != theme or schema.is_table:
                continue
            pieces = versions.pieces_in_scope(schema.name, scope, day, published)
            if not pieces:
                continue
            layers.append(layer_of(schema, pieces, day, [v for v in published if v.layer == schema.name]))
            bounds += [v.bbox for v in pieces]
        if layers:
            groups.append(_group(theme, layers, opened=theme != "base"))
    imagery = [_imagery(s) for s in ImagerySource.objects.filter(enabled=True)]
    if imagery:
        groups.append(_group("imagery", imagery, opened=False))
    answer: dict[str, Any] = {
        "mode": "onemap",
        "crs": "CGCS2000 (EPSG:4490)",
        "groups": groups,
        "as_of": day.isoformat(),
        "dates": _dates(published, day),
        "urls": {
            "identify": reverse("layers:identify"),
            "search": reverse("layers:search"),
            "analyse": reverse("layers:analyse"),
            "upload": reverse("layers:upload"),
            "config": reverse("layers:config"),
            "difference": reverse("layers:difference"),
            "theme": reverse("layers:theme"),
            "print": reverse("layers:print"),
            "bookmarks": reverse("layers:bookmarks"),
        },
    }
    credit = [s["credit"] for s in imagery if s.get("credit")]
    if settings.NODE.map_approval_no:
        credit.insert(0, _("Map approval number: {number}").format(number=settings.NODE.map_approval_no))
    if credit:
        answer["credit"] = " · ".join(credit)
    whole = _own_bounds(scope, day, published) or union(bounds)
    if whole:
        answer["bounds"] = answer["home"] = list(whole)
    return answer


def _group(theme: str, layers: list[dict[str, Any]], *, opened: bool) -> dict[str, Any]:
    return {"id": theme, "title": theme_title(theme), "open": opened, "layers": layers}


def _registers() -> list[Any]:
    """Registers with a place and a stage, in the order of the map."""
    found = [r for r in descriptor.catalogue() if r.geometry and r.stage in STAGES]
    return sorted(found, key=lambda r: STAGES.index(r.stage))


def _register_layer(register: Any) -> dict[str, Any]:
    address = reverse("registers:tile", args=[register.name, 0, 0, 0]).replace("0/0/0.mvt", "{z}/{x}/{y}.mvt")
    return {
        "id": register.name,
        "title": str(register.label),
        "visible": register.name in SHOWN,
        "identify": True,
        "source": {
            "tiles": address,
            "layer": register.name,
            "labels": register.name + tiles.LABELS,
            "minzoom": 8,
            "maxzoom": 16,
        },
        "style": {"kind": "stage", "stage": register.stage},
        "label": "key",
        "label_from": 15,
    }


def layer_of(
    schema: Schema, pieces: Sequence[LayerVersion], day: date, known: Sequence[LayerVersion]
) -> dict[str, Any]:
    newest = max(pieces, key=lambda v: v.valid_from)
    layer: dict[str, Any] = {
        "id": schema.name,
        "title": schema.label,
        "visible": schema.name in SHOWN,
        "identify": True,
        "date": newest.valid_from.strftime("%Y-%m"),
        "version": pieces[0].hash if len(pieces) == 1 else versions.Combined(tuple(pieces)).hash,
        "source": {
            "tiles": _address(schema.name, tiles.reference(pieces, day)),
            "layer": schema.name,
            "minzoom": tiles.MIN_ZOOM,
            "maxzoom": tiles.MAX_ZOOM,
            "bounds": list(union([v.bbox for v in pieces]) or ()),
        },
        "style": style_of(schema),
    }
    if schema.symbols == "land_use":
        layer["edges_from"] = max(drawing.finest(v) for v in pieces) + 1.5
    if label := tiles.label_of(schema):
        layer |= {"label": label, "label_from": tiles.label_from(schema)}
        layer["source"]["labels"] = schema.name + tiles.LABELS
    if legend := _legend(schema, pieces):
        layer["legend"] = legend
    if len(pieces) == 1:
        others = [v for v in known if v.division == pieces[0].division]
        if len(others) > 1:
            layer["versions"] = [
                {"version": v.hash, "title": v.name, "tiles": _address(schema.name, v.key)} for v in others
            ]
    return layer


def _address(layer: str, reference: str) -> str:
    whole = reverse("layers:tile", args=[layer, reference, 0, 0, 0])
    # browsers keep a tile for a year: another edition of what tiles show is another address
    return f"{whole.replace('/0/0/0.mvt', '/{z}/{x}/{y}.mvt')}?edition={tileset.EDITION}"


def style_of(schema: Schema) -> dict[str, Any]:
    """How the map draws a layer: a kind, and the column, classes and tokens it goes by (``frontend/README.md``)."""
    if schema.geometry in ("line", "point"):
        return _thin_style(schema)
    if schema.symbols == "land_use":
        return {"kind": "land-use", "field": schema.classes}
    if schema.symbols == "farmland":
        return {"kind": "hatch", "token": "map-comp"}
    if schema.symbols in ("use_zone", "control_zone"):
        return {"kind": "classes", "field": schema.classes, "classes": _zones(schema.symbols)}
    if schema.symbols == "classes":
        return {"kind": "classes", "field": schema.classes, "classes": _classes(schema)}
    if schema.symbols == "plain":
        return {"kind": "plain", "token": schema.tokens.get(ALL, "map-label")}
    return {"kind": "boundary"}


def _thin_style(schema: Schema) -> dict[str, Any]:
    """Of lines and points: one colour, a colour by class, or that of the land use."""
    if schema.symbols == "outline":
        return {"kind": "boundary"}
    style: dict[str, Any] = {"kind": schema.geometry, "token": schema.tokens.get(ALL, "map-label")}
    if schema.symbols == "land_use":
        style["field"] = schema.classes
        style["land_use"] = True
    elif schema.symbols == "classes":
        style["field"] = schema.classes
        style["classes"] = _classes(schema)
    return style


def _classes(schema: Schema) -> list[dict[str, str]]:
    """Codes, names and colours of the schema's own list, as its file gives them."""
    column = schema.columns[schema.classes]
    return [
        {"value": code, "title": f"{code} {column.meaning(code)}".strip(), "token": token}
        for code, token in schema.tokens.items()
        if code != ALL
    ]


def _zones(kind: str) -> list[dict[str, str]]:
    tokens = USE_ZONE_TOKENS if kind == "use_zone" else CONTROL_ZONE_TOKENS
    return [
        {"value": code, "title": f"{code} {name}", "token": tokens.get(code, "lu-12")}
        for code, name in codelists.get(kind).labels(_language()).items()
    ]


def _legend(schema: Schema, pieces: Sequence[LayerVersion]) -> list[dict[str, str]]:
    """The first-level classes that occur, in the hues of GB/T 21010. Other styles make their own legend."""
    if schema.symbols != "land_use":
        return []
    present = {
        str(code)[:2]
        for row in LayerVersion.objects.filter(pk__in=[v.pk for v in pieces]).values_list("quality__classes", flat=True)
        for code in (row or {})
    }
    kind = {"line": "line", "point": "dot"}.get(schema.geometry, "fill")
    found = []
    for head in sorted(present, key=lambda c: (c == "20", c)):
        name = codelists.get("land_use").find(head)
        if name is not None:
            token = codelists.colour(head).removeprefix("--jt-")
            title = name.name_zh if _language() == "zh" else name.name_en
            found.append({"kind": kind, "token": token, "title": f"{head} {title}"})
    return found


def _imagery(source: ImagerySource) -> dict[str, Any]:
    return {
        "id": f"imagery.{source.pk}",
        "title": source.name,
        "visible": False,
        "identify": False,
        "credit": source.attribution,
        "date": source.taken_on.isoformat() if source.taken_on else "",
        "source": {
            "raster": source.url,
            "tileSize": source.tile_size,
            "minzoom": source.min_zoom,
            "maxzoom": source.max_zoom,
        },
        "style": {"kind": "raster"},
    }


def _dates(published: Sequence[LayerVersion], day: date) -> list[dict[str, str]]:
    """Days of the time slider: when a version of any layer came into force, and the day shown now.

    Of more than `MOST_DATES` those of present land use are kept, then the newest.
    """
    days = sorted({v.valid_from for v in published})
    if not days:
        return []
    if len(days) > MOST_DATES:
        themes = {s.name for s in schemas.catalogue() if s.theme == "land_use"}
        important = sorted({v.valid_from for v in published if v.layer in themes})[-MOST_DATES:]
        others = [d for d in days if d not in set(important)]
        days = sorted([*important, *others[len(others) - max(0, MOST_DATES - len(important)) :]])
    counts = Counter(d.year for d in days)
    found = [{"date": d.isoformat(), "title": str(d) if counts[d.year] > 1 else str(d.year)} for d in days]
    if day not in days:
        found.append({"date": day.isoformat(), "title": day.isoformat()})
        found.sort(key=lambda entry: entry["date"])
    return found


def _own_bounds(scope: Any, day: date, published: Sequence[LayerVersion]) -> tuple[float, float, float, float] | None:
    """The extent of the scope's divisions: of its own villages, where it is smaller than the versions it sees. A layer
    that came to lie elsewhere does not make the county a speck."""
    import numpy as np
    import pyarrow.compute as pc

    boxes = []
    for piece in versions.pieces_in_scope(schemas.DIVISIONS, scope, day, published):
        within = [p for p in scope.divisions if p.startswith(piece.prefix) and p != piece.prefix]
        if not within:
            boxes.append(np.array([piece.bbox]))
            continue
        table = piece.table(["division_code", lake.BBOX])
        sides = [pc.struct_field(table.column(lake.BBOX), side) for side in ("xmin", "ymin", "xmax", "ymax")]
        codes = table.column("division_code").to_pylist()
        rows = [i for i, code in enumerate(codes) if str(code).startswith(tuple(within))]
        if rows:
            boxes.append(np.column_stack(sides)[rows])
    if not boxes:
        return None
    all_boxes = np.concatenate(boxes)
    west, south = all_boxes[:, :2].min(axis=0).tolist()
    east, north = all_boxes[:, 2:].max(axis=0).tolist()
    return west, south, east, north


def union(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float] | None:
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _language() -> str:
    return "zh" if (get_language() or "zh").startswith("zh") else "en"
