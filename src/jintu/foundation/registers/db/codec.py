"""Geometries on their way into and out of the database: GeoPackage blobs and EWKB."""

from __future__ import annotations

import struct
from functools import lru_cache

import shapely
from shapely.geometry.base import BaseGeometry

__all__ = ["SRID", "decode", "encode", "envelope", "is_empty", "prepared"]

SRID = 4490
"""CGCS2000 longitude, latitude: the coordinate system of every working geometry."""

_HEADER = struct.Struct("<2sBBi")
_ENVELOPE = struct.Struct("<4d")
_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_LITTLE_ENDIAN, _XY_ENVELOPE, _EMPTY = 0x01, 0x02, 0x10


def encode(geometry: BaseGeometry, srid: int = SRID) -> bytes:
    """Standard GeoPackage binary with an XY envelope (GeoPackage 1.3 §2.1.3); an empty geometry has none."""
    if geometry.is_empty:
        head = _HEADER.pack(b"GP", 0, _LITTLE_ENDIAN | _EMPTY, srid)
    else:
        minx, miny, maxx, maxy = geometry.bounds
        head = _HEADER.pack(b"GP", 0, _LITTLE_ENDIAN | _XY_ENVELOPE, srid) + _ENVELOPE.pack(minx, maxx, miny, maxy)
    return head + shapely.to_wkb(geometry, byte_order=1, include_srid=False)


def decode(blob: bytes) -> BaseGeometry:
    """The geometry of a GeoPackage binary with any envelope; raises `shapely.errors.ShapelyError` or ValueError."""
    if blob[:2] != b"GP" or len(blob) < 8:
        raise ValueError("not a GeoPackage geometry")
    return shapely.from_wkb(blob[8 + _ENVELOPE_BYTES[(blob[3] >> 1) & 7] :])


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
