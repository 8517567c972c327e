"""Exports of a register's list: at once when it is short, by a job when it is long."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs
from jintu.foundation.identity.scope import Scope
from jintu.foundation.operations import files, jobs
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, Missing

from . import descriptor, exporting, listing
from .importing.tasks import EXPORT

__all__ = ["export", "exported", "made_now"]


def made_now(write: Any, name: str) -> HttpResponse:
    """A file made now and removed when it was sent."""
    folder = tempfile.TemporaryDirectory(prefix="jintu-export-")
    path = Path(folder.name) / name
    try:
        write(path)
        answer = FileResponse(path.open("rb"), as_attachment=True, filename=name)
    except BaseException:
        folder.cleanup()
        raise
    answer._resource_closers.append(folder.cleanup)
    return answer


@require_safe
@needs("export")
def export(request: HttpRequest, name: str) -> HttpResponse:
    """The filtered list as a file: at once when it is short, by a job when it is long."""
    from . import rendering

    register = descriptor.get(name)
    scope: Scope = request.scope  # type: ignore[attr-defined]
    kind = request.GET.get("format", "xlsx")
    how = request.GET.get("headers", "")
    if kind not in exporting.FORMATS:
        raise InputError("Lists are not exported as {kind}.", remedy="Choose xlsx, csv or gpkg.", kind=kind)
    query = request.GET.copy()
    query.pop("headers", None)
    filters, rows = listing.asked(register, scope, query)
    persons = rendering.may_see_persons(scope)
    if listing.count(rows).capped:
        with transaction.atomic():
            job = jobs.enqueue(
                EXPORT,
                actor=actor_of(request),
                title=str(register.label),
                register=register.name,
                query=filters.query(),
                kind=kind,
                how=how,
                persons=persons,
            )
        return redirect(reverse("registers:exported", args=[job.pk]))
    return made_now(
        lambda path: exporting.write(register, rows, path, kind, how=how, persons=persons),
        exporting.file_name(register, kind),
    )


@require_safe
@needs("export")
def exported(request: HttpRequest, pk: int) -> HttpResponse:
    """A large export: its progress, then the file, for the person who asked."""
    job = Job.objects.filter(pk=pk, kind=EXPORT, user=request.user.pk).first()
    if job is None:
        raise Missing("There is no such export.")
    if job.state == Job.State.DONE and request.GET.get("file"):
        return files.response(job.result["file"], job.result["name"])
    context = {"job": job, "done": job.state == Job.State.DONE}
    return render(request, "registers/exported.html", context)
