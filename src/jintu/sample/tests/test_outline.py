"""The border of the sample county: whatever the noise says, one piece without holes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from jintu.kernel.labels import components
from jintu.sample.county import County
from jintu.sample.outline import settle_outline


def settled(mask: np.ndarray, band: int = 3) -> np.ndarray:
    bands = [mask[j : j + band] for j in range(0, len(mask), band)]
    return settle_outline(bands, mask.shape[1]).rows(0, len(mask))


def pieces(mask: np.ndarray) -> np.ndarray:
    return components(np.where(mask, np.int64(1), np.int64(-1)))[0]


def test_holes_are_filled_and_islands_dropped() -> None:
    drawn = """
    .........#
    .######...
    .#...#..#.
    .#.#.#.##.
    .#...#....
    .#####.#..
    """
    mask = np.array([[c == "#" for c in line.strip()] for line in drawn.split()])
    wanted = """
    ..........
    .######...
    .#####....
    .#####....
    .#####....
    .#####....
    """
    assert (settled(mask) == np.array([[c == "#" for c in line.strip()] for line in wanted.split()])).all()


def test_a_bay_that_is_open_in_a_corner_only_is_filled() -> None:
    mask = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 0, 1, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=bool)
    assert settled(mask)[2, 2] and not settled(mask)[3, 3]


@settings(deadline=None)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)), st.integers(1, 5))
def test_one_piece_without_holes(mask: np.ndarray, band: int) -> None:
    made = settled(mask, band)
    label = pieces(mask)
    sizes = np.bincount(label[label >= 0], minlength=1)
    if not mask.any():
        assert not made.any()
        return
    assert pieces(made).max() == 0, "one piece"
    largest = [label == k for k in np.flatnonzero(sizes == sizes.max())]
    assert any(made[m].all() for m in largest)
    outside = pieces(~np.pad(made, 1))
    assert outside.max() == 0, "the outside is one piece too: nothing is enclosed"


@pytest.mark.parametrize("seed", range(6))
def test_counties_enclose_nothing(seed: int) -> None:
    county = County(4000, seed)
    mask = county.border.rows(0, len(county.cy))
    assert pieces(mask).max() == 0
    assert pieces(~np.pad(mask, 1)).max() == 0
