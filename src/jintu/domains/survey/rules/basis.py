"""Mathematical basis (Q12xx): reference system, zone and place of the coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import OUTLINES, Needs, quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.checks.inspection.tables import Dataset, Table

__all__ = ["RULES"]

PIECE = 1 << 18


@quality(
    "Q1201", "A", ("坐标系未声明或不允许", "Reference system not stated or not allowed"),
    remedy=("按 CGCS2000 重新提交，并写明坐标系。", "Deliver again on CGCS2000 and state the system."),
    geometries=OUTLINES,
)  # fmt: skip
def reference_system(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """The delivered system is one of datum ``datum`` (CGCS2000)."""
    from jintu.kernel import crs as systems
    from jintu.kernel.errors import JintuError

    try:
        known = systems.parse(t.crs)
        good = known.datum.name == str(p.datum)
    except JintuError:
        good = False
    if not good:
        yield t.errors_at([-1], values=[t.crs or "—"], expected=str(p.datum))


@quality(
    "Q1202", "A", ("中央经线与县域经度不符", "Central meridian does not fit the county"),
    remedy=("换用正确的投影带重新提交。", "Deliver again in the right zone."), geometries=OUTLINES, plane=True,
)  # fmt: skip
def central_meridian(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """The middle of the layer lies within half a zone plus ``slack_degrees`` of the delivered central meridian."""
    from jintu.kernel import crs as systems
    from jintu.kernel.errors import JintuError

    try:
        known = systems.parse(t.crs)
    except JintuError:
        return
    if known.zone is None:
        return
    west, _south, east, _north = t.bounds
    middle = (west + east) / 2
    if abs(middle - known.zone.central_meridian) > known.zone.width / 2 + float(p.slack_degrees):
        yield t.errors_at([-1], values=[f"{known.zone.central_meridian}°"], expected=f"{middle:.3f}°")


@quality(
    "Q1203", "A", ("坐标超出县域范围", "Coordinates outside the county"), needs=("XZQ",),
    remedy=("检查坐标、带号和单位。", "Check coordinates, zone and unit."), geometries=OUTLINES,
)  # fmt: skip
def outside_the_county(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """Boxes of features reach no farther than ``slack_m`` metres beyond the box of XZQ."""
    import numpy as np

    if t.schema.table == "XZQ":
        return
    west, south, east, north = data["XZQ"].bounds
    reach = float(p.slack_m) / 111_320
    wide = reach / np.cos(np.radians((south + north) / 2))
    lowest, highest = (west - wide, south - reach), (east + wide, north + reach)
    whole = np.array((t if t.whole is None else t.whole).bounds)
    if (whole[:2] >= lowest).all() and (whole[2:] <= highest).all():
        return
    boxes = t.boxes
    yield t.errors(pl.Series(((boxes[:, :2] < lowest) | (boxes[:, 2:] > highest)).any(axis=1)))


@quality("Q1204", "B", ("坐标分辨率不足", "Coordinates too coarse"),
         remedy=("按 0.001 米以内的精度重新导出。", "Export again, to 0.001 m or finer."),
         geometries=OUTLINES)  # fmt: skip
def resolution(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """Coordinates are not rounded more coarsely than ``tolerance_m``: of ``least_vertices`` vertices or more (fewer may
    be round by chance) some must need it. The resolution of the database itself (0.0001 m) is in no file."""
    import numpy as np

    steps = 10.0 * float(p.tolerance_m) * 10.0 ** np.arange(5)
    metres = t.measures.x_metres, t.measures.y_metres
    vertices, good = 0, len(steps)
    for part in t.parts(attributes=False):
        x, y = part.points
        vertices += len(x)
        for k, step in enumerate(steps[:good].tolist()):
            if not (_rounded(x, step / metres[0]) and _rounded(y, step / metres[1])):
                good = k
                break
        if not good:
            return
    if vertices >= int(p.least_vertices):
        yield t.errors_at([-1], values=[f"{steps[good - 1]:g} m"], expected=f"{float(p.tolerance_m):g} m")


def _rounded(values: NDArray[np.float64], step: float) -> bool:
    """Are all of them multiples of the decimal nearest to the step? Piece by piece: the first that is none ends it."""
    import numpy as np

    unit = 10.0 ** np.round(np.log10(step))
    for k in range(0, len(values), PIECE):
        some = values[k : k + PIECE] / unit
        if np.abs(some - np.round(some)).max() > 1e-3:
            return False
    return True


@quality("Q1205", "B", ("横坐标带号与投影带不符", "Zone number of the easting is not that of the zone"),
         remedy=("按投影带写横坐标。", "Write eastings as the zone does."),
         geometries=OUTLINES, plane=True)  # fmt: skip
def easting_prefix(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """Eastings as delivered begin with the number of their zone where the system says so, and with none otherwise."""
    import numpy as np
    import shapely

    from jintu.kernel import crs as systems
    from jintu.kernel.errors import JintuError

    try:
        zone = systems.parse(t.crs).zone
    except JintuError:
        return
    if zone is None:
        return
    wanted = zone.number if zone.prefixed else 0
    if t.schema.geometry == "point":
        boxes = shapely.bounds(t.shapes)
    else:
        boxes = (t.judged if t.schema.geometry == "polygon" else t.lines).boxes()
    bounds = boxes[:, [0, 2]]
    prefix = np.floor(bounds / 1_000_000)
    rows = np.flatnonzero((np.isfinite(bounds) & (prefix != wanted)).any(axis=1))
    yield t.errors_at(rows, values=[f"{bounds[r, 0]:.3f}" for r in rows], expected=str(wanted or "—"))


@quality("Q1206", "C", ("未说明高程基准", "Height datum not stated"),
         remedy=("在元数据中写明高程基准。", "State the height datum in the metadata."),
         geometries=OUTLINES)  # fmt: skip
def height_datum(t: Table, data: Dataset, p: Parameters) -> Iterator[polars.DataFrame]:
    """The coordinate system has heights, or the metadata of the delivery names one of ``datums`` (separated by |)."""
    if "VERT" in t.crs.upper():
        return
    delivery = data.given.get("delivery")
    texts = [text for m in (delivery or {}).get("metadata", ()) for text in m.get("items", {}).values()]
    if not texts:
        raise Needs("metadata")
    if not any(name in text for name in str(p.datums).split("|") for text in texts):
        yield t.errors_at([-1], values=["—"], expected=str(p.datums))


RULES = (reference_system, central_meridian, outside_the_county, resolution, easting_prefix, height_datum)
