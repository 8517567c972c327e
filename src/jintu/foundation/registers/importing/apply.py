"""From the staging file into the register: short transactions under a batch id, and one flip.

No transaction lasts longer than `MOST_SECONDS`, and the loader steps aside for whoever waits for the embedded
database's single writer, so that a person who saves a form meanwhile never waits long.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from jintu.foundation.journal import Actor, Rows, append
from jintu.foundation.operations import hooks
from jintu.kernel.errors import Conflict, Refused

from ..courtesy import Courtesy
from ..descriptor import Register
from ..models import Batch, DeliveredGeometry
from . import staging
from .ahead import ahead, turns
from .indexing import index_batch
from .layout import DELIVERED, HASH, OLD, UID, VERSION
from .undo import Progress, fail
from .writing import Writer, writer

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MOST_SECONDS", "AnotherLoader", "flip", "load", "show", "write"]

MOST_SECONDS = 0.25
AIM_SECONDS = 0.14
"""What a transaction is sized for: well below the limit, because a busy disc may double it."""
FIRST_ROWS = 400


class AnotherLoader(Conflict):
    """Two processes load the same batch; the second steps back and leaves it to the first."""


def load(register: Register, batch: Batch, *, actor: Actor, progress: Progress | None = None) -> Batch:
    """Load, or go on loading, what is staged for a batch, and make it visible.

    Safe to call again after any interruption: ``rows_applied`` counts the rows whose transaction was committed.
    Raises `Conflict` when a row to be replaced was changed after the check; the batch is then failed and cleaned.
    """
    if batch.state == Batch.State.VISIBLE:
        _index(register, batch, progress)
        return batch
    if batch.state not in (Batch.State.STAGED, Batch.State.LOADING):
        raise Refused("This import is {state} and cannot be loaded.", state=str(batch.get_state_display()))
    path = staging.rows_file(batch.pk)
    if not path.is_file():
        fail(register, batch)
        raise Refused("The checked rows of this import are gone.", remedy="Upload the file again.")
    write(register, batch, _frames(path, batch.rows_applied), progress)
    return show(register, batch, actor=actor, progress=progress)


def write(register: Register, batch: Batch, frames: Iterable[pl.DataFrame], progress: Progress | None = None) -> None:
    """Load rows that passed the check, in the order of the staging file. Nobody sees them yet.

    Raises `Conflict` as `load` does; the batch is then failed and cleaned.
    """
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.LOADING)
    batch.state = Batch.State.LOADING
    try:
        with connection.in_bulk(), turns():  # the flip, outside, is what must be on the disc, and takes the rows along
            _apply(register, batch, frames, progress)
    except IntegrityError as error:
        fail(register, batch)
        raise Conflict(
            "A record with the same number was filed while the import was loading.",
            remedy="Check the file again and repeat the import.",
        ) from error
    except AnotherLoader:
        raise
    except Conflict:
        fail(register, batch)
        raise


def show(register: Register, batch: Batch, *, actor: Actor, progress: Progress | None = None) -> Batch:
    """Make a batch visible whose rows are all written, and its rows findable."""
    flip(register, batch, _hashes(staging.rows_file(batch.pk)), actor)
    _index(register, batch, progress)
    staging.drop(batch.pk)
    return batch


class _Pace:
    """How many rows the next transaction takes, from how long the last one took."""

    def __init__(self) -> None:
        self.courtesy = Courtesy()
        self.rows = FIRST_ROWS

    def after(self, rows: int, seconds: float) -> None:
        self.rows = self.courtesy.resized(rows, seconds, AIM_SECONDS)
        self.courtesy.after(seconds)


def _apply(register: Register, batch: Batch, frames: Iterable[pl.DataFrame], progress: Progress | None) -> None:
    """Write rows. The next piece is made ready while one is written."""
    pace, out = _Pace(), writer(register, batch)
    for piece, prepared in ahead(_pieces(frames, pace), lambda piece: (piece, out.prepared(piece))):
        started = time.monotonic()
        with transaction.atomic():
            _write(register, batch, piece, out, prepared)
        batch.rows_applied += piece.height
        if progress:
            progress(batch.rows_applied, batch.rows_staged)
        pace.after(piece.height, time.monotonic() - started)


def _frames(path: Path, done: int) -> Iterator[pl.DataFrame]:
    """The rows of the staging file after the first ``done``."""
    import polars as pl
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, memory_map=False) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if done < rows:
                frame = pl.from_arrow(file.read_row_group(group))
                assert isinstance(frame, pl.DataFrame)
                yield frame.slice(done)
            done = max(0, done - rows)


def _pieces(frames: Iterable[pl.DataFrame], pace: _Pace) -> Iterator[pl.DataFrame]:
    """The rows of the frames, as many at a time as ``pace`` says."""
    for frame in frames:
        at = 0
        while at < frame.height:
            piece = frame.slice(at, pace.rows)
            at += piece.height
            yield piece


def _hashes(path: Path) -> list[str]:
    """The hashes of all rows of a staging file, in its order."""
    import pyarrow.parquet as pq

    hashes: list[str] = pq.read_table(path, columns=[HASH], memory_map=False)[HASH].to_pylist()
    return hashes


def _write(register: Register, batch: Batch, piece: pl.DataFrame, out: Writer, prepared: Any) -> None:
    """One piece and the count of what is written, in the caller's transaction."""
    taken = Batch.objects.filter(pk=batch.pk, state=Batch.State.LOADING, rows_applied=batch.rows_applied)
    if not taken.update(rows_applied=batch.rows_applied + piece.height):
        raise AnotherLoader("Another process is loading this import.")
    _supersede(register, batch, piece)
    out.write(prepared)
    _delivered(register, batch, piece)


def _supersede(register: Register, batch: Batch, piece: pl.DataFrame) -> None:
    """Mark the rows this piece replaces; they stay visible until the flip."""
    pairs = piece.filter(piece[OLD] > 0).select(OLD, VERSION).rows()
    if not pairs:
        return
    table = connection.ops.quote_name(register.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET superseded_by = %s WHERE id = %s AND superseded_by = 0 AND row_version = %s",
            [(batch.pk, pk, version - 1) for pk, version in pairs],
        )
        marked = cursor.rowcount
    if marked != len(pairs):
        raise Conflict(
            "{n} of the records to be replaced were changed after the file was checked.",
            remedy="Check the file again and repeat the import.",
            n=len(pairs) - max(marked, 0),
        )


def _delivered(register: Register, batch: Batch, piece: pl.DataFrame) -> None:
    """Keep delivered coordinates beside the rows whose file was in another reference system."""
    if DELIVERED not in piece.columns or piece[DELIVERED].null_count() == piece.height:
        return
    crs = str(batch.options.get("crs") or "")
    kept = piece.filter(piece[DELIVERED].is_not_null()).select(UID, DELIVERED).rows()
    DeliveredGeometry.objects.bulk_create(
        [
            DeliveredGeometry(
                register=register.name, uid=uid, batch=batch.pk, crs=crs, wkb=wkb, file_sha256=batch.file_sha256
            )
            for uid, wkb in kept
        ],
        batch_size=200,
    )


def flip(register: Register, batch: Batch, hashes: list[str], actor: Actor) -> None:
    """Make a loaded batch visible: one update, one journal entry with the root of its row hashes."""
    rows, now = Rows.of(hashes), timezone.now()  # before the transaction: the root of many rows takes a while
    with transaction.atomic():
        changed = Batch.objects.filter(pk=batch.pk, state=Batch.State.LOADING).update(
            state=Batch.State.VISIBLE, visible_at=now
        )
        if not changed:
            raise Refused("This import is no longer loading.")
        entry = append(
            "register.import",
            actor=actor,
            division=batch.division,
            objects=[("register.batch", str(batch.pk)), ("register", register.name)],
            facts={
                "file": batch.file_sha256,
                "rows": batch.rows_applied,
                "updated": batch.rows_updating,
                "refused": batch.rows_refused,
                "mapping": batch.mapping,
            },
            rows=rows,
        )
        batch.report = {**batch.report, "root": entry.rows_root}
        Batch.objects.filter(pk=batch.pk).update(report=batch.report)
        hooks.register_changed.send(
            hooks.Change(register.name, "import", batch.division, batch=batch.pk, rows=batch.rows_applied)
        )
    batch.state, batch.visible_at = Batch.State.VISIBLE, now


def _index(register: Register, batch: Batch, progress: Progress | None) -> None:
    if batch.rows_indexed < batch.rows_applied:
        index_batch(register, batch, progress)
