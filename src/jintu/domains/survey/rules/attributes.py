"""Values of attributes (Q22xx): filled, from their lists, consistent with one another and with their codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

from .columns import RIDGE, cultivated, figure, filled

if TYPE_CHECKING:
    import polars

    from jintu.foundation.checks.inspection.tables import Dataset, Table
    from jintu.foundation.layers.schemas import Attribute

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]


@quality("Q2201", "A", ("必填字段为空", "Mandatory field empty"), remedy=("补填。", "Fill it in."))
def mandatory_empty(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Every column of constraint M holds something."""
    for a in t.schema.attributes:
        if a.mandatory and a.name in t.names:
            yield t.errors(~filled(a.name), a.name)


@quality(
    "Q2202", "A", ("标识码不唯一", "Identifier not unique"), columns=("bsm",),
    remedy=("重新编制标识码。", "Number the features again."),
)  # fmt: skip
def identifier_unique(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No two features of a layer have the same identifier."""
    if _repeated(t, "bsm"):
        yield t.errors(filled("bsm") & pl.col("bsm").is_duplicated(), "bsm")


def _repeated(t: Table, column: str, *with_others: str) -> bool:
    """May some rows say the same? Told by hashes of their texts, which takes a tenth of comparing them."""
    hashes = t.read(column, *with_others).drop_nulls(column).hash_rows()
    return hashes.n_unique() < len(hashes)


@quality("Q2203", "B", ("要素代码错误", "Wrong feature code"), columns=("feature_code",))
def feature_code(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The feature code is that of the layer."""
    if t.schema.feature_code:
        wrong = pl.col("feature_code") != t.schema.feature_code
        yield t.errors(wrong, "feature_code", expected=t.schema.feature_code)


def _outside(t: Table, a: Attribute, codes: set[str]) -> polars.DataFrame:
    return t.errors(filled(a.name) & ~pl.col(a.name).is_in(list(codes)), a.name)


@quality(
    "Q2204", "A", ("地类编码不在代码表", "Land-use code not in the list"), columns=("land_use_code",),
    remedy=("改用 GB/T 21010 的编码；田坎（123）不作图斑。", "Use a code of GB/T 21010; ridges (123) are no patches."),
)  # fmt: skip
def land_use_listed(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The class is a code of GB/T 21010, with K only as `Q2215` allows; 123 is deducted and never a patch."""
    from jintu.kernel import codelists

    codes = t.frame["land_use_code"].drop_nulls().unique().to_list()
    bad = [c for c in codes if c and (c == RIDGE or c.removesuffix("K") not in codelists.land_use(c.removesuffix("K")))]
    yield t.errors(pl.col("land_use_code").is_in(bad), "land_use_code")


@quality("Q2205", "B", ("名称与代码不符", "Name does not belong to the code"))
def names_of_codes(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A column that repeats the name of a code repeats it as the list has it."""
    from jintu.kernel import codelists

    for a in t.schema.attributes:
        if not a.names or a.name not in t.names or t.schema.columns[a.names].codelist != "land_use":
            continue
        codes = t.frame[a.names].drop_nulls().unique().to_list()
        named = {c: codelists.land_use(c).name(c.removesuffix("K")) for c in codes}
        wanted = pl.col(a.names).replace_strict(named, default=None, return_dtype=pl.String)
        yield t.errors(wanted.is_not_null() & (wanted != "") & (pl.col(a.name) != wanted), a.name, expected=wanted)


@quality("Q2206", "A", ("权属性质不在代码表", "Ownership not in the list"), columns=("ownership",))
def ownership_listed(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The nature of ownership is a code of the list."""
    from jintu.kernel import codelists

    yield _outside(t, t.schema.columns["ownership"], {c.code for c in codelists.get("ownership")})


@quality("Q2207", "A", ("权属或座落单位代码不合规", "Irregular owner or location code"))
def unit_codes(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Codes of owner and location have 19 digits; where XZQ is there, the first twelve name a division of it, and an
    owner may also be the township or county above one: state land belongs to no village."""
    villages = _villages(data)
    above = {f"{v[:n]:0<12}" for v in villages for n in (6, 9)}
    for name in ("owner_code", "location_code", "owner_code_1", "owner_code_2"):
        if name in t.names:
            bad = ~pl.col(name).str.contains(r"^\d{19}$")
            if villages:
                known = villages if name == "location_code" else villages | above
                bad = bad | ~pl.col(name).str.slice(0, 12).is_in(list(known))
            yield t.errors(filled(name) & bad, name)


def _villages(data: Dataset) -> set[str]:
    """Codes of the divisions of XZQ, filled up to the twelve digits of a village."""
    if "XZQ" not in data:
        return set()
    return {c.ljust(12, "0") for c in data["XZQ"].read("division_code").to_series().drop_nulls().unique().to_list()}


PATCHES = ("DLTB", "JBNTTB", "JQDLTB")


@quality(
    "Q2209", "B", ("耕地未填坡度级", "Cultivated land without a slope class"), tables=PATCHES,
    columns=("land_use_code", "slope_class"),
)  # fmt: skip
def cultivated_has_slope(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Cultivated land has a slope class of 1 to 5."""
    good = pl.col("slope_class").is_in(["1", "2", "3", "4", "5"]).fill_null(False)
    yield t.errors(cultivated() & ~good, "slope_class", expected="1–5")


@quality(
    "Q2210", "C", ("非耕地填了坡度级", "Slope class on other than cultivated land"), tables=PATCHES,
    columns=("land_use_code", "slope_class"),
)  # fmt: skip
def slope_only_on_cultivated(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Other land has none."""
    yield t.errors(~cultivated() & filled("slope_class"), "slope_class", expected="")


@quality(
    "Q2211", "B", ("坡耕地缺耕地类型或田坎系数", "Sloping cultivated land without type or ridge ratio"), tables=PATCHES,
    columns=("land_use_code", "slope_class", "cultivated_type", "ridge_ratio"),
)  # fmt: skip
def sloping_has_type(t: Table, data: Dataset, p: Parameters) -> Errors:
    """From slope class 2 on, cultivated land is terraced or sloping (T, P) and has a ridge ratio above 0."""
    sloping = cultivated() & pl.col("slope_class").is_in(["2", "3", "4", "5"]).fill_null(False)
    typed = pl.col("cultivated_type").is_in(["T", "P"]).fill_null(False)
    yield t.errors(sloping & ~typed, "cultivated_type", expected="T, P")
    yield t.errors(sloping & (figure("ridge_ratio") <= 0), "ridge_ratio", expected="> 0")


@quality(
    "Q2212", "B", ("平地耕地填了田坎系数", "Ridge ratio on level cultivated land"), tables=PATCHES,
    columns=("land_use_code", "slope_class", "ridge_ratio"),
)  # fmt: skip
def level_has_no_ridges(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Slope class 1 has no ridge ratio."""
    level = cultivated() & (pl.col("slope_class") == "1").fill_null(False)
    yield t.errors(level & (figure("ridge_ratio") != 0), "ridge_ratio", expected="0")


@quality(
    "Q2213", "B", ("图斑编号在村内重复", "Patch number twice in a village"), tables=("DLTB",),
    columns=("patch_no", "location_code"),
)  # fmt: skip
def patch_number_unique(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A patch number occurs once in each village (location code)."""
    if _repeated(t, "patch_no", "location_code"):
        twice = pl.struct("location_code", "patch_no").is_duplicated()
        yield t.errors(filled("patch_no") & twice, "patch_no")


@quality("Q2214", "C", ("日期在将来", "Date in the future"))
def no_future_date(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No date lies after the day of the inspection."""
    for a in t.schema.attributes:
        if a.type == "Date" and a.name in t.names:
            yield t.errors(pl.col(a.name) > data.as_of, a.name, expected=f"≤ {data.as_of.isoformat()}")


@quality(
    "Q2215", "B", ("可调整标记用于不可调整地类", "K on a class that cannot be adjusted"), columns=("land_use_code",)
)
def adjustable_classes(t: Table, data: Dataset, p: Parameters) -> Errors:
    """K stands only behind the classes of ``adjustable`` (separated by |)."""
    allowed = str(p.adjustable).split("|")
    marked = pl.col("land_use_code").str.ends_with("K").fill_null(False)
    yield t.errors(marked & ~pl.col("land_use_code").str.strip_suffix("K").is_in(allowed), "land_use_code")


@quality("Q2216", "A", ("面积为负或为零", "Area negative or nothing"))
def areas_positive(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Areas are not negative; the area of the feature itself is above 0."""
    for a in t.schema.attributes:
        if a.unit == "m2" and a.name in t.names:
            low = pl.col(a.name) <= 0 if a.name == t.schema.area else pl.col(a.name) < 0
            yield t.errors(low, a.name, expected="> 0" if a.name == t.schema.area else "≥ 0")


@quality(
    "Q2217", "B", ("线状地物长宽不合理", "Length or width of a linear feature"), tables=("XZDW", "JQXZDW"),
    columns=("length_m", "width_m"),
)  # fmt: skip
def linear_measures(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Width from ``narrowest_m`` to ``widest_m``, length above 0."""
    low, high = float(p.narrowest_m), float(p.widest_m)
    yield t.errors((pl.col("width_m") < low) | (pl.col("width_m") > high), "width_m", expected=f"{low:g}–{high:g}")
    yield t.errors(pl.col("length_m") <= 0, "length_m", expected="> 0")


@quality(
    "Q2218", "B", ("扣除比例不合规", "Irregular share deducted"), tables=("XZDW",), columns=("deduction_share",),
)  # fmt: skip
def deduction_shares(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The share is above 0 and at most 1; below 1 there is a second patch that bears the rest."""
    share = pl.col("deduction_share")
    yield t.errors((share <= 0) | (share > 1), "deduction_share", expected="(0, 1]")
    if "patch_no_2" in t.names:
        yield t.errors((share > 0) & (share < 1) & ~filled("patch_no_2"), "patch_no_2")


@quality(
    "Q2219", "B", ("单位名称与代码不符", "Name of a unit does not belong to its code"), needs=("XZQ",), tables=PATCHES,
    columns=("location_code", "location_name"),
)  # fmt: skip
def unit_names(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The name of the location is that of its village in XZQ."""
    rows = data["XZQ"].read("division_code", "division_name").drop_nulls().unique("division_code")
    named = {c.ljust(12, "0"): n for c, n in rows.iter_rows()}
    wanted = pl.col("location_code").str.slice(0, 12).replace_strict(named, default=None, return_dtype=pl.String)
    yield t.errors(wanted.is_not_null() & (pl.col("location_name") != wanted), "location_name", expected=wanted)


@quality("Q2220", "C", ("批准文号格式不规范", "Approval number out of form"), columns=("approval_no",))
def approval_number_form(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A document number has the form 机关字〔年〕序号."""
    form = r"^.+[〔\[\(（]\d{4}[〕\]\)）].*\d+.*号$"
    yield t.errors(filled("approval_no") & ~pl.col("approval_no").str.contains(form), "approval_no")


RULES = (
    mandatory_empty,
    identifier_unique,
    feature_code,
    land_use_listed,
    names_of_codes,
    ownership_listed,
    unit_codes,
    cultivated_has_slope,
    slope_only_on_cultivated,
    sloping_has_type,
    level_has_no_ridges,
    patch_number_unique,
    no_future_date,
    adjustable_classes,
    areas_positive,
    linear_measures,
    deduction_shares,
    unit_names,
    approval_number_form,
)
