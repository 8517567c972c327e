"""Rules about approvals: R01, R02, R12–R18, R46, R47. Every rule with a hit, misses and its boundary."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jintu.domains.land.rules import approval as rules
from jintu.foundation.checks.rules import Hit
from jintu.foundation.checks.tests.frames import ago, box, found, keys, layer, rows

HA = 10_000.0


def approval(doc_no: str = "A1", **facts: Any) -> dict[str, Any]:
    return {
        "doc_no": doc_no,
        "project_name": f"项目{doc_no}",
        "kind": "batch",
        "authority": "province",
        "approved_on": ago(400),
        "total_area": HA,
        "collective_area": HA,
        "requisition_announced_on": ago(390),
        "compensation_plan_on": ago(360),
        "compensation_paid_on": ago(300),
    } | facts


def parcel(geometry: bytes | None, doc_no: str = "A1", no: int = 1, **facts: Any) -> dict[str, Any]:
    return {"parcel_key": f"{doc_no}#{no}", "doc_no": doc_no, "geometry": geometry} | facts


def supply(no: str, doc_no: str = "", geometry: bytes | None = None, **facts: Any) -> dict[str, Any]:
    return {"supply_no": no, "doc_no": doc_no, "geometry": geometry, "signed_on": ago(100)} | facts


SQUARE = box(0, 0, 100, 100)


# ---- R01 -----------------------------------------------------------------------------------------------------------


def r01(approved_days: int, *supplies: dict[str, Any], **facts: Any) -> list[Hit]:
    return found(
        rules.approved_not_supplied,
        approval=rows("land.approval", approval(approved_on=ago(approved_days), **facts)),
        parcel=rows("land.approval_parcel", parcel(SQUARE)),
        supply=rows("land.supply", *supplies),
    )


def test_approved_two_years_ago_and_half_supplied_is_found():
    (hit,) = r01(731, supply("S1", geometry=box(0, 0, 50, 100)))
    assert hit.objects == (("land.approval", "A1"),)
    assert hit.area_m2 == pytest.approx(5_000, rel=1e-3)
    assert hit.days == 1


@pytest.mark.parametrize(
    ("days", "width", "hits"), [(730, 50, 0), (731, 59.9, 1), (731, 60.1, 0), (731, 100, 0)], ids=str
)
def test_not_supplied_begins_after_730_days_and_below_60_percent(days: int, width: float, hits: int):
    assert len(r01(days, supply("S1", geometry=box(0, 0, width, 100)))) == hits


def test_a_supply_without_outline_counts_for_the_approval_it_names():
    assert r01(800, supply("S1", "A1", area=6_001.0)) == []
    assert len(r01(800, supply("S1", "A1", area=5_999.0))) == 1
    assert len(r01(800, supply("S1", "B9", area=9_000.0))) == 1


def test_a_supply_signed_after_the_day_and_other_kinds_do_not_count():
    assert len(r01(800, supply("S1", geometry=SQUARE, signed_on=ago(-1)))) == 1
    assert r01(800, supply("S1"), kind="link") == []


# ---- R02 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        ({"approved_on": ago(31), "requisition_announced_on": None, "compensation_plan_on": None}, "announcement"),
        ({"approved_on": ago(30), "requisition_announced_on": None, "compensation_plan_on": None}, None),
        ({"approved_on": ago(31), "requisition_announced_on": ago(-1), "compensation_plan_on": None}, "announcement"),
        ({"compensation_plan_on": ago(91), "compensation_paid_on": None}, "payment"),
        ({"compensation_plan_on": ago(90), "compensation_paid_on": None}, None),
        ({"requisition_announced_on": None, "collective_area": 0.0}, None),
        ({"requisition_announced_on": None, "kind": "temporary"}, None),
        ({}, None),
    ],
)
def test_requisition_is_announced_in_30_days_and_paid_90_days_after_the_plan(facts: dict, step: str | None):
    hits = found(rules.requisition_not_carried_out, approval=rows("land.approval", approval(**facts)))
    assert [h.values["step"] for h in hits] == ([step] if step else [])


def test_an_approval_late_in_both_steps_is_one_finding():
    facts = {"requisition_announced_on": None, "compensation_plan_on": ago(300), "compensation_paid_on": None}
    (hit,) = found(rules.requisition_not_carried_out, approval=rows("land.approval", approval(**facts)))
    assert hit.days == 400 - 30


# ---- R12 -----------------------------------------------------------------------------------------------------------


def r12(*approvals: dict[str, Any], parcels: tuple[dict[str, Any], ...] = ()) -> list[Hit]:
    far = [parcel(box(5_000 * k, 5_000, 10, 10), a["doc_no"], 9) for k, a in enumerate(approvals)]
    return found(
        rules.approval_split,
        approval=rows("land.approval", *approvals),
        parcel=rows("land.approval_parcel", *far, *parcels),
    )


def part(doc_no: str, hectares: float, days: int, **facts: Any) -> dict[str, Any]:
    area = hectares * HA
    return approval(doc_no, approved_on=ago(days), cult_area=area, total_area=area) | facts


def test_one_project_in_two_approvals_above_35_ha_is_found():
    (hit,) = r12(part("A1", 18, 300, project_name="园区"), part("A2", 17.5, 200, project_name="园区"))
    assert hit.objects == (("land.approval", "A1"), ("land.approval", "A2"))
    assert hit.area_m2 == pytest.approx(35.5 * HA)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (part("A2", 17.0, 200, project_name="园区"), "exactly 35 ha"),
        (part("A2", 18.0, 119, project_name="园区"), "181 days apart"),
        (part("A2", 18.0, 200, project_name="别的"), "another project, far away"),
        (part("A2", 18.0, 200, project_name="园区", authority="state"), "by the State Council"),
        (part("A2", 36.0, 200, project_name="园区"), "above the limit by itself: R13"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_no_split(second: dict[str, Any], why: str):
    assert r12(part("A1", 18, 300, project_name="园区"), second) == []


def test_hectares_with_decimals_add_up_to_exactly_35():
    """180000.07 + 169999.93 is a little more than 350000 in binary, not in law."""
    first, second = part("A1", 18.000007, 300, project_name="园区"), part("A2", 16.999993, 200, project_name="园区")
    assert r12(first | {"cult_area": 180_000.07}, second | {"cult_area": 169_999.93}) == []


def test_180_days_apart_still_counts():
    assert len(r12(part("A1", 18, 300, project_name="园区"), part("A2", 18, 120, project_name="园区"))) == 1


@pytest.mark.parametrize(("gap", "hits"), [(49, 1), (51, 0)])
def test_neighbours_within_50_metres_count_as_one_project(gap: float, hits: int):
    near = (parcel(SQUARE, "A1", 1), parcel(box(100 + gap, 0, 100, 100), "A2", 1))
    assert len(r12(part("A1", 18, 300), part("A2", 18, 200), parcels=near)) == hits


def test_other_land_counts_from_70_ha():
    woods = {"project_name": "园区", "cult_area": 0.0}
    assert len(r12(part("A1", 40, 300, **woods), part("A2", 30.1, 250, **woods))) == 1
    assert r12(part("A1", 40, 300, **woods), part("A2", 30, 250, **woods)) == []


def test_a_chain_over_years_is_not_one_split():
    """Each within 180 days of the next, but no window of 180 days holds more than 35 ha."""
    chain = [part(f"A{k}", 17, 900 - 170 * k, project_name="园区") for k in range(5)]
    assert r12(*chain) == []


def test_two_splits_of_one_project_in_different_years_are_two_findings():
    first = [part(f"A{k}", 18, 900 - k, project_name="园区") for k in range(2)]
    second = [part(f"B{k}", 18, 400 - k, project_name="园区") for k in range(2)]
    assert [[key for _register, key in h.objects] for h in r12(*first, *second)] == [["A0", "A1"], ["B0", "B1"]]


# ---- R13 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"cult_area": 350_000.01}, 1),
        ({"cult_area": 350_000.0}, 0),
        ({"total_area": 700_000.01}, 1),
        ({"total_area": 700_000.0}, 0),
        ({"basic_farmland_area": 1.01}, 1),
        ({"basic_farmland_area": 1.0}, 0),
        ({"cult_area": 400_000.0, "authority": "state"}, 0),
        ({"cult_area": 400_000.0, "authority": "city"}, 1),
        ({"cult_area": 400_000.0, "kind": "temporary"}, 0),
        ({"cult_area": 400_000.0, "approved_on": ago(-1)}, 0),
    ],
)
def test_beyond_35_70_hectares_or_on_basic_farmland_only_the_state_approves(facts: dict, hits: int):
    assert len(found(rules.beyond_authority, approval=rows("land.approval", approval(**facts)))) == hits


# ---- R14 -----------------------------------------------------------------------------------------------------------


def r14(conversion: float, cult: float | None = None, carry: float | None = None, **facts: Any) -> list[Hit]:
    used = {"quota_year": 2025, "agri_area": 60_000.0, "cult_area": 40_000.0} | facts
    quota = {
        "quota_key": "990121#2025",
        "year": 2025,
        "conversion_area": conversion,
        "cult_area": cult,
        "carry_ratio": carry,
    }
    return found(
        rules.quota_exceeded,
        approval=rows("land.approval", approval("A1", **used), approval("A2", **used, division="990121003")),
        quota=rows("land.quota", quota),
    )


def test_conversions_above_the_quota_are_found_by_the_excess():
    (hit,) = r14(100_000.0)
    assert hit.objects == (("land.quota", "990121#2025"),)
    assert hit.area_m2 == pytest.approx(20_000)


@pytest.mark.parametrize(
    ("arguments", "hits"),
    [
        ({"conversion": 120_000.0}, 0),
        ({"conversion": 119_998.0}, 1),
        ({"conversion": 100_000.0, "carry": 0.2}, 0),
        ({"conversion": 100_000.0, "carry": 0.19}, 1),
        ({"conversion": 200_000.0, "cult": 79_000.0}, 1),
        ({"conversion": 200_000.0, "cult": 80_000.0}, 0),
        ({"conversion": 100.0, "quota_year": 2024}, 0),
        ({"conversion": 100.0, "kind": "link"}, 0),
        ({"conversion": 100_000.0, "quota_year": None, "approved_on": date(2025, 3, 1)}, 1),
    ],
    ids=str,
)
def test_quota_by_year_with_what_was_carried_over(arguments: dict, hits: int):
    assert len(r14(**arguments)) == hits


def test_a_year_without_quota_row_is_not_judged():
    rows_2025 = rows("land.approval", approval(quota_year=2025, agri_area=1e9))
    quota = rows("land.quota", {"quota_key": "990121#2024", "year": 2024, "conversion_area": 1.0})
    assert found(rules.quota_exceeded, approval=rows_2025, quota=quota) == []


# ---- R15, R16 ------------------------------------------------------------------------------------------------------


def r15(*zones: tuple[str, bytes], **facts: Any) -> list[Hit]:
    return found(
        rules.against_plan,
        approval=rows("land.approval", approval(**facts)),
        parcel=rows("land.approval_parcel", parcel(SQUARE)),
        zone=layer(*({"control_type": code, "geometry": g} for code, g in zones)),
    )


def test_a_restricted_zone_is_found_with_the_part_that_lies_in_it():
    (hit,) = r15(("030", box(90, 0, 500, 500)), ("010", box(-400, 0, 490, 500)))
    assert hit.area_m2 == pytest.approx(1_000, rel=1e-3)
    assert hit.level == ""
    assert hit.geometry is not None


@pytest.mark.parametrize(
    ("zones", "facts", "levels"),
    [
        ((("030", box(99.1, 0, 500, 500)),), {}, []),
        ((("030", box(98.9, 0, 500, 500)),), {}, [""]),
        ((("040", box(90, 0, 500, 500)),), {}, ["red"]),
        ((("010", SQUARE),), {}, []),
        ((("020", SQUARE),), {}, []),
        ((("030", SQUARE),), {"plan_adjustment_no": "示政规调〔2025〕7号"}, []),
        ((("030", SQUARE),), {"kind": "temporary"}, []),
    ],
    ids=["90 m²", "110 m²", "prohibited", "permitted", "conditional", "adjusted", "temporary"],
)
def test_control_zones_030_and_040_above_the_tolerance(zones: Any, facts: dict, levels: list[str]):
    assert [h.level for h in r15(*zones, **facts)] == levels


def test_zones_drawn_twice_count_once():
    (hit,) = r15(("030", box(50, 0, 500, 50)), ("030", box(50, 0, 500, 50)))
    assert hit.area_m2 == pytest.approx(2_500, rel=1e-3)


@pytest.mark.parametrize(
    ("from_x", "facts", "hits"),
    [
        (99.1, {}, 0),
        (98.9, {}, 1),
        (0, {"authority": "state"}, 0),
        (0, {"authority": "city"}, 1),
        (0, {"kind": "temporary"}, 0),
    ],
)
def test_basic_farmland_is_for_the_state_to_approve(from_x: float, facts: dict, hits: int):
    result = found(
        rules.basic_farmland_touched,
        approval=rows("land.approval", approval(**facts)),
        parcel=rows("land.approval_parcel", parcel(SQUARE)),
        farmland=layer({"patch_no": "1", "geometry": box(from_x, -50, 300, 300)}),
    )
    assert len(result) == hits


def test_a_large_approval_has_the_relative_tolerance():
    """30 ha: half a per cent is 1500 m²."""
    large = box(0, 0, 600, 500)

    def hits(width: float) -> int:
        return len(
            found(
                rules.basic_farmland_touched,
                approval=rows("land.approval", approval()),
                parcel=rows("land.approval_parcel", parcel(large)),
                farmland=layer({"patch_no": "1", "geometry": box(600 - width, 0, 300, 500)}),
            )
        )

    assert (hits(2.99), hits(3.01)) == (0, 1)


# ---- R17, R18 ------------------------------------------------------------------------------------------------------


def r17(total: float, *parcels: dict[str, Any]) -> list[Hit]:
    return found(
        rules.area_differs,
        approval=rows("land.approval", approval(total_area=total)),
        parcel=rows("land.approval_parcel", *(parcels or (parcel(SQUARE), parcel(box(200, 0, 100, 100), no=2)))),
    )


@pytest.mark.parametrize(("ratio", "hits"), [(1.0045, 0), (1.0055, 1), (0.9955, 0), (0.9945, 1)])
def test_approved_area_and_outline_may_differ_by_half_a_percent(ratio: float, hits: int):
    assert len(r17(20_000 * ratio)) == hits


def test_with_a_parcel_without_outline_the_area_is_not_judged():
    assert r17(50_000, parcel(SQUARE), parcel(None, no=2)) == []


def r18(cult: float, versions: list[Any] | None = None, **facts: Any) -> list[Hit]:
    before = layer(
        {"land_use_code": "011", "geometry": box(0, 0, 60, 100)},
        {"land_use_code": "021K", "geometry": box(60, 0, 20, 100)},
        {"land_use_code": "031", "geometry": box(80, 0, 20, 100)},
    )
    after = layer({"land_use_code": "061", "geometry": SQUARE})
    return found(
        rules.class_table_differs,
        approval=rows("land.approval", approval(cult_area=cult, **facts)),
        parcel=rows("land.approval_parcel", parcel(SQUARE)),
        dltb=versions or [(ago(800), before), (ago(100), after)],
    )


@pytest.mark.parametrize(("cult", "hits"), [(8_000, 0), (7_001, 0), (6_990, 1), (9_010, 1), (None, 1)])
def test_cultivated_land_is_compared_with_the_survey_in_force_at_approval(cult: float, hits: int):
    assert len(r18(cult)) == hits


def test_the_later_survey_judges_later_approvals_only():
    (hit,) = r18(8_000, approved_on=ago(50))
    assert hit.values["surveyed_m2"] == 0
    assert r18(0.0, approved_on=ago(900)) == [], "older than the first survey"


def test_five_percent_counts_where_it_is_more_than_a_tenth_of_a_hectare():
    whole = layer({"land_use_code": "012", "geometry": box(0, 0, 1000, 100)})

    def hits(cult: float) -> int:
        return len(
            found(
                rules.class_table_differs,
                approval=rows("land.approval", approval(cult_area=cult)),
                parcel=rows("land.approval_parcel", parcel(box(0, 0, 1000, 100))),
                dltb=[(ago(800), whole)],
            )
        )

    assert (hits(95_100), hits(94_900)) == (0, 1)


# ---- R46, R47 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"approved_on": date(2023, 6, 14)}, 1),
        ({"approved_on": date(2023, 6, 15)}, 0),
        ({"approved_on": date(2022, 6, 1), "link_reclaimed_area": 9_999.0}, 0),
        ({"approved_on": date(2022, 6, 1), "link_reclaimed_area": 9_998.9}, 1),
        ({"approved_on": date(2022, 6, 1), "link_reclaimed_area": None}, 1),
        ({"approved_on": date(2022, 6, 1), "link_used_area": None}, 0),
        ({"approved_on": date(2022, 6, 1), "kind": "batch"}, 0),
    ],
)
def test_linked_quota_returns_within_three_years(facts: dict, hits: int):
    base = {"kind": "link", "link_used_area": HA, "link_reclaimed_area": 0.0}
    assert len(found(rules.link_not_returned, approval=rows("land.approval", approval(**base | facts)))) == hits


NOTHING_DONE = {"requisition_announced_on": None, "compensation_plan_on": None, "compensation_paid_on": None}


def r47(*supplies: dict[str, Any], **facts: Any) -> list[str]:
    base = NOTHING_DONE | {"approved_on": date(2024, 6, 14)}
    return keys(
        found(
            rules.approval_lapsed,
            approval=rows("land.approval", approval(**base | facts)),
            parcel=rows("land.approval_parcel", parcel(SQUARE)),
            supply=rows("land.supply", *supplies),
        )
    )


def test_an_approval_lapses_after_two_years_of_nothing():
    assert r47() == ["A1"]
    assert r47(approved_on=date(2024, 6, 15)) == []


@pytest.mark.parametrize(
    "facts", [{"requisition_announced_on": ago(10)}, {"compensation_paid_on": ago(10)}, {"kind": "link"}], ids=str
)
def test_what_was_begun_does_not_lapse(facts: dict):
    assert r47(**facts) == []


def test_supply_keeps_an_approval_alive():
    assert r47(supply("S1", "A1")) == []
    assert r47(supply("S1", geometry=box(0, 0, 2, 100))) == []
    assert r47(supply("S1", geometry=box(99.5, 0, 100, 100))) == ["A1"], "50 m² are drawing, not supply"
    assert r47(supply("S1", "B9", geometry=box(500, 0, 100, 100))) == ["A1"]
