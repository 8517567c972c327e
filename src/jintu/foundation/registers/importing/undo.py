"""The way back: a batch that failed is removed, one that was visible is taken back, both in short transactions."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import transaction

from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import hooks
from jintu.kernel.errors import Refused

from ..courtesy import Courtesy
from ..descriptor import Register
from ..models import Batch, DeliveredGeometry
from . import staging
from .indexing import index_batch

__all__ = ["Progress", "clean", "fail", "revert", "settle"]

Progress = Callable[[int, int], None]


def fail(register: Register, batch: Batch) -> None:
    """Give a batch up: nobody has seen its rows, and they are removed."""
    Batch.objects.filter(pk=batch.pk).exclude(state=Batch.State.VISIBLE).update(state=Batch.State.FAILED)
    batch.state = Batch.State.FAILED
    clean(register, batch)
    staging.drop(batch.pk)


def clean(register: Register, batch: Batch, *, size: int = 500) -> int:
    """Remove what a failed batch left, in short transactions; returns the rows removed. Safe to repeat.

    The batch's own rows go first, so that the keys are free when the rows it had marked are restored.
    """
    model = register.model
    courtesy = Courtesy()
    removed = 0
    while True:
        started = time.monotonic()
        with transaction.atomic():
            ids = list(model.objects.filter(batch=batch.pk).values_list("pk", flat=True)[:size])
            removed += len(ids)
            model.objects.filter(pk__in=ids)._raw_delete(using=model.objects.db) if ids else None
        if not ids:
            break
        courtesy.after(time.monotonic() - started)
    DeliveredGeometry.objects.filter(register=register.name, batch=batch.pk).delete()
    _restore(register, batch, size, courtesy)
    _settled(batch)
    return removed


def _settled(batch: Batch) -> None:
    """Note that nothing of a batch that is over is left to do."""
    batch.report = {**batch.report, "settled": True}
    Batch.objects.filter(pk=batch.pk).update(report=batch.report)


def _restore(register: Register, batch: Batch, size: int, courtesy: Courtesy) -> None:
    """The rows a batch had replaced stand for themselves again."""
    model = register.model
    while True:
        started = time.monotonic()
        with transaction.atomic():
            old = model.objects.filter(superseded_by=batch.pk).exclude(batch=batch.pk)
            ids = list(old.values_list("pk", flat=True)[:size])
            if ids:
                model.objects.filter(pk__in=ids).update(superseded_by=0)
        if not ids:
            break
        courtesy.after(time.monotonic() - started)


def revert(register: Register, batch: Batch, *, reason: str, actor: Actor, progress: Progress | None = None) -> Batch:
    """Take a visible batch back: one update hides its rows and shows those it had replaced.

    The rows are kept, hidden. Refused when one of them was changed, withdrawn or replaced since.
    """
    model = register.model
    with transaction.atomic():
        locked = Batch.objects.select_for_update().get(pk=batch.pk)
        if locked.state == Batch.State.REVERTED:
            batch.state = Batch.State.REVERTED
        elif locked.state != Batch.State.VISIBLE:
            raise Refused("This import is {state} and cannot be reverted.", state=str(locked.get_state_display()))
        else:
            mine = model.objects.filter(batch=batch.pk)
            touched = mine.filter(updated_at__gt=locked.visible_at)
            replaced = mine.exclude(superseded_by=0).filter(
                superseded_by__in=Batch.objects.filter(state__in=(Batch.State.VISIBLE, Batch.State.LOADING)).values(
                    "pk"
                )
            )
            first = (touched | replaced).first()
            if first is not None:
                raise Refused(
                    "Record {key} was changed after the import; the import cannot be reverted any more.",
                    remedy="Correct or withdraw the records one by one, or revert the later import first.",
                    key=str(getattr(first, register.key)),
                )
            Batch.objects.filter(pk=batch.pk).update(state=Batch.State.REVERTED, rows_indexed=0)
            append(
                "register.revert",
                actor=actor,
                division=batch.division,
                objects=[("register.batch", str(batch.pk)), ("register", register.name)],
                facts={"rows": locked.rows_applied, "reason_given": bool(reason.strip())},
            )
            Batch.objects.filter(pk=batch.pk).update(report={**locked.report, "revert_reason": reason[:500]})
            hooks.register_changed.send(
                hooks.Change(register.name, "revert", batch.division, batch=batch.pk, rows=locked.rows_applied)
            )
    batch.refresh_from_db()
    settle(register, batch, progress=progress)
    return batch


def settle(register: Register, batch: Batch, *, size: int = 500, progress: Progress | None = None) -> None:
    """After a revert: free the keys of the hidden rows, restore the replaced ones, mend the index. Safe to repeat."""
    model = register.model
    courtesy = Courtesy()
    while True:
        started = time.monotonic()
        with transaction.atomic():
            ids = list(model.objects.filter(batch=batch.pk, superseded_by=0).values_list("pk", flat=True)[:size])
            if ids:
                # superseded by its own batch: hidden for good, and no longer the holder of its key
                model.objects.filter(pk__in=ids).update(superseded_by=batch.pk)
        if not ids:
            break
        courtesy.after(time.monotonic() - started)
    _restore(register, batch, size, courtesy)
    if batch.rows_indexed < batch.rows_applied:
        index_batch(register, batch, progress)
    _settled(batch)
