"""Tables as people send them: text in any encoding, uneven rows, titles above the header, spreadsheets."""

import datetime as dt
import zipfile

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel import formats
from jintu.kernel.errors import InputError
from jintu.kernel.formats import encoding as encodings
from jintu.kernel.formats import tabular

# --- text tables -----------------------------------------------------------------------------------------------------


def csv_file(tmp_path, text, codec="gb18030", name="a.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(codec))
    return path


@pytest.mark.parametrize(
    ("codec", "expected", "basis"),
    [
        ("gb18030", "gb18030", "detected"),
        ("utf-8", "utf-8", "detected"),
        ("utf-8-sig", "utf-8-sig", "declared"),
        ("utf-16", "utf-16", "declared"),
        ("utf-16-le", "utf-16-le", "detected"),
        ("big5", "big5", "detected"),
    ],
)
def test_the_encoding_of_a_csv_is_told_by_its_bytes(tmp_path, codec, expected, basis):
    text = (
        "編號,土地用途,面積\r\n011,農業區 住宅區 商業區 工業區,12:30\r\n"
        if codec == "big5"
        else ("编号,土地用途,面积\r\n011,城镇住宅用地 工业用地 商服用地,12:30\r\n")
    )
    source = formats.read(csv_file(tmp_path, text, codec))
    assert (source.encoding, source.encoding_basis) == (expected, basis)
    row = source.table().to_pylist()[0]
    assert row["__row__"] == 2 and list(row.values())[1] == "011" and list(row.values())[3] == "12:30"


@settings(max_examples=40)
@given(st.text(alphabet="示例县国土资源函工业用地出让合同编号面积公顷〔〕，。 \nabc123", min_size=4, max_size=60))
def test_chinese_text_is_detected_in_either_encoding(text):
    for codec in ("utf-8", "gb18030"):
        assert text.encode(codec).decode(encodings.guess([text.encode(codec)]) or "ascii") == text


@pytest.mark.parametrize("codec", ["gb18030", "big5", "utf-8"])
def test_traditional_characters_are_detected_in_every_encoding(codec):
    words = ["都市計畫主要計畫圖", "機關用地變更為道路用地", "農業區、保護區", "國土資源局測繪隊", "宜蘭縣壯圍鄉"]
    assert encodings.guess([word.encode(codec) for word in words]) == codec


def test_western_letters_are_no_chinese():
    words = ["Müller Straße", "Größe für Übung", "École près de la forêt", "España año", "Coração São João"]
    assert encodings.guess([word.encode("latin-1") for word in words]) is None


def test_gbk_given_as_utf8_is_refused(tmp_path):
    path = csv_file(tmp_path, "a,b\n1,2\n3,水田\n")
    with pytest.raises(InputError, match=r"a\.csv, row 3: The file is not in utf-8: byte 12.*It reads as gb18030"):
        formats.read(path, encoding="utf-8")


def test_bytes_in_no_encoding_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,\xff\xfe\xff\n")
    with pytest.raises(InputError, match="encoding of the file cannot be told"):
        formats.read(path)
    with pytest.raises(InputError, match="no encoding named klingon"):
        formats.read(path, encoding="klingon")


def test_text_spoilt_before_it_came_is_noticed(tmp_path):
    source = formats.read(csv_file(tmp_path, "名称,b\n锟斤拷锟斤拷,1\n"))
    assert any("spoilt" in str(n) and n.place.row == 2 for n in source.notices)


def test_headers_are_cleaned_numbered_and_named(tmp_path):
    source = formats.read(csv_file(tmp_path, ' 宗地号 ,面积,宗地号,"发布\n时间",,宗地号\n1,2,3,4,5,6\n'))
    assert [f.name for f in source.fields] == ["宗地号", "面积", "宗地号_2", "发布 时间", "column_5", "宗地号_3"]
    assert source.field("宗地号_2").title == "宗地号"
    assert sum("more than once" in str(n) for n in source.notices) == 2
    with pytest.raises(InputError, match="The columns are: 宗地号, 面积"):
        source.field("用途")


def test_an_empty_last_column_is_left_out(tmp_path):
    source = formats.read(csv_file(tmp_path, "a,b,\n1,2,\n3,4,\n"))
    assert [f.name for f in source.fields] == ["a", "b"] and source.table().num_rows == 2
    assert any("trailing delimiter" in str(n) for n in source.notices)


def test_a_header_shorter_than_its_rows_gets_a_column_and_a_warning(tmp_path):
    source = formats.read(csv_file(tmp_path, "a,b\n1,2,x\n3,4,y\n5,6\n"))
    assert [f.name for f in source.fields] == ["a", "b", "column_3"]
    assert source.table().column("column_3").to_pylist() == ["x", "y", None]
    assert any("a header is missing" in str(n) for n in source.notices)


def test_one_row_that_is_too_long_is_a_problem_of_that_row(tmp_path):
    source = formats.read(csv_file(tmp_path, "a,b\n1,2\n3,4,5,6\n7,8\n9\n\n10,11\n"))
    assert source.table().to_pylist() == [
        {"__row__": 2, "a": "1", "b": "2"},
        {"__row__": 4, "a": "7", "b": "8"},
        {"__row__": 5, "a": "9", "b": None},
        {"__row__": 7, "a": "10", "b": "11"},
    ]
    assert [str(p.place) for p in source.problems] == ["a.csv, row 3"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_the_one_that_gives_columns(tmp_path, delimiter):
    text = "\n".join(delimiter.join(row) for row in (["编号", "面积", "用途"], ["1", "2", "甲"], ["3", "4", "乙"]))
    source = formats.read(csv_file(tmp_path, text))
    assert [f.name for f in source.fields] == ["编号", "面积", "用途"]


def test_title_lines_above_the_header_are_left_out(tmp_path):
    source = formats.read(csv_file(tmp_path, "示例县供地情况表,,\n,,单位：公顷\n编号,面积,用途\n1,2,甲\n"))
    assert [f.name for f in source.fields] == ["编号", "面积", "用途"]
    assert source.table().column("__row__").to_pylist() == [4]
    assert formats.read(source.path, header=2).fields[2].name == "单位：公顷"


def test_a_header_without_rows_is_no_error_but_noticed(tmp_path):
    source = formats.read(csv_file(tmp_path, "编号,面积\n"))
    assert source.count == 0 and source.table().num_rows == 0 and "no rows" in str(source.notices[0])


def test_every_row_count_is_kept_by_any_batch_size(tmp_path):
    source = formats.read(csv_file(tmp_path, "a,b\n" + "".join(f"{i},x\n" for i in range(25))))
    for size in (1, 7, 25, 100):
        assert [n for t in source.batches(size) for n in t.column("__row__").to_pylist()] == list(range(2, 27))


rows = st.lists(
    st.lists(st.text(alphabet="水田a1,\"' \n;", max_size=6), min_size=3, max_size=3), min_size=1, max_size=8
)


@settings(max_examples=50)
@given(rows, st.sampled_from(["utf-8-sig", "gb18030"]))
def test_csv_reads_back_every_cell(tmp_path_factory, rows, encoding):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    table = pa.table(
        {name: pa.array([row[i] or None for row in rows], pa.string()) for i, name in enumerate(("编号", "面积", "c"))}
    )
    formats.write(path, table, encoding=encoding)
    from jintu.kernel.formats import csv

    back = csv.read(path, encoding=encoding, limits=formats.Limits(), header=1, delimiter=",").table()
    # the csv module writes "\n" inside quotes and reads it as it is
    assert [back.column(n).to_pylist() for n in ("编号", "面积", "c")] == [
        table.column(n).to_pylist() for n in table.column_names
    ]


def test_find_header_takes_the_first_row_that_is_half_full():
    assert tabular.find_header([["标题"], ["a", "b", "c", "d"], ["1", "", "", ""]]) == 1
    assert tabular.find_header([[]]) == 0


# --- spreadsheets ----------------------------------------------------------------------------------------------------


def workbook(path, cells, *, merged=(), sheets=("供地",)):
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"})
    for name in sheets:
        page = book.add_worksheet(name)
        for r, row in enumerate(cells):
            for c, cell in enumerate(row):
                if isinstance(cell, dt.date):
                    page.write_datetime(r, c, cell)
                elif isinstance(cell, str):
                    page.write_string(r, c, cell)
                elif cell is not None:
                    page.write(r, c, cell)
        for r, c0, c1, text in merged:
            page.merge_range(r, c0, r, c1, text)
    book.close()


def test_a_sheet_keeps_the_types_of_its_cells(tmp_path):
    path = tmp_path / "a.xlsx"
    workbook(path, [
        ["编号", "面积", "签订", "时刻", "份数", "混合", "空"],
        ["011", 12.5, dt.date(2019, 6, 26), dt.datetime(2019, 6, 26, 9, 30), 3, 3201, None],
        ["12:30", 3.0, dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), 4, "甲", None],
    ])  # fmt: skip
    source = formats.read(path)
    assert [f.kind for f in source.fields] == ["text", "number", "date", "datetime", "integer", "text", "text"]
    assert source.table().to_pylist()[0] == {
        "__row__": 2, "编号": "011", "面积": 12.5, "签订": dt.date(2019, 6, 26),
        "时刻": dt.datetime(2019, 6, 26, 9, 30), "份数": 3, "混合": "3201", "空": None,
    }  # fmt: skip
    assert any("The column holds integer, text" in str(n) for n in source.notices)
    assert source.table().schema == source.schema()


def test_a_header_of_two_lines_is_joined(tmp_path):
    path = tmp_path / "a.xlsx"
    workbook(
        path,
        [["编号", "", "", "用途"], ["", "下限", "上限", ""], ["1", 0.5, 2.0, "工业"]],
        merged=[(0, 1, 2, "约定容积率")],
    )
    source = formats.read(path)
    assert [f.name for f in source.fields] == ["编号", "约定容积率-下限", "约定容积率-上限", "用途"]
    assert source.table().column("__row__").to_pylist() == [3]


def test_title_lines_and_empty_sheets_are_passed_over(tmp_path):
    path = tmp_path / "a.xlsx"
    workbook(path, [["示例县供地情况表"], [], ["编号", "面积(公顷)", "用途"], ["1", 2, "甲"]], sheets=("一", "二"))
    source = formats.read(path, layer="二")
    assert source.layer == "二" and [f.name for f in source.fields] == ["编号", "面积(公顷)", "用途"]
    assert formats.layers(path) == ["一", "二"]
    with pytest.raises(InputError, match="The sheets are: 一, 二"):
        formats.read(path, layer="三")


def test_numbers_longer_than_a_spreadsheet_holds_are_noticed(tmp_path):
    path = tmp_path / "a.xlsx"
    workbook(path, [["监管号", "b"], [99012120260042001, "x"]])
    assert any("15 digits" in str(n) and n.place.row == 2 for n in formats.read(path).notices)


def test_a_written_sheet_holds_text_not_formulas(tmp_path):
    path = tmp_path / "a.xlsx"
    table = pa.table(
        {"名称": ["=1+1", "http://example.com", "011"], "日": [dt.date(2019, 6, 26)] * 3, "数": [1.5, None, 2.0]}
    )
    formats.write(path, table, titles={"名称": "项目名称"})
    source = formats.read(path)
    assert source.table().column("项目名称").to_pylist() == ["=1+1", "http://example.com", "011"]
    assert source.table().column("日").to_pylist() == [dt.date(2019, 6, 26)] * 3
    with zipfile.ZipFile(path) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_a_damaged_workbook_is_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("[Content_Types].xml", "<x/>")
        book.writestr("xl/workbook.xml", "not xml")
    with pytest.raises(InputError, match="workbook"):
        formats.read(path)
