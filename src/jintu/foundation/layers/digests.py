"""Digests of the rows of a version, kept beside it: what two versions have in common is told without reading them.

``digests.parquet`` lies in the version's directory and is named in its manifest with its hash, like its other files.
It has, for each row in the order of the data, 16 bytes for what all its columns say (``row``) and 16 for its identifier
and outlines (``outline``), by `kernel.siphash`; the covering is left out, it follows from the outlines. They do not
depend on where a row lies, on how Parquet packs it, nor on the rows about it.

For versions from before digests were written they are made of the rows when somebody first asks, and kept in the
node's cache; a version itself never changes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel import hashing
from jintu.kernel.siphash import Digests, of_columns

from . import lake

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from .models import LayerVersion

__all__ = ["RowDigests", "of_table", "of_version", "stamp", "writer"]

VERSIONS = 4
"""Of a layer, that are kept in the cache."""
SHAPE = b"jintu:shape"
NAMES = ("row", "outline")


@dataclass(frozen=True, eq=False)
class RowDigests:
    """``row``, ``outline``: (n, 2) words of each row; ``shape``: names and types of the columns, which go into no
    digest: rows of two versions can be compared where it is the same."""

    shape: str
    row: Digests
    outline: Digests

    def __len__(self) -> int:
        return len(self.row)


def of_table(table: pa.Table, key: str) -> RowDigests:
    """Of the rows of a table as it lies in the lake."""
    columns = {name: table.column(name).combine_chunks() for name in table.column_names if name != lake.BBOX}
    shape = [columns.pop(name) for name in (key, lake.GEOMETRY, lake.DELIVERED) if name in columns]
    outline = of_columns(shape)
    return RowDigests(_shape(table.schema), of_columns(list(columns.values()), [outline]), outline)


def _shape(schema: pa.Schema) -> str:
    small = {"large_string": "string", "large_binary": "binary"}
    kinds = [[f.name, small.get(str(f.type), str(f.type))] for f in schema if f.name != lake.BBOX]
    return json.dumps(kinds, ensure_ascii=False)


# --- written ----------


@contextmanager
def writer(path: Path, schema: pa.Schema, key: str) -> Iterator[Callable[[pa.Table], None]]:
    """Writes the digests of the tables it is given, one row group each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept_as = pa.schema([(name, pa.binary(16)) for name in NAMES], {SHAPE: _shape(schema).encode()})
    how: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    with pq.ParquetWriter(path, kept_as, write_page_checksum=True, **how) as file:

        def write(table: pa.Table) -> None:
            found = of_table(table, key)
            columns = [
                pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(words), [None, pa.py_buffer(words)])
                for words in (found.row, found.outline)
            ]
            file.write_table(pa.Table.from_arrays(columns, schema=kept_as))

        yield write


# --- read ----------


def stamp(version: LayerVersion) -> tuple[tuple[int, int], ...]:
    """Time and size of the files of a version, which are what was published. Raises like `of_version`."""
    try:
        lake.check_parts(version.directory, version.manifest_hash, ())
        return lake.stamp(version.directory)
    except FileNotFoundError:
        lake.manifest(version.directory)
        raise


def of_version(version: LayerVersion) -> RowDigests:
    """As written beside the version, or kept in the cache, or else made of its rows. Raises `Missing` for a version
    whose files are gone, and `Refused` for one that was changed."""
    stamp(version)
    where, beside = version.directory, version.directory / lake.DIGESTS
    published = lake.manifest(where)["files"].get(lake.DIGESTS)
    if published is not None:
        if not beside.is_file() or hashing.of_file(beside, published["hash"].partition(":")[0]) != published["hash"]:
            raise lake.changed(beside)
        return _read(beside)
    import pyarrow as pa

    cached = _folder() / f"{version.layer}-{version.division}-{version.hash.rpartition(':')[2]}.parquet"
    try:
        return _read(cached)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        _make(where, version.manifest_hash, version.schema.key, cached)
        return _read(cached)


def _read(path: Path) -> RowDigests:
    import numpy as np
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
        table = file.read(list(NAMES))
    pieces = ([_words(c) for c in table.column(name).chunks] or [_none()] for name in NAMES)
    words = (of[0] if len(of) == 1 else np.concatenate(of) for of in pieces)
    return RowDigests(table.schema.metadata[SHAPE].decode(), *words)


def _words(column: Any) -> Digests:
    import numpy as np

    words = np.frombuffer(column.buffers()[1], dtype="<u8").reshape(-1, 2)
    return words[column.offset : column.offset + len(column)]


def _none() -> Digests:
    import numpy as np

    return np.empty((0, 2), dtype=np.uint64)


# --- of versions from before ----------


def _folder() -> Path:
    from django.conf import settings

    return Path(settings.NODE.data) / "cache" / "digests"


def _make(where: Path, manifest_hash: str, key: str, path: Path) -> None:
    """Read a version a row group at a time; digests of older ones go."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}.parquet")
    with pq.ParquetFile(where / lake.DATA, memory_map=True) as file:
        names = [n for n in file.schema_arrow.names if n != lake.BBOX]
        with writer(draft, file.schema_arrow, key) as write:
            for group in range(file.num_row_groups):
                lake.check_parts(where, manifest_hash, [group])
                write(file.read_row_group(group, names))
    draft.replace(path)
    layer = path.stem.rpartition("-")[0]
    kept = sorted(path.parent.glob(f"{layer}-*.parquet"), key=lambda p: p.stat().st_mtime)
    for old in kept[:-VERSIONS]:
        old.unlink(missing_ok=True)
