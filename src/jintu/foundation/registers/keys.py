"""Keys of rows: allotted by a numbering rule, taken from other columns, or made from what identifies the row.

`allot` is the one service that gives numbers. A series' last number is one locked row, incremented in the transaction
that files the record: a number is never given twice, and a record that fails leaves no gap.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from jintu.foundation.operations import clock
from jintu.kernel import numbering
from jintu.kernel.errors import InputError, Place

from .descriptor import Register
from .models import NumberSeries

__all__ = ["allot", "natural", "next_in_series"]


def natural(register: Register, cells: dict[str, Any]) -> str:
    """The natural key of a row from its identity columns (`jintu.kernel.numbering.natural_key`); "" when all are empty.

    It begins with "NK-", so nobody can take it for an official number.
    """
    if all(v in (None, "") for v in cells.values()):
        return ""
    return numbering.natural_key(cells)


def next_in_series(rule: str, series: str) -> int:
    """The next number of a series, from 1, without gaps. Only inside the transaction that uses it."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("numbers are given inside the transaction that files the record")
    NumberSeries.objects.get_or_create(rule=rule, series=series)
    row = NumberSeries.objects.select_for_update().get(rule=rule, series=series)
    row.last += 1
    row.save(update_fields=["last"])
    return row.last


def allot(register: Register, row: Any) -> str:
    """The key of a row that was filed without one. Raises `InputError` when the register has no rule for that."""
    if register.numbering:
        return _numbered(register, row)
    if register.identity:
        made = natural(register, {name: getattr(row, name) for name in register.identity})
        if made:
            return made
    raise InputError(
        "A record needs its number.",
        place=Place(field=register.key),
        remedy="Enter the number given to it.",
    )


def _numbered(register: Register, row: Any) -> str:
    """The next number of the register's rule, in the series of the row's county and year.

    The kind letter of rules that have one comes from ``slots["kind_of_number"]``, a function of the row.
    """
    rule = numbering.RULES[register.numbering]
    on = (getattr(row, register.period, None) if register.period else None) or clock.today()
    kind_of = register.slots.get("kind_of_number")
    kind = kind_of(row) if kind_of else ""
    last = next_in_series(rule.name, rule.series(row.division, on, kind)) - 1
    return rule.next(last, row.division, on, kind)[1]
