"""Geometry of a layer by its kind: polygons are flat arrays (`jintu.kernel.flat`), lines and points are Shapely's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NOWHERE", "TYPES", "boxes", "decoded", "type_ids"]

TYPES = {
    "polygon": ("Polygon", "MultiPolygon"),
    "line": ("LineString", "MultiLineString"),
    "point": ("Point", "MultiPoint"),
}
_IDS = {"polygon": (3, 6), "line": (1, 5), "point": (0, 4)}
NOWHERE = (0.0, 0.0, 0.0, 0.0)
"""The box of a version that is a table."""


def type_ids(kind: str) -> tuple[int, ...]:
    """Shapely's type ids of a kind of geometry; of a table none."""
    return _IDS.get(kind, ())


def decoded(column: Any) -> NDArray[np.object_]:
    """Shapely (n,) of an Arrow column of WKB."""
    import numpy as np
    import shapely

    return np.asarray(shapely.from_wkb(column.to_numpy(zero_copy_only=False)), dtype=object)


def boxes(column: Any, kind: str) -> NDArray[np.float64]:
    """(n, 4) west, south, east, north of a column of WKB."""
    import shapely

    if kind == "polygon":
        from jintu.kernel.flat import Polygons

        return Polygons.from_wkb(column).boxes()
    return shapely.bounds(decoded(column))
