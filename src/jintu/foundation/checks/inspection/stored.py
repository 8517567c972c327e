"""A layer version as a table that lies on disc: attributes are read by the column, outlines a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jintu.foundation.layers import lake
from jintu.foundation.layers.placing import is_plane
from jintu.kernel.once import once

from ..lazy import pl
from . import taken
from .tables import PART, Table

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion
    from jintu.kernel.flat import Polygons
    from jintu.kernel.lines import Lines
    from jintu.kernel.topology import Defects, Plane

__all__ = ["Stored"]

FEW = 8
"""Rows are sought one by one where fewer than one in so many of their row groups are wanted."""
ROW = "__row__"


class Stored(Table):
    """``frame``, ``wkb`` and ``plane_wkb`` are there as of any table and read everything, each time: they are for small
    layers. What is read is checked against what was published (`lake.check_parts`)."""

    def __init__(self, version: LayerVersion, look: Callable[[Plane], Defects] | None = None) -> None:
        self.schema, self.crs, self.look = version.schema, version.crs, look
        self.whole, self.first = None, 0
        self._beside = {}
        self.version = version
        self._path = version.directory / lake.DATA
        self._footer: Any = None
        with self._open() as file:
            self._footer = file.metadata
            there = file.schema_arrow.names
            self._count = file.metadata.num_rows
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        self._starts = [sum(sizes[:g]) for g in range(len(sizes) + 1)]
        self._names = [n for n in version.schema.columns if n in there]
        self._geometry, self._covered = lake.GEOMETRY in there, lake.BBOX in there
        self._plane = lake.DELIVERED in there and is_plane(version.crs)
        self._known = version.manifest_hash, str(self._path), lake.stamp(version.directory)

    def _open(self) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetFile(self._path, memory_map=True, metadata=self._footer)

    def __len__(self) -> int:
        return self._count

    @property
    def names(self) -> list[str]:
        return self._names

    @property
    def has_outlines(self) -> bool:
        return self._geometry

    @property
    def in_plane(self) -> bool:
        return self._plane

    # --- everything ----------

    @property
    def frame(self) -> polars.DataFrame:  # type: ignore[override]
        return self.read(*self._names)

    @property
    def wkb(self) -> polars.Series | None:  # type: ignore[override]
        return self._column(lake.GEOMETRY) if self._geometry else None

    @property
    def plane_wkb(self) -> polars.Series | None:  # type: ignore[override]
        return self._column(lake.DELIVERED) if self._plane else None

    def _column(self, name: str) -> polars.Series:
        return self._groups(range(len(self._starts) - 1), [name]).to_series()

    # --- in pieces ----------

    def read(self, *names: str) -> polars.DataFrame:
        return self._groups(range(len(self._starts) - 1), list(names))

    def _groups(self, groups: Sequence[int], names: Sequence[str]) -> polars.DataFrame:
        """Columns of row groups."""
        lake.check_parts(self.version.directory, self.version.manifest_hash, groups)
        with self._open() as file:
            table = file.read_row_groups(list(groups), columns=list(names))
        return pl.from_arrow(table.select(list(names)))  # type: ignore[return-value]

    def _runs(self) -> Iterator[list[int]]:
        """Row groups that make a part together."""
        run: list[int] = []
        for group in range(len(self._starts) - 1):
            if run and self._starts[group + 1] - self._starts[run[0]] > PART:
                yield run
                run = []
            run.append(group)
        if run:
            yield run

    def parts(self, attributes: bool = True, lonlat: bool = True) -> Iterator[Table]:
        for run in self._runs():
            yield self._part(run, attributes, lonlat)

    @once
    def lines(self) -> Lines:
        from jintu.kernel.lines import Lines, concatenated

        name = lake.DELIVERED if self._plane else lake.GEOMETRY
        return concatenated([Lines.from_wkb(self._groups(run, [name]).to_series()) for run in self._runs()])

    def _part(self, run: list[int], attributes: bool = True, lonlat: bool = True) -> Table:
        outlines = [lake.GEOMETRY] * (self._geometry and (lonlat or not self._plane)) + [lake.DELIVERED] * self._plane
        names = [*(self._names if attributes else [self.schema.key]), *outlines]
        frame = self._groups(run, names)
        return self._table(frame, self._starts[run[0]])

    def _table(self, frame: polars.DataFrame, first: int = 0) -> Table:
        wkb = frame.get_column(lake.GEOMETRY) if lake.GEOMETRY in frame.columns else None
        plane = frame.get_column(lake.DELIVERED) if self._plane else None
        bare = frame.drop(lake.GEOMETRY, lake.DELIVERED, strict=False)
        return Table(self.schema, bare, wkb, plane, self.crs, whole=self, first=first)

    def rows(self, numbers: polars.Series) -> Table:
        outlines = [lake.GEOMETRY] * self._geometry + [lake.DELIVERED] * self._plane
        return self._table(self.take(numbers, [*self._names, *outlines]))

    def take(self, numbers: polars.Series, names: Sequence[str]) -> polars.DataFrame:
        """Columns of some rows, in their order, one row group at a time."""
        import numpy as np

        wanted = numbers.to_numpy().astype(np.int64)
        ascending, back = np.unique(wanted, return_inverse=True)
        if (found := taken.find(self._known, ascending, names)) is not None:
            return found[back]
        cuts = np.searchsorted(ascending, self._starts)
        groups = np.flatnonzero(np.diff(cuts)).tolist()
        if len(ascending) * FEW < sum(self._starts[g + 1] - self._starts[g] for g in groups):
            found = self._scattered(ascending, groups, names)
            if found is not None:
                taken.keep(self._known, ascending, found)
                return found[back]
        parts = [self._groups([], names)]
        for group in groups:
            inside = ascending[cuts[group] : cuts[group + 1]] - self._starts[group]
            parts.append(self._groups([group], names)[inside])
        return pl.concat(parts)[back]

    def _scattered(
        self, ascending: NDArray[np.int64], groups: Sequence[int], names: Sequence[str]
    ) -> polars.DataFrame | None:
        """Columns of a few rows: only the pages they lie in are unpacked. None where rows have no identifier to be
        sought by, or a row group beside theirs cannot be read."""
        import numpy as np

        key = self.schema.key
        cuts = np.searchsorted(ascending, self._starts)
        keys = pl.concat(
            [self._groups([g], [key])[ascending[cuts[g] : cuts[g + 1]] - self._starts[g]] for g in groups]
        ).to_series()
        if keys.null_count():
            return None
        if list(names) == [key]:
            return keys.to_frame()
        try:
            rows = pl.scan_parquet(self._path, glob=False, parallel="prefiltered", row_index_name=ROW)
            found = rows.filter(pl.col(key).is_in(keys.implode())).select(ROW, *names).collect()
        except pl.exceptions.PolarsError:
            return None
        found = found.filter(pl.col(ROW).is_in(pl.Series(ascending, dtype=pl.UInt32).implode()))  # identifiers twice
        return found.sort(ROW).drop(ROW)

    def keys_of(self, numbers: polars.Series) -> polars.Series:
        if "keys" in self.__dict__:
            return super().keys_of(numbers)
        return self.take(numbers, [self.schema.key]).to_series().cast(pl.String)

    def outlines(self, numbers: polars.Series) -> polars.Series:
        return self.take(numbers, [lake.GEOMETRY]).to_series()

    def judged_at(self, numbers: NDArray[np.int64]) -> Polygons:
        from jintu.kernel.flat import Polygons, from_wkb

        name = lake.DELIVERED if self._plane else lake.GEOMETRY
        column = self.take(pl.Series(numbers), [name]).to_series()
        return from_wkb(column, as_delivered=True) if self._plane else Polygons.from_wkb(column)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        return self.version.bbox

    def meeting(self, boxes: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows whose boxes meet any of some boxes (west, south, east, north in degrees), ascending: only row groups
        that meet them are looked at."""
        import numpy as np

        from jintu.foundation.layers.rowgroups import indexed
        from jintu.kernel.overlay.pairs import candidates
        from jintu.kernel.overlay.tree import build

        tree = build(boxes)
        if not self._covered:
            return np.unique(candidates(self.boxes, tree, 0, len(self))[0])
        found = [np.empty(0, dtype=np.int64)]
        over = indexed(self._path).boxes
        for group in np.unique(candidates(over, tree, 0, len(over))[0]).tolist():
            covering = self._groups([group], [lake.BBOX])
            found.append(np.unique(candidates(_sides(covering), tree, 0, len(covering))[0]) + self._starts[group])
        return np.concatenate(found)

    def coverings(self) -> NDArray[np.float64]:
        """Boxes as the file keeps them beside the outlines, or of the outlines where it keeps none."""
        if not self._covered:
            return self.boxes
        return _sides(self.read(lake.BBOX))

    @once
    def boxes(self) -> NDArray[np.float64]:
        import numpy as np

        return np.concatenate([np.empty((0, 4)), *(part.boxes for part in self.parts(attributes=False))])

    @once
    def areas(self) -> NDArray[np.float64]:
        import numpy as np

        return np.concatenate([np.empty(0), *(part.areas for part in self.parts(attributes=False))])


def _sides(covering: polars.DataFrame) -> NDArray[np.float64]:
    """The boxes of a covering, (n, 4)."""
    import numpy as np

    frame = covering.unnest(lake.BBOX)
    return np.column_stack([frame[side].to_numpy() for side in ("xmin", "ymin", "xmax", "ymax")])
