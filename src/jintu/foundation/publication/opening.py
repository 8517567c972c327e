"""Opening a layer version to the public and closing it again; and the only way by which services reach versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from jintu.foundation.journal import Actor, append
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel.errors import InputError, Missing, Place, Refused

from .models import Opening

if TYPE_CHECKING:
    from jintu.foundation.layers.schemas import Schema
    from jintu.foundation.operations.hooks import Act

__all__ = ["close", "find", "listen", "obstacle", "open_version", "reachable"]

PUBLIC_LEVEL = 0


def reachable() -> QuerySet[Opening]:
    """What the public may see now: opened, in force, of the public data level. Newest first."""
    return (
        Opening.objects.filter(
            is_open=True, version__state=LayerVersion.State.PUBLISHED, version__data_level=PUBLIC_LEVEL
        )
        .select_related("version")
        .defer("version__quality")
        .order_by("version__layer", "version__division", "-version__valid_from")
    )


def find(collection: str) -> Opening:
    """The opening of a collection's name, "DLTB-990121-2024-12-31-a3f9c2d1". Raises `Missing` for all else, whether it
    is closed, withdrawn, internal or was never there."""
    table, _, rest = collection.partition("-")
    division, _, key = rest.partition("-")
    among = reachable().filter(version__division=division, version__key=key, version__layer__endswith=f".{table}")
    found = next((o for o in among if o.collection == collection), None)
    if found is None:
        raise Missing("There is no open collection {name}.", name=collection)
    return found


def obstacle(version: LayerVersion) -> Refused | None:
    """Why a version cannot be opened; None when it can."""
    schema: Schema = version.schema
    if version.state != LayerVersion.State.PUBLISHED:
        return Refused("Only a version in force can be opened to the public.", remedy="Publish it first.")
    if version.data_level != PUBLIC_LEVEL:
        return Refused(
            "The version is not of the public data level.",
            remedy="Load the data that may be public as a version of its own.",
        )
    if not schema.public or schema.is_table:
        return Refused(
            "No column of {layer} may be public.",
            remedy="Which columns may be is written in the layer's schema.",
            layer=schema.table,
        )
    if not settings.NODE.map_approval_no:
        return Refused(
            "The node has no map approval number.",
            remedy="Set map_approval_no in jintu.toml: a map must carry it before it is shown to the public.",
        )
    return None


def open_version(version: LayerVersion, actor: Actor | None = None) -> Opening:
    """Let the public see a version, with the columns its schema allows. Raises `Refused`."""
    if (why := obstacle(version)) is not None:
        raise why
    with transaction.atomic():
        if reachable().count() >= (most := settings.JINTU_OPEN_VERSIONS):
            raise Refused("{n} versions are open already.", remedy="Close those that newer ones have replaced.", n=most)
        opening, _ = Opening.objects.update_or_create(
            version=version,
            defaults={
                "is_open": True,
                "columns": list(version.schema.public),
                "reason": "",
                "changed_at": timezone.now(),
                "changed_by": actor.user if actor else None,
            },
        )
        _journal("layer.open", opening, actor, columns=opening.columns)
    return opening


def close(version: LayerVersion, reason: str, actor: Actor | None = None) -> Opening:
    """Take a version from the public, with a reason. Raises `InputError` without one, `Refused` when it is not open."""
    if not reason.strip():
        raise InputError("Closing needs a reason.", place=Place(field="reason"))
    with transaction.atomic():
        opening = Opening.objects.select_related("version").filter(version=version, is_open=True).first()
        if opening is None:
            raise Refused("The version is not open to the public.")
        _shut(opening, reason.strip()[:500], actor.user if actor else None)
        _journal("layer.close", opening, actor)
    return opening


def listen(act: Act) -> None:
    """A withdrawn version is closed in the same transaction: put in force again, it must be opened again expressly."""
    if act.act != "layer.withdraw":
        return
    for layer, key in act.objects:
        opening = Opening.objects.filter(
            version__layer=layer, version__division=act.division, version__key=key, is_open=True
        ).first()
        if opening is not None:
            _shut(opening, "", act.user)


def _shut(opening: Opening, reason: str, user: int | None) -> None:
    opening.is_open, opening.reason = False, reason
    opening.changed_at, opening.changed_by = timezone.now(), user
    opening.save(update_fields=["is_open", "reason", "changed_at", "changed_by"])


def _journal(act: str, opening: Opening, actor: Actor | None, **facts: Any) -> None:
    version = opening.version
    append(
        act,
        actor=actor,
        division=version.division,
        objects=[(version.layer, version.key)],
        facts={"hash": version.hash, "collection": opening.collection, **facts},
    )
