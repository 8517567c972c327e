"""Lines among themselves, and layers over one another."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.flat import from_shapely
from jintu.kernel.lines import from_shapely as lines_of
from jintu.kernel.tests.line_net import by_force
from jintu.kernel.topology import Kind, Plane, copied_lines, covers, net
from jintu.kernel.topology import line_defects as flat_line_defects
from jintu.kernel.topology import meetings as runs

box = shapely.box


def line(*points):
    return shapely.LineString(points)


def line_defects(lines, **options):
    return flat_line_defects(lines_of(lines), **options)


def kinds(*lines, **options):
    return line_defects(lines, **options).counts()


def test_lines_that_meet_at_their_ends_are_clean():
    assert not kinds(line((0, 0), (10, 0)), line((10, 0), (10, 9)), line((10, 0), (20, 0)), None)
    assert not kinds(line((0, 0), (10, 0)), line((5, 0), (5, 9)))  # an end on another line
    assert not kinds(line((0, 0), (10, 0), (10, 10), (0, 0)))  # a line that closes


def test_a_line_that_crosses_itself():
    (defect,) = line_defects([line((0, 0), (10, 10), (10, 0), (0, 10))])
    assert (defect.kind, defect.rows) == (Kind.LINE_CROSSING, (0,))
    assert defect.geometry.equals(shapely.Point(5, 5))
    assert kinds(line((0, 0), (10, 0), (10, 10), (5, 10), (5, 0))) == {Kind.LINE_CROSSING: 1}


def test_two_lines_that_cross():
    (defect,) = line_defects([line((0, 5), (10, 5)), line((5, 0), (5, 10))])
    assert (defect.kind, defect.rows) == (Kind.LINE_CROSSING, (0, 1))
    # at a vertex of both it is told once
    assert kinds(line((0, 5), (5, 5), (10, 5)), line((5, 0), (5, 5), (5, 10))) == {Kind.LINE_CROSSING: 1}


def test_overlapping_lines():
    (defect,) = line_defects([line((0, 0), (10, 0)), line((6, 0), (20, 0))], dangle_m=0)
    assert (defect.kind, defect.rows, defect.measure) == (Kind.LINE_OVERLAP, (0, 1), 4)
    assert defect.geometry.equals(line((6, 0), (10, 0)))
    assert kinds(line((0, 0), (10, 0)), line((10, 0), (0, 0)), dangle_m=0) == {Kind.LINE_OVERLAP: 1}
    back_on_itself = line((0, 0), (10, 0), (4, 0))
    assert Kind.LINE_OVERLAP in kinds(back_on_itself)


@pytest.mark.parametrize("gap", [0.002, 0.1, 0.9])
def test_an_end_that_falls_short_or_sticks_out(gap):
    street = line((-50, 10), (50, 10))
    (short,) = line_defects([street, line((0, 0), (0, 10 - gap))])
    (long,) = line_defects([street, line((0, 0), (0, 10 + gap))])
    assert (short.kind, short.spots[0][:2]) == (long.kind, long.spots[0][:2]) == (Kind.DANGLE, (1, 0))
    assert short.measure == pytest.approx(gap)
    assert long.measure == pytest.approx(-gap)


def test_within_the_tolerance_an_end_meets_and_far_off_it_is_free():
    street = line((-50, 10), (50, 10))
    assert not kinds(street, line((0, 0), (0, 10 - 0.0008)))
    assert not kinds(street, line((0, 0), (0, 10 + 0.0008)))
    assert not kinds(street, line((0, 0), (0, 8)))


def test_pseudo_nodes_are_between_two_lines_of_one_code():
    a, b, c = line((0, 0), (10, 0)), line((10, 0), (20, 3)), line((10, 0), (10, 9))
    (defect,) = line_defects([a, b], codes=[7, 7])
    assert (defect.kind, defect.rows) == (Kind.PSEUDO_NODE, (0, 1))
    assert not kinds(a, b, codes=[7, 8])
    assert not kinds(a, b, c, codes=[7, 7, 7])
    assert not kinds(a, b, line((5, -5), (10, 0), (15, 5)), codes=[7, 7, 7], dangle_m=0)
    assert not kinds(a, b)


def test_short_lines():
    (defect,) = line_defects([line((0, 0), (0.1, 0)), line((5, 5), (9, 9))])
    assert (defect.kind, defect.rows, defect.measure) == (Kind.SHORT_LINE, (0,), pytest.approx(0.1))


def test_repeated_vertices_change_nothing_but_the_number_of_a_vertex():
    there = [(0, 0), (10, 10), (10, 0), (0, 10)]
    (defect,) = line_defects([line(*(p for p in there for _ in range(20)))])
    assert defect.kind == Kind.LINE_CROSSING and defect.geometry.equals(shapely.Point(5, 5))
    assert [spot.vertex for spot in defect.spots] == [19, 59]
    assert not kinds(line((3, 3), (3, 3)), line((0, 0), (3, 3)), line((3, 3), (9, 3)), codes=[0, 0, 1])
    assert not kinds(line((3, 3), (3, 3)))


@np.errstate(invalid="ignore")
def test_vertices_that_are_no_numbers_bound_no_segment():
    nan = float("nan")
    assert not kinds(line((0, 5), (4, 5), (nan, 5), (6, 5), (10, 5)), line((5, 0), (5, 10)), dangle_m=0.5)
    assert not kinds(line((nan, nan), (nan, 1)), line((0, 0), (0, 1)))


# --- against each segment with each ----------

LATTICE = st.integers(0, 6)
JITTER = st.sampled_from([0.0] * 8 + [0.0004, 0.0007, 0.0013, 0.003])
POINT = st.tuples(LATTICE, LATTICE, JITTER, JITTER).map(lambda p: (p[0] + p[2], p[1] + p[3]))


@st.composite
def some_lines(draw):
    """Lines on a lattice, so that they meet, with several parts, repeated vertices, and some that close."""
    points = draw(st.lists(POINT, min_size=2, max_size=draw(st.sampled_from([3, 5, 30]))))
    if draw(st.integers(0, 4)) == 0:
        points = [p for p in points for _ in range(draw(st.integers(1, 3)))]
    if draw(st.integers(0, 3)) == 0:
        points.append(points[0])
    return points


ROW = st.one_of(
    some_lines().map(shapely.LineString),
    st.lists(some_lines(), min_size=1, max_size=3).map(shapely.MultiLineString),
    st.sampled_from([None, shapely.LineString()]),
)
PLANE = st.sampled_from([Plane(), Plane(x_metres=0.5, y_metres=2.0), Plane(1e-3, 2e-3)])


@settings(deadline=None)
@given(st.lists(ROW, max_size=12), PLANE, st.sampled_from([0.0, 0.41, 1.1]), st.data())
def test_what_is_found_is_what_each_segment_with_each_finds(rows, plane, dangle_m, data):
    codes = data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))
    shapes = [None if s is None else shapely.transform(s, lambda p: p / (plane.x_metres, plane.y_metres)) for s in rows]
    assert_same(shapes, plane, codes, dangle_m)


def assert_same(shapes, plane, codes, dangle_m):
    those = net(lines_of(shapes), plane)
    found = sorted(
        (d.kind, list(map(tuple, d.spots)), *d.geometry.centroid.coords[0], d.measure)
        for d in [*those.crossings(codes, dangle_m), *those.overlaps()]
    )
    wanted = by_force(shapes, plane, codes, dangle_m)
    assert [d[:2] for d in found] == [d[:2] for d in wanted]
    assert np.array([d[2:] for d in found]) == pytest.approx(np.array([d[2:] for d in wanted]), abs=1e-9)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_town(shuffled):
    """Streets of a town, some of which stop short, run past one another or lie twice; and one from end to end of it."""
    rng = np.random.default_rng(4)
    places = np.stack(np.meshgrid(np.arange(14), np.arange(14)), axis=-1).reshape(-1, 2) * 10.0
    places += rng.choice([0.0, 0.0, 0.0, 0.0005, 0.2], places.shape)
    streets = [line(places[k], places[k + 1]) for k in range(len(places) - 1) if (k + 1) % 14]
    streets += [line(places[k], (places[k] + places[k + 14]) / 2, places[k + 14]) for k in range(len(places) - 14)]
    streets += [line((0, 3), (130, 128)), streets[5], streets[300].reverse(), line(*places[30:41])]
    order = rng.permutation(len(streets)) if shuffled else range(len(streets))
    assert_same([streets[k] for k in order], Plane(), [0] * len(streets), 1.0)


def test_threads_do_not_change_what_is_found():
    rng = np.random.default_rng(2)
    begin = rng.integers(0, 300, (20_000, 2))
    lines = lines_of(shapely.linestrings(np.stack([begin, begin + rng.integers(-3, 4, begin.shape)], axis=1)))
    one, four = net(lines, threads=1), net(lines, threads=4)
    assert np.array_equal(one.met, four.met) and np.array_equal(one.degree, four.degree)
    two = one.degree == 2
    assert two.any() and len(one.met) and np.array_equal(one.partner[two], four.partner[two])


@pytest.mark.parametrize("vertices", [1, runs.RUN, runs.RUN + 1, 5 * runs.RUN + 2])
def test_long_lines_are_cut_into_runs_and_stay_one_line(vertices):
    points = [(5.0 * k, 5.0 * (k % 2)) for k in range(vertices + 1)]
    assert not kinds(line(*points), line(points[-1], (points[-1][0], -9)), codes=[0, 1])
    assert kinds(line(*points), line((2.5, -9), (2.5, 9))) == {Kind.LINE_CROSSING: 1}
    assert kinds(line(*points), line(points[-1], (999, -99)), codes=[1, 1]) == {Kind.PSEUDO_NODE: 1}


# --- copies ----------


def doubles(*shapes):
    return copied_lines(lines_of(shapes)).tolist()


def test_lines_with_the_same_vertices_are_copies_whichever_way_they_are_walked():
    street, ring = line((0, 0), (3, 1), (5, 5)), line((0, 0), (4, 0), (4, 3), (0, 0))
    turned = line((4, 3), (4, 0), (0, 0), (4, 3))
    assert doubles(street, ring, street, None, turned, street.reverse()) == [0, 1, 2, 4, 5]
    assert (
        doubles(street, line((0, 0), (5, 5)), line((0, 0), (3, 1), (5, 5.000001)), line((0, 0), (3, 1), (3, 1), (5, 5)))
        == []
    )
    assert doubles(None, None, shapely.LineString(), shapely.LineString()) == []


def test_the_same_segments_in_other_lines_are_no_copy():
    eight = line((0, 0), (1, 1), (2, 0), (0, 0), (1, -1), (2, 0))
    other = line((0, 0), (1, -1), (2, 0), (0, 0), (1, 1), (2, 0))
    parts = shapely.MultiLineString([[(0, 0), (1, 1), (2, 0)], [(2, 0), (0, 0), (1, -1), (2, 0)]])
    assert doubles(eight, other, parts) == []
    assert doubles(parts, shapely.MultiLineString(list(parts.geoms)[::-1]), eight) == [0, 1]


@given(st.lists(ROW, max_size=12))
def test_copies_are_those_of_normal_outlines(rows):
    shapes = [None if s is None or s.is_empty else shapely.MultiLineString(list(shapely.get_parts(s))) for s in rows]
    normal = [None if s is None else shapely.normalize(s).wkb for s in shapes]
    assert doubles(*rows) == [k for k, one in enumerate(normal) if one is not None and normal.count(one) > 1]


# --- between layers ----------


def covering(first, second):
    return covers(from_shapely(first), from_shapely(second))


VILLAGES = [box(0, 0, 100, 100), box(100, 0, 200, 100)]


def test_a_layer_that_covers_another_exactly():
    strips = [box(x, 0, x + 40, 100) for x in range(0, 200, 40)]  # across the villages' border, with other vertices
    assert len(covering(strips, VILLAGES)) == 0


def test_what_is_missing_and_what_sticks_out():
    patches = [box(0, 0, 100, 90), box(100, 0, 205, 100)]
    defects = list(covering(patches, VILLAGES))
    assert [(d.kind, d.rows, round(d.area, 6)) for d in defects] == [
        (Kind.UNCOVERED, (0,), 1000),
        (Kind.OUTSIDE, (1,), 500),
    ]
    assert defects[0].geometry.equals(box(0, 90, 100, 100))
    assert defects[1].geometry.equals(box(200, 0, 205, 100))


def test_overlaps_inside_a_layer_do_not_make_it_cover_more_or_less():
    patches = [box(0, 0, 60, 100), box(50, 0, 200, 100)]
    assert len(covering(patches, VILLAGES)) == 0
    assert len(covering(patches, [*VILLAGES, box(10, 10, 20, 20)])) == 0
