"""Matching of edges with the neighbouring counties (Q4113): borders that fit, and roads and rivers that go on.

Given as "neighbours": the patches of other divisions in force on the same day that lie near this layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.checks.inspection.tables import Dataset, Table
    from jintu.kernel.topology import Plane

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]


@quality("Q4113", "B", ("与相邻县接边不符", "Edge does not match the neighbouring county"), tables=("DLTB",),
         given=("neighbours",), columns=("land_use_code",),
         remedy=("与相邻县协商后修正界线和地类。", "Agree with the neighbour and mend border and class."))  # fmt: skip
def edges_match(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Between the patches of both counties is no gap and no overlap of ``smallest_m2`` or more; and a road, railway,
    river or ditch (``continuing``, separated by |) that ends at the border, touching it for no more than ``widest_m``
    metres, meets a patch of its class on the other side."""
    for other in data.given["neighbours"]:
        strip = _strip(t, other, float(p.reach_m))
        if len(strip.mine):
            yield _misfits(strip, float(p.smallest_m2))
            yield _ends(strip, str(p.continuing).split("|"), float(p.widest_m))


@dataclass(frozen=True, eq=False)
class Strip:
    """Rows ``mine`` of a layer and ``theirs`` of its neighbour that lie within reach of the other one, with their
    outlines (WKB). In degrees, for counties may deliver in different zones; metres are those of the neighbour, which
    lies along the border."""

    layer: Table
    other: Table
    mine: NDArray[np.int64]
    theirs: NDArray[np.int64]
    own: NDArray[np.object_]
    foreign: NDArray[np.object_]

    @property
    def plane(self) -> Plane:
        return self.other.lonlat


def _strip(t: Table, other: Table, reach_m: float) -> Strip:
    """What lies within ``reach_m`` of the other layer: by boxes first, of which few meet, then by outlines."""
    import numpy as np
    import shapely

    from jintu.foundation.checks.inspection.overlaps import within_reach

    reach = reach_m / other.lonlat.x_metres
    rows, their_rows = within_reach(t.coverings(), other, reach_m)
    mine, own = np.unique(rows, return_inverse=True)
    theirs, foreign = np.unique(their_rows, return_inverse=True)
    outlines, their_outlines = (layer.outlines(pl.Series(n)).to_numpy() for layer, n in ((t, mine), (other, theirs)))
    within = shapely.dwithin(shapely.from_wkb(outlines)[own], shapely.from_wkb(their_outlines)[foreign], reach)
    own, foreign = np.unique(own[within]), np.unique(foreign[within])
    return Strip(t, other, mine[own], theirs[foreign], outlines[own], their_outlines[foreign])


def _misfits(strip: Strip, smallest_m2: float) -> polars.DataFrame:
    """Gaps and overlaps that have patches of both on their border."""
    import numpy as np
    import shapely

    from jintu.kernel.flat import Polygons
    from jintu.kernel.topology import Kind, inspect

    both = Polygons.from_wkb([*strip.own, *strip.foreign])
    found = inspect(both, strip.plane).of(Kind.GAP, Kind.OVERLAP, Kind.DUPLICATE)
    found = found.take(np.flatnonzero(found.area >= smallest_m2))
    n = len(strip.mine)
    rows, values, places = [], [], []
    for defect in found:
        own = [r for r in defect.rows if r < n]
        foreign = [r - n for r in defect.rows if r >= n]
        if own and foreign:
            rows.append(int(strip.mine[own[0]]))
            word = "−" if defect.kind == Kind.GAP else "+"
            values.append(f"{word}{defect.area:.2f} m² {strip.other.keys[int(strip.theirs[foreign[0]])]}")
            places.append(shapely.to_wkb(defect.geometry, byte_order=1))
    return strip.layer.errors_at(rows, values=values, geometry=places)


def _ends(strip: Strip, continuing: list[str], widest_m: float) -> polars.DataFrame:
    """Patches of continuing classes that end at the border with nothing of their class beyond it."""
    import numpy as np
    import shapely

    t, other = strip.layer, strip.other
    codes = t.read("land_use_code").to_series().gather(strip.mine).fill_null("").to_numpy()
    narrow = np.flatnonzero(np.isin(codes, continuing))
    codes, shapes = codes[narrow], shapely.from_wkb(strip.own[narrow])
    foreign, classes = shapely.from_wkb(strip.foreign), other.frame["land_use_code"].gather(strip.theirs)
    beyond_codes = classes.fill_null("").to_numpy()
    touch = 0.01 / strip.plane.x_metres
    own, beyond = shapely.STRtree(foreign).query(shapes, predicate="dwithin", distance=touch)
    border = shapely.boundary(shapes)[own]
    beside = shapely.intersection(border, shapely.buffer(foreign[beyond], touch, quad_segs=2))
    metres = np.bincount(own, _metres(beside, strip.plane), minlength=len(narrow))
    mates = np.bincount(own, beyond_codes[beyond] == codes[own], len(narrow))
    ends = np.flatnonzero((metres > 0.1) & (metres <= widest_m) & (mates == 0))
    met = {int(i): str(beyond_codes[j]) for i, j in zip(own, beyond, strict=True)}
    values = [f"{codes[i]} → {met[int(i)]}" for i in ends]
    return t.errors_at(strip.mine[narrow[ends]], column="land_use_code", values=values)


def _metres(shapes: NDArray[np.object_], plane: Plane) -> NDArray[np.float64]:
    """Length in the local metres of the degrees."""
    import numpy as np
    import shapely

    scaled = shapely.transform(shapes, lambda xy: xy * np.array([plane.x_metres, plane.y_metres]))
    return shapely.length(scaled)  # type: ignore[no-any-return]


RULES = (edges_match,)
