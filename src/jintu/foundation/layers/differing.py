"""Which rows of two versions of a layer are not the same, told from the files as they lie.

A row group whose published hash is the same in both versions is the same, and not read. Of the others the columns whose
bytes in the file are the same are not unpacked. What is left is compared value by value. So a version with some edited
rows costs what was edited, and not what the layer holds.

It asks that rows lie where they lay: where some came or went, those behind them lie elsewhere, and nothing is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import lake

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .models import LayerVersion

__all__ = ["Differing", "differing"]


@dataclass(frozen=True, eq=False)
class Differing:
    """``rows``: numbers of the rows that are not the same, ascending; ``outlines``: those of them whose identifier or
    outline is not; ``columns``: names of the columns that differ anywhere (the covering is left out: it follows from
    the outlines)."""

    rows: NDArray[np.int64]
    outlines: NDArray[np.int64]
    columns: frozenset[str]


def differing(old: LayerVersion, new: LayerVersion) -> Differing | None:
    """None where rows do not lie where they lay, or the files are not laid out alike. Raises `Missing` for a version
    whose files are gone, and `Refused` for one that was changed."""
    if (old.layer, old.crs) != (new.layer, new.crs):
        return None
    return _compared(
        *((str(v.directory), v.manifest_hash, lake.stamp(v.directory)) for v in (old, new)), old.schema.key
    )


Side = tuple[str, str, tuple[tuple[int, int], ...]]


@lru_cache(maxsize=8)
def _compared(old: Side, new: Side, key: str) -> Differing | None:
    """By directory, hash of the manifest, and time and size of the files."""
    import numpy as np

    with _File(old) as left, _File(new) as right:
        if left.layout != right.layout:
            return None
        apart = [
            g for g in range(left.groups) if not left.hashes or not right.hashes or left.hashes[g] != right.hashes[g]
        ]
        for file in (left, right):
            file.check(apart)
        none = np.empty(0, dtype=np.int64)
        rows, outlines, columns = [none], [none], set()
        for g in apart:
            named, of_outlines = _of_group(left, right, g, (key, lake.GEOMETRY, lake.DELIVERED))
            columns |= named.keys()
            rows.append(left.starts[g] + _where(named.values()))
            outlines.append(left.starts[g] + _where(of_outlines))
    return Differing(np.concatenate(rows), np.concatenate(outlines), frozenset(columns))


def _of_group(left: _File, right: _File, group: int, shape: Sequence[str]) -> tuple[dict[str, Any], list[Any]]:
    """Which rows differ in each column that differs, and of those which make the outline."""
    apart = [name for name in left.names if left.bytes_of(group, name) != right.bytes_of(group, name)]
    found = {}
    if apart:
        one, other = left.columns(group, apart), right.columns(group, apart)
        for name in apart:
            differs = one[name].ne_missing(other[name]).to_numpy()
            if differs.any():
                found[name] = differs
    return found, [found[name] for name in shape if name in found]


def _where(marks: Any) -> NDArray[np.int64]:
    import numpy as np

    marks = list(marks)
    return np.flatnonzero(np.logical_or.reduce(marks)) if marks else np.empty(0, dtype=np.int64)


class _File:
    """The data of a version, opened for a comparison. Use as a context manager."""

    def __init__(self, side: Side) -> None:
        from pathlib import Path

        self._where, self._manifest_hash = Path(side[0]), side[1]

    def __enter__(self) -> _File:
        import mmap

        import pyarrow.parquet as pq

        try:
            self.check(())
            path = self._where / lake.DATA
            self._file = pq.ParquetFile(path, memory_map=True)
        except FileNotFoundError:
            lake.manifest(self._where)
            raise
        metadata = self._file.metadata
        self.groups = metadata.num_row_groups
        sizes = [metadata.row_group(g).num_rows for g in range(self.groups)]
        self.starts = [sum(sizes[:g]) for g in range(self.groups)]
        schema = self._file.schema_arrow
        self.names = [name for name in schema.names if name != lake.BBOX]
        self.layout = (sizes, [(f.name, str(f.type)) for f in schema])
        self.hashes = lake.hashes_of_parts(self._where, self._manifest_hash)
        self._at = self._chunks(metadata)
        with path.open("rb") as stream:
            self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return self

    def __exit__(self, *_: object) -> None:
        self._bytes.close()
        self._file.close()

    def check(self, groups: Sequence[int]) -> None:
        lake.check_parts(self._where, self._manifest_hash, groups)

    def _chunks(self, metadata: Any) -> dict[tuple[int, str], tuple[int, int]]:
        """Where each column of each row group begins and ends in the file."""
        found = {}
        for g in range(self.groups):
            group = metadata.row_group(g)
            for k in range(group.num_columns):
                chunk = group.column(k)
                start = min(o for o in (chunk.dictionary_page_offset, chunk.data_page_offset) if o)
                found[g, chunk.path_in_schema] = start, start + chunk.total_compressed_size
        return found

    def bytes_of(self, group: int, name: str) -> memoryview | bytes:
        start, end = self._at[group, name]
        return self._bytes[start:end]

    def columns(self, group: int, names: Sequence[str]) -> Any:
        import polars as pl

        rows = pl.scan_parquet(self._where / lake.DATA, glob=False).select(names)
        return rows.slice(self.starts[group], self.layout[0][group]).collect()
