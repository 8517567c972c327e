"""Rules that see a layer run two at a time: the report is that of one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from jintu.foundation.checks.inspection.rules import Needs, QualityRule
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.checks.inspection.tables import Dataset, Table
from jintu.foundation.layers import schemas


def layer() -> Table:
    return Table(schemas.get("survey.DLTB"), pl.DataFrame({"bsm": ["7", "8", "9"]}))


def data(**given: Any) -> Dataset:
    return Dataset({"DLTB": layer()}, date(2025, 12, 31), given=given)


def rule(number: int, look: Callable[[Table], Any], **facts: Any) -> QualityRule:
    def function(t: Table, data: Dataset, p: Any) -> Any:
        yield t.errors_at(look(t) or [])

    return QualityRule(f"T{number}", "C", ("", ""), function, **facts)


def test_two_rules_are_looked_at_at_the_same_time():
    met = threading.Barrier(2)
    rules = [rule(n, lambda t: [met.wait(timeout=20) * 0]) for n in range(4)]
    report = inspect(data(), {}, rules=rules)
    assert [(o.rule.id, o.count) for o in report.outcomes] == [("T0", 1), ("T1", 1), ("T2", 1), ("T3", 1)]


def test_what_asks_the_database_stays_in_the_thread_that_has_the_connection():
    where: dict[str, int] = {}

    def note(name: str) -> Callable[[Table], None]:
        return lambda t: where.update({name: threading.get_ident()})

    rules = [rule(n, note(f"given {n}"), given=("summary",)) for n in range(3)] + [rule(9, note("free"))]
    inspect(data(summary="…"), {}, rules=rules)
    assert {where[f"given {n}"] for n in range(3)} == {threading.get_ident()}
    assert "free" in where


def test_rules_that_share_something_make_it_once():
    made: list[int] = []

    def look(t: Table) -> list[int]:
        return t.beside(t, "rows", lambda: made.append(1) or [1])

    report = inspect(data(), {}, rules=[rule(n, look) for n in range(6)])
    assert made == [1]
    assert [o.errors["row"].to_list() for o in report.outcomes] == [[1]] * 6


def test_of_what_was_cancelled_nothing_more_begins():
    class Cancelled(Exception):
        pass

    begun: list[str] = []
    running = threading.Event()

    def look(t: Table) -> None:
        begun.append("rule")
        running.wait(20)

    def progress(done: int, total: int, message: str) -> None:
        running.set()
        raise Cancelled

    with pytest.raises(Cancelled):
        inspect(data(), {}, rules=[rule(n, look) for n in range(9)], progress=progress)
    assert len(begun) <= 2


@pytest.mark.parametrize("broken", [0, 4])
def test_a_rule_that_fails_ends_the_inspection(broken: int):
    def fail(t: Table) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        inspect(data(), {}, rules=[rule(n, fail if n == broken else lambda t: None) for n in range(5)])


def test_a_rule_that_finds_it_cannot_look_says_what_it_needs():
    def lack(t: Table) -> None:
        raise Needs("metadata")

    report = inspect(data(), {}, rules=[rule(1, lack), rule(2, lambda t: [2]), rule(3, lack)])
    assert [o.needs for o in report.outcomes] == [("metadata",), (), ("metadata",)]


def test_progress_counts_every_rule_once():
    told: list[tuple[int, int]] = []
    inspect(
        data(),
        {},
        rules=[rule(n, lambda t: None) for n in range(5)],
        progress=lambda done, total, message: told.append((done, total)),
    )
    assert told == sorted(told)
    assert {total for _, total in told} == {5}
    assert all(0 <= done < 5 for done, _ in told)
