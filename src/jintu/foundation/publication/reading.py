"""Pages of features out of a version's file, for the open services.

Rows keep the order of the lake, which never changes, so a page is "from row n on": without a filter the row group is
found from the counts in the footer, with one the groups that the box meets are looked through in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from jintu.foundation.layers import content, lake
from jintu.kernel.errors import Missing

from .asking import BadRequest
from .cql2 import Filter, Rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion

__all__ = ["Page", "Question", "feature", "page"]

COUNTED = 64
"""Row groups (of 16 384 rows) looked through to say how many features match; beyond, the number is left out. As many
are sorted."""
_GROUP, _ROW = "group of row", "row in group"
"""Columns of a table that is sorted; no column of a layer has a space in its name."""
MOST_BYTES = 16 * 1024 * 1024
"""Of geometry in one page: with very detailed polygons a page holds fewer features than were asked for."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Question:
    """``boxes``: west, south, east, north in degrees, any of which the geometry must meet; ``equal``: column → value of
    the column's type; ``where``: a filter in CQL2; ``order``: (column, whether downwards), the most important first,
    rows alike stay in the order of the file; ``count``: say how many match, where a filter makes that work."""

    columns: Sequence[str]
    boxes: Sequence[Box] = ()
    equal: dict[str, Any] = field(default_factory=dict)
    offset: int = 0
    limit: int = 10
    count: bool = True
    where: Filter | None = None
    order: Sequence[tuple[str, bool]] = ()

    @property
    def filtered(self) -> bool:
        return bool(self.boxes or self.equal or self.where)


@dataclass(frozen=True)
class Page:
    """``table``: the columns asked for and ``geometry`` (WKB). ``matched``: exact, None where counting was given up.
    ``more``: whether features follow."""

    table: pa.Table
    matched: int | None
    more: bool


def page(version: LayerVersion, question: Question) -> Page:
    """The features of a question. Raises `Refused` for a file that is not what was published, `Missing` for none,
    `BadRequest` for more to sort than is sorted."""
    with _opened(version) as file:
        if question.order:
            return _sorted(file, version, question)
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
    if question.where and keep.any():
        mask = question.where.mask(_Group(file, group, len(keep)))
        keep &= np.asarray(pc.fill_null(mask, False))
    return np.flatnonzero(keep)


class _Group(Rows):
    """A row group as a filter sees it."""

    def __init__(self, file: pq.ParquetFile, group: int, rows: int) -> None:
        self.file, self.group, self.rows = file, group, rows
        self._read: dict[str, pa.ChunkedArray] = {}

    def column(self, name: str) -> pa.ChunkedArray:
        if name not in self._read:
            self._read[name] = self.file.read_row_group(self.group, [name]).column(0)
        return self._read[name]

    def meeting(self, shape: Any) -> Any:
        """By the boxes first: only geometry whose own box meets that of the shape is decoded."""
        import numpy as np
        import pyarrow as pa
        import shapely

        found = np.zeros(self.rows, dtype=bool)
        west, south, east, north = shapely.bounds(shape).tolist()
        if lake.meets(self.file.metadata.row_group(self.group), (west, south, east, north)):
            x1, y1, x2, y2 = _sides(self.column(lake.BBOX))
            near = np.flatnonzero((x1 <= east) & (x2 >= west) & (y1 <= north) & (y2 >= south))
            if len(near):
                shapes = shapely.from_wkb(self.column(lake.GEOMETRY).take(near).to_numpy(zero_copy_only=False))
                shapely.prepare(shape)
                found[near] = shapely.intersects(shape, shapes)
        return pa.array(found)


def _sorted(file: pq.ParquetFile, version: LayerVersion, question: Question) -> Page:
    """A page in an order asked for: the columns of the order are read from all rows that match, no others."""
    import numpy as np
    import pyarrow as pa

    groups = [g for g in range(file.num_row_groups) if _may_match(file.metadata.row_group(g), question)]
    if len(groups) > COUNTED:
        raise BadRequest(
            _("There is too much to sort. Ask for a smaller part with bbox; up to {n} features are sorted.").format(
                n=COUNTED * content.ROW_GROUP
            )
        )
    names = list(dict.fromkeys(name for name, _d in question.order))
    parts = []
    for group in groups:
        inside = _matching(file, version, group, question)
        columns = file.read_row_group(group, names).select(names).take(inside)
        here = {_GROUP: pa.array(np.full(len(inside), group)), _ROW: pa.array(inside)}
        parts.append(pa.table({**{n: columns.column(n) for n in names}, **here}))
    first, last = question.offset, question.offset + question.limit
    if not parts:
        return Page(_taken(file, version, [], [*question.columns, lake.GEOMETRY]), 0, False)
    found = pa.concat_tables(parts)
    found, order = _by_number(found, version, question.order)
    places = found.sort_by([*order, (_GROUP, "ascending"), (_ROW, "ascending")]).slice(first, question.limit)
    at = list(zip(*(places.column(c).to_pylist() for c in (_GROUP, _ROW)), strict=True))
    table = _in_places(file, version, at, [*question.columns, lake.GEOMETRY])
    short = _within(table, MOST_BYTES)
    return Page(table.slice(0, short), found.num_rows, last < found.num_rows or short < table.num_rows)


def _by_number(
    found: pa.Table, version: LayerVersion, asked: Sequence[tuple[str, bool]]
) -> tuple[pa.Table, list[tuple[str, str]]]:
    """The table with what `sort_by` needs, and the order. Whole numbers are kept as text, because some have more digits
    than a number of a computer: of two the longer one is larger, of two as long the one that is later as text."""
    import pyarrow.compute as pc

    order = []
    for name, down in asked:
        way = "descending" if down else "ascending"
        attribute = version.schema.columns.get(name)
        if attribute is not None and attribute.type == "Int":
            digits = pc.utf8_ltrim(found.column(name), characters="0")
            found = found.append_column(f"{name}#", pc.utf8_length(digits)).append_column(f"{name}##", digits)
            order += [(f"{name}#", way), (f"{name}##", way)]
        else:
            order.append((name, way))
    return found, order


def _in_places(
    file: pq.ParquetFile, version: LayerVersion, places: list[tuple[int, int]], columns: list[str]
) -> pa.Table:
    """Rows in the order of ``places`` (group, row in it), each group read once."""
    import numpy as np

    by_group: dict[int, list[int]] = {}
    for group, row in places:
        by_group.setdefault(group, []).append(row)
    starts, start = {}, 0
    for group, rows in by_group.items():
        starts[group], start = start, start + len(rows)
    at = []
    for group, _row in places:
        at.append(starts[group])
        starts[group] += 1
    return _taken(file, version, [(g, np.array(r)) for g, r in by_group.items()], columns).take(
        np.array(at, dtype=np.int64)
    )


def _in_boxes(file: pq.ParquetFile, group: int, boxes: Sequence[Box], among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whose geometry meets a box: by its own box where that decides, by the geometry where it straddles the edge."""
    import numpy as np
    import shapely

    x1, y1, x2, y2 = _sides(file.read_row_group(group, [lake.BBOX]).column(lake.BBOX))
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


def _sides(boxes: pa.ChunkedArray) -> list[NDArray[np.float64]]:
    """West, south, east, north of each row."""
    import numpy as np
    import pyarrow.compute as pc

    struct = boxes.combine_chunks()
    return [np.asarray(pc.struct_field(struct, side)) for side in ("xmin", "ymin", "xmax", "ymax")]


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
