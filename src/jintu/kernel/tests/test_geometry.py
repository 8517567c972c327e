"""GeoPackage blobs and what is wrong with a shape."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel.crs import from_epsg
from jintu.kernel.errors import InputError, Place
from jintu.kernel.geometry import (
    check,
    check_many,
    decode_gpkg,
    encode_gpkg,
    encode_gpkg_many,
    gpkg_to_wkb,
    normalise,
)

PLACE = Place(file="a.shp", row=3)
SHELL = [(118.0, 36.0), (118.1, 36.0), (118.1, 36.1), (118.0, 36.1), (118.0, 36.0)]
SQUARE = shapely.Polygon(SHELL)


def ring(x, y, size=0.02):
    return list(shapely.box(x, y, x + size, y + size).exterior.coords)


# --- codec ----------


@pytest.mark.parametrize(
    "shape",
    [
        SQUARE,
        shapely.MultiPolygon([SQUARE, shapely.box(119, 36, 119.1, 36.1)]),
        shapely.Point(118, 36),
        shapely.LineString(SHELL),
        shapely.Polygon(),
        shapely.MultiPolygon(),
    ],
    ids=lambda s: s.wkt[:24],
)
def test_blob_round_trip(shape):
    blob = encode_gpkg(shape)
    assert shapely.equals_exact(decode_gpkg(blob), shape)
    assert gpkg_to_wkb(blob) == shapely.to_wkb(shape, byte_order=1)
    magic, version, flags, srid = struct.unpack_from("<2sBBi", blob)
    assert (magic, version, srid) == (b"GP", 0, 4490)
    if shape.is_empty:
        assert flags == 0x11
    else:
        assert flags == 0x03
        west, east, south, north = struct.unpack_from("<4d", blob, 8)
        assert (west, south, east, north) == shape.bounds


def test_blob_is_2d_and_without_srid_inside():
    shape = shapely.set_srid(shapely.force_3d(SQUARE, 9.0), 4490)
    assert encode_gpkg(shape) == encode_gpkg(SQUARE)


@pytest.mark.parametrize("indicator, size", [(0, 0), (1, 32), (2, 48), (3, 48), (4, 64)])
def test_blobs_of_other_programs_with_any_envelope(indicator, size):
    wkb = shapely.to_wkb(SQUARE)
    blob = struct.pack("<2sBBi", b"GP", 0, 1 | indicator << 1, 4490) + bytes(size) + wkb
    assert gpkg_to_wkb(blob) == wkb and gpkg_to_wkb(memoryview(blob)) == wkb
    assert shapely.equals(decode_gpkg(blob), SQUARE)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"GP",
        b"XX" + encode_gpkg(SQUARE)[2:],
        encode_gpkg(SQUARE)[:40],
        b"GP\0\x0b" + encode_gpkg(SQUARE)[4:],
        encode_gpkg(SQUARE)[:60],
    ],
)
def test_what_is_no_blob_is_refused(blob):
    with pytest.raises(InputError):
        decode_gpkg(blob)


def test_columns():
    shapes = [SQUARE, None, shapely.Polygon()]
    blobs = encode_gpkg_many(shapes)
    assert blobs == [encode_gpkg(SQUARE), None, encode_gpkg(shapely.Polygon())]
    assert [None if blob is None else gpkg_to_wkb(blob) for blob in blobs] == [
        None if s is None else shapely.to_wkb(s, byte_order=1) for s in shapes
    ]


def test_normalised_form():
    holed = shapely.Polygon(SHELL[::-1], [ring(118.02, 36.02)])
    found = normalise(shapely.force_3d(holed))
    assert found.exterior.is_ccw and not found.interiors[0].is_ccw and not found.has_z
    assert set(shapely.get_coordinates(found).ravel()) == set(shapely.get_coordinates(holed).ravel())


# --- faults ----------


def sole(shape, **options):
    errors = check(shape, PLACE, **options)
    assert len(errors) == 1, [str(e) for e in errors]
    assert errors[0].remedy and str(errors[0]).startswith("a.shp, row 3")
    return errors[0]


@pytest.mark.parametrize(
    "shape",
    [
        None,
        SQUARE,
        shapely.Polygon(SHELL, [ring(118.02, 36.02), ring(118.06, 36.06)]),
        SQUARE.reverse(),
        shapely.Polygon(SHELL, [[(118.05, 36.0), (118.06, 36.05), (118.04, 36.05), (118.05, 36.0)]]),
        shapely.MultiPolygon([SQUARE, shapely.box(118.1, 36.1, 118.2, 36.2)]),
        shapely.Point(118, 36),
        shapely.Polygon([*SHELL[:2], SHELL[1], *SHELL[2:]]),
    ],
)
def test_fit(shape):
    assert check(shape, PLACE) == []


def test_bow_tie():
    error = sole(shapely.Polygon([SHELL[0], SHELL[1], SHELL[3], SHELL[2], SHELL[0]]))
    assert "crosses itself" in str(error)
    assert (error.place.ring, error.place.vertex, error.params["other"]) == (1, 2, 4)
    assert (error.params["x"], error.params["y"]) == pytest.approx((118.05, 36.05))


def test_crossing_names_the_vertex_as_delivered_with_its_repeated_vertices():
    error = sole(shapely.Polygon([SHELL[0], SHELL[0], SHELL[0], SHELL[1], SHELL[3], SHELL[2], SHELL[0]]))
    assert (error.place.vertex, error.params["other"]) == (4, 6)


def test_crossing_in_the_hole_of_the_second_part():
    x, y = 119.02, 36.02
    tie = [(x, y), (x + 0.01, y), (x, y + 0.01), (x + 0.01, y + 0.01), (x, y)]
    other = shapely.Polygon([(a + 1, b) for a, b in SHELL], [ring(119.06, 36.06), tie])
    error = sole(shapely.MultiPolygon([SQUARE, other]))
    assert (error.place.part, error.place.ring, error.place.vertex) == (2, 3, 2)


def test_touching_ring():
    points = [(118.0, 36.0), (118.1, 36.0), (118.1, 36.1), (118.05, 36.0), (118.0, 36.1), (118.0, 36.0)]
    error = sole(shapely.Polygon(points))
    assert "touches itself" in str(error) and error.place.vertex == 1


def test_spike():
    error = sole(shapely.Polygon([*SHELL[:2], (118.2, 36.0), SHELL[1], *SHELL[2:]]))
    assert "itself" in str(error) and error.place.ring == 1


@pytest.mark.parametrize(
    "points, words",
    [
        ([SHELL[0], SHELL[1], SHELL[0], SHELL[0]], "too few"),
        ([SHELL[0], SHELL[0], SHELL[0], SHELL[0]], "too few"),
        ([(118.0, 36.0), (118.1, 36.0), (118.2, 36.0), (118.0, 36.0)], "itself|no inside"),
    ],
)
def test_degenerate_rings(points, words):
    import re

    assert re.search(words, str(sole(shapely.Polygon(points))))


@pytest.mark.parametrize(
    "hole, words",
    [
        (ring(118.3, 36.3), "outside its shell"),
        (ring(118.1, 36.02), "outside its shell"),
        (ring(118.09, 36.02), "crosses its shell"),
        (ring(118.08, 36.02), "shares an edge"),
    ],
)
def test_holes(hole, words):
    error = sole(shapely.Polygon(SHELL, [ring(118.04, 36.06, 0.01), hole]))
    assert words in str(error) and error.place.ring == 3


def test_holes_that_overlap():
    error = sole(shapely.Polygon(SHELL, [ring(118.02, 36.02), ring(118.03, 36.03)]))
    assert "ring 2" in str(error) and error.place.ring == 3


def test_parts_that_overlap():
    error = sole(shapely.MultiPolygon([SQUARE, shapely.box(118.05, 36.05, 118.2, 36.2)]))
    assert error.place.part == 2 and error.params["other"] == 1


@pytest.mark.parametrize(
    "shape, words",
    [
        (shapely.Polygon(), "empty"),
        (shapely.Polygon([(36.0, 118.0), (36.1, 118.0), (36.1, 118.1), (36.0, 118.0)]), "swapped"),
        (shapely.Polygon([(36.0, 80.0), (36.1, 80.0), (36.1, 80.1), (36.0, 80.0)]), "swapped"),
        (shapely.Polygon([(218.0, 36.0), (218.1, 36.0), (218.1, 36.1), (218.0, 36.0)]), "not a longitude"),
        (shapely.Polygon([(500_000.0, 4e6), (500_100.0, 4e6), (500_100.0, 4_000_100.0), (500_000.0, 4e6)]), "metres"),
    ],
)
def test_coordinates(shape, words):
    assert words in str(sole(shape))


def test_null_island_names_the_vertex():
    error = sole(shapely.Polygon([SHELL[0], SHELL[1], (0.0, 0.0), SHELL[3], SHELL[0]]))
    assert "0, 0" in str(error) and error.place.vertex == 3


def test_one_vertex_out_of_range_is_named():
    error = sole(shapely.Polygon([SHELL[0], SHELL[1], (1181.0, 36.1), SHELL[3], SHELL[0]]))
    assert error.place.vertex == 3


def test_not_a_number():
    error = sole(shapely.from_wkb(shapely.to_wkb(SQUARE).replace(struct.pack("<d", 118.1), struct.pack("<d", np.nan))))
    assert "not a number" in str(error) and error.place.vertex == 2


def test_plane_coordinates():
    crs = from_epsg(4528)
    good = shapely.box(40_400_000, 4_010_000, 40_400_100, 4_010_100)
    assert check(good, PLACE, crs=crs) == []
    swapped = shapely.transform(good, lambda p: p[:, ::-1])
    assert "swapped" in str(sole(swapped, crs=crs))


def test_every_bad_one_of_many_is_found():
    shapes = [
        SQUARE,
        None,
        shapely.Polygon([SHELL[0], SHELL[1], SHELL[3], SHELL[2], SHELL[0]]),
        shapely.Polygon(),
        shapely.box(36, 118, 36.1, 118.1),
        SQUARE.buffer(0.1),
        shapely.Polygon([(0, 0), *SHELL[1:4], (0, 0)]),
    ]
    assert [i for i, _ in check_many(shapes)] == [2, 3, 4, 6]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=8))
def test_fit_means_what_geos_calls_valid(points):
    shape = shapely.Polygon([(118 + x / 100, 36 + y / 100) for x, y in points])
    assert (check(shape) == []) == shapely.is_valid(shape)
