"""Rules of the quality inspection of planning layers (Q4110–Q4112), and of the targets of the plan (Q6108, Q6109)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.overlaps import shared, uncovered_rows
from jintu.foundation.checks.inspection.rules import Needs, quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import polars

    from jintu.foundation.checks.inspection.tables import Dataset, Table

__all__ = ["REACH", "RULES"]

Errors = Iterator["polars.DataFrame"]


def _inside(t: Table, other: Table, column: str, codes: list[str]) -> polars.DataFrame:
    """row, m² of each row of ``t`` in those features of ``other`` whose column has one of the codes."""
    chosen = other.beside(other, f"{column} {codes}", lambda: _of_kinds(other, column, codes))
    return shared(t, chosen).group_by("left").agg(pl.col("area_m2").sum()).sort("left")


def _of_kinds(t: Table, column: str, codes: list[str]) -> Table:
    kinds = t.read(column).to_series()
    return t.rows(kinds.is_in(codes).fill_null(False).arg_true())


@quality("Q4110", "B", ("基本农田位于允许建设区", "Basic farmland in a permitted construction zone"),
         tables=("JBNTTB",), needs=("JSYDGZQ",))  # fmt: skip
def farmland_not_for_building(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No more than ``tolerance_m2`` of a basic-farmland patch lies in control zone 010 (允许建设区)."""
    found = _inside(t, data["JSYDGZQ"], "control_type", ["010"]).filter(pl.col("area_m2") > float(p.tolerance_m2))
    yield t.errors_at(found["left"], values=[f"{a:.2f}" for a in found["area_m2"]], expected="0.00")


@quality("Q4111", "A", ("规划分区未覆盖行政区", "Planning zones do not cover the division"),
         tables=("XZQ",), needs=("TDYTQ", "JSYDGZQ"))  # fmt: skip
def zones_cover_division(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Use zones (TDYTQ) and control zones (JSYDGZQ) each cover the divisions within the tolerance; their overlaps are
    Q3102's."""
    for name in ("TDYTQ", "JSYDGZQ"):
        rows, outside = uncovered_rows(t, data[name], float(p.tolerance_m2), float(p.tolerance_ratio))
        yield t.errors_at(rows, values=[f"{name} {a:.2f}" for a in outside], expected=f"{name} 0.00")


@quality("Q4112", "B", ("基本农田保护区不在限制或禁止建设区", "Protection zone outside restricted or prohibited zones"),
         tables=("TDYTQ",), needs=("JSYDGZQ",), columns=("zone_type",))  # fmt: skip
def protection_zone_restricted(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Use zone 010 (基本农田保护区) lies in control zones 030 and 040 but for ``tolerance_m2``."""
    import numpy as np

    within = np.zeros(len(t))
    found = _inside(t, data["JSYDGZQ"], "control_type", ["030", "040"])
    within[found["left"].to_numpy()] = found["area_m2"].to_numpy()
    outside = t.areas - within
    slack = np.maximum(float(p.tolerance_m2), float(p.tolerance_ratio) * t.areas)
    rows = np.flatnonzero((t.frame["zone_type"] == "010").fill_null(False).to_numpy() & (outside > slack))
    yield t.errors_at(rows, values=[f"{a:.2f}" for a in outside[rows]], expected="0.00")


CULTIVATED, BASIC_FARMLAND = "01", "02"
"""Indicators of TD/T 1027-2010."""


def _target(data: Dataset, indicator: str) -> float:
    """m² the plan aims at for the division: of its target years the first that is not past, else the last. Raises
    `Needs` where the plan says nothing of the division."""
    from jintu.kernel import units

    rows = data["GHZB"].frame.filter(
        (pl.col("indicator") == indicator) & pl.col("division_code").str.starts_with(data.division)
    )
    rows = rows.filter(pl.col("division_code").str.strip_chars_end("0").str.len_chars() <= len(data.division))
    rows = rows.sort("target_year", nulls_last=False)
    ahead = rows.filter(pl.col("target_year") >= str(data.as_of.year))
    chosen = ahead.head(1) if len(ahead) else rows.tail(1)
    if chosen.is_empty():
        raise Needs(f"GHZB {indicator} {data.division}")
    value, unit = chosen.select("target_value", "measure").row(0)
    kind = units.area_unit(unit or "公顷")
    if kind is None:
        raise Needs(f"GHZB {indicator} DW")
    above, under = units.AREA_UNITS[kind]
    return float(value) * float(above) / float(under)


def _short(t: Table, column: str, total: float, target: float) -> polars.DataFrame:
    """One error of the layer as such where the total does not reach the target, in hectares."""
    rows = [-1] if total < target else []
    return t.errors_at(rows, column=column, values=[f"{total / 1e4:.2f} ha"] * len(rows),
                       expected=f"≥ {target / 1e4:.2f} ha")  # fmt: skip


@quality("Q6108", "B", ("基本农田面积低于规划指标", "Less basic farmland than the plan aims at"),
         tables=("JBNTTB",), needs=("GHZB",), columns=("protected_area_m2",))  # fmt: skip
def farmland_reaches_target(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Σ JBNTMJ is at least plan indicator 02 (基本农田保护面积) less ``tolerance_m2``."""
    total = float(t.read("protected_area_m2").to_series().sum())
    yield _short(t, "protected_area_m2", total + float(p.tolerance_m2), _target(data, BASIC_FARMLAND))


@quality("Q6109", "C", ("耕地面积低于规划指标", "Less cultivated land than the plan aims at"),
         tables=("DLTB",), needs=("GHZB",), columns=("land_use_code", "net_area_m2"))  # fmt: skip
def cultivated_reaches_target(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A warning: Σ TBDLMJ of class 01 is at least plan indicator 01 (耕地保有量) less ``tolerance_m2``."""
    areas = data.given.get("areas of classes")  # of a version they are known: the layer need not be read
    if areas is None:
        areas = t.read("land_use_code", "net_area_m2").group_by("land_use_code").agg(pl.col("net_area_m2").sum())
        areas = dict(areas.iter_rows())
    total = sum(area or 0.0 for code, area in areas.items() if code and code.startswith("01"))
    yield _short(t, "net_area_m2", total + float(p.tolerance_m2), _target(data, CULTIVATED))


RULES = (
    farmland_not_for_building,
    zones_cover_division,
    protection_zone_restricted,
    farmland_reaches_target,
    cultivated_reaches_target,
)

REACH = {"Q4110": "row", "Q4112": "row"}
"""How far the rules look; see `foundation.checks.inspection.reuse`."""
