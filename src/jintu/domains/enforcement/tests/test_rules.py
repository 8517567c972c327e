"""Rules about inspection patches: R40–R42, R44."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jintu.domains.enforcement.rules import patches as rules
from jintu.foundation.checks.rules import Hit
from jintu.foundation.checks.tests.frames import ago, box, found, rows

SQUARE = box(0, 0, 100, 100)


def patch(no: str = "P1", **facts: Any) -> dict[str, Any]:
    return {
        "patch_no": no, "image_on": ago(100), "class_before": "012", "class_after": "061", "changed": True,
        "area": 10_000.0, "judgment": "unhandled", "measure": "none", "geometry": SQUARE,
    } | facts  # fmt: skip


def parcel(geometry: bytes, no: int = 1, doc_no: str = "A1") -> dict[str, Any]:
    return {"parcel_key": f"{doc_no}#{no}", "doc_no": doc_no, "geometry": geometry}


FAR = parcel(box(9_000, 0, 10, 10), 9)


def approvals(**facts: Any) -> Any:
    return rows("land.approval", {"doc_no": "A1", "kind": "batch", "approved_on": ago(300)} | facts)


# ---- R40 -----------------------------------------------------------------------------------------------------------


def r40(seen: dict[str, Any], *parcels: dict[str, Any], permits: tuple = (), **of_approval: Any) -> list[Hit]:
    return found(
        rules.built_without_approval,
        patch=rows("enforcement.patch", seen),
        approval=approvals(**of_approval),
        parcel=rows("land.approval_parcel", FAR, *parcels),
        temporary=rows("land.temporary_use", *permits),
    )


def test_new_building_where_nothing_is_approved_is_found():
    (hit,) = r40(patch())
    assert hit.objects == (("enforcement.patch", "P1"),)
    assert hit.area_m2 == pytest.approx(10_000, rel=1e-3)
    assert hit.values["matched_ratio"] == 0


@pytest.mark.parametrize(("shift", "area"), [(0, None), (0.9, None), (1.1, 110), (50, 5_000)])
def test_only_what_no_approval_covers_counts(shift: float, area: float | None):
    result = r40(patch(), parcel(box(shift, 0, 200, 100)))
    assert [h.area_m2 for h in result] == ([] if area is None else [pytest.approx(area, rel=2e-2)])


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"changed": False}, 0),
        ({"class_after": "013"}, 0),
        ({"class_after": "122"}, 0),
        ({"class_after": "121"}, 1),
        ({"class_after": "0601"}, 1),
        ({"class_before": "203"}, 0),
        ({"class_before": ""}, 1),
        ({"judgment": "pseudo"}, 0),
        ({"judgment": "legal"}, 1),
        ({"judgment": "illegal", "measure": "case"}, 1),
        ({"measure": "demolished"}, 0),
        ({"measure": "confiscated"}, 0),
        ({"measure": "legalised"}, 1),
        ({"geometry": None}, 0),
        ({"image_on": ago(-1)}, 0),
    ],
    ids=str,
)
def test_what_is_new_construction(facts: dict, hits: int):
    assert len(r40(patch(**facts))) == hits


@pytest.mark.parametrize(
    ("approved", "until", "hits"),
    [(ago(200), ago(50), 0), (ago(100), ago(100), 0), (ago(99), ago(50), 1), (ago(400), ago(101), 1)],
)
def test_a_temporary_permit_covers_while_it_runs(approved: date, until: date, hits: int):
    permit = {"permit_no": "T1", "approved_on": approved, "until_on": until, "geometry": SQUARE}
    assert len(r40(patch(), permits=(permit,))) == hits


def test_an_approval_and_a_permit_cover_together():
    permit = {"permit_no": "T1", "approved_on": ago(200), "until_on": ago(50), "geometry": box(40, 0, 60, 100)}
    assert r40(patch(), parcel(box(0, 0, 50, 100)), permits=(permit,)) == []


def test_an_approval_that_came_later_is_not_no_approval():
    assert r40(patch(), parcel(SQUARE), approved_on=ago(10)) == []
    assert len(r40(patch(), parcel(SQUARE), approved_on=ago(-1))) == 1, "nor one of tomorrow"


# ---- R41 -----------------------------------------------------------------------------------------------------------


def r41(seen: dict[str, Any], *parcels: dict[str, Any], **of_approval: Any) -> list[Hit]:
    return found(
        rules.built_before_approval,
        patch=rows("enforcement.patch", seen),
        approval=approvals(**of_approval),
        parcel=rows("land.approval_parcel", *(parcels or (parcel(SQUARE),))),
    )


@pytest.mark.parametrize(("approved", "days"), [(ago(99), [1]), (ago(100), []), (ago(300), []), (ago(-1), [])])
def test_an_image_older_than_the_approval_shows_building_before_it(approved: date, days: list[int]):
    result = r41(patch(), approved_on=approved)
    assert [h.days for h in result] == days
    assert all(h.objects == (("enforcement.patch", "P1"), ("land.approval", "A1")) for h in result)


@pytest.mark.parametrize(
    ("facts", "hits"), [({"measure": "legalised"}, 0), ({"measure": "case"}, 1), ({"judgment": "pseudo"}, 0)], ids=str
)
def test_settled_patches_are_left_in_peace(facts: dict, hits: int):
    assert len(r41(patch(**facts), approved_on=ago(10))) == hits


def test_the_parcels_of_one_approval_count_together():
    """60 m² on each of two parcels are above the tolerance of 100 m² together."""
    parcels = (parcel(box(0, -50, 0.6, 150), 1), parcel(box(99.4, -50, 9, 150), 2))
    (hit,) = r41(patch(), *parcels, approved_on=ago(10))
    assert hit.area_m2 == pytest.approx(120, rel=2e-2)
    assert r41(patch(), parcels[0], approved_on=ago(10)) == []


# ---- R42 -----------------------------------------------------------------------------------------------------------


def r42(*seen: dict[str, Any], **of_approval: Any) -> list[Hit]:
    of_approval = {"approved_on": ago(800)} | of_approval
    return found(
        rules.approved_unused,
        patch=rows("enforcement.patch", *seen),
        approval=approvals(**of_approval),
        parcel=rows("land.approval_parcel", parcel(box(0, 0, 50, 100), 1), parcel(box(50, 0, 50, 100), 2)),
    )


def still(no: str = "P1", days: int = 100, width: float = 100.0, **facts: Any) -> dict[str, Any]:
    return patch(no, changed=False, class_after="012", image_on=ago(days), geometry=box(0, 0, width, 100)) | facts


def test_unchanged_land_a_year_after_approval_is_found():
    (hit,) = r42(still())
    assert hit.objects == (("land.approval", "A1"),)
    assert hit.area_m2 == pytest.approx(10_000, rel=1e-3)


@pytest.mark.parametrize(
    ("seen", "facts", "hits"),
    [
        ((still(width=50.1),), {}, 1),
        ((still(width=49.9),), {}, 0),
        ((still(),), {"approved_on": ago(465)}, 0),
        ((still(),), {"approved_on": ago(466)}, 1),
        ((still(),), {"kind": "link"}, 0),
        ((still(), patch("P2", geometry=box(90, 0, 50, 100))), {}, 0),
        ((still(), patch("P2", geometry=box(99.5, 0, 50, 100))), {}, 1),
        ((still(), patch("P2", image_on=ago(900))), {}, 1),
        ((still(width=30), still("P2", width=30)), {}, 0),
        ((still(width=30), still("P2", geometry=box(70, 0, 30, 100))), {}, 1),
    ],
    ids=[
        "half", "less than half", "365 days", "366 days", "link", "building begun", "50 m² changed",
        "changed before approval", "the same part twice", "two parts",
    ],
)  # fmt: skip
def test_at_least_half_unchanged_and_nothing_begun(seen: tuple, facts: dict, hits: int):
    assert len(r42(*seen, **facts)) == hits


# ---- R44 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ({"class_after": "122"}, 1),
        ({"class_after": "1202"}, 1),
        ({"class_before": "122", "class_after": "061"}, 1),
        ({"class_after": "122", "hard_surface": False}, 0),
        ({"class_after": "012"}, 0),
        ({"class_after": "122", "judgment": "pseudo"}, 0),
        ({"class_after": "122", "judgment": "facility"}, 1),
        ({"class_after": "122", "measure": "demolished"}, 0),
        ({"class_after": "122", "geometry": None}, 1),
        ({"class_after": "122", "image_on": ago(-1)}, 0),
    ],
    ids=str,
)
def test_facility_land_with_hard_surface(facts: dict, hits: int):
    result = found(rules.facility_built_over, patch=rows("enforcement.patch", patch(**{"hard_surface": True} | facts)))
    assert len(result) == hits
    assert all(h.area_m2 == pytest.approx(10_000, rel=1e-3) for h in result)
