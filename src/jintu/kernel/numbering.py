"""Numbers of documents, supplies and filings: how they are read, checked and continued. No number is stored here.

Allocation is pure: given the last serial, the next number. The register's own table keeps the last serial under a
lock, so that numbers are gapless where the law wants it and never used twice.

>>> document("国土资函〔2009〕123号")
DocumentNumber(agency='国土资函', year=2009, serial=123)
>>> str(document("国土资函[2009]0123号"))
'国土资函〔2009〕123号'
>>> supervision("1101002019B01570").letter
'B'
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from jintu.kernel import divisions
from jintu.kernel.errors import InputError, Place

__all__ = [
    "RULES",
    "SUPERVISION_LETTERS",
    "DocumentNumber",
    "SupervisionNumber",
    "allot",
    "check_document",
    "check_supervision",
    "document",
    "filing_number",
    "natural_key",
    "project_number",
    "series",
    "supervision",
]

SUPERVISION_LETTERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "A": frozenset({"1"}),
        "B": frozenset({"21", "22", "23", "24"}),
        "C": frozenset({"3"}),
        "D": frozenset({"4", "5", "9"}),
    }
)
"""Letter → supply methods (codes of ``supply_method``) for which practice uses it. Not official: a node may set its own
mapping, and a letter that does not fit is a warning, never a refusal."""

_DOCUMENT = re.compile(
    r"([\u4e00-\u9fffA-Za-z（）()、]+?)[〔【\[(（﹝]\s*((?:19|20)\d{2})\s*[〕】\])）﹞]\s*第?\s*0*(\d{1,6})\s*号?"
)
_STRICT = re.compile(r"[\u4e00-\u9fa5A-Za-z]+〔\d{4}〕[1-9]\d*号")
_SUPERVISION = re.compile(r"(\d{6})((?:19|20)\d{2})([A-Z])(\d{5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class DocumentNumber:
    """文号: agency code, year and serial (GB/T 9704: six-cornered brackets, no leading zeros)."""

    agency: str
    year: int
    serial: int

    def __str__(self) -> str:
        return f"{self.agency}〔{self.year}〕{self.serial}号"


def document(text: str) -> DocumentNumber | None:
    """Parts of a document number, whatever its brackets and leading zeros; None when it is not one."""
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _DOCUMENT.fullmatch(re.sub(r"\s+", "", plain))
    if not found or int(found[3]) == 0:
        return None
    return DocumentNumber(found[1], int(found[2]), int(found[3]))


def check_document(text: str, *, signed_on: dt.date | None = None, place: Place | None = None) -> list[InputError]:
    """What is wrong with a document number, empty when nothing is. Written otherwise than GB/T 9704 says counts."""
    found = document(text)
    if found is None:
        return [
            InputError(
                "{number} is not a document number.",
                place=place,
                remedy="Write it as 国土资函〔2009〕123号.",
                number=text.strip(),
            )
        ]
    problems = []
    if not _STRICT.fullmatch(text.strip()):
        problems.append(
            InputError(
                "{number} is not written as the standard says.",
                place=place,
                remedy="Write {proper}.",
                number=text.strip(),
                proper=str(found),
            )
        )
    if signed_on and found.year != signed_on.year:
        problems.append(
            InputError(
                "The number {number} is of {year}, the document was signed in {signed}.",
                place=place,
                remedy="Correct the number or the date.",
                number=str(found),
                year=found.year,
                signed=signed_on.year,
            )
        )
    return problems


@dataclass(frozen=True, slots=True)
class SupervisionNumber:
    """电子监管号: 6 digits division, 4 digits year, letter, 5 digits serial: 16 characters."""

    division: str
    year: int
    letter: str
    serial: int

    def __str__(self) -> str:
        return f"{self.division}{self.year}{self.letter}{self.serial:05d}"


def supervision(text: str) -> SupervisionNumber | None:
    """Parts of an electronic supervision number; None when it is not one."""
    plain = re.sub(r"[\s\-]+", "", unicodedata.normalize("NFKC", text)).upper()
    found = _SUPERVISION.fullmatch(plain)
    return SupervisionNumber(found[1], int(found[2]), found[3], int(found[4])) if found else None


def check_supervision(
    text: str,
    *,
    division: str = "",
    signed_on: dt.date | None = None,
    method: str = "",
    letters: Mapping[str, frozenset[str]] = SUPERVISION_LETTERS,
    place: Place | None = None,
) -> list[InputError]:
    """What is wrong with a supervision number for a supply in ``division``, signed on a day, by ``method``.

    A number of another county is wrong; one of the county's city is not, because districts file under it. The year is
    that of the contract or the one before it. Each problem has ``params["part"]``: form, division, year, letter or
    serial.
    """
    found = supervision(text)
    if found is None:
        return [
            InputError(
                "{number} is not an electronic supervision number.",
                place=place,
                remedy="It has 6 digits division, 4 digits year, a letter and 5 digits.",
                number=text.strip(),
                part="form",
            )
        ]
    problems = []

    def wrong(part: str, sentence: str, remedy: str, **params: object) -> None:
        problems.append(InputError(sentence, place=place, remedy=remedy, number=str(found), part=part, **params))

    try:
        divisions.check(found.division)
        known = divisions.find(found.division) is not None
    except InputError:
        known = False
    if not known:
        wrong(
            "division",
            "The supervision number {number} starts with {code}, which is no division.",
            "Correct the number.",
            code=found.division,
        )
    elif division and not (divisions.covers(found.division, division) or divisions.covers(division, found.division)):
        wrong(
            "division",
            "The supervision number {number} is of {other}, the row of {own}.",
            "Correct the number, or file the row with the office that issued it.",
            other=divisions.find(found.division).name or found.division,  # type: ignore[union-attr]
            own=getattr(divisions.find(division), "name", division),
        )
    elif (
        division
        and found.division != division[:6]
        and divisions.level(found.division) is divisions.Level.PROVINCE
        and (found.division[:2] not in divisions.DIRECT)
    ):
        wrong("division", "The supervision number {number} is of a whole province.", "Correct the number.")
    if signed_on and found.year not in (signed_on.year, signed_on.year - 1):
        wrong(
            "year",
            "The supervision number {number} is of {year}, the contract of {signed}.",
            "Correct the number or the date.",
            year=found.year,
            signed=signed_on.year,
        )
    if method and letters and found.letter in letters and method not in letters[found.letter]:
        wrong(
            "letter",
            "The letter {letter} of the supervision number {number} does not fit the way of supply.",
            "Check number and way of supply; the letters are a setting of the node.",
            letter=found.letter,
        )
    if found.serial == 0:
        wrong("serial", "The serial of the supervision number {number} is zero.", "Correct the number.")
    return problems


def filing_number(division: str, on: dt.date, kind: str, serial: int) -> str:
    """Number of a filing: division, day, kind (2–4 capitals), 5 digits.

    >>> filing_number("990121", dt.date(2026, 6, 15), "GD", 7)
    '99012120260615GD00007'
    """
    if not re.fullmatch(r"[A-Z]{2,4}", kind):
        raise InputError("{kind} is not a kind of filing (2 to 4 capitals).", kind=kind)
    return f"{divisions.check(division)[:6]}{on:%Y%m%d}{kind}{_serial(serial, 5)}"


def project_number(division: str, year: int, kind: str, serial: int) -> str:
    """Number of a consolidation project: division, year, kind letter, 4 digits."""
    if not re.fullmatch(r"[A-Z]", kind):
        raise InputError("{kind} is not a kind of project (one capital).", kind=kind)
    return f"{divisions.check(division)[:6]}{year:04d}{kind}{_serial(serial, 4)}"


def _serial(number: int, digits: int) -> str:
    if not 1 <= number < 10**digits:
        raise InputError(
            "The serial {serial} does not fit {digits} digits.",
            remedy="The series of this year is used up.",
            serial=number,
            digits=digits,
        )
    return f"{number:0{digits}d}"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of number continues. ``series`` names the counter; numbers of one series are consecutive."""

    name: str
    pattern: str
    digits: int

    def series(self, division: str, on: dt.date, kind: str = "") -> str:
        """Key of the counter.

        >>> RULES["supervision"].series("990121", dt.date(2026, 6, 15), "B")
        '9901212026B'
        """
        parts = {"division": divisions.check(division)[:6], "year": f"{on.year:04d}", "kind": kind}
        return self.pattern.format(**parts)

    def next(self, last: int, division: str, on: dt.date, kind: str = "") -> tuple[int, str]:
        """(serial, number) after the last serial of the series. Raises InputError when the series is used up."""
        serial = last + 1
        return serial, self.series(division, on, kind) + _serial(serial, self.digits)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Rule("supervision", "{division}{year}{kind}", 5),
            Rule("contract", "{division}-{year}-", 4),
            Rule("project", "{division}{year}{kind}", 4),
            Rule("patch", "{division}-{year}-", 5),
            Rule("case", "{division}-{year}-{kind}", 4),
            Rule("finding", "F{division}{year}", 6),
        )
    }
)


def series(rule: str, division: str, on: dt.date, kind: str = "") -> str:
    """Key of the counter of a rule of RULES."""
    return RULES[rule].series(division, on, kind)


def allot(rule: str, last: int, division: str, on: dt.date, kind: str = "") -> tuple[int, str]:
    """(serial, number) following ``last`` in the series.

    >>> allot("supervision", 41, "990121", dt.date(2026, 6, 15), "B")
    (42, '9901212026B00042')
    """
    return RULES[rule].next(last, division, on, kind)


def natural_key(
    parts: Mapping[str, object] | Sequence[tuple[str, object]], *, head: str = "NK", length: int = 20
) -> str:
    """A stable key for a row without a number, from named facts that identify it.

    Order of the parts, blanks, full-width forms, trailing zeros of numbers and empty parts make no difference; a part
    named otherwise does. ``length`` base-32 characters (20 = 100 bits).

    >>> a = natural_key({"project": "华远 一期", "signed_on": dt.date(2019, 6, 26), "area": Decimal("120.50")})
    >>> same = [("area", Decimal("120.5")), ("signed_on", "2019-06-26"), ("project", "华远一期"), ("note", "")]
    >>> natural_key(same) == a
    True
    >>> a.startswith("NK-"), len(a)
    (True, 23)
    """
    lines = []
    for name, value in sorted(dict(parts).items()):
        text = _key_text(value)
        if text:
            lines.append(f"{name}={text}")
    if not lines:
        raise InputError(
            "The row has none of the facts its key is made of: {names}.",
            remedy="Fill at least one.",
            names=", ".join(dict(parts)),
        )
    digest = hashlib.sha256("\n".join(lines).encode()).digest()
    return f"{head}-{base64.b32encode(digest).decode()[:length]}"


def _key_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, float, Decimal)):
        text = format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(value))).casefold()
