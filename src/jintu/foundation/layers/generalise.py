"""The picture of a layer at small scales: classes dissolved and simplified as a coverage, so that no gaps open.

Two levels are made when a version is written: zoom 9 to 11 and below 9. From zoom 12 on tiles show the patches
themselves. What is drawn here is never measured: areas come from the patches.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import lake
from .schemas import Schema

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["LEVELS", "level_of", "low_classes", "write_low"]

DETAILED_FROM = 12
LEVELS = (8, 11)
"""Greatest zoom each level serves."""
MOST_HOLES = 200


def level_of(zoom: int) -> int | None:
    """The level that serves a zoom; None where the patches themselves do."""
    return next((level for level in LEVELS if zoom <= level), None)


def low_classes(schema: Schema, values: list[Any]) -> list[str]:
    """What is dissolved together: the first level of land use, the kind of a zone, each area of outlines."""
    cut = 2 if schema.symbols == "land_use" else 0
    return [("" if v is None else str(v)[:cut] if cut else str(v)) for v in values]


def _pixel(zoom: int, latitude: float) -> float:
    """Degrees of longitude a screen pixel (512 px tiles) covers."""
    return 360 / 2**zoom / 512 / max(0.2, math.cos(math.radians(latitude))) * math.cos(math.radians(latitude))


def write_low(target: Path, schema: Schema) -> None:
    """Write ``low.parquet`` beside the data in ``target``: columns ``level``, ``code`` and ``geometry``."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import shapely

    if schema.is_table:
        return
    column = schema.classes or schema.key
    if schema.symbols == "farmland" or not schema.classes:
        table = lake.read(target, ["geometry"])
        codes = np.full(table.num_rows, "", dtype=object)
    else:
        table = lake.read(target, [column, "geometry"])
        codes = np.array(low_classes(schema, table.column(column).to_pylist()), dtype=object)
    shapes = shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))
    latitude = float(np.mean(shapely.bounds(shapes[:1])[:, 1::2])) if len(shapes) else 30.0
    written: list[pa.Table] = []
    for level in sorted(LEVELS, reverse=True):
        pixel = _pixel(level, latitude)
        if schema.geometry != "polygon":
            codes, shapes = (_sparse if schema.geometry == "point" else _thin)(codes, shapes, pixel)
            written.append(_level_table(level, codes, shapes))
            continue
        dissolve = schema.symbols != "outline" or level == min(LEVELS)
        if dissolve and schema.symbols != "outline":
            codes, shapes = _dissolved(codes, shapes)
        shapes = _simplified(shapes, pixel)
        keep = shapely.area(shapes) > (1.5 * pixel) ** 2 if schema.symbols != "outline" else ~shapely.is_empty(shapes)
        behind = _backdrop(codes, shapes) if schema.partition and not keep.all() else None
        codes, shapes = codes[keep], shapes[keep]
        kept_codes, kept = _in_pieces(codes, shapes)
        if behind is not None:
            kept_codes = np.concatenate(([behind[0]] * len(behind[1]), kept_codes))
            kept = np.concatenate((behind[1], kept))
        written.append(_level_table(level, kept_codes, kept))
    pq.write_table(pa.concat_tables(written), target / lake.LOW, compression="zstd")


def _backdrop(codes: NDArray[Any], shapes: NDArray[Any]) -> tuple[str, NDArray[Any]] | None:
    """The outline of the whole in the class that has most of it: what shows where parts too small to see were left out.
    None where the shapes are no coverage."""
    import numpy as np
    import shapely

    try:
        whole = shapely.coverage_union_all(shapes)
    except shapely.errors.GEOSException:
        return None
    if not whole.is_valid:
        return None
    names, number = np.unique(codes.astype(str), return_inverse=True)
    most = str(names[np.argmax(np.bincount(number, weights=shapely.area(shapes)))])
    return most, np.array([p for p in shapely.get_parts(whole) if p.geom_type == "Polygon"], dtype=object)


def _level_table(level: int, codes: NDArray[Any], shapes: NDArray[Any]) -> pa.Table:
    import numpy as np
    import pyarrow as pa
    import shapely

    return pa.table(
        {
            "level": pa.array(np.full(len(shapes), level, dtype=np.int16)),
            "code": pa.array(codes.tolist(), pa.string()),
            "geometry": pa.array(shapely.to_wkb(shapes, byte_order=1), pa.binary()),
        }
    )


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


def _dissolved(codes: NDArray[Any], shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The parts of each class joined; a layer that is no clean coverage is joined the slow and certain way."""
    import numpy as np
    import shapely

    out_codes: list[str] = []
    out: list[Any] = []
    for code in sorted(set(codes.tolist())):
        members = shapes[codes == code]
        whole = float(shapely.area(members).sum())
        try:
            joined = shapely.coverage_union_all(members)
            clean = joined.is_valid and abs(joined.area - whole) <= 1e-9 * whole
        except shapely.errors.GEOSException:
            clean = False
        if not clean:
            joined = shapely.union_all(shapely.make_valid(members))
        parts = [p for p in shapely.get_parts(joined) if p.geom_type == "Polygon"]
        out += parts
        out_codes += [code] * len(parts)
    return np.array(out_codes, dtype=object), np.array(out, dtype=object)


def _simplified(shapes: NDArray[Any], tolerance: float) -> NDArray[Any]:
    """Simplified with shared edges kept shared; shapes that are no coverage are simplified one by one."""
    import shapely

    if not len(shapes):
        return shapes
    try:
        made = shapely.coverage_simplify(shapes, tolerance)
        if shapely.is_valid(made).all():
            return made
    except shapely.errors.GEOSException:
        pass
    return shapely.simplify(shapes, tolerance, preserve_topology=True)


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
