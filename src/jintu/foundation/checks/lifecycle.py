"""The life of a finding as a table: open → dispatched → replied → verified → closed, or dismissed with a reason.

Roles are those of `jintu.foundation.identity.scope.Scope` by verb: who may ``dispatch`` may also recall. What a verb
demands of the form (a note, a due date, an outcome, files) is part of its row, so that page, API and action agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from jintu.kernel.transitions import Row, Table

from .models import Finding

__all__ = ["GONE", "LIFE", "TABLE", "Step", "holds", "step", "steps"]

GONE = "no longer detected"
"""The guard of verbs that only fit findings a run no longer detects."""

S = Finding.State


@dataclass(frozen=True)
class Step:
    """One verb: from which states to which, the scope verb it takes, what it demands."""

    verb: str
    label: Any
    before: tuple[str, ...]
    after: str
    right: str
    primary: bool = False
    danger: bool = False
    needs_note: bool = False
    needs_due: bool = False
    needs_outcome: bool = False
    files: bool = False
    when_gone: bool = False
    """Only for findings no longer detected."""


LIFE: tuple[Step, ...] = (
    Step("dispatch", _("Dispatch"), (S.OPEN,), S.DISPATCHED, "dispatch", primary=True, needs_due=True),
    Step("recall", _("Recall"), (S.DISPATCHED,), S.OPEN, "dispatch", needs_note=True),
    Step(
        "reply",
        _("Reply"),
        (S.OPEN, S.DISPATCHED),
        S.REPLIED,
        "reply",
        primary=True,
        needs_note=True,
        needs_outcome=True,
        files=True,
    ),
    Step("verify", _("Confirm the reply"), (S.REPLIED,), S.VERIFIED, "verify", primary=True, files=True),
    Step("return", _("Send back"), (S.REPLIED, S.VERIFIED), S.DISPATCHED, "verify", needs_note=True, needs_due=True),
    Step("close", _("Close the finding"), (S.VERIFIED,), S.CLOSED, "close", primary=True),
    Step(
        "confirm",
        _("Confirm it is gone"),
        (S.OPEN, S.DISPATCHED, S.REPLIED, S.VERIFIED),
        S.CLOSED,
        "verify",
        primary=True,
        when_gone=True,
    ),
    Step(
        "dismiss",
        _("Dismiss"),
        (S.OPEN, S.DISPATCHED, S.REPLIED),
        S.DISMISSED,
        "dismiss",
        danger=True,
        needs_note=True,
    ),
    Step("reopen", _("Open again"), (S.CLOSED, S.DISMISSED), S.OPEN, "verify", needs_note=True),
)
_BY_VERB = {step.verb: step for step in LIFE}

TABLE = Table(
    "finding",
    start=S.OPEN,
    ends=(S.CLOSED, S.DISMISSED),
    rows=tuple(
        Row(before, s.verb, s.after, roles=(s.right,), guards=(GONE,) if s.when_gone else ())
        for s in LIFE
        for before in s.before
    ),
    titles={**{str(state.value): state.label for state in S}, **{s.verb: s.label for s in LIFE}},
)
"""The same, proved sound at start-up; its roles are the verbs of the scope."""


def step(verb: str) -> Step | None:
    """What a verb demands."""
    return _BY_VERB.get(verb)


def holds(finding: Finding) -> set[str]:
    """The guards that hold for a finding now."""
    return {GONE} if finding.standing == Finding.Standing.GONE else set()


def steps(finding: Finding, scope: Any) -> list[Step]:
    """The verbs this person may use on this finding now."""
    if not scope.can("view", finding):
        return []
    return [_BY_VERB[row.verb] for row in TABLE.allowed(finding.state, scope.verbs, holds(finding))]
