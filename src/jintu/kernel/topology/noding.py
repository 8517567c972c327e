"""Noding: edges are cut where others meet or cross them, within the tolerance, until they only meet at nodes.

1. Vertices nearer to one another than the tolerance become one node (the first of them in x, y).
2. An edge that passes a node within the tolerance is bent through it. Edges that now cancel are dropped: that is the
   clean T-junction, where a vertex of one polygon lies on the straight edge of its neighbour.
3. Edges that cross are cut at the crossing, rounded to the grid; then 2 again, until nothing changes.

Only what `cancel` leaves comes here. All of it is in grid points, as whole numbers held in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers
from jintu.kernel.overlay.tree import Tree, build, search
from jintu.kernel.topology.cancelling import Edges, mixed

__all__ = ["Graph", "Pieces", "clustered", "edge_tree", "node"]

_PASSES = 20
"""A bound for the loop: bending an edge can bring it within reach of another node. Real layers need two or three."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Directed pieces u → v of the edges ``source``; all int64 (n,)."""

    u: Integers
    v: Integers
    source: Integers

    def take(self, chosen: NDArray[np.bool_]) -> Pieces:
        return Pieces(self.u[chosen], self.v[chosen], self.source[chosen])


@dataclass(frozen=True, eq=False)
class Graph:
    """Edges that meet only at nodes, each once: low < high, and how often it is walked from low to high, less the
    other way; never zero.

    ``x``, ``y`` (nodes,) grid points · ``low``, ``high``, ``net`` int64 (e,) · the edges of which edge i is a piece are
    ``sources[ends[i] … ends[i + 1]]``
    """

    x: Floats
    y: Floats
    low: Integers
    high: Integers
    net: Integers
    sources: Integers
    ends: Integers
    begin: Integers
    """(edges,) the node at which each edge given begins"""
    end: Integers
    bent: Pieces
    """u: the node through which the edge ``source`` was bent; v: the pass"""
    dropped: Pieces
    """pieces that cancelled after noding"""

    def __len__(self) -> int:
        return len(self.low)


def node(edges: Edges, reach: float) -> Graph:
    """The noded graph of edges that did not cancel. ``reach`` is the tolerance in grid points."""
    x, y, begin, end = _nodes(edges, reach)
    pieces = Pieces(begin, end, np.arange(len(edges)))
    kept, low, high, net, group = _grouped(pieces)
    pieces = pieces.take(kept)
    bent, dropped = [], []
    for turn in range(_PASSES):
        on_edge, on_node = _passed(x, y, low, high, reach)
        if len(on_edge):
            bent.append(_cuts(pieces, group, on_edge, on_node, turn))
        else:
            x, y, on_edge, on_node = _crossed(x, y, low, high)
            if not len(on_edge):
                break
        pieces = Pieces(*_cut(pieces.u, pieces.v, pieces.source, group, low, on_edge, on_node))
        kept, low, high, net, group = _grouped(pieces)
        dropped.append(pieces.take(~kept))
        pieces = pieces.take(kept)
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(len(low) + 1))
    return Graph(
        x, y, low, high, net, pieces.source[order], ends, begin, end, _concatenated(bent), _concatenated(dropped)
    )


def _concatenated(several: list[Pieces]) -> Pieces:
    empty = np.empty(0, dtype=np.int64)
    return Pieces(*(np.concatenate([empty, *(getattr(p, c) for p in several)]) for c in ("u", "v", "source")))


def _nodes(edges: Edges, reach: float) -> tuple[Floats, Floats, Integers, Integers]:
    """Nodes, and the node at which each edge begins and ends."""
    n = len(edges)
    ends_x = np.concatenate((edges.ax, edges.bx)).astype(np.float64)
    ends_y = np.concatenate((edges.ay, edges.by)).astype(np.float64)
    order = np.lexsort((ends_y, ends_x))
    x, y = ends_x[order], ends_y[order]
    fresh = np.ones(2 * n, dtype=np.bool_)
    fresh[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    point = np.cumsum(fresh) - 1
    x, y = x[fresh], y[fresh]
    first = clustered(x, y, reach)
    chosen, node_of = np.unique(first, return_inverse=True)
    of_end = np.empty(2 * n, dtype=np.int64)
    of_end[order] = node_of[point]
    return x[chosen], y[chosen], of_end[:n], of_end[n:]


@nb.njit(cache=True, nogil=True)
def clustered(x: Floats, y: Floats, reach: float) -> Integers:
    """For points in ascending (x, y), the first earlier one kept within reach of each, or itself."""
    n = len(x)
    size = 64
    while size < 2 * n:
        size *= 2
    mask = size - 1
    heads, following = np.full(size, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    out = np.empty(n, dtype=np.int64)
    for i in range(n):
        cell_x, cell_y = np.int64(np.floor(x[i] / reach)), np.int64(np.floor(y[i] / reach))
        nearest, best = i, reach * reach
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                k = heads[np.int64(mixed(cell_x + dx, cell_y + dy) >> np.uint64(20)) & mask]
                while k >= 0:
                    d = (x[k] - x[i]) ** 2 + (y[k] - y[i]) ** 2
                    if d < best or (d == best and (nearest == i or k < nearest)):
                        nearest, best = k, d
                    k = following[k]
        out[i] = nearest
        if nearest == i:
            slot = np.int64(mixed(cell_x, cell_y) >> np.uint64(20)) & mask
            following[i] = heads[slot]
            heads[slot] = i
    return out


def _grouped(pieces: Pieces) -> tuple[NDArray[np.bool_], Integers, Integers, Integers, Integers]:
    """Which pieces do not cancel; low, high and net of the edges they are; and which edge each of them is."""
    low, high = np.minimum(pieces.u, pieces.v), np.maximum(pieces.u, pieces.v)
    width = np.int64(high.max(initial=0) + 1)
    keys, group = np.unique(low * width + high, return_inverse=True)
    net = np.bincount(group, np.sign(pieces.v - pieces.u), len(keys)).astype(np.int64)
    alive = net != 0
    number = np.cumsum(alive) - 1
    kept = alive[group]
    return kept, keys[alive] // width, keys[alive] % width, net[alive], number[group[kept]]


def edge_tree(x: Floats, y: Floats, low: Integers, high: Integers, margin: float) -> Tree:
    """Search tree over the boxes of the edges, widened by a margin in grid points."""
    boxes = np.column_stack(
        (
            np.minimum(x[low], x[high]) - margin,
            np.minimum(y[low], y[high]) - margin,
            np.maximum(x[low], x[high]) + margin,
            np.maximum(y[low], y[high]) + margin,
        )
    )
    return build(boxes)


def _passed(x: Floats, y: Floats, low: Integers, high: Integers, reach: float) -> tuple[Integers, Integers]:
    """Edges and the nodes they pass within reach, in order along each edge from low to high."""
    if not len(low):
        return low, high
    tree = edge_tree(x, y, low, high, reach + 0.5)
    active = np.unique(np.concatenate((low, high)))
    edge, passed, along = _near(tree, x, y, low, high, active, reach)
    order = np.lexsort((passed, along, edge))
    return edge[order], passed[order]


@nb.njit(cache=True, nogil=True)
def _near(
    tree: Tree, x: Floats, y: Floats, low: Integers, high: Integers, active: Integers, reach: float
) -> tuple[Integers, Integers, Floats]:
    """(edge, node, length from low) where the node is within reach of the edge and not near its ends.

    The foot of the perpendicular must be farther than the reach from both ends: pieces are then shorter than the edge,
    and bending comes to an end.
    """
    room = 256
    edge, passed, along = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64), np.empty(room)
    found = np.empty(1024, dtype=np.int64)
    n = 0
    for w in active:
        box = np.array([x[w] - 0.25, y[w] - 0.25, x[w] + 0.25, y[w] + 0.25])
        count = search(tree, box, found)
        if count > len(found):
            found = np.empty(2 * count, dtype=np.int64)
            count = search(tree, box, found)
        for e in found[:count]:
            a, b = low[e], high[e]
            if w in (a, b):
                continue
            dx, dy = x[b] - x[a], y[b] - y[a]
            length = np.hypot(dx, dy)
            foot = ((x[w] - x[a]) * dx + (y[w] - y[a]) * dy) / length
            aside = ((x[w] - x[a]) * dy - (y[w] - y[a]) * dx) / length
            if abs(aside) > reach or foot <= reach or foot >= length - reach:
                continue
            if n == room:
                room *= 2
                more_edge, more_passed, more_along = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
                more_edge[:n], more_passed[:n], more_along[:n] = edge, passed, along
                edge, passed, along = more_edge, more_passed, more_along
            edge[n], passed[n], along[n] = e, w, foot
            n += 1
    return edge[:n], passed[:n], along[:n]


def _crossed(x: Floats, y: Floats, low: Integers, high: Integers) -> tuple[Floats, Floats, Integers, Integers]:
    """The nodes with those of crossings added, and edges with the nodes at which they are to be cut, in order."""
    nothing = np.empty(0, dtype=np.int64)
    if not len(low):
        return x, y, nothing, nothing
    first, second, at = _crossings(edge_tree(x, y, low, high, 0.5), x, y, low, high)
    if not len(first):
        return x, y, nothing, nothing
    at = np.floor(at + 0.5)
    all_x, all_y = np.concatenate((x, at[:, 0])), np.concatenate((y, at[:, 1]))
    order = np.lexsort((all_y, all_x))  # stable: of equal points the node that was there comes first
    fresh = np.ones(len(all_x), dtype=np.bool_)
    fresh[1:] = (np.diff(all_x[order]) != 0) | (np.diff(all_y[order]) != 0)
    same = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    node_of = np.empty(len(order), dtype=np.int64)
    node_of[order] = same
    added = np.unique(node_of[len(x) :])
    added = added[added >= len(x)]
    renumbered = node_of[len(x) :].copy()
    fresh_ones = renumbered >= len(x)
    renumbered[fresh_ones] = len(x) + np.searchsorted(added, renumbered[fresh_ones])
    x, y = np.concatenate((x, all_x[added])), np.concatenate((y, all_y[added]))
    edge, cut = np.concatenate((first, second)), np.concatenate((renumbered, renumbered))
    apart = (cut != low[edge]) & (cut != high[edge])
    edge, cut = np.unique(np.column_stack((edge[apart], cut[apart])), axis=0).T
    a, b = low[edge], high[edge]
    along = (x[cut] - x[a]) * (x[b] - x[a]) + (y[cut] - y[a]) * (y[b] - y[a])
    order = np.lexsort((cut, along, edge))
    return x, y, edge[order], cut[order]


@nb.njit(cache=True, nogil=True)
def _crossings(
    tree: Tree, x: Floats, y: Floats, low: Integers, high: Integers
) -> tuple[Integers, Integers, NDArray[np.float64]]:
    """Pairs of edges that cross between their ends, and where."""
    room = 256
    first, second, at = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64), np.empty((room, 2))
    found = np.empty(1024, dtype=np.int64)
    n = 0
    for e in range(len(low)):
        a, b = low[e], high[e]
        box = np.array([min(x[a], x[b]), min(y[a], y[b]), max(x[a], x[b]), max(y[a], y[b])])
        box[2], box[3] = box[2] + 0.25, box[3] + 0.25
        count = search(tree, box, found)
        if count > len(found):
            found = np.empty(2 * count, dtype=np.int64)
            count = search(tree, box, found)
        for f in found[:count]:
            c, d = low[f], high[f]
            if f <= e or a in (c, d) or b in (c, d):
                continue
            side_c = (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])
            side_d = (x[b] - x[a]) * (y[d] - y[a]) - (y[b] - y[a]) * (x[d] - x[a])
            side_a = (x[d] - x[c]) * (y[a] - y[c]) - (y[d] - y[c]) * (x[a] - x[c])
            side_b = (x[d] - x[c]) * (y[b] - y[c]) - (y[d] - y[c]) * (x[b] - x[c])
            if not ((side_c < 0 < side_d or side_d < 0 < side_c) and (side_a < 0 < side_b or side_b < 0 < side_a)):
                continue
            if n == room:
                room *= 2
                more_first, more_second, more_at = (
                    np.empty(room, np.int64),
                    np.empty(room, np.int64),
                    np.empty((room, 2)),
                )
                more_first[:n], more_second[:n], more_at[:n] = first, second, at
                first, second, at = more_first, more_second, more_at
            share = side_a / (side_a - side_b)
            first[n], second[n] = e, f
            at[n, 0], at[n, 1] = x[a] + share * (x[b] - x[a]), y[a] + share * (y[b] - y[a])
            n += 1
    return first[:n], second[:n], at[:n]


def _cuts(pieces: Pieces, group: Integers, on_edge: Integers, on_node: Integers, turn: int) -> Pieces:
    """Which sources are bent through which nodes in this pass."""
    begin, end = np.searchsorted(on_edge, group, "left"), np.searchsorted(on_edge, group, "right")
    counts = end - begin
    which = np.repeat(begin - np.concatenate(([0], np.cumsum(counts)[:-1])), counts) + np.arange(counts.sum())
    return Pieces(on_node[which], np.full(len(which), turn), np.repeat(pieces.source, counts))


@nb.njit(cache=True, nogil=True)
def _cut(
    u: Integers, v: Integers, source: Integers, group: Integers, low: Integers, on_edge: Integers, on_node: Integers
) -> tuple[Integers, Integers, Integers]:
    """Every piece of the edges ``on_edge`` (ascending) cut at the nodes, which are in order from low to high."""
    starts = np.searchsorted(on_edge, np.arange(len(low) + 1))
    n = 0
    for k in range(len(u)):
        n += 1 + starts[group[k] + 1] - starts[group[k]]
    out_u, out_v, out_source = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    n = 0
    for k in range(len(u)):
        first, last = starts[group[k]], starts[group[k] + 1]
        here = u[k]
        for m in range(first, last):
            following = on_node[m] if u[k] == low[group[k]] else on_node[last - 1 - (m - first)]
            out_u[n], out_v[n], out_source[n] = here, following, source[k]
            here = following
            n += 1
        out_u[n], out_v[n], out_source[n] = here, v[k], source[k]
        n += 1
    return out_u, out_v, out_source
