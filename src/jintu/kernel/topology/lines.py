"""Topology of lines: crossings, overlaps, dangling ends, pseudo-nodes, and lines too short (Q3109, Q3110, Q3112).

Lines may meet at their ends, and an end may lie on another line. They may not cross or run on one another, and a line
may not meet itself but to close. Everything is judged within the tolerance of the `Plane`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np

from jintu.kernel.flat import Floats, Integers
from jintu.kernel.overlay.tree import Tree, build, search
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.noding import clustered
from jintu.kernel.topology.plane import Plane

__all__ = ["Net", "line_defects", "net", "short_lines"]

_CROSSING, _OVERLAP = int(Kind.LINE_CROSSING), int(Kind.LINE_OVERLAP)


@dataclass(frozen=True)
class Net:
    """Lines as segments, and where they meet other than in their ends: what all questions about a layer share.

    ``segments`` (n, 4) in metres; ``spots`` (n, 3) row, part, vertex; ``ends`` (lines, 2) first and last segment of
    each line; ``met``: crossings and overlaps, as of `_meetings`.
    """

    segments: Floats
    spots: Integers
    ends: Integers
    met: Floats
    plane: Plane

    @property
    def back(self) -> Floats:
        """From metres to the coordinates of the layer."""
        return 1 / np.array([self.plane.x_metres, self.plane.y_metres])

    def of(self, kind: int) -> Floats:
        return self.met[self.met[:, 0] == kind]

    def crossings(self, codes: Any = None, dangle_m: float = 1.0) -> Defects:
        """Crossings, ends that were meant to meet a line, and pseudo-nodes; see `line_defects`."""
        if not len(self.segments):
            return joined([])
        crossing = self.of(_CROSSING)
        bad_ends, explained = _end_defects(self.segments, self.spots, self.ends, crossing, codes, dangle_m, self.plane)
        return joined([_told(Kind.LINE_CROSSING, crossing[~explained], self.spots, self.back), bad_ends])

    def overlaps(self) -> Defects:
        """Where lines run on one another."""
        return _told(Kind.LINE_OVERLAP, self.of(_OVERLAP), self.spots, self.back) if len(self.met) else joined([])


def net(lines: Any, plane: Plane | None = None) -> Net:
    """The segments of lines (Shapely lines and multilines, None allowed; rows count from 0) and where they meet."""
    plane = plane or Plane()
    segments, spots, ends = _read(lines, plane)
    if not len(segments):
        return Net(segments, spots, ends, np.empty((0, 7)), plane)
    tree = build(_widened(segments, plane.tolerance))
    met = _meetings(tree, segments, spots, ends, plane.tolerance)
    met = met[np.unique(_meeting_keys(met, spots, plane), axis=0, return_index=True)[1]]
    return Net(segments, spots, ends, met, plane)


def short_lines(lines: Any, plane: Plane | None = None, short_m: float = 0.2) -> Defects:
    """Lines, and parts of lines, shorter than so many metres."""
    plane = plane or Plane()
    segments, spots, ends = _read(lines, plane)
    back = 1 / np.array([plane.x_metres, plane.y_metres])
    return _short(segments, spots, ends, short_m, back) if len(segments) else joined([])


def line_defects(
    lines: Any,
    plane: Plane | None = None,
    *,
    codes: Any = None,
    dangle_m: float = 1.0,
    short_m: float = 0.2,
) -> Defects:
    """What is wrong with lines (Shapely lines and multilines, None allowed); rows count from 0.

    ``codes`` is an integer for each row that stands for its attributes: a node between two lines of one code, and no
    third, is a pseudo-node. Without it none is told. ``dangle_m``: an end that stops so near another line, or runs so
    little past it, was meant to meet it; ends farther off are free.
    """
    those = net(lines, plane)
    if not len(those.segments):
        return joined([])
    short = _short(those.segments, those.spots, those.ends, short_m, those.back)
    return joined([those.crossings(codes, dangle_m), those.overlaps(), short])


def _read(lines: Any, plane: Plane) -> tuple[Floats, Integers, Integers]:
    """(n, 4) segments in metres, (n, 3) row, part, vertex, and (lines, 2) first and last segment of each line."""
    import shapely

    parts, row = shapely.get_parts(np.asarray(lines, dtype=object), return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    points = points * (plane.x_metres, plane.y_metres)
    first = np.searchsorted(part, np.arange(len(parts) + 1))
    begin = np.flatnonzero((part[1:] == part[:-1]) & (points[1:] != points[:-1]).any(axis=1))
    number = np.arange(len(parts)) - np.searchsorted(row, row)
    of = part[begin]
    spots = np.column_stack((row[of], number[of], begin - first[of])).astype(np.int64)
    fresh = np.flatnonzero(np.concatenate(([True], of[1:] != of[:-1]))) if len(of) else np.empty(0, dtype=np.int64)
    ends = np.column_stack((fresh, np.append(fresh[1:], len(of)) - 1)).astype(np.int64)
    return np.column_stack((points[begin], points[begin + 1])), spots, ends


def _widened(segments: Floats, margin: float) -> Floats:
    low, high = np.minimum(segments[:, :2], segments[:, 2:]), np.maximum(segments[:, :2], segments[:, 2:])
    return np.column_stack((low - margin, high + margin))


def _meeting_keys(met: Floats, spots: Integers, plane: Plane) -> Any:
    """What makes two rows of the table the same meeting: kind, the lines, and the place within the tolerance."""
    i, j = met[:, 1].astype(np.int64), met[:, 2].astype(np.int64)
    place = np.round(met[:, 3:7] / (4 * plane.tolerance))
    return np.column_stack((met[:, 0], spots[i, :2], spots[j, :2], place))


def _told(kind: Kind, met: Floats, spots: Integers, back: Floats) -> Defects:
    import shapely

    one, other = spots[met[:, 1].astype(np.int64)], spots[met[:, 2].astype(np.int64)]
    places = [[tuple(a), tuple(b)] for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    if kind == Kind.LINE_CROSSING:
        return collect(kind, met[:, 3:5] * back, places)
    shapes = shapely.linestrings(met[:, 3:7].reshape(-1, 2, 2) * back)
    length = np.hypot(met[:, 5] - met[:, 3], met[:, 6] - met[:, 4])
    return collect(kind, (met[:, 3:5] + met[:, 5:7]) / 2 * back, places, measure=length, shapes=shapes)


def _short(segments: Floats, spots: Integers, ends: Integers, short_m: float, back: Floats) -> Defects:
    along = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    length = np.add.reduceat(along, ends[:, 0])
    found = np.flatnonzero(length < short_m)
    first = ends[found, 0]
    return collect(Kind.SHORT_LINE, segments[first, :2] * back, spots[first], measure=length[found])


def _end_defects(
    segments: Floats, spots: Integers, ends: Integers, crossing: Floats, codes: Any, dangle_m: float, plane: Plane
) -> tuple[Defects, Any]:
    """Dangling ends and pseudo-nodes, and which crossings are no more than an end that runs past another line."""
    x = np.concatenate((segments[ends[:, 0], 0], segments[ends[:, 1], 2]))
    y = np.concatenate((segments[ends[:, 0], 1], segments[ends[:, 1], 3]))
    spot = spots[np.concatenate((ends[:, 0], ends[:, 1]))]
    spot[len(ends) :, 2] += 1
    line = np.tile(np.arange(len(ends)), 2)
    degree, partner = _ends_at_node(x, y, plane.tolerance)
    line_of = np.searchsorted(ends[:, 0], np.arange(len(segments)), "right") - 1
    reach = max(dangle_m, plane.tolerance)
    other = np.where(degree == 2, line[partner], -1)
    near = _nearest(build(_widened(segments, reach)), segments, line_of, x, y, line, other)
    past, explained = _past(
        crossing, x, y, line_of, (degree == 1) & (near > plane.tolerance), plane.tolerance, dangle_m
    )
    back = 1 / np.array([plane.x_metres, plane.y_metres])
    places = np.column_stack((x, y)) * back
    dangling = (degree == 1) & (near > plane.tolerance)
    found = []
    for chosen, measure in ((dangling & (past <= dangle_m), -past), (dangling & (past > dangle_m), near)):
        at = np.flatnonzero(chosen & (np.abs(measure) <= dangle_m))
        found.append(collect(Kind.DANGLE, places[at], spot[at], measure=measure[at]))
    if codes is not None:
        code = np.asarray(codes, dtype=np.int64)[spot[:, 0]]
        between_two = (degree == 2) & (near > plane.tolerance) & (line != other) & (code == code[partner])
        at = np.flatnonzero(between_two & (np.arange(len(x)) < partner))
        pairs = [[tuple(spot[k]), tuple(spot[partner[k]])] for k in at]
        found.append(collect(Kind.PSEUDO_NODE, places[at], [sorted(pair) for pair in pairs]))
    return joined(found), explained


def _ends_at_node(x: Floats, y: Floats, tolerance: float) -> tuple[Integers, Integers]:
    """How many ends of lines meet at each end, and, where it is two, the other one."""
    order = np.lexsort((y, x))
    node = np.empty(len(x), dtype=np.int64)
    node[order] = clustered(x[order], y[order], tolerance)
    by_node = np.argsort(node, kind="stable")
    degree = np.bincount(node, minlength=len(x))[node]
    partner = np.arange(len(x))
    first = np.flatnonzero((degree[by_node] == 2) & (np.append(node[by_node][1:], -1) == node[by_node]))
    partner[by_node[first]], partner[by_node[first + 1]] = by_node[first + 1], by_node[first]
    return degree, partner


def _past(
    crossing: Floats, x: Floats, y: Floats, line_of: Integers, loose: Any, tolerance: float, dangle_m: float
) -> tuple[Floats, Any]:
    """How far each loose end runs past the nearest crossing on its line, and the crossings that are such."""
    lines = len(x) // 2
    past = np.full(len(x), np.inf)
    explained = np.zeros(len(crossing), dtype=np.bool_)
    for side in (1, 2):
        line = line_of[crossing[:, side].astype(np.int64)]
        for end in (line, line + lines):
            away = np.hypot(x[end] - crossing[:, 3], y[end] - crossing[:, 4])
            counts = loose[end] & (away > tolerance) & (away <= dangle_m)
            np.minimum.at(past, end[counts], away[counts])
            explained |= counts
    return past, explained


# --- compiled ----------


@nb.njit(cache=True, nogil=True)
def _distance(x: float, y: float, segment: Floats) -> float:
    dx, dy = segment[2] - segment[0], segment[3] - segment[1]
    t = ((x - segment[0]) * dx + (y - segment[1]) * dy) / (dx * dx + dy * dy)
    t = min(max(t, 0.0), 1.0)
    return np.hypot(x - segment[0] - t * dx, y - segment[1] - t * dy)


@nb.njit(cache=True, nogil=True)
def _nearest(
    tree: Tree, segments: Floats, line_of: Integers, x: Floats, y: Floats, own: Integers, other: Integers
) -> Floats:
    """Distance of each point from the nearest line but its own and one other; inf when none is within reach."""
    out = np.full(len(x), np.inf)
    found = np.empty(256, dtype=np.int64)
    for k in range(len(x)):
        box = np.array([x[k] - 1e-6, y[k] - 1e-6, x[k] + 1e-6, y[k] + 1e-6])
        count = search(tree, box, found)
        if count > len(found):
            found = np.empty(2 * count, dtype=np.int64)
            count = search(tree, box, found)
        for s in found[:count]:
            if line_of[s] != own[k] and line_of[s] != other[k]:
                out[k] = min(out[k], _distance(x[k], y[k], segments[s]))
    return out


@nb.njit(cache=True, nogil=True)
def _at_end(x: float, y: float, segments: Floats, first: int, last: int, tolerance: float) -> bool:
    """Whether a place is an end of the line with these first and last segments."""
    if np.hypot(x - segments[first, 0], y - segments[first, 1]) <= tolerance:
        return True
    return np.hypot(x - segments[last, 2], y - segments[last, 3]) <= tolerance


@nb.njit(cache=True, nogil=True)
def _meetings(tree: Tree, segments: Floats, spots: Integers, ends: Integers, tolerance: float) -> Floats:
    """(m, 7) kind, segment, later segment, x, y (crossing), x, y, x, y (overlap)."""
    n = len(segments)
    line_of = np.empty(n, dtype=np.int64)
    for k in range(len(ends)):
        line_of[ends[k, 0] : ends[k, 1] + 1] = k
    out, m = np.empty((64, 7)), 0
    found = np.empty(1024, dtype=np.int64)
    for i in range(n):
        a = segments[i]
        box = np.array([min(a[0], a[2]), min(a[1], a[3]), max(a[0], a[2]) + 1e-9, max(a[1], a[3]) + 1e-9])
        count = search(tree, box, found)
        if count > len(found):
            found = np.empty(2 * count, dtype=np.int64)
            count = search(tree, box, found)
        for j in found[:count]:
            if j <= i:
                continue
            if m == len(out):
                more = np.empty((2 * m, 7))
                more[:m] = out
                out = more
            if _overlap(a, segments[j], tolerance, out[m]):
                out[m, 0], out[m, 1], out[m, 2] = _OVERLAP, i, j
                m += 1
                continue
            same = line_of[i] == line_of[j]
            if same and j == i + 1:
                continue
            met, x, y = _point(a, segments[j], tolerance)
            if not met:
                continue
            first, last = ends[line_of[i], 0], ends[line_of[i], 1]
            one = _at_end(x, y, segments, first, last, tolerance)
            if same:
                closed = np.hypot(a[0] - segments[last, 2], a[1] - segments[last, 3]) <= tolerance
                if one and closed and i == first and j == last:
                    continue
            else:
                first, last = ends[line_of[j], 0], ends[line_of[j], 1]
                if one or _at_end(x, y, segments, first, last, tolerance):
                    continue  # a node, or an end on another line
            out[m, 0], out[m, 1], out[m, 2], out[m, 3], out[m, 4], out[m, 5], out[m, 6] = _CROSSING, i, j, x, y, x, y
            m += 1
    return out[:m]


@nb.njit(cache=True, nogil=True)
def _overlap(a: Floats, b: Floats, tolerance: float, row: Floats) -> bool:
    """Whether two segments run on one another for more than the tolerance; from where to where into row[3:7]."""
    dx, dy = a[2] - a[0], a[3] - a[1]
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
def _point(a: Floats, b: Floats, tolerance: float) -> tuple[bool, float, float]:
    """Where two segments meet: crossing, or an end of one within the tolerance of the other."""
    for k in (0, 2):
        if _distance(a[k], a[k + 1], b) <= tolerance:
            return True, a[k], a[k + 1]
        if _distance(b[k], b[k + 1], a) <= tolerance:
            return True, b[k], b[k + 1]
    p = (b[2] - b[0]) * (a[1] - b[1]) - (b[3] - b[1]) * (a[0] - b[0])
    q = (b[2] - b[0]) * (a[3] - b[1]) - (b[3] - b[1]) * (a[2] - b[0])
    r = (a[2] - a[0]) * (b[1] - a[1]) - (a[3] - a[1]) * (b[0] - a[0])
    s = (a[2] - a[0]) * (b[3] - a[1]) - (a[3] - a[1]) * (b[2] - a[0])
    if not ((p < 0 < q or q < 0 < p) and (r < 0 < s or s < 0 < r)):
        return False, 0.0, 0.0
    share = p / (p - q)
    return True, a[0] + share * (a[2] - a[0]), a[1] + share * (a[3] - a[1])
