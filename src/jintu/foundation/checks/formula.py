"""A rule's formula in words, the same line with this finding's numbers, and the labelled values."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

__all__ = ["Filled", "Value", "fill", "label", "register_labels"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*")

UNITS = (("_m2", "m2"), ("_yuan", "yuan"), ("_days", "day"), ("_percent", "percent"), ("_kg", "kg"))
SIGNS = {"unit.m2": "m²", "unit.percent": "%", "unit.kg": "kg"}


_label_files: list[Path] = []


def register_labels(path: Path) -> None:
    """Called from a domain's AppConfig.ready() with its value_labels.csv (name, zh, en)."""
    if path not in _label_files:
        _label_files.append(path)
        _labels.cache_clear()
        _phrases.cache_clear()


@cache
def _labels() -> dict[str, tuple[str, str]]:
    found = {}
    for path in _label_files:
        with path.open(encoding="utf-8", newline="") as stream:
            found |= {row["name"]: (row["zh"], row["en"]) for row in csv.DictReader(stream)}
    return found


def label(name: str) -> str:
    """A value's name for people, in the page's language; the name itself where the domain gave none."""
    zh, en = _labels().get(name) or (SIGNS.get(name, name),) * 2
    return en if (get_language() or "").startswith("en") else zh


@cache
def _phrases() -> re.Pattern[str]:
    names = sorted(_labels(), key=len, reverse=True)
    return re.compile("|".join(rf"\b{re.escape(n)}\b" for n in names)) if names else re.compile(r"(?!)")


def _in_words(formula: str) -> str:
    return _phrases().sub(lambda match: label(match.group()), formula)


@dataclass(frozen=True)
class Value:
    name: str
    text: str
    unit: str

    @property
    def label(self) -> str:
        return label(self.name)


@dataclass(frozen=True)
class Filled:
    """``pieces`` alternate text and `Value`: the formula as one line with numbers in place of names."""

    words: str
    pieces: tuple[str | Value, ...]
    values: tuple[Value, ...]


def _text(value: Any) -> str:
    """A number in groups of three with a no-break space; dates and codes as they are; nothing as a dash."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        shown = f"{value:,.2f}" if abs(value) >= 1 or value == 0 else f"{value:.4g}"
        return shown.replace(",", "\u00a0")
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u00a0") if abs(value) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return "、".join(_text(v) for v in value)
    return label(str(value))


def _unit(name: str) -> str:
    return next((label(f"unit.{unit}") for ending, unit in UNITS if name.endswith(ending)), "")


def fill(formula: str, values: Mapping[str, Any]) -> Filled:
    """Put a finding's numbers into its rule's formula.

    >>> filled = fill("outside_m2 > tolerance_m2", {"outside_m2": 7550.32, "tolerance_m2": 182.63})
    >>> [p if isinstance(p, str) else p.text + p.unit for p in filled.pieces]
    ['7\\xa0550.32m²', ' > ', '182.63m²']
    """
    table = {name: Value(name, _text(value), _unit(name)) for name, value in values.items()}
    pieces: list[str | Value] = []
    end = 0
    for match in _NAME.finditer(formula):
        found = table.get(match.group())
        if found is None:
            continue
        if match.start() > end:
            pieces.append(_in_words(formula[end : match.start()]))
        pieces.append(found)
        end = match.end()
    if end < len(formula):
        pieces.append(_in_words(formula[end:]))
    return Filled(_in_words(formula), tuple(pieces), tuple(table.values()))
