"""Geometries on their way into and out of the database: GeoPackage blobs and EWKB."""

from __future__ import annotations

import struct
from functools import lru_cache

import shapely
from shapely.geometry.base import BaseGeometry

from jintu.kernel.geometry import SRID
from jintu.kernel.geometry import decode_gpkg as decode
from jintu.kernel.geometry import encode_gpkg as encode

__all__ = ["SRID", "decode", "encode", "envelope", "is_empty", "prepared"]

_ENVELOPE = struct.Struct("<4d")
_LITTLE_ENDIAN, _EMPTY = 0x01, 0x10


def is_empty(blob: bytes) -> bool:
    """Read from the flags, without decoding."""
    return bool(blob[3] & _EMPTY)


def envelope(blob: bytes) -> tuple[float, float, float, float] | None:
    """(minx, maxx, miny, maxy) from the header, or from the coordinates where another program left it out."""
    if is_empty(blob):
        return None
    if (blob[3] >> 1) & 7 and blob[3] & _LITTLE_ENDIAN:
        return _ENVELOPE.unpack_from(blob, 8)
    minx, miny, maxx, maxy = decode(blob).bounds
    return minx, maxx, miny, maxy


@lru_cache(maxsize=64)
def prepared(blob: bytes) -> BaseGeometry:
    """A decoded, prepared geometry: the constant side of a spatial predicate is the same for every row."""
    geometry = decode(blob)
    shapely.prepare(geometry)
    return geometry
