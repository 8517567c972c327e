"""Overlay of polygons in memory with layers on disk, each row group read at most once.

    parcels = from_wkb(...)
    land_use = Source("lake/survey.DLTB/…/data.parquet", ("land_use_code", "ownership"))
    (sums,) = overlay_files(parcels, [land_use])
    for parcel, (code, owner), area in sums.rows(): ...

The layer is cut into fragments (`fragments`), and `task` answers for one of them: which parcels it touches, how much of
each lies in each combination of the class columns. Areas of cut pieces add up exactly, because edges are straight in
lon/lat on either side of a cut, so nothing is counted twice and no fragment needs to know another.

**The same answer everywhere.** Fragments depend on the file alone, and their sums are added in the order of the file:
one thread, eight, or a cluster give the same digits.

**Memory** does not grow with the layer. It holds the parcels (16 bytes a vertex, some 200 bytes a parcel), the sums (24
bytes for each parcel and class, less than 40 while they are added up), and for each running task one fragment: at most
8 MB of decoded columns (or a single row group, if that is larger), several times as much while pages are decompressed
and geometries taken apart. A run on n threads needs less than 64·n MB besides parcels and sums. Twice as many results
as threads may wait, each as large as the sums of one fragment; a parcel that lies in every fragment of a country has
one sum for each class, not one for each fragment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np

from jintu.kernel.executors import Executor, Threads
from jintu.kernel.flat import Floats, Integers, Polygons, Room, from_wkb
from jintu.kernel.overlay import SMALLEST, Prepared, prepare
from jintu.kernel.overlay.adding import Adder
from jintu.kernel.overlay.columns import numbered
from jintu.kernel.overlay.fragments import Fragment, plan, reader, row_starts, touching
from jintu.kernel.overlay.kernel import pair_areas
from jintu.kernel.overlay.pairs import Pairs, candidates, keep, sum_by_class
from jintu.kernel.overlay.tree import build_as_they_lie, extent

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Partial", "Question", "Source", "Sums", "overlay_files", "pair_files", "pair_task", "task"]

Values = tuple[Any, ...]


class _Rooms(local):
    """For each thread the memory of the geometries of its fragment."""

    def __init__(self) -> None:
        self.own = Room()


_rooms = _Rooms()


@dataclass(frozen=True)
class Source:
    """A GeoParquet file in lon/lat (WKB), and the columns whose values, together, make a class."""

    path: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What every task needs to know: sent to each worker of a cluster once."""

    parcels: Prepared
    sources: tuple[Source, ...]
    smallest: float = SMALLEST


@dataclass(frozen=True, eq=False)
class Partial:
    """The answer of one fragment: parcel, number of the class in ``values``, m²; three arrays (k,)."""

    layer: int
    left: Integers
    code: Integers
    area_m2: Floats
    values: tuple[Values, ...]


@dataclass(frozen=True, eq=False)
class Sums:
    """The answer of one layer, by parcel and then by class in the order in which the file first names it.

    ``left``     int64 (k,): index of the parcel
    ``code``     int64 (k,): index of the class in ``values``
    ``area_m2``  float64 (k,): m² on CGCS2000
    ``values``   for each class its value in each of the source's columns; None where the file has none
    """

    left: Integers
    code: Integers
    area_m2: Floats
    values: tuple[Values, ...]

    def __len__(self) -> int:
        return len(self.left)

    def rows(self) -> Iterator[tuple[int, Values, float]]:
        """(parcel, values, m²), plain Python."""
        for left, code, area in zip(self.left.tolist(), self.code.tolist(), self.area_m2.tolist(), strict=True):
            yield left, self.values[code], area


def overlay_files(
    parcels: Polygons | Prepared,
    sources: Sequence[Source],
    executor: Executor | None = None,
    *,
    smallest: float = SMALLEST,
) -> list[Sums]:
    """Area of each parcel by the classes of each layer, all layers in one pass; ``executor`` is threads when None.

    Pairs of a parcel and a polygon with less than ``smallest`` m² in common are left out. Raises `Missing` for a file
    or column that is not there, `InputError` for a file that is no GeoParquet and a geometry that cannot be read.
    """
    left = parcels if isinstance(parcels, Prepared) else prepare(parcels)
    question = Question(left, tuple(sources), smallest)
    fragments = [f for k, s in enumerate(sources) for f in plan(s.path, k, left.tree, s.columns)]
    partials = (executor or Threads()).run(task, question, fragments)
    return _combine(partials, len(sources))


def pair_files(
    parcels: Polygons | Prepared,
    paths: Sequence[str],
    executor: Executor | None = None,
    *,
    smallest: float = SMALLEST,
) -> Pairs:
    """Area in common of each parcel with each row of files that together are one layer: `overlay` with the layer read
    from disk, and the same digits. Rows count through all files, in the order given. Raises like `overlay_files`.
    """
    left = parcels if isinstance(parcels, Prepared) else prepare(parcels)
    question = Question(left, tuple(Source(path) for path in paths), smallest)
    fragments = [f for k, path in enumerate(paths) for f in plan(path, k, left.tree)]
    first_rows = np.concatenate(([0], np.cumsum([row_starts(path)[-1] for path in paths], dtype=np.int64)))
    parts = list((executor or Threads()).run(pair_task, question, fragments))
    nobody = np.empty(0, dtype=np.int64)
    lefts = np.concatenate([nobody, *(part.left for part in parts)])
    rights = np.concatenate([nobody, *(part.code + first_rows[part.layer] for part in parts)])
    areas = np.concatenate([np.empty(0), *(part.area_m2 for part in parts)])
    order = np.lexsort((rights, lefts))
    return Pairs(lefts[order], rights[order], areas[order])


def task(question: Question, fragment: Fragment) -> Partial:
    """The areas of one fragment by class. Reads the boxes, then the rest only when some row may meet a parcel."""
    met = _meet(question, fragment)
    if met is None:
        return _nothing(fragment)
    codes, values = _classes(met.attributes, met.places)
    found = sum_by_class(met.pairs, codes, len(values))
    return Partial(fragment.layer, found.left, found.right, found.area_m2, values)


def pair_task(question: Question, fragment: Fragment) -> Partial:
    """The areas of one fragment by row; ``code`` is the row of the file."""
    met = _meet(question, fragment)
    if met is None:
        return _nothing(fragment)
    return Partial(fragment.layer, met.pairs.left, met.rows[met.pairs.right], met.pairs.area_m2, ())


def _nothing(fragment: Fragment) -> Partial:
    nobody = np.empty(0, dtype=np.int64)
    return Partial(fragment.layer, nobody, nobody, np.empty(0), ())


@dataclass(frozen=True, eq=False)
class _Met:
    """The rows of a fragment that may meet a parcel.

    ``rows``        int64 (k,): their numbers in the file
    ``places``      int64 (k,): their numbers in ``attributes``, which has all rows of the fragment
    ``pairs``       parcel, index in the two arrays above, m²
    """

    rows: Integers
    places: Integers
    attributes: pa.Table
    pairs: Pairs


def _meet(question: Question, fragment: Fragment) -> _Met | None:
    source, parcels = question.sources[fragment.layer], question.parcels
    with reader(source.path, source.columns) as file:
        numbers = file.rows(fragment.groups)
        boxes = file.boxes(fragment.groups)
        if boxes is None:  # every geometry is read to know where it lies
            attributes, geometry = file.columns(fragment.groups, source.columns)
            whole = Prepared(from_wkb(geometry, 1, room=_rooms.own), parcels.planar, 1)
            pairs = _pairs(question, whole, *_candidates(parcels, whole.boxes))
            return _Met(numbers, np.arange(len(numbers)), attributes, pairs)
        lefts, rights = _candidates(parcels, boxes)
        if not len(lefts):
            return None
        attributes, geometry = file.columns(fragment.groups, source.columns)
    asked = np.zeros(len(numbers), dtype=np.bool_)
    asked[rights] = True
    rows, place = np.flatnonzero(asked), np.cumsum(asked) - 1
    met = Prepared(from_wkb(geometry, 1, rows, room=_rooms.own), parcels.planar, 1)
    return _Met(numbers[rows], rows, attributes, _pairs(question, met, lefts, place[rights]))


def _pairs(question: Question, met: Prepared, lefts: Integers, rights: Integers) -> Pairs:
    areas = np.empty(len(lefts))
    pair_areas(question.parcels.side, met.side, lefts, rights, 0, len(lefts), met.planar, areas)
    return keep(lefts, rights, areas, question.smallest)


def _candidates(parcels: Prepared, boxes: Floats) -> tuple[Integers, Integers]:
    """Pairs (parcel, row) whose boxes overlap."""
    near = touching(parcels.tree, extent(boxes))
    if not len(near):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    lefts, rights = candidates(parcels.boxes[near], build_as_they_lie(boxes), 0, len(near))
    return near[lefts], rights


def _classes(attributes: pa.Table, rows: Integers) -> tuple[Integers, tuple[Values, ...]]:
    """Number of each row's combination of values, and the combinations; numbers as they first appear."""
    codes = np.zeros(len(rows), dtype=np.int64)
    combinations: list[Values] = [()]
    for column in attributes.columns:
        numbers, values = numbered(column, rows)
        pairs, codes = np.unique(codes * len(values) + numbers, return_inverse=True)
        combinations = [(*combinations[p // len(values)], values[p % len(values)]) for p in pairs.tolist()]
    return codes.astype(np.int64, copy=False), tuple(combinations)


def _combine(partials: Iterable[Partial], layers: int) -> list[Sums]:
    """Add partial answers, which come in the order of the file, layer by layer."""
    adders = [Adder() for _ in range(layers)]
    for partial in partials:
        adders[partial.layer].add(partial.left, partial.code, partial.area_m2, partial.values)
    return [Sums(*adder.settled(), tuple(adder.values)) for adder in adders]
