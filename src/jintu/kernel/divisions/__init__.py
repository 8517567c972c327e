"""Administrative division codes (GB/T 2260 with the survey's township and village digits) and their names in time.

`PPCCDD` province, city, county; + 3 digits township; + 3 digits village. Codes alone answer level, parents and
ranges; names need a list. The list shipped is GB/T 2260 in its 17 public states from 2002 to 2014, exactly as they
give it; a node adds its own townships, villages and later revisions with `Divisions.extended`.

>>> level("990121101"), parents("990121101")
(<Level.TOWNSHIP: 'township'>, ['990121', '990100', '990000'])
>>> code_range("990121")
('990121', '990122')
>>> find("990121").name, find("990121").sample
('示例县', True)
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path

from jintu.kernel.errors import InputError, Place

__all__ = [
    "REVISION",
    "Division",
    "Divisions",
    "Level",
    "check",
    "code_range",
    "covers",
    "find",
    "is_pseudo",
    "is_sample",
    "level",
    "load",
    "parent",
    "parents",
    "prefix",
    "resolve",
]

REVISION = dt.date(2014, 12, 31)
"""Day of the latest state of the shipped list: names and codes of later days are those of this day until a node
loads a newer list."""

_CODE = re.compile(r"[0-9]{6}|[0-9]{9}|[0-9]{12}")
DIRECT = frozenset({"11", "12", "31", "50"})
"""Provinces that are municipalities: their city level ("市辖区", "县") is no office."""
HEADINGS = frozenset({"市辖区", "县", "市", "晋城市市辖区", "省直辖行政单位"})
SAMPLE = "99"
"""Head of the invented divisions: outside GB/T 2260, so sample rows can never be taken for real ones."""


class Level(StrEnum):
    COUNTRY = "country"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"


def level(code: str) -> Level:
    """Level of a code by its form. Raises InputError when it is no division code."""
    if not _CODE.fullmatch(code):
        raise InputError("{code} is not a division code.", remedy="Codes have 6, 9 or 12 digits.", code=code)
    if code == "000000" or code == "100000":
        return Level.COUNTRY
    if len(code) == 6:
        if code.endswith("0000"):
            return Level.PROVINCE
        return Level.CITY if code.endswith("00") else Level.COUNTY
    if len(code) == 12 and not code.endswith("000"):
        return Level.VILLAGE
    return Level.TOWNSHIP if code[6:9] != "000" else level(code[:6])


def prefix(code: str) -> str:
    """The digits that name the division; every code below starts with them.

    >>> prefix("990000"), prefix("990100"), prefix("990121000000"), prefix("100000")
    ('99', '9901', '990121', '')
    """
    digits = {Level.COUNTRY: 0, Level.PROVINCE: 2, Level.CITY: 4, Level.COUNTY: 6, Level.TOWNSHIP: 9, Level.VILLAGE: 12}
    return code[: digits[level(code)]]


def code_range(code: str) -> tuple[str, str]:
    """(low, high): a row belongs to the division when low <= row.division < high, compared as text.

    >>> code_range("990000"), code_range("990121009")
    (('99', '9:'), ('990121009', '99012100:'))
    """
    low = prefix(code)
    return low, (low[:-1] + chr(ord(low[-1]) + 1)) if low else ":"


def covers(outer: str, inner: str) -> bool:
    """Whether the division ``inner`` is ``outer`` or lies in it, by the codes.

    >>> covers("990100", "990121001"), covers("990121", "990122")
    (True, False)
    """
    return prefix(inner).startswith(prefix(outer))


def is_sample(code: str) -> bool:
    """Whether the code is one of the invented ones."""
    return code.startswith(SAMPLE)


def is_pseudo(code: str) -> bool:
    """Whether the code is a heading of the list and no office: the city level of a municipality (110100 市辖区), of
    counties directly under a province (429000), and the county-level 市辖区 (130101).

    >>> is_pseudo("110100"), is_pseudo("429000"), is_pseudo("130101"), is_pseudo("520201")
    (True, True, True, False)
    """
    if code in _headings():
        return True
    # codes newer than the list: the pattern of the city level is fixed by the standard
    return level(code) is Level.CITY and (code[2:4] == "90" or (code[:2] in DIRECT and code[2:4] in ("01", "02", "03")))


@cache
def _heads() -> frozenset[str]:
    """Two-digit heads in use, to tell a mistyped code from one the list does not have yet."""
    return frozenset(d.code[:2] for d in load())


@cache
def _headings() -> frozenset[str]:
    """Codes the shipped list gives a heading's name at any time."""
    return frozenset(
        d.code for d in load() if d.name in HEADINGS or d.name.endswith(("直辖县级行政单位", "直辖县级行政区划"))
    )


def parent(code: str, *, offices: bool = True) -> str:
    """Code of the division above, "" for a province. With ``offices`` the headings of the list are skipped.

    >>> parent("110101"), parent("110101", offices=False), parent("990121101001")
    ('110000', '110100', '990121101')
    """
    kind = level(code)
    if kind in (Level.COUNTRY, Level.PROVINCE):
        return ""
    above = {
        Level.VILLAGE: code[:9],
        Level.TOWNSHIP: code[:6],
        Level.COUNTY: code[:4] + "00",
        Level.CITY: code[:2] + "0000",
    }[kind]
    return parent(above) if offices and level(above) is Level.CITY and is_pseudo(above) else above


def parents(code: str, *, offices: bool = True) -> list[str]:
    """Codes above, nearest first, up to the province."""
    found = []
    while code := parent(code, offices=offices):
        found.append(code)
    return found


def check(code: object, *, place: Place | None = None, within: str = "") -> str:
    """The code as text. Raises InputError when it is none, has no such province, or lies outside ``within``."""
    text = str(code).strip() if code is not None else ""
    if not _CODE.fullmatch(text):
        raise InputError(
            "{code} is not a division code.", place=place, remedy="Codes have 6, 9 or 12 digits.", code=text
        )
    if text[:2] not in _heads() and text not in ("000000", "100000"):
        raise InputError(
            "There is no province {head} (code {code}).",
            place=place,
            remedy="Check the first two digits.",
            head=text[:2],
            code=text,
        )
    if within and not covers(within, text):
        raise InputError(
            "The division {code} is not in {within}.",
            place=place,
            remedy="File it with the office it belongs to.",
            code=text,
            within=within,
        )
    return text


@dataclass(frozen=True, slots=True)
class Division:
    """One name of one code for a span of days; None is an open end."""

    code: str
    name: str
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    @property
    def level(self) -> Level:
        return level(self.code)

    @property
    def sample(self) -> bool:
        return is_sample(self.code)

    def valid_on(self, on: dt.date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


# the kinds a name may lose or change when a division is raised or reformed: 县 → 区, 县 → 市
_KINDS = (
    "特别行政区",
    "自治区",
    "自治州",
    "自治县",
    "自治旗",
    "地区",
    "林区",
    "新区",
    "矿区",
    "省",
    "市",
    "县",
    "区",
    "盟",
    "旗",
    "街道",
    "镇",
    "乡",
)
_SELF = ("市本级", "州本级", "地区本级", "省本级", "县本级", "区本级", "本级", "市直属", "市直")


def stem(name: str) -> str:
    """A name without the word for its kind, when something is left.

    >>> stem("永定县"), stem("永定区"), stem("市辖区")
    ('永定', '永定', '市辖区')
    """
    if name in ("市辖区", "县", "城区", "郊区", "矿区"):
        return name
    for kind in _KINDS:
        if name.endswith(kind) and len(name) - len(kind) >= 2:
            return name[: -len(kind)]
    return name


class Divisions:
    """A list of divisions with their history. Immutable; `extended` gives a larger one."""

    def __init__(self, divisions: Iterable[Division]) -> None:
        self._by_code: dict[str, list[Division]] = {}
        self._by_name: dict[str, list[Division]] = {}
        for division in divisions:
            self._by_code.setdefault(division.code, []).append(division)
            self._by_name.setdefault(division.name, []).append(division)
        for spans in self._by_code.values():
            spans.sort(key=lambda d: d.valid_from or dt.date.min)

    def __iter__(self) -> Iterator[Division]:
        return (division for spans in self._by_code.values() for division in spans)

    def __len__(self) -> int:
        return len(self._by_code)

    def __contains__(self, code: str) -> bool:
        return code in self._by_code

    def extended(self, more: Iterable[Division]) -> Divisions:
        """This list and ``more``; a code in ``more`` replaces its spans here."""
        added = list(more)
        codes = {division.code for division in added}
        return Divisions([*(d for d in self if d.code not in codes), *added])

    def find(self, code: str, on: dt.date | None = None) -> Division | None:
        """The division of a code on a day (today's when None); None when the list never had the code.

        An abolished code still resolves, to its last name before that day (see ``valid_to``), and a code not yet given
        on that day to its first name: old papers and late filings must stay readable. Ask `Division.valid_on` whether
        it was in force.
        """
        spans = self._by_code.get(code)
        if not spans and len(code) == 12 and code.endswith("000"):
            spans = self._by_code.get(code[:9].removesuffix("000"))
        if not spans:
            return None
        on = on or dt.date.max
        started = [d for d in spans if d.valid_from is None or d.valid_from <= on]
        return started[-1] if started else spans[0]

    def name(self, code: str, on: dt.date | None = None) -> str:
        """Name of a code on a day, "" when unknown."""
        division = self.find(code, on)
        return division.name if division else ""

    def path(self, code: str, on: dt.date | None = None) -> list[str]:
        """Names from the province down to the code; headings of the list (市辖区) are left out.

        >>> "/".join(load().path("990121101"))
        '示例省/示例市/示例县/霁川镇'
        """
        return [n for c in [*reversed(parents(code)), code] if (n := self.name(c, on))]

    def children(self, code: str, on: dt.date | None = None) -> list[Division]:
        """Divisions directly below that are in force on that day, by code; headings are passed through."""
        spans = self._below.get(code, [])
        return sorted((d for d in spans if d.valid_on(on or dt.date.max)), key=lambda d: d.code)

    @cached_property
    def _below(self) -> dict[str, list[Division]]:
        """Divisions by the code above them, without headings. Made once: pages ask for a county's townships."""
        below: dict[str, list[Division]] = {}
        for code, spans in self._by_code.items():
            if not is_pseudo(code):
                below.setdefault(parent(code), []).extend(spans)
        return below

    def named(self, name: str, on: dt.date | None = None, *, within: str = "") -> list[Division]:
        """Divisions of exactly that name below ``within``: those in force on that day, or else those of any time."""
        found = [d for d in self._by_name.get(name, []) if not within or (covers(within, d.code) and d.code != within)]
        found = [d for d in found if not is_pseudo(d.code)] or found
        current = [d for d in found if d.valid_on(on or dt.date.max)]
        if current:
            return current
        latest: dict[str, Division] = {}
        for division in found:
            latest[division.code] = division
        return list(latest.values())

    def resolve(
        self, text: str, on: dt.date | None = None, *, within: str = "", place: Place | None = None
    ) -> Division:
        """The one division a text names: "东源县", "广东省河源市东源县", "北京市 > 东城区", "石家庄市本级", or a code.

        ``within`` narrows it. A county renamed or raised meanwhile is found by its old name, or by the stem of its name
        where that is unique (永定区 for 永定县). Raises InputError when nobody or more than one is meant, naming them.
        """
        plain = re.sub(r"[\s>＞/／\\|,，、\-—－]+", " ", text).strip()
        if _CODE.fullmatch(plain) and (found := self.find(plain, on)):
            return found
        for suffix in _SELF:  # "北京市本级" is the city's own office; "本级" keeps the 市 of the name
            if plain.endswith(suffix) and len(plain) > len(suffix):
                rest = plain[: -len(suffix)] + (
                    suffix[0] if suffix[0] in "市州省县区" else "地区" * suffix.startswith("地区")
                )
                return self.resolve(rest, on, within=within, place=place)
        candidates = self._descend(plain, on, within)
        offices = {parent(d.code) for d in candidates}
        if len(candidates) > 1:
            # a province and the city of its own name, or a city and its district: the highest is meant
            highest = min(candidates, key=lambda d: len(prefix(d.code)))
            if all(covers(highest.code, d.code) for d in candidates):
                return highest
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise InputError(
                "{name} can be more than one division: {candidates}.",
                place=place,
                remedy="Write the division code, or the name with the city or province before it.",
                name=text.strip(),
                candidates=", ".join(f"{'/'.join(self.path(d.code, on))} {d.code}" for d in candidates[:8]),
                codes=[d.code for d in candidates],
                parents=sorted(offices),
            )
        raise InputError(
            "No division is named {name}.",
            place=place,
            remedy="Write the official name or the code; load the township list if it is a township.",
            name=text.strip(),
        )

    def _descend(self, text: str, on: dt.date | None, within: str) -> list[Division]:
        """Candidates for a path of names, blank-separated or run together: each part narrows the next."""
        scopes, found = [within], []
        for part in text.split():
            found = [d for scope in scopes for d in self._part(part, on, scope)]
            narrowed = [d.code for d in found]
            if not narrowed and part in HEADINGS:
                continue
            if not narrowed:
                return []
            scopes = narrowed
        return list(dict.fromkeys(found))

    def _part(self, name: str, on: dt.date | None, within: str) -> list[Division]:
        if found := self.named(name, on, within=within):
            return found
        if within and self.name(within, on) == name and (same := self.find(within, on)):
            return [same]
        # run together: "河北省石家庄市长安区", "北京市市辖区"
        for cut in range(len(name) - 1, 1, -1):
            heads = self.named(name[:cut], on, within=within)
            if not heads and within and self.name(within, on) == name[:cut] and (same := self.find(within, on)):
                heads = [same]
            if heads:
                rest = name[cut:]
                if rest in HEADINGS:
                    return heads
                below = [d for head in heads for d in self._part(rest, on, head.code)]
                if below:
                    return below
        if not within and len(name) >= 2:  # "内蒙古", "广西"
            provinces = [d for d in self if d.level is Level.PROVINCE and d.name.startswith(name)]
            if len(provinces) == 1:
                return provinces
        bare = stem(name)
        if bare == name or len(bare) < 2:
            return []
        alike = [
            d
            for kind in _KINDS
            for d in self.named(bare + kind, on, within=within)
            if d.level in (Level.COUNTY, Level.CITY)
        ]
        return list(dict.fromkeys(alike))

    def successors(self, code: str) -> list[Division]:
        """Where an abolished code went, as far as names tell: the same code's province has the name, or its stem, under
        another code from the day after. Empty when the list does not show it; such cases are the operator's to decide.
        """
        return self._neighbours(code, forward=True)

    def predecessors(self, code: str) -> list[Division]:
        """Codes that ended when this one began and bore its name or stem."""
        return self._neighbours(code, forward=False)

    def _neighbours(self, code: str, *, forward: bool) -> list[Division]:
        spans = self._by_code.get(code, [])
        if not spans:
            return []
        edge = spans[-1].valid_to if forward else spans[0].valid_from
        mine = spans[-1] if forward else spans[0]
        if edge is None:
            return []
        found = []
        for other, theirs in self._by_code.items():
            if other == code or other[:2] != code[:2] or len(other) != len(code) or is_pseudo(other):
                continue
            end = theirs[0] if forward else theirs[-1]
            border = end.valid_from if forward else end.valid_to
            touching = border is not None and (border == edge + dt.timedelta(days=1 if forward else -1))
            if touching and stem(end.name) == stem(mine.name) and level(other) is level(code):
                found.append(end)
        return sorted(found, key=lambda d: d.code)

    def code_ranges(self, code: str) -> list[tuple[str, str]]:
        """Ranges of a division and of its predecessors: a county keeps its rows from before it was recoded."""
        codes, queue = [code], [code]
        while queue:
            for before in self.predecessors(queue.pop()):
                if before.code not in codes:
                    codes.append(before.code)
                    queue.append(before.code)
        return [code_range(each) for each in codes]


def read_csv(path: Path) -> list[Division]:
    """Divisions of a CSV with the columns code, name, valid_from, valid_to (ISO days, empty = open).

    Raises InputError with the row for bad codes and days.
    """
    found = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            place = Place(file=path.name, row=number)
            try:
                days = [
                    dt.date.fromisoformat(row[name]) if row.get(name) else None for name in ("valid_from", "valid_to")
                ]
                code = row["code"].strip()
                if not _CODE.fullmatch(code) or not row["name"].strip():
                    raise ValueError(code)
                found.append(Division(code, row["name"].strip(), *days))
            except (KeyError, ValueError) as error:
                raise InputError("The row needs code, name, and days as 2014-12-31.", place=place) from error
    return found


@cache
def load() -> Divisions:
    """The shipped list and the sample divisions; read once."""
    here = Path(__file__).parent
    return Divisions([*read_csv(here / "gb2260.csv"), *read_csv(here / "sample.csv")])


def find(code: str, on: dt.date | None = None) -> Division | None:
    """`Divisions.find` in the shipped list."""
    return load().find(code, on)


def resolve(text: str, on: dt.date | None = None, *, within: str = "", place: Place | None = None) -> Division:
    """`Divisions.resolve` in the shipped list."""
    return load().resolve(text, on, within=within, place=place)
