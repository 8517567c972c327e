"""The supervision as a job, so that the page that starts it need not wait."""

from __future__ import annotations

from datetime import date
from typing import Any

from jintu.foundation.operations import jobs

__all__ = ["run"]


@jobs.kind("checks.supervise", title="Supervision")
def run(job: jobs.Running, *, division: str, as_of: str = "") -> dict[str, Any]:
    """Job body; the result names the run."""
    from . import runner

    done, outcomes = runner.supervise(
        division, date.fromisoformat(as_of) if as_of else None, actor=job.actor, progress=job.progress
    )
    return {"run": done.pk, "found": done.found, "new": done.new, "gone": done.gone, "rules": len(outcomes)}
