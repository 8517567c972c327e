"""Columns of text become typed columns: exact numbers, real days, known codes; everything else is told by row."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.foundation.registers.importing import typing

from .plots import PLOT


def run(name, cells, unit="", header=""):
    f, column = PLOT.attributes[name]
    series = pl.Series(cells, dtype=pl.String) if not isinstance(cells, pl.Series) else cells
    made, wrong = typing.convert(f, column, series, {"unit": unit} if unit else {}, [], header)
    return [typing.unscaled(f, v) for v in made.to_list()], {w[0]: w[1].format(**w[3]) for w in wrong}


@pytest.mark.parametrize(
    ("cell", "unit", "expected"),
    [
        ("1.2345", "ha", "12345.00"),
        ("15", "mu", "10000.00"),
        ("1", "mu", "666.67"),
        ("0.00000050", "ha", "0.01"),
        ("0.0000004", "ha", "0.00"),
        ("１２３．５", "m2", "123.50"),
        ("1,234.5", "m2", "1234.50"),
        ("19983.72平方米", "ha", "19983.72"),
        ("3亩", "m2", "2000.00"),
        ("1e3", "m2", "1000.00"),
        ("9999999999999.994", "m2", "9999999999999.99"),
        ("9999999999999.995", "m2", "10000000000000.00"),
        ("-", "m2", None),
        ("", "m2", None),
    ],
)
def test_areas(cell, unit, expected):
    values, wrong = run("area", [cell], unit)
    assert not wrong
    assert values == [None if expected is None else Decimal(expected)]


@pytest.mark.parametrize("cell", ["abc", "1 2 3 x", "1779|10837", "5 万元", "12345678901234567890"])
def test_areas_that_are_none(cell):
    values, wrong = run("area", ["1", cell], "m2")
    assert values[0] == 1
    assert values[1] is None
    assert 1 in wrong


def test_a_negative_area_is_told():
    values, wrong = run("area", ["-3", "3"], "m2")
    assert (values, wrong) == ([None, Decimal("3.00")], {0: "Area -3 is negative."})


@settings(max_examples=100, deadline=None)
@given(st.lists(st.decimals(min_value=0, max_value=10**10, places=8), max_size=20),
       st.sampled_from(["m2", "ha", "mu", "km2"]))  # fmt: skip
def test_units_are_exact_to_the_cent(numbers, unit):
    factor = {"m2": Fraction(1), "ha": Fraction(10_000), "mu": Fraction(2000, 3), "km2": Fraction(10**6)}[unit]
    values, wrong = run("area", [format(n, "f") for n in numbers], unit)
    for i, (n, value) in enumerate(zip(numbers, values, strict=True)):
        cents = Fraction(n) * factor * 100
        exact = Decimal(int(cents + Fraction(1, 2))).scaleb(-2)
        assert value == exact or (i in wrong and exact >= Decimal(10) ** 16)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-06-15", date(2026, 6, 15)),
        ("2026/6/5", date(2026, 6, 5)),
        ("2026年6月5日", date(2026, 6, 5)),
        ("20260605", date(2026, 6, 5)),
        ("2026.6.5", date(2026, 6, 5)),
        ("2026-06-15 08:30:00", date(2026, 6, 15)),
        ("二〇〇九年六月二日", date(2009, 6, 2)),
        ("—", None),
    ],
)
def test_days(cell, expected):
    values, wrong = run("signed_on", [cell])
    assert not wrong
    assert values == [expected]


@pytest.mark.parametrize(
    ("cell", "word"), [("2026-02-31", "calendar"), ("43642", "2019-06-26"), ("03/04/2019", "more than one"),
                       ("soon", "not a date"), ("0001-01-01", "year")]
)  # fmt: skip
def test_days_that_are_none(cell, word):
    values, wrong = run("signed_on", [cell])
    assert values == [None]
    assert word in wrong[0]


def test_labels_are_taken_for_codes_and_nothing_else():
    values, wrong = run("kind", ["a", "built", "", "z"])
    assert values == ["a", "b", None, None]
    assert list(wrong) == [3]


def test_codes_with_their_label_are_read():
    values, wrong = run("use_code", ["061", "061 工业用地", "999"])
    assert values[:2] == ["061", "061"]
    assert list(wrong) == [2]


def test_whole_numbers_and_yes_and_no():
    assert run("people", ["3", "３", "1.5", "-1", ""])[0] == [3, 3, None, None, None]
    assert list(run("people", ["3", "1.5", "-1"])[1]) == [1, 2]
    assert run("built", ["是", "0", "", "maybe"])[0] == [True, False, None, None]


def test_text_is_stripped_bounded_and_readable():
    values, wrong = run("name", [" 　地块 ", "x" * 61, "a\x00b", "\ufffd\ufffd"])
    assert values[0] == "地块"
    assert list(wrong) == [1, 2, 3]


def test_numbers_of_a_spreadsheet_keep_their_text():
    values, _ = run("plot_no", pl.Series([2011.0, 7.0]))
    assert values == ["2011", "7"]
