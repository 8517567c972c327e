"""The life of a finding: who may do what when, what each step demands, and that nothing is lost between two people."""

from datetime import date

import pytest

from jintu.foundation.checks import lifecycle
from jintu.foundation.checks.actions.act import act, act_on_many
from jintu.foundation.checks.models import Finding, FindingEvent, Run, finding_key
from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor
from jintu.foundation.journal.models import Entry
from jintu.foundation.operations import clock
from jintu.kernel.errors import Conflict, InputError, NotAllowed, Refused

pytestmark = pytest.mark.django_db

COUNTY = "990121"


def scope(*verbs, division=COUNTY):
    return Scope(divisions=(division,), data_level=2, verbs=frozenset({"view", *verbs}), label=division)


@pytest.fixture
def finding():
    run = Run.objects.create(division=COUNTY, as_of=date(2026, 6, 15), official=True)
    return Finding.objects.create(
        key=finding_key("R03", [("land.supply", "S1")]),
        number="YD-2026-000001",
        rule="R03",
        division=COUNTY,
        severity=4,
        subject="S1",
        objects_json=[["land.supply", "S1"]],
        first_run=run,
        last_run=run,
    )


def test_the_whole_way_from_open_to_closed_leaves_events_and_journal_entries(finding):
    actor = Actor(user=7, organisation="shi", division="990100")
    steps = [
        ("dispatch", scope("dispatch"), {"due_on": clock.today()}),
        ("reply", scope("reply"), {"outcome": "rectified", "note": "已退出超占部分"}),
        ("verify", scope("verify"), {}),
        ("close", scope("close"), {}),
    ]
    for verb, who, facts in steps:
        act(finding, verb, scope=who, actor=actor, **facts)
    finding.refresh_from_db()
    assert finding.state == Finding.State.CLOSED
    assert [e.verb for e in FindingEvent.objects.filter(finding=finding)] == ["dispatch", "reply", "verify", "close"]
    entries = Entry.objects.filter(act__startswith="finding.").order_by("pk")
    assert [e.act for e in entries] == [f"finding.{verb}" for verb, _who, _facts in steps]
    assert "已退出" not in "".join(str(e.__dict__) for e in entries)


@pytest.mark.parametrize(("verb", "right"), [("dispatch", "dispatch"), ("reply", "reply"), ("dismiss", "dismiss")])
def test_a_verb_needs_its_right_and_the_division(finding, verb, right):
    facts = {"note": "x", "outcome": "explained", "due_on": clock.today()}
    with pytest.raises(NotAllowed):
        act(finding, verb, scope=scope(), actor=Actor(), **facts)
    with pytest.raises(NotAllowed):
        act(finding, verb, scope=scope(right, division="990122"), actor=Actor(), **facts)
    act(finding, verb, scope=scope(right), actor=Actor(), **facts)


@pytest.mark.parametrize(
    ("verb", "facts", "field"),
    [
        ("dispatch", {}, "due_on"),
        ("dispatch", {"due_on": date(2000, 1, 1)}, "due_on"),
        ("reply", {"outcome": "explained", "note": "  "}, "note"),
        ("reply", {"note": "x", "outcome": "perhaps"}, "outcome"),
        ("dismiss", {}, "note"),
    ],
)
def test_what_a_step_demands_is_named(finding, verb, facts, field):
    with pytest.raises(InputError) as caught:
        act(finding, verb, scope=scope("dispatch", "reply", "dismiss"), actor=Actor(), **facts)
    assert caught.value.place.field == field
    finding.refresh_from_db()
    assert finding.state == Finding.State.OPEN
    assert not FindingEvent.objects.exists()


def test_a_finding_still_detected_cannot_be_confirmed_gone(finding):
    with pytest.raises(Refused):
        act(finding, "confirm", scope=scope("verify"), actor=Actor())
    finding.standing = Finding.Standing.GONE
    finding.save()
    act(finding, "confirm", scope=scope("verify"), actor=Actor())
    assert finding.state == Finding.State.CLOSED


def test_two_people_at_once_do_not_overwrite_each_other(finding):
    other = Finding.objects.get(pk=finding.pk)
    act(finding, "dispatch", scope=scope("dispatch"), actor=Actor(), due_on=clock.today())
    with pytest.raises(Conflict):
        act(other, "dismiss", scope=scope("dismiss"), actor=Actor(), note="x")
    assert FindingEvent.objects.count() == 1


def test_a_form_filled_in_before_somebody_else_acted_is_told_so(finding):
    seen = finding.row_version
    act(finding, "dispatch", scope=scope("dispatch"), actor=Actor(), due_on=clock.today())
    with pytest.raises(Conflict):
        act(finding, "dispatch", scope=scope("dispatch"), actor=Actor(), row_version=seen, due_on=clock.today())


def test_of_many_those_that_refuse_do_not_stop_the_others(finding):
    closed = Finding.objects.create(
        key="b" * 64,
        number="YD-2026-000002",
        rule="R04",
        division=COUNTY,
        severity=3,
        state="closed",
        first_run=finding.first_run,
        last_run=finding.last_run,
    )
    done, refused = act_on_many(
        [finding, closed], "dispatch", scope=scope("dispatch"), actor=Actor(), due_on=clock.today()
    )
    assert done == 1
    assert len(refused) == 1


def test_the_buttons_shown_are_those_that_work(finding):
    everything = scope("dispatch", "reply", "verify", "close", "dismiss")
    assert {s.verb for s in lifecycle.steps(finding, everything)} == {"dispatch", "reply", "dismiss"}
    assert lifecycle.steps(finding, scope()) == []
    assert lifecycle.steps(finding, scope("dispatch", division="990122")) == []


def test_identity_is_the_rule_and_the_objects_in_any_order():
    a, b = ("land.supply", "S1"), ("land.supply", "S2")
    assert finding_key("R06", [a, b]) == finding_key("R06", [b, a])
    assert finding_key("R06", [a, b]) != finding_key("R03", [a, b])
    assert finding_key("R06", [a]) != finding_key("R06", [a, b])
