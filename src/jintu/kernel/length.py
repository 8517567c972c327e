"""Lengths of lines on the CGCS2000 ellipsoid.

>>> import shapely
>>> line = shapely.LineString([(118.0, 36.0), (118.0, 36.01), (118.01, 36.01)])
>>> geodesic([line, None, shapely.Point(118, 36)]).round(2).tolist()
[2011.1, 0.0, 0.0]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jintu.kernel.crs import CGCS2000

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["geodesic"]


def geodesic(shapes: Any) -> NDArray[np.float64]:
    """Metres along each line, or round each polygon, vertex to vertex on the ellipsoid; 0 for points and None.

    ``shapes``: Shapely (n,) in longitude and latitude. Geodesics by Karney 2013, through PROJ.
    """
    import numpy as np
    import pyproj
    import shapely

    given = np.asarray(shapes, dtype=object)
    parts, owner = shapely.get_parts(given, return_index=True)
    rings = shapely.get_type_id(parts) == 3
    lines = np.concatenate((parts[~rings], shapely.get_rings(parts[rings])))
    _, of_ring = shapely.get_rings(parts[rings], return_index=True)
    owner = np.concatenate((owner[~rings], owner[rings][of_ring]))
    points, line = shapely.get_coordinates(lines, return_index=True)
    inside = line[1:] == line[:-1]
    ends, begins = points[1:][inside], points[:-1][inside]
    ellipsoid = pyproj.Geod(a=CGCS2000.semi_major, rf=CGCS2000.inverse_flattening)
    _, _, metres = ellipsoid.inv(begins[:, 0], begins[:, 1], ends[:, 0], ends[:, 1])
    out = np.zeros(len(given))
    np.add.at(out, owner[line[1:][inside]], metres)
    return out
