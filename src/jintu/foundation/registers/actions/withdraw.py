"""Withdraw a record with a reason. It stays readable, under its number, and counts nowhere."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor

from .. import values
from ..descriptor import Register
from ..models import RowStatus
from .common import allow, enter, locked, not_withdrawn, reason_given, version_is

__all__ = ["check", "perform"]


def check(register: Register, row: Any, scope: Scope) -> None:
    """Raise unless the row may be withdrawn."""
    allow(scope, "withdraw", row.division, row.data_level)
    not_withdrawn(row)


def perform(
    register: Register, uid: uuid.UUID | str, *, reason: str, row_version: int, scope: Scope, actor: Actor
) -> Any:
    """The withdrawn row."""
    reason = reason_given(reason)
    with transaction.atomic():
        row = locked(register, uid, scope)
        version_is(row, row_version)
        check(register, row, scope)
        old = values.value_of(register, row)
        row.status = RowStatus.WITHDRAWN
        row.status_reason = reason
        row.row_version += 1
        row.save()
        enter("withdraw", register, row, actor, old=old)
    return row
