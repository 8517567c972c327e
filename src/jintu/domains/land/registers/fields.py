"""Short forms of the columns these registers share: text, choice, date, area (m²), money (yuan), counts and ratios.

Every helper takes the label and the facts of `jintu.foundation.registers.columns.Column`. Columns may be empty unless
``required``: filings arrive with holes, and what a hole means is for the rules to say.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from jintu.foundation.registers.columns import column
from jintu.foundation.registers.db import AreaField, ExactDecimalField, GeometryField, MoneyField

__all__ = ["area", "choice", "count", "day", "figure", "flag", "key", "land_use", "link", "money", "outline", "text"]


def key(label: Any, length: int = 100, **facts: Any) -> models.CharField:
    """The register's key: always there, listed first, searched and filtered."""
    facts = {"listed": True, "search": True, "filter": True, "required": True} | facts
    return column(models.CharField(label, max_length=length), **facts)


def link(label: Any, register: str, length: int = 100, **facts: Any) -> models.CharField:
    """The key of a row of another register. Its index is the register's own: ``links`` of `row_indexes`."""
    facts = {"link": register, "search": True, "filter": True} | facts
    return column(models.CharField(label, max_length=length, blank=True, default=""), **facts)


def text(label: Any, length: int = 200, **facts: Any) -> models.CharField:
    return column(models.CharField(label, max_length=length, blank=not facts.get("required"), default=""), **facts)


def choice(label: Any, choices: type[models.TextChoices], **facts: Any) -> models.CharField:
    facts = {"filter": True} | facts
    blank = not facts.get("required")
    return column(models.CharField(label, max_length=16, choices=choices, blank=blank, default=""), **facts)


def land_use(label: Any, **facts: Any) -> models.CharField:
    """A code of GB/T 21010 (three digits of 2007 or four of 2017)."""
    facts = {"codelist": "land_use", "filter": True} | facts
    return column(models.CharField(label, max_length=8, blank=True, default=""), **facts)


def day(label: Any, **facts: Any) -> models.DateField:
    return column(models.DateField(label, null=True, blank=not facts.get("required")), **facts)


def area(label: Any, **facts: Any) -> AreaField:
    """m² in the database, hectares on screen; never negative."""
    facts = {"unit": "m2", "display": "ha", "positive": True} | facts
    return column(AreaField(label, null=True, blank=not facts.get("required")), **facts)


def money(label: Any, **facts: Any) -> MoneyField:
    """Yuan in the database, 10 000 yuan on screen; never negative."""
    facts = {"unit": "yuan", "display": "wan_yuan", "positive": True} | facts
    return column(MoneyField(label, null=True, blank=not facts.get("required")), **facts)


def flag(label: Any, **facts: Any) -> models.BooleanField:
    """Yes or no, no unless said."""
    facts = {"filter": True} | facts
    return column(models.BooleanField(label, default=False), **facts)


def count(label: Any, **facts: Any) -> models.IntegerField:
    facts = {"positive": True} | facts
    return column(models.IntegerField(label, null=True, blank=not facts.get("required")), **facts)


def figure(label: Any, digits: int, places: int, **facts: Any) -> ExactDecimalField:
    """A decimal that is neither area nor money: ratio, grade, density."""
    facts = {"positive": True} | facts
    return column(
        ExactDecimalField(label, max_digits=digits, decimal_places=places, null=True, blank=not facts.get("required")),
        **facts,
    )


def outline(label: Any, **facts: Any) -> GeometryField:
    """The outline on the map; a record may arrive without it and get it later."""
    return column(GeometryField(label, null=True, blank=True), **facts)
