import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import divisions
from jintu.kernel.divisions import Division, Divisions, Level
from jintu.kernel.errors import InputError, Place

codes = st.sampled_from(sorted({d.code for d in divisions.load()}))
D = dt.date


@pytest.mark.parametrize(
    ("code", "level", "parents"),
    [
        ("990000", Level.PROVINCE, []),
        ("990100", Level.CITY, ["990000"]),
        ("990121", Level.COUNTY, ["990100", "990000"]),
        ("990121101", Level.TOWNSHIP, ["990121", "990100", "990000"]),
        ("990121101007", Level.VILLAGE, ["990121101", "990121", "990100", "990000"]),
        ("990121101000", Level.TOWNSHIP, ["990121", "990100", "990000"]),
        ("990121000000", Level.COUNTY, ["990100", "990000"]),
        ("110105", Level.COUNTY, ["110000"]),
        ("429004", Level.COUNTY, ["420000"]),
        ("100000", Level.COUNTRY, []),
    ],
)
def test_level_and_parents(code, level, parents):
    assert divisions.level(code) is level
    assert divisions.parents(code) == parents


@pytest.mark.parametrize("code", ["", "99012", "9901211", "99012A", "９９０１２１", "9901211011", None, 990121.5])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(InputError, match="not a division code"):
        divisions.check(code)


def test_a_code_of_no_province_is_refused_with_its_place():
    with pytest.raises(InputError, match=r"a\.csv, row 3: There is no province 17"):
        divisions.check("170101", place=Place(file="a.csv", row=3))


def test_a_code_outside_the_office_is_refused():
    assert divisions.check(" 990121101 ", within="990121") == "990121101"
    with pytest.raises(InputError, match="not in 990121"):
        divisions.check("990122", within="990121")


@given(codes, codes)
def test_a_range_holds_exactly_the_codes_below(outer, inner):
    low, high = divisions.code_range(outer)
    assert (low <= inner < high) == divisions.covers(outer, inner)


@given(codes)
def test_parents_cover_and_rise(code):
    chain = divisions.parents(code)
    assert all(divisions.covers(above, code) for above in chain)
    lengths = [len(divisions.prefix(above)) for above in [code, *chain]]
    assert lengths == sorted(set(lengths), reverse=True)


@given(codes, st.dates(min_value=D(1990, 1, 1), max_value=D(2030, 1, 1)))
def test_every_code_of_the_list_resolves_on_every_day(code, on):
    found = divisions.find(code, on)
    assert found is not None and found.name
    in_force = [d for d in divisions.load() if d.code == code and d.valid_on(on)]
    assert len(in_force) <= 1
    if in_force:
        assert found == in_force[0]


def test_the_shipped_list_has_all_17_states():
    days = {d.valid_from for d in divisions.load() if d.valid_from} | {
        d.valid_to + dt.timedelta(days=1) for d in divisions.load() if d.valid_to
    }
    assert len(days) >= 14 and min(days) == D(2003, 1, 1) and max(days) == D(2014, 1, 1)
    assert len(divisions.load()) > 3700


def test_a_renamed_county_has_the_name_of_its_day():
    assert divisions.find("371324", D(2012, 5, 1)).name == "苍山县"
    assert divisions.find("371324", D(2020, 5, 1)).name == "兰陵县"


def test_an_abolished_code_still_resolves():
    gone = divisions.find("542326", D(2020, 1, 1))
    assert gone.name == "拉孜县" and not gone.valid_on(D(2020, 1, 1)) and gone.valid_on(D(2010, 1, 1))
    assert [d.code for d in divisions.load().successors("542326")] == ["540225"]
    assert [d.code for d in divisions.load().predecessors("540225")] == ["542326"]
    assert divisions.load().code_ranges("540225") == [("540225", "540226"), ("542326", "542327")]


def test_a_county_raised_to_a_district_is_followed_by_the_stem_of_its_name():
    assert [d.name for d in divisions.load().successors("130124")] == ["栾城区"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("东源县", "441625"),
        ("广东省河源市东源县", "441625"),
        ("广东省 > 河源市 > 东源县", "441625"),
        ("北京市 > 北京市市辖区 > 朝阳区", "110105"),
        ("北京市市辖区", "110000"),
        ("北京市本级", "110000"),
        ("石家庄市本级", "130100"),
        ("内蒙古", "150000"),
        ("示例县", "990121"),
        ("示例省/示例市/示例县/霁川镇", "990121101"),
        ("990121101", "990121101"),
        ("永定区（龙岩）", None),
    ],
)
def test_a_name_becomes_a_code(text, code):
    if code is None:
        with pytest.raises(InputError, match="No division is named"):
            divisions.resolve(text)
    else:
        assert divisions.resolve(text).code == code


def test_an_ambiguous_name_is_refused_with_the_candidates():
    with pytest.raises(InputError, match="北京市/朝阳区 110105") as caught:
        divisions.resolve("朝阳区")
    assert set(caught.value.params["codes"]) == {"110105", "220104"}
    assert divisions.resolve("朝阳区", within="220000").code == "220104"


def test_a_name_resolves_at_its_day():
    assert divisions.resolve("绍兴县", D(2012, 1, 1)).code == "330621"
    assert divisions.resolve("吴江市", D(2005, 1, 1)).code == "320584"
    assert divisions.resolve("苏州市吴江区", D(2020, 1, 1)).code == "320509"
    # today's list has no such county any more: the old one is found, and says when it ended
    assert divisions.resolve("绍兴县", D(2020, 1, 1)).valid_to == D(2013, 12, 31)


@pytest.mark.parametrize(("code", "name"), [("990000", "示例省"), ("990122", "邻县"), ("990121204", "岚坡乡")])
def test_the_sample_divisions_are_marked(code, name):
    found = divisions.find(code)
    assert found.name == name and found.sample
    assert not divisions.find("130102").sample


def test_the_sample_county_has_twelve_townships():
    assert len(divisions.load().children("990121")) == 12
    assert [d.name for d in divisions.load().children("990100")] == ["示例县", "邻县"]


def test_headings_of_the_list_are_passed_through():
    names = [d.name for d in divisions.load().children("110000")]
    assert "东城区" in names and "市辖区" not in names


def test_a_node_adds_its_own_villages():
    more = divisions.load().extended([Division("990121101201", "云霁河湾村"), Division("990122", "改名县")])
    assert more.path("990121101201")[-2:] == ["霁川镇", "云霁河湾村"]
    assert more.name("990122") == "改名县" and divisions.load().name("990122") == "邻县"


def test_a_bad_row_of_a_list_is_named(tmp_path):
    path = tmp_path / "villages.csv"
    path.write_text("code,name,valid_from,valid_to\n990121101201,云霁河湾村,,\n99012,坏,,\n", "utf-8")
    with pytest.raises(InputError, match=r"villages\.csv, row 3"):
        divisions.read_csv(path)


def test_the_builder_makes_spans_of_revisions():
    from jintu.kernel.divisions.build import rows

    table = rows(
        {
            2002: {990001: "甲县"},
            2003: {990001: "甲县", 990002: "乙县"},
            200306: {990001: "甲县"},
            None: {990001: "甲市"},
        }
    )
    assert table == [
        ("990001", "甲县", "", "2003-12-31"),
        ("990001", "甲市", "2004-01-01", ""),
        ("990002", "乙县", "2003-07-01", "2003-12-31"),
    ]


def test_an_empty_list_knows_nothing():
    assert Divisions([]).find("990121") is None and Divisions([]).name("990121") == ""
