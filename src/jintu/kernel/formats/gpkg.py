"""OGC GeoPackage 1.2–1.4. ``__row__`` is the feature id the file itself shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place
from jintu.kernel.formats import ogr
from jintu.kernel.formats.source import Limits, Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["layers", "read", "write"]


def layers(path: Path) -> list[str]:
    return ogr.layers(path)


def read(path: Path, *, layer: str | None, limits: Limits) -> Source:
    """Open a feature table. A CRS of srs_id 0 or −1 (undefined) counts as unknown."""
    source = ogr.open_source(path, "gpkg", layer=layer, limits=limits, row_is="fid")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as db:
            quoted = source.layer.replace('"', '""')
            declared = {name: kind for _, name, kind, *_ in db.execute(f'PRAGMA table_info("{quoted}")')}
            query = "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?"
            srs = db.execute(query, (source.layer,)).fetchone()
        db.close()
    except sqlite3.Error as error:
        raise InputError(
            "The database is damaged: {reason}.",
            place=Place(file=path.name),
            remedy="Export it again.",
            reason=str(error),
        ) from error
    if srs and srs[0] in (0, -1):
        source.crs = None
    source.fields = [replace(f, length=_length(declared.get(f.name, ""))) for f in source.fields]
    return source


def _length(declared: str) -> int | None:
    """n of TEXT(n)."""
    digits = declared.partition("(")[2].rstrip(") ")
    return int(digits) if digits.isdigit() else None


def write(path: Path, tables: Iterator[pa.Table], *, crs: str | None, layer: str | None = None, **_: Any) -> None:
    """Write one table; an existing file gets the layer added."""
    ogr.write(path, tables, "GPKG", crs=crs, layer=layer)
