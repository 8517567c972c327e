"""Coordinate reference systems: every code against PROJ, and everything that must be refused."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from jintu.kernel import crs as k
from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.flat import from_shapely

KNOWN = k.known_epsg_codes()


def test_there_are_196_codes():
    assert len(KNOWN) == 4 + 3 * 2 * (21 + 11)


@pytest.mark.parametrize("code", KNOWN)
def test_code_is_what_proj_says(code):
    crs, proj = KNOWN[code], pyproj.CRS.from_epsg(code)
    assert crs.epsg == code and k.from_epsg(code) == crs
    ellipsoid = proj.geodetic_crs.ellipsoid
    assert ellipsoid.semi_major_metre == crs.datum.semi_major
    assert ellipsoid.inverse_flattening == pytest.approx(crs.datum.inverse_flattening, abs=1e-9)
    assert proj.geodetic_crs.to_epsg() == crs.datum.epsg
    if crs.zone is None:
        assert proj.is_geographic
        return
    values = {p.name: p.value for p in proj.coordinate_operation.params}
    assert values["Longitude of natural origin"] == crs.zone.central_meridian
    assert values["False easting"] == crs.zone.false_easting
    assert values["Scale factor at natural origin"] == 1
    assert [a.direction for a in proj.axis_info] == ["north", "east"]
    assert f"{crs.zone.width}-degree" in proj.name or crs.zone.width == 6


def test_anchors_of_the_domain_notes():
    assert k.Crs(k.CGCS2000, k.Zone(3, 45, True)).epsg == 4533
    assert k.Crs(k.XIAN80, k.Zone(3, 45, True)).epsg == 2369
    assert k.Crs(k.XIAN80, k.Zone.by_meridian(75)).epsg == 2370


@pytest.mark.parametrize(
    "text, code",
    [
        ("EPSG:4528", 4528),
        ("4528", 4528),
        (4528, 4528),
        ("urn:ogc:def:crs:EPSG::4490", 4490),
        ("epsg:4326", 4326),
        ("CGCS2000", 4490),
        ("2000国家大地坐标系", 4490),
        ("GCS_China_Geodetic_Coordinate_System_2000", 4490),
        ("Xian 1980", 4610),
        ("1954年北京坐标系", 4214),
    ],
)
def test_parse_names(text, code):
    assert k.parse(text).epsg == code


@pytest.mark.parametrize(
    "code", [4490, 4326, 4610, 4214, 4528, 4549, 4498, 4509, 2361, 2382, 2333, 2344, 2411, 2434, 21420, 21460]
)
@pytest.mark.parametrize("dialect", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
def test_parse_wkt_as_programs_write_it(code, dialect):
    found = k.parse(pyproj.CRS.from_epsg(code).to_wkt(dialect))
    # without prefix, the 3° and 6° zones of one meridian are one and the same projection
    same = k.from_epsg(code)
    assert found == same or (
        found.datum == same.datum
        and not same.zone.prefixed
        and found.zone.central_meridian == same.zone.central_meridian
        and not found.zone.prefixed
    )


def test_parse_esri_prj_without_authority():
    prj = (
        'PROJCS["CGCS2000_3_Degree_GK_Zone_40",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",'
        'DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
        'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",40500000.0],PARAMETER["False_Northing",0.0],'
        'PARAMETER["Central_Meridian",120.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],'
        'UNIT["Meter",1.0]]'
    )
    assert k.parse(prj).epsg == 4528
    with pytest.raises(Unsupported):
        k.parse(prj.replace("120.0", "120.5"))
    with pytest.raises(Unsupported):
        k.parse(prj.replace('"Scale_Factor",1.0', '"Scale_Factor",0.9996'))
    with pytest.raises(Unsupported):
        k.parse(prj.replace("298.257222101", "298.3"))


@pytest.mark.parametrize("text", ["EPSG:3857", "EPSG:32650", "EPSG:3826", 3857, "nonsense", 'LOCAL_CS["x"]'])
def test_foreign_systems_are_refused(text):
    with pytest.raises(Unsupported):
        k.parse(text)


def test_no_system_is_refused_with_its_file():
    with pytest.raises(InputError, match=r"a\.shp"):
        k.parse(" ", Place(file="a.shp"))


@pytest.mark.parametrize(
    "easting, width, number",
    [(39_512_345.6, 3, 39), (25_500_000, 3, 25), (45_600_000, 3, 45), (13_500_000, 6, 13), (23_400_000, 6, 23)],
)
def test_zone_of_a_prefixed_easting(easting, width, number):
    assert k.detect_zone(easting) == k.Zone(width, number, True)


@pytest.mark.parametrize("easting", [512_345.6, 4_012_345.0, 24_500_000.0, 118.5, -3.0, 99_500_000.0])
def test_no_zone_is_guessed(easting):
    with pytest.raises(InputError):
        k.detect_zone(easting)


@pytest.mark.parametrize(
    "header, code",
    [
        (("1980西安坐标系", "3", "38"), 2362),
        (("2000国家大地坐标系", "3", "40"), 4528),
        (("CGCS2000", 3, 40), 4528),
        (("2000国家大地坐标系", "6度", "20带"), 4498),
        (("2000国家大地坐标系", "三度", "40"), 4528),
    ],
)
def test_header_of_a_boundary_point_file(header, code):
    assert k.from_header(*header).epsg == code


@pytest.mark.parametrize(
    "header",
    [
        ("地方坐标系", 3, 38),
        ("", 3, 38),
        ("CGCS2000", "", 38),
        ("CGCS2000", 3, None),
        ("CGCS2000", 4, 38),
        ("CGCS2000", 3, 12),
        ("WGS84", 3, 38),
    ],
)
def test_header_that_does_not_say_enough(header):
    with pytest.raises(InputError) as caught:
        k.from_header(*header, place=Place(file="a.txt", row=4))
    assert str(caught.value).startswith("a.txt, row 4")


def corner(crs, x, y):
    crs.check(np.array([x, x + 1]), np.array([y, y + 1]))


def test_coordinates_of_the_right_kind_pass():
    corner(k.from_epsg(4528), 40_378_000.0, 4_008_000.0)
    corner(k.from_epsg(4549), 378_000.0, 4_008_000.0)
    corner(k.WORKING, 118.6, 36.2)
    k.WORKING.check(np.array([]), np.array([]))


@pytest.mark.parametrize(
    "code, x, y, words",
    [
        (4528, 4_008_000.0, 40_378_000.0, "swapped"),
        (4549, 4_008_000.0, 378_000.0, "swapped"),
        (4549, 4_008_000.0, 40_378_000.0, "swapped"),
        (4528, 378_000.0, 4_008_000.0, "prefix"),
        (4549, 40_378_000.0, 4_008_000.0, "prefix"),
        (4528, 39_378_000.0, 4_008_000.0, "outside"),
        (4528, 118.6, 36.2, "degrees"),
        (4490, 36.2, 118.6, "swapped"),
        (4490, 40_378_000.0, 4_008_000.0, "metres"),
        (4490, float("nan"), 36.2, "not a number"),
    ],
)
def test_coordinates_of_another_kind_are_refused(code, x, y, words):
    with pytest.raises(InputError, match=words):
        corner(k.from_epsg(code), x, y)


@pytest.mark.parametrize("code", [4528, 4549, 4498, 4509])
def test_lonlat_by_projection_alone(code):
    crs = k.from_epsg(code)
    x = crs.zone.false_easting + np.array([-80_000.0, 0.0, 90_000.0])
    y = np.array([4_008_000.0, 3_100_000.0, 2_500_000.0])
    lon, lat = k.to_lonlat((x, y), crs)
    tmerc = pyproj.Proj(
        proj="tmerc", lon_0=crs.zone.central_meridian, x_0=crs.zone.false_easting, a=6378137.0, rf=298.257222101
    )
    assert np.allclose(tmerc(lon, lat), [x, y], atol=1e-6, rtol=0)
    assert lon[1] == pytest.approx(crs.zone.central_meridian, abs=1e-12)


def test_lonlat_of_polygons_and_shapes():
    crs = k.from_epsg(4528)
    shape = shapely.box(40_400_000, 4_010_000, 40_401_000, 4_011_000)
    turned = k.to_lonlat(shape, crs)
    flat = k.to_lonlat(from_shapely([shape, None]), crs)
    assert shapely.hausdorff_distance(turned, flat.to_shapely()[0]) == 0
    assert len(flat) == 2 and 118.8 < flat.x.min() < 119
    assert flat.areas()[0] == pytest.approx(1e6, rel=4e-4)
    many = k.to_lonlat(np.array([shape, shape]), crs)
    assert shapely.equals(many, turned).all()


@pytest.mark.parametrize("code", [2362, 4610, 2411, 4214])
def test_another_datum_is_never_transformed(code):
    crs = k.from_epsg(code)
    x = crs.zone.false_easting if crs.zone else 118.0
    with pytest.raises(InputError, match="not public"):
        k.to_lonlat((np.array([x]), np.array([4e6 if crs.zone else 36.0])), crs)


def test_wgs84_only_on_the_operators_word():
    points = (np.array([118.5]), np.array([36.5]))
    with pytest.raises(InputError, match="WGS 84"):
        k.to_lonlat(points, k.from_epsg(4326))
    assert k.to_lonlat(points, k.from_epsg(4326), wgs84_is_cgcs2000=True) == points
