"""The card of findings on the page of the record they are about."""

from datetime import date

import pytest
from django.test import RequestFactory

from jintu.foundation.checks.models import Finding, FindingObject, Run, finding_key
from jintu.foundation.checks.panels import row_findings, row_findings_url
from jintu.foundation.identity.scope import Scope
from jintu.foundation.registers import descriptor

pytestmark = pytest.mark.django_db


def file_finding(key, state=Finding.State.OPEN, division="990121", n=1):
    run = Run.objects.create(division=division, as_of=date(2026, 6, 15), official=True)
    finding = Finding.objects.create(
        key=finding_key(f"R0{n}", [("land.supply", key)]),
        number=f"YD-{division}-{n}",
        rule=f"R0{n}",
        division=division,
        severity=4,
        subject=key,
        state=state,
        objects_json=[["land.supply", key]],
        first_run=run,
        last_run=run,
    )
    FindingObject.objects.create(finding=finding, register="land.supply", key=key)
    return finding


@pytest.fixture
def shown():
    """What the card of one supply shows to a person of a division."""
    register = descriptor.get("land.supply")

    def panel(key, division="990121"):
        request = RequestFactory().get("/")
        request.scope = Scope(divisions=(division,), data_level=2, verbs=frozenset({"view"}), label=division)
        return row_findings(request, register, register.model(**{register.key: key, "division": division}))

    return panel


def test_the_row_shows_its_findings_the_unsettled_first(shown):
    closed = file_finding("S1", Finding.State.CLOSED, n=1)
    still_open = file_finding("S1", n=2)
    file_finding("S2", n=3)
    assert [f for f, _name, _word in shown("S1").shown["lines"]] == [still_open, closed]
    assert shown("S3").shown["lines"] == []


def test_findings_outside_the_scope_are_not_shown(shown):
    file_finding("S1", division="990122")
    assert shown("S1").shown["lines"] == []
    assert len(shown("S1", "990122").shown["lines"]) == 1


def test_all_of_them_leads_to_the_settled_ones_too(rf):
    from jintu.foundation.checks.queries import Filters, queue

    closed = file_finding("S1", Finding.State.CLOSED)
    query = rf.get(row_findings_url("land.supply", "S1")).GET
    assert list(queue(Scope.everything(), Filters.of(query))) == [closed]


def test_dated_tables_have_no_card(rf):
    table = next(r for r in descriptor.catalogue() if r.table)
    assert row_findings(rf.get("/"), table, table.model()) is None


def test_what_a_rule_lacked_is_said_in_the_readers_language() -> None:
    from django.utils import translation

    from jintu.foundation.checks.inspection.lacking import lacking

    with translation.override("zh-hans"):
        assert lacking({"not_run": "needs delivery, metadata of DLTB, XZQ"}) == "成果目录，DLTB 的元数据，XZQ"
    assert lacking({"count": 0}) == ""
