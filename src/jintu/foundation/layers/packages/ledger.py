"""The ledger of offline packages: who was given what, when, by which approval. Every act is in the journal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _noop

from jintu.foundation.identity.scope import prefix_of
from jintu.foundation.journal import Actor, append
from jintu.foundation.layers.models import LayerVersion, OfflinePackage
from jintu.foundation.operations import files, jobs, signing
from jintu.kernel import hashing
from jintu.kernel.errors import InputError, NotAllowed, Place, Refused

from . import making

__all__ = ["choose", "hand_over", "make", "make_zip", "open_entry", "order", "void"]

MOST = 100
"""Versions in one package."""
TRIES = 5
_WANTING = {
    "recipient": _noop("Say who is to receive the package."),
    "purpose": _noop("Say what it is for."),
    "approval": _noop("Give the number of the approval."),
    "approved_by": _noop("Say who approved it."),
}
Progress = Callable[[int, int, str], None]


def choose(scope: Any, numbers: Sequence[int]) -> list[LayerVersion]:
    """Published versions by their primary keys that the giver may hand out. Raises `InputError`, `NotAllowed`."""
    if not numbers or len(numbers) > MOST:
        raise InputError("Choose between 1 and {most} layer versions.", place=Place(field="versions"), most=MOST)
    found = list(LayerVersion.objects.published().within(scope).filter(pk__in=numbers).order_by("layer", "-valid_from"))
    if len(found) != len(set(numbers)) or not all(scope.can("export", v) for v in found):
        raise NotAllowed(
            "Only published layers of your own divisions can be handed out.",
            remedy="Ask the organisation that administers the others.",
        )
    return found


def open_entry(
    versions: Sequence[LayerVersion],
    *,
    recipient: str,
    purpose: str,
    approval: str,
    approved_by: str,
    with_data: bool = False,
    persons: bool = False,
    made_by: str = "",
    actor: Actor | None = None,
) -> OfflinePackage:
    """An entry with the next number. ``persons``: whether the giver sees columns about persons; without, layers that
    have some go without their data. Raises `InputError`, `Refused`."""
    needed = {"recipient": recipient, "purpose": purpose, "approval": approval, "approved_by": approved_by}
    for name, value in needed.items():
        if not value.strip():
            raise InputError(_WANTING[name], place=Place(field=name))
    personal = sorted({v.schema.table for v in versions if any(a.personal for a in v.schema.attributes)})
    if with_data and personal and not persons:
        raise Refused(
            "{layers} have columns about persons, which your roles do not see.",
            remedy="Leave the data itself out: tiles and rows in the viewer have none of these columns.",
            layers=", ".join(personal),
        )
    entry = OfflinePackage(
        division=_holding([v.division for v in versions]),
        with_data=with_data,
        made_by=made_by,
        created_by=actor.user if actor else None,
        versions=[{k: getattr(v, k) for k in ("layer", "division", "key", "name", "hash")} for v in versions],
        **{name: value.strip() for name, value in needed.items()},
    )
    return _numbered(entry, actor)


def _holding(divisions: Sequence[str]) -> str:
    """The code of the smallest division that holds all of them."""
    prefixes = [prefix_of(code) for code in divisions]
    for length in (12, 9, 6, 4, 2):
        heads = {p[:length] for p in prefixes}
        if len(heads) == 1 and all(len(p) >= min(length, len(prefixes[0])) for p in prefixes):
            return next(iter(heads)).ljust(6, "0")
    return ""


def _numbered(entry: OfflinePackage, actor: Actor | None) -> OfflinePackage:
    """Saved under the next number of the division and year; of two at once the second takes the one after."""
    beginning = f"{entry.division or '0'}-{timezone.localdate().year}-"
    for attempt in range(TRIES):
        last = OfflinePackage.objects.filter(number__startswith=beginning).order_by("-number").first()
        entry.number = f"{beginning}{int(last.number[len(beginning) :]) + 1 if last else 1:04d}"
        try:
            with transaction.atomic():
                entry.save(force_insert=True)
                facts = {"recipient": entry.recipient, "approval": entry.approval, "with_data": entry.with_data}
                _journal("package.order", entry, actor, **facts, versions=[v["hash"] for v in entry.versions])
            return entry
        except IntegrityError:
            entry.pk = None
            if attempt == TRIES - 1:
                raise
    return entry


def _journal(act: str, entry: OfflinePackage, actor: Actor | None, **facts: Any) -> None:
    append(act, actor=actor, division=entry.division, objects=[("layers.package", entry.number)], facts=facts)


def order(entry: OfflinePackage, actor: Actor | None, language: str) -> OfflinePackage:
    """Have the worker make the package as a ZIP."""
    with transaction.atomic():
        job = jobs.enqueue("layers.package", actor=actor, division=entry.division, package=entry.pk, language=language)
        entry.job = job.pk
        entry.save(update_fields=["job"])
    return entry


def packed_versions(entry: OfflinePackage) -> list[LayerVersion]:
    """The versions of an entry, in its order. Raises `Refused` when one is no longer published."""
    found = []
    for said in entry.versions:
        about = {k: said[k] for k in ("layer", "division", "key", "hash")}
        version = LayerVersion.objects.published().filter(**about).first()
        if version is None:
            raise Refused("{layer} {name} is no longer published.", layer=said["layer"], name=said["name"])
        found.append(version)
    return found


def make(
    entry: OfflinePackage,
    target: Path,
    *,
    language: str = "zh-hans",
    actor: Actor | None = None,
    progress: Progress = lambda *_: None,
) -> OfflinePackage:
    """Write the package of an entry into a directory, or a ZIP where ``target`` ends so."""
    versions = packed_versions(entry)
    if target.suffix.lower() != ".zip":
        making.write(entry, versions, target, language=language, actor=actor, progress=progress)
        return _made(entry, target, sum(p.stat().st_size for p in target.rglob("*") if p.is_file()), actor)
    if target.exists():
        raise Refused("There is something at {path} already.", remedy="Give another name.", path=str(target))
    with tempfile.TemporaryDirectory(prefix=".package-", dir=target.parent) as scratch:
        folder = Path(scratch) / entry.number
        making.write(entry, versions, folder, language=language, actor=actor, progress=progress)
        making.pack(folder, target, progress)
        return _made(entry, folder, target.stat().st_size, actor)


def make_zip(entry: OfflinePackage, language: str, actor: Actor | None, progress: Progress) -> OfflinePackage:
    """Make it as a ZIP among the stored files, for the page to hand out."""
    if entry.file:  # an earlier attempt of the job had finished
        return entry
    with tempfile.TemporaryDirectory(prefix="jintu-package-") as scratch:
        target = Path(scratch) / f"{entry.number}.zip"
        make(entry, target, language=language, actor=actor, progress=progress)
        with target.open("rb") as stream:
            entry.file = files.store(stream, target.name).sha256
    entry.save(update_fields=["file"])
    return entry


def _made(entry: OfflinePackage, folder: Path, size: int, actor: Actor | None) -> OfflinePackage:
    entry.hash = hashing.of_file(folder / making.STATEMENT)
    entry.fingerprint = signing.verify_file(folder / making.STATEMENT).fingerprint
    entry.bytes, entry.state = size, OfflinePackage.State.READY
    with transaction.atomic():
        entry.save(update_fields=["hash", "fingerprint", "bytes", "state"])
        _journal("package.make", entry, actor, hash=entry.hash, bytes=size)
    return entry


def hand_over(
    entry: OfflinePackage, *, handed_to: str, medium: str, on: date, actor: Actor | None = None
) -> OfflinePackage:
    """Note who took it, on what, and when."""
    if entry.state != OfflinePackage.State.READY:
        raise Refused("Only a package that is ready and not yet handed over can be handed over.")
    if not handed_to.strip():
        raise InputError("Say who received it.", place=Place(field="handed_to"))
    if on > timezone.localdate():
        raise InputError("The day lies in the future.", place=Place(field="handed_on"))
    entry.handed_to, entry.medium, entry.handed_on = handed_to.strip()[:100], medium.strip()[:100], on
    entry.state = OfflinePackage.State.HANDED_OVER
    with transaction.atomic():
        entry.save(update_fields=["handed_to", "medium", "handed_on", "state"])
        _journal("package.hand_over", entry, actor, hash=entry.hash, medium=entry.medium, on=on.isoformat())
    return entry


def void(entry: OfflinePackage, reason: str, actor: Actor | None = None) -> OfflinePackage:
    """Take a package back, with a reason. The entry stays."""
    if entry.state == OfflinePackage.State.VOID:
        raise Refused("The package is void already.")
    if not reason.strip():
        raise InputError("Give a reason.", place=Place(field="reason"))
    entry.state, entry.state_reason = OfflinePackage.State.VOID, reason.strip()[:500]
    with transaction.atomic():
        entry.save(update_fields=["state", "state_reason"])
        _journal("package.void", entry, actor, reason=entry.state_reason)
    return entry


def downloaded(entry: OfflinePackage, actor: Actor | None) -> None:
    """Somebody fetched the ZIP."""
    with transaction.atomic():
        _journal("package.download", entry, actor, hash=entry.hash)
