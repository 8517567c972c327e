"""How work in the background steps aside for people: the embedded database has one writer at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import connection

from .db.bulk import GROUP

__all__ = ["Courtesy"]

REST = 0.11
"""Longer than SQLite's longest poll for the lock (100 ms), so that whoever waits gets it."""
LINGER = 0.025
"""Seconds nobody must have waited for: who saves a form or signs in writes several times in short order."""
LONGEST = 0.25
"""Rest between two transactions while people come one after the other."""
LOOK = 0.004
"""Seconds after which the queue is looked at again."""
REST_EVERY = 0.6
"""Seconds of writing after which to rest where nobody can tell whether somebody waits."""


class Courtesy:
    """Lets other writers of the embedded database in; on PostgreSQL nobody waits and nothing is done."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.queue = getattr(connection, "queue", None)
        self.sleep = sleep
        self.busy = 0.0

    def after(self, seconds: float) -> None:
        """Called after each transaction with its length: rests while somebody waits, and a moment longer."""
        if self.queue is None:
            return
        if not self.queue.known:
            self._now_and_then(seconds)
            return
        now = start = last = time.monotonic() - LINGER
        while now - start < LONGEST:
            now = time.monotonic()
            if self.queue.somebody():
                last = now
            elif now - last >= LINGER:
                return
            self.sleep(LOOK)

    def _now_and_then(self, seconds: float) -> None:
        self.busy += seconds
        if self.busy >= REST_EVERY:
            self.busy = 0.0
            self.sleep(REST)
        else:
            self.sleep(0.002)

    def resized(self, size: int, seconds: float, aim: float, most: int = 20_000) -> int:
        """The number of rows for the next transaction, after one of ``size`` rows took ``seconds``: whole groups."""
        rows = min(most, int(size * min(2.0, aim / max(seconds, 1e-3))))
        return max(GROUP, rows // GROUP * GROUP)
