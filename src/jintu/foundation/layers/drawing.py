"""What a tile of a layer shows: from zoom 12 on the features, below the generalised picture of `generalise`.

A tile carries the class by which it is coloured, the identifier, and what is written on the map; everything else is
asked for by identify. The same version gives the same bytes, whether a tile is made when it is asked for or beforehand.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jintu.foundation.registers.tiles import LABELS

from . import lake, rowgroups, versions
from .features import Features
from .generalise import level_of
from .models import LayerVersion
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.kernel.formats import mvt

__all__ = ["MAX_ZOOM", "MIN_ZOOM", "columns_of", "drawn", "encoded", "label_from", "label_of", "packed"]

MIN_ZOOM, MAX_ZOOM = 4, 16
"""Beyond 16 the browser enlarges: a tile unit is then 15 cm."""
SMALLEST_PIXELS = 0.6

Box = tuple[float, float, float, float]
Reader = Callable[[LayerVersion, Box], Features]
"""Gives the features of a version that meet a box, and perhaps others."""


def packed(data: bytes) -> bytes:
    """As tiles are stored and sent: gzip without a date, so that equal tiles are equal files."""
    return gzip.compress(data, 6, mtime=0) if data else b""


def label_of(schema: Schema) -> str:
    """The column that is written on the map."""
    if schema.symbols == "outline":
        return schema.title[0]
    if schema.symbols == "plain":
        return schema.title[0]
    return schema.classes if schema.symbols != "farmland" else ""


def label_from(schema: Schema) -> int:
    """The zoom from which `label_of` is written."""
    return 11 if schema.symbols == "outline" else 16


def columns_of(schema: Schema) -> list[str]:
    """The columns that tiles of a layer are made of, geometry included."""
    return list(dict.fromkeys(n for n in (schema.key, schema.classes, label_of(schema), "geometry") if n))


def near(version: LayerVersion, box: Box) -> Features:
    """The version in memory where it is; else what its row groups have near the box."""
    held = versions.held(version)
    return held if held is not None else rowgroups.near(version, columns_of(version.schema), box)


def encoded(pieces: Sequence[LayerVersion], z: int, x: int, y: int, read: Reader = near) -> bytes:
    """The tile of several versions of one layer, not yet packed; b"" when nothing is there."""
    from jintu.kernel.formats import mvt

    schema = pieces[0].schema
    box = mvt.bounds(z, x, y, mvt.BUFFER / mvt.EXTENT)
    low = level_of(z) is not None
    labelled = bool(label_of(schema)) and z >= label_from(schema)
    there = [_shown(read(v, box), schema, z, box) for v in pieces] if labelled or not low else []
    parts = [_low(v, schema, z, box) for v in pieces] if low else [_drawable(f, schema) for f in there]
    made = [_layer(schema.name, parts)]
    if labelled:
        made.append(_labels(there, schema, z, x, y))
    return mvt.encode(z, x, y, made)


def drawn(version: LayerVersion, z: int, box: Box) -> tuple[NDArray[Any], dict[str, list[Any]]]:
    """Shapely (n,) in degrees and columns of what a map shows of a version at a zoom in a box."""
    schema = version.schema
    if level_of(z) is not None:
        return _low(version, schema, z, box)
    shown = _shown(near(version, box), schema, z, box)
    return shown.shapes(range(len(shown))), _columns(shown, schema)


def _layer(name: str, parts: Sequence[tuple[Any, dict[str, list[Any]]]]) -> mvt.TileLayer:
    """Geometries, all flat or all Shapely's, and columns of several versions as one layer."""
    import numpy as np

    from jintu.kernel.flat import Polygons, concatenated
    from jintu.kernel.formats import mvt

    columns = {n: [value for p in parts for value in p[1][n]] for n in parts[0][1]}
    geometries = [p[0] for p in parts]
    flat = isinstance(geometries[0], Polygons)
    return mvt.TileLayer(name, concatenated(geometries) if flat else np.concatenate(geometries), columns)


def _labels(there: Sequence[Features], schema: Schema, z: int, x: int, y: int) -> mvt.TileLayer:
    """One point per feature: a feature cut by the tile's edge would say its name on both sides."""
    import numpy as np

    from jintu.kernel.formats import mvt

    points = mvt.label_points(z, x, y, np.concatenate([f.shapes(range(len(f))) for f in there]))
    name = label_of(schema)
    return mvt.TileLayer(schema.name + LABELS, points, {name: [v for f in there for v in _values(f, name)]})


def _shown(features: Features, schema: Schema, z: int, box: Box) -> Features:
    """The features in a box, without those that would not cover a pixel."""
    import numpy as np

    rows = features.near(box)
    pixel = 360 / 2**z / 512 * SMALLEST_PIXELS
    sides = features.boxes[rows]
    if schema.geometry != "point":
        rows = rows[np.maximum(sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]) > pixel]
    return features.take(rows)


def _drawable(features: Features, schema: Schema) -> tuple[Any, dict[str, list[Any]]]:
    """Polygons as they are, of other kinds Shapely's, and the columns."""
    flat = features.kind == "polygon"
    return features.polygons if flat else features.shapes(range(len(features))), _columns(features, schema)


def _columns(features: Features, schema: Schema) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(n for n in (schema.classes, label_of(schema)) if n))
    return {n: _values(features, n) for n in names} | {"key": _values(features, schema.key)}


def _values(features: Features, column: str) -> list[Any]:
    return features.attributes.column(column).to_pylist()


def _low(version: LayerVersion, schema: Schema, z: int, box: Box) -> tuple[NDArray[Any], dict[str, list[Any]]]:
    """The generalised picture."""
    import numpy as np

    shapes, boxes, codes = _level(str(version.directory / lake.LOW), level_of(z) or 0)
    near = np.flatnonzero(
        (boxes[:, 0] <= box[2]) & (boxes[:, 2] >= box[0]) & (boxes[:, 1] <= box[3]) & (boxes[:, 3] >= box[1])
    )
    # Widest first: renderers fill polygons of more than 500 holes (a road network) whole, what lies in the holes then
    # covers the mistake.
    sides = boxes[near]
    near = near[np.argsort(-(sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1]), kind="stable")]
    name = schema.classes or "code"
    return shapes[near], {name: [codes[i] for i in near.tolist()]}


@lru_cache(maxsize=32)
def _level(path: str, level: int) -> tuple[NDArray[Any], NDArray[np.float64], list[str]]:
    import pyarrow.parquet as pq
    import shapely

    table = pq.read_table(path, filters=[("level", "=", level)])
    shapes = shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))
    return shapes, shapely.bounds(shapes), table.column("code").to_pylist()
