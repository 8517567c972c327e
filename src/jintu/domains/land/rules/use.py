"""Use after supply: delivery, start, idleness, completion, and what stands on the ground."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.expressions import (
    days_since,
    hits,
    is_construction,
    known,
    narrowed,
    text,
    tolerance,
    use_group,
)
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Hit, Parameters, Rows, rule

from . import laws
from .common import (
    DLTB,
    DONE,
    EVENTS,
    GRANTED,
    SUPPLY,
    SUPPLY_OUTLINE,
    events,
    happened,
    latest,
    newest_survey,
    supplies,
)

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = ["RULES"]

SUBJECT = ("land.supply", "supply_no")
IDLE = Rows("land.idle_case")


def _without(t: Inputs, p: Parameters, *kinds: str) -> pl.DataFrame:
    """Supplies with no event of these kinds by the as-of date."""
    return supplies(t, p.as_of).join(happened(events(t, p.as_of), *kinds), on="supply_no", how="anti")


@rule(
    "R24",
    name=("未按期交地", "Not delivered on time"),
    severity="orange",
    law=(*laws.CONTRACT, *laws.IDLE),
    needs={"supply": SUPPLY, "event": EVENTS},
    formula="as_of > delivery_on; delivered_on is empty",
    explain=(
        "约定交地日期已过，没有交地记录。补录交地确认书；确未交地的尽快交地，由此造成的延误属政府原因。",
        "The agreed day has passed and no delivery is recorded. Enter the record; otherwise deliver the land: the "
        "delay is "
        "the government's.",
    ),
)
def not_delivered(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies whose agreed delivery lies before the as-of date, without a delivery event."""
    found = (
        _without(t, p, "delivery")
        .with_columns(late_days=days_since("delivery_on", p.as_of))
        .filter(pl.col("late_days") > 0)
    )
    yield from hits(
        found,
        SUBJECT,
        values=("delivery_on", "late_days"),
        constants={"as_of": p.as_of, "delivered_on": None},
        area="area",
        days="late_days",
    )


@rule(
    "R25",
    name=("逾期未开工", "Not started on time"),
    severity="orange",
    law=laws.CONTRACT,
    needs={"supply": SUPPLY, "event": EVENTS},
    formula="late_days = as_of − start_on > 0; started_on is empty",
    explain=(
        "约定开工日期已过，没有开工记录。到现场核查:已开工的补录开工日期和照片，未开工的发履约提醒。逾期 "
        "30、180、365 日逐级提升。",
        "The agreed start has passed and no start is recorded. Go and look: enter the start with a photograph, or "
        "send a "
        "reminder. The severity rises after 30, 180 and 365 days.",
    ),
)
def not_started(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies whose agreed start lies before the as-of date, without start, completion or acceptance. Blue up to
    ``blue_days`` late, yellow up to ``yellow_days``, orange up to ``orange_days``, red above: the breach of contract
    goes on while R26 and R27 speak of idleness."""
    late = pl.col("late_days")
    found = (
        _without(t, p, "start", *DONE)
        .with_columns(late_days=days_since("start_on", p.as_of))
        .filter(late > 0)
        .with_columns(
            level=pl.when(late <= p.blue_days)
            .then(pl.lit("blue"))
            .when(late <= p.yellow_days)
            .then(pl.lit("yellow"))
            .when(late <= p.orange_days)
            .then(pl.lit("orange"))
            .otherwise(pl.lit("red"))
        )
    )
    yield from hits(
        found,
        SUBJECT,
        values=("start_on", "late_days"),
        constants={"as_of": p.as_of, "started_on": None},
        area="area",
        days="late_days",
        level="level",
    )


def _idle_days(t: Inputs, p: Parameters) -> pl.DataFrame:
    """Supplies never started, with ``idle_days``: days since the agreed start less those caused by government."""
    government = (
        known(t["idle"], "suspected_on", p.as_of)
        .group_by("supply_no")
        .agg(government_days=pl.col("government_days").sum())
    )
    return (
        _without(t, p, "start", *DONE)
        .join(government, on="supply_no", how="left")
        .with_columns(government_days=pl.col("government_days").fill_null(0))
        .with_columns(idle_days=days_since("start_on", p.as_of) - pl.col("government_days"))
    )


@rule(
    "R26",
    name=("疑似闲置土地", "Suspected idle land"),
    severity="red",
    law=laws.IDLE,
    needs={"supply": SUPPLY, "event": EVENTS, "idle": IDLE},
    formula="idle_days ≥ limit_days; or suspended_days ≥ limit_days and (built_ratio < min_built_ratio "
    "or invested_ratio < min_invested_ratio)",
    explain=(
        "超过约定开工日期满一年未动工，或动工后面积不足三分之一、投资不足 25% 且中止满一年。立案调查，30 "
        "日内提交材料，认定后征缴闲置费。",
        "Not started a year after the agreed day, or suspended for a year with less than a third built or 25 % "
        "invested. "
        "Open a case; the holder has 30 days to answer; then the idle fee is due.",
    ),
)
def idle_suspected(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """(a) Never started, ``limit_days`` ≤ idle days < ``recovery_days``, idle days being those since the agreed start
    less those caused by government; from ``recovery_days`` on it is R27. (b) Started, not finished, the last suspension
    not caused by government nor followed by resumption or progress, at least ``limit_days`` old, with less than
    ``min_built_ratio`` of the land under construction or ``min_invested_ratio`` of the investment made by the latest
    figures; figures never reported are not judged. Supplies whose idle case has been determined or closed are left out.
    """
    settled = t["idle"].filter((pl.col("determined_on") <= p.as_of) | (pl.col("closed_on") <= p.as_of))
    limits = {
        "limit_days": p.limit_days,
        "min_built_ratio": p.min_built_ratio,
        "min_invested_ratio": p.min_invested_ratio,
    }
    never = (
        _idle_days(t, p)
        .filter(pl.col("idle_days").is_between(p.limit_days, p.recovery_days, closed="left"))
        .join(settled, on="supply_no", how="anti")
    )
    yield from hits(
        never,
        SUBJECT,
        values=("start_on", "idle_days", "government_days"),
        constants=limits | {"started_on": None, "suspended_days": None, "built_ratio": None, "invested_ratio": None},
        area="area",
        days="idle_days",
    )
    happening = events(t, p.as_of)
    started = supplies(t, p.as_of).join(happened(happening, "start"), on="supply_no", how="semi")
    open_ = started.join(happened(happening, *DONE), on="supply_no", how="anti")
    stopped = happening.filter((pl.col("kind") == "suspend") & ~pl.col("government_cause").fill_null(False))
    stopped = stopped.group_by("supply_no").agg(suspended_on=pl.col("happened_on").max())
    went_on = happening.filter(pl.col("kind").is_in(["resume", "progress"]))
    went_on = went_on.group_by("supply_no").agg(resumed_on=pl.col("happened_on").max())
    stalled = (
        open_.join(stopped, on="supply_no")
        .join(went_on, on="supply_no", how="left")
        .filter(pl.col("resumed_on").is_null() | (pl.col("resumed_on") < pl.col("suspended_on")))
        .join(latest(happening, "built_area"), on="supply_no", how="left")
        .join(latest(happening, "invested"), on="supply_no", how="left")
        .with_columns(
            suspended_days=days_since("suspended_on", p.as_of),
            built_ratio=pl.col("built_area") / pl.col("area"),
            invested_ratio=pl.col("invested") / pl.col("investment"),
        )
        .filter(
            (pl.col("suspended_days") >= p.limit_days)
            & (
                (pl.col("built_ratio") < p.min_built_ratio).fill_null(False)
                | (pl.col("invested_ratio") < p.min_invested_ratio).fill_null(False)
            )
        )
        .join(settled, on="supply_no", how="anti")
    )
    yield from hits(
        stalled,
        SUBJECT,
        values=("suspended_on", "suspended_days", "built_ratio", "invested_ratio"),
        constants=limits | {"idle_days": None},
        area="area",
        days="suspended_days",
    )


@rule(
    "R27",
    name=("闲置满两年未收回", "Idle two years, not recovered"),
    severity="red",
    law=laws.IDLE,
    needs={"supply": SUPPLY, "event": EVENTS, "idle": IDLE},
    formula="idle_days ≥ limit_days; decided_on is empty",
    explain=(
        "超过约定开工日期满两年未动工，且没有处置决定。非政府原因和不可抗力的，依法无偿收回。",
        "Not started two years after the agreed day and no decision recorded. Unless government or force majeure "
        "is the "
        "cause, the land is to be recovered without payment.",
    ),
)
def idle_not_recovered(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Never started, idle days (as in R26) ≥ ``limit_days``, and no idle case with a measure decided."""
    decided = t["idle"].filter((pl.col("decided_on") <= p.as_of) & ~pl.col("measure").fill_null("").is_in(["", "none"]))
    found = _idle_days(t, p).filter(pl.col("idle_days") >= p.limit_days).join(decided, on="supply_no", how="anti")
    yield from hits(
        found,
        SUBJECT,
        values=("start_on", "idle_days", "government_days"),
        constants={"limit_days": p.limit_days, "decided_on": None},
        area="area",
        days="idle_days",
    )


@rule(
    "R28",
    name=("逾期未竣工", "Not completed on time"),
    severity="orange",
    law=laws.CONTRACT,
    needs={"supply": SUPPLY, "event": EVENTS},
    formula="late_days = as_of − finish_due > 0; finished_on is empty",
    explain=(
        "约定(或延期后)竣工日期已过，没有竣工记录。核查现场:已竣工的补录并申请复核验收，未竣工的按合同处理。",
        "The agreed (or extended) completion has passed and none is recorded. Enter the completion and ask for "
        "the check, "
        "or apply the contract.",
    ),
)
def not_finished(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies whose extended, else agreed completion lies before the as-of date, without completion or "
    "acceptance."""
    found = (
        _without(t, p, *DONE)
        .with_columns(finish_due=pl.coalesce("extended_finish_on", "finish_on"))
        .with_columns(late_days=days_since("finish_due", p.as_of))
        .filter(pl.col("late_days") > 0)
    )
    yield from hits(
        found,
        SUBJECT,
        values=("finish_due", "late_days"),
        constants={"as_of": p.as_of, "finished_on": None},
        area="area",
        days="late_days",
    )


@rule(
    "R29",
    name=("虚报开工", "Start reported, not seen on imagery"),
    severity="red",
    law=(*laws.IDLE, *laws.CONTRACT),
    needs={
        "supply": SUPPLY_OUTLINE,
        "event": EVENTS,
        "patch": Rows("enforcement.patch", geometry=True, may_be_empty=False),
    },
    formula="image_on − started_on > margin_days; common_m2 / outline_m2 ≥ min_ratio; changed = false",
    explain=(
        "已上报开工，但其后的影像显示该宗地没有变化。到现场核查开工标准(基坑开挖三分之一以上或打桩)，"
        "不实的更正开工日期。",
        "A start was reported, yet a later image shows no change. Check on site; if work has not begun, correct "
        "the date.",
    ),
)
def start_not_seen(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies with a start event whose latest patch, imaged more than ``margin_days`` after the start and covering at
    least ``min_ratio`` of the outline, shows neither change nor hard surface."""
    started = supplies(t, p.as_of).join(happened(events(t, p.as_of), "start"), on="supply_no")
    outline = pl.DataFrame({"outline_m2": t.areas("supply")}).with_row_index("row").drop_nulls()
    images = known(t["patch"], "image_on", p.as_of).select("row", "patch_no", "image_on", "changed", "hard_surface")
    pairs = narrowed(t.overlap("supply", "patch"), right=images)
    found = (
        started.join(outline, on="row")
        .cast({"row": pl.UInt32})
        .join(pairs.rename({"left": "row", "area_m2": "common_m2"}), on="row")
        .filter(
            ((pl.col("image_on") - pl.col("on")).dt.total_days() > p.margin_days)
            & (pl.col("common_m2") >= p.min_ratio * pl.col("outline_m2"))
        )
        .sort("supply_no", "image_on", "patch_no", descending=[False, True, False])
        .unique("supply_no", keep="first", maintain_order=True)
        .filter(~pl.col("changed").fill_null(True) & ~pl.col("hard_surface").fill_null(False))
        .with_columns(started_on=pl.col("on"))
    )
    yield from hits(
        found,
        SUBJECT,
        ("enforcement.patch", "patch_no"),
        values=("started_on", "image_on", "common_m2", "outline_m2", "changed"),
        constants={"margin_days": p.margin_days, "min_ratio": p.min_ratio},
        area="common_m2",
        geometry=lambda row: t.cut("supply", row["row"], ("patch", [row["right"]])),
    )


@rule(
    "R30",
    name=("容积率或密度超出约定", "Floor area ratio or density out of range"),
    severity="yellow",
    law=laws.CONTRACT,
    needs={"supply": SUPPLY, "event": EVENTS},
    formula="far ∉ [far_min, far_max] or density ∉ [density_min, density_max]",
    explain=(
        "竣工或验收的容积率、建筑密度超出合同约定范围。核对实测数据；确属突破的，依法处理并补缴价款。",
        "The built floor area ratio or density lies outside the agreed range. Check the measurement; otherwise "
        "settle the "
        "difference by the contract.",
    ),
)
def out_of_range(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Latest figures of completion and acceptance events against the limits agreed; limits not agreed do not bind."""
    done = events(t, p.as_of).filter(pl.col("kind").is_in(DONE))

    def beyond(value: str, low: str, high: str) -> pl.Expr:
        over = pl.col(value) > pl.col(high) + p.slack
        return (over.fill_null(False)) | (pl.col(value) < pl.col(low) - p.slack).fill_null(False)

    found = (
        supplies(t, p.as_of)
        .join(latest(done, "actual_far"), on="supply_no", how="left")
        .join(latest(done, "actual_density"), on="supply_no", how="left")
        .rename({"actual_far": "far", "actual_density": "density"})
        .filter(beyond("far", "far_min", "far_max") | beyond("density", "density_min", "density_max"))
    )
    yield from hits(
        found,
        SUBJECT,
        values=("far", "far_min", "far_max", "density", "density_min", "density_max"),
        area="area",
    )


@rule(
    "R31",
    name=("超红线建设", "Built beyond the red line"),
    severity="red",
    law=(*laws.CONTRACT, *laws.PERMITTED_USE),
    needs={"supply": SUPPLY_OUTLINE, "event": Rows("land.development_event", geometry=True, may_be_empty=False)},
    formula="outside_m2 > max(tolerance_m2, tolerance_ratio × outline_m2)",
    explain=(
        "竣工实测范围超出供应宗地界线。核对实测坐标；确属超占的，按违法用地处理。",
        "The as-built outline reaches beyond the parcel supplied. Check the measurement; otherwise it is illegal use.",
    ),
)
def beyond_red_line(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Latest event of a supply with an as-built outline: its area outside the supply's own outline."""
    outline = pl.DataFrame({"outline_m2": t.areas("supply")}).with_row_index("row").drop_nulls()
    own = (
        supplies(t, p.as_of)
        .join(outline, on="row")
        .select(pl.col("row").cast(pl.UInt32), "supply_no", "outline_m2", "division")
    )
    built = (
        events(t, p.as_of)
        .filter(pl.col("geometry").is_not_null())
        .sort("supply_no", "happened_on", "row", descending=[False, True, True])
        .unique("supply_no", keep="first", maintain_order=True)
        .select(left=pl.col("row").cast(pl.UInt32), supply_no="supply_no", measured_on="happened_on")
    )
    of = built.join(own, on="supply_no")
    pairs = t.overlap("event", "supply").join(of.select("left", right="row"), on=["left", "right"])
    found = (
        of.join(t.uncovered("event", "supply", pairs), on="left")
        .rename({"area_m2": "outside_m2"})
        .filter(pl.col("outside_m2") > tolerance(pl.col("outline_m2"), p))
        .sort("supply_no")
    )
    yield from hits(
        found,
        SUBJECT,
        values=("outside_m2", "outline_m2", "measured_on"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="outside_m2",
        geometry=lambda row: t.cut("event", row["left"], ("supply", [row["row"]]), keep="rest"),
    )


@rule(
    "R32",
    name=("投资强度不足", "Less invested than agreed"),
    severity="yellow",
    law=laws.CONTRACT,
    needs={"supply": SUPPLY, "event": EVENTS},
    formula="invested_yuan / agreed_yuan < min_ratio",
    explain=(
        "项目已竣工，累计投资低于合同约定。核对投资额；确属不足的，按差额比例支付违约金。",
        "The project is complete and less was invested than agreed. Check the figures; the penalty follows the "
        "share that "
        "is missing.",
    ),
)
def less_invested(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Completed or accepted supplies: latest investment reported against the investment agreed."""
    happening = events(t, p.as_of)
    found = (
        supplies(t, p.as_of)
        .join(happened(happening, *DONE), on="supply_no")
        .join(latest(happening, "invested"), on="supply_no")
        .with_columns(invested_yuan=pl.col("invested"), agreed_yuan=pl.col("investment"))
        .filter(
            (pl.col("agreed_yuan") > 0) & (pl.col("invested_yuan") < p.min_ratio * pl.col("agreed_yuan") - p.slack_yuan)
        )
    )
    yield from hits(
        found,
        SUBJECT,
        values=("invested_yuan", "agreed_yuan"),
        constants={"min_ratio": p.min_ratio},
        area="area",
    )


@rule(
    "R33",
    name=("擅自改变用途", "Use changed after supply"),
    severity="orange",
    law=(*laws.PERMITTED_USE, *laws.CONTRACT),
    needs={"supply": SUPPLY_OUTLINE, "event": EVENTS, "dltb": DLTB},
    formula="other_m2 > min_ratio × outline_m2",
    explain=(
        "竣工后的变更调查显示，宗地一半以上为另一类建设用途。核对地类认定；确属擅自改变用途的，责令改正或收回。",
        "The survey after completion shows more than half of the parcel under another construction use. Check the "
        "class; "
        "otherwise order the use restored or take the land back.",
    ),
)
def use_changed(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies completed or accepted before the land-use version in force: area of the outline under construction
    classes of another use group. Settlement classes of the rural survey (20x) and vacant land belong to no group."""
    survey = newest_survey(t, p)
    if survey is None:
        return
    name, surveyed_on = survey
    outline = pl.DataFrame({"outline_m2": t.areas("supply")}).with_row_index("row").drop_nulls()
    done = happened(events(t, p.as_of), *DONE).filter(pl.col("on") < surveyed_on)
    rows = (
        supplies(t, p.as_of)
        .join(done, on="supply_no")
        .join(outline, on="row")
        .with_columns(pl.col("row").cast(pl.UInt32), agreed_group=use_group(text("use_code")))
        .filter(pl.col("agreed_group").is_not_null())
    )
    built = t.classes("supply", name, "land_use_code").filter(is_construction(pl.col("code")))
    other = (
        built.with_columns(group=use_group(pl.col("code")))
        .join(rows.select(left="row", agreed_group="agreed_group"), on="left")
        .filter(pl.col("group") != pl.col("agreed_group"))
        .sort("left", "area_m2", descending=[False, True])
        .group_by("left", maintain_order=True)
        .agg(other_m2=pl.col("area_m2").sum(), seen_code=pl.col("code").first())
    )
    found = rows.join(other, left_on="row", right_on="left").filter(
        pl.col("other_m2") > p.min_ratio * pl.col("outline_m2")
    )
    yield from hits(
        found,
        SUBJECT,
        values=("use_code", "seen_code", "other_m2", "outline_m2"),
        constants={"min_ratio": p.min_ratio, "surveyed_on": surveyed_on},
        area="other_m2",
    )


@rule(
    "R34",
    name=("投资不足 25% 转让", "Transferred below 25 % investment"),
    severity="orange",
    law=laws.TRANSFER,
    needs={"supply": SUPPLY, "event": Rows("land.development_event")},
    formula="invested_yuan / agreed_yuan < min_ratio",
    explain=(
        "出让土地转让时完成的投资不足开发投资总额的 25%。核对投资额；确属不足的，不予办理转让。",
        "Granted land was transferred with less than 25 % of the investment made. Check the figures; such a "
        "transfer may not "
        "be registered.",
    ),
)
def transferred_early(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Granted supplies transferred by the as-of date: the investment stated at transfer, else the latest reported on or
    before that day, against the investment agreed. Without either figure not judged."""
    moved = supplies(t, p.as_of).filter(
        (pl.col("transferred_on") <= p.as_of), pl.col("method").is_in(GRANTED), pl.col("investment") > 0
    )
    before = events(t, p.as_of).join(moved.select("supply_no", "transferred_on"), on="supply_no")
    before = latest(before.filter(pl.col("happened_on") <= pl.col("transferred_on")), "invested")
    found = (
        moved.join(before, on="supply_no", how="left")
        .with_columns(invested_yuan=pl.coalesce("invested_at_transfer", "invested"), agreed_yuan=pl.col("investment"))
        .filter(pl.col("invested_yuan") < p.min_ratio * pl.col("agreed_yuan"))
    )
    yield from hits(
        found,
        SUBJECT,
        values=("transferred_on", "invested_yuan", "agreed_yuan"),
        constants={"min_ratio": p.min_ratio},
        area="area",
    )


RULES = (
    not_delivered,
    not_started,
    idle_suspected,
    idle_not_recovered,
    not_finished,
    start_not_seen,
    out_of_range,
    beyond_red_line,
    less_invested,
    use_changed,
    transferred_early,
)
