"""Tiny tables for tests of rules: rows with a register's own columns and types, squares of known size, a rule run."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import shapely
from django.db import models

from jintu.foundation.checks import formula, parameters
from jintu.foundation.checks.inputs import Inputs
from jintu.foundation.checks.rules import Hit, Parameters, Rule
from jintu.foundation.registers import descriptor

__all__ = ["AS_OF", "ago", "box", "found", "keys", "layer", "parameters_of", "rows"]

AS_OF = date(2026, 6, 15)

LON, LAT = 115.0, 30.0
_A, _E2 = 6378137.0, 0.00669438002290
_W2 = 1 - _E2 * np.sin(np.radians(LAT)) ** 2
METRES_EAST = _A / np.sqrt(_W2) * np.cos(np.radians(LAT)) * np.pi / 180
METRES_NORTH = _A * (1 - _E2) / _W2**1.5 * np.pi / 180
"""Metres in a degree at 30° north."""


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def box(x: float, y: float, width: float, height: float) -> bytes:
    """A rectangle in metres from 115° E 30° N as WKB; its ellipsoidal area is width × height to 0.02 %."""
    west, east = LON + x / METRES_EAST, LON + (x + width) / METRES_EAST
    south, north = LAT + y / METRES_NORTH, LAT + (y + height) / METRES_NORTH
    return shapely.to_wkb(shapely.box(west, south, east, north), byte_order=1)


def _type(f: models.Field) -> Any:
    if isinstance(f, models.DecimalField):
        return pl.Float64
    if isinstance(f, models.BooleanField):
        return pl.Boolean
    if isinstance(f, models.DateField):
        return pl.Date
    if isinstance(f, models.IntegerField):
        return pl.Int64
    return pl.String


def rows(register: str, *given: dict[str, Any]) -> pl.DataFrame:
    """Rows of a register as the loader makes them; columns not given are null, ``division`` is the sample county's."""
    r = descriptor.get(register)
    for row in given:
        unknown = set(row) - set(r.columns) - {"division", "geometry"}
        assert not unknown, f"{register} has no column {unknown}"
    columns = [pl.Series("division", [row.get("division", "990121") for row in given], dtype=pl.String)]
    for name, (f, _column) in r.attributes.items():
        default = f.default if isinstance(f, models.BooleanField) else None
        columns.append(pl.Series(name, [row.get(name, default) for row in given], dtype=_type(f), strict=False))
    if r.geometry:
        columns.append(pl.Series("geometry", [row.get("geometry") for row in given], dtype=pl.Binary))
    return pl.DataFrame(columns)


def layer(*given: dict[str, Any]) -> pl.DataFrame:
    """Patches of a layer: text columns and ``geometry``."""
    names = [n for n in given[0] if n != "geometry"]
    columns = [pl.Series(n, [row[n] for row in given], dtype=pl.String) for n in names]
    return pl.DataFrame([*columns, pl.Series("geometry", [row["geometry"] for row in given], dtype=pl.Binary)])


def parameters_of(rule: Rule, **changes: Any) -> Parameters:
    """The shipped parameters of a rule on the as-of date."""
    shipped = parameters.in_force(AS_OF, ()).get(rule.id) or {}
    return Parameters({**shipped, **changes}, AS_OF)


def found(rule: Rule, **tables: Any) -> list[Hit]:
    """The rule over these tables; needs not given are empty registers.

    Every hit must be fit to be shown: JSON values that hold every name of the formula and have words, keys not blank.
    """
    for name, need in rule.needs.items():
        if name not in tables and hasattr(need, "register"):
            tables[name] = rows(need.register)
    hits = list(rule.function(Inputs.of(**tables), parameters_of(rule)))
    names = set(re.findall(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", rule.formula))
    for hit in hits:
        json.dumps(dict(hit.values), allow_nan=False)
        nameless = [n for n in hit.values if formula.label(n) == n]
        assert not nameless, f"{rule.id}: no words for {nameless} in value_labels.csv"
        assert names <= set(hit.values), f"{rule.id} shows no {names - set(hit.values)}"
        assert all(key for _register, key in hit.objects)
        assert hit.geometry is None or not shapely.from_wkb(hit.geometry).is_empty
    return hits


def keys(hits: list[Hit]) -> list[str]:
    """Keys of the subjects, sorted."""
    return sorted(h.objects[0][1] for h in hits)
