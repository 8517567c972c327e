"""Figures are true for whoever looks, whether they were kept or reckoned, and say of when they are if they are old."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from jintu.foundation.identity.scope import VERBS, Scope
from jintu.foundation.operations import clock, hooks, jobs
from jintu.foundation.operations.models import Job
from jintu.foundation.registers import descriptor
from jintu.foundation.registers.models import Batch
from jintu.foundation.statistics import summary
from jintu.foundation.statistics.models import Changed, Reckoned, Total
from jintu.foundation.statistics.wanted import Wanted, every, registers_of
from tests.conformance.rows import row

pytestmark = pytest.mark.django_db

SUPPLIES = Wanted("land.supply", area="area")
STARTED = Wanted("land.supply", "started", "signed_on", "area")
WAITING = Wanted("land.supply", "due_not_started")
ASKED = [SUPPLIES, STARTED, WAITING, Wanted("land.payment", "overdue"), Wanted("land.approval", area="total_area")]
FILLED = {"land.supply", "land.approval", "land.payment", "land.development_event"}
TOWNS = ("990121001", "990121002", "990122001", "990221001")


def scope(*divisions: str, level: int = 2) -> Scope:
    return Scope(divisions=divisions, data_level=level, verbs=VERBS)


@pytest.fixture
def rows() -> dict[str, list[Any]]:
    """Rows in two counties of one city and one of another, of both data levels; some supplies started."""
    made: dict[str, list[Any]] = {"land.supply": []}
    for i in range(24):
        supply = row(descriptor.get("land.supply"), TOWNS[i % 4], i + 1)
        supply.signed_on, supply.start_on = date(2020 + i % 3, 3, 1), date(2021 if i % 2 else 2030, 1, 1)
        supply.area, supply.data_level = Decimal(f"{1000 + i}.25"), 1 + i % 2
        supply.save()
        made["land.supply"].append(supply)
        if i % 3 == 0:
            event = row(descriptor.get("land.development_event"), TOWNS[i % 4], i + 1)
            event.supply_no, event.kind, event.happened_on = supply.supply_no, "start", date(2022, 1, 1)
            event.save()
    for i in range(6):
        row(descriptor.get("land.approval"), TOWNS[i % 4], i + 1)
        row(descriptor.get("land.payment"), TOWNS[i % 4], i + 1)
    return made


SCOPES = [
    scope(""),
    scope("99"),
    scope("9901"),
    scope("990121"),
    scope("990121001"),
    scope("990121", level=1),
    scope("990121", "9902"),
    scope("9901", "990121"),
    scope("98"),
    Scope(),
]


@pytest.mark.parametrize("who", SCOPES, ids=lambda s: "+".join(s.divisions) + f"/{s.data_level}")
def test_kept_figures_are_those_reckoned_now(rows, who, monkeypatch):
    now = summary.answer(ASKED, who)
    monkeypatch.setattr(summary, "SMALL", 0)
    summary.refresh()
    kept = summary.answer(ASKED, who)
    assert kept.at is None and not kept.missing
    filled = {w: {y: v for y, v in years.items() if v[0]} for w, years in now.values.items()}
    assert {w: {y: v for y, v in years.items() if v[0]} for w, years in kept.values.items()} == filled


def test_figures_agree_with_a_plain_count(rows, monkeypatch):
    monkeypatch.setattr(summary, "SMALL", 0)
    summary.refresh()
    mine = [s for s in rows["land.supply"] if s.division.startswith("990121") and s.data_level == 1]
    answer = summary.answer(ASKED, scope("990121", level=1))
    assert answer.one(SUPPLIES) == (len(mine), sum(s.area for s in mine))
    by_year = answer.values[STARTED]
    assert sum(n for n, _a in by_year.values()) == sum(1 for s in mine if rows["land.supply"].index(s) % 3 == 0)
    assert set(by_year) <= {2020, 2021, 2022}


def test_a_scope_of_half_a_division_is_reckoned_now(rows, monkeypatch):
    monkeypatch.setattr(summary, "SMALL", 0)
    summary.refresh()
    found = summary.answer(ASKED, scope("99012"))
    assert found.at is None
    assert found.one(SUPPLIES) == summary.answer(ASKED, scope("9901")).one(SUPPLIES)


def test_an_old_figure_says_of_when_it_is(rows, monkeypatch):
    monkeypatch.setattr(summary, "SMALL", 0)
    summary.refresh()
    before = summary.answer([SUPPLIES, WAITING], scope("99")).one(WAITING)
    supply = rows["land.supply"][1]
    event = row(descriptor.get("land.development_event"), supply.division[:9], 99)
    event.supply_no, event.kind = supply.supply_no, "start"
    event.save()
    with transaction.atomic():
        hooks.register_changed.send(hooks.Change("land.development_event", "create", event.division))
    old = summary.answer([SUPPLIES, WAITING], scope("99"))
    assert old.at is not None and old.one(WAITING) == before, "the event's figures are old until it is reckoned"
    assert summary.answer([SUPPLIES], scope("99")).at is None, "no event is in the number of supplies"
    assert summary.refresh() >= 1
    again = summary.answer([SUPPLIES, WAITING], scope("99"))
    assert again.at is None and again.one(WAITING) == (before[0] - 1, Decimal(0))
    assert not Changed.objects.exists()


def test_a_change_during_the_reckoning_is_not_forgotten(rows, monkeypatch):
    monkeypatch.setattr(summary, "SMALL", 0)
    reckon = summary._reckon

    def meanwhile(one: Wanted) -> None:
        reckon(one)
        summary.listen(hooks.Change("land.supply", "edit"))

    monkeypatch.setattr(summary, "_reckon", meanwhile)
    summary.refresh()
    assert summary.answer([SUPPLIES], scope("99")).at is not None
    assert summary._out_of_date()


def test_yesterdays_presets_are_old_and_plain_numbers_are_not(rows, monkeypatch):
    monkeypatch.setattr(summary, "SMALL", 0)
    summary.refresh()
    monkeypatch.setattr(clock, "today", lambda: date(2026, 6, 16))
    assert summary.answer([SUPPLIES], scope("99")).at is None
    assert summary.answer([WAITING], scope("99")).at is not None


def test_nothing_reckoned_yet_is_unknown_not_zero(rows, monkeypatch):
    monkeypatch.setattr(summary, "SMALL", 0)
    found = summary.answer([SUPPLIES], scope("99"))
    assert found.missing and found.one(SUPPLIES) is None


def test_rows_of_a_hidden_batch_are_in_no_figure(rows, monkeypatch):
    batch = Batch.objects.create(register="land.supply", state=Batch.State.LOADING)
    descriptor.get("land.supply").model.objects.filter(pk=rows["land.supply"][0].pk).update(batch=batch.pk)
    assert summary.answer([SUPPLIES], scope("99")).one(SUPPLIES)[0] == 23
    monkeypatch.setattr(summary, "SMALL", 0)
    summary.refresh()
    assert summary.answer([SUPPLIES], scope("99")).one(SUPPLIES)[0] == 23


def test_a_refresh_leaves_two_reckonings_and_clears_a_killed_one(rows, monkeypatch):
    monkeypatch.setattr(summary, "SMALL", 0)
    dead = Reckoned.objects.create(name="x", day=clock.today(), at="2026-01-01T00:00Z", version="0")
    Total.objects.create(reckoned=dead, prefix="", data_level=1, n=1, area=0)
    for _ in range(4):
        summary.listen(hooks.Change("land.supply", "edit"))
        summary.refresh()
    assert not Reckoned.objects.filter(pk=dead.pk).exists()
    assert Reckoned.objects.filter(name=SUPPLIES.name).count() == 2


def test_the_worker_asks_once_and_then_rests(rows, monkeypatch):
    assert not summary.ask(), "small registers need no job"
    monkeypatch.setattr(summary, "SMALL", 0)
    assert summary.ask()
    assert not summary.ask(), "one is queued"
    assert jobs.work_off() == 1
    assert Job.objects.get(kind=summary.KIND).result["figures"] == sum(w.register in FILLED for w in every())
    summary.listen(hooks.Change("land.supply", "edit"))
    assert not summary.ask(), "the last one is hardly over"
    Job.objects.filter(kind=summary.KIND).update(started_at="2026-01-01T00:00Z", finished_at="2026-01-01T00:00Z")
    assert summary.ask()


def test_a_preset_depends_on_every_register_it_reads():
    assert set(registers_of(WAITING)) == {"land.supply", "land.development_event"}
    assert registers_of(SUPPLIES) == ["land.supply"]
