"""Topology inside a layer (Q31xx), in the plane it was delivered in: `jintu.kernel.topology` finds, these name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import polars

    from jintu.foundation.checks.inspection.tables import Dataset, Table

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]


def _between(t: Table, kind: str, smallest_m2: float = 0.0) -> polars.DataFrame:
    """Defects of a kind as errors of the first row concerned (−1: none), the other rows as the value's second part."""
    from jintu.kernel.topology import Kind

    found = t.defects.of(Kind[kind])
    found = found.take((found.area >= smallest_m2).nonzero()[0]) if smallest_m2 else found
    rows, values = [], []
    for defect in found:
        first = defect.rows[0] if defect.rows else -1
        others = [t.keys[row] for row in defect.rows[1:3]]
        rows.append(first if kind != "GAP" else -1)
        values.append(" ".join([f"{defect.area:.2f} m²", *(str(k) for k in others if kind != "GAP")]))
    return t.errors_at(rows, values=values, geometry=t.placed(found.geometries()) if len(found) else None)


@quality(
    "Q3102", "A", ("图斑重叠", "Overlapping polygons"),
    remedy=("修正重叠的图斑。", "Mend the polygons that overlap."),
)  # fmt: skip
def overlaps(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No two polygons of a partition have an area in common of ``smallest_m2`` or more in the delivered plane; what is
    narrower than the tolerance of the kernel (0.001 m) is rounding."""
    if t.schema.partition and t.wkb is not None:
        yield _between(t, "OVERLAP", float(p.smallest_m2))


@quality("Q3103", "A", ("图斑之间有缝隙", "Gaps between polygons"), remedy=("补齐缝隙。", "Close the gaps."))
def gaps(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A partition leaves no hole of ``smallest_m2`` or more in the delivered plane."""
    if t.schema.partition and t.wkb is not None:
        yield _between(t, "GAP", float(p.smallest_m2))


@quality("Q3104", "A", ("重复图形", "Same outline twice"), remedy=("删除重复要素。", "Remove the double."))
def duplicates(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No two features have the same vertices, in whatever order."""
    import numpy as np
    import shapely

    if t.wkb is None:
        return
    normal = pl.Series(shapely.to_wkb(shapely.normalize(shapely.from_wkb(t.wkb.to_numpy()))).tolist(), dtype=pl.Binary)
    yield t.errors_at(np.flatnonzero((normal.is_duplicated() & normal.is_not_null()).to_numpy()))


@quality("Q3106", "C", ("碎小或狭长图斑", "Sliver"), tables=("DLTB",), columns=("land_use_code",))
def slivers(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A patch smaller than the least size of its class on the map (``farmland_m2``, ``construction_m2``, else
    ``other_m2``) whose compactness 4πA/P² in the delivered plane is below ``compactness``."""
    import numpy as np
    import shapely

    from jintu.kernel import codelists

    if t.plane_wkb is None:
        return
    shapes = shapely.from_wkb(t.plane_wkb.to_numpy())
    area, length = shapely.area(shapes), shapely.length(shapes)
    compact = 4 * np.pi * area / np.maximum(length, 1e-9) ** 2
    codes = t.frame["land_use_code"].fill_null("")
    least = {c: float(p.other_m2) for c in codes.unique().to_list()}
    for code in least:
        if code.startswith("01"):
            least[code] = float(p.farmland_m2)
        elif code and codelists.three_class(code) == codelists.CONSTRUCTION:
            least[code] = float(p.construction_m2)
    smallest = codes.replace_strict(least, return_dtype=pl.Float64).to_numpy()
    rows = np.flatnonzero((area < smallest) & (compact < float(p.compactness)))
    yield t.errors_at(rows, values=[f"{area[r]:.2f} m², {compact[r]:.4f}" for r in rows])


@quality("Q3105", "B", ("多部件要素", "Feature of several parts"), remedy=("拆成单个要素。", "Split it into features."))
def several_parts(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A feature is one polygon or one line."""
    import shapely

    if t.wkb is None:
        return
    parts = pl.Series(shapely.get_num_geometries(shapely.from_wkb(t.wkb.to_numpy())))
    found = t.errors(parts > 1, expected="1")
    yield found.with_columns(value=parts.gather(found["row"]).cast(pl.String))


RULES = (overlaps, gaps, duplicates, several_parts, slivers)
