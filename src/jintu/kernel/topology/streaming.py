"""Topology of a layer on disk, each row group read once: `inspect` for layers larger than memory, or for a cluster.

    found = inspect_file("lake/survey.DLTB/…/data.parquet", Plane(), column="geometry_delivered")

A task looks at one fragment (a run of row groups): what is wrong in single polygons is told there and then, and of what
lies between polygons it keeps the edges that did not cancel inside the fragment. Put together, these cancel again or
are the defects. Cancelling is associative and everything after it is sorted first, so the answer is that of `inspect`
of the whole layer in memory, to the last bit, on any executor and however the file is cut.

**Memory.** A task holds one fragment: at most 8 MB of decoded geometry (or one row group, if that is larger) and some
ten times as much while edges are cancelled. The caller holds 72 bytes a row, 56 bytes for each edge that fragments left
over (their borders), and the few rows that overlap or are copies, which it reads again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jintu.kernel.executors import Executor, Threads
from jintu.kernel.flat import Integers, Polygons, from_wkb
from jintu.kernel.overlay.fragments import Fragment, all_of, reader, row_starts
from jintu.kernel.topology import Scan, conclude, scan
from jintu.kernel.topology.defects import Defects, Kind, joined
from jintu.kernel.topology.limits import Limits
from jintu.kernel.topology.plane import Plane
from jintu.kernel.topology.rings import ring_defects
from jintu.kernel.topology.validating import validity

__all__ = ["Part", "Question", "inspect_file", "task"]


@dataclass(frozen=True)
class Question:
    """What every task needs to know. ``column`` of the geometry; the file's primary one when empty. ``as_delivered``
    keeps the rings in their direction, see `jintu.kernel.flat.from_wkb`."""

    path: str
    plane: Plane
    limits: Limits
    column: str = ""
    as_delivered: bool = False


@dataclass(frozen=True, eq=False)
class Part:
    """The answer of one fragment: what is left to put together, and the defects of single polygons."""

    scan: Scan
    alone: Defects


def inspect_file(
    path: str,
    plane: Plane | None = None,
    limits: Limits | None = None,
    executor: Executor | None = None,
    *,
    column: str = "",
    as_delivered: bool = False,
) -> Defects:
    """All defects of a layer of polygons on disk; rows count from 0 in the order of the file.

    ``plane`` is that of the coordinates in ``column`` (metres when None). ``executor`` is threads, one per core, when
    None. ``as_delivered`` keeps the rings in their direction and refuses none. Raises `Missing` for a file or column
    that is not there, `InputError` for a file that is no GeoParquet and a geometry that cannot be read.
    """
    question = Question(path, plane or Plane(), limits or Limits(), column, as_delivered)
    fragments = all_of(path, (column,) if column else ())
    parts = list((executor or Threads()).run(task, question, fragments))

    def fetch(rows: Integers) -> Polygons:
        return _fetch(question, rows)

    between = conclude([part.scan for part in parts], fetch, question.plane, question.limits)
    return joined([*(part.alone for part in parts), between])


def task(question: Question, fragment: Fragment) -> Part:
    """Look at one fragment."""
    with reader(question.path) as file:
        rows = file.rows(fragment.groups)
        polygons = from_wkb(file.values(fragment.groups, question.column), 1, as_delivered=question.as_delivered)
    wrong = validity(polygons, threads=1)
    rings = ring_defects(polygons, question.limits, question.plane, threads=1)
    crossing = np.unique(wrong.of(Kind.SELF_CROSSING).rows)
    part = scan(polygons, rows, question.plane, 1, crossing=crossing)
    return Part(part, joined([wrong, rings]).numbered(rows))


def _fetch(question: Question, rows: Integers) -> Polygons:
    """The geometries of rows, in that order; their row groups are read one at a time."""
    group_of = np.searchsorted(row_starts(question.path), rows, side="right") - 1
    values: dict[int, bytes | None] = {}
    with reader(question.path) as file:
        for group in np.unique(group_of).tolist():
            wanted = np.unique(rows[group_of == group])
            found = file.values([group], question.column).take(wanted - file.rows([group])[0])
            values.update(zip(wanted.tolist(), found.to_pylist(), strict=True))
    return from_wkb([values[row] for row in rows.tolist()], 1, as_delivered=question.as_delivered)
