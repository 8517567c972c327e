"""What a tile of a layer shows: the generalised picture of `generalise`, and from the zoom beyond its finest level (11
to 13) on the features.

A tile carries the class by which it is coloured, the identifier, and what is written on the map; everything else is
asked for by identify. The same version gives the same bytes, whether a tile is made when it is asked for or beforehand.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jintu.foundation.registers.tiles import LABELS

from . import lake, rowgroups, versions
from .features import Features
from .models import LayerVersion
from .schemas import Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jintu.kernel.formats import mvt

__all__ = [
    "MAX_ZOOM",
    "MIN_ZOOM",
    "columns_of",
    "drawn",
    "encoded",
    "finest",
    "label_from",
    "label_of",
    "level_of",
    "packed",
]

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


def level_of(version: LayerVersion, zoom: int) -> int | None:
    """The level of its generalised picture that serves a zoom; None where the features themselves do."""
    return rowgroups.level_of(version.directory / lake.LOW, zoom)


def finest(version: LayerVersion) -> int:
    """The last zoom that shows the generalised picture."""
    return rowgroups.finest(version.directory / lake.LOW)


def near(version: LayerVersion, box: Box) -> Features:
    """The version in memory where it is; else what its row groups have near the box."""
    held = versions.held(version)
    return held if held is not None else rowgroups.near(version, columns_of(version.schema), box)


def encoded(pieces: Sequence[LayerVersion], z: int, x: int, y: int, read: Reader = near) -> bytes:
    """The tile of several versions of one layer, not yet packed; b"" when nothing is there."""
    from jintu.kernel.formats import mvt

    schema = pieces[0].schema
    box = mvt.bounds(z, x, y, mvt.BUFFER / mvt.EXTENT)
    labelled = bool(label_of(schema)) and z >= label_from(schema)
    levels = [level_of(v, z) for v in pieces]
    there = [
        _shown(read(v, box), schema, z, box) for v, lv in zip(pieces, levels, strict=True) if labelled or lv is None
    ]
    shown = iter(there)
    parts = []
    for version, level in zip(pieces, levels, strict=True):
        features = next(shown) if labelled or level is None else None
        parts.append(_drawable(features, schema) if level is None else _low(version, schema, level, box))
    made = [_layer(schema.name, parts)]
    if labelled:
        made.append(_labels(there, schema, z, x, y))
    return mvt.encode(z, x, y, made)


def drawn(version: LayerVersion, z: int, box: Box) -> tuple[NDArray[Any], dict[str, list[Any]]]:
    """Shapely (n,) in degrees and columns of what a map shows of a version at a zoom in a box."""
    schema = version.schema
    level = level_of(version, z)
    if level is not None:
        shapes, columns = _low(version, schema, level, box)
        return shapes.to_shapely() if schema.geometry == "polygon" else shapes, columns
    shown = _shown(near(version, box), schema, z, box)
    return shown.shapes(range(len(shown))), _columns(shown, schema)


def _layer(name: str, parts: Sequence[tuple[Any, dict[str, list[Any]]]]) -> mvt.TileLayer:
    """Geometries, flat or Shapely's, and columns of several versions as one layer; at one zoom some of them may show
    their picture and others their features, which say more."""
    import numpy as np

    from jintu.kernel.flat import Polygons, concatenated
    from jintu.kernel.formats import mvt

    names = list(dict.fromkeys(n for _, columns in parts for n in columns))
    columns = {n: [value for g, c in parts for value in c.get(n, [None] * len(g))] for n in names}
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


def _low(version: LayerVersion, schema: Schema, level: int, box: Box) -> tuple[Any, dict[str, list[Any]]]:
    """The generalised picture, flat or Shapely's as the features of the layer are."""
    import numpy as np

    found = rowgroups.picture(version.directory / lake.LOW, level, box, schema.geometry)
    # Widest first: renderers fill polygons of more than 500 holes (a road network) whole, what lies in the holes then
    # covers the mistake.
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    order = np.argsort(-sides[:, 0] * sides[:, 1], kind="stable")
    found = found.take(order)
    shapes = found.polygons if found.kind == "polygon" else found.shapes(range(len(found)))
    return shapes, {schema.classes or "code": _values(found, "code")}
