"""Map pictures of an open version for clients that take no vector tiles: features painted on a grid of pixels.

The kernel's painter (`jintu.kernel.labels.paint`) fills polygons; lines and points are widened to polygons first. What
is painted is the number of the feature, twice as finely as the picture, so that edges between neighbours can be drawn
and everything is smooth when the picture is reduced. Colours are those of the console's map.
"""

from __future__ import annotations

import csv
import os
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from jintu.foundation.layers import onemap, tiles

from .grids import PIXELS, Grid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion

__all__ = ["colours", "draw", "picture"]

FINE = 2
"""Grid cells in a pixel's side."""
MARGIN = 4
"""Pixels painted beyond the edge: what is drawn along a border may not stop there."""
EDITION = "1"
KEPT_TO = 15
EDGES_FROM = 13
"""Zoom from which edges between patches are drawn."""
OPACITY = {"land-use": 1.0, "classes": 0.7, "plain": 0.12, "hatch": 0.0, "boundary": 0.0, "line": 1.0, "point": 1.0}
LAND_USE_OTHER, SETTLEMENT = "lu-12", "lu-07"


@cache
def colours() -> dict[str, tuple[int, int, int]]:
    """Red, green, blue by token of the design, as the style sheet has them (tested)."""
    with (Path(__file__).parent / "colours.csv").open(encoding="utf-8", newline="") as stream:
        return {row["token"]: tuple(bytes.fromhex(row["hex"])) for row in csv.DictReader(stream)}  # type: ignore[misc]


def picture(version: LayerVersion, grid: Grid, zoom: int, row: int, column: int) -> bytes:
    """A PNG of 256 × 256 pixels, transparent where nothing is; from the cache when it was asked for before.

    Nearer than `KEPT_TO` nothing is kept: there are too many tiles, for strangers to fill a disc with, and little on
    each.
    """
    if zoom > KEPT_TO:
        return draw(version, grid, zoom, row, column)
    where = Path(settings.NODE.data) / "cache" / "pictures" / EDITION / version.layer / version.division / version.key
    cached = where / grid.id / str(zoom) / str(column) / f"{row}.png"
    try:
        return cached.read_bytes()
    except FileNotFoundError:
        pass
    data = draw(version, grid, zoom, row, column)
    cached.parent.mkdir(parents=True, exist_ok=True)
    draft = cached.with_name(f".{uuid.uuid4().hex}")
    draft.write_bytes(data)
    os.replace(draft, cached)
    return data


def draw(version: LayerVersion, grid: Grid, zoom: int, row: int, column: int) -> bytes:
    """The picture itself."""
    import numpy as np

    from jintu.kernel.formats import png

    box = grid.degrees(grid.box(zoom, row, column, MARGIN))
    west, south, east, north = version.bbox
    if box[0] > east or box[2] < west or box[1] > north or box[3] < south:
        return _blank()
    style = onemap.style_of(version.schema)
    shapes, columns = tiles.drawn(version, zoom, box)
    if not len(shapes):
        return _blank()
    painted = _painted(_in_pixels(shapes, grid, zoom, row, column), style["kind"], zoom)
    values = columns.get(style.get("field") or "", [""] * len(shapes))
    fills = np.array([_colour(style, value) for value in values], dtype=np.float32)
    return png.encode(_reduced(_coloured(painted, fills, style, zoom)))


@cache
def _blank() -> bytes:
    import numpy as np

    from jintu.kernel.formats import png

    return png.encode(np.zeros((PIXELS, PIXELS, 4), dtype=np.uint8))


def _in_pixels(shapes: NDArray[Any], grid: Grid, zoom: int, row: int, column: int) -> NDArray[Any]:
    """Geometry in pixels from the south-west corner of the painted square."""
    import numpy as np
    import shapely

    west, south, _, _ = grid.box(zoom, row, column, MARGIN)
    size = grid.cell(zoom)
    return shapely.transform(shapes, lambda p: (grid.projected(p) - np.array([west, south])) / size)


def _painted(shapes: NDArray[Any], kind: str, zoom: int) -> NDArray[np.int32]:
    """Number of the feature on each fine cell, -1 where none is; the first row in the south."""
    import numpy as np
    import shapely

    from jintu.kernel.flat import Polygons
    from jintu.kernel.labels import paint

    if kind in ("line", "point") or (len(shapes) and shapely.get_dimensions(shapes[0]) < 2):
        shapes = shapely.buffer(shapes, _width(kind, zoom) / 2, quad_segs=3)
    side = (PIXELS + 2 * MARGIN) * FINE
    grid = np.full((side, side), -1, dtype=np.int32)
    rings = Polygons.from_shapely(shapes).rings
    members = np.arange(len(shapes), dtype=np.int64)
    paint(grid, rings, members.astype(np.int32), members, np.array([0.0, 0.0, 1 / FINE, 1 / FINE]))
    return grid


def _width(kind: str, zoom: int) -> float:
    """Of a line, or across a point, in pixels."""
    from_, to = (3.2, 9.0) if kind == "point" else (1.0, 3.0)
    return from_ + (to - from_) * min(max((zoom - 10) / 5, 0.0), 1.0)


def _colour(style: dict[str, Any], value: Any) -> tuple[int, int, int]:
    """Of a feature by its class."""
    known = colours()
    text = str(value or "")
    if style["kind"] == "land-use" or style.get("land_use"):
        return known[SETTLEMENT if text[:2] == "20" else f"lu-{text[:2]}" if f"lu-{text[:2]}" in known else "lu-12"]
    for entry in style.get("classes") or ():
        if entry["value"] == text:
            return known[entry["token"]]
    return known.get(style.get("token", ""), known["map-label" if style["kind"] == "boundary" else LAND_USE_OTHER])


def _coloured(
    painted: NDArray[np.int32], fills: NDArray[np.float32], style: dict[str, Any], zoom: int
) -> NDArray[np.float32]:
    """Colour times opacity, and opacity, of each cell without the margin (rows, columns, 4), 0 to 255."""
    import numpy as np

    kind = style["kind"]
    inner = (slice(MARGIN * FINE, -MARGIN * FINE),) * 2
    edge = _edges(painted)[inner]
    painted = painted[inner]
    there = painted >= 0
    # the last row is for cells without a feature: they have a colour only where an edge runs over them
    table = np.vstack((fills, np.float32(_colour(style, ""))))
    rgb = table[painted]
    opacity = np.where(there, np.float32(OPACITY[kind]), np.float32(0))
    if kind == "hatch":
        side = np.arange(len(painted)) // FINE  # 256 is a multiple of 8: stripes run on in the next tile
        opacity = np.where(there & ((side[:, None] + side[None, :]) % 8 < 2), np.float32(0.85), np.float32(0))
    if kind in ("land-use", "classes"):
        if zoom >= EDGES_FROM:
            rgb[edge & there] *= np.float32(0.74)
    elif kind not in ("line", "point"):
        opacity = np.where(edge, np.float32(0.9), opacity)
    return np.dstack((rgb * opacity[..., None], opacity * 255))


def _edges(painted: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Cells whose western or southern neighbour belongs to another feature."""
    import numpy as np

    edge = np.zeros(painted.shape, dtype=bool)
    edge[:, 1:] = painted[:, 1:] != painted[:, :-1]
    edge[1:] |= painted[1:] != painted[:-1]
    return edge


def _reduced(cells: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture, north on top: the mean of the cells of each pixel."""
    import numpy as np

    mean = sum(cells[i::FINE, j::FINE] for i in range(FINE) for j in range(FINE))[::-1] / FINE**2
    opacity = mean[..., 3:]
    mean[..., :3] *= np.divide(255.0, opacity, out=np.zeros_like(opacity), where=opacity > 0)
    return np.rint(mean).astype(np.uint8)
