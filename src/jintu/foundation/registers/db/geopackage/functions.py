"""SQL functions our connections define. The ST_ names are those the GeoPackage R*Tree extension's triggers call."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from typing import Any

import shapely

from .. import codec

__all__ = ["WRITER", "define"]

WRITER = "jintu_writer"
"""Guard triggers call it: a connection without it (QGIS, GDAL, the sqlite3 shell) cannot write."""


_OURS = 0x03
"""Flags of the blobs we write: little-endian, XY envelope, not empty."""
_DOUBLE = struct.Struct("<d")


def _side(index: int) -> Callable[[bytes | None], float | None]:
    at, read = 8 + 8 * index, _DOUBLE.unpack_from

    def side(blob: bytes | None) -> float | None:
        if blob is not None and blob[3] == _OURS:  # called four times for every row that is written
            return read(blob, at)[0]
        box = None if blob is None else codec.envelope(blob)
        return None if box is None else box[index]

    return side


def _is_empty(blob: bytes | None) -> int | None:
    return None if blob is None else int(codec.is_empty(blob))


def _predicate(test: Callable[..., Any]) -> Callable[..., int | None]:
    """SQL function (column, constant, …): the constant is decoded and prepared once, then asked about every row."""

    def predicate(column: bytes | None, constant: bytes | None, *more: float) -> int | None:
        if column is None or constant is None:
            return None
        return int(test(codec.prepared(constant), codec.decode(column), *more))

    return predicate


def _boxes_touch(column: bytes | None, constant: bytes | None) -> int | None:
    if column is None or constant is None:
        return None
    a, b = codec.envelope(column), codec.envelope(constant)
    if a is None or b is None:
        return 0
    return int(a[0] <= b[1] and a[1] >= b[0] and a[2] <= b[3] and a[3] >= b[2])


def define(connection: sqlite3.Connection) -> None:
    """Define them all on a new connection."""
    functions: tuple[tuple[str, int, Callable[..., Any]], ...] = (
        ("ST_MinX", 1, _side(0)),
        ("ST_MaxX", 1, _side(1)),
        ("ST_MinY", 1, _side(2)),
        ("ST_MaxY", 1, _side(3)),
        ("ST_IsEmpty", 1, _is_empty),
        ("ST_EnvIntersects", 2, _boxes_touch),
        ("ST_Intersects", 2, _predicate(shapely.intersects)),
        # the prepared constant stands on the left, so these two change places
        ("ST_Covers", 2, _predicate(shapely.covered_by)),
        ("ST_CoveredBy", 2, _predicate(shapely.covers)),
        ("ST_DWithin", 3, _predicate(shapely.dwithin)),
        (WRITER, 0, lambda: 1),
    )
    for name, arguments, function in functions:
        connection.create_function(name, arguments, function, deterministic=True)
