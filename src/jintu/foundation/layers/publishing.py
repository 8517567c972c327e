"""What makes a written version hold: the day free, the directory in its place, the row in the database, the journal."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.db import OperationalError, transaction

from jintu.foundation.journal import Actor, append
from jintu.kernel.errors import Conflict, InputError, Place, Refused

from . import lake, pyramid
from .models import LayerVersion
from .schemas import Schema

__all__ = ["check_day_is_free", "keep", "publish", "room", "withdraw"]


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
    taken = LayerVersion.objects.filter(layer=schema.name, division=division, valid_from=valid_from).exclude(
        state=LayerVersion.State.WITHDRAWN
    )
    if (known := taken.first()) is not None:
        raise Conflict(
            "{layer} of {division} has a version for {day} already ({name}, {hash}).",
            remedy="Withdraw that version with a reason first, or give another day.",
            layer=schema.table,
            division=division,
            day=valid_from.isoformat(),
            name=known.name,
            hash=known.short_hash,
        )


def keep(version: LayerVersion, draft: Path, actor: Actor | None) -> None:
    """The directory goes to its place and the row into the database; a crash in between leaves a directory that no
    version names, which the next import removes."""
    with transaction.atomic():
        check_day_is_free(version.schema, version.division, version.valid_from)
        again = LayerVersion.objects.filter(layer=version.layer, division=version.division, key=version.key).first()
        if again is not None:  # the very same content, withdrawn before: its files are there and right
            raise Conflict(
                "The same content was published for {day} and withdrawn: {reason}",
                remedy="Publish that version again instead.",
                day=version.valid_from.isoformat(),
                reason=again.state_reason or "—",
            )
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


def publish(version: LayerVersion, actor: Actor | None = None) -> LayerVersion:
    """Put a draft, or a version withdrawn by mistake, in force."""
    if version.state == LayerVersion.State.PUBLISHED:
        raise Refused("The version is published already.")
    with transaction.atomic():
        _day_is_free_but(version)
        version.state, version.state_reason = LayerVersion.State.PUBLISHED, ""
        version.save(update_fields=["state", "state_reason"])
        append(
            "layer.publish",
            actor=actor,
            division=version.division,
            objects=[(version.layer, version.key)],
            facts=_facts(version),
        )
        pyramid.start(version, actor)
    return version


def _day_is_free_but(version: LayerVersion) -> None:
    others = LayerVersion.objects.filter(
        layer=version.layer, division=version.division, valid_from=version.valid_from
    ).exclude(pk=version.pk)
    if others.exclude(state=LayerVersion.State.WITHDRAWN).exists():
        check_day_is_free(version.schema, version.division, version.valid_from)


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
