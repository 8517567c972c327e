"""The equations of a change in every region (Q6105): flows are summed for all regions at once, not for one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from . import grid
from .change import ELSEWHERE, NARROW, OUTSIDE, SIDES, groups, ordered
from .summary import Identity, Summary
from .tables import Where

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["Flows", "flows_by_region", "identities"]

Flows = dict[tuple[str, str], int]
"""(class before, class after) → hundredths of m²"""
LEVEL = "second"
AWAY = (OUTSIDE, ELSEWHERE)


def identities(flows: pl.DataFrame, summaries: Sequence[Summary], regions: Sequence[str]) -> list[Identity]:
    """The balance of each class of each region, that regions keep their areas, and that openings and closings are the
    tables of their years. ``flows``: as `Changes.flows`; ``summaries``: of the year before and the year after."""
    by_region = flows_by_region(flows, regions)
    before, after = (_Year(s) for s in summaries)
    found: list[Identity] = []
    for region in regions:
        found += _of_region(region, by_region.get(region, {}), before, after)
    return found


def flows_by_region(flows: pl.DataFrame, regions: Sequence[str]) -> dict[str, Flows]:
    """Flows of each region by second-level classes; ground beyond it is `ELSEWHERE`, beyond the layer `OUTSIDE`."""
    import polars as pl

    wanted = set(regions)
    classes = groups(pl.concat([flows[side] for side in SIDES]), LEVEL)
    named = flows.with_columns(pl.col(side).replace_strict(classes, default=OUTSIDE) for side in SIDES)
    found: dict[str, Flows] = {}
    for n in sorted({len(region) for region in wanted}):
        cut = named.with_columns(_region(side, n).alias(f"{side}_region") for side in SIDES)
        here, there = (pl.col(f"{side}_region") for side in SIDES)
        apart = here.ne_missing(there)
        parts = [
            cut.filter(here == there).select(here.alias("region"), *SIDES, "area"),
            cut.filter(here.is_not_null() & apart).select(here.alias("region"), "from", _beyond("to"), "area"),
            cut.filter(there.is_not_null() & apart).select(there.alias("region"), _beyond("from"), "to", "area"),
        ]
        sums = pl.concat(parts).group_by("region", *SIDES).agg(pl.col("area").sum()).filter(pl.col("area") != 0)
        for region, before, after, area in sums.iter_rows():
            if region in wanted:
                found.setdefault(region, {})[before, after] = area
    return found


def _region(side: str, n: int) -> pl.Expr:
    """The region of ``n`` digits a village lies in; null for none."""
    import polars as pl

    village = pl.col(f"{side}_village")
    return pl.when((village != OUTSIDE) & (village.str.len_chars() >= n)).then(village.str.slice(0, n))


def _beyond(side: str) -> pl.Expr:
    import polars as pl

    return pl.when(pl.col(f"{side}_village") == OUTSIDE).then(pl.lit(OUTSIDE)).otherwise(pl.lit(ELSEWHERE)).alias(side)


class _Year:
    """What the tables of a year say of regions."""

    def __init__(self, summary: Summary) -> None:
        base = summary.grid("patches")
        self.base = base if isinstance(base, grid.Grid) else None
        self.summary = summary
        self._by_class: dict[str, NDArray[np.int64]] = {}

    @cached_property
    def areas(self) -> dict[str, int]:
        """Σ TBMJ by every beginning of a village's code."""
        sums: dict[str, int] = {}
        for patches in self.summary.patches:
            for village, area in patches.villages.items():
                for n in range(len(village) + 1):
                    sums[village[:n]] = sums.get(village[:n], 0) + area
        return sums

    def of_class(self, name: str, region: str) -> int:
        """Hundredths of m² of a second-level class in a region."""
        assert self.base is not None
        if name not in self._by_class:
            self._by_class[name] = self.base.exact @ self.base.mask(Where(second=name))
        row = self.base.row.get(region)
        return 0 if row is None else int(self._by_class[name][row])


def _of_region(region: str, flows: Flows, before: _Year, after: _Year) -> Iterator[Identity]:
    opening, closing, out, into = ({} for _ in range(4))  # type: tuple[dict[str, int], ...]
    for (a, b), area in flows.items():
        opening[a] = opening.get(a, 0) + area
        closing[b] = closing.get(b, 0) + area
        if a != b:
            out[a] = out.get(a, 0) + area
            into[b] = into.get(b, 0) + area
    names = [n for n in ordered({*opening, *closing}, LEVEL) if n not in AWAY]
    for name in names:
        left = opening.get(name, 0) + into.get(name, 0) - out.get(name, 0)
        yield Identity("Q6105", "balance", left, closing.get(name, 0), "m2", name, region)
    for side, areas, year in (("opening", opening, before), ("closing", closing, after)):
        inside = {n: areas.get(n, 0) for n in names}
        yield Identity("Q6105", side, sum(inside.values()), year.areas.get(region, 0), "m2", "", region)
        if year.base is None or NARROW in inside:
            continue  # narrow features hide the areas of their classes
        for name, area in inside.items():
            yield Identity("Q6105", side, area, year.of_class(name, region), "m2", name, region)
    yield Identity("Q6105", "kept", after.areas.get(region, 0), before.areas.get(region, 0), "m2", "", region)
