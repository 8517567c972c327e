"""Days as people write them → `datetime.date`, and working days over a given calendar of holidays.

>>> day("2019年06月26日"), day("2020/4/17"), day("20090602")
(datetime.date(2019, 6, 26), datetime.date(2020, 4, 17), datetime.date(2009, 6, 2))
>>> day("2009-02-31")
Traceback (most recent call last):
jintu.kernel.errors.InputError: 2009-02-31 is not a day of the calendar. Correct the date.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from jintu.kernel.errors import InputError, Place

__all__ = ["Calendar", "add_months", "add_years", "day", "days_between", "excel_day", "from_chinese"]

_NOTHING = {"", "-", "--", "---", "—", "/", "无", "none", "null", "nat", "0", "00000000"}
# a time may follow and is dropped; "土09时" is a known slip of one web form for "日09时"
_TIME = r"(?:[T\s日土]*\d{1,2}[:时点]\s*(?:\d{1,2}(?:[:分]\s*(?:\d{1,2}(?:\.\d+)?秒?)?)?)?分?(?:Z|[+-]\d{2}:?\d{2})?)?"
_YMD = re.compile(rf"(\d{{4}})\s*(?:[-/.年])\s*(\d{{1,2}})\s*(?:[-/.月])\s*(\d{{1,2}})\s*[日号土]?{_TIME}", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{6})?", re.ASCII)
_ANY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})")
_SHORT_YEAR = re.compile(r"(\d{2})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_MONTH = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?")
_CHINESE = re.compile(
    r"([〇○零O一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})日"
)
_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "O": 0}
EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2200, 12, 31)


def day(value: object, *, place: Place | None = None, serials: bool = False, date1904: bool = False) -> dt.date | None:
    """The day a cell names, None when it is empty; a time of day behind it is dropped.

    Read are 2019年06月26日, 2019-6-26, 2019/06/26, 2019.6.26, 20190626, the same with a time, 二〇一九年六月二十六日,
    and `date`/`datetime` values. Numbers are Excel serials only when ``serials`` says the column comes from a
    spreadsheet. Raises InputError for 31 February, for a month without a day, and for 03/04/2019, 19-6-26 and the
    like, whose order nobody can know.
    """
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if serials and not (isinstance(value, float) and value != value):
            return excel_day(value, place=place, date1904=date1904)
        if float(value).is_integer() and 19000101 <= value <= 22001231:
            return day(str(int(value)), place=place)
        raise InputError(
            "{value} is a number, not a date.",
            place=place,
            remedy="If it is a spreadsheet serial, say so in the mapping.",
            value=value,
        )
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", str(value))).strip()
    if text.lower() in _NOTHING:
        return None
    if serials and re.fullmatch(r"\d{4,6}(\.\d+)?", text):
        return excel_day(float(text), place=place, date1904=date1904)
    for pattern in (_YMD, _COMPACT):
        if found := pattern.fullmatch(text):
            year, month, number = (int(part) for part in found.groups()[:3])
            return _date(year, month, number, text, place)
    if (chinese := from_chinese(text, place=place)) is not None:
        return chinese
    if _ANY.fullmatch(text) or _SHORT_YEAR.fullmatch(text):
        raise InputError(
            "{value} can be read as more than one date.",
            place=place,
            remedy="Write the year first, with four digits: 2019-06-26.",
            value=text,
        )
    if _MONTH.fullmatch(text):
        raise InputError("{value} names a month, not a day.", place=place, remedy="Add the day.", value=text)
    raise InputError(
        "{value} is not a date.", place=place, remedy="Write it as 2019-06-26 or 2019年6月26日.", value=text[:60]
    )


def _date(year: int, month: int, number: int, text: str, place: Place | None) -> dt.date:
    try:
        found = dt.date(year, month, number)
    except ValueError:
        raise InputError(
            "{value} is not a day of the calendar.", place=place, remedy="Correct the date.", value=text
        ) from None
    if not EARLIEST <= found <= LATEST:
        raise InputError("The year of {value} cannot be meant.", place=place, remedy="Correct the date.", value=text)
    return found


def excel_day(serial: float, *, place: Place | None = None, date1904: bool = False) -> dt.date:
    """Day of a spreadsheet serial. Excel's 1900 system counts a 29 February 1900 that never was (serial 60).

    >>> excel_day(43642), excel_day(1), excel_day(61)
    (datetime.date(2019, 6, 26), datetime.date(1900, 1, 1), datetime.date(1900, 3, 1))
    """
    whole = int(serial // 1)
    if date1904:
        start, offset = dt.date(1904, 1, 1), whole
    elif whole == 60:
        raise InputError(
            "{value} is 29 February 1900, a day that never was.", place=place, remedy="Correct the date.", value=serial
        )
    else:
        start, offset = dt.date(1899, 12, 31), whole if whole < 60 else whole - 1
    if offset < 0 or (not date1904 and whole < 1) or offset > 109_939:
        raise InputError("{value} is not a date serial.", place=place, remedy="Correct the date.", value=serial)
    return start + dt.timedelta(days=offset)


def from_chinese(text: str, *, place: Place | None = None) -> dt.date | None:
    """Day written in Chinese numerals, as official documents sign: 二〇〇九年六月二日; None for any other text.

    >>> from_chinese("二○一九年十二月三十一日")
    datetime.date(2019, 12, 31)
    """
    found = _CHINESE.fullmatch(text)
    if not found:
        return None
    year = int("".join(str(_DIGITS[c]) for c in found[1]))
    return _date(year, _small(found[2]), _small(found[3]), text, place)


def _small(text: str) -> int:
    """1–99 in Chinese: 六, 十, 十二, 二十, 三十一."""
    tens, ten, ones = text.partition("十")
    if not ten:
        return _DIGITS[tens] if len(tens) == 1 else 0
    return (_DIGITS.get(tens, 99) if tens else 1) * 10 + (_DIGITS.get(ones, 99) if ones else 0)


@dataclass(frozen=True)
class Calendar:
    """Working days: Monday to Friday, less ``holidays``, plus ``workdays`` (weekends worked to make up, 调休).

    The table is data of the node, published yearly; ``first`` and ``last`` say which days it is complete for, and
    asking beyond them raises InputError, so that a missing year is never counted as if it had no holidays.
    """

    holidays: Collection[dt.date] = field(default_factory=frozenset)
    workdays: Collection[dt.date] = field(default_factory=frozenset)
    first: dt.date = dt.date.min
    last: dt.date = dt.date.max

    @classmethod
    def of(cls, rows: Iterable[tuple[dt.date, bool]], **limits: dt.date) -> Calendar:
        """From rows (day, is it a working day) that depart from Monday to Friday."""
        rows = list(rows)
        return cls(frozenset(d for d, works in rows if not works), frozenset(d for d, works in rows if works), **limits)

    def works(self, on: dt.date) -> bool:
        """Whether people work on that day. Raises InputError outside the table."""
        if not self.first <= on <= self.last:
            raise InputError(
                "The calendar of working days does not reach {day}.",
                remedy="Load the official holiday table of that year.",
                day=on.isoformat(),
            )
        return on in self.workdays or (on.weekday() < 5 and on not in self.holidays)

    def add(self, start: dt.date, count: int) -> dt.date:
        """The day ``count`` working days after ``start``; the day of the event itself is not counted (民法典 §201).

        ``count`` 0 gives ``start`` or the next working day; a negative one counts backwards.
        """
        step = dt.timedelta(days=1 if count >= 0 else -1)
        found = start
        if count == 0:
            while not self.works(found):
                found += step
            return found
        left = abs(count)
        while left:
            found += step
            left -= self.works(found)
        return found

    def between(self, start: dt.date, end: dt.date) -> int:
        """Working days after ``start`` up to and including ``end``; negative when ``end`` is earlier."""
        if end < start:
            return -self.between(end, start)
        return sum(self.works(start + dt.timedelta(days=n)) for n in range(1, (end - start).days + 1))


def add_months(start: dt.date, months: int) -> dt.date:
    """The same day ``months`` later; where the month has no such day, its last day (民法典 §202).

    >>> add_months(dt.date(2024, 1, 31), 1)
    datetime.date(2024, 2, 29)
    """
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    following = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return dt.date(year, month + 1, min(start.day, (following - dt.timedelta(days=1)).day))


def add_years(start: dt.date, years: int) -> dt.date:
    """The same day ``years`` later; 29 February becomes 28 February.

    >>> add_years(dt.date(2020, 2, 29), 1)
    datetime.date(2021, 2, 28)
    """
    return add_months(start, 12 * years)


def days_between(start: dt.date, end: dt.date) -> int:
    """Calendar days after ``start`` up to and including ``end``."""
    return (end - start).days
