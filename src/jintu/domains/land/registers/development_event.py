"""Development and use (开发利用): delivery, start, suspension, completion and what was built (land_lifecycle §5)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import checks, fields
from .choices import EventKind

__all__ = ["DEVELOPMENT_EVENT", "DevelopmentEvent"]


class DevelopmentEvent(RegisterRow):
    """One event of a supply. ``invested`` is what has been invested from the beginning to this day."""

    event_key = fields.key(_("event key"), 100)
    supply_no = fields.link(
        _("supply no."), "land.supply", code="GYBH", aliases=("供应编号", "电子监管号"), listed=True, required=True
    )
    kind = fields.choice(_("event"), EventKind, code="SJLX", aliases=("事件类型",), listed=True, required=True)
    happened_on = fields.day(
        _("happened on"), code="FSRQ", aliases=("发生日期", "实际日期"), listed=True, filter=True, required=True
    )
    reported_on = fields.day(_("reported on"), code="SBRQ", aliases=("上报日期",), listed=True)
    built_area = fields.area(_("land under construction"), code="YKFMJ", aliases=("已开发面积", "已动工面积"))
    invested = fields.money(_("invested so far"), code="YTZE", aliases=("已投资额", "累计投资"))
    actual_far = fields.figure(_("actual floor area ratio"), 8, 3, code="SJRJL", aliases=("实际容积率",))
    actual_density = fields.figure(
        _("actual building density"), 8, 3, code="SJJZMD", aliases=("实际建筑密度",), unit="percent"
    )
    government_cause = fields.flag(_("caused by government"), code="ZFYY", aliases=("政府原因",))
    note = fields.text(_("note"), 500, code="BZ", aliases=("备注",))
    geom = fields.outline(_("as-built outline"))

    class Meta:
        db_table = "land_development_event"
        verbose_name = _("development event")
        constraints = [unique_key("event_key", "land_development_event")]
        indexes = row_indexes(
            "land_event",
            "happened_on",
            covers=("kind", "supply_no", "built_area", "invested"),
            key="event_key",
            links=(("supply_no", "kind", "happened_on"),),
        )

    def __str__(self) -> str:
        return self.event_key


DEVELOPMENT_EVENT = Register(
    name="land.development_event",
    model=DevelopmentEvent,
    label=_("Development and use"),
    key="event_key",
    period="happened_on",
    geometry="geom",
    identity=("supply_no", "kind", "happened_on"),
    stage="use",
    group=_("Use"),
    icon="crane",
    validate=checks.event,
)
