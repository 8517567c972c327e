"""Matching of edges with the neighbouring counties (Q4113): borders that fit, and roads and rivers that go on.

Given as "neighbours": the patches of other divisions in force on the same day that lie near this layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.checks.inspection.tables import Dataset, Table

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
        mine, theirs = _strip(t, other, float(p.reach_m))
        if len(mine) and len(theirs):
            yield _misfits(t, other, mine, theirs, float(p.smallest_m2))
            yield _ends(t, other, mine, theirs, str(p.continuing).split("|"), float(p.widest_m))


def _outlines(t: Table) -> NDArray[np.object_]:
    """In degrees: counties may deliver in different zones."""
    import shapely

    assert t.has_outlines
    return shapely.from_wkb(t.wkb.to_numpy())


def _strip(t: Table, other: Table, reach_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both that lie within ``reach_m`` of the other layer: boxes first, then outlines."""
    import numpy as np
    import shapely

    reach = reach_m / t.lonlat.x_metres
    boxes, box = t.boxes, shapely.total_bounds(_outlines(other))
    near = np.flatnonzero(
        (boxes[:, 0] <= box[2] + reach)
        & (boxes[:, 2] >= box[0] - reach)
        & (boxes[:, 1] <= box[3] + reach)
        & (boxes[:, 3] >= box[1] - reach)
    )
    shapes = shapely.from_wkb(t.outlines(pl.Series(near)).to_numpy())
    tree = shapely.STRtree(_outlines(other))
    pairs = tree.query(shapes, predicate="dwithin", distance=reach)
    return near[np.unique(pairs[0])], np.unique(pairs[1])


def _misfits(
    t: Table, other: Table, mine: NDArray[np.int64], theirs: NDArray[np.int64], smallest_m2: float
) -> polars.DataFrame:
    """Gaps and overlaps that have patches of both on their border."""
    import numpy as np
    import shapely

    from jintu.kernel.flat import Polygons
    from jintu.kernel.topology import Kind, inspect

    strip = Polygons.from_shapely(
        [*shapely.from_wkb(t.outlines(pl.Series(mine)).to_numpy()), *_outlines(other)[theirs]]
    )
    found = inspect(strip, t.lonlat).of(Kind.GAP, Kind.OVERLAP, Kind.DUPLICATE)
    found = found.take(np.flatnonzero(found.area >= smallest_m2))
    n = len(mine)
    rows, values, places = [], [], []
    for defect in found:
        own = [r for r in defect.rows if r < n]
        foreign = [r - n for r in defect.rows if r >= n]
        if own and foreign:
            rows.append(int(mine[own[0]]))
            word = "−" if defect.kind == Kind.GAP else "+"
            values.append(f"{word}{defect.area:.2f} m² {other.keys[int(theirs[foreign[0]])]}")
            places.append(shapely.to_wkb(defect.geometry, byte_order=1))
    return t.errors_at(rows, values=values, geometry=places)


def _ends(
    t: Table, other: Table, mine: NDArray[np.int64], theirs: NDArray[np.int64], continuing: list[str], widest_m: float
) -> polars.DataFrame:
    """Patches of continuing classes that end at the border with nothing of their class beyond it."""
    import numpy as np
    import shapely

    classed = t.read("land_use_code").to_series()
    codes = classed.gather(mine).fill_null("").to_numpy()
    narrow = mine[np.isin(codes, continuing)]
    foreign = _outlines(other)[theirs]
    classes = other.frame["land_use_code"].gather(theirs).fill_null("").to_numpy()
    shapes = shapely.from_wkb(t.outlines(pl.Series(narrow)).to_numpy())
    touch = 0.01 / t.lonlat.x_metres
    own, beyond = shapely.STRtree(foreign).query(shapes, predicate="dwithin", distance=touch)
    border = shapely.boundary(shapes)[own]
    beside = shapely.intersection(border, shapely.buffer(foreign[beyond], touch, quad_segs=2))
    metres = np.bincount(own, _metres(beside, t), minlength=len(narrow))
    mates = np.bincount(own, classes[beyond] == classed.gather(narrow).to_numpy()[own], len(narrow))
    ends = np.flatnonzero((metres > 0.1) & (metres <= widest_m) & (mates == 0))
    met = {int(i): str(classes[j]) for i, j in zip(own, beyond, strict=True)}
    found = t.errors_at(narrow[ends], column="land_use_code", values=classed.gather(narrow[ends]).to_list())
    return found.with_columns(value=found["value"] + pl.Series([f" → {met[int(i)]}" for i in ends], dtype=pl.String))


def _metres(shapes: NDArray[np.object_], t: Table) -> NDArray[np.float64]:
    """Length in the local metres of the degrees."""
    import numpy as np
    import shapely

    scaled = shapely.transform(shapes, lambda xy: xy * np.array([t.lonlat.x_metres, t.lonlat.y_metres]))
    return shapely.length(scaled)  # type: ignore[no-any-return]


RULES = (edges_match,)
