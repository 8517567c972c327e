"""The equations of a change for all regions at once are those of each region's matrix."""

from __future__ import annotations

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jintu.domains.survey.reports import change
from jintu.domains.survey.reports.change_checks import flows_by_region

VILLAGES = ("", "990121001001", "990121001002", "990121002001", "990122001001", "990121")
REGIONS = ("", "99", "990121", "990121001", "990121002", "990121001001", "990121001002", "990121002001", "990122")
CLASSES = ("011", "013", "123", "203", change.NARROW)
SCHEMA = {"from_village": pl.String, "from": pl.String, "to_village": pl.String, "to": pl.String, "area": pl.Int64}


@st.composite
def flows(draw: st.DrawFn) -> pl.DataFrame:
    """Balanced flows as `Changes.flows` has them: no class where there is no ground."""
    rows = []
    for before, after in draw(st.lists(st.tuples(st.sampled_from(VILLAGES), st.sampled_from(VILLAGES)), max_size=12)):
        ends = [v and draw(st.sampled_from(CLASSES)) for v in (before, after)]
        rows.append((before, ends[0], after, ends[1], draw(st.integers(1, 10**9))))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(flows())
def test_flows_of_all_regions_are_those_of_each(made: pl.DataFrame) -> None:
    changes = object.__new__(change.Changes)
    changes.__dict__["flows"] = made
    found = flows_by_region(made, REGIONS)
    for region in REGIONS:
        assert found.get(region, {}) == changes.matrix(region, "second", "m2").flows
