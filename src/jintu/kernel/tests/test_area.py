"""Areas: the vectors of the survey rule, exact integration, and the geodesic."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.area import ellipsoidal
from jintu.kernel.area.authalic import authalic
from jintu.kernel.area.official import constants, lonlat_arcseconds, official_area
from jintu.kernel.area.sheets import sheet_area, sheet_bounds, sheet_number
from jintu.kernel.crs import BEIJING54, CGCS2000, XIAN80, from_epsg, to_lonlat
from jintu.kernel.errors import InputError, Unsupported
from jintu.kernel.flat import from_shapely

GEOD = pyproj.Geod(a=6378137.0, rf=298.257222101)
ROUND = np.linspace(0, 2 * np.pi, 20, endpoint=False)


def patch(lon, lat, radius=0.002, seed=0):
    """A survey-size patch of 20 vertices."""
    r = radius * np.random.default_rng(seed).uniform(0.5, 1, len(ROUND))
    return shapely.Polygon(np.column_stack([lon + r * np.cos(ROUND), lat + r * np.sin(ROUND)]))


def exact(shape, steps=64):
    """Area of a polygon with edges straight in lon/lat: Simpson's rule on the exact authalic function."""
    total = 0.0
    for number, ring in enumerate((shape.exterior, *shape.interiors)):
        points = np.array(ring.coords)
        base = authalic(points[0, 1])
        edges = 0.0
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            values = [authalic(y1 + (y2 - y1) * i / steps) - base for i in range(steps + 1)]
            weights = [1, *([4, 2] * (steps // 2 - 1)), 4, 1]
            edges += (x2 - x1) * sum(w * v for w, v in zip(weights, values, strict=True)) / (3 * steps)
        total += abs(edges) if number == 0 else -abs(edges)
    return total


@pytest.mark.parametrize("lat", [0.5, 18.3, 31.0, 36.2, 45.0, 53.4])
def test_survey_size_patches_against_the_geodesic(lat):
    shapes = [patch(118 + i / 10, lat, seed=i) for i in range(20)]
    geodesic = [abs(GEOD.geometry_area_perimeter(s)[0]) for s in shapes]
    assert ellipsoidal(from_shapely(shapes)) == pytest.approx(geodesic, rel=4e-7)


@settings(deadline=None)
@given(st.floats(-80, 80), st.floats(0.001, 0.4), st.integers(0, 10_000))
def test_against_exact_integration(lat, radius, seed):
    shape = patch(118, lat, radius, seed)
    assert ellipsoidal(from_shapely([shape]))[0] == pytest.approx(exact(shape), rel=1e-11)


@pytest.mark.parametrize("height", [0.4999, 0.5001, 3.0, 12.0])
def test_tall_polygons_against_exact_integration(height):
    shape = shapely.Polygon([(110, 30), (114, 30 + height / 3), (112, 30 + height), (111, 30 + height / 2)])
    assert ellipsoidal(from_shapely([shape]))[0] == pytest.approx(exact(shape, 512), rel=1e-11)


def test_the_whole_ellipsoid():
    world = shapely.box(-180, -90, 180, 90)
    e = math.sqrt((2 - 1 / 298.257222101) / 298.257222101)
    b = 6378137.0 * (1 - 1 / 298.257222101)
    surface = 2 * math.pi * (6378137.0**2 + b * b / e * math.atanh(e))
    assert ellipsoidal(from_shapely([world]))[0] == pytest.approx(surface, rel=1e-12)


def test_holes_parts_empty_and_orientation():
    outer, hole, island = (
        shapely.box(118, 36, 118.1, 36.1),
        shapely.box(118.02, 36.02, 118.05, 36.05),
        shapely.box(118.03, 36.03, 118.04, 36.04),
    )
    holed = outer.difference(hole)
    shapes = [outer, hole, island, holed, holed.union(island), None, shapely.Polygon(), outer.reverse()]
    a = ellipsoidal(from_shapely(shapes))
    assert a[3] == pytest.approx(a[0] - a[1], rel=1e-13)
    assert a[4] == pytest.approx(a[0] - a[1] + a[2], rel=1e-13)
    assert a[5] == a[6] == 0 and a[7] == a[0]


def test_parts_of_a_partition_add_up():
    cells = [
        shapely.box(118 + i / 100, 36 + j / 100, 118 + (i + 1) / 100, 36 + (j + 1) / 100)
        for i in range(20)
        for j in range(20)
    ]
    total = ellipsoidal(from_shapely([shapely.box(118, 36, 118.2, 36.2)]))[0]
    assert ellipsoidal(from_shapely(cells)).sum() == pytest.approx(total, rel=1e-12)


# --- the survey rule ----------


@pytest.mark.parametrize("datum, area", [(CGCS2000, "24728895.82"), (XIAN80, "24728919.07")])
def test_vector_of_the_theoretical_sheet_area(datum, area):
    assert sheet_bounds("J50G003040")[1::2] == (39.875, 39 + 55 / 60)
    assert abs(sheet_area("J50G003040", datum) - Decimal(area)) <= Decimal("0.01")


def square(x0, y0, side):
    return [(x0, y0), (x0 + side, y0), (x0 + side, y0 + side), (x0, y0 + side), (x0, y0)]


def test_vector_of_the_square_kilometre():
    assert official_area([square(600_000, 4_400_000, 1000)], from_epsg(4548)) == Decimal("999751.46")


def test_prefix_and_orientation_do_not_matter():
    ring = square(600_000, 4_400_000, 1000)
    prefixed = [(x + 39_000_000, y) for x, y in reversed(ring)]
    assert official_area([prefixed], from_epsg(4527)) == official_area([ring], from_epsg(4548))


def test_holes_and_parts_of_the_official_area():
    crs = from_epsg(4548)
    outer, hole = square(600_000, 4_400_000, 1000), square(600_200, 4_400_200, 300)
    whole, part = official_area([outer], crs), official_area([hole], crs)
    assert abs(official_area([outer, hole], crs) - (whole - part)) <= Decimal("0.01")
    shape = shapely.Polygon(outer, [hole])
    assert official_area(shape, crs) == official_area([outer, hole], crs)
    both = shapely.MultiPolygon([shape, shapely.Polygon(hole)])
    assert abs(official_area(both, crs) - whole) <= Decimal("0.01")
    assert official_area(shapely.Polygon(), crs) == 0


def test_long_edges_are_split_in_the_plane():
    """The official area follows the straight plane edge: a patch with its edges cut up by hand has the same area."""
    crs = from_epsg(4528)
    shape = shapely.Polygon([(40_560_000, 4_010_000), (40_563_000, 4_010_500), (40_561_500, 4_014_000)])
    cut = shapely.segmentize(shape, 20)
    assert abs(official_area(shape, crs) - official_area(cut, crs)) <= Decimal("0.3")
    lonlat = to_lonlat(cut, crs)
    assert float(official_area(cut, crs)) == pytest.approx(ellipsoidal(from_shapely([lonlat]))[0], abs=0.05)
    straight = ellipsoidal(from_shapely([to_lonlat(shape, crs)]))[0]
    assert abs(straight - float(official_area(shape, crs))) > 5  # square metres that only the splitting gives


@pytest.mark.parametrize("east", [-120_000.0, -1000.0, 0.0, 90_000.0, 200_000.0])
@pytest.mark.parametrize("north", [2_400_000.0, 4_400_000.0, 5_600_000.0])
@pytest.mark.parametrize("datum", [CGCS2000, XIAN80])
def test_inverse_series_against_proj(east, north, datum):
    proj = pyproj.Proj(proj="tmerc", lon_0=117, a=datum.semi_major, rf=datum.inverse_flattening)
    lon, lat = proj(east, north, inverse=True)
    found = lonlat_arcseconds(constants(datum), 117, east, north)
    assert found == pytest.approx((lon * 3600, lat * 3600), abs=3e-5 if abs(east) <= 120_000 else 2e-3)


def test_the_official_area_is_refused_where_the_rule_has_none():
    with pytest.raises(InputError, match="plane"):
        official_area([square(118, 36, 0.1)], from_epsg(4490))
    with pytest.raises(Unsupported):
        official_area([square(40_500_000, 4e6, 10)], from_epsg(2416))
    with pytest.raises(Unsupported):
        constants(BEIJING54)
    with pytest.raises(InputError, match="ring 1"):
        official_area([square(600_000, 4_400_000, 1000)[:-1]], from_epsg(4548))
    with pytest.raises(Unsupported):
        official_area(shapely.Point(1, 2), from_epsg(4548))


# --- map sheets ----------


@pytest.mark.parametrize(
    "lon, lat, scale, number",
    [
        (116.4583333, 39.9166667, 10_000, "J50G002040"),
        (114.5612, 36.0555, 10_000, "J50G095009"),
        (114.5612, 36.0555, 1_000_000, "J50"),
        (114.0, 36.0, 500_000, "J50B002001"),
        (119.999, 39.999, 2_000, "J50I001576"),
    ],
)
def test_sheet_numbers(lon, lat, scale, number):
    assert sheet_number(lon, lat, scale) == number


@given(
    st.floats(73, 136),
    st.floats(0, 59.9),
    st.sampled_from([1_000_000, 500_000, 250_000, 100_000, 50_000, 25_000, 10_000, 5_000, 2_000]),
)
def test_a_point_lies_on_its_sheet(lon, lat, scale):
    west, south, east, north = sheet_bounds(sheet_number(lon, lat, scale))
    assert west - 1e-9 <= lon < east + 1e-9 and south - 1e-9 <= lat < north + 1e-9


def test_sheets_of_every_scale_add_up_to_the_million_sheet():
    for letter, n in (("B", 2), ("D", 12), ("E", 24)):
        total = sum(sheet_area(f"J50{letter}{r:03d}{c:03d}") for r in range(1, n + 1) for c in range(1, n + 1))
        assert abs(total - sheet_area("J50")) <= Decimal("0.01") * n * n


def test_sheet_area_is_the_authalic_integral():
    west, south, east, north = sheet_bounds("J50G095009")
    expected = (authalic(north) - authalic(south)) * (east - west)
    assert float(sheet_area("J50G095009")) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("number", ["", "J50G000001", "J50G097001", "J99", "Z50", "J50G2040", "J50X002040"])
def test_what_is_no_sheet_number(number):
    with pytest.raises(InputError):
        sheet_bounds(number)


def test_outside_the_series():
    for lon, lat, scale in ((116, 61, 10_000), (116, -1, 10_000), (200, 30, 10_000), (116, 30, 1234)):
        with pytest.raises(InputError):
            sheet_number(lon, lat, scale)
