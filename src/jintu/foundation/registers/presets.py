"""Named conditions on registers ("due to start, not started"): the process picture counts, the list filters by them.

A domain declares them in ``apps.py``; ``?preset=name`` in a register's list applies one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from jintu.kernel.errors import Missing

from .models import VisibleRows

__all__ = ["Preset", "get", "of", "register"]


@dataclass(frozen=True)
class Preset:
    """``narrow(rows, today)`` keeps the rows that meet the condition on a day."""

    name: str
    label: Any
    narrow: Callable[[VisibleRows, date], VisibleRows]
    urgent: bool = False
    """Shown in red in the process picture when it is not zero."""


_presets: dict[str, dict[str, Preset]] = {}


def register(register_name: str, *presets: Preset) -> None:
    """Called from a domain's AppConfig.ready()."""
    table = _presets.setdefault(register_name, {})
    for preset in presets:
        table[preset.name] = preset


def of(register_name: str) -> list[Preset]:
    """The presets of a register, in order of declaration."""
    return list(_presets.get(register_name, {}).values())


def get(register_name: str, name: str) -> Preset:
    """One preset; raises `Missing`."""
    try:
        return _presets[register_name][name]
    except KeyError:
        raise Missing("Register {register} has no preset {name}.", register=register_name, name=name) from None
