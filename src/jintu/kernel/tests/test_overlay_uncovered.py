"""What is left uncovered: by sums where rights are apart, by cutting where they overlap."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.flat import from_shapely
from jintu.kernel.overlay import Pairs, overlay, prepare
from jintu.kernel.overlay.uncovered import common_geometry, covered, uncovered, uncovered_geometry


def box(x, y, width=1.0, height=1.0):
    return shapely.box(118 + x / 100, 36 + y / 100, 118 + (x + width) / 100, 36 + (y + height) / 100)


def areas(*shapes):
    return from_shapely(shapes).areas()


def test_apart_partly_and_wholly_covered():
    left = [box(0, 0), box(2, 0), box(4, 0), None]
    right = [box(2.5, 0), box(3.9, -1, 2, 3)]
    found = uncovered(from_shapely(left), from_shapely(right))
    expected = [areas(box(0, 0))[0], areas(box(2, 0, 0.5))[0], 0.0, 0.0]
    assert found == pytest.approx(expected, rel=1e-11)
    assert found[2] == found[3] == 0


def test_rights_that_overlap_count_once():
    left, right = [box(0, 0, 4)], [box(0, 0, 2), box(1, 0, 2), box(1, 0, 1)]
    assert uncovered(from_shapely(left), from_shapely(right)) == pytest.approx(areas(box(3, 0)), rel=1e-9)


def test_the_same_right_twice():
    assert uncovered(from_shapely([box(0, 0)]), from_shapely([box(0, 0), box(0, 0)])).tolist() == [0.0]


def test_overlap_elsewhere_changes_nothing():
    left = from_shapely([box(0, 0, 4), box(10, 0, 4)])
    right = from_shapely([box(0, 0, 1), box(2, 0, 1), box(11, 0, 1), box(11.5, 0, 1)])
    expected = [2 * areas(box(0, 0))[0], areas(box(0, 0, 2.5))[0]]
    assert uncovered(left, right) == pytest.approx(expected, rel=1e-9)


def test_only_the_rights_named():
    left, right = from_shapely([box(0, 0, 4)]), from_shapely([box(0, 0, 2), box(2, 0, 2)])
    pairs = overlay(left, right)
    named = Pairs(pairs.left[:1], pairs.right[:1], pairs.area_m2[:1])
    assert uncovered(left, right, named) == pytest.approx(areas(box(2, 0, 2)), rel=1e-9)
    none = Pairs(pairs.left[:0], pairs.right[:0], pairs.area_m2[:0])
    assert uncovered(left, right, none) == pytest.approx(areas(box(0, 0, 4)))


def test_covered_exactly_by_a_partition():
    """Rounding of a sum of four hundred pieces must not become a violation."""
    cells = [box(i / 10, j / 10, 0.1, 0.1) for i in range(20) for j in range(20)]
    parcel = shapely.Polygon([(118.0001, 36.0), (118.0199, 36.003), (118.018, 36.0199), (118.001, 36.018)])
    assert uncovered(prepare(from_shapely([parcel])), prepare(from_shapely(cells))).tolist() == [0.0]


def test_cut_geometry_is_polygonal():
    piece = uncovered_geometry(box(0, 0, 3), [box(1, 0), box(1, 1)])
    assert piece.geom_type == "MultiPolygon" and len(piece.geoms) == 2
    assert uncovered_geometry(box(0, 0), [box(0, 0)]).is_empty
    assert shapely.equals(uncovered_geometry(box(0, 0), []), box(0, 0))
    corner = shapely.union(box(0, 0), box(2, 0))
    assert common_geometry(corner, shapely.union(box(1, 0), box(2, 0))).geom_type == "Polygon"
    assert common_geometry(box(0, 0), box(1, 0)).is_empty


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_against_geos(seed, lefts, rights):
    rng = np.random.default_rng(seed)
    left = [box(*rng.uniform(0, 4, 2), *rng.uniform(0.2, 3, 2)) for _ in range(lefts)]
    right = [box(*np.round(rng.uniform(0, 4, 2), 1), *np.round(rng.uniform(0.2, 2, 2), 1)) for _ in range(rights)]
    cut = [shapely.difference(s, shapely.union_all(right)) for s in left]
    assert uncovered(from_shapely(left), from_shapely(right)) == pytest.approx(areas(*cut), abs=1e-4)


def test_covers_of_two_layers_count_once_where_they_overlap():
    left, first, second = (prepare(from_shapely([s])) for s in (box(0, 0, 4), box(0, 0, 2), box(1, 0, 2)))
    covers = [(right, overlay(left, right)) for right in (first, second)]
    assert covered(left, covers) == pytest.approx(areas(box(0, 0, 3)), rel=1e-9)
    assert covered(left, covers[:1]) == pytest.approx(areas(box(0, 0, 2)), rel=1e-11)
    assert covered(left, []).tolist() == [0.0]


def test_what_the_caller_knows_of_the_covers_is_asked_of_him():
    left, right = prepare(from_shapely([box(0, 0, 4)])), prepare(from_shapely([box(0, 0, 2), box(1, 0, 2)]))
    asked = []

    def among(i, j):
        asked.append((i, j))
        return Pairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))

    sums = covered(left, [(right, overlay(left, right))], among)
    assert asked == [(0, 0)]
    assert sums == pytest.approx(areas(box(0, 0, 2)) + areas(box(1, 0, 2)), rel=1e-9)
