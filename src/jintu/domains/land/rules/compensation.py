"""Balance of cultivated land: shortfall, quality, double counting, projects not on the ground or built over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from jintu.foundation.checks.expressions import hits, known, narrowed, rights_of, tolerance
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Hit, Parameters, Rows, rule

from . import laws
from .common import (
    APPROVAL,
    BUILDING,
    DLTB,
    PARCEL,
    SUPPLY_OUTLINE,
    approvals,
    cultivated,
    newest_survey,
    parcels,
    supplies,
)

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = ["RULES"]

SUBJECT = ("land.approval", "doc_no")
PROJECT_KEY = ("land.compensation_project", "project_no")
DRAWS = Rows("land.compensation_draw", may_be_empty=False)
PROJECT = Rows("land.compensation_project", geometry=True, may_be_empty=False)


def _draws(t: Inputs, p: Parameters) -> pl.DataFrame:
    """Draws that hold by the as-of date: locked or used."""
    return known(t["draw"], "drawn_on", p.as_of).filter(pl.col("state").is_in(["locked", "used"]))


@rule(
    "R35",
    name=("补充耕地数量不足", "Less compensated than occupied"),
    severity="red",
    law=laws.BALANCE,
    needs={"approval": APPROVAL, "draw": DRAWS},
    formula="cult_m2 − drawn_m2 > slack_m2",
    explain=(
        "批准占用耕地面积大于核销的补充耕地面积。补录核销或挂钩项目；确不足的，落实补充耕地或缴纳耕地开垦费。",
        "More cultivated land is occupied than was drawn from compensation projects. Enter the draws, or provide "
        "the land.",
    ),
)
def compensation_short(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind batch or single_site: cultivated land occupied less Σ area of its draws locked or used."""
    sums = _draws(t, p).group_by("doc_no").agg(drawn_m2=pl.col("area").sum())
    found = (
        approvals(t, p.as_of, *BUILDING)
        .join(sums, on="doc_no", how="left")
        .with_columns(cult_m2=pl.col("cult_area").fill_null(0.0), drawn_m2=pl.col("drawn_m2").fill_null(0.0))
        .with_columns(short_m2=pl.col("cult_m2") - pl.col("drawn_m2"))
        .filter(pl.col("short_m2") > p.slack_m2)
    )
    yield from hits(
        found,
        SUBJECT,
        values=("cult_m2", "drawn_m2", "short_m2"),
        constants={"slack_m2": p.slack_m2},
        area="short_m2",
    )


@rule(
    "R36",
    name=("补充耕地质量不足", "Compensated with poorer land"),
    severity="orange",
    law=laws.THREE_ACCOUNTS,
    needs={"approval": APPROVAL, "draw": DRAWS},
    formula="drawn_grade > cult_grade + slack_grade or paddy_m2 − drawn_paddy_m2 > slack_m2",
    explain=(
        "补充耕地的平均等别低于被占用耕地，或占水田未补水田。调整核销项目，或实施提质改造。",
        "The compensating land is of a worse mean grade, or paddy was not compensated with paddy. Draw from "
        "another project "
        "or upgrade the land.",
    ),
)
def compensation_poorer(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind batch or single_site with draws: mean grade of the draws weighted by area worse (greater) than
    that of the land occupied; or, for approvals since ``paddy_since``, less paddy drawn than occupied."""
    graded = pl.col("grade").is_not_null()
    sums = (
        _draws(t, p)
        .group_by("doc_no")
        .agg(
            drawn_m2=pl.col("area").sum(),
            drawn_paddy_m2=pl.col("paddy_area").fill_null(0.0).sum(),
            weighted=(pl.col("grade") * pl.col("area")).filter(graded).sum(),
            weight=pl.col("area").filter(graded).sum(),
        )
    )
    duty = pl.col("approved_on") >= date.fromisoformat(str(p.paddy_since))
    found = (
        approvals(t, p.as_of, *BUILDING)
        .join(sums, on="doc_no")
        .filter(pl.col("drawn_m2") > 0)
        .with_columns(
            drawn_grade=pl.when(pl.col("weight") > 0).then(pl.col("weighted") / pl.col("weight")),
            paddy_m2=pl.col("paddy_area").fill_null(0.0),
        )
        .with_columns(
            poorer=(pl.col("drawn_grade") > pl.col("cult_grade") + p.slack_grade).fill_null(False),
            paddy_short_m2=pl.when(duty).then(pl.col("paddy_m2") - pl.col("drawn_paddy_m2")).otherwise(0.0),
        )
        .filter(pl.col("poorer") | (pl.col("paddy_short_m2") > p.slack_m2))
        .with_columns(
            concerned=pl.when(pl.col("paddy_short_m2") > p.slack_m2)
            .then(pl.col("paddy_short_m2"))
            .otherwise(pl.col("drawn_m2"))
        )
    )
    yield from hits(
        found,
        SUBJECT,
        values=("cult_grade", "drawn_grade", "paddy_m2", "drawn_paddy_m2"),
        constants={"slack_grade": p.slack_grade, "slack_m2": p.slack_m2},
        area="concerned",
    )


@rule(
    "R37",
    name=("补充耕地重复核销", "Project drawn more than it added"),
    severity="red",
    law=laws.THREE_ACCOUNTS,
    needs={"project": Rows("land.compensation_project"), "draw": DRAWS},
    formula="drawn_m2 − added_m2 > slack_m2 or drawn_paddy_m2 − added_paddy_m2 > slack_m2 "
    "or drawn_kg − added_kg > slack_kg",
    explain=(
        "同一项目核销的耕地、水田或产能合计超过新增数量。核对核销记录和项目验收数据，撤销重复核销。",
        "The draws on a project add up to more cultivated land, paddy or capacity than it made. Check draws and "
        "acceptance; "
        "withdraw what was counted twice.",
    ),
)
def drawn_twice(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Three accounts of a project, area, paddy and capacity: Σ of its draws locked or used against what it added. An
    account the project states nothing about is not judged."""
    sums = (
        _draws(t, p)
        .group_by("project_no")
        .agg(
            drawn_m2=pl.col("area").sum(),
            drawn_paddy_m2=pl.col("paddy_area").fill_null(0.0).sum(),
            drawn_kg=pl.col("capacity").fill_null(0.0).sum(),
            doc_nos=pl.col("doc_no").sort(),
        )
    )

    def over(drawn: str, added: str, slack: float) -> pl.Expr:
        return (pl.col(drawn) - pl.col(added) > slack).fill_null(False)

    found = (
        t["project"]
        .join(sums, on="project_no")
        .with_columns(
            added_m2=pl.col("added_cult_area"),
            added_paddy_m2=pl.col("added_paddy_area"),
            added_kg=pl.col("added_capacity"),
        )
        .filter(
            over("drawn_m2", "added_m2", p.slack_m2)
            | over("drawn_paddy_m2", "added_paddy_m2", p.slack_m2)
            | over("drawn_kg", "added_kg", p.slack_kg)
        )
        .with_columns(
            excess_m2=pl.max_horizontal(
                pl.lit(0.0),
                pl.col("drawn_m2") - pl.col("added_m2"),
                pl.col("drawn_paddy_m2") - pl.col("added_paddy_m2"),
            )
        )
    )
    yield from hits(
        found,
        PROJECT_KEY,
        values=("drawn_m2", "added_m2", "drawn_paddy_m2", "added_paddy_m2", "drawn_kg", "added_kg", "doc_nos"),
        constants={"slack_m2": p.slack_m2, "slack_kg": p.slack_kg},
        area="excess_m2",
    )


@rule(
    "R38",
    name=("补充耕地未落地", "Compensating land not on the ground"),
    severity="red",
    law=laws.BALANCE,
    needs={"project": PROJECT, "dltb": DLTB},
    formula="short_m2 = added_m2 − cultivated_m2 > max(tolerance_m2, tolerance_ratio × added_m2)",
    explain=(
        "验收满一年后的变更调查中，项目范围内的耕地少于新增耕地面积。核对坐标和地类；确未落地的，核减指标并整改。",
        "A survey at least a year after acceptance shows less cultivated land in the project than it claims to "
        "have made. "
        "Check place and class; otherwise the figure is cut.",
    ),
)
def not_on_ground(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Accepted projects whose land-use version in force is of a day at least ``limit_days`` after acceptance: added
    cultivated land less the area of the outline on classes 01 and K."""
    survey = newest_survey(t, p)
    if survey is None:
        return
    name, surveyed_on = survey
    seen = (
        t.classes("project", name, "land_use_code")
        .filter(cultivated(pl.col("code")))
        .group_by("left")
        .agg(cultivated_m2=pl.col("area_m2").sum())
    )
    found = (
        t["project"]
        .with_row_index("row")
        .filter(
            pl.col("geometry").is_not_null()
            & ((pl.lit(surveyed_on) - pl.col("accepted_on")).dt.total_days() >= p.limit_days)
        )
        .join(seen, left_on="row", right_on="left", how="left")
        .with_columns(added_m2=pl.col("added_cult_area"), cultivated_m2=pl.col("cultivated_m2").fill_null(0.0))
        .with_columns(short_m2=pl.col("added_m2") - pl.col("cultivated_m2"))
        .filter(pl.col("short_m2") > tolerance(pl.col("added_m2"), p))
    )
    yield from hits(
        found,
        PROJECT_KEY,
        values=("accepted_on", "added_m2", "cultivated_m2", "short_m2"),
        constants={
            "surveyed_on": surveyed_on,
            "tolerance_m2": p.tolerance_m2,
            "tolerance_ratio": p.tolerance_ratio,
        },
        area="short_m2",
    )


@rule(
    "R39",
    name=("补充耕地与建设用地重叠", "Compensation project overlaps construction"),
    severity="orange",
    law=laws.BALANCE,
    needs={"project": PROJECT, "approval": APPROVAL, "parcel": PARCEL, "supply": SUPPLY_OUTLINE},
    formula="common_m2 > max(tolerance_m2, tolerance_ratio × outline_m2)",
    explain=(
        "补充耕地项目范围与已批准或已供应的建设用地重叠。核对坐标；重叠部分不得用于占补平衡。",
        "The project lies partly on land approved or supplied for building. Check the coordinates; that part may "
        "not count "
        "as compensation.",
    ),
)
def project_built_over(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Area of the project's outline within the union of approved parcels and supplies."""
    approved = narrowed(t.overlap("project", "parcel"), right=parcels(t, p.as_of).select("row"))
    supplied = narrowed(t.overlap("project", "supply"), right=supplies(t, p.as_of).select("row"))
    outline = pl.DataFrame({"outline_m2": t.areas("project")}).with_row_index("left").drop_nulls()
    found = (
        t["project"]
        .with_row_index("left")
        .join(outline, on="left")
        .join(t.covered("project", ("parcel", approved), ("supply", supplied)), on="left")
        .rename({"area_m2": "common_m2"})
        .filter(pl.col("common_m2") > tolerance(pl.col("outline_m2"), p))
    )
    rows = found["left"].to_list()
    by_parcel, by_supply = rights_of(approved, rows), rights_of(supplied, rows)
    yield from hits(
        found,
        PROJECT_KEY,
        values=("common_m2", "outline_m2"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="common_m2",
        geometry=lambda row: t.cut(
            "project",
            row["left"],
            ("parcel", by_parcel.get(row["left"], [])),
            ("supply", by_supply.get(row["left"], [])),
        ),
    )


RULES = (compensation_short, compensation_poorer, drawn_twice, not_on_ground, project_built_over)
