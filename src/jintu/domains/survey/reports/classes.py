"""Two-level classes of the rural survey (TD/T 1014-2007), in the order of its tables: 20 stands before 10.

>>> rural("062"), rural("114K"), rural("121")
(('20', '204'), ('11', '114'), ('20', '20x'))
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from jintu.kernel import codelists

__all__ = ["ADJUSTABLE", "FIRSTS", "OUTSIDE", "UNDIVIDED", "URBAN", "name", "rural", "seconds", "urban"]

FIRSTS = ("01", "02", "03", "04", "20", "10", "11", "12")
UNDIVIDED = "20x"
"""Settlement land whose class does not tell whether it is city, town or village."""
OUTSIDE = "?"
"""First and second level of a code that no list has."""
URBAN = ("05", "06", "07", "08", "09", "10", "11", "12")
"""First-level classes of the urban survey."""
ADJUSTABLE = ("021K", "022K", "023K", "031K", "033K", "042K", "114K")
RIDGE = "123"

_NAMES = {UNDIVIDED: ("未细分的城镇村用地", "settlement, not divided"), OUTSIDE: ("清单外", "outside the list")}


@cache
def _folds() -> dict[str, tuple[str, str]]:
    path = Path(__file__).parent.parent / "codes" / "rural_classes.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["code"]: (row["first"], row["second"]) for row in csv.DictReader(stream)}


@cache
def rural(code: str) -> tuple[str, str]:
    """First and second level of a class in the rural tables; ("?", "?") for what is in no list."""
    bare = code.removesuffix("K")
    if bare in _folds():
        return _folds()[bare]
    if bare[:2] in FIRSTS and bare in codelists.get("land_use"):
        return bare[:2], bare
    return OUTSIDE, OUTSIDE


@cache
def seconds(first: str) -> tuple[str, ...]:
    """Second-level classes under a first-level one, in the order of the tables."""
    own = [c.code for c in codelists.get("land_use").children(first) if not c.code.endswith("K")]
    found = [c for c in own if rural(c)[0] == first]
    return (*found, UNDIVIDED) if first == "20" else tuple(found)


@cache
def urban() -> tuple[str, ...]:
    """Second-level classes that only the urban survey draws: those the rural tables fold away."""
    return tuple(_folds())


def name(code: str, chinese: bool) -> str:
    """Name of a class of either level."""
    if code in _NAMES:
        return _NAMES[code][0 if chinese else 1]
    return codelists.land_use(code).name(code, "zh" if chinese else "en") or code
