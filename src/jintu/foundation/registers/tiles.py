"""Live vector tiles of a register: the same filter and scope as its list, straight from the rows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from jintu.foundation.identity.access import needs
from jintu.kernel.errors import InputError, Missing, Place

from . import descriptor, listing
from .descriptor import Register
from .models import VisibleRows

__all__ = ["LABELS", "MOST", "tile", "tile_of"]

LABELS = "|labels"
"""Ending of the tile layer with one point per record, where its number is written; from `LABEL_FROM` on."""
LABEL_FROM = 15

MOST = 8_000
"""Features in one tile. Beyond that the largest are drawn where the register has an area, else the newest."""
SMALLEST_PIXELS = 0.5


def tile_of(register: Register, rows: VisibleRows, z: int, x: int, y: int) -> bytes:
    """The tile with the outlines of ``rows``; layer name is the register's, b"" when nothing is there."""
    import shapely

    from jintu.kernel.formats import mvt

    if not 0 <= z <= mvt.MAX_ZOOM or not 0 <= x < 2**z or not 0 <= y < 2**z:
        raise InputError("There is no tile {z}/{x}/{y}.", place=Place(field="tile"), z=z, x=x, y=y)
    box = shapely.box(*mvt.bounds(z, x, y, mvt.BUFFER / mvt.EXTENT))
    inside = rows.filter(**{f"{register.geometry}__bbox_overlaps": box})
    if register.area:
        inside = inside.filter(**{f"{register.area}__gte": _smallest(z)}) if z < 12 else inside
        order = f"-{register.area}" if z < 12 else "-id"
    else:
        order = "-id"
    names = ["pk", "uid", register.geometry, register.key, "status"]
    names += [register.title] if register.title else []
    # geometry is read as it is stored and decoded for the whole tile at once
    found = list(inside.order_by(order).values_list(*names)[:MOST])
    if not found:
        return b""
    ids, uids, shapes, keys, states, *titles = zip(*found, strict=True)
    columns: dict[str, Any] = {
        "uid": [str(u) for u in uids],
        "key": list(keys),
        "status": list(states),
        "stage": [register.stage] * len(ids),
    }
    if titles:
        columns["title"] = list(titles[0])
    drawn = [mvt.TileLayer(register.name, list(shapes), columns, list(ids))]
    if z >= LABEL_FROM:
        drawn.append(mvt.TileLayer(register.name + LABELS, mvt.label_points(z, x, y, shapes), {"key": list(keys)}))
    return mvt.encode(z, x, y, drawn)


def _smallest(z: int) -> int:
    """m² that half a pixel covers at the zoom, at the latitude of the country's middle."""
    metres = 40_075_017 * 0.82 / 2**z / 512 * SMALLEST_PIXELS
    return int(metres * metres)


@require_safe
@needs("view")
def tile(request: HttpRequest, name: str, z: int, x: int, y: int) -> HttpResponse:
    """One tile. Private and short-lived: rows change, and what is seen depends on who asks."""
    register = descriptor.get(name)
    if not register.geometry:
        raise Missing("Records of {register} have no place.", register=register.name)
    _filters, rows = listing.asked(register, request.scope, request.GET)  # type: ignore[attr-defined]
    data = tile_of(register, rows, z, x, y)
    answer = HttpResponse(data, content_type="application/vnd.mapbox-vector-tile", status=200 if data else 204)
    answer["Cache-Control"] = "private, max-age=20"
    return answer
