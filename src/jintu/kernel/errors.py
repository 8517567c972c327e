"""Errors that say what is wrong, where, and what to do.

Every error a person may meet is a `JintuError` subclass with a stable ``code``. ``sentence`` is an English msgid with
``{name}`` placeholders; the floors above translate it with gettext and fill it with ``params``. `Place` tells where:
file, row, field, ring, vertex. Nothing here is formatted for a terminal or a page.

>>> e = InputError("Area {value} is negative.", place=Place(file="a.csv", row=7, field="area"), value=-3)
>>> str(e)
'a.csv, row 7, field area: Area -3 is negative.'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Conflict", "InputError", "JintuError", "Missing", "NotAllowed", "Place", "Refused", "Unsupported"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error is. Rows count from 1 in the file as a person sees it (the header is row 1)."""

    file: str = ""
    layer: str = ""
    row: int | None = None
    field: str = ""
    part: int | None = None
    ring: int | None = None
    vertex: int | None = None

    def words(self) -> list[tuple[str, str]]:
        """Pairs (msgid of the noun, value) of what is known, outermost first."""
        pairs = (
            ("", self.file),
            ("layer", self.layer),
            ("row", self.row),
            ("field", self.field),
            ("part", self.part),
            ("ring", self.ring),
            ("vertex", self.vertex),
        )
        return [(noun, str(value)) for noun, value in pairs if value not in ("", None)]

    def __str__(self) -> str:
        return ", ".join(f"{noun} {value}".strip() for noun, value in self.words())


class JintuError(Exception):
    """Base of every error with a sentence for a person. ``remedy`` says what to do, as another msgid."""

    code = "error"

    def __init__(self, sentence: str, *, place: Place | None = None, remedy: str = "", **params: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.place = place or Place()
        self.params = params

    def __str__(self) -> str:
        where = str(self.place)
        text = " ".join(part.format(**self.params) for part in (self.sentence, self.remedy) if part)
        return f"{where}: {text}" if where else text


class InputError(JintuError):
    """A file, row or value handed to us is wrong (HTTP 422)."""

    code = "input"


class Unsupported(InputError):
    """The input is of a kind we do not read (HTTP 415)."""

    code = "unsupported"


class Refused(JintuError):
    """The act is well formed but a rule of the business forbids it now (HTTP 409)."""

    code = "refused"


class Conflict(Refused):
    """Somebody else changed the row meanwhile (HTTP 409)."""

    code = "conflict"


class NotAllowed(JintuError):
    """The act is outside the person's scope or role (HTTP 403)."""

    code = "not_allowed"


class Missing(JintuError):
    """There is no such thing, or not within the person's scope (HTTP 404)."""

    code = "missing"
