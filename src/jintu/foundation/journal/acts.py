"""Writing the journal: `append` an act in its own transaction, `redact` a record version by law."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from jintu.foundation.operations import hooks
from jintu.foundation.operations.actor import Actor
from jintu.kernel import hashing
from jintu.kernel.errors import InputError, Missing, Refused

if TYPE_CHECKING:
    from .models import Entry

__all__ = ["Actor", "Rows", "Version", "append", "digest_of", "redact"]

MAX_FACTS = 64 * 1024


class Version(NamedTuple):
    """The values of a register row before a change (``data``: field name → value)."""

    register: str
    uid: UUID | str
    row_version: int
    data: Mapping[str, Any]


def algorithm() -> str:
    """Hash algorithm of the node's profile: sha256, or sm3 in profile ``gm``."""
    return getattr(settings, "JINTU_HASH", "sha256")


def digest_of(data: Any, salt: str) -> str:
    """Digest of a record version, in the node's algorithm."""
    return hashing.of_json({"salt": salt, "data": data}, algorithm())


class Rows(NamedTuple):
    """The rows of a bulk act: their number and the Merkle root of their hashes."""

    count: int
    root: str

    @classmethod
    def of(cls, hashes: Iterable[str]) -> Rows:
        """In the node's algorithm. A million rows take seconds: nothing to do while others wait for a lock."""
        leaves = list(hashes)
        return cls(len(leaves), hashing.merkle_root(leaves, algorithm()))


def append(
    act: str,
    *,
    actor: Actor | None = None,
    division: str = "",
    objects: Iterable[tuple[str, str]] = (),
    facts: Mapping[str, Any] | None = None,
    versions: Sequence[Version | tuple[Any, ...]] = (),
    rows: Iterable[str] | Rows | None = None,
) -> Entry:
    """Journal an act, in the transaction that performs it.

    ``act`` a word of the vocabulary, "area.verb" ("register.edit"). ``objects`` pairs (type, key). ``facts`` small JSON
    values: identifiers, counts, hashes; never a person's name or an old value. ``versions`` the rows as they were
    before. ``rows`` hashes of a bulk act's rows: only their number and Merkle root are kept; of many rows `Rows`, made
    before the transaction.
    Raises RuntimeError outside a transaction: an act and its entry stand or fall together.
    """
    from .models import Entry, Pending, RecordVersion, Subject

    if not connection.in_atomic_block:
        raise RuntimeError(f"journal.append({act!r}) needs the transaction of the act it records")
    pairs = [(str(kind), str(key)) for kind, key in objects]
    plain = json.loads(json.dumps(dict(facts or {}), cls=DjangoJSONEncoder))
    if len(json.dumps(plain)) > MAX_FACTS:
        raise ValueError(f"the facts of {act!r} are too long: journal a hash or a count, not the content")
    who = actor or Actor()
    kept = [_version(Version(*v)) for v in versions]
    count, root = 0, ""
    if rows is not None:
        count, root = rows if isinstance(rows, Rows) else Rows.of(rows)
    entry = Entry.objects.create(
        act=act,
        user=who.user,
        organisation=who.organisation,
        roles=who.roles,
        actor_division=who.division,
        address=who.address,
        division=division,
        objects_json=[list(pair) for pair in pairs],
        facts=plain,
        rows=count,
        rows_root=root,
        versions_root=hashing.merkle_root((v.digest for v in kept), algorithm()) if kept else "",
    )
    Pending.objects.create(entry=entry)
    if pairs:
        Subject.objects.bulk_create([Subject(entry=entry, kind=kind, key=key) for kind, key in pairs])
    if kept:
        for version in kept:
            version.entry = entry
        RecordVersion.objects.bulk_create(kept, batch_size=500)
    told = hooks.Act(entry.pk, act, division, tuple(pairs), plain, who.user)
    hooks.before_commit.send(told)
    if len(hooks.after_commit):
        transaction.on_commit(lambda: hooks.after_commit.send(told))
    return entry


def _version(version: Version) -> Any:
    from .models import RecordVersion

    data = json.loads(json.dumps(dict(version.data), cls=DjangoJSONEncoder))
    salt = secrets.token_hex(16)
    return RecordVersion(
        register=version.register,
        uid=version.uid,
        row_version=version.row_version,
        data=data,
        salt=salt,
        digest=digest_of(data, salt),
    )


def redact(register: str, uid: UUID | str, *, basis: str, actor: Actor, row_version: int | None = None) -> int:
    """Empty what was kept of a row (or of one version of it), because the law demands it; journaled.

    ``basis`` the article or the decision by which it is done. Returns the number of versions emptied.
    """
    from .models import RecordVersion

    if not basis.strip():
        raise InputError("A redaction needs its legal basis.", remedy="Name the article or the decision.")
    with transaction.atomic():
        wanted = RecordVersion.objects.filter(register=register, uid=uid)
        if row_version is not None:
            wanted = wanted.filter(row_version=row_version)
        if not wanted.exists():
            raise Missing("There is no kept version of {register} {uid}.", register=register, uid=str(uid))
        left = list(wanted.filter(redaction=None).values_list("pk", "digest"))
        if not left:
            raise Refused("These versions have been redacted before.")
        entry = append(
            "journal.redact",
            actor=actor,
            objects=[(register, str(uid))],
            facts={"basis": basis, "versions": len(left)},
            rows=[digest for _, digest in left],
        )
        return RecordVersion.objects.filter(pk__in=[pk for pk, _ in left]).update(data=None, salt="", redaction=entry)
