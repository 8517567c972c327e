"""Files as people send them: wrong encodings, missing parts, uneven rows, tricks."""

import datetime as dt
import json
import os
import struct
import zipfile

import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel import formats
from jintu.kernel.errors import InputError, Missing, Unsupported

SQUARE = "POLYGON ((500000 4000000, 500000 4000100, 500100 4000100, 500100 4000000, 500000 4000000))"
HOLED = (
    "POLYGON ((501000 4000000, 501000 4001000, 502000 4001000, 502000 4000000, 501000 4000000),"
    " (501400 4000400, 501600 4000400, 501600 4000600, 501400 4000600, 501400 4000400))"
)


def parcels(**more):
    shapes = [shapely.to_wkb(shapely.from_wkt(text)) for text in (SQUARE, HOLED)]
    columns = {"DLBM": ["011", "0123"], "QSDWMC": ["示例县云桥街道", "霁川镇"], "TBMJ": [10000.0, 960000.5]}
    return pa.table({**columns, **more, "geometry": pa.array(shapes, pa.binary())})


def same_shapes(left, right):
    return [shapely.from_wkb(a).equals(shapely.from_wkb(b)) for a, b in zip(left, right, strict=True)]


# --- spatial formats -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["shp", "gpkg", "parquet"])
def test_what_is_written_reads_back(tmp_path, suffix):
    path = tmp_path / f"parcels.{suffix}"
    formats.write(path, parcels(), crs="EPSG:4534")
    source = formats.read(path)
    assert source.crs == "EPSG:4534" and source.has_geometry and source.count == 2
    assert source.sha256.startswith("sha256:") and not source.problems
    table = source.table()
    assert table.schema == source.schema()
    assert table.column("DLBM").to_pylist() == ["011", "0123"]
    assert table.column("QSDWMC").to_pylist() == ["示例县云桥街道", "霁川镇"]
    assert table.column("TBMJ").to_pylist() == [10000.0, 960000.5]
    assert table.column("__row__").to_pylist() == [1, 2]
    assert all(same_shapes(table.column("geometry").to_pylist(), parcels().column("geometry").to_pylist()))
    assert [t.num_rows for t in source.batches(1)] == [1, 1]


def test_geojson_reads_back_with_its_crs_and_its_text(tmp_path):
    path = tmp_path / "a.geojson"
    point = pa.table({"code": ["011", "2019/01/01", "12:30"], "geometry": [shapely.to_wkb(shapely.Point(110, 35))] * 3})
    formats.write(path, point, crs="EPSG:4490")
    source = formats.read(path)
    assert source.crs == "EPSG:4490"
    assert source.table().column("code").to_pylist() == ["011", "2019/01/01", "12:30"]


def test_geojson_without_crs_is_wgs84_and_says_so(tmp_path):
    path = tmp_path / "a.geojson"
    feature = {"type": "Feature", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [110, 35, 7]}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    source = formats.read(path)
    assert source.crs == "EPSG:4326" and "RFC 7946" in str(source.notices[0])
    assert shapely.from_wkb(source.table().column("geometry")[0].as_py()).has_z is False
    assert any("Heights" in str(n) for n in source.notices)
    assert formats.read(path, crs="EPSG:4490").crs == "EPSG:4490"


def test_geojson_of_projected_coordinates_is_not_written(tmp_path):
    with pytest.raises(InputError, match="longitude and latitude"):
        formats.write(tmp_path / "a.geojson", parcels(), crs="EPSG:4534")


def test_a_geopackage_with_two_layers_asks_which(tmp_path):
    path = tmp_path / "a.gpkg"
    formats.write(path, parcels(), crs="EPSG:4534", layer="one")
    formats.write(path, parcels(), crs="EPSG:4534", layer="two")
    assert formats.layers(path) == ["one", "two"]
    with pytest.raises(InputError, match="Choose one of: one, two"):
        formats.read(path)
    with pytest.raises(InputError, match="no layer three"):
        formats.read(path, layer="three")
    assert formats.read(path, layer="two").layer == "two"


def test_a_gbk_shapefile_without_cpg_is_detected_by_its_text(tmp_path):
    path = tmp_path / "图斑.shp"
    formats.write(path, parcels(), crs="EPSG:4534", encoding="gbk")
    (tmp_path / "图斑.cpg").unlink()
    source = formats.read(path)
    assert (source.encoding, source.encoding_basis) == ("gb18030", "detected")
    assert source.table().column("QSDWMC").to_pylist() == ["示例县云桥街道", "霁川镇"]


def test_a_cpg_that_lies_is_overruled_and_noticed(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534", encoding="gbk")
    (tmp_path / "a.cpg").write_text("UTF-8")
    source = formats.read(path)
    assert source.encoding == "gb18030"
    assert any("says UTF-8, but the text is gb18030" in str(n) for n in source.notices)


def test_gbk_read_as_utf8_is_refused_with_row_and_remedy(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534", encoding="gbk")
    with pytest.raises(InputError, match=r"a\.dbf, row 1, field QSDWMC: .*It reads as gb18030"):
        formats.read(path, encoding="utf-8")


def test_a_shapefile_without_prj_asks_for_the_crs(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534")
    (tmp_path / "a.prj").unlink()
    source = formats.read(path)
    assert source.crs is None
    with pytest.raises(InputError, match="does not say in which coordinate reference system"):
        source.batches()
    assert next(source.batches(geometry=False)).num_rows == 2
    assert formats.read(path, crs="EPSG:4534").table().num_rows == 2


def test_a_crs_that_was_given_overrules_the_file_and_is_noticed(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534")
    source = formats.read(path, crs="EPSG:4535")
    assert source.crs == "EPSG:4535"
    assert any("The file says EPSG:4534; EPSG:4535 was given" in str(n) for n in source.notices)
    with pytest.raises(Unsupported, match="cannot be understood"):
        formats.read(path, crs="Xian 38")


def test_an_esri_prj_is_recognised(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4526")
    assert formats.read(path).crs == "EPSG:4526"


def test_a_missing_index_is_rebuilt_without_touching_the_delivery(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534")
    (tmp_path / "a.shx").unlink()
    before = sorted(os.listdir(tmp_path))
    with formats.read(path) as source:
        assert source.table().num_rows == 2
        assert any(".shx is missing" in str(n) for n in source.notices)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_shapefile_without_table_has_shapes_only(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534")
    (tmp_path / "a.dbf").unlink()
    source = formats.read(path)
    assert source.fields == [] and source.table().column_names == ["__row__", "geometry"]
    assert source.table().num_rows == 2


def test_a_shapefile_that_was_cut_off_names_the_shape(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"a\.shp, row 2: The file breaks off"):
        formats.read(path)


def test_shapes_and_table_of_different_length_are_refused(tmp_path):
    formats.write(tmp_path / "a.shp", parcels(), crs="EPSG:4534")
    formats.write(tmp_path / "b.shp", parcels().slice(0, 1), crs="EPSG:4534")
    (tmp_path / "b.dbf").replace(tmp_path / "a.dbf")
    with pytest.raises(InputError, match="2 shapes, but 1 records"):
        formats.read(tmp_path / "a.shp")


def dbf(path, columns, records, *, language=0):
    """A dBase III table by hand: columns are (name, letter, length, decimals), records lists of raw bytes."""
    width = 1 + sum(c[2] for c in columns)
    head = struct.pack("<BBBBIHH17xB2x", 3, 126, 1, 1, len(records), 33 + 32 * len(columns), width, language)
    for name, letter, length, decimals in columns:
        head += struct.pack("<11sc4xBB14x", name.encode("gbk"), letter.encode(), length, decimals)
    body = b"".join(
        flag + b"".join(v.ljust(c[2])[: c[2]] for v, c in zip(row, columns, strict=True)) for flag, row in records
    )
    path.write_bytes(head + b"\r" + body + b"\x1a")


def test_a_table_with_bad_values_names_row_and_field(tmp_path):
    path = tmp_path / "a.dbf"
    dbf(path, [("BSM", "N", 6, 0), ("BGRQ", "D", 8, 0), ("NAME", "C", 7, 0), ("MJ", "N", 8, 2)], [
        (b" ", [b"1", b"20090602", "水田".encode("gbk"), b"12.50"]),
        (b" ", [b"2", b"20090231", b"x", b"1"]),
        (b"*", [b"3", b"20090602", b"deleted", b"1"]),
        (b" ", [b"4", b"", "示例县东".encode("gbk"), b"********"]),
        (b" ", [b"five", b"00000000", b"", b""]),
        (b" ", [b"6", b"20100101", b"\x00left over", b"1,5"]),
    ])  # fmt: skip
    source = formats.read(path)
    rows = source.table().to_pylist()
    assert [row["__row__"] for row in rows] == [1, 4, 6]
    assert rows[0] == {"__row__": 1, "BSM": 1, "BGRQ": dt.date(2009, 6, 2), "NAME": "水田", "MJ": 12.5}
    assert rows[1]["NAME"] == "示例县" and rows[1]["MJ"] is None and rows[1]["BGRQ"] is None
    assert rows[2]["NAME"] is None and rows[2]["MJ"] == 1.5
    assert [str(p).split(": ")[0] for p in source.problems] == ["a.dbf, row 5, field BSM", "a.dbf, row 2, field BGRQ"]
    said = " ".join(map(str, source.notices))
    assert "row 4, field NAME: Text was cut in the middle of a character" in said and "too narrow" in said


def test_reading_stops_when_nearly_every_row_is_bad(tmp_path):
    path = tmp_path / "a.dbf"
    dbf(path, [("BGRQ", "D", 8, 0)], [(b" ", [b"20090231"])] * 30)
    with pytest.raises(InputError, match="More than 10 rows"):
        formats.read(path, limits=formats.Limits(problems=10)).table()


def test_a_table_whose_records_are_missing_is_refused(tmp_path):
    path = tmp_path / "a.dbf"
    dbf(path, [("BSM", "N", 6, 0)], [(b" ", [b"1"])] * 5)
    path.write_bytes(path.read_bytes()[:-15])
    with pytest.raises(InputError, match="says it has 5 records, but only 3"):
        formats.read(path)


def test_the_hash_of_a_shapefile_is_that_of_all_its_parts(tmp_path):
    path = tmp_path / "a.shp"
    formats.write(path, parcels(), crs="EPSG:4534")
    before = formats.read(path)
    assert set(before.files) == {"a.shp", "a.shx", "a.dbf", "a.prj", "a.cpg"}
    (tmp_path / "a.prj").write_text((tmp_path / "a.prj").read_text() + " ")
    assert formats.read(path).sha256 != before.sha256


def test_what_a_shapefile_cannot_hold_is_refused_not_cut(tmp_path):
    with pytest.raises(InputError, match="10 bytes"):
        formats.write(tmp_path / "a.shp", parcels(land_use_name=["x", "y"]), crs="EPSG:4534")
    with pytest.raises(InputError, match="254 bytes"):
        formats.write(tmp_path / "b.shp", parcels(SM=["长" * 100, "y"]), crs="EPSG:4534")
    with pytest.raises(InputError, match=r"row 2, field SM: The character 😀 does not exist"):
        formats.write(tmp_path / "c.shp", parcels(SM=["x", "😀"]), crs="EPSG:4534", encoding="gbk")


def test_curves_are_refused_row_by_row(tmp_path):
    path = tmp_path / "a.gpkg"
    formats.write(path, parcels(), crs="EPSG:4534")
    import sqlite3

    with sqlite3.connect(path) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        head = db.execute("SELECT geom FROM a").fetchone()[0][:8]
        arc = struct.pack("<BII6d", 1, 8, 3, 0, 0, 1, 1, 2, 0)  # CIRCULARSTRING (0 0, 1 1, 2 0)
        db.execute("UPDATE a SET geom = ? WHERE fid = 2", [head[:3] + b"\x01" + head[4:8] + arc])
    source = formats.read(path)
    assert source.table().column("__row__").to_pylist() == [1]
    assert "row 2: The geometry has circular arcs" in str(source.problems[0])


def test_geometry_goes_into_tables_as_wkt(tmp_path):
    formats.write(tmp_path / "a.csv", parcels())
    row = formats.read(tmp_path / "a.csv").table().to_pylist()[0]
    assert shapely.from_wkt(row["geometry"]).equals(shapely.from_wkt(SQUARE))


# --- content and name ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.shp", b"\x00\x00\x27\x0b not really", "unknown binary"),
        ("a.shp", b"a,b\n1,2\n", "plain text"),
        ("a.xlsx", b"<html><table></table></html>", "web page"),
        ("a.csv", b"SQLite format 3\x00" + bytes(100), "SQLite"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Office"),
        ("a.gpkg", b"%PDF-1.4", "PDF"),
        ("a.parquet", b"\x89PNG\r\n", "image"),
        ("a.zip", b"Rar!\x1a\x07", "RAR"),
        ("a.doc", b"\x01\x02\x00\x00", "is not read"),
    ],
)
def test_content_that_belies_the_name_is_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unsupported, match=words) as caught:
        formats.read(tmp_path / name)
    assert caught.value.remedy and caught.value.place.file == name


@pytest.mark.parametrize("name", ["a.shp", "a.csv", "a.xlsx", "a.zip", "a.txt", "a.gpkg"])
def test_an_empty_file_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="empty"):
        formats.read(tmp_path / name)


def test_other_things_that_are_no_file(tmp_path):
    with pytest.raises(Missing):
        formats.read(tmp_path / "nothing.csv")
    with pytest.raises(Unsupported, match="directory"):
        formats.read(tmp_path)
    (tmp_path / "a.csv").write_text(" \n \n,,\n")
    with pytest.raises(InputError, match="no text"):
        formats.read(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="at most 4 are read"):
        formats.read(tmp_path / "b.csv", limits=formats.Limits(file_bytes=4))


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=400), st.sampled_from(sorted(formats.EXTENSIONS)))
def test_any_bytes_give_a_source_or_a_clear_error(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    heads = {
        ".shp": b"\x00\x00\x27\x0a",
        ".gpkg": b"SQLite format 3\x00",
        ".parquet": b"PAR1",
        ".zip": b"PK\x03\x04",
        ".xlsx": b"PK\x03\x04",
        ".xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        ".dbf": b"\x03",
        ".txt": "[地块坐标]\n".encode(),
        ".geojson": b'{"type":',
    }
    path.write_bytes(heads.get(suffix, b"") + content)
    try:
        for _ in formats.read(path, crs="EPSG:4490").batches():
            pass
    except InputError as error:
        assert str(error)


# --- archives --------------------------------------------------------------------------------------------------------


def zipped(tmp_path, members, name="a.zip", **options):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def shapefile_members(tmp_path, prefix=""):
    formats.write(tmp_path / "p.shp", parcels(), crs="EPSG:4534")
    return [(f"{prefix}p{s}", (tmp_path / f"p{s}").read_bytes()) for s in (".shp", ".shx", ".dbf", ".prj", ".cpg")]


def test_a_zipped_shapefile_is_read_and_its_files_vanish(tmp_path):
    path = zipped(tmp_path, [*shapefile_members(tmp_path, "图斑/"), ("说明.txt", "readme"), ("__MACOSX/._p.shp", b"x")])
    with formats.read(path) as source:
        assert source.table().num_rows == 2 and source.crs == "EPSG:4534"
        inside = source.path
        assert inside.exists()
    assert not inside.exists()
    assert source.sha256 == formats.read(path).sha256 == formats.source.sha256_of([path])[0]


def test_names_packed_by_chinese_tools_are_gbk(tmp_path):
    path = zipped(tmp_path, [("ABCD.csv", "a,b\n1,2\n")])
    path.write_bytes(path.read_bytes().replace(b"ABCD.csv", "图斑".encode("gbk") + b".csv"))
    assert formats.layers(path) == ["图斑"]


def test_an_archive_with_two_datasets_asks_which(tmp_path):
    path = zipped(tmp_path, [("a.csv", "a,b\n1,2\n"), ("b.csv", "a,b\n1,2\n3,4\n")])
    assert formats.layers(path) == ["a.csv", "b.csv"]
    with pytest.raises(InputError, match=r"Choose one of: a\.csv, b\.csv"):
        formats.read(path)
    assert formats.read(path, layer="b.csv").count == 2


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "x/../../a.csv", "C:\\a.csv", "..\\a.csv"])
def test_path_tricks_are_refused_before_anything_is_written(tmp_path, name):
    path = zipped(tmp_path, [(name, "a,b\n1,2\n")])
    with pytest.raises(InputError, match="outside the archive"):
        formats.read(path)
    assert not (tmp_path.parent / "a.csv").exists()


def test_a_link_in_an_archive_is_refused(tmp_path):
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = 0o120777 << 16
    with pytest.raises(InputError, match="is a link"):
        formats.read(zipped(tmp_path, [(info, "/etc/passwd")]))


def test_a_zip_bomb_is_refused(tmp_path):
    path = zipped(tmp_path, [("a.csv", b"0" * 30_000_000)])
    with pytest.raises(InputError, match="zip bomb"):
        formats.read(path)


def test_an_archive_that_lies_about_sizes_is_refused(tmp_path):
    path = zipped(tmp_path, [("a.csv", b"a,b\n" + b"1,2\n" * 5000)])
    data = path.read_bytes()
    size = struct.pack("<I", 20004)
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, struct.pack("<I", 400)))
    with pytest.raises(InputError, match=r"damaged|larger than"):
        formats.read(path)


def test_the_limits_of_an_archive(tmp_path):
    many = zipped(tmp_path, [(f"{i}.txt", "x") for i in range(20)], "many.zip")
    with pytest.raises(InputError, match="20 members"):
        formats.read(many, limits=formats.Limits(members=10))
    large = zipped(tmp_path, [("a.csv", os.urandom(3000).hex())], "large.zip")
    with pytest.raises(InputError, match="Unpacked, the archive has more than 5000"):
        formats.read(large, limits=formats.Limits(file_bytes=5000))
    with pytest.raises(Unsupported, match=r"holds another archive, inner\.zip"):
        formats.read(zipped(tmp_path, [("inner.zip", many.read_bytes())], "outer.zip"))
    with pytest.raises(Unsupported, match="holds no file that is read"):
        formats.read(zipped(tmp_path, [("a.doc", "x")], "doc.zip"))
    with pytest.raises(InputError, match="archive is empty"):
        formats.read(zipped(tmp_path, [], "none.zip"))


def test_an_encrypted_or_damaged_archive_is_refused(tmp_path):
    path = zipped(tmp_path, [("a.csv", "a,b\n1,2\n")])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="encrypted"):
        formats.read(path)
    path.write_bytes(bytes(data[:40]))
    with pytest.raises(InputError, match="damaged"):
        formats.read(path)


def test_the_reader_is_imported_without_arrow():
    import subprocess
    import sys

    code = (
        "import sys, jintu.kernel.formats, jintu.kernel.divisions, jintu.kernel.codelists, jintu.kernel.numbering, "
        "jintu.kernel.units, jintu.kernel.dates, jintu.kernel.search, jintu.kernel.hashing, jintu.kernel.transitions; "
        "heavy = ('pyarrow', 'polars', 'numpy', 'numba', 'shapely', 'pyogrio', 'django'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_lone_point_is_a_number_never_filled_in(tmp_path):
    path = tmp_path / "a.dbf"
    dbf(path, [("MJ", "N", 8, 2)], [(b" ", [b"       ."]), (b" ", [b"    1.50"])])
    with formats.read(path) as source:
        assert source.table().column("MJ").to_pylist() == [None, 1.5]
        assert source.problems == []


def test_a_notice_about_every_row_is_kept_for_the_first_ones_only(tmp_path):
    path = tmp_path / "a.dbf"
    dbf(path, [("MJ", "N", 4, 1)], [(b" ", [b"****"])] * 500)
    source = formats.read(path)
    assert source.table().num_rows == 500
    assert [n.place.row for n in source.notices] == list(range(1, 21))
