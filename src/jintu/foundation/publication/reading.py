"""Pages of features out of a version's file, for the open services.

Rows keep the order of the lake, which never changes, so a page is "from row n on": without a filter the row group is
found from the counts in the footer, with one the groups that the box meets are looked through in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jintu.foundation.layers import lake
from jintu.kernel.errors import Missing

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion

__all__ = ["Page", "Question", "feature", "page"]

COUNTED = 64
"""Row groups (of 16 384 rows) looked through to say how many features match; beyond, the number is left out."""
MOST_BYTES = 16 * 1024 * 1024
"""Of geometry in one page: with very detailed polygons a page holds fewer features than were asked for."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Question:
    """``boxes``: west, south, east, north in degrees, any of which the geometry must meet; ``equal``: column → value of
    the column's type; ``count``: say how many match, where a filter makes that work."""

    columns: Sequence[str]
    boxes: Sequence[Box] = ()
    equal: dict[str, Any] = field(default_factory=dict)
    offset: int = 0
    limit: int = 10
    count: bool = True

    @property
    def filtered(self) -> bool:
        return bool(self.boxes or self.equal)


@dataclass(frozen=True)
class Page:
    """``table``: the columns asked for and ``geometry`` (WKB). ``matched``: exact, None where counting was given up.
    ``more``: whether features follow."""

    table: pa.Table
    matched: int | None
    more: bool


def page(version: LayerVersion, question: Question) -> Page:
    """The features of a question. Raises `Refused` for a file that is not what was published, `Missing` for none."""
    with _opened(version) as file:
        if question.filtered:
            rows, matched, more = _looked_for(file, version, question)
        else:
            matched = file.metadata.num_rows
            last = min(question.offset + question.limit, matched)
            rows, more = _spread(file, question.offset, last), last < matched
        table = _taken(file, version, rows, [*question.columns, lake.GEOMETRY])
    short = _within(table, MOST_BYTES)
    return Page(table.slice(0, short), matched, more or short < table.num_rows)


def feature(version: LayerVersion, columns: Sequence[str], identifier: str) -> dict[str, Any]:
    """One feature by its identifier, with ``geometry`` as WKB. Raises `Missing`."""
    found = page(version, Question(columns, equal={version.schema.key: identifier}, limit=1, count=False)).table
    if not found.num_rows:
        raise Missing("There is no feature {name}.", name=identifier)
    return found.to_pylist()[0]


def _opened(version: LayerVersion) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    try:
        lake.check_parts(version.directory, version.manifest_hash, ())
        return pq.ParquetFile(version.directory / lake.DATA, memory_map=True)
    except FileNotFoundError:
        lake.manifest(version.directory)  # says which version's files are gone
        raise


def _spread(file: pq.ParquetFile, first: int, last: int) -> list[tuple[int, NDArray[np.int64]]]:
    """Rows ``first`` to ``last`` of the file as (row group, rows in it)."""
    import numpy as np

    found, start = [], 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        if start < last and end > first:
            found.append((group, np.arange(max(first, start) - start, min(last, end) - start)))
        start = end
    return found


def _looked_for(
    file: pq.ParquetFile, version: LayerVersion, question: Question
) -> tuple[list[tuple[int, NDArray[np.int64]]], int | None, bool]:
    """Rows of the page as (row group, rows in it), how many match, and whether more follow."""
    wanted: list[tuple[int, NDArray[np.int64]]] = []
    seen, last = 0, question.offset + question.limit
    groups = [g for g in range(file.num_row_groups) if _may_match(file.metadata.row_group(g), question)]
    for done, group in enumerate(groups):
        if (seen > last and done >= COUNTED) or (seen >= last and not question.count):
            return wanted, None, True
        rows = _matching(file, version, group, question)
        inside = rows[max(question.offset - seen, 0) : max(last - seen, 0)]
        if len(inside):
            wanted.append((group, inside))
        seen += len(rows)
    return wanted, seen, seen > last


def _may_match(group: Any, question: Question) -> bool:
    return not question.boxes or any(lake.meets(group, box) for box in question.boxes)


def _matching(file: pq.ParquetFile, version: LayerVersion, group: int, question: Question) -> NDArray[np.int64]:
    """Rows of a group that match."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    lake.check_parts(version.directory, version.manifest_hash, [group])
    keep = np.ones(file.metadata.row_group(group).num_rows, dtype=bool)
    if question.equal:
        table = file.read_row_group(group, list(question.equal))
        for name, value in question.equal.items():
            column = table.column(name)
            keep &= np.asarray(pc.fill_null(pc.equal(column, pa.scalar(value, column.type)), False))
    if question.boxes and keep.any():
        keep &= _in_boxes(file, group, question.boxes, keep)
    return np.flatnonzero(keep)


def _in_boxes(file: pq.ParquetFile, group: int, boxes: Sequence[Box], among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whose geometry meets a box: by its own box where that decides, by the geometry where it straddles the edge."""
    import numpy as np
    import pyarrow.compute as pc
    import shapely

    struct = file.read_row_group(group, [lake.BBOX]).column(lake.BBOX).combine_chunks()
    x1, y1, x2, y2 = (np.asarray(pc.struct_field(struct, side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    found = np.zeros(len(among), dtype=bool)
    shapes = None
    for west, south, east, north in boxes:
        meets = among & (x1 <= east) & (x2 >= west) & (y1 <= north) & (y2 >= south)
        inside = meets & (x1 >= west) & (x2 <= east) & (y1 >= south) & (y2 <= north)
        found |= inside
        rows = np.flatnonzero(meets & ~found)
        if len(rows):
            if shapes is None:
                shapes = file.read_row_group(group, [lake.GEOMETRY]).column(lake.GEOMETRY)
            straddling = shapely.from_wkb(shapes.take(rows).to_numpy(zero_copy_only=False))
            found[rows] = shapely.intersects(straddling, shapely.box(west, south, east, north))
    return found


def _taken(
    file: pq.ParquetFile, version: LayerVersion, rows: list[tuple[int, NDArray[np.int64]]], columns: list[str]
) -> pa.Table:
    import pyarrow as pa

    if not rows:
        return file.schema_arrow.remove_metadata().empty_table().select(columns)
    lake.check_parts(version.directory, version.manifest_hash, [group for group, _ in rows])
    return pa.concat_tables(
        [file.read_row_group(group, columns).select(columns).take(inside) for group, inside in rows]
    ).replace_schema_metadata(None)


def _within(table: pa.Table, most: int) -> int:
    """How many rows from the first on have no more geometry than ``most`` bytes together; at least one."""
    import numpy as np
    import pyarrow.compute as pc

    if table.num_rows < 2:
        return table.num_rows
    sizes = np.asarray(pc.fill_null(pc.binary_length(table.column(lake.GEOMETRY)), 0)).cumsum()
    return max(1, int(np.searchsorted(sizes, most, side="right")))
