"""Topology of a layer of polygons that should divide the land without gap or overlap.

    found = inspect(patches)                         # in the plane the layer was delivered in
    found.counts()                                   # {Kind.GAP: 3, Kind.OVERLAP: 1, …}
    for defect in found.of(Kind.GAP): …              # kind, spots (row, ring, vertex), geometry, area, measure

A layer that does not fit into memory is looked at fragment by fragment; the answer does not depend on the cut::

    parts = [scan(fragment, rows) for …]             # anywhere, in any order
    found = conclude(parts, fetch)                   # fetch(rows) gives the few geometries that overlap

`docs/reference/topology.md` says what is found, and how T-junctions and tolerances are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jintu.kernel.flat import Floats, Integers, Polygons, from_shapely
from jintu.kernel.topology.between import covers
from jintu.kernel.topology.borders import OffBorders, lines_off_borders
from jintu.kernel.topology.cancelling import Edges, cancel, merge
from jintu.kernel.topology.copies import copied_lines
from jintu.kernel.topology.defects import Defect, Defects, Kind, Spot, collect, joined
from jintu.kernel.topology.limits import Limits
from jintu.kernel.topology.lines import Net, line_defects, net, short_lines
from jintu.kernel.topology.partition import Fetch, enclosed
from jintu.kernel.topology.plane import Plane
from jintu.kernel.topology.remains import Remains, between, crossing_rows, remains, renewed
from jintu.kernel.topology.rings import Measures, measure, ring_defects, slivers
from jintu.kernel.topology.validating import invalid_rows, validity

__all__ = [
    "Defect",
    "Defects",
    "Kind",
    "Limits",
    "Net",
    "OffBorders",
    "Plane",
    "Remains",
    "Scan",
    "Spot",
    "conclude",
    "copied_lines",
    "covers",
    "crossing_rows",
    "inspect",
    "invalid_rows",
    "line_defects",
    "lines_off_borders",
    "net",
    "remains",
    "renewed",
    "ring_defects",
    "scan",
    "short_lines",
    "slivers",
    "validity",
]


@dataclass(frozen=True, eq=False)
class Scan:
    """What is kept of a fragment: the edges that did not cancel, and 72 bytes a row."""

    edges: Edges
    rows: Integers
    boxes: Floats
    measures: Measures


def scan(
    polygons: Polygons,
    rows: Any = None,
    plane: Plane | None = None,
    threads: int | None = None,
    *,
    crossing: Any = (),
) -> Scan:
    """Read a fragment. ``rows`` are the numbers of its geometries in the layer (0 … n − 1 when None).

    ``crossing`` are the geometries (their indices here) of which `validity` says that they cross themselves: they take
    part as what they enclose, and not by the direction in which they are walked.
    """
    plane = plane or Plane()
    numbers = np.arange(len(polygons)) if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
    if len(numbers) != len(polygons):
        raise ValueError(f"{len(polygons)} row numbers are needed, not {len(numbers)}")
    edges, measures = cancel(polygons, plane, numbers, threads, crossing), measure(polygons, plane, threads)
    if len(crossing):
        bad = np.asarray(crossing, dtype=np.int64)
        mended = from_shapely(enclosed(polygons.take(bad)))
        edges = merge([edges, cancel(mended, plane, numbers[bad], threads)])
        measures.area[bad] = measure(mended, plane, threads).area
    return Scan(edges, numbers, polygons.boxes(threads), measures)


def conclude(scans: Sequence[Scan], fetch: Fetch, plane: Plane | None = None, limits: Limits | None = None) -> Defects:
    """The defects of the layer of which these are the fragments, in any order and any cut: gaps, overlaps, unshared
    vertices, duplicates and slivers. An overlap of copies with the same boundary is told as a duplicate only.

    ``fetch(rows)`` gives the geometries of rows, in that order; it is asked once or twice, for few.
    """
    if not scans:
        return joined([])
    plane, limits = plane or Plane(), limits or Limits()
    order = np.argsort(np.concatenate([s.rows for s in scans]), kind="stable")

    def column(values: Sequence[Any]) -> Any:
        return np.ascontiguousarray(np.concatenate(values)[order])

    rows, boxes = column([s.rows for s in scans]), column([s.boxes for s in scans])
    prints = column([s.measures.vertices for s in scans]), column([s.measures.boundary for s in scans])
    found = between(merge([s.edges for s in scans]), rows, boxes, prints, fetch, plane)
    thin, compactness = slivers(
        area := column([s.measures.area for s in scans]), column([s.measures.perimeter for s in scans]), limits
    )
    small = collect(
        Kind.SLIVER,
        (boxes[thin, :2] + boxes[thin, 2:]) / 2,
        np.column_stack((rows[thin], np.full((len(thin), 2), -1))),
        area=area[thin],
        measure=compactness,
    )
    return joined([found, small])


def inspect(
    polygons: Polygons, plane: Plane | None = None, limits: Limits | None = None, threads: int | None = None
) -> Defects:
    """All defects of a layer in memory, those of single rings included; rows count from 0."""
    wrong = validity(polygons, threads=threads)
    rings = ring_defects(polygons, limits, plane, threads=threads)
    part = scan(polygons, None, plane, threads, crossing=np.unique(wrong.of(Kind.SELF_CROSSING).rows))
    return joined([wrong, rings, conclude([part], polygons.take, plane, limits)])
