"""Land supply (土地供应): contracts and allocation decisions, as the land-market system publishes them (§4.2)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Child, Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import checks, fields
from .choices import Method, Source

__all__ = ["SUPPLY", "Supply"]

PARTIES, BUILDING, DATES, LATER = _("Price and parties"), _("Building conditions"), _("Agreed dates"), _("Afterwards")


class Supply(RegisterRow):
    """One parcel supplied. The key is the supervision number, else the contract number, else a natural key."""

    supply_no = fields.key(_("supply no."), 64, code="GYBH", aliases=("供应编号",))
    supervision_no = fields.text(
        _("supervision no."), 32, code="DZJGH", aliases=("DZBABH", "电子监管号", "Electronic supervision number"),
        search=True, filter=True, disclose=True,
    )  # fmt: skip
    contract_no = fields.text(
        _("contract or decision no."), 100, code="BH", aliases=("HTBH", "合同编号", "合同号"), search=True
    )
    project_name = fields.text(
        _("project"), 300, code="XM_MC", aliases=("XMMC", "项目名称", "Project name"),
        listed=True, search=True, required=True, disclose=True,
    )  # fmt: skip
    location = fields.text(
        _("location"),
        500,
        code="TD_ZL",
        aliases=("XMWZ", "项目位置", "土地坐落", "Project location"),
        search=True,
        disclose=True,
    )
    doc_no = fields.link(_("approval document no."), "land.approval", code="PZWH", aliases=("PZ_WH", "批准文号"))
    area = fields.area(
        _("area"), code="GD_ZMJ", aliases=("DKMJ", "MJ", "面积", "供应面积", "Area (hectare)"),
        listed=True, filter=True, required=True, disclose=True,
    )  # fmt: skip
    source = fields.choice(_("land source"), Source, code="TDLY", aliases=("土地来源", "Land source"))
    new_construction_area = fields.area(
        _("new construction land"), code="XZ_MJ", aliases=("新增面积", "新增建设用地面积")
    )
    use_code = fields.land_use(
        _("use"), code="TD_YT", aliases=("DKYT", "土地用途", "Land utilisation"), listed=True, disclose=True
    )
    method = fields.choice(
        _("way of supply"),
        Method,
        code="GY_FS",
        aliases=("供地方式", "供应方式", "Land supply method"),
        listed=True,
        required=True,
        disclose=True,
    )
    term_years = fields.count(
        _("term of use"),
        code="SYNX",
        aliases=("土地使用年限", "出让年限", "Land use period in year"),
        unit="year",
        disclose=True,
    )
    industry = fields.text(_("industry class"), 80, code="HYFL", aliases=("行业分类", "Industry category"))
    land_grade = fields.count(_("national land grade"), code="TDDB", aliases=("土地等别",))
    land_level = fields.text(_("local land level"), 40, code="TD_JB", aliases=("土地级别", "Land grade"))
    price = fields.money(
        _("price"), code="JE", aliases=("成交价格", "成交价", "出让价款", "Transaction price (ten thousand yuan)"),
        listed=True, disclose=True, group=PARTIES,
    )  # fmt: skip
    start_price = fields.money(_("starting price"), code="QSJ", aliases=("起始价", "起始价格"), group=PARTIES)
    holder = fields.text(
        _("holder"),
        300,
        code="TDSYQR",
        aliases=("土地使用权人", "受让人", "Land use right holder Row 1"),
        personal=True,
        search=True,
        group=PARTIES,
    )
    approver = fields.text(_("approved by"), 200, code="PZ_JG", aliases=("批准单位", "Authorised by"), group=PARTIES)
    far_min = fields.figure(
        _("floor area ratio, lower limit"),
        8,
        3,
        code="RJL_X",
        aliases=("约定容积率下限", "Agreed floor area ratio lower limit"),
        group=BUILDING,
    )
    far_max = fields.figure(
        _("floor area ratio, upper limit"),
        8,
        3,
        code="RJL_S",
        aliases=("约定容积率上限", "Agreed floor area ratio upper limit"),
        group=BUILDING,
    )
    density_min = fields.figure(
        _("building density, lower limit"),
        8,
        3,
        code="JZMD_X",
        aliases=("建筑密度下限",),
        unit="percent",
        group=BUILDING,
    )
    density_max = fields.figure(
        _("building density, upper limit"),
        8,
        3,
        code="JZMD_S",
        aliases=("建筑密度上限",),
        unit="percent",
        group=BUILDING,
    )
    investment = fields.money(_("agreed investment"), code="TZZE", aliases=("投资总额", "固定资产投资"), group=BUILDING)
    delivery_on = fields.day(
        _("to be delivered by"),
        code="JDSJ",
        aliases=("约定交地时间", "Agreed land delivery time"),
        filter=True,
        group=DATES,
    )
    start_on = fields.day(
        _("to be started by"), code="DG_SJ", aliases=("约定开工时间", "Agreed start time"), filter=True, group=DATES
    )
    finish_on = fields.day(
        _("to be finished by"),
        code="JGSJ",
        aliases=("约定竣工时间", "Agreed completion time"),
        filter=True,
        group=DATES,
    )
    extended_finish_on = fields.day(
        _("extended completion date"), code="YQJGSJ", aliases=("延期竣工时间",), group=DATES
    )
    signed_on = fields.day(
        _("signed on"), code="QDRQ", aliases=("合同签订日期", "签订日期", "Contract signing date"),
        listed=True, filter=True, required=True, disclose=True,
    )  # fmt: skip
    filed_on = fields.day(_("filed on"), code="BARQ", aliases=("备案日期",), group=LATER)
    notice_on = fields.day(_("notice published on"), code="GGRQ", aliases=("公告日期", "公告发布时间"), group=LATER)
    registered_on = fields.day(_("certificate issued on"), code="DJRQ", aliases=("登记日期", "发证日期"), group=LATER)
    transferred_on = fields.day(_("transferred on"), code="ZRRQ", aliases=("转让日期",), group=LATER)
    invested_at_transfer = fields.money(
        _("invested when transferred"), code="ZRSTZ", aliases=("转让时投资额",), group=LATER
    )
    geom = fields.outline(_("outline"))

    class Meta:
        db_table = "land_supply"
        verbose_name = _("land supply")
        constraints = [unique_key("supply_no", "land_supply")]
        indexes = row_indexes(
            "land_supply",
            "signed_on",
            "area",
            covers=(
                *("use_code", "method", "source", "area", "price", "supply_no"),
                *("delivery_on", "start_on", "finish_on", "extended_finish_on"),
            ),
            key="supply_no",
            links=(("doc_no",), ("supervision_no",)),
        )

    def __str__(self) -> str:
        return self.supply_no


SUPPLY = Register(
    name="land.supply",
    model=Supply,
    label=_("Land supply"),
    key="supply_no",
    title="project_name",
    period="signed_on",
    geometry="geom",
    area="area",
    identity=("supervision_no", "project_name", "location", "area", "signed_on", "price"),
    children=(
        Child("land.payment", "supply_no", _("payments")),
        Child("land.development_event", "supply_no", _("development")),
        Child("land.idle_case", "supply_no", _("idle-land cases")),
    ),
    stage="supply",
    group=_("Supply"),
    icon="contract",
    validate=checks.supply,
)
