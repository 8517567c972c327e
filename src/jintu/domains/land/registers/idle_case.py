"""Idle-land cases (闲置土地): from suspicion to decision, Decree 53 (2012)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import fields
from .choices import IdleCause, IdleMeasure

__all__ = ["IDLE_CASE", "IdleCase"]


class IdleCase(RegisterRow):
    """One case about one supply. ``government_days``: days of the delay that the government caused."""

    case_no = fields.key(_("case no."), 80, code="AJBH", aliases=("案件编号", "闲置土地编号"))
    supply_no = fields.link(
        _("supply no."), "land.supply", code="GYBH", aliases=("供应编号", "电子监管号"), listed=True, required=True
    )
    suspected_on = fields.day(_("suspected on"), code="YSRQ", aliases=("疑似认定日期",), listed=True, filter=True)
    investigated_on = fields.day(_("investigated on"), code="DCRQ", aliases=("调查日期",))
    determined_on = fields.day(_("determined on"), code="RDRQ", aliases=("认定日期",), listed=True)
    cause = fields.choice(_("cause"), IdleCause, code="XZYY", aliases=("闲置原因",), listed=True)
    government_days = fields.count(_("days caused by government"), code="ZFYYTS", aliases=("政府原因天数",), unit="day")
    measure = fields.choice(_("measure"), IdleMeasure, code="CZFS", aliases=("处置方式",), listed=True)
    decided_on = fields.day(_("decided on"), code="CZRQ", aliases=("处置决定日期",), listed=True)
    fee = fields.money(_("idle-land fee"), code="XZF", aliases=("闲置费",))
    fee_paid_on = fields.day(_("fee paid on"), code="XZFJNRQ", aliases=("闲置费缴纳日期",))
    closed_on = fields.day(_("closed on"), code="JARQ", aliases=("结案日期",))

    class Meta:
        db_table = "land_idle_case"
        verbose_name = _("idle-land case")
        constraints = [unique_key("case_no", "land_idle_case")]
        indexes = row_indexes("land_idle_case", "suspected_on", key="case_no", links=(("supply_no",),))

    def __str__(self) -> str:
        return self.case_no


IDLE_CASE = Register(
    name="land.idle_case",
    model=IdleCase,
    label=_("Idle-land cases"),
    key="case_no",
    period="suspected_on",
    identity=("supply_no", "suspected_on"),
    stage="use",
    group=_("Use"),
    icon="clock-pause",
)
