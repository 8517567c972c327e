"""How the columns of a file become the columns of a register.

A mapping is plain JSON, so that it can be saved under a name, shipped by a domain and read by people::

    {
      "columns": {
        "area":   {"from": "面积(公顷)", "unit": "ha"},
        "method": {"from": "供应方式", "values": {"划拨": "1", "挂牌出让": "23"}},
        "source": {"constant": "new"}
      },
      "division": {"from": "行政区", "by": "name", "at": "signed_on", "within": "990000"},
      "key": ["supervision_no", "contract_no"],
      "geometry": {"from": "坐标", "crs": "EPSG:4526"},
      "empty": ["无", "/"]
    }

A column's rule may also say, for tables that were made to be looked at (see `cells`)::

        {"from": "持有人1", "otherwise": "持有人2"}                  # the second where the first is empty
        {"from": "土地级别", "pattern": "土地级别[：:](.*)$"}          # the part of the cell that is meant
        {"from": "年限", "pattern": "{=土地用途}([0-9]+)"}             # {=x}: the row's own cell in column x
        {"from": "土地来源", "compare": {"with": "面积", "equal": "existing", "zero": "new", "else": "new_stock"}}
        {"key_of": {"register": "land.supply", "mapping": "…"}}     # the key that register gives the same row
    "rows": {"filled": "期号", "split": "|", "lists": ["期号", "日期", "金额"]}   # which rows, and lists in them

``key`` names columns tried in order when the key column itself is empty; after them comes the natural key of the
register's identity columns (`keys.natural`). ``by: name`` resolves division names at the day of a column, or at a
fixed day.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Missing, Place

from .. import units, values
from ..descriptor import Register
from ..models import ImportMapping
from . import cells

if TYPE_CHECKING:
    from jintu.kernel.formats import Source

__all__ = ["DIVISION_HEADERS", "GEOMETRY_HEADERS", "Mapping", "find", "match", "of_source", "ship", "shipped"]

DIVISION_HEADERS = ("division", "XZQDM", "XZDM", "行政区代码", "行政区划代码", "区划代码", "行政区")
GEOMETRY_HEADERS = ("geometry", "geom", "wkt", "WKT", "坐标", "图形")

RULE = {"from", "constant", "unit", "values", "otherwise", "pattern", "compare", "key_of"}
"""What the rule of a column may say."""

_shipped: dict[tuple[str, str], dict[str, Any]] = {}


@dataclass
class Mapping:
    """See the module. ``columns``: field name → {"from"|"constant", "unit", "values"}."""

    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    division: dict[str, Any] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)
    geometry: dict[str, Any] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    rows: dict[str, Any] = field(default_factory=dict)
    name: str = ""

    @classmethod
    def from_json(cls, facts: Mapped[str, Any], name: str = "") -> Mapping:
        """Raises `InputError` for anything that is no mapping."""
        unknown = set(facts) - {"columns", "division", "key", "geometry", "empty", "rows", "name", "note"}
        if unknown:
            raise InputError(
                "A mapping has no part {part}.",
                remedy="It has columns, division, key, geometry, empty, rows.",
                part=sorted(unknown)[0],
            )
        columns = {}
        for name_, rule in dict(facts.get("columns") or {}).items():
            rule = {"from": rule} if isinstance(rule, str) else dict(rule)
            if set(rule) - RULE or not ({"from", "constant", "key_of"} & set(rule)):
                raise InputError("The rule of column {name} cannot be read.", place=Place(field=name_), name=name_)
            columns[name_] = rule
        return cls(
            columns,
            dict(facts.get("division") or {}),
            list(facts.get("key") or []),
            dict(facts.get("geometry") or {}),
            [str(e) for e in facts.get("empty") or []],
            dict(facts.get("rows") or {}),
            name or str(facts.get("name") or ""),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "columns": self.columns,
            "division": self.division,
            "key": self.key,
            "geometry": self.geometry,
            "empty": self.empty,
            "rows": self.rows,
        }

    def headers(self) -> set[str]:
        """Columns of the file the mapping reads."""
        rules = [*self.columns.values(), self.division, self.geometry, self.rows]
        return {header for rule in rules for header in cells.headers_of(rule)}

    def check(self, register: Register, source: Source) -> None:
        """Raise `InputError` when the mapping does not fit the register or the file."""
        for name in self.columns:
            if name not in register.attributes:
                raise InputError(
                    "The register {register} has no column {name}.",
                    place=Place(field=name),
                    register=register.name,
                    name=name,
                )
        here = {f.name for f in source.fields}
        for header in sorted(self.headers() - here):
            if header == self.geometry.get("from") and source.has_geometry:
                continue
            raise InputError(
                "The file has no column {header}.",
                place=Place(file=source.name, field=header),
                remedy="Its columns are: {names}.",
                header=header,
                names="、".join(sorted(here))[:400],
            )
        for name, rule in self.columns.items():
            column = register.attributes[name][1]
            unit = rule.get("unit", "")
            if unit:
                units.factor(unit, column.unit or unit)


def ship(register_name: str, name: str, facts: Mapped[str, Any]) -> None:
    """A mapping that comes with a domain; called from its ``apps.py``."""
    _shipped[register_name, name] = dict(facts)


def shipped(register_name: str) -> list[str]:
    """Names of the mappings that come with the domains."""
    return [name for register, name in _shipped if register == register_name]


def shipped_for(register: Register, headers: Iterable[str]) -> list[Mapping]:
    """The shipped mappings whose columns are all there."""
    here = set(headers)
    offered = (Mapping.from_json(f, name) for (r, name), f in _shipped.items() if r == register.name)
    return [m for m in offered if m.headers() and m.headers() <= here]


def find(register: Register, wanted: str | Mapped[str, Any] | Mapping | None) -> Mapping | None:
    """The mapping meant: an object, its JSON, or the name of a saved or shipped one. None stays None."""
    if wanted is None or wanted == "":
        return None
    if isinstance(wanted, Mapping):
        return wanted
    if not isinstance(wanted, str):
        return Mapping.from_json(wanted)
    saved = ImportMapping.objects.filter(register=register.name, name=wanted).first()
    if saved is not None:
        return Mapping.from_json(saved.facts, wanted)
    if (register.name, wanted) in _shipped:
        return Mapping.from_json(_shipped[register.name, wanted], wanted)
    names = [
        *ImportMapping.objects.filter(register=register.name).values_list("name", flat=True),
        *shipped(register.name),
    ]
    raise Missing(
        "The register {register} has no mapping called {name}; there are: {names}.",
        register=register.name,
        name=wanted,
        names="、".join(names) or "—",
    )


def plain(header: str) -> str:
    """A header without its unit, punctuation, width and case: what two spellings of one name share.

    >>> plain("面积（公顷）"), plain("PZ_WH "), plain("项目名称*")
    ('面积', 'pzwh', '项目名称')
    """
    text = unicodedata.normalize("NFKC", header)
    text = re.sub(r"[(\[【][^)\]】]*[)\]】]", "", text)
    return re.sub(r"[\W_]+", "", text).lower()


def match(register: Register, headers: Iterable[str]) -> dict[str, str]:
    """Which header each column arrives under: field name, standard code, alias or label, exact before loose.

    A header serves one column only; a column that matches none is absent.
    """
    left = list(dict.fromkeys(headers))
    found: dict[str, str] = {}
    spellings = {
        name: [name, c.code, *c.aliases, str(f.verbose_name), str(getattr(f.verbose_name, "_args", [""])[0] or "")]
        for name, (f, c) in register.attributes.items()
    }
    for how in (lambda t: t, plain):
        table: dict[str, str] = {}
        for header in left:
            table.setdefault(how(header), header)
        for name, spelt in spellings.items():
            if name in found:
                continue
            for text in spelt:
                header = table.get(how(text)) if text else None
                if header is not None and header in left:
                    found[name] = header
                    left.remove(header)
                    break
    return found


def of_source(register: Register, source: Source, division: str = "") -> Mapping:
    """The mapping of a file nobody has mapped: the one shipped mapping that was made for its headers, if there is just
    one; else headers matched, units from headers, else the stored unit.

    A column under its own field name carries the stored unit (the product's own export and the sample do); any other
    header of an area or a sum must name its unit, or the mapping has to.
    """
    headers = [f.name for f in source.fields]
    fitting = shipped_for(register, headers)
    if len(fitting) == 1:
        return fitting[0]
    made = Mapping()
    for name, header in match(register, headers).items():
        column = register.attributes[name][1]
        rule: dict[str, Any] = {"from": header}
        if units.same_kind(column.unit) and len(units.same_kind(column.unit)) > 1:
            unit = column.unit if header == name else units.named(header)
            if unit:
                rule["unit"] = unit
        made.columns[name] = rule
    taken = {r["from"] for r in made.columns.values()}
    for header in headers:
        if header in DIVISION_HEADERS and header not in taken:
            made.division = {"from": header}
            break
    if not made.division and division:
        made.division = {"constant": division}
    if register.geometry:
        place = next((h for h in headers if h in (*GEOMETRY_HEADERS, register.geometry) and h not in taken), "")
        if source.has_geometry:
            made.geometry = {"from": "geometry"}
        elif place:
            made.geometry = {"from": place, "crs": "EPSG:4490"}
    return made


def unitless(register: Register, mapping: Mapping) -> list[str]:
    """Columns of areas and sums whose unit the mapping does not name."""
    found = []
    for name, rule in mapping.columns.items():
        unit = register.attributes[name][1].unit
        if len(units.same_kind(unit)) > 1 and not rule.get("unit") and "from" in rule:
            found.append(name)
    return found


def labels(register: Register) -> dict[str, str]:
    """Field name → label, for the mapping page."""
    return {name: values.header(f, c) for name, (f, c) in register.attributes.items()}
