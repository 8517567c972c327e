"""What changed between two versions of a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop as _

from jintu.kernel.errors import Refused

from . import lake
from .models import LayerVersion
from .streams import row_groups

__all__ = ["Changed", "Diff", "changed", "diff"]

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


def diff(old: LayerVersion, new: LayerVersion, progress: Callable[[int, int, str], None] | None = None) -> Diff:
    """Compare two versions of one layer by the schema's key. Raises `Refused` for versions of different layers.

    Both are read twice by row groups: once for the hashes of each row (16 bytes and the key are kept of each), once for
    the rows that differ. Memory goes with that, and with the features that changed.
    """
    return changed(old, new, progress).diff


@dataclass
class Changed:
    """A comparison with the rows that differ: ``before`` and ``after`` have the key, the attributes both have, and
    ``geometry`` (WKB)."""

    diff: Diff
    before: Any
    after: Any


def changed(old: LayerVersion, new: LayerVersion, progress: Callable[[int, int, str], None] | None = None) -> Changed:
    """What `diff` says, and the rows (Polars frames) it says it of."""
    import polars as pl

    if old.layer != new.layer:
        raise Refused("{first} and {second} are versions of different layers.", first=str(old), second=str(new))
    schema, key = old.schema, old.schema.key
    names = _common(old, new)
    tell = progress or (lambda done, total, message: None)
    total = 2 * (old.rows + new.rows)
    left, right = _hashes(old, names, tell, 0, total), _hashes(new, names, tell, old.rows, total)
    found = Diff(old, new)
    found.added = right.join(left, on=key, how="anti", maintain_order="left")[key].to_list()
    found.vanished = left.join(right, on=key, how="anti", maintain_order="left")[key].to_list()
    both = left.join(right, on=key, how="inner", suffix="__new__", maintain_order="left")
    other, moved = (both[n] != both[f"{n}__new__"] for n in ("attributes", "geometry"))
    found.attributes = both.filter(other)[key].to_list()
    found.geometry = both.filter(moved)[key].to_list()
    found.same = int((~(other | moved)).sum())
    kept = both.filter(other | moved)[key].to_list()
    del left, right, both
    before = _rows(old, names, [*kept, *found.vanished], tell, old.rows + new.rows, total)
    after = _rows(new, names, [*kept, *found.added], tell, 2 * old.rows + new.rows, total)
    found.fields = _fields(before, after, key, [n for n in names if n != key])
    if schema.classes and schema.geometry == "polygon":
        columns = [key, schema.classes, "geometry"]
        a, b = before.select(columns), after.select(columns)
        pairs = a.join(b, on=key, how="inner", suffix="__new__")
        classed = pairs[schema.classes].ne_missing(pairs[f"{schema.classes}__new__"])
        touched = classed | pairs["geometry"].ne_missing(pairs["geometry__new__"])
        still = pairs.filter(~touched)[key]
        a, b = (f.filter(~pl.col(key).is_in(still.implode())) for f in (a, b))
        found.transitions = _transitions(a, b, schema.classes)
    return Changed(found, before, after)


def _common(old: LayerVersion, new: LayerVersion) -> list[str]:
    """The attributes of the schema that both versions have, the key among them."""
    import pyarrow.parquet as pq

    there = [set(pq.read_schema(v.directory / lake.DATA).names) for v in (old, new)]
    return [a.name for a in old.schema.attributes if all(a.name in names for names in there)]


def _hashes(version: LayerVersion, names: list[str], tell: Any, done: int, total: int) -> Any:
    """Key of each row, and 64-bit hashes of its attributes and of its geometry."""
    import polars as pl

    key, flat = version.schema.key, version.schema.is_table
    parts = []
    for table in row_groups(version, names if flat else [*names, "geometry"]):
        frame = pl.DataFrame(pl.from_arrow(table))
        plain = frame.select(names)
        shape = frame["geometry"].hash(seed=1) if not flat else pl.repeat(0, len(frame), dtype=pl.UInt64, eager=True)
        parts.append(
            pl.DataFrame(
                {key: frame[key], "attributes": plain.hash_rows(seed=1), "geometry": shape},
            )
        )
        done += len(frame)
        tell(done, total, _("rows"))
    empty = pl.DataFrame(schema={key: pl.String, "attributes": pl.UInt64, "geometry": pl.UInt64})
    return pl.concat(parts) if parts else empty


def _rows(version: LayerVersion, names: list[str], keys: list[Any], tell: Any, done: int, total: int) -> Any:
    """The rows with these keys, in the order of the file."""
    import polars as pl

    key, flat = version.schema.key, version.schema.is_table
    columns = names if flat else [*names, "geometry"]
    parts = []
    wanted = None
    for table in row_groups(version, columns):
        frame = pl.DataFrame(pl.from_arrow(table))
        wanted = pl.Series(keys, dtype=frame[key].dtype) if wanted is None else wanted
        parts.append(frame.filter(pl.col(key).is_in(wanted.implode())))
        done += len(frame)
        tell(done, total, _("rows"))
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _fields(before: Any, after: Any, key: str, names: list[str]) -> dict[str, int]:
    """How often each attribute differs between rows of the same key."""
    both = before.join(after, on=key, how="inner", suffix="__new__")
    counts = {n: int(both[n].ne_missing(both[f"{n}__new__"]).sum()) for n in names}
    return {n: c for n, c in counts.items() if c}


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
