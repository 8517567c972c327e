"""Run the rules over layers; errors, score and verdict.

Score = 100 − Σ weight × error rate over the rules that ran, the error rate being the share of rows with an error.
Accepted: no error of severity A, and the score reached. Weights and pass mark are dated parameters (rule "score").
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..lazy import pl
from ..rules import Parameters
from .fields import WRONG
from .partials import ahead
from .reuse import Earlier, by_rows, print_of
from .rules import PLANE, Needs, QualityRule, catalogue
from .tables import ERRORS, Dataset, Table, no_errors

if TYPE_CHECKING:
    import polars

    from jintu.kernel.topology import Remains, Scan

__all__ = ["Outcome", "Report", "error_schema", "inspect"]

MOST_KEPT = 20_000
"""Errors of one rule in one table that are kept with their place; all are counted."""
MOST_BEYOND = 1_000_000
"""Further ones that are kept for the next inspection; of more it takes none over."""


@dataclass
class Outcome:
    """What one rule said of one table. ``needs``: why it did not run."""

    rule: QualityRule
    table: str
    rows: int
    count: int = 0
    affected: int = 0
    """Rows with an error of this rule."""
    seconds: float = 0.0
    needs: tuple[str, ...] = ()
    aside: int = 0
    """Errors people marked as false positives or exempt: kept, but not counted."""
    errors: polars.DataFrame | None = None
    beyond: list[polars.DataFrame] = field(default_factory=list)
    """Errors beyond those, without places of their features: an inspection of the next version takes them over."""
    print: str = ""
    """Fingerprint of code and parameters, for `reuse`."""
    reused: bool = False
    """Some or all of its errors were taken over from an earlier inspection."""

    @property
    def ran(self) -> bool:
        return not self.needs

    def as_json(self, sample: int = 0) -> dict[str, Any]:
        zh, en = self.rule.name
        found: dict[str, Any] = {
            "rule": self.rule.id,
            "severity": self.rule.severity,
            "name_zh": zh,
            "name_en": en,
            "table": self.table,
            "count": self.count,
            "aside": self.aside,
            "seconds": round(self.seconds, 3),
            "print": self.print,
        }
        if self.reused:
            found["reused"] = True
        if self.needs:
            found["not_run"] = "needs " + ", ".join(self.needs)
        elif sample and self.errors is not None:
            found["sample"] = self.errors.head(sample).drop("geometry").to_dicts()
        return found


@dataclass
class Report:
    """All outcomes with score and verdict."""

    outcomes: list[Outcome] = field(default_factory=list)
    remains: dict[str, Remains | None] = field(default_factory=dict)
    """Of each table what topology left, for the next inspection; None where it was not looked at."""
    score: float = 100.0
    accepted: bool = True
    weights: dict[str, float] = field(default_factory=dict)
    pass_mark: float = 0.0

    def count(self, severity: str = "") -> int:
        return sum(o.count for o in self.outcomes if not severity or o.rule.severity == severity)

    @property
    def errors(self) -> polars.DataFrame:
        """All kept errors: rule, severity, table, key and the columns of `ERRORS`."""
        kept = [
            o.errors.with_columns(rule=pl.lit(o.rule.id), severity=pl.lit(o.rule.severity), table=pl.lit(o.table))
            for o in self.outcomes
            if o.errors is not None and o.errors.height
        ]
        return pl.concat(kept) if kept else pl.DataFrame(schema=error_schema())

    @property
    def beyond(self) -> polars.DataFrame:
        """Errors beyond those that are kept with their places, in the same columns."""
        rest = [frame.with_columns(rule=pl.lit(o.rule.id)) for o in self.outcomes for frame in o.beyond]
        return pl.concat(rest) if rest else pl.DataFrame(schema=error_schema()).select(*ERRORS, "rule")

    def as_json(self, sample: int = 0) -> dict[str, Any]:
        return {
            "score": round(self.score, 2),
            "verdict": "accepted" if self.accepted else "rejected",
            "errors": {s: self.count(s) for s in ("A", "B", "C")},
            "rules": [o.as_json(sample) for o in self.outcomes],
        }


def error_schema() -> dict[str, Any]:
    """Of the error layer."""
    text = dict.fromkeys(("key", "field", "value", "expected", "rule", "severity", "table"), pl.String)
    return {"row": pl.Int64, **text, "geometry": pl.Binary}


def inspect(
    data: Dataset,
    parameters: dict[str, Parameters],
    *,
    tables: Sequence[str] | None = None,
    rules: Iterable[QualityRule] | None = None,
    aside: polars.DataFrame | None = None,
    earlier: Earlier | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Report:
    """Run rules over the tables named (default: all). ``parameters``: by rule id, in force on the day; ``aside``:
    errors that do not count (rule, key, field, value); ``earlier``: an inspection of the one table named whose errors
    are taken over where that gives the same (see `reuse`)."""
    report = Report()
    chosen = list(rules) if rules is not None else list(catalogue())
    judged = [data[name] for name in (tables if tables is not None else list(data.tables))]
    found: dict[tuple[str, int], Outcome] = {}
    for k, t in enumerate(judged):
        work = [
            _Work(rule, parameters.get(rule.id) or Parameters({}, data.as_of), Outcome(rule, t.schema.table, len(t)))
            for rule in chosen
            if rule.judges(t)
        ]
        report.remains[t.schema.table] = _look_at(t, data, work, aside, earlier, progress)
        found |= {(w.rule.id, k): w.outcome for w in work}
    at = {rule.id: i for i, rule in enumerate(chosen)}
    report.outcomes = [found[key] for key in sorted(found, key=lambda key: (at[key[0]], key[1]))]
    _judge(report, parameters.get("score"))
    return report


@dataclass
class _Work:
    """A rule, its parameters, and what it finds."""

    rule: QualityRule
    p: Parameters
    outcome: Outcome


def _look_at(
    t: Table,
    data: Dataset,
    work: Sequence[_Work],
    aside: polars.DataFrame | None,
    earlier: Earlier | None,
    progress: Callable[[int, int, str], None] | None,
) -> Remains | None:
    """All rules about one table: first what can be taken over, then the rules that keep to rows, a part at a time, then
    those that see the layer. What topology left."""
    left = []
    for w in work:
        w.outcome.print = print_of(w.rule, w.p, data)
        w.outcome.needs = tuple(n for n in w.rule.needs if n not in data)
        w.outcome.needs += tuple(n for n in w.rule.given if n not in data.given)
        w.outcome.needs += (PLANE,) if w.rule.plane and not t.in_plane else ()
        if w.outcome.ran and not (earlier and _taken_over(w, t, data, aside, earlier)):
            left.append(w)
    _in_parts(t, data, [w for w in left if by_rows(w.rule)], aside, progress)
    _two_at_a_time(t, data, [w for w in left if not by_rows(w.rule)], aside, progress)
    if earlier:
        return earlier.remains_of(t)
    return t.__dict__.get("remains") if t.in_plane else None


def _taken_over(w: _Work, t: Table, data: Dataset, aside: polars.DataFrame | None, earlier: Earlier) -> bool:
    """Whether all errors of a rule are known by an earlier inspection and a look at the rows that changed."""
    started = time.perf_counter()
    try:
        errors = earlier.errors_for(w.rule, t, data, w.p, lambda part: _placed(_look(w.rule, part, data, w.p), part))
    except Needs as lacking:
        w.outcome.needs = lacking.names
        return True
    if errors is not None:
        w.outcome.reused = True
        _add(w.outcome, errors, t, aside)
    w.outcome.seconds += time.perf_counter() - started
    return errors is not None


def _in_parts(
    t: Table,
    data: Dataset,
    work: Sequence[_Work],
    aside: polars.DataFrame | None,
    progress: Callable[[int, int, str], None] | None,
) -> None:
    """Rules that keep to rows look at one part after the other; what topology keeps of each is kept."""
    if not work:
        return
    topology = t.schema.partition and t.has_outlines and t.schema.geometry == "polygon" and not t.look
    topology = topology and "remains" not in t.__dict__

    def look(part: Table) -> _Part:
        found = [_timed(w, part, data) for w in work]
        return _Part(part, found, part.scan if topology else None)

    for other in {name for w in work for name in w.rule.needs}:
        data[other]  # opened here, and not by two threads
    scans: list[Scan | None] = []
    done = 0
    for one in ahead(look, t.parts()):
        if progress:
            progress(done, len(t), t.schema.table)
        done += len(one.part)
        for w, found in zip(work, one.found, strict=True):
            _note(w, found, one.part, aside)
        scans.append(one.scan)
    if topology and scans:
        from jintu.kernel.topology import remains

        t.remains = remains([scan for scan in scans if scan is not None])


def _two_at_a_time(
    t: Table,
    data: Dataset,
    work: Sequence[_Work],
    aside: polars.DataFrame | None,
    progress: Callable[[int, int, str], None] | None,
) -> None:
    """Rules that see the layer, two at a time: memory is that of the two that hold most.

    This thread has the connection to the database: it runs those that are given something, and then others from the
    first on; a helper runs others from the last on, because rules that follow one another often wait for the same.
    """
    own = deque(w for w in work if w.rule.given)
    free = deque(w for w in work if not w.rule.given)
    for name in {name for w in free for name in w.rule.needs}:
        data[name]  # opened here

    def run(some: Iterable[_Work], told: Callable[[_Work], None]) -> None:
        try:
            for w in some:
                told(w)
                _note(w, _timed(w, t, data), t, aside)
        except BaseException:
            own.clear()  # somebody cancelled, or a rule failed: nothing more begins
            free.clear()
            raise

    def tell(w: _Work) -> None:
        if progress:
            progress(len(work) - len(own) - len(free) - 1, len(work), f"{w.rule.id} {t.schema.table}")

    first = _next(own.popleft, free.popleft)
    if first is None:
        return
    with ThreadPoolExecutor(1) as helper:
        helping = helper.submit(run, iter(lambda: _next(free.pop), None), lambda w: None)
        run(chain([first], iter(lambda: _next(own.popleft, free.popleft), None)), tell)
        helping.result()


def _next(*takes: Callable[[], _Work]) -> _Work | None:
    """What the first queue gives that is not empty, now that both threads take from them."""
    for take in takes:
        with suppress(IndexError):
            return take()
    return None


@dataclass
class _Part:
    """What was found in a part, and what is kept of it."""

    part: Table
    found: list[tuple[polars.DataFrame | Needs, float]]
    scan: Scan | None


def _timed(w: _Work, part: Table, data: Dataset) -> tuple[polars.DataFrame | Needs, float]:
    started = time.perf_counter()
    try:
        found: polars.DataFrame | Needs = _look(w.rule, part, data, w.p)
    except Needs as lacking:
        found = lacking
    return found, time.perf_counter() - started


def _note(w: _Work, found: tuple[polars.DataFrame | Needs, float], t: Table, aside: polars.DataFrame | None) -> None:
    """Write down what `_timed` gave of the rows of ``t``."""
    errors, seconds = found
    w.outcome.seconds += seconds
    if isinstance(errors, Needs):
        w.outcome.needs = errors.names
    else:
        _add(w.outcome, errors, t, aside)


def _look(rule: QualityRule, t: Table, data: Dataset, p: Parameters) -> polars.DataFrame:
    """All errors of the rule in a table, by row."""
    found = [f.select(ERRORS) for f in rule.function(t, data, p) if f.height]
    return pl.concat(found).sort("row", maintain_order=True) if found else no_errors()


def _add(outcome: Outcome, errors: polars.DataFrame, t: Table, aside: polars.DataFrame | None) -> None:
    """Count errors of the rows of ``t``, and keep the first of them with their places."""
    if not errors.height:
        return
    of_rows = (errors["row"] >= 0).any()
    keys = t.keys_of(errors["row"].clip(lower_bound=0)) if of_rows else pl.lit("")
    errors = errors.with_columns(key=pl.when(pl.col("row") >= 0).then(keys).otherwise(pl.lit("")))
    counted = errors if aside is None else _without(errors, aside.filter(pl.col("rule") == outcome.rule.id))
    outcome.count += counted.height
    outcome.aside += errors.height - counted.height
    outcome.affected += counted["row"].n_unique()
    before = 0 if outcome.errors is None else outcome.errors.height
    here = pl.when(pl.col("row") >= 0).then(pl.col("row") + t.first).otherwise(pl.col("row"))
    placed = _placed(errors.head(MOST_KEPT - before), t).with_columns(row=here)
    outcome.errors = placed if outcome.errors is None else pl.concat([outcome.errors, placed])
    if before + errors.height > MOST_KEPT and outcome.count <= MOST_BEYOND:
        outcome.beyond.append(errors.slice(MOST_KEPT - before).select(ERRORS).with_columns(row=here))


def _placed(errors: polars.DataFrame, t: Table) -> polars.DataFrame:
    """The place of an error that has none of its own is its feature's outline: the error layer stands by itself."""
    bare = errors["geometry"].is_null() & (errors["row"] >= 0)
    if not t.has_outlines or not bare.any():
        return errors
    numbered = errors.with_row_index("at")
    own = t.outlines(errors["row"].filter(bare))
    places = pl.DataFrame({"at": numbered["at"].filter(bare), "own": own})
    joined = numbered.join(places, on="at", how="left", maintain_order="left")
    return joined.with_columns(geometry=pl.coalesce("geometry", "own")).drop("at", "own")


def _without(errors: polars.DataFrame, aside: polars.DataFrame) -> polars.DataFrame:
    """Errors that nobody set aside: the same feature, column and value."""
    if aside.is_empty():
        return errors
    short = errors.with_columns(pl.col("value").str.slice(0, 200))  # what a mark keeps
    kinds = pl.DataFrame({"field": [f"#{kind}" for kind in WRONG]})
    whole = aside.filter(pl.col("field") == "").drop("field").join(kinds, how="cross")  # whatever is wrong with it
    aside = pl.concat([aside, whole.select(aside.columns)])
    return short.join(aside, on=["key", "field", "value"], how="anti", maintain_order="left")


def _judge(report: Report, p: Parameters | None) -> None:
    """Score and verdict from the outcomes."""
    values = dict(p or {})
    report.weights = {s: float(values.get(f"weight_{s.lower()}", 0)) for s in ("A", "B", "C")}
    report.pass_mark = float(values.get("pass_mark", 0))
    lost = sum(report.weights[o.rule.severity] * o.affected / o.rows for o in report.outcomes if o.rows and o.ran)
    report.score = max(0.0, 100.0 - lost)
    report.accepted = report.count("A") == 0 and report.score >= report.pass_mark
