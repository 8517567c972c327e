"""Reading the journal: the history of one row, and the entries behind the journal page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from .models import Entry

__all__ = ["Step", "history", "version_of"]


@dataclass(frozen=True)
class Step:
    """One act on a row, newest first in `history`. ``before``: the values it replaced, None where none were kept."""

    entry: Entry
    at: datetime
    act: str
    user: int | None
    before: dict[str, Any] | None = None
    row_version: int | None = None
    redacted: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


def version_of(register: str, uid: UUID | str, row_version: int) -> dict[str, Any] | None:
    """The values a row had in a version that was replaced since; None when it was not, or was redacted."""
    from .models import RecordVersion

    kept = RecordVersion.objects.filter(register=register, uid=uid, row_version=row_version).order_by("pk").first()
    return kept.data if kept else None


def history(register: str, uid: UUID | str, key: str = "", limit: int = 200) -> list[Step]:
    """All acts on a row of a register, newest first, with the values they replaced.

    Entries name their objects by uid or by the row's ``key``: give the key to find both.
    """
    from .models import Entry, RecordVersion

    names = [str(uid), key] if key else [str(uid)]
    kept = {v.entry_id: v for v in RecordVersion.objects.filter(register=register, uid=uid).order_by("row_version")}
    by_subject = Entry.objects.filter(subjects__kind=register, subjects__key__in=names).values_list("pk", flat=True)
    numbers = sorted({*by_subject.order_by("-pk")[:limit], *kept}, reverse=True)[:limit]
    steps = []
    for entry in Entry.objects.filter(pk__in=numbers).order_by("-pk"):
        version = kept.get(entry.pk)
        steps.append(
            Step(
                entry=entry,
                at=entry.at,
                act=entry.act,
                user=entry.user,
                before=version.data if version else None,
                row_version=version.row_version if version else None,
                redacted=bool(version and version.redaction_id),
                facts=entry.facts,
            )
        )
    return steps
