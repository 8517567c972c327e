"""Patches by village and number: what other features name them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jintu.foundation.checks.lazy import pl

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

__all__ = ["NAME", "Numbers"]

NAME = ("location_code", "patch_no")
"""Columns of DLTB that name a patch."""


class Numbers:
    """Rows of texts that can be looked up, again and again: a join would hash all of them for each part of a layer.
    They lie by their hashes, and what is found is compared in full."""

    def __init__(self, rows: polars.DataFrame) -> None:
        """``rows``: columns of texts, as many as will be asked for."""
        import numpy as np

        named = np.flatnonzero(rows.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy())
        hashes = _hashed(rows)[named]
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._order, self._rows = hashes[order], named[order], rows

    def find(self, wanted: polars.DataFrame) -> NDArray[np.int64]:
        """The first row that says the same as each of ``wanted``, or −1. Null is like nothing."""
        import numpy as np

        hashes = _hashed(wanted)
        at = np.searchsorted(self._hashes, hashes)
        found = np.full(len(hashes), -1, dtype=np.int64)
        open_ = np.arange(len(hashes))
        while len(open_):  # more than once only where different texts have the same hash
            open_ = open_[at[open_] < len(self._hashes)]
            open_ = open_[self._hashes[at[open_]] == hashes[open_]]
            rows = self._order[at[open_]]
            named = zip(wanted[open_], self._rows[rows], strict=True)
            same = np.logical_and.reduce([(a == b).fill_null(False).to_numpy() for a, b in named])
            found[open_[same]] = rows[same]
            open_ = open_[~same]
            at[open_] += 1
        return found


def _hashed(rows: polars.DataFrame) -> NDArray[np.uint64]:
    return rows.cast(pl.String).hash_rows().to_numpy()
