"""Tiles of a thematic map: of every feature only its class, so that the browser's work does not grow with the layer.

At small scales areas of the theme's own classes, painted as those of `generalise`; beyond their finest level the
features themselves.
"""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place

from .. import drawing, generalise, keeping, lake, rowgroups, tiles
from ..models import LayerVersion
from . import prepared, themes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


__all__ = ["LAYER", "features_from", "has_picture", "is_drawn", "make_picture", "picture_of", "tile"]

LAYER = "theme"
"""Name of the layer in a tile; its features have one property, ``c``."""
SMALLEST_PIXELS = 0.6
LEVEL = 4
"""Of gzip: a twentieth more to send than at 6, in half the time."""


def picture_of(theme: themes.Theme, version: LayerVersion) -> Path:
    return prepared.place_of("picture", theme.digest, version.hash).with_suffix(".parquet")


def has_picture(theme: themes.Theme) -> bool:
    """Only areas are seen from afar: lines and points in their thousands would cover one another."""
    return theme.schema.geometry == "polygon"


def is_drawn(theme: themes.Theme, pieces: Sequence[LayerVersion]) -> bool:
    """Whether small scales are there."""
    return has_picture(theme) and all(picture_of(theme, v).is_file() for v in pieces)


def features_from(pieces: Sequence[LayerVersion]) -> int:
    """The zoom from which features are shown themselves while there is no picture: where the layer's own tiles show
    them. Before it a tile of a dense layer holds ten thousand and more."""
    return max(drawing.finest(v) for v in pieces) + 1


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
    prepared.bound(path)


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
    parts = [_low(theme, v, z, box) or _features(theme, v, z, box) for v in near]
    found = [p[0] for p in parts]
    drawn = concatenated(found) if theme.schema.geometry == "polygon" else np.concatenate(found)
    classes = np.concatenate([p[1] for p in parts]).tolist()
    made = mvt.encode(z, x, y, [mvt.TileLayer(LAYER, drawn, {"c": classes})])
    data = gzip.compress(made, LEVEL, mtime=0) if made else b""
    if z > generalise.MOST_FINE or not has_picture(theme) or is_drawn(theme, near):
        keeping.keep(cached, data)  # before it is painted a tile of a small scale is another one
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


def _low(theme: themes.Theme, version: LayerVersion, z: int, box: Box) -> tuple[Any, NDArray[np.int64]] | None:
    """The same of its picture; None at zooms where features are shown themselves."""
    import numpy as np

    from jintu.kernel.flat import Polygons

    path = picture_of(theme, version)
    if not path.is_file():  # not painted yet, or never: small scales are empty
        nothing = Polygons.from_wkb([]) if has_picture(theme) else np.empty(0, dtype=object)
        return (nothing, np.empty(0, dtype=np.int64)) if z < features_from([version]) else None
    level = rowgroups.level_of(path, z)
    if level is None:
        return None
    found = rowgroups.picture(path, level, box)
    # widest first, as `tiles` does: what lies in a hole that a renderer fills then covers the mistake
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    order = np.argsort(-sides[:, 0] * sides[:, 1], kind="stable")
    classes = np.array([int(c) for c in found.attributes.column("code").to_pylist()], dtype=np.int64)
    return found.polygons.take(order), classes[order]
