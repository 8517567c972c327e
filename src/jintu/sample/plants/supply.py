"""Supply: R03–R11, R19–R23."""

from __future__ import annotations

from ..ledger import days, money, square
from ..stories import FLOORS, GRADE, TERMS
from .planter import Planter, hit, planting

__all__ = ["PLANTINGS"]


@planting(4, build=2)
def supplied_outside_approval(p: Planter, n: int) -> None:
    """R03: the east side pushed out of the approval by a known area; another parcel gives way so that R04 is silent."""
    w = p.world
    approved_on = p.ago(600 - 40 * n)
    extra = 700.0 + 350 * n
    case = w.case(approved_on, use="061", parts=2)
    west, east = (part for _, part in case.parcels)
    shape = w.surface.pushed_by_area(east, extra)
    deal = w.supply(case, east, days(approved_on, 80), shape=shape)
    w.supply(case, west, days(approved_on, 90), shape=w.surface.pushed_by_area(west, -extra - 500))
    outside = shape.area - w.surface.shape(east).area
    p.violation("R03", "supplied beyond the approved boundary", hit("R03", deal.key, area=outside))
    if n < 2:
        case = w.case(approved_on, use="061", parts=2)
        west, east = (part for _, part in case.parcels)
        deal = w.supply(case, east, days(approved_on, 80), shape=w.surface.pushed_by_area(east, 90.0))
        w.supply(case, west, days(approved_on, 90), shape=w.surface.pushed_by_area(west, -300.0))
        p.miss("R03", "90 m² outside, nine tenths of the tolerance", deal.key)


@planting(3, build=2)
def supplied_more_than_approved(p: Planter, n: int) -> None:
    """R04: the contract states more land than the approval has left."""
    w = p.world
    approved_on = p.ago(620 - 30 * n)
    for share, planted in ((0.02 + 0.01 * n, True), (0.0045, False)):
        if not planted and n:
            continue
        case = w.case(approved_on, use="061", parts=1)
        a, part = case.approval, case.parcels[0][1]
        over = square(a["total_area"] * share)
        stated = square(a["total_area"] + over)
        deal = w.supply(case, part, days(approved_on, 85), unit=FLOORS["industry"][GRADE - 1] * 1.4, area=stated)
        deal.supply["new_construction_area"] = stated
        if planted:
            p.violation("R04", "more supplied than approved", hit("R04", case.key, area=over))
        else:
            p.miss("R04", "0.45 % more supplied than approved", case.key, deal.key)


@planting(3, build=1)
def supplied_before_approval(p: Planter, n: int) -> None:
    """R05: the contract is older than the approval."""
    signed_on = p.ago(500 + 60 * n)
    deal = p.deal(signed_on, approved_on=days(signed_on, 7 + 5 * n))
    p.violation("R05", "signed before the approval", hit("R05", deal.key, deal.approval_key, area=deal.supply["area"]))
    if n < 2:
        same = p.deal(days(signed_on, 7 + 5 * n), approved_on=days(signed_on, 7 + 5 * n))
        p.miss("R05", "signed on the day of the approval", same.key)


@planting(3, build=2)
def supplied_twice(p: Planter, n: int) -> None:
    """R06: two contracts share a strip of known area."""
    w = p.world
    approved_on = p.ago(560 - 30 * n)
    for extra, planted in ((400.0 + 250 * n, True), (90.0, False)):
        if not planted and n > 1:
            continue
        case = w.case(approved_on, use="061", parts=3)
        first, second, third = (part for _, part in case.parcels)
        one = w.supply(case, first, days(approved_on, 60))
        shape = w.surface.pushed_by_area(second, extra, "west")
        two = w.supply(case, second, days(approved_on, 95), shape=shape)
        # The third parcel gives way, else the approval would be exceeded as well.
        w.supply(case, third, days(approved_on, 99), shape=w.surface.pushed_by_area(third, -extra - 300))
        shared = (one.shape & shape).area if one.shape else 0.0
        if planted:
            p.violation("R06", "the same strip supplied twice", hit("R06", *sorted((one.key, two.key)), area=shared))
        else:
            p.miss("R06", "90 m² shared, nine tenths of the tolerance", one.key, two.key)


@planting(3, build=1)
def supplied_for_another_use(p: Planter, n: int) -> None:
    """R07: housing or commerce where industry was approved."""
    deal = p.deal(p.ago(900), use=("071", "051", "071")[n], approved_use="061")
    p.violation(
        "R07", "supplied for a use of another group", hit("R07", deal.key, deal.approval_key, area=deal.supply["area"])
    )
    if n < 2:
        near = p.deal(p.ago(900), use="063", approved_use="061")
        p.miss("R07", "storage where industry was approved: the same group", near.key)


@planting(4, build=1)
def supplied_without_competition(p: Planter, n: int) -> None:
    """R08: land for profit by negotiation or allocation; an allocation of it is not in the catalogue either (R10)."""
    use = ("061", "051", "071", "061")[n]
    method = "1" if n == 3 else "24"
    deal = p.deal(p.ago(900), use=use, method=method)
    area = deal.supply["area"]
    fires = [hit("R08", deal.key, area=area)]
    if method == "1":
        fires.append(hit("R10", deal.key, area=area))
    p.violation("R08", "land for profit without tender, auction or listing", *fires)
    if n < 2:
        near = p.deal(p.ago(900), use="086", method="24")
        p.miss("R08", "public facility by negotiation", near.key)


@planting(4, build=1)
def supplied_below_floor(p: Planter, n: int) -> None:
    """R09: a price under the lowest price of the grade."""
    use, group = (("061", "industry"), ("071", "housing"), ("051", "commerce"), ("061", "industry"))[n]
    floor = FLOORS[group][GRADE - 1]
    deal = p.deal(p.ago(900), use=use, unit=floor * (0.82 + 0.04 * n))
    p.violation("R09", "price below the floor", hit("R09", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(900), use=use, unit=float(floor))
        p.miss("R09", "price exactly the floor", near.key)


@planting(3, build=1)
def allocated_outside_catalogue(p: Planter, n: int) -> None:
    """R10: a use the allocation catalogue does not name."""
    use = ("082", "088", "082")[n]
    deal = p.deal(p.ago(900), use=use, approved_use="083", method="1")
    p.violation("R10", "allocated for a use outside the catalogue", hit("R10", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(900), use="083", method="1")
        p.miss("R10", "allocated for a school", near.key)


@planting(3, build=1)
def term_too_long(p: Planter, n: int) -> None:
    """R11: a term over the highest of its use."""
    use = ("061", "051", "071")[n]
    deal = p.deal(p.ago(900), use=use, term_years=TERMS[use[:2]] + 1 + 9 * n)
    p.violation("R11", "term over the maximum", hit("R11", deal.key, area=deal.supply["area"]))
    near = p.deal(p.ago(900), use=use, term_years=TERMS[use[:2]])
    p.miss("R11", "term exactly the maximum", near.key)


@planting(4, build=1)
def no_supervision_number(p: Planter, n: int) -> None:
    """R19: a contract without a supervision number."""
    deal = p.deal(p.ago(900), number="")
    p.violation("R19", "contract without a supervision number", hit("R19", deal.key, area=deal.supply["area"]))
    if n == 0:
        p.miss("R19", "contract with its number", p.deal(p.ago(900)).key)


@planting(4, build=1)
def filed_late(p: Planter, n: int) -> None:
    """R20: filed long after signing."""
    deal = p.deal(p.ago(900))
    deal.supply["filed_on"] = days(deal.supply["signed_on"], 16 + 11 * n)
    p.violation("R20", "filed late", hit("R20", deal.key))
    if n < 2:
        near = p.deal(p.ago(900))
        # Seven days later are five working days later, whatever the weekday.
        near.supply["filed_on"] = days(near.supply["signed_on"], 7)
        p.miss("R20", "filed on the fifth working day", near.key)


@planting(4, build=2)
def number_irregular(p: Planter, n: int) -> None:
    """R21: year, letter or serial of the number do not fit the contract, or two contracts share one."""
    w = p.world
    signed_on = p.ago(900)
    number = w.supervision_no(signed_on, "23")
    if n == 3:
        other = p.deal(signed_on, method="23")
        deal = p.deal(signed_on, method="23", number="")
        deal.supply["supervision_no"] = other.supply["supervision_no"]
        p.violation("R21", "two contracts with one number", hit("R21", deal.key), hit("R21", other.key))
        return
    if n == 2 and w.ledger.serial("zero") > 1:
        return  # there is only one such number in a year
    wrong = (
        f"{number[:6]}{signed_on.year - 2}B8{number[12:]}",
        f"{number[:10]}A{number[11:]}",
        f"{number[:11]}00000",
    )[n]
    deal = p.deal(signed_on, method="23", number=wrong)
    p.violation("R21", "year, letter or serial of the number does not fit", hit("R21", deal.key))
    if n == 0:
        near = p.deal(signed_on, method="23", number=f"{number[:6]}{signed_on.year - 1}{number[10:11]}9{number[12:]}")
        p.miss("R21", "a number of the year before the contract's", near.key)


@planting(4, build=1)
def payment_overdue(p: Planter, n: int) -> None:
    """R22: an instalment not paid, or paid in part, after its day."""
    deal = p.deal(p.ago(330))
    due = [r for r in deal.payments if r["due_on"] < p.today][-1]
    due["paid_on"], due["paid_amount"] = None, 0.0
    if n % 2:
        due["paid_on"], due["paid_amount"] = days(due["due_on"], -3), money(due["due_amount"] * 0.4)
    deal.supply["registered_on"] = None
    p.violation("R22", "instalment overdue", hit("R22", ("land.payment", due["payment_key"]), deal.key))
    if n < 2:
        near = p.deal(p.ago(330))
        last = near.payments[-1]
        last["due_on"], last["paid_on"], last["paid_amount"] = p.today, None, 0.0
        near.supply["registered_on"] = None
        p.miss("R22", "instalment due today", ("land.payment", last["payment_key"]))


@planting(3, build=1)
def certificate_before_payment(p: Planter, n: int) -> None:
    """R23: registered before the price was paid in full."""
    deal = p.deal(p.ago(1500))
    last = deal.payments[-1]["paid_on"]
    deal.supply["registered_on"] = days(last, -5 - 4 * n)
    p.violation("R23", "certificate before full payment", hit("R23", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(1500))
        near.supply["registered_on"] = near.payments[-1]["paid_on"]
        p.miss("R23", "certificate on the day of the last payment", near.key)


PLANTINGS = (
    supplied_outside_approval,
    supplied_more_than_approved,
    supplied_before_approval,
    supplied_twice,
    supplied_for_another_use,
    supplied_without_competition,
    supplied_below_floor,
    allocated_outside_catalogue,
    term_too_long,
    no_supervision_number,
    filed_late,
    number_irregular,
    payment_overdue,
    certificate_before_payment,
)
