"""Table 12: the ridge coefficients a version was computed with, beside those approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from jintu.foundation.identity.scope import prefix_of
from jintu.kernel.area.deductions import RATIO, Coefficient, Coefficients, as_ratio

from . import cube

if TYPE_CHECKING:
    from jintu.foundation.layers.models import LayerVersion

__all__ = ["FILE", "Ridge", "coefficients", "ridges"]

FILE = "ridge_coefficients.csv"
"""In the node's data directory: the coefficients its provinces approved; see docs/reference/tables.md."""
SHIPPED = Path(__file__).parent.parent / "codes" / FILE


@dataclass(frozen=True, slots=True)
class Ridge:
    """Cultivated patches of a county with one slope class, type and coefficient. Areas are hundredths of m²;
    ``under`` is what the coefficient is taken of: patch − linear − scattered."""

    county: str
    slope: str
    kind: str
    ratio: Decimal
    patches: int
    under: int
    ridge: int
    approved: Decimal | None

    @property
    def ok(self) -> bool:
        """None approved is not wrong: it is not known."""
        return self.approved is None or self.approved == self.ratio


def coefficients() -> Coefficients:
    """The node's own file over the sample county's; a loaded table goes before both."""
    own = Path(settings.NODE.data) / FILE
    stamp = own.stat().st_mtime_ns if own.is_file() else 0
    return _read(own, stamp)


@cache
def _read(own: Path, stamp: int) -> Coefficients:
    return Coefficients.read_csv(SHIPPED, *([own] if stamp else []))


def delivered(versions: Sequence[LayerVersion]) -> list[Coefficient]:
    """Coefficients of loaded tables (TKXSB)."""
    found: list[Coefficient] = []
    for version in versions:
        table = version.table(["division_code", "slope_class", "cultivated_type", "ridge_ratio", "approval_no"])
        for county, slope, kind, ratio, document in zip(*(c.to_pylist() for c in table.columns), strict=True):
            value = as_ratio(Decimal(str(ratio)))
            found.append(Coefficient(county[:6], slope, kind, value, version.valid_from, None, document or ""))
    return found


def ridges(
    pieces: Sequence[LayerVersion], prefix: str, day: date, approved_in: Sequence[LayerVersion] = ()
) -> list[Ridge]:
    """Lines of table 12 for the sloping cultivated land of a division; ``approved_in``: versions of TKXSB."""
    import polars as pl

    known = Coefficients([*coefficients().lines, *delivered(approved_in)])
    found: list[Ridge] = []
    for version in pieces:
        frame = (
            cube.patches(version)
            .filter(
                pl.col("village").str.starts_with(prefix),
                pl.col("code").str.starts_with("01"),
                (pl.col("slope") != "1") | (pl.col("ratio") > 0),
            )
            .group_by(pl.col("village").str.slice(0, 6).alias("county"), "slope", "kind", "ratio")
            .agg(
                pl.len().alias("patches"),
                (pl.col("area") - pl.col("linear") - pl.col("scattered")).sum().alias("under"),
                pl.col("ridge").sum(),
            )
            .sort("county", "slope", "kind", "ratio")
            .collect(engine="streaming")
        )
        for county, slope, kind, ratio, patches, under, ridge in frame.iter_rows():
            approved = known.find(prefix_of(county), slope, kind, day)
            used = Decimal(ratio) / RATIO
            found.append(Ridge(county, slope, kind, used, patches, under, ridge, approved.ratio if approved else None))
    return found
