"""Topology of a layer of polygons that should divide the land without gap or overlap.

    found = inspect(patches)                         # in the plane the layer was delivered in
    found.counts()                                   # {Kind.GAP: 3, Kind.OVERLAP: 1, …}
    for defect in found.of(Kind.GAP): …              # kind, spots (row, ring, vertex), geometry, area, measure

A layer that does not fit into memory is looked at fragment by fragment; the answer does not depend on the cut::

    parts = [scan(fragment, rows, plane) for …]      # anywhere, in any order
    found = conclude(parts, fetch, plane)            # fetch(rows) gives the few geometries that overlap

`docs/reference/topology.md` says what is found, and how T-junctions and tolerances are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jintu.kernel.flat import Floats, Integers, Polygons
from jintu.kernel.topology.cancelling import Edges, cancel, merge
from jintu.kernel.topology.defects import Defect, Defects, Kind, Spot, joined
from jintu.kernel.topology.partition import Fetch, judge
from jintu.kernel.topology.plane import Plane
from jintu.kernel.topology.validating import validity

__all__ = ["Defect", "Defects", "Kind", "Plane", "Scan", "Spot", "conclude", "inspect", "scan", "validity"]


@dataclass(frozen=True, eq=False)
class Scan:
    """What is kept of a fragment: the edges that did not cancel, and 40 bytes a row."""

    edges: Edges
    rows: Integers
    boxes: Floats


def scan(polygons: Polygons, rows: Any = None, plane: Plane | None = None, threads: int | None = None) -> Scan:
    """Read a fragment. ``rows`` are the numbers of its geometries in the layer (0 … n − 1 when None)."""
    numbers = np.arange(len(polygons)) if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
    if len(numbers) != len(polygons):
        raise ValueError(f"{len(polygons)} row numbers are needed, not {len(numbers)}")
    return Scan(cancel(polygons, plane or Plane(), numbers, threads), numbers, polygons.boxes(threads))


def conclude(scans: Sequence[Scan], fetch: Fetch, plane: Plane | None = None) -> Defects:
    """The defects of the layer of which these are the fragments, in any order and any cut."""
    if not scans:
        return joined([])
    rows, boxes = np.concatenate([s.rows for s in scans]), np.concatenate([s.boxes for s in scans])
    order = np.argsort(rows, kind="stable")
    edges = merge([s.edges for s in scans])
    return judge(edges, np.ascontiguousarray(boxes[order]), rows[order], fetch, plane or Plane())


def inspect(polygons: Polygons, plane: Plane | None = None, threads: int | None = None) -> Defects:
    """The defects of a layer in memory; rows count from 0."""
    return conclude([scan(polygons, None, plane, threads)], polygons.take, plane)
