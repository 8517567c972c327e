"""What makes a written version hold: the day free, the directory in its place, the row in the database, the journal."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.db import OperationalError, transaction
from django.urls import reverse

from jintu.foundation.journal import Actor, append
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import Conflict, InputError, Place, Refused

from . import lake, pyramid, verdicts
from .models import LayerVersion
from .schemas import Schema

__all__ = ["check_day_is_free", "keep", "publish", "room", "settle", "withdraw"]


@contextmanager
def room() -> Iterator[None]:
    """A full disc is said in a sentence; nothing of the version is kept then."""
    try:
        yield
    except (OSError, OperationalError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "is full" in str(error)
        if not full:
            raise
        raise Refused(
            "The disc is full: the version could not be written, and nothing was published.",
            remedy="Make room on the disc of the data directory and load the file again.",
        ) from error


def check_day_is_free(schema: Schema, division: str, valid_from: date) -> None:
    """Raises `Conflict` where the day has a version; a draft gives way to a new load if the inspection rejected it or
    its load failed or was cancelled before the verdict."""
    for known in _of_the_day(schema.name, division, valid_from):
        if not _gives_way(known):
            raise _taken(known)


def _taken(by: LayerVersion) -> Conflict:
    return Conflict(
        "{layer} of {division} has a version for {day} already ({name}, {hash}).",
        remedy="Withdraw that version with a reason first, or give another day.",
        layer=by.schema.table,
        division=by.division,
        day=by.valid_from.isoformat(),
        name=by.name,
        hash=by.short_hash,
        see=_page(by),
    )


def _page(version: LayerVersion) -> str:
    return reverse("layers:version", args=[version.pk])


def _of_the_day(layer: str, division: str, valid_from: date) -> list[LayerVersion]:
    """At most one, which the database sees to."""
    found = LayerVersion.objects.filter(layer=layer, division=division, valid_from=valid_from)
    return list(found.exclude(state=LayerVersion.State.WITHDRAWN))


def _gives_way(version: LayerVersion) -> bool:
    if version.state != LayerVersion.State.DRAFT:
        return False
    verdict = verdicts.standing(version)
    return not verdict.accepted if verdict else _stranded(version)


def _stranded(draft: LayerVersion) -> bool:
    """Its load ended before the inspection did."""
    ended = Job.objects.filter(pk=draft.job, state__in=(Job.State.FAILED, Job.State.CANCELLED))
    return draft.job is not None and ended.exists()


def keep(version: LayerVersion, draft: Path, actor: Actor | None) -> None:
    """The directory goes to its place and the row into the database; a crash in between leaves a directory that no
    version names, which the next import removes."""
    with transaction.atomic():
        check_day_is_free(version.schema, version.division, version.valid_from)
        again = LayerVersion.objects.filter(layer=version.layer, division=version.division, key=version.key).first()
        if again is not None and again.state == LayerVersion.State.DRAFT:
            raise Conflict(
                "The same content is kept as a draft already ({name}).",
                remedy="Inspect that version again, or publish it with a reason.",
                name=again.name,
                see=_page(again),
            )
        if again is not None:  # the very same content, withdrawn before: its files are there and right
            raise Conflict(
                "The same content was published for {day} and withdrawn: {reason}",
                remedy="Publish that version again instead.",
                day=version.valid_from.isoformat(),
                reason=again.state_reason or "—",
                see=_page(again),
            )
        for rejected in _of_the_day(version.layer, version.division, version.valid_from):
            withdraw(rejected, "replaced by another load", actor)
        lake.settle(draft, version.directory)
        version.save()
        append(
            "layer.import" if version.state == LayerVersion.State.DRAFT else "layer.publish",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts=_facts(version),
        )
        if version.state == LayerVersion.State.PUBLISHED:
            pyramid.start(version, actor)


def _facts(version: LayerVersion) -> dict[str, Any]:
    return {
        "hash": version.hash,
        "manifest": version.manifest_hash,
        "source": version.source_hash,
        "rows": version.rows,
        "valid_from": version.valid_from.isoformat(),
    }


def publish(version: LayerVersion, actor: Actor | None = None, *, decision: str = "") -> LayerVersion:
    """Put a draft, or a version withdrawn by mistake, in force.

    ``decision``: why, where the verdict of the inspection is missing or bad. Raises `Refused` (see `verdicts.cleared`).
    """
    if version.state == LayerVersion.State.PUBLISHED:
        raise Refused("The version is published already.")
    with transaction.atomic():
        verdict = verdicts.cleared(version, decision)
        for other in _of_the_day(version.layer, version.division, version.valid_from):
            if other.pk != version.pk:
                raise _taken(other)
        version.state = LayerVersion.State.PUBLISHED
        version.state_reason = decision.strip()[:500] if "decision" in verdict else ""
        version.save(update_fields=["state", "state_reason"])
        append(
            "layer.publish",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts=_facts(version) | verdict,
        )
        pyramid.start(version, actor)
    return version


def settle(
    versions: Sequence[LayerVersion],
    actor: Actor | None = None,
    *,
    decision: str = "",
    inspect: bool = True,
    whole: bool = False,
    job: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[int, verdicts.Verdict]:
    """Inspect drafts that were loaded and put in force what is accepted; verdicts by primary key.

    ``decision``: publish the others too, for this reason; without ``inspect`` it is all that counts. ``whole``: all of
    them or none. What is rejected stays a draft, or is withdrawn where the mode is to refuse.
    """
    waiting = [v for v in versions if v.state != LayerVersion.State.PUBLISHED]
    judged = [v for v in waiting if verdicts.mode(v) != "off"]
    found = verdicts.judge(judged, actor, job, progress) if inspect else {}
    bad = [v for v in judged if not (v.pk in found and found[v.pk].accepted)]
    refused = [v for v in bad if v.pk in found and verdicts.mode(v) == "refuse"]
    with transaction.atomic():
        for version in refused:
            withdraw(version, f"quality inspection {found[version.pk].inspection}: not qualified", actor)
        held = refused if decision else bad
        for version in waiting:
            if version not in held and not (whole and held):
                publish(version, actor, decision=decision)
    return found


def withdraw(version: LayerVersion, reason: str, actor: Actor | None = None) -> LayerVersion:
    """Take a version out of force, with a reason. Its files stay: results that name it can be checked."""
    if not reason.strip():
        raise InputError("A withdrawal needs a reason.", place=Place(field="reason"))
    if version.state == LayerVersion.State.WITHDRAWN:
        raise Refused("The version is withdrawn already.")
    with transaction.atomic():
        version.state, version.state_reason = LayerVersion.State.WITHDRAWN, reason.strip()[:500]
        version.save(update_fields=["state", "state_reason"])
        append(
            "layer.withdraw",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts={"hash": version.hash},
        )
    return version
