"""A cube laid out for tables: divisions × cells, exact and rounded so that every total keeps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from jintu.foundation.identity.scope import prefix_of
from jintu.kernel import codelists
from jintu.kernel.area.rounding import nested_rounding

from . import classes
from .tables import Where

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["UNITS", "Grid", "build", "code_of"]

UNITS = {"m2": (1, 1), "ha": (1, 10_000), "mu": (3, 2_000)}
"""What hundredths of m² are multiplied with and divided by to give hundredths of the unit shown; 1 mu is 2000/3 m²."""
LENGTHS = (0, 2, 4, 6, 9, 12)


def code_of(prefix: str) -> str:
    """Division code of a prefix: "9901" → "990100"."""
    return prefix if len(prefix) >= 6 else (prefix + "000000")[:6]


@dataclass
class Grid:
    """``divisions``: prefixes, a parent before its children; ``parents``: their rows (-1: none). ``leaves``: (class,
    owner, slope, type) of each column. ``exact`` (d, c) hundredths of m², ``counts`` (d, c) features."""

    divisions: list[str]
    parents: list[int]
    tops: list[int]
    """Rows that are rounded by themselves: the counties; what lies above is their sum."""
    leaves: list[tuple[str, str, str, str]]
    exact: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        self.row = {d: i for i, d in enumerate(self.divisions)}
        self._rounded: dict[str, NDArray[np.int64]] = {}
        self._masks: dict[Where, NDArray[np.int64]] = {}

    def children(self, prefix: str) -> list[str]:
        at = self.row.get(prefix)
        return [d for d, p in zip(self.divisions, self.parents, strict=True) if p == at] if at is not None else []

    def mask(self, where: Where) -> NDArray[np.int64]:
        """1 for the cells a figure sums, (c,)."""
        if where not in self._masks:
            self._masks[where] = np.array([_matches(leaf, where) for leaf in self.leaves], dtype=np.int64)
        return self._masks[where]

    def rounded(self, unit: str) -> NDArray[np.int64]:
        """(d, c) in hundredths of the unit; every sum of children is the parent."""
        if unit not in self._rounded:
            times, under = UNITS[unit]
            self._rounded[unit] = self._round(self.exact * times, under) if under > 1 else self.exact * times
        return self._rounded[unit]

    def _round(self, cells: NDArray[np.int64], under: int) -> NDArray[np.int64]:
        """Counties first, each by itself; divisions above are sums of rounded counties."""
        done = np.zeros_like(cells)
        lower = [i for i in range(len(self.divisions)) if self._top_of[i] >= 0]
        place = {row: n for n, row in enumerate(lower)}
        parents = [-1 if i in self.tops else place[self.parents[i]] for i in lower]
        if lower and len(self.leaves):
            done[lower] = nested_rounding(cells[lower], parents, self.groups, under)
        for i in range(len(self.divisions) - 1, -1, -1):
            if self._top_of[i] < 0:
                done[i] = done[[k for k, p in enumerate(self.parents) if p == i]].sum(axis=0)
        return done

    @cached_property
    def _top_of(self) -> list[int]:
        """The county each row lies in, -1 above them."""
        found: list[int] = []
        for i, parent in enumerate(self.parents):
            found.append(i if i in self.tops else found[parent] if parent >= 0 else -1)
        return found

    @cached_property
    def groups(self) -> list[NDArray[np.int64]]:
        """The totals that rounding must keep near their exact values, the tree of classes first."""
        levels = [classes.rural(code) for code, *_ in self.leaves]
        owners = [own for _, own, *_ in self.leaves]
        threes = [codelists.three_class(code) for code, *_ in self.leaves]
        slopes = [(slope, kind) for _, _, slope, kind in self.leaves]
        first = [f for f, _ in levels]
        ways: list[list[Any]] = [first, levels, owners, list(zip(first, owners, strict=True)), threes, slopes]
        return [np.unique(["|".join(v) for v in way], return_inverse=True)[1] for way in ways]


def _matches(leaf: tuple[str, str, str, str], where: Where) -> bool:
    code, own, slope, kind = leaf
    first, second = classes.rural(code)
    return (
        (not where.first or first == where.first)
        and (not where.second or second == where.second)
        and (not where.codes or code in where.codes)
        and (not where.own or own == where.own)
        and (not where.slope or slope == where.slope or (where.slope == "-" and slope not in ("1", "2", "3", "4", "5")))
        and (not where.kind or kind == where.kind or (where.kind == "-" and kind not in ("T", "P")))
        and (not where.three or (codelists.three_class(code) or "-") == where.three)
    )


def build(frame: pl.DataFrame, counties: Sequence[str], villages: Sequence[str] = ()) -> Grid:
    """``frame``: a cube's rows; ``counties``: divisions rounded by themselves (codes of the versions); ``villages``:
    further ones that get a row though they have no area. A village of no county is put under the first."""
    prefixes = tuple(prefix_of(c) for c in counties)
    divisions, parents, tops = _tree(prefixes, tuple(sorted({*frame["village"].unique(), *villages})))
    row = {d: i for i, d in enumerate(divisions)}
    order = {code: i for i, code in enumerate(classes.FIRSTS)}
    keys = frame.select("code", "own", "slope", "kind").unique().rows()
    leaves = sorted(keys, key=lambda k: (order.get(classes.rural(k[0])[0], 99), classes.rural(k[0])[1], *k))
    at = {leaf: i for i, leaf in enumerate(leaves)}
    exact = np.zeros((len(divisions), len(leaves)), dtype=np.int64)
    counts = np.zeros_like(exact)
    grouped = frame.group_by("village", "code", "own", "slope", "kind").agg(frame_sum("area"), frame_sum("rows"))
    cells = list(zip(*(grouped[name].to_list() for name in ("code", "own", "slope", "kind")), strict=True))
    places = [row[village] for village in grouped["village"].to_list()], [at[cell] for cell in cells]
    exact[places], counts[places] = grouped["area"].to_numpy(), grouped["rows"].to_numpy()
    above = np.array(parents, dtype=np.int64)
    for level in _levels(above):  # the lowest first
        np.add.at(exact, above[level], exact[level])
        np.add.at(counts, above[level], counts[level])
    return Grid(divisions, parents, tops, leaves, exact, counts)


def _levels(above: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows that have a parent, by how many stand over them, most first."""
    depth = np.zeros(len(above), dtype=np.int64)
    over = above
    while (over >= 0).any():
        depth += over >= 0
        over = np.where(over >= 0, above[over], -1)
    return [np.flatnonzero(depth == n) for n in range(int(depth.max(initial=0)), 0, -1)]


def frame_sum(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).sum()


@lru_cache(maxsize=8)
def _tree(counties: tuple[str, ...], villages: tuple[str, ...]) -> tuple[list[str], list[int], list[int]]:
    """Prefixes, a parent before its children; their parents' rows; the rows of the counties. All tables of a version,
    and of the version after it, have the same."""
    above: dict[str, str | None] = dict.fromkeys(counties)

    def chain(path: Sequence[str]) -> None:
        for holder, held in itertools.pairwise(path):
            above.setdefault(holder, None)
            above[held] = holder

    if len(counties) > 1:
        common = next(n for n in reversed(LENGTHS) if len({c[:n] for c in counties}) == 1)
        for county in counties:
            chain([*(county[:n] for n in LENGTHS if common <= n < len(county)), county])
    for village in villages:
        county = next((c for c in counties if village.startswith(c)), None)
        if county is None:
            above.setdefault(village, counties[0])
        elif village != county:
            chain([county, *(village[:n] for n in LENGTHS if len(county) < n < len(village)), village])

    def path(node: str | None) -> tuple[str, ...]:
        return () if node is None else (*path(above[node]), node)

    ordered = sorted(above, key=path)
    row = {d: i for i, d in enumerate(ordered)}
    parents = [-1 if above[d] is None else row[above[d] or ""] for d in ordered]
    return ordered, parents, [row[c] for c in counties]
