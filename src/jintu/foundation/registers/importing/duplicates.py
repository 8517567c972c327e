"""Rows whose number the file or the register has already: refused, skipped, or paired with those they replace."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jintu.foundation.identity.scope import Scope
from jintu.kernel.errors import InputError

from ..descriptor import Register
from ..models import Batch
from .layout import LEVEL, OLD, ROW, UID, VERSION
from .problems import Problem

if TYPE_CHECKING:
    import polars as pl

__all__ = ["WAYS", "Numbers", "Settled"]

WAYS = ("refuse", "skip", "update")


@dataclass
class Settled:
    """What became of a piece: the rows that remain, and counts for the report."""

    frame: pl.DataFrame
    found: list[Problem]
    updating: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Known:
    """Row that holds a number now."""

    id: int
    uid: Any
    row_version: int
    division: str
    batch: int


class Numbers:
    """The numbers of one file as its pieces come along, and those the register has."""

    def __init__(self, register: Register, scope: Scope, way: str) -> None:
        """``way``: what becomes of rows whose number is taken. Raises `InputError` when it is none of `WAYS`."""
        if way not in WAYS:
            raise InputError(
                "{value} is no way to treat duplicates.", remedy="Choose refuse, skip or update.", value=way
            )
        self.register, self.scope, self.way = register, scope, way
        self.seen: dict[str, int] = {}
        """Number → the first row of the file that has it."""
        self.fresh = not register.model.objects.filter(superseded_by=0).exists()
        """Was the register empty? What was filed in it since, the unique index finds when the rows are loaded."""

    def settled(self, frame: pl.DataFrame) -> Settled:
        """Give each row its uid and version, and treat those whose number is taken the way that was chosen."""
        import polars as pl

        numbers, rows = frame[self.register.key].to_list(), frame[ROW].to_list()
        held = {} if self.fresh else _holders(self.register, numbers)
        given = frame.with_columns(
            pl.Series(UID, _uids(frame.height)),
            pl.lit(1, pl.Int64).alias(VERSION),
            pl.lit(0, pl.Int64).alias(OLD),
            pl.lit(1, pl.Int64).alias(LEVEL),
        )
        if not held and len(set(numbers)) == len(numbers) and self.seen.keys().isdisjoint(numbers):
            self.seen.update(zip(numbers, rows, strict=True))
            return Settled(given, [])
        return _one_by_one(self.register, given, held, self.seen, self.scope, self.way)


def _one_by_one(
    register: Register, frame: pl.DataFrame, held: dict[str, Known], seen: dict[str, int], scope: Scope, way: str
) -> Settled:
    import polars as pl

    hidden = set(Batch.hidden_ids().values_list("pk", flat=True)) if held else set()
    numbers, rows = frame[register.key].to_list(), frame[ROW].to_list()
    uids, versions, old = frame[UID].to_list(), frame[VERSION].to_list(), frame[OLD].to_list()
    keep = [True] * frame.height
    made = Settled(frame, [])
    for i, (number, row) in enumerate(zip(numbers, rows, strict=True)):
        twice, holder = number in seen, held.get(number)
        if not twice:
            seen[number] = row
            if holder is None:
                continue
            if way == "update" and holder.batch not in hidden and scope.covers(holder.division):
                uids[i], versions[i], old[i] = str(holder.uid).replace("-", ""), holder.row_version + 1, holder.id
                made.updating += 1
                continue
        keep[i] = False
        refusal = _refusal(number, seen[number] if twice else None, holder, hidden, scope, way)
        if refusal is None:
            made.skipped += 1
        else:
            sentence, remedy, params = refusal
            made.found.append(Problem(row, register.key, sentence, number, remedy, {"value": number, **params}))
    made.frame = frame.with_columns(pl.Series(UID, uids), pl.Series(VERSION, versions), pl.Series(OLD, old)).filter(
        pl.Series(keep, dtype=pl.Boolean)
    )
    return made


def _refusal(
    number: str, first: int | None, holder: Known | None, hidden: set[int], scope: Scope, way: str
) -> tuple[str, str, dict[str, Any]] | None:
    """Why a row with a taken number is refused: (sentence, remedy, further params); None when it is skipped.

    ``first``: the row of the file that has the number already, if one has.
    """
    if first is not None:
        if way == "skip":
            return None
        return "{value} is in row {row} of the file already.", "Leave one of the rows out.", {"row": first}
    assert holder is not None
    if holder.batch in hidden:
        return "{value} is being loaded by another import.", "Wait until it is done, or revert it.", {}
    if not scope.covers(holder.division):
        return "{value} belongs to a record of another division.", "Check the number.", {}
    if way == "skip":
        return None
    return (
        "{value} is in the register already.",
        "Import with “update” to replace it, or “skip” to leave it.",
        {},
    )


def _holders(register: Register, numbers: list[str]) -> dict[str, Known]:
    """Rows that hold these numbers now."""
    held: dict[str, Known] = {}
    rows = register.model.objects.filter(superseded_by=0)
    names = (register.key, "id", "uid", "row_version", "division", "batch")
    for start in range(0, len(numbers), 900):
        some = rows.filter(**{f"{register.key}__in": numbers[start : start + 900]})
        for number, *facts in some.values_list(*names):
            held[number] = Known(*facts)
    return held


def _uids(n: int) -> list[str]:
    """n UUIDs of version 7 (RFC 9562) as hexadecimal text, ascending: the time in milliseconds, then random bits.

    Ascending, because an index of random ones is written all over for every few rows that are added.
    """
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    digits = os.urandom(10 * n).hex()
    random = sorted(digits[i : i + 20] for i in range(0, 20 * n, 20))
    return [f"{stamp}7{d[:3]}{'89ab'[int(d[3], 16) & 3]}{d[4:19]}" for d in random]
