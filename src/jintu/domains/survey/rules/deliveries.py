"""What a delivery must hold (Q1101–Q1108, Q6110): told of each of its layers, of no feature.

They look at the record that `foundation.layers.delivered` keeps with the versions of a delivery; a layer that was
loaded from a single file came in none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from jintu.foundation.checks.inspection.rules import Needs, quality
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import polars

    from jintu.foundation.checks.inspection.tables import Dataset, Table

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]


def _whole(t: Table, values: Iterable[Any], column: str = "", expected: str = "") -> polars.DataFrame:
    """Errors of the delivery as such."""
    told = list(values)
    return t.errors_at([-1] * len(told), column=column, values=told, expected=expected)


@quality(
    "Q1101", "A", ("缺少规定的目录或文件", "Required directory or file missing"), given=("delivery",),
    remedy=("补齐目录和文件后重新提交。", "Complete the delivery and hand it in again."),
)  # fmt: skip
def directories(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The directories that the kind of delivery requires are there, and every file that a checksum list names."""
    delivery = data.given["delivery"]
    yield _whole(t, delivery["lacking"]["directories"])
    yield _whole(t, (c["file"] for c in delivery["checksums"] if not c["found"]))


@quality(
    "Q1102", "B", ("成果名称不符合命名规则", "Name of the delivery out of rule"), given=("delivery",),
    remedy=("按“(行政区代码)名称年份”命名。", "Name it (division code) name year."),
)  # fmt: skip
def names(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The directory is named by division and year, as the kind of delivery says, and by the division it is of."""
    delivery = data.given["delivery"]
    if not delivery["division"] or not delivery["year"]:
        yield _whole(t, [delivery["name"]], expected=f"({data.division})…YYYY")
    elif not data.division.startswith(delivery["division"]) and not delivery["division"].startswith(data.division):
        yield _whole(t, [delivery["division"]], expected=data.division)


def _readable(delivery: dict[str, Any]) -> list[dict[str, Any]]:
    return [m for m in delivery["metadata"] if "items" in m]


@quality(
    "Q1103", "B", ("元数据缺失或不完整", "Metadata missing or not complete"), given=("delivery",),
    remedy=("按元数据标准补齐必选项。", "Fill in the mandatory items of the metadata standard."),
)  # fmt: skip
def metadata_complete(t: Table, data: Dataset, p: Parameters) -> Errors:
    """There is a metadata file, every one parses, and together they hold the mandatory items of ISO 19115: each
    parameter is an item, its value the names of elements under which it is found (separated by |)."""
    delivery = data.given["delivery"]
    if not delivery["metadata"]:
        yield _whole(t, ["—"], expected="*.xml")
        return
    yield _whole(t, (f"{m['file']}: {m['error']}" for m in delivery["metadata"] if "error" in m))
    there = {name.lower() for m in _readable(delivery) for name in m["items"]}
    lacking = [item for item, elements in p.items() if not there & set(str(elements).lower().split("|"))]
    yield _whole(t, ["—"] * len(lacking)).with_columns(expected=_texts(lacking))


def _texts(values: list[str]) -> polars.Series:
    from jintu.foundation.checks.lazy import pl

    return pl.Series("expected", values, dtype=pl.String)


@quality(
    "Q1104", "A", ("文件无法打开或校验和不符", "File not readable, or not what its checksum says"), given=("delivery",),
    remedy=("重新复制或重新生成文件。", "Copy the file again, or make it again."),
)  # fmt: skip
def readable(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Every file with layers opens; files that a checksum list names have that checksum."""
    delivery = data.given["delivery"]
    yield _whole(t, (f"{f['file']}: {f['reason']}" for f in delivery["unreadable"]))
    wrong = [c for c in delivery["checksums"] if c["found"] and c["found"] != c["listed"]]
    found = _whole(t, (f"{c['file']}: {c['found']}" for c in wrong))
    yield found.with_columns(expected=_texts([c["listed"] for c in wrong]))


@quality(
    "Q1105", "A", ("缺少必备图层", "Required layer missing"), given=("delivery",),
    remedy=("补齐图层后重新提交。", "Add the layer and hand it in again."),
)  # fmt: skip
def required_layers(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The layers that the kind of delivery requires are there: XZQ, XZQJX, DLTB, XZDW, DLJX and JBNTTB of a survey."""
    yield _whole(t, data.given["delivery"]["missing"])


@quality("Q1106", "C", ("存在未规定的图层或文件", "Unknown layer or file"), given=("delivery",))
def unknown_layers(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Nothing is in the delivery that its kind does not know."""
    yield _whole(t, data.given["delivery"]["unknown"])


@quality(
    "Q1107", "B", ("缺少必备表格或报告", "Required table or report missing"), given=("delivery",),
    remedy=("补齐表格和报告。", "Add the tables and reports."),
)  # fmt: skip
def required_documents(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The tables and reports that the kind of delivery requires are there."""
    yield _whole(t, data.given["delivery"]["lacking"]["documents"])


@quality("Q1108", "B", ("图层为空", "Layer without features"), given=("delivery",))
def empty_layers(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No layer is empty but those of ``may_be_empty`` (separated by |): declared as such for the county."""
    declared = str(p.may_be_empty).split("|")
    yield _whole(t, (name for name in data.given["delivery"]["empty"] if name not in declared))


@quality("Q6110", "C", ("元数据与数据不符", "Metadata does not agree with the data"), given=("delivery",))
def metadata_agrees(t: Table, data: Dataset, p: Parameters) -> Errors:
    """What metadata says of this layer (in an element with its table name in ``names``) is so: how many features
    (``counts``), and how many square metres (``areas``) within ``tolerance_m2``."""
    names, counts, areas = (set(str(k).lower().split("|")) for k in (p.names, p.counts, p.areas))
    stated = False
    for group in (g for m in _readable(data.given["delivery"]) for g in m["groups"]):
        said = {name.lower(): text for name, text in group.items()}
        if not any(said.get(name, "").upper() == t.schema.table for name in names):
            continue
        for name in counts & set(said):
            stated = True
            if _number(said[name]) != len(t):
                yield _whole(t, [said[name]], expected=str(len(t)))
        for name in areas & set(said):
            stated = True
            area = float(t.read(t.schema.area).to_series().sum()) if t.schema.area else float(t.areas.sum())
            given = _number(said[name])
            if given is None or abs(given - area) > float(p.tolerance_m2):
                yield _whole(t, [said[name]], t.schema.area, expected=f"{area:.2f}")
    if not stated:
        raise Needs(f"metadata of {t.schema.table}")


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


RULES = (
    directories,
    names,
    metadata_complete,
    readable,
    required_layers,
    unknown_layers,
    required_documents,
    empty_layers,
    metadata_agrees,
)
