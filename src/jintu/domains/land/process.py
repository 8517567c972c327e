"""The process picture of the land life cycle: its boxes, the conditions they count, the funnel and the balance.

Dates are reckoned to the day the page asks for; thresholds that a law or an operator sets live with the rules
(codes/rule_parameters.csv), these here are only what is due next by the record's own dates.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers import descriptor, presets
from jintu.foundation.registers.models import VisibleRows
from jintu.foundation.registers.presets import Preset
from jintu.foundation.statistics.declared import Balance, Box, Funnel, Measure, register

__all__ = ["declare"]

SOON = timedelta(days=30)


def _has(child: str, **facts: object) -> Exists:
    """Is there a current row of a register that names this supply or approval?"""
    by = "supply_no" if child != "land.supply" else "doc_no"
    rows = descriptor.get(child).model.objects.current()
    return Exists(rows.filter(**{by: OuterRef(by)}, **facts))


def _approved_not_supplied(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.exclude(kind="temporary").filter(~_has("land.supply"))


def _announcement_due(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.exclude(kind="temporary").filter(
        collective_area__gt=0, requisition_announced_on__isnull=True, approved_on__lte=today
    )


def _started(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(_has("land.development_event", kind="start", happened_on__lte=today))


def _finished(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(_has("land.development_event", kind="finish", happened_on__lte=today))


def _due_not_started(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(start_on__lt=today).filter(~_has("land.development_event", kind="start"))


def _start_soon(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(start_on__gte=today, start_on__lte=today + SOON).filter(
        ~_has("land.development_event", kind="start")
    )


def _due_not_delivered(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(delivery_on__lt=today).filter(~_has("land.development_event", kind="delivery"))


def _due_not_finished(rows: VisibleRows, today: date) -> VisibleRows:
    due = rows.annotate(finish_due=Coalesce("extended_finish_on", "finish_on")).filter(finish_due__lt=today)
    return due.filter(~_has("land.development_event", kind="finish"))


def _without_number(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(supervision_no="")


def _without_outline(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(geom__isnull=True)


def _payment_overdue(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(due_on__lt=today, paid_amount__lt=F("due_amount"))


def _idle_open(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(closed_on__isnull=True)


def _temporary_over(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(until_on__lt=today, restored_on__isnull=True)


def _not_accepted(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.exclude(stage__in=("accepted", "maintained"))


def _patch_unhandled(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(Q(judgment="unhandled") | Q(judgment=""))


def _patch_illegal(rows: VisibleRows, today: date) -> VisibleRows:
    return rows.filter(judgment="illegal", case_no="")


def declare() -> None:
    """Called from the app's ready()."""
    presets.register(
        "land.approval",
        Preset("not_supplied", _("approved, nothing supplied yet"), _approved_not_supplied),
        Preset("announcement_due", _("requisition not announced"), _announcement_due, urgent=True),
    )
    presets.register(
        "land.supply",
        Preset("due_not_delivered", _("due, not delivered"), _due_not_delivered, urgent=True),
        Preset("due_not_started", _("due to start, not started"), _due_not_started, urgent=True),
        Preset("start_soon", _("to start within 30 days"), _start_soon),
        Preset("due_not_finished", _("due to finish, not finished"), _due_not_finished, urgent=True),
        Preset("without_number", _("without supervision number"), _without_number, urgent=True),
        Preset("without_outline", _("without outline"), _without_outline),
        Preset("started", _("construction started"), _started),
        Preset("finished", _("construction finished"), _finished),
    )
    presets.register("land.payment", Preset("overdue", _("payment overdue"), _payment_overdue, urgent=True))
    presets.register("land.idle_case", Preset("open", _("not closed"), _idle_open, urgent=True))
    presets.register("land.temporary_use", Preset("over", _("expired, not restored"), _temporary_over, urgent=True))
    presets.register("land.compensation_project", Preset("not_accepted", _("not accepted yet"), _not_accepted))
    presets.register(
        "enforcement.patch",
        Preset("unhandled", _("not judged yet"), _patch_unhandled, urgent=True),
        Preset("illegal", _("illegal, no case filed"), _patch_illegal, urgent=True),
    )
    register(
        Box(
            "approve",
            _("Approve"),
            _("construction-land approvals"),
            "land.approval",
            "file-check",
            "approve",
            "total_area",
            ("not_supplied", "announcement_due"),
        ),
        Box(
            "supply",
            _("Supply"),
            _("contracts and allocation decisions"),
            "land.supply",
            "contract",
            "supply",
            "area",
            ("without_number", "due_not_delivered"),
        ),
        Box("pay", _("Pay"), _("instalments of the price"), "land.payment", "coin", "supply", "", ("overdue",)),
        Box(
            "use",
            _("Use"),
            _("delivery, start, completion"),
            "land.supply",
            "crane",
            "use",
            "area",
            ("due_not_started", "start_soon", "due_not_finished"),
        ),
        Box("idle", _("Idle land"), _("cases under way"), "land.idle_case", "clock-pause", "use", "", ("open",)),
        Box(
            "compensate",
            _("Compensate"),
            _("consolidation projects"),
            "land.compensation_project",
            "plant-2",
            "compensate",
            "added_cult_area",
            ("not_accepted",),
        ),
        Box(
            "temporary",
            _("Temporary land"),
            _("permits and restoration"),
            "land.temporary_use",
            "calendar-time",
            "approve",
            "area",
            ("over",),
        ),
        Box(
            "inspect",
            _("Inspect"),
            _("patches seen on imagery"),
            "enforcement.patch",
            "satellite",
            "inspect",
            "area",
            ("unhandled", "illegal"),
        ),
        Funnel(
            "lifecycle",
            _("Approved, supplied, started, finished"),
            (
                Measure(_("land approved"), "land.approval", "approved_on", "total_area"),
                Measure(_("land supplied"), "land.supply", "signed_on", "area"),
                Measure(_("construction started"), "land.supply", "signed_on", "area", "started"),
                Measure(_("construction finished"), "land.supply", "signed_on", "area", "finished"),
            ),
        ),
        Balance(
            "farmland",
            _("Farmland: occupied, drawn, added"),
            (
                Measure(_("occupied by approvals"), "land.approval", "approved_on", "cult_area"),
                Measure(_("drawn from projects"), "land.compensation_draw", "drawn_on", "area"),
                Measure(_("added by accepted projects"), "land.compensation_project", "accepted_on", "added_cult_area"),
            ),
        ),
    )
