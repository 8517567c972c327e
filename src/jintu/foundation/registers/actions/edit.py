"""Change a record: everything but what identifies it (that is `correct`)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor
from jintu.kernel.errors import InputError, Place

from .. import validation, values
from ..descriptor import Register
from ..models import RowStatus
from .common import allow, enter, locked, not_withdrawn, problems_to_error, version_is

__all__ = ["changes", "check", "fixed", "perform"]


def fixed(register: Register) -> frozenset[str]:
    """Columns an edit may not change, because other records and the law know the row by them."""
    return frozenset({register.key, "division", "data_level"})


def check(register: Register, row: Any, data: Mapping[str, Any], scope: Scope) -> None:
    """Raise unless the row may be changed so."""
    allow(scope, "edit", row.division, row.data_level)
    not_withdrawn(row)
    if row.status == RowStatus.VALID:
        for name in sorted(fixed(register) & set(data)):
            if values.plain(data[name]) != values.plain(getattr(row, name)):
                raise InputError(
                    "This column identifies the record and cannot be edited.",
                    place=Place(field=name),
                    remedy="Correct the record instead, with a reason.",
                )
    whole = {name: data.get(name, getattr(row, name)) for name in register.attributes}
    geometry = getattr(row, register.geometry) if register.geometry else None
    error = problems_to_error(
        validation.check_row(register, {**whole, "division": row.division}, geometry=geometry, new=False)
    )
    if error:
        raise error


def changes(register: Register, row: Any, data: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Columns that would change: name → (old, new)."""
    found = {}
    for name in [*register.attributes, "division", "data_level"]:
        if name in data and values.plain(data[name]) != values.plain(getattr(row, name)):
            found[name] = (getattr(row, name), data[name])
    return found


def perform(
    register: Register, uid: uuid.UUID | str, data: Mapping[str, Any], *, row_version: int, scope: Scope, actor: Actor
) -> Any:
    """The changed row. ``row_version`` is the version the person opened; another one raises `common.RowConflict`.

    Saving without a change does nothing and leaves no entry.
    """
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
        row.row_version += 1
        row.save()
        enter("edit", register, row, actor, old=old, changed=sorted(changed))
    return row
