"""Rules about payment and use: R22–R34. Every rule with a hit, misses and its boundary."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jintu.domains.land.rules import payment as payment_rules
from jintu.domains.land.rules import use as rules
from jintu.foundation.checks.rules import Hit, Rule
from jintu.foundation.checks.tests.frames import ago, box, found, layer, parameters_of, rows

SQUARE = box(0, 0, 100, 100)


def supply(**facts: Any) -> dict[str, Any]:
    return {
        "supply_no": "S1",
        "area": 10_000.0,
        "use_code": "061",
        "method": "23",
        "signed_on": ago(1500),
        "investment": 1_000_000.0,
        "geometry": SQUARE,
    } | facts


def event(kind: str, days: int, **facts: Any) -> dict[str, Any]:
    return {"event_key": f"S1#{kind}#{days}", "supply_no": "S1", "kind": kind, "happened_on": ago(days)} | facts


OTHER = {"event_key": "S9#start#1", "supply_no": "S9", "kind": "start", "happened_on": ago(9)}
"""Somebody else's event, so that the register is not empty."""


def check(rule: Rule, supplied: dict[str, Any], *events: dict[str, Any], **tables: Any) -> list[Hit]:
    tables["event"] = rows("land.development_event", OTHER, *events)
    return found(rule, supply=rows("land.supply", supplied), **tables)


# ---- R22, R23 ------------------------------------------------------------------------------------------------------


def pay(seq: int, due: int, amount: float, paid: float | None = None, on: int | None = None) -> dict[str, Any]:
    return {
        "payment_key": f"S1#{seq}", "supply_no": "S1", "seq": seq, "due_on": ago(due), "due_amount": amount,
        "paid_amount": paid, "paid_on": None if on is None else ago(on),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payment", "unpaid"),
    [
        (pay(1, 1, 100.0), 100.0),
        (pay(1, 0, 100.0), None),
        (pay(1, 10, 100.0, 100.0, 5), None),
        (pay(1, 10, 100.0, 99.99, 5), 0.01),
        (pay(1, 10, 100.0, 100.0, -1), 100.0),
        (pay(1, 10, 100.0, 100.0), None),
        (pay(1, 10, 0.0), None),
    ],
    ids=[
        "a day late",
        "due today",
        "paid late but paid",
        "a cent short",
        "paid tomorrow",
        "paid, no date",
        "nothing due",
    ],
)
def test_payment_overdue(payment: dict, unpaid: float | None):
    tables = {"payment": rows("land.payment", payment), "supply": rows("land.supply", supply())}
    result = found(payment_rules.payment_overdue, **tables)
    assert [h.values["unpaid_yuan"] for h in result] == ([] if unpaid is None else [pytest.approx(unpaid)])
    assert all(h.objects == (("land.payment", "S1#1"), ("land.supply", "S1")) for h in result)


@pytest.mark.parametrize(
    ("registered", "payments", "hits"),
    [
        (ago(50), (pay(1, 100, 60.0, 60.0, 90), pay(2, 80, 40.0, 40.0, 50)), 0),
        (ago(51), (pay(1, 100, 60.0, 60.0, 90), pay(2, 80, 40.0, 40.0, 50)), 1),
        (ago(50), (pay(1, 100, 60.0, 60.0, 90), pay(2, 80, 40.0)), 1),
        (None, (pay(1, 100, 60.0),), 0),
        (ago(-1), (pay(1, 100, 60.0),), 0),
        (ago(50), (), 0),
    ],
    ids=["the same day", "a day before", "never paid", "no certificate", "certificate of tomorrow", "no instalments"],
)
def test_certificate_before_full_payment(registered: date | None, payments: tuple, hits: int):
    result = found(
        payment_rules.certificate_before_payment,
        supply=rows("land.supply", supply(registered_on=registered)),
        payment=rows("land.payment", *payments),
    )
    assert len(result) == hits


# ---- R24, R25, R28 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "column", "kind"),
    [
        (rules.not_delivered, "delivery_on", "delivery"),
        (rules.not_started, "start_on", "start"),
        (rules.not_finished, "finish_on", "finish"),
    ],
    ids=["R24", "R25", "R28"],
)
def test_what_is_due_is_late_from_the_next_day_until_it_is_recorded(rule: Rule, column: str, kind: str):
    assert [h.days for h in check(rule, supply(**{column: ago(1)}))] == [1]
    assert check(rule, supply(**{column: ago(0)})) == []
    assert check(rule, supply(**{column: None})) == []
    assert check(rule, supply(**{column: ago(1)}), event(kind, 0)) == []
    assert len(check(rule, supply(**{column: ago(1)}), event(kind, -1))) == 1, "an event of tomorrow"


@pytest.mark.parametrize(
    ("days", "level"),
    [(30, "blue"), (31, "yellow"), (180, "yellow"), (181, "orange"), (365, "orange"), (366, "red"), (2000, "red")],
)
def test_not_started_rises_with_the_days(days: int, level: str):
    assert [h.level for h in check(rules.not_started, supply(start_on=ago(days)))] == [level]


def test_a_finished_project_was_started():
    assert check(rules.not_started, supply(start_on=ago(500)), event("finish", 10)) == []


def test_an_extension_moves_the_completion():
    extended = supply(finish_on=ago(300), extended_finish_on=ago(1))
    assert [h.days for h in check(rules.not_finished, extended)] == [1]
    assert check(rules.not_finished, extended | {"extended_finish_on": ago(0)}) == []
    assert check(rules.not_finished, extended, event("acceptance", 5)) == []


# ---- R26, R27 ------------------------------------------------------------------------------------------------------


def case(**facts: Any) -> Any:
    base = {"case_no": "X1", "supply_no": "S1", "suspected_on": ago(50)}
    return rows("land.idle_case", base | facts)


@pytest.mark.parametrize(
    ("days", "suspected", "recover"), [(364, 0, 0), (365, 1, 0), (729, 1, 0), (730, 0, 1), (3000, 0, 1)]
)
def test_idle_a_year_pays_and_idle_two_years_is_recovered_never_both(days: int, suspected: int, recover: int):
    late = supply(start_on=ago(days))
    assert len(check(rules.idle_suspected, late)) == suspected
    assert len(check(rules.idle_not_recovered, late)) == recover


def test_days_caused_by_government_do_not_count():
    assert check(rules.idle_suspected, supply(start_on=ago(400)), idle=case(government_days=36)) == []
    (hit,) = check(rules.idle_suspected, supply(start_on=ago(400)), idle=case(government_days=35))
    assert hit.days == 365
    assert check(rules.idle_not_recovered, supply(start_on=ago(765)), idle=case(government_days=36)) == []


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"determined_on": ago(10)}, 0),
        ({"determined_on": ago(-1)}, 1),
        ({"closed_on": ago(1)}, 0),
        ({"investigated_on": ago(40)}, 1),
    ],
    ids=str,
)
def test_a_determined_case_is_no_longer_suspected(facts: dict, hits: int):
    assert len(check(rules.idle_suspected, supply(start_on=ago(400)), idle=case(**facts))) == hits


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"measure": "recovery", "decided_on": ago(1)}, 0),
        ({"measure": "fee", "decided_on": ago(1)}, 0),
        ({"measure": "none", "decided_on": ago(1)}, 1),
        ({"measure": "recovery", "decided_on": None}, 1),
        ({"determined_on": ago(100)}, 1),
    ],
    ids=str,
)
def test_two_years_idle_wants_a_decision(facts: dict, hits: int):
    assert len(check(rules.idle_not_recovered, supply(start_on=ago(800)), idle=case(**facts))) == hits


def stalled(*later: dict[str, Any], suspended: int = 365, built: float | None = 3_000.0, **facts: Any) -> int:
    begun = (event("start", 900, built_area=built, **facts), event("suspend", suspended))
    return len(check(rules.idle_suspected, supply(start_on=ago(900)), *begun, *later))


def test_begun_and_suspended_for_a_year_with_little_built_is_idle():
    assert stalled() == 1
    assert stalled(suspended=364) == 0


@pytest.mark.parametrize(
    ("built", "invested", "hits"),
    [
        (3_333.0, None, 1),
        (3_334.0, None, 0),
        (None, 249_999.0, 1),
        (None, 250_000.0, 0),
        (None, None, 0),
        (9e3, 1e3, 1),
    ],
)
def test_a_third_built_or_a_quarter_invested(built: float | None, invested: float | None, hits: int):
    assert stalled(built=built, invested=invested) == hits


def test_what_goes_on_is_not_suspended():
    assert stalled(event("resume", 100)) == 0
    assert stalled(event("progress", 100, built_area=3_000.0)) == 0
    assert stalled(event("resume", 500)) == 1, "suspended again after it"
    assert stalled(event("finish", 100)) == 0


def test_a_suspension_by_government_is_not_the_holders():
    begun = event("start", 900, built_area=10.0), event("suspend", 500, government_cause=True)
    assert check(rules.idle_suspected, supply(start_on=ago(900)), *begun) == []


def test_shipped_limits_of_idleness_fit_together():
    """Between the breach of contract, the fee and the recovery no day is left out and none counts twice."""
    idle, recover = parameters_of(rules.idle_suspected), parameters_of(rules.idle_not_recovered)
    assert idle.recovery_days == recover.limit_days
    assert parameters_of(rules.not_started).orange_days == idle.limit_days


# ---- R29 -----------------------------------------------------------------------------------------------------------


def patch(no: str, geometry: bytes, days: int, **facts: Any) -> dict[str, Any]:
    return {"patch_no": no, "geometry": geometry, "image_on": ago(days), "changed": False} | facts


def r29(*patches: dict[str, Any], started: int = 200) -> list[Hit]:
    return check(rules.start_not_seen, supply(), event("start", started), patch=rows("enforcement.patch", *patches))


def test_a_start_the_image_does_not_show_is_found():
    (hit,) = r29(patch("P1", box(0, 0, 60, 100), 100))
    assert hit.objects == (("land.supply", "S1"), ("enforcement.patch", "P1"))
    assert hit.area_m2 == pytest.approx(6_000, rel=1e-3)


@pytest.mark.parametrize(
    ("patches", "hits"),
    [
        ((patch("P1", box(0, 0, 50.1, 100), 169),), 1),
        ((patch("P1", box(0, 0, 49.9, 100), 169),), 0),
        ((patch("P1", SQUARE, 170),), 0),
        ((patch("P1", SQUARE, 100, changed=True),), 0),
        ((patch("P1", SQUARE, 100, hard_surface=True),), 0),
        ((patch("P1", SQUARE, 100), patch("P2", SQUARE, 50, changed=True)), 0),
        ((patch("P1", SQUARE, 100, changed=True), patch("P2", SQUARE, 50)), 1),
        ((patch("P1", SQUARE, -1),), 0),
    ],
    ids=["half", "less than half", "30 days after", "changed", "hard", "later change", "later none", "of tomorrow"],
)
def test_the_latest_image_of_half_the_parcel_decides(patches: tuple, hits: int):
    assert len(r29(*patches)) == hits


# ---- R30, R32, R34 -------------------------------------------------------------------------------------------------

RANGE = {"far_min": 1.0, "far_max": 2.0, "density_min": 30.0, "density_max": 60.0}


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"actual_far": 2.0, "actual_density": 60.0}, 0),
        ({"actual_far": 2.001}, 1),
        ({"actual_far": 0.999}, 1),
        ({"actual_far": 1.0}, 0),
        ({"actual_density": 60.1}, 1),
        ({"actual_density": 29.9}, 1),
        ({}, 0),
    ],
    ids=str,
)
def test_far_and_density_stay_in_the_agreed_range(facts: dict, hits: int):
    assert len(check(rules.out_of_range, supply(**RANGE), event("finish", 10, **facts))) == hits


def test_the_completion_check_corrects_the_completion_and_progress_says_nothing():
    wrong, right = event("finish", 50, actual_far=3.0), event("acceptance", 10, actual_far=1.5)
    assert check(rules.out_of_range, supply(**RANGE), wrong, right) == []
    assert check(rules.out_of_range, supply(**RANGE), event("progress", 50, actual_far=3.0)) == []
    assert check(rules.out_of_range, supply(), wrong) == [], "no limits agreed"


@pytest.mark.parametrize(("invested", "hits"), [(999_999.0, 1), (1_000_000.0, 0), (1_200_000.0, 0), (None, 0)])
def test_a_completed_project_has_invested_what_was_agreed(invested: float | None, hits: int):
    assert len(check(rules.less_invested, supply(), event("finish", 10, invested=invested))) == hits


def test_investment_is_judged_at_completion_by_the_latest_figure():
    early = event("progress", 300, invested=200_000.0)
    assert check(rules.less_invested, supply(), early) == []
    assert len(check(rules.less_invested, supply(), early, event("finish", 10))) == 1
    assert check(rules.less_invested, supply(), early, event("finish", 10, invested=1e6)) == []
    assert check(rules.less_invested, supply(investment=None), early, event("finish", 10)) == []


@pytest.mark.parametrize(
    ("facts", "events", "hits"),
    [
        ({"invested_at_transfer": 249_999.0}, (), 1),
        ({"invested_at_transfer": 250_000.0}, (), 0),
        ({"invested_at_transfer": None}, (event("progress", 30, invested=100_000.0),), 1),
        ({"invested_at_transfer": None}, (event("progress", 10, invested=100_000.0),), 0),
        ({"invested_at_transfer": 1.0, "transferred_on": None}, (), 0),
        ({"invested_at_transfer": 1.0, "transferred_on": ago(-1)}, (), 0),
        ({"invested_at_transfer": 1.0, "method": "1"}, (), 0),
    ],
    ids=["below", "exactly 25 %", "by events", "event after it", "not transferred", "tomorrow", "allocated"],
)
def test_a_quarter_is_invested_before_transfer(facts: dict, events: tuple, hits: int):
    base = {"transferred_on": ago(20)}
    assert len(check(rules.transferred_early, supply(**base | facts), *events)) == hits


# ---- R31, R33 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "hits"), [(100, 0), (100.9, 0), (101.1, 1), (150, 1)])
def test_the_as_built_outline_stays_within_the_red_line(width: float, hits: int):
    result = check(rules.beyond_red_line, supply(), event("finish", 10, geometry=box(0, 0, width, 100)))
    assert len(result) == hits
    assert all(h.area_m2 == pytest.approx((width - 100) * 100, rel=2e-2) for h in result)


def test_the_latest_measurement_counts_and_neighbours_land_is_outside_too():
    first, second = (event("progress", 90, geometry=box(0, 0, 150, 100)), event("finish", 10, geometry=SQUARE))
    assert check(rules.beyond_red_line, supply(), first, second) == []
    neighbour = supply(supply_no="S2", geometry=box(100, 0, 100, 100))
    result = found(
        rules.beyond_red_line,
        supply=rows("land.supply", supply(), neighbour),
        event=rows("land.development_event", event("finish", 10, geometry=box(0, 0, 150, 100))),
    )
    assert [h.objects[0][1] for h in result] == ["S1"]
    assert check(rules.beyond_red_line, supply(geometry=None), first) == []


def r33(codes: dict[str, tuple[float, float]], *, finished: int = 500, surveyed: int = 100) -> list[Hit]:
    patches = [{"land_use_code": c, "geometry": box(x, 0, w, 100)} for c, (x, w) in codes.items()]
    return check(rules.use_changed, supply(), event("finish", finished), dltb=[(ago(surveyed), layer(*patches))])


def test_a_factory_that_became_houses_is_found():
    (hit,) = r33({"071": (0, 60), "061": (60, 40)})
    assert hit.area_m2 == pytest.approx(6_000, rel=1e-3)
    assert hit.values["seen_code"] == "071"


@pytest.mark.parametrize(
    ("codes", "hits"),
    [
        ({"071": (0, 50.1)}, 1),
        ({"071": (0, 49.9)}, 0),
        ({"071": (0, 30), "051": (30, 30)}, 1),
        ({"063": (0, 100)}, 0),
        ({"0604": (0, 100)}, 0),
        ({"201": (0, 100)}, 0),
        ({"011": (0, 100)}, 0),
        ({"0701": (0, 100)}, 1),
    ],
    ids=str,
)
def test_more_than_half_under_another_construction_use(codes: dict, hits: int):
    assert len(r33(codes)) == hits


def test_a_survey_older_than_the_completion_says_nothing():
    assert r33({"071": (0, 100)}, finished=100, surveyed=100) == []
    assert len(r33({"071": (0, 100)}, finished=101, surveyed=100)) == 1
