"""From delivered coordinates to working ones (EPSG:4490 lon/lat), many outlines at a time.

The kernel decides what may be converted (`jintu.kernel.crs`): nothing is guessed and no datum is changed. Here its
refusal of one outline among thousands is told apart from the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jintu.kernel import crs as kernel
from jintu.kernel.errors import InputError

__all__ = ["WORKING", "is_working", "to_lonlat", "wrong_place"]

WORKING = kernel.WORKING.code


def is_working(crs: str) -> bool:
    """Is this the coordinate system of stored geometry?"""
    return kernel.parse(crs) == kernel.WORKING


def to_lonlat(shapes: Sequence[Any], crs: str, *, wgs84: bool = False) -> tuple[Any, dict[int, InputError]]:
    """Outlines (array, nulls allowed) in lon/lat, 2D, and by position the ones that cannot be of that system.

    Raises `InputError` or `Unsupported` when the system itself cannot be used (an unknown one, another datum).
    ``wgs84`` takes WGS 84 as CGCS2000, which only the operator may say.
    """
    import numpy as np
    import shapely

    flat = np.asarray(shapes, dtype=object)
    if shapely.has_z(flat).any():
        flat = shapely.force_2d(flat)
    system = kernel.parse(crs)
    # asked once without coordinates: a system nobody can use is a fault of the file, not of its rows
    kernel.to_lonlat((np.empty(0), np.empty(0)), system, wgs84_is_cgcs2000=wgs84)
    there = np.flatnonzero(~shapely.is_missing(flat) & ~shapely.is_empty(flat))
    made = flat.copy()
    wrong: dict[int, InputError] = {}
    if not len(there):
        return made, wrong
    try:
        made[there] = kernel.to_lonlat(flat[there], system, wgs84_is_cgcs2000=wgs84)
    except InputError:
        for i in there:
            try:
                made[i] = kernel.to_lonlat(flat[i], system, wgs84_is_cgcs2000=wgs84)
            except InputError as error:
                wrong[int(i)] = error
                made[i] = None
    return made, wrong


def wrong_place(bounds: Sequence[float]) -> InputError | None:
    """What is wrong with the position of an outline in degrees; None when nothing is.

    ``bounds`` minx, miny, maxx, maxy.
    """
    import numpy as np

    minx, miny, maxx, maxy = bounds
    if minx != minx:
        return None
    try:
        kernel.WORKING.check(np.array([minx, maxx]), np.array([miny, maxy]))
    except InputError as error:
        return error
    if minx <= 0.01 and miny <= 0.01 and maxx >= -0.01 and maxy >= -0.01:
        return InputError(
            "The outline lies at 0°, 0°: coordinates are missing or zero.", remedy="Enter the real coordinates."
        )
    return None
