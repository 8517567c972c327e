"""Farmland-compensation and consolidation projects (补充耕地/土地整治项目), land_lifecycle §6."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Child, Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import checks, fields
from .choices import ConsolidationKind, Fund, ProjectStage

__all__ = ["COMPENSATION_PROJECT", "CompensationProject"]

ADDED = _("Added")


class CompensationProject(RegisterRow):
    """A project that makes cultivated land. Three accounts are kept: area, paddy and capacity."""

    project_no = fields.key(_("project no."), 40, code="YSXMBH", aliases=("XMBH", "JHXMBH", "项目编号", "备案号"))
    name = fields.text(
        _("project"), 300, code="XMMC", aliases=("项目名称",), listed=True, search=True, required=True, disclose=True
    )
    kind = fields.choice(_("kind of project"), ConsolidationKind, code="XMLX", aliases=("项目类型",), listed=True)
    fund = fields.choice(_("funds"), Fund, code="ZJLY", aliases=("资金来源",))
    location = fields.text(_("location"), 300, code="XMWZ", aliases=("项目位置",), search=True)
    stage = fields.choice(_("stage"), ProjectStage, code="XMJD", aliases=("项目阶段",), listed=True)
    scale_area = fields.area(
        _("project area"),
        code="SJJSZGM",
        aliases=("建设规模", "实际建设总规模"),
        listed=True,
        filter=True,
        required=True,
    )
    added_cult_area = fields.area(
        _("added cultivated land"),
        code="XZGDMJ",
        aliases=("新增耕地面积",),
        listed=True,
        filter=True,
        disclose=True,
        group=ADDED,
    )
    added_paddy_area = fields.area(_("added paddy"), code="XZSTMJ", aliases=("新增水田面积",), group=ADDED)
    added_capacity = fields.figure(
        _("added capacity"), 18, 2, code="XZCN", aliases=("新增粮食产能",), unit="kg", group=ADDED
    )
    grade_before = fields.figure(_("grade before"), 4, 2, code="ZZQDB", aliases=("整治前等别",), group=ADDED)
    grade_after = fields.figure(_("grade after"), 4, 2, code="ZZHDB", aliases=("整治后等别",), group=ADDED)
    investment = fields.money(_("investment"), code="SJZTZ", aliases=("总投资", "实际总投资"))
    approval_doc = fields.text(_("approval document"), 100, code="LXWH", aliases=("立项批准文号",))
    accepted_on = fields.day(_("accepted on"), code="YSRQ", aliases=("验收日期",), listed=True, filter=True)
    acceptance_doc = fields.text(_("acceptance document"), 100, code="YSWH", aliases=("验收文号",))
    geom = fields.outline(_("outline"))

    class Meta:
        db_table = "land_compensation_project"
        verbose_name = _("compensation project")
        constraints = [unique_key("project_no", "land_compensation")]
        indexes = row_indexes("land_compensation", "accepted_on", key="project_no")

    def __str__(self) -> str:
        return self.project_no


def _letter(row: Any) -> str:
    """Kind letter of project numbers: Z 整理, F 复垦, K 开发."""
    return {"consolidation": "Z", "reclamation": "F", "development": "K"}.get(row.kind, "Z")


COMPENSATION_PROJECT = Register(
    name="land.compensation_project",
    model=CompensationProject,
    label=_("Compensation projects"),
    key="project_no",
    title="name",
    period="accepted_on",
    geometry="geom",
    area="scale_area",
    children=(Child("land.compensation_draw", "project_no", _("draws")),),
    stage="compensate",
    group=_("Compensate"),
    icon="plant-2",
    numbering="project",
    slots={"kind_of_number": _letter},
    validate=checks.project,
)
