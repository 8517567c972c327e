"""Stories: an approval, its parcels, their supply, payment, building and inspection, all consistent with one another.

Every story is told clean: each date within its limit, each area measured on its shape, each draw covered. What the
plants do to it afterwards is in `plants`. The world then paints what was built into the land-use versions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from .codes import AGRICULTURAL, CONSTRUCTION, LAND_USE_INDEX
from .ledger import Ledger, Row, days, money, square
from .names import COUNTY, TOWNSHIPS, Names
from .sites import Part, Shape, Slot, Surface

__all__ = ["Case", "Deal", "NoRoom", "Project", "World"]

GRADE = 12
"""National land grade (等别) of the sample county."""

FLOORS = {
    "industry": (840, 720, 600, 480, 384, 336, 288, 252, 204, 168, 144, 120, 96, 84, 60),
    "commerce": (2600, 2200, 1850, 1550, 1300, 1100, 930, 790, 670, 570, 480, 410, 350, 300, 250),
    "housing": (2200, 1850, 1550, 1300, 1100, 930, 790, 670, 570, 480, 410, 350, 300, 250, 210),
}
"""Lowest price in yuan/m² by grade 1–15; industry after 国土资发〔2006〕307号, the rest invented for the sample."""

TERMS = {"05": 40, "06": 50, "07": 70, "08": 50}
ALLOCATED = {"08", "10", "11", "09"}
NEW_LAND_FEE = (140, 120, 100, 80, 64, 56, 48, 42, 34, 28, 24, 20, 16, 14, 10)
USES = ("061", "061", "061", "061", "063", "071", "071", "051", "053", "083", "084", "086", "102", "118")
PROJECT_KIND = {
    "05": "town",
    "06": "industry",
    "07": "housing",
    "08": "public",
    "10": "road",
    "11": "water",
    "09": "public",
}
GROUP = {"05": "commerce", "06": "industry", "07": "housing"}


class NoRoom(Exception):
    """The county is too small for another story of this kind."""


@dataclass
class Deal:
    """A supply with its payments and events; ``use`` and ``built_on`` say what the map will show from when."""

    supply: Row
    part: Part
    case: Case | None
    payments: list[Row] = field(default_factory=list)
    events: dict[str, Row] = field(default_factory=dict)
    progress: list[Row] = field(default_factory=list)
    built_as: str = ""
    built_on: date | None = None
    shape: Shape | None = None
    planted: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return "land.supply", self.supply["supply_no"]

    @property
    def approval_key(self) -> tuple[str, str]:
        return "land.approval", self.supply["doc_no"]


@dataclass
class Case:
    """An approval with its parcels, supplies and draws."""

    approval: Row
    parcels: list[tuple[Row, Part]]
    deals: list[Deal] = field(default_factory=list)
    draws: list[Row] = field(default_factory=list)
    planted: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return "land.approval", self.approval["doc_no"]

    @property
    def slot(self) -> Slot:
        return self.parcels[0][1].slot


@dataclass
class Project:
    """A compensation project and what is left of it."""

    row: Row
    parts: list[Part]
    left: float
    left_paddy: float
    left_capacity: float
    reserved: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return "land.compensation_project", self.row["project_no"]


class World:
    """A band's stories: slots by purpose, projects to draw from, and the ledger they are written to."""

    def __init__(self, surface: Surface, ledger: Ledger, names: Names, rng: np.random.Generator, as_of: date) -> None:
        self.surface, self.ledger, self.names, self.rng, self.as_of = surface, ledger, names, rng, as_of
        self.slots: dict[str, deque[Slot]] = {}
        self.projects: list[Project] = []
        self.cases: list[Case] = []
        self.group = 0

    # ---- small things -----------------------------------------------------------------------------------------------
    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def day_between(self, first: date, last: date) -> date:
        span = max((last - first).days, 0)
        return first + timedelta(days=int(self.rng.integers(0, span + 1)))

    def slot(self, purpose: str) -> Slot:
        """The next free slot for a purpose; raises `NoRoom`. Projects may take building blocks when hills run out."""
        for source in (purpose, "build") if purpose == "project" else (purpose,):
            if self.slots[source]:
                return self.slots[source].popleft()
        raise NoRoom(purpose)

    def room(self, purpose: str) -> int:
        """How many slots are left for a purpose."""
        return len(self.slots[purpose])

    def town_name(self, slot: Slot) -> str:
        return dict(TOWNSHIPS)[self.surface.suffix[slot.village]]

    def new_group(self) -> int:
        self.group += 1
        return self.group

    # ---- compensation -----------------------------------------------------------------------------------------------
    def project(
        self, accepted_on: date, slots: int = 1, *, reserved: bool = False, kind: str = "", **facts: Any
    ) -> Project:
        """A project that made cultivated land of waste land, accepted on a day; painted into the map from then on."""
        taken = [self.slot("project") for _ in range(slots)]
        parts = [p for s in taken for p in s.parts(1)]
        for part in parts:
            self.surface.paint_before(part, "127" if self.chance(0.25) else "043")
        area = sum(self.surface.area(p) for p in parts)
        paddy = self.surface.band.county.land.elevation[taken[0].block] < 0.42
        kind = kind or self.names.pick(("consolidation", "reclamation", "development", "development"))
        letter = {"consolidation": "Z", "reclamation": "F", "development": "K"}[kind]
        year, place = accepted_on.year - 1, self.town_name(taken[0])
        serial = self.ledger.serial("project", year)
        added = square(area)
        row: Row = {
            "project_no": f"{COUNTY}{year}{letter}{serial:04d}",
            "name": f"{place}{year}年第{serial}期土地" + {"Z": "整治", "F": "复垦", "K": "开发"}[letter] + "项目",
            "kind": kind,
            "fund": self.names.pick(("province", "reclamation_fee", "new_land_fee", "social")),
            "location": place,
            "stage": "accepted" if self.as_of - accepted_on < timedelta(days=1100) else "maintained",
            "scale_area": square(area),
            "added_cult_area": added,
            "added_paddy_area": square(area * 0.6) if paddy else 0.0,
            "added_capacity": round(area * 0.62, 2),
            "grade_before": 13.0,
            "grade_after": round(self.between(8.2, 9.4), 2),
            "investment": money(area * self.between(9, 22)),
            "approval_doc": f"示自然资整〔{year}〕{serial}号",
            "accepted_on": accepted_on,
            "acceptance_doc": f"示自然资验〔{accepted_on.year}〕{self.ledger.serial('accept', accepted_on.year)}号",
            "division": self.surface.township(taken[0]),
            "geometry": self.surface.shape(*parts),
        }
        row.update(facts)
        self.ledger.add("land.compensation_project", row)
        for part in parts:
            self.surface.paint(accepted_on, part, "011" if paddy and self.chance(0.5) else "013", self.new_group())
        project = Project(row, parts, row["added_cult_area"], row["added_paddy_area"], row["added_capacity"], reserved)
        self.projects.append(project)
        return project

    def draw(self, project: Project, case: Case, area: float, paddy: float, capacity: float, **facts: Any) -> Row:
        """Take cultivated land out of a project for an approval."""
        project.left -= area
        project.left_paddy -= paddy
        project.left_capacity -= capacity
        approved_on: date = case.approval["approved_on"]
        row: Row = {
            "draw_key": f"{project.row['project_no']}#{case.approval['doc_no']}",
            "project_no": project.row["project_no"],
            "doc_no": case.approval["doc_no"],
            "area": square(area),
            "paddy_area": square(paddy),
            "capacity": round(capacity, 2),
            "grade": project.row["grade_after"],
            "drawn_on": days(approved_on, -self.rng.integers(5, 25)),
            "state": "used",
            "division": case.approval["division"],
        }
        row.update(facts)
        case.draws.append(row)
        return self.ledger.add("land.compensation_draw", row)

    def compensate(self, case: Case) -> None:
        """Draw the approval's cultivated land from projects accepted before it, paddy for paddy."""
        a = case.approval
        need, paddy = a["cult_area"], a["paddy_area"]
        takes: dict[int, tuple[Project, float, float]] = {}
        while need > 0.005:
            project = self._with_room(a["approved_on"], paddy > 0.005)
            free, free_paddy = self._room(project)
            _, area, wet = takes.get(id(project), (project, 0.0, 0.0))
            take_paddy = min(paddy, free_paddy, free)
            # While paddy is owed only as much is taken here as comes with paddy; the rest follows from any project.
            take = square(take_paddy if paddy > 0.005 else min(need, free))
            takes[id(project)] = (project, area + take, wet + (take if paddy > 0.005 else 0.0))
            project.left -= take
            project.left_paddy -= take if paddy > 0.005 else 0.0
            paddy = square(paddy - take) if paddy > 0.005 else 0.0
            need = square(need - take)
        for project, area, wet in takes.values():
            project.left += area
            project.left_paddy += wet
            self.draw(project, case, square(area), square(wet), min(project.left_capacity, round(area * 0.6, 2)))

    @staticmethod
    def _room(project: Project) -> tuple[float, float]:
        return max(project.left, 0.0), max(project.left_paddy, 0.0)

    def _with_room(self, before: date, paddy: bool) -> Project:
        """A project accepted a month before the day with land (and paddy) left; a new one if there is none."""
        for p in self.projects:
            if (
                not p.reserved
                and p.left > 1
                and (not paddy or p.left_paddy > 1)
                and days(p.row["accepted_on"], 30) <= before
            ):
                return p
        p = self.project(days(before, -self.rng.integers(60, 500)))
        if paddy:
            p.row["added_paddy_area"] = p.left_paddy = p.row["added_cult_area"]
        return p

    # ---- approvals --------------------------------------------------------------------------------------------------
    def doc_no(self, authority: str, year: int) -> str:
        head = {"state": "样国土批函", "province": "示政土字", "city": "示市政土字", "county": "示县政土字"}[authority]
        return f"{head}〔{year}〕{self.ledger.serial('doc', head, year)}号"

    def case(
        self,
        approved_on: date,
        *,
        use: str = "",
        parts: int | None = None,
        keep: int | None = None,
        slots: int = 1,
        all_cultivated: bool = False,
        compensated: bool = True,
        **facts: Any,
    ) -> Case:
        """An approval with one parcel per part, announced, compensated and balanced; nothing supplied yet.

        ``parts`` columns to cut each of the ``slots`` into, of which the first ``keep`` are approved.
        """
        use = use or self.names.pick(USES)
        taken = [self.slot("build") for _ in range(slots)]
        if parts:
            pieces = [p for s in taken for p in s.parts(parts)[:keep]]
        else:
            pieces = [p for s in taken for p in s.parts(3)[: int(self.rng.integers(1, 4))]]
        if all_cultivated:
            for p in pieces:
                self.surface.paint_before(p, "012")
        authority = str(facts.pop("authority", "province"))
        linear = use[:2] in {"10", "11"}
        kind = str(facts.pop("kind", "single_site" if linear else "batch"))
        year, place = approved_on.year, self.town_name(taken[0])
        doc_no = self.doc_no(authority, year)
        if kind == "batch":
            n = self.ledger.serial("batch", year)
            name = f"示例县{year}年度第{n}批次城镇建设用地（{place}）"
        elif kind == "link":
            name = f"{place}{year}年度增减挂钩第{self.ledger.serial('link', year)}项目区"
        else:
            name = f"{self.names.project(use, place)}（{year}年第{self.ledger.serial('site', year)}号项目）"
        parcels: list[tuple[Row, Part]] = []
        for n, p in enumerate(pieces, 1):
            shape = self.surface.shape(p)
            row: Row = {
                "parcel_key": f"{doc_no}#{n}",
                "doc_no": doc_no,
                "parcel_no": str(n),
                "name": f"{name}地块{n}",
                "use_code": use,
                "area": square(shape.area),
                "sheet_no": "",
                "division": self.surface.township(p.slot),
                "geometry": shape,
            }
            self.ledger.add("land.approval_parcel", row)
            parcels.append((row, p))
        announced = days(approved_on, self.rng.integers(4, 12))
        planned = days(announced, self.rng.integers(12, 35))
        paid = days(planned, self.rng.integers(20, 75))
        approval: Row = {
            "doc_no": doc_no,
            "project_name": name,
            "kind": kind,
            "authority": authority,
            "authority_name": {"state": "样本部", "province": "示例省人民政府", "city": "示例市人民政府"}.get(
                authority, "示例县人民政府"
            ),
            "approved_on": approved_on,
            "received_on": days(approved_on, self.rng.integers(1, 5)),
            "filed_on": days(approved_on, self.rng.integers(3, 20)),
            "project_approver": "county" if not linear else "city",
            "project_kind": PROJECT_KIND[use[:2]],
            "industry": self.names.industry(use),
            "use_code": use,
            "quota_year": year,
            "quota_no": f"示自然资规〔{year}〕{self.ledger.serial('quota', year)}号",
            "plan_adjustment_no": "",
            "farmers_count": int(self.rng.integers(12, 160)),
            "requisition_announced_on": announced if announced <= self.as_of else None,
            "compensation_plan_on": planned if planned <= self.as_of else None,
            "compensation_paid_on": paid if paid <= self.as_of else None,
            "supervision_no_approve": f"{COUNTY}{approved_on:%Y%m%d}{self.ledger.serial('approve', approved_on):05d}",
            "link_reclaimed_area": None,
            "link_used_area": None,
            "cult_grade": round(self.between(9.6, 11.5), 2),
            "location": place,
            "division": self.surface.township(taken[0]),
        }
        approval["resettled_count"] = int(approval["farmers_count"] * 0.7)
        case = Case(approval, parcels)
        self.figures(case)
        approval.update(facts)
        self.ledger.add("land.approval", approval)
        self.cases.append(case)
        if compensated:
            self.compensate(case)
        return case

    def figures(self, case: Case) -> None:
        """The approval's area table from its parcels and the land use before anything happened to them."""
        a = case.approval
        by_class = self.surface.classes(p for _, p in case.parcels)
        total = sum(by_class.values())
        kinds = {True: 0.0, False: 0.0}
        agri = built = 0.0
        for code, area in by_class.items():
            index = LAND_USE_INDEX[code]
            agri += area if AGRICULTURAL[index] else 0.0
            built += area if CONSTRUCTION[index] else 0.0
            kinds[code.startswith("01")] += area
        a["total_area"] = square(sum(r["area"] for r, _ in case.parcels))
        a["agri_area"], a["construction_area"] = square(agri), square(built)
        a["unused_area"] = square(max(total - agri - built, 0.0))
        a["cult_area"], a["paddy_area"] = square(kinds[True]), square(by_class.get("011", 0.0))
        a["basic_farmland_area"] = 0.0
        a["state_area"], a["collective_area"] = 0.0, a["total_area"]
        a["new_construction_area"] = square(a["total_area"] - a["construction_area"])
        a["new_construction_fee"] = money(a["new_construction_area"] * NEW_LAND_FEE[GRADE - 1])
        a["reclamation_fee"] = money(a["cult_area"] * 30)

    # ---- supply and use ---------------------------------------------------------------------------------------------
    def supervision_no(self, signed_on: date, method: str) -> str:
        letter = {"1": "A", "3": "C", "4": "D", "5": "E"}.get(method, "B")
        return f"{COUNTY}{signed_on.year}{letter}{self.ledger.serial('supervision', signed_on.year):05d}"

    def supply(
        self,
        case: Case | None,
        part: Part,
        signed_on: date,
        *,
        use: str = "",
        method: str = "",
        pace: tuple[int, int, int] = (60, 200, 930),
        shape: Shape | None = None,
        number: str | None = None,
        unit: float | None = None,
        **facts: Any,
    ) -> Deal:
        """Supply a part: contract, payments, delivery, start, finish, all on time as far as they are due.

        ``pace`` days from signing to the agreed delivery, start and finish; ``unit`` price in yuan/m²; ``number``
        another supervision number than the regular one ("" for none: the contract number is then the key).
        """
        rng = self.rng
        use = use or (case.approval["use_code"] if case else "061")
        head = use[:2]
        method = method or ("1" if head in ALLOCATED else self.names.pick(("23", "23", "23", "22", "21")))
        shape = shape or self.surface.shape(part)
        area = square(shape.area)
        number = self.supervision_no(signed_on, method) if number is None else number
        contract_no = f"示-01-{signed_on.year}-{self.ledger.serial('contract', signed_on.year):04d}"
        place = self.town_name(part.slot)
        floor = FLOORS[GROUP[head]][GRADE - 1] if head in GROUP else 0
        if unit is None:
            price = money(
                np.ceil(area * (floor * self.between(1.08, 1.6) if floor else self.between(95, 160)) / 1000) * 1000
            )
        else:
            price = money(np.ceil(area * unit * 100) / 100)
        far = (1.0, 2.0) if head != "07" else (1.2, 2.2)
        invest = money(round(area * self.between(1500, 2600) / 10000) * 10000)
        source = "new" if case else "existing"
        supply: Row = {
            "supply_no": number or contract_no,
            "supervision_no": number,
            "contract_no": contract_no,
            "project_name": self.names.project(use, place),
            "location": place,
            "doc_no": case.approval["doc_no"] if case else "",
            "area": area,
            "source": source,
            "new_construction_area": area if case else 0.0,
            "use_code": use,
            "method": method,
            "term_years": None if method == "1" else TERMS.get(head, 50),
            "industry": self.names.industry(use),
            "land_grade": GRADE,
            "land_level": self.names.pick(("一级", "二级", "三级", "四级")),
            "price": price,
            "start_price": None if method in {"1", "24"} else money(price * self.between(0.8, 1.0)),
            "holder": self.names.holder(use, place),
            "far_min": far[0],
            "far_max": far[1],
            "density_min": 30.0 if head == "06" else 15.0,
            "density_max": 60.0 if head == "06" else 45.0,
            "investment": invest,
            "delivery_on": days(signed_on, pace[0]),
            "start_on": days(signed_on, pace[1]),
            "finish_on": days(signed_on, pace[2]),
            "extended_finish_on": None,
            "approver": "示例县人民政府",
            "signed_on": signed_on,
            "filed_on": days(signed_on, rng.integers(0, 4)),
            "notice_on": None if method in {"1", "24"} else days(signed_on, -rng.integers(42, 70)),
            "registered_on": None,
            "transferred_on": None,
            "invested_at_transfer": None,
            "division": self.surface.township(part.slot),
            "geometry": shape,
        }
        deal = Deal(supply, part, case, shape=shape)
        self._pay(deal)
        self._build(deal)
        supply.update(facts)
        self.ledger.add("land.supply", supply)
        if case:
            case.deals.append(deal)
        return deal

    def _pay(self, deal: Deal) -> None:
        s, signed_on = deal.supply, deal.supply["signed_on"]
        one = s["method"] == "1" or self.chance(0.35)
        shares = (1.0,) if one else (0.5, 0.5)
        last: date | None = None
        left = s["price"]
        for seq, share in enumerate(shares, 1):
            due = days(signed_on, 28 if seq == 1 else 300)
            amount = money(left if seq == len(shares) else s["price"] * share)
            left = money(left - amount)
            paid = days(due, -self.rng.integers(0, 16))
            row: Row = {
                "payment_key": f"{s['supply_no']}#{seq}",
                "supply_no": s["supply_no"],
                "seq": seq,
                "due_on": due,
                "due_amount": amount,
                "paid_on": paid if paid <= self.as_of else None,
                "paid_amount": amount if paid <= self.as_of else 0.0,
                "division": s["division"],
            }
            deal.payments.append(self.ledger.add("land.payment", row))
            last = paid if paid <= self.as_of else None
        if last is not None:
            registered = days(last, self.rng.integers(12, 50))
            s["registered_on"] = registered if registered <= self.as_of else None

    def event(self, deal: Deal, kind: str, happened_on: date, n: int = 1, **facts: Any) -> Row:
        s = deal.supply
        row: Row = {
            "event_key": f"{s['supply_no']}#{kind}#{n}",
            "supply_no": s["supply_no"],
            "kind": kind,
            "happened_on": happened_on,
            "reported_on": min(days(happened_on, self.rng.integers(1, 9)), self.as_of),
            "built_area": None,
            "invested": None,
            "actual_far": None,
            "actual_density": None,
            "government_cause": False,
            "note": "",
            "division": s["division"],
            "geometry": None,
        }
        row.update(facts)
        if kind == "progress":
            deal.progress.append(row)
        else:
            deal.events[kind] = row
        return self.ledger.add("land.development_event", row)

    def _build(self, deal: Deal) -> None:
        s, rng = deal.supply, self.rng
        area, invest = s["area"], s["investment"]
        delivered = days(s["delivery_on"], -rng.integers(0, 20))
        if delivered > self.as_of:
            return
        self.event(deal, "delivery", delivered)
        started = days(s["start_on"], -rng.integers(0, 50))
        if started > self.as_of:
            return
        self.event(deal, "start", started, invested=money(invest * 0.08))
        deal.built_as, deal.built_on = s["use_code"], started
        year = days(started, 300)
        if year <= self.as_of and year < s["finish_on"]:
            self.event(deal, "progress", year, invested=money(invest * 0.55), built_area=square(area * 0.6))
        finished = days(s["finish_on"], -rng.integers(0, 60))
        if finished <= self.as_of:
            far = round(self.between(s["far_min"] + 0.05, s["far_max"] - 0.1), 3)
            density = round(self.between(s["density_min"] + 3, s["density_max"] - 3), 2)
            outline = self.surface.pushed(deal.part, -5.0) if deal.shape is not None else None
            self.event(
                deal,
                "finish",
                finished,
                invested=money(invest * self.between(1.0, 1.15)),
                built_area=square(area * far),
                actual_far=far,
                actual_density=density,
                geometry=outline,
            )
            accepted = days(finished, rng.integers(20, 50))
            if accepted <= self.as_of:
                self.event(deal, "acceptance", accepted, actual_far=far, actual_density=density)

    def drop(self, deal: Deal, *kinds: str) -> None:
        """Take events of some kinds out of a deal again, with what they built when the start goes."""
        rows = self.ledger.rows["land.development_event"]
        gone = [deal.events.pop(k) for k in kinds if k in deal.events]
        if "progress" in kinds:
            gone += deal.progress
            deal.progress = []
        names = {r["event_key"] for r in gone}
        rows[:] = [r for r in rows if r["event_key"] not in names]
        if "start" in kinds:
            deal.built_as, deal.built_on = "", None

    # ---- everyday stories ------------------------------------------------------------------------------------------
    def tell(self) -> Case:
        """An everyday story: approved some time since the first year, supplied and built as far as that has come."""
        approved_on = self.day_between(date(self.as_of.year - 7, 3, 1), days(self.as_of, -25))
        case = self.case(approved_on)
        for _, part in case.parcels:
            signed_on = days(approved_on, self.rng.integers(50, 330))
            if signed_on <= days(self.as_of, -6):
                deal = self.supply(case, part, signed_on)
                self.inspect(deal)
        return case

    def inspect(self, deal: Deal) -> Row | None:
        """A monitoring patch over something built with approval, on an image after its start."""
        if deal.built_on is None or deal.case is None or self.chance(0.3):
            return None
        image_on = days(deal.built_on, self.rng.integers(40, 220))
        if image_on > days(self.as_of, -20):
            return None
        return self.patch((deal.part,), deal.part.slot, image_on, after=deal.supply["use_code"])

    def tell_existing(self) -> Deal:
        """Old vacant land in town supplied again: no approval needed."""
        part = self.slot("other").parts(2)[0]
        self.surface.paint_before(part, "121")
        signed_on = self.day_between(date(self.as_of.year - 6, 1, 10), days(self.as_of, -40))
        return self.supply(None, part, signed_on, use=self.names.pick(("061", "071", "053")))

    def tell_temporary(self, **facts: Any) -> Row:
        """Land used for a time, given back on time when its time is over."""
        part = self.slot("other").parts(3)[1]
        approved_on = self.day_between(date(self.as_of.year - 4, 2, 1), days(self.as_of, -30))
        return self.temporary(part, approved_on, int(self.rng.integers(330, 720)), **facts)

    def temporary(self, part: Part, approved_on: date, term: int, **facts: Any) -> Row:
        shape, until = self.surface.shape(part), days(approved_on, term)
        place, year = self.town_name(part.slot), approved_on.year
        row: Row = {
            "permit_no": f"示自然资临〔{year}〕{self.ledger.serial('temporary', year)}号",
            "project_name": place + self.names.pick(("公路施工便道", "管线施工场地", "拌和站", "弃土场")),
            "user_name": self.names.holder("10", place),
            "approved_on": approved_on,
            "until_on": until,
            "area": square(shape.area),
            "cult_area": square(self.surface.cultivated(part)),
            "location": place,
            "restored_on": days(until, -self.rng.integers(3, 40)) if until < self.as_of else None,
            "division": self.surface.township(part.slot),
            "geometry": shape,
        }
        row.update(facts)
        return self.ledger.add("land.temporary_use", row)

    def tell_patch(self) -> Row:
        """A monitoring patch that is no new construction: a false change, a barn, ground being cleared for a permit."""
        slot = self.slot("other")
        part = slot.parts(3)[int(self.rng.integers(3))].columns(0, 2)
        image_on = self.day_between(date(self.as_of.year - 4, 3, 1), days(self.as_of, -40))
        before = "012"
        if self.chance(0.5):
            return self.patch((part,), slot, image_on, mark="pseudo", before=before, after=before, changed=False)
        self.surface.paint(image_on, part, "122", self.new_group())
        return self.patch((part,), slot, image_on, mark="facility", before=before, after="122")

    def tell_idle(self) -> Deal:
        """Land that lay idle, was charged for it and was built upon in the end."""
        approved_on = self.day_between(date(self.as_of.year - 7, 3, 1), date(self.as_of.year - 5, 2, 1))
        case = self.case(approved_on, use="061", parts=1)
        part = case.parcels[0][1]
        signed_on = days(approved_on, self.rng.integers(60, 200))
        deal = self.supply(case, part, signed_on, pace=(50, 150, 1500))
        started, s = days(deal.supply["start_on"], 420), deal.supply
        event = deal.events["start"]
        event["happened_on"], event["reported_on"], deal.built_on = started, days(started, 4), started
        for row in deal.progress:
            row["happened_on"], row["reported_on"] = days(started, 200), days(started, 206)
        determined = days(s["start_on"], 385)
        self.ledger.add(
            "land.idle_case",
            {
                "case_no": f"{COUNTY}XZ{determined.year}{self.ledger.serial('idle', determined.year):04d}",
                "supply_no": s["supply_no"],
                "suspected_on": days(determined, -18),
                "investigated_on": days(determined, -10),
                "determined_on": determined,
                "cause": "owner",
                "government_days": 0,
                "measure": "fee",
                "decided_on": days(determined, 14),
                "fee": money(s["price"] * 0.2),
                "fee_paid_on": days(determined, 30),
                "closed_on": days(started, 20),
                "division": s["division"],
            },
        )
        return deal

    # ---- inspection -------------------------------------------------------------------------------------------------
    def patch(
        self,
        parts: Iterable[Part] | Shape,
        slot: Slot,
        image_on: date,
        *,
        mark: str = "B",
        before: str = "012",
        after: str = "061",
        **facts: Any,
    ) -> Row:
        """A monitoring patch between two images."""
        shape = parts if isinstance(parts, Shape) else self.surface.shape(*parts)
        year = image_on.year
        cultivated = square(shape.area) if before.startswith("01") else 0.0
        row: Row = {
            "patch_no": f"{COUNTY}{year}{self.ledger.serial('patch', year):05d}",
            "year": year,
            "mark": mark,
            "before_on": days(image_on, -self.rng.integers(330, 370)),
            "image_on": image_on,
            "class_before": before,
            "class_after": after,
            "changed": True,
            "hard_surface": False,
            "area": square(shape.area),
            "cult_area": cultivated,
            "basic_farmland_area": 0.0,
            "judgment": {"B": "legal", "temp": "temporary", "facility": "facility", "pseudo": "pseudo"}.get(
                mark, "unhandled"
            ),
            "illegal_type": "",
            "subject_kind": self.names.pick(("enterprise", "enterprise", "government", "individual")),
            "subject_name": self.names.person(),
            "measure": "none",
            "case_no": "",
            "checked_on": min(days(image_on, self.rng.integers(20, 80)), self.as_of),
            "location": self.town_name(slot),
            "division": self.surface.township(slot),
            "geometry": shape,
        }
        row.update(facts)
        return self.ledger.add("enforcement.patch", row)
