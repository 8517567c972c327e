"""Reading WKB into flat arrays, against Shapely."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel.columns import arrow
from jintu.kernel.errors import InputError, Unsupported
from jintu.kernel.flat import Polygons, Room, from_shapely, from_wkb

SQUARE = shapely.box(0, 0, 4, 4)
HOLED = shapely.Polygon(SQUARE.exterior.coords, [shapely.box(1, 1, 2, 2).exterior.coords])
TWO = shapely.MultiPolygon([HOLED, shapely.box(10, 10, 11, 12)])
EMPTY = shapely.Polygon()


def clockwise(shape):
    return shapely.orient_polygons(shape, exterior_cw=True)


def counter_clockwise(shape):
    return shapely.orient_polygons(shape, exterior_cw=False)


def same(flat: Polygons, shapes) -> bool:
    back = flat.to_shapely()
    return all(
        b.is_empty if s is None or s.is_empty else shapely.equals_exact(b.normalize(), multi(s).normalize())
        for b, s in zip(back, shapes, strict=True)
    )


def multi(shape):
    return shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])


def test_nesting_of_offsets():
    flat = from_shapely([SQUARE, None, TWO, EMPTY])
    assert flat.geometry_offsets.tolist() == [0, 1, 1, 3, 3]
    assert flat.polygon_offsets.tolist() == [0, 1, 3, 4]
    assert flat.ring_offsets.tolist() == [0, 5, 10, 15, 20]
    assert flat.rings.starts.tolist() == [0, 1, 1, 4, 4]
    assert flat.vertex_counts().tolist() == [5, 0, 15, 0]
    assert all(a.flags.c_contiguous for a in flat.arrays)


@given(st.lists(st.none() | st.binary(max_size=5), max_size=20))
def test_a_list_of_bytes_is_the_column_arrow_makes_of_it(values):
    found = arrow(values)
    found.validate(full=True)
    assert found.equals(pa.array(values, pa.large_binary())) and found.null_count == values.count(None)


def test_shapes_become_flat_arrays_without_pandas():
    told = "import shapely, sys; from jintu.kernel.flat import from_shapely; from_shapely([shapely.box(0, 0, 1, 1)]);"
    told += "print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_one_lot_after_another_is_read_into_the_same_room():
    room = Room()
    for lot in ([TWO, SQUARE], [None], [HOLED], [TWO, TWO, HOLED], []):
        column = [None if s is None else shapely.to_wkb(s, byte_order=1) for s in lot]
        flat, fresh = from_wkb(column, room=room), from_wkb(column)
        assert same(flat, lot)
        assert all(
            np.array_equal(a, b) and a.flags.c_contiguous for a, b in zip(flat.arrays, fresh.arrays, strict=True)
        )
    assert np.shares_memory(
        from_wkb([shapely.to_wkb(SQUARE)], room=room).x, from_wkb([shapely.to_wkb(TWO)], room=room).x
    )


@pytest.mark.parametrize("turn", [clockwise, counter_clockwise])
def test_orientation_never_matters(turn):
    flat = from_shapely([turn(HOLED), turn(TWO)])
    for polygon in [p for m in flat.to_shapely() for p in m.geoms]:
        assert polygon.exterior.is_ccw
        assert not any(hole.is_ccw for hole in polygon.interiors)
    assert same(flat, [HOLED, TWO])


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
    shapes = [SQUARE, TWO, EMPTY, HOLED]
    if "output_dimension" in options:
        shapes = [shapely.force_3d(s, 7.5) if not s.is_empty else s for s in shapes]
    shapes = list(shapely.set_srid(np.array(shapes), 4490))
    assert same(from_wkb(list(shapely.to_wkb(shapes, **options))), [SQUARE, TWO, EMPTY, HOLED])


def test_measured_coordinates_lose_their_measure():
    shape = shapely.from_wkt("POLYGON ZM ((0 0 1 2, 3 0 1 2, 3 3 1 2, 0 0 1 2))")
    flat = from_wkb([shapely.to_wkb(shape, output_dimension=4, flavor="iso")])
    assert flat.x.tolist() == [0, 3, 3, 0] and flat.y.tolist() == [0, 0, 3, 0]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_arrow_columns_slices_and_chunks(kind):
    values = [None, *shapely.to_wkb([SQUARE, HOLED, TWO]), None]
    column = pa.array(values, pa.binary()).cast(kind)
    assert same(from_wkb(column.slice(2, 2)), [HOLED, TWO])
    assert same(from_wkb(pa.chunked_array([column.slice(0, 2), column.slice(2)])), [None, SQUARE, HOLED, TWO, None])


def test_polars_column():
    pl = pytest.importorskip("polars")
    assert same(from_wkb(pl.Series(list(shapely.to_wkb([SQUARE, TWO])))), [SQUARE, TWO])


@pytest.mark.parametrize("column", [[], [None], [None, None], pa.array([], pa.binary()), pa.array([None], pa.binary())])
def test_nothing(column):
    flat = from_wkb(column)
    assert len(flat) == len(column) and len(flat.x) == 0
    assert np.isposinf(flat.boxes()[:, 0]).all()


def test_boxes_are_those_of_shapely():
    shapes = [SQUARE, HOLED, TWO]
    assert np.array_equal(from_shapely(shapes).boxes(), shapely.bounds(shapes))


def test_take():
    flat = from_shapely([SQUARE, None, TWO, HOLED])
    assert same(flat.take([3, 2, 1, 2]), [HOLED, TWO, None, TWO])
    assert len(flat.take([])) == 0
    with pytest.raises(IndexError):
        flat.take([4])


def test_other_types_are_refused_with_their_row():
    with pytest.raises(Unsupported) as caught:
        from_wkb(list(shapely.to_wkb([SQUARE, shapely.Point(1, 2)])))
    assert caught.value.place.row == 2


def test_geometry_collection_in_big_endian_is_refused():
    with pytest.raises(Unsupported):
        from_wkb([shapely.to_wkb(shapely.GeometryCollection([SQUARE]), byte_order=0)])


@pytest.mark.parametrize("shape", [SQUARE, TWO])
@pytest.mark.parametrize("order", [0, 1])
def test_truncated_wkb_is_refused_at_every_length(shape, order):
    whole = shapely.to_wkb(shape, byte_order=order)
    for length in range(1, len(whole)):
        with pytest.raises(InputError):
            from_wkb([shapely.to_wkb(SQUARE), whole[:length]])


def test_unclosed_ring_and_nan_are_refused_with_ring_and_vertex():
    whole = bytearray(shapely.to_wkb(HOLED))
    whole[-16:-8] = np.float64(5.0).tobytes()
    with pytest.raises(InputError) as caught:
        from_wkb([None, bytes(whole)])
    assert (caught.value.place.row, caught.value.place.ring, caught.value.place.vertex) == (2, 2, 5)
    whole[-32:-24] = np.float64("nan").tobytes()
    with pytest.raises(InputError) as caught:
        from_wkb([bytes(whole)])
    assert (caught.value.place.ring, caught.value.place.vertex) == (2, 4)


def test_threads_do_not_change_the_result():
    rng = np.random.default_rng(5)
    shapes = shapely.box(*(rng.uniform(0, 9, (4, 5000)) + np.array([[0], [0], [10], [10]])))
    one, four = from_shapely(shapes, threads=1), from_shapely(shapes, threads=4)
    assert all(np.array_equal(a, b) for a, b in zip(one.arrays, four.arrays, strict=True))


@given(st.lists(st.sampled_from([SQUARE, HOLED, TWO, EMPTY, None, clockwise(TWO)]), max_size=12))
def test_round_trip(shapes):
    assert same(from_shapely(shapes), shapes)
