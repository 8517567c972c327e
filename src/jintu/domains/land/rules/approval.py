"""Approvals: not carried out, split, beyond authority, beyond quota, against plan, farmland or their own figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from jintu.foundation.checks.expressions import ROUNDING, days_since, hits, known, narrowed, plain, text, tolerance
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Hit, Layer, Parameters, Rows, rule

from . import laws
from .common import APPROVAL, BUILDING, DLTB, PARCEL, SUPPLY_OUTLINE, approvals, cultivated, parcels, supplied

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = ["RULES"]

SUBJECT = ("land.approval", "doc_no")
SUPPLIED = Rows("land.supply", geometry=True, may_be_empty=False)


def _outlines(t: Inputs, as_of: date, *, complete: bool = False) -> pl.DataFrame:
    """Outlines of each approval: ``doc_no``, ``outline_m2``, ``rows`` of its parcels with an outline.

    ``complete`` leaves out approvals of which some parcel has no outline.
    """
    frame = parcels(t, as_of).with_columns(m2=t.areas("parcel").gather(parcels(t, as_of)["row"]))
    grouped = frame.group_by("doc_no").agg(
        outline_m2=pl.col("m2").sum(),
        rows=pl.col("row").filter(pl.col("m2").is_not_null()),
        whole=pl.col("m2").is_not_null().all(),
    )
    return grouped.filter(pl.col("whole") if complete else pl.col("rows").list.len() > 0).drop("whole")


@rule(
    "R01",
    name=("批而未供超过两年", "Approved, not supplied after two years"),
    severity="orange",
    law=(*laws.PERMITTED_USE, *laws.APPROVAL_LAPSE),
    needs={"approval": APPROVAL, "parcel": PARCEL, "supply": SUPPLIED},
    formula="age_days > limit_days; supplied_m2 / total_m2 < min_ratio",
    explain=(
        "批准满两年，已供应面积不足批准面积的 60%。核对是否有未录入的供应；确未供应的，制定供应或消化计划，"
        "不能实施的依法撤回批文。",
        "Two years after approval less than 60 % of the approved area has been supplied. Enter supplies that are "
        "missing; "
        "for land really not supplied make a plan, or have the approval withdrawn.",
    ),
)
def approved_not_supplied(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind batch or single_site, approved more than ``limit_days`` ago, of which less than ``min_ratio``
    has been supplied: Σ area(S ∩ its parcels), and the contract areas of supplies without outline that name it."""
    found = (
        approvals(t, p.as_of, *BUILDING)
        .join(supplied(t, p), on="doc_no", how="left")
        .with_columns(
            age_days=days_since("approved_on", p.as_of),
            total_m2=pl.col("total_area"),
            supplied_m2=pl.col("supplied_m2").fill_null(0.0),
        )
        .filter(
            (pl.col("age_days") > p.limit_days) & (pl.col("supplied_m2") < p.min_ratio * pl.col("total_m2") - ROUNDING)
        )
        .with_columns(left_m2=pl.col("total_m2") - pl.col("supplied_m2"), late=pl.col("age_days") - p.limit_days)
    )
    yield from hits(
        found,
        SUBJECT,
        values=("approved_on", "age_days", "supplied_m2", "total_m2", "left_m2"),
        constants={"limit_days": p.limit_days, "min_ratio": p.min_ratio},
        area="left_m2",
        days="late",
    )


@rule(
    "R02",
    name=("批后未实施征收", "Requisition approved, not carried out"),
    severity="orange",
    law=laws.REQUISITION,
    needs={"approval": APPROVAL},
    formula="step: waited_days > limit_days and done_on is empty",
    explain=(
        "批准后 30 日内未发布征地公告，或补偿安置方案批准 90 日后仍未支付补偿。补录公告或支付日期；"
        "确未实施的立即实施并说明原因。",
        "No requisition announcement within 30 days of approval, or compensation unpaid 90 days after the plan. "
        "Enter the "
        "dates if they are missing; otherwise carry it out and explain.",
    ),
)
def requisition_not_carried_out(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind batch or single_site with collective land: not announced more than ``announce_days`` after
    approval, or announced and not paid more than ``pay_days`` after the compensation plan."""

    def undone(column: str) -> pl.Expr:
        return pl.col(column).is_null() | (pl.col(column) > p.as_of)

    rows = approvals(t, p.as_of, *BUILDING).filter(pl.col("collective_area") > 0)
    waited = {
        "announcement": ("approved_on", "requisition_announced_on", p.announce_days),
        "payment": ("compensation_plan_on", "compensation_paid_on", p.pay_days),
    }
    steps = [
        rows.filter(undone(done) & (days_since(since, p.as_of) > limit)).select(
            "doc_no",
            "collective_area",
            pl.lit(step).alias("step"),
            since=pl.col(since),
            waited_days=days_since(since, p.as_of),
            limit_days=pl.lit(int(limit)),
            late=days_since(since, p.as_of) - limit,
            done_on=pl.lit(None, dtype=pl.Date),
        )
        for step, (since, done, limit) in waited.items()
    ]
    found = (
        pl.concat(steps).sort("doc_no", "waited_days", descending=[False, True]).unique("doc_no", maintain_order=True)
    )
    yield from hits(
        found,
        SUBJECT,
        values=("step", "since", "waited_days", "limit_days", "done_on"),
        area="collective_area",
        days="late",
    )


def _split_groups(t: Inputs, p: Parameters, eligible: pl.DataFrame) -> list[list[str]]:
    """Approvals linked by name or by nearness within the window, as connected groups of document numbers."""
    days = timedelta(days=int(p.window_days))
    heads = eligible.select("doc_no", "approved_on", name=text("project_name"))
    named = heads.filter(pl.col("name") != "")
    by_name = named.join(named, on="name", suffix="_b").select("doc_no", "doc_no_b")
    docs = t["parcel"]["doc_no"]
    near = t.within_distance("parcel", "parcel", float(p.near_m))
    by_place = pl.DataFrame({"doc_no": docs.gather(near["left"]), "doc_no_b": docs.gather(near["right"])})
    dates = heads.select("doc_no", "approved_on")
    links = (
        pl.concat([by_name, by_place])
        .filter(pl.col("doc_no") != pl.col("doc_no_b"))
        .unique()
        .join(dates, on="doc_no")
        .join(dates, left_on="doc_no_b", right_on="doc_no", suffix="_b")
        .filter((pl.col("approved_on") - pl.col("approved_on_b")).abs() <= days)
    )
    parent: dict[str, str] = {}

    def root(doc: str) -> str:
        while parent.setdefault(doc, doc) != doc:
            parent[doc] = parent[parent[doc]]
            doc = parent[doc]
        return doc

    for a, b in links.select("doc_no", "doc_no_b").iter_rows():
        parent[root(a)] = root(b)
    groups: dict[str, list[str]] = {}
    for doc in parent:
        groups.setdefault(root(doc), []).append(doc)
    return [sorted(g) for _root, g in sorted(groups.items()) if len(g) > 1]


@rule(
    "R12",
    name=("拆分报批", "Approval split to stay within authority"),
    severity="red",
    law=laws.AUTHORITY,
    needs={"approval": APPROVAL, "parcel": PARCEL},
    formula="cult_m2 > cult_limit_m2 or total_m2 > total_limit_m2; within window_days; each within the limits",
    explain=(
        "同一项目或相距不足 50 米的用地在 180 日内分次报批，单次均在限额内，合计超过 35 公顷耕地或 70 公顷土地。"
        "核实是否同一项目，应合并报国务院批准。",
        "One project, or neighbouring land, approved in parts within 180 days: each within the limits, together "
        "above "
        "35 ha of cultivated land or 70 ha. Find out whether it is one project, which the State Council must "
        "approve.",
    ),
)
def approval_split(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind batch or single_site below state level, none of which alone exceeds a limit; linked when
    approved within ``window_days`` of each other and of the same project name or with parcels less than ``near_m``
    metres apart. In each connected group the first run of approvals within ``window_days`` whose sum exceeds a limit is
    one hit, and the search goes on after it."""
    cult, total = pl.col("cult_area").fill_null(0.0), pl.col("total_area").fill_null(0.0)
    eligible = (
        approvals(t, p.as_of, *BUILDING)
        .filter(pl.col("authority") != "state", pl.col("approved_on").is_not_null())
        .with_columns(cult=cult, total=total)
        .filter((pl.col("cult") <= p.cult_limit_m2) & (pl.col("total") <= p.total_limit_m2))
    )
    facts = {d: (on, c, a) for d, on, c, a in eligible.select("doc_no", "approved_on", "cult", "total").iter_rows()}
    rows_of: dict[str, list[int]] | None = None
    for group in _split_groups(t, p, eligible):
        for run in _runs_over(sorted(group, key=lambda d: (facts[d][0], d)), facts, p):
            if rows_of is None:
                outlined = t["parcel"].with_row_index("row").filter(pl.col("geometry").is_not_null())
                rows_of = dict(outlined.group_by("doc_no").agg("row").iter_rows())
            members = sorted(run)
            yield Hit(
                objects=tuple(("land.approval", d) for d in members),
                area_m2=sum(facts[d][2] for d in members),
                values={
                    "cult_m2": round(sum(facts[d][1] for d in members), 2),
                    "total_m2": round(sum(facts[d][2] for d in members), 2),
                    "cult_limit_m2": p.cult_limit_m2,
                    "total_limit_m2": p.total_limit_m2,
                    "window_days": p.window_days,
                    "approved_on": [plain(facts[d][0]) for d in members],
                },
                geometry=t.union("parcel", [r for d in members for r in rows_of.get(d, [])]),
            )


def _runs_over(docs: list[str], facts: dict[str, tuple[date, float, float]], p: Parameters) -> Iterator[list[str]]:
    """Runs of approvals within the window whose sums exceed a limit, none twice; ``docs`` in order of their dates."""
    window = timedelta(days=int(p.window_days))
    start = 0
    while start < len(docs):
        last = facts[docs[start]][0] + window
        run = list(takewhile(lambda d: facts[d][0] <= last, docs[start:]))  # noqa: B023 - used up at once
        cult, total = sum(facts[d][1] for d in run), sum(facts[d][2] for d in run)
        if len(run) > 1 and (cult > p.cult_limit_m2 + ROUNDING or total > p.total_limit_m2 + ROUNDING):
            yield run
            start += len(run)
        else:
            start += 1


@rule(
    "R13",
    name=("越权批地", "Approved beyond authority"),
    severity="red",
    law=laws.AUTHORITY,
    needs={"approval": APPROVAL},
    formula="cult_m2 > cult_limit_m2 or total_m2 > total_limit_m2 or basic_farmland_m2 > basic_farmland_limit_m2",
    explain=(
        "省级以下批准的用地超过 35 公顷耕地、70 公顷土地或涉及基本农田。核对批准机关和面积；"
        "确属越权的批准文件无效，依法处理。",
        "Approved below state level though above 35 ha of cultivated land or 70 ha, or with basic farmland. Check "
        "authority "
        "and areas; an approval beyond authority is void.",
    ),
)
def beyond_authority(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals not by the state (temporary use left out): cultivated land or total strictly above its limit, or basic
    farmland above ``basic_farmland_limit_m2`` (rounding)."""
    found = (
        known(t["approval"], "approved_on", p.as_of)
        .filter(pl.col("authority").fill_null("").is_in(["province", "city", "county"]), pl.col("kind") != "temporary")
        .with_columns(
            cult_m2=pl.col("cult_area").fill_null(0.0),
            total_m2=pl.col("total_area").fill_null(0.0),
            basic_farmland_m2=pl.col("basic_farmland_area").fill_null(0.0),
        )
        .filter(
            (pl.col("cult_m2") > p.cult_limit_m2)
            | (pl.col("total_m2") > p.total_limit_m2)
            | (pl.col("basic_farmland_m2") > p.basic_farmland_limit_m2)
        )
    )
    yield from hits(
        found,
        SUBJECT,
        values=("authority", "cult_m2", "total_m2", "basic_farmland_m2"),
        constants={k: p[k] for k in ("cult_limit_m2", "total_limit_m2", "basic_farmland_limit_m2")},
        area="total_m2",
    )


@rule(
    "R14",
    name=("突破年度计划指标", "Annual quota exceeded"),
    severity="orange",
    law=laws.QUOTA,
    needs={"approval": APPROVAL, "quota": Rows("land.quota", may_be_empty=False)},
    formula="excess_m2 = max(converted_m2 − quota_m2 × (1 + carry_ratio), cult_m2 − cult_quota_m2 × (1 + carry_ratio)) "
    "> slack_m2",
    explain=(
        "该县当年农用地转用(或占用耕地)合计超过下达的年度计划指标(含结转)。核对指标年度和结转；确属超计划的，"
        "说明并扣减下年指标。",
        "Conversion of agricultural (or cultivated) land in the county and year exceeds the quota with what was "
        "carried "
        "over. Check quota years; a real excess is explained and deducted next year.",
    ),
)
def quota_exceeded(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Σ agri_area and Σ cult_area of approvals of kind batch or single_site by division (six digits) and quota year
    (blank: the year approved) against the quota row of that division and year. Years without a row are not judged."""
    used = (
        approvals(t, p.as_of, *BUILDING)
        .with_columns(
            county=pl.col("division").str.slice(0, 6),
            year=pl.coalesce("quota_year", pl.col("approved_on").dt.year().cast(pl.Int64)),
        )
        .group_by("county", "year")
        .agg(converted_m2=pl.col("agri_area").sum(), cult_m2=pl.col("cult_area").sum(), approvals=pl.len())
    )
    allowed = 1 + pl.col("carry_ratio")
    found = (
        t["quota"]
        .with_columns(county=pl.col("division").str.slice(0, 6), carry_ratio=pl.col("carry_ratio").fill_null(0.0))
        .join(used, on=["county", "year"])
        .with_columns(
            quota_m2=pl.col("conversion_area"),
            cult_quota_m2=pl.col("cult_area"),
            over_m2=pl.col("converted_m2") - pl.col("conversion_area") * allowed,
            cult_over_m2=(pl.col("cult_m2") - pl.col("cult_area") * allowed).fill_null(0.0),
        )
        .with_columns(excess_m2=pl.max_horizontal("over_m2", "cult_over_m2"))
        .filter(pl.col("excess_m2") > p.slack_m2)
    )
    yield from hits(
        found,
        ("land.quota", "quota_key"),
        values=("converted_m2", "quota_m2", "cult_m2", "cult_quota_m2", "carry_ratio", "excess_m2", "approvals"),
        constants={"slack_m2": p.slack_m2},
        area="excess_m2",
    )


def _touching(t: Inputs, p: Parameters, layer: str, only: pl.DataFrame | None = None) -> pl.DataFrame:
    """Area of each approval's outlines within a layer: ``doc_no``, ``inside_m2``, ``outline_m2``, ``rows``."""
    standing = parcels(t, p.as_of)
    pairs = narrowed(t.overlap("parcel", layer), left=standing, right=only)
    inside = t.covered("parcel", (layer, pairs)).rename({"left": "row"})
    by_doc = (
        standing.cast({"row": pl.UInt32})
        .join(inside, on="row")
        .group_by("doc_no")
        .agg(inside_m2=pl.col("area_m2").sum())
    )
    return by_doc.join(_outlines(t, p.as_of), on="doc_no")


def _evidence(t: Inputs, layer: str, rights: pl.DataFrame) -> Any:
    """Geometry of a hit: the part of the approval's parcels within rows of a layer."""
    pairs = rights.group_by("left").agg("right")
    table = {int(a): b for a, b in pairs.iter_rows()}

    def part(row: Any) -> bytes | None:
        import shapely

        cuts = [t.cut("parcel", r, (layer, table[r])) for r in row["rows"] if r in table]
        shapes = [shapely.from_wkb(c) for c in cuts if c]
        return shapely.to_wkb(shapely.union_all(shapes), byte_order=1) if shapes else None

    return part


@rule(
    "R15",
    name=("不符合规划管制分区", "Approved against the plan's control zones"),
    severity="orange",
    law=laws.PLAN,
    needs={"approval": APPROVAL, "parcel": PARCEL, "zone": Layer("planning.JSYDGZQ", columns=("control_type",))},
    formula="inside_m2 > max(tolerance_m2, tolerance_ratio × outline_m2)",
    explain=(
        "批准地块位于限制或禁止建设区，且没有规划调整文号。核对规划版本；已调整的补录文号，未调整的依法纠正。",
        "Approved parcels lie in a restricted or prohibited zone and no plan adjustment is recorded. Check the "
        "plan's "
        "version; enter the adjustment document, or correct the approval.",
    ),
)
def against_plan(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Area of the approval's outlines in control zones 030 (restricted) or 040 (prohibited) of JSYDGZQ; in TDYTQ these
    codes mean something else. Red when zone 040 alone exceeds the tolerance."""
    zones = t["zone"].with_row_index("row").select("row", "control_type")
    strict = zones.filter(pl.col("control_type").is_in(["030", "040"]))
    forbidden = _touching(t, p, "zone", zones.filter(pl.col("control_type") == "040").select("row"))
    found = (
        approvals(t, p.as_of)
        .filter(text("plan_adjustment_no") == "")
        .join(_touching(t, p, "zone", strict.select("row")), on="doc_no")
        .join(forbidden.select("doc_no", prohibited_m2="inside_m2"), on="doc_no", how="left")
        .with_columns(prohibited_m2=pl.col("prohibited_m2").fill_null(0.0))
        .filter(pl.col("inside_m2") > tolerance(pl.col("outline_m2"), p))
        .with_columns(
            level=pl.when(pl.col("prohibited_m2") > tolerance(pl.col("outline_m2"), p))
            .then(pl.lit("red"))
            .otherwise(pl.lit(""))
        )
    )
    yield from hits(
        found,
        SUBJECT,
        values=("inside_m2", "prohibited_m2", "outline_m2"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="inside_m2",
        level="level",
        geometry=_evidence(t, "zone", narrowed(t.overlap("parcel", "zone"), right=strict)),
    )


@rule(
    "R16",
    name=("占用基本农田", "Basic farmland approved below state level"),
    severity="red",
    law=(*laws.BASIC_FARMLAND, *laws.AUTHORITY),
    needs={"approval": APPROVAL, "parcel": PARCEL, "farmland": Layer("survey.JBNTTB", columns=("bsm",))},
    formula="inside_m2 > max(tolerance_m2, tolerance_ratio × outline_m2)",
    explain=(
        "非国务院批准的用地与基本农田图斑重叠。核对图斑版本和地块坐标；确属占用的，批准文件无效，恢复或依法报批。",
        "Land not approved by the State Council lies on basic farmland. Check the layer's version and the "
        "coordinates; such "
        "an approval is void.",
    ),
)
def basic_farmland_touched(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Area of the approval's outlines on protected basic farmland, for approvals not given by the state."""
    found = (
        approvals(t, p.as_of)
        .filter(pl.col("authority").fill_null("") != "state")
        .join(_touching(t, p, "farmland"), on="doc_no")
        .filter(pl.col("inside_m2") > tolerance(pl.col("outline_m2"), p))
    )
    yield from hits(
        found,
        SUBJECT,
        values=("authority", "inside_m2", "outline_m2"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="inside_m2",
        geometry=_evidence(t, "farmland", t.overlap("parcel", "farmland")),
    )


@rule(
    "R17",
    name=("批准面积与图形不符", "Approved area differs from its outline"),
    severity="yellow",
    law=laws.SURVEY,
    needs={"approval": APPROVAL, "parcel": PARCEL},
    formula="difference_m2 > tolerance_ratio × outline_m2",
    explain=(
        "批准总面积与地块坐标计算的椭球面积相差超过 0.5%。核对勘测定界面积、坐标和是否漏报地块。",
        "The approved area differs from the ellipsoidal area of its outlines by more than 0.5 %. Check the "
        "boundary survey, "
        "the coordinates and missing parcels.",
    ),
)
def area_differs(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """|total_area − Σ ellipsoidal area of its parcels|, where all parcels have outlines (temporary use left out)."""
    found = (
        approvals(t, p.as_of)
        .join(_outlines(t, p.as_of, complete=True), on="doc_no")
        .with_columns(total_m2=pl.col("total_area"), difference_m2=(pl.col("total_area") - pl.col("outline_m2")).abs())
        .filter(pl.col("difference_m2") > p.tolerance_ratio * pl.col("outline_m2"))
    )
    yield from hits(
        found,
        SUBJECT,
        values=("total_m2", "outline_m2", "difference_m2"),
        constants={"tolerance_ratio": p.tolerance_ratio},
        area="difference_m2",
        geometry=lambda row: t.union("parcel", row["rows"]),
    )


@rule(
    "R18",
    name=("批准地类与现状不符", "Class table differs from the land-use survey"),
    severity="yellow",
    law=laws.SURVEY,
    needs={"approval": APPROVAL, "parcel": PARCEL, "dltb": DLTB},
    formula="difference_m2 > max(tolerance_m2, tolerance_ratio × larger_m2)",
    explain=(
        "批文耕地面积与批准时有效的地类图斑叠加结果相差超过 0.1 公顷且超过 5%。核对地类认定和现状数据版本。",
        "The approved cultivated land differs from the survey in force on the day of approval by more than 0.1 ha "
        "and "
        "5 %. Check the classes and the survey's version.",
    ),
)
def class_table_differs(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """|cult_area − area of its outlines on classes 01 and K| by the version in force on the day of approval: later
    versions show what was built. Approvals older than the first version, or with a parcel without outline, are not
    judged."""
    standing = parcels(t, p.as_of).cast({"row": pl.UInt32})
    outlines = _outlines(t, p.as_of, complete=True)
    rows = approvals(t, p.as_of).join(outlines, on="doc_no").filter(pl.col("approved_on").is_not_null())
    versions = t.versions("dltb")
    judged: list[pl.DataFrame] = []
    for version, until in zip(versions, [*(v.valid_from for v in versions[1:]), date.max], strict=True):
        within = rows.filter(pl.col("approved_on").is_between(version.valid_from, until, closed="left"))
        if within.is_empty():
            continue
        surveyed = (
            t.classes("parcel", version.name, "land_use_code")
            .filter(cultivated(pl.col("code")))
            .join(standing, left_on="left", right_on="row")
            .group_by("doc_no")
            .agg(surveyed_m2=pl.col("area_m2").sum())
        )
        judged.append(within.join(surveyed, on="doc_no", how="left").with_columns(survey=pl.lit(version.valid_from)))
    if not judged:
        return
    found = (
        pl.concat(judged)
        .with_columns(cult_m2=pl.col("cult_area").fill_null(0.0), surveyed_m2=pl.col("surveyed_m2").fill_null(0.0))
        .with_columns(
            larger_m2=pl.max_horizontal("cult_m2", "surveyed_m2"),
            difference_m2=(pl.col("cult_m2") - pl.col("surveyed_m2")).abs(),
        )
        .filter(pl.col("difference_m2") > tolerance(pl.col("larger_m2"), p))
    )
    yield from hits(
        found,
        SUBJECT,
        values=("cult_m2", "surveyed_m2", "larger_m2", "difference_m2", "survey"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="difference_m2",
        geometry=lambda row: t.union("parcel", row["rows"]),
    )


@rule(
    "R46",
    name=("增减挂钩指标未归还", "Linked quota not returned"),
    severity="orange",
    law=laws.LINK,
    needs={"approval": APPROVAL},
    formula="as_of > due_on = approved_on + limit_years; used_m2 − reclaimed_m2 > slack_m2",
    explain=(
        "增减挂钩项目区批准满三年，拆旧复垦面积仍少于建新使用的周转指标。补录复垦验收；确未归还的限期归还并扣减指标。",
        "Three years after approval of a linked project less land has been reclaimed than was used for new "
        "building. Enter "
        "the acceptance of reclamation, or return the quota.",
    ),
)
def link_not_returned(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind link older than ``limit_years``: link_used_area − link_reclaimed_area. Without a used area not
    judged; without a reclaimed area none was."""
    found = (
        approvals(t, p.as_of, "link")
        .with_columns(
            due_on=pl.col("approved_on").dt.offset_by(f"{int(p.limit_years)}y"),
            used_m2=pl.col("link_used_area"),
            reclaimed_m2=pl.col("link_reclaimed_area").fill_null(0.0),
        )
        .with_columns(short_m2=pl.col("used_m2") - pl.col("reclaimed_m2"), late=days_since("due_on", p.as_of))
        .filter((pl.col("late") > 0) & (pl.col("short_m2") > p.slack_m2))
    )
    yield from hits(
        found,
        SUBJECT,
        values=("approved_on", "due_on", "used_m2", "reclaimed_m2"),
        constants={"as_of": p.as_of, "limit_years": p.limit_years, "slack_m2": p.slack_m2},
        area="short_m2",
        days="late",
    )


@rule(
    "R47",
    name=("批准文件失效", "Approval lapsed"),
    severity="red",
    law=laws.APPROVAL_LAPSE,
    needs={"approval": APPROVAL, "parcel": PARCEL, "supply": SUPPLY_OUTLINE},
    formula="as_of > lapses_on = approved_on + limit_years; announced_on, paid_on and supplies are empty",
    explain=(
        "批准满两年，既无征地公告、补偿支付，也无供应，批准文件自动失效。补录实施情况；确未实施的按失效处理，"
        "指标收回。",
        "Two years after approval there is no announcement, no payment and no supply: the approval lapses by "
        "itself. Enter "
        "what was done; otherwise treat it as void and take back the quota.",
    ),
)
def approval_lapsed(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind batch or single_site older than ``limit_years`` with no requisition announcement, no
    compensation paid, and no supply that names them or overlaps their parcels by more than ``tolerance_m2``."""
    undone = pl.all_horizontal(
        pl.col(c).is_null() | (pl.col(c) > p.as_of) for c in ("requisition_announced_on", "compensation_paid_on")
    )
    found = (
        approvals(t, p.as_of, *BUILDING)
        .with_columns(lapses_on=pl.col("approved_on").dt.offset_by(f"{int(p.limit_years)}y"))
        .with_columns(late=days_since("lapses_on", p.as_of), supplies=pl.lit(0))
        .filter((pl.col("late") > 0) & undone)
        .join(supplied(t, p), on="doc_no", how="left")
        .filter((pl.col("named").fill_null(0) == 0) & (pl.col("drawn_m2").fill_null(0.0) <= p.tolerance_m2))
    )
    yield from hits(
        found,
        SUBJECT,
        values=("approved_on", "lapses_on", "supplies"),
        constants={"as_of": p.as_of, "limit_years": p.limit_years, "announced_on": None, "paid_on": None},
        area="total_area",
        days="late",
    )


RULES = (
    approved_not_supplied,
    requisition_not_carried_out,
    approval_split,
    beyond_authority,
    quota_exceeded,
    against_plan,
    basic_farmland_touched,
    area_differs,
    class_table_differs,
    link_not_returned,
    approval_lapsed,
)
