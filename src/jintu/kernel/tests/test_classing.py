"""Classes of a map."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import classing
from jintu.kernel.errors import InputError

numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda v: round(v, 3)), min_size=1, max_size=40)


@given(numbers, st.integers(2, 9), st.sampled_from(["quantile", "equal", "natural"]))
def test_every_value_is_in_one_class_and_no_limit_occurs_twice(values, k, method) -> None:
    array = np.array(values)
    inner = classing.limits(array, method, k)
    assert inner == sorted(set(inner)) and len(inner) <= k - 1
    classes = classing.class_of(array, inner)
    assert classes.min() == 0 and classes.max() <= len(inner)
    edges = [-np.inf, *inner, np.inf]
    assert all(edges[c] <= v < edges[c + 1] for v, c in zip(values, classes.tolist(), strict=True))


@given(st.lists(st.integers(0, 30), min_size=2, max_size=9), st.integers(2, 4))
def test_natural_breaks_are_the_best_there_are(values, k) -> None:
    array = np.array(sorted(values), dtype=float)
    points = np.unique(array)
    k = min(k, len(points))

    def spread(inner) -> float:
        classes = classing.class_of(array, list(inner))
        return sum(((array[classes == c] - array[classes == c].mean()) ** 2).sum() for c in np.unique(classes))

    best = min((spread(c) for c in itertools.combinations(points[1:].tolist(), k - 1)), default=0.0)
    assert spread(classing.natural(array, k)) == pytest.approx(best, abs=1e-9)


def test_quantiles_hold_as_many_each() -> None:
    values = np.arange(1000.0)
    counts = np.bincount(classing.class_of(values, classing.quantile(values, 5)))
    assert counts.tolist() == [200] * 5


def test_nothing_known_has_no_classes() -> None:
    nothing = np.array([np.nan, np.nan])
    for method in ("quantile", "equal", "natural"):
        assert classing.limits(nothing, method, 5) == []
    assert classing.class_of(nothing, [1.0]).tolist() == [-1, -1]


def test_natural_breaks_of_many_values_are_near_the_gaps() -> None:
    rng = np.random.default_rng(7)
    values = np.concatenate([rng.normal(m, 1, 20_000) for m in (0, 50, 100)])
    first, second = classing.natural(values, 3)
    assert 5 < first < 50 and 55 < second < 100


@pytest.mark.parametrize("given", [[1.0, 1.0], [float("nan")]])
def test_limits_that_are_none_are_refused(given) -> None:
    with pytest.raises(InputError):
        classing.manual(given)
    with pytest.raises(InputError):
        classing.limits(np.array([1.0]), "manual", 3)
