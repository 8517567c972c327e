"""Topology of a partition with planted defects: Jintu's edge cancellation against the coverage validation of GEOS.

The landscape in a plane of metres, in which gaps, overlaps, copies and T-junctions are planted; every one must be found
and nothing else. The peer is `shapely.coverage_invalid_edges` (which marks edges, and does not say what is between
them); `shapely.is_valid` stands beside our validity. Seconds are those of the processor on one thread, because GEOS has
no more.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import in_new_process, report
from benchmarks.landscape import DEGREE_EAST, DEGREE_NORTH, SOUTH, WEST, landscape

PATCHES = {"small": 50_000, "full": 1_250_000}
PLANTED = 50
"""of each kind"""


def run(scale: str) -> dict[str, Any]:
    in_new_process("topology", "own", "small")  # compiles
    own = in_new_process("topology", "own", scale)
    peer = in_new_process("topology", "peer", scale)
    ratios = {}
    if "failed" not in own and "failed" not in peer:
        ratios["coverage"] = round(peer["coverage_s"] / own["coverage_s"], 2)
        ratios["validity"] = round(peer["validity_s"] / own["validity_s"], 2)
    return {
        "size": {"patches": own.get("patches"), "vertices": own.get("vertices"), "planted": 4 * PLANTED},
        "jintu": own,
        "peers": {"geos": peer},
        "ratio": ratios,
        "agreement": own.get("missed") == 0 and own.get("false") == 0,
    }


def layer(scale: str) -> tuple[Any, dict[str, set[int]]]:
    """The layer in metres, rounded to 0.1 mm, and the rows at which each kind of defect was planted."""
    from jintu.kernel.flat import Polygons

    flat = landscape(PATCHES[scale]).polygons
    x = np.round((flat.x - WEST) * DEGREE_EAST + 500_000, 4)
    y = np.round((flat.y - SOUTH) * DEGREE_NORTH + 4_000_000, 4)
    random = np.random.default_rng(11)
    vertices, rings = flat.vertex_counts(), np.diff(flat.rings.starts)
    box = flat.boxes()
    edge = 200 / DEGREE_NORTH
    inner = (box[:, 0] > box[:, 0].min() + edge) & (box[:, 2] < box[:, 2].max() - edge)
    inner &= (box[:, 1] > box[:, 1].min() + edge) & (box[:, 3] < box[:, 3].max() - edge)
    fields = np.flatnonzero((rings == 1) & (vertices > 8) & (vertices < 40) & inner)
    chosen = random.choice(fields, 4 * PLANTED, replace=False).reshape(4, PLANTED)
    for row in np.concatenate((chosen[0], chosen[1])):  # pulled in: a gap; pushed out: an overlap
        i = flat.ring_offsets[flat.rings.starts[row]]
        j = i + vertices[row] - 1
        _move(x, y, i, j, -0.5 if row in chosen[0] else 0.5)
    more = flat.with_coordinates(x, y)
    copied = more.take(np.concatenate((np.arange(len(flat)), chosen[2])))
    planted = {name: set(rows.tolist()) for name, rows in zip(("gap", "overlap", "duplicate"), chosen, strict=False)}
    planted["unshared"] = set(chosen[3].tolist())
    return _with_vertices(copied, chosen[3], Polygons), planted


def _move(x: np.ndarray, y: np.ndarray, i: int, j: int, metres: float) -> None:
    """Move the vertex with the flattest angle across the boundary: positive is outward."""
    k = i + 1 + int(np.argmin([_bend(x, y, k) for k in range(i + 1, j)]))
    dx, dy = x[k + 1] - x[k - 1], y[k + 1] - y[k - 1]
    length = np.hypot(dx, dy)
    x[k], y[k] = np.round(x[k] + metres * dy / length, 4), np.round(y[k] - metres * dx / length, 4)


def _bend(x: np.ndarray, y: np.ndarray, k: int) -> float:
    before = np.arctan2(y[k] - y[k - 1], x[k] - x[k - 1])
    after = np.arctan2(y[k + 1] - y[k], x[k + 1] - x[k])
    return float(abs(np.angle(np.exp(1j * (after - before)))))


def _with_vertices(flat: Any, rows: np.ndarray, polygons: Any) -> Any:
    """A vertex in the middle of the longest edge of each row, which its neighbour does not have."""
    at = []
    for row in rows:
        i = flat.ring_offsets[flat.rings.starts[row]]
        j = flat.ring_offsets[flat.rings.starts[row] + 1] - 1
        at.append(i + int(np.argmax(np.hypot(np.diff(flat.x[i : j + 1]), np.diff(flat.y[i : j + 1])))))
    places = np.sort(np.array(at)) + 1
    x = np.insert(flat.x, places, np.round((flat.x[places - 1] + flat.x[places]) / 2, 4))
    y = np.insert(flat.y, places, np.round((flat.y[places - 1] + flat.y[places]) / 2, 4))
    offsets = flat.ring_offsets + np.searchsorted(places, flat.ring_offsets, "left")
    return polygons(x, y, offsets, flat.polygon_offsets, flat.geometry_offsets)


def _cpu(work: Callable[[], Any], times: int = 3) -> tuple[Any, float]:
    seconds, answer = [], None
    for _ in range(times):
        begin = time.process_time()
        answer = work()
        seconds.append(time.process_time() - begin)
    return answer, min(seconds)


def measure_own(scale: str) -> None:
    from jintu.kernel.topology import Kind, Limits, Plane, conclude, inspect, ring_defects, scan, validity
    from jintu.kernel.topology.cancelling import cancel, merge
    from jintu.kernel.topology.partition import judge

    flat, planted = layer(scale)
    plane, limits = Plane(), Limits(sliver_compactness=0)
    inspect(flat.take(np.arange(100)), plane, limits, threads=1)
    boxes, rows = flat.boxes(1), np.arange(len(flat))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, coverage = _cpu(lambda: judge(merge([cancel(flat, plane, threads=1)]), boxes, rows, flat.take, plane))
    found, everything = _cpu(lambda: conclude([scan(flat, None, plane, 1)], flat.take, plane, limits))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong, valid = _cpu(lambda: validity(flat, threads=1))
    _, rings = _cpu(lambda: ring_defects(flat, limits, plane, threads=1))
    missed, false = len(wrong), len(wrong)
    kinds = (Kind.GAP, Kind.OVERLAP, Kind.DUPLICATE, Kind.UNSHARED_VERTEX)
    for name, kind in zip(("gap", "overlap", "duplicate", "unshared"), kinds, strict=True):
        told = [set(d.rows) for d in found.of(kind)]
        missed += sum(not any(row in one for one in told) for row in planted[name])
        false += sum(not (one & planted[name]) for one in told) + max(0, len(told) - PLANTED)
    report(
        patches=len(flat),
        vertices=len(flat.x),
        coverage_s=coverage,
        with_copies_and_slivers_s=everything,
        validity_s=valid,
        rings_s=rings,
        polygons_per_second=round(len(flat) / coverage),
        missed=missed,
        false=false,
        layer_mb=round(flat.nbytes / 2**20),
        added_mb=round((peak - base) / 1024),
    )


def measure_peer(scale: str) -> None:
    import shapely

    flat, _ = layer(scale)
    shapes = flat.to_shapely()
    marked, coverage = _cpu(lambda: shapely.coverage_invalid_edges(shapes), 1)
    valid, validity_s = _cpu(lambda: shapely.is_valid(shapes), 1)
    report(
        coverage_s=coverage,
        validity_s=validity_s,
        rows_marked=int((~shapely.is_empty(marked)).sum()),
        invalid=int((~valid).sum()),
    )


if __name__ == "__main__":
    {"own": measure_own, "peer": measure_peer}[sys.argv[1]](sys.argv[2])
