"""Inspection: R40–R44."""

from __future__ import annotations

from ..ledger import Row, days
from .planter import Planter, hit, planting

__all__ = ["PLANTINGS"]


def _patch(row: Row) -> tuple[str, str]:
    return "enforcement.patch", str(row["patch_no"])


@planting(6, build=1, other=1)
def built_without_approval(p: Planter, n: int) -> None:
    """R40: new building land on the image where nothing was approved."""
    w = p.world
    slot = w.slot("other")
    part = slot.parts(3)[n % 3].columns(0, 2)
    image_on = p.ago(120 + 30 * n)
    w.surface.paint(image_on, part, "061", w.new_group())
    row = w.patch((part,), slot, image_on, mark="W", after=("061", "063", "053")[n % 3])
    p.violation("R40", "new building without approval", hit("R40", _patch(row), area=w.surface.area(part)))
    if n < 2:
        case = w.case(p.ago(900), use="061", parts=1)
        deal = w.supply(case, case.parcels[0][1], p.ago(800))
        near = w.patch(w.surface.pushed_by_area(deal.part, 90.0), deal.part.slot, p.ago(500), after="061")
        p.miss("R40", "90 m² outside the approval, nine tenths of the tolerance", _patch(near))


@planting(3, build=1)
def built_before_approval(p: Planter, n: int) -> None:
    """R41: the image that shows the change is older than the approval."""
    w = p.world
    case = w.case(p.ago(420 - 30 * n), parts=2, use="061")
    part = case.parcels[0][1]
    for _, each in case.parcels:
        w.supply(case, each, days(case.approval["approved_on"], 60), pace=(40, 100, 1200))
    image_on = days(case.approval["approved_on"], -20 - 15 * n)
    row = w.patch((part,), part.slot, image_on, mark="W", after="061", judgment="illegal", illegal_type="02")
    p.violation("R41", "built before the approval", hit("R41", _patch(row), case.key, area=w.surface.area(part)))
    if n < 2:
        near = w.patch((case.parcels[1][1],), part.slot, case.approval["approved_on"], after="061")
        p.miss("R41", "changed on the image of the day of approval", _patch(near))


@planting(3, build=2)
def approved_and_unused(p: Planter, n: int) -> None:
    """R42: more than a year after approval the image shows the land unchanged."""
    w = p.world
    case = w.case(p.ago(500 + 30 * n), parts=1)
    part = case.parcels[0][1]
    row = w.patch((part,), part.slot, p.ago(50), mark="none", after="012", changed=False, judgment="unhandled")
    p.violation("R42", "approved and unused", hit("R42", case.key, area=w.surface.area(part)))
    if n == 0:
        near = w.case(p.ago(420), parts=1)
        part = near.parcels[0][1]
        image_on = days(near.approval["approved_on"], 365)
        row = w.patch((part,), part.slot, image_on, mark="none", after="012", changed=False, judgment="unhandled")
        p.miss("R42", "unchanged one year after approval to the day", near.key, _patch(row))


@planting(3, other=2)
def temporary_overdue(p: Planter, n: int) -> None:
    """R43: the permit ran out and the land is still built upon."""
    w = p.world
    for late in (60 + 30 * n, 0):
        if not late and n:
            continue
        slot = w.slot("other")
        part = slot.parts(2)[0]
        approved_on = p.ago(730 + late)
        row = w.temporary(part, approved_on, 730, restored_on=None)
        w.surface.paint(approved_on, part, "063", w.new_group())
        key = ("land.temporary_use", row["permit_no"])
        if late:
            p.violation("R43", "temporary land not given back", hit("R43", key, area=w.surface.area(part)))
        else:
            p.miss("R43", "temporary land due back today", key)


@planting(3, other=2)
def facility_built_over(p: Planter, n: int) -> None:
    """R44: land for agricultural facilities shows a hard surface."""
    w = p.world
    for hard in (True, False):
        if not hard and n > 1:
            continue
        slot = w.slot("other")
        part = slot.parts(3)[1].columns(0, 2)
        w.surface.paint_before(part, "122")
        row = w.patch((part,), slot, p.ago(150 + 20 * n), mark="facility", before="122", after="122", hard_surface=hard)
        if hard:
            p.violation("R44", "facility land built over", hit("R44", _patch(row), area=w.surface.area(part)))
        else:
            p.miss("R44", "facility land without hard surface", _patch(row))


PLANTINGS = (
    built_without_approval,
    built_before_approval,
    approved_and_unused,
    temporary_overdue,
    facility_built_over,
)
