"""Attach a file to a record, or withdraw an attachment with a reason."""

from __future__ import annotations

import uuid
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import files
from jintu.kernel.errors import InputError, Missing, Place

from ..descriptor import Register
from ..models import Attachment
from .common import allow, locked, reason_given

__all__ = ["check", "perform", "withdraw"]

MOST_BYTES = 200 * 1024 * 1024


def check(row: Any, scope: Scope, size: int) -> None:
    """Raise unless a file of that size may be attached."""
    allow(scope, "attach", row.division, row.data_level)
    if size == 0:
        raise InputError("The file is empty.", place=Place(field="file"))
    if size > MOST_BYTES:
        raise InputError("The file is larger than {limit} MB.", place=Place(field="file"), limit=MOST_BYTES >> 20)


def perform(
    register: Register,
    uid: uuid.UUID | str,
    stream: IO[bytes],
    name: str,
    *,
    title: str,
    size: int,
    scope: Scope,
    actor: Actor,
) -> Attachment:
    """The attachment. The bytes are stored first: a stored file nobody refers to does no harm."""
    row = register.model.objects.visible().within(scope).filter(uid=uid).first()
    if row is None:
        raise Missing("There is no such record in {register}, or it is outside your scope.", register=register.name)
    check(row, scope, size)
    stored = files.store(stream, name)
    with transaction.atomic():
        row = locked(register, uid, scope)
        made = Attachment.objects.create(
            register=register.name,
            uid=row.uid,
            title=(title.strip() or name)[:200],
            file_sha256=stored.sha256,
            file_name=name[:255],
            size=stored.size,
            created_by=actor.user,
        )
        append(
            "register.attach",
            actor=actor,
            division=row.division,
            objects=[(register.name, str(getattr(row, register.key)))],
            facts={"uid": str(row.uid), "attachment": made.pk, "sha256": stored.sha256},
        )
    return made


def withdraw(register: Register, pk: int, *, reason: str, scope: Scope, actor: Actor) -> Attachment:
    """The attachment, withdrawn: it stays listed with its reason and can no longer be mistaken for the valid one."""
    reason = reason_given(reason)
    with transaction.atomic():
        attachment = Attachment.objects.select_for_update().filter(pk=pk, register=register.name).first()
        if attachment is None:
            raise Missing("There is no such attachment.")
        row = locked(register, attachment.uid, scope)
        allow(scope, "attach", row.division, row.data_level)
        attachment.withdrawn_at = timezone.now()
        attachment.withdrawn_reason = reason
        attachment.save(update_fields=["withdrawn_at", "withdrawn_reason"])
        append(
            "register.detach",
            actor=actor,
            division=row.division,
            objects=[(register.name, str(getattr(row, register.key)))],
            facts={"uid": str(row.uid), "attachment": pk, "sha256": attachment.file_sha256},
        )
    return attachment
