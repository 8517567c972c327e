"""The picture of a layer at small scales: classes as areas without gaps, on a grid as fine as the screen's.

It is made when a version is written, one level for each zoom from 4 up to the last one at which tiles of the features
themselves would be too full: zoom 11, or 12 or 13 where features are dense (`finest_of`). From the next zoom on tiles
show the features. What is drawn here is never measured: areas come from the features.

Areas of classes are painted (`dissolving`); layers of outlines (administrative areas), lines and points are made
simpler and fewer. Versions that were written when there were two levels, of zoom 8 and 11, keep what they have: a zoom
is served by the coarsest level that is fine enough (`rowgroups.level_of`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import dissolving, lake
from .dissolving import LOWEST, low_classes, pixel
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = ["LEAST_FINE", "MOST_FEATURES", "MOST_FINE", "finest_of", "low_classes", "write_areas", "write_low"]

LEAST_FINE, MOST_FINE = 11, 13
"""Between these lies the finest level."""
MOST_FEATURES = 2_500
"""A tile that holds more is generalised: 2 500 of twenty vertices are the 60 000 vertices and 100 kB that a tile of the
picture has at most where classes change with every few pixels."""


def finest_of(source: dissolving.Source) -> int:
    """The last zoom whose tiles, where most features are, would hold more than `MOST_FEATURES`."""
    bounds = source.bounds
    if bounds is None:
        return LEAST_FINE
    across = math.cos(math.radians((bounds[1] + bounds[3]) / 2))
    full = (
        z for z in range(MOST_FINE, LEAST_FINE, -1) if source.crowd(360 / 2**z, across * 360 / 2**z) > MOST_FEATURES
    )
    return next(full, LEAST_FINE)


def write_low(target: Path, schema: Schema) -> None:
    """Write ``low.parquet`` beside the data in ``target``: columns ``level``, ``code``, ``geometry`` and ``bbox``."""
    if schema.is_table:
        return
    if schema.geometry != "polygon":
        made = _points_or_lines(target, schema)
    elif schema.symbols == "outline":
        made = _outlines(target, schema)
    else:
        made = _areas(dissolving.OnDisc(target, schema), schema.partition)
    _write(target / lake.LOW, made)


def write_areas(path: Path, polygons: Polygons, values: NDArray[np.int32], names: list[str], partition: bool) -> None:
    """The same picture of polygons by any classes, as a file of its own like ``low.parquet``.

    ``values``: the number of each polygon's class in ``names``; ``partition``: what is between them stays empty.
    """
    _write(path, _areas(dissolving.InMemory(polygons, values, names), partition))


def _areas(source: dissolving.Source, partition: bool) -> Iterator[dissolving.Areas]:
    return dissolving.areas_of(source, partition, finest_of(source))


def _write(path: Path, made: Iterator[dissolving.Areas]) -> None:
    """A row group for each block and level, so that a tile reads what is near."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sides = [(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")]
    columns = {"level": pa.int16(), "code": pa.string(), "geometry": pa.binary(), lake.BBOX: pa.struct(sides)}
    with pq.ParquetWriter(path, pa.schema(list(columns.items())), compression="zstd") as writer:
        for level, codes, shapes in made:
            if len(shapes):
                writer.write_table(_table(level, codes, shapes, writer.schema))


def _table(level: int, codes: NDArray[Any], shapes: NDArray[Any], schema: pa.Schema) -> pa.Table:
    import numpy as np
    import pyarrow as pa
    import shapely

    wkb = shapely.to_wkb(shapes, byte_order=1)
    covering = pa.StructArray.from_arrays(list(shapely.bounds(shapes).T), names=["xmin", "ymin", "xmax", "ymax"])
    return pa.table([np.full(len(shapes), level, dtype=np.int16), codes.tolist(), list(wkb), covering], schema=schema)


# --- points and lines ----------


def _points_or_lines(target: Path, schema: Schema) -> Iterator[dissolving.Areas]:
    """Points and lines of each class, fewer and simpler at each level."""
    fewer = _sparse if schema.geometry == "point" else _thin
    codes, shapes = (_first_points if schema.geometry == "point" else _lines)(target, schema)
    for level in range(LEAST_FINE, LOWEST - 1, -1):
        codes, shapes = fewer(codes, shapes, pixel(level))
        yield level, codes, shapes


def _first_points(target: Path, schema: Schema) -> tuple[NDArray[Any], NDArray[Any]]:
    """What the finest level keeps: in memory are that and one row group, however many points there are."""
    import numpy as np

    codes = points = np.empty(0, dtype=object)
    for more, there in _groups(target, schema):
        codes, points = _sparse(np.concatenate((codes, more)), np.concatenate((points, there)), pixel(LEAST_FINE))
    return codes, points


def _lines(target: Path, schema: Schema) -> tuple[NDArray[Any], NDArray[Any]]:
    """All lines; where there are several row groups those of each joined and simplified by half of what the finest
    level may lose, so that of one only all vertices are in memory. Ends stay where they are: lines go on from group to
    group."""
    import numpy as np
    import pyarrow.parquet as pq

    several = pq.read_metadata(target / lake.DATA).num_row_groups > 1
    found = [(np.empty(0, dtype=object), np.empty(0, dtype=object))]
    for codes, lines in _groups(target, schema):
        found.append(_straightened(codes, lines, pixel(LEAST_FINE) / 2) if several else (codes, lines))
    return np.concatenate([c for c, _ in found]), np.concatenate([s for _, s in found])


def _groups(target: Path, schema: Schema) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Codes and shapes of each row group."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(target / lake.DATA) as file:
        for number in range(file.num_row_groups):
            yield _coded(file.read_row_group(number, _columns(schema)), schema)


def _columns(schema: Schema) -> list[str]:
    """The column of the classes, where there is one, and the geometry."""
    column = "" if schema.symbols == "farmland" else schema.classes
    if schema.symbols == "outline":
        column = column or schema.key
    return [c for c in (column, lake.GEOMETRY) if c]


def _coded(table: pa.Table, schema: Schema) -> tuple[NDArray[Any], NDArray[Any]]:
    import numpy as np
    import shapely

    column = _columns(schema)[0]
    values = [""] * table.num_rows if column == lake.GEOMETRY else table.column(column).to_pylist()
    codes = np.array(low_classes(schema, values), dtype=object)
    return codes, shapely.from_wkb(table.column(lake.GEOMETRY).to_numpy(zero_copy_only=False))


def _sparse(codes: NDArray[Any], points: NDArray[Any], size: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """One point of each class in every square of four pixels: more cannot be told apart."""
    import numpy as np
    import shapely

    box = shapely.bounds(points)
    cells = np.floor(box[:, :2] / (4 * size)).astype(np.int64)
    _, kind = np.unique(codes.astype(str), return_inverse=True)
    _, first = np.unique(np.column_stack((cells, kind)), axis=0, return_index=True)
    first.sort()
    return codes[first], points[first]


def _thin(codes: NDArray[Any], lines: NDArray[Any], size: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The lines of each class joined end to end, simplified, without those too short to be seen."""
    import shapely

    codes, made = _straightened(codes, lines, size)
    kept = shapely.length(made) > 2 * size
    return codes[kept], made[kept]


def _straightened(codes: NDArray[Any], lines: NDArray[Any], size: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The lines of each class joined end to end and simplified."""
    import numpy as np
    import shapely

    out_codes: list[str] = []
    out: list[Any] = []
    for code in sorted(set(codes.tolist())):
        joined = shapely.line_merge(shapely.multilinestrings(shapely.get_parts(lines[codes == code])))
        made = shapely.simplify(shapely.get_parts(joined), size)
        out += made.tolist()
        out_codes += [code] * len(made)
    return np.array(out_codes, dtype=object), np.array(out, dtype=object)


# --- outlines ----------


def _outlines(target: Path, schema: Schema) -> Iterator[dissolving.Areas]:
    """Each row's outline by itself, simplified with its neighbours, while it covers a pixel."""
    import numpy as np
    import shapely

    codes, shapes = _coded(lake.read(target, _columns(schema)), schema)
    for level in range(LEAST_FINE, LOWEST - 1, -1):
        shapes = _simplified(shapes, pixel(level))
        sides = shapely.bounds(shapes)
        keep = np.fmax(sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]) > pixel(level)
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
