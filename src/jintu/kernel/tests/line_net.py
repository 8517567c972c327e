"""Meetings of lines by comparing each segment with each: what `jintu.kernel.topology.lines` must find."""

from __future__ import annotations

from itertools import pairwise
from math import hypot, inf

import shapely

from jintu.kernel.topology import Kind, Plane

__all__ = ["by_force"]


class Part:
    """One line of a row, in metres, as its segments."""

    def __init__(self, row, number, points):
        self.row, self.number = row, number
        self.segments = [(k, (*a, *b)) for k, (a, b) in enumerate(pairwise(points)) if a != b]

    @property
    def ends(self):
        """(place, vertex) of both."""
        (first, a), (last, b) = self.segments[0], self.segments[-1]
        return (a[:2], first), (b[2:], last + 1)


def by_force(shapes, plane=None, codes=None, dangle_m=1.0):
    """(kind, spots, x, y, measure) of crossings, overlaps, dangling ends and pseudo-nodes, sorted by kind and spot."""
    plane = plane or Plane()
    parts = []
    for row, shape in enumerate(shapes):
        for number, part in enumerate(shapely.get_parts(shape) if shape is not None else ()):
            part = Part(row, number, [(x * plane.x_metres, y * plane.y_metres) for x, y in part.coords])
            parts += [part] if part.segments else []
    met = meetings(parts, plane.tolerance)
    ends = [(part, place, (part.row, part.number, vertex)) for part in parts for place, vertex in part.ends]
    nodes = clustered([place for _, place, _ in ends], plane.tolerance)
    found, past = [], [inf] * len(ends)
    loose = []
    for e, (part, place, _spot) in enumerate(ends):
        others = [p for p in parts if p is not part]
        near = min((distance(*place, s) for p in others for _, s in p.segments), default=inf)
        loose.append(near if nodes.count(nodes[e]) == 1 and near > plane.tolerance else None)
    for kind, one, two, spots, (x, y), measure in met:
        explained = False
        for e, (part, place, _) in enumerate(ends):
            away = hypot(place[0] - x, place[1] - y)
            if part in (one, two) and loose[e] is not None and plane.tolerance < away <= dangle_m:
                explained |= kind == Kind.LINE_CROSSING
                past[e] = min(past[e], away) if kind == Kind.LINE_CROSSING else past[e]
        if not explained:
            found.append((kind, spots, x, y, measure))
    for e, (_, (x, y), spot) in enumerate(ends):
        measure = -past[e] if past[e] <= dangle_m else loose[e]
        if loose[e] is not None and abs(measure) <= dangle_m:
            found.append((Kind.DANGLE, [spot], x, y, measure))
    if codes is not None:
        found += pseudo_nodes(parts, ends, nodes, codes, plane.tolerance)
    return sorted((k, s, x / plane.x_metres, y / plane.y_metres, m) for k, s, x, y, m in found)


def pseudo_nodes(parts, ends, nodes, codes, tolerance):
    for node in set(nodes):
        here = [end for end, of in zip(ends, nodes, strict=True) if of == node]
        if len(here) == 2 and here[0][0] is not here[1][0] and len({codes[part.row] for part, _, _ in here}) == 1:
            here.sort(
                key=lambda end: (end[0].ends[0][0] != end[1], parts.index(end[0]))
            )  # ends that begin a line first
            place = here[0][1]
            third = [p for p in parts if p not in (here[0][0], here[1][0])]
            if all(distance(*place, s) > tolerance for p in third for _, s in p.segments):
                yield Kind.PSEUDO_NODE, sorted(spot for _, _, spot in here), *place, 0.0


def clustered(places, tolerance):
    """The first earlier place kept within reach of each, in ascending order of places, or itself."""
    nodes, kept = {}, []
    for place in sorted(set(places)):
        near = [(hypot(place[0] - k[0], place[1] - k[1]), k) for k in kept]
        near = [pair for pair in near if pair[0] <= tolerance]
        nodes[place] = min(near)[1] if near else place
        kept += [] if near else [place]
    return [nodes[place] for place in places]


def meetings(parts, tolerance):
    """(kind, part, part, spots, place, measure), each once for two parts and a place."""
    flat = [(p, k, s) for p in parts for k, s in p.segments]
    seen, out = set(), []
    for i, (one, k, a) in enumerate(flat):
        for two, n, b in flat[i + 1 :]:
            found = beside(a, b, tolerance) and meeting(one, k, a, two, n, b, tolerance)
            if found:
                kind, place = found
                key = (kind, parts.index(one), parts.index(two), *(round(v / (4 * tolerance)) for v in place))
                if key not in seen:
                    middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
                    length = hypot(place[2] - place[0], place[3] - place[1])
                    spots = [(one.row, one.number, k), (two.row, two.number, n)]
                    out.append((kind, one, two, spots, middle, length))
                    seen.add(key)
    return out


def beside(a, b, tolerance):
    """Whether the boxes of two segments are no farther from one another than the tolerance."""
    gaps = [max(min(a[k], a[k + 2]) - max(b[k], b[k + 2]), min(b[k], b[k + 2]) - max(a[k], a[k + 2])) for k in (0, 1)]
    return max(gaps) <= tolerance


def meeting(one, k, a, two, n, b, tolerance):
    if run := common(a, b, tolerance):
        return Kind.LINE_OVERLAP, run
    order = [index for index, _ in one.segments]
    if one is two and order.index(n) == order.index(k) + 1:
        return None
    place = point(a, b, tolerance)
    if place is None:
        return None

    def at_end(part):
        return any(hypot(place[0] - x, place[1] - y) <= tolerance for (x, y), _ in part.ends)

    if one is two:
        (begin, _), (end, _) = one.ends
        closed = hypot(begin[0] - end[0], begin[1] - end[1]) <= tolerance
        if closed and at_end(one) and (k, n) == (order[0], order[-1]):
            return None
    elif at_end(one) or at_end(two):
        return None
    return Kind.LINE_CROSSING, (*place, *place)


def distance(x, y, s):
    dx, dy = s[2] - s[0], s[3] - s[1]
    t = min(max(((x - s[0]) * dx + (y - s[1]) * dy) / (dx * dx + dy * dy), 0.0), 1.0)
    return hypot(x - s[0] - t * dx, y - s[1] - t * dy)


def common(a, b, tolerance):
    """From where to where segment a has segment b on it."""
    dx, dy = a[2] - a[0], a[3] - a[1]
    length = hypot(dx, dy)
    along = [((x - a[0]) * dx + (y - a[1]) * dy) / length for x, y in (b[:2], b[2:])]
    aside = [((y - a[1]) * dx - (x - a[0]) * dy) / length for x, y in (b[:2], b[2:])]
    low, high = max(0.0, min(along)), min(length, max(along))
    if high - low <= 2 * tolerance:
        return None
    for at in (low, high):
        if abs(aside[0] + (aside[1] - aside[0]) * (at - along[0]) / (along[1] - along[0])) > tolerance:
            return None
    return tuple(v for at in (low, high) for v in (a[0] + at * dx / length, a[1] + at * dy / length))


def point(a, b, tolerance):
    """Where two segments meet."""
    for k in (0, 2):
        for one, other in ((a, b), (b, a)):
            if distance(*one[k : k + 2], other) <= tolerance:
                return one[k : k + 2]
    p, q = ((b[2] - b[0]) * (a[k + 1] - b[1]) - (b[3] - b[1]) * (a[k] - b[0]) for k in (0, 2))
    r, s = ((a[2] - a[0]) * (b[k + 1] - a[1]) - (a[3] - a[1]) * (b[k] - a[0]) for k in (0, 2))
    if p * q >= 0 or r * s >= 0:
        return None
    share = p / (p - q)
    return a[0] + share * (a[2] - a[0]), a[1] + share * (a[3] - a[1])
