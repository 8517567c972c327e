"""Run the rules over layers; errors, score and verdict.

Score = 100 − Σ weight × error rate over the rules that ran, the error rate being the share of rows with an error.
Accepted: no error of severity A, and the score reached. Weights and pass mark are dated parameters (rule "score").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..lazy import pl
from ..rules import Parameters
from .reuse import Earlier, print_of
from .rules import Needs, QualityRule, catalogue
from .tables import ERRORS, Dataset, Table, no_errors

if TYPE_CHECKING:
    import polars

__all__ = ["Outcome", "Report", "error_schema", "inspect"]

MOST_KEPT = 20_000
"""Errors of one rule in one table that are kept with their place; all are counted."""


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
    work = [(rule, t) for rule in chosen for t in judged if rule.judges(t)]
    for done, (rule, t) in enumerate(work):
        if progress:
            progress(done, len(work), f"{rule.id} {t.schema.table}")
        p = parameters.get(rule.id) or Parameters({}, data.as_of)
        report.outcomes.append(_run(rule, t, data, p, aside, earlier))
    _judge(report, parameters.get("score"))
    return report


def _run(
    rule: QualityRule,
    t: Table,
    data: Dataset,
    p: Parameters,
    aside: polars.DataFrame | None,
    earlier: Earlier | None,
) -> Outcome:
    outcome = Outcome(rule, t.schema.table, len(t), print=print_of(rule, p, data))
    started = time.perf_counter()
    outcome.needs = tuple(n for n in rule.needs if n not in data) + tuple(n for n in rule.given if n not in data.given)
    if outcome.needs:
        return outcome
    try:
        errors = earlier.errors_for(rule, t, data, p, lambda part: _look(rule, part, data, p)) if earlier else None
        outcome.reused = errors is not None
        if errors is None:
            errors = _look(rule, t, data, p)
    except Needs as lacking:
        outcome.needs = lacking.names
        return outcome
    if errors.height:
        keys = t.keys.gather(errors["row"].clip(lower_bound=0))
        errors = errors.with_columns(key=pl.when(pl.col("row") >= 0).then(keys).otherwise(pl.lit("")))
        counted = errors if aside is None else _without(errors, aside.filter(pl.col("rule") == rule.id))
        outcome.count, outcome.aside = counted.height, errors.height - counted.height
        outcome.affected = counted["row"].n_unique()
        outcome.errors = _placed(errors.head(MOST_KEPT), t)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _look(rule: QualityRule, t: Table, data: Dataset, p: Parameters) -> polars.DataFrame:
    """All errors of the rule in a table, by row."""
    found = [f.select(ERRORS) for f in rule.function(t, data, p) if f.height]
    return pl.concat(found).sort("row", maintain_order=True) if found else no_errors()


def _placed(errors: polars.DataFrame, t: Table) -> polars.DataFrame:
    """The place of an error that has none of its own is its feature's outline: the error layer stands by itself."""
    if t.wkb is None or errors.is_empty():
        return errors
    own = t.wkb.gather(errors["row"].clip(lower_bound=0))
    whole = pl.when(pl.col("geometry").is_null() & (pl.col("row") >= 0)).then(own)
    return errors.with_columns(geometry=whole.otherwise(pl.col("geometry")))


def _without(errors: polars.DataFrame, aside: polars.DataFrame) -> polars.DataFrame:
    """Errors that nobody set aside: the same feature, column and value."""
    if aside.is_empty():
        return errors
    short = errors.with_columns(pl.col("value").str.slice(0, 200))  # what a mark keeps
    return short.join(aside, on=["key", "field", "value"], how="anti", maintain_order="left")


def _judge(report: Report, p: Parameters | None) -> None:
    """Score and verdict from the outcomes."""
    values = dict(p or {})
    report.weights = {s: float(values.get(f"weight_{s.lower()}", 0)) for s in ("A", "B", "C")}
    report.pass_mark = float(values.get("pass_mark", 0))
    lost = sum(report.weights[o.rule.severity] * o.affected / o.rows for o in report.outcomes if o.rows and o.ran)
    report.score = max(0.0, 100.0 - lost)
    report.accepted = report.count("A") == 0 and report.score >= report.pass_mark
