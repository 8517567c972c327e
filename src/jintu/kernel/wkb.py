"""Polygons and lines in well-known binary, read by compiled functions: counted first, then copied into flat arrays.

`jintu.kernel.flat.from_wkb` and `jintu.kernel.lines.from_wkb` are the doors. A value is the bytes
``data[begins[g] : ends[g]]``; no bytes are no geometry.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.compiled import compiled

__all__ = [
    "BIG_ENDIAN",
    "MALFORMED",
    "NOT_A_LINE",
    "NOT_A_POLYGON",
    "fill",
    "fill_lines",
    "measure",
    "measure_lines",
    "refill",
]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MALFORMED, BIG_ENDIAN, NOT_A_POLYGON, NOT_A_LINE = -1, -2, -3, -4

_LINE, _POLYGON, _LINES, _POLYGONS = 2, 3, 5, 6


@compiled
def _bits(data: Bytes, o: int) -> Any:
    """Four bytes at any address as an unsigned number. The address is unsigned, too: it is not asked whether it counts
    from the end, and one load is left.
    """
    k, eight, one = np.uint64(o), np.uint64(8), np.uint64(1)
    low = np.uint64(data[k]) | np.uint64(data[k + one]) << eight
    high = np.uint64(data[k + one + one]) | np.uint64(data[k + one + one + one]) << eight
    return low | high << (eight + eight)


@compiled
def _u32(data: Bytes, o: int) -> Any:
    return np.int64(_bits(data, o))


@compiled
def _f64(data: Bytes, o: int) -> Any:
    """The double at any address: compiled to one load."""
    return np.int64(_bits(data, o) | _bits(data, o + 4) << np.uint64(32)).view(np.float64)


@compiled
def _vertices(data: Bytes, o: int, step: int, count: int, x: Floats, y: Floats, first: int) -> None:
    """Copy ``count`` vertices, ``step`` bytes apart from byte o on, to ``x`` and ``y`` from index ``first`` on."""
    k = np.uint64(first)
    for n in range(count):
        x[k], y[k] = _f64(data, o + step * n), _f64(data, o + step * n + 8)
        k += np.uint64(1)


@compiled
def _header(data: Bytes, o: int, end: int) -> tuple[int, int, int]:
    """Of the geometry at byte o: (its type, or a refusal; doubles per vertex; where its contents begin)."""
    if end - o < 9:
        return MALFORMED, 0, o
    if data[o] != 1:
        return (BIG_ENDIAN if data[o] == 0 else MALFORMED), 0, o
    code = _u32(data, o + 1)
    dimensions = 2
    if code & 0x80000000:  # extended WKB: Z
        dimensions += 1
    if code & 0x40000000:  # extended WKB: M
        dimensions += 1
    begin = o + 9 if code & 0x20000000 else o + 5  # extended WKB: SRID
    kind = code & 0x0FFFFFFF
    if kind >= 1000:  # ISO: 1000 Z, 2000 M, 3000 ZM
        dimensions += 2 if kind >= 3000 else 1
        kind %= 1000
    return kind, dimensions, begin


@compiled
def measure(data: Bytes, begins: Integers, ends: Integers, first: int, last: int, sizes: Integers) -> None:
    """Count polygons, rings and vertices of geometries first … last; empty parts and empty rings do not count."""
    for g in range(first, last):
        o, end = begins[g], ends[g]
        if o == end:
            continue
        kind, dimensions, o = _header(data, o, end)
        if kind < 0:
            sizes[g, 0] = kind
            continue
        if kind != _POLYGON and kind != _POLYGONS:
            sizes[g, 0] = NOT_A_POLYGON
            continue
        members = 1
        if kind == _POLYGONS:
            if end - o < 4:
                sizes[g, 0] = MALFORMED
                continue
            members = _u32(data, o)
            o += 4
        for _ in range(members):
            if kind == _POLYGONS:
                inner, dimensions, o = _header(data, o, end)
                if inner != _POLYGON:
                    sizes[g, 0] = inner if inner < 0 else NOT_A_POLYGON
                    break
            if end - o < 4:
                sizes[g, 0] = MALFORMED
                break
            rings = _u32(data, o)
            o += 4
            filled = 0
            for _ in range(rings):
                if end - o < 4:
                    o = end + 1
                    break
                vertices = _u32(data, o)
                o += 4 + 8 * dimensions * vertices
                if o > end:
                    break
                if vertices:
                    filled += 1
                    sizes[g, 2] += vertices
            if o > end:
                sizes[g, 0] = MALFORMED
                break
            if filled:
                sizes[g, 0] += 1
                sizes[g, 1] += filled


@compiled
def fill(
    data: Bytes,
    begins: Integers,
    ends: Integers,
    first: int,
    last: int,
    rings: Integers,
    vertices: Integers,
    flat: tuple[Floats, Floats, Integers, Integers, Integers],
) -> None:
    """Copy what `measure` has counted; ``rings`` and ``vertices`` say where each geometry's begin."""
    x, y, ring_offsets, polygon_offsets, geometry_offsets = flat
    for g in range(first, last):
        o, end = begins[g], ends[g]
        if o == end:
            continue
        p, r, v = geometry_offsets[g], rings[g], vertices[g]
        kind, dimensions, o = _header(data, o, end)
        members = 1
        if kind == _POLYGONS:
            members = _u32(data, o)
            o += 4
        for _ in range(members):
            if kind == _POLYGONS:
                _, dimensions, o = _header(data, o, end)
            first_ring = r
            count = _u32(data, o)
            o += 4
            for _ in range(count):
                points = _u32(data, o)
                o += 4
                if points:
                    ring_offsets[r] = v
                    r += 1
                _vertices(data, o, 8 * dimensions, points, x, y, v)
                o += 8 * dimensions * points
                v += points
            if r > first_ring:
                polygon_offsets[p] = first_ring
                p += 1


@compiled
def measure_lines(data: Bytes, begins: Integers, ends: Integers, first: int, last: int, sizes: Integers) -> None:
    """Count parts and vertices of lines first … last; empty parts do not count, and one vertex is no line."""
    for g in range(first, last):
        o, end = begins[g], ends[g]
        if o == end:
            continue
        kind, dimensions, o = _header(data, o, end)
        if kind < 0:
            sizes[g, 0] = kind
            continue
        if kind != _LINE and kind != _LINES:
            sizes[g, 0] = NOT_A_LINE
            continue
        members = 1
        if kind == _LINES:
            if end - o < 4:
                sizes[g, 0] = MALFORMED
                continue
            members = _u32(data, o)
            o += 4
        for _ in range(members):
            if kind == _LINES:
                inner, dimensions, o = _header(data, o, end)
                if inner != _LINE:
                    sizes[g, 0] = inner if inner < 0 else NOT_A_LINE
                    break
            if end - o < 4:
                sizes[g, 0] = MALFORMED
                break
            vertices = _u32(data, o)
            o += 4 + 8 * dimensions * vertices
            if o > end or vertices == 1:
                sizes[g, 0] = MALFORMED
                break
            if vertices:
                sizes[g, 0] += 1
                sizes[g, 1] += vertices


@compiled
def fill_lines(
    data: Bytes,
    begins: Integers,
    ends: Integers,
    first: int,
    last: int,
    vertices: Integers,
    flat: tuple[Floats, Floats, Integers, Integers],
) -> None:
    """Copy what `measure_lines` has counted; ``vertices`` says where those of each row begin."""
    x, y, part_offsets, row_offsets = flat
    for g in range(first, last):
        o, end = begins[g], ends[g]
        if o == end:
            continue
        p, v = row_offsets[g], vertices[g]
        kind, dimensions, o = _header(data, o, end)
        members = 1
        if kind == _LINES:
            members = _u32(data, o)
            o += 4
        for _ in range(members):
            if kind == _LINES:
                _, dimensions, o = _header(data, o, end)
            points = _u32(data, o)
            o += 4
            if points:
                part_offsets[p] = v
                p += 1
            _vertices(data, o, 8 * dimensions, points, x, y, v)
            o += 8 * dimensions * points
            v += points


@compiled
def refill(
    data: Bytes, begins: Integers, ends: Integers, first: int, last: int, vertices: Integers, x: Floats, y: Floats
) -> None:
    """Write other coordinates into plain WKB, in place: little-endian, two dimensions, no SRID.

    ``vertices`` says where those of each geometry begin in ``x`` and ``y``.
    """
    for g in range(first, last):
        o, v = begins[g], vertices[g]
        if o == ends[g]:
            continue
        kind = data[o + 1]
        members = 1
        o += 5
        if kind == _POLYGONS:
            members = _u32(data, o)
            o += 4
        for _ in range(members):
            if kind == _POLYGONS:
                o += 5
            count = _u32(data, o)
            o += 4
            for _ in range(count):
                points = _u32(data, o)
                o += 4
                doubles = data[o : o + 16 * points].view(np.float64)
                for k in range(points):
                    doubles[2 * k] = x[v + k]
                    doubles[2 * k + 1] = y[v + k]
                v += points
                o += 16 * points
