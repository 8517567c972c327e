"""What a file is that does not fit: a table some shipped mapping was made for, or one that belongs elsewhere.

A domain describes the tables people bring by mistake in data (`foreign`): words found among the headers, and what to
say. They are asked only when the file cannot be imported as it is, so a mapping that fits always wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place, Unsupported

from ..descriptor import Register
from . import mapping as mappings

if TYPE_CHECKING:
    from jintu.kernel.formats import Source

__all__ = ["Foreign", "explain", "foreign"]


@dataclass(frozen=True)
class Foreign:
    """A kind of table. It is meant when one of ``any`` is among the headers and none of ``none``."""

    register: str
    what: str
    any: frozenset[str]
    none: frozenset[str]

    def fits(self, words: set[str]) -> bool:
        return bool(self.any & words) and not self.none & words


_foreign: list[Foreign] = []


def foreign(facts: Iterable[Mapping[str, Any]]) -> None:
    """Kinds of tables a register is not for; the first that fits is named."""
    for kind in facts:
        _foreign.append(
            Foreign(
                str(kind["register"]),
                str(kind["what"]),
                frozenset(mappings.plain(w) for w in kind["any"]),
                frozenset(mappings.plain(w) for w in kind.get("none") or ()),
            )
        )


def words_of(headers: Iterable[str]) -> set[str]:
    """The headers without units and punctuation; of "成交价(万元)/成交价" both names."""
    return {mappings.plain(part) for header in headers for part in header.split("/")}


def explain(register: Register, source: Source, error: InputError, used: str = "") -> InputError:
    """A better error than ``error`` for a file that could not be used, or ``error`` itself.

    ``used`` is the mapping that was tried: when the file has its columns, the fault lies elsewhere.
    """
    here = {f.name for f in source.fields}
    fitting = [m.name for m in mappings.shipped_for(register, here)]
    if used in fitting:
        return error
    if fitting:
        return InputError(
            "Such a table needs the mapping made for it: {names}.",
            place=Place(file=source.name),
            remedy="Choose it and import the file again.",
            names="、".join(fitting),
        )
    words = words_of(here)
    for kind in _foreign:
        if kind.register == register.name and kind.fits(words):
            return Unsupported(
                "This is a table of {what}. It holds no {register}, and there is no register for it yet.",
                place=Place(file=source.name),
                remedy="Bring the table of results (供应结果): it has 合同签订日期 and 供应方式.",
                what=kind.what,
                register=str(register.label),
            )
    return error
