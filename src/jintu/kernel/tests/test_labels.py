"""Painting, thinning and outlines of label grids."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jintu.kernel import labels
from jintu.kernel.flat import Polygons

FRAME = np.array([0.0, 0.0, 1.0, 1.0])


def painted(shapes: list[shapely.Geometry], size: int = 12) -> np.ndarray:
    grid = np.full((size, size), -1, dtype=np.int32)
    values = np.arange(len(shapes), dtype=np.int32)
    labels.paint(grid, Polygons.from_shapely(shapes).rings, values, np.arange(len(shapes)), FRAME)
    return grid


def drawn(grid: np.ndarray, tolerance: float = 0.05, rounds: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Polygons of a grid before and after thinning; a region that became a line is None."""
    label, first = labels.components(grid.astype(np.int64))
    h, w = grid.shape
    columns, rows = np.arange(w + 1.0), np.arange(h + 1.0)
    dx, dy = labels.smooth(label, columns, rows, np.zeros((h + 1, w + 1), dtype=np.bool_), rounds, 0.4)
    corner, ends, rings = labels.outlines(label, len(first))
    x, y = (columns + dx).ravel()[corner], (rows[:, None] + dy).ravel()[corner]
    kept = labels.thinned(label, corner, ends, x, y, tolerance)
    places = np.column_stack((x, y))
    kind = shapely.GeometryType.POLYGON
    before = shapely.from_ragged_array(kind, places, (ends, rings))
    return before, shapely.from_ragged_array(kind, places[kept], (np.r_[0, np.cumsum(kept)][ends], rings))


def test_cells_whose_centre_lies_inside_are_painted() -> None:
    hole = shapely.box(1, 1, 9, 9).difference(shapely.box(3, 3, 6, 5))
    grid = painted([hole])
    centres = [[shapely.contains_xy(hole, i + 0.5, j + 0.5) for i in range(12)] for j in range(12)]
    assert ((grid == 0) == np.array(centres)).all()


def test_beyond_the_grid_nothing_is_painted_and_nothing_breaks() -> None:
    grid = painted([shapely.box(-5, -5, 3, 30), shapely.box(20, 20, 30, 30), shapely.Polygon()])
    assert (grid[:, :3] == 0).all() and (grid[:, 3:] == -1).all()


@settings(deadline=None)
@given(st.lists(st.floats(0.3, 11.7), min_size=1, max_size=6), st.lists(st.floats(0.3, 11.7), min_size=1, max_size=6))
def test_each_cell_of_a_partition_has_one_polygon(across: list[float], up: list[float]) -> None:
    x, y = np.r_[0.0, np.unique(across), 12.0], np.r_[0.0, np.unique(up), 12.0]
    slant = 0.2
    shapes = [
        shapely.Polygon(
            [(x[i], y[j]), (x[i + 1], y[j] + slant * (j > 0)), (x[i + 1], y[j + 1] + slant * (j < len(y) - 2)),
             (x[i], y[j + 1])]
        )
        for i in range(len(x) - 1)
        for j in range(len(y) - 1)
    ]  # fmt: skip
    shapes = [s for s in shapes if s.is_valid and s.area > 1e-9]
    times = np.zeros((12, 12), dtype=int)
    for shape in shapes:
        times += painted([shape]) == 0
    if sum(s.area for s in shapes) == pytest.approx(144, rel=1e-6):
        assert times.max() <= 1


@settings(max_examples=60, deadline=None)
@given(arrays(np.int8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(-1, 2)))
def test_thinned_regions_fit_as_they_did(grid: np.ndarray) -> None:
    before, after = drawn(grid)
    if not len(before):
        return
    assert shapely.is_valid(before).all()
    assert shapely.is_valid(after).all()
    assert shapely.area(after).sum() == pytest.approx(shapely.area(shapely.union_all(after)), rel=1e-9)
    assert shapely.get_num_coordinates(after).sum() <= shapely.get_num_coordinates(before).sum()
    gone = shapely.hausdorff_distance(before, after)
    assert gone.max() <= 0.05 + 1e-9


def test_straight_borders_keep_their_ends_only() -> None:
    grid = np.zeros((6, 9), dtype=np.int8)
    grid[:, 4:] = 1
    _, after = drawn(grid)
    assert [len(shapely.get_coordinates(s)) for s in after] == [5, 5]


def test_the_majority_of_a_square_is_taken_and_nothing_counts_too() -> None:
    grid = np.array([[0, 0, 1, -1], [0, 1, -1, -1]], dtype=np.int32)
    assert labels.majority(grid, 2, 2).tolist() == [[0, -1]]


def test_the_width_of_a_lane_is_in_cells() -> None:
    rings = Polygons.from_shapely([shapely.box(0, 0, 100, 0.5), shapely.box(0, 0, 4, 4)]).rings
    assert labels.widths(rings, 1.0, 1.0) == pytest.approx([0.5 / 1.005, 2.0])
