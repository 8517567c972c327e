"""One piece of a file as typed and checked columns, without the rows that have faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

from jintu.foundation.identity.scope import Scope

from .. import descriptor, keys, validation
from ..descriptor import Register
from . import cells, typing
from .division_codes import codes_of
from .layout import DELIVERED, DIVISION, ROW, hashed
from .mapping import Mapping, find
from .outlines import outlines
from .problems import Problem

if TYPE_CHECKING:
    import polars as pl

    from jintu.kernel.formats import Source

__all__ = ["Piece", "Pieces"]


@dataclass(frozen=True)
class Piece:
    """Rows of the file that may be filed, what is wrong with the others, and how many there were."""

    frame: pl.DataFrame
    found: list[Problem]
    read: int


@dataclass(frozen=True)
class Pieces:
    """What all pieces of a file have in common."""

    register: Register
    source: Source
    mapping: Mapping
    scope: Scope
    division: str

    @property
    def ask_the_database(self) -> bool:
        """Does the mapping look records up in other registers? Then pieces are made where the connection is."""
        return any("key_of" in rule for rule in self.mapping.columns.values())

    def made(self, table: Any) -> Piece:
        """One piece, typed, checked and hashed."""
        import polars as pl

        raw = pl.from_arrow(table)
        assert isinstance(raw, pl.DataFrame)
        raw, found = cells.records(raw, self.mapping.rows)
        rows = raw["__row__"]
        columns = self._attributes(raw, found)
        columns[DIVISION], wrong = codes_of(raw, self.mapping, columns, self.scope, self.division)
        found += typing.problems(wrong, rows, "division")
        _keys(self.register, self.mapping, columns)
        found += list(self._missing(columns, rows, found))
        if self.register.geometry:
            shapes, delivered, faults = outlines(self.register, raw, self.mapping, self.source)
            columns[self.register.geometry], columns[DELIVERED] = shapes, delivered
            found += faults
        columns[ROW] = rows
        frame = pl.DataFrame([s.rename(name) for name, s in columns.items()])
        if self.register.validate is not None:
            found += validation.domain_problems(self.register, _domain_frame(self.register, frame), rows)
        bad = {p.row for p in found}
        if bad:
            frame = frame.filter(~rows.is_in(list(bad)))
        return Piece(hashed(self.register, frame), found, table.num_rows)

    def _attributes(self, raw: pl.DataFrame, found: list[Problem]) -> dict[str, pl.Series]:
        """The register's columns without the outline; wrong cells are added to ``found``."""
        columns: dict[str, pl.Series] = {}
        for name, (f, column) in self.register.attributes.items():
            rule = self.mapping.columns.get(name)
            if rule is None:
                columns[name] = _default(f, raw.height)
                continue
            if "key_of" in rule:
                columns[name], wrong = _key_elsewhere(raw, rule["key_of"])
            else:
                header = str(rule.get("from", ""))
                typed, wrong = typing.convert(f, column, cells.of(raw, rule), rule, self.mapping.empty, header)
                columns[name] = _filled(f, typed)
            found += typing.problems(wrong, raw["__row__"], name)
        return columns

    def _missing(self, columns: dict[str, pl.Series], rows: pl.Series, found: list[Problem]) -> Iterator[Problem]:
        """Empty cells of columns every record needs, unless the cell was found wrong already."""
        import polars as pl

        for name, (_f, column) in self.register.attributes.items():
            if not column.required and name != self.register.key:
                continue
            typed = columns[name]
            missing = typed.is_null() | (typed == "") if typed.dtype == pl.String else typed.is_null()
            if not missing.any():
                continue
            wrong = {p.row for p in found if p.field == name}
            for row in rows.filter(missing):
                if int(row) not in wrong:
                    yield Problem(int(row), name, "This column may not be empty.", "", "Enter a value.")


def _key_elsewhere(raw: pl.DataFrame, rule: dict[str, Any]) -> tuple[pl.Series, list[typing.Cell]]:
    """The key another register gives these rows under its own mapping: an instalment finds the supply it belongs to.

    Wrong are the rows that have no record there, because they were refused or have not been imported yet.
    """
    other = descriptor.get(str(rule["register"]))
    theirs = find(other, str(rule["mapping"]))
    assert theirs is not None
    columns: dict[str, pl.Series] = {}
    for name in dict.fromkeys((other.key, *theirs.key, *other.identity)):
        f, column = other.attributes[name]
        if name not in theirs.columns:
            columns[name] = _default(f, raw.height)
            continue
        mine = theirs.columns[name]
        typed, _wrong = typing.convert(f, column, cells.of(raw, mine), mine, theirs.empty, str(mine.get("from", "")))
        columns[name] = _filled(f, typed)
    _keys(other, theirs, columns)
    made = columns[other.key]
    wanted = [k for k in made.unique().to_list() if k]
    there: set[str] = set()
    for start in range(0, len(wanted), 900):
        some = {f"{other.key}__in": wanted[start : start + 900]}
        there |= set(other.model.objects.visible().filter(**some).values_list(other.key, flat=True))
    wrong = [
        (
            int(i),
            "This row has no record in {register}.",
            "Import the file there first; rows refused there have no record.",
            {"register": str(other.label)},
            made[int(i)] or "",
        )
        for i in (~made.is_in(list(there)).fill_null(False)).arg_true()
    ]
    return made, wrong


def _default(f: models.Field, n: int) -> pl.Series:
    """A column the file does not have: the field's default, else empty."""
    import polars as pl

    dtype = typing.scaled_type(f)
    value: Any = f.get_default() if f.has_default() else None
    if value is not None and isinstance(f, models.DecimalField):
        value = int(value * 10**f.decimal_places)
    return _filled(f, pl.Series([value] * n, dtype=dtype, strict=False))


def _filled(f: models.Field, series: pl.Series) -> pl.Series:
    """Empty text for text columns that are never null; staged types for the rest."""
    import polars as pl

    dtype = typing.scaled_type(f)
    if series.dtype != dtype:
        series = series.cast(dtype, strict=False)
    if dtype == pl.String and not f.null:
        return series.fill_null("")
    if not f.null and f.has_default() and not isinstance(f, models.DateField):
        value = f.get_default()
        if isinstance(f, models.DecimalField):
            value = int(value * 10**f.decimal_places)
        return series.fill_null(value)
    return series


def _keys(register: Register, mapping: Mapping, columns: dict[str, pl.Series]) -> None:
    """Fill empty keys from the columns the mapping names, then from the identity columns."""
    import polars as pl

    key = columns[register.key]
    empty = key.is_null() | (key == "")
    for name in mapping.key:
        if name in columns and empty.any():
            other = columns[name].cast(pl.String)
            key = pl.select(pl.when(empty).then(other).otherwise(key)).to_series()
            empty = key.is_null() | (key == "")
    if register.identity and empty.any():
        parts = {name: (register.attributes[name][0], columns[name]) for name in register.identity}
        made = key.to_list()
        for i in empty.arg_true():
            cells = {name: typing.unscaled(f, s[int(i)]) for name, (f, s) in parts.items()}
            made[int(i)] = keys.natural(register, cells)
        key = pl.Series(made, dtype=pl.String)
    columns[register.key] = key


def _domain_frame(register: Register, frame: pl.DataFrame) -> pl.DataFrame:
    """The staged columns as a domain's ``validate`` expects them: decimals as Float64 in stored units."""
    import polars as pl

    made = []
    for name, (f, _c) in register.attributes.items():
        expr = pl.col(name)
        if isinstance(f, models.DecimalField) and not f.choices:
            expr = expr.cast(pl.Float64) / 10**f.decimal_places
        made.append(expr.alias(name))
    made.append(pl.col(DIVISION).alias("division"))
    if register.geometry:
        made.append(pl.col(register.geometry).alias("geometry"))
    return frame.select(made)
