"""What changed between two versions of a layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jintu.kernel.errors import Refused

from .models import LayerVersion

__all__ = ["Diff", "diff"]

SMALLEST_M2 = 1.0
"""Less from class to class is the rounding of edges between one state and the other, not a change on the ground."""


@dataclass
class Diff:
    """Keys of features by what happened to them, and areas (m²) from class to class where anything changed.

    A feature counts as changed in its attributes, in its geometry, or in both. ``fields``: how often each attribute
    changed. In ``transitions`` "" is outside: land that came into the layer or left it.
    """

    old: LayerVersion
    new: LayerVersion
    added: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    geometry: list[str] = field(default_factory=list)
    same: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    transitions: list[tuple[str, str, float]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "layer": self.old.layer,
            "old": {"name": self.old.name, "hash": self.old.hash},
            "new": {"name": self.new.name, "hash": self.new.hash},
            "added": self.added,
            "vanished": self.vanished,
            "attributes": self.attributes,
            "geometry": self.geometry,
            "same": self.same,
            "fields": self.fields,
            "transitions": [
                {"from": before, "to": after, "area_m2": round(area, 2)} for before, after, area in self.transitions
            ],
        }


def diff(old: LayerVersion, new: LayerVersion) -> Diff:
    """Compare two versions of one layer by the schema's key. Raises `Refused` for versions of different layers."""
    import polars as pl

    if old.layer != new.layer:
        raise Refused("{first} and {second} are versions of different layers.", first=str(old), second=str(new))
    schema = old.schema
    left, right = (pl.DataFrame(pl.from_arrow(v.table())) for v in (old, new))
    found = Diff(old, new)
    key = schema.key
    found.added = right.join(left, on=key, how="anti")[key].to_list()
    found.vanished = left.join(right, on=key, how="anti")[key].to_list()
    both = left.join(right, on=key, how="inner", suffix="__new__")
    names = [a.name for a in schema.attributes if a.name != key and a.name in left.columns and a.name in right.columns]
    changed = {n: both[n].ne_missing(both[f"{n}__new__"]) for n in names}
    moved = pl.repeat(False, len(both), eager=True)
    if not schema.is_table:
        moved = both["geometry"].ne_missing(both["geometry__new__"])
    any_attribute = pl.select(pl.any_horizontal(*changed.values())).to_series() if changed else moved & False
    found.fields = {n: int(c.sum()) for n, c in changed.items() if c.any()}
    found.attributes = both.filter(any_attribute)[key].to_list()
    found.geometry = both.filter(moved)[key].to_list()
    found.same = int((~(any_attribute | moved)).sum())
    if schema.classes and schema.geometry == "polygon":
        touched = moved | changed.get(schema.classes, moved)
        keys_old = [*both.filter(touched)[key].to_list(), *found.vanished]
        keys_new = [*both.filter(touched)[key].to_list(), *found.added]
        found.transitions = _transitions(
            left.filter(pl.col(key).is_in(keys_old)), right.filter(pl.col(key).is_in(keys_new)), schema.classes
        )
    return found


def _transitions(left: Any, right: Any, column: str) -> list[tuple[str, str, float]]:
    """Areas from class to class between the features that changed, the largest first; unchanged classes left out."""
    import numpy as np

    from jintu.kernel.flat import Polygons
    from jintu.kernel.overlay import overlay

    before = Polygons.from_wkb(left["geometry"]) if len(left) else None
    after = Polygons.from_wkb(right["geometry"]) if len(right) else None
    old = left[column].fill_null("").to_list()
    new = right[column].fill_null("").to_list()
    sums: dict[tuple[str, str], float] = {}
    kept_old, kept_new = np.zeros(len(left)), np.zeros(len(right))
    if before is not None and after is not None:
        pairs = overlay(before, after)
        for i, j, area in zip(pairs.left.tolist(), pairs.right.tolist(), pairs.area_m2.tolist(), strict=True):
            kept_old[i] += area
            kept_new[j] += area
            if old[i] != new[j]:
                sums[old[i], new[j]] = sums.get((old[i], new[j]), 0.0) + area
    for polygons, kept, codes, leaving in ((before, kept_old, old, True), (after, kept_new, new, False)):
        if polygons is None:
            continue
        for area, code in zip((polygons.areas() - kept).tolist(), codes, strict=True):
            if area > SMALLEST_M2:
                pair = (code, "") if leaving else ("", code)
                sums[pair] = sums.get(pair, 0.0) + area
    return sorted(((a, b, s) for (a, b), s in sums.items() if s > SMALLEST_M2), key=lambda t: -t[2])
