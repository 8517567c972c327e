"""Lines as flat arrays: reading WKB, against Shapely."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel.errors import InputError, Unsupported
from jintu.kernel.lines import Lines, concatenated, from_shapely, from_wkb

LINE = shapely.LineString([(0, 0), (3, 4), (3, 4), (9, 1)])
RING = shapely.LinearRing([(0, 0), (5, 0), (5, 5)])
TWO = shapely.MultiLineString([LINE, [(10, 10), (11, 12)]])
EMPTY, EMPTIES = shapely.LineString(), shapely.MultiLineString()


def same(flat: Lines, shapes) -> bool:
    """Vertex for vertex, in the order they were given."""
    return all(
        b.is_empty if s is None or s.is_empty else b.wkb == multi(s).wkb
        for b, s in zip(flat.to_shapely(), shapes, strict=True)
    )


def multi(shape):
    parts = [shapely.LineString(p.coords) for p in shapely.get_parts(shape) if not p.is_empty]
    return shapely.MultiLineString(parts)


def test_nesting_of_offsets():
    flat = from_shapely([LINE, None, TWO, EMPTY, EMPTIES])
    assert flat.row_offsets.tolist() == [0, 1, 1, 3, 3, 3]
    assert flat.part_offsets.tolist() == [0, 4, 8, 10]
    assert flat.x.tolist() == [0, 3, 3, 9] * 2 + [10, 11] and flat.y[-2:].tolist() == [10, 12]


@pytest.mark.parametrize(
    "options",
    [
        {"byte_order": 0},
        {"byte_order": 1, "output_dimension": 4, "flavor": "iso"},
        {"byte_order": 1, "output_dimension": 4, "flavor": "extended"},
        {"byte_order": 1, "include_srid": True},
    ],
)
def test_every_flavour_of_wkb(options):
    shapes = [LINE, TWO, EMPTY, RING]
    if "output_dimension" in options:
        shapes = [shapely.force_3d(s, 7.5) if not s.is_empty else s for s in shapes]
    shapes = list(shapely.set_srid(np.array(shapes), 4490))
    assert same(from_wkb(list(shapely.to_wkb(shapes, **options))), [LINE, TWO, EMPTY, RING])


def test_measures_are_dropped_and_empty_parts_are_none():
    shape = shapely.from_wkt("MULTILINESTRING ZM (EMPTY, (0 0 1 2, 3 1 1 2))")
    flat = from_wkb([shapely.to_wkb(shape, output_dimension=4, flavor="iso")])
    assert (flat.x.tolist(), flat.y.tolist(), flat.row_offsets.tolist()) == ([0, 3], [0, 1], [0, 1])


@pytest.mark.parametrize("column", [[], [None], [None, None], pa.array([], pa.binary()), pa.array([None], pa.binary())])
def test_nothing(column):
    flat = from_wkb(column)
    assert len(flat) == len(column) and len(flat.x) == 0
    assert np.isposinf(flat.boxes()[:, 0]).all()


def test_boxes_are_those_of_shapely():
    shapes = [LINE, RING, TWO]
    assert np.array_equal(from_shapely(shapes).boxes(), shapely.bounds(shapes))


def test_other_types_are_refused_with_their_row():
    for other in (shapely.Point(1, 2), shapely.box(0, 0, 1, 1), shapely.GeometryCollection([LINE])):
        for order in (0, 1):
            with pytest.raises(Unsupported) as caught:
                from_wkb([shapely.to_wkb(LINE), shapely.to_wkb(other, byte_order=order)])
            assert caught.value.place.row == 2


@pytest.mark.parametrize("shape", [LINE, TWO])
@pytest.mark.parametrize("order", [0, 1])
def test_truncated_wkb_is_refused_at_every_length(shape, order):
    whole = shapely.to_wkb(shape, byte_order=order)
    for length in range(1, len(whole)):
        with pytest.raises(InputError):
            from_wkb([shapely.to_wkb(LINE), whole[:length]])


def test_a_line_of_one_vertex_is_refused():
    whole = shapely.to_wkb(LINE, byte_order=1)
    with pytest.raises(InputError) as caught:
        from_wkb([None, whole[:5] + b"\1\0\0\0" + whole[9:25]])
    assert caught.value.place.row == 2


shapes = st.lists(st.sampled_from([LINE, RING, TWO, EMPTY, EMPTIES, None]), max_size=12)


@given(shapes, st.data())
def test_taken_and_put_together(given_shapes, data):
    flat = from_shapely(given_shapes)
    assert same(flat, given_shapes)
    indices = data.draw(st.lists(st.integers(0, max(len(flat) - 1, 0)), max_size=5 if len(flat) else 0))
    taken = flat.take(indices)
    assert same(taken, [given_shapes[i] for i in indices])
    assert same(concatenated([taken, flat]), [*(given_shapes[i] for i in indices), *given_shapes])
    with pytest.raises(IndexError):
        flat.take([len(flat)])


def test_threads_do_not_change_the_result():
    points = np.random.default_rng(5).uniform(0, 9, (5000, 3, 2))
    one, four = (from_shapely(shapely.linestrings(points), threads=t) for t in (1, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one.arrays, four.arrays, strict=True))
    assert np.array_equal(one.boxes(threads=1), four.boxes(threads=4))


def test_of_no_parts_there_are_no_rows():
    assert len(concatenated([])) == 0
