"""Answers that take long, made once and kept: a version never changes, so neither does what was computed from it.

A small layer is answered at once. A large one is left to a job; until it is done the page shows how far it is.
"""

from __future__ import annotations

import itertools
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from jintu.foundation.operations import jobs
from jintu.foundation.operations.actor import Actor
from jintu.foundation.operations.models import Job
from jintu.kernel import hashing

from .. import keeping

__all__ = ["AT_ONCE", "answer", "bound", "kept", "place_of", "write"]

EDITION = "1"
"""Part of every path: another number when answers have another form."""
AT_ONCE = 200_000
"""Rows up to which somebody waits for the answer."""
MOST = {"difference": 200, "picture": 200, "": 20_000}
"""Files kept of a kind; definitions and counts have some hundred bytes, the others megabytes. Tiles have a limit of
their own (`keeping`)."""
EVERY = 50
"""Writes of a process between two looks at how many there are."""
_writes = itertools.count(1)
OPEN = (Job.State.QUEUED, Job.State.RUNNING, Job.State.INTERRUPTED)


def place_of(kind: str, *what: Any) -> Path:
    """Where an answer is kept: named by the hash of what it depends on."""
    name = hashing.of_json([str(w) for w in what], "sha256").partition(":")[2][:40]
    return Path(settings.NODE.data) / "cache" / "atlas" / EDITION / kind / name[:2] / f"{name}.json"


def kept(path: Path) -> dict[str, Any] | None:
    """The answer at a place, and that it was used."""
    found = keeping.kept(path)
    return None if found is None else json.loads(found)


def write(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Keep an answer; whoever reads meanwhile finds the whole of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    draft.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    draft.replace(path)
    bound(path)
    return facts


def bound(path: Path) -> int:
    """Called after a file was written: every so often the kind's least recently used files beyond `MOST` are removed;
    returns how many went."""
    folder = path.parent.parent
    if next(_writes) % EVERY:
        return 0
    files = sorted((p for p in folder.glob("*/*") if p.is_file()), key=lambda p: p.stat().st_mtime)
    gone = files[: max(0, len(files) - MOST.get(folder.name, MOST[""]))]
    for file in gone:
        file.unlink(missing_ok=True)
    return len(gone)


def answer(
    path: Path,
    rows: int,
    compute: Callable[[], dict[str, Any]],
    job: str,
    *,
    actor: Actor,
    title: str,
    division: str = "",
    **arguments: Any,
) -> dict[str, Any] | Job:
    """The answer kept at ``path``; else computed now, or the job (one for all who ask) that computes it.

    A job that failed is handed back as it is; asking again an hour later starts another.
    """
    found = kept(path)
    if found is not None:
        return found
    if rows <= AT_ONCE:
        return write(path, compute())
    same = Job.objects.filter(kind=job, arguments=arguments).order_by("-pk")
    running = same.filter(state__in=OPEN).first()
    if running is not None:
        return running
    last = same.filter(user=actor.user).first()
    if last is not None and last.state in (Job.State.FAILED, Job.State.CANCELLED) and _fresh(last):
        return last
    with transaction.atomic():
        return jobs.enqueue(job, actor=actor, division=division, title=title, **arguments)


def _fresh(job: Job) -> bool:
    from datetime import timedelta

    from django.utils import timezone

    return job.finished_at is not None and job.finished_at > timezone.now() - timedelta(hours=1)
