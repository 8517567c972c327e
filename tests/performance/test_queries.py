"""A page asks the database little and sends little, whatever it shows: ≤ 15 queries, lists ≤ 120 kB at 50 rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from jintu.foundation.checks.models import Finding, FindingObject, Run, finding_key
from jintu.foundation.operations import hooks
from jintu.foundation.operations.models import Job
from jintu.foundation.registers import descriptor
from jintu.foundation.statistics import summary
from tests.conformance.rows import row
from tests.director import COUNTY, signed_in

pytestmark = pytest.mark.django_db

QUERIES = 15
LIST_BYTES = 120_000
ROWS = 60
"""More than a page of 50, so that lists have a next page too."""
WIDE = ("land.approval", "land.supply", "land.development_event", "enforcement.patch")


@pytest.fixture
def director(client, db):
    """A county director's client, after one request: content types and the like are warm."""
    return signed_in(client)


@pytest.fixture
def filed(db) -> dict[str, Any]:
    """More than a page of rows in several registers, and of findings about the supplies."""
    rows = {name: [row(descriptor.get(name), COUNTY, n) for n in range(1, ROWS + 1)] for name in WIDE}
    run = Run.objects.create(division=COUNTY, as_of=date(2026, 6, 15), official=True)
    findings = []
    for n, supply in enumerate(rows["land.supply"], start=1):
        key = getattr(supply, descriptor.get("land.supply").key)
        finding = Finding.objects.create(
            key=finding_key("R24", [("land.supply", key)]),
            number=f"YD-2026-{n:06d}",
            rule="R24",
            division=supply.division,
            severity=3,
            subject=key,
            objects_json=[["land.supply", key]],
            first_run=run,
            last_run=run,
        )
        FindingObject.objects.create(finding=finding, register="land.supply", key=key)
        findings.append(finding)
    Job.objects.bulk_create(Job(kind="checks.supervise", title="x", state="done", division=COUNTY) for _ in range(ROWS))
    return {"rows": rows, "run": run, "findings": findings}


def ask(client: Any, count: Any, address: str) -> Any:
    with count(QUERIES):
        answer = client.get(address)
        body = answer.getvalue()
    assert answer.status_code == 200, (address, answer.status_code)
    return body


@pytest.mark.parametrize(
    "name",
    [
        "home",
        "dashboard",
        "checks:findings",
        "checks:rules",
        "checks:runs",
        "operations:jobs",
        "registers:index",
        "layers:onemap",
        "layers:config",
        "layers:versions",
        "identity:notices",
    ],
)
def test_a_page_asks_little(name, filed, director, django_assert_max_num_queries):
    ask(director, django_assert_max_num_queries, reverse(name))


@pytest.mark.parametrize("state", ["never reckoned", "reckoned", "out of date"])
@pytest.mark.parametrize("name", ["home", "dashboard"])
def test_figures_of_large_registers_ask_little(
    name, state, filed, director, django_assert_max_num_queries, monkeypatch
):
    """Whatever has been reckoned of them: the first opening after a change costs what the others cost."""
    monkeypatch.setattr(summary, "SMALL", 1)
    if state != "never reckoned":
        summary.refresh()
    if state == "out of date":
        summary.listen(hooks.Change("land.supply", "edit"))
    body = ask(director, django_assert_max_num_queries, reverse(name)).decode()
    assert ("reckoned again" in body or "重新计算" in body) == (state == "out of date")
    assert ("first time" in body or "首次计算" in body) == (state == "never reckoned")


def test_a_finding_a_rule_and_a_run_ask_little(filed, director, django_assert_max_num_queries):
    finding = filed["findings"][0]
    for address in (
        reverse("checks:finding", args=[finding.uid]),
        reverse("checks:rule", args=["R24"]),
        reverse("checks:run", args=[filed["run"].pk]),
    ):
        ask(director, django_assert_max_num_queries, address)


def test_identify_asks_little(filed, director, django_assert_max_num_queries):
    ask(
        director,
        django_assert_max_num_queries,
        reverse("layers:identify") + "?lon=118.5&lat=36.5&layers=survey.DLTB,land.supply",
    )


@pytest.mark.parametrize("register", WIDE)
def test_a_register_asks_and_sends_little(register, filed, director, django_assert_max_num_queries):
    first = filed["rows"][register][0]
    listed = ask(director, django_assert_max_num_queries, reverse("registers:list", args=[register]))
    assert str(first.uid).encode() in listed or listed.count(b"<tr") > 50
    assert len(listed) <= LIST_BYTES
    ask(director, django_assert_max_num_queries, reverse("registers:create", args=[register]))
    for view in ("detail", "edit", "history", "withdraw"):
        ask(director, django_assert_max_num_queries, reverse(f"registers:{view}", args=[register, first.uid]))


def test_the_queue_of_findings_is_light(filed, director, django_assert_max_num_queries):
    body = ask(director, django_assert_max_num_queries, reverse("checks:findings"))
    assert body.count(b'class="fd-row') >= 20
    assert len(body) <= LIST_BYTES
