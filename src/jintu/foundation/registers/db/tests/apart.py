"""Calls in a process of their own.

Two copies of SQLite in one process, Python's and that of GDAL, do not see each other's locks on a file: when GDAL closes
the running database, the locks of our connections are gone, and so may be the write-ahead log.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

__all__ = ["apart"]


def apart(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """The answer of ``function``, called in a fresh process; what it raises is raised here."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **named).result(timeout=120)
