"""What an earlier inspection of a layer found and need not be looked for again.

Of a rule nothing is taken over unless its reach was declared, its code and parameters are the same, the layers around
are the same, and all its errors were kept. Then:

- ``row``: an error of a row depends on that row alone (and the layers around). Rows that are as they were keep their
  errors; the rule looks at the others only.
- ``dated``: the same, and on the day: as days pass errors go and none comes, so that on a later one rows that had an
  error are looked at too.
- ``ring``: the same, but lengths are taken in the metres of the layer where it came in degrees, so that a change of any
  outline changes all of them there.
- ``columns``: errors depend on the columns the rule names, of the whole layer. Where none of them changed and no row
  came or went, all are kept.
- ``outlines``: errors depend on identifiers and outlines of the whole layer. Where none of them changed, all are kept;
  where some did, topology follows from what it left of the version before (`kernel.topology.remains`).
- ``border``: errors depend on the rows within ``reach_m`` (a parameter) of the neighbours', and theirs. Where those are
  the same, no row that near came or went, and the others lie in the order they lay in, all are kept.

What changed is told from the digests of rows kept beside the versions (`layers.differing`), wherever the rows lie.

Rules of the first three kinds see a layer a part at a time, whether anything is taken over or not.

Where the version is the same, as after marking errors, the errors of every rule are kept that sees nothing but tables
and what came with the file.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jintu import __version__
from jintu.kernel import hashing

from ..lazy import pl
from .tables import ERRORS, Table

if TYPE_CHECKING:
    import polars

    from jintu.foundation.layers.differing import Differing
    from jintu.kernel.flat import Polygons
    from jintu.kernel.topology import Remains

    from ..rules import Parameters
    from .rules import QualityRule
    from .tables import Dataset

__all__ = ["Difference", "Earlier", "by_rows", "declare", "print_of", "reach_of"]

REACHES = ("row", "dated", "ring", "columns", "outlines", "border")
BY_ROWS = ("row", "dated", "ring")
MOST_CHANGED = 5
"""A layer of which more than this part changed is looked at whole: one in five."""

STEADY = frozenset({"reading", "delivery"})
"""What rules see beside tables that came with the file and stays what it is as long as the version does."""

_reach: dict[str, str] = {}


def declare(reach: Mapping[str, str]) -> None:
    """Rule id → reach; called from a domain's AppConfig.ready()."""
    for rule, how in reach.items():
        if how not in REACHES:
            raise ValueError(f"{rule}: reach must be one of {REACHES}")
        _reach[rule] = how


def reach_of(rule: QualityRule) -> str:
    return _reach.get(rule.id, "")


def by_rows(rule: QualityRule) -> bool:
    """Does the rule say the same of a row whatever other rows it sees with it?"""
    return reach_of(rule) in BY_ROWS


@lru_cache(maxsize=256)
def _code(module: str) -> str:
    file = getattr(sys.modules[module], "__file__", None)
    return hashlib.sha256(Path(file).read_bytes() if file else b"").hexdigest()


def print_of(rule: QualityRule, p: Parameters, data: Dataset) -> str:
    """Fingerprint of everything beside the tables that an error depends on: release, code, parameters, names."""
    values = {name: str(value) for name, value in dict(p).items()}
    facts = [__version__, rule.id, reach_of(rule), _code(rule.function.__module__), values, dict(data.divisions)]
    return hashing.of_json(facts).partition(":")[2][:16]


@dataclass
class Earlier:
    """An inspection that was kept. ``prints``: rule → fingerprint; ``counts``: rule → all its errors, those set aside
    too; ``errors``: its error layer; ``table``: the layer it was about, ``remains``: what topology left of it;
    ``same``: the very same version; ``around``: whether the layers around are those of now, ``day``: whether the day
    is, and ``later``: whether it is a later one; ``beside``: whether the rows of neighbours are those of now;
    ``differing``: what of the layer is not as it was, None where that is not known."""

    prints: Mapping[str, str]
    counts: Mapping[str, int]
    errors: polars.DataFrame
    table: Callable[[], Table]
    same: bool
    around: bool
    day: bool
    later: bool = False
    beside: bool = False
    remains: Callable[[], Remains | None] = lambda: None
    differing: Callable[[], Differing | None] = lambda: None

    def errors_for(
        self, rule: QualityRule, t: Table, data: Dataset, p: Parameters, look: Callable[[Table], polars.DataFrame]
    ) -> polars.DataFrame | None:
        """All errors of a rule in ``t`` (columns of `ERRORS`), in the order a full run gives them; None where it must
        look at everything. ``look``: runs the rule on a part of the rows."""
        if not self.around or self.prints.get(rule.id) != print_of(rule, p, data):
            return None
        if not set(rule.given) <= (STEADY if self.same else set()) | ({"neighbours"} if self.beside else set()):
            return None
        kept = self.errors.filter(pl.col("rule") == rule.id)
        if kept.height != self.counts.get(rule.id):
            return None
        if self.same and self.day:
            return kept.select(ERRORS)
        reach = reach_of(rule)
        if not reach or (changes := self.difference(t)) is None:
            return None
        if reach == "outlines":
            if changes.outlines_same:
                return kept.select(ERRORS)
            self._renew(t, changes)
            return None
        if reach == "columns":
            return kept.select(ERRORS) if changes.leaves(rule.columns, kept) else None
        if reach == "border":
            away = changes.away_from(data.given["neighbours"], float(p.reach_m))
            return changes.carried(kept).sort("row", maintain_order=True) if away else None
        if reach == "ring" and not t.in_plane:
            return None
        if reach == "dated" and not self.day:
            return self._by_rows(kept, changes.with_rows(kept["row"]), look) if self.later else None
        return self._by_rows(kept, changes, look)

    def difference(self, t: Table) -> Difference | None:
        """What changed since that version, found once; None where that is not known, or is too much."""
        if not hasattr(self, "_difference"):
            told = self.differing()
            few = told is not None and max(len(told.came), len(told.gone)) <= _worth(t)
            self._difference = Difference(told, self.table, t) if told is not None and few else None
        return self._difference

    def remains_of(self, t: Table) -> Remains | None:
        """What topology left of the layer, where it was looked at or no outline changed."""
        if "remains" in t.__dict__ or not t.in_plane:
            return t.__dict__.get("remains")
        changes: Difference | None = self.__dict__.get("_difference")
        return self._remains if self.same or (changes and changes.outlines_same) else None

    @cached_property
    def _remains(self) -> Remains | None:
        return self.remains()

    def _renew(self, t: Table, changes: Difference) -> None:
        """Let topology follow from what it left of the version before."""
        from jintu.kernel.topology import renewed

        if "remains" in t.__dict__ or t.look or not t.in_plane or self._remains is None:
            return
        told = changes.told
        gone = changes.outlines_gone()
        new = told.outlines < 0
        if (new & (told.before >= 0)).any():  # of rows that are the same, outlines that were there several times
            came = t.judged_at(new.nonzero()[0])
        else:
            came = changes.changed.judged.take(new[told.came].nonzero()[0])
        t.remains = renewed(self._remains, told.outlines, gone, came, t.judged_at, t.measures)

    def _by_rows(
        self, kept: polars.DataFrame, changes: Difference, look: Callable[[Table], polars.DataFrame]
    ) -> polars.DataFrame | None:
        if kept.filter(pl.col("row") < 0).height:
            return None  # an error of no row: the rule does not keep to rows
        found = changes.carried(kept)
        if len(changes.changed):
            fresh = look(changes.changed)
            fresh = fresh.with_columns(row=changes.numbers.gather(fresh["row"]))
            found = pl.concat([found, fresh.select(ERRORS)])
        return found.sort("row", maintain_order=True)


class Difference:
    """What changed since the version before: ``told``; ``changed``: rows that did, ``numbers`` theirs in the layer."""

    def __init__(
        self, told: Differing, old: Callable[[], Table], new: Table, again: polars.Series | None = None
    ) -> None:
        """``again``: further rows of the old version that are to be looked at, too."""
        self.told, self._old, self._new = told, old, new
        came = told.came
        if again is not None and len(again):
            import numpy as np

            came = np.union1d(came, np.flatnonzero(pl.Series(told.before).is_in(again.implode()).to_numpy()))
        self.numbers = pl.Series(came, dtype=pl.Int64)

    @cached_property
    def changed(self) -> Table:
        return self._new.rows(self.numbers)

    @cached_property
    def gone(self) -> Table:
        """Rows of the old version that are not in the new one, with all their columns: several ask for some."""
        return self._old().rows(pl.Series(self.told.gone, dtype=pl.Int64))

    def outlines_gone(self) -> Polygons:
        """Outlines of the old version that are no more."""
        import numpy as np

        wanted, rows = self.told.outlines_gone, self.told.gone
        if not np.isin(wanted, rows).all():
            return self._old().judged_at(wanted)  # rows that are there several times
        return self.gone.judged.take(np.searchsorted(rows, wanted))

    @cached_property
    def unchanged(self) -> polars.DataFrame:
        """Rows: old, new."""
        import numpy as np

        stays = self.told.before >= 0
        stays[self.numbers.to_numpy()] = False
        new = np.flatnonzero(stays)
        return pl.DataFrame({"old": self.told.before[new], "new": new})

    def carried(self, errors: polars.DataFrame) -> polars.DataFrame:
        """Errors of rows that are as they were, by their numbers now."""
        old = errors.join(self.unchanged, left_on="row", right_on="old", how="inner", maintain_order="left")
        return old.with_columns(row=pl.col("new")).select(ERRORS)

    def away_from(self, others: Sequence[Table], reach_m: float) -> bool:
        """Are all rows that came or went farther than that from other tables, and the rest in the order they were?"""
        import numpy as np

        from .overlaps import within_reach

        stayed = self.told.before[self.told.before >= 0]
        if (np.diff(stayed) < 0).any():
            return False
        boxes = np.concatenate([self.changed.boxes, self.gone.boxes])
        return not any(len(within_reach(boxes, other, reach_m)[0]) for other in others)

    @cached_property
    def outlines_same(self) -> bool:
        """And in the same order."""
        import numpy as np

        return len(self.told.outlines) == self.told.rows and np.array_equal(
            self.told.outlines, np.arange(self.told.rows)
        )

    @cached_property
    def columns(self) -> frozenset[str]:
        """Names of the attributes in which any row differs that lies where it lay."""
        before, after = self.gone.frame, self.changed.frame  # in place those that went are those that came
        return frozenset(name for name in after.columns if after[name].ne_missing(before[name]).any())

    def leaves(self, columns: Sequence[str], errors: polars.DataFrame) -> bool:
        """Are some columns of all rows, and all of the rows with errors, what they were, and where?"""
        if not self.told.in_place or errors["row"].is_in(self.numbers.implode()).any():
            return False
        return not self.columns & set(columns)

    def with_rows(self, old: polars.Series) -> Difference:
        """The same with further rows, numbered as in the version before, among those to be looked at."""
        if old.is_empty():
            return self
        return Difference(self.told, self._old, self._new, old)


def _worth(t: Table) -> int:
    """Most changed rows that are worth being looked at apart."""
    return max(1000, len(t) // MOST_CHANGED)
