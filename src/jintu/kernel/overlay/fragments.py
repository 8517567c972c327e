"""Fragments: runs of row groups of a GeoParquet layer, the unit in which a layer larger than memory is read.

A layer written in Hilbert order with a bounding box beside each geometry (the "covering" of GeoParquet 1.1) is read
where it matters: the statistics of its row groups say which groups lie near the polygons asked about, the boxes in a
group say which rows, and only the geometries of those rows are taken apart. A file without covering is read whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from jintu.kernel.errors import InputError, Missing, Place, Unsupported
from jintu.kernel.flat import Floats, Integers
from jintu.kernel.overlay.columns import to_numpy
from jintu.kernel.overlay.tree import Tree, search

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["ROWS", "Fragment", "Reader", "all_of", "forget", "plan", "reader", "row_starts", "touching"]

ROWS, BYTES = 16_384, 8 << 20
"""Row groups are read together up to so many rows, and so many decoded bytes of the columns read."""

SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Fragment:
    """Consecutive row groups of one layer of a question: a reference, a few bytes whatever the data weigh."""

    layer: int
    groups: tuple[int, ...]


@dataclass(frozen=True)
class _Header:
    """What the footer of a file says, parsed once."""

    metadata: pq.FileMetaData
    geometry: str
    covering: tuple[str, ...] | None
    """Paths of the columns with west, south, east and north of each row"""
    bounds: Floats | None
    """(groups, 4) boxes of the row groups by their statistics"""
    starts: Integers
    """(groups + 1,) row of the file at which each row group begins"""


class Reader:
    """One file, open. Columns are decoded in the calling thread: fragments run side by side, not columns."""

    def __init__(self, path: str, header: _Header, file: pq.ParquetFile) -> None:
        self.path, self._header, self._file = path, header, file

    def boxes(self, groups: Sequence[int]) -> Floats | None:
        """(rows, 4) boxes of the rows by the covering; None where the file has none."""
        paths = self._header.covering
        if paths is None:
            return None
        table = self._file.read_row_groups(groups, columns=list(paths), use_threads=False)
        out = np.empty((table.num_rows, 4))
        for k, path in enumerate(paths):
            column: Any = table
            for name in path.split("."):
                column = column.column(name) if column is table else column.combine_chunks().field(name)
            out[:, k] = to_numpy(column)
        return out

    def columns(self, groups: Sequence[int], names: Sequence[str]) -> tuple[pa.Table, pa.ChunkedArray]:
        """Attributes and the geometry (WKB) of row groups."""
        wanted = list(dict.fromkeys(names))
        table = self._file.read_row_groups(groups, columns=[*wanted, self._header.geometry], use_threads=False)
        return table.select(wanted), table.column(self._header.geometry)

    def rows(self, groups: Sequence[int]) -> Integers:
        """Numbers in the file, from 0, of the rows of row groups."""
        starts = self._header.starts
        return np.concatenate([np.arange(starts[g], starts[g + 1]) for g in groups] or [np.empty(0, dtype=np.int64)])

    def values(self, groups: Sequence[int], name: str = "") -> pa.ChunkedArray:
        """One column of row groups; the geometry (WKB) when it is not named."""
        wanted = name or self._header.geometry
        return self._file.read_row_groups(groups, columns=[wanted], use_threads=False).column(wanted)


@contextmanager
def reader(path: str, coded: Sequence[str] = ()) -> Iterator[Reader]:
    """Open a layer; text in the columns ``coded`` comes as numbers and a dictionary, as the file keeps it.

    Raises `Missing` when the file is gone, `InputError` when it is no GeoParquet of WKB or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    header = _header(path)
    try:
        with pq.ParquetFile(path, metadata=header.metadata, read_dictionary=list(coded)) as file:
            yield Reader(path, header, file)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from error


def plan(path: str, layer: int, tree: Tree, names: Sequence[str] = ()) -> list[Fragment]:
    """The fragments of a layer that may meet the boxes of a tree, in the order of the file.

    Raises `Missing` for a column in ``names`` that the layer has not.
    """
    header = _header(path)
    near = list(range(header.metadata.num_row_groups))
    if header.bounds is not None:
        nothing = np.empty(0, dtype=np.int64)
        near = [group for group in near if search(tree, header.bounds[group], nothing)]
    return _runs(header, layer, near, (header.geometry, *names))


def all_of(path: str, names: Sequence[str] = ()) -> list[Fragment]:
    """The fragments of a whole layer, in the order of the file, cut by the size of the columns ``names`` (of the
    geometry when there are none). Raises `Missing` like `plan`."""
    header = _header(path)
    return _runs(header, 0, range(header.metadata.num_row_groups), names or (header.geometry,))


def row_starts(path: str) -> Integers:
    """Row of the file at which each row group begins, and the number of rows last; int64 (groups + 1,)."""
    return _header(path).starts


def _runs(header: _Header, layer: int, groups: Iterable[int], names: Sequence[str]) -> list[Fragment]:
    """Row groups put together while they are small enough."""
    known = header.metadata.schema.to_arrow_schema().names
    if unknown := set(names) - set(known):
        raise Missing(
            "The version has no column {name}; there are: {names}.",
            name=", ".join(sorted(unknown)),
            names=", ".join(known),
        )
    read = [i for i in range(header.metadata.num_columns) if _root(header.metadata, i) in names]
    fragments: list[Fragment] = []
    run: list[int] = []
    rows = size = 0
    for group in groups:
        facts = header.metadata.row_group(group)
        weight = sum(facts.column(i).total_uncompressed_size for i in read)
        if run and (rows + facts.num_rows > ROWS or size + weight > BYTES):
            fragments.append(Fragment(layer, tuple(run)))
            run, rows, size = [], 0, 0
        run.append(group)
        rows, size = rows + facts.num_rows, size + weight
    return [*fragments, Fragment(layer, tuple(run))] if run else fragments


def _root(metadata: pq.FileMetaData, column: int) -> str:
    return str(metadata.schema.column(column).path).partition(".")[0]


def _header(path: str) -> _Header:
    try:
        facts = os.stat(path)
    except FileNotFoundError:
        raise Missing("The file {path} is missing.", path=os.path.basename(path)) from None
    return _parsed(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _parsed(path: str, size: int, changed: int) -> _Header:
    """The footer of a file; ``size`` and ``changed`` make another file under the same name another entry."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = Place(os.path.basename(path))
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from error
    try:
        geo = json.loads((metadata.metadata or {})[b"geo"])
        geometry = geo["primary_column"]
        facts = geo["columns"][geometry]
    except (KeyError, ValueError) as error:
        raise InputError(
            "The geo metadata of the file is not valid.", place=place, remedy="Export it again."
        ) from error
    if facts.get("encoding") != "WKB":
        raise Unsupported(
            "Geometry encoded as {encoding} is not read.",
            place=place,
            remedy="Write it with WKB encoding.",
            encoding=facts.get("encoding"),
        )
    bbox = facts.get("covering", {}).get("bbox")
    covering = tuple(".".join(bbox[side]) for side in SIDES) if bbox else None
    counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    return _Header(metadata, geometry, covering, _bounds(metadata, covering), starts)


def forget() -> None:
    """Drop the footers kept in memory: the next question opens its files anew."""
    _parsed.cache_clear()


def _damaged(path: str, error: Exception) -> InputError:
    return InputError(
        "The Parquet file is damaged: {reason}.",
        place=Place(os.path.basename(path)),
        remedy="Copy or export it again.",
        reason=str(error).split("\n")[0],
    )


def _bounds(metadata: pq.FileMetaData, covering: tuple[str, ...] | None) -> Floats | None:
    """Boxes of the row groups, widened to everything where a group keeps no statistics."""
    if covering is None:
        return None
    where = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    out = np.empty((metadata.num_row_groups, 4))
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for k, path in enumerate(covering):
            statistics = row_group.column(where[path]).statistics
            known = statistics is not None and statistics.has_min_max
            low, high = (statistics.min, statistics.max) if known else (-np.inf, np.inf)
            out[group, k] = low if k < 2 else high
    return out


def touching(tree: Tree, box: Floats) -> Integers:
    """Which boxes of a tree overlap one box, ascending."""
    found = np.empty(256, dtype=np.int64)
    count = search(tree, box, found)
    if count > len(found):
        found = np.empty(count, dtype=np.int64)
        search(tree, box, found)
    return np.sort(found[:count])
