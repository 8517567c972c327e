"""Rules about the balance of cultivated land and temporary land: R35–R39, R43."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jintu.domains.land.rules import compensation as rules
from jintu.domains.land.rules.temporary import temporary_overdue
from jintu.foundation.checks.rules import Hit
from jintu.foundation.checks.tests.frames import ago, box, found, layer, rows

SQUARE = box(0, 0, 100, 100)


def approval(**facts: Any) -> Any:
    base = {
        "doc_no": "A1", "kind": "batch", "approved_on": ago(400), "total_area": 20_000.0,
        "cult_area": 10_000.0, "paddy_area": 2_000.0, "cult_grade": 10.0,
    }  # fmt: skip
    return rows("land.approval", base | facts)


def draw(area: float, no: int = 1, **facts: Any) -> dict[str, Any]:
    return {
        "draw_key": f"P1#{no}", "project_no": "P1", "doc_no": "A1", "area": area, "paddy_area": 2_000.0, "grade": 10.0,
        "drawn_on": ago(410), "state": "used",
    } | facts  # fmt: skip


def project(**facts: Any) -> dict[str, Any]:
    return {
        "project_no": "P1", "accepted_on": ago(900), "scale_area": 10_000.0, "added_cult_area": 8_000.0,
        "added_paddy_area": 3_000.0, "added_capacity": 5_000.0, "geometry": SQUARE,
    } | facts  # fmt: skip


# ---- R35, R36 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draws", "short"),
    [
        ((draw(10_000.0),), None),
        ((draw(9_999.0),), None),
        ((draw(9_998.9),), 1.1),
        ((draw(6_000.0), draw(4_000.0, 2, state="locked")), None),
        ((draw(6_000.0), draw(4_000.0, 2, state="released")), 4_000.0),
        ((draw(6_000.0), draw(4_000.0, 2, drawn_on=ago(-1))), 4_000.0),
        ((draw(10_000.0, doc_no="B2"),), 10_000.0),
    ],
)
def test_as_much_is_drawn_as_is_occupied(draws: tuple, short: float | None):
    result = found(rules.compensation_short, approval=approval(), draw=rows("land.compensation_draw", *draws))
    assert [h.area_m2 for h in result] == ([] if short is None else [pytest.approx(short)])


@pytest.mark.parametrize("facts", [{"kind": "link"}, {"kind": "temporary"}, {"cult_area": None}], ids=str)
def test_who_owes_no_compensation(facts: dict):
    draws = rows("land.compensation_draw", draw(1.0, doc_no="B2"))
    assert found(rules.compensation_short, approval=approval(**facts), draw=draws) == []


def r36(*draws: dict[str, Any], **facts: Any) -> list[Hit]:
    return found(rules.compensation_poorer, approval=approval(**facts), draw=rows("land.compensation_draw", *draws))


def test_a_worse_mean_grade_is_found():
    """1 is best, 15 worst; the mean is weighted by area."""
    assert r36(draw(10_000.0, grade=10.0)) == []
    assert r36(draw(10_000.0, grade=9.0)) == []
    (hit,) = r36(draw(10_000.0, grade=10.01))
    assert hit.area_m2 == 10_000
    assert r36(draw(9_000.0, grade=9.5), draw(1_000.0, 2, grade=14.5, paddy_area=0.0)) == []
    assert len(r36(draw(9_000.0, grade=9.5), draw(1_100.0, 2, grade=14.5, paddy_area=0.0))) == 1


def test_paddy_is_compensated_with_paddy():
    (hit,) = r36(draw(10_000.0, paddy_area=500.0))
    assert hit.area_m2 == 1_500
    assert r36(draw(10_000.0, paddy_area=1_999.0)) == []
    assert r36(draw(10_000.0, paddy_area=0.0), approved_on=date(2017, 12, 10)) == [], "before the rule"
    assert len(r36(draw(10_000.0, paddy_area=0.0), approved_on=date(2017, 12, 11))) == 1


def test_without_any_draw_quality_is_not_judged():
    assert r36(draw(10_000.0, doc_no="B2", grade=15.0)) == []
    assert r36(draw(10_000.0, grade=None, paddy_area=2_000.0)) == []


# ---- R37 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draws", "excess"),
    [
        ((draw(8_000.0, capacity=5_000.0),), None),
        ((draw(8_001.0),), None),
        ((draw(8_001.1),), 1.1),
        ((draw(5_000.0), draw(5_000.0, 2)), 2_000.0),
        ((draw(5_000.0), draw(5_000.0, 2, state="released")), None),
        ((draw(5_000.0, paddy_area=3_500.0),), 500.0),
        ((draw(5_000.0, capacity=5_002.0),), 0.0),
    ],
    ids=["all of it", "rounding", "more", "twice", "one released", "paddy", "capacity"],
)
def test_a_project_gives_what_it_added_and_no_more(draws: tuple, excess: float | None):
    tables = {"project": rows("land.compensation_project", project()), "draw": rows("land.compensation_draw", *draws)}
    result = found(rules.drawn_twice, **tables)
    assert [h.area_m2 for h in result] == ([] if excess is None else [pytest.approx(excess)])


def test_an_account_the_project_does_not_state_is_not_judged():
    silent = rows("land.compensation_project", project(added_paddy_area=None, added_capacity=None))
    draws = rows("land.compensation_draw", draw(8_000.0, paddy_area=8_000.0, capacity=1e9))
    assert found(rules.drawn_twice, project=silent, draw=draws) == []


# ---- R38, R39 ------------------------------------------------------------------------------------------------------


def r38(cultivated_width: float, *, accepted: int = 900, surveyed: int = 500, code: str = "013") -> list[Hit]:
    survey = layer(
        {"land_use_code": code, "geometry": box(0, 0, cultivated_width, 100)},
        {"land_use_code": "043", "geometry": box(cultivated_width, 0, 100 - cultivated_width, 100)},
    )
    return found(
        rules.not_on_ground,
        project=rows("land.compensation_project", project(accepted_on=ago(accepted))),
        dltb=[(ago(surveyed), survey)],
    )


@pytest.mark.parametrize(("width", "hits"), [(80, 0), (79.1, 0), (78.9, 1), (10, 1)])
def test_added_land_is_cultivated_in_a_later_survey(width: float, hits: int):
    result = r38(width)
    assert len(result) == hits
    assert all(h.area_m2 == pytest.approx(8_000 - 100 * width, rel=2e-2) for h in result)


def test_a_year_must_pass_between_acceptance_and_survey():
    assert len(r38(10, accepted=865, surveyed=500)) == 1
    assert r38(10, accepted=864, surveyed=500) == []
    assert r38(80, code="021K") == [], "adjustable land can be ploughed at once"


def r39(parcels: tuple = (), supplies: tuple = (), **of_approval: Any) -> list[Hit]:
    outside = {"parcel_key": "A1#9", "doc_no": "A1", "geometry": box(5_000, 0, 10, 10)}
    given = [{"parcel_key": f"A1#{k}", "doc_no": "A1", "geometry": g} for k, g in enumerate(parcels)]
    supplied = [{"supply_no": f"S{k}", "signed_on": ago(9), "geometry": g} for k, g in enumerate(supplies)]
    return found(
        rules.project_built_over,
        project=rows("land.compensation_project", project()),
        approval=approval(**of_approval),
        parcel=rows("land.approval_parcel", outside, *given),
        supply=rows("land.supply", *supplied),
    )


@pytest.mark.parametrize(
    ("parcels", "supplies", "area"),
    [
        ((box(90, 0, 50, 100),), (), 1_000),
        ((box(99.1, 0, 50, 100),), (), None),
        ((box(98.9, 0, 50, 100),), (), 110),
        ((), (box(90, 0, 50, 100),), 1_000),
        ((box(90, 0, 50, 100),), (box(95, 0, 50, 100),), 1_000),
        ((box(90, 0, 50, 100),), (box(80, 0, 50, 100),), 2_000),
        ((), (), None),
    ],
    ids=["approved", "90 m²", "110 m²", "supplied", "supply inside", "supply larger", "nowhere"],
)
def test_a_project_lies_on_no_building_land(parcels: tuple, supplies: tuple, area: float | None):
    result = r39(parcels, supplies)
    assert [h.area_m2 for h in result] == ([] if area is None else [pytest.approx(area, rel=2e-2)])


def test_temporary_approvals_are_no_building_land():
    assert r39((SQUARE,), kind="temporary") == []


# ---- R43 -----------------------------------------------------------------------------------------------------------


def r43(approved: date, until: date | None, *, code: str = "063", width: float = 100, **facts: Any) -> list[Hit]:
    permit = {"permit_no": "T1", "approved_on": approved, "until_on": until, "area": 9_999.0, "geometry": SQUARE}
    return found(
        temporary_overdue,
        use=rows("land.temporary_use", permit | facts),
        dltb=[(ago(100), layer({"land_use_code": code, "geometry": box(0, 0, width, 100)}))],
    )


@pytest.mark.parametrize(
    ("approved", "until", "days"),
    [
        (ago(400), ago(1), 1),
        (ago(400), ago(0), None),
        (date(2024, 6, 14), date(2029, 1, 1), 1),
        (date(2024, 6, 15), date(2029, 1, 1), None),
        (date(2024, 6, 14), None, 1),
    ],
    ids=["a day over", "due today", "more than two years", "two years today", "no end stated"],
)
def test_temporary_land_ends_with_its_permit_and_after_two_years(approved: date, until: date | None, days: int | None):
    assert [h.days for h in r43(approved, until)] == ([] if days is None else [days])


@pytest.mark.parametrize(
    ("arguments", "hits"),
    [
        ({"restored_on": ago(3)}, 0),
        ({"restored_on": ago(-1)}, 1),
        ({"code": "012"}, 0),
        ({"width": 0.99}, 0),
        ({"width": 1.01}, 1),
        ({"geometry": None}, 1),
        ({"geometry": None, "restored_on": ago(3)}, 0),
    ],
    ids=["restored", "restored tomorrow", "fields again", "99 m²", "101 m²", "no outline", "no outline, restored"],
)
def test_it_is_overdue_while_it_is_still_built_upon(arguments: dict, hits: int):
    assert len(r43(ago(400), ago(30), **arguments)) == hits


def test_a_permit_without_outline_counts_by_its_record():
    (hit,) = r43(ago(400), ago(30), geometry=None)
    assert hit.area_m2 == 9_999
