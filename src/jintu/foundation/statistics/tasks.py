"""The refresh of the summaries as a job."""

from __future__ import annotations

from typing import Any

from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job

__all__ = ["run"]


@jobs.kind("statistics.refresh", title="Figures of the registers")
def run(job: jobs.Running) -> dict[str, Any]:
    """Job body. Such jobs are many and of little interest once done: the last few are kept."""
    from . import summary

    done = summary.refresh(job.progress)
    over = Job.objects.filter(kind=summary.KIND, state=Job.State.DONE).order_by("-pk").values_list("pk", flat=True)
    Job.objects.filter(pk__in=list(over[summary.KEPT_JOBS :][:500])).delete()
    return {"figures": done}
