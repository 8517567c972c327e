"""What a file was like when it was read: kept with the version, for rules about columns and shapes (Q21xx, Q3113)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jintu.kernel.formats import Source

    from .attributes import Problems

__all__ = ["FIELDS", "record"]

FIELDS = ("title", "kind", "length", "decimals", "name")
"""Of a column: its header, kind and declared width as of `kernel.formats.Field`, and our name ("" where it was not
read)."""
CURVED = (
    "The geometry has circular arcs or curves.",
    "The segment is of kind {kind}: an arc or a curve.",
)
"""Sentences with which the readers refuse what is not made of straight segments."""
ROWS = 20


def record(source: Source, matched: dict[str, str], problems: Problems) -> dict[str, Any]:
    """JSON facts: file, format, kind of geometry, ``fields`` (see `FIELDS`) and ``curves``: rows left out for them."""
    ours = {column: name for name, column in matched.items()}
    curved = [p.place.row for p in problems.kept if p.sentence in CURVED]
    return {
        "file": source.name,
        "format": source.format,
        "geometry": source.geometry_type if source.has_geometry else "",
        "fields": [[f.title, f.kind, f.length, f.decimals, ours.get(f.name, "")] for f in source.fields],
        "curves": {"count": len(curved), "rows": [r for r in curved if r is not None][:ROWS]},
    }
