"""Checks across columns, before a row is filed: what cannot be true of any row, whoever files it.

What may be true but is against the law is not refused here: it is filed, and a supervision rule finds it. Each function
takes the rows as a Polars frame (`Register.validate`) and yields (row, field, sentence, params, remedy).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop as _

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Wrong", "approval", "draw", "event", "project", "quota", "supply", "temporary_use", "validity"]

Wrong = tuple[int, str, str, dict[str, Any], str]

SLACK_M2, SLACK_RATIO = 1.0, 0.05
"""Sums may differ by rounding (1 m² is 0.0001 ha) and by 5 %: less is filed, and found by R17 or R18."""


def _part_of(frame: pl.DataFrame, part: str, whole: str) -> Iterator[Wrong]:
    """A part may not be larger than the whole."""
    import polars as pl

    over = frame.select((pl.col(part) > pl.col(whole) + SLACK_M2).fill_null(False)).to_series()
    for i in over.arg_true():
        yield (
            i, part, _("{part} m² is more than the {whole} m² it is a part of."),
            {"part": frame[part][i], "whole": frame[whole][i]}, _("Correct one of the two areas."),
        )  # fmt: skip


def _order(frame: pl.DataFrame, first: str, then: str) -> Iterator[Wrong]:
    """Two dates in their order."""
    wrong = (frame[then] < frame[first]).fill_null(False)
    for i in wrong.arg_true():
        yield (
            i, then, _("{later} is before {earlier}, which comes first."),
            {"later": frame[then][i].isoformat(), "earlier": frame[first][i].isoformat()},
            _("Correct one of the dates."),
        )  # fmt: skip


def _range(frame: pl.DataFrame, low: str, high: str) -> Iterator[Wrong]:
    """A lower limit may not lie above the upper one."""
    wrong = (frame[low] > frame[high]).fill_null(False)
    for i in wrong.arg_true():
        yield (
            i, low, _("The lower limit {low} is above the upper limit {high}."),
            {"low": frame[low][i], "high": frame[high][i]}, _("Exchange or correct the limits."),
        )  # fmt: skip


def _sum(frame: pl.DataFrame, parts: tuple[str, ...], whole: str) -> Iterator[Wrong]:
    """Parts that are all given must add up to the whole."""
    import polars as pl

    total = pl.sum_horizontal(parts)
    given = pl.all_horizontal(pl.col(c).is_not_null() for c in (*parts, whole))
    slack = pl.max_horizontal(pl.lit(SLACK_M2), SLACK_RATIO * pl.col(whole))
    found = frame.select(sum=total, wrong=(given & ((total - pl.col(whole)).abs() > slack)).fill_null(False))
    for i in found["wrong"].arg_true():
        yield (
            i, whole, _("The parts add up to {sum} m², the total says {whole} m²."),
            {"sum": round(found["sum"][i], 2), "whole": frame[whole][i]},
            _("Correct the total or the part that is wrong."),
        )  # fmt: skip


def approval(frame: pl.DataFrame) -> Iterator[Wrong]:
    """Areas add up, parts are not larger than wholes, dates are in order."""
    yield from _sum(frame, ("agri_area", "construction_area", "unused_area"), "total_area")
    yield from _sum(frame, ("state_area", "collective_area"), "total_area")
    yield from _part_of(frame, "cult_area", "agri_area")
    yield from _part_of(frame, "paddy_area", "cult_area")
    yield from _part_of(frame, "basic_farmland_area", "agri_area")
    yield from _part_of(frame, "new_construction_area", "total_area")
    yield from _order(frame, "approved_on", "received_on")
    yield from _order(frame, "requisition_announced_on", "compensation_plan_on")
    yield from _order(frame, "compensation_plan_on", "compensation_paid_on")


def supply(frame: pl.DataFrame) -> Iterator[Wrong]:
    """Limits and dates in order, the supervision number well formed and of this division."""
    yield from _part_of(frame, "new_construction_area", "area")
    yield from _range(frame, "far_min", "far_max")
    yield from _range(frame, "density_min", "density_max")
    yield from _order(frame, "start_on", "finish_on")
    yield from _order(frame, "finish_on", "extended_finish_on")
    yield from _order(frame, "signed_on", "filed_on")
    yield from _order(frame, "signed_on", "transferred_on")
    yield from _supervision_numbers(frame)


def _supervision_numbers(frame: pl.DataFrame) -> Iterator[Wrong]:
    """The form of the number and its division; year, letter and serial are left to rule R21.

    Most numbers of a file are plainly right: only those that do not begin with their row's county, or are not 16
    characters of the right kinds, are looked at one by one.
    """
    import polars as pl

    from jintu.kernel.numbering import check_supervision

    number = pl.col("supervision_no").fill_null("")
    plain = number.str.contains(r"^\d{6}(?:19|20)\d{2}[A-Z]\d{5}$") & (
        number.str.slice(0, 6) == pl.col("division").str.slice(0, 6)
    )
    doubtful = frame.select((number != "") & ~plain).to_series()
    for i in doubtful.arg_true():
        for error in check_supervision(frame["supervision_no"][i], division=frame["division"][i] or ""):
            if error.params.get("part") in ("form", "division"):
                yield i, "supervision_no", error.sentence, error.params, error.remedy
                break


def event(frame: pl.DataFrame) -> Iterator[Wrong]:
    """An event cannot be reported before it happened."""
    yield from _order(frame, "happened_on", "reported_on")


def project(frame: pl.DataFrame) -> Iterator[Wrong]:
    """What was added is part of the project, paddy is part of what was added."""
    yield from _part_of(frame, "added_cult_area", "scale_area")
    yield from _part_of(frame, "added_paddy_area", "added_cult_area")


def draw(frame: pl.DataFrame) -> Iterator[Wrong]:
    yield from _part_of(frame, "paddy_area", "area")


def temporary_use(frame: pl.DataFrame) -> Iterator[Wrong]:
    yield from _part_of(frame, "cult_area", "area")
    yield from _order(frame, "approved_on", "until_on")
    yield from _order(frame, "approved_on", "restored_on")


def quota(frame: pl.DataFrame) -> Iterator[Wrong]:
    yield from _part_of(frame, "cult_area", "conversion_area")


def validity(frame: pl.DataFrame) -> Iterator[Wrong]:
    """Dated tables: valid from before valid to."""
    yield from _order(frame, "valid_from", "valid_to")
