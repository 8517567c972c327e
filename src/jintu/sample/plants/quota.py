"""R14: years whose quota is smaller than what was converted."""

from __future__ import annotations

from datetime import date
from typing import Any

from ..ledger import Ledger, Plant, square
from .planter import hit

__all__ = ["short_quota"]


def short_quota(ledger: Ledger, row: dict[str, Any], used: float, as_of: date) -> None:
    """Cut the quota of three years, and set one year's to the very square metre (a near miss)."""
    key = ("land.quota", row["quota_key"])
    years_ago = as_of.year - row["year"]
    if used < 1000:
        return
    if years_ago in {3, 5, 6}:
        row["carry_ratio"] = 0.05 if years_ago == 5 else 0.0
        row["conversion_area"] = square(used * {3: 0.9, 5: 0.85, 6: 0.97}[years_ago])
        over = used - row["conversion_area"] * (1 + row["carry_ratio"])
        ledger.plants.append(Plant("R14", "more converted than the year's quota", [key], [hit("R14", key, area=over)]))
    elif years_ago == 4:
        row["carry_ratio"] = 0.0
        row["conversion_area"] = used
        ledger.plants.append(Plant("R14", "converted exactly the year's quota", [key], []))
