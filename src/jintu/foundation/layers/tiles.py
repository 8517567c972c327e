"""Vector tiles of layer versions, made on demand and kept on disc: a version never changes, so neither do its tiles.

From zoom 12 on tiles show the features; below, the generalised picture of `generalise`. A tile carries the class by
which it is coloured, the identifier, and what is written on the map; everything else is asked for by identify.
"""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from jintu.foundation.registers.tiles import LABELS
from jintu.kernel.errors import InputError, Missing, Place

from . import lake, versions
from .generalise import level_of
from .models import LayerVersion
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.kernel.formats import mvt

__all__ = ["LABELS", "MAX_ZOOM", "MIN_ZOOM", "drawn", "label_from", "label_of", "pieces_of", "reference", "tile"]

MIN_ZOOM, MAX_ZOOM = 5, 16
"""Beyond 16 the browser enlarges: a tile unit is then 15 cm."""
EDITION = "4"
"""Part of the cache's path: another number, other tiles."""
SMALLEST_PIXELS = 0.6


def reference(pieces: Sequence[LayerVersion], day: date) -> str:
    """What stands for the version in a tile's address: its key, or the day and the common hash of several."""
    if len(pieces) == 1:
        return pieces[0].key
    return f"on-{day.isoformat()}-{versions.Combined(tuple(pieces)).hash.partition(':')[2][:12]}"


def pieces_of(layer: str, reference: str, scope: Any) -> list[LayerVersion]:
    """The versions that an address means, within the scope. Raises `Missing`."""
    if reference.startswith("on-"):
        try:
            day = date.fromisoformat(reference[3:13])
        except ValueError:
            day = None
        found = versions.pieces_in_scope(layer, scope, day) if day else []
    else:
        found = list(LayerVersion.objects.within(scope).filter(layer=layer, key=reference))
    if not found:
        raise Missing("There is no such version of {layer}, or it is outside your scope.", layer=layer)
    return found


def tile(pieces: Sequence[LayerVersion], z: int, x: int, y: int) -> bytes:
    """A gzipped tile of one layer, b"" where nothing is; from the cache when it was asked for before."""
    from jintu.kernel.formats import mvt

    if not MIN_ZOOM <= z <= MAX_ZOOM or not 0 <= x < 2**z or not 0 <= y < 2**z:
        raise InputError("There is no tile {z}/{x}/{y}.", place=Place(field="tile"), z=z, x=x, y=y)
    box = mvt.bounds(z, x, y, mvt.BUFFER / mvt.EXTENT)
    touched = [v for v in pieces if _meet(v.bbox, box)]
    if not touched:
        return b""
    if len(touched) > 1:  # where two counties meet; the cache knows single versions only
        return _packed(_encoded(touched, z, x, y, box))
    version = touched[0]
    cached = _cache() / version.layer / version.division / version.key / str(z) / str(x) / f"{y}.mvt.gz"
    try:
        return cached.read_bytes()
    except FileNotFoundError:
        pass
    data = _packed(_encoded([version], z, x, y, box))
    cached.parent.mkdir(parents=True, exist_ok=True)
    draft = cached.with_name(f"{cached.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    draft.write_bytes(data)
    draft.replace(cached)
    return data


def _cache() -> Path:
    return Path(settings.NODE.data) / "cache" / "tiles" / EDITION


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0) if data else b""


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] <= b[2] and a[2] >= b[0] and a[1] <= b[3] and a[3] >= b[1]


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


def _encoded(pieces: Sequence[LayerVersion], z: int, x: int, y: int, box: tuple[float, float, float, float]) -> bytes:
    import numpy as np

    from jintu.kernel.formats import mvt

    schema = pieces[0].schema
    parts = [drawn(v, z, box) for v in pieces]
    names = list(parts[0][1])
    shapes = np.concatenate([p[0] for p in parts])
    columns = {n: [value for p in parts for value in p[1][n]] for n in names}
    made = [mvt.TileLayer(schema.name, shapes, columns)]
    if label_of(schema) and z >= label_from(schema):
        made.append(_labels(pieces, schema, z, x, y, box))
    return mvt.encode(z, x, y, made)


def drawn(
    version: LayerVersion, z: int, box: tuple[float, float, float, float]
) -> tuple[NDArray[Any], dict[str, list[Any]]]:
    """Shapely (n,) in degrees and columns of what a map shows of a version at a zoom in a box."""
    return (_low if level_of(z) is not None else _features)(version, version.schema, z, box)


def _labels(
    pieces: Sequence[LayerVersion], schema: Schema, z: int, x: int, y: int, box: tuple[float, float, float, float]
) -> mvt.TileLayer:
    """One point per feature: a feature cut by the tile's edge would say its name on both sides."""
    import numpy as np

    from jintu.kernel.formats import mvt

    parts = [_features(v, schema, z, box) for v in pieces]
    points = mvt.label_points(z, x, y, np.concatenate([p[0] for p in parts]))
    name = label_of(schema)
    return mvt.TileLayer(schema.name + LABELS, points, {name: [value for p in parts for value in p[1][name]]})


def _features(
    version: LayerVersion, schema: Schema, z: int, box: tuple[float, float, float, float]
) -> tuple[NDArray[Any], dict[str, list[Any]]]:
    """The features themselves, without those that would not cover a pixel."""
    import numpy as np

    resident = versions.resident(version)
    rows = resident.near(box)
    pixel = 360 / 2**z / 512 * SMALLEST_PIXELS
    sides = resident.boxes[rows]
    if schema.geometry != "point":
        rows = rows[np.maximum(sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]) > pixel]
    names = list(dict.fromkeys(n for n in (schema.classes, label_of(schema)) if n))
    table = resident.attributes.select(list(dict.fromkeys([schema.key, *names]))).take(rows)
    columns = {n: table.column(n).to_pylist() for n in names}
    columns["key"] = table.column(schema.key).to_pylist()
    return resident.shapes(rows), columns


def _low(
    version: LayerVersion, schema: Schema, z: int, box: tuple[float, float, float, float]
) -> tuple[NDArray[Any], dict[str, list[Any]]]:
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
