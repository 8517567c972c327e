"""Where long computations over layers run: the node's ``executor`` setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from jintu.kernel.executors import Executor

__all__ = ["cluster", "executor"]


def executor(name: str = "") -> Executor:
    """The executor named, or else the one of the node's setting. Raises `InputError` for a name that is none."""
    from jintu.kernel import executors

    return executors.executor(name or settings.NODE.executor)


def cluster() -> Executor | None:
    """The node's executor where it is a cluster; None where it is threads of this process.

    For computations on tables that are in memory here anyway: threads take them from there, a cluster from the lake.
    """
    from jintu.kernel.executors import Threads

    chosen = executor()
    return None if isinstance(chosen, Threads) else chosen
