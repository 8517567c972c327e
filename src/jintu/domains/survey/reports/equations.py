"""Equations between figures of the reports: many are asked, those that do not hold are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Equations", "Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """An equation between figures: ``left`` must be ``right``, in hundredths of ``unit``. ``what`` names it (see
    `words.identity`)."""

    rule: str
    what: str
    left: int
    right: int
    unit: str = "m2"
    table: str = ""
    prefix: str = ""

    @property
    def ok(self) -> bool:
        return self.left == self.right

    @property
    def difference(self) -> int:
        return self.left - self.right


@dataclass(frozen=True, eq=False)
class Equations:
    """The same equations of n divisions: ``left`` (n, k) must be ``right`` (n, k), int64 in hundredths of ``unit``.
    ``kinds``: rule, what and table of each of the k. They are told division by division; ``asked`` (n, k): those that
    are, None for all."""

    kinds: tuple[tuple[str, str, str], ...]
    unit: str
    prefixes: Sequence[str]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    asked: NDArray[np.bool_] | None = None

    def __iter__(self) -> Iterator[Identity]:
        import numpy as np

        return self._told(np.ones(self.left.shape, dtype=np.bool_) if self.asked is None else self.asked)

    def wrong(self) -> Iterator[Identity]:
        """Those that do not hold."""
        wrong = self.left != self.right
        return self._told(wrong if self.asked is None else wrong & self.asked)

    def _told(self, chosen: NDArray[np.bool_]) -> Iterator[Identity]:
        rows, columns = chosen.nonzero()
        figures = self.left[rows, columns].tolist(), self.right[rows, columns].tolist()
        for row, column, left, right in zip(rows.tolist(), columns.tolist(), *figures, strict=True):
            rule, what, table = self.kinds[column]
            yield Identity(rule, what, left, right, self.unit, table, self.prefixes[row])
