"""Supply: outside, beyond or before the approval, twice, for another use, by the wrong way, too cheap, too long, and
its numbers and filing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from jintu.foundation.checks.expressions import (
    ROUNDING,
    hits,
    known,
    narrowed,
    plain,
    rights_of,
    text,
    tolerance,
    use_group,
)
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Hit, Parameters, Rows, rule

from . import laws
from .common import APPROVAL, GRANTED, PARCEL, SUPPLY, SUPPLY_OUTLINE, approvals, parcels, supplies

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = ["RULES"]

SUBJECT = ("land.supply", "supply_no")
APPROVAL_KEY = ("land.approval", "doc_no")


@rule(
    "R03",
    name=("供地超出批准范围", "Supply outside the approved area"),
    severity="red",
    law=laws.PERMITTED_USE,
    needs={"supply": SUPPLY_OUTLINE, "parcel": PARCEL, "approval": APPROVAL},
    formula="outside_m2 > max(tolerance_m2, tolerance_ratio × outline_m2)",
    explain=(
        "新增建设用地的供应地块超出全部批准地块的范围。核对宗地坐标与批准地块；确属超批准供应的，"
        "补办手续或调整宗地范围。",
        "A parcel supplied as new construction land reaches beyond all approved parcels. Check the coordinates; "
        "if it "
        "really does, have the rest approved or change the parcel.",
    ),
)
def supply_outside_approval(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies of source ``sources`` (new construction land): area of the outline outside the union of all approved
    parcels standing on the as-of date, whichever approval they belong to."""
    pairs = narrowed(t.overlap("supply", "parcel"), right=parcels(t, p.as_of).select("row"))
    found = (
        supplies(t, p.as_of)
        .filter(pl.col("source").is_in(str(p.sources).split("|")))
        .join(_outline(t), on="row")
        .join(t.uncovered("supply", "parcel", pairs).rename({"left": "row", "area_m2": "outside_m2"}), on="row")
        .filter(pl.col("outside_m2") > tolerance(pl.col("outline_m2"), p))
    )
    beside = rights_of(pairs, found["row"].to_list())
    yield from hits(
        found,
        SUBJECT,
        values=("outside_m2", "outline_m2", "doc_no"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="outside_m2",
        geometry=lambda row: t.cut("supply", row["row"], ("parcel", beside.get(row["row"], [])), keep="rest"),
    )


def _outline(t: Inputs) -> pl.DataFrame:
    """Area of each supply's outline: ``row``, ``outline_m2``; only rows with one."""
    return pl.DataFrame({"outline_m2": t.areas("supply")}).with_row_index("row").drop_nulls()


def _named(t: Inputs, as_of: date) -> pl.DataFrame:
    """Supplies with the approval they name, its columns ending in ``_a``."""
    heads = known(t["approval"], "approved_on", as_of).drop("row")
    return supplies(t, as_of).join(heads, on="doc_no", suffix="_a")


@rule(
    "R04",
    name=("供地面积超过批准面积", "More supplied than approved"),
    severity="red",
    law=laws.PERMITTED_USE,
    needs={"supply": SUPPLY, "approval": APPROVAL},
    formula="supplied_m2 > total_m2 × (1 + tolerance_ratio)",
    explain=(
        "引用同一批准文号的供应面积合计超过批准总面积。核对文号引用和重复录入；确属超面积供应的，依法纠正。",
        "The supplies that name this approval add up to more than was approved. Check the numbers named and "
        "double entries.",
    ),
)
def more_supplied_than_approved(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Σ contract area of the supplies that name an approval, against its total area."""
    sums = (
        supplies(t, p.as_of)
        .filter(text("doc_no") != "")
        .group_by("doc_no")
        .agg(supplied_m2=pl.col("area").sum(), supplies=pl.len())
    )
    found = (
        approvals(t, p.as_of)
        .join(sums, on="doc_no")
        .with_columns(total_m2=pl.col("total_area"), excess_m2=pl.col("supplied_m2") - pl.col("total_area"))
        .filter(pl.col("supplied_m2") > pl.col("total_m2") * (1 + p.tolerance_ratio) + ROUNDING)
    )
    yield from hits(
        found,
        APPROVAL_KEY,
        values=("supplied_m2", "total_m2", "excess_m2", "supplies"),
        constants={"tolerance_ratio": p.tolerance_ratio},
        area="excess_m2",
    )


@rule(
    "R05",
    name=("先供后批", "Supplied before approval"),
    severity="red",
    law=laws.PERMITTED_USE,
    needs={"supply": SUPPLY, "approval": APPROVAL},
    formula="signed_on < approved_on",
    explain=(
        "合同或划拨决定书签订日期早于所引用批准文件的批准日期。核对日期和文号；确属先供后批的，依法查处。",
        "The contract or decision is older than the approval it names. Check date and number; otherwise it is supply "
        "before approval.",
    ),
)
def supplied_before_approval(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies signed before the day of the approval they name."""
    found = (
        _named(t, p.as_of)
        .filter(pl.col("signed_on") < pl.col("approved_on"))
        .with_columns(early=(pl.col("approved_on") - pl.col("signed_on")).dt.total_days())
    )
    yield from hits(found, SUBJECT, APPROVAL_KEY, values=("signed_on", "approved_on"), area="area", days="early")


@rule(
    "R06",
    name=("重复供地", "Land supplied twice"),
    severity="red",
    law=(*laws.PERMITTED_USE, *laws.CONTRACT),
    needs={
        "supply": Rows("land.supply", geometry=True),
        "idle": Rows("land.idle_case"),
    },
    formula="common_m2 > max(tolerance_m2, tolerance_ratio × smaller_m2)",
    explain=(
        "两宗有效供应的地块重叠。核对坐标和是否已收回、变更；同一宗地重复录入的撤销其一。",
        "Two supplies in force overlap. Check the coordinates and whether one was recovered or changed; withdraw "
        "one if it "
        "was entered twice.",
    ),
)
def supplied_twice(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Pairs of supplies whose outlines share more than the tolerance of the smaller one, unless the earlier was
    recovered (idle case with measure recovery, paid_recovery or exchange) on or before the later was signed."""
    signed = supplies(t, p.as_of)
    heads = signed.select("row", "supply_no", "signed_on").join(_outline(t), on="row").cast({"row": pl.UInt32})
    taken_back = (
        t["idle"]
        .filter(pl.col("measure").is_in(["recovery", "paid_recovery", "exchange"]))
        .group_by("supply_no")
        .agg(recovered_on=pl.col("decided_on").min())
    )
    heads = heads.join(taken_back, on="supply_no", how="left")

    def returned(first: str, second: str) -> pl.Expr:
        return (pl.col(f"recovered_on{first}") <= pl.col(f"signed_on{second}")).fill_null(False)

    found = (
        t.overlap("supply", "supply")
        .filter(pl.col("left") < pl.col("right"))
        .join(heads, left_on="left", right_on="row")
        .join(heads, left_on="right", right_on="row", suffix="_b")
        .with_columns(common_m2=pl.col("area_m2"), smaller_m2=pl.min_horizontal("outline_m2", "outline_m2_b"))
        .filter(pl.col("common_m2") > tolerance(pl.col("smaller_m2"), p))
        .filter(~returned("", "_b") & ~returned("_b", ""))
        .with_columns(
            first=pl.min_horizontal("supply_no", "supply_no_b"), second=pl.max_horizontal("supply_no", "supply_no_b")
        )
        .sort("first", "second")
    )
    yield from hits(
        found,
        ("land.supply", "first"),
        ("land.supply", "second"),
        values=("common_m2", "smaller_m2"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="common_m2",
        geometry=lambda row: t.cut("supply", row["left"], ("supply", [row["right"]])),
    )


@rule(
    "R07",
    name=("供应用途与批准用途不符", "Supplied for another use than approved"),
    severity="orange",
    law=laws.PERMITTED_USE,
    needs={"supply": SUPPLY_OUTLINE, "approval": APPROVAL, "parcel": Rows("land.approval_parcel", geometry=True)},
    formula="use_group ≠ approved_group",
    explain=(
        "供应用途的大类与批准地块用途的大类不同。核对用途代码；确需改变用途的，报原批准机关同意。",
        "The use in the contract belongs to another group than the approved use. Check the codes; a change of use "
        "needs "
        "the consent of the approving authority.",
    ),
)
def other_use_than_approved(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Use group of the supply against that of the approved use: the use of the approval's own parcel that it overlaps
    most (by more than ``tolerance_m2``), else the approval's main use. Codes without a group are not judged."""
    of_parcels = (
        t["parcel"]
        .with_row_index("right")
        .select(pl.col("right").cast(pl.UInt32), parcel_doc="doc_no", parcel_use=text("use_code"))
    )
    docs = t["supply"].with_row_index("left").select(pl.col("left").cast(pl.UInt32), "doc_no")
    most = (
        t.overlap("supply", "parcel")
        .join(docs, on="left")
        .join(of_parcels, on="right")
        .filter((pl.col("doc_no") == pl.col("parcel_doc")) & (pl.col("area_m2") > p.tolerance_m2))
        .filter(pl.col("parcel_use") != "")
        .sort("left", "area_m2", "right", descending=[False, True, False])
        .unique("left", keep="first", maintain_order=True)
        .select("left", "parcel_use")
    )
    found = (
        _named(t, p.as_of)
        .cast({"row": pl.UInt32})
        .join(most, left_on="row", right_on="left", how="left")
        .with_columns(approved_use=pl.coalesce("parcel_use", text("use_code_a")))
        .with_columns(use_group=use_group(text("use_code")), approved_group=use_group(pl.col("approved_use")))
        .filter(pl.col("use_group") != pl.col("approved_group"))
        .sort("supply_no")
    )
    yield from hits(
        found,
        SUBJECT,
        APPROVAL_KEY,
        values=("use_code", "use_group", "approved_use", "approved_group"),
        area="area",
    )


@rule(
    "R08",
    name=("供应方式违规", "Wrong way of supply"),
    severity="red",
    law=laws.AUCTION,
    needs={"supply": SUPPLY, "catalogue": Rows("land.allocation_use", may_be_empty=False)},
    formula="use_group ∈ {commerce, housing, industry}; method ∈ {1, 24}; signed_on ≥ duty_since",
    explain=(
        "商业、住宅、工业等经营性用地以划拨或协议方式供应。核对用途和方式；"
        "符合划拨目录或原使用权人协议的补充依据，否则重新依法供应。",
        "Land for commerce, housing or industry supplied by allocation or agreement, which must go by tender, "
        "auction or "
        "listing. Give the basis if there is one.",
    ),
)
def wrong_method(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Groups commerce, housing and industry (without mining) by allocation, unless the catalogue has the use, or by
    agreement; from the day of the duty for the group. Yellow for agreement on existing land: holders may ask."""
    since = {"commerce": p.commerce_since, "housing": p.commerce_since, "industry": p.industry_since}
    table = {group: date.fromisoformat(day) for group, day in since.items()}
    rows = supplies(t, p.as_of).with_columns(use_group=use_group(text("use_code")))
    listed = _in_catalogue(rows, t["catalogue"])
    allocated = (pl.col("method") == "1") & ~pl.col("row").is_in(listed)
    found = (
        rows.filter(pl.col("use_group").is_in(list(table)))
        .with_columns(duty_since=pl.col("use_group").replace_strict(table, return_dtype=pl.Date))
        .filter((allocated | (pl.col("method") == "24")) & (pl.col("signed_on") >= pl.col("duty_since")))
        .with_columns(
            level=pl.when((pl.col("method") == "24") & (pl.col("source") == "existing"))
            .then(pl.lit("yellow"))
            .otherwise(pl.lit(""))
        )
    )
    yield from hits(
        found,
        SUBJECT,
        values=("use_code", "use_group", "method", "source", "signed_on", "duty_since"),
        area="area",
        level="level",
    )


def _holds(day: str) -> pl.Expr:
    """A dated row held on a day: valid_from ≤ day ≤ valid_to."""
    return (pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col(day))) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col(day))
    )


def _in_catalogue(rows: pl.DataFrame, catalogue: pl.DataFrame) -> list[int]:
    """``row`` of the supplies whose use an entry of the allocation catalogue, valid when signed, begins."""
    entries = catalogue.select("valid_from", "valid_to", prefix=text("use_code")).filter(pl.col("prefix") != "")
    uses = rows.select(use=text("use_code")).unique()
    fitting = uses.join(entries, how="cross").filter(pl.col("use").str.starts_with(pl.col("prefix")))
    found = rows.select("row", "signed_on", use=text("use_code")).join(fitting, on="use").filter(_holds("signed_on"))
    return found["row"].unique().to_list()


@rule(
    "R09",
    name=("低于最低价供地", "Price below the floor"),
    severity="red",
    law=laws.INDUSTRY_FLOOR,
    needs={"supply": SUPPLY, "floor": Rows("land.price_floor", may_be_empty=False)},
    formula="price_yuan < floor_per_m2 × area_supplied_m2",
    explain=(
        "出让价款低于签订日有效的同用途同等别最低价标准。核对价款、面积和等别；确属低价出让的，依法追缴差额。",
        "The price is below the floor for the use and grade on the day of signing. Check price, area and grade; "
        "otherwise "
        "the difference is due.",
    ),
)
def below_floor(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Granted land (methods 21–24): price against floor × area, the floor being that of its use group and national
    grade valid when signed. A supply without price, grade or floor is not judged. Where several floors hold, the one of
    the nearest division counts.
    """
    floors = t["floor"].select(
        "use_group", "land_grade", "valid_from", "valid_to", floor_per_m2="price_per_m2", home=_significant("division")
    )
    found = (
        supplies(t, p.as_of)
        .filter(pl.col("method").is_in(GRANTED), pl.col("price").is_not_null(), pl.col("area") > 0)
        .with_columns(use_group=use_group(text("use_code")))
        .join(floors, on=["use_group", "land_grade"])
        .filter(_holds("signed_on") & pl.col("division").str.starts_with(pl.col("home")))
        .sort("supply_no", pl.col("home").str.len_chars(), "valid_from", descending=[False, True, True])
        .unique("supply_no", keep="first", maintain_order=True)
        .with_columns(
            price_yuan=pl.col("price"),
            area_supplied_m2=pl.col("area"),
            floor_yuan=pl.col("floor_per_m2") * pl.col("area"),
        )
        .filter(pl.col("price_yuan") < pl.col("floor_yuan") - p.slack_yuan)
        .with_columns(short_yuan=pl.col("floor_yuan") - pl.col("price_yuan"))
    )
    yield from hits(
        found,
        SUBJECT,
        values=(
            "price_yuan",
            "floor_per_m2",
            "area_supplied_m2",
            "floor_yuan",
            "short_yuan",
            "use_group",
            "land_grade",
        ),
        area="area",
    )


def _significant(column: str) -> pl.Expr:
    """A division code without the zeros that only fill it: 990000 → 99, so that it begins the codes below it."""
    return pl.col(column).fill_null("").str.replace(r"(00)+$", "")


@rule(
    "R10",
    name=("划拨用途不在目录", "Allocated outside the catalogue"),
    severity="red",
    law=laws.ALLOCATION_CATALOGUE,
    needs={"supply": SUPPLY, "catalogue": Rows("land.allocation_use", may_be_empty=False)},
    formula="method = 1; use_code ∉ catalogue(signed_on)",
    explain=(
        "以划拨方式供应的用途不在签订日有效的划拨用地目录内。核对用途代码；确不符合目录的，改为有偿方式供应。",
        "Allocated for a use the catalogue did not have on the day of the decision. Check the code; otherwise the "
        "land must "
        "be granted.",
    ),
)
def allocated_outside_catalogue(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Allocations whose use code no catalogue entry valid on that day is the beginning of. Without a code not "
    "judged."""
    rows = supplies(t, p.as_of).filter((pl.col("method") == "1") & (text("use_code") != ""))
    found = rows.filter(~pl.col("row").is_in(_in_catalogue(rows, t["catalogue"])))
    yield from hits(found, SUBJECT, values=("method", "use_code", "signed_on"), area="area")


@rule(
    "R11",
    name=("出让年限超过最高年限", "Term above the longest"),
    severity="orange",
    law=laws.TERM,
    needs={"supply": SUPPLY, "term": Rows("land.max_term", may_be_empty=False)},
    formula="term_years > max_years",
    explain=(
        "合同约定的使用年限超过该用途的法定最高年限。核对年限和用途；确属超过的，变更合同。",
        "The term of use is longer than the law allows for the use. Check term and use; otherwise amend the contract.",
    ),
)
def term_too_long(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Term of use against the entry valid when signed with the longest prefix of the use code, else that of its "
    "group."""
    entries = t["term"].select(
        "valid_from", "valid_to", prefix=text("use_prefix"), group=text("use_group"), max_years="years"
    )
    rows = supplies(t, p.as_of).filter(pl.col("term_years").is_not_null()).with_columns(use=text("use_code"))
    uses = rows.select("use").unique().with_columns(use_group=use_group(pl.col("use")))
    by_prefix = (pl.col("prefix") != "") & pl.col("use").str.starts_with(pl.col("prefix"))
    by_group = (pl.col("prefix") == "") & (pl.col("group") == pl.col("use_group"))
    fitting = uses.join(entries, how="cross").filter(by_prefix | by_group)
    found = (
        rows.join(fitting, on="use")
        .filter(_holds("signed_on"))
        .sort("supply_no", pl.col("prefix").str.len_chars(), "max_years", descending=[False, True, False])
        .unique("supply_no", keep="first", maintain_order=True)
        .filter(pl.col("term_years") > pl.col("max_years"))
    )
    yield from hits(found, SUBJECT, values=("term_years", "max_years", "use_code"), area="area")


@rule(
    "R19",
    name=("无电子监管号", "No supervision number"),
    severity="orange",
    law=laws.MARKET_SYSTEM,
    needs={"supply": SUPPLY},
    formula="supervision_no is empty; signed_on ≥ duty_since",
    explain=(
        "2009 年起签订的合同或划拨决定书没有电子监管号，不得办理登记。在监测监管系统备案并取得监管号。",
        "A contract or decision signed since 2009 without a supervision number cannot be registered. File it and "
        "get one.",
    ),
)
def no_supervision_number(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies signed since the system began whose supervision number is blank."""
    since = date.fromisoformat(str(p.since))
    found = supplies(t, p.as_of).filter((text("supervision_no") == "") & (pl.col("signed_on") >= since))
    yield from hits(
        found, SUBJECT, values=("supervision_no", "signed_on"), constants={"duty_since": since}, area="area"
    )


@rule(
    "R20",
    name=("备案超期", "Filed late"),
    severity="yellow",
    law=laws.FILING,
    needs={"supply": SUPPLY, "approval": APPROVAL, "calendar": Rows("land.calendar_day", optional=True)},
    formula="waited_days > limit_days",
    explain=(
        "供应在签订后 5 个工作日内未备案，或批准文件在批准后 30 日内未备案。核对备案日期，说明原因，今后按时备案。",
        "A supply was filed more than 5 working days after signing, or an approval more than 30 days after it was "
        "given. "
        "Check the date and explain.",
    ),
)
def filed_late(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Working days from signing to filing of a supply, days from approval to filing of an approval. The working
    calendar says which days depart from Monday to Friday. Not filed: not judged here."""
    filed = pl.col("filed_on").is_not_null() & (pl.col("filed_on") <= p.as_of)
    for rows, register, key, since, waited, limit in (
        (supplies(t, p.as_of), "land.supply", "supply_no", "signed_on",
         _working_days(t, "signed_on", "filed_on"), int(p.supply_limit_days)),
        (approvals(t, p.as_of), "land.approval", "doc_no", "approved_on",
         (pl.col("filed_on") - pl.col("approved_on")).dt.total_days(), int(p.approval_limit_days)),
    ):  # fmt: skip
        found = (
            rows.filter(filed & pl.col(since).is_not_null())
            .with_columns(waited_days=waited.cast(pl.Int64))
            .filter(pl.col("waited_days") > limit)
            .with_columns(late=pl.col("waited_days") - limit)
        )
        yield from hits(
            found,
            (register, key),
            values=(since, "filed_on", "waited_days"),
            constants={"limit_days": limit},
            days="late",
        )


def _working_days(t: Inputs, start: str, end: str) -> pl.Expr:
    """Working days after ``start`` up to and including ``end``: `jintu.kernel.dates.Calendar.between`, by column."""
    day = pl.duration(days=1)
    if "calendar" not in t:
        return pl.business_day_count(pl.col(start) + day, pl.col(end) + day)
    listed = t["calendar"].drop_nulls("day")
    holidays = listed.filter(~pl.col("works"))["day"].to_list()
    made_up = listed.filter(pl.col("works") & (pl.col("day").dt.weekday() > 5))["day"].unique().sort()

    def until(column: str) -> pl.Expr:
        return pl.lit(made_up).search_sorted(pl.col(column), side="right").cast(pl.Int64)

    return pl.business_day_count(pl.col(start) + day, pl.col(end) + day, holidays=holidays) + until(end) - until(start)


@rule(
    "R21",
    name=("电子监管号不规范", "Irregular supervision number"),
    severity="yellow",
    law=laws.MARKET_SYSTEM,
    needs={"supply": SUPPLY},
    formula="wrong_parts ⊆ {form, division, year, letter, serial, duplicate}",
    explain=(
        "电子监管号的区划、年度、字母或顺序号与记录不一致，或被两宗供应共用。核对号码和记录。",
        "Division, year, letter or serial of the supervision number does not fit the record, or two supplies "
        "share it. "
        "Check number and record.",
    ),
)
def irregular_number(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """What `jintu.kernel.numbering.check_supervision` finds wrong with a number, and numbers used twice.

    Most numbers are plainly right; only the others are looked at one by one.
    """
    from jintu.kernel.numbering import SUPERVISION_LETTERS, check_supervision

    number = pl.col("number")
    by_method = {m: letter for letter, methods in SUPERVISION_LETTERS.items() for m in methods}
    rows = supplies(t, p.as_of).with_columns(number=text("supervision_no")).filter(number != "")
    rows = rows.with_columns(duplicate=pl.len().over("number") > 1)
    year = number.str.slice(6, 4).cast(pl.Int64, strict=False)
    signed = pl.col("signed_on").dt.year()
    regular = (
        number.str.contains(r"^\d{6}(?:19|20)\d{2}[A-Z]\d{5}$")
        & (number.str.slice(0, 6) == pl.col("division").str.slice(0, 6))
        & (pl.col("signed_on").is_null() | (year == signed) | (year == signed - 1))
        & (number.str.slice(10, 1) == pl.col("method").replace_strict(by_method, default="", return_dtype=pl.String))
        & ~number.str.ends_with("00000")
    )
    for row in rows.filter(~regular.fill_null(False) | pl.col("duplicate")).iter_rows(named=True):
        wrong = check_supervision(
            row["number"], division=row["division"] or "", signed_on=row["signed_on"], method=row["method"] or ""
        )
        parts = [str(e.params["part"]) for e in wrong] + (["duplicate"] if row["duplicate"] else [])
        if parts:
            yield Hit(
                objects=(("land.supply", row["supply_no"]),),
                values=_number_values(row, parts),
            )


def _number_values(row: Mapping[str, Any], parts: list[str]) -> dict[str, Any]:
    kept = ("supervision_no", "division", "signed_on", "method")
    return {"wrong_parts": parts} | {name: plain(row[name]) for name in kept}


RULES = (
    supply_outside_approval,
    more_supplied_than_approved,
    supplied_before_approval,
    supplied_twice,
    other_use_than_approved,
    wrong_method,
    below_floor,
    allocated_outside_catalogue,
    term_too_long,
    no_supervision_number,
    filed_late,
    irregular_number,
)
