"""Tiles of a thematic map: of every feature only its class, so that the browser's work does not grow with the layer.

From zoom 12 on the features themselves; below, areas of the theme's own classes, painted as those of `generalise`.
"""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from jintu.kernel.errors import InputError, Place

from .. import generalise, keeping, lake, rowgroups, tiles
from ..features import Held
from ..models import LayerVersion
from . import prepared, themes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = ["LAYER", "has_picture", "is_drawn", "make_picture", "picture_of", "tile"]

LAYER = "theme"
"""Name of the layer in a tile; its features have one property, ``c``."""
SMALLEST_PIXELS = 0.6


def picture_of(theme: themes.Theme, version: LayerVersion) -> Path:
    return prepared.place_of("picture", theme.digest, version.hash).with_suffix(".parquet")


def has_picture(theme: themes.Theme) -> bool:
    """Only areas are seen from afar: lines and points in their thousands would cover one another."""
    return theme.schema.geometry == "polygon"


def is_drawn(theme: themes.Theme, pieces: Sequence[LayerVersion]) -> bool:
    """Whether small scales are there."""
    return has_picture(theme) and all(picture_of(theme, v).is_file() for v in pieces)


def make_picture(theme: themes.Theme, version: LayerVersion) -> None:
    """Paint the small scales of a version, about a second of work per 50 000 features."""
    import numpy as np

    from jintu.kernel.flat import Polygons

    path = picture_of(theme, version)
    if path.is_file():
        return
    table = version.table([theme.attribute, "geometry"])
    numbers = theme.numbers(table.column(theme.attribute))
    names = [str(i) for i in range(len(theme.colours))] + ["-1"]
    numbers[numbers < 0] = len(names) - 1
    polygons = Polygons.from_wkb(table.column("geometry"))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    generalise.write_areas(draft, polygons, numbers.astype(np.int32), names, version.schema.partition)
    draft.replace(path)


def tile(theme: themes.Theme, pieces: Sequence[LayerVersion], z: int, x: int, y: int) -> bytes:
    """A gzipped tile, b"" where nothing is."""
    import numpy as np

    from jintu.kernel.flat import concatenated
    from jintu.kernel.formats import mvt

    if not tiles.MIN_ZOOM <= z <= tiles.MAX_ZOOM or not 0 <= x < 2**z or not 0 <= y < 2**z:
        raise InputError("There is no tile {z}/{x}/{y}.", place=Place(field="tile"), z=z, x=x, y=y)
    box = mvt.bounds(z, x, y, mvt.BUFFER / mvt.EXTENT)
    near = [v for v in pieces if v.west <= box[2] and v.east >= box[0] and v.south <= box[3] and v.north >= box[1]]
    if not near:
        return b""
    hashes = sorted(v.hash for v in near)
    cached = prepared.place_of("tile", theme.digest, *hashes, z, x, y).with_suffix(".mvt.gz")
    found = keeping.kept(cached)
    if found is not None:
        return found
    low = generalise.level_of(z)
    parts = [_low(theme, v, low, box) if low is not None else _features(theme, v, z, box) for v in near]
    found = [p[0] for p in parts]
    drawn = concatenated(found) if theme.schema.geometry == "polygon" else np.concatenate(found)
    classes = np.concatenate([p[1] for p in parts]).tolist()
    made = mvt.encode(z, x, y, [mvt.TileLayer(LAYER, drawn, {"c": classes})])
    data = gzip.compress(made, 6, mtime=0) if made else b""
    keeping.keep(cached, data)
    return data


Box = tuple[float, float, float, float]


def _features(theme: themes.Theme, version: LayerVersion, z: int, box: Box) -> tuple[Any, NDArray[np.int64]]:
    """Polygons, or Shapely's lines and points, and their classes; of the row groups that meet the box."""
    import numpy as np

    found = rowgroups.near(version, (theme.attribute, lake.GEOMETRY), box)
    rows = np.arange(len(found))
    if version.schema.geometry != "point":
        sides = found.boxes
        pixel = 360 / 2**z / 512 * SMALLEST_PIXELS
        rows = np.flatnonzero(np.maximum(sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]) > pixel)
    shown = found.take(rows)
    geometry = shown.polygons if version.schema.geometry == "polygon" else shown.shapes(range(len(shown)))
    return geometry, theme.numbers(shown.attributes.column(theme.attribute))


def _low(theme: themes.Theme, version: LayerVersion, level: int, box: Box) -> tuple[Polygons, NDArray[np.int64]]:
    import numpy as np

    from jintu.kernel.flat import Polygons

    path = picture_of(theme, version)
    if not path.is_file():
        return Polygons.from_wkb([]), np.empty(0, dtype=np.int64)
    kept = _levels.or_made((str(path), level), partial(_level, path, level))
    boxes = kept.boxes
    near = np.flatnonzero(
        (boxes[:, 0] <= box[2]) & (boxes[:, 2] >= box[0]) & (boxes[:, 1] <= box[3]) & (boxes[:, 3] >= box[1])
    )
    # widest first, as `tiles` does: what lies in a hole that a renderer fills then covers the mistake
    sides = boxes[near]
    near = near[np.argsort(-(sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1]), kind="stable")]
    return kept.polygons.take(near), kept.classes[near]


@dataclass(frozen=True, eq=False)
class _Level:
    """The areas of a picture for some zooms, their boxes and classes."""

    polygons: Polygons
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        return int(self.polygons.nbytes + self.boxes.nbytes + self.classes.nbytes)


_levels: Held[_Level] = Held(lambda: settings.JINTU_TILE_BYTES // 2)


def _level(path: Path, level: int) -> _Level:
    import numpy as np
    import pyarrow.parquet as pq

    from jintu.kernel.flat import Polygons

    table = pq.read_table(path, filters=[("level", "=", level)])
    classes = np.array([int(c) for c in table.column("code").to_pylist()], dtype=np.int64)
    polygons = Polygons.from_wkb(table.column("geometry"))
    return _Level(polygons, polygons.boxes(), classes)
