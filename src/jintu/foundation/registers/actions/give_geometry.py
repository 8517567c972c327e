"""Give a record its outline, or a better one, under the same key.

In 2009 units off the backbone filed without coordinates and sent them later (official_systems.md §0.2); the same is
still so between two networks.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor
from jintu.kernel.errors import Refused

from .. import validation, values
from ..descriptor import Register
from ..geometry_input import Delivered
from .common import allow, enter, locked, not_withdrawn, problems_to_error, version_is

__all__ = ["check", "perform"]


def check(register: Register, row: Any, delivered: Delivered, scope: Scope) -> None:
    """Raise unless the row may get this outline."""
    allow(scope, "edit", row.division, row.data_level)
    not_withdrawn(row)
    if not register.geometry:
        raise Refused("Records of {register} have no place.", register=register.name)
    error = problems_to_error(validation.check_geometry(register, delivered.geometry))
    if error:
        raise error


def perform(
    register: Register, uid: uuid.UUID | str, delivered: Delivered, *, row_version: int, scope: Scope, actor: Actor
) -> Any:
    """The row with its outline; the delivered digits and file hash are kept beside it."""
    with transaction.atomic():
        row = locked(register, uid, scope)
        version_is(row, row_version)
        check(register, row, delivered, scope)
        old = values.value_of(register, row)
        setattr(row, register.geometry, delivered.geometry)
        row.row_version += 1
        row.save()
        delivered.keep(register, row)
        enter("give_geometry", register, row, actor, old=old, file=delivered.file_sha256)
    return row
