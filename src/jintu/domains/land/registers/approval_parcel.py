"""Parcels of an approval (批准地块): the red line. They arrive as the boundary-point TXT of land_lifecycle §2.2."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

from . import fields

__all__ = ["APPROVAL_PARCEL", "ApprovalParcel"]


class ApprovalParcel(RegisterRow):
    """One parcel of the red line; the key is the document number, ``#`` and the parcel number."""

    parcel_key = fields.key(_("parcel key"), 120, code="DKID", aliases=("地块标识",))
    doc_no = fields.link(
        _("approval document no."), "land.approval", code="PZWH", aliases=("批准文号",), listed=True, required=True
    )
    parcel_no = fields.text(_("parcel no."), 40, code="DKBH", aliases=("地块编号", "地块号"), listed=True)
    name = fields.text(_("parcel name"), 300, code="DKMC", aliases=("PRONAME", "地块名称"), listed=True, search=True)
    use_code = fields.land_use(_("approved use"), code="DKYT", aliases=("USAGE", "地块用途"), listed=True)
    area = fields.area(_("area"), code="DKMJ", aliases=("DIKUAI_AREA", "地块面积"), listed=True, filter=True)
    sheet_no = fields.text(_("map sheet"), 60, code="TFH", aliases=("图幅号",))
    geom = fields.outline(_("outline"))

    class Meta:
        db_table = "land_approval_parcel"
        verbose_name = _("approved parcel")
        constraints = [unique_key("parcel_key", "land_approval_parcel")]
        indexes = row_indexes("land_parcel", key="parcel_key", links=(("doc_no",),))

    def __str__(self) -> str:
        return self.parcel_key


APPROVAL_PARCEL = Register(
    name="land.approval_parcel",
    model=ApprovalParcel,
    label=_("Approved parcels"),
    key="parcel_key",
    title="name",
    geometry="geom",
    area="area",
    identity=("doc_no", "parcel_no"),
    stage="approve",
    group=_("Approve"),
    icon="polygon",
)
