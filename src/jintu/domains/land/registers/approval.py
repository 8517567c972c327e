"""Construction-land approvals (批准用地): the parent of every supply. Domain notes: land_lifecycle §2."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Child, Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import checks, fields
from .choices import ApprovalKind, Authority, ProjectApprover, ProjectKind

__all__ = ["APPROVAL", "Approval"]

FIGURES, FOLLOW_UP, LINK = _("Areas"), _("Requisition follow-up"), _("Linked increase and decrease")


class Approval(RegisterRow):
    """One approval document, for a batch of town land or for a single project. Areas are those of the document."""

    doc_no = fields.key(_("approval document no."), code="PZWH", aliases=("批准文号", "批复文号", "文号"))
    project_name = fields.text(
        _("project or batch"), 300, code="JSXMMC", aliases=("PCMC", "XMMC", "项目名称", "批次名称", "建设项目名称"),
        listed=True, search=True, required=True, disclose=True,
    )  # fmt: skip
    kind = fields.choice(
        _("kind of approval"),
        ApprovalKind,
        code="APP_TYPE",
        aliases=("报批类型", "批准类型"),
        listed=True,
        required=True,
    )
    authority = fields.choice(
        _("approving authority"), Authority, code="PZJGJB", aliases=("批准机关级别",), listed=True, required=True
    )
    authority_name = fields.text(_("name of the authority"), code="PZJG", aliases=("批准机关",))
    approved_on = fields.day(
        _("approved on"),
        code="PZRQ",
        aliases=("批准日期", "批准时间"),
        listed=True,
        filter=True,
        required=True,
        disclose=True,
    )
    received_on = fields.day(_("approval received on"), code="PFSDRQ", aliases=("批复收到日", "收文日期"))
    filed_on = fields.day(_("filed on"), code="BARQ", aliases=("备案日期",))
    project_approver = fields.choice(
        _("who approved the project"), ProjectApprover, code="LXJGJB", aliases=("立项级别",)
    )
    project_kind = fields.choice(_("kind of project"), ProjectKind, code="XMLX", aliases=("项目类型",))
    industry = fields.text(_("industry class"), 80, code="HYFL", aliases=("行业分类", "行业"))
    use_code = fields.land_use(_("approved use"), code="USAGE", aliases=("批准用途", "土地用途"), listed=True)
    location = fields.text(
        _("location"), 300, code="XMWZ", aliases=("ZL", "项目位置", "坐落"), search=True, disclose=True
    )
    total_area = fields.area(
        _("total area"),
        code="YDZMJ",
        aliases=("总面积", "用地总面积"),
        listed=True,
        filter=True,
        required=True,
        disclose=True,
    )
    agri_area = fields.area(_("agricultural land"), code="NYDMJ", aliases=("农用地",), group=FIGURES)
    cult_area = fields.area(
        _("of which cultivated land"), code="GDMJ", aliases=("耕地",), listed=True, minor=True, group=FIGURES
    )
    paddy_area = fields.area(_("of which paddy"), code="STMJ", aliases=("水田",), group=FIGURES)
    basic_farmland_area = fields.area(
        _("of which basic farmland"), code="YJJBNTMJ", aliases=("JBNTMJ", "基本农田", "永久基本农田"), group=FIGURES
    )
    construction_area = fields.area(_("construction land"), code="JSYDMJ", aliases=("建设用地",), group=FIGURES)
    unused_area = fields.area(_("unused land"), code="WLYDMJ", aliases=("未利用地",), group=FIGURES)
    state_area = fields.area(_("state-owned land"), code="GYTDMJ", aliases=("国有土地",), group=FIGURES)
    collective_area = fields.area(_("collective land"), code="JTTDMJ", aliases=("集体土地",), group=FIGURES)
    new_construction_area = fields.area(
        _("new construction land"), code="XZJSYDMJ", aliases=("新增建设用地",), group=FIGURES
    )
    cult_grade = fields.figure(
        _("mean grade of the cultivated land"), 4, 2, code="GDDB", aliases=("耕地等别", "耕地平均等别"), group=FIGURES
    )
    quota_year = fields.count(_("quota year"), code="ZBND", aliases=("指标年度", "计划年度"))
    quota_no = fields.text(_("quota no."), 80, code="ZBWH", aliases=("指标文号",))
    plan_adjustment_no = fields.text(
        _("plan adjustment document no."), 100, code="GHTZWH", aliases=("规划调整文号", "规划修改文号")
    )
    new_construction_fee = fields.money(
        _("fee for new construction land"), code="XZFJE", aliases=("新增费", "新增建设用地有偿使用费")
    )
    reclamation_fee = fields.money(_("farmland reclamation fee"), code="GDKKF", aliases=("耕地开垦费",))
    farmers_count = fields.count(
        _("farmers affected"), code="SJNYRK", aliases=("涉及农业人口",), unit="person", group=FOLLOW_UP
    )
    resettled_count = fields.count(
        _("farmers resettled"), code="AZRK", aliases=("安置人口",), unit="person", group=FOLLOW_UP
    )
    requisition_announced_on = fields.day(
        _("requisition announced on"), code="ZDGGRQ", aliases=("征地公告日期", "征收土地公告日期"), group=FOLLOW_UP
    )
    compensation_plan_on = fields.day(
        _("compensation plan approved on"),
        code="BCFARQ",
        aliases=("补偿安置方案日期", "补偿方案批准日期"),
        group=FOLLOW_UP,
    )
    compensation_paid_on = fields.day(
        _("compensation paid on"), code="BCZFRQ", aliases=("补偿费支付日期",), group=FOLLOW_UP
    )
    supervision_no_approve = fields.text(
        _("approval supervision no."), 19, code="DZJGH", aliases=("批准电子监管号",), search=True
    )
    link_reclaimed_area = fields.area(
        _("demolished and reclaimed"), code="CJFKMJ", aliases=("拆旧复垦面积",), group=LINK
    )
    link_used_area = fields.area(
        _("quota used for new building"), code="SYZBMJ", aliases=("使用指标面积", "建新面积"), group=LINK
    )

    class Meta:
        db_table = "land_approval"
        verbose_name = _("construction-land approval")
        constraints = [unique_key("doc_no", "land_approval")]
        indexes = row_indexes(
            "land_approval",
            "approved_on",
            "total_area",
            covers=(
                *("kind", "authority", "total_area", "cult_area", "use_code", "doc_no"),
                *("collective_area", "requisition_announced_on"),
            ),
            key="doc_no",
        )

    def __str__(self) -> str:
        return self.doc_no


APPROVAL = Register(
    name="land.approval",
    model=Approval,
    label=_("Construction-land approvals"),
    key="doc_no",
    title="project_name",
    period="approved_on",
    area="total_area",
    identity=("project_name", "approved_on", "total_area"),
    children=(
        Child("land.approval_parcel", "doc_no", _("parcels")),
        Child("land.supply", "doc_no", _("supplies")),
        Child("land.compensation_draw", "doc_no", _("compensation draws")),
    ),
    stage="approve",
    group=_("Approve"),
    icon="file-check",
    validate=checks.approval,
)
