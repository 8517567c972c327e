"""The equations of a change in every region (Q6105): flows are summed for all regions at once, not for one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from . import grid
from .change import ELSEWHERE, NARROW, OUTSIDE, SIDES, groups, ordered
from .equations import Equations
from .tables import Where

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from .summary import Summary

__all__ = ["equations", "flows_by_region"]

LEVEL = "second"
AWAY = (OUTSIDE, ELSEWHERE)


def equations(flows: pl.DataFrame, summaries: Sequence[Summary], regions: Sequence[str]) -> Equations:
    """The balance of each class of each region, that regions keep their areas, and that openings and closings are the
    tables of their years. ``flows``: as `Changes.flows`; ``summaries``: of the year before and the year after."""
    made = _Flows(flows_by_region(flows, regions), regions)
    balance = made.opening + made.into - made.out, made.closing, made.there
    sides = [
        (side, year, areas)
        for side, year, areas in zip(
            ("opening", "closing"), map(_Year, summaries), (made.opening, made.closing), strict=True
        )
    ]
    blocks = [([("Q6105", "balance", name) for name in made.names], *balance)]
    for side, year, areas in sides:
        whole = areas.sum(axis=1, keepdims=True)
        blocks.append(([("Q6105", side, "")], whole, year.areas(regions), np.ones_like(whole, dtype=np.bool_)))
        # narrow features hide the areas of their classes
        told = made.there & ~made.narrow[:, None] & (year.base is not None)
        blocks.append(([("Q6105", side, name) for name in made.names], areas, year.by_class(made.names, regions), told))
    before, after = (year.areas(regions) for _, year, _ in sides)
    blocks.append(([("Q6105", "kept", "")], after, before, np.ones_like(after, dtype=np.bool_)))
    kinds, left, right, asked = zip(*blocks, strict=True)
    return Equations(tuple(itertools.chain(*kinds)), "m2", regions, np.hstack(left), np.hstack(right), np.hstack(asked))


class _Flows:
    """Areas of regions (r,) by class (c,), hundredths of m²: ``opening``, ``closing``, ``out``, ``into`` (r, c).
    ``there``: classes a region has; ``narrow`` (r,): those that have narrow features."""

    def __init__(self, flows: pl.DataFrame, regions: Sequence[str]) -> None:
        names = {*flows["from"].unique(), *flows["to"].unique()}
        self.names = [n for n in ordered(names, LEVEL) if n not in AWAY]
        column = {name: k for k, name in enumerate(self.names)}
        at = _numbers(flows["region"], {region: k for k, region in enumerate(regions)})
        area = flows["area"].to_numpy()
        one, two = (_numbers(flows[side], column) for side in SIDES)
        moved = (flows["from"] != flows["to"]).to_numpy()
        shape = len(regions), len(column)
        self.there = np.zeros(shape, dtype=np.bool_)
        self.opening, self.closing, self.out, self.into = (np.zeros(shape, dtype=np.int64) for _ in range(4))
        for of, whole, apart in ((one, self.opening, self.out), (two, self.closing, self.into)):
            for sums, chosen in ((whole, of >= 0), (apart, (of >= 0) & moved)):
                np.add.at(sums, (at[chosen], of[chosen]), area[chosen])
            self.there[at[of >= 0], of[of >= 0]] = True
        self.narrow = self.there[:, [column[n] for n in (NARROW,) if n in column]].any(axis=1)


def _numbers(texts: pl.Series, number: dict[str, int]) -> NDArray[np.int64]:
    """The number of each text, −1 for those that have none."""
    import polars as pl

    if not number:
        return np.full(len(texts), -1, dtype=np.int64)
    return texts.replace_strict(number, default=-1, return_dtype=pl.Int64).to_numpy()


def flows_by_region(flows: pl.DataFrame, regions: Sequence[str]) -> pl.DataFrame:
    """Flows of each region by second-level classes: region, from, to, area; ground beyond it is `ELSEWHERE`, beyond
    the layer `OUTSIDE`."""
    import polars as pl

    classes = groups(pl.concat([flows[side] for side in SIDES]), LEVEL)
    named = flows.with_columns(pl.col(side).replace_strict(classes, default=OUTSIDE) for side in SIDES)
    found = []
    for n in sorted({len(region) for region in regions}):
        cut = named.with_columns(_region(side, n).alias(f"{side}_region") for side in SIDES)
        here, there = (pl.col(f"{side}_region") for side in SIDES)
        apart = here.ne_missing(there)
        found += [
            cut.filter(here == there).select(here.alias("region"), *SIDES, "area"),
            cut.filter(here.is_not_null() & apart).select(here.alias("region"), "from", _beyond("to"), "area"),
            cut.filter(there.is_not_null() & apart).select(there.alias("region"), _beyond("from"), "to", "area"),
        ]
    if not found:
        return named.clear().select(pl.lit("").alias("region"), *SIDES, "area")
    wanted = pl.concat(found).filter(pl.col("region").is_in(list(regions)))
    return wanted.group_by("region", *SIDES).agg(pl.col("area").sum()).filter(pl.col("area") != 0)


def _region(side: str, n: int) -> pl.Expr:
    """The region of ``n`` digits a village lies in; null for none."""
    import polars as pl

    village = pl.col(f"{side}_village")
    return pl.when((village != OUTSIDE) & (village.str.len_chars() >= n)).then(village.str.slice(0, n))


def _beyond(side: str) -> pl.Expr:
    import polars as pl

    return pl.when(pl.col(f"{side}_village") == OUTSIDE).then(pl.lit(OUTSIDE)).otherwise(pl.lit(ELSEWHERE)).alias(side)


class _Year:
    """What the tables of a year say of regions, hundredths of m²."""

    def __init__(self, summary: Summary) -> None:
        base = summary.grid("patches")
        self.base = base if isinstance(base, grid.Grid) else None
        self._patches = summary.patches

    @cached_property
    def _areas(self) -> dict[str, int]:
        """Σ TBMJ by every beginning of a village's code."""
        sums: dict[str, int] = {}
        for patches in self._patches:
            for village, area in patches.villages.items():
                for n in range(len(village) + 1):
                    sums[village[:n]] = sums.get(village[:n], 0) + area
        return sums

    def areas(self, regions: Sequence[str]) -> NDArray[np.int64]:
        """Of all patches, (r, 1)."""
        return np.array([[self._areas.get(region, 0)] for region in regions], dtype=np.int64).reshape(-1, 1)

    def by_class(self, names: Sequence[str], regions: Sequence[str]) -> NDArray[np.int64]:
        """Of second-level classes, (r, c); 0 where no tables can be made."""
        found = np.zeros((len(regions), len(names)), dtype=np.int64)
        if self.base is not None and names:
            masks = np.array([self.base.mask(Where(second=name)) for name in names]).T
            rows = np.array([self.base.row.get(region, -1) for region in regions], dtype=np.int64)
            found[rows >= 0] = (self.base.exact @ masks)[rows[rows >= 0]]
        return found
