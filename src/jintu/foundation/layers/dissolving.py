"""Areas of one class without gaps, for small scales: painted on a grid, block by block, one level for each zoom.

The finest level is painted from the polygons; each coarser one takes the commonest class of every four cells of the
level below it, so that what is seen at one zoom is made of what was seen at the next. Blocks go down to the finest
level and up again as a quadtree does: in memory are one block of each coarser level, four of the finest, and the
fragments of the layer that these meet, however large the layer is. What is too small or too narrow to see goes to a
neighbour, stairs are smoothed (`jintu.kernel.labels`), and borders are thinned the same way from either side. Neither
overlaps nor broken outlines in the layer hurt.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from . import lake
from .features import Held
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = ["LOWEST", "Fragment", "InMemory", "OnDisc", "Source", "areas_of", "low_classes", "pixel"]

LOWEST = 4
"""Smallest zoom that has a level."""
BLOCK = 1024
"""Cells across a block: a million cells are some 40 MB while they are worked on."""
SMALLEST = 20
"""Cells, which are pixels; smaller regions go to a neighbour. Four and a half pixels square are 1.4 mm² on a screen,
about what is taken for the smallest area of a printed map."""
SMOOTHING = 2
ROOM, TOLERANCE = 0.4, 0.45
"""Cells: how far smoothing moves a corner, and how far thinning may leave it; see `labels.thinned`."""
NARROW = 0.9
"""Cells; a lane narrower than that would be a row of dots."""
KEPT_BYTES = 128 << 20
"""Fragments in memory beside those that are being painted."""
FINEST_STEP = 64
"""Vertices lie on steps of at most that part of a cell."""
MOST_HOLES = 200
NONE = -1

Box = tuple[float, float, float, float]
Areas = tuple[int, "NDArray[Any]", "NDArray[Any]"]
"""Level, codes (n,) and polygons (n,) in degrees."""


def pixel(zoom: int) -> float:
    """Degrees of longitude a screen pixel (512 px tiles) covers."""
    return 360 / 2**zoom / 512


def low_classes(schema: Schema, values: list[Any]) -> list[str]:
    """What is drawn as one: the first level of land use, the kind of a zone, each area of outlines."""
    cut = 2 if schema.symbols == "land_use" else 0
    return [("" if v is None else str(v)[:cut] if cut else str(v)) for v in values]


# --- where the polygons come from ----------


class Fragment(NamedTuple):
    """Polygons, the number of each one's class, and their boxes (n, 4)."""

    polygons: Polygons
    values: NDArray[np.int32]
    boxes: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        return self.polygons.nbytes + self.values.nbytes + self.boxes.nbytes


class Source(Protocol):
    """Polygons by fragments. ``names``: the classes by number; ``bounds``: of all, None where there are none."""

    names: list[str]

    @property
    def bounds(self) -> Box | None: ...

    def crowd(self, width: float, height: float) -> float:
        """Features that a rectangle of degrees holds where most of them are."""
        ...

    def near(self, box: Box) -> Iterator[Fragment]:
        """In the order of the layer: what comes later covers what came before."""
        ...


def _bounds(boxes: NDArray[np.float64]) -> Box | None:
    boxes = boxes[boxes[:, 0] <= boxes[:, 2]]
    if not len(boxes):
        return None
    west, south = boxes[:, :2].min(axis=0).tolist()
    east, north = boxes[:, 2:].max(axis=0).tolist()
    return west, south, east, north


def _meeting(boxes: NDArray[np.float64], box: Box) -> NDArray[np.int64]:
    import numpy as np

    west, south, east, north = box
    return np.flatnonzero((boxes[:, 0] < east) & (boxes[:, 2] > west) & (boxes[:, 1] < north) & (boxes[:, 3] > south))


def _crowd(rows: NDArray[Any], boxes: NDArray[np.float64], bounds: Box | None, width: float, height: float) -> float:
    """Of groups of ``rows`` features in boxes: the mean over all features of how many a rectangle holds there."""
    import numpy as np

    if bounds is None:
        return 0.0
    width, height = min(width, bounds[2] - bounds[0]), min(height, bounds[3] - bounds[1])
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-9)
    held = rows * width * height / (sides[:, 0] * sides[:, 1])
    return float(np.average(np.minimum(held, rows.sum()), weights=rows))


class InMemory:
    """Polygons that are in memory already."""

    def __init__(self, polygons: Polygons, values: NDArray[np.int32], names: list[str]) -> None:
        self.names, self._all = names, Fragment(polygons, values, polygons.boxes())

    @cached_property
    def bounds(self) -> Box | None:
        return _bounds(self._all.boxes)

    def crowd(self, width: float, height: float) -> float:
        import numpy as np

        if self.bounds is None:
            return 0.0
        return _crowd(np.array([len(self._all.values)]), np.array([self.bounds]), self.bounds, width, height)

    def near(self, box: Box) -> Iterator[Fragment]:
        yield self._all


class OnDisc:
    """The row groups of a written version: each is read when a block meets it, and kept while there is room."""

    def __init__(self, target: Path, schema: Schema) -> None:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        from . import rowgroups

        self.path = target / lake.DATA
        self.index = rowgroups.indexed(self.path)
        self.column = "" if schema.symbols == "farmland" else schema.classes or ""
        self.kept: Held[Fragment] = Held(lambda: KEPT_BYTES)
        self.names, self._number = [""], {None: 0}
        if self.column:
            values = pc.unique(pq.read_table(self.path, columns=[self.column]).column(0)).to_pylist()
            given = low_classes(schema, values)
            self.names = sorted(set(given))
            self._number = {v: self.names.index(n) for v, n in zip(values, given, strict=True)}

    @cached_property
    def bounds(self) -> Box | None:
        return _bounds(self.index.boxes)

    def crowd(self, width: float, height: float) -> float:
        import numpy as np

        meta = self.index.metadata
        rows = np.array([meta.row_group(g).num_rows for g in range(meta.num_row_groups)])
        return _crowd(rows, self.index.boxes, self.bounds, width, height)

    def near(self, box: Box) -> Iterator[Fragment]:
        for number in _meeting(self.index.boxes, box).tolist():
            yield self.kept.or_made(number, partial(self._read, number))

    def _read(self, number: int) -> Fragment:
        import numpy as np
        import pyarrow.parquet as pq

        from jintu.kernel.flat import Polygons

        columns = [c for c in (self.column, "geometry") if c]
        with pq.ParquetFile(self.path, metadata=self.index.metadata, memory_map=True) as file:
            table = file.read_row_group(number, columns, use_threads=False)
        polygons = Polygons.from_wkb(table.column("geometry"))
        values = np.zeros(len(polygons), dtype=np.int32)
        if self.column:
            coded = table.column(self.column).combine_chunks().dictionary_encode()
            known = [self._number[v] for v in coded.dictionary.to_pylist()] + [self._number.get(None, 0)]
            values = np.array(known, dtype=np.int32)[np.asarray(coded.indices.fill_null(len(coded.dictionary)))]
        return Fragment(polygons, values, polygons.boxes())


# --- painting ----------


def areas_of(source: Source, partition: bool, finest: int) -> Iterator[Areas]:
    """Areas of one class by blocks, of levels ``finest`` down to `LOWEST`. ``partition``: what is between the polygons
    stays empty."""
    bounds = source.bounds
    if bounds is None:
        return
    west, south, east, north = bounds
    width = pixel(finest)
    height = width * math.cos(math.radians((south + north) / 2))
    across, up = max(1, math.ceil((east - west) / width)), max(1, math.ceil((north - south) / height))
    painter = _Painter(source, partition, finest, (west, south, width, height), across, up)
    side = BLOCK << (finest - LOWEST)
    with ThreadPoolExecutor(2) as pool:
        for j in range(0, up, side):
            for i in range(0, across, side):
                yield from painter.block(pool, LOWEST, j, i)


class _Made(NamedTuple):
    """A block's grid halved, and its areas."""

    halved: NDArray[np.int32]
    areas: Areas


@dataclass(frozen=True)
class _Painter:
    """The grid of the finest level: ``frame`` west, south, width and height of a cell; ``across`` and ``up`` in cells.
    Places are cells of the finest level."""

    source: Source
    partition: bool
    finest: int
    frame: Box
    across: int
    up: int

    def block(self, pool: ThreadPoolExecutor, level: int, j: int, i: int) -> Generator[Areas, None, NDArray[np.int32]]:
        """Yields the areas of a block, those of the blocks below it first; returns its grid halved."""
        import numpy as np

        h, w = self._size(level, j, i)
        below = BLOCK << (self.finest - level - 1)
        places = [(jj, ii) for jj in (j, j + below) for ii in (i, i + below) if jj < self.up and ii < self.across]
        grid = np.full((h, w), NONE, dtype=np.int32)
        leaves = pool.map(self._leaf, places) if level + 1 == self.finest else None
        for jj, ii in places:
            if leaves is None:
                part = yield from self.block(pool, level + 1, jj, ii)
            else:
                part, areas = next(leaves)
                if len(areas[1]):
                    yield areas
            top, left = (jj - j) * BLOCK // (2 * below), (ii - i) * BLOCK // (2 * below)
            grid[top : top + part.shape[0], left : left + part.shape[1]] = part
        made = self._made(grid, level, j, i)
        if len(made.areas[1]):
            yield made.areas
        return made.halved

    def _size(self, level: int, j: int, i: int) -> tuple[int, int]:
        factor = 1 << (self.finest - level)
        return min(BLOCK, -(-(self.up - j) // factor)), min(BLOCK, -(-(self.across - i) // factor))

    def _leaf(self, place: tuple[int, int]) -> _Made:
        import numpy as np

        from jintu.kernel import labels

        j, i = place
        h, w = self._size(self.finest, j, i)
        west, south, width, height = self._frame(self.finest, j, i)
        box = (west, south, west + w * width, south + h * height)
        frame = np.array([west, south, width, height])
        grid = np.full((h, w), NONE, dtype=np.int32)
        for polygons, values, boxes in self.source.near(box):
            rows = _meeting(boxes, box)
            if not len(rows):
                continue
            part = polygons.take(rows)
            # what is narrow is painted in numbers of its own, and given away before anything is drawn
            narrow = labels.widths(part.rings, width, height) < NARROW
            numbers = np.where(narrow, values[rows] + len(self.source.names) + 1, values[rows]).astype(np.int32)
            labels.paint(grid, part.rings, numbers, np.arange(len(rows)), frame)
        return self._made(grid, self.finest, j, i)

    def _made(self, grid: NDArray[np.int32], level: int, j: int, i: int) -> _Made:
        import numpy as np

        from jintu.kernel import labels

        tidy = _tidied(grid, len(self.source.names), self.partition)
        codes, shapes = _regions(tidy, np.array(self._frame(level, j, i)), self.source.names)
        halved = labels.majority(tidy, 2, len(self.source.names))
        return _Made(halved, (level, *(_in_pieces(codes, shapes) if len(shapes) else (codes, shapes))))

    def _frame(self, level: int, j: int, i: int) -> Box:
        west, south, width, height = self.frame
        factor = 1 << (self.finest - level)
        return west + i * width, south + j * height, width * factor, height * factor


def _tidied(grid: NDArray[np.int32], classes: int, partition: bool) -> NDArray[np.int32]:
    """The grid without regions too small to see. Where the layer is no partition small holes are filled too."""
    import numpy as np

    from jintu.kernel import labels

    key = grid.astype(np.int64)
    if not partition:
        key[key == NONE] = classes
    for _ in range(4):
        label, first = labels.components(key)
        size = np.bincount(label[label >= 0], minlength=len(first))
        size[key.ravel()[first] > classes] = 0
        if not labels.dissolve_crumbs(key, label, size, np.ones(len(first), dtype=np.bool_), SMALLEST):
            break
    key[key > classes] -= classes + 1  # a lane with nothing beside it stays what it is
    key[key == classes] = NONE
    return key.astype(np.int32)


def _regions(
    grid: NDArray[np.int32], frame: NDArray[np.float64], names: list[str]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Codes and polygons of a grid's regions."""
    import numpy as np

    from jintu.kernel import labels

    key = grid.astype(np.int64)
    label, first = labels.components(key)
    if not len(first):
        return np.empty(0, dtype=object), np.empty(0, dtype=object)
    h, w = key.shape
    columns, rows = np.arange(w + 1, dtype=np.float64), np.arange(h + 1, dtype=np.float64)
    dx, dy = labels.smooth(label, columns, rows, np.zeros((h + 1, w + 1), dtype=np.bool_), SMOOTHING, ROOM)
    corner, ends, rings = labels.outlines(label, len(first))
    x, y = (columns + dx).ravel()[corner], (rows[:, None] + dy).ravel()[corner]
    kept = labels.thinned(label, corner, ends, x, y, TOLERANCE)
    step = 2.0 ** math.floor(
        math.log2(frame[2] / FINEST_STEP)
    )  # short numbers are packed better, the same on both sides
    places = np.rint(np.column_stack((frame[0] + x * frame[2], frame[1] + y * frame[3]))[kept] / step) * step
    ends = np.r_[0, np.cumsum(kept)][ends]
    shapes, there = _polygons(places, ends, rings)
    return np.array(names, dtype=object)[key.ravel()[first]][there], shapes


def _polygons(
    places: NDArray[np.float64], ends: NDArray[np.int64], rings: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Polygons of closed rings, and which there are: what thinning made a mere line is left out on either side."""
    import numpy as np
    import shapely

    real = np.diff(ends) >= 4
    there = real[rings[:-1]]
    real &= np.repeat(there, np.diff(rings))
    counts = np.diff(ends)
    kept = np.repeat(real, counts)
    starts = np.r_[0, np.cumsum(counts[real])]
    owner = np.repeat(np.arange(len(rings) - 1), np.diff(rings))[real]
    offsets = np.r_[0, np.cumsum(np.bincount(owner, minlength=len(rings) - 1)[there])]
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, places[kept], (starts, offsets)), there


def _in_pieces(codes: NDArray[Any], shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Polygons with very many holes (a road network, with a hole for every field) cut in four until they have fewer:
    renderers leave out holes beyond 500, and a tile would have to mend the whole network to show a corner of it."""
    import numpy as np
    import shapely

    many = shapely.get_num_interior_rings(shapes) > MOST_HOLES
    if not many.any():
        return codes, shapes
    pieces: list[Any] = []
    piece_codes: list[Any] = []
    waiting = list(zip(codes[many].tolist(), shapes[many].tolist(), strict=True))
    while waiting:
        code, shape = waiting.pop()
        if shapely.get_num_interior_rings(shape) <= MOST_HOLES:
            pieces.append(shape)
            piece_codes.append(code)
            continue
        west, south, east, north = shape.bounds
        x, y = (west + east) / 2, (south + north) / 2
        for box in ((west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)):
            cut = shapely.clip_by_rect(shape, *box)
            parts = shapely.get_parts(shapely.get_parts([cut if cut.is_valid else shapely.make_valid(cut)]))
            waiting += [(code, p) for p in parts.tolist() if p.geom_type == "Polygon" and not p.is_empty]
    made = np.array(pieces, dtype=object)
    made_codes = np.array(piece_codes, dtype=object)
    return np.concatenate((codes[~many], made_codes)), np.concatenate((shapes[~many], made))
