"""From a file to a staging file: every row typed, checked and hashed before the database sees any.

The staging directory of a batch holds ``rows.parquet`` (rows that may be loaded, in the order of the file) and
``problems.json``; both are written under another name first, so that what is there is complete. Pieces are typed on
other threads (`pieces`) while the file is read on and the pieces before are matched with the register (`duplicates`).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from jintu.foundation.identity.scope import Scope
from jintu.kernel.errors import InputError

from ..descriptor import Register
from . import layout
from .ahead import ahead
from .duplicates import Numbers
from .mapping import Mapping, unitless
from .pieces import Piece, Pieces
from .problems import Problem, Reasons

if TYPE_CHECKING:
    import polars as pl

    from jintu.kernel.formats import Source

__all__ = ["Staged", "directory", "drop", "read_problems", "rows_file", "stage"]

SIZE = 5_000
"""Rows of a piece: many enough for column-wise work, few enough that several fit in memory."""
THREADS = 2


@dataclass
class Staged:
    """Figures of a staged file."""

    read: int = 0
    accepted: int = 0
    updating: int = 0
    skipped: int = 0
    reasons: Reasons = field(default_factory=Reasons)
    notices: list[str] = field(default_factory=list)
    first_day: dt.date | None = None
    last_day: dt.date | None = None

    @property
    def refused(self) -> int:
        return len(self.reasons.rows)


def directory(batch_id: int) -> Path:
    """Where a batch's staging files are, under the data directory."""
    return Path(settings.NODE.data) / "staging" / str(batch_id)


def rows_file(batch_id: int) -> Path:
    return directory(batch_id) / "rows.parquet"


def drop(batch_id: int) -> None:
    """Remove the staging files of a batch that is loaded or given up."""
    shutil.rmtree(directory(batch_id), ignore_errors=True)


def stage(
    register: Register,
    source: Source,
    mapping: Mapping,
    batch_id: int,
    *,
    scope: Scope,
    division: str = "",
    duplicates: str = "refuse",
    good_only: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    taken: Callable[[pl.DataFrame], None] | None = None,
) -> Staged:
    """Read, type and check the whole file into the staging directory of ``batch_id``.

    ``taken`` is called with each piece of rows that may be loaded, after it was written, and no more once a row has a
    fault, unless ``good_only``.
    Raises `InputError` when the file or the mapping as a whole cannot be used; faults of rows are in ``reasons``.
    """
    import pyarrow.parquet as pq

    numbers = Numbers(register, scope, duplicates)
    mapping.check(register, source)
    _whole_mapping(register, mapping, source)
    staged = Staged()
    target = rows_file(batch_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    with pq.ParquetWriter(unfinished, layout.schema(register), compression="lz4") as writer:
        for piece in _pieces(Pieces(register, source, mapping, scope, division)):
            staged.read += piece.read
            settled = numbers.settled(piece.frame)
            staged.reasons.add([*piece.found, *settled.found])
            staged.updating += settled.updating
            staged.skipped += settled.skipped
            staged.accepted += settled.frame.height
            _days(register, settled.frame, staged)
            if settled.frame.height:
                writer.write_table(
                    settled.frame.to_arrow().select(layout.schema(register).names).cast(layout.schema(register))
                )
            if progress:
                progress(staged.read, source.count)
            if taken and settled.frame.height and (good_only or not staged.refused):
                taken(settled.frame)
    for error in source.problems:
        staged.read += 1
        row = error.place.row or 0
        staged.reasons.add([Problem(row, error.place.field, error.sentence, "", error.remedy, dict(error.params))])
    os.replace(unfinished, target)
    staged.notices = [str(n) for n in source.notices]
    _write_problems(batch_id, staged)
    return staged


def _pieces(pieces: Pieces) -> Iterator[Piece]:
    tables = pieces.source.batches(SIZE, geometry=bool(pieces.register.geometry))
    if pieces.ask_the_database:
        return map(pieces.made, tables)
    return ahead(tables, pieces.made, threads=THREADS, at_most=THREADS)


def _whole_mapping(register: Register, mapping: Mapping, source: Source) -> None:
    """Refuse a mapping that cannot give any row what it needs."""
    bare = unitless(register, mapping)
    if bare:
        from jintu.kernel.units import area_unit, money_unit

        for name in bare:
            header = mapping.columns[name]["from"]
            if header != name and not (area_unit(header) or money_unit(header)) and not _units_in_cells(source, header):
                raise InputError(
                    "Nothing says in which unit column {header} is.",
                    remedy="Name the unit in the mapping: ha, mu, m2, wan_yuan, yuan.",
                    header=header,
                )
    have = set(mapping.columns)
    for name, (_f, column) in register.attributes.items():
        if column.required and name not in have and name != register.key:
            raise InputError(
                "The file has no column for {name}, which every record needs.",
                remedy="Map one of its columns, or give a constant: {headers}.",
                name=str(register.attributes[name][0].verbose_name),
                headers="、".join(f.name for f in source.fields)[:300],
            )
    if register.key not in have and not mapping.key and not register.identity:
        raise InputError(
            "The file has no column for {name}, which every record needs.",
            remedy="Map one of its columns, or give a constant: {headers}.",
            name=str(register.attributes[register.key][0].verbose_name),
            headers="、".join(f.name for f in source.fields)[:300],
        )


def _units_in_cells(source: Source, header: str) -> bool:
    """Do the first filled cells of a column carry their unit themselves ("19983.72平方米")?"""
    from jintu.kernel.units import area, money

    for table in source.batches(200, geometry=False):
        cells = [str(c) for c in table.column(header).to_pylist() if c not in (None, "")][:50]
        for cell in cells:
            for parse in (area, money):
                try:
                    parse(cell)
                except InputError:
                    continue
                return True
        return False
    return False


def _days(register: Register, frame: pl.DataFrame, staged: Staged) -> None:
    """First and last day of the period column, for the warning about two files for one period."""
    if not register.period:
        return
    first, last = frame[register.period].min(), frame[register.period].max()
    if isinstance(first, dt.date):
        staged.first_day = min(first, staged.first_day or first)
    if isinstance(last, dt.date):
        staged.last_day = max(last, staged.last_day or last)


def _write_problems(batch_id: int, staged: Staged) -> None:
    path = directory(batch_id) / "problems.json"
    unfinished = path.with_suffix(".part")
    unfinished.write_text(
        json.dumps(
            [p.as_json() for p in sorted(staged.reasons.kept, key=lambda p: (p.row, p.field))], ensure_ascii=False
        ),
        encoding="utf-8",
    )
    os.replace(unfinished, path)


def read_problems(batch_id: int) -> list[Problem]:
    """The problems of a staged file, by row; none when its staging files are gone."""
    path = directory(batch_id) / "problems.json"
    if not path.is_file():
        return []
    return [Problem(**item) for item in json.loads(path.read_text(encoding="utf-8"))]
