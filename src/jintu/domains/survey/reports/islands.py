"""Islands of a county: what closed coast lines surround (XZQJX, JXLX 250200 and 250201)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jintu.foundation.layers.models import LayerVersion

__all__ = ["COAST", "outlines"]

COAST = ("250200", "250201")


def outlines(version: LayerVersion) -> list[Any]:
    """Shapely polygons in lon/lat. The main land's coast is open within a county and makes none."""
    import shapely

    kind = version.schema.attribute("JXLX").name
    table = version.table([kind, "geometry"])
    codes, wkb = (c.to_pylist() for c in table.columns)
    lines = [shapely.from_wkb(w) for code, w in zip(codes, wkb, strict=True) if code in COAST]
    if not lines:
        return []
    found = shapely.polygonize(lines)
    return [part for part in found.geoms if part.area > 0]
