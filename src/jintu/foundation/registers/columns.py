"""Columns of a register: a Django field plus what the rest of the product must know about it.

A register's model is written once. `column()` hangs a frozen `Column` on the Django field; list, form, import, export,
API, search, disclosure and rules all read it from there, so that no field list is ever repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import models

__all__ = ["Column", "column", "column_of"]

F = TypeVar("F", bound=models.Field)


@dataclass(frozen=True, slots=True)
class Column:
    """What a register knows about one of its columns beyond the Django field.

    ``code``     the standard's column code (PZWH, XMMC …), used only at the import and export edge
    ``aliases``  other headers under which the column arrives in files
    ``unit``     unit in the database: "m2", "yuan", "kg", "year", "ratio", "percent", "ha/yuan" …
    ``display``  unit on screen and in spreadsheets: "ha", "wan_yuan" …; same as ``unit`` when empty
    ``listed``   shown in the list by default;  ``minor``: the first to go on a narrow screen
    ``search``   part of the full-text index;  ``filter``: offered as a filter chip
    ``personal`` names, numbers, phones of persons: masked in exports, never in journal or logs, disclosure is opt-in
    ``codelist`` name of a code list ("land_use", "supply_method") whose codes the value must be in
    ``link``     name of the register the value is the key of ("land.approval")
    ``required`` a row without it is refused (empty strings and nulls alike)
    """

    code: str = ""
    aliases: tuple[str, ...] = ()
    unit: str = ""
    display: str = ""
    listed: bool = False
    minor: bool = False
    search: bool = False
    filter: bool = False
    personal: bool = False
    disclose: bool = False
    codelist: str = ""
    link: str = ""
    required: bool = False
    positive: bool = False
    hidden: bool = False
    group: str = ""


def column(field: F, **facts: Any) -> F:
    """Attach a `Column` to a Django model field and return the field."""
    for name in ("aliases",):
        if name in facts:
            facts[name] = tuple(facts[name])
    field.facts = Column(**facts)  # type: ignore[attr-defined]  # Django keeps its own `column`
    return field


def column_of(field: models.Field) -> Column | None:
    """The `Column` of a field, or None for the platform's own columns."""
    return getattr(field, "facts", None)
