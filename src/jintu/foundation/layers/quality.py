"""The quality summary of a version: what does not forbid loading it but must be known.

Rows that break the structure, the codes or the geometry are refused while importing. What is counted here: declared
areas that differ from the computed ones, names that are not those of the codes, overlaps, gaps, and the like, by the
numbers of the quality inspection (Qxxxx).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jintu.kernel.flat import Polygons, concatenated
from jintu.kernel.length import geodesic
from jintu.kernel.overlay import overlay, prepare
from jintu.kernel.topology import Defects, Kind, Limits, Plane, Scan, conclude, scan

from . import shapes
from .lake import DELIVERED, GEOMETRY
from .schemas import Schema

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.codelists import CodeList

    from .reading import Loaded

__all__ = ["Tally", "area_rows"]

TOLERANCE_M2 = 0.1
"""Q5101. Edges are straight in lon/lat here and straight in the plane for the surveyor: a few 1e-7 of the area more."""
RELATIVE = 1e-6
TOLERANCE_M, RELATIVE_LENGTH = 0.1, 1e-3
"""Q5103. Declared lengths are measured in the plane, whose scale differs by up to 1e-3 from the ground's."""
SMALLEST_M2 = 0.1
EXAMPLES = 20
MOST_CLASSES = 500
Overlap = tuple[int, int, float]
"""row, row, m² in common"""


class Tally:
    """Sees the rows of a version group by group, in any order, and then says what is to be known of them.

    In memory are some 80 bytes a row and the edges that groups left over (`jintu.kernel.topology`); of layers that are
    no partition the outlines themselves, 16 bytes a vertex.
    """

    def __init__(self, schema: Schema, loaded: Loaded) -> None:
        self.schema = schema
        self.loaded = loaded
        self.rows = 0
        self.declared = np.zeros(len(loaded.keys)) if schema.area or schema.length else None
        self.metres = np.zeros(len(loaded.keys)) if schema.geometry == "line" else None
        self.checks: dict[str, _Count] = {}
        self.classes: dict[Any, tuple[int, float]] = {}
        self.groups: list[tuple[Polygons, NDArray[np.int64]]] = []
        self.scans: list[Scan] = []
        # known before the first row, as scans need it: degrees are measured at the middle of the layer
        middle = float(np.mean(loaded.boxes[loaded.kept][:, 1::2])) if schema.geometry == "polygon" else 0.0
        self.plane = Plane() if self.is_plane else Plane.degrees(middle)

    @property
    def is_plane(self) -> bool:
        """Is topology looked at in the plane the layer came in?

        An edge that is straight there is not straight in degrees, and where one long edge meets two short ones degrees
        would show slivers that nobody surveyed.
        """
        system = self.loaded.system
        return system is not None and not system.is_working and system.is_plane

    @property
    def column(self) -> str:
        """Of the geometry in which topology is looked at."""
        return DELIVERED if self.is_plane else GEOMETRY

    def see(self, table: pa.Table, positions: NDArray[np.int64]) -> None:
        """Rows with the columns of the lake; ``positions`` say which they are of all rows read."""
        names = [a.name for a in self.schema.attributes]
        frame = pl.from_arrow(table.select(names))
        assert isinstance(frame, pl.DataFrame)
        self.rows += len(positions)
        for rule, bad in _bad_rows(frame, self.schema):
            self.checks.setdefault(rule, _Count()).add(positions[bad])
        if self.declared is not None:
            self.declared[positions] = frame[self.schema.area or self.schema.length].fill_null(0).to_numpy()
        if self.schema.classes:
            self._count_classes(frame[self.schema.classes], self.loaded.areas[positions])
        if self.schema.geometry == "polygon":
            self._scan(table.column(self.column), positions)
        elif self.metres is not None:
            self.metres[positions] = geodesic(shapes.decoded(table.column(GEOMETRY)))

    def _count_classes(self, codes: pl.Series, areas: NDArray[np.float64]) -> None:
        sums = pl.DataFrame({"code": codes, "area": areas}).drop_nulls("code").group_by("code")
        for code, area, rows in sums.agg(pl.col("area").sum(), pl.len().alias("rows")).iter_rows():
            before = self.classes.get(code, (0, 0.0))
            self.classes[code] = before[0] + rows, before[1] + area

    def _scan(self, column: Any, positions: NDArray[np.int64]) -> None:
        polygons = Polygons.from_wkb(column)
        if self.schema.partition:
            self.scans.append(scan(polygons, positions, self.plane))
        else:
            self.groups.append((polygons, positions))

    def summary(self, take: Callable[[NDArray[np.int64]], pa.Table]) -> dict[str, Any]:
        """JSON values. ``take`` gives rows by their positions, of which some overlap and are looked at again."""
        checks = [
            {"rule": rule, "count": found.rows, "keys": self._keys(found.first)}
            for rule, found in sorted(self.checks.items())
        ]
        answer: dict[str, Any] = {"rows": self.rows, "checks": checks}
        if self.schema.geometry == "polygon":
            answer["area"] = self._areas(checks)
            answer |= self._topology(take)
        elif self.metres is not None:
            answer["length"] = self._lengths(checks)
        if self.classes and len(self.classes) <= MOST_CLASSES:
            answer["classes"] = {
                str(code): {"rows": rows, "area_m2": round(area, 2)}
                for code, (rows, area) in sorted(self.classes.items(), key=lambda item: str(item[0]))
            }
        return answer

    def _keys(self, positions: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return self.loaded.keys.gather(list(positions[:EXAMPLES])).to_list()

    def _areas(self, checks: list[dict[str, Any]]) -> dict[str, Any]:
        kept = self.loaded.kept
        areas = self.loaded.areas[kept]
        facts: dict[str, Any] = {"computed_m2": round(float(areas.sum()), 2)}
        if self.schema.area and self.declared is not None:
            differing = area_rows(self.declared[kept], areas)
            facts |= {"declared_m2": round(float(self.declared[kept].sum()), 2), "differing": len(differing)}
            if len(differing):
                checks.append({"rule": "Q5101", "count": len(differing), "keys": self._keys(kept[differing])})
        return facts

    def _lengths(self, checks: list[dict[str, Any]]) -> dict[str, Any]:
        kept = self.loaded.kept
        assert self.metres is not None
        metres = self.metres[kept]
        facts: dict[str, Any] = {"computed_m": round(float(metres.sum()), 1)}
        if self.schema.length and self.declared is not None:
            declared = self.declared[kept]
            differing = np.flatnonzero(np.abs(declared - metres) > np.maximum(TOLERANCE_M, RELATIVE_LENGTH * metres))
            facts |= {"declared_m": round(float(declared.sum()), 1), "differing": len(differing)}
            if len(differing):
                checks.append({"rule": "Q5103", "count": len(differing), "keys": self._keys(kept[differing])})
        return facts

    def _topology(self, take: Callable[[NDArray[np.int64]], pa.Table]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        if self.schema.partition:
            pairs, holes = self._gaps_and_overlaps(take)
            answer["gaps"] = {
                "count": len(holes),
                "area_m2": round(sum(a for a, _ in holes), 2),
                "examples": [{"area_m2": round(a, 2), "at": self._degrees(at)} for a, at in holes[:EXAMPLES]],
            }
        else:
            pairs = self._overlaps()
        answer["overlaps"] = {
            "count": len(pairs),
            "area_m2": round(sum(a for _, _, a in pairs), 2),
            "examples": [{"keys": self._keys([i, j]), "area_m2": round(a, 2)} for i, j, a in pairs[:EXAMPLES]],
        }
        return answer

    def _gaps_and_overlaps(
        self, take: Callable[[NDArray[np.int64]], pa.Table]
    ) -> tuple[list[Overlap], list[tuple[float, tuple[float, float]]]]:
        """Of a partition: pairs that overlap (Q3102), copies among them, and holes as (m², a point inside) (Q3103);
        both largest first, from a tenth of a square metre on."""

        def fetch(rows: NDArray[np.int64]) -> Polygons:
            return Polygons.from_wkb(take(rows).column(self.column))

        found = conclude(self.scans, fetch, self.plane, Limits(sliver_compactness=0))
        ratio = self._ratio(sum(float(s.measures.area.sum()) for s in self.scans))
        shared: dict[tuple[int, int], float] = {}
        double = found.of(Kind.OVERLAP, Kind.DUPLICATE)
        for defect, area in zip(double, self._square_metres(double, ratio), strict=True):
            first, second = defect.rows
            shared[first, second] = shared.get((first, second), 0.0) + area
        pairs = [(i, j, area) for (i, j), area in shared.items() if area > SMALLEST_M2]
        open_ = found.of(Kind.GAP)
        areas = self._square_metres(open_, ratio)
        large = [k for k in np.argsort([-a for a in areas], kind="stable").tolist() if areas[k] > SMALLEST_M2]
        holes = [(areas[k], (float(open_.x[k]), float(open_.y[k]))) for k in large]
        return sorted(pairs, key=lambda pair: -pair[2]), holes

    def _overlaps(self) -> list[Overlap]:
        """Pairs that share more than a tenth of a square metre, largest first (Q3102): of layers that are no
        partition."""
        polygons = concatenated([group for group, _ in self.groups])
        positions = np.concatenate([rows for _, rows in self.groups])
        self.groups.clear()  # or the outlines would be there twice while they are overlaid, and thrice below
        if (np.diff(positions) < 0).any():
            in_order = np.argsort(positions)
            polygons, positions = polygons.take(in_order), positions[in_order]
        prepared = prepare(polygons, planar=self.is_plane)
        found = overlay(prepared, prepared, planar=self.is_plane)
        area = found.area_m2 * (self._ratio(float(prepared.areas.sum())) if self.is_plane else 1.0)
        keep = (found.left < found.right) & (area > SMALLEST_M2)
        left, right, area = positions[found.left[keep]], positions[found.right[keep]], area[keep]
        order = np.argsort(-area, kind="stable")
        return list(zip(left[order].tolist(), right[order].tolist(), area[order].tolist(), strict=True))

    def _ratio(self, plane: float) -> float:
        """Ellipsoidal square metres in one of the plane."""
        return float(self.loaded.areas[self.loaded.kept].sum()) / (plane or 1.0) if self.is_plane else 1.0

    def _square_metres(self, found: Defects, ratio: float) -> list[float]:
        """Ellipsoidal areas of defects: exactly in degrees, by the scale of the layer in the plane."""
        if not len(found):
            return []
        areas = found.area * ratio if self.is_plane else Polygons.from_shapely(found.geometries()).areas()
        return areas.tolist()  # type: ignore[no-any-return]

    def _degrees(self, at: tuple[float, float]) -> list[float]:
        x, y = at
        if self.is_plane and self.loaded.system is not None:
            lon, lat = self.loaded.system.lonlat(np.array([x]), np.array([y]))
            x, y = float(lon[0]), float(lat[0])
        return [round(x, 7), round(y, 7)]


class _Count:
    """How many rows, and the first of them."""

    def __init__(self) -> None:
        self.rows = 0
        self.first: list[int] = []

    def add(self, positions: NDArray[np.int64]) -> None:
        self.rows += len(positions)
        self.first = sorted([*self.first, *np.sort(positions)[:EXAMPLES].tolist()])[:EXAMPLES]


def _bad_rows(frame: pl.DataFrame, schema: Schema) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Rule and mask of the rows that break it, of rules that forbid nothing (Q2203, Q2205)."""
    if schema.feature_code and "feature_code" in frame.columns:
        other = (frame["feature_code"] != schema.feature_code).fill_null(True)
        if other.any():
            yield "Q2203", other.to_numpy()
    for a in schema.attributes:
        if not a.names:
            continue
        lists = _list_of(schema.columns[a.names].codelist)
        pairs = frame.select(code=a.names, name=a.name).unique().drop_nulls()
        wrong = [(c, n) for c, n in pairs.iter_rows() if (entry := lists(c).find(c)) is None or entry.name_zh != n]
        if wrong:
            these = pl.DataFrame(wrong, schema=[a.names, a.name], orient="row").with_columns(wrong=True)
            joined = frame.select(a.names, a.name).join(these, on=[a.names, a.name], how="left", maintain_order="left")
            yield a.clause or "names", joined["wrong"].fill_null(False).to_numpy()


def area_rows(declared: NDArray[np.float64], computed: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows whose declared area is not the computed one, the most differing first."""
    import numpy as np

    difference = np.abs(np.nan_to_num(declared.astype(float)) - computed)
    wrong = np.flatnonzero(difference > np.maximum(TOLERANCE_M2, RELATIVE * computed))
    return wrong[np.argsort(-difference[wrong], kind="stable")]


def _list_of(name: str) -> Callable[[str], CodeList]:
    """The list in which a code is looked up: of land use there are two, told apart by the code itself."""
    from jintu.kernel import codelists

    return codelists.land_use if name == "land_use" else lambda code: codelists.get(name)
