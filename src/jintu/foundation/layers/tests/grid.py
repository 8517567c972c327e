"""A small county on a grid, delivered as surveyors deliver: plane coordinates, codes as column names.

Cell (i, j) lies `STEP` metres wide in EPSG:4528 (3° zone 40, 8-digit eastings) from an origin near 118.7°E 36.25°N.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely

from jintu.kernel import formats

CRS = "EPSG:4528"
EAST, NORTH, STEP = 40_383_000.0, 4_013_000.0, 200.0
CLASSES = ("011", "013", "203", "104", "031")
NAMES = {"011": "水田", "013": "旱地", "203": "村庄", "104": "农村道路", "031": "有林地"}


def cell(i: int, j: int, width: int = 1, height: int = 1) -> shapely.Polygon:
    """Plane polygon of a block of cells."""
    x, y = EAST + i * STEP, NORTH + j * STEP
    return shapely.box(x, y, x + width * STEP, y + height * STEP)


def official(shape: Any) -> float:
    from jintu.kernel import crs
    from jintu.kernel.area.official import official_area

    return float(official_area(shape, crs.parse(CRS)))


def patches(columns: int = 6, rows: int = 5, **changes: dict[int, Any]) -> tuple[dict[str, list[Any]], list[Any]]:
    """Columns of DLTB and plane polygons; ``changes``: column → {row: value}."""
    shapes = [cell(i, j) for j in range(rows) for i in range(columns)]
    n = len(shapes)
    code = [CLASSES[k % len(CLASSES)] for k in range(n)]
    cultivated = [c.startswith("01") for c in code]
    area = [round(official(s), 2) for s in shapes]
    data: dict[str, list[Any]] = {
        "BSM": [k + 1 for k in range(n)],
        "YSDM": ["2001010100"] * n,
        "TBBH": [str(k + 1) for k in range(n)],
        "DLBM": code,
        "DLMC": [NAMES[c] for c in code],
        "QSXZ": ["20" if c in ("203", "104") else "30" for c in code],
        "QSDWDM": ["9901210010010000000"] * n,
        "QSDWMC": ["甲村"] * n,
        "ZLDWDM": ["9901210010010000000"] * n,
        "ZLDWMC": ["甲村"] * n,
        "GDPDJ": ["2" if c else None for c in cultivated],
        "GDLX": ["P" if c else None for c in cultivated],
        "TKXS": [0.1 if c else 0.0 for c in cultivated],
        "TBMJ": area,
        "XZDWMJ": [0.0] * n,
        "LXDWMJ": [0.0] * n,
        "TKMJ": [round(a * 0.1, 2) if c else 0.0 for a, c in zip(area, cultivated, strict=True)],
        "TBDLMJ": [round(a * 0.9, 2) if c else a for a, c in zip(area, cultivated, strict=True)],
        "PZWH": [None] * n,
        "BGRQ": [None] * n,
    }
    for name, values in changes.items():
        for row, value in values.items():
            data[name][row] = value
    return data, shapes


def write(path: Path, data: dict[str, list[Any]], shapes: Sequence[Any], crs: str = CRS, **options: Any) -> Path:
    columns = {k: pa.array(v, pa.string() if all(x is None for x in v) else None) for k, v in data.items()}
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(list(shapes)), pa.binary())})
    formats.write(path, table, crs=crs, **options)
    return path


def dltb(path: Path, *, crs: str = CRS, shapes: dict[int, Any] | None = None, **changes: dict[int, Any]) -> Path:
    """A DLTB file; ``shapes``: row → other polygon; other keywords: column → {row: value}."""
    data, polygons = patches(**changes)
    for row, shape in (shapes or {}).items():
        polygons[row] = shape
    return write(path, data, polygons, crs)


def zones(path: Path, kind: str, blocks: Sequence[tuple[str, Any]]) -> Path:
    """TDYTQ, JSYDGZQ or JBNTTB from (code, plane polygon) pairs."""
    shapes = [s for _, s in blocks]
    n = len(shapes)
    area = [round(official(s), 2) for s in shapes]
    codes = [c for c, _ in blocks]
    base = {"BSM": [k + 1 for k in range(n)]}
    if kind == "TDYTQ":
        data = base | {
            "YSDM": ["2003020110"] * n,
            "TDYTQBH": [str(k) for k in range(n)],
            "TDYTQLXDM": codes,
            "MJ": area,
        }
    elif kind == "JSYDGZQ":
        data = base | {"YSDM": ["2003020210"] * n, "GZQLXDM": codes, "GZQMJ": area}
    else:
        data = base | {
            "YSDM": ["2005010500"] * n,
            "JBNTTBBH": [f"990121001001{k:06d}" for k in range(n)],
            "TBBH": [str(k) for k in range(n)],
            "DLBM": codes,
            "QSXZ": ["30"] * n,
            "ZLDWDM": ["9901210010010000000"] * n,
            "GDPDJ": ["2"] * n,
            "TBMJ": area,
            "JBNTMJ": area,
            "BHZRR": ["张三"] * n,
        }
    return write(path, data, shapes)


def villages(path: Path, columns: int = 6, rows: int = 5) -> Path:
    """Two villages of one township, side by side."""
    half = columns // 2
    shapes = [cell(0, 0, half, rows), cell(half, 0, columns - half, rows)]
    area = [round(official(s), 2) for s in shapes]
    data = {
        "BSM": [1, 2],
        "YSDM": ["1000600100"] * 2,
        "XZQDM": ["990121001001", "990121001002"],
        "XZQMC": ["甲村", "乙村"],
        "KZMJ": area,
        "JSMJ": area,
        "MSSM": ["00", "00"],
    }
    return write(path, data, shapes)


def lonlat(shape: Any) -> Any:
    """The plane polygon in lon/lat 4490."""
    from jintu.kernel import crs

    return crs.to_lonlat(shape, crs.parse(CRS))
