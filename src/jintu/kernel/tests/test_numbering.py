import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import numbering
from jintu.kernel.errors import InputError

D = dt.date


@pytest.mark.parametrize(
    ("text", "proper"),
    [
        ("国土资函〔2009〕123号", "国土资函〔2009〕123号"),
        ("国土资函[2009]0123号", "国土资函〔2009〕123号"),
        ("国土资函（2009）123 号", "国土资函〔2009〕123号"),
        ("匀国土出让告字【2018】05号", "匀国土出让告字〔2018〕5号"),
        ("连政综〔2018〕18号", "连政综〔2018〕18号"),
    ],
)
def test_document_numbers_are_read_whatever_their_brackets(text, proper):
    assert str(numbering.document(text)) == proper


@pytest.mark.parametrize(
    "text", ["", "2009年123号", "国土资函〔2009〕号", "国土资函〔09〕123号", "国土资函〔2009〕0号"]
)
def test_what_is_no_document_number(text):
    assert numbering.document(text) is None
    assert len(numbering.check_document(text)) == 1


def test_a_document_number_is_checked_against_standard_and_year():
    assert numbering.check_document("国土资函〔2009〕123号", signed_on=D(2009, 5, 1)) == []
    assert "Write 国土资函〔2009〕123号." in str(numbering.check_document("国土资函[2009]123号")[0])
    assert "was signed in 2010" in str(numbering.check_document("国土资函〔2009〕123号", signed_on=D(2010, 5, 1))[0])


@given(st.from_regex(r"[\u4e00-\u9fa5]{2,6}", fullmatch=True), st.integers(1949, 2099), st.integers(1, 99999))
def test_document_numbers_read_back(agency, year, serial):
    written = str(numbering.DocumentNumber(agency, year, serial))
    assert numbering.document(written) == numbering.DocumentNumber(agency, year, serial)
    assert numbering.check_document(written) == []


def parts(*args, **kwargs):
    return [p.params["part"] for p in numbering.check_supervision(*args, **kwargs)]


def test_a_right_supervision_number_has_no_problem():
    assert parts("9901212026B00042", division="990121101", signed_on=D(2026, 6, 15), method="23") == []
    assert parts("9901212025B00042", division="990121", signed_on=D(2026, 1, 5)) == []  # filed the year before
    assert parts("9901002026A00042", division="990121", method="1") == []  # the city files for its county


def test_a_supervision_number_of_another_county_is_found():
    assert parts("9901222026B00042", division="990121", signed_on=D(2026, 6, 15)) == ["division"]
    assert "邻县" in str(numbering.check_supervision("9901222026B00042", division="990121")[0])


@pytest.mark.parametrize(
    ("number", "part"),
    [
        ("990121202600042", "form"),
        ("9901212026b0004X", "form"),
        ("1701012026B00042", "division"),
        ("9900002026B00042", "division"),
        ("9901212020B00042", "year"),
        ("9901212026A00042", "letter"),
        ("9901212026B00000", "serial"),
    ],
)
def test_what_can_be_wrong_with_a_supervision_number(number, part):
    assert parts(number, division="990121", signed_on=D(2026, 6, 15), method="23") == [part]


def test_the_meaning_of_letters_is_a_setting():
    assert parts("9901212026Z00042", division="990121", method="23") == []
    assert parts("9901212026Z00042", method="23", letters={"Z": frozenset({"1"})}) == ["letter"]


@given(st.integers(0, 99998), st.sampled_from("ABCD"), st.dates(D(2000, 1, 1), D(2099, 12, 31)))
def test_allotted_supervision_numbers_follow_and_check(last, letter, on):
    serial, number = numbering.allot("supervision", last, "990121101", on, letter)
    assert serial == last + 1
    found = numbering.supervision(number)
    assert (found.division, found.year, found.letter, found.serial) == ("990121", on.year, letter, serial)
    assert numbering.check_supervision(number, division="990121", signed_on=on) == []


def test_a_used_up_series_is_refused():
    with pytest.raises(InputError, match="used up"):
        numbering.allot("supervision", 99999, "990121", D(2026, 1, 1), "B")


@pytest.mark.parametrize("rule", sorted(numbering.RULES))
def test_numbers_of_one_rule_never_meet(rule):
    days, kinds = (D(2025, 12, 31), D(2026, 1, 1)), ("A", "B") if "{kind}" in numbering.RULES[rule].pattern else ("",)
    made = [
        numbering.allot(rule, n, division, on, kind)[1]
        for n in range(12)
        for division in ("990121", "990122")
        for on in days
        for kind in kinds
    ]
    assert len(made) == len(set(made))


def test_filing_and_project_numbers():
    assert numbering.filing_number("990121101", D(2026, 6, 15), "GD", 7) == "99012120260615GD00007"
    assert numbering.project_number("990121", 2024, "Z", 12) == "9901212024Z0012"
    with pytest.raises(InputError):
        numbering.filing_number("990121", D(2026, 6, 15), "gd", 7)


texts = st.text(alphabet=st.characters(categories=("L", "N")), min_size=1, max_size=12)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), texts, min_size=1, max_size=4))
def test_a_natural_key_does_not_depend_on_order_or_blanks(facts):
    key = numbering.natural_key(facts)
    assert key == numbering.natural_key(list(reversed(list(facts.items()))))
    assert key == numbering.natural_key({name: f" {value} " for name, value in facts.items()} | {"empty": None})


def test_a_natural_key_tells_facts_apart():
    base = {"project": "甲", "area": Decimal("10")}
    assert numbering.natural_key(base) != numbering.natural_key(base | {"area": Decimal("100")})
    assert numbering.natural_key({"a": "xy", "b": "z"}) != numbering.natural_key({"a": "x", "b": "yz"})
    assert numbering.natural_key(base) == numbering.natural_key(base | {"area": 10.0})
    with pytest.raises(InputError):
        numbering.natural_key({"project": "", "area": None})
