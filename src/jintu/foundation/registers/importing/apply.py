"""From the staging file into the register: short transactions under a batch id, one flip, and the way back.

Rows go in by ``executemany`` on SQLite and ``COPY`` on PostgreSQL, without model instances. No transaction lasts longer
than `MOST_SECONDS`, and the loader steps aside often enough that a person who saves a form meanwhile never waits long
for the embedded database's single writer.
"""

from __future__ import annotations

import datetime as dt
import io
import struct
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from jintu.foundation.journal import Actor, append
from jintu.foundation.operations import hooks
from jintu.kernel.errors import Conflict, Refused

from .. import search
from ..courtesy import Courtesy
from ..db import ExactDecimalField, GeometryField
from ..descriptor import Register
from ..models import Batch, DeliveredGeometry, RowStatus
from . import staging
from .staging import DELIVERED, DIVISION, HASH, LEVEL, OLD, UID, VERSION

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MOST_SECONDS", "clean", "flip", "load", "revert"]

MOST_SECONDS = 0.25
AIM_SECONDS = 0.14
"""What a transaction is sized for: well below the limit, because a busy disc may double it."""
FIRST_ROWS = 400
_HEADER, _EMPTY_HEADER = struct.Struct("<2sBBi4d"), struct.Struct("<2sBBi")
"""Headers of GeoPackage binaries (GeoPackage 1.3 §2.1.3) with and without the XY envelope."""

Progress = Callable[[int, int], None]


def load(register: Register, batch: Batch, *, actor: Actor, progress: Progress | None = None) -> Batch:
    """Load, or go on loading, what is staged for a batch, and make it visible.

    Safe to call again after any interruption: ``rows_applied`` counts the rows whose transaction was committed.
    Raises `Conflict` when a row to be replaced was changed after the check; the batch is then failed and cleaned.
    """
    import polars as pl

    if batch.state == Batch.State.VISIBLE:
        _index(register, batch, progress)
        return batch
    if batch.state not in (Batch.State.STAGED, Batch.State.LOADING):
        raise Refused("This import is {state} and cannot be loaded.", state=str(batch.get_state_display()))
    path = staging.rows_file(batch.pk)
    if not path.is_file():
        fail(register, batch)
        raise Refused("The checked rows of this import are gone.", remedy="Upload the file again.")
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.LOADING)
    batch.state = Batch.State.LOADING
    frame = pl.read_parquet(path, memory_map=False)
    courtesy = Courtesy()
    size = FIRST_ROWS
    writer = _Writer(register, batch)
    done = batch.rows_applied
    try:
        while done < frame.height:
            piece = frame.slice(done, size)
            started = time.monotonic()
            with transaction.atomic():
                taken = Batch.objects.filter(pk=batch.pk, state=Batch.State.LOADING, rows_applied=done)
                if not taken.update(rows_applied=done + piece.height):
                    raise Conflict("Another process is loading this import.")
                _supersede(register, batch, piece)
                writer.write(piece)
                _delivered(register, batch, piece)
            seconds = time.monotonic() - started
            done += piece.height
            batch.rows_applied = done
            if progress:
                progress(done, frame.height)
            size = courtesy.resized(size, seconds, AIM_SECONDS)
            courtesy.after(seconds)
    except IntegrityError as error:
        fail(register, batch)
        raise Conflict(
            "A record with the same number was filed while the import was loading.",
            remedy="Check the file again and repeat the import.",
        ) from error
    except Conflict as error:
        if error.sentence != "Another process is loading this import.":
            fail(register, batch)
        raise
    flip(register, batch, frame[HASH].to_list(), actor)
    _index(register, batch, progress)
    staging.drop(batch.pk)
    return batch


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


class _Writer:
    """Turns pieces of the staging file into rows of the table, by the fastest way the database has."""

    def __init__(self, register: Register, batch: Batch) -> None:
        self.register = register
        self.batch = batch
        self.fields = [f for f in register.model._meta.concrete_fields if f.name != "id"]
        quote = connection.ops.quote_name
        self.table = quote(register.model._meta.db_table)
        self.names = ", ".join(quote(f.column) for f in self.fields)

    def write(self, piece: pl.DataFrame) -> None:
        if connection.vendor == "postgresql":
            self._copy(piece)
        else:
            self._executemany(piece)

    def _platform(self, name: str, piece: pl.DataFrame, now: Any) -> Any:
        """A platform column: a list of values, or one value for all rows."""
        n = piece.height
        table = {
            "uid": lambda: piece[UID].to_list(),
            "division": lambda: piece[DIVISION].to_list(),
            "data_level": lambda: piece[LEVEL].to_list(),
            "row_version": lambda: piece[VERSION].to_list(),
            "status": lambda: [RowStatus.VALID.value] * n,
            "status_reason": lambda: [""] * n,
            "batch": lambda: [self.batch.pk] * n,
            "superseded_by": lambda: [0] * n,
            "created_by": lambda: [self.batch.created_by] * n,
            "created_at": lambda: [now] * n,
            "updated_at": lambda: [now] * n,
        }
        return table[name]()

    def _columns(self, piece: pl.DataFrame) -> list[list[Any]]:
        now: Any = timezone.now()
        if connection.vendor == "sqlite":
            now = now.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ")
        made = []
        for f in self.fields:
            if f.name in piece.columns:
                made.append(_cells(f, piece[f.name]))
            elif f.name in _PLATFORM:
                made.append(self._platform(f.name, piece, now))
            else:
                # a column of the model that the register does not declare: its default
                value = f.get_db_prep_save(f.get_default(), connection)
                made.append([value] * piece.height)
        return made

    def _executemany(self, piece: pl.DataFrame) -> None:
        holders = ", ".join("?" for _ in self.fields)
        sql = f"INSERT INTO {self.table} ({self.names}) VALUES ({holders})"
        rows = zip(*self._columns(piece), strict=True)
        with connection.cursor() as cursor, connection.wrap_database_errors:
            # straight to the driver: Django's wrapper would translate the placeholders of every call
            cursor.connection.executemany(sql, rows)

    def _copy(self, piece: pl.DataFrame) -> None:
        import polars as pl

        columns = self._columns(piece)
        made = [
            pl.Series(f.column, _text(values), dtype=pl.String) for f, values in zip(self.fields, columns, strict=True)
        ]
        out = io.BytesIO()
        pl.DataFrame(made).write_csv(out, include_header=False, quote_style="non_numeric", null_value="\\N")
        with (
            connection.cursor() as cursor,
            connection.wrap_database_errors,
            cursor.copy(f"COPY {self.table} ({self.names}) FROM STDIN WITH (FORMAT csv, NULL '\\N')") as copy,
        ):
            copy.write(out.getvalue())


_PLATFORM = frozenset(
    {
        "uid",
        "division",
        "data_level",
        "row_version",
        "status",
        "status_reason",
        "batch",
        "superseded_by",
        "created_by",
        "created_at",
        "updated_at",
    }
)


def _text(values: list[Any]) -> list[str | None]:
    return [None if v is None else v if isinstance(v, str) else _one_text(v) for v in values]


def _one_text(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    return str(value)


def _cells(f: models.Field, series: pl.Series) -> list[Any]:
    """A staged column as the database's own values."""
    embedded = connection.vendor == "sqlite"
    if isinstance(f, GeometryField):
        return _blobs(series.to_list()) if embedded else _ewkb(series.to_list(), f.srid)
    if isinstance(f, ExactDecimalField):
        return series.to_list() if embedded else _unscale(series.to_list(), f.decimal_places)
    if isinstance(f, models.DecimalField):
        exact = _unscale(series.to_list(), f.decimal_places)
        return [f.get_db_prep_save(v, connection) for v in exact] if embedded else exact
    if isinstance(f, models.DateField) and embedded:
        return series.dt.to_string("%Y-%m-%d").to_list()
    if isinstance(f, models.BooleanField) and embedded:
        return [None if v is None else int(v) for v in series.to_list()]
    return series.to_list()


def _unscale(values: list[int | None], places: int) -> list[Decimal | None]:
    return [None if v is None else Decimal(v).scaleb(-places) for v in values]


def _blobs(values: list[bytes | None]) -> list[bytes | None]:
    """GeoPackage blobs of WKB polygons: the header with its box, then the WKB as it is."""
    import shapely

    from ..db import codec

    shapes = shapely.from_wkb(values)
    boxes = shapely.bounds(shapes)
    empty = shapely.is_empty(shapes)
    bare = _EMPTY_HEADER.pack(b"GP", 0, 0x11, codec.SRID)
    made: list[bytes | None] = []
    for wkb, (minx, miny, maxx, maxy), nothing in zip(values, boxes.tolist(), empty.tolist(), strict=True):
        if wkb is None:
            made.append(None)
        elif nothing:
            made.append(bare + wkb)
        else:
            made.append(_HEADER.pack(b"GP", 0, 0x03, codec.SRID, minx, maxx, miny, maxy) + wkb)
    return made


def _ewkb(values: list[bytes | None], srid: int) -> list[str | None]:
    import shapely

    shapes = shapely.set_srid(shapely.from_wkb(values), srid)
    return list(shapely.to_wkb(shapes, hex=True, include_srid=True, byte_order=1))


def flip(register: Register, batch: Batch, hashes: list[str], actor: Actor) -> None:
    """Make a loaded batch visible: one update, one journal entry with the root of its row hashes."""
    now = timezone.now()
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
            rows=hashes,
        )
        batch.report = {**batch.report, "root": entry.rows_root}
        Batch.objects.filter(pk=batch.pk).update(report=batch.report)
        hooks.register_changed.send(
            hooks.Change(register.name, "import", batch.division, batch=batch.pk, rows=batch.rows_applied)
        )
    batch.state, batch.visible_at = Batch.State.VISIBLE, now


def _index(register: Register, batch: Batch, progress: Progress | None) -> None:
    if batch.rows_indexed < batch.rows_applied:
        search.index_batch(register, batch, progress)


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
        search.index_batch(register, batch, progress)
    _settled(batch)
