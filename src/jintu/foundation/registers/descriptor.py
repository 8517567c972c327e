"""The frozen descriptor of a register and the catalogue of all registers.

A domain lists its registers in its ``apps.py``; nothing is registered by importing a module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import models

from jintu.kernel.errors import Missing

from .columns import Column, column_of

if TYPE_CHECKING:
    from .models import RegisterRow

__all__ = ["Child", "Register", "catalogue", "get", "register"]


@dataclass(frozen=True)
class Child:
    """Rows of another register that belong to a row of this one: parcels of an approval, payments of a supply."""

    register: str
    by: str
    """Name of the child's column that holds this register's key."""
    label: Any = ""


@dataclass(frozen=True, eq=False)
class Register:
    """What a register is. Everything shown, imported, exported or asked about it is derived from this.

    ``name``      "land.supply": domain and noun, the name other domains use
    ``key``       the model field that identifies a row to people and to other registers; unique among visible rows
    ``title``     the model field shown as the row's name
    ``period``    the date field by which lists are sorted and statistics are taken
    ``geometry``  the GeometryField's name, or "" for registers without a place
    ``area``      the area column's name, or ""
    ``identity``  for rows that arrive without their key: the columns whose digest makes a natural key
    ``stage``     which outline on the map: approve, supply, use, compensate, inspect
    ``group``     heading under which menus list it
    ``numbering`` rule name in kernel.numbering that allots and checks the key, or ""
    ``validate``  f(frame: polars.DataFrame) -> list[(row, field, msgid, params)] column-wise checks of the domain
    """

    name: str
    model: type[RegisterRow]
    label: Any
    key: str
    title: str = ""
    period: str = ""
    geometry: str = ""
    area: str = ""
    identity: tuple[str, ...] = ()
    children: tuple[Child, ...] = ()
    stage: str = ""
    group: Any = ""
    icon: str = "table"
    numbering: str = ""
    validate: Any = None
    table: bool = False
    """A dated table kept by administrators (quota, price floor), not filings."""
    sort: str = ""
    slots: dict[str, Any] = field(default_factory=dict)
    """Replacements for a derived part, by slot: list, detail, form, importer."""

    @cached_property
    def columns(self) -> dict[str, tuple[models.Field, Column]]:
        """Columns in the order of the model, by field name."""
        pairs = ((f, column_of(f)) for f in self.model._meta.concrete_fields)
        return {f.name: (f, c) for f, c in pairs if c is not None}

    @cached_property
    def attributes(self) -> dict[str, tuple[models.Field, Column]]:
        """The columns without the geometry."""
        return {name: pair for name, pair in self.columns.items() if name != self.geometry}

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Attribute names by column group, in order of first appearance; "" for those without a group."""
        found: dict[str, list[str]] = {}
        for name, (_f, c) in self.attributes.items():
            if not c.hidden:
                found.setdefault(c.group, []).append(name)
        return found

    @cached_property
    def personal(self) -> frozenset[str]:
        """Names of columns about persons: masked outside the office, never in journal or logs."""
        return frozenset(name for name, (_f, c) in self.columns.items() if c.personal)

    @property
    def ordering(self) -> str:
        """How lists are sorted unless somebody asks otherwise: newest of the period first, else by arrival."""
        return self.sort or (f"-{self.period}" if self.period else "-id")

    @property
    def domain(self) -> str:
        return self.name.partition(".")[0]

    @property
    def noun(self) -> str:
        return self.name.partition(".")[2]


_catalogue: dict[str, Register] = {}


def register(*registers: Register) -> None:
    """Called from a domain's AppConfig.ready()."""
    for r in registers:
        _catalogue[r.name] = r


def catalogue() -> Iterator[Register]:
    """All registers, in the order the domains list them."""
    yield from _catalogue.values()


def get(name: str) -> Register:
    """The register called ``name``; raises `Missing`."""
    try:
        return _catalogue[name]
    except KeyError:
        raise Missing("There is no register called {name}.", name=name) from None
