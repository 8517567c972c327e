"""What a layer leaves follows from what the version before it left, whatever outlines went, came or changed."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.flat import Polygons, from_shapely
from jintu.kernel.topology import Defects, Kind, Plane, crossing_rows, remains, renewed, scan

COLUMNS, ROWS = 5, 4
CELLS = [(c, r) for r in range(ROWS) for c in range(COLUMNS)]
UNIT = Plane(1e-3, 1e-2)


def cell(c: int, r: int, w: float = 1, h: float = 1, east: float = 0.0) -> shapely.Polygon:
    return shapely.box(10 * c + east, 10 * r, 10 * (c + w) + east, 10 * (r + h))


OUTLINES = st.one_of(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(1, 3), st.integers(1, 2)).map(lambda t: cell(*t)),
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.floats(-0.5, 0.5)).map(lambda t: cell(t[0], t[1], east=t[2])),
    st.sampled_from([
        shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]),  # crosses itself
        shapely.Polygon([(0, 0), (30, 0), (30, 30), (0, 30)], [[(10, 10), (10, 20), (20, 20), (20, 10)]]),
        shapely.Polygon(),
        shapely.MultiPolygon([cell(0, 0), cell(4, 3)]),
    ]),
)  # fmt: skip


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[shapely.Polygon], list[tuple[int, shapely.Polygon]]]:
    """A layer, and (row before or −1, outline) of the next version."""
    old = [cell(*at) for at in CELLS]
    for row, shape in draw(st.dictionaries(st.integers(0, len(old) - 1), OUTLINES, max_size=3)).items():
        old[row] = shape
    went = draw(st.sets(st.integers(0, len(old) - 1), max_size=3))
    new = [(k, shape) for k, shape in enumerate(old) if k not in went]
    for place, shape in draw(st.dictionaries(st.integers(0, len(new) - 1), OUTLINES, max_size=4)).items():
        new[place] = (-1, shape)
    new += [(-1, shape) for shape in draw(st.lists(OUTLINES, max_size=2))]
    return old, draw(st.permutations(new))


def left(polygons: Polygons):
    return remains([scan(polygons, None, UNIT, crossing=crossing_rows(polygons))])


def told(found: Defects) -> list[tuple]:
    """Kinds, rows of overlaps and copies, areas and outlines: all that does not depend on whose edge cancelled which."""
    rows = [d.rows if d.kind in (Kind.OVERLAP, Kind.DUPLICATE) else () for d in found]
    shapes = shapely.to_wkb(shapely.normalize(found.geometries())).tolist()
    kept = (Kind.GAP, Kind.OVERLAP, Kind.DUPLICATE)
    return sorted(
        (int(d.kind), r, round(d.area, 6), wkb) for d, r, wkb in zip(found, rows, shapes, strict=True) if d.kind in kept
    )


@settings(max_examples=150, deadline=None)
@given(versions())
def test_the_next_version_is_judged_as_if_it_were_read_whole(both) -> None:
    old, new = both
    before = np.array([k for k, _ in new], dtype=np.int64)
    flat_old, flat_new = from_shapely(old), from_shapely([shape for _, shape in new])
    gone = flat_old.take(np.setdiff1d(np.arange(len(old)), before))
    came = flat_new.take(np.flatnonzero(before < 0))
    made = renewed(left(flat_old), before, gone, came, flat_new.take, UNIT)
    whole = left(flat_new)
    assert told(made.defects(flat_new.take, UNIT)) == told(whole.defects(flat_new.take, UNIT))
    np.testing.assert_array_equal(made.boxes, whole.boxes)
    np.testing.assert_array_equal(made.vertices, whole.vertices)
    np.testing.assert_array_equal(made.boundary, whole.boundary)


def test_only_outlines_about_the_change_are_asked_for() -> None:
    polygons = from_shapely([cell(c, 0) for c in range(50)])
    before = np.arange(50)
    before[20] = -1
    asked: list[int] = []

    def fetch(rows: np.ndarray) -> Polygons:
        asked.extend(rows.tolist())
        return polygons.take(rows)

    renewed(left(polygons), before, polygons.take([20]), polygons.take([20]), fetch, UNIT)
    assert set(asked) == {19, 20, 21}


def test_fragments_that_are_not_the_whole_layer_are_refused() -> None:
    polygons = from_shapely([cell(0, 0), cell(1, 0)])
    with pytest.raises(ValueError, match="each once"):
        remains([scan(polygons, [0, 2], UNIT)])
