"""Numbers as the pages write them: groups of three split by a no-break space, fixed digits, a dash for no value.

Areas come in m² and money in yuan, as the database holds them; halves round up, as the survey rules say.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

__all__ = ["NOTHING", "area_ha", "area_mu", "day", "figure", "group"]

NOTHING = "—"
NBSP = "\u00a0"


def group(digits: str) -> str:
    """
    >>> group("1234567.891"), group("-1234.5"), group("999")
    ('1\\xa0234\\xa0567.891', '−1\\xa0234.5', '999')
    """
    sign, rest = ("−", digits[1:]) if digits.startswith("-") else ("", digits)
    whole, dot, part = rest.partition(".")
    return sign + f"{int(whole or 0):,}".replace(",", NBSP) + dot + part


def figure(value: Any, places: int, scale: Decimal = Decimal(1)) -> str:
    """``value × scale`` with fixed digits; a dash for None and "", the text itself for what is no number.

    >>> figure(36525.5, 2), figure(None, 2), figure(0, 0), figure("n/a", 2)
    ('36\\xa0525.50', '—', '0', 'n/a')
    >>> figure(Decimal("0.125"), 2), figure(Decimal("-0.001"), 2)
    ('0.13', '0.00')
    """
    if value is None or value == "":
        return NOTHING
    try:
        exact = (Decimal(str(value)) * scale).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    except (InvalidOperation, ValueError):
        return str(value)
    if not exact.is_finite():
        return NOTHING
    return group(f"{abs(exact) if exact == 0 else exact:f}")


def area_ha(m2: Any) -> str:
    """
    >>> area_ha(Decimal("36525.50"))
    '3.6526'
    """
    return figure(m2, 4, Decimal("0.0001"))


def area_mu(m2: Any) -> str:
    """15 mu are one hectare.

    >>> area_mu(Decimal("36525.50"))
    '54.79'
    """
    return figure(m2, 2, Decimal("0.0015"))


def day(value: Any) -> str:
    """
    >>> day(dt.date(2026, 6, 15)), day("2026-06-15"), day(None)
    ('2026-06-15', '2026-06-15', '—')
    """
    if isinstance(value, dt.datetime):
        from django.utils import timezone

        value = timezone.localtime(value) if timezone.is_aware(value) else value
        return f"{value:%Y-%m-%d}"
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value) if value else NOTHING
