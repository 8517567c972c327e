"""Pages of jobs: the list, one job with its progress, cancel."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.kernel.errors import Missing, NotAllowed

from . import files, jobs
from .errors import tell_kept
from .models import Job

__all__ = ["job_cancel", "job_list", "job_page", "job_progress", "job_report"]

PAGE = 50


def _visible(request: HttpRequest) -> QuerySet[Job]:
    """One's own jobs, and those of the divisions in scope; all of them for those who look after the node."""
    scope: Any = request.scope  # type: ignore[attr-defined]
    if not scope.can("jobs"):
        raise NotAllowed("Your roles do not allow this.", remedy="Ask the security administrator of your organisation.")
    if not scope.can("view"):
        return Job.objects.all()
    return Job.objects.filter(Q(user=request.user.pk) | (scope.division_filter() & ~Q(division="")))


def _one(request: HttpRequest, pk: int) -> Job:
    job = _visible(request).filter(pk=pk).first()
    if job is None:
        raise Missing("There is no such job within your scope.")
    return job


def _shown(request: HttpRequest, job: Job) -> dict[str, Any]:
    ahead = 0
    if job.state == Job.State.QUEUED:
        ahead = Job.objects.filter(state__in=(Job.State.QUEUED, Job.State.RUNNING), pk__lt=job.pk).count()
    return {
        "job": job,
        "error": tell_kept(job.error) if job.error else None,
        "ahead": ahead,
        "results": _results(job),
        "report": _report(job),
        "again": _again(job, request.user.pk),
    }


def _report(job: Job) -> str:
    """The stored file that lists what was wrong, where the job has left one."""
    for told in (job.result, (job.error or {}).get("params")):
        if isinstance(told, dict) and re.fullmatch(r"[0-9a-f]{64}", str(told.get("report", ""))):
            return str(told["report"])
    return ""


def _again(job: Job, user: int) -> str:
    """Where a person mends what the job failed at."""
    kind = jobs.kinds().get(job.kind)
    return kind.again(job.arguments, user) if kind and kind.again and job.state == Job.State.FAILED else ""


def _results(job: Job) -> list[tuple[str, Any]]:
    """What a job reports, in words; what has no word is for programs."""
    words = {
        "found": _("found"),
        "new": _("new"),
        "gone": _("no longer detected"),
        "rules": _("rules run"),
        "read": _("rows read"),
        "accepted": _("rows accepted"),
        "refused": _("rows refused"),
        "rows": _("rows"),
        "name": _("file"),
    }
    result = job.result if isinstance(job.result, dict) else {}
    kind = jobs.kinds().get(job.kind)
    told = kind.told(result) if kind and kind.told else []
    return told + [(words[n], v) for n, v in result.items() if n in words and not isinstance(v, bool | dict | list)]


@login_required
@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """Newest first, by key: ``?before=<id>``; ``?state=running`` narrows."""
    rows = _visible(request).order_by("-pk").defer("result")
    state = request.GET.get("state", "")
    if state in Job.State.values:
        rows = rows.filter(state=state)
    before = request.GET.get("before", "")
    if before.isdigit():
        rows = rows.filter(pk__lt=int(before))
    page = list(rows[: PAGE + 1])
    return render(
        request,
        "operations/jobs.html",
        {
            "jobs": page[:PAGE],
            "older": page[PAGE - 1].pk if len(page) > PAGE else None,
            "state": state,
            "states": Job.State.choices,
        },
    )


@login_required
@require_safe
def job_page(request: HttpRequest, pk: int) -> HttpResponse:
    job = _one(request, pk)
    return render(request, "operations/job.html", _shown(request, job))


@login_required
@require_safe
def job_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that polls; once the job is over it stops asking and the page is loaded anew."""
    job = _one(request, pk)
    answer = render(request, "operations/_progress.html", _shown(request, job))
    if job.is_over:
        answer["HX-Refresh"] = "true"
    return answer


@login_required
@require_safe
def job_report(request: HttpRequest, pk: int) -> HttpResponse:
    """The list of what was wrong, as a spreadsheet."""
    found = _report(_one(request, pk))
    if not found:
        raise Missing("The job has left no list.")
    return files.response(found)


@login_required
@require_POST
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = _one(request, pk)
    if job.user != request.user.pk and not request.scope.can("configure"):  # type: ignore[attr-defined]
        raise NotAllowed("Only the person who started a job, or the system administrator, may cancel it.")
    jobs.cancel(job)
    return redirect("operations:job", pk=pk)
