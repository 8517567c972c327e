"""What an earlier inspection of a layer found and need not be looked for again.

Of a rule nothing is taken over unless its reach was declared, its code and parameters are the same, the layers around
are the same, and all its errors were kept. Then:

- ``row``: an error of a row depends on that row alone (and the layers around). Rows that are as they were keep their
  errors; the rule looks at the others only.
- ``outlines``: errors depend on identifiers and outlines of the whole layer. Where none of them changed, all are kept.

Where the version is the same, as after marking errors, the errors of every rule are kept that sees nothing but tables
and what came with the file.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
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

    from ..rules import Parameters
    from .rules import QualityRule
    from .tables import Dataset

__all__ = ["Earlier", "declare", "print_of", "reach_of"]

REACHES = ("row", "outlines")

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
    too; ``errors``: its error layer; ``table``: reads the layer it was about; ``same``: the very same version;
    ``around``: whether the layers around are those of now, ``day``: whether the day is."""

    prints: Mapping[str, str]
    counts: Mapping[str, int]
    errors: polars.DataFrame
    table: Callable[[], Table]
    same: bool
    around: bool
    day: bool

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
        if reach == "outlines" and self._outlines_same(t):
            return kept.select(ERRORS)
        if reach == "row" and self._rows(t) is not None:
            return self._by_rows(kept, t, look)
        return None

    def _by_rows(
        self, kept: polars.DataFrame, t: Table, look: Callable[[Table], polars.DataFrame]
    ) -> polars.DataFrame | None:
        rows = self._rows(t)
        assert rows is not None
        old = kept.join(rows, left_on="row", right_on="old", how="inner", maintain_order="left")
        if kept.filter(pl.col("row") < 0).height:
            return None  # an error of no row: the rule does not keep to rows
        unchanged = old.with_columns(row=pl.col("new")).select(ERRORS)
        numbers, part = self._changed(t, rows)
        if not len(part):
            return unchanged.sort("row", maintain_order=True)
        fresh = look(part)
        fresh = fresh.with_columns(row=numbers.gather(fresh["row"]))
        return pl.concat([unchanged, fresh.select(ERRORS)]).sort("row", maintain_order=True)

    def _changed(self, t: Table, unchanged: polars.DataFrame) -> tuple[polars.Series, Table]:
        """Numbers of the rows that changed, and the rows: all rules look at the same part."""
        if not hasattr(self, "_part"):
            every = pl.DataFrame({"new": pl.int_range(len(t), dtype=pl.Int64, eager=True)})
            numbers = every.join(unchanged, on="new", how="anti", maintain_order="left")["new"]
            self._part = numbers, t.rows(numbers)
        return self._part

    @cached_property
    def _old(self) -> Table:
        return self.table()

    def _outlines_same(self, t: Table) -> bool:
        if not hasattr(self, "_same_outlines"):
            old = self._old
            self._same_outlines = (
                len(old) == len(t)
                and old.crs == t.crs
                and _equal(old.keys, t.keys)
                and _equal(old.wkb, t.wkb)
                and _equal(old.plane_wkb, t.plane_wkb)
            )
        return self._same_outlines

    def _rows(self, t: Table) -> polars.DataFrame | None:
        """Rows that are as they were: old, new. None where rows cannot be told by their identifiers."""
        if not hasattr(self, "_unchanged"):
            self._unchanged = _unchanged(self._old, t)
        return self._unchanged


def _equal(left: polars.Series | None, right: polars.Series | None) -> bool:
    if left is None or right is None:
        return left is right
    return left.equals(right, check_dtypes=True, check_names=False, null_equal=True)


def _unchanged(old: Table, new: Table) -> polars.DataFrame | None:
    for t in (old, new):
        if t.keys.null_count() or t.keys.n_unique() != len(t):
            return None
    if old.frame.schema != new.frame.schema or old.crs != new.crs:
        return None
    left, right = (_whole(t) for t in (old, new))
    if left.columns != right.columns:
        return None
    compared = [n for n in right.columns if n not in ("key", "number")]
    joined = left.rename({"number": "old"}).join(
        right.rename({"number": "new"}), on="key", how="inner", suffix="_new", maintain_order="right"
    )
    alike = [pl.col(n).eq_missing(pl.col(f"{n}_new")) for n in compared]
    return joined.filter(pl.all_horizontal(alike) if alike else pl.lit(True)).select("old", "new")


def _whole(t: Table) -> polars.DataFrame:
    """Everything of each row beside its number and identifier."""
    frame = t.frame.drop(t.schema.key).with_columns(key=t.keys, number=pl.int_range(len(t), dtype=pl.Int64, eager=True))
    for name, column in (("outline", t.wkb), ("delivered outline", t.plane_wkb)):
        if column is not None:
            frame = frame.with_columns(column.alias(name))
    return frame
