"""Validity against GEOS: hand-made cases, random scribbles, and real layers case by case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.flat import from_wkb
from jintu.kernel.topology import Kind, validity
from jintu.kernel.topology.predicates import located, turn
from jintu.kernel.topology.validating import invalid_rows

DATA = Path(__file__).resolve().parents[4].parent / "shared" / "data"


def looked_at(*wkt):
    return validity(from_wkb([shapely.to_wkb(shapely.from_wkt(w)) for w in wkt], as_delivered=True))


CASES = {
    "square": ("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))", None),
    "clockwise": ("POLYGON ((0 0, 0 4, 4 4, 4 0, 0 0))", None),
    "repeated vertex": ("POLYGON ((0 0, 4 0, 4 0, 4 4, 0 4, 0 4, 0 0, 0 0))", None),
    "bow tie": ("POLYGON ((0 0, 4 4, 4 0, 0 4, 0 0))", Kind.SELF_CROSSING),
    "spike": ("POLYGON ((0 0, 4 0, 4 4, 4 9, 4 4, 0 4, 0 0))", Kind.SELF_CROSSING),
    "touches itself": ("POLYGON ((0 0, 4 0, 2 2, 4 4, 0 4, 2 2, 0 0))", Kind.SELF_TOUCH),
    "vertex on an edge": ("POLYGON ((0 0, 4 0, 4 4, 2 0, 0 4, 0 0))", Kind.SELF_TOUCH),
    "crosses at a vertex": ("POLYGON ((0 0, 2 2, 4 4, 4 0, 2 2, 0 4, 0 0))", Kind.SELF_CROSSING),
    "runs back over an edge": ("POLYGON ((0 0, 4 0, 4 4, 4 2, 8 2, 8 0, 2 0, 2 3, 0 3, 0 0))", Kind.SELF_CROSSING),
    "two points": ("POLYGON ((0 0, 4 0, 0 0, 0 0))", Kind.TOO_FEW_POINTS),
    "flat": ("POLYGON ((0 0, 2 0, 4 0, 0 0))", Kind.SELF_CROSSING),
    "hole": ("POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2))", None),
    "hole touching its shell once": ("POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 2, 2 4, 4 2, 0 2))", None),
    "hole touching at a vertex": ("POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 0, 2 4, 4 2, 0 0))", None),
    "hole touching twice": ("POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 2, 5 9, 6 3, 0 2))", Kind.SPLIT_INTERIOR),
    "hole sharing an edge": ("POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 2, 0 5, 4 3, 0 2))", Kind.SELF_CROSSING),
    "hole outside": ("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (6 6, 6 8, 8 8, 8 6, 6 6))", Kind.HOLE_OUTSIDE),
    "hole across its shell": ("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (3 1, 6 1, 6 2, 3 2, 3 1))", Kind.SELF_CROSSING),
    "hole in a hole": (
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 8, 8 8, 8 1, 1 1), (3 3, 3 5, 5 5, 5 3, 3 3))",
        Kind.NESTED_HOLES,
    ),
    "holes side by side": (
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 5, 5 5, 5 1, 1 1), (5 2, 5 4, 7 4, 7 2, 5 2))",
        Kind.SELF_CROSSING,
    ),
    "holes overlap": (
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 5, 5 5, 5 1, 1 1), (4 2, 4 4, 7 4, 7 2, 4 2))",
        Kind.SELF_CROSSING,
    ),
    "chain of holes across": (
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 4, 3 5, 3 4, 0 4), (3 4, 6 5, 6 4, 3 4), (6 4, 9 5, 8 3, 6 4))",
        Kind.SPLIT_INTERIOR,
    ),
    "three holes at a point": (
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (4 4, 2 6, 2 5, 4 4), (4 4, 5 6, 4 6, 4 4), (4 4, 6 2, 5 2, 4 4))",
        None,
    ),
    "parts apart": ("MULTIPOLYGON (((0 0, 2 0, 2 2, 0 2, 0 0)), ((3 0, 5 0, 5 2, 3 2, 3 0)))", None),
    "parts touch": ("MULTIPOLYGON (((0 0, 2 0, 2 2, 0 2, 0 0)), ((2 2, 5 2, 5 5, 2 5, 2 2)))", None),
    "parts adjoin": ("MULTIPOLYGON (((0 0, 2 0, 2 2, 0 2, 0 0)), ((2 0, 5 0, 5 2, 2 2, 2 0)))", Kind.SELF_CROSSING),
    "part in a part": ("MULTIPOLYGON (((0 0, 9 0, 9 9, 0 9, 0 0)), ((3 3, 5 3, 5 5, 3 5, 3 3)))", Kind.NESTED_PARTS),
    "part in a hole": (
        "MULTIPOLYGON (((3 3, 5 3, 5 5, 3 5, 3 3)), ((0 0, 9 0, 9 9, 0 9, 0 0), (2 2, 2 6, 6 6, 6 2, 2 2)))",
        None,
    ),
    "the same part twice": (
        "MULTIPOLYGON (((0 0, 2 0, 2 2, 0 2, 0 0)), ((0 0, 2 0, 2 2, 0 2, 0 0)))",
        Kind.SELF_CROSSING,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cases(name):
    wkt, kind = CASES[name]
    defects = looked_at(wkt)
    assert (len(defects) == 0) == shapely.is_valid(shapely.from_wkt(wkt))
    kinds = set(defects.counts())
    if kind == Kind.SELF_CROSSING:
        kinds -= {Kind.SELF_TOUCH}  # where edges run on one another, their ends touch
    assert kinds == ({kind} if kind else set())


def test_a_defect_says_where():
    (defect,) = looked_at("POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0))", "POLYGON ((0 0, 4 4, 4 0, 0 4, 0 0))")
    assert [tuple(s) for s in defect.spots] == [(1, 0, 0), (1, 0, 2)]
    assert (defect.geometry.x, defect.geometry.y) == (2, 2)


def test_every_crossing_is_told():
    zigzag = "POLYGON ((0 0, 10 0, 10 4, 8 -1, 6 4, 4 -1, 2 4, 0 4, 0 0))"
    assert looked_at(zigzag).counts() == {Kind.SELF_CROSSING: 4}


def raw(*points):
    """WKB of a polygon with one ring, which GEOS may refuse to make."""
    head = np.array([1], "u1").tobytes() + np.array([3, 1, len(points)], "<u4").tobytes()
    return head + np.array(points, "<f8").tobytes()


def test_rings_that_shapely_cannot_hold():
    unclosed = raw((0, 0), (4, 0), (4, 4), (0, 3))
    without_number = raw((0, 0), (4, 0), (np.nan, 4), (0, 0))
    defects = validity(from_wkb([unclosed, None, without_number], as_delivered=True))
    assert [(d.kind, d.spots[0].row, d.spots[0].vertex) for d in defects] == [
        (Kind.NOT_FINITE, 2, 2),
        (Kind.UNCLOSED, 0, 3),
    ]
    assert defects.of(Kind.UNCLOSED).measure[0] == 3


POINT = st.tuples(st.integers(0, 5), st.integers(0, 5))
RING = st.lists(POINT, min_size=3, max_size=8).map(lambda p: [*p, p[0]])


@given(st.lists(st.lists(RING, min_size=1, max_size=3), min_size=1, max_size=2), st.floats(0.1, 3), st.floats(0, 6))
@settings(max_examples=150, deadline=None)
def test_scribbles_are_judged_as_geos_judges_them(parts, scale, shift):
    """Small integers meet in every way there is; scaled and shifted, also with rounding."""
    move = lambda ring: [(x * scale + shift, y * scale + shift / 3) for x, y in ring]  # noqa: E731
    for change in (lambda ring: ring, move):
        shape = shapely.MultiPolygon([shapely.Polygon(change(p[0]), [change(r) for r in p[1:]]) for p in parts])
        defects = validity(from_wkb([shapely.to_wkb(shape)], as_delivered=True))
        assert (len(defects) == 0) == shapely.is_valid(shape), (shape.wkt, shapely.is_valid_reason(shape))


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_long_rings_are_swept(seed):
    """Over 48 vertices the edges are sorted; some of these stars cross themselves and some do not."""
    random = np.random.default_rng(seed)
    n = int(random.integers(50, 400))
    angle = np.sort(random.uniform(0, 2 * np.pi, n)) + (random.random(n) < 0.002) * 0.5
    points = np.column_stack((np.cos(angle), np.sin(angle))) * random.uniform(10, 20, n)[:, None]
    shape = shapely.Polygon(points * random.choice([(1, 5), (5, 1)]))
    defects = validity(from_wkb([shapely.to_wkb(shape)], as_delivered=True))
    assert (len(defects) == 0) == shapely.is_valid(shape)


DIAMOND, SQUARE = ((0, 1), (1, 2), (2, 1), (1, 0), (0, 1)), ((0.5, 0.5), (0.5, 1.5), (1.5, 1.5), (1.5, 0.5), (0.5, 0.5))


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(3, 9), st.floats(0, 1), st.floats(0, 0.4))
def test_networks_of_holes_are_judged_as_geos_judges_them(seed, side, share, odd):
    """Diamonds touch their neighbours' corners; some holes lie in another, some outside; a shell of many vertices."""
    random = np.random.default_rng(seed)
    holes = []
    for row in range(side):
        for column in range(side):
            if random.random() > share:
                continue
            what = random.random()
            away = 2 * side + 5 if what < odd / 4 else 0
            holes.append(np.add(DIAMOND, (2 * column + away, 2 * row)))
            if odd / 4 < what < odd:
                holes.append(np.array(SQUARE) * (0.4, 0.4) + (2 * column + 0.6, 2 * row + 0.6))
    steps = np.linspace(0, 2 * side, 12 * side + 1)[:-1]
    south = np.column_stack((steps, -1 - random.random(len(steps)) * 0.5))
    west = np.column_stack((np.full(len(steps), -0.0), steps[::-1]))
    shell = np.vstack((south, [(2 * side + 1, -1), (2 * side + 1, 2 * side + 1), (0, 2 * side + 1)], west, south[:1]))
    polygon = shapely.Polygon(shell, [holes[k] for k in random.permutation(len(holes))])
    found = validity(from_wkb([shapely.to_wkb(polygon)], as_delivered=True))
    assert (not len(invalid_rows(found))) == polygon.is_valid, shapely.is_valid_reason(polygon)


def test_a_zone_with_ten_thousand_holes():
    """Chains of holes that touch: what looks at every pair of edges or of holes does not come to an end."""
    rows, columns = 100, 100
    chains = [np.add(DIAMOND, (2 * c + 1, 3 * r + 1)) for r in range(rows) for c in range(columns)]
    steps = np.arange(0, 3 * rows + 2)
    around = [*((0, y) for y in steps), (2 * columns + 2, steps[-1]), (2 * columns + 2, 0), (0, 0)]
    polygon = shapely.Polygon(around, chains)
    assert not len(validity(from_wkb([shapely.to_wkb(polygon)], as_delivered=True)))
    east = 2 * columns + 2
    ties = [[(0, 2), (1, 2.1), (1, 1.9), (0, 2)], [(east, 2), (east - 1, 1.9), (east - 1, 2.1), (east, 2)]]
    polygon = shapely.Polygon(around, [*chains, *ties])  # the first chain goes from side to side
    found = validity(from_wkb([shapely.to_wkb(polygon)], as_delivered=True))
    assert found.counts() == {Kind.SPLIT_INTERIOR: 1}
    assert not polygon.is_valid


@given(st.tuples(*[st.integers(-4, 4)] * 4), st.integers(1, 2**30))
def test_turn_is_exact(steps, far):
    """Points near a line, one digit in the last place apart: integers say what is right."""
    ax, ay, bx, by = (far + s for s in steps)
    cx, cy = 3 * bx - 2 * ax, 3 * by - 2 * ay + steps[0] % 2
    exact = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx)
    unit = 2.0**-40
    assert turn(*(v * unit for v in (ax, ay, bx, by, cx, cy))) == (exact > 0) - (exact < 0)


def test_located():
    x, y = np.array([0.0, 4, 4, 0, 0]), np.array([0.0, 0, 4, 4, 0])
    assert [located(*p, x, y, 0, 4) for p in ((1, 1), (4, 1), (4, 4), (5, 1), (2, 0), (-1, 4), (-1, 0))] == [
        1,
        0,
        0,
        -1,
        0,
        -1,
        -1,
    ]


# --- real layers ----------

LAYERS = (
    *(f"tw-landuse-zoning/shared/{p.name}" for p in sorted((DATA / "tw-landuse-zoning" / "shared").glob("*.parquet"))),
    "pittsburgh-zoning/data/Zoning.shp",
    "qgis-training-swellendam/exercise_data/projected_data/farms_33S.shp",
    "qgis-training-swellendam/exercise_data/shapefile/protected_areas.shp",
    "qgis-training-swellendam/exercise_data/forestry/forest_stands_2012.shp",
    "fr-cadastre-edigeo/shared/parcels_13029_A01.gpkg",
)


def column(path):
    """WKB of the polygons of a file."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path, columns=["geometry"])["geometry"]
    import pyogrio

    wkb = pyogrio.raw.read(path, columns=[])[2]
    return [w for w in wkb if w is None or int.from_bytes(w[1:5], "little") % 1000 in (3, 6)]


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent")
@pytest.mark.parametrize("name", LAYERS)
def test_real_layers_are_judged_as_geos_judges_them(name):
    wkb = column(DATA / name)
    polygons = from_wkb(wkb, as_delivered=True)
    ours = np.ones(len(polygons), dtype=bool)
    defects = validity(polygons)
    ours[defects.rows] = False
    shapes = shapely.from_wkb([bytes(w) if isinstance(w, bytes) else w.as_py() for w in wkb])
    theirs = shapely.is_valid(shapes) | shapely.is_missing(shapes)
    different = np.flatnonzero(ours != theirs)
    assert not len(different), [shapely.is_valid_reason(shapes[i]) for i in different[:5]]
