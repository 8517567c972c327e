"""What a rule lacked that was not run, in words: an outcome keeps the names rules ask by (`rules.Needs`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .rules import PLANE

__all__ = ["lacking"]

WORDS = {
    PLANE: gettext_noop("coordinates delivered in a plane system"),
    "delivery": gettext_noop("directory of a delivery"),
    "metadata": gettext_noop("metadata"),
    "reading": gettext_noop("record of the file’s reading"),
    "neighbours": gettext_noop("neighbouring divisions"),
    "summary": gettext_noop("summary tables"),
    "delivered tables": gettext_noop("delivered tables"),
    "changes": gettext_noop("earlier version"),
}
OF = {
    "the system of ": gettext_noop("the coordinate system of {name}"),
    "metadata of ": gettext_noop("metadata of {name}"),
    "approved control area of ": gettext_noop("approved control area of {name}"),
}
"""What is of one table or division."""


def lacking(outcome: Mapping[str, Any]) -> str:
    """Names, in the reader's language, of what was not there; empty when the rule was run. Tables keep their codes."""
    names = str(outcome.get("not_run", "")).removeprefix("needs ")
    return _(", ").join(_said(name) for name in names.split(", ")) if names else ""


def _said(name: str) -> str:
    for start, words in OF.items():
        if name.startswith(start):
            return _(words).format(name=name.removeprefix(start))
    return _(WORDS[name]) if name in WORDS else name
