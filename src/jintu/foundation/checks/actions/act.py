"""Use a verb on a finding: check against the table, then change it with its event and journal entry, at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import transaction

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import clock
from jintu.kernel.errors import Conflict, InputError, JintuError, NotAllowed, Place

from .. import lifecycle
from ..models import Finding, FindingEvent

__all__ = ["act", "act_on_many", "check"]


def check(finding: Finding, verb: str, scope: Scope, facts: dict[str, Any]) -> lifecycle.Step:
    """The table's row for this verb here, or why not."""
    step = lifecycle.step(verb)
    if step is None:
        raise InputError("There is no verb {verb} for findings.", verb=verb)
    if not scope.can(step.right, finding):
        raise NotAllowed(
            "Finding {number} of division {division} is not yours to {verb}.",
            remedy="Your scope is {scope}.",
            number=finding.number,
            division=finding.division,
            verb=verb,
            scope=scope.label or "—",
        )
    lifecycle.TABLE.fire(finding.state, verb, scope.verbs, lifecycle.holds(finding))
    if step.needs_note and not facts.get("note", "").strip():
        raise InputError("Say why.", place=Place(field="note"), remedy="The reason is kept with the finding.")
    if step.needs_outcome and facts.get("outcome") not in (Finding.Outcome.EXPLAINED, Finding.Outcome.RECTIFIED):
        raise InputError("Say whether it is explained or rectified.", place=Place(field="outcome"))
    if step.needs_due:
        due = facts.get("due_on")
        if not isinstance(due, date):
            raise InputError("Set the day by which an answer is due.", place=Place(field="due_on"))
        if due < clock.today():
            raise InputError("The due date {due} is past.", place=Place(field="due_on"), due=due.isoformat())
    return step


def act(
    finding: Finding, verb: str, *, scope: Scope, actor: Actor, row_version: int | None = None, **facts: Any
) -> Finding:
    """Perform a verb. ``facts``: note, outcome, due_on, files (sha256 of stored files)."""
    if row_version is not None and row_version != finding.row_version and scope.can("view", finding):
        # said first: what the table would answer is about a state the person has not seen
        raise _changed(finding)
    step = check(finding, verb, scope, facts)
    with transaction.atomic():
        changes: dict[str, Any] = {"state": step.after, "row_version": finding.row_version + 1}
        if step.needs_due:
            changes["due_on"] = facts["due_on"]
        if step.needs_outcome:
            changes["outcome"] = facts["outcome"]
        if step.after in (Finding.State.CLOSED, Finding.State.DISMISSED, Finding.State.OPEN):
            changes["due_on"] = None
        seen = finding.row_version if row_version is None else row_version
        if not Finding.objects.filter(pk=finding.pk, row_version=seen, state=finding.state).update(**changes):
            raise _changed(finding)
        before = finding.state
        FindingEvent.objects.create(
            finding=finding,
            verb=verb,
            before=before,
            after=step.after,
            user=actor.user,
            organisation=actor.organisation,
            outcome=facts.get("outcome", "") if step.needs_outcome else "",
            note=facts.get("note", "").strip(),
            files=list(facts.get("files", ())),
            due_on=changes.get("due_on"),
        )
        append(
            f"finding.{verb}",
            actor=actor,
            division=finding.division,
            objects=[("checks.finding", finding.number)],
            facts={"before": before, "after": str(step.after), "files": list(facts.get("files", ()))},
        )
        for name, value in changes.items():
            setattr(finding, name, value)
    return finding


def _changed(finding: Finding) -> Conflict:
    return Conflict(
        "Somebody else has just changed finding {number}.",
        remedy="Look at it again, then decide.",
        number=finding.number,
    )


def act_on_many(
    findings: Iterable[Finding], verb: str, *, scope: Scope, actor: Actor, **facts: Any
) -> tuple[int, Sequence[JintuError]]:
    """The verb on each; those that refuse are told apart and do not stop the others."""
    done, refused = 0, []
    for finding in findings:
        try:
            act(finding, verb, scope=scope, actor=actor, **facts)
            done += 1
        except JintuError as error:
            refused.append(error)
    return done, refused
