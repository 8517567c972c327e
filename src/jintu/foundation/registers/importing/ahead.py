"""Work on what comes next while the caller is busy with what came before."""

from __future__ import annotations

import contextlib
import contextvars
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ahead", "turns"]

Given, Made = TypeVar("Given"), TypeVar("Made")


_SHORT = 2e-4
"""Seconds. A thread that comes back from the database, or is called by it, waits that long at most for its turn in
Python while another one works there; Python's own 5 ms, a hundred thousand times, would be most of a load."""


@contextlib.contextmanager
def turns() -> Iterator[None]:
    """Short turns for all threads while one of them writes to the embedded database, which calls back for each row."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SHORT))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def ahead(
    items: Iterable[Given], work: Callable[[Given], Made], *, threads: int = 1, at_most: int = 1
) -> Iterator[Made]:
    """``work(item)`` of each, in order; up to ``at_most`` further ones are begun before the caller asks for them.

    Worth its threads where ``work`` is compiled code that lets others run (Polars, Shapely, hashing). It must not touch
    the database: each thread would open a connection of its own. The language of the caller holds in it too.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="import") as pool:
        begun: deque[Future[Made]] = deque()
        try:
            for item in items:
                begun.append(pool.submit(contextvars.copy_context().run, work, item))
                if len(begun) > at_most:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
