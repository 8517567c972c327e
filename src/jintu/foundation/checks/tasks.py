"""The supervision as a job, so that the page that starts it need not wait."""

from __future__ import annotations

from datetime import date
from typing import Any

from jintu.foundation.operations import jobs

__all__ = ["inspect", "run"]


@jobs.kind("checks.supervise", title="Supervision")
def run(job: jobs.Running, *, division: str, as_of: str = "") -> dict[str, Any]:
    """Job body; the result names the run."""
    from . import runner

    done, outcomes = runner.supervise(
        division, date.fromisoformat(as_of) if as_of else None, actor=job.actor, progress=job.progress
    )
    return {"run": done.pk, "found": done.found, "new": done.new, "gone": done.gone, "rules": len(outcomes)}


@jobs.kind("checks.inspect", title="Quality inspection")
def inspect(job: jobs.Running, *, division: str, version: int) -> dict[str, Any]:
    """Job body; the result names the inspection and its page."""
    from django.urls import reverse

    from jintu.foundation.layers.models import LayerVersion

    from .inspection import keeping
    from .models import Inspection

    made = Inspection.objects.filter(job=job.pk).first()  # an earlier attempt may have kept it before it was killed
    if made is None:
        made = keeping.inspect_version(
            LayerVersion.objects.get(pk=version), actor=job.actor, job=job.pk, progress=job.progress
        )
    return {
        "inspection": made.pk,
        "score": round(made.score, 2),
        "accepted": made.accepted,
        "url": reverse("checks:inspection", args=[made.pk]),
    }
