"""Classes of a map: limits between which values get one colour.

All take values in any order, NaN for none, and return the inner limits, ascending and distinct: `k` classes have up to
``k - 1`` of them. A value belongs to the class of the last limit not above it (`class_of`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jintu.kernel.errors import InputError, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["METHODS", "class_of", "equal", "limits", "manual", "natural", "quantile"]

METHODS = ("quantile", "equal", "natural", "manual")
SKETCH = 1024
"""Values that stand for all when natural breaks are looked for: quantiles, so that each stands for as many."""


def limits(values: Floats, method: str, k: int) -> list[float]:
    """Of the methods that need no limits given. Raises `InputError` for another."""
    made = {"quantile": quantile, "equal": equal, "natural": natural}.get(method)
    if made is None:
        raise InputError("There is no classing called {name}.", place=Place(field="method"), name=method)
    return made(values, k)


def equal(values: Floats, k: int) -> list[float]:
    """Classes of the same width between the least and the greatest value.

    >>> equal(np.array([0.0, 10.0, 2.0]), 5)
    [2.0, 4.0, 6.0, 8.0]
    >>> equal(np.array([3.0, 3.0]), 5)
    []
    """
    known = _known(values)
    if not len(known):
        return []
    return _distinct(np.linspace(known.min(), known.max(), k + 1)[1:-1], known)


def quantile(values: Floats, k: int) -> list[float]:
    """Classes of the same number of features, as far as equal values allow.

    >>> quantile(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 3)
    [3.0, 5.0]
    """
    known = _known(values)
    if not len(known):
        return []
    return _distinct(np.quantile(known, np.arange(1, k) / k, method="higher"), known)


def natural(values: Floats, k: int) -> list[float]:
    """Natural breaks: the classes within which values differ least (Fisher 1958, Jenks 1967), by dynamic programming
    over at most `SKETCH` quantiles.

    >>> natural(np.array([1.0, 1.1, 1.2, 8.0, 8.1, 20.0]), 3)
    [8.0, 20.0]
    """
    known = np.sort(_known(values))
    if not len(known):
        return []
    if len(known) > SKETCH:
        known = np.quantile(known, np.linspace(0, 1, SKETCH), method="nearest")
    points, weights = np.unique(known, return_counts=True)
    k = min(k, len(points))
    starts = _fisher(points, weights.astype(np.float64), k)
    return _distinct(points[starts], points)


def _fisher(points: Floats, weights: Floats, k: int) -> NDArray[np.int64]:
    """First point of each class but the first, for the least sum of squared deviations from the class means."""
    n = len(points)
    centred = points - points.mean()
    w = np.r_[0.0, np.cumsum(weights)]
    s = np.r_[0.0, np.cumsum(weights * centred)]
    q = np.r_[0.0, np.cumsum(weights * centred**2)]

    def spread(first: NDArray[np.int64], last: int) -> Floats:
        """Of points first … last - 1, for many firsts."""
        mass = w[last] - w[first]
        return q[last] - q[first] - (s[last] - s[first]) ** 2 / mass

    best = np.array([0.0, *(spread(np.array([0]), j)[0] for j in range(1, n + 1))])
    back = np.zeros((k + 1, n + 1), dtype=np.int64)
    for c in range(2, k + 1):
        following = np.full(n + 1, np.inf)
        for j in range(c, n + 1):
            first = np.arange(c - 1, j)
            cost = best[first] + spread(first, j)
            at = int(np.argmin(cost))
            following[j], back[c, j] = cost[at], first[at]
        best = following
    starts, j = [], n
    for c in range(k, 1, -1):
        j = int(back[c, j])
        starts.append(j)
    return np.array(starts[::-1], dtype=np.int64)


def manual(given: list[float]) -> list[float]:
    """Limits as a person gave them, in order. Raises `InputError` for what is no number or occurs twice.

    >>> manual([5.0, 1.0])
    [1.0, 5.0]
    """
    if not all(np.isfinite(given)) or len(set(given)) != len(given):
        raise InputError("The limits are not distinct numbers.", place=Place(field="breaks"))
    return sorted(float(v) for v in given)


def class_of(values: Floats, inner: list[float]) -> NDArray[np.int64]:
    """The class of each value, 0 … len(inner); -1 for NaN.

    >>> class_of(np.array([0.0, 1.0, np.nan, 7.0]), [1.0, 5.0]).tolist()
    [0, 1, -1, 2]
    """
    found = np.searchsorted(np.asarray(inner, dtype=np.float64), values, side="right")
    return np.where(np.isnan(values), -1, found).astype(np.int64)


def _known(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _distinct(found: Floats, known: Floats) -> list[float]:
    """Without limits that would leave the first class empty, or that occur twice."""
    return [float(v) for v in np.unique(found) if v > known.min()]
