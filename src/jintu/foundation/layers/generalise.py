"""The picture of a layer at small scales: classes as areas without gaps, on a grid finer than the screen's.

Two levels are made when a version is written: zoom 9 to 11 and below 9. From zoom 12 on tiles show the patches
themselves. What is drawn here is never measured: areas come from the patches.

The classes are painted on a grid of half pixels in blocks, so that time goes with the number of vertices and memory
stays the same however large the layer is. What is too small or too narrow to see goes to a neighbour, stairs are
smoothed (`jintu.kernel.labels`), and borders are thinned the same way from either side. Neither overlaps nor broken
outlines in the layer hurt. Layers of outlines (administrative areas) are simplified as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import lake
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = ["LEVELS", "areas_of", "level_of", "low_classes", "write_areas", "write_low"]

LEVELS = (8, 11)
"""Greatest zoom each level serves."""
CELLS_PER_PIXEL = 2
BLOCK = 2048
"""Cells across a block: four million cells are some 150 MB while they are worked on."""
SMALLEST = 9
"""Cells; smaller regions (1½ pixels square) go to a neighbour."""
SMOOTHING = 2
ROOM, TOLERANCE = 0.4, 0.45
"""Cells: how far smoothing moves a corner, and how far thinning may leave it; see `labels.thinned`."""
NARROW = 0.9
"""Cells; a lane narrower than that would be a row of dots."""
MOST_HOLES = 200
NONE = -1


def level_of(zoom: int) -> int | None:
    """The level that serves a zoom; None where the patches themselves do."""
    return next((level for level in LEVELS if zoom <= level), None)


def low_classes(schema: Schema, values: list[Any]) -> list[str]:
    """What is drawn as one: the first level of land use, the kind of a zone, each area of outlines."""
    cut = 2 if schema.symbols == "land_use" else 0
    return [("" if v is None else str(v)[:cut] if cut else str(v)) for v in values]


def _pixel(zoom: int) -> float:
    """Degrees of longitude a screen pixel (512 px tiles) covers."""
    return 360 / 2**zoom / 512


def write_low(target: Path, schema: Schema) -> None:
    """Write ``low.parquet`` beside the data in ``target``: columns ``level``, ``code`` and ``geometry``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if schema.is_table:
        return
    if schema.geometry != "polygon":
        made = _points_or_lines(target, schema)
    else:
        made = _outlines(target, schema) if schema.symbols == "outline" else _areas(target, schema)
    columns = {"level": pa.int16(), "code": pa.string(), "geometry": pa.binary()}
    with pq.ParquetWriter(target / lake.LOW, pa.schema(list(columns.items())), compression="zstd") as writer:
        for level, codes, shapes in made:
            writer.write_table(_table(level, codes, shapes, writer.schema))


def _table(level: int, codes: NDArray[Any], shapes: NDArray[Any], schema: pa.Schema) -> pa.Table:
    import numpy as np
    import pyarrow as pa
    import shapely

    wkb = shapely.to_wkb(shapes, byte_order=1)
    return pa.table([np.full(len(shapes), level, dtype=np.int16), codes.tolist(), list(wkb)], schema=schema)


# --- points and lines ----------


def _points_or_lines(target: Path, schema: Schema) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
    """Points and lines of each class, fewer and simpler at each level."""
    codes, shapes = _rows(target, schema)
    for level in sorted(LEVELS, reverse=True):
        codes, shapes = (_sparse if schema.geometry == "point" else _thin)(codes, shapes, _pixel(level))
        yield level, codes, shapes


def _rows(target: Path, schema: Schema) -> tuple[NDArray[Any], NDArray[Any]]:
    """Codes and shapes of all rows."""
    import numpy as np
    import shapely

    column = "" if schema.symbols == "farmland" else schema.classes
    if schema.symbols == "outline":
        column = column or schema.key
    table = lake.read(target, [c for c in (column, "geometry") if c])
    values = table.column(column).to_pylist() if column else [""] * table.num_rows
    codes = np.array(low_classes(schema, values), dtype=object)
    return codes, shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))


def _sparse(codes: NDArray[Any], points: NDArray[Any], pixel: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """One point of each class in every square of four pixels: more cannot be told apart."""
    import numpy as np
    import shapely

    box = shapely.bounds(points)
    cells = np.floor(box[:, :2] / (4 * pixel)).astype(np.int64)
    _, kind = np.unique(codes.astype(str), return_inverse=True)
    _, first = np.unique(np.column_stack((cells, kind)), axis=0, return_index=True)
    first.sort()
    return codes[first], points[first]


def _thin(codes: NDArray[Any], lines: NDArray[Any], pixel: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The lines of each class joined end to end, simplified, without those too short to be seen."""
    import numpy as np
    import shapely

    out_codes: list[str] = []
    out: list[Any] = []
    for code in sorted(set(codes.tolist())):
        joined = shapely.line_merge(shapely.multilinestrings(shapely.get_parts(lines[codes == code])))
        made = shapely.simplify(shapely.get_parts(joined), pixel)
        kept = made[shapely.length(made) > 2 * pixel]
        out += kept.tolist()
        out_codes += [code] * len(kept)
    return np.array(out_codes, dtype=object), np.array(out, dtype=object)


# --- outlines ----------


def _outlines(target: Path, schema: Schema) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
    """Each row's outline by itself, simplified with its neighbours."""
    import shapely

    codes, shapes = _rows(target, schema)
    for level in sorted(LEVELS, reverse=True):
        shapes = _simplified(shapes, _pixel(level))
        keep = ~shapely.is_empty(shapes)
        codes, shapes = codes[keep], shapes[keep]
        yield level, codes, shapes


def _simplified(shapes: NDArray[Any], tolerance: float) -> NDArray[Any]:
    """Simplified with shared edges kept shared; shapes that are no coverage are simplified one by one."""
    import shapely

    try:
        made = shapely.coverage_simplify(shapes, tolerance)
        if shapely.is_valid(made).all():
            return made
    except shapely.errors.GEOSException:
        pass
    return shapely.simplify(shapes, tolerance, preserve_topology=True)


# --- areas of classes ----------


def _areas(target: Path, schema: Schema) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
    """Areas of one class by blocks of the grid."""
    yield from areas_of(*_classes(target, schema), schema.partition)


def write_areas(path: Path, polygons: Polygons, values: NDArray[np.int32], names: list[str], partition: bool) -> None:
    """The same picture of polygons by any classes, as a file of its own with the columns of ``low.parquet``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"level": pa.int16(), "code": pa.string(), "geometry": pa.binary()}
    with pq.ParquetWriter(path, pa.schema(list(columns.items())), compression="zstd") as writer:
        for level, codes, shapes in areas_of(polygons, values, names, partition):
            writer.write_table(_table(level, codes, shapes, writer.schema))


def areas_of(
    polygons: Polygons, values: NDArray[np.int32], names: list[str], partition: bool
) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
    """Levels with codes and areas, the finer level first; the coarser one is made of its grid. ``values``: the number
    of each polygon's class in ``names``; ``partition``: what is between the polygons stays empty."""
    import numpy as np

    from jintu.kernel import labels

    if not len(polygons):
        return
    boxes = polygons.boxes()
    west, south, east, north = *boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)
    fine, coarse = max(LEVELS), min(LEVELS)
    factor = 2 ** (fine - coarse)
    width = _pixel(fine) / CELLS_PER_PIXEL
    height = width * math.cos(math.radians((south + north) / 2))
    across, up = math.ceil((east - west) / width), math.ceil((north - south) / height)
    overview = np.full((-(-up // factor), -(-across // factor)), NONE, dtype=np.int32)
    # what is narrow is painted in numbers of its own, and given away before anything is drawn
    narrow = labels.widths(polygons.rings, width, height) < NARROW
    values = np.where(narrow, values + len(names) + 1, values).astype(np.int32)
    blocks = [(j, i) for j in range(0, up, BLOCK) for i in range(0, across, BLOCK)]

    def block(at: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
        j, i = at
        h, w = min(BLOCK, up - j), min(BLOCK, across - i)
        frame = np.array([west + i * width, south + j * height, width, height])
        grid = _tidied(_painted(polygons, values, boxes, frame, h, w), len(names), partition)
        part = labels.majority(grid, factor, len(names))
        overview[j // factor : j // factor + len(part), i // factor : i // factor + part.shape[1]] = part
        return _regions(grid, frame, names)

    with ThreadPoolExecutor(2) as pool:
        for codes, shapes in pool.map(block, blocks):
            if len(shapes):
                yield fine, *_in_pieces(codes, shapes)
    frame = np.array([west, south, width * factor, height * factor])
    codes, shapes = _regions(_tidied(overview, len(names), partition), frame, names)
    if len(shapes):
        yield coarse, *_in_pieces(codes, shapes)


def _classes(target: Path, schema: Schema) -> tuple[Polygons, NDArray[np.int32], list[str]]:
    """The polygons of a version, the number of each one's class, and the classes by number."""
    import numpy as np
    import pyarrow.compute as pc

    from jintu.kernel.flat import Polygons

    if schema.symbols == "farmland" or not schema.classes:
        polygons = Polygons.from_wkb(lake.read(target, ["geometry"]).column("geometry"))
        return polygons, np.zeros(len(polygons), dtype=np.int32), [""]
    table = lake.read(target, [schema.classes, "geometry"])
    coded = pc.dictionary_encode(table.column(schema.classes).combine_chunks())
    given = low_classes(schema, [*coded.dictionary.to_pylist(), None])
    names = sorted(set(given))
    number = np.array([names.index(n) for n in given], dtype=np.int32)
    at = np.asarray(coded.indices.fill_null(len(given) - 1))
    return Polygons.from_wkb(table.column("geometry")), number[at], names


def _painted(
    polygons: Polygons,
    values: NDArray[np.int32],
    boxes: NDArray[np.float64],
    frame: NDArray[np.float64],
    h: int,
    w: int,
) -> NDArray[np.int32]:
    """The class of each cell of a block, `NONE` where there is none."""
    import numpy as np

    from jintu.kernel import labels

    grid = np.full((h, w), NONE, dtype=np.int32)
    east, north = frame[0] + w * frame[2], frame[1] + h * frame[3]
    meets = (boxes[:, 0] < east) & (boxes[:, 2] > frame[0]) & (boxes[:, 1] < north) & (boxes[:, 3] > frame[1])
    labels.paint(grid, polygons.rings, values, np.flatnonzero(meets), frame)
    return grid


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
    places = np.column_stack((frame[0] + x * frame[2], frame[1] + y * frame[3]))[kept]
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
