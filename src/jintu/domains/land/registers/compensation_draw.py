"""Draws on compensation projects (补充耕地核销): which approval uses how much of which project."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import checks, fields
from .choices import DrawState

__all__ = ["COMPENSATION_DRAW", "CompensationDraw"]


class CompensationDraw(RegisterRow):
    """One draw: locked when the approval is submitted, used when it is approved, released when it is refused."""

    draw_key = fields.key(_("draw key"), 150)
    project_no = fields.link(
        _("project no."),
        "land.compensation_project",
        40,
        code="XMBH",
        aliases=("项目编号",),
        listed=True,
        required=True,
    )
    doc_no = fields.link(
        _("approval document no."), "land.approval", code="PZWH", aliases=("批准文号",), listed=True, required=True
    )
    area = fields.area(_("area drawn"), code="HXMJ", aliases=("核销面积",), listed=True, required=True)
    paddy_area = fields.area(_("paddy drawn"), code="HXSTMJ", aliases=("核销水田面积",))
    capacity = fields.figure(_("capacity drawn"), 18, 2, code="HXCN", aliases=("核销产能",), unit="kg")
    grade = fields.figure(_("grade"), 4, 2, code="DB", aliases=("等别",))
    drawn_on = fields.day(_("drawn on"), code="HXRQ", aliases=("核销日期",), listed=True, filter=True)
    state = fields.choice(_("state"), DrawState, code="HXZT", aliases=("核销状态",), listed=True, required=True)

    class Meta:
        db_table = "land_compensation_draw"
        verbose_name = _("draw on a compensation project")
        constraints = [unique_key("draw_key", "land_draw")]
        indexes = row_indexes("land_draw", "drawn_on", key="draw_key", links=(("project_no",), ("doc_no",)))

    def __str__(self) -> str:
        return self.draw_key


COMPENSATION_DRAW = Register(
    name="land.compensation_draw",
    model=CompensationDraw,
    label=_("Compensation draws"),
    key="draw_key",
    period="drawn_on",
    area="area",
    identity=("project_no", "doc_no", "drawn_on", "area"),
    stage="compensate",
    group=_("Compensate"),
    icon="arrows-exchange",
    validate=checks.draw,
)
