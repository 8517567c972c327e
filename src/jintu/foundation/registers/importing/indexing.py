"""The search index after an import: what was loaded is found by its words, what was taken back no more.

Entries are made of the staging file, which has all that is searched, or of the rows where it is gone. On PostgreSQL two
connections write at once, because most of the work is the server's, and one process of it uses one core.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, models, transaction
from django.db.models.functions import Cast

from jintu.kernel import search as words

from .. import search
from ..courtesy import Courtesy
from ..db import bulk
from ..descriptor import Register
from ..models import Batch, RowStatus, VisibleRows
from . import staging, typing
from .ahead import ahead
from .layout import DIVISION, LEVEL, UID, VERSION

if TYPE_CHECKING:
    import polars as pl

__all__ = ["index_batch"]

Progress = Callable[[int, int], None]
CHUNK, MOST_ROWS = 400, 5_000
AIM_SECONDS = 0.12
LANES = 2
"""Connections that write at once, on PostgreSQL."""
PATIENCE = 1.0
"""Seconds a piece that is written waits for the one before it to be committed."""


@dataclass(frozen=True)
class Piece:
    """Rows in the order of their ids: the version each had when it was read, and their entries as `_put` takes them."""

    versions: list[int]
    entries: Any


def index_batch(register: Register, batch: Batch, progress: Progress | None = None) -> int:
    """Bring the index up to date with a batch that became visible, or was taken back; returns rows treated.

    In id order, in short transactions; ``batch.rows_indexed`` says how far it got, so that an interrupted job goes on
    where it stopped. Entries are made outside the transactions; a row that was changed meanwhile is indexed as it is.
    """
    if batch.state == Batch.State.VISIBLE:
        at_once = connection.vendor == "postgresql" and not connection.in_atomic_block
        _side_by_side(_Show(register, batch), LANES if at_once else 1, progress)
    else:
        _take_back(register, batch, progress)
    return batch.rows_indexed


class _Show:
    """Entries of a visible batch. Lanes take its pieces one after the other, and commit them in that order."""

    def __init__(self, register: Register, batch: Batch) -> None:
        self.register, self.batch = register, batch
        self.rows = register.model.objects.filter(batch=batch.pk).order_by("id")
        self.last = _last(self.rows, batch.rows_indexed)
        self.courtesy, self.size = Courtesy(), CHUNK
        embedded = connection.vendor == "sqlite"
        self.pieces = enumerate(ahead(_frames(self), lambda frame: _made(register, frame, embedded)))
        self.taking, self.turn = threading.Lock(), _Turn()

    def lane(self, progress: Progress | None) -> None:
        """Write pieces until there are no more. Raises `_OtherLaneError` where another lane failed."""
        with connection.in_bulk():  # what is lost with the power is found again: the count is lost with it
            while taken := self._next():
                number, piece = taken
                seconds = self._write(number, piece)
                self.turn.over(number)
                if progress:
                    progress(self.batch.rows_indexed, max(self.batch.rows_applied, self.batch.rows_indexed))
                self.courtesy.after(seconds)
                self.size = self.courtesy.resized(self.size, seconds, AIM_SECONDS, most=MOST_ROWS)

    def _next(self) -> tuple[int, Piece] | None:
        with self.taking:
            return next(self.pieces, None)

    def _write(self, number: int, piece: Piece) -> float:
        """Write a piece in a transaction; seconds it took without waiting for its turn."""
        started = time.monotonic()
        try:
            with transaction.atomic():
                _put(piece.entries)
                seconds = time.monotonic() - started
                if not self.turn.came(number, PATIENCE):
                    raise _TooLongError
                self._count(piece)
        except _TooLongError:  # the lane before may wait for somebody who waits for this one
            self.turn.came(number)
            with transaction.atomic():
                _put(piece.entries)
                self._count(piece)
        return seconds

    def _count(self, piece: Piece) -> None:
        """Index again what somebody changed since it was read, and note how far the index has come. Asked after the
        entries are written: who comes later waits for them, and replaces them."""
        now = self._now(len(piece.versions))
        changed = [pk for (pk, version), before in zip(now, piece.versions, strict=False) if version != before]
        if changed:
            search.index(self.register, self.register.model.objects.filter(pk__in=changed))
        done = self.batch.rows_indexed + len(piece.versions)
        Batch.objects.filter(pk=self.batch.pk).update(rows_indexed=done)
        self.batch.rows_indexed, self.last = done, now[-1][0] if now else self.last

    def _now(self, n: int) -> list[tuple[int, int]]:
        """(id, version) of the next ``n`` rows as they are now."""
        following = self.rows.filter(pk__gt=self.last).values_list("pk", "row_version")
        # their ids follow one another nearly always, and a range of ids is found without the whole batch being sorted,
        # which PostgreSQL does as long as it knows nothing of a table that was filled a moment ago
        near = list(following.filter(pk__lte=self.last + n))
        return near if len(near) == n else list(following[:n])


def _take_back(register: Register, batch: Batch, progress: Progress | None) -> None:
    """The rows a batch had replaced are found again, its own no more."""
    rows = register.model.objects.filter(batch=batch.pk).order_by("id")
    last, size, courtesy = _last(rows, batch.rows_indexed), CHUNK, Courtesy()
    with connection.in_bulk():
        while chunk := list(rows.filter(pk__gt=last).values_list("pk", "uid")[:size]):
            started = time.monotonic()
            uids = [uid for _pk, uid in chunk]
            with transaction.atomic():
                again = {row.uid: row for row in register.model.objects.visible().filter(uid__in=uids)}
                search.forget(register, [u for u in uids if u not in again])
                search.index(register, again.values())
                batch.rows_indexed += len(chunk)
                Batch.objects.filter(pk=batch.pk).update(rows_indexed=batch.rows_indexed)
            last, seconds = chunk[-1][0], time.monotonic() - started
            if progress:
                progress(batch.rows_indexed, max(batch.rows_applied, batch.rows_indexed))
            courtesy.after(seconds)
            size = courtesy.resized(size, seconds, AIM_SECONDS, most=MOST_ROWS)


def _last(rows: VisibleRows, done: int) -> int:
    """The id of the last of the first ``done`` rows, 0 for none."""
    return (rows.values_list("pk", flat=True)[done - 1 : done].first() or 0) if done else 0


# --- lanes ----------


class _OtherLaneError(Exception):
    """Another lane has failed."""


class _TooLongError(Exception):
    """The turn did not come in time."""


class _Turn:
    """Whose transaction is the next to be committed, by number from 0."""

    def __init__(self) -> None:
        self.number = 0
        self.stopped = False
        self.changed = threading.Condition()

    def came(self, number: int, seconds: float | None = None) -> bool:
        """Wait for a turn, so long at most; whether it came. Raises `_OtherLaneError` when it never will."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or self.number == number, seconds)
            if self.stopped:
                raise _OtherLaneError
            return self.number == number

    def over(self, number: int) -> None:
        with self.changed:
            self.number = number + 1
            self.changed.notify_all()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()


def _side_by_side(work: _Show, lanes: int, progress: Progress | None) -> None:
    """Run a lane here and the others on threads of their own, each with its connection. Raises what the first raised
    that failed; progress is told here only."""
    failed: list[BaseException] = []

    def lane(progress: Progress | None) -> None:
        try:
            work.lane(progress)
        except _OtherLaneError:
            return
        except BaseException as error:
            failed.append(error)
            work.turn.stop()

    def elsewhere() -> None:
        try:
            lane(None)
        finally:
            connection.close()

    others = [
        threading.Thread(target=contextvars.copy_context().run, args=(elsewhere,), name="index")
        for _ in range(lanes - 1)
    ]
    for thread in others:
        thread.start()
    lane(progress)
    for thread in others:
        thread.join()
    if failed:
        raise failed[0]


# --- entries ----------


def _frames(work: _Show) -> Iterator[pl.DataFrame]:
    """The rows that are not indexed yet, ``work.size`` at a time: `VERSION`, `UID` (null where the row has no entry),
    `DIVISION`, `LEVEL`, and what is searched as text."""
    path = staging.rows_file(work.batch.pk)
    if path.is_file() and all(_is_text(work.register.attributes[n][0]) for n in search.searched(work.register)):
        return _staged(work, path)
    return _filed(work)


def _is_text(f: models.Field) -> bool:
    import polars as pl

    return typing.scaled_type(f) == pl.String


def _staged(work: _Show, path: Path) -> Iterator[pl.DataFrame]:
    import polars as pl
    import pyarrow.parquet as pq

    names = [VERSION, UID, DIVISION, LEVEL, *search.searched(work.register)]
    frame = pl.from_arrow(pq.read_table(path, columns=names, memory_map=False))
    assert isinstance(frame, pl.DataFrame)
    at = work.batch.rows_indexed
    while at < frame.height:
        piece = frame.slice(at, work.size)
        at += piece.height
        yield piece


def _filed(work: _Show) -> Iterator[pl.DataFrame]:
    """From the register itself, for a batch whose staging file is gone."""
    import polars as pl

    names, last = search.searched(work.register), work.last
    own = ("pk", "status", "row_version", Cast("uid", models.TextField()), "division", "data_level")
    while chunk := list(work.rows.filter(pk__gt=last).values_list(*own, *names)[: work.size]):
        ids, states, versions, uids, divisions, levels, *cells = zip(*chunk, strict=True)
        last = ids[-1]
        shown = [None if state == RowStatus.WITHDRAWN else uid for state, uid in zip(states, uids, strict=True)]
        frame = pl.DataFrame(
            {VERSION: versions, UID: shown, DIVISION: divisions, LEVEL: levels}, schema_overrides={UID: pl.String}
        )
        texts = [[None if v is None else str(v) for v in column] for column in cells]
        yield frame.with_columns(pl.Series(n, t, dtype=pl.String) for n, t in zip(names, texts, strict=True))


def _made(register: Register, frame: pl.DataFrame, embedded: bool) -> Piece:
    """A piece as it is written. Touches no database."""
    import polars as pl

    names, versions = search.searched(register), frame[VERSION].to_list()
    frame = frame.filter(frame[UID].is_not_null())
    cells = [frame[name].fill_null("").to_list() for name in names]
    # joined by a line break, which belongs to no word, so that the terms of all columns are cut in one go
    texts = ["\n".join(dict.fromkeys(row)) for row in zip(*cells, strict=True)]
    title = frame[register.title].fill_null("").str.slice(0, 400) if register.title else pl.lit("")
    entries = frame.select(
        pl.lit(register.name).alias("register"),
        pl.col(UID).alias("uid"),
        frame[register.key].fill_null("").str.slice(0, 200).alias("key"),
        title.alias("title"),
        pl.col(DIVISION).alias("division"),
        pl.col(LEVEL).alias("data_level"),
        pl.Series("terms", words.index_texts(texts), dtype=pl.String),
    )
    if embedded:
        return Piece(versions, bulk.interleaved([entries[name].to_list() for name in search.COLUMNS]))
    return Piece(versions, bulk.csv(entries.select(search.COLUMNS)) if entries.height else b"")


def _put(entries: Any) -> None:
    """Insert or replace the entries of a piece."""
    if not entries:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            bulk.insert(cursor, search.TABLE, search.COLUMNS, entries, {}, tail=search.REPLACE)
            return
        try:
            with transaction.atomic():
                bulk.copy(cursor, search.TABLE, search.COLUMNS, entries)
        except IntegrityError:
            _replace(cursor, entries)


def _replace(cursor: Any, entries: bytes) -> None:
    """COPY cannot replace, so entries of which some are there already pass through a table of the session."""
    names = ", ".join(search.COLUMNS)
    cursor.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS register_search_piece ON COMMIT DELETE ROWS AS "
        f"SELECT {names} FROM {search.TABLE} WHERE false"
    )
    cursor.execute("DELETE FROM register_search_piece")  # an earlier piece of the same transaction
    bulk.copy(cursor, "register_search_piece", search.COLUMNS, entries)
    cursor.execute(f"INSERT INTO {search.TABLE} ({names}) SELECT {names} FROM register_search_piece {search.REPLACE}")
