"""Which layer of a file of several becomes a layer here: the one called like it, else the question is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from . import schemas
from .schemas import Schema

if TYPE_CHECKING:
    from jintu.kernel.formats import Member

__all__ = ["chooser", "fits", "kind_of", "named_like"]

GEOMETRY_WORDS = {"polygon": "polygon", "surface": "polygon", "line": "line", "curve": "line", "point": "point"}


def chooser(schema: Schema) -> Callable[[list[str]], str | None]:
    """For `kernel.formats.read`: the layer to read where none was named."""
    return lambda names: named_like(schema, names)


def named_like(schema: Schema, names: Sequence[str]) -> str | None:
    """The only one of the names that means the schema; None where none does or several do.

    A name that is the table's, an alias or a label goes before one that only holds it ("330105_dltb2009").
    """
    for means in (_is_name, _holds_name):
        found = [name for name in names if means(schema, _stem(name))]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _stem(name: str) -> str:
    """Without folders and the suffix of a file: "maps/DLTB.shp" is DLTB."""
    from jintu.kernel.formats import EXTENSIONS

    last = PurePosixPath(name.replace("\\", "/"))
    return last.stem if last.suffix.lower() in EXTENSIONS else last.name


def _is_name(schema: Schema, stem: str) -> bool:
    names = (schema.table, schema.name, schema.zh, schema.en, *schema.aliases)
    return stem.strip().casefold() in {n.casefold() for n in names}


def _holds_name(schema: Schema, stem: str) -> bool:
    words = {w.upper() for w in re.findall(r"[A-Za-z]+", stem)}
    if words & {schema.table, *schema.aliases}:
        return True
    labels = [s for s in schemas.catalogue() if s.zh in stem]
    longest = max((len(s.zh) for s in labels), default=0)  # 基期地类图斑 is not 地类图斑
    return any(s.name == schema.name and len(s.zh) == longest for s in labels)


def kind_of(member: Member) -> str:
    """polygon, line, point or none; "" where the file does not say which."""
    if not member.geometry:
        return "none"
    name = member.geometry.lower()
    return next((kind for word, kind in GEOMETRY_WORDS.items() if word in name), "")


def fits(schema: Schema, member: Member) -> bool:
    """Whether the geometry may be that of the schema; a table takes the columns of any layer."""
    return member.problem is None and (schema.is_table or kind_of(member) in ("", schema.geometry))
