"""Duplicates, slivers, and what is wrong in single rings."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.flat import from_shapely, from_wkb
from jintu.kernel.topology import Kind, Limits, Plane, Spot, inspect, ring_defects

box = shapely.box


def rings(*shapes, **limits):
    polygons = from_wkb([shapely.to_wkb(s) for s in shapes], as_delivered=True)
    return list(ring_defects(polygons, Limits(**limits)))


def test_limits_of_whole_numbers_are_no_other_kernel():
    from jintu.kernel.topology.rings import _ring_defects

    rings(box(0, 0, 9, 9))
    rings(box(0, 0, 9, 9), shells_turn=1, spike_degrees=0, duplicate_vertex_m=0)
    assert len(_ring_defects.signatures) == 1


def test_a_copy_is_a_duplicate_and_no_overlap():
    defects = inspect(from_shapely([box(0, 0, 9, 9), box(9, 0, 18, 9), box(0, 0, 9, 9)]))
    (defect,) = defects
    assert (defect.kind, defect.rows, defect.area, defect.measure) == (Kind.DUPLICATE, (0, 2), 81, 1)
    assert defect.geometry.equals(box(0, 0, 9, 9))


@given(st.integers(0, 5), st.booleans())
@settings(max_examples=12, deadline=None)
def test_another_first_vertex_and_direction_is_the_same(first, turned):
    ring = [(0, 0), (5, 0), (9, 3), (8, 8), (3, 9), (-2, 4)]
    other = ring[first:] + ring[:first]
    shapes = [shapely.Polygon(ring), shapely.Polygon(other[::-1] if turned else other)]
    (defect,) = inspect(from_shapely(shapes))
    assert (defect.kind, defect.measure) == (Kind.DUPLICATE, 1)


def test_the_same_vertices_in_another_order_are_told_with_the_overlap():
    a = shapely.Polygon([(0, 0), (9, 0), (9, 9), (4, 4), (0, 9)])
    b = shapely.Polygon([(0, 0), (4, 4), (9, 0), (9, 9), (0, 9)])
    counts = inspect(from_shapely([a, b]), limits=Limits(spike_degrees=0)).counts()
    assert counts[Kind.DUPLICATE] == 1
    assert counts[Kind.OVERLAP] >= 1


def test_three_copies_are_two_duplicates():
    defects = inspect(from_shapely([box(0, 0, 9, 9)] * 3))
    assert [d.rows for d in defects] == [(0, 1), (0, 2)]


@given(st.lists(st.integers(0, 6), max_size=30))
def test_fingerprints_that_are_there_more_than_once(values):
    from jintu.kernel.topology.copies import _several

    expected = [
        k
        for value in sorted({v for v in values if v and values.count(v) > 1})
        for k, v in enumerate(values)
        if v == value
    ]
    assert _several(np.array(values, dtype=np.uint64)).tolist() == expected


def test_slivers_by_area_and_by_compactness():
    shapes = [box(0, 0, 100, 100), box(0, 100, 100, 100.4), box(200, 0, 201, 1)]
    found = inspect(from_shapely(shapes), limits=Limits(sliver_area_m2=10, sliver_compactness=0.02))
    assert [(d.kind, d.rows[0], round(d.area, 3)) for d in found] == [(Kind.SLIVER, 1, 40.0), (Kind.SLIVER, 2, 1.0)]
    assert found.measure[0] == pytest.approx(4 * 3.14159265 * 40 / 200.8**2)


def test_a_self_crossing_polygon_counts_as_what_it_encloses():
    """Two vertices in the wrong order are a defect of their own, and no gap or overlap beside clean neighbours."""
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    north, south = shapely.Polygon([(0, 10), (5, 5), (10, 10)]), shapely.Polygon([(0, 0), (10, 0), (5, 5)])
    defects = inspect(from_shapely([bow, north, south]), limits=Limits(spike_degrees=0))
    assert set(defects.counts()) <= {Kind.SELF_CROSSING, Kind.UNSHARED_VERTEX}
    assert Kind.SELF_CROSSING in defects.counts()


def test_direction_of_shells_and_holes():
    clockwise = shapely.Polygon([(0, 0), (0, 9), (9, 9), (9, 0)])
    same_way = shapely.Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [[(2, 2), (2, 4), (4, 4), (4, 2)]])
    assert not rings(clockwise)
    assert [(d.kind, d.spots[0]) for d in rings(clockwise, shells_turn=1)] == [(Kind.ORIENTATION, Spot(0, 0, 0))]
    assert [(d.kind, d.spots[0]) for d in rings(same_way)] == [(Kind.ORIENTATION, Spot(0, 1, 0))]


@pytest.mark.parametrize(("angle", "told"), [(4.9, True), (5.1, False), (0.5, True)])
def test_spikes(angle, told):
    from math import cos, radians, sin

    tip = shapely.Polygon([(0, 0), (50, 0), (50 * cos(radians(angle)), 50 * sin(radians(angle)))])
    defects = [d for d in rings(tip) if d.kind == Kind.SPIKE]
    assert [d.spots[0] for d in defects] == ([Spot(0, 0, 0)] if told else [])
    if told:
        assert defects[0].measure == pytest.approx(angle)


def test_repeated_vertices_and_short_edges():
    shape = shapely.Polygon([(0, 0), (10, 0), (10, 0.0005), (10, 10), (9.9, 10), (0, 10), (0, 10)])
    found = [(d.kind, d.spots[0].vertex, round(d.measure, 4)) for d in rings(shape, short_edge_m=0.2)]
    assert found == [(Kind.DUPLICATE_VERTEX, 2, 0.0005), (Kind.DUPLICATE_VERTEX, 6, 0.0), (Kind.SHORT_EDGE, 3, 0.1)]
    assert not rings(box(0, 0, 1, 1))


def test_a_repeated_vertex_does_not_hide_a_spike():
    needle = shapely.Polygon([(0, 0), (10, 0), (10, 10), (9.95, 30), (9.95, 30), (9.9, 10), (0, 10)])
    assert [(d.kind, d.spots[0].vertex) for d in rings(needle) if d.kind == Kind.SPIKE] == [(Kind.SPIKE, 4)]


def test_degrees_are_measured_in_metres():
    plane = Plane.degrees(36)
    shape = from_shapely([box(118, 36, 118.001, 36.001)])
    (defect,) = inspect(shape, plane, Limits(sliver_area_m2=20_000))
    assert defect.area == pytest.approx(9998, rel=0.01)
