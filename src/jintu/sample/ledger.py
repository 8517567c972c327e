"""Filings of the sample county: rows of the registers, their numbers, and the list of what was planted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, SupportsFloat

__all__ = ["HEADERS", "Ledger", "Plant", "days", "money", "square"]

Row = dict[str, Any]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


HEADERS: dict[str, tuple[str, ...]] = {
    "land.approval": _names(
        """doc_no project_name kind authority authority_name approved_on received_on filed_on project_approver
        project_kind industry use_code total_area agri_area cult_area paddy_area basic_farmland_area
        construction_area unused_area state_area collective_area new_construction_area cult_grade quota_year
        quota_no plan_adjustment_no new_construction_fee reclamation_fee farmers_count resettled_count
        requisition_announced_on compensation_plan_on compensation_paid_on supervision_no_approve
        link_reclaimed_area link_used_area location division"""
    ),
    "land.approval_parcel": _names("parcel_key doc_no parcel_no name use_code area sheet_no division geometry"),
    "land.supply": _names(
        """supply_no supervision_no contract_no project_name location doc_no area source new_construction_area
        use_code method term_years industry land_grade land_level price start_price holder far_min far_max
        density_min density_max investment delivery_on start_on finish_on extended_finish_on approver
        signed_on filed_on notice_on registered_on transferred_on invested_at_transfer division geometry"""
    ),
    "land.payment": _names("payment_key supply_no seq due_on due_amount paid_on paid_amount division"),
    "land.development_event": _names(
        """event_key supply_no kind happened_on reported_on built_area invested actual_far actual_density
        government_cause note division geometry"""
    ),
    "land.compensation_project": _names(
        """project_no name kind fund location stage scale_area added_cult_area added_paddy_area added_capacity
        grade_before grade_after investment approval_doc accepted_on acceptance_doc division geometry"""
    ),
    "land.compensation_draw": _names(
        "draw_key project_no doc_no area paddy_area capacity grade drawn_on state division"
    ),
    "land.idle_case": _names(
        """case_no supply_no suspected_on investigated_on determined_on cause government_days measure
        decided_on fee fee_paid_on closed_on division"""
    ),
    "land.temporary_use": _names(
        """permit_no project_name user_name approved_on until_on area cult_area location restored_on division
        geometry"""
    ),
    "land.quota": _names("quota_key year conversion_area cult_area carry_ratio basis division"),
    "land.price_floor": _names("floor_key use_group land_grade price_per_m2 valid_from valid_to basis division"),
    "land.allocation_use": _names("use_key use_code name valid_from valid_to basis division"),
    "land.max_term": _names("term_key use_group use_prefix years valid_from valid_to basis division"),
    "enforcement.patch": _names(
        """patch_no year mark before_on image_on class_before class_after changed hard_surface area cult_area
        basic_farmland_area judgment illegal_type subject_kind subject_name measure case_no checked_on
        location division geometry"""
    ),
}
"""Columns of each file, in the order of the registers' models; ``geometry`` is WKT in EPSG:4490."""

KEYS = {name: columns[0] for name, columns in HEADERS.items()}


def days(day: date, count: SupportsFloat) -> date:
    """The day so many days later."""
    return day + timedelta(days=round(float(count)))


def square(area: float) -> float:
    """m² as filed: two decimals."""
    return round(float(area) + 0.0, 2)


def money(amount: float) -> float:
    """Yuan as filed: two decimals."""
    return round(float(amount) + 0.0, 2)


@dataclass
class Plant:
    """One planted violation, or one near miss when ``fires`` is empty.

    ``fires``   rule → area concerned by construction in m² (None where the rule is about no area)
    ``objects`` the rows concerned, the subject first: (register, key)
    """

    rule: str
    what: str
    objects: list[tuple[str, str]]
    fires: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "what": self.what,
            "objects": [list(o) for o in self.objects],
            "fires": self.fires,
        }


@dataclass
class Ledger:
    """Rows by register and the truth about them."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    plants: list[Plant] = field(default_factory=list)
    serials: dict[Any, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, register: str, row: Row) -> Row:
        self.rows[register].append(row)
        return row

    def serial(self, *scope: Any) -> int:
        self.serials[scope] += 1
        return self.serials[scope]

    def count(self) -> int:
        return sum(len(r) for r in self.rows.values())
