"""Approval: R01, R02, R12, R13, R15–R18, R46, R47."""

from __future__ import annotations

from typing import Any

from ..ledger import days, square
from ..stories import Case
from .planter import Planter, hit, planting

__all__ = ["PLANTINGS"]

HECTARE = 10_000.0


def _supply_all(p: Planter, case: Case, after: int = 80) -> None:
    for _, part in case.parcels:
        p.world.supply(case, part, days(case.approval["approved_on"], after))


def _scale(case: Case, factor: float) -> None:
    """State a larger total, and parts that still add up to it; the cultivated part stays as surveyed."""
    for name in ("agri_area", "construction_area", "unused_area"):
        case.approval[name] = square(case.approval[name] * factor)
    total = sum(case.approval[name] for name in ("agri_area", "construction_area", "unused_area"))
    for name in ("total_area", "collective_area"):
        case.approval[name] = square(total)


@planting(4, build=2)
def approved_not_supplied(p: Planter, n: int) -> None:
    """R01: more than two years old, one of three parcels supplied; near misses at two years and at 60 %."""
    w = p.world
    case = w.case(p.ago(740 + 60 * n), use="061", parts=3)
    deal = w.supply(case, case.parcels[0][1], days(case.approval["approved_on"], 90))
    left = case.approval["total_area"] - deal.supply["area"]
    p.violation("R01", "approved two years ago, mostly not supplied", hit("R01", case.key, area=left))
    if n == 0:
        near = w.case(p.ago(730), use="061", parts=3)
        w.supply(near, near.parcels[0][1], days(near.approval["approved_on"], 90))
        p.miss("R01", "two years old today, mostly not supplied", near.key)
    if n == 1:
        near = w.case(p.ago(900), use="061", parts=1)
        part = near.parcels[0][1]
        shape = w.surface.pushed_by_area(part, -0.395 * near.approval["total_area"])
        w.supply(near, part, days(near.approval["approved_on"], 90), shape=shape)
        p.miss("R01", "60.5 % supplied", near.key)


@planting(4, build=2)
def requisition_not_carried_out(p: Planter, n: int) -> None:
    """R02: no announcement in a month, or no compensation three months after the plan."""
    w = p.world
    if n % 2 == 0:
        case = w.case(p.ago(60 + 40 * n), parts=2)
        case.approval.update(requisition_announced_on=None, compensation_plan_on=None, compensation_paid_on=None)
        what = "requisition not announced"
    else:
        case = w.case(p.ago(240 + 20 * n), parts=2)
        announced = days(case.approval["approved_on"], 8)
        case.approval.update(
            requisition_announced_on=announced, compensation_plan_on=days(announced, 30), compensation_paid_on=None
        )
        what = "compensation not paid three months after the plan"
    p.violation("R02", what, hit("R02", case.key, area=case.approval["total_area"]))
    if n < 2:
        near = w.case(p.ago(30) if n == 0 else p.ago(130), parts=2)
        near.approval.update(
            requisition_announced_on=None if n == 0 else p.ago(120),
            compensation_plan_on=None if n == 0 else p.ago(90),
            compensation_paid_on=None,
        )
        p.miss("R02", "approved thirty days ago" if n == 0 else "plan approved ninety days ago", near.key)


def _large(p: Planter, approved_on: Any, hectares: float, **facts: Any) -> Case:
    """An approval of cultivated land only, of exactly so many hectares, on as many blocks as it takes."""
    w, target, slots = p.world, hectares * HECTARE, []
    total = 0.0
    for slot in w.slots["build"]:
        slots.append(slot)
        total += w.surface.area(slot.parts(1)[0])
        if total >= target:
            break
    case = w.case(approved_on, use="061", parts=1, slots=len(slots), all_cultivated=True, compensated=False, **facts)
    over = sum(r["area"] for r, _ in case.parcels) - target
    # The last blocks give way in proportion: one alone might become a sliver.
    last = case.parcels[-3:]
    share = over / sum(r["area"] for r, _ in last)
    for row, part in last:
        row["geometry"] = w.surface.pushed_by_area(part, -row["area"] * share)
        row["area"] = square(row["area"] * (1 - share))
    a = case.approval
    for name in ("total_area", "agri_area", "cult_area", "collective_area", "new_construction_area"):
        a[name] = square(target)
    w.compensate(case)
    return case


def _park(p: Planter, name: str) -> str:
    """A project's name, with a number where another band of a large county has it already."""
    number = p.world.ledger.serial("park", name)
    return f"示例县{name}产业园" + (f"{number}区" if number > 1 else "")


@planting(3, build=14, project=14)
def split_approvals(p: Planter, n: int) -> None:
    """R12: one project cut into two approvals within half a year, together more than 35 ha of cultivated land."""
    w = p.world
    name = _park(p, ("霁云", "砚石", "苇航")[n])
    halves = [
        _large(p, p.ago(330 - 10 * n), 18.2, project_name=name, kind="single_site"),
        _large(p, p.ago(200 + 10 * n), 17.6, project_name=name, kind="single_site"),
    ]
    keys = [c.key for c in halves]
    p.violation("R12", "one project split into two approvals", hit("R12", *sorted(keys), area=35.8 * HECTARE))
    if n == 0 and w.room("build") >= 30 and w.room("project") >= 30:
        name = _park(p, "松麓")
        halves = [
            _large(p, p.ago(330), 18.0, project_name=name, kind="single_site"),
            _large(p, p.ago(210), 17.0, project_name=name, kind="single_site"),
        ]
        p.miss("R12", "two approvals of one project, together exactly 35 ha", *[c.key for c in halves])


@planting(3, build=10, project=12)
def beyond_authority(p: Planter, n: int) -> None:
    """R13: a provincial approval with more than 35 ha of cultivated land, or with basic farmland."""
    w = p.world
    if n == 0:
        case = _large(p, p.ago(300), 35.2)
        p.violation("R13", "a province approved 35.2 ha of cultivated land", hit("R13", case.key, area=35.2 * HECTARE))
        if w.room("build") >= 12 and w.room("project") >= 12:
            near = _large(p, p.ago(290), 35.0)
            p.miss("R13", "a province approved exactly 35 ha of cultivated land", near.key)
        return
    case = w.case(p.ago(300 - 5 * n), parts=2, all_cultivated=True)
    case.approval["basic_farmland_area"] = 4000.0 + 500 * n
    area = case.approval["total_area"]
    p.violation("R13", "a province approved basic farmland", hit("R13", case.key, area=area))


@planting(3, build=2)
def against_the_plan(p: Planter, n: int) -> None:
    """R15: columns of the parcel lie in a restricted or prohibited zone."""
    w, surface = p.world, p.world.surface
    case = w.case(p.ago(360 - 8 * n), parts=1, use="061")
    part = case.parcels[0][1]
    strip = part.columns(0, 1 + n)
    surface.overrides.append(("control", strip, 40 if n == 1 else 30))
    p.violation("R15", "approved in a restricted zone", hit("R15", case.key, area=surface.area(strip)))
    if n == 0:
        near = w.case(p.ago(350), parts=1, use="061", plan_adjustment_no="示政规调〔2025〕7号")
        surface.overrides.append(("control", near.parcels[0][1].columns(0, 2), 30))
        p.miss("R15", "in a restricted zone, the plan adjusted first", near.key)
    if n == 1:
        near = w.case(p.ago(350), parts=1, use="061")
        _over_the_edge(p, near, 90.0, "control", 30)
        p.miss("R15", "90 m² in a restricted zone, nine tenths of the tolerance", near.key)


def _over_the_edge(p: Planter, case: Case, area: float, layer: str, value: int) -> None:
    """Push the only parcel east by a known area into cells whose ``layer`` is set to ``value``."""
    row, part = case.parcels[0]
    surface = p.world.surface
    beyond = part.columns(part.width, part.width + 2)
    if layer == "protected":
        surface.paint_before(beyond, "012")
    surface.overrides.append((layer, beyond, value))
    row["geometry"] = surface.pushed_by_area(part, area)
    row["area"] = square(row["area"] + area)
    for name in ("total_area", "agri_area", "collective_area", "new_construction_area"):
        case.approval[name] = square(case.approval[name] + area)


@planting(4, build=2)
def basic_farmland_touched(p: Planter, n: int) -> None:
    """R16: the parcel covers basic farmland; when the province's table admits it, R13 speaks as well."""
    w, surface = p.world, p.world.surface
    case = w.case(p.ago(360 - 8 * n), parts=1, use="061", all_cultivated=True)
    part = case.parcels[0][1]
    strip = part.columns(0, 1 + n)
    surface.overrides.append(("protected", strip, 1))
    area = surface.area(strip)
    fires = [hit("R16", case.key, area=area)]
    if n == 3:
        case.approval["basic_farmland_area"] = square(area)
        fires.append(hit("R13", case.key, area=case.approval["total_area"]))
    p.violation("R16", "basic farmland approved for building", *fires)
    if n == 0:
        near = w.case(p.ago(350), parts=1, use="061", all_cultivated=True)
        _over_the_edge(p, near, 90.0, "protected", 1)
        p.miss("R16", "90 m² of basic farmland, nine tenths of the tolerance", near.key)
    if n == 1:
        near = w.case(p.ago(350), parts=1, use="061", all_cultivated=True, authority="state")
        strip = near.parcels[0][1].columns(0, 2)
        surface.overrides.append(("protected", strip, 1))
        near.approval["basic_farmland_area"] = square(surface.area(strip))
        p.miss("R16", "basic farmland approved by the State Council", near.key)


@planting(3, build=2)
def area_differs_from_shape(p: Planter, n: int) -> None:
    """R17: the stated area is larger than the parcels by more than half a per cent."""
    w = p.world
    case = w.case(p.ago(600 - 20 * n), parts=2)
    _supply_all(p, case)
    real = case.approval["total_area"]
    _scale(case, 1.011 + 0.006 * n)
    p.violation(
        "R17", "stated area over the parcels' area", hit("R17", case.key, area=case.approval["total_area"] - real)
    )
    if n == 0:
        near = w.case(p.ago(600), parts=2)
        _supply_all(p, near)
        _scale(near, 1.0045)
        p.miss("R17", "stated area 0.45 % over the parcels' area", near.key)


@planting(3, build=2)
def class_table_differs(p: Planter, n: int) -> None:
    """R18: the table has less cultivated land than the survey shows under the parcels."""
    w = p.world
    case = w.case(p.ago(600 - 20 * n), parts=2, all_cultivated=True)
    _supply_all(p, case)
    real = case.approval["cult_area"]
    case.approval["cult_area"] = square(real * (0.9 - 0.05 * n))
    p.violation(
        "R18", "less cultivated land than surveyed", hit("R18", case.key, area=real - case.approval["cult_area"])
    )
    if n == 0:
        near = w.case(p.ago(600), parts=2, all_cultivated=True)
        _supply_all(p, near)
        near.approval["cult_area"] = square(near.approval["cult_area"] - 900.0)
        p.miss("R18", "0.09 ha less than surveyed", near.key)


@planting(3, build=2)
def link_not_returned(p: Planter, n: int) -> None:
    """R46: three years after a link project less was reclaimed than used."""
    w = p.world
    case = w.case(p.ago(1110 + 50 * n), parts=2, kind="link")
    _supply_all(p, case)
    used = case.approval["total_area"]
    case.approval.update(link_used_area=used, link_reclaimed_area=square(used * (0.6 + 0.1 * n)))
    short = used - case.approval["link_reclaimed_area"]
    p.violation("R46", "link quota not returned", hit("R46", case.key, area=short))
    if n < 2:
        three_years = p.today.replace(year=p.today.year - 3)
        near = w.case(three_years if n else p.ago(1300), parts=2, kind="link")
        _supply_all(p, near)
        total = near.approval["total_area"]
        near.approval.update(link_used_area=total, link_reclaimed_area=square(total * 0.5) if n else total)
        p.miss("R46", "three years today" if n else "as much reclaimed as used", near.key)


@planting(3, build=2)
def filed_late(p: Planter, n: int) -> None:
    """R20: the approval itself filed more than thirty days later."""
    case = p.world.case(p.ago(150 + 40 * n))
    case.approval["filed_on"] = days(case.approval["approved_on"], 31 + 7 * n)
    p.violation("R20", "approval filed late", hit("R20", case.key))
    if n == 0:
        near = p.world.case(p.ago(150))
        near.approval["filed_on"] = days(near.approval["approved_on"], 30)
        p.miss("R20", "approval filed on the thirtieth day", near.key)


@planting(3, build=2)
def approval_lapsed(p: Planter, n: int) -> None:
    """R47: two years after approval nothing was done; so nothing was supplied (R01) nor announced (R02)."""
    case = p.world.case(p.ago(760 + 90 * n), parts=2)
    a = case.approval
    a.update(requisition_announced_on=None, compensation_plan_on=None, compensation_paid_on=None)
    fires = [hit(rule, case.key, area=a["total_area"]) for rule in ("R47", "R01", "R02")]
    p.violation("R47", "approval lapsed", *fires)
    if n == 0:
        near = p.world.case(p.today.replace(year=p.today.year - 2), parts=2)
        a = near.approval
        a.update(requisition_announced_on=None, compensation_plan_on=None, compensation_paid_on=None)
        p.miss("R47", "two years old today", near.key, fires=(hit("R02", near.key, area=a["total_area"]),))


PLANTINGS = (
    approved_not_supplied,
    requisition_not_carried_out,
    against_the_plan,
    basic_farmland_touched,
    area_differs_from_shape,
    class_table_differs,
    link_not_returned,
    filed_late,
    approval_lapsed,
    beyond_authority,
    split_approvals,
)
