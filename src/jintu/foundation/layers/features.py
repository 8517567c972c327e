"""Features of a version in memory: boxes, geometry by its kind, attributes.

`Held` keeps such things while there is room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from . import shapes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = ["Features", "Held", "decoded", "joined"]

Box = tuple[float, float, float, float]


class Features:
    """Rows of a version in their order.

    ``kind``        of the geometry, as of `schemas.GEOMETRIES`
    ``polygons``    flat arrays; empty for lines and points: `shapes` gives features of every kind. A table has neither.
    ``boxes``       (n, 4) west, south, east, north
    ``attributes``  the other columns
    """

    def __init__(
        self,
        kind: str,
        polygons: Polygons,
        others: NDArray[Any] | None,
        boxes: NDArray[np.float64],
        attributes: pa.Table,
    ) -> None:
        self.kind, self.polygons, self._others, self.boxes, self.attributes = kind, polygons, others, boxes, attributes

    @classmethod
    def of(cls, table: pa.Table, kind: str) -> Features:
        """Of a table with a column ``geometry`` of WKB; without it for the kind "none"."""
        return cls(kind, *decoded(table, kind))

    def __len__(self) -> int:
        return self.attributes.num_rows

    @property
    def nbytes(self) -> int:
        import shapely

        size = self.polygons.nbytes + self.boxes.nbytes + self.attributes.nbytes
        if self._others is not None:  # a Shapely object costs about 200 bytes beside its coordinates
            size += 200 * len(self._others) + 16 * int(shapely.count_coordinates(self._others))
        return size

    def shapes(self, rows: Any) -> NDArray[np.object_]:
        """Shapely geometries of rows, whatever their kind."""
        import numpy as np

        wanted = np.asarray(rows, dtype=np.int64)
        return self._others[wanted] if self._others is not None else self.polygons.take(wanted).to_shapely()

    def near(self, bbox: Box) -> NDArray[np.int64]:
        """Rows whose boxes meet a box (west, south, east, north)."""
        import numpy as np

        west, south, east, north = bbox
        b = self.boxes
        return np.flatnonzero((b[:, 0] <= east) & (b[:, 2] >= west) & (b[:, 1] <= north) & (b[:, 3] >= south))

    def at(self, lon: float, lat: float, near: float = 0.0) -> list[int]:
        """Rows of polygons that hold a point, their boundary included; of lines and points within ``near`` degrees of
        it, the nearest first."""
        import numpy as np
        import shapely

        if self.kind == "polygon":
            near = 0.0
        rows = self.near((lon - near, lat - near, lon + near, lat + near))
        if not len(rows):
            return []
        away = shapely.distance(self.shapes(rows), shapely.Point(lon, lat))
        hit = np.flatnonzero(away <= near)
        return rows[hit[np.argsort(away[hit], kind="stable")]].tolist()

    def row(self, i: int) -> dict[str, Any]:
        """The attributes of a row by our names."""
        return self.attributes.slice(i, 1).to_pylist()[0]

    def take(self, rows: NDArray[np.int64]) -> Features:
        """Some of the rows, copied."""
        others = self._others[rows] if self._others is not None else None
        polygons = self.polygons.take(rows) if others is None else self.polygons
        return Features(self.kind, polygons, others, self.boxes[rows], self.attributes.take(rows))


def decoded(table: pa.Table, kind: str) -> tuple[Polygons, NDArray[Any] | None, NDArray[np.float64], pa.Table]:
    """Polygons, other shapes, boxes and attributes of a table."""
    import numpy as np
    import shapely

    from jintu.kernel.flat import Polygons

    if kind == "none":
        return Polygons.from_wkb([]), None, np.empty((0, 4)), table
    column, attributes = table.column("geometry"), table.drop_columns(["geometry"])
    if kind == "polygon":
        polygons = Polygons.from_wkb(column)
        return polygons, None, polygons.boxes(), attributes
    others = shapes.decoded(column)
    return Polygons.from_wkb([]), others, shapely.bounds(others), attributes


def joined(parts: Sequence[Features]) -> Features:
    """All rows, one part after the other; all of one layer, and at least one."""
    import numpy as np
    import pyarrow as pa

    from jintu.kernel.flat import concatenated

    if len(parts) == 1:
        return parts[0]
    others = None if parts[0]._others is None else np.concatenate([p._others for p in parts])
    return Features(
        parts[0].kind,
        concatenated([p.polygons for p in parts]),
        others,
        np.concatenate([p.boxes for p in parts]),
        pa.concat_tables([p.attributes for p in parts]),
    )


# --- kept ----------


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=_Sized)


class Held(Generic[T]):
    """Things in memory by key. The least recently used leave when all together pass ``limit()`` bytes; one stays. Two
    who ask for the same at the same time wait for one making of it."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self.limit = limit
        self.kept: OrderedDict[Any, tuple[T, int]] = OrderedDict()
        self.total = 0
        self._lock = Lock()
        self._making: dict[Any, Lock] = {}

    def get(self, key: Any) -> T | None:
        """What is kept under a key."""
        with self._lock:
            found = self.kept.get(key)
            if found is None:
                return None
            self.kept.move_to_end(key)
            return found[0]

    def or_made(self, key: Any, make: Callable[[], T]) -> T:
        """The same, made and kept where it is not there."""
        found = self.get(key)
        if found is not None:
            return found
        with self._lock:
            lock = self._making.setdefault(key, Lock())
        try:
            with lock:
                found = self.get(key)
                if found is None:
                    found = make()
                    self._keep(key, found)
                return found
        finally:
            with self._lock:
                self._making.pop(key, None)

    def _keep(self, key: Any, made: T) -> None:
        size = made.nbytes
        with self._lock:
            self.kept[key] = made, size
            self.total += size
            while self.total > self.limit() and len(self.kept) > 1:
                _, (_, gone) = self.kept.popitem(last=False)
                self.total -= gone

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.kept.clear()
            self.total = 0
