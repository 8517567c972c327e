"""Borders of a gap-free layer as lines: cut where three or more polygons meet, each with the polygons on its sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import shapely

__all__ = ["Borders", "borders"]

MM = 1000.0


@dataclass
class Borders:
    """``lines``: Shapely, (n,); ``left``, ``right``: rows of the polygons, right −1 where there is none; ``metres``."""

    lines: Any
    left: Any
    right: Any
    metres: Any


def borders(shapes: Any) -> Borders:
    """Of polygons without parts whose shared corners are the same numbers, to the millimetre."""
    kind, points, (rings, rows) = shapely.to_ragged_array(shapes)
    if kind != shapely.GeometryType.POLYGON:
        raise ValueError("borders are drawn of polygons of one part")
    grid = np.round((points - points.min(axis=0)) * MM).astype(np.int64)
    keys = (grid[:, 0] << 29) | grid[:, 1]
    del grid
    is_edge = np.ones(len(keys), dtype=np.bool_)
    is_edge[rings[1:] - 1] = False
    begin = np.flatnonzero(is_edge)
    owner = np.repeat(np.repeat(np.arange(len(rows) - 1, dtype=np.int32), np.diff(rows)), np.diff(rings) - 1)
    twin = _twins(keys[begin], keys[begin + 1])
    vertex = np.unique(keys, return_inverse=True)[1].astype(np.int32)
    degree = np.bincount(vertex[begin], minlength=int(vertex.max()) + 1)
    degree += np.bincount(vertex[begin + 1][twin < 0], minlength=len(degree))
    beyond = np.where(twin >= 0, owner[twin], np.int32(-1))
    node = degree[vertex] != 2
    at, ends, left, right = _cut(rings, vertex, node, owner, beyond)
    points = points[at]
    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, points, (ends,))
    return Borders(lines, left, right, shapely.length(lines))


def _twins(a: Any, b: Any) -> Any:
    """The edge that runs the other way, for each edge from a to b; −1 where there is none."""
    low, high = np.minimum(a, b).view(np.uint64), np.maximum(a, b).view(np.uint64)
    with np.errstate(over="ignore"):
        code = (low * np.uint64(0x9E3779B97F4A7C15)) ^ (high * np.uint64(0xC2B2AE3D27D4EB4F) + np.uint64(1))
    order = np.argsort(code)
    same = np.flatnonzero(code[order[1:]] == code[order[:-1]])
    twin = np.full(len(a), -1, dtype=np.int64)
    twin[order[same]] = order[same + 1]
    twin[order[same + 1]] = order[same]
    return twin


@nb.njit(cache=True)
def _cut(rings: Any, vertex: Any, node: Any, owner: Any, beyond: Any) -> Any:
    """Points of each line end to end, where each ends, and the polygons on its sides; a border between two polygons is
    told by the first of them."""
    at = np.empty(len(vertex) + len(rings), dtype=np.int64)
    ends = np.zeros(len(vertex) + 1, dtype=np.int64)
    left, right = np.empty(len(vertex), dtype=np.int32), np.empty(len(vertex), dtype=np.int32)
    used, lines = 0, 0
    for r in range(len(rings) - 1):
        first, n = rings[r], rings[r + 1] - rings[r] - 1
        edge = first - r  # a ring has one vertex more than edges
        start = 0
        for k in range(n):
            if node[first + k]:
                start = k
                break
        open_ = False
        for step in range(n):
            k = (start + step) % n
            me, other = owner[edge + k], beyond[edge + k]
            if other >= 0 and other < me:
                open_ = False
                continue
            if open_ and node[first + k]:
                open_ = False
            if not open_:
                ends[lines] = used
                left[lines], right[lines] = me, other
                at[used] = first + k
                used += 1
                lines += 1
                open_ = True
            at[used] = first + k + 1
            used += 1
            ends[lines] = used
    return at[:used].copy(), ends[: lines + 1].copy(), left[:lines].copy(), right[:lines].copy()
