"""Topology of lines: crossings, overlaps, dangling ends, pseudo-nodes, and lines too short (Q3109, Q3110, Q3112).

Lines may meet at their ends, and an end may lie on another line. They may not cross or run on one another, and a line
may not meet itself but to close. Everything is judged within the tolerance of the `Plane`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers
from jintu.kernel.lines import Lines
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.meetings import Ends, Strands, distances, meetings, strands
from jintu.kernel.topology.noding import clustered
from jintu.kernel.topology.plane import Plane

__all__ = ["Net", "line_defects", "net", "short_lines"]

_CROSSING, _OVERLAP = int(Kind.LINE_CROSSING), int(Kind.LINE_OVERLAP)


@dataclass(frozen=True)
class Net:
    """Lines, and where they meet other than in their ends: what all questions about a layer share.

    ``met``: crossings and overlaps, as of `meetings`, each once for two lines and a place; ``degree``, ``partner``: how
    many ends meet at each end of a part (3 for more), and, where it is two, the other one; numbered as `Ends` are.
    """

    lines: Lines
    strands: Strands
    met: Floats
    degree: NDArray[np.uint8]
    partner: NDArray[np.int32]
    plane: Plane

    def crossings(self, codes: Any = None, dangle_m: float = 1.0) -> Defects:
        """Crossings, ends that were meant to meet a line, and pseudo-nodes; see `line_defects`."""
        crossing = self._of(_CROSSING)
        loose = np.flatnonzero(self.degree == 1)
        near = self._nearest(loose, np.full(len(loose), -1), dangle_m)
        off = near > self.plane.tolerance
        loose, near = loose[off], near[off]
        past, explained = self._past(crossing, loose, dangle_m)
        found = [self._told(Kind.LINE_CROSSING, crossing[~explained])]
        for chosen, measure in ((past <= dangle_m, -past), (past > dangle_m, near)):
            at = np.flatnonzero(chosen & (np.abs(measure) <= dangle_m))
            places, spots = self._places(loose[at]), self._spots_of_ends(loose[at])
            found.append(collect(Kind.DANGLE, places, spots, measure=measure[at]))
        if codes is not None:
            found.append(self._pseudo_nodes(np.asarray(codes, dtype=np.int64), dangle_m))
        return joined(found)

    def overlaps(self) -> Defects:
        """Where lines run on one another."""
        return self._told(Kind.LINE_OVERLAP, self._of(_OVERLAP))

    def _of(self, kind: int) -> Floats:
        return self.met[self.met[:, 0] == kind]

    def _pseudo_nodes(self, codes: Integers, dangle_m: float) -> Defects:
        """Nodes of two lines of one code that no third line passes."""
        end = np.flatnonzero(self.degree == 2)
        end = end[end < self.partner[end]]
        other = self.partner[end].astype(np.int64)
        parts = self.strands.parts
        alike = codes[self._rows(end % parts)] == codes[self._rows(other % parts)]
        alike &= end % parts != other % parts
        end, other = end[alike], other[alike]
        off = self._nearest(end, other % parts, dangle_m) > self.plane.tolerance
        end, other = end[off], other[off]
        one, two = self._spots_of_ends(end).tolist(), self._spots_of_ends(other).tolist()
        pairs = [sorted((tuple(a), tuple(b))) for a, b in zip(one, two, strict=True)]
        return collect(Kind.PSEUDO_NODE, self._places(end), pairs)

    def _nearest(self, end: Integers, other: Integers, dangle_m: float) -> Floats:
        """Distance of ends from the nearest line but their own and one other, within ``dangle_m`` or the tolerance."""
        x, y = self._ends(end)
        reach = max(dangle_m, self.plane.tolerance)
        return distances(self.strands, x, y, end % self.strands.parts, other, reach)

    def _past(self, crossing: Floats, loose: Integers, dangle_m: float) -> tuple[Floats, NDArray[np.bool_]]:
        """How far each loose end runs past the nearest crossing on its line, and the crossings that are such."""
        past = np.full(len(loose), np.inf)
        explained = np.zeros(len(crossing), dtype=np.bool_)
        if not len(loose) or not len(crossing):
            return past, explained
        for side in (1, 2):
            part = self._parts(crossing[:, side].astype(np.int64))
            for end in (part, part + self.strands.parts):
                k = np.minimum(np.searchsorted(loose, end), len(loose) - 1)
                x, y = self._ends(end)
                away = np.hypot(x - crossing[:, 3], y - crossing[:, 4])
                counts = (loose[k] == end) & (away > self.plane.tolerance) & (away <= dangle_m)
                np.minimum.at(past, k[counts], away[counts])
                explained |= counts
        return past, explained

    def _told(self, kind: Kind, met: Floats) -> Defects:
        import shapely

        one, other = (self._spots(met[:, k].astype(np.int64)).tolist() for k in (1, 2))
        places = [[tuple(a), tuple(b)] for a, b in zip(one, other, strict=True)]
        back = self._back
        if kind == Kind.LINE_CROSSING:
            return collect(kind, met[:, 3:5] * back, places)
        shapes = shapely.linestrings(met[:, 3:7].reshape(-1, 2, 2) * back)
        length = np.hypot(met[:, 5] - met[:, 3], met[:, 6] - met[:, 4])
        return collect(kind, (met[:, 3:5] + met[:, 5:7]) / 2 * back, places, measure=length, shapes=shapes)

    # --- where things are ----------

    @property
    def _back(self) -> Floats:
        """From metres to the coordinates of the layer."""
        return 1 / np.array([self.plane.x_metres, self.plane.y_metres])

    def _parts(self, vertices: Integers) -> Integers:
        return np.searchsorted(self.strands.starts, vertices, "right") - 1

    def _rows(self, parts: Integers) -> Integers:
        return np.searchsorted(self.lines.row_offsets, parts, "right") - 1

    def _spots(self, vertices: Integers) -> Integers:
        """(n, 3) row, part, vertex of vertices."""
        part = self._parts(vertices)
        row = self._rows(part)
        return np.column_stack((row, part - self.lines.row_offsets[row], vertices - self.strands.starts[part]))

    def _spots_of_ends(self, end: Integers) -> Integers:
        """The same of ends: of vertices repeated at the begin of a part the last, at its end the first."""
        x, y, starts = self.strands.x, self.strands.y, self.strands.starts
        vertices = np.empty(len(end), dtype=np.int64)
        for k, e in enumerate(end.tolist()):
            part = e % self.strands.parts
            step, v = (1, starts[part]) if e == part else (-1, starts[part + 1] - 1)
            while x[v] == x[v + step] and y[v] == y[v + step]:
                v += step
            vertices[k] = v
        return self._spots(vertices)

    def _ends(self, end: Integers) -> tuple[Floats, Floats]:
        starts, parts = self.strands.starts, self.strands.parts
        vertices = np.where(end < parts, starts[end % parts], starts[end % parts + 1] - 1)
        return self.strands.x[vertices], self.strands.y[vertices]

    def _places(self, end: Integers) -> Floats:
        return np.column_stack(self._ends(end)) * self._back


def net(lines: Lines, plane: Plane | None = None, threads: int | None = None) -> Net:
    """Lines and where they meet; rows count from 0."""
    plane = plane or Plane()
    x, y = lines.x, lines.y
    if (plane.x_metres, plane.y_metres) != (1, 1):
        x, y = x * plane.x_metres, y * plane.y_metres
    runs = strands(x, y, lines.part_offsets, threads)
    met, ends = meetings(runs, plane.tolerance, threads)
    of = [np.searchsorted(runs.starts, met[:, k].astype(np.int64), "right") for k in (1, 2)]
    keys = np.column_stack((met[:, 0], *of, np.round(met[:, 3:7] / (4 * plane.tolerance))))
    met = met[np.unique(keys, axis=0, return_index=True)[1]]
    degree, partner = _nodes(runs, ends, plane.tolerance)
    return Net(lines, runs, met, degree, partner, plane)


def _nodes(runs: Strands, ends: Ends, tolerance: float) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """How many ends meet at each, and, where it is two, the other: those just there, and where others lie close by
    those that make one node with it."""
    close = np.flatnonzero(ends.close)
    if not len(close):
        return ends.degree, ends.partner
    parts = runs.parts
    vertices = np.where(close < parts, runs.starts[close % parts], runs.starts[close % parts + 1] - 1)
    x, y = runs.x[vertices], runs.y[vertices]
    order = np.lexsort((y, x))
    node = np.empty(len(close), dtype=np.int64)
    node[order] = clustered(x[order], y[order], tolerance)
    degree = np.bincount(node, minlength=len(close))[node]
    by_node = np.argsort(node, kind="stable")
    first = np.flatnonzero((degree[by_node] == 2) & (np.append(node[by_node][1:], -1) == node[by_node]))
    ends.degree[close] = np.minimum(degree, 3)
    ends.partner[close[by_node[first]]] = close[by_node[first + 1]]
    ends.partner[close[by_node[first + 1]]] = close[by_node[first]]
    return ends.degree, ends.partner


def short_lines(lines: Lines, plane: Plane | None = None, short_m: float = 0.2) -> Defects:
    """Lines, and parts of lines, shorter than so many metres; those of no length at all are no lines."""
    plane = plane or Plane()
    length = lines.lengths(plane.x_metres, plane.y_metres)
    part = np.flatnonzero((length > 0) & (length < short_m))
    row = np.searchsorted(lines.row_offsets, part, "right") - 1
    vertex = np.empty(len(part), dtype=np.int64)
    for k, p in enumerate(part.tolist()):
        v = lines.part_offsets[p]
        while lines.x[v] == lines.x[v + 1] and lines.y[v] == lines.y[v + 1]:
            v += 1
        vertex[k] = v
    spots = np.column_stack((row, part - lines.row_offsets[row], vertex - lines.part_offsets[part]))
    return collect(Kind.SHORT_LINE, np.column_stack((lines.x[vertex], lines.y[vertex])), spots, measure=length[part])


def line_defects(
    lines: Lines,
    plane: Plane | None = None,
    *,
    codes: Any = None,
    dangle_m: float = 1.0,
    short_m: float = 0.2,
) -> Defects:
    """What is wrong with lines; rows count from 0.

    ``codes`` is an integer for each row that stands for its attributes: a node between two lines of one code, and no
    third, is a pseudo-node. Without it none is told. ``dangle_m``: an end that stops so near another line, or runs so
    little past it, was meant to meet it; ends farther off are free.
    """
    those = net(lines, plane)
    return joined([those.crossings(codes, dangle_m), those.overlaps(), short_lines(lines, plane, short_m)])
