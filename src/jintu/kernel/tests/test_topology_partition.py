"""Gaps, overlaps and T-junctions: against cells that can be counted, and around the tolerance."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from jintu.kernel.flat import from_shapely
from jintu.kernel.topology import Kind, Limits, Plane, conclude, inspect, scan

box = shapely.box
UNIT = Plane(resolution=1e-4, tolerance=1e-3)


ALL_SHAPES = Limits(sliver_compactness=0, spike_degrees=0)


def found(*shapes, plane=UNIT, limits=ALL_SHAPES):
    return inspect(from_shapely(shapes), plane, limits)


# --- cells that can be counted ----------

SIZE = 6
CELLS = st.lists(st.sets(st.integers(0, 4), max_size=2), min_size=SIZE * SIZE, max_size=SIZE * SIZE)


def polygons_of(cells):
    """Row k is the union of the cells that hold k, without vertices in the middle of its straight edges."""
    shapes = []
    for k in range(5):
        mine = [box(i % SIZE, i // SIZE, i % SIZE + 1, i // SIZE + 1) for i, held in enumerate(cells) if k in held]
        shapes.append(shapely.union_all(mine).simplify(0) if mine else None)
    return shapes


def enclosed(cells):
    """The connected groups of empty cells that do not reach the edge of the grid."""
    empty = {i for i, held in enumerate(cells) if not held}
    groups = []
    while empty:
        group, front = set(), [empty.pop()]
        while front:
            i = front.pop()
            group.add(i)
            x, y = i % SIZE, i // SIZE
            for there, inside in ((i - 1, x), (i + 1, x < SIZE - 1), (i - SIZE, y), (i + SIZE, y < SIZE - 1)):
                if inside and there in empty:
                    empty.remove(there)
                    front.append(there)
        if not any(i % SIZE in (0, SIZE - 1) or i // SIZE in (0, SIZE - 1) for i in group):
            groups.append(group)
    return groups


def shared_by(cells):
    pairs: dict[tuple[int, int], int] = {}
    for held in cells:
        if len(held) == 2:
            pair = tuple(sorted(held))
            pairs[pair] = pairs.get(pair, 0) + 1
    return pairs


def check_against_cells(defects, cells, scale=1.0, rel=1e-9):
    gaps = defects.of(Kind.GAP)
    assert sorted(gaps.area) == pytest.approx(sorted(len(g) * scale for g in enclosed(cells)), rel=rel)
    areas: dict[tuple[int, ...], float] = {}
    copies = [d for d in defects.of(Kind.DUPLICATE) if d.measure == 1]  # told instead of their overlap
    for defect in [*defects.of(Kind.OVERLAP), *copies]:
        areas[defect.rows] = areas.get(defect.rows, 0) + defect.area
        assert defect.area == pytest.approx(defect.geometry.area, rel=1e-6)
    expected = {pair: n * scale for pair, n in shared_by(cells).items()}
    assert areas == pytest.approx(expected, rel=rel)


@given(CELLS)
@settings(max_examples=50, deadline=None)
def test_gaps_and_overlaps_of_cells_are_counted(cells):
    check_against_cells(found(*polygons_of(cells)), cells)


@given(CELLS, st.floats(0, 90), st.floats(5, 60))
@settings(max_examples=40, deadline=None)
def test_turned_and_rounded_cells_are_counted_too(cells, angle, size):
    """Rounded to 0.1 mm, no vertex on a straight edge lies on it any more: within the tolerance it does."""
    shapes = [
        s and affinity.translate(affinity.rotate(affinity.scale(s, size, size, origin=(0, 0)), angle, (0, 0)), 5e5, 4e6)
        for s in polygons_of(cells)
    ]
    rounded = [s and shapely.transform(s, lambda p: np.round(p, 4)) for s in shapes]
    check_against_cells(found(*rounded), cells, size**2, rel=1e-3)


@given(CELLS)
@settings(max_examples=50, deadline=None)
def test_of_a_clean_partition_only_unshared_vertices_are_told(cells):
    single = [{min(held)} if held else {4} for held in cells]
    assert set(found(*polygons_of(single)).counts()) <= {Kind.UNSHARED_VERTEX}


def same(one, other):
    assert len(one) == len(other)
    for name in ("kind", "x", "y", "area", "measure", "spots", "ends"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert all(shapely.equals_exact(a, b) for a, b in zip(one.geometries(), other.geometries(), strict=True))


@given(CELLS, st.lists(st.integers(0, 2), min_size=5, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_answer_does_not_depend_on_how_rows_are_cut(cells, fragment_of, random):
    shapes = [s and affinity.rotate(affinity.scale(s, 9, 9), 17) for s in polygons_of(cells)]
    polygons = from_shapely(shapes)
    scans = []
    for k in range(3):
        rows = [i for i in range(5) if fragment_of[i] == k]
        random.shuffle(rows)
        scans.append(scan(polygons.take(rows), rows, UNIT))
    random.shuffle(scans)
    same(conclude(scans, polygons.take, UNIT, ALL_SHAPES), inspect(polygons, UNIT, ALL_SHAPES))


def test_direction_of_rings_and_threads_do_not_matter():
    shapes = [box(0, 0, 10, 10), box(10, 0, 20, 10), box(0, 10, 15, 20), box(15, 10, 20, 20), box(4, 4, 6, 6)]
    forward = inspect(from_shapely(shapes), threads=1)
    same(forward, inspect(from_shapely([shapely.reverse(s) for s in shapes]).take(np.arange(5)), threads=2))


# --- the tolerance ----------


def quarters(dx=0.0, dy=0.0, origin=(500_000.0, 4_000_000.0)):
    """Four patches of 100 m round a point; in the first of them that point is moved."""
    ox, oy = origin
    ring = lambda *points: shapely.Polygon([(ox + x, oy + y) for x, y in points])  # noqa: E731
    return [
        ring((0, 0), (100, 0), (100 + dx, 100 + dy), (0, 100)),
        ring((100, 0), (200, 0), (200, 100), (100, 100)),
        ring((100, 100), (200, 100), (200, 200), (100, 200)),
        ring((0, 100), (100, 100), (100, 200), (0, 200)),
    ]


@given(st.floats(0.5e-3, 5e-3), st.floats(0, 2 * np.pi))
@settings(max_examples=50, deadline=None)
def test_a_shifted_vertex_is_a_defect_beyond_the_tolerance(shift, angle):
    dx, dy = shift * np.cos(angle), shift * np.sin(angle)
    kinds = found(*quarters(dx, dy)).counts()
    across = [d for d in (abs(dx), abs(dy)) if d > 1.3e-3]  # distance from the two straight lines through the point
    if shift < 1e-3 - 1.5e-4:
        assert not kinds
    if across:
        assert kinds.get(Kind.GAP, 0) + kinds.get(Kind.OVERLAP, 0) >= 1


@given(st.floats(0.1e-3, 5e-3), st.booleans(), st.floats(10, 90))
@settings(max_examples=50, deadline=None)
def test_a_vertex_on_the_neighbours_edge_is_clean_within_the_tolerance(aside, inward, along):
    aside = -aside if inward else aside
    below = box(0, 0, 100, 50)
    above = shapely.Polygon([(0, 50), (along, 50 + aside), (100, 50), (100, 100), (0, 100)])
    defects = found(below, above)
    if abs(aside) < 1e-3 - 1e-4:
        (defect,) = defects
        assert defect.kind == Kind.UNSHARED_VERTEX
        assert [s.row for s in defect.spots] == [1, 0]
        assert defect.measure == pytest.approx(abs(aside), abs=1e-4)
    elif abs(aside) > 1e-3 + 1e-4:
        (defect,) = defects
        assert defect.kind == (Kind.OVERLAP if inward else Kind.GAP)
        assert defect.area == pytest.approx(50 * abs(aside), abs=50 * 1e-4)
        assert defect.rows == (0, 1)


def test_a_bent_long_edge_against_many_short_ones():
    """500 m with a vertex every 10 m on the other side, each somewhere within 0.4 mm of the line."""
    random = np.random.default_rng(4)
    wave = [(x, 50 + random.uniform(-4e-4, 4e-4)) for x in range(10, 500, 10)]
    above = shapely.Polygon([(0, 50), *wave, (500, 50), (500, 99), (0, 99)])
    defects = found(box(0, 0, 500, 50), above)
    assert defects.counts() == {Kind.UNSHARED_VERTEX: 49}
    ring = shapely.get_coordinates(above)
    assert {d.spots[1].row for d in defects} == {0}
    for defect in defects:
        assert ring[defect.spots[0].vertex] == pytest.approx((defect.geometry.x, defect.geometry.y), abs=1e-4)


# --- single cases ----------


def test_a_gap_with_islands_is_a_polygon_with_holes():
    (gap,) = found(box(0, 0, 10, 10) - box(2, 2, 8, 8), box(4, 4, 5, 5), box(6, 6, 7, 7)).of(Kind.GAP)
    assert gap.geometry.equals(box(2, 2, 8, 8) - box(4, 4, 5, 5) - box(6, 6, 7, 7))
    assert gap.rows == (0, 1, 2)
    assert gap.area == pytest.approx(34)


def test_a_polygon_over_two_neighbours_overlaps_each():
    """The edge between the neighbours has cancelled; nothing but the upper polygon's boundary is left inside."""
    defects = found(box(0, 0, 10, 10), box(10, 0, 20, 10), box(5, 3, 16, 7))
    assert {d.rows: round(d.area, 6) for d in defects.of(Kind.OVERLAP)} == {(0, 2): 20.0, (1, 2): 24.0}


def test_three_on_top_of_one_another():
    defects = found(box(0, 0, 10, 10), box(5, 0, 15, 10), box(7, 0, 20, 10))
    assert {d.rows: round(d.area, 6) for d in defects.of(Kind.OVERLAP)} == {(0, 1): 50.0, (0, 2): 30.0, (1, 2): 80.0}


def test_two_pieces_of_one_overlap_are_two_defects():
    comb = shapely.union_all([box(0, 0, 10, 2), box(0, 0, 2, 6), box(8, 0, 10, 6)])
    defects = found(comb, box(0, 5, 10, 12))
    assert [round(d.area, 6) for d in defects.of(Kind.OVERLAP)] == [2.0, 2.0]


def test_crossing_borders_make_gaps_and_overlaps_in_turn():
    left = shapely.Polygon([(0, 0), (50, 0), (52, 20), (48, 40), (50, 60), (0, 60)])
    right = shapely.Polygon([(50, 0), (100, 0), (100, 60), (50, 60), (52, 40), (48, 20)])
    counts = found(left, right).counts()
    assert counts == {Kind.GAP: 1, Kind.OVERLAP: 1}


def test_touching_corners_are_no_defect_and_close_a_gap():
    ring = [box(0, 1, 1, 2), box(1, 0, 2, 1), box(2, 1, 3, 2), box(1, 2, 2, 3)]
    assert found(*ring).counts() == {Kind.GAP: 1}
    assert not found(*ring[:3]).counts()


def test_nothing_and_empty():
    assert len(found()) == 0
    assert len(found(None, shapely.Polygon())) == 0
    assert len(found(box(0, 0, 1, 1), None)) == 0


def test_degrees_are_judged_in_metres():
    plane = Plane.degrees(36.0)
    a, b = box(118, 36, 118.001, 36.001), box(118.001 + 2e-7, 36, 118.002, 36.001)  # 1.8 cm apart, closed at the top
    top = box(118, 36.001, 118.002, 36.002)
    bottom = box(118, 35.999, 118.002, 36)
    (gap,) = found(a, b, top, bottom, plane=plane).of(Kind.GAP)
    assert gap.area == pytest.approx(2.0, rel=0.02)
    assert gap.geometry.bounds == pytest.approx((118.001, 36, 118.0010002, 36.001), abs=2e-9)


@pytest.mark.parametrize(("resolution", "tolerance"), [(0, 1), (1, 0.1), (-1, 1)])
def test_a_plane_without_sense_is_refused(resolution, tolerance):
    with pytest.raises(ValueError, match="resolution"):
        Plane(resolution, tolerance)
