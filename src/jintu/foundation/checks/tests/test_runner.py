"""The run: what is official, what closes nothing, what vanishes and why, what is reproducible."""

from datetime import date
from decimal import Decimal

import pytest

from jintu.domains.land.registers.approval import Approval
from jintu.domains.land.registers.supply import Supply
from jintu.foundation.checks import rules, runner
from jintu.foundation.checks.models import Finding, FindingObject, Run, RunRule
from jintu.foundation.checks.rules import Hit, Layer, Rows, rule
from jintu.foundation.journal.models import Entry
from jintu.foundation.operations import clock

pytestmark = pytest.mark.django_db

LAW = (rules.Law("土地管理法", "第四十三条"),)


@rule(
    "T1",
    name=("先供后批", "Supplied before approval"),
    severity="red",
    law=LAW,
    needs={"supply": Rows("land.supply"), "approval": Rows("land.approval")},
    formula="signed_on < approved_on",
)
def before_approval(t, p):
    pairs = t["supply"].join(t["approval"].select("doc_no", "approved_on"), on="doc_no")
    for row in pairs.filter(pairs["signed_on"] < pairs["approved_on"]).iter_rows(named=True):
        yield Hit(
            (("land.supply", row["supply_no"]), ("land.approval", row["doc_no"])),
            area_m2=row["area"],
            values={"signed_on": row["signed_on"].isoformat()},
        )


@rule("T2", name=("缺图层", "x"), severity="blue", law=LAW, needs={"dltb": Layer("survey.DLTB")}, formula="")
def needs_a_layer(t, p):
    yield Hit((("land.supply", "S1"),))


@rule("T3", name=("坏规则", "x"), severity="blue", law=LAW, needs={"supply": Rows("land.supply")}, formula="")
def broken(t, p):
    raise ZeroDivisionError("in the rule")


@rule("T4", name=("未来", "x"), severity="blue", law=LAW, needs={}, formula="", effective=(date(2099, 1, 1), None))
def of_tomorrow(t, p):
    yield Hit((("land.supply", "S1"),))


@pytest.fixture(autouse=True)
def only_these_rules(monkeypatch):
    monkeypatch.setattr(rules, "_catalogue", {r.id: r for r in (before_approval, needs_a_layer, broken, of_tomorrow)})


@pytest.fixture
def filed():
    approval = Approval.objects.create(
        doc_no="示政土批〔2025〕1号", division="990121", approved_on=date(2025, 5, 1), project_name="项目"
    )
    supply = Supply.objects.create(
        supply_no="S1",
        division="990121003",
        project_name="新厂房",
        doc_no=approval.doc_no,
        area=Decimal("1234.50"),
        signed_on=date(2025, 4, 1),
    )
    return approval, supply


def run(division="990121", **facts):
    return runner.supervise(division, **facts)


def test_an_official_run_opens_a_finding_with_its_evidence(filed):
    done, _outcomes = run()
    assert done.official
    assert (done.state, done.found, done.new, done.gone) == (Run.State.COMPLETE, 1, 1, 0)
    finding = Finding.objects.get()
    assert (finding.rule, finding.division, finding.subject) == ("T1", "990121003", "新厂房")
    assert finding.area_m2 == Decimal("1234.50")
    assert finding.number.startswith("YD-2026-")
    assert FindingObject.objects.filter(register="land.supply", key="S1", finding=finding).exists()
    assert [e.verb for e in finding.events.all()] == ["detect"]
    assert Entry.objects.filter(act="checks.finish").count() == 1


def test_the_same_run_again_changes_nothing_but_the_last_run(filed):
    run()
    number = Finding.objects.get().number
    again, _outcomes = run()
    finding = Finding.objects.get()
    assert (again.found, again.new, again.gone) == (1, 0, 0)
    assert finding.number == number
    assert finding.last_run == again
    assert finding.events.count() == 1


def test_a_run_as_of_another_day_is_what_if_and_touches_nothing(filed):
    done, _outcomes = run(as_of=date(2026, 1, 1))
    assert not done.official
    assert [h["rule"] for h in done.what_if] == ["T1"]
    assert not Finding.objects.exists()


def test_an_edit_makes_the_finding_vanish_and_is_named(filed):
    _approval, supply = filed
    run()
    supply.signed_on = date(2025, 6, 1)
    supply.row_version += 1
    supply.save()
    done, _outcomes = run()
    assert done.gone == 1
    finding = Finding.objects.get()
    assert (finding.state, finding.standing) == (Finding.State.OPEN, Finding.Standing.GONE)
    why = finding.gone_because[0]
    assert (why["kind"], why["key"], why["from"], why["to"]) == ("row_edited", "S1", 1, 2)


def test_what_vanished_and_was_closed_opens_again_when_it_comes_back(filed):
    _approval, supply = filed
    run()
    Supply.objects.filter(pk=supply.pk).update(signed_on=date(2025, 6, 1), row_version=2)
    run()
    Finding.objects.update(state=Finding.State.CLOSED)
    Supply.objects.filter(pk=supply.pk).update(signed_on=date(2025, 4, 1), row_version=3)
    run()
    finding = Finding.objects.get()
    assert (finding.state, finding.standing) == (Finding.State.OPEN, Finding.Standing.DETECTED)
    assert finding.events.last().verb == "reappear"


def test_a_withdrawn_row_is_the_reason(filed):
    _approval, supply = filed
    run()
    Supply.objects.filter(pk=supply.pk).update(status="withdrawn")
    run()
    assert Finding.objects.get().gone_because[0]["kind"] == "row_withdrawn"


def test_a_rule_that_lacks_an_input_says_so_and_closes_nothing(filed):
    done, outcomes = run()
    Finding.objects.create(
        key="k", number="YD-2026-000900", rule="T2", division="990121", severity=1, first_run=done, last_run=done
    )
    done, outcomes = run()
    by_rule = {o.rule.id: o for o in outcomes}
    assert by_rule["T2"].state == RunRule.State.NOT_RUN
    assert by_rule["T2"].needs == ["survey.DLTB"]
    assert Finding.objects.get(rule="T2").standing == Finding.Standing.DETECTED


def test_a_faulty_rule_is_shown_and_hides_nothing(filed):
    _done, outcomes = run()
    by_rule = {o.rule.id: o for o in outcomes}
    assert by_rule["T3"].state == RunRule.State.FAILED
    assert "ZeroDivisionError" in by_rule["T3"].error
    assert len(by_rule["T1"].hits) == 1
    assert by_rule["T4"].state == RunRule.State.NOT_IN_FORCE


def test_an_interrupted_run_closes_nothing(filed, monkeypatch):
    run()
    Supply.objects.update(signed_on=date(2025, 6, 1), row_version=2)

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_mark_gone", killed)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert Run.objects.latest("pk").state == Run.State.INTERRUPTED
    assert Finding.objects.get().standing == Finding.Standing.DETECTED


def test_another_county_neither_sees_nor_closes_them(filed):
    run()
    done, _outcomes = run("990122")
    assert (done.found, done.gone) == (0, 0)
    assert Finding.objects.get().standing == Finding.Standing.DETECTED


def test_a_run_names_what_it_used(filed):
    first, _outcomes = run()
    again, _outcomes = run()
    assert first.inputs["land.supply"]["rows"] == 1
    assert first.inputs == again.inputs
    Supply.objects.update(row_version=2)
    third, _outcomes = run()
    assert third.inputs["land.supply"]["sha256"] != first.inputs["land.supply"]["sha256"]


def test_an_official_run_is_of_the_business_date(filed):
    done, _outcomes = run(as_of=clock.today())
    assert done.official
    done, _outcomes = run(only=["T1"])
    assert not done.official


def test_a_row_filed_since_is_named_as_the_reason(filed, monkeypatch):
    from jintu.domains.land.registers.payment import Payment

    _approval, supply = filed
    run()
    Payment.objects.create(payment_key="S1#1", supply_no="S1", seq=1, division="990121003")
    Supply.objects.filter(pk=supply.pk).update(signed_on=date(2025, 6, 1))
    run()
    reasons = Finding.objects.get().gone_because
    assert ("row_filed", "land.payment", "S1#1") in [(r["kind"], r.get("register"), r.get("key")) for r in reasons]


def test_of_a_layer_only_what_rules_look_at_is_read():
    from jintu.foundation.checks.loading import _layer_columns

    needs = [
        Layer("survey.DLTB", columns=("land_use_code",)),
        Layer("survey.DLTB", columns=("bsm",)),
        Layer("survey.DLTB", at="all", columns=("bsm",)),
        Layer("survey.XZQ", columns=("bsm",)),
        Layer("survey.XZQ"),
        Rows("land.supply"),
    ]
    assert _layer_columns(needs) == {
        ("survey.DLTB", "as_of"): ["bsm", "land_use_code"],
        ("survey.DLTB", "all"): ["bsm"],
        ("survey.XZQ", "as_of"): None,
    }
