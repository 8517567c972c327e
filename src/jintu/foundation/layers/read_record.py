"""What a file was like when it was read: kept with the version, for rules about columns and shapes (Q21xx, Q3113)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from jintu.kernel.formats import Source

    from .attributes import Problems
    from .mapping import Mapping
    from .schemas import Schema

__all__ = ["FIELDS", "MADE", "mapped_in", "record", "told"]

FIELDS = ("title", "kind", "length", "decimals", "name")
"""Of a column: its header, kind and declared width as of `kernel.formats.Field`, and our name ("" where it was not
read)."""
COLUMN, VALUES, CONSTANT, NUMBERED, COMPUTED = "column", "values", "constant", "numbered", "computed"
MADE = (CONSTANT, NUMBERED, COMPUTED)
"""Ways in which an attribute comes to be that is no column of the file."""
CURVED = (
    "The geometry has circular arcs or curves.",
    "The segment is of kind {kind}: an arc or a curve.",
)
"""Sentences with which the readers refuse what is not made of straight segments."""
ROWS = 20


def record(
    source: Source, schema: Schema, matched: dict[str, str], mapping: Mapping, problems: Problems
) -> dict[str, Any]:
    """JSON facts: file, format, kind of geometry, ``fields`` (see `FIELDS`), ``mapped`` (see `mapped_in`) and
    ``curves``: rows left out for them."""
    ours = {column: name for name, column in matched.items()}
    curved = [p.place.row for p in problems.kept if p.sentence in CURVED]
    return {
        "file": source.name,
        "format": source.format,
        "geometry": source.geometry_type if source.has_geometry else "",
        "fields": [[f.title, f.kind, f.length, f.decimals, ours.get(f.name, "")] for f in source.fields],
        "mapped": list(_mapped(schema, matched, mapping)),
        "curves": {"count": len(curved), "rows": [r for r in curved if r is not None][:ROWS]},
    }


def _mapped(schema: Schema, matched: dict[str, str], mapping: Mapping) -> Iterator[list[Any]]:
    """[our name, how, of what] of every attribute that is not a column of the file as it stands."""
    for a in schema.attributes:
        column = matched.get(a.name)
        if column is not None:
            if column.strip().casefold() not in {s.casefold() for s in a.spellings()}:
                yield [a.name, COLUMN, column]
            if words := mapping.values.get(a.name):
                yield [a.name, VALUES, len(words)]
        elif a.name in mapping.constants:
            yield [a.name, CONSTANT, mapping.constants[a.name]]
        elif a.name == mapping.area:
            yield [a.name, COMPUTED, ""]
        elif a.name == mapping.sequence or a.serial:
            yield [a.name, NUMBERED, ""]


def mapped_in(reading: dict[str, Any], *ways: str) -> set[str]:
    """Our names of what was mapped in one of the ways: column, values (words translated), constant, numbered,
    computed. Records of before the mapping was kept have none."""
    return {name for name, how, _of in reading.get("mapped", ()) if how in ways}


def told(schema: Schema, reading: dict[str, Any]) -> list[str]:
    """What was mapped and how, a sentence part for each, in the reader's language."""
    parts = []
    for name, how, of in reading.get("mapped", ()):
        code = schema.columns[name].code if name in schema.columns else name
        words = {
            COLUMN: "{code} ← {of}",
            VALUES: _("{code}: {of} words translated"),
            CONSTANT: _("{code} filled in: {of}"),
            NUMBERED: _("{code} numbered by row"),
            COMPUTED: _("{code} computed from the outline"),
        }[how]
        parts.append(words.format(code=code, of=of))
    return parts
