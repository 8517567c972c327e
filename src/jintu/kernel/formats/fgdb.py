"""ESRI file geodatabase, read only. ``__row__`` is the OBJECTID."""

from __future__ import annotations

from pathlib import Path

from jintu.kernel.formats import ogr
from jintu.kernel.formats.source import Limits, Source

__all__ = ["layers", "read"]


def layers(path: Path) -> list[str]:
    return ogr.layers(path)


def read(path: Path, *, layer: str | None, limits: Limits) -> Source:
    parts = sorted(p for p in path.iterdir() if p.is_file() and not p.name.endswith(".lock"))
    return ogr.open_source(path, "fgdb", layer=layer, limits=limits, row_is="fid", parts=parts)
