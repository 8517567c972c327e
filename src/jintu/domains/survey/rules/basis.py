"""Mathematical basis (Q12xx): reference system, zone and place of the coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import Needs, quality
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


@quality("Q1204", "B", ("坐标分辨率不足", "Coordinates too coarse"),
         remedy=("按 0.0001 米的分辨率重新导出。", "Export again at a resolution of 0.0001 m."))  # fmt: skip
def resolution(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """Coordinates are not rounded more coarsely than ``resolution_m``: of ``least_vertices`` vertices or more (fewer
    may be round by chance) some must need it. The tolerance of the database is in no file that is delivered."""
    import numpy as np
    import shapely

    points = shapely.get_coordinates(t.shapes)
    if len(points) < int(p.least_vertices):
        return
    metres = np.array([t.measures.x_metres, t.measures.y_metres])
    coarse = 0.0
    for step in 10.0 * float(p.resolution_m) * 10.0 ** np.arange(5):
        units = 10.0 ** np.round(np.log10(step / metres))  # in degrees the decimal nearest to that many metres
        if np.abs(points / units - np.round(points / units)).max() > 1e-3:
            break
        coarse = step
    if coarse:
        yield t.errors_at([-1], values=[f"{coarse:g} m"], expected=f"{float(p.resolution_m):g} m")


@quality("Q1205", "B", ("横坐标带号与投影带不符", "Zone number of the easting is not that of the zone"),
         remedy=("按投影带写横坐标。", "Write eastings as the zone does."))  # fmt: skip
def easting_prefix(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """Eastings as delivered begin with the number of their zone where the system says so, and with none otherwise."""
    import numpy as np
    import shapely

    from jintu.kernel import crs as systems
    from jintu.kernel.errors import JintuError

    if t.plane_wkb is None:
        return
    try:
        zone = systems.parse(t.crs).zone
    except JintuError:
        return
    if zone is None:
        return
    wanted = zone.number if zone.prefixed else 0
    bounds = shapely.bounds(t.shapes)[:, [0, 2]]
    prefix = np.floor(bounds / 1_000_000)
    rows = np.flatnonzero((np.isfinite(bounds) & (prefix != wanted)).any(axis=1))
    yield t.errors_at(rows, values=[f"{bounds[r, 0]:.3f}" for r in rows], expected=str(wanted or "—"))


@quality("Q1206", "C", ("未说明高程基准", "Height datum not stated"),
         remedy=("在元数据中写明高程基准。", "State the height datum in the metadata."))  # fmt: skip
def height_datum(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """The coordinate system has heights, or the metadata of the delivery names one of ``datums`` (separated by |)."""
    if t.wkb is None or "VERT" in t.crs.upper():
        return
    delivery = data.given.get("delivery")
    texts = [text for m in (delivery or {}).get("metadata", ()) for text in m.get("items", {}).values()]
    if not texts:
        raise Needs("metadata")
    if not any(name in text for name in str(p.datums).split("|") for text in texts):
        yield t.errors_at([-1], values=["—"], expected=str(p.datums))


RULES = (reference_system, central_meridian, outside_the_county, resolution, easting_prefix, height_datum)
