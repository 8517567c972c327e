"""Areas and lengths that must agree (Q51xx): declared and computed, identities of the patch, sums of the division."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import Needs, quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

from .columns import figure, filled, ratio
from .numbers import NAME, Numbers

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.checks.inspection.tables import Dataset, Table

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]
FEW = 1_000
"""Of no more patches the linear features are picked out; else the shares of all are reckoned once."""
PARTS = ("patch_area_m2", "linear_area_m2", "scattered_area_m2", "ridge_area_m2", "net_area_m2")


def _off(declared: polars.Expr, wanted: polars.Expr, p: Parameters) -> polars.Expr:
    """Farther apart than the tolerance, and a hair for binary fractions."""
    return (declared - wanted).abs() > float(p.tolerance_m2) + 1e-6


@quality(
    "Q5101", "A", ("图斑面积与椭球面积不符", "Declared area is not the ellipsoidal area"),
    remedy=("按椭球面积重新计算。", "Compute the ellipsoidal area again."), geometries=("polygon",),
)  # fmt: skip
def declared_area(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The declared area of a polygon is its ellipsoidal area within ``tolerance_m2``, and ``tolerance_ratio`` of it:
    edges are straight in degrees here and straight in the plane for the surveyor."""
    if not t.schema.area or t.schema.area not in t.names:
        return
    computed = pl.Series("computed", t.areas)
    slack = float(p.tolerance_m2) + float(p.tolerance_ratio) * computed
    wrong = (t.frame[t.schema.area].fill_null(0.0) - computed).abs() > slack
    found = t.errors(wrong, t.schema.area)
    yield found.with_columns(expected=computed.gather(found["row"]).round(2).cast(pl.String))


@quality(
    "Q5102", "B", ("线状地物面积不等于长×宽", "Area of a linear feature is not length × width"),
    tables=("XZDW", "JQXZDW"), columns=("length_m", "width_m", "linear_area_m2"),
)  # fmt: skip
def linear_area(t: Table, data: Dataset, p: Parameters) -> Errors:
    """XZDWMJ = CD × KD within ``tolerance_m2``."""
    wanted = pl.col("length_m") * pl.col("width_m")
    yield t.errors(_off(pl.col("linear_area_m2"), wanted, p), "linear_area_m2", expected=wanted.round(2))


@quality("Q5103", "C", ("线状地物长度与图形长度不符", "Declared length is not that of the line"), geometries=("line",))
def declared_length(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The declared length of a line is its length on the ellipsoid or in the delivered plane (whose scale differs by up
    to a thousandth) within ``tolerance_m``."""
    from jintu.kernel.length import geodesic

    if not t.schema.length or t.schema.length not in t.names:
        return
    import numpy as np
    import shapely

    declared = t.frame[t.schema.length].fill_null(0.0).to_numpy()
    slack = float(p.tolerance_m)
    plane = _in_plane(t)
    agrees = (declared >= plane - slack) & (declared <= plane + slack)  # however long it is on the ground
    off = np.flatnonzero(~agrees)
    ground = geodesic(shapely.from_wkb(t.outlines(pl.Series(off)).to_numpy()))
    plane = plane[off] if t.in_plane else ground
    low, high = np.minimum(ground, plane), np.maximum(ground, plane)
    wrong = (declared[off] < low - slack) | (declared[off] > high + slack)
    found = t.errors(pl.Series(np.isin(np.arange(len(t)), off[wrong])), t.schema.length)
    yield found.with_columns(expected=pl.Series(ground[wrong]).round(1).cast(pl.String))


def _in_plane(t: Table) -> NDArray[np.float64]:
    """Metres of each line in the delivered plane; not a number where there is no line, or no plane."""
    import numpy as np

    if t.plane_wkb is None:
        return np.full(len(t), np.nan)
    rows = np.repeat(np.arange(len(t)), np.diff(t.lines.row_offsets))
    metres = np.bincount(rows, t.lines.lengths(), len(t))
    return np.where(t.plane_wkb.is_null().to_numpy(), np.nan, metres)


@quality(
    "Q5104", "A", ("扣除地类面积不符", "Area deducted does not follow from the ratio"), tables=("DLTB", "JBNTTB"),
    columns=(*PARTS[:4], "ridge_ratio"),
)  # fmt: skip
def ridge_identity(t: Table, data: Dataset, p: Parameters) -> Errors:
    """TKMJ = (TBMJ − XZDWMJ − LXDWMJ) × TKXS within ``tolerance_m2``; a ratio above 1 is percent."""
    wanted = (figure("patch_area_m2") - figure("linear_area_m2") - figure("scattered_area_m2")) * ratio("ridge_ratio")
    yield t.errors(_off(figure("ridge_area_m2"), wanted, p), "ridge_area_m2", expected=wanted.round(2))


@quality(
    "Q5105",
    "A",
    ("图斑地类面积不符", "Net area does not follow from its parts"),
    tables=("DLTB", "JBNTTB"),
    columns=PARTS,
)
def net_identity(t: Table, data: Dataset, p: Parameters) -> Errors:
    """TBDLMJ = TBMJ − XZDWMJ − LXDWMJ − TKMJ within ``tolerance_m2``. Where it is not mandatory, nothing is nothing."""
    wanted = figure("patch_area_m2") - figure("linear_area_m2") - figure("scattered_area_m2") - figure("ridge_area_m2")
    given = filled("net_area_m2") if not t.schema.columns["net_area_m2"].mandatory else pl.lit(True)
    yield t.errors(given & _off(figure("net_area_m2"), wanted, p), "net_area_m2", expected=wanted.round(2))


@quality(
    "Q5106", "A", ("图斑面积合计不等于控制面积", "Patches do not add up to the control area"), tables=("XZQ",),
    needs=("DLTB",), columns=("division_code", "control_area_m2"),
    remedy=("按控制面积平差。", "Adjust the areas to the control area."),
)  # fmt: skip
def control_area(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Σ TBMJ of the patches whose location lies in the division = Σ KZMJ of its parts (a village may have an exclave)
    within ``tolerance_m2``."""
    from jintu.foundation.identity.scope import prefix_of

    patches = data["DLTB"].read("location_code", "patch_area_m2")
    patches = patches.select(village=pl.col("location_code").str.slice(0, 12), area=figure("patch_area_m2"))
    by_village = dict(patches.group_by("village").agg(pl.col("area").sum()).drop_nulls().iter_rows())
    prefixes = [prefix_of(code) if code else None for code in t.frame["division_code"].to_list()]
    wanted = [
        None if prefix is None else sum(area for village, area in by_village.items() if village.startswith(prefix))
        for prefix in prefixes
    ]
    sums = pl.Series("sums", wanted, dtype=pl.Float64)
    whole = t.frame.select(pl.col("control_area_m2").sum().over("division_code")).to_series()
    wrong = (whole - sums).abs() > float(p.tolerance_m2)
    found = t.errors(wrong.fill_null(False), "control_area_m2")
    yield found.with_columns(expected=sums.gather(found["row"]).round(2).cast(pl.String))


Shares = tuple[Numbers, "polars.Series"]


def _summed(shares: polars.DataFrame) -> Shares:
    """The patches named, and the sum of each; of location_code, patch_no, share."""
    summed = shares.group_by(NAME).agg(pl.col("share").sum())
    return Numbers(summed.select(NAME)), summed["share"]


def _deducted(t: Table, column: str, shares: Shares, p: Parameters) -> polars.DataFrame:
    """Patches whose deduction is not the sum of what names them."""
    named, sums = shares
    rows = named.find(t.frame.select(NAME))
    wanted = sums.gather(pl.Series(rows).replace(-1, None)).fill_null(0.0)
    wrong = (t.frame[column].fill_null(0.0) - wanted).abs() > float(p.tolerance_m2) + 1e-6
    found = t.errors(wrong, column)
    return found.with_columns(expected=wanted.gather(found["row"]).round(2).cast(pl.String))


@quality(
    "Q5107", "B", ("图斑线状地物面积不等于分摊之和", "Linear features deducted are not the sum of their shares"),
    tables=("DLTB",), needs=("XZDW",), columns=("linear_area_m2", "patch_no", "location_code"),
)  # fmt: skip
def linear_deduction(t: Table, data: Dataset, p: Parameters) -> Errors:
    """DLTB.XZDWMJ = Σ XZDWMJ × share of the linear features that name the patch, on either side."""
    lines = data["XZDW"]
    if len(t) <= FEW:
        shares = _line_shares(lines, t.frame["patch_no"])
    else:
        shares = lines.beside(lines, "shares", lambda: _line_shares(lines))
    yield _deducted(t, "linear_area_m2", shares, p)


def _line_shares(t: Table, numbers: polars.Series | None = None) -> Shares:
    """``numbers``: of the patches that are asked for, None for all."""
    places = [f"{name}_{side}" for side in (1, 2) for name in ("patch_location", "patch_no")]
    lines = t.read("linear_area_m2", "deduction_share", *places)
    wanted = pl.lit(True) if numbers is None else pl.col("patch_no").is_in(numbers.unique().implode())
    share = pl.col("linear_area_m2") * pl.col("deduction_share")
    first = lines.select(location_code="patch_location_1", patch_no="patch_no_1", share=share)
    rest = pl.col("linear_area_m2") * (1 - pl.col("deduction_share"))
    second = lines.filter(filled("patch_no_2")).select(
        location_code="patch_location_2", patch_no="patch_no_2", share=rest
    )
    return _summed(pl.concat([part.filter(wanted) for part in (first, second)]))


@quality(
    "Q5108", "B", ("图斑零星地物面积不等于零星地物之和", "Scattered features deducted are not their sum"),
    tables=("DLTB",), needs=("LXDW",), columns=("scattered_area_m2", "patch_no", "location_code"),
)  # fmt: skip
def scattered_deduction(t: Table, data: Dataset, p: Parameters) -> Errors:
    """DLTB.LXDWMJ = Σ MJ of the scattered features that name the patch."""
    points = data["LXDW"]
    yield _deducted(t, "scattered_area_m2", points.beside(points, "shares", lambda: _point_shares(points)), p)


def _point_shares(t: Table) -> Shares:
    points = t.read("location_code", "patch_no", "scattered_area_m2")
    return _summed(points.rename({"scattered_area_m2": "share"}))


@quality(
    "Q5109", "B", ("基本农田面积大于图斑地类面积", "Protected area larger than the net area"), tables=("JBNTTB",),
    columns=("protected_area_m2", "net_area_m2"),
)  # fmt: skip
def protected_area(t: Table, data: Dataset, p: Parameters) -> Errors:
    """JBNTMJ ≤ TBDLMJ, where the net area is given."""
    over = pl.col("protected_area_m2") > pl.col("net_area_m2") + float(p.tolerance_m2)
    yield t.errors(over, "protected_area_m2", expected=pl.col("net_area_m2").round(2))


@quality("Q5110", "A", ("县控制面积与批准的控制面积不符", "Control area of the county is not the approved one"),
         tables=("XZQ",), columns=("division_code", "control_area_m2"))  # fmt: skip
def approved_control_area(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Σ KZMJ of a county is the control area approved for it within ``tolerance_m2``: the parameter named by the code
    of the county, a dated setting, because the figures are handed down county by county."""
    counties = t.frame.select(
        county=pl.col("division_code").str.slice(0, 6), area=pl.col("control_area_m2").fill_null(0.0)
    )
    sums = counties.drop_nulls("county").group_by("county").agg(pl.col("area").sum()).sort("county")
    approved = {code: float(p[code]) for code in sums["county"].to_list() if code in p}
    if not approved:
        raise Needs("approved control area of " + ", ".join(sums["county"].to_list()))
    wrong = [(c, a) for c, a in sums.iter_rows() if c in approved and abs(a - approved[c]) > float(p.tolerance_m2)]
    found = t.errors_at([-1] * len(wrong), column="control_area_m2", values=[f"{c} {a:.2f}" for c, a in wrong])
    yield found.with_columns(expected=pl.Series([f"{approved[c]:.2f}" for c, _ in wrong], dtype=pl.String))


RULES = (
    declared_area,
    linear_area,
    declared_length,
    ridge_identity,
    net_identity,
    control_area,
    linear_deduction,
    scattered_deduction,
    protected_area,
    approved_control_area,
)
