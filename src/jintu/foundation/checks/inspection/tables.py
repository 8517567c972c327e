"""What a rule of the inspection sees: layers as frames with outlines, and errors as frames.

Pure: made of frames and arrays, it knows no database. Attributes have our names and the lake's types (codes and
identifiers String, figures Float64, days Date); outlines are lon/lat EPSG:4490, and ``plane`` holds the delivered ones
where the file came in a plane system: lengths, angles and topology are looked at there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..lazy import pl

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.layers.schemas import Schema
    from jintu.kernel.flat import Polygons
    from jintu.kernel.overlay import Prepared
    from jintu.kernel.topology import Defects, Plane

__all__ = ["ERRORS", "Dataset", "Table", "no_errors"]

T = TypeVar("T")
ERRORS = ("row", "field", "value", "expected", "geometry")
"""Columns of a frame of errors: row of the table, our name of the column ("" for the outline), what stands there, what
should, and the place (WKB, EPSG:4490) where it is not the feature's own outline."""


def no_errors() -> polars.DataFrame:
    """Such a frame without rows."""
    text = dict.fromkeys(("field", "value", "expected"), pl.String)
    return pl.DataFrame(schema={"row": pl.Int64, **text, "geometry": pl.Binary})


@dataclass
class Table:
    """One layer. ``wkb``: outlines, a Binary column; ``plane_wkb``: as delivered, where that is a plane system."""

    schema: Schema
    frame: polars.DataFrame
    wkb: polars.Series | None = None
    plane_wkb: polars.Series | None = None
    crs: str = ""
    look: Callable[[Plane], Defects] | None = None
    """Topology of the file these rows were read from, where a cluster looks at it instead of this process."""
    _beside: dict[str, tuple[Table, Any]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.frame.height

    def rows(self, numbers: polars.Series) -> Table:
        """Some of its rows, in that order, as a table of their own."""
        return Table(
            self.schema,
            self.frame[numbers],
            None if self.wkb is None else self.wkb.gather(numbers),
            None if self.plane_wkb is None else self.plane_wkb.gather(numbers),
            self.crs,
        )

    @cached_property
    def keys(self) -> polars.Series:
        return self.frame[self.schema.key].cast(pl.String)

    def beside(self, other: Table, what: str, make: Callable[[], T]) -> T:
        """What several rules reckon of this table beside another one: made once, kept with the table."""
        with_whom, made = self._beside.get(what, (None, None))
        if with_whom is not other:
            made = make()
            self._beside[what] = other, made
        return made  # type: ignore[return-value]

    @cached_property
    def polygons(self) -> Polygons:
        """Outlines in lon/lat; raises where the layer has none."""
        from jintu.kernel.flat import Polygons

        return Polygons.from_wkb(self._column(self.wkb))

    @cached_property
    def plane(self) -> Polygons | None:
        """Outlines as delivered, in metres, rings as they were turned; None where they came in degrees."""
        from jintu.kernel.flat import from_wkb

        return None if self.plane_wkb is None else from_wkb(self._column(self.plane_wkb), as_delivered=True)

    def _column(self, wkb: polars.Series | None) -> Any:
        if wkb is None:
            raise ValueError(f"{self.schema.table} has no outlines")
        return wkb.to_arrow()

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """Ellipsoidal m² of each outline."""
        return self.polygons.areas()

    @cached_property
    def prepared(self) -> Prepared:
        """Outlines ready for any number of overlays."""
        from jintu.kernel.overlay import prepare

        return prepare(self.polygons)

    @property
    def judged(self) -> Polygons:
        """The polygons topology is looked at in: as delivered where that is a plane, else in degrees."""
        return self.polygons if self.plane is None else self.plane

    @cached_property
    def measures(self) -> Plane:
        """Metres and tolerances of the coordinates topology is looked at in."""
        from jintu.kernel.topology import Plane

        return Plane() if self.plane_wkb is not None or self.wkb is None or not len(self) else self.lonlat

    @cached_property
    def lonlat(self) -> Plane:
        """Metres of the degrees of the layer, about its middle."""
        import numpy as np

        from jintu.kernel.topology import Plane

        return Plane.degrees(float(np.nanmean(self.boxes[:, 1::2])))

    def _lonlat_shapes(self) -> NDArray[np.object_]:
        import shapely

        return shapely.from_wkb([] if self.wkb is None else self.wkb.to_numpy())

    @cached_property
    def invalid(self) -> Defects:
        """What makes single polygons not valid, as delivered."""
        from jintu.kernel.topology import validity

        return validity(self.judged)

    @cached_property
    def defects(self) -> Defects:
        """What is wrong between the polygons: gaps, overlaps, copies; and slivers."""
        if self.look:
            return self.look(self.measures)
        import numpy as np

        from jintu.kernel.topology import Kind, conclude, scan

        crossing = np.unique(self.invalid.of(Kind.SELF_CROSSING).rows)
        part = scan(self.judged, None, self.measures, crossing=crossing)
        return conclude([part], self.judged.take, self.measures)

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """West, south, east, north of each outline in degrees, (n, 4)."""
        import shapely

        return self.polygons.boxes() if self.schema.geometry == "polygon" else shapely.bounds(self._lonlat_shapes())

    @cached_property
    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x and y of every vertex of the coordinates topology is looked at in."""
        import shapely

        if self.schema.geometry == "polygon":
            return self.judged.x, self.judged.y
        x, y = shapely.get_coordinates(self.shapes).T
        return x, y

    @cached_property
    def shapes(self) -> NDArray[np.object_]:
        """Shapely geometries of the same coordinates, lines and points too."""
        import shapely

        wkb = self.wkb if self.plane_wkb is None else self.plane_wkb
        return shapely.from_wkb(wkb.to_numpy()) if wkb is not None else shapely.from_wkb([None] * len(self))

    def placed(self, shapes: NDArray[np.object_]) -> list[bytes]:
        """Shapes of that plane as WKB in lon/lat."""
        import shapely

        from jintu.kernel import crs as systems

        lonlat = systems.to_lonlat(shapes, systems.parse(self.crs)) if self.plane_wkb is not None else shapes
        return list(shapely.to_wkb(lonlat, byte_order=1))

    def errors(
        self,
        where: polars.Expr | polars.Series,
        column: str = "",
        *,
        expected: polars.Expr | str = "",
        value: polars.Expr | None = None,
    ) -> polars.DataFrame:
        """The rows where a condition holds (null does not), as errors of a column."""
        shown = value if value is not None else pl.col(column) if column in self.frame.columns else pl.lit("")
        wanted = expected if not isinstance(expected, str) else pl.lit(expected)
        return (
            self.frame.with_row_index("row")
            .filter(where)
            .select(
                pl.col("row").cast(pl.Int64),
                pl.lit(column).alias("field"),
                shown.cast(pl.String).fill_null("").alias("value"),
                wanted.cast(pl.String).fill_null("").alias("expected"),
                pl.lit(None, dtype=pl.Binary).alias("geometry"),
            )
        )

    def errors_at(
        self,
        rows: Iterable[int],
        *,
        column: str = "",
        values: Iterable[Any] | None = None,
        expected: str = "",
        geometry: Iterable[bytes | None] | None = None,
    ) -> polars.DataFrame:
        """Errors of rows by number, each with its value and place."""
        numbers = [int(r) for r in rows]
        n = len(numbers)
        return pl.DataFrame(
            {
                "row": pl.Series(numbers, dtype=pl.Int64),
                "field": pl.Series([column] * n, dtype=pl.String),
                "value": pl.Series([str(v) for v in values] if values is not None else [""] * n, dtype=pl.String),
                "expected": pl.Series([expected] * n, dtype=pl.String),
                "geometry": pl.Series(list(geometry) if geometry is not None else [None] * n, dtype=pl.Binary),
            }
        )


@dataclass
class Dataset:
    """The layers of a division on a day, by the standard's table name. ``divisions``: code → name on that day, where
    the node knows them; ``targets``: plan indicators by code; ``given``: what rules see beside layers, by name (see
    `given`)."""

    tables: Mapping[str, Table]
    as_of: date
    division: str = ""
    divisions: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    def __contains__(self, table: object) -> bool:
        return table in self.tables

    def __getitem__(self, table: str) -> Table:
        return self.tables[table]

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())
