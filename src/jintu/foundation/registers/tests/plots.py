"""A register to test registers with, so that the foundation's tests need no domain. Not an installed app."""

from __future__ import annotations

from django.db import models

from jintu.foundation.registers.columns import column
from jintu.foundation.registers.db import AreaField, ExactDecimalField, GeometryField, MoneyField
from jintu.foundation.registers.descriptor import Child, Register
from jintu.foundation.registers.models import RegisterRow, row_indexes, unique_key

__all__ = ["NOTE", "PLOT", "Note", "Plot"]


class Plot(RegisterRow):
    plot_no = column(models.CharField("plot no.", max_length=40), code="DKH", listed=True, search=True, required=True)
    name = column(
        models.CharField("name", max_length=60),
        code="XMMC",
        aliases=("项目名称",),
        listed=True,
        search=True,
        required=True,
    )
    kind = column(
        models.CharField("kind", max_length=10, choices=[("a", "arable"), ("b", "built")], default="a"),
        listed=True, filter=True,
    )  # fmt: skip
    use_code = column(models.CharField("use", max_length=8, blank=True, default=""), codelist="land_use", filter=True)
    area = column(
        AreaField("area", null=True, blank=True), code="MJ", aliases=("面积",), unit="m2", display="ha", listed=True,
        filter=True, positive=True, required=True,
    )  # fmt: skip
    price = column(MoneyField("price", null=True, blank=True), aliases=("成交价",), unit="yuan", listed=True)
    ratio = column(ExactDecimalField("ratio", max_digits=6, decimal_places=3, null=True, blank=True))
    people = column(models.IntegerField("people", null=True, blank=True), positive=True)
    built = column(models.BooleanField("built", null=True, blank=True))
    signed_on = column(
        models.DateField("signed on", null=True, blank=True), aliases=("签订日期",), listed=True, filter=True
    )
    holder = column(models.CharField("holder", max_length=80, blank=True, default=""), personal=True, search=True)
    approval = column(models.CharField("approval", max_length=40, blank=True, default=""), link="test.plot")
    geom = column(GeometryField("outline", null=True, blank=True))

    class Meta:
        app_label = "registers_tests"
        db_table = "test_plot"
        constraints = [unique_key("plot_no", "test_plot")]
        indexes = row_indexes("test_plot", "signed_on")


class Note(RegisterRow):
    note_no = column(models.CharField("note no.", max_length=40), listed=True, required=True)
    plot_no = column(models.CharField("plot no.", max_length=40), link="test.plot", listed=True, filter=True)
    text = column(models.CharField("text", max_length=300, blank=True, default=""), search=True, listed=True)

    class Meta:
        app_label = "registers_tests"
        db_table = "test_note"
        constraints = [unique_key("note_no", "test_note")]


def together(frame):
    """A check of the domain: nobody lives on arable land."""
    wrong = ((frame["kind"] == "a") & (frame["people"] > 0)).fill_null(False)
    for i in wrong.arg_true():
        yield (
            i,
            "people",
            "{n} people cannot live on arable land.",
            {"n": frame["people"][i]},
            "Correct one of the two.",
        )


PLOT = Register(
    name="test.plot",
    model=Plot,
    label="Plots",
    key="plot_no",
    title="name",
    period="signed_on",
    geometry="geom",
    area="area",
    identity=("name", "area", "signed_on"),
    children=(Child("test.note", "plot_no", "notes"),),
    stage="supply",
    group="Tests",
    validate=together,
)
NOTE = Register(name="test.note", model=Note, label="Notes", key="note_no", title="text", numbering="patch")
