"""A small sound county for tests of the inspection: twelve patches, two villages, farmland; change one cell to break it.

Squares of 200 m in EPSG:4528, as `jintu.foundation.layers.tests.grid` lays them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from jintu.foundation.checks import parameters
from jintu.foundation.checks.inspection.rules import QualityRule
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.checks.inspection.tables import Dataset, Table
from jintu.foundation.checks.tests.tables import table
from jintu.foundation.layers.tests import grid

AS_OF = date(2024, 12, 31)
COLUMNS, ROWS = 4, 3


def patches(shapes: dict[int, Any] | None = None, **changes: dict[int, Any]) -> Table:
    """DLTB; ``shapes``: row → plane polygon; further words: column code → {row: value}."""
    data, polygons = grid.patches(COLUMNS, ROWS)
    codes = [f"99012100100{1 if k % COLUMNS < COLUMNS // 2 else 2}0000000" for k in range(len(polygons))]
    names = ["甲村" if c[11] == "1" else "乙村" for c in codes]
    data |= {"ZLDWDM": codes, "QSDWDM": [*codes], "ZLDWMC": names, "QSDWMC": [*names]}
    level = [k for k, c in enumerate(data["DLBM"]) if c == "013"]
    for k in level:  # the dry land is level: no ridges
        data["GDPDJ"][k], data["GDLX"][k], data["TKXS"][k], data["TKMJ"][k] = "1", None, 0.0, 0.0
        data["TBDLMJ"][k] = data["TBMJ"][k]
    for column, values in changes.items():
        for row, value in values.items():
            data.setdefault(column, [None] * len(polygons))[row] = value
    for row, shape in (shapes or {}).items():
        polygons[row] = shape
    return table("DLTB", data, polygons)


def villages(**changes: dict[int, Any]) -> Table:
    """XZQ: two villages side by side whose control areas are the sums of their patches."""
    half = COLUMNS // 2
    shapes = [grid.cell(0, 0, half, ROWS), grid.cell(half, 0, half, ROWS)]
    own = patches()
    sums = [
        float(own.frame.filter(pl.col("location_code").str.starts_with(code))["patch_area_m2"].sum())
        for code in ("990121001001", "990121001002")
    ]
    data: dict[str, list[Any]] = {
        "BSM": [1, 2],
        "YSDM": ["1000600100"] * 2,
        "XZQDM": ["990121001001", "990121001002"],
        "XZQMC": ["甲村", "乙村"],
        "KZMJ": [round(s, 2) for s in sums],
        "JSMJ": [round(grid.official(s), 2) for s in shapes],
        "MSSM": ["00", "00"],
    }
    for column, values in changes.items():
        for row, value in values.items():
            data[column][row] = value
    return table("XZQ", data, shapes)


def farmland(codes: list[str], shapes: list[Any]) -> Table:
    """JBNTTB of (class, plane polygon)."""
    n = len(shapes)
    area = [round(grid.official(s), 2) for s in shapes]
    data = {
        "BSM": [k + 1 for k in range(n)],
        "YSDM": ["2005010500"] * n,
        "JBNTTBBH": [f"990121001001{k:06d}" for k in range(n)],
        "TBBH": [str(k + 1) for k in range(n)],
        "DLBM": codes,
        "QSXZ": ["30"] * n,
        "ZLDWDM": ["9901210010010000000"] * n,
        "GDPDJ": ["1" if c.startswith("01") else None for c in codes],
        "TBMJ": area,
        "JBNTMJ": area,
    }
    return table("JBNTTB", data, shapes)


def zones(name: str, kind: str, blocks: list[tuple[str, Any]], feature_code: str) -> Table:
    """TDYTQ or JSYDGZQ of (kind, plane polygon)."""
    n = len(blocks)
    area = [round(grid.official(s), 2) for _, s in blocks]
    mine = "TDYTQMJ" if name == "TDYTQ" else "GZQMJ"
    data = {
        "BSM": [k + 1 for k in range(n)],
        "YSDM": [feature_code] * n,
        kind: [c for c, _ in blocks],
        mine: area,
    }
    return table(name, data, [s for _, s in blocks])


def found(rule: QualityRule, *tables: Table, **given: Any) -> list[tuple[int, str, str, str]]:
    """(row, field, value, expected) of each error the rule finds in the tables, and in what is given beside them."""
    data = Dataset({t.schema.table: t for t in tables}, AS_OF, "990121", given=given)
    report = inspect(data, dict(parameters.in_force(AS_OF, ())), rules=[rule])
    assert all(o.ran for o in report.outcomes), [o.needs for o in report.outcomes]
    return report.errors.select("row", "field", "value", "expected").rows()
