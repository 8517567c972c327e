"""File a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor
from jintu.kernel.errors import InputError, Place

from .. import keys, validation
from ..descriptor import Register
from ..models import RowStatus
from .common import allow, enter, problems_to_error

__all__ = ["check", "perform"]


def check(register: Register, data: Mapping[str, Any], scope: Scope, *, geometry: Any = None) -> None:
    """Raise unless this may be filed: verb and division, required and sound values, a free key."""
    allow(scope, "create", str(data.get("division") or ""), int(data.get("data_level") or 1))
    error = problems_to_error(validation.check_row(register, data, geometry=geometry, new=True))
    if error:
        raise error
    key = str(data.get(register.key) or "")
    if key:
        _free(register, key)


def _free(register: Register, key: str) -> None:
    taken = register.model.objects.filter(**{register.key: key}, superseded_by=0).first()
    if taken is not None:
        raise InputError(
            "There is already a record with the number {key}.",
            place=Place(field=register.key),
            remedy="Open that record, or correct the number.",
            key=key,
        )


def perform(
    register: Register,
    data: Mapping[str, Any],
    *,
    scope: Scope,
    actor: Actor,
    geometry: Any = None,
    delivered: Any = None,
    draft: bool = False,
) -> Any:
    """The new row. ``data``: values by field name, with ``division``; ``delivered``: a `geometry_input.Delivered`.

    The key is allotted by `keys` when ``data`` has none: by the register's numbering, or from its identity columns.
    """
    check(register, data, scope, geometry=geometry)
    values = {name: data[name] for name in register.attributes if name in data}
    row = register.model(
        **values,
        division=data["division"],
        data_level=int(data.get("data_level") or 1),
        status=RowStatus.DRAFT if draft else RowStatus.VALID,
        created_by=actor.user,
    )
    if register.geometry:
        setattr(row, register.geometry, geometry)
    try:
        with transaction.atomic():
            if not getattr(row, register.key):
                setattr(row, register.key, keys.allot(register, row))
                _free(register, getattr(row, register.key))
            row.save(force_insert=True)
            if delivered is not None:
                delivered.keep(register, row)
            enter("create", register, row, actor)
    except IntegrityError as error:
        raise InputError(
            "There is already a record with the number {key}.",
            place=Place(field=register.key),
            remedy="Open that record, or correct the number.",
            key=str(getattr(row, register.key)),
        ) from error
    return row
