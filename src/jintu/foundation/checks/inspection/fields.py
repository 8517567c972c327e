"""What of a row an error is about, in words: a column, the outline, or what is wrong with the outline.

An error's ``field`` is our name of a column, "" for the outline as a whole, or ``#`` and a kind of defect
(`kernel.topology.Kind`, in small letters) where one rule tells several kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

if TYPE_CHECKING:
    from jintu.foundation.layers.schemas import Schema

__all__ = ["WRONG", "said"]

WRONG = {
    "not_finite": gettext_noop("coordinate that is no number"),
    "unclosed": gettext_noop("ring not closed"),
    "too_few_points": gettext_noop("too few points"),
    "self_crossing": gettext_noop("crosses itself"),
    "self_touch": gettext_noop("touches itself"),
    "hole_outside": gettext_noop("hole outside its shell"),
    "nested_holes": gettext_noop("hole inside a hole"),
    "nested_parts": gettext_noop("part inside a part"),
    "split_interior": gettext_noop("interior falls apart"),
    "orientation": gettext_noop("ring turned the wrong way"),
    "line_crossing": gettext_noop("lines cross"),
    "dangle": gettext_noop("end just beside a line"),
    "pseudo_node": gettext_noop("pseudo-node"),
}


def said(schema: Schema, field: str) -> tuple[str, str]:
    """(label in the reader's language, the standard's code or "")."""
    if column := schema.columns.get(field):
        return column.label, column.code
    wrong = WRONG.get(field.removeprefix("#"))
    return _(wrong or "outline"), ""
