"""Regular delimited text is read by Arrow, all other by Python: one may not tell which from what comes out."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jintu.kernel import formats
from jintu.kernel.errors import InputError
from jintu.kernel.formats import csv, regular

CELL = st.text(alphabet="水田a01-. \t;\ufeff\u2028\x85", max_size=4)
QUOTED = st.text(alphabet='水a1, \t"\r\n\ufeff', max_size=5).map(lambda cell: '"' + cell.replace('"', '""') + '"')
LINE_END = st.sampled_from(["\n", "\n", "\r\n", "\n\n", "\r\n\r\n"])


@st.composite
def nearly_regular(draw):
    """Rows of one width, now and then spoilt by a character nobody expects there."""
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(st.one_of(CELL, QUOTED), min_size=width, max_size=width), min_size=1, max_size=12))
    text = "".join(",".join(row) + draw(LINE_END) for row in rows)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(['"', '""', "\r", "\r\n", "\n", ",", ",,", "\0", "a"])) + text[at:]
    return text


def outcome(path, size, **options):
    """Everything a reader of the file is told."""
    try:
        source = csv.read(path, limits=formats.Limits(), **options)
        tables = list(source.batches(size))
    except InputError as error:
        return str(error), error.place
    cells = [table.to_pydict() for table in tables]
    types = [table.schema.types for table in tables]
    return source.fields, source.count, source.metadata, source.notices, list(map(str, source.problems)), types, cells


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(nearly_regular(), st.text(alphabet='a1水," \r\n\t;\0', max_size=30)),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    st.integers(1, 5),
    st.sampled_from([3, 8, 64, regular.BLOCK]),
    st.sampled_from([None, 1, 2]),
)
@example('a,b\n"1\n', "utf-8", 5, 8, 1)
@example("a,b\n\ufeff1,2\n\ufeff3,4\n", "utf-8", 1, 8, 1)
@example('"a","b"\n"1","2"\n', "utf-8", 1, 3, 1)
@example("a,b\r1,2\r3,4", "utf-8", 1, 8, 1)
def test_both_readers_say_the_same(tmp_path_factory, text, codec, size, block, header):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(text.encode(codec))
    options = {"encoding": codec, "header": header, "delimiter": ","}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regular, "BLOCK", block)
        quick = outcome(path, size, **options)
        patch.setattr(regular, "count", refuse)
        assert quick == outcome(path, size, **options)


def refuse(*_):
    raise regular.IrregularError


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        ("a,b\n0011,1-2\n12:30,\n", "utf-8", [("0011", "1-2"), ("12:30", None)]),
        ('a,b\r\n"x ""y"", z","1\r\n2"\r\n\r\n"",NA', "utf-8-sig", [('x "y", z', "1\r\n2"), (None, "NA")]),
        ("供地表,,\n编号,面积,b\n水田,1,\n,,\n", "gb18030", [("水田", "1", None), (None, None, None)]),
    ],
)
def test_regular_text_is_read_by_the_quick_reader(tmp_path, text, codec, expected):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(codec))
    source = formats.read(path)
    assert source.reader is regular.batches
    table = source.table()
    assert list(zip(*(c.to_pylist() for c in table.columns[1:]), strict=True)) == expected


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n1"2,3\n',  # a quote within a cell
        'a,b\n"1"2,3\n',  # something behind the closing quote
        'a,b\n"1,2\n',  # never closed
        "a,b\n1\n2,3\n",  # a row too short
        "a,b\n1,2,3\n2,3\n",  # and too long
        "a,b\r1,2\r",  # line ends of old
        "a,b\n1,\0\n",
        "a\n1\n",
    ],
)
def test_irregular_text_is_left_to_the_patient_reader(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert csv.read(path, limits=formats.Limits(), delimiter=",").reader is not regular.batches


def test_rows_are_numbered_over_blocks_and_blank_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(regular, "BLOCK", 16)
    path = tmp_path / "a.csv"
    path.write_text("a,b\n\n" + "".join(f'{i},"x\ny"\n\n' for i in range(50)), encoding="utf-8")
    source = formats.read(path)
    assert source.reader is regular.batches
    tables = list(source.batches(7))
    assert [t.num_rows for t in tables] == [7] * 7 + [1]
    assert [n for t in tables for n in t.column("__row__").to_pylist()] == list(range(3, 103, 2))
    assert all(column.num_chunks == 1 for t in tables for column in t.columns)


def test_damage_is_found_where_a_block_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(formats.encoding, "BLOCK", 7)
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,水田水\n2,田锟斤拷\n", encoding="utf-8")
    assert formats.encoding.first_damage(path, "utf-8") == 3
