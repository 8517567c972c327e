"""What a rule is: a pure function over tables, with its law, its parameters and what it needs.

A rule names its inputs and gets them as Polars tables; it never sees a model, a request or the clock. It returns
`Hit`s. The same function runs in the official run, in a what-if run, and in a test of three rows::

    @rule(
        "R03",
        name=("供地超出批准范围", "Supply outside the approved area"),
        severity="red",
        law=(Law("土地管理法", "第四十四条", since=date(1999, 1, 1)),),
        needs={"supply": Rows("land.supply", geometry=True), "parcel": Rows("land.approval_parcel", geometry=True)},
        formula="area(S − ∪A) > max(tolerance_m2, tolerance_ratio × area(S))",
    )
    def supply_outside_approval(t: Inputs, p: Parameters) -> Iterator[Hit]: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inputs import Inputs

__all__ = ["Hit", "Law", "Layer", "Parameters", "Rows", "Rule", "catalogue", "get", "register", "rule"]

SEVERITIES = ("red", "orange", "yellow", "blue")


@dataclass(frozen=True, slots=True)
class Law:
    """A legal basis: the act, its article, and from when to when that text was in force."""

    act: str
    article: str = ""
    since: date | None = None
    until: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A need: the current rows of a register within the run's division (``geometry``: with WKB in ``geometry``)."""

    register: str
    geometry: bool = False
    optional: bool = False
    may_be_empty: bool = True
    """False: a register nobody has filled is a missing input ("not run"), not an empty one."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A need: a layer version. ``at``: "as_of" (the one in force then) or "all" (every version up to then).

    ``columns``: the attributes the rule looks at; only those, and the outlines, are read. Empty: all of them.
    """

    layer: str
    at: str = "as_of"
    optional: bool = False
    columns: tuple[str, ...] = ()


class Parameters(Mapping[str, Any]):
    """A rule's parameters in force on the run's as-of date; ``p.tolerance_m2`` or ``p["tolerance_m2"]``."""

    def __init__(self, values: Mapping[str, Any], as_of: date) -> None:
        self._values = dict(values)
        self.as_of = as_of

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing a rule found. Its identity is the rule plus ``objects``; never the geometry or the area.

    ``objects``  pairs (register or layer name, key), the subject first
    ``area_m2``  area concerned, or None where the rule is about no area
    ``values``   the numbers of the formula, by name, plain JSON values; shown with the formula and kept as evidence
    ``days``     how late, where the rule is about a date
    ``level``    severity of this hit when it differs from the rule's
    ``geometry`` WKB in EPSG:4490 of the part concerned, or None (the subject's own geometry is then shown)
    """

    objects: tuple[tuple[str, str], ...]
    area_m2: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    days: int | None = None
    level: str = ""
    geometry: bytes | None = None
    division: str = ""


@dataclass(frozen=True)
class Rule:
    id: str
    name: tuple[str, str]
    severity: str
    law: tuple[Law, ...]
    needs: Mapping[str, Rows | Layer]
    formula: str
    function: Callable[[Inputs, Parameters], Iterable[Hit]]
    version: str = "1"
    effective: tuple[date | None, date | None] = (None, None)
    explain: tuple[str, str] = ("", "")
    """What the rule means and what a clerk should do about it, zh and en."""

    def in_force(self, as_of: date) -> bool:
        since, until = self.effective
        return (since is None or since <= as_of) and (until is None or as_of < until)


def rule(id: str, **facts: Any) -> Callable[[Callable[..., Iterable[Hit]]], Rule]:
    """Make a `Rule` of a function. The decorated name is the Rule; call ``.function`` in tests."""
    if facts.get("severity") not in SEVERITIES:
        raise ValueError(f"{id}: severity must be one of {SEVERITIES}")

    def make(function: Callable[..., Iterable[Hit]]) -> Rule:
        return Rule(id=id, function=function, **facts)

    return make


_catalogue: dict[str, Rule] = {}


def register(*rules: Rule) -> None:
    """Called from a domain's AppConfig.ready()."""
    for r in rules:
        _catalogue[r.id] = r


def catalogue() -> tuple[Rule, ...]:
    """All rules, by id."""
    return tuple(_catalogue[k] for k in sorted(_catalogue))


def get(rule_id: str) -> Rule:
    return _catalogue[rule_id]
