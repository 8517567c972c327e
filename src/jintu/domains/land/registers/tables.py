"""Dated tables kept by administrators: quota, price floors, allocation catalogue, maximum terms, working calendar.

They are data with a basis and a validity, so that a rule reads what held on the day of the act it judges.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import checks, fields
from .choices import UseGroup

__all__ = [
    "ALLOCATION_USE",
    "MAX_TERM",
    "PRICE_FLOOR",
    "QUOTA",
    "WORKING_CALENDAR",
    "AllocationUse",
    "CalendarDay",
    "MaxTerm",
    "PriceFloor",
    "Quota",
]

TABLES = _("Tables")


class Quota(RegisterRow):
    """Annual plan quota (年度计划指标) of a county; the key is division, ``#``, year."""

    quota_key = fields.key(_("quota key"), 20)
    year = fields.count(_("year"), code="ND", aliases=("年度",), listed=True, filter=True, required=True)
    conversion_area = fields.area(
        _("conversion of agricultural land"), code="NZYZB", aliases=("农转用指标",), listed=True, required=True
    )
    cult_area = fields.area(_("of which cultivated land"), code="ZYGDZB", aliases=("占用耕地指标",), listed=True)
    carry_ratio = fields.figure(_("carried over"), 5, 4, code="JZBL", aliases=("结转比例",), unit="ratio", listed=True)
    basis = fields.text(_("basis"), 300, code="YJ", aliases=("依据", "下达文号"), listed=True)

    class Meta:
        db_table = "land_quota"
        verbose_name = _("annual quota")
        constraints = [unique_key("quota_key", "land_quota")]
        indexes = row_indexes("land_quota", key="quota_key")

    def __str__(self) -> str:
        return self.quota_key


class PriceFloor(RegisterRow):
    """Lowest price per m² by use group and national land grade (出让最低价), as 国土资发〔2006〕307号 for industry."""

    floor_key = fields.key(_("table key"), 60)
    use_group = fields.choice(_("use group"), UseGroup, code="YTLB", aliases=("用途类别",), listed=True, required=True)
    land_grade = fields.count(_("national land grade"), code="TDDB", aliases=("土地等别",), listed=True, required=True)
    price_per_m2 = fields.figure(
        _("lowest price"), 10, 2, code="ZDJ", aliases=("最低价",), unit="yuan/m2", listed=True, required=True
    )
    valid_from = fields.day(_("valid from"), code="QSRQ", aliases=("生效日期",), listed=True)
    valid_to = fields.day(_("valid to"), code="ZZRQ", aliases=("失效日期",), listed=True)
    basis = fields.text(_("basis"), 300, code="YJ", aliases=("依据",), listed=True)

    class Meta:
        db_table = "land_price_floor"
        verbose_name = _("price floor")
        constraints = [unique_key("floor_key", "land_price_floor")]
        indexes = row_indexes("land_price_floor", key="floor_key")

    def __str__(self) -> str:
        return self.floor_key


class AllocationUse(RegisterRow):
    """One entry of the allocation catalogue (划拨用地目录, Decree 9 of 2001): a land use that may be allocated."""

    use_key = fields.key(_("table key"), 60)
    use_code = fields.land_use(_("use"), code="YTDM", aliases=("用途代码",), listed=True, required=True)
    name = fields.text(_("name"), 200, code="MC", aliases=("名称",), listed=True, search=True)
    valid_from = fields.day(_("valid from"), code="QSRQ", aliases=("生效日期",), listed=True)
    valid_to = fields.day(_("valid to"), code="ZZRQ", aliases=("失效日期",), listed=True)
    basis = fields.text(_("basis"), 300, code="YJ", aliases=("依据",), listed=True)

    class Meta:
        db_table = "land_allocation_use"
        verbose_name = _("allocation catalogue entry")
        constraints = [unique_key("use_key", "land_allocation")]
        indexes = row_indexes("land_allocation", key="use_key")

    def __str__(self) -> str:
        return self.use_key


class MaxTerm(RegisterRow):
    """Longest term of a granted use right by use (出让最高年限, State Council Decree 55 of 1990, art. 12)."""

    term_key = fields.key(_("table key"), 60)
    use_group = fields.choice(_("use group"), UseGroup, code="YTLB", aliases=("用途类别",), listed=True)
    use_prefix = fields.text(_("use code begins with"), 8, code="YTQZ", aliases=("用途代码前缀",), listed=True)
    years = fields.count(_("years"), code="NX", aliases=("最高年限",), unit="year", listed=True, required=True)
    valid_from = fields.day(_("valid from"), code="QSRQ", aliases=("生效日期",), listed=True)
    valid_to = fields.day(_("valid to"), code="ZZRQ", aliases=("失效日期",), listed=True)
    basis = fields.text(_("basis"), 300, code="YJ", aliases=("依据",), listed=True)

    class Meta:
        db_table = "land_max_term"
        verbose_name = _("longest term")
        constraints = [unique_key("term_key", "land_max_term")]
        indexes = row_indexes("land_max_term", key="term_key")

    def __str__(self) -> str:
        return self.term_key


class CalendarDay(RegisterRow):
    """A day that departs from Monday to Friday (工作日历): a public holiday, or a weekend worked to make up (调休).

    The State Council's office announces them each year; what is not here is worked from Monday to Friday.
    """

    calendar_key = fields.key(_("table key"), 20)
    day = fields.day(_("day"), code="RQ", aliases=("日期",), listed=True, filter=True, required=True)
    works = fields.flag(_("worked"), code="SFGZR", aliases=("是否工作日", "是否上班"), listed=True)
    name = fields.text(_("name"), 60, code="MC", aliases=("名称", "节假日"), listed=True, search=True)
    basis = fields.text(_("basis"), 300, code="YJ", aliases=("依据",), listed=True)

    class Meta:
        db_table = "land_calendar_day"
        verbose_name = _("calendar day")
        constraints = [unique_key("calendar_key", "land_calendar_day")]
        indexes = row_indexes("land_calendar_day")

    def __str__(self) -> str:
        return self.calendar_key


QUOTA = Register(
    name="land.quota", model=Quota, label=_("Annual quotas"), key="quota_key", area="conversion_area", group=TABLES,
    icon="gauge", table=True, sort="-year", validate=checks.quota,
)  # fmt: skip
PRICE_FLOOR = Register(
    name="land.price_floor", model=PriceFloor, label=_("Price floors"), key="floor_key", group=TABLES,
    icon="coins", table=True, sort="floor_key", validate=checks.validity,
)  # fmt: skip
ALLOCATION_USE = Register(
    name="land.allocation_use", model=AllocationUse, label=_("Allocation catalogue"), key="use_key", title="name",
    group=TABLES, icon="list-check", table=True, sort="use_code", validate=checks.validity,
)  # fmt: skip
MAX_TERM = Register(
    name="land.max_term", model=MaxTerm, label=_("Longest terms"), key="term_key", group=TABLES,
    icon="hourglass", table=True, sort="term_key", validate=checks.validity,
)  # fmt: skip
WORKING_CALENDAR = Register(
    name="land.calendar_day", model=CalendarDay, label=_("Working calendar"), key="calendar_key", title="name",
    group=TABLES, icon="calendar", table=True, sort="-day", identity=("day",),
)  # fmt: skip
