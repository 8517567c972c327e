"""What all verbs share: finding the row under a lock, its checks, its journal entry."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import hooks
from jintu.kernel import hashing
from jintu.kernel.errors import Conflict, InputError, Missing, NotAllowed, Place, Refused

from .. import search, values
from ..descriptor import Register
from ..importing.problems import place_of
from ..models import Batch, RegisterRow, RowStatus

__all__ = ["RowConflict", "allow", "digest", "enter", "locked", "problems_to_error", "reason_given"]


class RowConflict(Conflict):
    """Somebody saved the row after it was opened. ``theirs`` is the row as it is now."""

    def __init__(self, row: RegisterRow, opened: int) -> None:
        super().__init__(
            "This record was changed meanwhile: you opened version {opened}, it is now version {now}.",
            remedy="Compare both versions and save again.",
            opened=opened,
            now=row.row_version,
        )
        self.theirs = row


def allow(scope: Scope, verb: str, division: str, data_level: int = 1) -> None:
    """Raise `NotAllowed` unless the scope has the verb, covers the division and reaches the data level."""
    if not scope.can(verb):
        raise NotAllowed(
            "Your roles do not allow this.", remedy="Ask the security administrator of your organisation.", verb=verb
        )
    if not scope.covers(division) or data_level > scope.data_level:
        raise NotAllowed(
            "This belongs to division {division}; your scope is {scope}.",
            remedy="Ask the organisation that administers it.",
            division=division or "—",
            scope=scope.label or "、".join(scope.divisions) or "—",
        )


def locked(register: Register, uid: uuid.UUID | str, scope: Scope) -> Any:
    """The visible row under a lock; call inside a transaction. `Missing` outside the scope, as if it were not there."""
    assert transaction.get_connection().in_atomic_block, "a row is locked inside a transaction"
    rows = register.model.objects.visible().within(scope).select_for_update()
    row = rows.filter(uid=uid).first()
    if row is None:
        raise Missing("There is no such record in {register}, or it is outside your scope.", register=register.name)
    if row.superseded_by:
        loading = Batch.objects.filter(pk=row.superseded_by, state=Batch.State.LOADING).exists()
        if loading:
            raise Refused(
                "An import that replaces this record is being loaded.",
                remedy="Wait until it is visible, then change the new record.",
            )
    return row


def version_is(row: RegisterRow, opened: int) -> None:
    """Raise `RowConflict` unless the row still has the version somebody opened."""
    if row.row_version != opened:
        raise RowConflict(row, opened)


def reason_given(reason: str) -> str:
    """The reason, stripped; refused when there is none worth the name."""
    text = reason.strip()
    if len(text) < 2:
        raise InputError("A reason is needed.", place=Place(field="reason"), remedy="Say why, in a sentence.")
    return text[:500]


def not_withdrawn(row: RegisterRow) -> None:
    if row.status == RowStatus.WITHDRAWN:
        raise Refused("This record is withdrawn.", remedy="File a new one.")


def digest(data: Mapping[str, Any]) -> str:
    """Hash of a row's values, without the columns about persons: a hash in the journal must not give away a name."""
    return hashing.of_json(dict(data))


def enter(
    verb: str, register: Register, row: Any, actor: Actor, *, old: Mapping[str, Any] | None = None, **facts: Any
) -> None:
    """Search index, record version of ``old`` and journal entry of one act on one row."""
    search.index(register, [row])
    new = digest({k: v for k, v in values.value_of(register, row).items() if k not in register.personal})
    versions = [(register.name, row.uid, row.row_version - 1, dict(old))] if old is not None else []
    append(
        f"register.{verb}",
        actor=actor,
        division=row.division,
        objects=[(register.name, str(getattr(row, register.key)))],
        facts={"uid": str(row.uid), "row_version": row.row_version, "sha256": new, **facts},
        versions=versions,
    )
    hooks.register_changed.send(hooks.Change(register.name, verb, row.division, (str(row.uid),), rows=1))


def problems_to_error(problems: list[Any]) -> InputError | None:
    """The first problem as an `InputError` that carries all of them in ``problems``."""
    if not problems:
        return None
    first = problems[0]
    error = InputError(first.sentence, place=place_of(first.params, first.field), remedy=first.remedy, **first.params)
    error.problems = problems  # type: ignore[attr-defined]
    return error
