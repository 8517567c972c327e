"""Planted against found: missed, extra, wrong area; the order of further objects does not matter."""

from __future__ import annotations

from typing import Any

from jintu.sample.compare import compare

A, B = ("land.supply", "A"), ("land.supply", "B")


def truth(*fires: dict[str, Any]) -> dict[str, Any]:
    return {"plants": [{"fires": list(fires)}]}


def fire(rule: str, *objects: tuple[str, str], area: float | None = None) -> dict[str, Any]:
    return {"rule": rule, "objects": [list(o) for o in objects], "area_m2": area}


def test_what_is_not_found_is_missed_and_what_was_not_planted_is_extra() -> None:
    c = compare(truth(fire("R05", A), fire("R09", A)), [fire("R05", A), fire("R05", B)])
    assert (c.injected, c.found) == (2, 1)
    assert c.missed == [("R09", (A,))]
    assert c.extra == [("R05", (B,))]
    assert not c.exact


def test_the_subject_counts_the_order_of_the_others_does_not() -> None:
    x, y = ("land.approval", "x"), ("land.approval", "y")
    assert compare(truth(fire("R12", A, x, y)), [fire("R12", A, y, x)]).exact
    assert compare(truth(fire("R12", A, x)), [fire("R12", x, A)]).missed


def test_an_area_off_by_more_than_a_thousandth_is_told() -> None:
    planted = truth(fire("R03", A, area=2000.0))
    assert compare(planted, [fire("R03", A, area=2001.9)]).exact
    assert compare(planted, [fire("R03", A, area=2002.1)]).off == [(("R03", (A,)), 2000.0, 2002.1)]
    assert compare(planted, [fire("R03", A)]).off
    assert compare(truth(fire("R21", A)), [fire("R21", A, area=5.0)]).exact
