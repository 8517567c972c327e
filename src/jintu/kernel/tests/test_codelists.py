import csv
import datetime as dt
from pathlib import Path

import pytest

from jintu.kernel import codelists
from jintu.kernel.errors import InputError, Missing, Place


@pytest.mark.parametrize("name", codelists.names())
def test_every_list_is_complete_and_consistent(name):
    codes = codelists.get(name)
    assert len(codes) >= 2
    for entry in codes:
        assert entry.name_zh and entry.name_en and entry.source
        assert not entry.parent or entry.parent in codes
        assert entry.valid_from is None or entry.valid_to is None or entry.valid_from < entry.valid_to
    with (Path(codelists.__file__).parent / f"{name}.csv").open(encoding="utf-8") as stream:
        assert {row["list_id"] for row in csv.DictReader(stream)} == {name}


def test_gb_t_21010_2007_has_12_first_and_57_second_level_classes():
    codes = [c for c in codelists.get("land_use") if c.source == "GB/T 21010-2007"]
    assert sum(len(c.code) == 2 for c in codes) == 12
    assert sum(len(c.code) == 3 for c in codes) == 57


def test_gb_t_21010_2017_has_12_first_and_73_second_level_classes():
    codes = list(codelists.get("land_use_2017"))
    assert sum(len(c.code) == 2 for c in codes) == 12
    assert sum(len(c.code) == 4 for c in codes) == 73


CLASSES = {
    "AGRI": "01 011 104 114K 117 122 1103",
    "CONSTRUCTION": "20 113 118 121 203",
    "UNUSED": "043 127",
    "": "11 999",
}


@pytest.mark.parametrize(("code", "cls"), [(code, cls) for cls, codes in CLASSES.items() for code in codes.split()])
def test_three_classes(code, cls):
    assert codelists.three_class(code) == cls


@pytest.mark.parametrize(
    ("code", "group"),
    [("051", "commerce"), ("061", "industry"), ("071", "housing"), ("085", "public"), ("095", "special"),
     ("102", "transport"), ("111", "water"), ("013", "cultivated"), ("0611", "industry"), ("x", "")],
)  # fmt: skip
def test_use_groups(code, group):
    assert codelists.get("land_use").group(code) == group


def test_names_in_both_languages_and_back():
    uses = codelists.get("land_use")
    assert uses.name("013") == "旱地" and uses.name("013", "en") == "dry land" and uses.name("999") == ""
    assert uses.by_name("旱地").code == "013"
    assert uses.by_name("采矿用地").code == "062"
    assert codelists.get("land_source").by_name("新增建设用地（来自存量库）").code == "new_stock"


def test_a_code_outside_the_list_is_refused_with_the_codes_there_are():
    with pytest.raises(InputError, match=r"row 4, field method: 8 is not in the list supply_method.*1 划拨"):
        codelists.get("supply_method").check("8", place=Place(row=4, field="method"))
    assert codelists.get("supply_method").check(21) == "21"


def test_a_code_counts_on_its_days_only():
    kinds = codelists.get("document_kind")
    assert "会议纪要" in kinds.labels(on=dt.date(2010, 1, 1))
    assert "会议纪要" not in kinds.labels(on=dt.date(2020, 1, 1))
    with pytest.raises(InputError):
        kinds.check("公报", dt.date(2010, 1, 1))
    assert kinds.check("公报", dt.date(2020, 1, 1)) == "公报"


def test_leaves_leave_out_headings():
    labels = codelists.get("supply_method").labels(leaves=True)
    assert "2" not in labels and list(labels)[:3] == ["1", "21", "22"]


def test_unknown_lists_and_codes_are_missing():
    with pytest.raises(Missing):
        codelists.get("../secrets")
    with pytest.raises(Missing):
        codelists.get("land_use").get("999")


def test_every_land_use_code_has_a_colour():
    for name in ("land_use", "land_use_2017"):
        for entry in codelists.get(name):
            assert codelists.colour(entry.code).startswith("--jt-lu-")
    assert codelists.colour("203") == "--jt-lu-07" and codelists.colour("99") == ""
