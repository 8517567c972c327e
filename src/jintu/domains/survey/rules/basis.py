"""Mathematical basis (Q12xx): reference system, zone and place of the coordinates."""

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


@quality(
    "Q1201", "A", ("坐标系未声明或不允许", "Reference system not stated or not allowed"),
    remedy=("按 CGCS2000 重新提交，并写明坐标系。", "Deliver again on CGCS2000 and state the system."),
)  # fmt: skip
def reference_system(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """The delivered system is one of datum ``datum`` (CGCS2000)."""
    from jintu.kernel import crs as systems
    from jintu.kernel.errors import JintuError

    if t.wkb is None:
        return
    try:
        known = systems.parse(t.crs)
        good = known.datum.name == str(p.datum)
    except JintuError:
        good = False
    if not good:
        yield t.errors_at([-1], values=[t.crs or "—"], expected=str(p.datum))


@quality(
    "Q1202", "A", ("中央经线与县域经度不符", "Central meridian does not fit the county"),
    remedy=("换用正确的投影带重新提交。", "Deliver again in the right zone."),
)  # fmt: skip
def central_meridian(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """The middle of the layer lies within half a zone plus ``slack_degrees`` of the delivered central meridian."""
    from jintu.kernel import crs as systems
    from jintu.kernel.errors import JintuError

    if t.wkb is None or t.plane_wkb is None:
        return
    try:
        known = systems.parse(t.crs)
    except JintuError:
        return
    if known.zone is None:
        return
    west, east = _longitudes(t)
    middle = (west + east) / 2
    if abs(middle - known.zone.central_meridian) > known.zone.width / 2 + float(p.slack_degrees):
        yield t.errors_at([-1], values=[f"{known.zone.central_meridian}°"], expected=f"{middle:.3f}°")


def _longitudes(t: Table) -> tuple[float, float]:
    import shapely

    west, _south, east, _north = shapely.total_bounds(shapely.from_wkb(t.wkb.to_numpy()))  # type: ignore[union-attr]
    return float(west), float(east)


@quality(
    "Q1203", "A", ("坐标超出县域范围", "Coordinates outside the county"), needs=("XZQ",),
    remedy=("检查坐标、带号和单位。", "Check coordinates, zone and unit."),
)  # fmt: skip
def outside_the_county(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """Boxes of features reach no farther than ``slack_m`` metres beyond the box of XZQ."""
    import numpy as np
    import shapely

    if t.wkb is None or t.schema.table == "XZQ":
        return
    west, south, east, north = data["XZQ"].polygons.boxes().T
    reach = float(p.slack_m) / 111_320
    wide = reach / np.cos(np.radians(float(np.nanmean([south.min(), north.max()]))))
    boxes = shapely.bounds(shapely.from_wkb(t.wkb.to_numpy()))
    bad = (
        (boxes[:, 0] < west.min() - wide)
        | (boxes[:, 2] > east.max() + wide)
        | (boxes[:, 1] < south.min() - reach)
        | (boxes[:, 3] > north.max() + reach)
    )
    yield t.errors(pl.Series(bad))


RULES = (reference_system, central_meridian, outside_the_county)
