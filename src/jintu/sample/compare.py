"""What was planted against what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Comparison", "compare"]

Identity = tuple[str, tuple[tuple[str, str], ...]]

AREA_RATIO, AREA_M2 = 0.001, 1.0
"""How far a found area may be from the area by construction."""


@dataclass
class Comparison:
    """``missed`` and ``extra`` are identities (rule, objects); ``off`` those whose area differs: expected, found."""

    injected: int = 0
    found: int = 0
    missed: list[Identity] = field(default_factory=list)
    extra: list[Identity] = field(default_factory=list)
    off: list[tuple[Identity, float, float | None]] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        return not (self.missed or self.extra or self.off)


def identity(rule: str, objects: Iterable[Iterable[str]]) -> Identity:
    """A finding's identity: the rule and its objects, the subject first, the others in any order."""
    pairs: list[tuple[str, str]] = []
    for register, key in objects:
        pairs.append((register, key))
    return rule, (*pairs[:1], *sorted(pairs[1:]))


def compare(truth: Mapping[str, Any], findings: Iterable[Mapping[str, Any]]) -> Comparison:
    """Compare ``truth.json`` with findings (mappings with ``rule``, ``objects`` and ``area_m2``).

    >>> truth = {"plants": [{"fires": [{"rule": "R05", "objects": [["land.supply", "1"]], "area_m2": 20.0}]}]}
    >>> c = compare(truth, [{"rule": "R05", "objects": [("land.supply", "1")], "area_m2": 20.3}])
    >>> c.injected, c.found, c.missed, c.extra, c.off
    (1, 1, [], [], [])
    """
    wanted = {identity(f["rule"], f["objects"]): f["area_m2"] for p in truth["plants"] for f in p["fires"]}
    there = {identity(f["rule"], f["objects"]): f["area_m2"] for f in findings}
    result = Comparison(injected=len(wanted))
    for key, area in wanted.items():
        if key not in there:
            result.missed.append(key)
            continue
        result.found += 1
        got = there[key]
        if area is not None and (got is None or abs(got - area) > max(AREA_M2, AREA_RATIO * area)):
            result.off.append((key, area, got))
    result.extra = [key for key in there if key not in wanted]
    return result
