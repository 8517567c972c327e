"""Use of supplied land: R24–R34."""

from __future__ import annotations

from typing import Any

from ..ledger import Row, days, money, square
from ..stories import Deal
from .planter import Planter, hit, planting

__all__ = ["PLANTINGS"]


def _idle_row(p: Planter, deal: Deal, **facts: object) -> Row:
    s = deal.supply
    suspected = days(s["start_on"], 370)
    row: Row = {
        "case_no": f"{s['division'][:6]}XZ{suspected.year}{p.world.ledger.serial('idle', suspected.year):04d}",
        "supply_no": s["supply_no"],
        "suspected_on": suspected,
        "investigated_on": days(suspected, 12),
        "determined_on": days(suspected, 40),
        "cause": "owner",
        "government_days": 0,
        "measure": "none",
        "decided_on": None,
        "fee": None,
        "fee_paid_on": None,
        "closed_on": None,
        "division": s["division"],
    }
    row.update(facts)
    return p.world.ledger.add("land.idle_case", row)


@planting(3, build=1)
def not_delivered(p: Planter, n: int) -> None:
    """R24: the agreed day of delivery is over and nothing was delivered."""
    late = 20 + 15 * n
    deal = p.deal(p.ago(330), pace=(330 - late, 520, 1300))
    p.world.drop(deal, "delivery")
    p.violation("R24", "land not delivered on time", hit("R24", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(330), pace=(330, 520, 1300))
        p.world.drop(near, "delivery")
        p.miss("R24", "delivery agreed for today", near.key)


@planting(4, build=1)
def not_started(p: Planter, n: int) -> None:
    """R25: the agreed day of starting is over."""
    deal = p.deal(p.ago(600), pace=(60, 600 - (20, 60, 200, 300)[n], 1600))
    p.world.drop(deal, "start", "progress")
    p.violation("R25", "not started on time", hit("R25", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(600), pace=(60, 600, 1600))
        p.world.drop(near, "start", "progress")
        p.miss("R25", "start agreed for today", near.key)


@planting(3, build=1)
def idle_suspected(p: Planter, n: int) -> None:
    """R26: nothing begun a year after the agreed day (R25 as well), or work stopped for a year with little done."""
    world, signed_on = p.world, p.ago(1000)
    if n < 2:
        deal = p.deal(signed_on, pace=(60, 1000 - 420 - 60 * n, 2200))
        world.drop(deal, "start", "progress")
        area = deal.supply["area"]
        fires = [hit("R26", deal.key, area=area), hit("R25", deal.key, area=area)]
        p.violation("R26", "not started one year after the agreed day", *fires)
        near = p.deal(signed_on, pace=(60, 1000 - 364, 2200))
        world.drop(near, "start", "progress")
        p.miss("R26", "364 days late", near.key, fires=(hit("R25", near.key, area=near.supply["area"]),))
    else:
        deal = _stopped(p, 400)
        p.violation("R26", "stopped for more than a year", hit("R26", deal.key, area=deal.supply["area"]))
        p.miss("R26", "stopped for 300 days", _stopped(p, 300).key)


def _stopped(p: Planter, since: int) -> Deal:
    deal = p.deal(p.ago(1000), pace=(60, 200, 1900))
    p.world.drop(deal, "progress")
    s = deal.supply
    start = deal.events["start"]["happened_on"]
    little: dict[str, Any] = {"invested": money(s["investment"] * 0.12), "built_area": square(s["area"] * 0.05)}
    p.world.event(deal, "progress", days(start, 90), **little)
    p.world.event(deal, "suspend", p.ago(since), note="资金不足停工", **little)
    return deal


@planting(3, build=1)
def idle_two_years(p: Planter, n: int) -> None:
    """R27: idle for two years and no decision; late as well (R25)."""
    deal = p.deal(p.ago(1300), pace=(60, 1300 - 760 - 50 * n, 2600))
    p.world.drop(deal, "start", "progress")
    _idle_row(p, deal)
    area = deal.supply["area"]
    fires = [hit(rule, deal.key, area=area) for rule in ("R27", "R25")]
    p.violation("R27", "idle for two years and not taken back", *fires)
    if n < 2:
        near = p.deal(p.ago(1300), pace=(60, 1300 - 760, 2600))
        p.world.drop(near, "start", "progress")
        _idle_row(p, near, measure="recovery", decided_on=p.ago(15))
        late = hit("R25", near.key, area=near.supply["area"])
        p.miss("R27", "idle for two years, recovery decided", near.key, fires=(late,))


@planting(3, build=1)
def not_completed(p: Planter, n: int) -> None:
    """R28: the agreed (and extended) day of completion is over."""
    deal = p.deal(p.ago(1100), pace=(60, 200, 1100 - 70 - 20 * n))
    p.world.drop(deal, "finish", "acceptance")
    if n == 2:
        deal.supply["extended_finish_on"] = p.ago(8)
    p.violation("R28", "not completed on time", hit("R28", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(1100), pace=(60, 200, 1100 if n else 1000))
        p.world.drop(near, "finish", "acceptance")
        if not n:
            near.supply["extended_finish_on"] = days(p.today, 60)
        p.miss("R28", "completion due today" if n else "completion extended into the future", near.key)


@planting(3, build=1)
def start_only_on_paper(p: Planter, n: int) -> None:
    """R29: a start is reported and the image shows the land unchanged."""
    deal = p.deal(p.ago(300), pace=(40, 120, 1200), approved_on=p.ago(340))
    start = deal.events["start"]["happened_on"]
    image_on = days(start, 60 + 5 * n)
    row = p.world.patch((deal.part,), deal.part.slot, image_on, mark="pseudo", after="012", changed=False)
    deal.built_as, deal.built_on = "", None
    patch = ("enforcement.patch", row["patch_no"])
    p.violation("R29", "reported as started, unchanged on the image", hit("R29", deal.key, patch, area=row["area"]))
    if n < 2:
        near = p.deal(p.ago(300), pace=(40, 120, 1200), approved_on=p.ago(340))
        image = days(near.events["start"]["happened_on"], 60)
        changed = p.world.patch((near.part,), near.part.slot, image, after="061")
        p.miss("R29", "started and changed on the image", near.key, ("enforcement.patch", changed["patch_no"]))


@planting(4, build=1)
def ratio_out_of_range(p: Planter, n: int) -> None:
    """R30: floor-area ratio or density outside the contract."""
    deal = p.deal(p.ago(1500))
    finish, s = deal.events["finish"], deal.supply
    p.world.drop(deal, "acceptance")
    if n % 2:
        finish["actual_density"] = s["density_max"] + 4 + n
    else:
        finish["actual_far"] = round(s["far_max"] + 0.15 * (n + 1), 3)
    p.violation("R30", "floor-area ratio or density out of range", hit("R30", deal.key, area=s["area"]))
    if n < 2:
        near = p.deal(p.ago(1500))
        p.world.drop(near, "acceptance")
        near.events["finish"]["actual_far"] = near.supply["far_max"]
        p.miss("R30", "floor-area ratio exactly the highest", near.key)


@planting(3, build=1)
def built_beyond_boundary(p: Planter, n: int) -> None:
    """R31: the outline as built leaves the supplied land by a known area."""
    surface = p.world.surface
    deal = p.deal(p.ago(1500))
    outline = surface.pushed_by_area(deal.part, 450.0 + 200 * n)
    deal.events["finish"]["geometry"] = outline
    beyond = outline.area - surface.shape(deal.part).area
    p.violation("R31", "built beyond the red line", hit("R31", deal.key, area=beyond))
    if n < 2:
        near = p.deal(p.ago(1500))
        near.events["finish"]["geometry"] = surface.pushed_by_area(near.part, 90.0)
        p.miss("R31", "90 m² beyond, nine tenths of the tolerance", near.key)


@planting(3, build=1)
def invested_too_little(p: Planter, n: int) -> None:
    """R32: finished with less than the agreed investment."""
    deal = p.deal(p.ago(1500))
    deal.events["finish"]["invested"] = money(deal.supply["investment"] * (0.7 + 0.05 * n))
    p.violation("R32", "invested less than agreed", hit("R32", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(1500))
        near.events["finish"]["invested"] = near.supply["investment"]
        p.miss("R32", "invested exactly what was agreed", near.key)


@planting(3, build=1)
def used_otherwise(p: Planter, n: int) -> None:
    """R33: something else stands there than was supplied for."""
    deal = p.deal(p.ago(1500))
    deal.built_as = ("071", "053", "071")[n]
    p.violation("R33", "used for another group than supplied for", hit("R33", deal.key, area=deal.supply["area"]))
    if n < 2:
        near = p.deal(p.ago(1500))
        near.built_as = "063"
        p.miss("R33", "a warehouse on industrial land: the same group", near.key)


@planting(3, build=1)
def transferred_too_early(p: Planter, n: int) -> None:
    """R34: transferred with less than a quarter invested."""
    deal = p.deal(p.ago(900))
    s = deal.supply
    s["transferred_on"] = p.ago(300 - 20 * n)
    s["invested_at_transfer"] = money(s["investment"] * (0.1 + 0.06 * n))
    p.violation("R34", "transferred below a quarter of the investment", hit("R34", deal.key, area=s["area"]))
    if n < 2:
        near = p.deal(p.ago(900))
        near.supply["transferred_on"] = p.ago(300)
        near.supply["invested_at_transfer"] = money(near.supply["investment"] * 0.25)
        p.miss("R34", "transferred at exactly a quarter", near.key)


PLANTINGS = (
    not_delivered,
    not_started,
    idle_suspected,
    idle_two_years,
    not_completed,
    start_only_on_paper,
    ratio_out_of_range,
    built_beyond_boundary,
    invested_too_little,
    used_otherwise,
    transferred_too_early,
)
