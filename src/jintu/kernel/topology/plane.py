"""The plane in which topology is judged, and when two places in it are the same."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Plane"]


@dataclass(frozen=True)
class Plane:
    """Coordinates × metres per unit, and two lengths in metres.

    ``resolution``   the grid on which coordinates are compared: what rounds to one grid point is one vertex. The
                     surveys deliver 0.0001 m (onemap.md §12, Q1204)
    ``tolerance``    vertices nearer to one another, or to an edge, are taken as meeting (Q1204: 0.001 m)
    ``x_metres``, ``y_metres``   metres per unit of x and y: 1 in a plane system. Longitude and latitude may be judged
                     with the local metres per degree (`Plane.degrees`): edges straight in degrees stay straight
    """

    resolution: float = 1e-4
    tolerance: float = 1e-3
    x_metres: float = 1.0
    y_metres: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.resolution <= self.tolerance:
            raise ValueError("the resolution must be positive and not coarser than the tolerance")

    @staticmethod
    def degrees(latitude: float, resolution: float = 1e-4, tolerance: float = 1e-3) -> Plane:
        """Longitude and latitude near ``latitude``, in metres to about 1 % over a degree."""
        from math import cos, radians

        y_metres = 111_132.95 - 559.85 * cos(2 * radians(latitude))
        x_metres = 111_412.88 * cos(radians(latitude)) - 93.5 * cos(3 * radians(latitude))
        return Plane(resolution, tolerance, x_metres, y_metres)

    @property
    def grid(self) -> tuple[float, float]:
        """Grid points per unit of x and of y."""
        return self.x_metres / self.resolution, self.y_metres / self.resolution

    @property
    def reach(self) -> float:
        """The tolerance in grid points."""
        return self.tolerance / self.resolution
