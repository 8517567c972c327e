"""Control areas (控制面积) of divisions from the theoretical areas of the sheets they lie on (TD/T 1014).

A sheet that lies in one division gives it its whole theoretical area (整幅). A sheet that several share (破幅) is
divided: the parts are measured on the ellipsoid and adjusted so that together they are the theoretical area. So the
control areas of all divisions on the sheets sum to the sheets, to the hundredth of a square metre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jintu.kernel.area.adjustment import adjust_groups, cents
from jintu.kernel.area.sheets import sheet_area, sheet_bounds, sheets_in
from jintu.kernel.crs import CGCS2000, Datum
from jintu.kernel.errors import InputError, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = ["OUTSIDE", "Controls", "Part", "control_areas"]

OUTSIDE = -1
"""Division of the part of a sheet that belongs to none of those given: neighbours, sea."""
SLIVER_CENTS = 10_000
"""Less uncovered ground (1 m²) on a sheet is the rounding of borders and stays with the divisions."""


@dataclass(frozen=True, slots=True)
class Part:
    """One division's part of a sheet, hundredths of m². ``whole``: nobody else has ground on it."""

    sheet: str
    division: int
    computed: int
    adjusted: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Controls:
    """``areas`` (n,): control area of each polygon given, hundredths of m²; ``parts`` they are made of; ``outside``:
    what the sheets hold beyond all of them."""

    areas: NDArray[np.int64]
    parts: tuple[Part, ...]
    outside: int

    @property
    def sheets(self) -> int:
        """Theoretical area of all sheets touched: Σ areas + outside."""
        return int(self.areas.sum()) + self.outside


def control_areas(divisions: Polygons, scale: int, *, datum: Datum = CGCS2000, sheets: Sequence[str] = ()) -> Controls:
    """Control areas of division polygons (n, lon/lat degrees on ``datum``'s graticule) on the sheets of a scale.

    ``sheets``: those to use; all the divisions' extent touches unless given. Raises `Refused` when divisions overlap on
    a sheet by more than 1 m²: their parts would be more than the sheet.
    """
    import shapely

    from jintu.kernel.flat import from_shapely
    from jintu.kernel.overlay import overlay

    if not len(divisions):
        raise InputError("There are no divisions.", remedy="Give the polygons of the divisions.")
    boxes = divisions.boxes()
    if not sheets:
        west, south = boxes[:, :2].min(axis=0).tolist()
        east, north = boxes[:, 2:].max(axis=0).tolist()
        sheets = sheets_in((west, south, east, north), scale)
    pairs = overlay(from_shapely([shapely.box(*sheet_bounds(s)) for s in sheets]), divisions)
    touched = np.unique(pairs.left)
    names = [sheets[i] for i in touched.tolist()]
    of = np.searchsorted(touched, pairs.left)
    theory = np.array([cents(sheet_area(s, datum)) for s in names], dtype=np.int64)
    area = np.rint(pairs.area_m2 * 100).astype(np.int64)
    covered = np.zeros(len(names), dtype=np.int64)
    np.add.at(covered, of, area)
    rest = theory - covered
    if np.any(rest < -SLIVER_CENTS):
        worst = int(np.argmin(rest))
        raise Refused(
            "The divisions overlap on sheet {sheet}: their parts are {excess} m² more than the sheet.",
            remedy="Correct the borders of the divisions first.",
            sheet=names[worst],
            excess=f"{-rest[worst] / 100:.2f}",
        )
    outside = np.flatnonzero(rest > SLIVER_CENTS)
    division = np.r_[pairs.right, np.full(len(outside), OUTSIDE)]
    of, computed = np.r_[of, outside], np.r_[area, rest[outside]]
    adjusted = adjust_groups(computed, of, theory)
    alone = np.bincount(of, minlength=len(names)) == 1
    areas = np.zeros(len(divisions), dtype=np.int64)
    own = division != OUTSIDE
    np.add.at(areas, division[own], adjusted[own])
    order = np.lexsort((division, of))
    parts = tuple(
        Part(names[of[k]], int(division[k]), int(computed[k]), int(adjusted[k]), bool(alone[of[k]]))
        for k in order.tolist()
        if division[k] != OUTSIDE
    )
    return Controls(areas, parts, int(adjusted[~own].sum()))
