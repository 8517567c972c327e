"""Where lines meet other than in their ends, and how many of their ends meet: one pass over pairs of short runs.

Lines are cut into runs of up to `RUN` segments, in their order; a tree is built over the boxes of the runs, sixteen
neighbours to a node. Every node is held against the nodes its box overlaps, so that the tree is walked once for sixteen
runs, and what they are held against lies in the processor's cache. Rows of the lake lie along a curve, and so do runs;
others are sorted along one.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Floats, Integers, in_parallel, split
from jintu.kernel.overlay.tree import NODE, Tree, build_as_they_lie, search
from jintu.kernel.topology.defects import Kind

__all__ = ["Ends", "Strands", "distances", "meetings", "strands"]

RUN = 8
"""Most segments of a run."""

inlined = nb.njit(cache=True, nogil=True, inline="always")
"""To hand over all arrays of `Strands` takes longer than what these functions do."""

_CROSSING, _OVERLAP = int(Kind.LINE_CROSSING), int(Kind.LINE_OVERLAP)
_FIRST, _LAST = 1, 2


class Strands(NamedTuple):
    """Lines in metres, in runs. A segment is known by the vertex it begins at, a line by its part.

    Repeated vertices and vertices that are not finite bound no segment; a part without segments has no runs.
    """

    x: Floats
    y: Floats
    starts: Integers
    """(parts + 1,) vertex offsets of the parts"""
    begin: Integers
    """(runs,) the first segment"""
    part: Integers
    """(runs,)"""
    tree: Tree
    """over the boxes of the runs"""

    @property
    def parts(self) -> int:
        return len(self.starts) - 1


class Ends(NamedTuple):
    """The ends of p parts: end e is where part e begins, p + e where it ends."""

    degree: NDArray[np.uint8]
    """(2 p,) how many ends lie just there, 3 for more; 0 for those of parts without segments"""
    partner: NDArray[np.int32]
    """(2 p,) one of the others there; the end itself where there is none"""
    close: NDArray[np.bool_]
    """(2 p,) whether others lie beside it, within the tolerance or little more"""


def strands(x: Floats, y: Floats, starts: Integers, threads: int | None = None) -> Strands:
    """Runs of lines in metres, of which part p has the vertices ``starts[p] … starts[p + 1]``."""
    counts = np.empty(len(starts) - 1, dtype=np.int64)
    in_parallel(lambda i, j: _count(x, y, starts, i, j, counts), split(len(counts), threads), threads)
    part = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    begin = starts[part] + RUN * (np.arange(len(part)) - first[part])
    boxes = np.empty((len(part), 4))
    in_parallel(lambda i, j: _boxes(x, y, starts, begin, part, i, j, boxes), split(len(part), threads), threads)
    return Strands(x, y, starts, begin, part, build_as_they_lie(boxes))


def meetings(lines: Strands, tolerance: float, threads: int | None = None) -> tuple[Floats, Ends]:
    """(m, 7) kind, segment, later segment, x, y, x, y of crossings (the place twice) and overlaps (from where to
    where), by segments; and the ends."""
    n = 2 * lines.parts
    alone = np.zeros(lines.parts, dtype=np.uint8)
    alone[lines.part] = 1
    ends = Ends(np.tile(alone, 2), np.arange(n, dtype=np.int32), np.zeros(n, dtype=np.bool_))
    groups = -(-len(lines.tree.items) // NODE)
    found = in_parallel(
        lambda i, j: _meetings(lines, i, j, tolerance, ends), split(groups, threads, at_least=64), threads
    )
    met = np.concatenate([np.empty((0, 7)), *found])
    return met[np.lexsort((met[:, 2], met[:, 1]))], ends


def distances(
    lines: Strands, x: Floats, y: Floats, own: Integers, other: Integers, reach: float, threads: int | None = None
) -> Floats:
    """Distance of each point from the nearest line but its own and one other; some number above ``reach`` where none
    is within reach."""
    out = np.empty(len(x))
    in_parallel(lambda i, j: _distances(lines, x, y, own, other, reach, i, j, out), split(len(x), threads), threads)
    return out


# --- runs ----------


@nb.njit(cache=True, nogil=True)
def _is_segment(x: Floats, y: Floats, k: int) -> bool:
    dx, dy = x[k + 1] - x[k], y[k + 1] - y[k]
    return (dx != 0.0 or dy != 0.0) and np.isfinite(dx + dy)


@nb.njit(cache=True, nogil=True)
def _count(x: Floats, y: Floats, starts: Integers, first: int, last: int, counts: Integers) -> None:
    for p in range(first, last):
        counts[p] = 0
        for k in range(starts[p], starts[p + 1] - 1):
            if _is_segment(x, y, k):
                counts[p] = (starts[p + 1] - starts[p] - 2) // RUN + 1
                break


@nb.njit(cache=True, nogil=True)
def _boxes(
    x: Floats, y: Floats, starts: Integers, begin: Integers, part: Integers, first: int, last: int, out: Floats
) -> None:
    for c in range(first, last):
        west = south = np.inf
        east = north = -np.inf
        for k in range(begin[c], min(begin[c] + RUN, starts[part[c] + 1] - 1)):
            if np.isfinite(x[k] + x[k + 1] + y[k] + y[k + 1]):
                west, east = min(west, min(x[k], x[k + 1])), max(east, max(x[k], x[k + 1]))
                south, north = min(south, min(y[k], y[k + 1])), max(north, max(y[k], y[k + 1]))
        out[c, 0], out[c, 1], out[c, 2], out[c, 3] = west, south, east, north


# --- pairs ----------


@nb.njit(cache=True, nogil=True)
def _near(boxes: Floats, i: int, j: int, margin: float) -> bool:
    return (
        boxes[i, 0] - margin < boxes[j, 2]
        and boxes[i, 2] + margin > boxes[j, 0]
        and boxes[i, 1] - margin < boxes[j, 3]
        and boxes[i, 3] + margin > boxes[j, 1]
    )


@nb.njit(cache=True, nogil=True)
def _meetings(lines: Strands, first: int, last: int, tolerance: float, ends: Ends) -> Floats:
    """Of the runs of the nodes ``first`` … ``last`` with all later runs; their ends with all ends.

    Other threads look at other nodes: of those no end may be written to.
    """
    boxes, levels = lines.tree.boxes, lines.tree.levels
    top = len(levels) - 2
    margin = 2 * tolerance + 1e-8
    out, m = np.empty((NODE * RUN * RUN, 7)), 0
    for group in range(first, last):
        node = levels[min(1, top)] + group
        level, i = top, 0
        while True:
            if _near(boxes, node, levels[level] + i, margin):
                if level > 1:
                    level, i = level - 1, i * NODE
                    continue
                if not first <= i < group:  # those two have been held against one another
                    out, m = _between(lines, group, i, first <= i < last, margin, tolerance, ends, out, m)
            i += 1
            while level < top and (i % NODE == 0 or levels[level] + i == levels[level + 1]):
                level, i = level + 1, (i - 1) // NODE + 1
            if level == top:
                break
    return out[:m]


@nb.njit(cache=True, nogil=True)
def _between(
    lines: Strands,
    group: int,
    other: int,
    both: bool,
    margin: float,
    tolerance: float,
    ends: Ends,
    out: Floats,
    m: int,
) -> tuple[Floats, int]:
    """The runs of one node with those of another, or among themselves; ``both``: the ends of the other are counted,
    too. Meetings are looked for where the other is the later node."""
    boxes, levels, items = lines.tree.boxes, lines.tree.levels, lines.tree.items
    node = levels[min(1, len(levels) - 2)] + other
    for a in range(group * NODE, min((group + 1) * NODE, len(items))):
        if not _near(boxes, a, node, margin):
            continue
        if len(out) - m < NODE * RUN * RUN:
            more = np.empty((2 * len(out), 7))
            more[:m] = out[:m]
            out = more
        for b in range(a if other == group else other * NODE, min((other + 1) * NODE, len(items))):
            if not _near(boxes, a, b, margin):
                continue
            c, d = items[a], items[b]
            _join_ends(lines, c, d, both and c != d, tolerance, ends)
            if other < group:
                continue
            if c <= d:
                m = _meet(lines, c, d, boxes, b, tolerance, out, m)
            else:
                m = _meet(lines, d, c, boxes, a, tolerance, out, m)
    return out, m


@inlined
def _tips(lines: Strands, c: int) -> int:
    """Which ends of its line a run has."""
    p = lines.part[c]
    first = _FIRST if lines.begin[c] == lines.starts[p] else 0
    return first | (_LAST if lines.begin[c] + RUN >= lines.starts[p + 1] - 1 else 0)


@inlined
def _tip(lines: Strands, c: int, which: int) -> tuple[int, int]:
    """(end, its vertex)"""
    p = lines.part[c]
    if which == _FIRST:
        return p, lines.starts[p]
    return p + len(lines.starts) - 1, lines.starts[p + 1] - 1


@inlined
def _join_ends(lines: Strands, c: int, d: int, both: bool, tolerance: float, ends: Ends) -> None:
    """Count the ends of run d at each end of run c, and the other way."""
    mine, theirs = _tips(lines, c), _tips(lines, d)
    if not mine or not theirs:
        return
    x, y = lines.x, lines.y
    for one in (_FIRST, _LAST):
        if not mine & one:
            continue
        e, i = _tip(lines, c, one)
        for two in (_FIRST, _LAST):
            if not theirs & two:
                continue
            f, j = _tip(lines, d, two)
            dx, dy = x[j] - x[i], y[j] - y[i]
            square = dx * dx + dy * dy
            if not square <= 2 * tolerance * tolerance or e == f:
                continue
            if dx == 0.0 and dy == 0.0:
                ends.degree[e], ends.partner[e] = min(ends.degree[e] + 1, 3), f
                if both:
                    ends.degree[f], ends.partner[f] = min(ends.degree[f] + 1, 3), e
            else:
                ends.close[e] = True
                if both:
                    ends.close[f] = True


@nb.njit(cache=True, nogil=True)
def _follows(x: Floats, y: Floats, i: int, j: int) -> bool:
    """Whether no segment lies between two segments of one line."""
    k = i + 1
    while k < j and not _is_segment(x, y, k):
        k += 1
    return k >= j


@inlined
def _meet(lines: Strands, c: int, d: int, boxes: Floats, of: int, tolerance: float, out: Floats, m: int) -> int:
    """Write the meetings of the segments of run c with later ones of run d, whose box is ``boxes[of]``."""
    x, y, starts = lines.x, lines.y, lines.starts
    p, q = lines.part[c], lines.part[d]
    margin = tolerance + 1e-8
    end = min(lines.begin[d] + RUN, starts[q + 1] - 1)
    for i in range(lines.begin[c], min(lines.begin[c] + RUN, starts[p + 1] - 1)):
        ax, ay, bx, by = x[i], y[i], x[i + 1], y[i + 1]
        west, east = min(ax, bx), max(ax, bx)
        south, north = min(ay, by), max(ay, by)
        if west > boxes[of, 2] + margin or east < boxes[of, 0] - margin:
            continue
        if south > boxes[of, 3] + margin or north < boxes[of, 1] - margin:
            continue
        if not _is_segment(x, y, i):
            continue
        east, north = east + 1e-9, north + 1e-9
        for j in range(max(i + 1, lines.begin[d]), end):
            cx, cy, dx, dy = x[j], y[j], x[j + 1], y[j + 1]
            if (
                min(cx, dx) - tolerance < east
                and max(cx, dx) + tolerance > west
                and min(cy, dy) - tolerance < north
                and max(cy, dy) + tolerance > south
                and _is_segment(x, y, j)
                and _judge(lines, p, q, i, j, tolerance, out[m])
            ):
                out[m, 1], out[m, 2] = i, j
                m += 1
    return m


@inlined
def _judge(lines: Strands, p: int, q: int, i: int, j: int, tolerance: float, row: Floats) -> bool:
    """Whether segments i of part p and j of part q meet where they may not; kind and place into the row."""
    x, y, starts = lines.x, lines.y, lines.starts
    a, b = (x[i], y[i], x[i + 1], y[i + 1]), (x[j], y[j], x[j + 1], y[j + 1])
    following = p == q and _follows(x, y, i, j)
    if following and (a[2] - a[0]) * (b[2] - b[0]) + (a[3] - a[1]) * (b[3] - b[1]) > 0:
        return False  # it goes on
    if _overlap(a, b, tolerance, row):
        row[0] = _OVERLAP
        return True
    if following:
        return False
    met, at_x, at_y = _point(a, b, tolerance)
    if not met:
        return False
    one = _at_end(lines, p, at_x, at_y, tolerance)
    if p == q:
        last = starts[p + 1] - 1
        closes = _within(x[starts[p]] - x[last], y[starts[p]] - y[last], tolerance)
        if one and closes and _follows(x, y, starts[p] - 1, i) and _follows(x, y, j, last):
            return False
    elif one or _at_end(lines, q, at_x, at_y, tolerance):
        return False  # a node, or an end on another line
    row[0] = _CROSSING
    row[3], row[4], row[5], row[6] = at_x, at_y, at_x, at_y
    return True


@inlined
def _at_end(lines: Strands, p: int, x: float, y: float, tolerance: float) -> bool:
    """Whether a place is an end of part p."""
    first, last = lines.starts[p], lines.starts[p + 1] - 1
    if _within(x - lines.x[first], y - lines.y[first], tolerance):
        return True
    return _within(x - lines.x[last], y - lines.y[last], tolerance)


# --- segments ----------

Segment = tuple[float, float, float, float]


@nb.njit(cache=True, nogil=True)
def _within(dx: float, dy: float, tolerance: float) -> bool:
    """Whether a vector is no longer than the tolerance; the root is drawn where its rounding may decide."""
    square, limit = dx * dx + dy * dy, tolerance * tolerance
    if square > 1.000001 * limit:
        return False
    return square < 0.999999 * limit or np.hypot(dx, dy) <= tolerance  # type: ignore[no-any-return]


@nb.njit(cache=True, nogil=True)
def _apart(x: float, y: float, a: Segment) -> tuple[float, float]:
    """From the nearest point of a segment to a point."""
    dx, dy = a[2] - a[0], a[3] - a[1]
    t = ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy)
    t = min(max(t, 0.0), 1.0)
    return x - a[0] - t * dx, y - a[1] - t * dy


@nb.njit(cache=True, nogil=True)
def _touches(x: float, y: float, a: Segment, tolerance: float) -> bool:
    dx, dy = _apart(x, y, a)
    return _within(dx, dy, tolerance)


@nb.njit(cache=True, nogil=True)
def _overlap(a: Segment, b: Segment, tolerance: float, row: Floats) -> bool:
    """Whether two segments run on one another for more than the tolerance; from where to where into row[3:7]."""
    dx, dy = a[2] - a[0], a[3] - a[1]
    s, t = (b[0] - a[0]) * dx + (b[1] - a[1]) * dy, (b[2] - a[0]) * dx + (b[3] - a[1]) * dy
    square = dx * dx + dy * dy
    if max(0.0, min(s, t)) >= min(square, max(s, t)):
        return False  # one ends before the other begins: no root need be drawn
    length = np.hypot(dx, dy)
    ux, uy = dx / length, dy / length
    s, t = (b[0] - a[0]) * ux + (b[1] - a[1]) * uy, (b[2] - a[0]) * ux + (b[3] - a[1]) * uy
    low, high = max(0.0, min(s, t)), min(length, max(s, t))
    if high - low <= 2 * tolerance:
        return False
    side_s, side_t = (b[1] - a[1]) * ux - (b[0] - a[0]) * uy, (b[3] - a[1]) * ux - (b[2] - a[0]) * uy
    for at in (low, high):
        if abs(side_s + (side_t - side_s) * (at - s) / (t - s)) > tolerance:
            return False
    row[3], row[4], row[5], row[6] = a[0] + low * ux, a[1] + low * uy, a[0] + high * ux, a[1] + high * uy
    return True


@nb.njit(cache=True, nogil=True)
def _point(a: Segment, b: Segment, tolerance: float) -> tuple[bool, float, float]:
    """Where two segments meet: crossing, or an end of one within the tolerance of the other."""
    if _touches(a[0], a[1], b, tolerance):
        return True, a[0], a[1]
    if _touches(b[0], b[1], a, tolerance):
        return True, b[0], b[1]
    if _touches(a[2], a[3], b, tolerance):
        return True, a[2], a[3]
    if _touches(b[2], b[3], a, tolerance):
        return True, b[2], b[3]
    p = (b[2] - b[0]) * (a[1] - b[1]) - (b[3] - b[1]) * (a[0] - b[0])
    q = (b[2] - b[0]) * (a[3] - b[1]) - (b[3] - b[1]) * (a[2] - b[0])
    r = (a[2] - a[0]) * (b[1] - a[1]) - (a[3] - a[1]) * (b[0] - a[0])
    s = (a[2] - a[0]) * (b[3] - a[1]) - (a[3] - a[1]) * (b[2] - a[0])
    if not ((p < 0 < q or q < 0 < p) and (r < 0 < s or s < 0 < r)):
        return False, 0.0, 0.0
    share = p / (p - q)
    return True, a[0] + share * (a[2] - a[0]), a[1] + share * (a[3] - a[1])


@nb.njit(cache=True, nogil=True)
def _distances(
    lines: Strands,
    x: Floats,
    y: Floats,
    own: Integers,
    other: Integers,
    reach: float,
    first: int,
    last: int,
    out: Floats,
) -> None:
    found = np.empty(256, dtype=np.int64)
    box = np.empty(4)
    margin = reach + 1e-6
    for k in range(first, last):
        out[k] = np.inf
        box[0], box[1], box[2], box[3] = x[k] - margin, y[k] - margin, x[k] + margin, y[k] + margin
        count = search(lines.tree, box, found)
        if count > len(found):
            found = np.empty(2 * count, dtype=np.int64)
            count = search(lines.tree, box, found)
        for c in found[:count]:
            p = lines.part[c]
            if p == own[k] or p == other[k]:
                continue
            for i in range(lines.begin[c], min(lines.begin[c] + RUN, lines.starts[p + 1] - 1)):
                if _is_segment(lines.x, lines.y, i):
                    a = (lines.x[i], lines.y[i], lines.x[i + 1], lines.y[i + 1])
                    dx, dy = _apart(x[k], y[k], a)
                    out[k] = min(out[k], np.hypot(dx, dy))
