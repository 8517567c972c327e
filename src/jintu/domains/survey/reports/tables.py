"""The summary tables of the Second Survey as data: which rows, which columns, what each one sums.

The list of tables and their columns is from memory (mark M); docs/reference/tables.md says what is verified.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from . import classes

__all__ = ["OWNERS", "SLOPES", "Column", "Table", "Where", "all_tables", "get"]

OWNERS = ("state", "collective")
SLOPES = (
    ("1", "≤2°", "up to 2°"),
    ("2", "2°～6°", "2°–6°"),
    ("3", "6°～15°", "6°–15°"),
    ("4", "15°～25°", "15°–25°"),
    ("5", "＞25°", "over 25°"),
)


@dataclass(frozen=True, slots=True)
class Where:
    """Which cells of a cube a figure sums. Empty means all. ``first``, ``second``: levels of the rural classes;
    ``codes``: classes as delivered."""

    first: str = ""
    second: str = ""
    codes: tuple[str, ...] = ()
    own: str = ""
    slope: str = ""
    kind: str = ""
    three: str = ""

    def query(self) -> dict[str, str]:
        """For an address."""
        words = {n: getattr(self, n) for n in ("first", "second", "own", "slope", "kind", "three")}
        return {k: v for k, v in words.items() if v} | ({"codes": ",".join(self.codes)} if self.codes else {})

    @classmethod
    def of(cls, words: dict[str, str]) -> Where:
        """From an address; what is not known there is left out."""
        codes = tuple(c for c in words.get("codes", "")[:200].split(",") if c)
        names = ("first", "second", "own", "slope", "kind", "three")
        return cls(codes=codes, **{n: words.get(n, "")[:12] for n in names})


@dataclass(frozen=True, slots=True)
class Column:
    """``head``: (Chinese, English) of the head and, for a column under a group, the group's before it."""

    key: str
    head: tuple[tuple[str, str], ...]
    where: Where
    total: bool = False
    """A sum of other columns of the table, shown in bold."""


@dataclass(frozen=True, slots=True)
class Table:
    """``base``: the cube it sums: patches, farmland, exclave, exclave_owner, island, urban. ``by_owner``: three rows to
    a division: all, state-owned, collective. ``parts``: keys of columns that make the first one."""

    id: str
    number: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    base: str = "patches"
    by_owner: bool = False
    parts: tuple[str, ...] = ()
    mark: str = "M"
    layout: str = "areas"
    note: tuple[str, str] = field(default=("", ""))


def _named(code: str) -> tuple[str, str]:
    return classes.name(code, True), classes.name(code, False)


def _total(zh: str, en: str, where: Where | None = None) -> Column:
    return Column("total", ((zh, en),), where or Where(), total=True)


WHOLE = _total("行政辖区总面积", "whole area")


def _first_level(total: Column = WHOLE) -> tuple[Column, ...]:
    return (total, *(Column(f, (_coded(f),), Where(first=f)) for f in classes.FIRSTS), _unlisted())


def _coded(code: str) -> tuple[str, str]:
    zh, en = _named(code)
    shown = "" if code in (classes.UNDIVIDED, classes.OUTSIDE) else f" ({code})"
    return f"{zh}{shown}", f"{en}{shown}"


def _unlisted() -> Column:
    """Classes of no list; shown only where there are any, so that the total is the sum of what is shown."""
    return Column(classes.OUTSIDE, (_coded(classes.OUTSIDE),), Where(first=classes.OUTSIDE))


def _second_level(total: Column = WHOLE) -> tuple[Column, ...]:
    found = [total]
    for first in classes.FIRSTS:
        found.append(Column(first, (_coded(first), ("小计", "all")), Where(first=first), total=True))
        found += [Column(s, (_coded(first), _coded(s)), Where(second=s)) for s in classes.seconds(first)]
    return (*found, _unlisted())


def _slope() -> tuple[Column, ...]:
    cultivated = Where(first="01")
    found = [Column("total", (("耕地总面积", "cultivated land"),), cultivated, total=True)]
    for code, zh, en in SLOPES:
        if code == "1":
            found.append(Column("1", ((zh, en),), Where(first="01", slope="1")))
            continue
        group = (zh, en)
        found.append(Column(code, (group, ("小计", "all")), Where(first="01", slope=code), total=True))
        for kind, word in (("T", ("梯田", "terrace")), ("P", ("坡地", "slope land"))):
            found.append(Column(f"{code}{kind}", (group, word), Where(first="01", slope=code, kind=kind)))
        found.append(
            Column(f"{code}-", (group, ("未注类型", "type not given")), Where(first="01", slope=code, kind="-"))
        )
    found.append(Column("-", (("未注坡度", "slope not given"),), Where(first="01", slope="-")))
    return tuple(found)


def _farmland() -> tuple[Column, ...]:
    cultivated = ("耕地", "cultivated land")
    slope = ("耕地坡度", "slope of cultivated land")
    return (
        _total("基本农田面积", "basic farmland"),
        Column("01", (cultivated, ("小计", "all")), Where(first="01"), total=True),
        *(Column(s, (cultivated, _coded(s)), Where(second=s)) for s in classes.seconds("01")),
        *(Column(f, (_coded(f),), Where(first=f)) for f in classes.FIRSTS if f != "01"),
        _unlisted(),
        *(Column(f"s{c}", (slope, (zh, en)), Where(first="01", slope=c)) for c, zh, en in SLOPES),
        Column("s-", (slope, ("未注坡度", "slope not given")), Where(first="01", slope="-")),
    )


def _adjustable() -> tuple[Column, ...]:
    total = _total("可调整地类面积", "adjustable land", Where(codes=classes.ADJUSTABLE))
    return (total, *(Column(c, (_coded(c),), Where(codes=(c,))) for c in classes.ADJUSTABLE))


def _urban(second: bool) -> tuple[Column, ...]:
    total = _total("城镇土地总面积", "urban land")
    found = [total]
    for first in classes.URBAN:
        codes = tuple(c for c in _urban_codes(first))
        if not second:
            found.append(Column(first, (_coded(first),), Where(codes=codes)))
            continue
        found.append(Column(first, (_coded(first), ("小计", "all")), Where(codes=codes), total=True))
        found += [Column(c, (_coded(first), _coded(c)), Where(codes=(c,))) for c in codes]
    return tuple(found)


def _urban_codes(first: str) -> list[str]:
    from jintu.kernel import codelists

    return [c.code for c in codelists.get("land_use").children(first) if not c.code.endswith("K")]


def _three() -> tuple[Column, ...]:
    from jintu.kernel import codelists

    heads = {
        codelists.AGRI: ("农用地", "agricultural land"),
        codelists.CONSTRUCTION: ("建设用地", "construction land"),
        codelists.UNUSED: ("未利用地", "unused land"),
    }
    found = [Column(three, (head,), Where(three=three)) for three, head in heads.items()]
    return (WHOLE, *found, Column("-", (("清单外", "outside the list"),), Where(three="-")))


@cache
def all_tables() -> tuple[Table, ...]:
    """All tables in the order of their numbers; 0 is not of the survey's list, but what its users ask first."""
    exclave = _total("飞入地面积", "exclaves")
    island = _total("海岛面积", "islands")
    urban_parts = classes.URBAN
    first = (*classes.FIRSTS, classes.OUTSIDE)
    threes = ("AGRI", "CONSTRUCTION", "UNUSED", "-")
    slopes = ("1", "2", "3", "4", "5", "-")
    return (
        Table("three", "0", "土地利用现状三大类面积汇总表", "Three classes", _three(), parts=threes, mark="V"),
        Table("first", "1", "土地利用现状一级分类面积汇总表", "First-level classes", _first_level(), parts=first),
        Table(
            "first-owner",
            "2",
            "土地利用现状一级分类面积按权属性质汇总表",
            "First-level classes by ownership",
            _first_level(),
            by_owner=True,
            parts=first,
        ),
        Table(
            "second", "3", "农村土地利用现状二级分类面积汇总表", "Second-level classes", _second_level(), parts=first
        ),
        Table(
            "second-owner",
            "4",
            "农村土地利用现状二级分类面积按权属性质汇总表",
            "Second-level classes by ownership",
            _second_level(),
            by_owner=True,
            parts=first,
        ),
        Table("slope", "5", "耕地坡度分级面积汇总表", "Cultivated land by slope", _slope(), parts=slopes),
        Table("farmland", "6", "基本农田情况统计表", "Basic farmland", _farmland(), base="farmland", parts=first),
        Table(
            "exclave-first",
            "7-1",
            "飞入地土地利用现状一级分类面积汇总表(按行政)",
            "Exclaves of divisions, first level",
            _first_level(exclave),
            base="exclave",
            parts=first,
        ),
        Table(
            "exclave-second",
            "7-2",
            "飞入地土地利用现状二级分类面积汇总表(按行政)",
            "Exclaves of divisions, second level",
            _second_level(exclave),
            base="exclave",
            parts=first,
        ),
        Table(
            "exclave-owner-first",
            "7-3",
            "飞入地土地利用现状一级分类面积汇总表(按权属)",
            "Land owned from other counties, first level",
            _first_level(exclave),
            base="exclave_owner",
            parts=first,
        ),
        Table(
            "exclave-owner-second",
            "7-4",
            "飞入地土地利用现状二级分类面积汇总表(按权属)",
            "Land owned from other counties, second level",
            _second_level(exclave),
            base="exclave_owner",
            parts=first,
        ),
        Table(
            "island",
            "8",
            "海岛土地利用现状一级分类面积汇总表",
            "Islands",
            _first_level(island),
            base="island",
            parts=first,
        ),
        Table("adjustable", "9", "可调整地类面积汇总表", "Adjustable land", _adjustable(), parts=classes.ADJUSTABLE),
        Table(
            "urban-first",
            "10-1",
            "城镇土地利用现状一级分类面积汇总表",
            "Urban land, first level",
            _urban(False),
            base="urban",
            parts=urban_parts,
        ),
        Table(
            "urban-second",
            "10-2",
            "城镇土地利用现状二级分类面积汇总表",
            "Urban land, second level",
            _urban(True),
            base="urban",
            parts=urban_parts,
        ),
        Table(
            "urban-owner",
            "11",
            "城镇土地利用现状一级分类面积按权属性质汇总表",
            "Urban land by ownership",
            _urban(False),
            base="urban",
            by_owner=True,
            parts=urban_parts,
        ),
        Table("ridge", "12", "田坎系数表", "Ridge coefficients", (), layout="ridge"),
    )


def get(table_id: str) -> Table | None:
    """The table with an id or a number."""
    return next((t for t in all_tables() if table_id in (t.id, t.number)), None)
