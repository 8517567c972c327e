"""The overlay kernel against exact rational arithmetic, against counted cells, and against GEOS."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from jintu.kernel.area.authalic import authalic
from jintu.kernel.flat import Polygons, from_shapely
from jintu.kernel.overlay import Pairs, overlay, prepare
from jintu.kernel.overlay.tree import build, build_as_they_lie, hilbert_order, search


def common(a, b, **options) -> float:
    """Area in common of two shapes, in the plane unless told otherwise."""
    options = {"planar": True, "smallest": 0.0} | options
    pairs = overlay(from_shapely([a]), from_shapely([b]), **options)
    return float(pairs.area_m2.sum())


# --- exact arithmetic ----------


def clip(subject, clipper):
    """Sutherland–Hodgman in rational numbers: a convex polygon cut by a convex one, both counter-clockwise."""
    result = subject
    for (ax, ay), (bx, by) in zip(clipper, clipper[1:] + clipper[:1], strict=True):

        def side(p, ax=ax, ay=ay, bx=bx, by=by):
            return (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax)

        points, result = result, []
        for p, q in zip(points, points[1:] + points[:1], strict=True):
            sp, sq = side(p), side(q)
            if sp >= 0:
                result.append(p)
            if sp * sq < 0:
                t = Fraction(sp) / (sp - sq)
                result.append((p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t))
    return result


def doubled_area(points):
    return sum(p[0] * q[1] - q[0] * p[1] for p, q in zip(points, points[1:] + points[:1], strict=True)) if points else 0


def exact_common(first, second) -> Fraction:
    """Area in common of two polygons with integer vertices: each is a signed sum of triangles from the origin."""
    total = Fraction(0)
    for sign_a, a in triangles(first):
        for sign_b, b in triangles(second):
            total += sign_a * sign_b * Fraction(doubled_area(clip(a, b))) / 2
    return total


def triangles(shape):
    shape = shapely.orient_polygons(shape)
    for part in shapely.get_parts(shape):
        for ring in (part.exterior, *part.interiors):
            points = [(Fraction(x), Fraction(y)) for x, y in ring.coords]
            for p, q in itertools.pairwise(points):
                triangle = [(Fraction(-1), Fraction(-2)), p, q]
                twice = doubled_area(triangle)
                if twice > 0:
                    yield 1, triangle
                elif twice < 0:
                    yield -1, triangle[::-1]


def convex(rng, size):
    while True:
        points = [(rng.randint(0, size), rng.randint(0, size)) for _ in range(rng.randint(3, 8))]
        hull = shapely.MultiPoint(points).convex_hull
        if hull.geom_type == "Polygon":
            return hull


def star(rng, size):
    """A simple polygon with integer vertices, usually not convex."""
    while True:
        points = {(rng.randint(0, size), rng.randint(0, size)) for _ in range(rng.randint(3, 9))}
        cx, cy = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
        ring = sorted(points, key=lambda p: (math.atan2(p[1] - cy, p[0] - cx), p))
        shape = shapely.Polygon(ring) if len(ring) > 2 else shapely.Polygon()
        if shape.is_valid and shape.area > 0:
            return shape


@pytest.mark.parametrize("size", [3, 8, 1000])
def test_two_thousand_convex_pairs_exactly(size):
    rng = random.Random(size)
    for _ in range(700):
        a, b = convex(rng, size), convex(rng, size)
        points = [
            [(Fraction(x), Fraction(y)) for x, y in shapely.orient_polygons(s).exterior.coords[:-1]] for s in (a, b)
        ]
        expected = float(Fraction(doubled_area(clip(*points))) / 2)
        assert common(a, b) == pytest.approx(expected, abs=1e-14 * size * size), (a.wkt, b.wkt)


@pytest.mark.parametrize("size", [4, 7, 50])
def test_stars_exactly(size):
    rng = random.Random(size)
    for _ in range(60):
        a, b = star(rng, size), star(rng, size)
        assert common(a, b) == pytest.approx(float(exact_common(a, b)), abs=1e-14 * size * size), (a.wkt, b.wkt)


def test_holes_and_parts_exactly():
    rng = random.Random(3)
    for _ in range(25):
        shapes = []
        for _ in range(2):
            hole = affinity.translate(star(rng, 8), 2, 2).exterior
            shape = shapely.MultiPolygon(
                [
                    shapely.Polygon([(0, 0), (20, 0), (20, 20), (0, 20)], [hole]),
                    shapely.Polygon([(22, 0), (40, 3), (30, 20), (22, 20)]),
                ]
            )
            shapes.append(affinity.translate(shape, rng.randint(0, 12), rng.randint(0, 12)))
        assert common(*shapes) == pytest.approx(float(exact_common(*shapes)), abs=1e-11)


# --- cells that can be counted: everything shared, collinear, vertical ----------

CELLS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40)


def of_cells(cells):
    return shapely.union_all([shapely.box(x, y, x + 1, y + 1) for x, y in cells])


@given(CELLS, CELLS)
def test_shapes_made_of_cells_are_counted(first, second):
    a, b = of_cells(first), of_cells(second)
    assert common(a, b) == pytest.approx(len(first & second), abs=1e-12)
    assert common(a, a) == pytest.approx(len(first), abs=1e-12)


@given(CELLS, CELLS, st.floats(0.1, 6.2), st.integers(0, 2**32))
def test_turned_cells_share_slanted_edges(first, second, angle, seed):
    a, b = (affinity.rotate(of_cells(c), angle, origin=(0, 0), use_radians=True) for c in (first, second))
    assert common(a, b) == pytest.approx(len(first & second), abs=1e-11)


def test_a_thousand_layers_of_cells():
    rng = np.random.default_rng(11)
    for _ in range(40):
        labels = [rng.integers(0, 9, (8, 8)) for _ in range(2)]
        shapes = [[of_cells(list(zip(*np.nonzero(grid == k), strict=True))) for k in range(9)] for grid in labels]
        found = overlay(from_shapely(shapes[0]), from_shapely(shapes[1]), planar=True).dense(9, 9)
        expected = np.zeros((9, 9))
        np.add.at(expected, (labels[0].ravel(), labels[1].ravel()), 1)
        assert np.allclose(found, expected, atol=1e-12)


# --- GEOS ----------


def blobs(rng, count, extent, reach, vertices):
    out = []
    for _ in range(count):
        n = int(rng.integers(3, vertices))
        angle = np.sort(rng.uniform(0, 2 * np.pi, n))
        radius = rng.uniform(0.2, 1, n) * reach
        centre = rng.uniform(0, extent, 2)
        shape = shapely.Polygon(centre + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]))
        out.append(shape if shape.is_valid else shape.convex_hull)
    return np.array(out)


@pytest.mark.parametrize("seed, reach, vertices", [(1, 1.0, 12), (2, 3.0, 60), (3, 0.2, 8), (4, 5.0, 400)])
def test_thousands_of_pairs_against_geos(seed, reach, vertices):
    rng = np.random.default_rng(seed)
    a, b = blobs(rng, 60, 10, reach, vertices), blobs(rng, 200, 10, 1.0, 40)
    expected = shapely.area(shapely.intersection(a[:, None], b[None, :]))
    found = overlay(from_shapely(a), from_shapely(b), planar=True, smallest=0.0).dense(len(a), len(b))
    assert np.abs(found - expected).max() < 1e-12
    turned = overlay(from_shapely(b), from_shapely(a), planar=True, smallest=0.0).dense(len(b), len(a))
    assert np.abs(turned.T - expected).max() < 1e-12


def test_adversarial_pairs_against_geos():
    """Slivers, needles, near-vertical edges, near-coincident edges, holes that fit, islands in holes."""
    square = shapely.box(0, 0, 1, 1)
    ring = square.difference(shapely.box(0.25, 0.25, 0.75, 0.75))
    shapes = [
        square,
        ring,
        shapely.box(0.25, 0.25, 0.75, 0.75),
        ring.union(shapely.box(0.4, 0.4, 0.6, 0.6)),
        shapely.Polygon([(0, 0), (1, 1e-9), (1, 2e-9), (0, 1e-9)]),
        shapely.box(0.5, -5, 0.5 + 1e-9, 5),
        shapely.Polygon([(0.5, -1), (0.5 + 1e-12, 2), (0.6, 2), (0.6, -1)]),
        affinity.translate(square, 1e-10, 0),
        affinity.translate(square, 0, -1e-10),
        affinity.translate(square, 1, 0),
        affinity.translate(square, 1, 1),
        affinity.rotate(square, 45),
        affinity.rotate(square, 1e-7),
        shapely.Polygon([(0, 0), (1, 0), (1, 1), (0.5, 1e-9), (0, 1)]),
        shapely.Polygon([(0, 0), (3, 0), (0, 3)]),
        shapely.MultiPolygon([shapely.box(0, 0, 0.5, 0.5), shapely.box(0.5, 0.5, 1, 1)]),
        shapely.Polygon([(i / 50, (i % 2) * 0.9 + 0.05) for i in range(50)] + [(1, 2), (0, 2)]),
        shapely.Polygon([((i % 2) * 0.9 + 0.05, i / 50) for i in range(50)] + [(2, 1), (2, 0)]),
    ]
    shapes += [shapely.segmentize(s, 0.03) for s in shapes[:6]]
    many = np.array(shapes)
    expected = shapely.area(shapely.intersection(many[:, None], many[None, :]))
    found = overlay(from_shapely(many), from_shapely(many), planar=True, smallest=0.0).dense(len(many), len(many))
    assert np.abs(found - expected).max() < 1e-14
    assert np.abs(found - found.T).max() < 3e-15


@given(st.integers(0, 2**32), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
@settings(max_examples=60, deadline=None)
def test_place_and_scale_do_not_matter(seed, shift, scale):
    rng = np.random.default_rng(seed)
    a, b = blobs(rng, 2, 1, 1.0, 20)
    a, b = (affinity.translate(affinity.scale(s, scale, scale, origin=(0, 0)), shift, -shift) for s in (a, b))
    expected = shapely.area(shapely.intersection(a, b))
    resolution = 1e-14 * (abs(shift) + scale) * scale * 50
    assert common(a, b) == pytest.approx(expected, abs=resolution)


def test_a_frame_crossed_by_a_vertical_edge_only():
    """The needle's box holds no sloping edge of the pair of squares, yet only half of it is theirs."""
    needle = shapely.Polygon([(0, 0), (1, 1e-9), (1, 2e-9), (0, 1e-9)])
    squares = shapely.MultiPolygon([shapely.box(0, 0, 0.5, 0.5), shapely.box(0.5, 0.5, 1, 1)])
    assert common(needle, squares) == pytest.approx(5e-10, rel=1e-9)
    assert common(squares, needle) == pytest.approx(5e-10, rel=1e-9)


# --- what the answer must not depend on ----------


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(9)
    scale = np.array([0.001, 0.001])
    plane = blobs(rng, 300, 40, 2.0, 30), blobs(rng, 4000, 40, 0.8, 30)
    return tuple(shapely.transform(side, lambda points: points * scale + [118, 36]) for side in plane)


def equal(a: Pairs, b: Pairs) -> bool:
    return np.array_equal(a.left, b.left) and np.array_equal(a.right, b.right) and np.array_equal(a.area_m2, b.area_m2)


def test_threads(layers):
    a, b = (from_shapely(s) for s in layers)
    one = overlay(a, b, threads=1)
    assert len(one) > 5_000 and all(equal(one, overlay(a, b, threads=n)) for n in (2, 3, 8, None))


def test_order_of_either_layer(layers):
    a, b = (from_shapely(s) for s in layers)
    pairs = overlay(a, b)
    assert np.array_equal(np.lexsort((pairs.right, pairs.left)), np.arange(len(pairs)))
    shuffle = np.random.default_rng(0).permutation(len(b))
    turned = overlay(a, b.take(shuffle))
    back = Pairs(turned.left, shuffle[turned.right], turned.area_m2)
    order = np.lexsort((back.right, back.left))
    assert equal(pairs, Pairs(back.left[order], back.right[order], back.area_m2[order]))


def test_orientation(layers):
    a, b = layers
    assert equal(
        overlay(from_shapely(a), from_shapely(b)),
        overlay(from_shapely(shapely.reverse(a)), from_shapely(shapely.reverse(b))),
    )


def test_prepared_layers_and_batches(layers, monkeypatch):
    a, b = (from_shapely(s) for s in layers)
    expected = overlay(a, b)
    assert equal(expected, overlay(prepare(a), prepare(b)))
    monkeypatch.setattr("jintu.kernel.overlay._BATCH", 37)
    assert equal(expected, overlay(a, b))


def test_one_parcel_of_a_resident_layer(layers):
    a, b = (from_shapely(s) for s in layers)
    resident, everything = prepare(b), overlay(a, b)
    single = overlay(a.take([7]), resident)
    mine = everything.left == 7
    assert np.array_equal(single.right, everything.right[mine])
    assert np.array_equal(single.area_m2, everything.area_m2[mine])


# --- sums by class ----------


def test_class_sums(layers):
    a, b = (from_shapely(s) for s in layers)
    classes = np.random.default_rng(4).integers(-1, 12, len(b))
    pairs = overlay(a, b)
    expected = np.zeros((len(a), 12))
    counted = classes[pairs.right] >= 0
    np.add.at(expected, (pairs.left[counted], classes[pairs.right][counted]), pairs.area_m2[counted])
    sums = overlay(a, b, classes, 12)
    assert np.allclose(sums.dense(len(a), 12), expected, rtol=1e-13)
    assert (sums.area_m2 > 0).all() and sums.right.min() >= 0
    assert np.array_equal(np.lexsort((sums.right, sums.left)), np.arange(len(sums)))
    assert np.allclose(sums.per_left(len(a)), expected.sum(axis=1))
    assert equal(sums, overlay(a, b, classes, threads=3))


@pytest.mark.parametrize("classes, count", [([0], 1), ([0, 5], 3), ([0, 1, 2], None)])
def test_classes_that_do_not_fit(classes, count):
    squares = from_shapely([shapely.box(118, 36, 119, 37), shapely.box(119, 36, 120, 37)])
    with pytest.raises(ValueError, match="classes"):
        overlay(squares, squares, classes, count)


def test_layers_of_two_kinds_do_not_mix():
    square = from_shapely([shapely.box(118, 36, 119, 37)])
    with pytest.raises(ValueError, match="plane"):
        overlay(prepare(square, planar=True), prepare(square))


# --- on the ellipsoid ----------


def test_the_common_area_is_the_area_of_the_cut(layers):
    a, b = layers
    pairs = overlay(from_shapely(a), from_shapely(b))
    pieces = shapely.intersection(a[pairs.left], b[pairs.right])
    polygonal = [shapely.MultiPolygon([p for p in shapely.get_parts(s) if p.geom_type == "Polygon"]) for s in pieces]
    assert np.abs(from_shapely(polygonal).areas() - pairs.area_m2).max() < 1e-6


@pytest.mark.parametrize("height", [0.2, 0.7, 5.0])
def test_tall_polygons(height):
    a, b = shapely.box(110, 30, 112, 30 + height), shapely.box(111, 30 + height / 3, 113, 30 + 2 * height)
    expected = authalic(30 + height) - authalic(30 + height / 3)
    assert common(a, b, planar=False) == pytest.approx(expected, rel=1e-11)
    slanted = shapely.Polygon([(110, 30), (113, 30 + height), (110, 30 + height)])
    inner = slanted.intersection(b)
    assert common(slanted, b, planar=False) == pytest.approx(from_shapely([inner]).areas()[0], rel=1e-11)


def test_a_partition_adds_up_to_its_whole():
    cells = [
        shapely.box(118 + i / 50, 36 + j / 50, 118 + (i + 1) / 50, 36 + (j + 1) / 50)
        for i in range(30)
        for j in range(30)
    ]
    parcel = affinity.rotate(shapely.box(118.1, 36.1, 118.5, 36.5), 17)
    whole = from_shapely([parcel])
    pairs = overlay(whole, from_shapely(cells))
    assert pairs.area_m2.sum() == pytest.approx(whole.areas()[0], rel=5e-12)


def test_neighbours_of_a_partition_have_nothing_in_common():
    rng = np.random.default_rng(6)
    nodes = np.stack(np.meshgrid(np.arange(21), np.arange(21), indexing="ij"), -1) + rng.uniform(-0.3, 0.3, (21, 21, 2))
    nodes = nodes * 0.001 + [118, 36]
    quads = [
        shapely.Polygon([nodes[i, j], nodes[i + 1, j], nodes[i + 1, j + 1], nodes[i, j + 1]])
        for i in range(20)
        for j in range(20)
    ]
    flat = from_shapely(quads)
    pairs = overlay(flat, flat)
    assert np.array_equal(pairs.left, pairs.right) and np.allclose(pairs.area_m2, flat.areas(), rtol=1e-13)


# --- nothing ----------


BOX = shapely.box(0, 0, 1, 1)


@pytest.mark.parametrize(
    "a, b",
    [
        ([], []),
        ([None], [None]),
        ([BOX], []),
        ([], [BOX]),
        ([None, shapely.Polygon()], [BOX]),
        ([BOX], [None, shapely.box(2, 2, 3, 3), shapely.Polygon()]),
    ],
)
def test_nothing(a, b):
    pairs = overlay(from_shapely(a), from_shapely(b))
    assert len(pairs) == 0 and pairs.area_m2.dtype == np.float64
    assert len(overlay(from_shapely(a), from_shapely(b), classes=np.zeros(len(b), dtype=int), class_count=1)) == 0


def test_empty_among_others():
    shapes = [None, shapely.box(118, 36, 119, 37), shapely.Polygon(), shapely.box(118.5, 36, 119.5, 37)]
    pairs = overlay(from_shapely(shapes), from_shapely(shapes))
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == [(1, 1), (1, 3), (3, 1), (3, 3)]


def test_degenerate_polygons_have_no_area():
    flat = from_shapely([shapely.Polygon([(118, 36), (119, 37), (118, 36), (118, 36)]), shapely.box(118, 36, 119, 36)])
    assert len(overlay(flat, from_shapely([shapely.box(118, 36, 119, 37)]))) == 0


# --- the tree ----------


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 256, 257, 3000])
@pytest.mark.parametrize("how", ["sorted", "as they lie", "not as expected", "with empty ones", "with unknown ones"])
def test_the_tree_finds_what_a_scan_finds(count, how):
    rng = np.random.default_rng(count)
    low = rng.uniform(0, 100, (count, 2))
    boxes = np.c_[low, low + rng.uniform(0, 6, (count, 2))]
    if how == "as they lie":
        boxes = boxes[hilbert_order(boxes)]
    elif how.startswith("with"):
        nothing = (np.inf, np.inf, -np.inf, -np.inf) if how == "with empty ones" else np.nan
        boxes[rng.random(count) < 0.1] = nothing
    tree = build(boxes) if how in ("sorted", "with empty ones") else build_as_they_lie(boxes)
    if count > 256 and how in ("as they lie", "not as expected"):
        assert (tree.items == np.arange(count)).all() == (how == "as they lie"), "sorted only where that pays"
    for _ in range(30):
        corner = rng.uniform(-5, 105, 2)
        query = np.array([*corner, *(corner + rng.uniform(0, 20, 2))])
        found = np.empty(count, dtype=np.int64)
        n = search(tree, query, found)
        expected = (boxes[:, :2] < query[2:]).all(axis=1) & (boxes[:, 2:] > query[:2]).all(axis=1)
        assert sorted(found[:n].tolist()) == np.flatnonzero(expected).tolist()


def test_hilbert_neighbours_are_near():
    side = np.arange(64.0)
    x, y = (c.ravel() for c in np.meshgrid(side, side))
    order = hilbert_order(np.c_[x, y, x, y])
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    assert sorted(order.tolist()) == list(range(64 * 64)) and steps.max() == 1


def test_flat_polygons_are_untouched():
    flat: Polygons = from_shapely([shapely.box(118, 36, 119, 37)])
    before = [a.copy() for a in flat.arrays]
    overlay(flat, flat)
    assert all(np.array_equal(x, y) for x, y in zip(before, flat.arrays, strict=True))


def test_long_boundaries_are_skipped_rightly():
    """Coasts of thousands of vertices, on either side, with parts of every length: the runs that are stepped over."""
    rng = np.random.default_rng(21)

    def coast(count, centre, reach):
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        radius = reach * (1 + 0.1 * np.sin(9 * angle) + 0.02 * rng.uniform(-1, 1, count))
        return np.column_stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)])

    large = [
        shapely.Polygon(coast(5003, (5, 5), 4.0), [coast(777, (5, 5), 2.0)]),
        shapely.MultiPolygon(
            [
                shapely.Polygon(coast(300, (1, 1), 0.8)),
                shapely.Polygon(coast(7, (4, 1), 0.8)),
                shapely.Polygon(coast(999, (8, 8), 0.8)),
            ]
        ),
    ]
    small = blobs(rng, 500, 10, 0.5, 12)
    expected = shapely.area(shapely.intersection(np.array(large)[:, None], small[None, :]))
    a, b = from_shapely(large), from_shapely(small)
    assert np.abs(overlay(a, b, planar=True, smallest=0.0).dense(2, 500) - expected).max() < 1e-12
    assert np.abs(overlay(b, a, planar=True, smallest=0.0).dense(500, 2).T - expected).max() < 1e-12
    both = shapely.area(shapely.intersection(*large))
    assert common(*large) == pytest.approx(both, abs=1e-10)


def test_two_counties_that_share_a_long_boundary_have_nothing_in_common():
    rng = np.random.default_rng(8)
    y = np.linspace(36, 36.6, 5000)
    border = np.column_stack([118.5 + 0.05 * np.sin(40 * y) + rng.uniform(-1e-4, 1e-4, len(y)), y])
    west = shapely.Polygon([*border, (118, 36.6), (118, 36)])
    east = shapely.Polygon([*border, (119, 36.6), (119, 36)])
    flat = from_shapely([west, east])
    pairs = overlay(flat, flat)
    assert np.array_equal(pairs.left, [0, 1]) and np.array_equal(pairs.right, [0, 1])
    assert pairs.area_m2 == pytest.approx(flat.areas(), rel=5e-12)
