"""Check and load at the same time, for an import that nobody looks at in between.

A thread with a connection of its own reads and checks the file; the caller's thread writes what has passed. Nobody sees
rows before the flip, so a fault found late costs only that the rows written by then are removed again. A file of one
piece is checked to its end before anything is written.
"""

from __future__ import annotations

import contextvars
import copy
import queue
import threading
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db import connection

from ..descriptor import Register
from ..models import Batch
from .apply import AnotherLoader, write
from .undo import Progress, fail

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CHECKED", "Taken", "check_and_write", "possible"]

CHECKED = (
    "file_sha256", "mapping", "options", "report", "rows_read", "rows_staged", "rows_refused", "rows_updating",
    "rows_skipped",
)  # fmt: skip
"""Fields of a batch that the check fills in; those of its loading are the loader's alone."""
HELD = 1
"""Pieces that are held back until it is known whether there are more."""
WAITING = 4
"""Checked pieces in memory, at most, that wait to be written."""
LOOK = 0.2
"""Seconds after which it is looked whether the other side still works, and the progress told."""

Taken = Callable[["pl.DataFrame"], None]
Result = TypeVar("Result")
Check = Callable[[Batch, Taken, Progress], Result]


def possible() -> bool:
    """Does another connection see what this one has written? Not inside a transaction."""
    return not connection.in_atomic_block


def check_and_write(
    register: Register,
    batch: Batch,
    check: Check[Result],
    *,
    reading: Progress | None = None,
    loading: Progress | None = None,
) -> Result:
    """Run ``check(batch, taken, told)`` on a thread, and write the rows it takes.

    ``check`` gets a copy of the batch to fill in (`CHECKED`) and save, and calls ``taken`` with pieces, in their order,
    and ``told`` with its progress. ``reading`` and ``loading`` are told the progress on this thread.

    Returns what the check returned; ``batch.rows_applied`` says how much is written, nothing of a small file. Raises
    what either side raised; nothing of the batch is left then.
    """
    work = _Checking(copy.copy(batch), check)
    work.start()
    try:
        held = work.first(HELD, reading)
        _take_over(batch, work.batch)
        if work.more:
            write(register, batch, chain(held, work.rest()), loading and (lambda done, _all: loading(done, work.rows)))
    except AnotherLoader:  # who steps back leaves the batch as it is
        work.stop()
        raise
    except BaseException:
        work.stop()
        fail(register, batch)
        raise
    work.join()
    if work.error is not None:
        if batch.rows_applied:
            fail(register, batch)
        raise work.error
    _take_over(batch, work.batch)
    return work.result


def _take_over(batch: Batch, checked: Batch) -> None:
    for name in CHECKED:
        setattr(batch, name, getattr(checked, name))


class _StoppedError(Exception):
    """The loader has failed; there is no use in checking on."""


class _Checking(Generic[Result]):
    """The check on its thread, and the pieces it has taken."""

    result: Result

    def __init__(self, batch: Batch, check: Check[Result]) -> None:
        self.batch, self.check = batch, check
        self.more = True
        """May there be pieces that were not handed out?"""
        self.error: BaseException | None = None
        self.read, self.rows = 0, 0
        """Rows read, and rows of the file."""
        self._pieces: queue.Queue[pl.DataFrame | None] = queue.Queue(WAITING)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run,), name="check")

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def stop(self) -> None:
        """Have the check end at its next piece, and wait for that."""
        self._stopped.set()
        self.join()

    def first(self, n: int, told: Progress | None) -> list[pl.DataFrame]:
        """The first ``n`` pieces and one more, fewer where there are no more."""
        found: list[pl.DataFrame] = []
        while len(found) <= n and (piece := self._next(told)) is not None:
            found.append(piece)
        return found

    def rest(self) -> Iterator[pl.DataFrame]:
        """All further pieces."""
        while (piece := self._next(None)) is not None:
            yield piece

    def _next(self, told: Progress | None) -> pl.DataFrame | None:
        while self.more:
            try:
                piece = self._pieces.get(timeout=LOOK)
            except queue.Empty:
                piece = None
            else:
                self.more = piece is not None
            if told and self.rows:
                told(self.read, self.rows)
            if piece is not None:
                return piece
        return None

    def _run(self) -> None:
        try:
            self.result = self.check(self.batch, self._put, self._tell)
        except BaseException as error:
            self.error = error
        finally:
            connection.close()
            self._offer(None)

    def _put(self, piece: pl.DataFrame) -> None:
        if not self._offer(piece):
            raise _StoppedError

    def _offer(self, piece: pl.DataFrame | None) -> bool:
        """Add a piece, or the end, when there is room; whether it was wanted."""
        while not self._stopped.is_set():
            try:
                self._pieces.put(piece, timeout=LOOK)
            except queue.Full:
                continue
            return True
        return False

    def _tell(self, done: int, total: int) -> None:
        self.read, self.rows = done, max(done, total)
