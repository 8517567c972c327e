"""What is deducted from a patch: linear and scattered features (线状地物, 零星地物) and field ridges (田坎).

TD/T 1014 and TD/T 1016: with TBMJ the patch, XZDWMJ its share of linear features, LXDWMJ the scattered ones,

    TKMJ   = (TBMJ − XZDWMJ − LXDWMJ) × TKXS      rounded to 0.01 m², halves up
    TBDLMJ = TBMJ − XZDWMJ − LXDWMJ − TKMJ

>>> p = Patch(Decimal("10000.00"), linear=Decimal("125.50"), ratio=Decimal("0.12"))
>>> p.ridge, p.net
(Decimal('1184.94'), Decimal('8689.56'))
>>> line_shares(Decimal("33.33"), Decimal("0.5"))
(Decimal('16.67'), Decimal('16.66'))
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jintu.kernel.errors import InputError, Missing, Place

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Coefficient",
    "Coefficients",
    "Patch",
    "Residual",
    "as_ratio",
    "line_area",
    "line_shares",
    "measured",
    "ratio_units",
    "residual",
    "ridge_cents",
]

CENT = Decimal("0.01")
ZERO = Decimal(0)
RATIO = 10_000
"""Units of a coefficient: a ratio of two decimals, or a percentage of two."""
SAMPLES = 30
"""Patches a coefficient must be measured on, for each group (from memory: not checked against the standard)."""


def _cent(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def as_ratio(coefficient: Decimal) -> Decimal:
    """TKXS as a ratio: some databases deliver percent, so what is above 1 is percent. Raises `InputError`."""
    ratio = coefficient / 100 if coefficient > 1 else coefficient
    if not 0 <= ratio < 1:
        raise InputError(
            "{value} is no coefficient of field ridges.",
            remedy="Write a ratio below 1 or a percentage below 100.",
            value=coefficient,
        )
    return ratio


@dataclass(frozen=True, slots=True)
class Patch:
    """Exact areas of a patch in m². ``ratio`` is TKXS as delivered."""

    area: Decimal
    linear: Decimal = ZERO
    scattered: Decimal = ZERO
    ratio: Decimal = ZERO

    @property
    def ridge(self) -> Decimal:
        """TKMJ."""
        return _cent((self.area - self.linear - self.scattered) * as_ratio(self.ratio))

    @property
    def net(self) -> Decimal:
        """TBDLMJ."""
        return self.area - self.linear - self.scattered - self.ridge


@dataclass(frozen=True, slots=True)
class Residual:
    """Delivered minus computed, m²: zero where the identity holds."""

    ridge: Decimal
    net: Decimal


def residual(patch: Patch, ridge: Decimal, net: Decimal) -> Residual:
    """How far delivered TKMJ and TBDLMJ are from the identities. TBDLMJ is judged with the delivered TKMJ."""
    return Residual(ridge - patch.ridge, net - (patch.area - patch.linear - patch.scattered - ridge))


def line_area(length: Decimal, width: Decimal) -> Decimal:
    """Area of a linear feature: CD × KD, m², two decimals."""
    return _cent(length * width)


def line_shares(area: Decimal, ratio: Decimal) -> tuple[Decimal, Decimal]:
    """What the patches on both sides give to a linear feature; ``ratio`` is KCBL, the share of the first.

    The shares sum to the area: the second side takes what the first leaves. Raises `InputError` outside 0 < KCBL ≤ 1.
    """
    if not 0 < ratio <= 1:
        raise InputError(
            "{value} is no share of a linear feature.", remedy="KCBL is above 0 and at most 1.", value=ratio
        )
    first = _cent(area * ratio)
    return first, area - first


# --- whole columns ----------


def ratio_units(ratio: ArrayLike) -> NDArray[np.int64]:
    """Delivered coefficients (n,) float, ratio or percent, as ten-thousandths; null (nan) is 0."""
    value = np.nan_to_num(np.asarray(ratio, dtype=np.float64))
    return np.rint(np.where(value > 1, value / 100, value) * RATIO).astype(np.int64)


def ridge_cents(
    area: ArrayLike, linear: ArrayLike, scattered: ArrayLike, ratio: NDArray[np.int64]
) -> NDArray[np.int64]:
    """TKMJ (n,) in hundredths of m² from areas in hundredths of m² and `ratio_units`; halves up, exact."""
    rest = np.asarray(area, np.int64) - np.asarray(linear, np.int64) - np.asarray(scattered, np.int64)
    return (rest * ratio * 2 + RATIO) // (2 * RATIO)


# --- coefficients ----------


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One line of a county's table of ridge coefficients (田坎系数表): dated, with the document that approved it.

    ``slope`` 2–5, ``kind`` T terrace or P slope land; ``ratio`` of the net cultivated land.
    """

    county: str
    slope: str
    kind: str
    ratio: Decimal
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    document: str = ""

    def valid_on(self, on: dt.date | None) -> bool:
        return on is None or (
            (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)
        )


class Coefficients:
    """The coefficients a node knows. Later lines replace earlier ones of the same group and days."""

    def __init__(self, lines: Iterable[Coefficient]) -> None:
        self.lines = tuple(lines)

    def find(self, county: str, slope: str, kind: str, on: dt.date | None = None) -> Coefficient | None:
        """The coefficient of a county, slope class and type on a day."""
        fits = [c for c in self.lines if (c.county, c.slope, c.kind) == (county[:6], slope, kind) and c.valid_on(on)]
        return fits[-1] if fits else None

    def get(self, county: str, slope: str, kind: str, on: dt.date | None = None) -> Coefficient:
        """The same. Raises `Missing`."""
        found = self.find(county, slope, kind, on)
        if found is None:
            raise Missing(
                "There is no ridge coefficient for {county}, slope class {slope}, type {kind}.",
                remedy="Add the county's approved table of ridge coefficients.",
                county=county,
                slope=slope,
                kind=kind,
            )
        return found

    @classmethod
    def read_csv(cls, *paths: Path) -> Coefficients:
        """CSV files with the columns county, slope, kind, ratio, valid_from, valid_to, document.

        Raises `InputError` with the row. Ratios may be percentages above 1, as in `as_ratio`.
        """
        lines: list[Coefficient] = []
        for path in paths:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                for number, row in enumerate(csv.DictReader(stream), start=2):
                    lines.append(_line(row, Place(file=path.name, row=number)))
        return cls(lines)


def _line(row: dict[str, str], place: Place) -> Coefficient:
    try:
        days = [dt.date.fromisoformat(row[n]) if row.get(n) else None for n in ("valid_from", "valid_to")]
        county, slope, kind = (row[n].strip() for n in ("county", "slope", "kind"))
        if len(county) != 6 or slope not in ("2", "3", "4", "5") or kind not in ("T", "P"):
            raise ValueError(row)
        ratio = as_ratio(Decimal(row["ratio"]))
    except (KeyError, ValueError, AttributeError, InvalidOperation) as error:
        raise InputError(
            "The row needs a county, a slope class 2 to 5, T or P, a ratio, and days as 2014-12-31.", place=place
        ) from error
    return Coefficient(county, slope, kind, ratio, days[0], days[1], (row.get("document") or "").strip())


def measured(ridges: Iterable[Decimal], patches: Iterable[Patch], *, samples: int = SAMPLES) -> Decimal:
    """A coefficient from sample patches: Σ ridge area ÷ Σ (patch − linear − scattered), four decimals.

    Raises `InputError` with fewer than ``samples`` patches or without area.
    """
    ridge, plots = list(ridges), list(patches)
    if len(plots) < samples or len(ridge) != len(plots):
        raise InputError(
            "{count} sample patches are too few for a coefficient.",
            remedy="Measure at least {samples} patches of the group.",
            count=len(plots),
            samples=samples,
        )
    under = sum((p.area - p.linear - p.scattered for p in plots), ZERO)
    if under <= 0:
        raise InputError("The sample patches have no area.", remedy="Check the deductions of the samples.")
    return (sum(ridge, ZERO) / under).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
