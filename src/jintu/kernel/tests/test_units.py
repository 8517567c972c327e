from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import units
from jintu.kernel.errors import InputError, Unsupported

amounts = st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "m2"),
    [
        ("19983.72平方米", "19983.72"),
        ("7.41平方米", "7.41"),
        ("12.77公顷", "127700"),
        ("25 000㎡", "25000"),
        ("１２．５ 公顷", "125000"),
        ("1,234.5平方米", "1234.5"),
        ("0.5平方公里", "500000"),
        ("3亩", "2000"),
        ("2万亩", "13333333.33333333333333333333"),
        ("约 15 亩", "10000"),
        ("100 m2", "100"),
        ("3万平方米", "30000"),
        ("2.5 ha", "25000"),
    ],
)
def test_an_area_with_its_unit(text, m2):
    assert units.area(text) == Decimal(m2)


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("总面积(公顷)", "ha"),
        ("总面积（公顷）", "ha"),
        ("土地面积(平方米)/土地面积(m2)/出让面积(m)", "m2"),
        ("规划用地面积〔m2)", "m2"),
        ("Area (hectare)", "ha"),
        ("面积/亩", None),
        ("面积", None),
        ("投资强度(万元/公顷)", None),
    ],
)
def test_the_unit_of_an_area_in_the_header(header, unit):
    assert units.area_unit(header) == unit


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("成交价(万元)", "wan_yuan"),
        ("起始价 (元)", "yuan"),
        ("竞买(投标)保证金(人民币万元)", "wan_yuan"),
        ("Transaction price (ten thousand yuan)", "wan_yuan"),
        ("投资强度(万元/公顷)", None),
        ("面积(公顷)", None),
    ],
)
def test_the_unit_of_money_in_the_header(header, unit):
    assert units.money_unit(header) == unit


def test_the_unit_in_the_cell_wins_over_the_header_and_the_header_over_the_mapping():
    assert units.area("12平方米", "mu", header="面积(公顷)") == 12
    assert units.area("12", "mu", header="面积(公顷)") == 120_000
    assert units.area("12", "mu", header="面积") == 8000


def test_an_area_without_any_unit_is_refused():
    with pytest.raises(InputError, match="no unit"):
        units.area("19983.72")


@pytest.mark.parametrize("text", ["", "  ", "-", "---", "无", "None", None])
def test_an_empty_cell_is_no_amount(text):
    assert units.area(text) is None
    assert units.money(text) is None
    assert units.number(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "大于1并且小于2",
        "1779平方米|10837平方米",
        "1104920BA0002",
        "185元/平方米",
        "12米",
        "12平方米元",
        "十二亩",
        "1e999999999",
    ],
)
def test_what_is_no_area_is_refused(text):
    with pytest.raises(InputError):
        units.area(text, "m2")


def test_a_negative_area_is_refused_unless_it_may_be_signed():
    with pytest.raises(InputError, match="negative"):
        units.area("-3亩")
    assert units.area("-3亩", signed=True) == -2000
    with pytest.raises(InputError, match="negative"):
        units.area(-3.0, "ha")


@pytest.mark.parametrize(
    ("text", "yuan"),
    [
        ("3750万元", "37500000"),
        ("11807650元", "11807650"),
        ("1 390万元", "13900000"),
        ("\t\t\t13 900 000元\t", "13900000"),
        ("人民币3.5亿元", "350000000"),
        ("￥284.5022万", "2845022"),
        ("7.005亿", "700500000"),
    ],
)
def test_money_with_its_unit(text, yuan):
    assert units.money(text) == Decimal(yuan)


@pytest.mark.parametrize("text", ["100万美元", "USD 3000", "$30", "50万港元"])
def test_foreign_currency_is_refused(text):
    with pytest.raises(Unsupported, match="foreign"):
        units.money(text, "yuan")
    with pytest.raises(Unsupported, match="foreign"):
        units.money("3", header="注册资本(万美元)")


def test_a_rate_is_not_a_sum():
    with pytest.raises(InputError, match="rate"):
        units.money("185.33元/平方米")


@given(amounts)
def test_hectares_are_exact(value):
    assert units.area(f"{value}公顷") == value * 10_000
    assert units.area_in(value * 10_000, "ha") == value


@given(amounts)
def test_wan_yuan_is_exact(value):
    assert units.money(f"{value}万元") == value * 10_000


@given(amounts)
def test_mu_is_exact_to_more_digits_than_the_database_keeps(value):
    exact = Fraction(value) * 2000 / 3
    found = units.area(f"{value}亩")
    assert abs(Fraction(found) - exact) <= exact * Fraction(1, 10**26)
    assert units.round_to(found) == units.round_to(Decimal(exact.numerator) / Decimal(exact.denominator))


@given(st.integers(min_value=0, max_value=10**12))
def test_a_multiple_of_three_mu_is_a_whole_number_of_square_metres(n):
    assert units.area(f"{3 * n}亩") == 2000 * n


@given(st.floats(min_value=1e-9, max_value=1e12, allow_nan=False) | st.just(0.0))
def test_a_number_from_a_spreadsheet_keeps_the_digits_that_were_typed(value):
    assert units.area(value, "m2") == Decimal(repr(value))


@given(st.text(max_size=30))
def test_any_text_gives_an_amount_nothing_or_a_clear_error(text):
    for parse in (units.area, units.money):
        try:
            found = parse(text, "m2" if parse is units.area else "yuan")
        except InputError as error:
            assert str(error)
        else:
            assert found is None or found >= 0


def test_rounding_is_half_up():
    assert units.round_to(Decimal("0.125")) == Decimal("0.13")
    assert units.round_to(Decimal("-0.125")) == Decimal("-0.13")
