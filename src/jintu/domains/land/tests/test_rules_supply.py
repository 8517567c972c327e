"""Rules about supply: R03–R11, R19–R21. Every rule with a hit, misses and its boundary."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.domains.land.rules import supply as rules
from jintu.foundation.checks.rules import Hit
from jintu.foundation.checks.tests.frames import ago, box, found, keys, rows
from jintu.kernel.dates import Calendar

SQUARE = box(0, 0, 100, 100)


def supply(no: str = "S1", **facts: Any) -> dict[str, Any]:
    return {
        "supply_no": no,
        "doc_no": "A1",
        "source": "new",
        "area": 10_000.0,
        "use_code": "061",
        "method": "23",
        "signed_on": ago(100),
        "geometry": SQUARE,
    } | facts


def approval(**facts: Any) -> dict[str, Any]:
    return {
        "doc_no": "A1", "kind": "batch", "approved_on": ago(300), "total_area": 10_000.0, "use_code": "061",
    } | facts  # fmt: skip


def parcel(geometry: bytes | None = SQUARE, no: int = 1, doc_no: str = "A1", **facts: Any) -> dict[str, Any]:
    return {"parcel_key": f"{doc_no}#{no}", "doc_no": doc_no, "geometry": geometry} | facts


# ---- R03 -----------------------------------------------------------------------------------------------------------


def r03(supplied: dict[str, Any], *parcels: dict[str, Any], **of_approval: Any) -> list[Hit]:
    return found(
        rules.supply_outside_approval,
        supply=rows("land.supply", supplied),
        parcel=rows("land.approval_parcel", *(parcels or (parcel(),))),
        approval=rows("land.approval", approval(**of_approval)),
    )


def test_supply_outside_approval_is_found_with_the_part_outside():
    (hit,) = r03(supply(geometry=box(80, 0, 100, 100)))
    assert hit.objects == (("land.supply", "S1"),)
    assert hit.area_m2 == pytest.approx(8_000, rel=1e-3)


@pytest.mark.parametrize(("shift", "hits"), [(0.9, 0), (0.99, 0), (1.01, 1)])
def test_a_hundred_square_metres_outside_are_tolerated(shift: float, hits: int):
    assert len(r03(supply(geometry=box(shift, 0, 100, 100)))) == hits


@pytest.mark.parametrize(("outside", "hits"), [(290, 0), (310, 1)])
def test_half_a_percent_of_a_large_parcel_is_tolerated(outside: float, hits: int):
    """6 ha: half a per cent is 300 m²."""
    large = supply(geometry=box(0, 0, 300, 200))
    assert len(r03(large, parcel(box(outside / 200, 0, 300, 200)))) == hits


def test_neighbouring_approvals_cover_a_supply_together():
    halves = (parcel(box(0, 0, 50, 100), 1), parcel(box(50, 0, 50, 100), 2, "B2"))
    assert r03(supply(), *halves) == []


@pytest.mark.parametrize(
    ("supplied", "of_approval", "hits"),
    [
        (supply(geometry=box(500, 0, 100, 100)), {}, 1),
        (supply(geometry=box(500, 0, 100, 100), source="existing"), {}, 0),
        (supply(geometry=None), {}, 0),
        (supply(), {"kind": "temporary"}, 1),
        (supply(), {"approved_on": ago(-1)}, 1),
        (supply(signed_on=ago(-1), geometry=box(500, 0, 100, 100)), {}, 0),
    ],
    ids=["nowhere near", "existing land", "no outline", "temporary approval", "approval of tomorrow", "of tomorrow"],
)
def test_what_an_approval_covers(supplied: dict, of_approval: dict, hits: int):
    assert len(r03(supplied, **of_approval)) == hits


# ---- R04, R05 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("areas", "hits"), [((6_000, 4_050), 0), ((6_000, 4_051), 1), ((10_051,), 1), ((), 0)])
def test_supplies_that_name_an_approval_add_up_to_no_more_than_half_a_percent_over(areas: tuple, hits: int):
    supplies = rows("land.supply", *(supply(f"S{k}", area=float(a)) for k, a in enumerate(areas)))
    result = found(rules.more_supplied_than_approved, supply=supplies, approval=rows("land.approval", approval()))
    assert len(result) == hits
    assert all(h.area_m2 == pytest.approx(sum(areas) - 10_000) for h in result)


@pytest.mark.parametrize(("signed", "hits"), [(ago(301), 1), (ago(300), 0), (ago(299), 0), (None, 0)])
def test_supplied_before_approval(signed: date | None, hits: int):
    result = found(
        rules.supplied_before_approval,
        supply=rows("land.supply", supply(signed_on=signed)),
        approval=rows("land.approval", approval()),
    )
    assert len(result) == hits
    assert all(h.objects[1] == ("land.approval", "A1") and h.days == 1 for h in result)


def test_a_supply_that_names_no_approval_is_not_before_it():
    supplies = rows("land.supply", supply(doc_no="", signed_on=ago(900)), supply("S2", doc_no="X", signed_on=ago(900)))
    assert found(rules.supplied_before_approval, supply=supplies, approval=rows("land.approval", approval())) == []


# ---- R06 -----------------------------------------------------------------------------------------------------------


def r06(second: dict[str, Any], *cases: dict[str, Any]) -> list[Hit]:
    first = supply("S1", signed_on=ago(900))
    return found(rules.supplied_twice, supply=rows("land.supply", second, first), idle=rows("land.idle_case", *cases))


def test_the_same_land_supplied_twice_is_one_finding_about_both():
    (hit,) = r06(supply("S2", geometry=box(50, 0, 100, 100)))
    assert hit.objects == (("land.supply", "S1"), ("land.supply", "S2"))
    assert hit.area_m2 == pytest.approx(5_000, rel=1e-3)


@pytest.mark.parametrize(("x", "hits"), [(100, 0), (99.1, 0), (98.9, 1)])
def test_neighbours_may_overlap_by_the_tolerance_of_the_smaller(x: float, hits: int):
    assert len(r06(supply("S2", geometry=box(x, 0, 100, 100)))) == hits


@pytest.mark.parametrize(
    ("measure", "decided", "hits"),
    [("recovery", ago(100), 0), ("paid_recovery", ago(101), 0), ("recovery", ago(99), 1), ("fee", ago(500), 1)],
)
def test_recovered_land_may_be_supplied_again(measure: str, decided: date, hits: int):
    case = {"case_no": "X1", "supply_no": "S1", "measure": measure, "decided_on": decided}
    assert len(r06(supply("S2", signed_on=ago(100)), case)) == hits


# ---- R07 -----------------------------------------------------------------------------------------------------------


def r07(use: str, *parcels: dict[str, Any], approved: str = "061", **facts: Any) -> list[Hit]:
    return found(
        rules.other_use_than_approved,
        supply=rows("land.supply", supply(use_code=use, **facts)),
        approval=rows("land.approval", approval(use_code=approved)),
        parcel=rows("land.approval_parcel", *parcels),
    )


@pytest.mark.parametrize(
    ("use", "approved", "hits"),
    [
        ("071", "061", 1),
        ("063", "061", 0),
        ("0604", "061", 0),
        ("0701", "071", 0),
        ("062", "061", 1),
        ("", "061", 0),
        ("071", "", 0),
        ("121", "061", 0),
    ],
)
def test_use_groups_of_supply_and_approval(use: str, approved: str, hits: int):
    assert len(r07(use, approved=approved)) == hits


def test_the_parcel_that_is_overlapped_most_says_what_was_approved():
    houses = parcel(box(0, 0, 70, 100), 1, use_code="071")
    works = parcel(box(70, 0, 60, 100), 2, use_code="061")
    assert r07("071", houses, works) == []
    (hit,) = r07("061", houses, works)
    assert hit.values["approved_use"] == "071"


def test_parcels_of_another_approval_and_touching_ones_say_nothing():
    assert r07("061", parcel(use_code="071", doc_no="B2")) == []
    assert r07("061", parcel(box(-99.5, 0, 100, 100), use_code="071")) == []


# ---- R08, R10 ------------------------------------------------------------------------------------------------------

CATALOGUE = rows(
    "land.allocation_use",
    {"use_key": "1", "use_code": "08", "valid_from": date(2001, 10, 22)},
    {"use_key": "2", "use_code": "0711", "valid_from": date(2001, 10, 22), "valid_to": date(2010, 12, 31)},
)


@pytest.mark.parametrize(
    ("facts", "levels"),
    [
        ({"use_code": "051", "method": "1"}, [""]),
        ({"use_code": "071", "method": "24"}, [""]),
        ({"use_code": "061", "method": "24"}, [""]),
        ({"use_code": "061", "method": "24", "source": "existing"}, ["yellow"]),
        ({"use_code": "061", "method": "1", "source": "existing"}, [""]),
        ({"use_code": "061", "method": "23"}, []),
        ({"use_code": "062", "method": "24"}, []),
        ({"use_code": "083", "method": "1"}, []),
        ({"use_code": "0711", "method": "1", "signed_on": date(2010, 12, 31)}, []),
        ({"use_code": "061", "method": "24", "signed_on": date(2006, 8, 30)}, []),
        ({"use_code": "061", "method": "24", "signed_on": date(2006, 8, 31)}, [""]),
        ({"use_code": "051", "method": "24", "signed_on": date(2002, 6, 30)}, []),
        ({"use_code": "051", "method": "24", "signed_on": date(2002, 7, 1)}, [""]),
    ],
    ids=str,
)
def test_commerce_industry_and_housing_go_by_auction(facts: dict, levels: list[str]):
    result = found(rules.wrong_method, supply=rows("land.supply", supply(**facts)), catalogue=CATALOGUE)
    assert [h.level for h in result] == levels


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"method": "1", "use_code": "083"}, 0),
        ({"method": "1", "use_code": "061"}, 1),
        ({"method": "23", "use_code": "061"}, 0),
        ({"method": "1", "use_code": ""}, 0),
        ({"method": "1", "use_code": "0711", "signed_on": date(2010, 12, 31)}, 0),
        ({"method": "1", "use_code": "0711", "signed_on": date(2011, 1, 1)}, 1),
        ({"method": "1", "use_code": "083", "signed_on": date(2001, 10, 21)}, 1),
    ],
    ids=str,
)
def test_allocation_follows_the_catalogue_of_its_day(facts: dict, hits: int):
    result = found(rules.allocated_outside_catalogue, supply=rows("land.supply", supply(**facts)), catalogue=CATALOGUE)
    assert len(result) == hits


# ---- R09 -----------------------------------------------------------------------------------------------------------

FLOOR = rows(
    "land.price_floor",
    {"floor_key": "1", "use_group": "industry", "land_grade": 12, "price_per_m2": 96.0, "valid_from": date(2007, 1, 1),
     "valid_to": date(2019, 12, 31), "division": "000000"},
    {"floor_key": "2", "use_group": "industry", "land_grade": 12, "price_per_m2": 120.0, "valid_from": date(2020, 1, 1),
     "division": "000000"},
    {"floor_key": "3", "use_group": "industry", "land_grade": 13, "price_per_m2": 84.0, "division": "000000"},
    {"floor_key": "4", "use_group": "industry", "land_grade": 13, "price_per_m2": 100.0, "division": "990121"},
    {"floor_key": "5", "use_group": "industry", "land_grade": 13, "price_per_m2": 500.0, "division": "990122"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"price": 1_199_999.99}, 1),
        ({"price": 1_200_000.0}, 0),
        ({"price": 960_000.0, "signed_on": date(2019, 12, 31)}, 0),
        ({"price": 959_999.0, "signed_on": date(2019, 12, 31)}, 1),
        ({"price": 1.0, "method": "1"}, 0),
        ({"price": 1.0, "method": "3"}, 0),
        ({"price": None}, 0),
        ({"price": 1.0, "land_grade": None}, 0),
        ({"price": 1.0, "use_code": "062"}, 0),
        ({"price": 1.0, "use_code": "083"}, 0),
        ({"price": 990_000.0, "land_grade": 13, "division": "990121004"}, 1),
        ({"price": 1_000_000.0, "land_grade": 13, "division": "990121004"}, 0),
        ({"price": 850_000.0, "land_grade": 13, "division": "990199"}, 0),
    ],
    ids=str,
)
def test_the_price_is_at_least_the_floor_of_its_day_grade_and_division(facts: dict, hits: int):
    base = {"land_grade": 12}
    result = found(rules.below_floor, supply=rows("land.supply", supply(**base | facts)), floor=FLOOR)
    assert len(result) == hits


# ---- R11 -----------------------------------------------------------------------------------------------------------

TERMS = rows(
    "land.max_term",
    {"term_key": "1", "use_prefix": "05", "years": 40},
    {"term_key": "2", "use_prefix": "06", "years": 50},
    {"term_key": "3", "use_prefix": "085", "years": 40},
    {"term_key": "4", "use_group": "public", "years": 50},
    {"term_key": "5", "use_prefix": "07", "years": 70, "valid_from": date(1990, 5, 19)},
)


@pytest.mark.parametrize(
    ("use", "years", "hits"),
    [
        ("051", 40, 0),
        ("051", 41, 1),
        ("061", 50, 0),
        ("0601", 51, 1),
        ("085", 41, 1),
        ("083", 50, 0),
        ("083", 51, 1),
        ("071", 70, 0),
        ("101", 99, 0),
        ("051", None, 0),
    ],
)
def test_the_longest_prefix_gives_the_longest_term(use: str, years: int | None, hits: int):
    supplies = rows("land.supply", supply(use_code=use, term_years=years))
    assert len(found(rules.term_too_long, supply=supplies, term=TERMS)) == hits


# ---- R19–R21 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "signed", "hits"),
    [
        ("", ago(100), 1),
        (None, ago(100), 1),
        ("  ", ago(100), 1),
        ("9901212026B00001", ago(100), 0),
        ("", date(2008, 12, 31), 0),
        ("", date(2009, 1, 1), 1),
    ],
)
def test_no_supervision_number_since_2009(number: str | None, signed: date, hits: int):
    supplies = rows("land.supply", supply(supervision_no=number, signed_on=signed))
    assert len(found(rules.no_supervision_number, supply=supplies)) == hits


@pytest.mark.parametrize(
    ("filed", "hits"),
    [
        (date(2026, 3, 2), 0),
        (date(2026, 3, 9), 0),
        (date(2026, 3, 10), 1),
        (None, 0),
        (date(2026, 6, 16), 0),
    ],
    ids=["same day", "a week: 5 working days", "6 working days", "not filed", "filed tomorrow"],
)
def test_supplies_are_filed_in_five_working_days(filed: date | None, hits: int):
    supplies = rows("land.supply", supply(signed_on=date(2026, 3, 2), filed_on=filed))
    assert keys(found(rules.filed_late, supply=supplies)) == ["S1"] * hits


def test_a_weekend_is_not_a_working_day():
    """Friday to Monday of the week after next: Friday, then five days."""
    friday = {"signed_on": date(2026, 3, 6)}
    on_time = rows("land.supply", supply(**friday, filed_on=date(2026, 3, 13)))
    late = rows("land.supply", supply(**friday, filed_on=date(2026, 3, 16)))
    assert found(rules.filed_late, supply=on_time) == []
    assert [h.days for h in found(rules.filed_late, supply=late)] == [1]


def calendar(**days: bool) -> Any:
    return rows(
        "land.calendar_day",
        *({"day": date.fromisoformat(d[1:].replace("_", "-")), "works": w} for d, w in days.items()),
    )


def test_a_holiday_gives_a_day_and_a_weekend_worked_takes_it_back():
    """Thursday 30 April to Friday 8 May 2026: six weekdays, less the holiday of 1 May, plus Saturday 2 May if worked."""
    filed = rows("land.supply", supply(signed_on=date(2026, 4, 30), filed_on=date(2026, 5, 8)))
    holiday = calendar(d2026_05_01=False)
    worked = calendar(d2026_05_01=False, d2026_05_02=True)
    assert [h.days for h in found(rules.filed_late, supply=filed)] == [1]
    assert found(rules.filed_late, supply=filed, calendar=holiday) == []
    assert [h.days for h in found(rules.filed_late, supply=filed, calendar=worked)] == [1]


@given(
    start=st.dates(date(2026, 1, 1), date(2026, 3, 31)),
    length=st.integers(0, 60),
    days=st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 6, 15)), st.booleans(), max_size=25),
)
def test_working_days_by_column_are_those_of_the_kernel(start: date, length: int, days: dict[date, bool]):
    filed_on = min(start + timedelta(days=length), date(2026, 6, 15))
    filed = rows("land.supply", supply(signed_on=start, filed_on=filed_on))
    table = rows("land.calendar_day", *({"day": d, "works": w} for d, w in days.items()))
    expected = Calendar.of(days.items()).between(start, filed_on)
    result = found(rules.filed_late, supply=filed, calendar=table)
    assert [h.values["waited_days"] for h in result] == ([expected] if expected > 5 else [])


@pytest.mark.parametrize(("days", "hits"), [(30, 0), (31, 1)])
def test_approvals_are_filed_in_thirty_days(days: int, hits: int):
    approvals = rows("land.approval", approval(approved_on=ago(100), filed_on=ago(100 - days)))
    result = found(rules.filed_late, approval=approvals)
    assert [h.objects for h in result] == [(("land.approval", "A1"),)] * hits


SIGNED = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        ("9901212026B00001", []),
        ("9901212025B00001", []),
        ("9901212024B00001", ["year"]),
        ("9901212027B00001", ["year"]),
        ("9901222026B00001", ["division"]),
        ("9901002026B00001", []),
        ("9901212026A00001", ["letter"]),
        ("9901212026B00000", ["serial"]),
        ("9901212026B0001", ["form"]),
        ("", []),
    ],
)
def test_what_is_irregular_about_a_number(number: str, parts: list[str]):
    supplies = rows("land.supply", supply(supervision_no=number, signed_on=SIGNED))
    result = found(rules.irregular_number, supply=supplies)
    assert [h.values["wrong_parts"] for h in result] == ([parts] if parts else [])


def test_a_number_used_twice_is_found_on_both():
    number = "9901212026B00001"
    supplies = [supply(f"S{k}", supervision_no=number, signed_on=SIGNED) for k in range(2)]
    result = found(rules.irregular_number, supply=rows("land.supply", *supplies))
    assert [(h.objects[0][1], h.values["wrong_parts"]) for h in result] == [
        ("S0", ["duplicate"]),
        ("S1", ["duplicate"]),
    ]
