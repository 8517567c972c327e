"""Row groups of a version's data, unpacked and kept while there is room: what tiles are made of.

A tile reads the row groups whose box meets it, whole, and only the columns it shows. Versions never change, so a group
that was read stays right for the next tile beside it;
the least recently used leave (``tile_memory_mb`` of the node, 256).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings

from . import lake
from .features import Features, Held, joined

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from .models import LayerVersion

__all__ = ["near"]

Box = tuple[float, float, float, float]


class Index(NamedTuple):
    """The footer of a file, and (groups, 4) west, south, east, north of its row groups."""

    metadata: pq.FileMetaData
    boxes: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Group:
    """A row group with its geometry still in WKB, 32-bit offsets or wider: a tile decodes only the rows it shows."""

    kind: str
    table: pa.Table
    boxes: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        return int(self.table.nbytes) + self.boxes.nbytes

    def near(self, bbox: Box) -> Features | None:
        """The features that meet a box, in their order; None where there are none."""
        import numpy as np

        b = self.boxes
        meeting = (b[:, 0] <= bbox[2]) & (b[:, 2] >= bbox[0]) & (b[:, 1] <= bbox[3]) & (b[:, 3] >= bbox[1])
        rows = np.flatnonzero(meeting)
        return Features.of(self.table.take(rows), self.kind) if len(rows) else None


_kept: Held[Group] = Held(lambda: settings.JINTU_TILE_BYTES)


def near(version: LayerVersion, columns: Sequence[str], bbox: Box) -> Features:
    """The features that meet a box (west, south, east, north), with some columns, ``geometry`` among them, in the order
    of the version. Raises `Refused` for a file that was changed, `Missing` for one that is gone."""
    import numpy as np

    index = _index(version)
    b = index.boxes
    meeting = (b[:, 0] <= bbox[2]) & (b[:, 2] >= bbox[0]) & (b[:, 1] <= bbox[3]) & (b[:, 3] >= bbox[1])
    found = []
    for number in np.flatnonzero(meeting).tolist():
        features = _group(version, tuple(columns), number).near(bbox)
        if features is not None:
            found.append(features)
    if not found:
        empty = index.metadata.schema.to_arrow_schema().remove_metadata().empty_table()
        return Features.of(empty.select(list(columns)), version.schema.geometry)
    return joined(found)


def _group(version: LayerVersion, columns: tuple[str, ...], number: int) -> Group:
    key = (version.layer, version.division, version.key, version.manifest_hash, columns, number)
    return _kept.or_made(key, partial(_read, version, columns, number))


def _read(version: LayerVersion, columns: tuple[str, ...], number: int) -> Group:
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    lake.check_parts(version.directory, version.manifest_hash, (number,))
    metadata = _index(version).metadata
    # a thread of its own for each column costs more than it gains at this size
    with pq.ParquetFile(version.directory / lake.DATA, metadata=metadata, memory_map=True) as file:
        table = file.read_row_group(number, [*columns, lake.BBOX], use_threads=False).replace_schema_metadata(None)
    sides = [pc.struct_field(table.column(lake.BBOX), side) for side in ("xmin", "ymin", "xmax", "ymax")]
    return Group(version.schema.geometry, table.select(list(columns)), np.column_stack(sides))


def _index(version: LayerVersion) -> Index:
    path = version.directory / lake.DATA
    try:
        stamp = path.stat()
    except FileNotFoundError:
        lake.manifest(version.directory)
        raise
    lake.check_parts(version.directory, version.manifest_hash, ())
    return _index_of(path, (stamp.st_mtime_ns, stamp.st_size))


@lru_cache(maxsize=64)
def _index_of(path: Path, stamp: tuple[int, int]) -> Index:
    """``stamp``: a file that was exchanged is opened again."""
    import numpy as np
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    boxes = [_box(metadata.row_group(g)) for g in range(metadata.num_row_groups)]
    return Index(metadata, np.array(boxes).reshape(-1, 4))


def _box(group: Any) -> Box:
    """By the statistics of the covering; a group without them is everywhere."""
    west, south, east, north = -float("inf"), -float("inf"), float("inf"), float("inf")
    for i in range(group.num_columns):
        column = group.column(i)
        name, found = column.path_in_schema, column.statistics
        if not name.startswith(f"{lake.BBOX}.") or found is None or not found.has_min_max:
            continue
        if name.endswith("xmin"):
            west = found.min
        elif name.endswith("ymin"):
            south = found.min
        elif name.endswith("xmax"):
            east = found.max
        else:
            north = found.max
    return west, south, east, north
