"""A packed R-tree over boxes in Hilbert order: arrays only, built by grouped minima and maxima.

The boxes are sorted along a Hilbert curve; sixteen neighbours make a node, sixteen nodes the node above, up to one
root. Level 0 are the boxes themselves; all levels lie end to end in one array, and the children of node i are the nodes
16 i … 16 i + 15 of the level below, so no pointers are kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jintu.kernel.compiled import compiled
from jintu.kernel.flat import Floats, Integers

__all__ = ["NODE", "Tree", "build", "build_as_they_lie", "extent", "hilbert_order", "hilbert_places", "search"]

NODE = 16
LOOSE = 8.0
"""Of boxes along a curve, groups of `NODE` neighbours cover the extent twice; from here on sorting pays."""

_ORDER = 16  # bits of each Hilbert coordinate: cells of 1/65 536 of the layer's extent


class Tree(NamedTuple):
    boxes: Floats
    """(nodes, 4) west, south, east, north; level 0 first"""
    levels: Integers
    """(levels + 1,) where each level begins in ``boxes``"""
    items: Integers
    """(leaves,) index of the geometry of each leaf"""


def build(boxes: Floats) -> Tree:
    """The tree of boxes (n, 4). Boxes of empty geometries (west = inf) are left out."""
    items = hilbert_order(boxes)
    return _packed(boxes[items], items)


def build_as_they_lie(boxes: Floats) -> Tree:
    """The tree of boxes that are expected along a curve already, as the rows of a layer of the lake are: a search
    finds the same, and nothing is sorted. Boxes that prove to lie anyhow are sorted like those of `build`.
    """
    if len(boxes) > NODE and np.isfinite(boxes).all():
        tree = _packed(boxes, np.arange(len(boxes)))
        sizes = tree.boxes[:, 2:] - tree.boxes[:, :2]
        covered = (sizes[tree.levels[1] : tree.levels[2]]).prod(axis=1).sum()
        if covered <= LOOSE * sizes[-1].prod():
            return tree
    return build(boxes)


def _packed(leaves: Floats, items: Integers) -> Tree:
    offsets = [0, len(items)]
    while offsets[-1] - offsets[-2] > 1:
        offsets.append(offsets[-1] + -(-(offsets[-1] - offsets[-2]) // NODE))
    levels = np.array(offsets, dtype=np.int64)
    nodes = np.empty((offsets[-1], 4))
    nodes[: len(items)] = leaves
    _fill(levels, nodes)
    return Tree(nodes, levels, items)


@compiled
def _fill(levels: Integers, nodes: Floats) -> None:
    """The boxes of all levels above the first."""
    for level in range(1, len(levels) - 1):
        begin, below, end = levels[level], levels[level - 1], levels[level]
        for node in range(levels[level + 1] - begin):
            west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
            for child in range(below + node * NODE, min(below + (node + 1) * NODE, end)):
                west, south = min(west, nodes[child, 0]), min(south, nodes[child, 1])
                east, north = max(east, nodes[child, 2]), max(north, nodes[child, 3])
            nodes[begin + node, 0], nodes[begin + node, 1] = west, south
            nodes[begin + node, 2], nodes[begin + node, 3] = east, north


def hilbert_order(boxes: Floats) -> Integers:
    """Indices of the boxes that hold something, in the order of their centres along a Hilbert curve."""
    filled, places = _places(boxes)
    return filled[np.argsort(places, kind="stable")]


def hilbert_places(boxes: Floats) -> Integers:
    """Place of each box's centre along a Hilbert curve over the extent of all centres; (n, 4) finite → (n,)."""
    return _places(np.ascontiguousarray(boxes, dtype=np.float64))[1]


def _places(boxes: Floats) -> tuple[Integers, Integers]:
    filled, out = np.empty(len(boxes), dtype=np.int64), np.empty(len(boxes), dtype=np.int64)
    count = _place(boxes, filled, out)
    return filled[:count], out[:count]


def extent(boxes: Floats) -> Floats:
    """West, south, east, north of all boxes that hold something; (inf, inf, -inf, -inf) where none does."""
    out = np.array([np.inf, np.inf, -np.inf, -np.inf])
    _extent(boxes, out)
    return out


@compiled
def _extent(boxes: Floats, out: Floats) -> None:
    for k in range(len(boxes)):
        if _is_filled(boxes, k):
            out[0], out[1] = min(out[0], boxes[k, 0]), min(out[1], boxes[k, 1])
            out[2], out[3] = max(out[2], boxes[k, 2]), max(out[3], boxes[k, 3])


@compiled
def _is_filled(boxes: Floats, k: int) -> bool:
    return np.isfinite(boxes[k, 0] + boxes[k, 1] + boxes[k, 2] + boxes[k, 3])


@compiled
def _place(boxes: Floats, filled: Integers, out: Integers) -> int:
    """Write the indices of the boxes that hold something, and how far along the curve the centre of each lies."""
    west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
    count = 0
    for k in range(len(boxes)):
        if _is_filled(boxes, k):
            filled[count] = k
            count += 1
            centre_x, centre_y = (boxes[k, 0] + boxes[k, 2]) / 2, (boxes[k, 1] + boxes[k, 3]) / 2
            west, east = min(west, centre_x), max(east, centre_x)
            south, north = min(south, centre_y), max(north, centre_y)
    full = 2**_ORDER - 1
    wide, high = east - west if east > west else 1.0, north - south if north > south else 1.0
    for k in range(count):
        box = boxes[filled[k]]
        x = np.int64(((box[0] + box[2]) / 2 - west) / wide * full)
        y = np.int64(((box[1] + box[3]) / 2 - south) / high * full)
        distance = np.int64(0)
        side = np.int64(1) << (_ORDER - 1)
        while side > 0:
            right, up = np.int64((x & side) > 0), np.int64((y & side) > 0)
            distance += side * side * ((3 * right) ^ up)
            if not up:
                if right:
                    x, y = full - x, full - y
                x, y = y, x
            side >>= 1
        out[k] = distance
    return count


@compiled
def search(tree: Tree, box: Floats, found: Integers) -> int:
    """Write the geometries whose boxes overlap ``box`` with some area into ``found``, and return how many there are.

    When there are more than ``found`` holds, the rest is only counted: call again with more room.
    """
    count = 0
    boxes, levels = tree.boxes, tree.levels
    top = len(levels) - 2
    level, i = top, 0
    if levels[top + 1] == levels[top]:
        return 0
    while True:
        node = levels[level] + i
        if boxes[node, 0] < box[2] and boxes[node, 2] > box[0] and boxes[node, 1] < box[3] and boxes[node, 3] > box[1]:
            if level:
                level, i = level - 1, i * NODE
                continue
            if count < len(found):
                found[count] = tree.items[i]
            count += 1
        i += 1
        while level < top and (i % NODE == 0 or levels[level] + i == levels[level + 1]):  # the last child of its node
            level, i = level + 1, (i - 1) // NODE + 1
        if level == top:
            return count
