"""Inspection patches against approvals: building without, before or instead of approval, facility land built over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from jintu.foundation.checks.expressions import (
    days_since,
    hits,
    is_construction,
    known,
    narrowed,
    rights_of,
    text,
    tolerance,
)
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Hit, Law, Parameters, Rows, rule

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = ["RULES"]

_OLD, _NEW = date(1999, 1, 1), date(2020, 1, 1)
ILLEGAL_USE = (
    Law(
        "土地管理法（1998 年修订，2004 年修正）",
        "第七十六条",
        _OLD,
        _NEW,
        "未经批准或者采取欺骗手段骗取批准，非法占用土地",
    ),
    Law("土地管理法（2019 年修正）", "第七十七条", _NEW),
    Law("国土资发〔2010〕21号", "", date(2010, 1, 1), None, "卫片执法检查工作规范"),
)
UNUSED = (
    Law("国发〔2004〕28号", "第（八）项", date(2004, 10, 21)),
    Law("国发〔2008〕3号", "", date(2008, 1, 3), None, "促进节约集约用地"),
)
FACILITY = (
    Law("国土资发〔2010〕155号", "", date(2010, 9, 30), date(2014, 9, 29)),
    Law("国土资发〔2014〕127号", "", date(2014, 9, 29), date(2019, 12, 17)),
    Law("自然资规〔2019〕4号", "", date(2019, 12, 17)),
)

PATCH = Rows("enforcement.patch", geometry=True)
APPROVAL = Rows("land.approval")
PARCEL = Rows("land.approval_parcel", geometry=True, may_be_empty=False)
SUBJECT = ("enforcement.patch", "patch_no")
APPROVAL_KEY = ("land.approval", "doc_no")


def _new_building(t: Inputs, p: Parameters, *settled: str) -> pl.DataFrame:
    """Patches that show new construction by the as-of date: changed, construction after and not before, neither judged
    a pseudo change nor settled by one of the measures. With ``left`` and ``outline_m2``."""
    outline = pl.DataFrame({"outline_m2": t.areas("patch")}).with_row_index("row").drop_nulls()
    return (
        known(t["patch"], "image_on", p.as_of)
        .join(outline, on="row")
        .filter(
            pl.col("changed").fill_null(False)
            & is_construction(text("class_after"))
            & ~is_construction(text("class_before"))
            & (text("judgment") != "pseudo")
            & ~text("measure").is_in(settled)
        )
        .rename({"row": "left"})
        .cast({"left": pl.UInt32})
    )


def _approved(t: Inputs, as_of: date) -> pl.DataFrame:
    """Parcels with their approval, as far as it was given by a day: ``row``, ``doc_no``, ``kind``, "
    "``approved_on``."""
    heads = t["approval"].select("doc_no", "kind", "approved_on").unique("doc_no", keep="first", maintain_order=True)
    rows = t["parcel"].with_row_index("row").select("row", "doc_no").join(heads, on="doc_no", how="left")
    return rows.filter(pl.col("approved_on").is_null() | (pl.col("approved_on") <= as_of))


@rule(
    "R40",
    name=("未批先建(新增建设用地未经批准)", "New construction without approval"),
    severity="red",
    law=ILLEGAL_USE,
    needs={
        "patch": PATCH,
        "approval": APPROVAL,
        "parcel": PARCEL,
        "temporary": Rows("land.temporary_use", geometry=True),
    },
    formula="outside_m2 > max(tolerance_m2, tolerance_ratio × outline_m2)",
    explain=(
        "影像显示新增建设用地，没有批准地块或有效临时用地覆盖。到现场核查举证；合法的补充批文，违法的立案查处。",
        "Imagery shows new construction that no approved parcel or valid temporary permit covers. Check on site; "
        "name the "
        "approval, or open a case.",
    ),
)
def built_without_approval(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """New construction: changed, class after construction, class before not; not judged a pseudo change, not demolished
    or confiscated. Area of the patch outside all parcels approved by the as-of date (also those approved after the
    image: that is R41) and outside temporary uses permitted on the image date."""
    found = _new_building(t, p, "demolished", "confiscated")
    approved = narrowed(t.overlap("patch", "parcel"), right=_approved(t, p.as_of).select("row"))
    permits = t["temporary"].with_row_index("row").select("row", "approved_on", "until_on")
    permitted = (
        narrowed(t.overlap("patch", "temporary"), right=permits)
        .join(found.select("left", "image_on"), on="left")
        .filter((pl.col("approved_on") <= pl.col("image_on")) & (pl.col("image_on") <= pl.col("until_on")))
    )
    found = (
        found.join(t.outside("patch", ("parcel", approved), ("temporary", permitted)), on="left")
        .rename({"area_m2": "outside_m2"})
        .filter(pl.col("outside_m2") > tolerance(pl.col("outline_m2"), p))
        .with_columns(matched_ratio=1 - pl.col("outside_m2") / pl.col("outline_m2"))
    )
    rows = found["left"].to_list()
    by_parcel, by_permit = rights_of(approved, rows), rights_of(permitted, rows)
    yield from hits(
        found,
        SUBJECT,
        values=("outside_m2", "outline_m2", "matched_ratio", "image_on", "class_before", "class_after"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="outside_m2",
        geometry=lambda row: t.cut(
            "patch",
            row["left"],
            ("parcel", by_parcel.get(row["left"], [])),
            ("temporary", by_permit.get(row["left"], [])),
            keep="rest",
        ),
    )


@rule(
    "R41",
    name=("边报边用、先用后批", "Built before approval"),
    severity="red",
    law=ILLEGAL_USE,
    needs={"patch": PATCH, "approval": APPROVAL, "parcel": PARCEL},
    formula="image_on < approved_on; common_m2 > max(tolerance_m2, tolerance_ratio × outline_m2)",
    explain=(
        "变化影像的时相早于批准日期，属批准前已动工。核实动工时间；确属未批先建的，依法查处后完善手续。",
        "The image that shows the building is older than the approval. Find out when work began; otherwise open a "
        "case.",
    ),
)
def built_before_approval(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """New construction as in R40 (and not legalised): area shared with the parcels of one approval given after the
    image date, by the as-of date. One hit for each patch and approval."""
    late = _approved(t, p.as_of).filter(
        (pl.col("kind").fill_null("") != "temporary") & pl.col("approved_on").is_not_null()
    )
    found = (
        narrowed(t.overlap("patch", "parcel"), right=late)
        .join(_new_building(t, p, "demolished", "confiscated", "legalised"), on="left", suffix="_patch")
        .filter(pl.col("image_on") < pl.col("approved_on"))
        .group_by("left", "doc_no", "patch_no", "image_on", "approved_on", "outline_m2")
        .agg(common_m2=pl.col("area_m2").sum(), rights=pl.col("right"))
        .filter(pl.col("common_m2") > tolerance(pl.col("outline_m2"), p))
        .with_columns(early=(pl.col("approved_on") - pl.col("image_on")).dt.total_days())
        .sort("patch_no", "doc_no")
    )
    yield from hits(
        found,
        SUBJECT,
        APPROVAL_KEY,
        values=("image_on", "approved_on", "common_m2", "outline_m2"),
        constants={"tolerance_m2": p.tolerance_m2, "tolerance_ratio": p.tolerance_ratio},
        area="common_m2",
        days="early",
        geometry=lambda row: t.cut("patch", row["left"], ("parcel", row["rights"])),
    )


@rule(
    "R42",
    name=("批而未用", "Approved, unchanged on imagery"),
    severity="yellow",
    law=UNUSED,
    needs={
        "patch": Rows("enforcement.patch", geometry=True, may_be_empty=False),
        "approval": APPROVAL,
        "parcel": PARCEL,
    },
    formula="unused_m2 ≥ min_ratio × outline_m2; changed_m2 ≤ tolerance_m2",
    explain=(
        "批准满一年后的影像显示，批准范围一半以上没有变化。核查实施情况，制定供地和开工计划。",
        "An image more than a year after approval shows at least half of the approved land unchanged. Find out "
        "what was done "
        "and plan supply and building.",
    ),
)
def approved_unused(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Approvals of kind batch or single_site: area of their parcels within patches without change imaged more than
    ``limit_days`` after approval, and no patch with change imaged since approval over more than ``tolerance_m2``."""
    standing = (
        _approved(t, p.as_of)
        .with_columns(outline_m2=t.areas("parcel").gather(_approved(t, p.as_of)["row"]))
        .filter(pl.col("kind").is_in(["batch", "single_site"]) & pl.col("outline_m2").is_not_null())
        .cast({"row": pl.UInt32})
    )
    images = known(t["patch"], "image_on", p.as_of).select("row", "patch_no", "image_on", "changed")
    seen = (
        narrowed(t.overlap("parcel", "patch"), right=images)
        .join(standing.select("doc_no", "approved_on", left="row"), on="left")
        .with_columns(
            age=(pl.col("image_on") - pl.col("approved_on")).dt.total_days(), changed=pl.col("changed").fill_null(True)
        )
    )
    still = seen.filter(~pl.col("changed") & (pl.col("age") > p.limit_days))
    moved = (
        seen.filter(pl.col("changed") & (pl.col("age") > 0)).group_by("doc_no").agg(changed_m2=pl.col("area_m2").sum())
    )
    unused = (
        t.covered("parcel", ("patch", still.select("left", "right", "area_m2")))
        .join(standing.select("doc_no", left="row"), on="left")
        .group_by("doc_no")
        .agg(unused_m2=pl.col("area_m2").sum())
    )
    images_of = still.group_by("doc_no").agg(
        image_on=pl.col("image_on").max(), patches=pl.col("patch_no").unique().sort()
    )
    found = (
        standing.group_by("doc_no", "approved_on")
        .agg(outline_m2=pl.col("outline_m2").sum())
        .join(unused, on="doc_no")
        .join(images_of, on="doc_no")
        .join(moved, on="doc_no", how="left")
        .with_columns(changed_m2=pl.col("changed_m2").fill_null(0.0), age_days=days_since("approved_on", p.as_of))
        .filter((pl.col("unused_m2") >= p.min_ratio * pl.col("outline_m2")) & (pl.col("changed_m2") <= p.tolerance_m2))
        .sort("doc_no")
    )
    rows = still.group_by("doc_no").agg(rows=pl.col("left").unique())
    found = found.join(rows, on="doc_no")
    yield from hits(
        found,
        APPROVAL_KEY,
        values=("approved_on", "image_on", "unused_m2", "outline_m2", "changed_m2", "patches"),
        constants={"min_ratio": p.min_ratio, "tolerance_m2": p.tolerance_m2},
        area="unused_m2",
        days="age_days",
        geometry=lambda row: t.union("parcel", row["rows"]),
    )


@rule(
    "R44",
    name=("设施农用地硬化或改建", "Facility-agriculture land built over"),
    severity="orange",
    law=FACILITY,
    needs={"patch": PATCH},
    formula="class_after = 122 or class_before = 122; hard_surface = true",
    explain=(
        "设施农用地图斑有地面硬化或房屋证据。现场核查是否改变用途；擅自改建的责令恢复。",
        "A facility-agriculture patch shows hard surface. Check on site whether its use was changed; otherwise "
        "order it "
        "restored.",
    ),
)
def facility_built_over(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Patches of class 122 (1202) before or after with hard surface seen; not judged a pseudo change, not demolished or
    confiscated."""
    facility = ["122", "1202"]
    found = known(t["patch"], "image_on", p.as_of).filter(
        (text("class_after").is_in(facility) | text("class_before").is_in(facility))
        & pl.col("hard_surface").fill_null(False)
        & (text("judgment") != "pseudo")
        & ~text("measure").is_in(["demolished", "confiscated"])
    )
    found = found.with_columns(outline_m2=t.areas("patch").gather(found["row"])).with_columns(
        patch_m2=pl.coalesce("outline_m2", "area")
    )
    yield from hits(
        found, SUBJECT, values=("class_before", "class_after", "hard_surface", "image_on", "patch_m2"), area="patch_m2"
    )


RULES = (built_without_approval, built_before_approval, approved_unused, facility_built_over)
