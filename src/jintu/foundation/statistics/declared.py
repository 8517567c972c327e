"""What a domain declares for the home page and the dashboard: boxes, funnels, balances. No figure lives here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Balance", "Box", "Funnel", "Measure", "balances", "boxes", "funnels", "measures", "register"]


@dataclass(frozen=True)
class Measure:
    """Count and area of the rows of a register, by the year of ``when``; ``preset`` narrows them."""

    label: Any
    register: str
    when: str
    area: str = ""
    preset: str = ""


@dataclass(frozen=True)
class Box:
    """A box of the process picture (导航图): a register, with the counts that need somebody."""

    id: str
    label: Any
    hint: Any
    register: str
    icon: str
    stage: str = ""
    area: str = ""
    presets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Funnel:
    """Steps that each keep part of the one before: approved → supplied → started → finished."""

    id: str
    label: Any
    steps: tuple[Measure, ...]


@dataclass(frozen=True)
class Balance:
    """Two or three areas by year that the law wants balanced."""

    id: str
    label: Any
    sides: tuple[Measure, ...]


_boxes: list[Box] = []
_funnels: list[Funnel] = []
_balances: list[Balance] = []


def register(*things: Box | Funnel | Balance) -> None:
    """Called from a domain's AppConfig.ready()."""
    for thing in things:
        shelf: list[Any] = _boxes if isinstance(thing, Box) else _funnels if isinstance(thing, Funnel) else _balances
        if all(thing.id != other.id for other in shelf):
            shelf.append(thing)


def boxes() -> tuple[Box, ...]:
    return tuple(_boxes)


def funnels() -> tuple[Funnel, ...]:
    return tuple(_funnels)


def balances() -> tuple[Balance, ...]:
    return tuple(_balances)


def measures() -> tuple[Measure, ...]:
    """Those of all funnels and balances."""
    of_funnels = [step for funnel in _funnels for step in funnel.steps]
    return tuple(of_funnels + [side for balance in _balances for side in balance.sides])
