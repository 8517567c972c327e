"""Code lists (代码表) as data: one CSV per list, with the standard and the days each code is valid.

>>> get("land_use").name("011"), get("land_use").name("011", "en")
('水田', 'paddy field')
>>> get("land_use").group("061"), three_class("114K"), three_class("1103")
('industry', 'AGRI', 'AGRI')
>>> colour("0101")
'--jt-lu-01'
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jintu.kernel.errors import InputError, Missing, Place

__all__ = ["AGRI", "CONSTRUCTION", "UNUSED", "Code", "CodeList", "colour", "get", "land_use", "names", "three_class"]

AGRI, CONSTRUCTION, UNUSED = "AGRI", "CONSTRUCTION", "UNUSED"


@dataclass(frozen=True, slots=True)
class Code:
    """One entry. ``group`` joins codes that rules treat alike; ``value`` is a figure or class that goes with the code
    (three-class of a land use, years of a term, yuan per m² of a grade)."""

    code: str
    name_zh: str
    name_en: str = ""
    parent: str = ""
    group: str = ""
    value: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    source: str = ""

    def valid_on(self, on: dt.date | None) -> bool:
        return on is None or (
            (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)
        )


class CodeList:
    """A list in the order of its file. A code may have several entries with different validity."""

    def __init__(self, list_id: str, codes: list[Code]) -> None:
        self.id = list_id
        self._codes: dict[str, list[Code]] = {}
        for code in codes:
            self._codes.setdefault(code.code, []).append(code)

    def __iter__(self) -> Iterator[Code]:
        return (code for entries in self._codes.values() for code in entries)

    def __contains__(self, code: object) -> bool:
        return code in self._codes

    def __len__(self) -> int:
        return len(self._codes)

    def find(self, code: str, on: dt.date | None = None) -> Code | None:
        """The entry of a code on a day; the latest one when no day is given or none is valid on it."""
        entries = self._codes.get(code)
        if not entries:
            return None
        return next((entry for entry in reversed(entries) if entry.valid_on(on)), entries[-1])

    def get(self, code: str, on: dt.date | None = None) -> Code:
        """The entry. Raises Missing when the list has no such code."""
        found = self.find(code, on)
        if found is None:
            raise Missing("The list {list} has no code {code}.", list=self.id, code=code)
        return found

    def check(self, code: object, on: dt.date | None = None, *, place: Place | None = None) -> str:
        """The code as text. Raises InputError when it is not in the list, or not on that day."""
        text = str(code).strip() if code is not None else ""
        found = self.find(text, on)
        if found is None or not found.valid_on(on):
            raise InputError(
                "{code} is not in the list {list}.",
                place=place,
                remedy="Use one of: {codes}.",
                code=text,
                list=self.id,
                codes=", ".join(f"{c.code} {c.name_zh}" for c in list(self)[:12] if c.valid_on(on)),
            )
        return text

    def name(self, code: str, language: str = "zh", on: dt.date | None = None) -> str:
        """Name in Chinese or English, "" for a code the list does not have."""
        found = self.find(code, on)
        if found is None:
            return ""
        return (found.name_en or found.name_zh) if language.startswith("en") else found.name_zh

    def group(self, code: str) -> str:
        """Group of a code, by its longest known beginning: "0611" falls in the group of "061"; "" when unknown."""
        while code:
            if found := self.find(code):
                return found.group
            code = code[:-1]
        return ""

    def by_name(self, name: str) -> Code | None:
        """The entry with that Chinese or English name; "旱地" → 013. The shortest code wins when names repeat."""
        plain = name.strip().replace("(", "（").replace(")", "）")
        found = [
            c
            for c in self
            if plain in (c.name_zh.replace("(", "（").replace(")", "）"), c.name_en) or name == c.name_en
        ]
        return min(found, key=lambda c: (len(c.code), c.code), default=None)

    def children(self, code: str) -> list[Code]:
        return [entry for entry in self if entry.parent == code]

    def labels(self, language: str = "zh", on: dt.date | None = None, *, leaves: bool = False) -> dict[str, str]:
        """Code → name of the codes valid on a day, in the list's order; ``leaves`` leaves out codes with children."""
        parents = {entry.parent for entry in self} if leaves else set()
        return {
            code: self.name(code, language, on)
            for code, entries in self._codes.items()
            if code not in parents and any(entry.valid_on(on) for entry in entries)
        }


def names() -> list[str]:
    """Names of the lists shipped."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.csv"))


@cache
def get(list_id: str) -> CodeList:
    """A shipped list by name. Raises Missing when there is none."""
    path = Path(__file__).parent / f"{list_id}.csv"
    if not list_id.isidentifier() or not path.exists():
        raise Missing("There is no code list {name}.", name=list_id)
    return read_csv(path)


def read_csv(path: Path) -> CodeList:
    """A list from a CSV with the columns code, name_zh and, as far as there are any, the other fields of `Code`.

    Raises InputError with the row for missing codes and bad days.
    """
    codes = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                days = [dt.date.fromisoformat(row[key]) if row.get(key) else None for key in ("valid_from", "valid_to")]
                if not row["code"].strip() or not row["name_zh"].strip():
                    raise ValueError("empty")
                name_en, parent, group, value, source = (
                    (row.get(key) or "").strip() for key in ("name_en", "parent", "group", "value", "source")
                )
                code, name_zh = row["code"].strip(), row["name_zh"].strip()
                codes.append(Code(code, name_zh, name_en, parent, group, value, days[0], days[1], source))
            except (KeyError, ValueError) as error:
                raise InputError(
                    "The row needs a code, a name, and days as 2014-12-31.", place=Place(file=path.name, row=number)
                ) from error
    return CodeList(path.stem, codes)


def land_use(code: str) -> CodeList:
    """The land-use list a code belongs to: four digits are GB/T 21010-2017, two or three that of 2007 and the survey.

    A code is never read by the other version: both 113 and 1103 are reservoirs, but of different three-class.
    """
    bare = code.removesuffix("K")
    return get("land_use_2017" if len(bare) == 4 and bare.isdigit() else "land_use")


def three_class(code: str) -> str:
    """AGRI, CONSTRUCTION or UNUSED of a land-use code (Land Administration Law art. 4), "" when unknown.

    First-level codes have no class of their own where their children differ.

    >>> three_class("113"), three_class("11"), three_class("01")
    ('CONSTRUCTION', '', 'AGRI')
    """
    codes = land_use(code)
    found = codes.find(code) or codes.find(code.removesuffix("K"))
    if found is None:
        return ""
    if found.value:
        return found.value
    classes = {child.value for child in codes.children(code)}
    return classes.pop() if len(classes) == 1 else ""


def colour(code: str) -> str:
    """CSS custom property with the map colour of a land-use code's first level; settlement (20x) takes that of 07."""
    head = code[:2]
    return (
        f"--jt-lu-{'07' if head == '20' else head}" if head.isdigit() and ("01" <= head <= "12" or head == "20") else ""
    )
