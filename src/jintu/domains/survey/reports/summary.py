"""The summary tables of a division from its layer versions, with the identities that must hold (Q6101–Q6104).

What cannot be computed says what it needs; it is never shown as zero.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from jintu.foundation.identity.scope import prefix_of
from jintu.foundation.layers import versions
from jintu.kernel.area.rounding import deviation
from jintu.kernel.errors import InputError, Missing, Unsupported

from . import carried, classes, cube, grid, tables
from .equations import Equations, Identity
from .ridges import Ridge, ridges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion

__all__ = ["Figures", "Line", "Result", "Summary", "of", "summary_of"]

LAYER = "survey.DLTB"
KEPT = 4
"""Summaries kept in memory; each is a few thousand numbers."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: ``cells`` in hundredths of the table's unit, ``exact`` in hundredths of m²."""

    prefix: str
    level: int
    own: str
    cells: tuple[int, ...]
    exact: tuple[int, ...]
    control: int | None = None

    @property
    def code(self) -> str:
        return grid.code_of(self.prefix)


@dataclass
class Result:
    """A computed table; ``needs`` says what is missing, and then there are no lines."""

    table: tables.Table
    unit: str
    columns: tuple[tables.Column, ...] = ()
    lines: list[Line] = field(default_factory=list)
    needs: tuple[str, ...] = ()
    source: str = ""
    ridges: list[Ridge] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Figures:
    """A table as arrays: ``cells`` (d, o, k) in hundredths of the unit and ``exact`` in hundredths of m², of the
    divisions in ``rows`` of the grid ``base``, by owner (``owners``, "" is all) and column."""

    base: grid.Grid
    rows: list[int]
    owners: tuple[str, ...]
    columns: tuple[tables.Column, ...]
    cells: NDArray[np.int64]
    exact: NDArray[np.int64]

    @cached_property
    def divisions(self) -> list[str]:
        return [self.base.divisions[row] for row in self.rows]


class Summary:
    """All tables of versions of DLTB: one county's, or those of the counties of a city.

    ``day`` chooses the other layers (XZQ, JBNTTB, XZDW, …) in force; the versions' own day unless given.
    """

    def __init__(self, pieces: Sequence[LayerVersion], day: date | None = None) -> None:
        if not pieces:
            raise Missing("There is no land-use version here.")
        self.pieces = list(pieces)
        self.day = day or max(v.valid_from for v in pieces)
        self.counties = [v.division for v in pieces]
        self.sources: dict[str, list[LayerVersion]] = {LAYER: self.pieces}
        self.keys: dict[str, dict[int, list[str]]] = {}
        """For bases that lie in polygons: keys of their patches by version."""
        self._checked: dict[tuple[str, str], list[Equations]] = {}
        self._grids: dict[str, grid.Grid | tuple[str, ...]] = {}
        self._lock = Lock()

    # --- sources ----------

    def others(self, layer: str) -> list[LayerVersion]:
        """Versions of another layer in force on the day, one for each county that has any."""
        if layer not in self.sources:
            found = [v for c in self.counties for v in versions.pieces_in_force(layer, c, self.day)]
            self.sources[layer] = list({v.pk: v for v in found}.values())
        return self.sources[layer]

    def _all(self, layer: str) -> list[LayerVersion] | None:
        """The same; None unless every county has one."""
        found = self.others(layer)
        held = [prefix_of(v.division) for v in found]
        whole = all(any(prefix_of(c).startswith(h) for h in held) for c in self.counties)
        return found if whole else None

    @cached_property
    def cubes(self) -> list[cube.Cube]:
        return [cube.collect(carried.sums(v)) for v in self.pieces]

    @property
    def patches(self) -> list[cube.Patches]:
        return [c.patches for c in self.cubes]

    @cached_property
    def villages(self) -> dict[str, tuple[str, int]]:
        """Name and control area (hundredths of m²) of each village, as XZQ gives them."""
        found: dict[str, tuple[str, int]] = {}
        for version in self.others("survey.XZQ"):
            table = version.table(["division_code", "division_name", "control_area_m2"])
            for code, name, area in zip(*(c.to_pylist() for c in table.columns), strict=True):
                before = found.get(code, (name, 0))[1]
                found[code] = (name or code, before + round((area or 0.0) * 100))
        return found

    def control(self, prefix: str) -> int | None:
        """Control area of a division: Σ KZMJ of its villages; None when XZQ does not tell."""
        return self._controlled.get(prefix)

    @cached_property
    def _controlled(self) -> dict[str, int]:
        """Control area by every beginning of a village's code."""
        sums: dict[str, int] = {}
        for code, (_, area) in self.villages.items():
            for n in range(len(code) + 1):
                sums[code[:n]] = sums.get(code[:n], 0) + area
        return sums

    # --- grids ----------

    def grid(self, base: str) -> grid.Grid | tuple[str, ...]:
        """The grid of a base, or what it needs."""
        with self._lock:
            if base not in self._grids:
                made = getattr(self, f"_{base}")()
                self._grids[base] = made if isinstance(made, tuple) else grid.build(made, self.counties, self._rows)
            return self._grids[base]

    @cached_property
    def _rows(self) -> list[str]:
        """Villages that get a row in every table."""
        return sorted({v for p in self.patches for v in p.villages} | {c for c in self.villages if len(c) == 12})

    def _patches(self) -> Any:
        return self._everything

    @cached_property
    def _everything(self) -> Any:
        """Net areas, ridges, and the shares of linear and scattered features; or what is needed for them."""
        import polars as pl

        needs = [f"DLBM 2007 ({p.four_digits})" for p in self.patches if p.four_digits][:1]
        frames = [c.frame for c in self.cubes]
        for layer, deducted, read in (
            ("survey.XZDW", sum(p.linear for p in self.patches), cube.lines),
            ("survey.LXDW", sum(p.scattered for p in self.patches), cube.points),
        ):
            if not deducted:
                continue
            found = self._all(layer)
            if found is None:
                needs.append(layer)
            else:
                frames += [read(v).select(pl.col(*cube.KEYS, "area", "rows")) for v in found]
        return tuple(needs) if needs else cube.summed(frames)

    def _farmland(self) -> Any:
        found = self._all("survey.JBNTTB")
        return ("survey.JBNTTB",) if found is None else cube.summed([cube.farmland(v).frame for v in found])

    def _exclave(self) -> Any:
        """Patches in the parts of XZQ that are marked 01 (飞入地)."""
        import shapely

        found = self._all("survey.XZQ")
        if found is None:
            return ("survey.XZQ",)
        shapes = []
        for version in found:
            table = version.table(["description_code", "geometry"])
            marks, wkb = (c.to_pylist() for c in table.columns)
            if not any(marks):
                return ("survey.XZQ MSSM",)
            shapes += [shapely.from_wkb(w) for m, w in zip(marks, wkb, strict=True) if m == "01"]
        return self._inside("exclave", shapes)

    def _inside(self, base: str, shapes: list[Any]) -> Any:
        """Patches in polygons; their keys are kept for the lists behind the figures."""
        self.keys[base] = {v.pk: cube.inside(v, shapes) for v in self.pieces}
        return cube.summed([cube.of_patches(v, self.keys[base][v.pk]) for v in self.pieces])

    def _exclave_owner(self) -> Any:
        import polars as pl

        whole = self._everything
        return whole if isinstance(whole, tuple) else whole.filter(pl.col("remote"))

    def _island(self) -> Any:
        """Patches inside the closed coast lines of XZQJX."""
        from .islands import outlines

        found = self._all("survey.XZQJX")
        if found is None:
            return ("survey.XZQJX",)
        shapes = [s for v in found for s in outlines(v)]
        return self._inside("island", shapes)

    def _urban(self) -> Any:
        """Parcels of the urban survey; without them, patches that carry its classes themselves."""
        import polars as pl

        found = self._all("survey.ZD")
        if found:
            return cube.summed([cube.parcels(v).frame for v in found])
        frames = [c.frame.filter(pl.col("code").is_in(list(classes.urban()))) for c in self.cubes]
        return cube.summed(frames) if any(len(f) for f in frames) else ("survey.ZD",)

    # --- tables ----------

    def divisions(self) -> list[str]:
        """Prefixes of all divisions, highest first."""
        made = self.grid("patches")
        if isinstance(made, grid.Grid):
            return made.divisions
        return grid.build(self.cubes[0].frame.clear(), self.counties, self._rows).divisions

    def top(self) -> str:
        return self.divisions()[0]

    def table(self, table: tables.Table, prefix: str, unit: str, *, depth: int = 1) -> Result:
        """A table of a division: itself, its children and so on ``depth`` levels down. Raises `Missing`."""
        if unit not in grid.UNITS:
            raise InputError("{unit} is no unit of areas.", remedy="Use ha, mu or m2.", unit=unit)
        if table.layout == "ridge":
            lines = ridges(self.pieces, prefix, self.day, self.others("survey.TKXSB"))
            return Result(table, unit, ridges=lines, source=LAYER)
        base = self.grid(table.base)
        if isinstance(base, tuple):
            return Result(table, unit, needs=base)
        figures = self.figures(table, prefix, unit, depth)
        result = Result(table, unit, figures.columns, source=self._source(table.base))
        told = figures.cells.tolist(), figures.exact.tolist()
        for division, shown, known in zip(figures.divisions, *told, strict=True):
            for own, cells, exact in zip(figures.owners, shown, known, strict=True):
                control = self.control(division) if table.base == "patches" and not own else None
                result.lines.append(Line(division, len(division), own, tuple(cells), tuple(exact), control))
        return result

    def figures(self, table: tables.Table, prefix: str, unit: str, depth: int) -> Figures:
        """The figures of a table whose base there is, as `table` has them. Raises `Missing`."""
        base = self.grid(table.base)
        assert isinstance(base, grid.Grid)
        if prefix not in base.row:
            raise Missing("There is no division {division} in these versions.", division=grid.code_of(prefix))
        rows = _rows_below(base, prefix, depth)
        owners = ("", *tables.OWNERS) if table.by_owner else ("",)
        columns = [base.mask(c.where) for c in table.columns]
        picked = np.array([c * base.mask(tables.Where(own=own)) if own else c for own in owners for c in columns])
        picked = picked.T.reshape(len(base.leaves), len(owners) * len(columns))
        both = _columns_of(np.concatenate([base.rounded(unit)[rows], base.exact[rows]]), picked)
        cells, exact = both.reshape(2, len(rows), len(owners), len(columns))
        shown = _shown(table.columns, exact)
        return Figures(
            base, rows, owners, tuple(table.columns[i] for i in shown), cells[:, :, shown], exact[:, :, shown]
        )

    def _source(self, base: str) -> str:
        if base == "farmland":
            return "survey.JBNTTB"
        if base == "urban":
            return "survey.ZD" if self._all("survey.ZD") else LAYER
        return LAYER

    def versions_of(self, base: str) -> list[LayerVersion]:
        """The versions whose features make the figures of a base."""
        layer = self._source(base)
        return self.pieces if layer == LAYER else self.others(layer)

    # --- identities ----------

    def equations(self, prefix: str = "", unit: str = "ha") -> list[Equations]:
        """Every equation the tables must fulfil, from the printed figures; the whole tree below ``prefix``."""
        from .summary_checks import equations

        prefix = prefix or self.top()
        if (prefix, unit) not in self._checked:
            self._checked[prefix, unit] = equations(self, prefix, unit)
        return self._checked[prefix, unit]

    def identities(self, prefix: str = "", unit: str = "ha") -> list[Identity]:
        """The same one by one."""
        return [one for asked in self.equations(prefix, unit) for one in asked]

    def deviation(self, unit: str = "ha") -> float:
        """The largest distance of a printed total from its exact value, in hundredths of the unit; by counties down."""
        base = self.grid("patches")
        if not isinstance(base, grid.Grid):
            return 0.0
        times, under = grid.UNITS[unit]
        return deviation(base.exact * times, base.rounded(unit), base.groups, under)

    # --- for machines ----------

    def as_json(self, prefix: str = "", unit: str = "ha", depth: int = 1) -> dict[str, Any]:
        """Tables and identities of a division."""
        from .words import as_json

        return as_json(self, prefix or self.top(), unit, depth)

    def workbook(self, path: Path, prefix: str = "") -> None:
        """Write all tables of a division as a spreadsheet."""
        from .workbook import write

        write(self, path, prefix)


def _rows_below(base: grid.Grid, prefix: str, depth: int) -> list[int]:
    """The row of a division and of those up to ``depth`` levels below, each parent before its children."""
    start = base.row[prefix]
    level = {start: 0}
    found = [start]
    for row in range(start + 1, len(base.divisions)):
        above = base.parents[row]
        if above in level:
            level[row] = level[above] + 1
            if level[row] <= depth:
                found.append(row)
    return found


def _columns_of(cells: NDArray[np.int64], picked: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cells (d, c) summed into columns (c, k). Below 2⁵³ floats are exact, and multiplied faster."""
    if len(cells) and np.abs(cells).sum(axis=1).max(initial=0) < 2**53:
        return (cells.astype(np.float64) @ picked.astype(np.float64)).astype(np.int64)
    return cells @ picked


def _shown(columns: Sequence[tables.Column], exact: NDArray[np.int64]) -> list[int]:
    """Numbers of the columns to be shown: those for what should not occur (no class, slope or type) where it does."""
    used = exact.any(axis=(0, 1))
    rare = (classes.OUTSIDE, "-")
    return [i for i, c in enumerate(columns) if used[i] or not c.key.endswith(rare)]


# --- kept ----------

_kept: OrderedDict[tuple[Any, ...], Summary] = OrderedDict()
_kept_lock = Lock()


def of(pieces: Sequence[LayerVersion], day: date | None = None) -> Summary:
    """The summary of versions, kept in memory while its versions are asked for: a version never changes."""
    made = Summary(pieces, day)
    layers = tuple(f"survey.{t}" for t in ("XZQ", "JBNTTB", "XZDW", "LXDW", "XZQJX", "ZD", "TKXSB"))
    others = [(name, tuple(sorted(v.pk for v in made.others(name)))) for name in layers]
    key = (tuple(sorted((v.pk, v.hash) for v in pieces)), made.day, tuple(others))
    with _kept_lock:
        found = _kept.setdefault(key, made)
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


def summary_of(version: LayerVersion) -> Summary:
    """The summary of one version. Raises `Unsupported` for another layer."""
    if version.layer != LAYER:
        raise Unsupported("Summary tables are made of {layer}.", layer=LAYER)
    return of([version])
