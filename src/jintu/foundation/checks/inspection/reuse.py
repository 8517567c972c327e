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

Where rows lie as they lay, what changed is told from the files (`layers.differing`); else rows are known by the
fingerprints that were kept of them.

Rules of the first three kinds see a layer a part at a time, whether anything is taken over or not.

Where the version is the same, as after marking errors, the errors of every rule are kept that sees nothing but tables
and what came with the file.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu import __version__
from jintu.kernel import hashing

from ..lazy import pl
from . import partials
from .partials import Partials
from .tables import ERRORS, Table

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.layers.differing import Differing

    from ..rules import Parameters
    from .rules import QualityRule
    from .tables import Dataset

__all__ = ["Difference", "Earlier", "by_rows", "declare", "difference", "print_of", "reach_of"]

REACHES = ("row", "dated", "ring", "columns", "outlines")
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
    too; ``errors``: its error layer; ``table``: the layer it was about, ``partials``: what was kept of it; ``same``:
    the very same version; ``around``: whether the layers around are those of now, ``day``: whether the day is, and
    ``later``: whether it is a later one; ``differing``: what of the layer is not as it was, where the files tell."""

    prints: Mapping[str, str]
    counts: Mapping[str, int]
    errors: polars.DataFrame
    table: Callable[[], Table]
    same: bool
    around: bool
    day: bool
    later: bool = False
    partials: Callable[[], Partials | None] = lambda: None
    differing: Callable[[], Differing | None] = lambda: None

    def errors_for(
        self, rule: QualityRule, t: Table, data: Dataset, p: Parameters, look: Callable[[Table], polars.DataFrame]
    ) -> polars.DataFrame | None:
        """All errors of a rule in ``t`` (columns of `ERRORS`), in the order a full run gives them; None where it must
        look at everything. ``look``: runs the rule on a part of the rows."""
        if not self.around or self.prints.get(rule.id) != print_of(rule, p, data):
            return None
        if not set(rule.given) <= (STEADY if self.same else set()):
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
            if self._outlines_same(changes):
                return kept.select(ERRORS)
            self._renew(t, changes)
            return None
        if reach == "columns":
            return kept.select(ERRORS) if changes.leaves(rule.columns, kept) else None
        if reach == "ring" and not t.in_plane:
            return None
        if reach == "dated" and not self.day:
            return self._by_rows(kept, changes.with_rows(kept["row"], t), look) if self.later else None
        return self._by_rows(kept, changes, look)

    def difference(self, t: Table) -> Difference | None:
        """What changed since that version, found once."""
        if not hasattr(self, "_difference"):
            told = self.differing()
            self._difference = difference(self._kept, t) if told is None else in_place(self._kept, t, told)
        return self._difference

    def seen(self) -> Difference | None:
        """What changed, where that was asked for."""
        return self.__dict__.get("_difference")

    @cached_property
    def _kept(self) -> Partials:
        return self.partials() or partials.of(self.table())

    def _outlines_same(self, changes: Difference) -> bool:
        """And in the same order."""
        import numpy as np

        return np.array_equal(changes.outlines, np.arange(len(self._kept.outline)))

    def _renew(self, t: Table, changes: Difference) -> None:
        """Let topology follow from what it left of the version before."""
        import numpy as np

        from jintu.kernel.topology import renewed

        if self._kept.remains is None or "remains" in t.__dict__ or t.look or not t.in_plane:
            return
        stays = np.zeros(len(self._kept.outline), dtype=np.bool_)
        stays[changes.outlines[changes.outlines >= 0]] = True
        gone = self.table().judged_at(np.flatnonzero(~stays))
        came = changes.changed.judged.take(np.flatnonzero(changes.outlines[changes.numbers.to_numpy()] < 0))
        t.remains = renewed(self._kept.remains, changes.outlines, gone, came, t.judged_at, t.measures)

    def _by_rows(
        self, kept: polars.DataFrame, changes: Difference, look: Callable[[Table], polars.DataFrame]
    ) -> polars.DataFrame | None:
        if kept.filter(pl.col("row") < 0).height:
            return None  # an error of no row: the rule does not keep to rows
        old = kept.join(changes.unchanged, left_on="row", right_on="old", how="inner", maintain_order="left")
        found = old.with_columns(row=pl.col("new")).select(ERRORS)
        if len(changes.changed):
            fresh = look(changes.changed)
            fresh = fresh.with_columns(row=changes.numbers.gather(fresh["row"]))
            found = pl.concat([found, fresh.select(ERRORS)])
        return found.sort("row", maintain_order=True)


@dataclass
class Difference:
    """What changed since the version before. ``before`` (n,): the row each row was, −1 where anything of it changed;
    ``outlines``: the same for its outline alone; ``changed``: rows that changed, ``numbers`` theirs in the layer;
    ``columns``: names of all columns in which any did, None where that is not known or rows do not lie where they
    lay."""

    before: NDArray[np.int64]
    outlines: NDArray[np.int64]
    numbers: polars.Series
    changed: Table
    partials: Partials
    columns: frozenset[str] | None = None

    @cached_property
    def unchanged(self) -> polars.DataFrame:
        """Rows: old, new."""
        new = (self.before >= 0).nonzero()[0]
        return pl.DataFrame({"old": self.before[new], "new": new})

    def leaves(self, columns: Sequence[str], errors: polars.DataFrame) -> bool:
        """Are some columns of all rows, and all of the rows with errors, what they were?"""
        if self.columns is None or self.columns & set(columns):
            return False
        return not errors["row"].is_in(self.numbers.implode()).any()

    def with_rows(self, old: polars.Series, t: Table) -> Difference:
        """The same with further rows, numbered as in the version before, among those to be looked at."""
        again = self.before.copy()
        again[pl.Series(self.before).is_in(old.implode()).to_numpy()] = -1
        numbers = pl.Series((again < 0).nonzero()[0], dtype=pl.Int64)
        return replace(self, before=again, numbers=numbers, changed=t.rows(numbers))


def in_place(old: Partials, t: Table, told: Differing) -> Difference | None:
    """What changed where rows lie as they lay; None where more did than is worth comparing."""
    import numpy as np

    if len(told.rows) > _worth(t) or len(old.whole) != len(t):
        return None
    before, outlines = np.arange(len(t)), np.arange(len(t))
    before[told.rows], outlines[told.outlines] = -1, -1
    numbers = pl.Series(told.rows, dtype=pl.Int64)
    changed = t.rows(numbers)
    whole, outline = old.whole.copy(), old.outline.copy()
    whole[told.rows], outline[told.rows] = partials.prints(changed)
    return Difference(before, outlines, numbers, changed, Partials(old.shape, whole, outline), told.columns)


def _worth(t: Table) -> int:
    """Most changed rows that are worth being looked at apart."""
    return max(1000, len(t) // MOST_CHANGED)


def difference(old: Partials, t: Table) -> Difference | None:
    """None where rows cannot be told by their identifiers, or more changed than is worth comparing."""
    import numpy as np

    most = _worth(t)
    if abs(len(old.whole) - len(t)) > most or not _told_apart(t.keys):
        return None
    whole, outline = _Known(old.whole), _Known(old.outline)
    if not (whole.unique and outline.unique):
        return None

    def compared(part: Table) -> Any:
        mine = partials.prints(part)
        before = whole.rows(mine[0])
        fresh = np.flatnonzero(before < 0)
        found = part.rows(pl.Series(fresh)) if len(fresh) else None
        same_shape = partials.shape_of(t, part.frame) == old.shape
        return same_shape, mine, before, outline.rows(mine[1]), part.first + fresh, found

    none = np.empty(0, dtype=np.int64)
    parts: list[Any] = []
    changed = 0
    for found in partials.ahead(compared, t.parts()):
        changed += len(found[4])
        if not found[0] or changed > most:
            return None
        parts.append(found[1:])
    if not parts:
        return None
    prints = [np.concatenate([p[0][k] for p in parts]) for k in (0, 1)]
    before, outlines, numbers = (np.concatenate([none, *(p[k] for p in parts)]) for k in (1, 2, 3))
    tables = [p[4] for p in parts if p[4] is not None]
    return Difference(
        before,
        outlines,
        pl.Series(numbers),
        _joined(tables) if tables else t.rows(pl.Series(none)),
        Partials(old.shape, *prints),
    )


def _told_apart(keys: polars.Series) -> bool:
    return not keys.null_count() and keys.n_unique() == len(keys)


class _Known:
    """Fingerprints of the rows of a version, to be looked up."""

    def __init__(self, prints: NDArray[np.uint64]) -> None:
        import numpy as np

        self._prints, self._order = prints, np.argsort(prints)
        self._sorted = prints[self._order]
        self.unique = not len(prints) or bool((self._sorted[1:] != self._sorted[:-1]).all())

    def rows(self, prints: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The row with each fingerprint, −1 where there is none."""
        import numpy as np

        found = np.full(len(prints), -1, dtype=np.int64)
        if not len(self._sorted) or not len(prints):
            return found
        start = max(0, int(self._look_up(prints[:1])[0]))  # most lie as they lay: side by side
        beside = self._prints[start : start + len(prints)]
        same = beside == prints[: len(beside)]
        found[: len(beside)][same] = start + np.flatnonzero(same)
        rest = found < 0
        found[rest] = self._look_up(prints[rest])
        return found

    def _look_up(self, prints: NDArray[np.uint64]) -> NDArray[np.int64]:
        import numpy as np

        at = np.minimum(np.searchsorted(self._sorted, prints), len(self._sorted) - 1)
        return np.where(self._sorted[at] == prints, self._order[at], -1)


def _joined(parts: Sequence[Table]) -> Table:
    """Rows of parts of one layer as a table."""

    def column(values: list[Any]) -> Any:
        return None if values[0] is None else pl.concat(values)

    one = parts[0]
    wkb, plane = column([p.wkb for p in parts]), column([p.plane_wkb for p in parts])
    return Table(one.schema, pl.concat([p.frame for p in parts]), wkb, plane, one.crs, whole=one.whole)
