"""Compile every kernel once, so that the first user does not wait for it."""

from __future__ import annotations

__all__ = ["warm_up"]


def warm_up() -> float:
    """Run all compiled functions on tiny data and return the seconds it took.

    The first run on a machine compiles (some 20 s) into ``NUMBA_CACHE_DIR``, which the caller has set; later ones load.
    """
    from time import perf_counter

    begin = perf_counter()
    import numpy as np
    import shapely

    from jintu.kernel.flat import from_shapely
    from jintu.kernel.overlay import overlay, prepare
    from jintu.kernel.overlay.uncovered import uncovered

    shapes = [shapely.box(118 + i / 100, 36, 118 + (i + 1.5) / 100, 36.01) for i in range(20)]
    flat = from_shapely([*shapes, None]).take(np.arange(20))
    for planar in (False, True):
        layer = prepare(flat, planar=planar, threads=1)
        overlay(layer, layer, classes=np.zeros(20, dtype=np.int64), threads=1)
    uncovered(flat, flat, threads=1)
    return perf_counter() - begin
