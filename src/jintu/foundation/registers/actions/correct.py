"""Correct a filed record, its number and division included, with a reason that stays with it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor
from jintu.kernel.errors import InputError, Place

from .. import validation, values
from ..descriptor import Register
from .common import allow, enter, locked, not_withdrawn, problems_to_error, reason_given, version_is
from .edit import changes

__all__ = ["check", "perform"]


def check(register: Register, row: Any, data: Mapping[str, Any], scope: Scope) -> None:
    """Raise unless the correction may be made: correcting needs the verb that withdraws, in both divisions."""
    allow(scope, "withdraw", row.division, row.data_level)
    allow(scope, "withdraw", str(data.get("division", row.division)), int(data.get("data_level", row.data_level)))
    not_withdrawn(row)
    whole = {name: data.get(name, getattr(row, name)) for name in register.attributes}
    geometry = getattr(row, register.geometry) if register.geometry else None
    division = data.get("division", row.division)
    error = problems_to_error(
        validation.check_row(register, {**whole, "division": division}, geometry=geometry, new=False)
    )
    if error:
        raise error
    if not str(whole.get(register.key) or ""):
        raise InputError("A filed record keeps a number.", place=Place(field=register.key))


def perform(
    register: Register,
    uid: uuid.UUID | str,
    data: Mapping[str, Any],
    *,
    reason: str,
    row_version: int,
    scope: Scope,
    actor: Actor,
) -> Any:
    """The corrected row; the values before stay as a record version, the reason on the row."""
    reason = reason_given(reason)
    try:
        with transaction.atomic():
            row = locked(register, uid, scope)
            version_is(row, row_version)
            check(register, row, data, scope)
            changed = changes(register, row, data)
            if not changed:
                return row
            old = values.value_of(register, row)
            for name, (_was, now) in changed.items():
                setattr(row, name, now)
            row.status_reason = reason
            row.row_version += 1
            row.save()
            enter("correct", register, row, actor, old=old, changed=sorted(changed))
    except IntegrityError as error:
        raise InputError(
            "There is already a record with the number {key}.",
            place=Place(field=register.key),
            key=str(data.get(register.key, "")),
        ) from error
    return row
