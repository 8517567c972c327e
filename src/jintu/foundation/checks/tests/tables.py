"""Tables of the inspection from columns by the standard's codes, for tests of rules."""

from __future__ import annotations

from typing import Any

import polars as pl
import shapely

from jintu.foundation.checks.inspection.tables import Table
from jintu.foundation.layers import schemas
from jintu.foundation.layers.tests import grid

__all__ = ["table"]


def table(name: str, data: dict[str, list[Any]], shapes: list[Any] | None, crs: str = grid.CRS) -> Table:
    """A table of a schema from columns by the standard's codes; columns not given are null. ``shapes``: plane."""
    schema = schemas.get(name)
    n = len(next(iter(data.values())))
    types = {"Float": pl.Float64, "Date": pl.Date}
    frame = pl.DataFrame(
        [
            pl.Series(a.name, _cells(data.get(a.code, [None] * n), a.type), dtype=types.get(a.type, pl.String))
            for a in schema.attributes
        ]
    )
    if shapes is None:
        return Table(schema, frame)
    plane = pl.Series(list(shapely.to_wkb(shapes, byte_order=1)), dtype=pl.Binary)
    lonlat = pl.Series(list(shapely.to_wkb([grid.lonlat(s) for s in shapes], byte_order=1)), dtype=pl.Binary)
    return Table(schema, frame, lonlat, plane, crs)


def _cells(values: list[Any], kind: str) -> list[Any]:
    return [v if v is None or kind in ("Float", "Date") else str(v) for v in values]
