"""The faces of a noded graph and their depth: how many polygons lie over each.

Every edge is two half-edges, 2 e from low to high and 2 e + 1 back, each with the face on its left. Walking always to
the next half-edge clockwise about a node traces the boundary of a face: counter-clockwise cycles enclose a face, and
each connected component of the graph has one clockwise cycle, its outside. In which face of which other component that
outside lies is told by the first edge to the west of the component's westernmost node. Across an edge the depth changes
by its net count; far outside it is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba as nb
import numpy as np

from jintu.kernel.flat import Floats, Integers
from jintu.kernel.overlay.tree import Tree, search
from jintu.kernel.topology.noding import Graph, edge_tree

__all__ = ["Faces", "faces"]


@dataclass(frozen=True, eq=False)
class Faces:
    """Cycles of a graph.

    ``half_edges`` the half-edges of cycle c in order: ``half_edges[starts[c] … starts[c + 1]]`` · ``area`` (c,) of the
    cycle in grid points², negative for the outside of a component · ``depth`` (c,) of the face · ``parent`` (c,) for
    an outside: the cycle of the face in which it lies, −1 for none
    """

    graph: Graph
    half_edges: Integers
    starts: Integers
    area: Floats
    depth: Integers
    parent: Integers

    def origins(self, cycle: int) -> Integers:
        """Nodes of the cycle, in order."""
        half = self.half_edges[self.starts[cycle] : self.starts[cycle + 1]]
        return np.where(half % 2 == 0, self.graph.low[half // 2], self.graph.high[half // 2])

    def boundary(self, cycle: int) -> list[int]:
        """The cycle of a face, then the outsides of the components inside it."""
        order, starts = self._children
        return [cycle, *order[starts[cycle] : starts[cycle + 1]].tolist()]

    def net_area(self) -> Floats:
        """Area (c,) of the cycles less what other components take out of them."""
        inside = np.flatnonzero(self.parent >= 0)
        taken = np.bincount(self.parent[inside], self.area[inside], len(self.area))
        return np.asarray(self.area + taken, dtype=np.float64)

    def lengths(self) -> Floats:
        """Length (c,) of the boundary of each cycle, with those of the components inside."""
        graph, edge = self.graph, self.half_edges // 2
        a, b = graph.low[edge], graph.high[edge]
        pieces = np.hypot(graph.x[a] - graph.x[b], graph.y[a] - graph.y[b])
        cycle = np.repeat(np.arange(len(self.area)), np.diff(self.starts))
        own = np.bincount(cycle, pieces, len(self.area))
        inside = np.flatnonzero(self.parent >= 0)
        return np.asarray(own + np.bincount(self.parent[inside], own[inside], len(self.area)), dtype=np.float64)

    @cached_property
    def _children(self) -> tuple[Integers, Integers]:
        order = np.argsort(self.parent, kind="stable")
        return order, np.searchsorted(self.parent[order], np.arange(len(self.area) + 1))


def faces(graph: Graph) -> Faces:
    """Trace the faces of a graph and find their depths."""
    e = len(graph)
    origin, target = np.empty(2 * e, dtype=np.int64), np.empty(2 * e, dtype=np.int64)
    origin[::2], origin[1::2], target[::2], target[1::2] = graph.low, graph.high, graph.high, graph.low
    angle = np.arctan2(graph.y[target] - graph.y[origin], graph.x[target] - graph.x[origin])
    around = np.lexsort((angle, origin))
    cycle, half_edges, starts, area = _trace(origin, around, graph.x, graph.y)
    component, west = _components(graph.low, graph.high, graph.x, graph.y)
    outside = np.full(len(west), -1, dtype=np.int64)
    outer = np.flatnonzero(area < 0)
    outside[component[origin[half_edges[starts[outer]]]]] = outer
    hit = np.full(len(west), -1, dtype=np.int64)
    if len(west) > 1:
        tree = edge_tree(graph.x, graph.y, graph.low, graph.high, 0.5)
        hit = _western(tree, graph.x, graph.y, graph.low, graph.high, component, west)
    parent, base = np.full(len(area), -1, dtype=np.int64), np.zeros(len(west), dtype=np.int64)
    depth = _depths(graph.net, cycle, half_edges, starts, area, component, origin, outside, west, hit, parent, base)
    return Faces(graph, half_edges, starts, area, depth, parent)


@nb.njit(cache=True, nogil=True)
def _trace(origin: Integers, around: Integers, x: Floats, y: Floats) -> tuple[Integers, Integers, Integers, Floats]:
    """(cycle of each half-edge, half-edges by cycle, starts, signed area); ``around``: counter-clockwise by node."""
    n = len(origin)
    rank, first = np.empty(n, dtype=np.int64), np.full(len(x) + 1, n, dtype=np.int64)
    for k in range(n - 1, -1, -1):
        rank[around[k]] = k
        first[origin[around[k]]] = k
    cycle, half_edges = np.full(n, -1, dtype=np.int64), np.empty(n, dtype=np.int64)
    starts, area = np.zeros(n + 1, dtype=np.int64), np.zeros(n)
    count, written = 0, 0
    for begin in range(n):
        if cycle[begin] >= 0:
            continue
        h, doubled = begin, 0.0
        x0, y0 = x[origin[begin]], y[origin[begin]]
        while cycle[h] < 0:
            cycle[h] = count
            half_edges[written] = h
            written += 1
            back = h ^ 1
            a, b = origin[h], origin[back]
            doubled += (x[a] - x0) * (y[b] - y0) - (x[b] - x0) * (y[a] - y0)
            k = rank[back] - 1
            if k < 0 or origin[around[k]] != b:  # clockwise of the first is the last
                k = first[b]
                while k + 1 < n and origin[around[k + 1]] == b:
                    k += 1
            h = around[k]
        area[count] = 0.5 * doubled
        count += 1
        starts[count] = written
    return cycle, half_edges, starts[: count + 1], area[:count]


@nb.njit(cache=True, nogil=True)
def _components(low: Integers, high: Integers, x: Floats, y: Floats) -> tuple[Integers, Integers]:
    """The component of each node (−1 for one without edges), and each component's westernmost node."""
    n = len(x)
    root = np.arange(n)
    touched = np.zeros(n, dtype=np.bool_)
    for e in range(len(low)):
        a, b = low[e], high[e]
        touched[a], touched[b] = True, True
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        root[max(a, b)] = min(a, b)
    component = np.full(n, -1, dtype=np.int64)
    west = np.empty(n, dtype=np.int64)
    count = 0
    for v in range(n):  # a root comes before its members
        if not touched[v]:
            continue
        a = v
        while root[a] != a:
            a = root[a]
        if a == v:
            component[v] = count
            west[count] = v
            count += 1
        else:
            component[v] = component[a]
        c = component[v]
        if x[v] < x[west[c]] or (x[v] == x[west[c]] and y[v] < y[west[c]]):
            west[c] = v
    return component, west[:count]


@nb.njit(cache=True, nogil=True)
def _western(
    tree: Tree, x: Floats, y: Floats, low: Integers, high: Integers, component: Integers, west: Integers
) -> Integers:
    """For each component the half-edge of another one that faces its westernmost node from the west, or −1.

    The ray runs just above the node: an edge counts from its lower end on, up to but not at its upper end.
    """
    out = np.full(len(west), -1, dtype=np.int64)
    top = tree.boxes[-1]
    found = np.empty(1024, dtype=np.int64)
    for c in range(len(west)):
        x0, y0 = x[west[c]], y[west[c]]
        box = np.array([top[0] - 1, y0 - 0.25, x0 + 0.25, y0 + 0.25])
        count = search(tree, box, found)
        if count > len(found):
            found = np.empty(2 * count, dtype=np.int64)
            count = search(tree, box, found)
        best, best_lean = -np.inf, -np.inf
        for e in found[:count]:
            a, b = low[e], high[e]
            if component[a] == c:
                continue
            upward = y[a] < y[b]
            if not upward:
                a, b = b, a
            if not (y[a] <= y0 < y[b]):
                continue
            lean = (x[b] - x[a]) / (y[b] - y[a])
            at = x[a] + (y0 - y[a]) * lean
            if at < x0 and (at > best or (at == best and lean > best_lean)):
                best, best_lean = at, lean
                out[c] = 2 * e + 1 if upward else 2 * e
    return out


@nb.njit(cache=True, nogil=True)
def _depths(
    net: Integers,
    cycle: Integers,
    half_edges: Integers,
    starts: Integers,
    area: Floats,
    component: Integers,
    origin: Integers,
    outside: Integers,
    west: Integers,
    hit: Integers,
    parent: Integers,
    base: Integers,
) -> Any:
    """Depth of every cycle. Components are settled from the outside in; ``parent`` is filled."""
    depth = np.full(len(area), -(2**31), dtype=np.int64)
    settled = np.zeros(len(west), dtype=np.bool_)
    stack = np.empty(len(area) + 1, dtype=np.int64)
    chain = np.empty(len(west) + 1, dtype=np.int64)
    for start in range(len(west)):
        # a component waits for the one it lies in
        size, c = 0, start
        while not settled[c]:
            chain[size] = c
            size += 1
            settled[c] = True
            if hit[c] < 0:
                break
            c = component[origin[hit[c]]]
        for k in range(size - 1, -1, -1):
            c = chain[k]
            out = outside[c]
            if out < 0:
                continue
            if hit[c] >= 0:
                facing = cycle[hit[c]]
                parent[out] = parent[facing] if area[facing] < 0 else facing
                base[c] = depth[facing]
            depth[out] = base[c]
            stack[0] = out
            high_water = 1
            while high_water:
                high_water -= 1
                here = stack[high_water]
                for m in range(starts[here], starts[here + 1]):
                    h = half_edges[m]
                    there = cycle[h ^ 1]
                    if depth[there] == -(2**31):
                        # the face left of low → high is deeper by the net count than the one on its right
                        depth[there] = depth[here] + (-net[h // 2] if h % 2 == 0 else net[h // 2])
                        stack[high_water] = there
                        high_water += 1
    return depth
