"""Drafts that nobody published are removed after a while: listed first, then removed, each with a journal entry.

How long is data with a date (``retention.yaml``), or ``draft_days`` of the node. What was ever published stays for
good, and so does a draft that something in the database refers to. With ``retention_at`` of the node the worker does it
every day; without, somebody does it by hand (``jintu lake drafts --remove``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files as resources
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, ProtectedError
from django.utils import timezone

from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job

from .models import LayerVersion

__all__ = ["DAILY", "Term", "ask", "draft_days", "due", "remove", "terms"]

DAILY = "layers.housekeeping"

MOST = 1_000
"""Drafts removed at once."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Term:
    """Days that drafts are kept, from a day on."""

    begins: date
    days: int
    basis: str


@cache
def terms() -> tuple[Term, ...]:
    """All terms, oldest first."""
    import yaml

    said = yaml.safe_load((resources(__package__) / "retention.yaml").read_text(encoding="utf-8"))
    found = [Term(t["from"], int(t["days"]), t["basis"]) for t in said["drafts"]]
    return tuple(sorted(found, key=lambda t: t.begins))


def draft_days(on: date) -> int:
    """Days that hold on a day; the first term holds before its own day too."""
    own = getattr(settings, "JINTU_DRAFT_DAYS", None)
    if own is not None:
        return int(own)
    begun = [t for t in terms() if t.begins <= on]
    return (begun[-1] if begun else terms()[0]).days


def due(on: date | None = None, days: int | None = None) -> list[LayerVersion]:
    """Drafts older than the term, oldest first; without those that something refers to."""
    on = on or timezone.localdate()
    before = timezone.now() - timedelta(days=draft_days(on) if days is None else days)
    drafts = LayerVersion.objects.filter(state=LayerVersion.State.DRAFT, created_at__lt=before).defer("quality")
    for relation in LayerVersion._meta.get_fields(include_hidden=True):
        if relation.is_relation and relation.auto_created and not relation.concrete:
            others = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
            drafts = drafts.exclude(Exists(others))
    return list(drafts.order_by("created_at", "pk")[:MOST])


def ask(now: datetime | None = None) -> bool:
    """A chore of the worker: queue the day's housekeeping once its time has come, where the node has set one.

    A worker that was not running at that time makes up for it when it starts, the same day.
    """
    at = settings.JINTU_RETENTION_AT
    if not at:
        return False
    now = timezone.localtime(now)
    begins = datetime.combine(now.date(), time.fromisoformat(at), tzinfo=now.tzinfo)
    if now < begins or Job.objects.filter(kind=DAILY, created_at__gte=begins).exists():
        return False
    with transaction.atomic():
        jobs.enqueue(DAILY)
    return True


def remove(
    drafts: list[LayerVersion], actor: Actor | None = None, progress: Progress = lambda *_: None
) -> list[dict[str, Any]]:
    """Remove drafts, row and files; returns what was removed. One that was published meanwhile stays.

    The row goes first: what a crash leaves is a directory that no version names, which `lake.sweep` removes.
    """
    removed = []
    for number, draft in enumerate(drafts):
        progress(number, len(drafts), str(draft))
        facts = {"hash": draft.hash, "created": draft.created_at.isoformat(timespec="seconds"), "rows": draft.rows}
        with transaction.atomic():
            try:
                gone, _ = LayerVersion.objects.filter(pk=draft.pk, state=LayerVersion.State.DRAFT).delete()
            except ProtectedError:  # something has come to refer to it
                continue
            if not gone:
                continue
            append(
                "layer.remove_draft",
                actor=actor,
                division=draft.division,
                objects=[(draft.layer, draft.key)],
                facts=facts,
            )
        shutil.rmtree(draft.directory, ignore_errors=True)
        removed.append({"layer": draft.layer, "division": draft.division, "name": draft.name, **facts})
    return removed
