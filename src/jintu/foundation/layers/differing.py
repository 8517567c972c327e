"""Which rows of two versions of a layer are the same, wherever they lie, told from the digests kept beside them.

A row that came or went moves all those behind it, and one outside the box of the layer changes the order of all
(`content.order_of`); the digests of the others are what they were. So a version costs what changed, and 32 bytes a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from . import digests

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.kernel.siphash import Digests

    from .models import LayerVersion

__all__ = ["Differing", "compared", "differing"]


@dataclass(frozen=True, eq=False)
class Differing:
    """``before`` (n,): of each row of the new version the number it had in the old one, −1 where anything of it is not
    what it was; ``outlines`` (n,): the same for its identifier and outlines alone. ``rows``: how many the old one has.

    No two rows have the same number. Of rows that are there several times none need be known.
    """

    before: NDArray[np.int64]
    outlines: NDArray[np.int64]
    rows: int

    @cached_property
    def came(self) -> NDArray[np.int64]:
        """Rows of the new version that are not in the old one, ascending."""
        return (self.before < 0).nonzero()[0]

    @cached_property
    def gone(self) -> NDArray[np.int64]:
        """Rows of the old version that are not in the new one, ascending."""
        return _rest(self.before, self.rows)

    @cached_property
    def outlines_gone(self) -> NDArray[np.int64]:
        """Rows of the old version whose identifier and outlines are not in the new one, ascending."""
        return _rest(self.outlines, self.rows)

    @cached_property
    def in_place(self) -> bool:
        """Do all rows that are the same, and the outlines that are, lie where they lay, and as many as there were?"""
        import numpy as np

        here = np.arange(len(self.before))
        return len(here) == self.rows and all(
            bool(((numbers == here) | (numbers < 0)).all()) for numbers in (self.before, self.outlines)
        )


def _rest(numbers: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    import numpy as np

    gone = np.ones(rows, dtype=np.bool_)
    gone[numbers[numbers >= 0]] = False
    return np.flatnonzero(gone)


def differing(old: LayerVersion, new: LayerVersion) -> Differing | None:
    """None where the two have other columns, or another system of coordinates. Raises `Missing` for a version whose
    files are gone, and `Refused` for one that was changed."""
    if (old.layer, old.crs) != (new.layer, new.crs):
        return None
    return _compared(old, new, *((v.manifest_hash, digests.stamp(v)) for v in (old, new)))


@lru_cache(maxsize=4)
def _compared(old: LayerVersion, new: LayerVersion, *facts: object) -> Differing | None:
    """Several ask, one after the other. ``facts``: of the files, so that what was exchanged is looked at again."""
    return compared(*(digests.of_version(v) for v in (old, new)))


def compared(old: digests.RowDigests, new: digests.RowDigests) -> Differing | None:
    """The same of digests."""
    if old.shape != new.shape:
        return None
    outlines = _numbers(old.outline, new.outline)
    return Differing(_numbers(old.row, new.row), outlines, len(old))


def _numbers(old: Digests, new: Digests) -> NDArray[np.int64]:
    """The row of ``old`` with the digest of each of ``new``: first where they lie at the same place, then wherever it
    is the only one among those left."""
    import numpy as np

    found = np.full(len(new), -1, dtype=np.int64)
    both = min(len(old), len(new))
    here = np.flatnonzero((old[:both, 0] == new[:both, 0]) & (old[:both, 1] == new[:both, 1]))
    found[here] = here
    there, left = _singles(new, np.flatnonzero(found < 0)), _singles(old, _rest(found, len(old)))
    if not len(there) or not len(left):
        return found
    at = np.minimum(np.searchsorted(old[left, 0], new[there, 0]), len(left) - 1)
    same = (old[left[at]] == new[there]).all(axis=1)
    found[there[same]] = left[at[same]]
    return found


def _singles(words: Digests, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Some rows in the order of the first word of their digests, without those that have it in common."""
    import numpy as np

    rows = rows[np.argsort(words[rows, 0])]
    ascending = words[rows, 0]
    edges = np.concatenate([[True], ascending[1:] != ascending[:-1], [True]])
    return rows[edges[1:] & edges[:-1]] if len(rows) else rows
