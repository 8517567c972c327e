"""Vector tiles of layer versions by address: prebuilt, kept from before, or made now.

A version never changes, so neither do its tiles. From zoom `drawing.MIN_ZOOM` on they are taken from the version's
prebuilt pyramid (`tileset`) where it has one; what that does not hold is made when first asked for and kept on disc.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings

from jintu.foundation.registers.tiles import LABELS
from jintu.kernel.errors import InputError, Missing, Place

from . import drawing, keeping, tileset, versions
from .drawing import MAX_ZOOM, MIN_ZOOM, drawn, label_from, label_of
from .models import LayerVersion

__all__ = ["LABELS", "MAX_ZOOM", "MIN_ZOOM", "drawn", "label_from", "label_of", "pieces_of", "reference", "tile"]


def reference(pieces: Sequence[LayerVersion], day: date) -> str:
    """What stands for the version in a tile's address: its key, or the day and the common hash of several."""
    if len(pieces) == 1:
        return pieces[0].key
    return f"on-{day.isoformat()}-{versions.Combined(tuple(pieces)).hash.partition(':')[2][:12]}"


def pieces_of(layer: str, reference: str, scope: Any) -> list[LayerVersion]:
    """The versions that an address means, within the scope. Raises `Missing`."""
    if reference.startswith("on-"):
        try:
            day = date.fromisoformat(reference[3:13])
        except ValueError:
            day = None
        found = versions.pieces_in_scope(layer, scope, day) if day else []
    else:
        found = list(LayerVersion.objects.within(scope).filter(layer=layer, key=reference))
    if not found:
        raise Missing("There is no such version of {layer}, or it is outside your scope.", layer=layer)
    return found


def tile(pieces: Sequence[LayerVersion], z: int, x: int, y: int) -> bytes:
    """A gzipped tile of one layer, b"" where nothing is. Raises `Refused` when a prebuilt pyramid was changed."""
    from jintu.kernel.formats import mvt

    if not MIN_ZOOM <= z <= MAX_ZOOM or not 0 <= x < 2**z or not 0 <= y < 2**z:
        raise InputError("There is no tile {z}/{x}/{y}.", place=Place(field="tile"), z=z, x=x, y=y)
    box = mvt.bounds(z, x, y, mvt.BUFFER / mvt.EXTENT)
    touched = [v for v in pieces if _meet(v.bbox, box)]
    if not touched:
        return b""
    if len(touched) > 1:  # where two counties meet; pyramids and cache know single versions only
        return drawing.packed(drawing.encoded(touched, z, x, y))
    prebuilt = tileset.tile(touched[0], z, x, y)
    return prebuilt if prebuilt is not None else _live(touched[0], z, x, y)


def _live(version: LayerVersion, z: int, x: int, y: int) -> bytes:
    """From the cache when it was asked for before, else made and kept."""
    cached = _cache() / version.layer / version.division / version.key / str(z) / str(x) / f"{y}.mvt.gz"
    data = keeping.kept(cached)
    if data is None:
        data = drawing.packed(drawing.encoded([version], z, x, y))
        keeping.keep(cached, data)
    return data


def _cache() -> Path:
    return Path(settings.NODE.data) / "cache" / "tiles" / tileset.EDITION


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] <= b[2] and a[2] >= b[0] and a[1] <= b[3] and a[3] >= b[1]
