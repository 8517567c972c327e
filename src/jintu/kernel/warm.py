"""Compile every kernel once, so that the first user does not wait for it: ``jintu init`` does it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jintu.kernel.flat import Polygons

__all__ = ["warm_up"]


def warm_up() -> float:
    """Run all compiled functions on tiny data and return the seconds it took.

    The first run on a machine compiles (a minute on two cores) into ``NUMBA_CACHE_DIR``, which the caller has set;
    later ones load. A second process compiles the longest that has nothing in common with the rest: validity.
    """
    from time import perf_counter

    begin = perf_counter()
    other = subprocess.Popen([sys.executable, "-m", "jintu.kernel.warm"])
    try:
        flat = _squares()
        _overlay(flat)
        _lines()
        _small_scales(flat)
        _tile(flat)
        _shapefile()
    finally:
        other.wait()
    _topology()  # loads what the other has compiled; compiles it where that process failed
    return perf_counter() - begin


def _shapes() -> list[Any]:
    import shapely

    return [shapely.box(118 + i / 100, 36, 118 + (i + 1.5) / 100, 36.01) for i in range(20)]


def _squares() -> Polygons:
    import numpy as np

    from jintu.kernel.flat import from_shapely

    return from_shapely([*_shapes(), None]).take(np.arange(20))


def _overlay(flat: Polygons) -> None:
    import numpy as np

    from jintu.kernel.overlay import overlay, prepare
    from jintu.kernel.overlay.fragments import touching
    from jintu.kernel.overlay.tree import extent
    from jintu.kernel.overlay.uncovered import uncovered

    for planar in (False, True):
        layer = prepare(flat, planar=planar, threads=1)
        overlay(layer, layer, classes=np.zeros(20, dtype=np.int64), threads=1)
        touching(layer.tree, extent(layer.boxes))
    uncovered(flat, flat, threads=1)


def _lines() -> None:
    import shapely

    from jintu.kernel import lines
    from jintu.kernel.flat import from_shapely, refilled
    from jintu.kernel.topology import copied_lines, line_defects, lines_off_borders

    shapes = _shapes()
    refilled(shapely.to_wkb(shapes, byte_order=1), from_shapely(shapes), threads=1)
    rings = lines.from_shapely([shape.exterior for shape in shapes])
    rings.boxes(threads=1)
    line_defects(rings, codes=range(len(rings)))
    copied_lines(rings, threads=1)
    lines_off_borders(rings, from_shapely(shapes[1:]))


def _validity() -> None:
    from jintu.kernel.flat import from_shapely
    from jintu.kernel.topology.validating import validity

    validity(from_shapely(_shapes()), threads=1)


def _topology() -> None:
    import shapely

    from jintu.kernel.flat import from_shapely
    from jintu.kernel.topology import inspect

    inspect(from_shapely([*_shapes(), shapely.box(119, 36, 119.1, 36.1)]), threads=1)


def _small_scales(flat: Polygons) -> None:
    """What makes the picture of a layer at small scales."""
    import numpy as np

    from jintu.kernel import labels

    grid = np.full((8, 8), -1, dtype=np.int32)
    frame = np.array([118.0, 36.0, 0.03, 0.00125])
    labels.paint(grid, flat.rings, labels.widths(flat.rings, 0.03, 0.00125).astype(np.int32), np.arange(20), frame)
    key = labels.majority(grid, 1, int(grid.max()) + 1).astype(np.int64)
    label, first = labels.components(key)
    size = np.bincount(label[label >= 0], minlength=len(first))
    labels.dissolve_crumbs(key, label, size, np.ones(len(first), dtype=np.bool_), 2)
    lines = np.arange(9, dtype=np.float64)
    labels.smooth(label, lines, lines, np.zeros((9, 9), dtype=np.bool_), 1, 0.4)
    corner, ends, _ = labels.outlines(label, len(first))
    labels.thinned(label, corner, ends, lines[corner % 9], lines[corner // 9], 0.1)


def _tile(flat: Polygons) -> None:
    from jintu.kernel.formats import mvt

    mvt.encode(10, *mvt.tile_of(10, 118.1, 36.005), [mvt.TileLayer("warm", flat, {})])


def _shapefile() -> None:
    """A record of two rings, of which one is a hole beside its shell: all of what is compiled for shapefiles."""
    import struct
    import tempfile
    from pathlib import Path

    from jintu.kernel.formats.shp_rings import stray_holes

    shell, hole = ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0)), ((2, 0), (3, 0), (3, 1), (2, 1), (2, 0))
    ordinates = [float(v) for ring in (shell, hole) for point in ring for v in point]
    record = struct.pack("<i4d2i2i20d", 5, 0, 0, 3, 1, 2, 10, 0, 5, *ordinates)
    with tempfile.TemporaryDirectory(prefix="jintu-warm-") as folder:
        path = Path(folder) / "warm.shp"
        path.write_bytes(bytes(100) + struct.pack(">2i", 1, len(record) // 2) + record)
        stray_holes(path, struct.pack(">2i", 50, len(record) // 2))


if __name__ == "__main__":
    _validity()
