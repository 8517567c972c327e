"""Units in which values are stored, shown and delivered: labels and digits here, factors from `jintu.kernel.units`.

The database holds areas in m² and money in yuan. People write 公顷, 亩 and 万元, and files mix them, so every import
names the unit of each column and every list shows the column's display unit.

>>> convert(Decimal("1.2345"), "ha", "m2")
Decimal('12345.0000')
>>> convert(Decimal("15"), "mu", "m2")
Decimal('10000')
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from jintu.kernel.errors import Missing
from jintu.kernel.units import AREA_UNITS, MONEY_UNITS, area_unit, money_unit

__all__ = ["UNITS", "Unit", "convert", "factor", "named", "same_kind", "shown_unit"]


@dataclass(frozen=True, slots=True)
class Unit:
    """``kind`` is what is measured, ``digits`` how many are shown on screen."""

    code: str
    kind: str
    digits: int
    label: Any


UNITS: dict[str, Unit] = {
    u.code: u
    for u in (
        Unit("m2", "area", 2, _("m²")),
        Unit("ha", "area", 4, _("ha")),
        Unit("mu", "area", 2, _("mu")),
        Unit("km2", "area", 4, _("km²")),
        Unit("wan_m2", "area", 4, _("10,000 m²")),
        Unit("wan_mu", "area", 4, _("10,000 mu")),
        Unit("yuan", "money", 2, _("yuan")),
        Unit("wan_yuan", "money", 2, _("10,000 yuan")),
        Unit("yi_yuan", "money", 4, _("100 million yuan")),
        Unit("kg", "mass", 2, _("kg")),
        Unit("year", "time", 0, _("years")),
        Unit("day", "days", 0, _("days")),
        Unit("percent", "percent", 2, _("%")),
        Unit("ratio", "ratio", 4, ""),
        Unit("m", "length", 2, _("m")),
        Unit("person", "people", 0, _("persons")),
        Unit("yuan/m2", "price", 1, _("yuan/m²")),
    )
}


@cache
def factor(source: str, target: str) -> Fraction:
    """How many ``target`` one ``source`` is. Raises `Missing` for units that measure different things."""
    if source == target:
        return Fraction(1)
    for table in (_AREA, _MONEY):
        if source in table and target in table:
            return table[source] / table[target]
    raise Missing("There is no factor from {source} to {target}.", source=source, target=target)


_AREA = {code: Fraction(a) / Fraction(b) for code, (a, b) in AREA_UNITS.items()}
_MONEY = {code: Fraction(a) for code, a in MONEY_UNITS.items()}


def convert(value: Decimal, source: str, target: str, places: int | None = None) -> Decimal:
    """``value`` in another unit; exact, or rounded half up to ``places`` digits."""
    f = factor(source, target)
    result = value * f.numerator / f.denominator if f.denominator != 1 else value * f.numerator
    return result if places is None else result.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def same_kind(unit: str) -> list[Unit]:
    """Units into which ``unit`` can be converted, itself included; none for a unit we do not know."""
    known = UNITS.get(unit)
    return [u for u in UNITS.values() if u.kind == known.kind] if known else []


def shown_unit(unit: str, display: str) -> str:
    """The unit on screen: ``display``, else ha for areas, 10,000 yuan for money, else the stored one."""
    return display or {"m2": "ha", "yuan": "wan_yuan"}.get(unit, unit)


def named(header: str) -> str:
    """The unit a header names: "面积(公顷)" → "ha"; "" when it names none."""
    return area_unit(header) or money_unit(header) or ""
