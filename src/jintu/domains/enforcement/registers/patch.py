"""Inspection patches (监测图斑, 卫片执法): what imagery shows changed, and how it was judged. land_lifecycle §9."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from jintu.foundation.registers.columns import column
from jintu.foundation.registers.db import AreaField, GeometryField
from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PATCH", "Judgment", "Mark", "Measure", "Patch", "SubjectKind"]


class Mark(models.TextChoices):
    """Marks of the change survey (official_systems §27.1)."""

    UNAPPROVED = "W", _("W built this year without approval")
    APPROVED = "B", _("B approved and built this year")
    UNUSED = "P", _("P approved this year, not used")
    LATER = "PJ", _("PJ approved earlier, built this year")
    TEMPORARY = "temp", _("temporary land")
    FACILITY = "facility", _("facility agriculture")
    PSEUDO = "pseudo", _("pseudo change")
    NONE = "none", _("none")


class Judgment(models.TextChoices):
    UNHANDLED = "unhandled", _("not judged yet")
    LEGAL = "legal", _("legal")
    ILLEGAL = "illegal", _("illegal")
    PSEUDO = "pseudo", _("pseudo change")
    FACILITY = "facility", _("facility agriculture")
    TEMPORARY = "temporary", _("temporary land")


class SubjectKind(models.TextChoices):
    GOVERNMENT = "government", _("government")
    ENTERPRISE = "enterprise", _("enterprise")
    INDIVIDUAL = "individual", _("individual")
    ROAD = "road", _("road building")
    OTHER = "other", _("other")


class Measure(models.TextChoices):
    NONE = "none", _("none")
    DEMOLISHED = "demolished", _("demolished and restored")
    CONFISCATED = "confiscated", _("confiscated")
    LEGALISED = "legalised", _("approved afterwards")
    CASE = "case", _("case filed")


def _area(label: Any, **facts: Any) -> AreaField:
    facts = {"unit": "m2", "display": "ha", "positive": True} | facts
    return column(AreaField(label, null=True, blank=True), **facts)


def _choice(label: Any, choices: type[models.TextChoices], **facts: Any) -> models.CharField:
    facts = {"filter": True} | facts
    return column(models.CharField(label, max_length=16, choices=choices, blank=True, default=""), **facts)


def _text(label: Any, length: int, **facts: Any) -> models.CharField:
    return column(models.CharField(label, max_length=length, blank=True, default=""), **facts)


def _day(label: Any, **facts: Any) -> models.DateField:
    return column(models.DateField(label, null=True, blank=not facts.get("required")), **facts)


def _flag(label: Any, default: bool, **facts: Any) -> models.BooleanField:
    return column(models.BooleanField(label, default=default), **facts)


class Patch(RegisterRow):
    """One change seen between two images. ``changed`` is what the image shows; the judgment is the county's."""

    patch_no: models.CharField = column(
        models.CharField(_("patch no."), max_length=60),
        code="JCBH", aliases=("TBH", "监测编号", "图斑编号", "图斑号"),
        listed=True, search=True, filter=True, required=True,
    )  # fmt: skip
    year: models.IntegerField = column(
        models.IntegerField(_("year"), null=True, blank=True),
        code="JCND",
        aliases=("监测年度", "年度"),
        listed=True,
        filter=True,
    )
    mark = _choice(_("mark"), Mark, code="BJ", aliases=("标记", "图斑类型"), listed=True)
    before_on = _day(_("earlier image"), code="QSX", aliases=("前时相",))
    image_on = _day(_("later image"), code="HSX", aliases=("后时相",), listed=True, filter=True, required=True)
    class_before = _text(
        _("land use before"), 8, code="QDLBM", aliases=("变化前地类",), codelist="land_use", filter=True
    )
    class_after = _text(
        _("land use after"), 8, code="HDLBM", aliases=("变化后地类",), codelist="land_use", filter=True, listed=True
    )
    changed = _flag(_("change on the image"), True, code="SFBH", aliases=("是否变化",), filter=True)
    hard_surface = _flag(_("hard surface seen"), False, code="SFYH", aliases=("是否硬化",), filter=True)
    area = _area(_("area"), code="MJ", aliases=("JCMJ", "监测面积", "图斑面积"), listed=True, filter=True)
    cult_area = _area(_("of which cultivated land"), code="GDMJ", aliases=("耕地面积",))
    basic_farmland_area = _area(_("of which basic farmland"), code="JBNTMJ", aliases=("基本农田面积",))
    judgment = _choice(_("judgment"), Judgment, code="PDJG", aliases=("判定结果", "合法性判定"), listed=True)
    illegal_type = _text(_("kind of violation"), 80, code="WFLX", aliases=("违法类型",))
    subject_kind = _choice(_("kind of subject"), SubjectKind, code="WFZTLX", aliases=("违法主体类型",))
    subject_name = _text(
        _("subject of the violation"), 300, code="WFZT", aliases=("违法主体", "用地单位"), personal=True, search=True
    )
    measure = _choice(_("measure"), Measure, code="CZCS", aliases=("处置措施", "查处措施"))
    case_no = _text(_("case no."), 100, code="AJBH", aliases=("案件编号", "立案编号"), search=True)
    checked_on = _day(_("checked on site"), code="HCRQ", aliases=("核查日期",))
    location = _text(_("location"), 300, code="ZL", aliases=("坐落", "图斑位置"), search=True)
    geom = column(GeometryField(_("outline"), null=True, blank=True))

    class Meta:
        db_table = "enforcement_patch"
        verbose_name = _("inspection patch")
        constraints = [unique_key("patch_no", "enforcement_patch")]
        indexes = row_indexes(
            "enforcement_patch", "image_on", covers=("mark", "judgment", "measure", "area", "cult_area"), key="patch_no"
        )

    def __str__(self) -> str:
        return self.patch_no


def check(frame: pl.DataFrame) -> Iterator[tuple[int, str, str, dict[str, Any], str]]:
    """The later image is later, and the farmland is not larger than the patch."""
    for i in (frame["image_on"] < frame["before_on"]).fill_null(False).arg_true():
        yield (
            i, "image_on", gettext_noop("{later} is before {earlier}, which comes first."),
            {"later": frame["image_on"][i].isoformat(), "earlier": frame["before_on"][i].isoformat()},
            gettext_noop("Correct one of the dates."),
        )  # fmt: skip
    for name in ("cult_area", "basic_farmland_area"):
        for i in (frame[name] > frame["area"] + 1.0).fill_null(False).arg_true():
            yield (
                i, name, gettext_noop("{part} m² is more than the {whole} m² it is a part of."),
                {"part": frame[name][i], "whole": frame["area"][i]}, gettext_noop("Correct one of the two areas."),
            )  # fmt: skip


PATCH = Register(
    name="enforcement.patch",
    model=Patch,
    label=_("Inspection patches"),
    key="patch_no",
    period="image_on",
    geometry="geom",
    area="area",
    identity=("year", "location", "image_on", "area"),
    stage="inspect",
    group=_("Inspect"),
    icon="satellite",
    validate=check,
)
