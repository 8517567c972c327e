"""Temporary use of land (临时用地): at most two years, then restored (Land Administration Law art. 57)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import checks, fields

__all__ = ["TEMPORARY_USE", "TemporaryUse"]


class TemporaryUse(RegisterRow):
    """One permit for temporary use."""

    permit_no = fields.key(_("permit no."), 100, code="PZWH", aliases=("临时用地批准文号", "批准文号"))
    project_name = fields.text(_("project"), 300, code="XMMC", aliases=("项目名称",), listed=True, search=True)
    user_name = fields.text(
        _("land user"), 300, code="YDDW", aliases=("用地单位", "临时使用人"), personal=True, search=True
    )
    approved_on = fields.day(
        _("approved on"), code="PZRQ", aliases=("批准日期",), listed=True, filter=True, required=True
    )
    until_on = fields.day(_("until"), code="DQRQ", aliases=("到期日期", "使用期限至"), listed=True, filter=True)
    area = fields.area(_("area"), code="YDMJ", aliases=("用地面积",), listed=True, filter=True, required=True)
    cult_area = fields.area(_("of which cultivated land"), code="GDMJ", aliases=("耕地",))
    location = fields.text(_("location"), 300, code="XMWZ", aliases=("项目位置",), search=True)
    restored_on = fields.day(_("restored on"), code="FKRQ", aliases=("复垦验收日期", "恢复日期"), listed=True)
    geom = fields.outline(_("outline"))

    class Meta:
        db_table = "land_temporary_use"
        verbose_name = _("temporary use of land")
        constraints = [unique_key("permit_no", "land_temporary_use")]
        indexes = row_indexes("land_temporary_use", "approved_on", key="permit_no")

    def __str__(self) -> str:
        return self.permit_no


TEMPORARY_USE = Register(
    name="land.temporary_use",
    model=TemporaryUse,
    label=_("Temporary use of land"),
    key="permit_no",
    title="project_name",
    period="approved_on",
    geometry="geom",
    area="area",
    identity=("project_name", "approved_on", "area"),
    stage="approve",
    group=_("Approve"),
    icon="calendar-time",
    validate=checks.temporary_use,
)
