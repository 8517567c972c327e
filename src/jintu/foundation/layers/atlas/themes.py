"""A layer coloured by any of its attributes: by value, or in classes of numbers; counted from the version itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jintu.kernel import classing, hashing
from jintu.kernel.errors import InputError, Missing, Place

from .. import schemas, versions
from ..models import LayerVersion
from ..streams import row_groups
from . import palettes, prepared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "BY_VALUE",
    "MOST_CLASSES",
    "Theme",
    "attributes_of",
    "count",
    "count_path",
    "drawn",
    "find",
    "legend",
    "remember",
]

BY_VALUE = "values"
MOST_CLASSES = 9
MOST_VALUES = len(palettes.VALUES)
BINS = 40


@dataclass(frozen=True)
class Theme:
    """``breaks``: inner limits of number classes, `classing.class_of`; ``values``: those that have a colour of their
    own, the most frequent first, when ``method`` is `BY_VALUE`."""

    layer: str
    attribute: str
    method: str
    scheme: str = "ylgnbu"
    breaks: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def schema(self) -> schemas.Schema:
        return schemas.get(self.layer)

    @property
    def digest(self) -> str:
        """Names what tiles depend on: not the colours."""
        what = {"layer": self.layer, "attribute": self.attribute, "breaks": self.breaks, "values": self.values}
        return hashing.of_json(what | {"words": self.method == BY_VALUE}, "sha256").partition(":")[2][:24]

    @property
    def reference(self) -> str:
        """The digest with the colours: by it the page asks for the same map on another day."""
        return f"{self.digest}.{self.scheme}"

    @property
    def uses_land_use_colours(self) -> bool:
        schema = self.schema
        return self.method == BY_VALUE and schema.symbols == "land_use" and self.attribute == schema.classes

    @property
    def colours(self) -> list[str]:
        """One a class, in their order."""
        if self.uses_land_use_colours:
            return [palettes.LAND_USE.get("07" if v[:2] == "20" else v[:2], palettes.NEUTRAL) for v in self.values]
        if self.method == BY_VALUE:
            return list(palettes.VALUES[: len(self.values)])
        return palettes.ramp(self.scheme, len(self.breaks) + 1)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Theme:
        return cls(**{**facts, "breaks": tuple(facts["breaks"]), "values": tuple(facts["values"])})

    def numbers(self, column: Any) -> NDArray[np.int64]:
        """The class of each row of an Arrow column; -1 without a value, or with one that has no colour."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.method != BY_VALUE:
            return classing.class_of(_floats(column), list(self.breaks))
        at = pc.index_in(column.cast(pa.string()), value_set=pa.array(self.values, pa.string()))
        return np.asarray(at.fill_null(-1)).astype(np.int64)


def _floats(column: Any) -> NDArray[np.float64]:
    import numpy as np
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def attributes_of(schema: schemas.Schema) -> list[schemas.Attribute]:
    """What a layer can be coloured by: not its running numbers, nor what names a person."""
    hidden = {schema.key}
    return [a for a in schema.attributes if not a.personal and not a.serial and a.name not in hidden]


def attribute_of(schema: schemas.Schema, name: str) -> schemas.Attribute:
    """Raises `Missing` for one that may not be shown."""
    found = next((a for a in attributes_of(schema) if a.name == name), None)
    if found is None:
        raise Missing("The layer {layer} cannot be coloured by {name}.", layer=schema.label, name=name)
    return found


def is_number(attribute: schemas.Attribute) -> bool:
    return attribute.type in ("Int", "Float") and not attribute.codelist and not attribute.choices


def remember(theme: Theme) -> None:
    """Keep the definition where tiles, asked for by its digest, find it."""
    path = prepared.place_of("theme", theme.digest)
    if prepared.kept(path) is None:
        prepared.write(path, theme.as_json())


def find(reference: str) -> Theme:
    """By its digest, or by its reference. Raises `Missing`."""
    digest, _dot, scheme = reference.partition(".")
    facts = prepared.kept(prepared.place_of("theme", digest))
    if facts is None:
        raise Missing("There is no such thematic map.", remedy="Choose the attribute again.")
    return Theme.from_json(facts | ({"scheme": scheme} if scheme in palettes.SCHEMES else {}))


def count_path(pieces: Sequence[LayerVersion], attribute: str, method: str, k: int, breaks: Sequence[float]) -> Any:
    hashes = sorted(v.hash for v in pieces)
    return prepared.place_of("count", *hashes, attribute, method, k, *breaks)


def count(
    pieces: Sequence[LayerVersion],
    attribute: str,
    method: str,
    k: int,
    breaks: Sequence[float] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Classes of an attribute with their rows and declared areas, its spread and its histogram.

    Streamed by row groups; the column is kept as numbers, 8 bytes a row (of words, counts by value). ``breaks``: of the
    method "manual". Raises `InputError` for numbers asked of words.
    """
    schema = pieces[0].schema
    what = attribute_of(schema, attribute)
    if method == BY_VALUE:
        return _by_value(pieces, schema, what, progress)
    if not is_number(what):
        raise InputError(
            "{name} holds no numbers: it can only be shown by value.", place=Place(field="method"), name=what.label
        )
    return _by_class(pieces, schema, what, method, k, breaks, progress)


def _columns(schema: schemas.Schema, attribute: schemas.Attribute) -> list[str]:
    return list(dict.fromkeys([attribute.name, *([schema.area] if schema.area else [])]))


def _by_value(pieces: Any, schema: schemas.Schema, what: schemas.Attribute, progress: Any) -> dict[str, Any]:
    import polars as pl

    sums: dict[str, list[float]] = {}
    done, total = 0, sum(v.rows for v in pieces)
    for version in pieces:
        for table in row_groups(version, _columns(schema, what)):
            frame = pl.DataFrame(pl.from_arrow(table))
            area = pl.col(schema.area).sum().cast(pl.Float64) if schema.area else pl.lit(0.0)
            key = pl.col(what.name).cast(pl.String).fill_null("").alias("value")
            for value, rows, m2 in frame.group_by(key).agg(pl.len().alias("rows"), area.alias("m2")).iter_rows():
                entry = sums.setdefault(value, [0, 0.0])
                entry[0] += rows
                entry[1] += m2 or 0.0
            done += table.num_rows
            if progress:
                progress(done, total, "rows")
    known = sorted((v for v in sums if v), key=lambda v: (-sums[v][0], v))
    shown = sorted(known[:MOST_VALUES] if not _land_use(schema, what) else known[:60])
    others = known[MOST_VALUES:] if not _land_use(schema, what) else known[60:]
    return {
        "rows": total,
        "values": shown,
        "breaks": [],
        "classes": [[int(sums[v][0]), round(sums[v][1], 2)] for v in shown],
        "other": [sum(int(sums[v][0]) for v in others), round(sum(sums[v][1] for v in others), 2), len(others)],
        "none": int(sums.get("", [0])[0]),
        "histogram": [],
    }


def _land_use(schema: schemas.Schema, what: schemas.Attribute) -> bool:
    return schema.symbols == "land_use" and what.name == schema.classes


def _by_class(
    pieces: Any, schema: schemas.Schema, what: schemas.Attribute, method: str, k: int, breaks: Any, progress: Any
) -> dict[str, Any]:
    import numpy as np

    parts, areas = [np.empty(0)], [np.empty(0)]
    done, total = 0, sum(v.rows for v in pieces)
    for version in pieces:
        for table in row_groups(version, _columns(schema, what)):
            parts.append(_floats(table.column(what.name)))
            areas.append(_floats(table.column(schema.area)) if schema.area else np.zeros(table.num_rows))
            done += table.num_rows
            if progress:
                progress(done, total, "rows")
    values, area = np.concatenate(parts), np.nan_to_num(np.concatenate(areas))
    inner = classing.manual(list(breaks)) if method == "manual" else classing.limits(values, method, k)
    classes = classing.class_of(values, inner)
    there = classes >= 0
    counts = np.bincount(classes[there], minlength=len(inner) + 1)
    sums = np.bincount(classes[there], weights=area[there], minlength=len(inner) + 1)
    known = values[np.isfinite(values)]
    answer: dict[str, Any] = {
        "rows": total,
        "values": [],
        "breaks": inner,
        "classes": [[int(n), round(float(s), 2)] for n, s in zip(counts, sums, strict=True)],
        "other": [0, 0.0, 0],
        "none": int(total - len(known)),
        "histogram": [],
    }
    if len(known):
        top = max(float(np.quantile(known, 0.99)), float(known.min()))
        heights, edges = np.histogram(np.minimum(known, top), BINS, (float(known.min()), top or 1.0))
        answer |= {
            "min": float(known.min()),
            "max": float(known.max()),
            "mean": float(known.mean()),
            "median": float(np.median(known)),
            "top": top,
            "histogram": [[float(a), int(n)] for a, n in zip(edges, heights, strict=False)],
        }
    return answer


def drawn(theme: Theme, pieces: Sequence[LayerVersion]) -> tuple[list[int], int]:
    """Rows of each class of a thematic map, on any day, and of what has none. Streamed; kept."""
    import numpy as np

    path = prepared.place_of("drawn", theme.digest, *sorted(v.hash for v in pieces))
    if (kept := prepared.kept(path)) is None:
        found = np.zeros(len(theme.colours) + 1, dtype=np.int64)
        for version in pieces:
            for table in row_groups(version, [theme.attribute]):
                found += np.bincount(theme.numbers(table.column(0)) + 1, minlength=len(found))
        kept = prepared.write(path, {"rows": found.tolist()})
    none, *rows = kept["rows"]
    return rows, none


def legend(
    theme: Theme, facts: dict[str, Any], figures: Callable[[Sequence[float]], list[str]]
) -> list[dict[str, Any]]:
    """Class, colour, rows and area (m²) of each class, and of what has no value or no colour of its own when there is
    any. ``figures`` writes limits so that they differ."""
    from django.utils.translation import gettext as _

    what = theme.schema.columns[theme.attribute]
    if theme.method == BY_VALUE:
        names = [f"{v} {what.meaning(v)}".strip() for v in theme.values]
    elif not theme.breaks:
        names = [_("all values")]
    else:
        inner = figures(theme.breaks)
        names = [f"< {inner[0]}", *(f"{a} – {b}" for a, b in itertools.pairwise(inner)), f"≥ {inner[-1]}"]
    unit = f" {what.unit.replace('m2', 'm²')}" if what.unit and theme.method != BY_VALUE else ""
    rows = [
        {"index": i, "title": name + unit, "colour": colour, "rows": n, "area_m2": area}
        for i, (name, colour, (n, area)) in enumerate(zip(names, theme.colours, facts["classes"], strict=True))
    ]
    more, area, kinds = facts["other"]
    if more:
        title = _("{n} other values").format(n=kinds)
        rows.append({"index": -1, "title": title, "colour": palettes.NEUTRAL, "rows": more, "area_m2": area})
    if facts["none"]:
        title = _("no value")
        rows.append({"index": -1, "title": title, "colour": palettes.NEUTRAL, "rows": facts["none"], "area_m2": None})
    return rows


def pieces_for(layer: str, scope: Any, day: date) -> list[LayerVersion]:
    """The versions of a layer in the scope on a day. Raises `Missing` when there is none."""
    pieces = versions.pieces_in_scope(layer, scope, day)
    if not pieces:
        raise Missing("There is no version of {layer} in your scope on that day.", layer=schemas.get(layer).label)
    return pieces
