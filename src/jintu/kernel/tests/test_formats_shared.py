"""The readers on real public files; skipped where ``../shared/data`` is absent."""

import csv as python_csv
import datetime as dt
import io
from pathlib import Path

import pytest
import shapely

from jintu.kernel import dates, divisions, formats, numbering, units
from jintu.kernel.errors import InputError

DATA = Path(__file__).resolve().parents[4].parent / "shared" / "data"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent")]

SUPPLY = sorted((DATA / "cn-land-supply-haisimao" / "shared").glob("*.csv"))
SUITES = DATA / "suites"
DBF = SUITES / "dbf-oddities" / "spec" / "fixtures"
ENCODED = SUITES / "encodings-mapshaper" / "test" / "data" / "dbf"

# columns that hold something, counted by hand from the files
COLUMNS = {
    "交易公告_重庆": 28,
    "成交公告_重庆": 29,
    "供地计划_广东": 29,
    "供应结果_广东": 31,
    "出让公告_广东": 40,
    "成交公示_广东": 27,
    "出让转让公告_贵州": 43,
    "td_sz_sz68": 73,
    "中国土地市场-供地计划": 28,
    "zgtdsc__中国土地市场-出让公告2011前": 36,
    "出让公告2011后": 45,
    "地块公示": 28,
    "LandChinaBot": 36,
    "地块详情_南京": 31,
    "土地矿产公告": 19,
    "结果公示_贵州": 18,
    "/深圳市土地房产交易中心": 75,
    "出让公告_龙岩": 55,
    "出让结果_龙岩": 27,
}


def test_there_are_19_supply_files():
    assert len(SUPPLY) == 19 == len(COLUMNS)


@pytest.mark.parametrize("part", COLUMNS)
def test_every_supply_file_opens_with_its_encoding_and_columns(part):
    (path,) = [p for p in SUPPLY if part in f"/{p.name}"]
    source = formats.read(path)
    table = source.table()
    assert (source.encoding, source.encoding_basis) == ("gb18030", "detected")
    assert len(source.fields) == COLUMNS[part]
    raw = list(python_csv.reader(io.StringIO(path.read_bytes().decode("gb18030"), newline="")))
    rows = [row for row in raw[1:] if row]
    assert source.count == len(rows) == table.num_rows + len(source.problems)
    first = table.column(1).to_pylist()
    numbers = table.column("__row__").to_pylist()
    assert all((raw[n - 1][0] or None) == value for n, value in zip(numbers, first, strict=True))


def test_two_records_glued_into_one_row_are_refused_as_that_row():
    (path,) = [p for p in SUPPLY if "出让公告_广东" in p.name]
    source = formats.read(path)
    source.table()
    assert [p.place.row for p in source.problems] == [49]


def test_the_supply_results_have_areas_prices_and_dates():
    (path,) = [p for p in SUPPLY if "供应结果_广东" in p.name]
    rows = formats.read(path).table().to_pylist()
    total = sum(units.area(row["面积(公顷)"], header="面积(公顷)") or 0 for row in rows)
    price = sum(units.money(row["成交价格(万元)"], header="成交价格(万元)") or 0 for row in rows)
    signed = [dates.day(row["合同签订日期"]) for row in rows]
    assert total > 1_000_000 and price > 10**8
    assert all(day and dt.date(2007, 1, 1) < day < dt.date(2021, 1, 1) for day in signed)


def test_district_names_resolve_at_their_day():
    names = {
        row[c] for path in SUPPLY for row in formats.read(path).table().to_pylist() for c in ("行政区",) if row.get(c)
    }
    resolved, failed = 0, []
    for name in names:
        try:
            divisions.resolve(name, dt.date(2020, 4, 1))
            resolved += 1
        except InputError:
            failed.append(name)
    assert resolved >= 0.95 * len(names), failed


def test_all_supervision_numbers_of_beijing_check():
    (path,) = (DATA / "cn-land-supply-landchina" / "shared").glob("*.csv")
    source = formats.read(path)
    rows = source.table().to_pylist()
    assert source.encoding == "utf-8" and len(rows) == 189
    for row in rows:
        assert (
            numbering.check_supervision(
                row["Electronic supervision number"],
                division=divisions.resolve(row["District"]).code,
                signed_on=dates.day(row["Contract signing date"]),
            )
            == []
        )
        assert units.area(row["Area (hectare)"], header="Area (hectare)") > 0


@pytest.mark.parametrize(
    ("name", "records", "columns"),
    [("dbase_02", 9, 14), ("dbase_03", 14, 31), ("dbase_30", 34, 145), ("dbase_31", 77, 11), ("dbase_83", 67, 15), ("dbase_8b", 10, 6),
     ("dbase_8c", 10, 6), ("cp1251", 4, 2), ("foxprodb/calls", 16, 6), ("foxprodb/contacts", 5, 29),
     ("polygon", 1, 0)],
)  # fmt: skip
def test_tables_of_many_dialects_open(name, records, columns):
    source = formats.read(DBF / f"{name}.dbf")
    table = source.table()
    assert len(source.fields) == columns and table.num_rows == records and table.schema == source.schema()


@pytest.mark.parametrize(
    ("name", "text"),
    [("gb2312", "简体国语"), ("gbk", "简体国语"), ("big5", "繁體國語"), ("utf8", "国语國語"), ("ldid/chinese", "简体"),
     ("cpg/big5", "國語"), ("cpg/euckr", "한국말"), ("cpg/shiftjis", "カタカナひらがな"), ("cpg/win1251", "РУССКИЙ")],
)  # fmt: skip
def test_table_encodings_are_told(name, text):
    assert formats.read(ENCODED / f"{name}.dbf").table().to_pylist()[0]["NAME"] == text


@pytest.mark.parametrize("name", ["latin1", "shiftjis"])
def test_an_encoding_nobody_declares_is_asked_for(name):
    with pytest.raises(InputError, match="cannot be told"):
        formats.read(ENCODED / f"{name}.dbf")
    given = formats.read(ENCODED / f"{name}.dbf", encoding="shift_jis" if name == "shiftjis" else "latin-1")
    assert given.encoding_basis == "given" and given.table().num_rows > 0


def test_the_fixtures_of_pyogrio():
    fixtures = SUITES / "pyogrio-fixtures" / "pyogrio" / "tests" / "fixtures"
    world = formats.read(fixtures / "naturalearth_lowres" / "naturalearth_lowres.shp")
    assert world.crs == "EPSG:4326" and world.table().num_rows == 177
    assert formats.read(fixtures / "test_gpkg_nulls.gpkg").table().num_rows == 4
    flat = formats.read(fixtures / "line_zm.gpkg").table().column("geometry")[0].as_py()
    assert not shapely.from_wkb(flat).has_z
    for name in ("curve", "curvepolygon", "multisurface"):
        source = formats.read(fixtures / f"{name}.gpkg")
        assert source.table().num_rows == 0 and "curves" in str(source.problems[0])


def test_shapes_agree_with_an_independent_reader():
    import pyogrio

    path = DATA / "qgis-training-swellendam" / "exercise_data" / "projected_data" / "farms_33S.shp"
    source = formats.read(path)
    ours = [shapely.from_wkb(wkb) for t in source.batches(333) for wkb in t.column("geometry").to_pylist()]
    _, _, theirs, columns = pyogrio.raw.read(path)
    assert all(a.equals(b) for a, b in zip(ours, shapely.from_wkb(theirs), strict=True))
    assert source.crs == "EPSG:32733"
    codes = [v for t in source.batches(333) for v in t.column("SG_CODE").to_pylist()]
    assert codes == list(columns[[f.name for f in source.fields].index("SG_CODE")])


def test_a_zipped_file_geodatabase_is_read():
    folder = SUITES / "fiboa-national-parcels" / "tests" / "data-files" / "convert" / "us_usda_cropland"
    with formats.read(folder / "NationalCSB_2017-2024_rev23.zip") as source:
        assert source.format == "fgdb" and source.crs == "EPSG:5070" and source.row_is == "fid"
        assert source.table().num_rows == source.count == 100


def test_plan_codes_of_geoparquet_stay_text():
    path = sorted((DATA / "tw-landuse-zoning" / "shared").glob("*.parquet"))[0]
    source = formats.read(path)
    assert source.has_geometry and source.crs
    total = 0
    for table in source.batches():
        total += table.num_rows
        assert table.schema == source.schema()
    assert total == source.count
