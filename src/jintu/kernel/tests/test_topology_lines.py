"""Lines among themselves, layers over one another, and lines on borders."""

from __future__ import annotations

import pytest
import shapely

from jintu.kernel.flat import from_shapely
from jintu.kernel.topology import Kind, borders_without_lines, covers, line_defects, lines_off_borders

box = shapely.box


def line(*points):
    return shapely.LineString(points)


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


def test_lines_on_and_off_borders():
    villages = from_shapely(VILLAGES)
    border = [line((100, 0), (100, 50), (100, 100)), line((0, 0), (100, 0)), line((150, 100.0005), (120, 100.0005))]
    assert len(lines_off_borders(border, villages)) == 0
    (defect,) = lines_off_borders([*border, line((100, 100), (60, 100), (60, 120))], villages)
    assert (defect.kind, defect.rows, defect.measure) == (Kind.OFF_BORDER, (3,), pytest.approx(20, abs=0.002))


def test_borders_without_lines():
    villages = from_shapely(VILLAGES)
    outline = [shapely.LineString(v.exterior) for v in VILLAGES]
    assert len(borders_without_lines(outline, villages)) == 0
    missing = line((100, 0), (200, 0), (200, 100), (100, 100))
    found = borders_without_lines([missing, VILLAGES[0].exterior.difference(line((0, 20), (0, 60)))], villages)
    assert [(d.kind, d.rows) for d in found] == [(Kind.WITHOUT_LINE, (0,))]
    assert found.measure[0] == pytest.approx(40, abs=0.005)
