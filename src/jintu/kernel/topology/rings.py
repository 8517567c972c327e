"""What is measured of each row in one pass, and what in a ring is valid but not as the standard wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers, Polygons, in_parallel, split
from jintu.kernel.topology.cancelling import Arrays, is_turned, mixed
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.limits import Limits
from jintu.kernel.topology.plane import Plane

__all__ = ["Measures", "measure", "ring_defects", "slivers"]

_ORIENTATION, _SPIKE = int(Kind.ORIENTATION), int(Kind.SPIKE)
_DUPLICATE, _SHORT = int(Kind.DUPLICATE_VERTEX), int(Kind.SHORT_EDGE)


@dataclass(frozen=True, eq=False)
class Measures:
    """``area`` m² of the plane, ``perimeter`` m, and two numbers by which copies are known: ``vertices`` is the same
    for the same set of vertices, ``boundary`` for the same set of edges; all (n,)."""

    area: Floats
    perimeter: Floats
    vertices: NDArray[np.uint64]
    boundary: NDArray[np.uint64]


def measure(polygons: Polygons, plane: Plane, threads: int | None = None) -> Measures:
    """Area, perimeter and the two fingerprints of each geometry."""
    n = len(polygons)
    out = Measures(np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=np.uint64))
    metres = (plane.x_metres, plane.y_metres)
    in_parallel(
        lambda i, j: _measure(
            polygons.arrays, i, j, plane.grid, metres, out.area, out.perimeter, out.vertices, out.boundary
        ),
        split(n, threads),
        threads,
    )
    return out


def slivers(area: Floats, perimeter: Floats, limits: Limits) -> tuple[Integers, Floats]:
    """(indices, compactness 4πA/P²) of what is too small or too thin, by Q3106."""
    with np.errstate(divide="ignore", invalid="ignore"):
        compactness = np.nan_to_num(4 * np.pi * area / perimeter**2)
    found = (perimeter > 0) & ((area < limits.sliver_area_m2) | (compactness < limits.sliver_compactness))
    return np.flatnonzero(found), compactness[found]


def ring_defects(
    polygons: Polygons,
    limits: Limits | None = None,
    plane: Plane | None = None,
    rows: Any = None,
    threads: int | None = None,
) -> Defects:
    """Direction of rings, spikes, repeated vertices and short edges.

    The direction can only be judged of polygons read ``as_delivered``: others were turned when they were read.
    """
    limits, plane = limits or Limits(), plane or Plane()
    # floats all: of each other tuple of types the kernel would be compiled anew, which takes seconds
    thresholds = (
        float(np.cos(np.radians(limits.spike_degrees))),
        float(limits.duplicate_vertex_m),
        float(limits.short_edge_m),
        float(limits.shells_turn),
    )
    metres = (float(plane.x_metres), float(plane.y_metres))
    spans = split(len(polygons), threads)
    found = in_parallel(lambda i, j: _ring_defects(polygons.arrays, i, j, metres, thresholds), spans, threads)
    table = np.concatenate([np.empty((0, 7)), *found])
    numbers = np.arange(len(polygons)) if rows is None else np.asarray(rows, dtype=np.int64)
    parts = []
    for kind in np.unique(table[:, 0]):
        mine = table[table[:, 0] == kind]
        spots = mine[:, 1:4].astype(np.int64)
        spots[:, 0] = numbers[spots[:, 0]]
        parts.append(collect(Kind(int(kind)), mine[:, 4:6], spots, measure=mine[:, 6]))
    return joined(parts)


# --- compiled ----------


@nb.njit(cache=True, nogil=True)
def _measure(
    arrays: Arrays,
    first: int,
    last: int,
    grid: tuple[float, float],
    metres: tuple[float, float],
    area: Floats,
    perimeter: Floats,
    vertices: NDArray[np.uint64],
    boundary: NDArray[np.uint64],
) -> None:
    x, y, ring_offsets, polygon_offsets, geometry_offsets = arrays
    for g in range(first, last):
        total, length = 0.0, 0.0
        points, edges = np.uint64(0), np.uint64(0)
        for p in range(geometry_offsets[g], geometry_offsets[g + 1]):
            for r in range(polygon_offsets[p], polygon_offsets[p + 1]):
                i, j = ring_offsets[r], ring_offsets[r + 1] - 1
                doubled, here = 0.0, _place(x[i], y[i], grid)
                for k in range(i, j):
                    doubled += (x[k] - x[i]) * (y[k + 1] - y[i]) - (x[k + 1] - x[i]) * (y[k] - y[i])
                    dx, dy = (x[k + 1] - x[k]) * metres[0], (y[k + 1] - y[k]) * metres[1]
                    length += np.sqrt(dx * dx + dy * dy)
                    there = _place(x[k + 1], y[k + 1], grid)
                    if there != here:
                        points += here
                        both = here + there
                        edges += both * (both ^ (both >> np.uint64(31)))
                    here = there
                part = abs(doubled) / 2
                total += part if r == polygon_offsets[p] else -part
        area[g], perimeter[g] = total * metres[0] * metres[1], length
        vertices[g], boundary[g] = points, edges


@nb.njit(cache=True, nogil=True)
def _place(x: float, y: float, grid: tuple[float, float]) -> Any:
    return mixed(np.int64(np.floor(x * grid[0] + 0.5)), np.int64(np.floor(y * grid[1] + 0.5)))


@nb.njit(cache=True, nogil=True)
def _ring_defects(
    arrays: Arrays, first: int, last: int, metres: tuple[float, float], thresholds: tuple[float, float, float, float]
) -> Floats:
    """(m, 7) kind, geometry, ring, vertex, x, y, measure."""
    x, y, ring_offsets, polygon_offsets, geometry_offsets = arrays
    sharp, same, short, shells_turn = thresholds
    out, n = np.empty((64, 7)), 0
    for g in range(first, last):
        base = polygon_offsets[geometry_offsets[g]]
        for p in range(geometry_offsets[g], geometry_offsets[g + 1]):
            shell_turned = False
            for r in range(polygon_offsets[p], polygon_offsets[p + 1]):
                i, j = ring_offsets[r], ring_offsets[r + 1] - 1
                if n + j - i + 1 > len(out) // 2:
                    more = np.empty((2 * len(out) + 4 * (j - i + 1), 7))
                    more[:n] = out[:n]
                    out = more
                turned = is_turned(x, y, i, j)
                if r == polygon_offsets[p]:
                    shell_turned = turned
                    wrong = shells_turn != 0 and turned != (shells_turn < 0)
                else:
                    wrong = turned == shell_turned
                if wrong:
                    n = _put(out, n, _ORIENTATION, g, r - base, 0, x[i], y[i], 0.0)
                before = j - 1
                while before > i and _apart(x, y, before, i, metres) < same:
                    before -= 1
                for k in range(i, j):
                    length = _apart(x, y, k, k + 1, metres)
                    if length < same:
                        n = _put(out, n, _DUPLICATE, g, r - base, k + 1 - i, x[k + 1], y[k + 1], length)
                        continue
                    if length < short:
                        n = _put(out, n, _SHORT, g, r - base, k - i, x[k], y[k], length)
                    ax, ay = (x[before] - x[k]) * metres[0], (y[before] - y[k]) * metres[1]
                    bx, by = (x[k + 1] - x[k]) * metres[0], (y[k + 1] - y[k]) * metres[1]
                    cosine = (ax * bx + ay * by) / (np.sqrt(ax * ax + ay * ay) * length)
                    if cosine > sharp:
                        angle = np.degrees(np.arctan2(abs(ax * by - ay * bx), ax * bx + ay * by))
                        n = _put(out, n, _SPIKE, g, r - base, k - i, x[k], y[k], angle)
                    before = k
    return out[:n]


@nb.njit(cache=True, nogil=True)
def _apart(x: Floats, y: Floats, a: int, b: int, metres: tuple[float, float]) -> float:
    dx, dy = (x[a] - x[b]) * metres[0], (y[a] - y[b]) * metres[1]
    return np.sqrt(dx * dx + dy * dy)


@nb.njit(cache=True, nogil=True)
def _put(out: Floats, n: int, kind: int, g: int, r: int, k: int, x: float, y: float, m: float) -> int:
    out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4], out[n, 5], out[n, 6] = kind, g, r, k, x, y, m
    return n + 1
