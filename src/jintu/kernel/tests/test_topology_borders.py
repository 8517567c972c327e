"""Lines on the borders of polygons, and off them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel import lines as flat_lines
from jintu.kernel.flat import Polygons, from_shapely, from_wkb
from jintu.kernel.topology import Kind, OffBorders, Plane, lines_off_borders

box = shapely.box
VILLAGES = [box(0, 0, 100, 100), box(100, 0, 200, 100)]


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(points)


def off(lines: list[Any], polygons: list[Any], plane: Plane | None = None) -> list[tuple[Any, ...]]:
    return told(lines_off_borders(flat_lines.from_shapely(lines), from_shapely(polygons), plane))


def told(found: Any) -> list[tuple[Any, ...]]:
    return [(d.spots, d.measure, d.geometry.wkb) for d in found]


def test_lines_on_and_off_borders():
    border = [line((100, 0), (100, 50), (100, 100)), line((0, 0), (100, 0)), line((150, 100.0005), (120, 100.0005))]
    assert off(border, VILLAGES) == []
    polygons = from_shapely(VILLAGES)
    bent = line((100, 100), (60, 100), (60, 120))
    (defect,) = lines_off_borders(flat_lines.from_shapely([*border, bent]), polygons)
    assert (defect.kind, defect.rows, defect.measure) == (Kind.OFF_BORDER, (3,), pytest.approx(20, abs=0.002))
    assert defect.spots == ((3, 0, 1),)


def test_what_is_off_the_border_twice_is_told_once_and_of_the_first():
    astray = line((10, 10), (20, 20))
    assert [spots for spots, *_ in off([None, astray, astray.reverse(), astray], VILLAGES)] == [((1, 0, 0),)]


def test_a_line_that_leaves_a_border_by_little_is_off_from_the_tolerance_on():
    """Buffers of GEOS end up to a tenth of the tolerance too soon or too late, which here is a metre."""
    ((_, measure, shape),) = off([line((0, 0), (15, 0.0015))], [box(0, -100, 100, 0)])
    assert measure == pytest.approx(5, abs=1e-6)
    assert shapely.from_wkb(shape).coords[0] == pytest.approx((10, 0.001), abs=1e-6)
    assert off([line((0, 0), (15, 0.0015))], [box(0, -100, 100, 0), box(0, 0.0015, 100, 100)]) == []


def test_without_polygons_all_of_a_line_is_off_and_without_lines_nothing_is():
    assert [measure for _, measure, _ in off([line((0, 0), (3, 4))], [])] == [5]
    assert off([], VILLAGES) == [] == off([None, line((5, 5), (5, 5))], VILLAGES)


def test_an_edge_without_a_place_does_not_hide_the_others_of_its_polygon():
    ring = [(0.0, 0.0), (100.0, 0.0), (np.nan, np.nan), (0.0, 100.0), (0.0, 0.0)]
    with np.errstate(invalid="ignore"):
        broken = from_wkb([shapely.to_wkb(shapely.Polygon(ring), byte_order=1)], as_delivered=True)
    along = flat_lines.from_shapely([line((0, 0), (50, 0)), line((20, 0), (0, 0))])
    assert len(lines_off_borders(along, broken)) == 0


ROUNDED = 1e-4
"""Metres: circles of a millimetre are polygons in GEOS."""
POINTS = st.tuples(st.integers(0, 4), st.integers(0, 4))
ASIDE = st.sampled_from([0.0, 0.0, 0.0, 0.00004, 0.0005, 0.002, 0.3])
LINES = st.lists(st.tuples(st.lists(POINTS, min_size=2, max_size=5), ASIDE), max_size=3)
ROWS = st.lists(st.one_of(st.none(), LINES), max_size=5)
BOXES = st.lists(st.tuples(POINTS, st.integers(1, 3), st.integers(1, 3)), max_size=6)


@given(rows=ROWS, boxes=BOXES, cuts=st.integers(1, 6), degrees=st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_same_is_found_as_by_looking_at_all_segments_one_by_one(rows, boxes, cuts, degrees) -> None:
    """And polygons may come in parts."""
    scale = 1e-4 if degrees else 10.0
    plane = Plane.degrees(36.0) if degrees else Plane()
    metre = scale / 10 if degrees else 1.0
    drawn = [None if row is None else several(row, scale, metre) for row in rows]
    polygons = [shapely.box(x * scale, y * scale, (x + w) * scale, (y + h) * scale) for (x, y), w, h in boxes]
    lines = flat_lines.from_shapely(drawn)
    search = OffBorders(lines, plane)
    parts = [from_shapely(polygons[k : k + cuts]) for k in range(0, len(polygons), cuts)]
    for part in reversed(parts):
        search.strike(part)
    near = [search.near(part) for part in parts] if len(search.left()) else []
    found, expected = search.defects(near), told_of_all(drawn, from_shapely(polygons), plane)
    assert [tuple(d.spots) for d in found] == [spots for spots, *_ in expected]
    assert found.measure.tolist() == pytest.approx([length for _, length, _ in expected], abs=ROUNDED)
    for shape, (_, _, other) in zip(found.geometries(), expected, strict=True):
        ends, others = (shapely.get_coordinates(s) * (plane.x_metres, plane.y_metres) for s in (shape, other))
        assert np.abs(ends - others).max() < ROUNDED


def several(row: list[Any], scale: float, metre: float) -> shapely.MultiLineString:
    """Lines on a coarse grid, each of them so many metres aside."""
    return shapely.MultiLineString(
        [[(x * scale + aside * metre, y * scale) for x, y in points] for points, aside in row]
    )


def told_of_all(lines: list[Any], polygons: Polygons, plane: Plane) -> list[tuple[Any, ...]]:
    metres = np.array([plane.x_metres, plane.y_metres])

    def key(ends: Any) -> frozenset[tuple[int, int]]:
        return frozenset((int(x), int(y)) for x, y in np.floor(np.array(ends) * plane.grid + 0.5))

    edges = []
    for ring in range(len(polygons.ring_offsets) - 1):
        points = np.column_stack((polygons.x, polygons.y))[
            polygons.ring_offsets[ring] : polygons.ring_offsets[ring + 1]
        ]
        edges += [points[k : k + 2] for k in range(len(points) - 1)]
    seen, out = {key(edge) for edge in edges}, []
    for row, shape in enumerate(lines):
        for part, one in enumerate([] if shape is None else shape.geoms):
            points = shapely.get_coordinates(one)
            for vertex in range(len(points) - 1):
                ends = points[vertex : vertex + 2]
                if key(ends) in seen or (ends[0] == ends[1]).all():
                    continue
                seen.add(key(ends))
                rest = shapely.LineString(ends * metres)
                low, high = ends.min(axis=0) * metres - plane.tolerance, ends.max(axis=0) * metres + plane.tolerance
                near = [
                    e * metres
                    for e in edges
                    if (e.min(axis=0) * metres - plane.tolerance < high).all()
                    and (e.max(axis=0) * metres + plane.tolerance > low).all()
                ]
                if near:
                    rest = shapely.difference(rest, shapely.buffer(shapely.MultiLineString(near), plane.tolerance))
                pieces = shapely.get_parts(rest)
                for piece in sorted(pieces, key=lambda p: shapely.Point(ends[0] * metres).distance(p)):
                    if piece.length > plane.tolerance:
                        shown = shapely.transform(piece, lambda p: p / metres)
                        out.append((((row, part, vertex),), piece.length, shown))
    return out
