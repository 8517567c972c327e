"""Row groups of a version's data and of its generalised picture, unpacked and kept while there is room: what tiles are
made of, and what is asked for by a place or by a value.

A tile reads the row groups whose box meets it, whole, and only the columns it shows. Versions never change, so a group
that was read stays right for the next tile beside it;
the least recently used leave (``tile_memory_mb`` of the node, 256).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings

from . import lake, shapes
from .features import Features, Held, joined

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from .models import LayerVersion

__all__ = ["Index", "columns_of", "finest", "indexed", "level_of", "matching", "near", "picture"]

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

        rows = np.flatnonzero(_meeting(self.boxes, bbox))
        return Features.of(self.table.take(rows), self.kind) if len(rows) else None


def _meeting(b: NDArray[np.float64], bbox: Box) -> NDArray[np.bool_]:
    return (b[:, 0] <= bbox[2]) & (b[:, 2] >= bbox[0]) & (b[:, 1] <= bbox[3]) & (b[:, 3] >= bbox[1])


_kept: Held[Group | pa.ChunkedArray] = Held(lambda: settings.JINTU_TILE_BYTES)


def near(version: LayerVersion, columns: Sequence[str], bbox: Box) -> Features:
    """The features that meet a box (west, south, east, north), with some columns, ``geometry`` among them, in the order
    of the version. Raises `Refused` for a file that was changed, `Missing` for one that is gone."""
    import numpy as np

    index = _index(version)
    groups = (
        _group(version, tuple(columns), number) for number in np.flatnonzero(_meeting(index.boxes, bbox)).tolist()
    )
    found = [features for group in groups if (features := group.near(bbox)) is not None]
    return joined(found) if found else _nothing(version, columns)


def matching(
    version: LayerVersion, column: str, test: Callable[[pa.ChunkedArray], pa.ChunkedArray], most: int
) -> Features:
    """The first ``most`` features of whose column ``test`` is true, with all columns: of groups without any only that
    column is read. Both are kept as what tiles are made of, for the next search and for the click on what was found: an
    identifier of 18 digits takes 22 bytes a row. Raises as `near`."""
    import numpy as np

    columns, kind = columns_of(version), version.schema.geometry
    found: list[Features] = []
    left = most
    for number in range(_index(version).metadata.num_row_groups):
        rows = np.flatnonzero(np.asarray(test(_column(version, column, number)).fill_null(False)))[:left]
        if len(rows):
            found.append(Features.of(_group(version, columns, number).table.take(rows), kind))
            left -= len(rows)
        if not left:
            break
    return joined(found) if found else _nothing(version, columns)


def columns_of(version: LayerVersion) -> tuple[str, ...]:
    """All columns of a version, ``geometry`` among them, but not what was only delivered."""
    names = _index(version).metadata.schema.to_arrow_schema().names
    return tuple(n for n in names if n not in (lake.BBOX, lake.DELIVERED))


def _nothing(version: LayerVersion, columns: Sequence[str]) -> Features:
    empty = _index(version).metadata.schema.to_arrow_schema().remove_metadata().empty_table()
    return Features.of(empty.select(list(columns)), version.schema.geometry)


def _group(version: LayerVersion, columns: tuple[str, ...], number: int) -> Group:
    return _kept.or_made(_key(version, columns, number), partial(_read, version, columns, number))


def _column(version: LayerVersion, name: str, number: int) -> pa.ChunkedArray:
    return _kept.or_made(_key(version, name, number), lambda: _table(version, (name,), number).column(name))


def _key(version: LayerVersion, columns: tuple[str, ...] | str, number: int) -> tuple[Any, ...]:
    return version.layer, version.division, version.key, version.manifest_hash, columns, number


def _table(version: LayerVersion, columns: Sequence[str], number: int) -> pa.Table:
    import pyarrow.parquet as pq

    lake.check_parts(version.directory, version.manifest_hash, (number,))
    metadata = _index(version).metadata
    # a thread of its own for each column costs more than it gains at this size
    with pq.ParquetFile(version.directory / lake.DATA, metadata=metadata, memory_map=True) as file:
        return file.read_row_group(number, list(columns), use_threads=False).replace_schema_metadata(None)


def _read(version: LayerVersion, columns: tuple[str, ...], number: int) -> Group:
    import numpy as np
    import pyarrow.compute as pc

    table = _table(version, [*columns, lake.BBOX], number)
    sides = [pc.struct_field(table.column(lake.BBOX), side) for side in ("xmin", "ymin", "xmax", "ymax")]
    return Group(version.schema.geometry, table.select(list(columns)), np.column_stack(sides))


def _index(version: LayerVersion) -> Index:
    try:
        lake.check_parts(version.directory, version.manifest_hash, ())
        return indexed(version.directory / lake.DATA)
    except FileNotFoundError:
        lake.manifest(version.directory)
        raise


def indexed(path: Path) -> Index:
    """The footer of a Parquet file with a covering ``bbox``. Raises `FileNotFoundError`."""
    return _index_of(path, _stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    stamp = path.stat()
    return stamp.st_mtime_ns, stamp.st_size


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


# --- the generalised picture ----------


def level_of(path: Path, zoom: int) -> int | None:
    """The level of a generalised picture that serves a zoom: the coarsest that is fine enough; None where features are
    shown themselves."""
    levels = _levels(path, _stamp(path))
    return next((level for level in sorted(set(levels)) if zoom <= level), None)


def finest(path: Path) -> int:
    """The finest level of a generalised picture; where it is gone or shows nothing, that of sparse versions."""
    return max(_levels(path, _stamp(path)) if path.is_file() else (), default=11)


def picture(path: Path, level: int, bbox: Box, kind: str = "polygon") -> Features:
    """What a generalised picture has near a box at a level: features with one attribute, ``code``."""
    import numpy as np

    index, levels = indexed(path), _levels(path, _stamp(path))
    meeting = _meeting(index.boxes, bbox) & (np.array(levels) == level)
    found = []
    for number in np.flatnonzero(meeting).tolist():
        group = _kept.or_made((str(path), _stamp(path), number), partial(_part, path, index, number, kind))
        if (features := group.near(bbox)) is not None:
            found.append(features)
    if found:
        return joined(found)
    nothing = index.metadata.schema.to_arrow_schema().empty_table().select(["code", "geometry"])
    return Features.of(nothing, kind)


def _part(path: Path, index: Index, number: int, kind: str) -> Group:
    """A row group; those written when there were two levels say no boxes."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, metadata=index.metadata, memory_map=True) as file:
        table = file.read_row_group(number, use_threads=False)
    if lake.BBOX in table.column_names:
        sides = [pc.struct_field(table.column(lake.BBOX), side) for side in ("xmin", "ymin", "xmax", "ymax")]
        boxes = np.column_stack(sides)
    else:
        boxes = shapes.boxes(table.column("geometry"), kind)
    return Group(kind, table.select(["code", "geometry"]), boxes)


@lru_cache(maxsize=64)
def _levels(path: Path, stamp: tuple[int, int]) -> tuple[int, ...]:
    """The level of each row group; each has one."""
    metadata = indexed(path).metadata
    return tuple(metadata.row_group(g).column(0).statistics.min for g in range(metadata.num_row_groups))
