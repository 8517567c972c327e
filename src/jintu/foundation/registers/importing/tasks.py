"""The two jobs of an import, check and load, and the job that takes one back; and large exports."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop as _noop

from jintu.foundation.identity.models import User
from jintu.foundation.identity.scope import Scope
from jintu.foundation.operations import files, jobs
from jintu.kernel.errors import Missing

from .. import descriptor
from ..models import Batch
from . import finish, prepare, staging, undo

CHECK, LOAD, REVERT, EXPORT = "registers.check", "registers.import", "registers.revert", "registers.export"


def scope_of(user: int | None) -> Scope:
    """The scope of a job's person now, not when it was asked for; the system's own for none."""
    if user is None:
        return Scope.everything()
    person = User.objects.select_related("organisation").filter(pk=user).first()
    return Scope.of(person) if person is not None else Scope.nothing()


def _batch(pk: int) -> Batch:
    batch = Batch.objects.filter(pk=pk).first()
    if batch is None:
        raise Missing("There is no import {n}.", n=pk)
    return batch


def local_file(batch: Batch) -> Path:
    """The uploaded file under its own name (readers go by the suffix), linked into the staging directory."""
    folder = staging.directory(batch.pk) / "source"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(batch.file_name).name
    if not path.exists():
        stored = files.path_of(str(batch.options["stored"]))
        try:
            os.link(stored, path)
        except OSError:
            path.symlink_to(stored)
    return path


@jobs.kind(CHECK, title=_noop("Check of an import file"))
def check(job: jobs.Running, *, batch: int) -> dict[str, Any]:
    """Read and check an uploaded file. Starting over is safe: nothing was loaded."""
    found = _batch(batch)
    register = descriptor.get(found.register)
    if found.state != Batch.State.STAGED:
        return {"batch": found.pk, "state": found.state}
    result = prepare(
        register,
        found,
        local_file(found),
        found.options.get("mapping_given"),
        scope=scope_of(job.actor.user),
        progress=job.progress,
    )
    return {"batch": found.pk, "read": result.read, "accepted": found.rows_staged, "refused": result.refused}


@jobs.kind(LOAD, title=_noop("Import"), attempts=10)
def run(job: jobs.Running, *, batch: int) -> dict[str, Any]:
    """Load a checked file; goes on where an interrupted attempt stopped. Cancelling removes what was loaded."""
    found = _batch(batch)
    register = descriptor.get(found.register)
    try:
        result = finish(register, found, actor=job.actor, progress=job.progress)
    except jobs.Cancelled:
        found.refresh_from_db()
        if found.state != Batch.State.VISIBLE:
            undo.fail(register, found)
        raise
    return {"batch": found.pk, "read": result.read, "accepted": result.accepted, "refused": result.refused}


@jobs.kind(REVERT, title=_noop("Revert of an import"))
def take_back(job: jobs.Running, *, batch: int, reason: str) -> dict[str, Any]:
    """Take an import back; safe to start over."""
    found = _batch(batch)
    undo.revert(
        descriptor.get(found.register),
        found,
        reason=reason,
        actor=job.actor,
        progress=lambda done, total: job.progress(done, total, "index"),
    )
    return {"batch": found.pk, "rows": found.rows_applied}


@jobs.kind(EXPORT, title=_noop("Export"))
def export(
    job: jobs.Running, *, register: str, query: str, kind: str, how: str = "", persons: bool = False
) -> dict[str, Any]:
    """Write a list to a file and keep it in the store, for the person who asked."""
    from django.http import QueryDict

    from .. import exporting, listing

    what = descriptor.get(register)
    _filters, rows = listing.asked(what, scope_of(job.actor.user), QueryDict(query))
    with tempfile.TemporaryDirectory(prefix="jintu-export-") as folder:
        path = Path(folder) / exporting.file_name(what, kind)
        exporting.write(what, rows, path, kind, how=how, persons=persons, progress=lambda n: job.progress(n, 0, "rows"))
        with path.open("rb") as stream:
            stored = files.store(stream, path.name)
        return {"file": stored.sha256, "name": path.name, "size": stored.size}


__all__ = ["CHECK", "EXPORT", "LOAD", "REVERT", "check", "export", "local_file", "run", "scope_of", "take_back"]
