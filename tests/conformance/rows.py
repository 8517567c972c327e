"""A sound row of any register, made from its descriptor: what the conformance tests file, edit and import."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models

from jintu.foundation.registers import values
from jintu.foundation.registers.descriptor import Register

COUNTY, NEIGHBOUR = "990121", "990122"


def sound(register: Register, division: str = COUNTY, n: int = 1) -> dict[str, Any]:
    """Values of every column, typed; equal areas and equal dates contradict nothing."""
    made: dict[str, Any] = {"division": f"{division}{n:03d}"}
    for name, (f, column) in register.attributes.items():
        made[name] = _value(name, f, column, division, n)
    made[register.key] = f"{register.noun[:10].upper()}-{division}-{n}"[: f_length(register)]
    if "supervision_no" in made:
        made["supervision_no"] = f"{division}2026B{n:05d}"
    return made


def f_length(register: Register) -> int:
    return register.attributes[register.key][0].max_length or 40


def _value(name: str, f: models.Field, column: Any, division: str, n: int) -> Any:
    choices = values.choices_of(f)
    if choices:
        return next(iter(choices))
    if isinstance(f, models.BooleanField):
        return False
    if isinstance(f, models.DateField):
        # an end that must lie after its beginning is left open
        return None if f.null and name.endswith(("_to", "until_on")) and not column.required else date(2026, 3, 2)
    if isinstance(f, models.DecimalField):
        # the parts of a total are left empty, so that only the totals have to agree
        return Decimal("100.00") if column.required or not f.null else None
    if isinstance(f, models.IntegerField):
        return 2026 if name == "year" else 1
    if isinstance(f, models.FloatField):
        return 1.0
    if column.link:
        return f"LINK-{n}" if column.required else ""
    return f"{name} {n}"[: f.max_length]


def row(register: Register, division: str = COUNTY, n: int = 1, **more: Any) -> Any:
    """A saved row, without going through an action."""
    data = sound(register, division, n) | more
    made = register.model(**data)
    made.save()
    return made
