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


@quality("Q3105", "B", ("多部件要素", "Feature of several parts"), remedy=("拆成单个要素。", "Split it into features."))
def several_parts(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A feature is one polygon or one line."""
    import shapely

    if t.wkb is None:
        return
    parts = pl.Series(shapely.get_num_geometries(shapely.from_wkb(t.wkb.to_numpy())))
    found = t.errors(parts > 1, expected="1")
    yield found.with_columns(value=parts.gather(found["row"]).cast(pl.String))


RULES = (several_parts,)
