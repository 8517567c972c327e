"""The equations of a change for all regions at once are those of each region's matrix."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jintu.domains.survey.reports import change, classes, cube, grid
from jintu.domains.survey.reports.change_checks import equations, flows_by_region

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
    found = flows_by_region(made, REGIONS)
    for region in REGIONS:
        one = found.filter(region=region)
        assert dict(zip(one.select("from", "to").rows(), one["area"], strict=True)) == of_region(made, region).flows


def of_region(made: pl.DataFrame, region: str) -> change.Matrix:
    changes = object.__new__(change.Changes)
    changes.__dict__["flows"] = made
    return changes.matrix(region, "second", "m2")


class Year:
    """A year's tables of a few areas by village and class; ``computed``: whether there are any."""

    def __init__(self, areas: dict[tuple[str, str], int], computed: bool) -> None:
        self.areas, self.computed = areas, computed
        self.patches = [cube.Patches(villages={v: self.of(v) for v in {v for v, _ in areas}})]

    def grid(self, base: str) -> grid.Grid | tuple[str, ...]:
        rows = [(v, c, "state", "", "", False, area, 1) for (v, c), area in self.areas.items()]
        frame = pl.DataFrame(rows, schema=[*cube.KEYS, "area", "rows"], orient="row")
        return grid.build(frame, ["990121"], ["990121001001"]) if rows and self.computed else ("survey.XZDW",)

    def of(self, region: str, name: str = "") -> int:
        return sum(a for (v, c), a in self.areas.items() if v.startswith(region) and name in ("", classes.rural(c)[1]))


AREAS = st.dictionaries(
    st.tuples(st.sampled_from(VILLAGES[1:4]), st.sampled_from(CLASSES[:4])), st.integers(1, 10**9), max_size=8
)
YEARS = st.builds(Year, AREAS, st.booleans())


def plainly(made: pl.DataFrame, region: str, years: tuple[Year, Year]) -> Iterator[tuple[str, str, int, int]]:
    """The equations of a region, one after the other."""
    matrix = of_region(made, region)
    names = [n for n in matrix.names if n not in (change.OUTSIDE, change.ELSEWHERE)]
    for n in names:
        yield "balance", n, matrix.opening[n] + matrix.into(n) - matrix.out(n), matrix.closing[n]
    for side, year in zip(("opening", "closing"), years, strict=True):
        areas = getattr(matrix, side)
        yield side, "", sum(areas[n] for n in names), year.of(region)
        if change.NARROW not in names and isinstance(year.grid("patches"), grid.Grid):
            yield from ((side, n, areas[n], year.of(region, n)) for n in names)
    yield "kept", "", years[1].of(region), years[0].of(region)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(flows(), YEARS, YEARS)
def test_equations_of_all_regions_are_those_of_each(made: pl.DataFrame, before: Year, after: Year) -> None:
    regions = REGIONS[2:]  # a county and what lies below, as tables have them
    asked = equations(made, (before, after), regions)
    found = [(i.prefix, i.what, i.table, i.left, i.right) for i in asked]
    assert found == [(region, *one) for region in regions for one in plainly(made, region, (before, after))]
    assert list(asked.wrong()) == [i for i in asked if not i.ok]
