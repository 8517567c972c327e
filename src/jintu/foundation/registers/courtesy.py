"""How long work in the background steps aside for people: the embedded database has one writer at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import connection

__all__ = ["Courtesy"]

REST = 0.11
"""A pause longer than SQLite's longest poll for the lock (100 ms), so that whoever waits gets it."""
REST_EVERY = 0.6
"""Seconds of writing after which the loader rests."""


class Courtesy:
    """Lets other writers of the embedded database in; on PostgreSQL nobody waits and nothing is done."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.sleep = sleep if connection.vendor == "sqlite" else (lambda _seconds: None)
        self.busy = 0.0

    def after(self, seconds: float) -> None:
        """Called after each transaction with its length."""
        self.busy += seconds
        if self.busy >= REST_EVERY:
            self.busy = 0.0
            self.sleep(REST)
        else:
            self.sleep(0.002)

    def resized(self, size: int, seconds: float, aim: float, least: int = 50, most: int = 20_000) -> int:
        """The number of rows for the next transaction, after one of ``size`` rows took ``seconds``."""
        return max(least, min(most, int(size * min(2.0, aim / max(seconds, 1e-3)))))
