"""The verdict a version waits for before it comes into force.

Who inspects stands on a higher floor and is given to `use` at start-up. Its mode on the version's day says what follows
from a verdict: ``off`` (nothing waits for it), ``hold`` (what was rejected stays a draft, and whoever may publish can
put it in force with a reason), ``refuse`` (what was rejected is withdrawn, and no reason helps).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from jintu.kernel import hashing
from jintu.kernel.errors import Refused

if TYPE_CHECKING:
    from jintu.foundation.journal import Actor

    from .models import LayerVersion
    from .schemas import Schema

__all__ = ["MODES", "Judge", "Verdict", "cleared", "judge", "mode", "standing", "use"]

MODES = ("off", "hold", "refuse")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Verdict:
    """What an inspection said. ``errors``: by severity; ``rules``: those with errors, or that did not run."""

    inspection: int
    accepted: bool
    score: float
    errors: dict[str, int] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "inspection": self.inspection,
            "accepted": self.accepted,
            "score": round(self.score, 2),
            "errors": self.errors,
            "rules": self.rules,
        }


class Judge(Protocol):
    """Inspects versions; ``judge`` takes those of one division and day together, as each is judged among the others.
    What an earlier attempt of the same job has judged it takes up."""

    def mode(self, schema: Schema, day: date) -> str: ...

    def judge(
        self, versions: Sequence[LayerVersion], actor: Actor | None, job: int | None, progress: Progress | None
    ) -> dict[int, Verdict]: ...

    def standing(self, version: LayerVersion) -> Verdict | None: ...


_judge: Judge | None = None


def use(judge: Judge | None) -> Judge | None:
    """Give the judge, None for nobody; returns the one before."""
    global _judge
    before, _judge = _judge, judge
    return before


def mode(version: LayerVersion) -> str:
    """What follows from a verdict on the version's day."""
    return _judge.mode(version.schema, version.valid_from) if _judge else "off"


def standing(version: LayerVersion) -> Verdict | None:
    """The newest verdict on a version."""
    return _judge.standing(version) if _judge else None


def judge(
    versions: Sequence[LayerVersion], actor: Actor | None, job: int | None, progress: Progress | None
) -> dict[int, Verdict]:
    """Verdicts by primary key; empty without a judge."""
    return _judge.judge(versions, actor, job, progress) if _judge and versions else {}


def cleared(version: LayerVersion, decision: str = "") -> dict[str, Any]:
    """What the journal says of the verdict when the version is published. Raises `Refused` where it may not be.

    ``decision``: the reason of a person to publish in spite of a verdict that is missing or bad.
    """
    what = mode(version)
    if what == "off":
        return {}
    found = standing(version)
    if found is not None and found.accepted:
        return {"inspection": found.inspection, "accepted": True, "score": found.score}
    if len(decision.strip()) < 2 or what == "refuse":
        raise _not_cleared(found, what)
    # the reason itself is kept with the version: the journal holds no free text
    facts: dict[str, Any] = {"decision": hashing.of_json(decision.strip())}
    if found is not None:
        facts |= {"inspection": found.inspection, "accepted": False, "score": found.score}
    return facts


def _not_cleared(found: Verdict | None, what: str) -> Refused:
    if found is None:
        return Refused(
            "The version has not been inspected.",
            remedy="Run the quality inspection first, or publish with a reason."
            if what == "hold"
            else "Run the quality inspection first.",
        )
    return Refused(
        "The quality inspection rejected the version: {score} points, {fatal} fatal errors.",
        remedy="Correct the file and load it again, or publish with a reason."
        if what == "hold"
        else "Correct the file and load it again.",
        score=round(found.score, 2),
        fatal=found.errors.get("A", 0),
    )
