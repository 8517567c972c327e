"""Import of a file into a register: read, map, check into a staging file, load under a batch id, show by one flip.

`import_file` does it all in one call, for the command line, the demonstration and tests; the pages do it in two steps,
`prepare` (a job that checks and stages) and `finish` (a job that loads).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from collections.abc import Mapping as Mapped
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from jintu.foundation.identity.scope import Scope, prefix_of
from jintu.foundation.journal import Actor
from jintu.kernel.errors import InputError, NotAllowed, Place, Refused

from .. import descriptor
from ..descriptor import Register
from ..models import Batch
from . import mapping as mappings
from . import recognise, staging, undo
from .apply import load
from .together import CHECKED, Taken, check_and_write, possible
from .undo import clean, fail, revert, settle

__all__ = [
    "ImportResult",
    "clean",
    "close",
    "fail",
    "finish",
    "import_file",
    "leftovers",
    "load",
    "open_batch",
    "prepare",
    "revert",
    "settle",
]

Progress = Callable[[int, int, str], None]


@dataclass
class ImportResult:
    """Figures of an import. ``accepted`` counts the rows that are visible now: 0 when nothing was loaded."""

    read: int = 0
    accepted: int = 0
    refused: int = 0
    reasons: list[dict[str, Any]] = field(default_factory=list)
    batch: int = 0
    updated: int = 0
    skipped: int = 0
    state: str = ""
    notices: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def import_file(
    register_name: str,
    path: str | Path,
    mapping: str | Mapped[str, Any] | mappings.Mapping | None = None,
    *,
    actor: Actor | None = None,
    division: str = "",
    scope: Scope | None = None,
    good_only: bool = False,
    duplicates: str = "refuse",
    again: bool = False,
    period: str = "",
    encoding: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a file from beginning to end.

    All or nothing: with one faulty row nothing is loaded and ``reasons`` say why, unless ``good_only``. ``division``
    limits the rows and is theirs where the file has no division column. ``duplicates`` is refuse, skip or update, for
    rows whose key the register has already. ``again`` allows a file, or a period, that was imported before.

    Raises `InputError`, `Unsupported`, `Missing`, `NotAllowed` or `Refused` when the file as a whole cannot be used.
    """
    register = descriptor.get(register_name)
    actor = actor or Actor()
    scope = scope or Scope.everything()
    path = Path(path)
    batch = open_batch(
        register, path.name, actor=actor, scope=scope, division=division, mapping=_name_of(mapping), period=period
    )
    batch.options = {
        "duplicates": duplicates,
        "good_only": good_only,
        "again": again,
        "encoding": encoding,
        "layer": layer,
        "crs": crs,
        "host": socket.gethostname(),
        "process": os.getpid(),
    }
    batch.save(update_fields=["options"])
    if possible():

        def check(own: Batch, taken: Taken, told: undo.Progress) -> ImportResult:
            return prepare(register, own, path, mapping, scope=scope, progress=lambda d, n, _m: told(d, n), taken=taken)

        result = check_and_write(
            register, batch, check, reading=_named(progress, "reading"), loading=_named(progress, "loading")
        )
    else:
        result = prepare(register, batch, path, mapping, scope=scope, progress=progress)
    if result.refused and not good_only:
        close(register, batch)
        result.state = Batch.State.FAILED
        return result
    return finish(register, batch, actor=actor, progress=progress, result=result)


def _named(progress: Progress | None, message: str) -> undo.Progress | None:
    return (lambda done, total: progress(done, total, message)) if progress else None


def _name_of(mapping: Any) -> str:
    if isinstance(mapping, str):
        return mapping
    return getattr(mapping, "name", "") or ""


def open_batch(
    register: Register,
    file_name: str,
    *,
    actor: Actor,
    scope: Scope,
    division: str = "",
    mapping: str = "",
    period: str = "",
) -> Batch:
    """A batch for a file that is going to be checked. Raises `NotAllowed` outside the scope."""
    if not scope.can("import"):
        raise NotAllowed(
            "Your roles do not allow this.",
            remedy="Ask the security administrator of your organisation.",
            verb="import",
        )
    if division and not scope.covers(prefix_of(division)):
        raise NotAllowed(
            "This belongs to division {division}; your scope is {scope}.",
            remedy="Ask the organisation that administers it.",
            division=division,
            scope=scope.label or "、".join(scope.divisions) or "—",
        )
    leftovers()
    return Batch.objects.create(
        register=register.name,
        state=Batch.State.STAGED,
        division=division,
        file_name=file_name[:255],
        mapping=mapping[:100],
        period=period[:20],
        created_by=actor.user,
    )


def prepare(
    register: Register,
    batch: Batch,
    path: Path,
    mapping: str | Mapped[str, Any] | mappings.Mapping | None,
    *,
    scope: Scope,
    progress: Progress | None = None,
    taken: Taken | None = None,
) -> ImportResult:
    """Read and check the file into the batch's staging file. Nothing is loaded; an unusable file closes the batch.

    ``taken`` is called with each piece of rows that is going to be loaded, as things stand.
    """
    from jintu.kernel import formats

    options = batch.options
    try:
        with formats.read(
            path,
            encoding=options.get("encoding") or None,
            layer=options.get("layer") or None,
            crs=options.get("crs") or None,
        ) as source:
            chosen = mappings.find(register, mapping) or mappings.of_source(register, source, batch.division)
            if chosen.geometry.get("crs") and source.has_geometry and not source.crs:
                source.crs = str(chosen.geometry["crs"])
            batch.file_sha256 = source.sha256
            batch.mapping = batch.mapping or chosen.name[:100]
            _not_twice(batch)
            crs = str(chosen.geometry.get("crs") or source.crs or "")
            batch.options = {**options, "mapping": chosen.as_json(), "crs": crs, "format": source.format}
            try:
                staged = staging.stage(
                    register,
                    source,
                    chosen,
                    batch.pk,
                    scope=scope,
                    division=batch.division,
                    duplicates=options.get("duplicates") or "refuse",
                    good_only=bool(options.get("good_only")),
                    progress=(lambda done, total: progress(done, total or done, "reading")) if progress else None,
                    taken=taken,
                )
            except InputError as error:
                raise recognise.explain(register, source, error, chosen.name) from error
            if not staged.read:
                raise InputError("The file has no rows.", place=Place(file=batch.file_name))
            batch.options |= {"encoding": source.encoding, "encoding_basis": source.encoding_basis}
    except BaseException:
        close(register, batch)
        raise
    batch.rows_read = staged.read
    batch.rows_staged = staged.accepted
    batch.rows_refused = staged.refused
    batch.rows_updating = staged.updating
    batch.rows_skipped = staged.skipped
    if not batch.period and staged.first_day and staged.last_day:
        first, last = staged.first_day.strftime("%Y-%m"), staged.last_day.strftime("%Y-%m")
        batch.report["covers"] = first if first == last else f"{first}–{last}"
    batch.report = {
        **batch.report,
        "reasons": staged.reasons.summary()[:100],
        "notices": staged.notices[:100],
        "same_period": _same_period(batch),
    }
    batch.save(update_fields=CHECKED)
    return _result(batch)


def _result(batch: Batch) -> ImportResult:
    visible = batch.state == Batch.State.VISIBLE
    return ImportResult(
        read=batch.rows_read,
        accepted=batch.rows_applied if visible else 0,
        refused=batch.rows_refused,
        reasons=batch.report.get("reasons", []),
        batch=batch.pk,
        updated=batch.rows_updating,
        skipped=batch.rows_skipped,
        state=batch.state,
        notices=batch.report.get("notices", []),
    )


def _not_twice(batch: Batch) -> None:
    """Refuse a file that is loaded already, or a second file for the period it is said to be of."""
    if batch.options.get("again"):
        return
    visible = Batch.objects.filter(register=batch.register, state=Batch.State.VISIBLE)
    # another mapping takes other records from the same file: the starts, then the completions
    same = visible.filter(file_sha256=batch.file_sha256, mapping=batch.mapping).exclude(file_sha256="").first()
    if same is not None and same.division == batch.division:
        raise Refused(
            "This file was imported already, as import {n}.",
            remedy="Revert that import, or say that the file is to be imported again.",
            n=same.pk,
        )
    if batch.period:
        other = visible.filter(division=batch.division, period=batch.period).first()
        if other is not None:
            raise Refused(
                "There is already a file for {period}: {file}, import {n}.",
                remedy="Revert that import first, or say that this file is to be added to it.",
                period=batch.period,
                file=other.file_name,
                n=other.pk,
            )


def _same_period(batch: Batch) -> list[int]:
    """Visible imports of the same division that cover the same months: a warning, because months are filed in parts."""
    covers = batch.report.get("covers") or batch.period
    if not covers:
        return []
    visible = Batch.objects.filter(register=batch.register, division=batch.division, state=Batch.State.VISIBLE)
    return [b.pk for b in visible.order_by("-pk")[:50] if (b.period or b.report.get("covers")) == covers]


def close(register: Register, batch: Batch) -> None:
    """Give up a batch that was checked or began to load; what was kept of its problems stays readable."""
    states = (Batch.State.STAGED, Batch.State.LOADING) if batch.rows_applied else (Batch.State.STAGED,)
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, state__in=states).update(
            state=Batch.State.FAILED,
            file_sha256=batch.file_sha256,
            rows_read=batch.rows_read,
            rows_refused=batch.rows_refused,
            report=batch.report,
            options=batch.options,
        )
    batch.state = Batch.State.FAILED
    staging.rows_file(batch.pk).unlink(missing_ok=True)
    if batch.rows_applied:
        clean(register, batch)


def finish(
    register: Register,
    batch: Batch,
    *,
    actor: Actor,
    progress: Progress | None = None,
    result: ImportResult | None = None,
) -> ImportResult:
    """Load a checked batch and make it visible; goes on where an interrupted call stopped."""
    if batch.rows_refused and not batch.options.get("good_only"):
        raise Refused(
            "{n} rows have faults; nothing is loaded.",
            remedy="Correct the file, or import the good rows only.",
            n=batch.rows_refused,
        )
    load(register, batch, actor=actor, progress=(lambda d, t: progress(d, t, "loading")) if progress else None)
    made = _result(batch)
    if result is not None:
        made.notices = result.notices
    return made


def leftovers() -> int:
    """Clean what dead imports left: failed batches with rows, reverted ones not settled, loads nobody goes on with.

    Called before every import, and for start-up and doctor. A batch whose job waits or runs stays: the job goes on.
    """
    n = 0
    over = (Batch.State.FAILED, Batch.State.REVERTED)
    unsettled = Batch.objects.filter(state__in=over).exclude(report__has_key="settled")
    for batch in unsettled.order_by("pk"):
        register = descriptor.get(batch.register)
        rows = register.model.objects.filter(batch=batch.pk)
        if batch.state == Batch.State.REVERTED:
            n += rows.filter(superseded_by=0).exists()
            settle(register, batch)
        else:
            n += rows.exists() or register.model.objects.filter(superseded_by=batch.pk).exists()
            clean(register, batch)
    for batch in Batch.objects.filter(state=Batch.State.LOADING).order_by("pk"):
        if _is_dead(batch):
            fail(descriptor.get(batch.register), batch)
            n += 1
    return n


def _is_dead(batch: Batch) -> bool:
    """Will nobody go on loading this batch: its job is over, or the process of a command is gone?"""
    from jintu.foundation.operations.models import Job

    if batch.job:
        job = Job.objects.filter(pk=batch.job).first()
        return job is None or job.is_over
    host, process = batch.options.get("host"), batch.options.get("process")
    if host != socket.gethostname() or not process:
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
