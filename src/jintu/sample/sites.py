"""Places for filings on the map: which blocks are developed, and shapes whose areas are known by construction.

A `Slot` is a rectangle of cells inside one block; a `Part` is some columns of it. A part's polygon runs along the
same corners as the land-use patches, so its area by class is a sum of cells. Where a story needs an exact figure
(0.9 × tolerance, exactly 35 ha) a side is pushed by so many metres and the area measured again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import numpy as np
import shapely

from . import geodesy
from .band import Band
from .codes import CODES, CULTIVATED, LAND_USE_INDEX
from .names import COUNTY

__all__ = ["Part", "Shape", "Slot", "Surface"]

_MARGIN = 2


@dataclass(frozen=True)
class Slot:
    """Cells ``[j0, j1) × [i0, i1)`` of a band inside one block."""

    j0: int
    j1: int
    i0: int
    i1: int
    block: int
    village: int

    def parts(self, count: int) -> list[Part]:
        """The slot cut into columns of about the same width."""
        edges = np.linspace(self.i0, self.i1, count + 1).round().astype(int)
        return [Part(self, self.j0, self.j1, int(a), int(b)) for a, b in pairwise(edges)]


@dataclass(frozen=True)
class Part:
    """A rectangle of cells within a slot."""

    slot: Slot
    j0: int
    j1: int
    i0: int
    i1: int

    @property
    def cells(self) -> tuple[slice, slice]:
        return slice(self.j0, self.j1), slice(self.i0, self.i1)

    def columns(self, first: int, last: int) -> Part:
        """Columns ``[first, last)`` of the part, negative ones from its end, beyond its edge if asked."""
        return Part(self.slot, self.j0, self.j1, self.i0 + first, self.i0 + last)

    @property
    def width(self) -> int:
        return self.i1 - self.i0


@dataclass(frozen=True)
class Shape:
    """A polygon (or several) in the plane of the county, with its lon/lat twin and its ellipsoidal area."""

    plane: shapely.Geometry

    @property
    def lonlat(self) -> shapely.Geometry:
        def turn(xy: np.ndarray) -> np.ndarray:
            return np.column_stack(geodesy.to_lonlat(xy[:, 0], xy[:, 1]))

        return shapely.transform(self.plane, turn)

    @property
    def area(self) -> float:
        """m² on the ellipsoid."""
        total = 0.0
        for polygon in shapely.get_parts(self.lonlat):
            rings = [polygon.exterior, *polygon.interiors]
            sizes = [geodesy.ring_area(*np.array(r.coords).T) for r in rings]
            total += sizes[0] - sum(sizes[1:])
        return total

    @property
    def wkt(self) -> str:
        """Well-known text in EPSG:4490 with nine decimals (a tenth of a millimetre)."""
        return shapely.to_wkt(shapely.normalize(self.lonlat), rounding_precision=9, trim=True)

    def __and__(self, other: Shape) -> Shape:
        return Shape(shapely.intersection(self.plane, other.plane))


@dataclass
class Surface:
    """A band whose land use changes with the stories: cell classes by date, zones, and shapes on its corners."""

    band: Band
    zone: np.ndarray = field(init=False)
    control: np.ndarray = field(init=False)
    protected: np.ndarray = field(init=False)
    changes: list[tuple[date, Part, int, int, str]] = field(default_factory=list)
    overrides: list[tuple[str, Part, int]] = field(default_factory=list)
    """Cells of "control" or "protected" that a story sets after the plan is spread."""

    def __post_init__(self) -> None:
        shape = self.band.shape
        self.zone = np.zeros(shape, dtype=np.int16)
        self.control = np.zeros(shape, dtype=np.int16)
        self.protected = np.zeros(shape, dtype=np.bool_)

    # ---- blocks -----------------------------------------------------------------------------------------------------
    def slots(self) -> list[Slot]:
        """A slot in every block that is wholly inside the county and holds nothing but fields within its margins."""
        band, county = self.band, self.band.county
        first, last = band.block_rows
        row_of = np.searchsorted(county.row_block, np.arange(first, last + 1)) - band.j0
        col_of = np.searchsorted(county.col_block, np.arange(county.nbx + 1))
        free = (band.key >= 0) & (band.key < (np.int64(1) << np.int64(44))) & ~band.built
        out = []
        for b in range(first, last):
            j0, j1 = int(row_of[b - first]) + 1 + _MARGIN, int(row_of[b - first + 1]) - _MARGIN
            for k in range(county.nbx):
                i0, i1 = int(col_of[k]) + 1 + _MARGIN, int(col_of[k + 1]) - _MARGIN
                block = b * county.nbx + k
                if county.land.inside[block] and free[j0 - 2 : j1 + 2, i0 - 2 : i1 + 2].all():
                    out.append(Slot(j0, j1, i0, i1, block, int(county.land.village[block])))
        return out

    def township(self, slot: Slot) -> str:
        return COUNTY + self.suffix[slot.village]

    suffix: dict[int, str] = field(default_factory=dict)

    # ---- shapes -----------------------------------------------------------------------------------------------------
    def shape(self, *parts: Part) -> Shape:
        """The polygon of a part along all its corners; several parts make a multipolygon."""
        polygons = []
        for p in parts:
            j, i = np.arange(p.j0, p.j1 + 1), np.arange(p.i0, p.i1 + 1)
            jj = np.r_[np.full(len(i), p.j0), j[1:], np.full(len(i) - 1, p.j1), j[::-1][1:]]
            ii = np.r_[i, np.full(len(j) - 1, p.i1), i[::-1][1:], np.full(len(j) - 1, p.i0)]
            polygons.append(shapely.Polygon(np.column_stack((self.band.px[jj, ii], self.band.py[jj, ii]))))
        return Shape(polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons))

    def pushed(self, part: Part, metres: float, side: str = "east") -> Shape:
        """The part with its east (or west) side moved outward by some metres (inward if negative)."""
        ring = np.array(self.shape(part).plane.exterior.coords)
        edge, moved = self._side(part, metres, side)
        to = {(x, y): new for (x, y), new in zip(edge.tolist(), moved, strict=True)}
        ring = np.array([to.get((x, y), np.array((x, y))) for x, y in ring.tolist()])
        return Shape(shapely.Polygon(np.round(ring, 4)))

    def _side(self, part: Part, metres: float, side: str) -> tuple[np.ndarray, np.ndarray]:
        """Corners of a side from south to north, and where they are when pushed.

        Each moves along its own grid line, so that no two of them can change places.
        """
        j = np.arange(part.j0, part.j1 + 1)
        side_i, inner_i = (part.i1, part.i1 - 1) if side == "east" else (part.i0, part.i0 + 1)
        edge = np.column_stack((self.band.px[j, side_i], self.band.py[j, side_i]))
        inner = np.column_stack((self.band.px[j, inner_i], self.band.py[j, inner_i]))
        along = edge - inner
        along /= np.hypot(along[:, 0], along[:, 1])[:, None]
        return edge, edge + along * metres

    def rim(self, part: Part, area: float) -> Shape:
        """The strip of ``area`` m² along the inside of the part's east side."""
        metres = 1.0
        for _ in range(4):
            edge, moved = self._side(part, -metres, "east")
            shape = Shape(shapely.Polygon(np.round(np.concatenate((edge, moved[::-1])), 4)))
            metres *= area / shape.area
        return shape

    def pushed_by_area(self, part: Part, area: float, side: str = "east") -> Shape:
        """The part with one side pushed so that it gains ``area`` m², or loses it if negative (to a few dm²)."""
        while area < 0 and part.width > 1:
            # A side cannot be pushed past the next corners of the border: whole columns go first.
            last = part.columns(part.width - 1, part.width) if side == "east" else part.columns(0, 1)
            if -area < 0.6 * self.area(last):
                break
            area += self.area(last)
            part = part.columns(0, part.width - 1) if side == "east" else part.columns(1, part.width)
        base, metres = self.shape(part).area, 0.0
        span = self.pushed(part, 1.0, side).area - base
        for _ in range(4):
            metres += (base + area - self.pushed(part, metres, side).area) / span
        return self.pushed(part, metres, side)

    # ---- figures ----------------------------------------------------------------------------------------------------
    def area(self, part: Part) -> float:
        return float(self.band.area[part.cells].sum())

    def classes(self, parts: Iterable[Part]) -> dict[str, float]:
        """m² by class code, before anything happened to the land."""
        total: dict[str, float] = {}
        for part in parts:
            cells = self.band.use[part.cells].ravel()
            sums = np.bincount(cells, weights=self.band.area[part.cells].ravel(), minlength=len(CODES))
            for k in np.flatnonzero(sums):
                total[str(CODES[k])] = total.get(str(CODES[k]), 0.0) + float(sums[k])
        return total

    # ---- stories leave marks ----------------------------------------------------------------------------------------
    def paint_before(self, part: Part, code: str) -> None:
        """Make the part one class from the beginning (for stories that need a certain land)."""
        self.band.use[part.cells] = LAND_USE_INDEX[code]
        self.band.key[part.cells] = np.int64(part.slot.block) * 1024 + 900 + (part.i0 - part.slot.i0)

    def paint(self, since: date, part: Part, code: str, group: int, doc_no: str = "") -> None:
        """From a date on the part is of another class; ``group`` keeps parts apart as patches."""
        self.changes.append((since, part, LAND_USE_INDEX[code], group, doc_no))

    def cultivated(self, part: Part) -> float:
        return float(self.band.area[part.cells][CULTIVATED[self.band.use[part.cells]]].sum())
