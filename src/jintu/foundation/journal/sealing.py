"""The sealer: links committed entries into the chain, in order, a few at a time.

It runs every second in ``jintu worker`` and at the end of commands. Acts hold no lock for it; what is not yet linked
waits in `Pending`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from jintu.kernel import hashing

from .acts import algorithm
from .models import Entry, Link, Pending, Seal

__all__ = ["head_file", "leaf_of", "read_head", "seal", "seal_all"]

AT_ONCE = 1000
"""Entries per seal: keeps the sealer's transaction far below 250 ms."""
_LOCK = 0x4A544A  # any number, the same in every process


def leaf_of(entry: Entry, hash_algorithm: str) -> str:
    """The hash by which an entry stands in the chain."""
    return hashing.of_json(entry.content(), hash_algorithm)


def seal() -> Seal | None:
    """Link up to `AT_ONCE` waiting entries; None when there is nothing to do or another process is at it."""
    if not Pending.objects.exists():
        return None
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
                if not cursor.fetchone()[0]:
                    return None
        numbers = list(Pending.objects.order_by("entry_id").values_list("entry_id", flat=True)[:AT_ONCE])
        if not numbers:
            return None
        last = Seal.objects.order_by("-number").first()
        seq = last.last if last else 0
        used = algorithm()
        entries = list(Entry.objects.filter(pk__in=numbers).order_by("pk"))
        leaves = [leaf_of(entry, used) for entry in entries]
        made = Seal(
            number=last.number + 1 if last else 1,
            first=seq + 1,
            last=seq + len(entries),
            root=hashing.merkle_root(leaves, used),
            previous=last.hash if last else "",
            at=timezone.now(),
        )
        made.hash = hashing.of_json(made.content(), used)
        made.save(force_insert=True)
        Link.objects.bulk_create(
            [
                Link(seq=seq + i, entry=entry, seal=made, leaf=leaf)
                for i, (entry, leaf) in enumerate(zip(entries, leaves, strict=True), start=1)
            ]
        )
        Pending.objects.filter(entry_id__in=numbers).delete()
        transaction.on_commit(lambda: _write_head(made))
    return made


def seal_all() -> int:
    """Link everything that waits; returns the number of seals made."""
    made = 0
    while seal() is not None:
        made += 1
    return made


# -- the head, noted outside the database: who cuts the end off the journal must also reach this file


def head_file() -> Path:
    return Path(settings.NODE.data) / "journal.head"


def read_head() -> dict[str, Any] | None:
    """{"seal": number, "hash": …} as last noted, or None."""
    try:
        return json.loads(head_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _write_head(made: Seal) -> None:
    file = head_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps({"seal": made.number, "hash": made.hash, "at": made.at.isoformat()}), encoding="utf-8")
    draft.replace(file)
