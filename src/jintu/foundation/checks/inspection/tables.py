"""What a rule of the inspection sees: layers as frames with outlines, and errors as frames.

Pure: made of frames and arrays, it knows no database. Attributes have our names and the lake's types (codes and
identifiers String, figures Float64, days Date); outlines are lon/lat EPSG:4490, and ``plane`` holds the delivered ones
where the file came in a plane system: lengths, angles and topology are looked at there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from jintu.kernel.once import making, once

from ..lazy import pl

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.layers.schemas import Schema
    from jintu.kernel.flat import Polygons
    from jintu.kernel.lines import Lines
    from jintu.kernel.overlay import Prepared
    from jintu.kernel.topology import Defects, Plane, Remains, Scan

__all__ = ["ERRORS", "PART", "Dataset", "Table", "no_errors"]

T = TypeVar("T")
PART = 32_768
"""Rows of a layer that are looked at together: a part of that many is held, and not the layer."""
ERRORS = ("row", "field", "value", "expected", "geometry")
"""Columns of a frame of errors: row of the table, our name of the column (of outlines see `fields`), what stands there,
what should, and the place (WKB, EPSG:4490) where it is not the feature's own outline."""


def no_errors() -> polars.DataFrame:
    """Such a frame without rows."""
    text = dict.fromkeys(("field", "value", "expected"), pl.String)
    return pl.DataFrame(schema={"row": pl.Int64, **text, "geometry": pl.Binary})


@dataclass
class Table:
    """One layer, or a part of it. ``wkb``: outlines, a Binary column; ``plane_wkb``: as delivered, where that is a
    plane system. A part knows the layer it is of (``whole``) and the number there of its first row (``first``).

    Rules that keep to rows (see `reuse`) see parts and may take all they want of them. Others see the layer, which may
    lie on disc (`stored.Stored`): they name the columns they `read`, and go through `parts` for outlines.
    """

    schema: Schema
    frame: polars.DataFrame
    wkb: polars.Series | None = None
    plane_wkb: polars.Series | None = None
    crs: str = ""
    look: Callable[[Plane], Defects] | None = None
    """Topology of the file these rows were read from, where a cluster looks at it instead of this process."""
    whole: Table | None = field(default=None, repr=False)
    first: int = 0
    _beside: dict[str, tuple[Table, Any]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.frame.height

    @property
    def names(self) -> list[str]:
        """Of the attributes there are."""
        return self.frame.columns

    @property
    def has_outlines(self) -> bool:
        return self.wkb is not None

    @property
    def in_plane(self) -> bool:
        """Are there outlines as delivered, in a plane system?"""
        return self.plane_wkb is not None

    def read(self, *names: str) -> polars.DataFrame:
        """Some attributes of all rows."""
        return self.frame.select(names)

    def rows(self, numbers: polars.Series) -> Table:
        """Some of its rows, in that order, as a table of their own."""
        return Table(
            self.schema,
            self.frame[numbers],
            None if self.wkb is None else self.wkb.gather(numbers),
            None if self.plane_wkb is None else self.plane_wkb.gather(numbers),
            self.crs,
            whole=self.whole or self,
        )

    def parts(self, attributes: bool = True, lonlat: bool = True) -> Iterator[Table]:
        """All rows, a part at a time; without ``attributes``, outlines alone may be there, and without ``lonlat`` those
        alone that topology is looked at in."""
        if len(self) <= PART:
            yield self
            return
        for start in range(0, len(self), PART):
            yield Table(
                self.schema,
                self.frame.slice(start, PART),
                None if self.wkb is None else self.wkb.slice(start, PART),
                None if self.plane_wkb is None else self.plane_wkb.slice(start, PART),
                self.crs,
                whole=self,
                first=start,
            )

    @once
    def keys(self) -> polars.Series:
        return self.read(self.schema.key).to_series().cast(pl.String)

    def keys_of(self, numbers: polars.Series) -> polars.Series:
        """Identifiers of some rows, in that order."""
        return self.keys.gather(numbers)

    def outlines(self, numbers: polars.Series) -> polars.Series:
        """Outlines (WKB, lon/lat) of some rows, in that order."""
        return self._of(self.wkb).gather(numbers)

    def beside(self, other: Table, what: str, make: Callable[[], T]) -> T:
        """What several rules reckon of this table beside another one: made once, kept with the table."""
        with making(self, what):
            with_whom, made = self._beside.get(what, (None, None))
            if with_whom is not other:
                made = make()
                self._beside[what] = other, made
            return made  # type: ignore[return-value]

    @once
    def polygons(self) -> Polygons:
        """Outlines in lon/lat; raises where the layer has none."""
        from jintu.kernel.flat import Polygons

        return Polygons.from_wkb(self._of(self.wkb))

    @once
    def plane(self) -> Polygons | None:
        """Outlines as delivered, in metres, rings as they were turned; None where they came in degrees."""
        from jintu.kernel.flat import from_wkb

        return None if self.plane_wkb is None else from_wkb(self.plane_wkb, as_delivered=True)

    def _of(self, wkb: polars.Series | None) -> polars.Series:
        if wkb is None:
            raise ValueError(f"{self.schema.table} has no outlines")
        return wkb

    @once
    def areas(self) -> NDArray[np.float64]:
        """Ellipsoidal m² of each outline."""
        return self.polygons.areas()

    @once
    def prepared(self) -> Prepared:
        """Outlines ready for any number of overlays."""
        from jintu.kernel.overlay import prepare

        return prepare(self.polygons)

    @property
    def judged(self) -> Polygons:
        """The polygons topology is looked at in: as delivered where that is a plane, else in degrees."""
        return self.polygons if self.plane is None else self.plane

    @once
    def lines(self) -> Lines:
        """The lines topology is looked at in: as delivered where that is a plane, else in degrees."""
        from jintu.kernel.lines import Lines

        return Lines.from_wkb(self._of(self.plane_wkb if self.in_plane else self.wkb))

    @once
    def measures(self) -> Plane:
        """Metres and tolerances of the coordinates topology is looked at in."""
        from jintu.kernel.topology import Plane

        return Plane() if self.in_plane or not self.has_outlines or not len(self) else self.lonlat

    @once
    def lonlat(self) -> Plane:
        """Metres of the degrees of the layer, about its middle."""
        import numpy as np

        from jintu.kernel.topology import Plane

        if self.whole is not None:
            return self.whole.lonlat
        sides = self.boxes[:, 1::2]
        return Plane.degrees(float(sides[np.isfinite(sides)].mean()))

    @once
    def invalid(self) -> Defects:
        """What makes single polygons not valid, as delivered."""
        from jintu.kernel.topology import validity

        return validity(self.judged)

    @once
    def scan(self) -> Scan:
        """What topology keeps of these rows, by their numbers in the layer."""
        import numpy as np

        from jintu.kernel.topology import Kind, scan

        crossing = np.unique(self.invalid.of(Kind.SELF_CROSSING).rows)
        numbers = np.arange(self.first, self.first + len(self))
        return scan(self.judged, numbers, self.measures, crossing=crossing)

    @once
    def remains(self) -> Remains:
        """What topology keeps of the layer."""
        from jintu.kernel.topology import remains

        return remains([part.scan for part in self.parts(attributes=False, lonlat=False)])

    @once
    def defects(self) -> Defects:
        """What is wrong between the polygons: gaps, overlaps, copies."""
        if self.look:
            return self.look(self.measures)
        return self.remains.defects(self.judged_at, self.measures)

    @once
    def copies(self) -> Defects:
        """Rows that are there twice: all that is asked of layers that are no partition."""
        import numpy as np

        from jintu.kernel.topology.copies import copies
        from jintu.kernel.topology.rings import measure

        none = np.empty(0, dtype=np.uint64)
        parts = self.parts(attributes=False, lonlat=False)
        found = [measure(part.judged, self.measures) for part in parts]
        vertices, boundary = (np.concatenate([none, *(getattr(m, n) for m in found)]) for n in ("vertices", "boundary"))
        return copies(np.arange(len(self)), vertices, boundary, self.judged_at, self.measures)

    def judged_at(self, numbers: NDArray[np.int64]) -> Polygons:
        """Some of the polygons topology is looked at in, in that order."""
        return self.judged.take(numbers)

    @once
    def boxes(self) -> NDArray[np.float64]:
        """West, south, east, north of each outline in degrees, (n, 4)."""
        import shapely

        if self.schema.geometry == "polygon":
            return self.polygons.boxes()
        if self.schema.geometry == "line":
            from jintu.kernel.lines import Lines

            return (Lines.from_wkb(self._of(self.wkb)) if self.in_plane else self.lines).boxes()
        return shapely.bounds(shapely.from_wkb([] if self.wkb is None else self.wkb.to_numpy()))

    def coverings(self) -> NDArray[np.float64]:
        """Boxes that the outlines lie in, (n, 4), where they need not be the smallest."""
        return self.boxes

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the layer in degrees."""
        import numpy as np

        west, south = np.nanmin(self.boxes[:, :2], axis=0).tolist()
        east, north = np.nanmax(self.boxes[:, 2:], axis=0).tolist()
        return west, south, east, north

    @property
    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x and y of every vertex of the coordinates topology is looked at in."""
        import shapely

        if self.schema.geometry == "polygon":
            return self.judged.x, self.judged.y
        if self.schema.geometry == "line":
            return self.lines.x, self.lines.y
        x, y = shapely.get_coordinates(self.shapes).T
        return x, y

    @once
    def shapes(self) -> NDArray[np.object_]:
        """Shapely geometries of the same coordinates, lines and points too."""
        import shapely

        wkb = self.plane_wkb if self.in_plane else self.wkb
        return shapely.from_wkb(wkb.to_numpy()) if wkb is not None else shapely.from_wkb([None] * len(self))

    def placed(self, shapes: NDArray[np.object_]) -> list[bytes]:
        """Shapes of that plane as WKB in lon/lat."""
        import numpy as np
        import shapely

        from jintu.foundation.layers.placing import system_delivered

        if self.in_plane:
            turn = system_delivered(self.crs).lonlat
            shapes = shapely.transform(shapely.force_2d(shapes), lambda p: np.column_stack(turn(*p.T)))
        return list(shapely.to_wkb(shapes, byte_order=1))

    def errors(
        self,
        where: polars.Expr | polars.Series,
        column: str = "",
        *,
        expected: polars.Expr | str = "",
        value: polars.Expr | None = None,
    ) -> polars.DataFrame:
        """The rows where a condition holds (null does not), as errors of a column."""
        shown = value if value is not None else pl.col(column) if column in self.names else pl.lit("")
        wanted = expected if not isinstance(expected, str) else pl.lit(expected)
        asked = [e for e in (where, shown, wanted) if isinstance(e, pl.Expr)]
        columns = sorted({name for expression in asked for name in expression.meta.root_names()})
        numbered = pl.DataFrame({"row": pl.int_range(len(self), dtype=pl.Int64, eager=True)})
        return (
            (numbered.hstack(self.read(*columns)) if columns else numbered)
            .filter(where)
            .select(
                pl.col("row"),
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
