"""What is wrong with one value or row of a file, column-wise found and row-wise told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from jintu.kernel.errors import InputError, Place

__all__ = ["MOST_KEPT", "PARTS", "Problem", "Reasons", "from_error", "place_of"]

MOST_KEPT = 100_000
"""Problems kept one by one for the spreadsheet; their reasons are counted beyond that."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``row`` as a person counts it in the file (0: the row of a form), ``sentence`` and ``remedy`` msgids."""

    row: int
    field: str
    sentence: str
    value: str = ""
    remedy: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The sentence in the language of the person."""
        from jintu.foundation.operations.errors import where

        text, place = _fill(self.sentence, self.params), where(place_of(self.params))
        return f"{place}{_(': ')}{text}" if place else text

    def what_to_do(self) -> str:
        return _fill(self.remedy, self.params) if self.remedy else ""

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "field": self.field,
            "value": self.value,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "params": {k: str(v) for k, v in self.params.items()},
        }


PARTS = ("part", "ring", "vertex")
"""Parts of an outline a problem may be about: params ``at_part``, ``at_ring``, ``at_vertex``, counted from 1."""


def place_of(params: Mapping[str, Any], field: str = "") -> Place:
    """Where in the outline a problem is, from its params."""
    return Place(field=field, **{part: int(params[f"at_{part}"]) for part in PARTS if params.get(f"at_{part}")})


def _fill(sentence: str, params: dict[str, Any]) -> str:
    text = _(sentence)
    shown = {k: f"{v:.12g}" if isinstance(v, float) else v for k, v in params.items()}  # no binary noise
    try:
        return text.format(**shown)
    except (KeyError, IndexError, ValueError):
        return text


def from_error(error: InputError, row: int, field: str, value: Any = "") -> Problem:
    """A kernel error about one cell as a problem of a row."""
    return Problem(row, error.place.field or field, error.sentence, str(value)[:200], error.remedy, dict(error.params))


class Reasons:
    """Problems of a file: the first `MOST_KEPT` one by one, all of them by reason, and the rows they hit."""

    def __init__(self) -> None:
        self.kept: list[Problem] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.rows: set[int] = set()

    def add(self, problems: Iterable[Problem]) -> None:
        for p in problems:
            self.counts[p.field, p.sentence] += 1
            self.rows.add(p.row)
            if len(self.kept) < MOST_KEPT:
                self.kept.append(p)

    def summary(self) -> list[dict[str, Any]]:
        """Reasons with their counts, most frequent first; an example of each."""
        examples = {}
        for p in self.kept:
            examples.setdefault((p.field, p.sentence), p)
        found = []
        for (name, sentence), n in self.counts.most_common():
            example = examples.get((name, sentence))
            found.append(
                {
                    "field": name,
                    "sentence": sentence,
                    "count": n,
                    "example": example.as_json() if example else None,
                }
            )
        return found
