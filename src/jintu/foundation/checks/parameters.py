"""Parameters of rules: shipped as dated data by the domains, overridden by dated settings of the operator."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from jintu.kernel.errors import InputError, Place

from .rules import Parameters

__all__ = ["Parameter", "in_force", "register_file", "shipped"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of one parameter, from when to when, on which basis, and how well that basis is verified (V, M, U)."""

    rule: str
    name: str
    value: Any
    unit: str
    valid_from: date | None
    valid_to: date | None
    basis: str
    verified: str
    source: str = "shipped"

    @property
    def label(self) -> str:
        """The parameter's name for people."""
        from .formula import label

        return label(self.name)

    @property
    def text(self) -> str:
        """The value for people."""
        from .formula import fill

        return fill("", {self.name: self.value}).values[0].text

    @property
    def unit_label(self) -> str:
        from .formula import label

        return label(f"unit.{self.unit}") if self.unit else ""

    @property
    def basis_label(self) -> str:
        """The basis in the page's language where the domain has it in two; else as it was written."""
        from .formula import label

        return label(self.basis)

    def holds(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


_files: list[Path] = []


def register_file(path: Path) -> None:
    """Called from a domain's AppConfig.ready() with its rule_parameters.csv."""
    if path not in _files:
        _files.append(path)
        shipped.cache_clear()


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@lru_cache(maxsize=1)
def shipped() -> tuple[Parameter, ...]:
    """All shipped parameters, in file order."""
    rows = []
    for path in _files:
        with path.open(encoding="utf-8", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream), start=2):
                try:
                    since, until = (date.fromisoformat(row[c]) if row[c] else None for c in ("valid_from", "valid_to"))
                except ValueError as error:
                    raise InputError(
                        "The date is not written YYYY-MM-DD.", place=Place(file=path.name, row=number)
                    ) from error
                rows.append(
                    Parameter(
                        row["rule"],
                        row["param"],
                        _value(row["value"]),
                        row["unit"],
                        since,
                        until,
                        row["basis"],
                        row["verified"],
                    )
                )
    return tuple(rows)


def settings() -> tuple[Parameter, ...]:
    """The operator's dated overrides, oldest first."""
    from .models import RuleSetting

    return tuple(
        Parameter(s.rule, s.name, s.value, "", s.valid_from, s.valid_to, s.basis, "", "setting")
        for s in RuleSetting.objects.order_by("valid_from", "id")
    )


def in_force(as_of: date, overrides: tuple[Parameter, ...] | None = None) -> Mapping[str, Parameters]:
    """Rule id → its `Parameters` on a date; the latest value that holds wins, the operator's before the shipped."""
    values: dict[str, dict[str, Any]] = {}
    for p in (*shipped(), *(settings() if overrides is None else overrides)):
        if p.holds(as_of):
            values.setdefault(p.rule, {})[p.name] = p.value
    return {rule: Parameters(found, as_of) for rule, found in values.items()}
