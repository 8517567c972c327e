"""Filters in CQL2 text (OGC 21-065r2) over the columns of a row group.

::

    land_use_code IN ('011', '012') AND NOT (patch_area_m2 < 1000 OR land_use_name LIKE '水%')
    S_INTERSECTS(geometry, BBOX(118.70, 36.24, 118.71, 36.25))

Basic CQL2 (property on the left, literal on the right), LIKE, BETWEEN, IN, CASEI, and S_INTERSECTS with every kind of
geometry. Comparisons with null are unknown, as in SQL. A parser of our own: that of pygeofilter binds AND and OR alike,
so that ``a OR b AND c`` would answer another question, and takes no ``NOT (… AND …)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from django.utils.translation import gettext as _

from .asking import BadRequest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GEOMETRY", "Filter", "Rows", "parse"]

GEOMETRY = "geometry"
MOST_CHARACTERS, MOST_TERMS, MOST_DEPTH = 4_000, 200, 40
"""Of a filter: so much is read, and no more."""

Mask = Any
"""A pyarrow BooleanArray: true, false or null (unknown) for each row."""
Move = Callable[[Any], Any]
"""Geometry of the coordinate system of the filter to degrees."""


class Rows(Protocol):
    """What a filter looks at: a row group, whose columns are read when they are asked for."""

    rows: int

    def column(self, name: str) -> pa.ChunkedArray:
        """A column by its name."""

    def meeting(self, shape: Any) -> Mask:
        """Which rows' geometry meets ``shape``."""


@dataclass(frozen=True)
class Filter:
    """``text`` as it was given; ``mask`` says which rows match."""

    text: str
    mask: Callable[[Rows], Mask]


def parse(text: str, types: Mapping[str, str], move: Move = lambda shape: shape) -> Filter:
    """A filter over columns of the given types, as schemas have them: "Float" is number, "Date" day, all others text.

    Raises `BadRequest` with the place for what is no CQL2, is not supported, names a column that is none of them, or
    compares it with a literal of another kind.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadRequest(_("A filter has at most {n} characters.").format(n=MOST_CHARACTERS))
    return Filter(text, _Parser(text, types, move).whole())


# --- words ----------

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|''|\\.)*')|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r'|(?P<quoted>"[^"]+")|(?P<word>[^\W\d]\w*)|(?P<sign><>|<=|>=|[=<>(),]))',
    re.UNICODE,
)
_SHAPES = frozenset(
    {"POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"}
)
_COMPARISONS = {
    "=": "equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind in ("word", "sign") else ""


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            rest = text[at:].lstrip()
            raise BadRequest(
                _("The filter cannot be read at character {n}: {text}").format(
                    n=len(text) - len(rest) + 1, text=rest[:20]
                )
            )
        assert found.lastgroup
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        at = found.end()
    yield _Token("end", "", end)


class _Parser:
    """Recursive descent; OR binds weakest, then AND, then NOT."""

    def __init__(self, text: str, types: Mapping[str, str], move: Move) -> None:
        self.text, self.types, self.move = text, types, move
        self.tokens = list(_tokens(text))
        self.next = 0
        self.terms = self.depth = 0

    # reading

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def took(self, *words: str) -> bool:
        """Whether these come next; if so they are passed over."""
        if [t.upper for t in self.tokens[self.next : self.next + len(words)]] != list(words):
            return False
        self.next += len(words)
        return True

    def need(self, word: str) -> None:
        if not self.took(word):
            raise self.wrong(_("“{word}” is missing").format(word=word))

    def wrong(self, why: str) -> BadRequest:
        return BadRequest(
            _("The filter is wrong at character {n}: {why}.").format(n=min(self.token.at, len(self.text)) + 1, why=why)
        )

    # conditions

    def whole(self) -> Callable[[Rows], Mask]:
        found = self.either()
        if self.token.kind != "end":
            raise self.wrong(_("it should end here, or go on with AND or OR"))
        return found

    def either(self) -> Callable[[Rows], Mask]:
        return self.joined("OR", self.both, "or_kleene")

    def both(self) -> Callable[[Rows], Mask]:
        return self.joined("AND", self.one, "and_kleene")

    def joined(self, word: str, part: Callable[[], Callable[[Rows], Mask]], how: str) -> Callable[[Rows], Mask]:
        parts = [part()]
        while self.took(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]

        def mask(rows: Rows) -> Mask:
            import pyarrow.compute as pc

            found = parts[0](rows)
            for p in parts[1:]:
                found = getattr(pc, how)(found, p(rows))
            return found

        return mask

    def one(self) -> Callable[[Rows], Mask]:
        self.terms += 1
        self.depth += 1
        if self.terms > MOST_TERMS or self.depth > MOST_DEPTH:
            raise BadRequest(
                _("The filter has more than {n} conditions, or they are nested too deep.").format(n=MOST_TERMS)
            )
        try:
            if self.took("NOT"):
                return _inverted(self.one())
            if self.took("("):
                found = self.either()
                self.need(")")
                return found
            if self.token.upper in ("TRUE", "FALSE") and self.token.kind == "word":
                return _constant(self.took("TRUE") or not self.took("FALSE"))
            if self.took("S_INTERSECTS", "("):
                return self.spatial()
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Callable[[Rows], Mask]:
        folded = self.took("CASEI", "(")
        name = self.column()
        if folded:
            self.need(")")
            if not _is_text(self.types[name]):
                raise self.wrong(_("CASEI takes a column of text"))
        if self.took("IS"):
            inverted = self.took("NOT")
            self.need("NULL")
            return _inverted(_null(name)) if inverted else _null(name)
        if (sign := self.token.upper) in _COMPARISONS:
            self.next += 1
            return _compared(name, _COMPARISONS[sign], self.literal(name, folded), folded)
        inverted = self.took("NOT")
        if self.took("LIKE"):
            found = self.like(name, folded)
        elif self.took("BETWEEN"):
            low = self.literal(name, folded)
            self.need("AND")
            found = _between(name, low, self.literal(name, folded), folded)
        elif self.took("IN"):
            found = self.among(name, folded)
        else:
            raise self.wrong(_("a comparison is missing: =, <>, <, <=, >, >=, LIKE, BETWEEN, IN or IS NULL"))
        return _inverted(found) if inverted else found

    def like(self, name: str, folded: bool) -> Callable[[Rows], Mask]:
        if not _is_text(self.types[name]):
            raise self.wrong(_("LIKE takes a column of text"))
        pattern = self.string(folded)

        def mask(rows: Rows) -> Mask:
            import pyarrow.compute as pc

            return pc.match_like(_column(rows, name, folded), pattern)

        return mask

    def among(self, name: str, folded: bool) -> Callable[[Rows], Mask]:
        self.need("(")
        values = [self.literal(name, folded)]
        while self.took(","):
            values.append(self.literal(name, folded))
        self.need(")")

        def mask(rows: Rows) -> Mask:
            import pyarrow as pa
            import pyarrow.compute as pc

            column = _column(rows, name, folded)
            found = pc.is_in(column, value_set=pa.array(values).cast(column.type, safe=False))
            return pc.if_else(pc.is_valid(column), found, None)

        return mask

    def spatial(self) -> Callable[[Rows], Mask]:
        name = self.name()
        if name != GEOMETRY:
            raise self.wrong(_("S_INTERSECTS takes the column geometry first"))
        self.need(",")
        shape = self.shape()
        self.need(")")
        return lambda rows: rows.meeting(shape)

    # operands

    def name(self) -> str:
        token = self.token
        if token.kind not in ("word", "quoted"):
            raise self.wrong(_("the name of a column is missing"))
        self.next += 1
        return token.text.strip('"')

    def column(self) -> str:
        at = self.next
        name = self.name()
        if name not in self.types:
            self.next = at
            raise self.wrong(
                _("there is no column {name}; there are {names}").format(name=name[:60], names=", ".join(self.types))
            )
        return name

    def literal(self, name: str, folded: bool) -> Any:
        """A value of the kind of a column."""
        kind = self.types[name]
        if _is_text(kind):
            return self.string(folded)
        if kind == "Date":
            return self.day()
        if self.token.kind != "number":
            raise self.wrong(_("{name} is compared with a number").format(name=name))
        value = float(self.token.text)
        self.next += 1
        return value

    def string(self, folded: bool = False) -> str:
        wrapped = self.took("CASEI", "(")
        if self.token.kind != "string":
            raise self.wrong(_("a text in single quotes is missing"))
        text = re.sub(r"''|\\'", "'", self.token.text[1:-1])
        self.next += 1
        if wrapped:
            self.need(")")
        return text.lower() if folded else text

    def day(self) -> date:
        wrapped = self.took("DATE", "(") or self.took("TIMESTAMP", "(")
        text = self.string()
        if wrapped:
            self.need(")")
        try:
            return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).date()
        except ValueError:
            self.next -= 2 if wrapped else 1
            raise self.wrong(_("a date is written DATE('2026-06-15')")) from None

    def shape(self) -> Any:
        import shapely

        begin = self.token
        if self.took("BBOX", "("):
            sides = []
            while len(sides) < 4:
                if self.token.kind != "number":
                    raise self.wrong(_("BBOX takes four numbers"))
                sides.append(float(self.token.text))
                self.next += 1
                self.need("," if len(sides) < 4 else ")")
            return self.move(shapely.box(*sides))
        if begin.upper not in _SHAPES:
            raise self.wrong(_("a geometry is missing: BBOX(…), POINT(…), POLYGON((…)) …"))
        self.next += 1
        open_ = 0
        while self.token.kind != "end":
            open_ += {"(": 1, ")": -1}.get(self.token.upper, 0)
            self.next += 1
            if open_ == 0:
                break
        end = self.tokens[self.next - 1]
        try:
            found = shapely.from_wkt(self.text[begin.at : end.at + len(end.text)])
        except shapely.errors.GEOSException:
            found = None
        if found is None or not shapely.is_valid(found):
            raise self.wrong(_("the geometry before it is not valid"))
        return self.move(found)


# --- masks ----------


def _is_text(kind: str) -> bool:
    return kind not in ("Float", "Date")


def _column(rows: Rows, name: str, folded: bool) -> Any:
    import pyarrow.compute as pc

    column = rows.column(name)
    return pc.utf8_lower(column) if folded else column


def _constant(value: bool) -> Callable[[Rows], Mask]:
    def mask(rows: Rows) -> Mask:
        import pyarrow as pa

        return pa.repeat(pa.scalar(value), rows.rows)

    return mask


def _inverted(of: Callable[[Rows], Mask]) -> Callable[[Rows], Mask]:
    def mask(rows: Rows) -> Mask:
        import pyarrow.compute as pc

        return pc.invert(of(rows))

    return mask


def _null(name: str) -> Callable[[Rows], Mask]:
    return lambda rows: rows.column(name).is_null()


def _compared(name: str, how: str, value: Any, folded: bool) -> Callable[[Rows], Mask]:
    def mask(rows: Rows) -> Mask:
        import pyarrow.compute as pc

        return getattr(pc, how)(_column(rows, name, folded), value)

    return mask


def _between(name: str, low: Any, high: Any, folded: bool) -> Callable[[Rows], Mask]:
    def mask(rows: Rows) -> Mask:
        import pyarrow.compute as pc

        column = _column(rows, name, folded)
        return pc.and_kleene(pc.greater_equal(column, low), pc.less_equal(column, high))

    return mask
