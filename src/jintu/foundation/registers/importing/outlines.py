"""The outlines of a piece of a file: read, brought to lon/lat, and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jintu.kernel.formats.wkt import from_wkt

from .. import validation
from ..coordinates import WORKING, is_working, to_lonlat
from ..descriptor import Register
from .mapping import Mapping
from .problems import Problem

if TYPE_CHECKING:
    import polars as pl

    from jintu.kernel.formats import Source

__all__ = ["outlines"]


def outlines(
    register: Register, raw: pl.DataFrame, mapping: Mapping, source: Source
) -> tuple[pl.Series, pl.Series, list[Problem]]:
    """Outlines in lon/lat as WKB, the delivered WKB where it differs, and what is wrong with them."""
    import numpy as np
    import polars as pl
    import shapely

    n = raw.height
    rule = mapping.geometry
    rows = raw["__row__"]
    nothing = pl.Series([None] * n, dtype=pl.Binary)
    header = str(rule.get("from") or "")
    if not header:
        return nothing, nothing, []
    found: list[Problem] = []
    series = raw[header] if header in raw.columns else raw["geometry"]
    if series.dtype == pl.Binary:
        shapes = shapely.from_wkb(series.to_list(), on_invalid="ignore")
        crs = str(rule.get("crs") or source.crs or WORKING)
        given = series.is_not_null().to_numpy()
    else:
        text = series.cast(pl.String).str.strip_chars()
        text = text.set(text == "", None)
        shapes = from_wkt(text.to_arrow())
        crs = str(rule.get("crs") or WORKING)
        given = text.is_not_null().to_numpy()
    shapes = np.asarray(shapes, dtype=object)
    for i in np.flatnonzero(given & np.equal(shapes, None)):
        found.append(
            Problem(
                int(rows[int(i)]),
                register.geometry,
                "The outline cannot be read.",
                str(series[int(i)])[:60],
                "Write it as WKT, for example POLYGON((x y, …)).",
            )
        )
    if shapely.has_z(shapes).any():
        shapes = shapely.force_2d(shapes)
    working, wrong = to_lonlat(shapes, crs, wgs84=bool(rule.get("wgs84")))
    for i, error in wrong.items():
        found.append(Problem(int(rows[i]), register.geometry, error.sentence, "", error.remedy, dict(error.params)))
    suspicious = _suspicious(working)
    for i in np.flatnonzero(suspicious):
        fault = validation.geometry_problem(working[int(i)])
        if fault is not None:
            sentence, remedy, params = fault
            found.append(Problem(int(rows[int(i)]), register.geometry, sentence, "", remedy, params))
    wkb = pl.Series(list(shapely.to_wkb(working, byte_order=1)), dtype=pl.Binary)
    if is_working(crs):
        return wkb, nothing, found
    return wkb, pl.Series(list(shapely.to_wkb(shapes, byte_order=1)), dtype=pl.Binary), found


def _suspicious(shapes: Any) -> Any:
    """Outlines worth a closer look: invalid, empty, outside the range of degrees or at its origin. Vectorised."""
    import numpy as np
    import shapely

    there = ~shapely.is_missing(shapes)
    box = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        outside = (box[:, 0] < -180) | (box[:, 2] > 180) | (box[:, 1] < -90) | (box[:, 3] > 90)
        origin = (box[:, 0] <= 0.01) & (box[:, 1] <= 0.01) & (box[:, 2] >= -0.01) & (box[:, 3] >= -0.01)
    return there & (shapely.is_empty(shapes) | outside | origin | ~shapely.is_valid(shapes))
