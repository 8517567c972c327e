"""Who waits to write the embedded file, told between processes and threads.

SQLite has one writer at a time and no queue: whoever finds the file locked asks again later, up to 100 ms later. Work
that writes in many transactions can therefore shut everybody else out without noticing. So our connections hold a
shared lock on a file beside the database while they wait, and such work asks, between two transactions, whether anybody
does. The kernel drops the lock with the process that held it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from django.db.backends.sqlite3.base import SQLiteCursorWrapper

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Cursor", "Queue"]

_READS = ("SELECT", "WITH", "EXPLAIN", "PRAGMA")


class Queue:
    """One connection's place among those that want to write ``database``."""

    def __init__(self, database: str) -> None:
        self.path = f"{database}-queue"
        self.known = fcntl is not None and not database.startswith((":", "file:"))
        """Can anything be told about others? Not on Windows, nor for a database in memory."""
        self._file: int | None = None

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o660)
        return self._file

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Stand in the queue. Never blocks: whoever is asking at this moment simply does not see us."""
        if not self.known:
            yield
            return
        file = self._opened()
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def somebody(self) -> bool:
        """Does another connection wait now?"""
        if not self.known:
            return False
        file = self._opened()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Cursor(SQLiteCursorWrapper):
    """Stands in the queue while a statement begins a transaction, or is one by itself."""

    def __init__(self, connection: Any, queue: Queue) -> None:
        super().__init__(connection)
        self.queue = queue

    def execute(self, query: str, params: Any = None) -> Any:
        if self.connection.in_transaction or query.lstrip()[:7].upper().startswith(_READS):
            return super().execute(query, params)
        with self.queue.waiting():
            return super().execute(query, params)
