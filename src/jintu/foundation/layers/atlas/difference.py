"""What came, went, changed its class or its outline between two versions: counts, areas, places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import comparing
from ..models import LayerVersion
from . import prepared

if TYPE_CHECKING:
    import polars as pl

__all__ = ["KINDS", "LISTED", "compute", "drawn", "place_of", "rows_of"]

KINDS = ("came", "went", "class", "attributes", "outline")
"""In the order of the panel. A feature counts once: under its class before its outline, under that before the rest."""
KEPT = 5_000
"""Features kept with their places, the largest of each kind first."""
DRAWN = 1_500
"""Of these on the map."""
VERTICES = 400
"""A feature with more is drawn simpler."""
LISTED = 100


def place_of(old: LayerVersion, new: LayerVersion) -> Path:
    return prepared.place_of("difference", old.layer, old.hash, new.hash)


def compute(
    old: LayerVersion, new: LayerVersion, progress: Callable[[int, int, str], None] | None = None
) -> dict[str, Any]:
    """Counts by kind, areas (m²) by class before and after, flows from class to class, and the features themselves.

    ``features`` are the largest ones: kind, key, class before and after, m², box, and of the largest the outline.
    """
    found = comparing.changed(old, new, progress)
    features = _features(found)
    counts = {kind: sum(f["kind"] == kind for f in features) for kind in KINDS}
    by_kind = {k: sorted((f for f in features if f["kind"] == k), key=lambda f: -f["area_m2"]) for k in KINDS}
    share = {k: max(50, KEPT * len(v) // max(1, len(features))) for k, v in by_kind.items()}
    largest = [f for k in KINDS for f in by_kind[k][: share[k]]]
    _give_outlines(largest)
    diff = found.diff
    return {
        "counts": counts,
        "same": diff.same,
        "fields": diff.fields,
        "transitions": [[a, b, round(area, 2)] for a, b, area in diff.transitions],
        "classes": _classes(old, new),
        "features": largest,
    }


def _classes(old: LayerVersion, new: LayerVersion) -> list[list[Any]]:
    """(class, m² before, m² after), as the versions were measured when they were loaded."""
    before, after = (v.quality.get("classes") or {} for v in (old, new))
    return [
        [code, float(before.get(code, {}).get("area_m2", 0)), float(after.get(code, {}).get("area_m2", 0))]
        for code in sorted({*before, *after})
    ]


def _features(found: comparing.Changed) -> list[dict[str, Any]]:
    """One entry for every feature that differs, with its shape's WKB."""
    import polars as pl

    schema = found.diff.old.schema
    key, column = schema.key, schema.classes
    added, vanished = set(found.diff.added), set(found.diff.vanished)
    moved = set(found.diff.geometry)
    was = dict(found.before.select(key, column).iter_rows()) if column else {}
    entries: list[dict[str, Any]] = []

    def add(frame: pl.DataFrame, wanted: Callable[[Any], str]) -> None:
        areas = _areas(frame, schema.geometry)
        classes = frame[column].to_list() if column else [None] * len(frame)
        shapes = frame["geometry"].to_list() if "geometry" in frame.columns else [None] * len(frame)
        for k, now, area, shape in zip(frame[key].to_list(), classes, areas, shapes, strict=True):
            if kind := wanted(k):
                before = was.get(k) if kind != "came" else None
                after = now if kind != "went" else None
                if kind == "kept":
                    kind = "class" if before != after else "outline" if k in moved else "attributes"
                entries.append(
                    {
                        "kind": kind,
                        "key": str(k),
                        "from": str(before or ""),
                        "to": str(after or ""),
                        "area_m2": round(area, 2),
                        "shape": shape,
                    }
                )

    add(found.after, lambda k: "came" if k in added else "kept")
    add(
        found.before.filter(pl.col(key).is_in(pl.Series(list(vanished), dtype=found.before[key].dtype).implode())),
        lambda k: "went",
    )
    return entries


def _areas(frame: pl.DataFrame, kind: str) -> list[float]:
    """m² of polygons; of everything else nothing."""
    from jintu.kernel.flat import Polygons

    if kind != "polygon" or not len(frame):
        return [0.0] * len(frame)
    return Polygons.from_wkb(frame["geometry"]).areas().tolist()


def _give_outlines(features: list[dict[str, Any]]) -> None:
    """The box of each feature, and of the largest a GeoJSON geometry; takes the WKB away."""
    import json

    import shapely

    shapes = shapely.from_wkb([f.pop("shape") for f in features])
    order = sorted(range(len(features)), key=lambda i: -features[i]["area_m2"])
    shown = set(order[:DRAWN])
    for i, (feature, shape) in enumerate(zip(features, shapes.tolist(), strict=True)):
        if shape is None:
            continue
        feature["box"] = [round(v, 7) for v in shape.bounds]
        if i in shown:
            if shapely.get_num_coordinates(shape) > VERTICES:
                shape = shapely.simplify(shape, 2e-5)
            feature["geometry"] = json.loads(shapely.to_geojson(shapely.set_precision(shape, 1e-7, mode="pointwise")))


def rows_of(facts: dict[str, Any], kind: str = "", pair: tuple[str, str] | None = None) -> list[dict[str, Any]]:
    """The features of a kind, or that went from one class to another, the largest first."""
    found = facts["features"]
    if kind in KINDS:
        found = [f for f in found if f["kind"] == kind]
    if pair is not None:
        found = [f for f in found if (f["from"], f["to"]) == pair]
    return sorted(found, key=lambda f: -f["area_m2"])


def drawn(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """GeoJSON of the features that have an outline, with the role by which the map colours them."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"role": "change", "change": f["kind"], "key": f["key"]},
                "geometry": f["geometry"],
            }
            for f in rows
            if "geometry" in f
        ][:DRAWN],
    }
