"""ESRI file geodatabase. ``__row__`` is the OBJECTID."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.formats import ogr
from jintu.kernel.formats.source import Limits, Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["layers", "read", "write"]


def layers(path: Path) -> list[str]:
    return ogr.layers(path)


def read(path: Path, *, layer: str | None, limits: Limits) -> Source:
    parts = sorted(p for p in path.iterdir() if p.is_file() and not p.name.endswith(".lock"))
    return ogr.open_source(path, "fgdb", layer=layer, limits=limits, row_is="fid", parts=parts)


def write(path: Path, tables: Iterator[pa.Table], *, crs: str | None, layer: str | None = None, **_: Any) -> None:
    """Write one feature class or table; an existing geodatabase gets it added."""
    ogr.write(path, tables, "OpenFileGDB", crs=crs, layer=layer)
