"""The supervision run: load once, run every rule in force, keep what was found.

An official run (as-of the node's business date) changes the standing of findings; any other run is what-if, keeps its
hits in the run itself and touches nothing. Hits are kept in short transactions, and only when all of them are stored
does one last statement mark what vanished: a run that dies in the middle closes nothing, and neither does a rule that
lacked an input.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import clock
from jintu.foundation.registers import descriptor
from jintu.foundation.registers.db import bulk
from jintu.kernel.errors import Refused

from . import loading, parameters, rules
from .models import Finding, FindingEvent, FindingObject, Run, RunRule, Severity, finding_key
from .rules import Hit, Rule

__all__ = ["Outcome", "plain", "supervise"]

FILED = 5
"""Newly filed rows named per register as reasons why a finding vanished."""

CHUNK = 200
"""Findings per transaction: well under 250 ms on the embedded database."""


@dataclass
class Outcome:
    """What one rule did in this run."""

    rule: Rule
    state: str
    hits: list[Hit] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0

    @property
    def area_m2(self) -> float | None:
        areas = [h.area_m2 for h in self.hits if h.area_m2 is not None]
        return sum(areas) if areas else None


def supervise(
    division: str,
    as_of: date | None = None,
    *,
    actor: Actor | None = None,
    only: Sequence[str] = (),
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> tuple[Run, list[Outcome]]:
    """Run the rules over a division (a code prefix) and keep the findings.

    ``as_of`` defaults to the business date; another date, or a choice of rules with ``only``, makes a what-if run.
    """
    as_of = as_of or clock.today()
    official = as_of == clock.today() and not only
    actor = actor or Actor()
    chosen = [r for r in rules.catalogue() if not only or r.id in only]
    run = _start(division, as_of, official, actor)
    try:
        stages: dict[str, float] = {}
        started = time.perf_counter()
        progress(0, len(chosen) + 2, "reading registers and layers")
        active = [r for r in chosen if r.in_force(as_of)]
        loaded = loading.load(active, division, as_of)
        stages["load"] = time.perf_counter() - started
        outcomes = []
        values = parameters.in_force(as_of)
        for number, rule in enumerate(chosen, start=1):
            progress(number, len(chosen) + 2, rule.id)
            outcomes.append(_one(rule, loaded, values, as_of))
        facts = _facts_of_subjects(loaded, {pair for o in outcomes for h in o.hits for pair in h.objects})
        for outcome in outcomes:
            outcome.hits = [replace(h, division=h.division or facts[0].get(h.objects[0], "")) for h in outcome.hits]
        stages["rules"] = time.perf_counter() - started - stages["load"]
        progress(len(chosen) + 1, len(chosen) + 2, "keeping findings")
        run.inputs = loaded.provenance
        if official:
            _keep(run, outcomes, loaded, facts)
        else:
            run.what_if = [plain(o.rule, h) for o in outcomes for h in o.hits]
        stages["keep"] = time.perf_counter() - started - stages["load"] - stages["rules"]
        run.stages = {name: round(seconds, 4) for name, seconds in stages.items()}
        _finish(run, outcomes, values, actor)
    except BaseException:
        Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(
            state=Run.State.INTERRUPTED, finished_at=timezone.now()
        )
        raise
    progress(len(chosen) + 2, len(chosen) + 2, "done")
    return run, outcomes


def _start(division: str, as_of: date, official: bool, actor: Actor) -> Run:
    """A row for the run; an earlier run of the division that never finished is marked interrupted."""
    with transaction.atomic():
        Run.objects.filter(division=division, state=Run.State.RUNNING).update(state=Run.State.INTERRUPTED)
        run = Run.objects.create(division=division, as_of=as_of, official=official, started_by=actor.user)
        append(
            "checks.start",
            actor=actor,
            division=division,
            objects=[("checks.run", str(run.pk))],
            facts={"as_of": as_of.isoformat(), "official": official},
        )
    return run


def _one(rule: Rule, loaded: loading.Loaded, values: Any, as_of: date) -> Outcome:
    """One rule over its inputs. A missing input is said, never counted as nothing found."""
    from .inputs import Inputs

    if not rule.in_force(as_of):
        return Outcome(rule, RunRule.State.NOT_IN_FORCE)
    inputs = Inputs.from_loaded(rule, loaded, as_of)
    missing = inputs.missing(rule.needs)
    if missing:
        return Outcome(rule, RunRule.State.NOT_RUN, needs=list(missing))
    started = time.perf_counter()
    try:
        hits = list(rule.function(inputs, values.get(rule.id) or rules.Parameters({}, as_of)))
    except Exception as error:  # a faulty rule must not hide what the others found; it is shown and closes nothing
        return Outcome(rule, RunRule.State.FAILED, error=f"{type(error).__name__}: {error}"[:500])
    return Outcome(rule, RunRule.State.RAN, hits, seconds=time.perf_counter() - started)


def plain(rule: Rule, hit: Hit) -> dict[str, Any]:
    """A hit as JSON values."""
    return {
        "rule": rule.id,
        "severity": hit.level or rule.severity,
        "objects": [list(pair) for pair in hit.objects],
        "area_m2": None if hit.area_m2 is None else round(hit.area_m2, 2),
        "days": hit.days,
        "values": dict(hit.values),
        "division": hit.division,
    }


def _keep(run: Run, outcomes: list[Outcome], loaded: loading.Loaded, facts: tuple[dict, dict, dict]) -> None:
    """Upsert the findings of an official run in short transactions, then mark what vanished in one."""
    _divisions, versions, titles = facts
    known = {
        f.key: f
        for f in Finding.objects.filter(division__gte=run.division, division__lt=run.division + "~").only(
            "pk", "key", "state", "standing", "severity", "area_m2", "days"
        )
    }
    pending: dict[str, tuple[Rule, Hit]] = {}
    for outcome in outcomes:
        for hit in outcome.hits:
            pending.setdefault(finding_key(outcome.rule.id, hit.objects), (outcome.rule, hit))
    run.found = len(pending)
    run.new = sum(1 for key in pending if key not in known)
    numbers = _numbers(run, run.new)
    rows = list(pending.items())
    for start in range(0, len(rows), CHUNK):
        with transaction.atomic():
            fresh: list[Finding] = []
            changed: list[Finding] = []
            again: list[Finding] = []
            for key, (rule, hit) in rows[start : start + CHUNK]:
                facts = _finding_facts(run, rule, hit, versions, titles)
                finding = known.get(key)
                if finding is None:
                    fresh.append(Finding(key=key, first_run=run, number=next(numbers), **facts))
                else:
                    if finding.standing == Finding.Standing.GONE and finding.state == Finding.State.CLOSED:
                        finding.state = Finding.State.OPEN
                        again.append(finding)
                    for name, value in facts.items():
                        setattr(finding, name, value)
                    finding.standing = Finding.Standing.DETECTED
                    finding.gone_run = None
                    finding.gone_because = []
                    changed.append(finding)
            made = Finding.objects.bulk_create(fresh)
            FindingObject.objects.bulk_create(
                FindingObject(finding=f, register=register, key=k)
                for f in made
                for register, k in dict.fromkeys(map(tuple, f.objects_json))
            )
            FindingEvent.objects.bulk_create(
                [FindingEvent(finding=f, verb="detect", after=f.state, run=run) for f in made]
                + [FindingEvent(finding=f, verb="reappear", before="closed", after=f.state, run=run) for f in again]
            )
            bulk.update(changed, [*_FACTS, "state", "standing", "gone_run", "gone_because"])
    _mark_gone(run, outcomes, loaded)


_FACTS = (
    "rule",
    "division",
    "severity",
    "subject",
    "objects_json",
    "area_m2",
    "days",
    "risk",
    "values",
    "geom",
    "last_run",
    "seen_versions",
)


def _finding_facts(run: Run, rule: Rule, hit: Hit, versions: Any, titles: Any) -> dict[str, Any]:
    """The columns of a finding that a run may change: everything but its state and history."""
    import shapely

    severity = Severity[(hit.level or rule.severity).upper()]
    subject = hit.objects[0]
    return {
        "rule": rule.id,
        "division": hit.division or run.division,
        "severity": severity,
        "subject": titles.get(subject, subject[1])[:200],
        "objects_json": [list(pair) for pair in hit.objects],
        "area_m2": None if hit.area_m2 is None else round(hit.area_m2, 2),
        "days": hit.days,
        "risk": int(severity * max(hit.area_m2 or 0.0, 1.0) * max(hit.days or 0, 1)),
        "values": dict(hit.values),
        "geom": None if hit.geometry is None else shapely.from_wkb(hit.geometry),
        "last_run": run,
        "seen_versions": {f"{r} {k}": versions[r, k] for r, k in hit.objects if (r, k) in versions},
    }


def _facts_of_subjects(loaded: loading.Loaded, about: Iterable[tuple[str, str]]) -> tuple[dict, dict, dict]:
    """(register, key) → division, row version and title of those rows, from the frames already in memory.

    Asked only for what findings name: dictionaries over all rows would take more room than the rows.
    """
    import polars as pl

    keys: dict[str, set[str]] = {}
    for name, key in about:
        keys.setdefault(name, set()).add(key)
    divisions: dict[tuple[str, str], str] = {}
    versions: dict[tuple[str, str], str] = {}
    titles: dict[tuple[str, str], str] = {}
    for (name, _geometry), frame in loaded.registers.items():
        if name not in keys:
            continue
        register = descriptor.get(name)
        wanted = frame.filter(pl.col(register.key).cast(pl.String).is_in(sorted(keys[name])))
        named = wanted[register.title or register.key]
        columns = (wanted[register.key], wanted["division"], wanted["uid"], wanted["row_version"], named)
        for key, division, uid, version, words in zip(*columns, strict=True):
            divisions[name, key] = division
            versions[name, key] = f"{uid}:{version}"
            titles[name, key] = words or key
    return divisions, versions, titles


def _numbers(run: Run, count: int) -> Iterable[str]:
    """Finding numbers YD-2026-00001 …, continuing the year's last one."""
    prefix = f"YD-{run.as_of.year}-"
    last = (
        Finding.objects.filter(number__startswith=prefix).order_by("-number").values_list("number", flat=True).first()
    )
    first = int(last.rsplit("-", 1)[1]) + 1 if last else 1
    return iter(f"{prefix}{n:06d}" for n in range(first, first + count))


def _mark_gone(run: Run, outcomes: list[Outcome], loaded: loading.Loaded) -> None:
    """What rules that did run no longer find becomes "no longer detected", with the edits since as the reason."""
    ran = [o.rule.id for o in outcomes if o.state == RunRule.State.RAN]
    vanished = list(
        Finding.objects.filter(
            rule__in=ran,
            standing=Finding.Standing.DETECTED,
            division__gte=run.division,
            division__lt=run.division + "~",
        )
        .exclude(last_run=run)
        .select_related("last_run")
    )
    seen = (name.partition(" ") for f in vanished for name in f.seen_versions)
    versions = _facts_of_subjects(loaded, ((register, key) for register, _space, key in seen))[1]
    for finding in vanished:
        finding.standing = Finding.Standing.GONE
        finding.gone_run = run
        finding.gone_because = _reasons(finding, run, loaded, versions)
    run.gone = sum(1 for f in vanished if not f.is_settled)
    for start in range(0, len(vanished), CHUNK):
        with transaction.atomic():
            some = vanished[start : start + CHUNK]
            bulk.update(some, ["standing", "gone_run", "gone_because"])
            FindingEvent.objects.bulk_create(
                FindingEvent(finding=f, verb="vanish", before=f.state, after=f.state, run=run)
                for f in some
                if not f.is_settled
            )


def _reasons(finding: Finding, run: Run, loaded: loading.Loaded, versions: Any) -> list[dict[str, Any]]:
    """Which rows changed, which layer versions changed, or that only the date moved on."""
    found: list[dict[str, Any]] = []
    for name, seen in finding.seen_versions.items():
        register, _, key = name.partition(" ")
        now = versions.get((register, key))
        if now is None:
            found.append({"kind": "row_withdrawn", "register": register, "key": key})
        elif now != seen:
            uid, old = seen.rsplit(":", 1)
            found.append(
                {
                    "kind": "row_edited",
                    "register": register,
                    "key": key,
                    "uid": uid,
                    "from": int(old),
                    "to": int(now.rsplit(":", 1)[1]),
                }
            )
    found += _filed_since(finding)
    before = finding.last_run.inputs
    for name, facts in loaded.provenance.items():
        old = before.get(name, {})
        if "versions" in facts and facts["versions"] != old.get("versions"):
            found.append({"kind": "layer_changed", "layer": name, "to": [v["name"] for v in facts["versions"]]})
    if not found:
        rows = [n for n, f in loaded.provenance.items() if "rows" in f and f != before.get(n)]
        found += [{"kind": "register_changed", "register": n} for n in rows]
    if finding.last_run.as_of != run.as_of:
        found.append({"kind": "date_moved", "from": finding.last_run.as_of.isoformat(), "to": run.as_of.isoformat()})
    return found


def _filed_since(finding: Finding) -> list[dict[str, Any]]:
    """Rows that name one of the finding's rows and were filed or changed since it was last detected: a start event."""
    about: dict[str, list[str]] = {}
    for register, key in finding.objects_json:
        about.setdefault(register, []).append(key)
    found = []
    for register in descriptor.catalogue():
        for name, (_field, column) in register.columns.items():
            if column.link not in about:
                continue
            rows = register.model.objects.visible().filter(
                **{f"{name}__in": about[column.link]}, updated_at__gt=finding.last_run.started_at
            )
            found += [
                {"kind": "row_filed", "register": register.name, "key": str(key), "uid": str(uid)}
                for key, uid in rows.order_by("-id").values_list(register.key, "uid")[:FILED]
            ]
    return found


def _finish(run: Run, outcomes: list[Outcome], values: Any, actor: Actor) -> None:
    """The run's last transaction: its rules, its state, its journal entry."""
    with transaction.atomic():
        RunRule.objects.bulk_create(
            RunRule(
                run=run,
                rule=o.rule.id,
                version=o.rule.version,
                state=o.state,
                needs=o.needs,
                parameters=dict(values.get(o.rule.id) or {}),
                error=o.error,
                found=len(o.hits),
                area_m2=None if o.area_m2 is None else round(o.area_m2, 2),
                seconds=round(o.seconds, 4),
            )
            for o in outcomes
        )
        run.found = run.found or sum(len(o.hits) for o in outcomes)
        run.state = Run.State.COMPLETE
        run.finished_at = timezone.now()
        changed = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(
            **{
                name: getattr(run, name)
                for name in ("state", "finished_at", "inputs", "stages", "found", "new", "gone", "what_if")
            }
        )
        if not changed:
            raise Refused("Another supervision of this division has started; this one keeps nothing more.")
        states = Counter(str(o.state) for o in outcomes)
        append(
            "checks.finish",
            actor=actor,
            division=run.division,
            objects=[("checks.run", str(run.pk))],
            facts={"found": run.found, "new": run.new, "gone": run.gone, "rules": dict(states)},
        )
