"""Rows taken from here and there of versions that lie on disc, kept for the next who asks: of a version that differs in
fifty rows those are sought by the rules, the sums and the annual change one after the other, and once for all.

A version never changes. What is kept is known by its file and what was published of it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from ..lazy import pl

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

__all__ = ["find", "keep"]

VERSIONS, TIMES = 4, 4
"""Versions, and of each the last times rows were taken, that are kept."""
MOST = 20_000
"""More rows than that, some 20 MB, are not kept."""

_kept: OrderedDict[Hashable, deque[tuple[NDArray[np.int64], polars.DataFrame]]] = OrderedDict()
_lock = Lock()


def keep(of: Hashable, ascending: NDArray[np.int64], frame: polars.DataFrame) -> None:
    """Keep columns of some rows of a file."""
    if len(ascending) > MOST:
        return
    with _lock:
        _kept.setdefault(of, deque(maxlen=TIMES)).append((ascending, frame))
        _kept.move_to_end(of)
        while len(_kept) > VERSIONS:
            _kept.popitem(last=False)


def find(of: Hashable, ascending: NDArray[np.int64], names: Sequence[str]) -> polars.DataFrame | None:
    """Columns of some rows where all of them are kept, in that order."""
    import numpy as np

    with _lock:
        held = list(_kept.get(of, ()))
    for rows, frame in held:
        if set(names) <= set(frame.columns) and np.isin(ascending, rows).all():
            return frame.select(names)[pl.Series(np.searchsorted(rows, ascending))]
    return None
