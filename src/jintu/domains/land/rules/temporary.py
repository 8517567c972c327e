"""Temporary land not given back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.expressions import hits, is_construction, known, tolerance
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Hit, Parameters, Rows, rule

from . import laws
from .common import DLTB, newest_survey

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = ["RULES"]


@rule(
    "R43",
    name=("临时用地逾期未复垦", "Temporary land overdue"),
    severity="orange",
    law=laws.TEMPORARY,
    needs={"use": Rows("land.temporary_use", geometry=True), "dltb": DLTB},
    formula="as_of > ends_on = min(until_on, approved_on + limit_years); construction_m2 > max(tolerance_m2, "
    "tolerance_ratio × outline_m2)",
    explain=(
        "临时用地到期(最长两年)，没有复垦验收记录，现状仍为建设用地。补录验收；确未恢复的责令限期复垦。",
        "The permit has run out (two years at most), no restoration is recorded and the land is still under "
        "construction "
        "classes. Enter the restoration, or order it.",
    ),
)
def temporary_overdue(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Permits ended before the as-of date and not restored by then, whose outline the land-use version in force shows
    under construction classes by more than the tolerance. Without an outline the record alone counts."""
    survey = newest_survey(t, p)
    built = pl.DataFrame(schema={"left": pl.UInt32, "construction_m2": pl.Float64})
    if survey is not None:
        built = (
            t.classes("use", survey[0], "land_use_code")
            .filter(is_construction(pl.col("code")))
            .group_by("left")
            .agg(construction_m2=pl.col("area_m2").sum())
        )
    found = (
        known(t["use"], "approved_on", p.as_of)
        .with_columns(
            pl.col("row").cast(pl.UInt32),
            ends_on=pl.min_horizontal("until_on", pl.col("approved_on").dt.offset_by(f"{int(p.limit_years)}y")),
            outline_m2=t.areas("use").gather(known(t["use"], "approved_on", p.as_of)["row"]),
        )
        .with_columns(late_days=(pl.lit(p.as_of) - pl.col("ends_on")).dt.total_days())
        .filter((pl.col("late_days") > 0) & (pl.col("restored_on").is_null() | (pl.col("restored_on") > p.as_of)))
        .join(built, left_on="row", right_on="left", how="left")
        .filter(
            pl.col("outline_m2").is_null()
            | (pl.col("construction_m2").fill_null(0.0) > tolerance(pl.col("outline_m2"), p))
        )
        .with_columns(concerned=pl.coalesce("construction_m2", "area"))
    )
    yield from hits(
        found,
        ("land.temporary_use", "permit_no"),
        values=("approved_on", "until_on", "ends_on", "late_days", "construction_m2", "outline_m2"),
        constants={
            "as_of": p.as_of,
            "limit_years": p.limit_years,
            "tolerance_m2": p.tolerance_m2,
            "tolerance_ratio": p.tolerance_ratio,
        },
        area="concerned",
        days="late_days",
    )


RULES = (temporary_overdue,)
