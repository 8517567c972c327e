"""Area adjustment (面积平差): parts are made to sum exactly to what controls them.

Areas are whole numbers of the smallest unit published, hundredths of a square metre in databases: int64, so that sums
are exact. A closure ΔP = P₀ − ΣPᵢ is distributed as vᵢ = ΔP·Pᵢ/ΣPᵢ (TD/T 1014); each share is cut down to the unit and
the units left over go to the largest remainders, so every part is less than one unit from its exact share and the sum
is the control to the last digit.

>>> adjust([333, 333, 333], 1000).tolist()
[334, 333, 333]
>>> cents("12.345"), metres(1235)
(1235, Decimal('12.35'))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from jintu.kernel.errors import InputError, Refused

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Closure", "Nested", "adjust", "adjust_groups", "adjust_nested", "apportion", "cents", "metres"]

_SAFE = 1 << 62
"""Products beyond this are taken in Python's own integers."""


def cents(area: Any) -> int:
    """m² as hundredths of m², halves up."""
    return int((Decimal(str(area)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def metres(area: int) -> Decimal:
    """Hundredths of m² as m² with two decimals."""
    return Decimal(int(area)).scaleb(-2)


def apportion(weights: ArrayLike, total: int) -> NDArray[np.int64]:
    """``total`` units divided in proportion to whole, non-negative weights; (n,) int64 that sum to ``total``.

    Largest remainder, ties to the first. Raises `InputError` when there is something to divide and no weight.
    """
    share = np.asarray(weights, dtype=np.int64)
    return _shares(share, np.zeros(len(share), dtype=np.int64), np.array([total], dtype=np.int64))


def adjust(computed: ArrayLike, control: int) -> NDArray[np.int64]:
    """Computed areas (n,) adjusted so that they sum to ``control``. All in units; see the module."""
    own = np.asarray(computed, dtype=np.int64)
    return adjust_groups(own, np.zeros(len(own), dtype=np.int64), np.array([control], dtype=np.int64))


def adjust_groups(computed: ArrayLike, group: ArrayLike, controls: ArrayLike) -> NDArray[np.int64]:
    """The same for many groups at once: ``group`` (n,) numbers the control (m,) of each area.

    Raises `InputError` for negative areas, and `Refused` where a control has no area to distribute on.
    """
    own, of = np.asarray(computed, dtype=np.int64), np.asarray(group, dtype=np.int64)
    control = np.asarray(controls, dtype=np.int64)
    if len(own) and own.min() < 0:
        raise InputError("An area is negative.", remedy="Adjust areas of valid polygons only.")
    if len(control) and control.min() < 0:
        raise InputError("A control area is negative.", remedy="Check the control areas.")
    sums = np.zeros(len(control), dtype=np.int64)
    np.add.at(sums, of, own)
    return own + _shares(own, of, control - sums)


def _shares(weights: NDArray[np.int64], of: NDArray[np.int64], totals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Units of each group's total (which may be negative) by weight, largest remainders first."""
    sums = np.zeros(len(totals), dtype=np.int64)
    np.add.at(sums, of, weights)
    if np.any((sums == 0) & (totals != 0)):
        raise Refused(
            "There is an area to distribute, but nothing to distribute it on.",
            remedy="Check that every division with a control area has parts.",
        )
    if not len(weights):
        return np.zeros(0, dtype=np.int64)
    big = int(np.abs(totals).max()) * int(weights.max()) >= _SAFE
    kind: Any = object if big else np.int64
    product = weights.astype(kind) * totals.astype(kind)[of]
    under = np.maximum(sums, 1).astype(kind)[of]
    share = (product // under).astype(np.int64)
    remainder = product - share.astype(kind) * under
    left = totals.copy()
    np.subtract.at(left, of, share)
    # remainders are compared within a group only, where they are over the same sum
    order = np.lexsort((np.arange(len(weights)), -remainder.astype(np.float64), of))
    ranked = of[order]
    first = np.r_[0, np.flatnonzero(np.diff(ranked)) + 1]
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))
    share[order[rank < left[ranked]]] += 1
    return share


@dataclass(frozen=True, slots=True)
class Closure:
    """What was distributed at one level: ``level`` 0 is the highest; of a group its control, its parts' sum."""

    level: int
    group: int
    control: int
    computed: int

    @property
    def difference(self) -> int:
        """ΔP = P₀ − ΣPᵢ."""
        return self.control - self.computed


@dataclass(frozen=True, slots=True)
class Nested:
    """Adjusted areas of every level, from the groups of the highest down to the parts themselves."""

    levels: tuple[NDArray[np.int64], ...]
    parts: NDArray[np.int64]
    closures: tuple[Closure, ...]
    """Those that are not zero."""


def adjust_nested(
    computed: ArrayLike, levels: Sequence[ArrayLike], controls: ArrayLike, *, limit: int | None = None
) -> Nested:
    """Sheet → county → township → village → patch: every level closes on the one above it.

    ``computed`` (n,): areas of the parts. ``levels``: for each level, highest first, the group number (n,) of each
    part; a group lies in one group of the level above. ``controls``: areas of the highest level's groups. ``limit``:
    the largest difference that is rounding and may be distributed; above it `Refused` is raised, because a mistake
    would be spread over good areas. Raises `InputError` for groups that do not nest.
    """
    own = np.asarray(computed, dtype=np.int64)
    groups = [np.asarray(g, dtype=np.int64) for g in levels]
    if not groups:
        raise InputError("An adjustment needs at least one level of control.")
    target = np.asarray(controls, dtype=np.int64)
    done = [target]
    closures: list[Closure] = []
    for depth in range(1, len(groups) + 1):
        above = groups[depth - 1]
        if depth < len(groups):
            numbers, first = np.unique(groups[depth], return_index=True)
            holder = np.zeros(int(numbers.max(initial=-1)) + 1, dtype=np.int64)
            holder[numbers] = above[first]
            if np.any(holder[groups[depth]] != above):
                raise InputError("A group of level {level} lies in two groups of the level above.", level=depth)
            sums = np.zeros(len(holder), dtype=np.int64)
            np.add.at(sums, groups[depth], own)
        else:
            holder, sums = above, own
        closures += _closures(depth - 1, target, holder, sums, limit)
        target = adjust_groups(sums, holder, target)
        if depth < len(groups):
            done.append(target)
    return Nested(tuple(done), target, tuple(closures))


def _closures(
    level: int, control: NDArray[np.int64], holder: NDArray[np.int64], sums: NDArray[np.int64], limit: int | None
) -> list[Closure]:
    totals = np.zeros(len(control), dtype=np.int64)
    np.add.at(totals, holder, sums)
    found = [
        Closure(level, int(g), int(control[g]), int(totals[g])) for g in np.flatnonzero(control != totals).tolist()
    ]
    for closure in found:
        if limit is not None and abs(closure.difference) > limit:
            raise Refused(
                "Areas sum to {computed} m², the control area is {control} m²: {difference} m² are no rounding.",
                remedy="Look for missing, doubled or wrongly placed parts before adjusting.",
                computed=metres(closure.computed),
                control=metres(closure.control),
                difference=metres(closure.difference),
                level=level,
                group=closure.group,
            )
    return found
