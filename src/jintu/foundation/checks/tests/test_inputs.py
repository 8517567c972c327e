"""What lies over what: the spatial questions rules ask, against shapes whose answers are known."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
import shapely

from jintu.foundation.checks.inputs import Inputs
from jintu.foundation.checks.rules import Layer, Rows

from .frames import box


def shapes(*geometries: bytes | None, **columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame({**columns, "geometry": pl.Series(geometries, dtype=pl.Binary)})


def areas(frame: pl.DataFrame) -> dict[int, float]:
    return dict(frame.select("left", "area_m2").iter_rows())


def test_overlap_names_rows_and_square_metres():
    t = Inputs.of(a=shapes(box(0, 0, 100, 100), None, box(500, 0, 10, 10)), b=shapes(box(90, 0, 100, 100)))
    pairs = t.overlap("a", "b")
    assert pairs.columns == ["left", "right", "area_m2"]
    assert pairs.dtypes == [pl.UInt32, pl.UInt32, pl.Float64]
    assert pairs.select("left", "right").rows() == [(0, 0)]
    assert pairs["area_m2"][0] == pytest.approx(1000, rel=5e-4)


def test_the_same_question_under_another_name_is_answered_once():
    a, b = shapes(box(0, 0, 10, 10)), shapes(box(5, 0, 10, 10))
    first = Inputs.of(a=a, b=b)
    second = Inputs({"left": a, "right": b}, first._shared)
    assert second.overlap("left", "right") is first.overlap("a", "b")


def test_tables_without_outlines_overlap_nothing():
    t = Inputs.of(a=shapes(None, None), b=shapes(box(0, 0, 10, 10)), empty=shapes())
    assert t.overlap("a", "b").is_empty()
    assert t.overlap("empty", "b").is_empty()
    assert t.uncovered("a", "b").is_empty()
    assert t.areas("a").to_list() == [None, None]


def test_areas_are_null_where_there_is_no_outline():
    t = Inputs.of(a=shapes(box(0, 0, 100, 100), None))
    assert t.areas("a").to_list() == [pytest.approx(10_000, rel=5e-4), None]


def test_uncovered_is_everything_where_nothing_lies():
    t = Inputs.of(a=shapes(box(0, 0, 100, 100)), b=shapes(box(900, 0, 10, 10)))
    assert areas(t.uncovered("a", "b")) == {0: pytest.approx(10_000, rel=5e-4)}


def test_neighbours_cover_by_their_sum_and_overlapping_covers_count_once():
    whole = box(0, 0, 100, 100)
    side_by_side = shapes(box(0, 0, 50, 100), box(50, 0, 50, 100))
    one_on_another = shapes(box(0, 0, 60, 100), box(40, 0, 40, 100), box(40, 0, 40, 100))
    t = Inputs.of(a=shapes(whole), b=side_by_side, c=one_on_another)
    assert areas(t.uncovered("a", "b")) == {0: pytest.approx(0, abs=0.01)}
    assert areas(t.uncovered("a", "c")) == {0: pytest.approx(2_000, rel=1e-3)}


def test_two_tables_that_cover_the_same_ground_count_once():
    t = Inputs.of(a=shapes(box(0, 0, 100, 100)), b=shapes(box(0, 0, 60, 100)), c=shapes(box(0, 0, 60, 50)))
    assert areas(t.covered("a", ("b", None), ("c", None))) == {0: pytest.approx(6_000, rel=1e-3)}


def test_pairs_narrow_what_counts():
    t = Inputs.of(a=shapes(box(0, 0, 100, 100)), b=shapes(box(0, 0, 50, 100), box(50, 0, 50, 100)))
    first_only = t.overlap("a", "b").filter(pl.col("right") == 0)
    assert areas(t.uncovered("a", "b", first_only)) == {0: pytest.approx(5_000, rel=1e-3)}


def test_classes_sum_by_code():
    layer = shapes(box(0, 0, 50, 100), box(50, 0, 25, 100), box(75, 0, 25, 100), code=["011", "013", "011"])
    t = Inputs.of(a=shapes(box(0, 0, 100, 100)), b=layer)
    result = t.classes("a", "b", "code")
    assert result["code"].to_list() == ["011", "013"]
    assert result["area_m2"].to_list() == [pytest.approx(7_500, rel=1e-3), pytest.approx(2_500, rel=1e-3)]


def test_cut_gives_the_part_in_common_or_the_rest():
    t = Inputs.of(a=shapes(box(0, 0, 100, 100)), b=shapes(box(60, 0, 100, 100)))
    common, rest = (shapely.from_wkb(t.cut("a", 0, ("b", [0]), keep=k)) for k in ("common", "rest"))
    assert common.area / (common.area + rest.area) == pytest.approx(0.4, rel=1e-6)
    alone = shapely.from_wkb(t.cut("a", 0, ("b", []), keep="rest"))
    assert shapely.equals(alone, shapely.from_wkb(box(0, 0, 100, 100)))


def test_touching_only_is_no_part():
    t = Inputs.of(a=shapes(box(0, 0, 10, 10)), b=shapes(box(10, 0, 10, 10)))
    assert t.cut("a", 0, ("b", [0])) is None
    assert t.overlap("a", "b").is_empty()


@pytest.mark.parametrize(("gap", "near"), [(49.9, True), (50.1, False)])
@pytest.mark.parametrize("direction", ["east", "north", "corner"])
def test_within_distance_measures_metres(gap: float, near: bool, direction: str):
    step = {"east": (100 + gap, 0), "north": (0, 100 + gap), "corner": (100 + gap / 2**0.5, 100 + gap / 2**0.5)}
    x, y = step[direction]
    t = Inputs.of(a=shapes(box(0, 0, 100, 100), None, box(x, y, 100, 100)))
    assert t.within_distance("a", "a", 50).rows() == ([(0, 2)] if near else [])


def test_a_layer_with_versions_is_its_newest_and_each_by_name():
    old, new = shapes(box(0, 0, 10, 10), code=["011"]), shapes(box(0, 0, 10, 10), code=["061"])
    t = Inputs.of(a=shapes(box(0, 0, 10, 10)), dltb=[(date(2018, 12, 31), old), (date(2023, 12, 31), new)])
    assert t["dltb"] is new
    assert [v.valid_from.year for v in t.versions("dltb")] == [2018, 2023]
    assert t.version_on("dltb", date(2018, 12, 30)) is None
    at = t.version_on("dltb", date(2023, 12, 30))
    assert at is not None and t.classes("a", at.name, "code")["code"].to_list() == ["011"]


def test_missing_names_what_is_not_there():
    needs = {
        "supply": Rows("land.supply", geometry=True),
        "parcel": Rows("land.approval_parcel", geometry=True, may_be_empty=False),
        "dltb": Layer("survey.DLTB", at="all"),
        "extra": Rows("land.idle_case", optional=True),
    }
    assert Inputs.of().missing(needs) == ["land.supply", "land.approval_parcel", "survey.DLTB"]
    empty = Inputs.of(supply=shapes(), parcel=shapes(), dltb=[])
    assert empty.missing(needs) == ["land.approval_parcel", "survey.DLTB"]
    outlineless = Inputs.of(
        supply=shapes(None), parcel=shapes(None), dltb=[(date(2020, 1, 1), shapes(box(0, 0, 1, 1)))]
    )
    assert outlineless.missing(needs) == ["land.approval_parcel (outlines)"]
    full = Inputs.of(
        supply=shapes(), parcel=shapes(box(0, 0, 1, 1)), dltb=[(date(2020, 1, 1), shapes(box(0, 0, 1, 1)))]
    )
    assert full.missing(needs) == []
