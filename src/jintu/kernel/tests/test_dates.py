import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import dates
from jintu.kernel.errors import InputError, Place

days = st.dates(min_value=dt.date(1950, 1, 1), max_value=dt.date(2199, 12, 31))
D = dt.date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2019年06月26日", D(2019, 6, 26)),
        ("2019年6月26", D(2019, 6, 26)),
        ("2020/4/17", D(2020, 4, 17)),
        ("2020.4.17", D(2020, 4, 17)),
        ("20090602", D(2009, 6, 2)),
        ("20090602143000", D(2009, 6, 2)),
        ("2020年04月17日09时00分", D(2020, 4, 17)),
        ("2020年04月17土09时00分", D(2020, 4, 17)),
        ("2020-04-28 14:05:33", D(2020, 4, 28)),
        ("2020-04-28T14:05:33+08:00", D(2020, 4, 28)),
        ("2015年3月31日 19:08", D(2015, 3, 31)),
        ("２０１９－０６－２６", D(2019, 6, 26)),
        ("二〇一九年六月二十六日", D(2019, 6, 26)),
        ("二○一九年十二月三十一日", D(2019, 12, 31)),
        ("二零零九年十月十日", D(2009, 10, 10)),
        (20090602, D(2009, 6, 2)),
        (dt.datetime(2019, 6, 26, 9, 0), D(2019, 6, 26)),
        (D(2019, 6, 26), D(2019, 6, 26)),
    ],
)
def test_ways_to_write_a_day(text, day):
    assert dates.day(text) == day


@pytest.mark.parametrize("text", [None, "", "  ", "--", "无", "00000000"])
def test_an_empty_cell_is_no_day(text):
    assert dates.day(text) is None


@pytest.mark.parametrize(
    "text", ["2009-02-31", "20090231", "2009年2月31日", "二〇〇九年二月三十一日", "2009-13-01", "2009/0/1"]
)
def test_a_day_that_is_not_in_the_calendar_is_refused(text):
    with pytest.raises(InputError, match="not a day of the calendar") as caught:
        dates.day(text, place=Place(file="a.csv", row=7, field="signed_on"))
    assert str(caught.value).startswith("a.csv, row 7, field signed_on")


@pytest.mark.parametrize("text", ["03/04/2019", "3.4.2019", "19-6-26", "19年6月26日"])
def test_a_date_with_two_readings_is_refused(text):
    with pytest.raises(InputError, match="more than one date"):
        dates.day(text)


def test_a_month_is_not_a_day():
    with pytest.raises(InputError, match="names a month"):
        dates.day("2019年6月")


@pytest.mark.parametrize("text", ["2019-06-26|2020-06-26", "明年", "0019-06-26", "3019-06-26", "12:30", 12.5, True])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(InputError):
        dates.day(text)


def test_a_serial_is_a_date_only_where_the_column_says_so():
    assert dates.day(43642, serials=True) == D(2019, 6, 26)
    assert dates.day("43642", serials=True) == D(2019, 6, 26)
    assert dates.day(43642.75, serials=True) == D(2019, 6, 26)
    with pytest.raises(InputError, match="spreadsheet serial"):
        dates.day(43642)
    with pytest.raises(InputError):
        dates.day("43642")


def test_the_day_excel_invented_is_refused():
    assert dates.excel_day(59) == D(1900, 2, 28)
    assert dates.excel_day(61) == D(1900, 3, 1)
    with pytest.raises(InputError, match="never was"):
        dates.excel_day(60)
    with pytest.raises(InputError):
        dates.excel_day(-4)


@given(days)
def test_every_usual_spelling_reads_back(day):
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d", "%Y.%m.%d", "%Y年%m月%d日09时30分"):
        assert dates.day(day.strftime(form)) == day


@given(days)
def test_excel_serials_read_back(day):
    assert dates.excel_day((day - D(1899, 12, 30)).days) == day
    assert dates.excel_day((day - D(1904, 1, 1)).days, date1904=True) == day


@given(st.text(max_size=20))
def test_any_text_gives_a_day_nothing_or_a_clear_error(text):
    try:
        found = dates.day(text)
    except InputError as error:
        assert str(error)
    else:
        assert found is None or D(1900, 1, 1) <= found <= D(2200, 12, 31)


# 2024: 1–7 October off, 29 September and 12 October worked
OCTOBER = dates.Calendar(
    holidays=frozenset(D(2024, 10, n) for n in range(1, 8)),
    workdays=frozenset({D(2024, 9, 29), D(2024, 10, 12)}),
    first=D(2024, 9, 1),
    last=D(2024, 12, 31),
)


def test_working_days_skip_the_holiday_and_count_the_worked_weekend():
    assert OCTOBER.add(D(2024, 9, 30), 1) == D(2024, 10, 8)
    assert OCTOBER.add(D(2024, 9, 27), 1) == D(2024, 9, 29)
    assert OCTOBER.add(D(2024, 10, 11), 1) == D(2024, 10, 12)
    assert OCTOBER.add(D(2024, 10, 8), -1) == D(2024, 9, 30)
    assert OCTOBER.add(D(2024, 10, 3), 0) == D(2024, 10, 8)
    assert OCTOBER.between(D(2024, 9, 30), D(2024, 10, 12)) == 5


def test_a_year_without_its_table_is_refused_not_guessed():
    with pytest.raises(InputError, match="does not reach 2025-01-01"):
        OCTOBER.add(D(2024, 12, 31), 1)


@given(days, st.integers(min_value=1, max_value=60))
def test_adding_working_days_and_counting_them_agree(start, count):
    calendar = dates.Calendar.of([(D(2024, 10, 1), False), (D(2024, 10, 12), True)])
    end = calendar.add(start, count)
    assert calendar.works(end)
    assert calendar.between(start, end) == count
    assert calendar.between(end, start) == -count


@given(days, st.integers(min_value=-240, max_value=240))
def test_months_keep_the_day_or_end_the_month(start, months):
    found = dates.add_months(start, months)
    assert (found.year * 12 + found.month) - (start.year * 12 + start.month) == months
    assert found.day == start.day or (found + dt.timedelta(days=1)).day == 1


def test_years_of_a_leap_day():
    assert dates.add_years(D(2020, 2, 29), 4) == D(2024, 2, 29)
    assert dates.add_years(D(2020, 2, 29), -1) == D(2019, 2, 28)
