"""What a rule sees: tables by the names it gave its needs, and what lies over what.

Pure: built from Polars frames, it knows no database, no request and no clock. Spatial answers come from
`jintu.kernel.overlay` (lon/lat EPSG:4490, ellipsoidal m²) and are kept: rules that ask the same question about the same
tables share one answer, whatever they call them.

Frames
------
A register's frame has one row per current row and the model's field names as columns:
text, codes, keys String · areas (m²), money (yuan), other decimals Float64 · whole numbers Int64 · dates Date ·
flags Boolean · ``geometry`` Binary (WKB, EPSG:4490, null where there is no outline).

A layer's frame has the English lake names and no ``geometry``: questions about places read it, and keep flat polygons
instead. A need with ``at="all"`` is a list of
(valid_from, frame), oldest first; ``t[name]`` is then the newest, and `versions` gives a name for each that every
spatial question takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .lazy import pl
from .rules import Layer, Rows

if TYPE_CHECKING:
    import numpy as np
    import shapely

    from jintu.kernel.executors import Executor
    from jintu.kernel.flat import Polygons
    from jintu.kernel.overlay import Pairs

    from .loading import Loaded, Outlines
    from .rules import Rule

__all__ = ["Inputs", "Table", "Version"]


class Table:
    """A frame with its outlines as flat polygons, prepared once for any number of questions."""

    def __init__(self, frame: pl.DataFrame, outlines: Outlines | None = None) -> None:
        """``outlines`` reads those of a layer, whose rows all have one; else they are in the frame, if anywhere."""
        self.frame = frame
        self.outlines = outlines

    @cached_property
    def polygons(self) -> Polygons:
        """The outlines; a row without one is a polygon without rings."""
        from jintu.kernel.flat import Polygons

        return Polygons.from_wkb(self.outlines() if self.outlines else self.frame["geometry"])

    @cached_property
    def resident(self) -> Any:
        from jintu.kernel.overlay import prepare

        return prepare(self.polygons)

    @property
    def areas(self) -> np.ndarray:
        """Ellipsoidal m² of each outline, 0 where there is none."""
        return self.resident.areas

    @cached_property
    def has_outlines(self) -> bool:
        if self.outlines:
            return not self.frame.is_empty()
        return "geometry" in self.frame.columns and self.frame["geometry"].null_count() < self.frame.height

    @property
    def outlined(self) -> pl.Series:
        """Whether each row has an outline."""
        return pl.repeat(True, self.frame.height, eager=True) if self.outlines else self.frame["geometry"].is_not_null()

    def shape(self, row: int) -> shapely.Geometry:
        import shapely

        if self.outlines:
            return self.polygons.take([row]).to_shapely()[0]
        return shapely.from_wkb(self.frame["geometry"][row])

    def shapes(self) -> np.ndarray:
        """All outlines, None where there is none."""
        import numpy as np
        import shapely

        if self.outlines:
            return self.polygons.to_shapely()
        return np.array(shapely.from_wkb(self.frame["geometry"].to_list()), dtype=object)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a layer asked for with ``at="all"``; ``name`` stands for it in every question."""

    valid_from: date
    name: str


@dataclass
class _Shared:
    """Answers shared by all rules of a run, by the identity of the tables they are about."""

    tables: dict[int, Table] = field(default_factory=dict)
    frames: list[Any] = field(default_factory=list)  # keeps ids from being used twice
    answers: dict[tuple[Any, ...], pl.DataFrame] = field(default_factory=dict)
    files: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Where the lake has the rows of a frame, by its identity"""
    outlines: Mapping[int, Outlines] = field(default_factory=dict)
    """What reads the outlines of a layer's frame, by its identity"""
    cluster: Executor | None = None
    """What overlays with those files; None: this process, in memory"""

    def table(self, frame: pl.DataFrame) -> Table:
        found = self.tables.get(id(frame))
        if found is None:
            found = self.tables[id(frame)] = Table(frame, self.outlines.get(id(frame)))
            self.frames.append(frame)
        return found


class Inputs:
    """The tables of one rule. ``t["supply"]`` is a frame; questions about places take names, never frames."""

    def __init__(
        self, tables: Mapping[str, pl.DataFrame | Sequence[tuple[date, pl.DataFrame]]], shared: _Shared | None = None
    ) -> None:
        self._shared = shared or _Shared()
        self._tables: dict[str, Table] = {}
        self._versions: dict[str, tuple[Version, ...]] = {}
        for name, given in tables.items():
            if isinstance(given, pl.DataFrame):
                self._tables[name] = self._shared.table(given)
            elif given:
                found = []
                for valid_from, frame in given:
                    found.append(Version(valid_from, f"{name}@{valid_from.isoformat()}"))
                    self._tables[found[-1].name] = self._shared.table(frame)
                self._versions[name] = tuple(found)
                self._tables[name] = self._tables[found[-1].name]

    @classmethod
    def of(cls, **tables: Any) -> Inputs:
        """Inputs of a test: frames by need, or lists of (valid_from, frame)."""
        return cls(tables)

    @classmethod
    def from_loaded(cls, rule: Rule, loaded: Loaded, as_of: date) -> Inputs:
        """A rule's inputs out of what the run has loaded; what was not loaded is left out, `missing` will say so."""
        fresh = _Shared(files=loaded.files, outlines=loaded.outlines, cluster=loaded.cluster)
        shared = vars(loaded).setdefault("shared", fresh)
        tables: dict[str, Any] = {}
        for name, need in rule.needs.items():
            if isinstance(need, Rows):
                frame = loaded.registers.get((need.register, True), loaded.registers.get((need.register, False)))
                if frame is not None:
                    tables[name] = frame
            elif (need.layer, need.at) in loaded.layers:
                tables[name] = loaded.layers[need.layer, need.at]
        return cls(tables, shared)

    # ---- tables -----------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self._tables[name].frame

    def __contains__(self, name: object) -> bool:
        return name in self._tables

    def versions(self, name: str) -> tuple[Version, ...]:
        """The versions of a layer asked for with ``at="all"``, oldest first."""
        return self._versions.get(name, ())

    def version_on(self, name: str, day: date) -> Version | None:
        """The version in force on a day."""
        return next((v for v in reversed(self.versions(name)) if v.valid_from <= day), None)

    def missing(self, needs: Mapping[str, Rows | Layer]) -> list[str]:
        """What a rule needs and is not there: register or layer names, with "(outlines)" where only those are missing.

        A register that may be empty is there when it has no rows; one that may not is missing then.
        """
        found = []
        for name, need in needs.items():
            what = need.register if isinstance(need, Rows) else need.layer
            if need.optional:
                continue
            if name not in self._tables:
                found.append(what)
            elif isinstance(need, Rows) and not need.may_be_empty:
                table = self._tables[name]
                if table.frame.is_empty():
                    found.append(what)
                elif need.geometry and not table.has_outlines:
                    found.append(f"{what} (outlines)")
            elif isinstance(need, Layer) and self._tables[name].frame.is_empty():
                found.append(what)
        return found

    # ---- places -----------------------------------------------------------------------------------------------------

    def areas(self, name: str) -> pl.Series:
        """Ellipsoidal area of each row's outline in m²; null where there is none."""
        table = self._tables[name]
        if table.frame.is_empty() or not table.has_outlines:
            return pl.Series("outline_m2", [None] * table.frame.height, dtype=pl.Float64)
        return pl.select(pl.when(table.outlined).then(pl.Series(table.areas))).to_series().alias("outline_m2")

    def overlap(self, left: str, right: str) -> pl.DataFrame:
        """Pairs of rows with area in common: ``left``, ``right`` UInt32 row indexes, ``area_m2`` Float64."""
        a, b = self._tables[left], self._tables[right]
        key = ("overlap", id(a.frame), id(b.frame))
        if key not in self._shared.answers:
            self._shared.answers[key] = self._overlay(a, b)
        return self._shared.answers[key]

    def _overlay(self, a: Table, b: Table) -> pl.DataFrame:
        """Pairs in order of left, then right: the same from memory and, where there is a cluster, from the lake."""
        schema = {"left": pl.UInt32, "right": pl.UInt32, "area_m2": pl.Float64}
        if not (a.has_outlines and b.has_outlines):
            return pl.DataFrame(schema=schema)
        from jintu.kernel.overlay import overlay

        files = self._shared.files.get(id(b.frame))
        if self._shared.cluster is not None and files:
            from jintu.kernel.overlay.streaming import pair_files

            pairs = pair_files(a.resident, files, self._shared.cluster)
        else:
            pairs = overlay(a.resident, b.resident)
        return pl.DataFrame(
            {"left": pairs.left, "right": pairs.right, "area_m2": pairs.area_m2}, schema_overrides=schema
        )

    def classes(self, left: str, right: str, by: str) -> pl.DataFrame:
        """Area of each left row by a column of ``right``: ``left`` UInt32, ``code`` String, ``area_m2`` Float64."""
        a, b = self._tables[left], self._tables[right]
        key = ("classes", id(a.frame), id(b.frame), by)
        if key not in self._shared.answers:
            codes = pl.DataFrame(
                {"right": pl.int_range(b.frame.height, dtype=pl.UInt32, eager=True), "code": b.frame[by]}
            )
            self._shared.answers[key] = (
                self.overlap(left, right)
                .join(codes, on="right")
                .group_by("left", "code")
                .agg(pl.col("area_m2").sum())
                .sort("left", "code")
            )
        return self._shared.answers[key]

    def covered(self, left: str, *parts: tuple[str, pl.DataFrame | None]) -> pl.DataFrame:
        """Area of each left row that lies in the union of other rows: ``left``, ``area_m2``; only rows with some.

        ``parts`` are (table name, pairs): pairs as `overlap` gives them, narrowed to those that shall count, or None
        for all. Where covering polygons do not lie over one another their areas are added; else their union is cut.
        """
        from jintu.kernel.overlay.uncovered import covered

        names = [name for name, _pairs in parts]
        taken = [_pairs(self.overlap(left, name) if given is None else given) for name, given in parts]
        rows = sorted({int(row) for pairs in taken for row in pairs.left})
        if not rows:
            return pl.DataFrame(schema={"left": pl.UInt32, "area_m2": pl.Float64})
        covers = [(self._tables[name].resident, pairs) for name, pairs in zip(names, taken, strict=True)]
        areas = covered(self._tables[left].resident, covers, lambda i, j: _pairs(self.overlap(names[i], names[j])))
        return pl.DataFrame({"left": pl.Series(rows, dtype=pl.UInt32), "area_m2": areas[rows]})

    def uncovered(self, left: str, right: str, pairs: pl.DataFrame | None = None) -> pl.DataFrame:
        """Area of each left outline outside the union of right: ``left``, ``area_m2``; every row with an outline.

        ``pairs`` narrows the right rows that count, as in `covered`.
        """
        return self.outside(left, (right, pairs))

    def outside(self, left: str, *parts: tuple[str, pl.DataFrame | None]) -> pl.DataFrame:
        """`uncovered` against several tables at once."""
        own = pl.DataFrame({"own": self.areas(left)}).with_row_index("left").drop_nulls()
        return own.join(self.covered(left, *parts), on="left", how="left").select(
            "left", area_m2=(pl.col("own") - pl.col("area_m2").fill_null(0.0)).clip(0.0)
        )

    def cut(self, left: str, row: int, *parts: tuple[str, Iterable[int]], keep: str = "common") -> bytes | None:
        """WKB of the part of a left outline inside ("common") or outside ("rest") of other rows: evidence of a hit."""
        import shapely

        from jintu.kernel.overlay.uncovered import common_geometry, uncovered_geometry

        shape = self._tables[left].shape(row)
        others = [self._tables[name].shape(int(i)) for name, rows in parts for i in rows]
        union = shapely.union_all(others) if others else shapely.Polygon()
        part = uncovered_geometry(shape, [union]) if keep == "rest" else common_geometry(shape, union)
        part = _without_spikes(part)
        return None if part.is_empty else shapely.to_wkb(part, byte_order=1, output_dimension=2)

    def union(self, name: str, rows: Iterable[int]) -> bytes | None:
        """WKB of several outlines of one table together."""
        import shapely

        union = shapely.union_all([self._tables[name].shape(int(i)) for i in rows])
        return None if union.is_empty else shapely.to_wkb(union, byte_order=1, output_dimension=2)

    def within_distance(self, left: str, right: str, metres: float) -> pl.DataFrame:
        """Pairs of outlines less than ``metres`` apart: ``left``, ``right``; of a table with itself left < right.

        Distances are taken in a plane laid at the pair's own latitude, true to a few millimetres over a kilometre.
        """
        import numpy as np
        import shapely

        a, b = self._tables[left], self._tables[right]
        schema = {"left": pl.UInt32, "right": pl.UInt32}
        if not (a.has_outlines and b.has_outlines):
            return pl.DataFrame(schema=schema)
        same = a is b
        first, second = a.shapes(), b.shapes()
        boxes = shapely.bounds(first)
        north = metres / METRES_PER_DEGREE * 1.01
        east = north / np.cos(np.radians(np.clip(np.abs(boxes[:, [1, 3]]).max(axis=1) + north, 0, 89)))
        grown = shapely.box(boxes[:, 0] - east, boxes[:, 1] - north, boxes[:, 2] + east, boxes[:, 3] + north)
        lefts, rights = shapely.STRtree(second).query(grown)
        if same:
            lefts, rights = lefts[lefts < rights], rights[lefts < rights]
        near = shapely.distance(*_in_plane(first[lefts], second[rights])) < metres
        pairs = pl.DataFrame({"left": lefts[near], "right": rights[near]}, schema_overrides=schema)
        return pairs.sort("left", "right")


def _pairs(frame: pl.DataFrame) -> Pairs:
    """Pairs of `Inputs.overlap` as the kernel has them."""
    import numpy as np

    from jintu.kernel.overlay import Pairs

    left, right = (frame[name].to_numpy().astype(np.int64) for name in ("left", "right"))
    return Pairs(left, right, frame["area_m2"].to_numpy())


METRES_PER_DEGREE = 111_319.49
"""Along the equator of CGCS2000; a degree of latitude is 0.7 % shorter there and 0.3 % longer at the poles."""


def _in_plane(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both geometries of each pair in metres about the pair's own origin (radii of curvature of CGCS2000)."""
    import numpy as np
    import shapely

    if not len(first):
        return first, second
    origin = shapely.bounds(first)[:, :2]
    phi = np.radians(origin[:, 1])
    a, e2 = 6378137.0, 0.00669438002290
    w2 = 1 - e2 * np.sin(phi) ** 2
    scale = np.column_stack((a / np.sqrt(w2) * np.cos(phi), a * (1 - e2) / w2**1.5)) * np.pi / 180

    def turned(shapes: np.ndarray) -> np.ndarray:
        xy, index = shapely.get_coordinates(shapes, return_index=True)
        return shapely.set_coordinates(shapes.copy(), (xy - origin[index]) * scale[index])

    return turned(first), turned(second)


SPIKE = 2e-8
"""Degrees, about 2 mm: where two outlines nearly coincide, a cut leaves spikes thinner than that."""


def _without_spikes(shape: shapely.Geometry) -> shapely.Geometry:
    """An evidence outline that can be drawn; the areas of a hit never come from it."""
    opened = shape.buffer(-SPIKE, join_style="mitre").buffer(SPIKE, join_style="mitre")
    return shape if opened.is_empty else opened
