"""What lies over what between two layers, in ellipsoidal m²: the questions the rules between layers ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import pl
from .tables import PART, Table

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

__all__ = ["covered", "shared", "uncovered_rows", "within_reach"]


def shared(left: Table, right: Table, rows: NDArray[np.integer] | None = None) -> polars.DataFrame:
    """Pairs of rows that overlap: left, right (Int64), area_m2. ``rows``: only those of ``left``, ascending."""
    from jintu.kernel.overlay import overlay

    pairs = overlay(left.prepared if rows is None else left.polygons.take(rows), right.prepared)
    numbers = pairs.left if rows is None else rows[pairs.left].astype("int64")
    return pl.DataFrame({"left": numbers, "right": pairs.right, "area_m2": pairs.area_m2})


def covered(left: Table, right: Table) -> NDArray[np.float64]:
    """m² of each row of ``left`` that lies in ``right``, whose polygons do not overlap one another. Of a large
    ``right`` those rows are seen that lie near, or a part at a time."""
    import numpy as np

    from jintu.kernel.flat import Polygons
    from jintu.kernel.overlay import overlay

    if len(right) <= PART:
        return overlay(left.prepared, right.prepared).per_left(len(left))
    near = _near(right.beside(right, "coverings", right.coverings), left)
    if len(near) <= PART:
        outlines = Polygons.from_wkb(right.outlines(pl.Series(near)))
        return overlay(left.prepared, outlines).per_left(len(left))
    within = np.zeros(len(left))
    for part in right.parts(attributes=False):
        within += overlay(left.prepared, part.prepared).per_left(len(left))
    return within


def _near(boxes: NDArray[np.float64], t: Table) -> NDArray[np.int64]:
    """Numbers of the boxes that meet the box of a table."""
    import numpy as np

    west, south, east, north = t.bounds
    apart = (boxes[:, 0] > east) | (boxes[:, 2] < west) | (boxes[:, 1] > north) | (boxes[:, 3] < south)
    return np.flatnonzero(~apart)


def uncovered_rows(
    left: Table, right: Table, tolerance_m2: float, tolerance_ratio: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows of ``left`` of which more than the tolerance lies outside ``right``, and how many m²."""
    import numpy as np

    outside = left.areas - covered(left, right)
    rows = np.flatnonzero(outside > np.maximum(tolerance_m2, tolerance_ratio * left.areas))
    return rows, outside[rows]


def within_reach(
    boxes: NDArray[np.float64], other: Table, reach_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of boxes (west, south, east, north in degrees) and rows of a table that may lie so near to one another."""
    import numpy as np

    from jintu.kernel.overlay.pairs import candidates
    from jintu.kernel.overlay.tree import build

    margin = 1.001 * reach_m / other.lonlat.x_metres
    return candidates(boxes + margin * np.array([-1, -1, 1, 1]), build(other.boxes), 0, len(boxes))
