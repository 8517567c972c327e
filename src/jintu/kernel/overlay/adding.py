"""Partial sums of fragments added up as they come, in memory that the answer bounds, not the layer.

A sum is a key (parcel and class in one integer) and an area: 16 bytes. What fragments bring waits unsorted until it is
an eighth of what stands already, and is then merged in. Which sums are added when depends on the order of the fragments
alone, so every executor gives the same digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jintu.kernel.flat import Floats, Integers

__all__ = ["WAITING", "Adder"]

WAITING = 65_536
"""Partial sums that may wait before any are merged."""

_CODE_BITS = 31
_CODES = (1 << _CODE_BITS) - 1


class Adder:
    """The sums of one layer: `add` what each fragment has found, in the order of the file, then `settled`."""

    def __init__(self) -> None:
        self.values: dict[tuple[Any, ...], int] = {}
        """Number of each class, in the order in which the fragments first name it."""
        self._keys: Integers = np.empty(0, dtype=np.int64)
        self._areas: Floats = np.empty(0)
        self._waiting: list[tuple[Integers, Floats]] = []
        self._count = 0

    def add(self, left: Integers, code: Integers, area_m2: Floats, values: tuple[tuple[Any, ...], ...]) -> None:
        """Sums of one fragment: parcel, class as an index into ``values``, m²; three arrays (k,)."""
        renumber = np.array([self.values.setdefault(v, len(self.values)) for v in values], dtype=np.int64)
        if not len(left):
            return
        self._waiting.append(((left << _CODE_BITS) | renumber[code], area_m2))
        self._count += len(left)
        if self._count > max(WAITING, len(self._keys) // 8):
            self._merge()

    def settled(self) -> tuple[Integers, Integers, Floats]:
        """Parcel, class and m², by parcel and then class; three arrays (k,). Nothing may be added afterwards."""
        self._merge()
        return self._keys >> _CODE_BITS, self._keys & _CODES, self._areas

    @property
    def held(self) -> int:
        """Sums kept, those that wait included."""
        return len(self._keys) + self._count

    def _merge(self) -> None:
        if not self._waiting:
            return
        keys, areas = (np.concatenate(arrays) for arrays in zip(*self._waiting, strict=True))
        self._waiting, self._count = [], 0
        order = np.argsort(keys, kind="stable")  # equal keys stay in the order of the file
        keys, areas = keys[order], areas[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        keys, areas = keys[starts], np.add.reduceat(areas, starts)
        place = np.searchsorted(self._keys, keys)
        known = np.zeros(len(keys), dtype=np.bool_)
        inside = place < len(self._keys)
        known[inside] = self._keys[place[inside]] == keys[inside]
        self._areas[place[known]] += areas[known]
        self._keys = np.insert(self._keys, place[~known], keys[~known])
        self._areas = np.insert(self._areas, place[~known], areas[~known])
