"""A survey written by hand: a few patches whose tables can be worked out on paper."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from jintu.foundation.layers import schemas

COUNTY = "990121"
ONE, TWO, THREE = "990121001001", "990121001002", "990121002001"


def patch(village: str, code: str, area: float, *, own: str = "30", **more: Any) -> dict[str, Any]:
    """A patch; ``slope``, ``kind``, ``ratio``, ``linear``, ``scattered``, ``owner`` where they matter."""
    linear, scattered, ratio = more.get("linear", 0.0), more.get("scattered", 0.0), more.get("ratio", 0.0)
    ridge = more.get("ridge", round((area - linear - scattered) * ratio + 1e-9, 2))
    return {
        "land_use_code": code,
        "ownership": own,
        "owner_code": more.get("owner", village) + "0000000",
        "location_code": village + "0000000",
        "slope_class": more.get("slope"),
        "cultivated_type": more.get("kind"),
        "ridge_class": "123" if ratio else None,
        "ridge_ratio": ratio,
        "patch_area_m2": area,
        "linear_area_m2": linear,
        "scattered_area_m2": scattered,
        "ridge_area_m2": ridge,
        "net_area_m2": more.get("net", round(area - linear - scattered - ridge, 2)),
    }


TEXT = ("slope_class", "cultivated_type", "ridge_class")


def version(folder: Path, rows: list[dict[str, Any]], layer: str = "survey.DLTB", division: str = COUNTY) -> Any:
    """Rows as a version of a layer: what the cube needs of one."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col(c).cast(pl.String) for c in TEXT if c in rows[0]
    )
    frame = frame.with_columns(bsm=pl.Series([str(i + 1) for i in range(len(rows))]), patch_no=pl.lit("1"))
    frame.write_parquet(folder / "data.parquet")
    return SimpleNamespace(
        pk=1,
        layer=layer,
        division=division,
        name="2025",
        hash="sha256:0",
        rows=0,
        valid_from=date(2025, 12, 31),
        directory=folder,
        schema=schemas.get("survey.DLTB"),
    )


ROWS = [
    patch(ONE, "011", 10_000.00, slope="1"),
    patch(ONE, "013", 20_000.00, slope="3", kind="T", ratio=0.11),
    patch(ONE, "203", 5_000.50, own="20"),
    patch(TWO, "013", 8_000.01, slope="2", kind="P", ratio=0.06),
    patch(TWO, "031", 12_345.67),
    patch(TWO, "021K", 1_000.00),
    patch(THREE, "102", 3_333.33, own="20"),
    patch(THREE, "104", 1_666.67),
    patch(THREE, "072", 900.00),
]
"""Cultivated: 10 000 + (20 000 − 2 200) + (8 000.01 − 480.00); ridges 2 680.00; state 5 000.50 + 3 333.33."""
