"""Boundary-point files: strict where a mistake could move a parcel, repairing where only one thing can be meant."""

import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel import formats
from jintu.kernel.errors import InputError, Unsupported
from jintu.kernel.formats import txt

HEAD = """[属性描述]
格式版本号=1.01
数据产生单位=示例县勘测队
数据产生日期=2009-6-2
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=38
精度=0.001
转换参数=0,0,0,0,0,0,0
[地块坐标]
"""
RING = """J1,1,4000000.0000,38500000.0000
J2,1,4000000.0000,38500200.0000
J3,1,4000100.0000,38500200.0000
J4,1,4000100.0000,38500000.0000
J1,1,4000000.0000,38500000.0000
"""
HOLE = """J5,2,4000040.0000,38500040.0000
J6,2,4000060.0000,38500040.0000
J7,2,4000060.0000,38500060.0000
J8,2,4000040.0000,38500060.0000
J5,2,4000040.0000,38500040.0000
"""
PARCEL = "5,2.0000,1,地块1,面,J50G002040,工业用地,011,@\n"


@pytest.fixture
def read(tmp_path):
    def open_text(text, codec="gb18030", **options):
        path = tmp_path / "parcels.txt"
        path.write_bytes(text.encode(codec))
        return formats.read(path, **options)

    return open_text


def said(source):
    return " | ".join(map(str, source.notices))


@pytest.mark.parametrize("codec", ["gb18030", "utf-8", "utf-8-sig"])
def test_a_proper_file_is_read_without_a_word(read, codec):
    source = read(HEAD + PARCEL + RING, codec)
    rows = source.table().to_pylist()
    assert source.format == "txt" and source.crs == "EPSG:4526" and source.count == 1
    assert not source.notices and not source.problems
    assert rows[0]["__row__"] == 13 and rows[0]["area_ha"] == "2.0000" and rows[0]["land_class"] == "011"
    shape = shapely.from_wkb(rows[0]["geometry"])
    assert shape.area == 20_000 and shape.bounds == (38500000, 4000000, 38500200, 4000100)


def test_a_further_ring_is_a_hole(read):
    source = read(HEAD + PARCEL.replace("5,2.0000", "10,1.9600") + RING + HOLE)
    shape = shapely.from_wkb(source.table().column("geometry")[0].as_py())
    assert shape.area == 19_600 and len(shape.interiors) == 1 and shape.is_valid


def test_a_further_ring_outside_is_a_part(read):
    away = HOLE.replace("40000", "40090")
    source = read(HEAD + PARCEL.replace("5,2.0000", "10,2.0400") + RING + away)
    shape = shapely.from_wkb(source.table().column("geometry")[0].as_py())
    assert shape.geom_type == "MultiPolygon" and shape.area == 20_400
    assert "outside the shells" in said(source)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",@\n", "，＠\n", None),
        ("J1,1,4000000.0000,38500000.0000\n", "Ｊ１，１，４０００００0.0000，38500000.0000\n", "Full-width"),
        ("工业用地,011,@", "工业用地@", "Commas are missing"),
        ("011,@", "011,,,,@", None),
        ("5,2.0000", ",2.0000", "number of points is missing"),
        ("J4,1,4000100.0000,38500000.0000\nJ1,1,4000000.0000,38500000.0000\n", "J4,1,4000100,38500000\n", "not closed"),
        ("J2,1,4000000.0000,38500200.0000", "2 1 4000000.0000 38500200.0000", "not separated by commas"),
        ("带号=38\n", "", "带号 is missing"),
        ("几度分带=3\n", "", "zone 38 is of 3°"),
        ("转换参数=0,0,0,0,0,0,0", "转换参数=1.5,2,3,0,0,0,1e-6", "parameters were left out"),
        ("[地块坐标]", "【地块坐标】", None),
        ("格式版本号=1.01", "格式版本号 1.01", "no ="),
    ],
)
def test_what_has_one_meaning_is_repaired_and_said(read, old, new, words):
    text = HEAD + PARCEL + RING
    assert old in text
    source = read(text.replace(old, new))
    table = source.table()
    assert table.num_rows == 1 and source.crs == "EPSG:4526"
    assert shapely.from_wkb(table.column("geometry")[0].as_py()).area == 20_000
    assert words is None or words in said(source)


def test_transformation_parameters_are_nowhere_in_what_is_read(read):
    source = read((HEAD + PARCEL + RING).replace("转换参数=0,0,0,0,0,0,0", "转换参数=-123.456,2,3,0,0,0,1"))
    everything = repr(source.metadata) + said(source) + repr(source.table().to_pylist())
    assert "123.456" not in everything and "转换参数" not in source.metadata


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        (
            "J2,1,4000000.0000,38500200.0000",
            "J2,1,38500200.0000,4000000.0000",
            "row 15, field X, ring 1, vertex 2",
            "exchanged",
        ),
        ("J2,1,4000000.0000,38500200.0000", "J2,1,4000000.0000,385OO200", "row 15, field Y", "not a coordinate"),
        ("J2,1,4000000.0000,38500200.0000", "J2,1,4000000.0000", "row 15", "four values"),
        ("J2,1,", "J2,0,", "row 15, field ring", "ring number"),
        ("5,2.0000", "9,2.0000", "row 13, field points_count", "says 9 points, there are 5"),
        (",面,", ",线,", "row 13, field shape", "Only areas"),
    ],
)
def test_what_is_ambiguous_is_a_problem_of_its_parcel(read, old, new, place, words):
    second = PARCEL.replace("地块1", "地块2") + RING
    source = read(HEAD + (PARCEL + RING).replace(old, new) + second)
    rows = source.table().to_pylist()
    assert [row["parcel_name"] for row in rows] == ["地块2"]
    assert len(source.problems) == 1
    assert str(source.problems[0].place) == f"parcels.txt, {place}" and words in str(source.problems[0])
    assert source.table().num_rows == 1 and len(source.problems) == 1  # reading again says the same


def test_a_ring_of_two_points_is_a_problem(read):
    source = read(HEAD + PARCEL.replace("5,2.0000", "2,0") + "J1,1,4000000,38500000\nJ2,1,4000000,38500100\n")
    assert source.table().num_rows == 0 and "fewer than three" in str(source.problems[0])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("带号=38", "带号=37", "header says zone 37, the eastings start with 38"),
        ("J4,1,4000100.0000,38500000.0000", "J4,1,4000100.0000,500000.0000", "mixed: 0, 38"),
        ("坐标系=2000国家大地坐标系", "坐标系=独立坐标系", "is not known"),
        ("几度分带=3", "几度分带=6", "no 6° zone 38"),
        (PARCEL + RING, "", "holds no parcel"),
    ],
)
def test_a_file_whose_coordinates_contradict_themselves_is_refused(read, old, new, words):
    text = HEAD + PARCEL + RING
    assert old in text
    with pytest.raises(InputError, match=words):
        read(text.replace(old, new))


def test_without_a_zone_the_crs_has_to_be_given(read):
    text = (HEAD + PARCEL + RING).replace("带号=38\n", "").replace(",38500", ",500")
    source = read(text)
    assert source.crs is None and "has to be given" in said(source)
    with pytest.raises(InputError, match="never guessed"):
        source.batches()
    assert read(text, crs="EPSG:4547").table().num_rows == 1


@pytest.mark.parametrize("datum", ["2000国家大地坐标系", "1980西安坐标系", "1954北京坐标系"])
def test_epsg_codes_by_formula_are_those_of_proj(datum):
    x0 = {True: lambda zone: zone * 1_000_000 + 500_000, False: lambda zone: 500_000}
    for degrees, zones in ((3, range(25, 46)), (6, range(13, 24))):
        for zone in zones:
            for prefixed in (True, False):
                crs = pyproj.CRS(txt.crs_of(datum, degrees, zone, prefixed))
                params = {p.name: p.value for p in crs.coordinate_operation.params}
                meridian = zone * 3 if degrees == 3 else zone * 6 - 3
                assert params["Longitude of natural origin"] == meridian
                assert params["False easting"] == x0[prefixed](zone)
                assert txt._names_of(txt.crs_of(datum, degrees, zone, prefixed)) == (datum, degrees, zone, prefixed)


coordinates = st.integers(0, 9_999_999).map(lambda n: n / 10_000)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8, unique=True),
    st.text("地块一甲a1（），@", max_size=6),
)
def test_what_is_written_reads_back_to_the_last_digit(tmp_path_factory, points, name):
    path = tmp_path_factory.mktemp("txt") / "a.txt"
    shape = shapely.Polygon([(38_500_000 + x, 4_000_000 + y) for x, y in points])
    if not shape.is_valid:
        shape = shape.convex_hull
        if shape.geom_type != "Polygon":
            return
    table = pa.table({
        "parcel_no": ["1"], "parcel_name": [name], "area_ha": ["2.0"],
        "geometry": pa.array([shapely.to_wkb(shape)], pa.binary()),
    })  # fmt: skip
    formats.write(path, table, crs="EPSG:4526", header={"数据产生单位": "示例县勘测队", "转换参数": "1,2,3"})
    source = formats.read(path)
    row = source.table().to_pylist()[0]
    assert source.crs == "EPSG:4526" and not source.problems
    assert shapely.from_wkb(row["geometry"]).equals_exact(shape, 1e-4 / 2)
    assert (row["parcel_name"] or "") == name.strip().replace(",", "，").replace("@", "＠")
    assert not source.notices
    assert "转换参数=,,,,,," in path.read_text("gb18030")


def test_holes_and_parts_survive_writing(tmp_path):
    shell = shapely.box(38500000, 4000000, 38500200, 4000200) - shapely.box(38500050, 4000050, 38500100, 4000100)
    shape = shapely.MultiPolygon([shell, shapely.box(38501000, 4000000, 38501100, 4000100)])
    table = pa.table({"parcel_no": ["7"], "geometry": pa.array([shapely.to_wkb(shape)], pa.binary())})
    formats.write(tmp_path / "a.txt", table, crs="EPSG:4526")
    back = shapely.from_wkb(formats.read(tmp_path / "a.txt").table().column("geometry")[0].as_py())
    assert back.equals(shape)


def test_only_areas_in_zones_are_written(tmp_path):
    point = pa.table({"geometry": pa.array([shapely.to_wkb(shapely.Point(1, 1))], pa.binary())})
    with pytest.raises(Unsupported, match="zones only"):
        formats.write(tmp_path / "a.txt", point, crs="EPSG:4490")
    with pytest.raises(InputError, match="areas only"):
        formats.write(tmp_path / "a.txt", point, crs="EPSG:4526")


def test_a_txt_that_is_a_table_is_read_as_one(read):
    source = read("编号\t面积\n011\t2.5\n")
    assert source.format == "csv" and source.table().to_pylist() == [{"__row__": 2, "编号": "011", "面积": "2.5"}]
