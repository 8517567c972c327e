"""Grids of labels and the polygons they stand for: painting, components, crumbs, smoothed borders, rings.

A grid has ``(rows, columns)`` cells with row 0 in the south, and one more corner than cells in each direction. A region
is a 4-connected set of cells; its ring runs along every corner of its border, so neighbours share their vertices bit
for bit, each inner edge occurs once in either direction, and there are neither gaps, overlaps nor T-junctions by
construction. The sample county is drawn this way, and layers are generalised this way for small scales.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from jintu.kernel.flat import Rings

__all__ = ["components", "dissolve_crumbs", "majority", "outlines", "paint", "smooth", "thinned", "trace", "widths"]


@njit(cache=True, nogil=True)
def paint(grid: np.ndarray, rings: Rings, values: np.ndarray, members: np.ndarray, frame: np.ndarray) -> None:
    """Set the cells whose centre lies in a polygon to its value; later polygons cover earlier ones.

    ``grid`` int32 (h, w) in a frame (west, south, width of a cell, height of a cell); ``members`` the geometries to
    paint, ``values`` int32 of all. Where polygons share an edge each centre falls to exactly one of them.
    """
    h, w = grid.shape
    west, south, dx, dy = frame[0], frame[1], frame[2], frame[3]
    ends = np.zeros(h + 1, dtype=np.int64)
    for g in members:
        begin, stop = rings.starts[g], rings.starts[g + 1]
        if begin == stop:
            continue
        low, high = h, 0
        total = 0
        for k in range(rings.ends[begin], rings.ends[stop]):
            j = int(np.ceil((rings.y[k] - south) / dy - 0.5))
            low, high = min(low, max(j, 0)), max(high, min(j, h))
        if low >= high:
            continue
        ends[low : high + 1] = 0
        for filling in range(2):
            if filling:
                for j in range(low, high):
                    ends[j + 1] += ends[j]
                total = ends[high]
                if total == 0:
                    break
                crossing = np.empty(total)
                place = ends[low : high + 1].copy()
            for r in range(begin, stop):
                for k in range(rings.ends[r], rings.ends[r + 1] - 1):
                    x1, y1, x2, y2 = rings.x[k], rings.y[k], rings.x[k + 1], rings.y[k + 1]
                    if y1 > y2:  # the same arithmetic from either side
                        x1, y1, x2, y2 = x2, y2, x1, y1
                    first = max(int(np.ceil((y1 - south) / dy - 0.5)), low)
                    last = min(int(np.ceil((y2 - south) / dy - 0.5)), high)
                    for j in range(first, last):
                        if filling:
                            y = south + (j + 0.5) * dy
                            crossing[place[j - low]] = x1 + (y - y1) / (y2 - y1) * (x2 - x1)
                            place[j - low] += 1
                        else:
                            ends[j + 1] += 1
        if total == 0:
            continue
        for j in range(low, high):
            row = crossing[ends[j] : ends[j + 1]]
            row.sort()
            for k in range(0, len(row) - 1, 2):
                i = max(int(np.ceil((row[k] - west) / dx - 0.5)), 0)
                last = min(int(np.ceil((row[k + 1] - west) / dx - 0.5)), w)
                while i < last:
                    grid[j, i] = values[g]
                    i += 1


@njit(cache=True, nogil=True)
def widths(rings: Rings, dx: float, dy: float) -> np.ndarray:
    """Mean width of each geometry, twice its area by its perimeter, in cells of ``dx`` × ``dy``; float64 (n,)."""
    out = np.zeros(len(rings.starts) - 1)
    for g in range(len(out)):
        doubled, around = 0.0, 0.0
        for r in range(rings.starts[g], rings.starts[g + 1]):
            x0, y0 = rings.x[rings.ends[r]], rings.y[rings.ends[r]]
            for k in range(rings.ends[r], rings.ends[r + 1] - 1):
                x1, y1 = (rings.x[k] - x0) / dx, (rings.y[k] - y0) / dy
                x2, y2 = (rings.x[k + 1] - x0) / dx, (rings.y[k + 1] - y0) / dy
                doubled += x1 * y2 - x2 * y1
                around += np.hypot(x2 - x1, y2 - y1)
        if around > 0:
            out[g] = doubled / around
    return out


@njit(cache=True, nogil=True)
def majority(grid: np.ndarray, factor: int, values: int) -> np.ndarray:
    """The commonest value (0 … ``values`` − 1, or −1) of each square of ``factor`` × ``factor`` cells.

    Of values that are equally common that of the first cell is taken, from a cell on that changes from square to
    square: no value wins all ties, so that halving a grid again and again makes none of them grow, nor the layer
    shrink.
    """
    h, w = grid.shape
    out = np.full((-(-h // factor), -(-w // factor)), np.int32(-1), dtype=np.int32)
    count = np.zeros(values + 1, dtype=np.int64)
    cells = factor * factor
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            count[:] = 0
            count[0] = cells
            for jj in range(j * factor, min((j + 1) * factor, h)):
                for ii in range(i * factor, min((i + 1) * factor, w)):
                    count[grid[jj, ii] + 1] += 1
                    count[0] -= 1
            most = count.max()
            begin = (((j * 73856093) ^ (i * 19349663)) >> 7) % cells
            for k in range(cells):
                at = (begin + k) % cells
                jj, ii = j * factor + at // factor, i * factor + at % factor
                value = grid[jj, ii] if jj < h and ii < w else np.int32(-1)
                if count[value + 1] == most:
                    out[j, i] = value
                    break
    return out


@njit(cache=True, nogil=True)
def components(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the 4-connected components of equal ``key`` (int64, h × w); negative keys stay outside (-1).

    Returns labels (int32, h × w, numbered in the order of their first cell) and the flat index of each first cell.
    """
    h, w = key.shape
    label = np.full((h, w), -1, dtype=np.int32)
    parent = np.empty(h * w // 2 + 2, dtype=np.int32)
    n = 0
    for j in range(h):
        for i in range(w):
            k = key[j, i]
            if k < 0:
                continue
            a = label[j, i - 1] if i > 0 and key[j, i - 1] == k else -1
            b = label[j - 1, i] if j > 0 and key[j - 1, i] == k else -1
            if a < 0 and b < 0:
                if n >= len(parent):
                    bigger = np.empty(len(parent) * 2, dtype=np.int32)
                    bigger[:n] = parent[:n]
                    parent = bigger
                parent[n] = n
                label[j, i] = n
                n += 1
                continue
            if a < 0 or b < 0:
                label[j, i] = a if a >= 0 else b
                continue
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            low = min(a, b)
            parent[a] = low
            parent[b] = low
            label[j, i] = low
    final = np.full(n, -1, dtype=np.int32)
    first = np.empty(n, dtype=np.int64)
    count = 0
    for j in range(h):
        for i in range(w):
            a = label[j, i]
            if a < 0:
                continue
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            if final[a] < 0:
                final[a] = count
                first[count] = j * w + i
                count += 1
            label[j, i] = final[a]
    return label, first[:count].copy()


@njit(cache=True, nogil=True)
def dissolve_crumbs(key: np.ndarray, label: np.ndarray, size: np.ndarray, soft: np.ndarray, least: int) -> int:
    """Give cells of soft components of fewer than ``least`` cells the key of a soft neighbour; count of them."""
    h, w = key.shape
    changed = 0
    for j in range(h):
        for i in range(w):
            a = label[j, i]
            if a < 0 or size[a] >= least or not soft[a]:
                continue
            best, best_size = np.int64(-1), 0
            for d in range(4):
                jj = j + (1 if d == 0 else (-1 if d == 1 else 0))
                ii = i + (1 if d == 2 else (-1 if d == 3 else 0))
                if jj < 0 or ii < 0 or jj >= h or ii >= w:
                    continue
                b = label[jj, ii]
                if b >= 0 and b != a and soft[b] and size[b] > best_size:
                    best, best_size = key[jj, ii], size[b]
            if best >= 0:
                key[j, i] = best
                changed += 1
    return changed


@njit(cache=True, nogil=True)
def smooth(
    label: np.ndarray, x: np.ndarray, y: np.ndarray, pinned: np.ndarray, rounds: int, room: float
) -> tuple[np.ndarray, np.ndarray]:
    """Displacements (metres) of the grid's corners that straighten the stair-cased borders between labels.

    ``x`` (w + 1) and ``y`` (h + 1) are the grid lines. A corner never leaves the box of ``room`` (< ½) times the
    spacing to its neighbours, so no two borders can cross: hulls of boxes of edges without a common corner are
    disjoint. Pinned corners and those inside a component stay.
    """
    h, w = label.shape
    dx = np.zeros((h + 1, w + 1), dtype=np.float64)
    dy = np.zeros((h + 1, w + 1), dtype=np.float64)
    for _ in range(rounds):
        for j in range(1, h):
            for i in range(1, w):
                if pinned[j, i]:
                    continue
                sw, se, nw, ne = label[j - 1, i - 1], label[j - 1, i], label[j, i - 1], label[j, i]
                east, west, north, south = se != ne, sw != nw, nw != ne, sw != se
                degree = int(east) + int(west) + int(north) + int(south)
                if degree == 0:
                    continue
                if degree == 3:
                    if east and west:
                        north = south = False
                    else:
                        east = west = False
                sx, sy, n = 0.0, 0.0, 0
                if east:
                    sx += x[i + 1] + dx[j, i + 1]
                    sy += y[j] + dy[j, i + 1]
                    n += 1
                if west:
                    sx += x[i - 1] + dx[j, i - 1]
                    sy += y[j] + dy[j, i - 1]
                    n += 1
                if north:
                    sx += x[i] + dx[j + 1, i]
                    sy += y[j + 1] + dy[j + 1, i]
                    n += 1
                if south:
                    sx += x[i] + dx[j - 1, i]
                    sy += y[j - 1] + dy[j - 1, i]
                    n += 1
                ddx = 0.4 * dx[j, i] + 0.6 * (sx / n - x[i])
                ddy = 0.4 * dy[j, i] + 0.6 * (sy / n - y[j])
                dx[j, i] = min(max(ddx, -room * (x[i] - x[i - 1])), room * (x[i + 1] - x[i]))
                dy[j, i] = min(max(ddy, -room * (y[j] - y[j - 1])), room * (y[j + 1] - y[j]))
    return dx, dy


@njit(cache=True, nogil=True)
def trace(label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rings of all components: ``(corner, start, owner, hole)``.

    ``corner`` flat indices into the (h + 1) × (w + 1) corners, closed rings end to end, component on the left (shells
    counter-clockwise, holes clockwise); ``start`` of each ring plus the end; ``owner`` label; ``hole`` flag. Where
    two cells of a component meet only at a corner the ring turns right there, which keeps every ring simple: a hole
    then touches its shell in a point.
    """
    h, w = label.shape
    # Outgoing directed border edges of each corner, as bits: 0 east, 1 north, 2 west, 3 south.
    out = np.zeros((h + 1, w + 1), dtype=np.uint8)
    total = 0
    for j in range(h):
        for i in range(w):
            a = label[j, i]
            if a < 0:
                continue
            if j == 0 or label[j - 1, i] != a:
                out[j, i] |= 1
                total += 1
            if i == w - 1 or label[j, i + 1] != a:
                out[j, i + 1] |= 2
                total += 1
            if j == h - 1 or label[j + 1, i] != a:
                out[j + 1, i + 1] |= 4
                total += 1
            if i == 0 or label[j, i - 1] != a:
                out[j + 1, i] |= 8
                total += 1
    di = np.array([1, 0, -1, 0])
    dj = np.array([0, 1, 0, -1])
    # Offset of the cell on the left of an edge leaving corner (j, i) in direction d.
    li = np.array([0, -1, -1, 0])
    lj = np.array([0, 0, -1, -1])
    corner = np.empty(total * 2 + 1, dtype=np.int64)
    start = np.empty(total // 4 + 2, dtype=np.int64)
    owner = np.empty(total // 4 + 1, dtype=np.int32)
    hole = np.empty(total // 4 + 1, dtype=np.bool_)
    n, rings = 0, 0
    for j0 in range(h + 1):
        for i0 in range(w + 1):
            while out[j0, i0] != 0:
                d = 0
                while not (out[j0, i0] >> d) & 1:
                    d += 1
                a = label[j0 + lj[d], i0 + li[d]]
                start[rings] = n
                owner[rings] = a
                j, i, doubled = j0, i0, 0
                while True:
                    corner[n] = j * (w + 1) + i
                    n += 1
                    out[j, i] &= ~np.uint8(1 << d)
                    jn, im = j + dj[d], i + di[d]
                    doubled += i * jn - im * j
                    j, i = jn, im
                    found = -1
                    if not (j == j0 and i == i0 and out[j, i] == 0):
                        for turn in range(3):
                            e = (d + 3 + turn) % 4
                            if (out[j, i] >> e) & 1 and label[j + lj[e], i + li[e]] == a:
                                found = e
                                break
                    if found < 0:
                        break
                    d = found
                corner[n] = j * (w + 1) + i
                n += 1
                hole[rings] = doubled < 0
                rings += 1
    start[rings] = n
    return corner[:n].copy(), start[: rings + 1].copy(), owner[:rings].copy(), hole[:rings].copy()


def outlines(label: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rings of regions ``0 … count - 1`` in order, each shell before its holes: ``(corner, ring ends, region rings)``.

    ``corner`` (vertices,) flat indices into the corners; ``ring ends`` (rings + 1,) and ``region rings`` (count + 1,)
    are offsets as Shapely's ragged arrays want them.
    """
    corner, start, owner, hole = trace(label)
    order = np.lexsort((hole, owner))
    length = np.diff(start)[order]
    ends = np.r_[0, np.cumsum(length)]
    flat = corner[np.repeat(start[:-1][order] - ends[:-1], length) + np.arange(ends[-1])]
    return flat, ends, np.r_[0, np.cumsum(np.bincount(owner, minlength=count))]


@njit(cache=True, nogil=True)
def _degree(label: np.ndarray, j: int, i: int) -> int:
    """How many borders meet in a corner; what lies beyond the grid is one region more."""
    h, w = label.shape
    sw = label[j - 1, i - 1] if j > 0 and i > 0 else -1
    se = label[j - 1, i] if j > 0 and i < w else -1
    nw = label[j, i - 1] if j < h and i > 0 else -1
    ne = label[j, i] if j < h and i < w else -1
    return int(sw != se) + int(se != ne) + int(ne != nw) + int(nw != sw)


@njit(cache=True, nogil=True)
def thinned(
    label: np.ndarray, corner: np.ndarray, ends: np.ndarray, x: np.ndarray, y: np.ndarray, tolerance: float
) -> np.ndarray:
    """Which vertices of the rings of `outlines` to keep, bool (vertices,): Douglas–Peucker between junctions.

    ``x``, ``y`` are the places of the vertices. A border is thinned the same way from either side, so neighbours still
    share it. With corners that `smooth` leaves in boxes of ``room`` cells no two borders can cross below a tolerance of
    ½ − ``room`` cells; above it two of them may, by less than the tolerance.
    """
    w = label.shape[1] + 1
    keep = np.zeros(len(corner), dtype=np.bool_)
    stack = np.empty((64, 2), dtype=np.int64)
    for r in range(len(ends) - 1):
        begin, n = ends[r], ends[r + 1] - ends[r] - 1
        nodes = np.empty(n + 2, dtype=np.int64)
        count = 0
        least = 0
        for k in range(n):
            if _degree(label, corner[begin + k] // w, corner[begin + k] % w) > 2:
                nodes[count] = k
                count += 1
            if corner[begin + k] < corner[begin + least]:
                least = k
        if count == 0:
            nodes[0] = least
            count = 1
        if count == 1:
            # a loop has a second end: the vertex farthest from the first, the lowest one among equals
            far, best = -1, -1.0
            a = begin + nodes[0]
            for k in range(n):
                d = (x[begin + k] - x[a]) ** 2 + (y[begin + k] - y[a]) ** 2
                if d > best or (d == best and corner[begin + k] < corner[begin + far]):
                    far, best = k, d
            nodes[1] = far
            count = 2
            if nodes[1] < nodes[0]:
                nodes[0], nodes[1] = nodes[1], nodes[0]
        nodes[count] = nodes[0] + n
        for s in range(count):
            first, last = nodes[s], nodes[s + 1]
            keep[begin + first % n] = True
            # from the lower end, so that both sides see the same order; a loop from its lower neighbour
            a, b = corner[begin + first % n], corner[begin + last % n]
            if a == b:
                a, b = corner[begin + (first + 1) % n], corner[begin + (last - 1) % n]
            turned = a > b
            stack[0, 0], stack[0, 1] = 0, last - first
            depth = 1
            while depth:
                depth -= 1
                lo, hi = stack[depth, 0], stack[depth, 1]
                if hi - lo < 2:
                    continue
                p = begin + ((last - lo) if turned else (first + lo)) % n
                q = begin + ((last - hi) if turned else (first + hi)) % n
                px, py, ex, ey = x[p], y[p], x[q] - x[p], y[q] - y[p]
                length2 = ex * ex + ey * ey
                split, best = -1, tolerance * tolerance
                for m in range(lo + 1, hi):
                    k = begin + ((last - m) if turned else (first + m)) % n
                    fx, fy = x[k] - px, y[k] - py
                    t = 0.0
                    if length2 > 0:
                        t = min(1.0, max(0.0, (fx * ex + fy * ey) / length2))
                    d = (fx - t * ex) ** 2 + (fy - t * ey) ** 2
                    if d > best:
                        split, best = m, d
                if split < 0:
                    continue
                keep[begin + ((last - split) if turned else (first + split)) % n] = True
                if depth + 2 > len(stack):
                    bigger = np.empty((2 * len(stack), 2), dtype=np.int64)
                    bigger[: len(stack)] = stack
                    stack = bigger
                stack[depth, 0], stack[depth, 1] = lo, split
                stack[depth + 1, 0], stack[depth + 1, 1] = split, hi
                depth += 2
        keep[begin + n] = keep[begin]
    return keep
