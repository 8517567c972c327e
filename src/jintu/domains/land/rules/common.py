"""What the land rules share: which approvals, parcels, supplies and events count on the as-of date."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from jintu.foundation.checks.expressions import known, narrowed
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Layer, Parameters, Rows

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = [
    "APPROVAL",
    "BUILDING",
    "DLTB",
    "DONE",
    "EVENTS",
    "GRANTED",
    "PARCEL",
    "SUPPLY",
    "SUPPLY_OUTLINE",
    "approvals",
    "cultivated",
    "events",
    "happened",
    "latest",
    "newest_survey",
    "parcels",
    "supplies",
]

APPROVAL = Rows("land.approval")
PARCEL = Rows("land.approval_parcel", geometry=True, may_be_empty=False)
SUPPLY = Rows("land.supply")
SUPPLY_OUTLINE = Rows("land.supply", geometry=True)
EVENTS = Rows("land.development_event", may_be_empty=False)
"""Rules about what did not happen must not run where nobody records what happens."""
DLTB = Layer("survey.DLTB", at="all", columns=("land_use_code",))

BUILDING = ("batch", "single_site")
"""Kinds of approval that end in building on converted or requisitioned land."""
GRANTED = ("21", "22", "23", "24")
DONE = ("finish", "acceptance")


def approvals(t: Inputs, as_of: date, *kinds: str) -> pl.DataFrame:
    """Approvals given by a day, of some kinds (all without any named), with ``row``."""
    frame = known(t["approval"], "approved_on", as_of)
    return frame.filter(pl.col("kind").is_in(kinds)) if kinds else frame


def parcels(t: Inputs, as_of: date) -> pl.DataFrame:
    """Parcels that stand for building approvals on a day: ``row``, ``doc_no``, ``approved_on``.

    Parcels of temporary approvals are left out; those whose approval is not in the register count, without a date.
    """
    heads = t["approval"].select("doc_no", "kind", "approved_on").unique("doc_no", keep="first", maintain_order=True)
    frame = t["parcel"].with_row_index("row").select("row", "doc_no").join(heads, on="doc_no", how="left")
    stands = pl.col("approved_on").is_null() | (pl.col("approved_on") <= as_of)
    return frame.filter(stands & (pl.col("kind").fill_null("") != "temporary")).select("row", "doc_no", "approved_on")


def supplies(t: Inputs, as_of: date) -> pl.DataFrame:
    """Supplies signed by a day, with ``row``."""
    return known(t["supply"], "signed_on", as_of)


def events(t: Inputs, as_of: date) -> pl.DataFrame:
    """Development events that had happened by a day, with ``row``."""
    return known(t["event"], "happened_on", as_of)


def happened(rows: pl.DataFrame, *kinds: str) -> pl.DataFrame:
    """The supplies with an event of one of the kinds: ``supply_no`` and the first day as ``on``."""
    return rows.filter(pl.col("kind").is_in(kinds)).group_by("supply_no").agg(on=pl.col("happened_on").min())


def latest(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """The last reported value of a column per supply: ``supply_no`` and the column."""
    there = rows.filter(pl.col(column).is_not_null()).sort("happened_on", "row")
    return there.group_by("supply_no", maintain_order=True).agg(pl.col(column).last())


def newest_survey(t: Inputs, p: Parameters) -> tuple[str, date] | None:
    """Name and date of the land-use version in force on the as-of date."""
    version = t.version_on("dltb", p.as_of)
    return None if version is None else (version.name, version.valid_from)


def cultivated(code: pl.Expr) -> pl.Expr:
    """Classes 01; with them the K classes, which can be ploughed again at once."""
    return code.str.starts_with("01") | code.str.ends_with("K")


def supplied(t: Inputs, p: Parameters) -> pl.DataFrame:
    """How much of each approval has been supplied by the as-of date: ``doc_no``, ``supplied_m2``, ``named`` supplies.

    Supplies with an outline count by what they have in common with the approval's parcels, whatever number they name;
    supplies without one by their contract area, for the approval they name.
    """
    signed = supplies(t, p.as_of)
    standing = parcels(t, p.as_of)
    drawn = (
        narrowed(t.overlap("supply", "parcel"), left=signed, right=standing)
        .group_by("doc_no")
        .agg(drawn_m2=pl.col("area_m2").sum())
    )
    named = (
        signed.filter(pl.col("doc_no").fill_null("") != "")
        .group_by("doc_no")
        .agg(
            named=pl.len(),
            written_m2=pl.col("area").filter(pl.col("geometry").is_null()).sum(),
        )
    )
    return drawn.join(named, on="doc_no", how="full", coalesce=True).select(
        "doc_no",
        supplied_m2=pl.col("drawn_m2").fill_null(0.0) + pl.col("written_m2").fill_null(0.0),
        drawn_m2=pl.col("drawn_m2").fill_null(0.0),
        named=pl.col("named").fill_null(0),
    )
