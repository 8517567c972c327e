"""From a grid of labels to polygons: components, smoothed borders, rings.

The county is a grid of cells whose corners have been moved; a patch is a 4-connected set of cells. Each patch's ring
runs along every corner of its border, so neighbours share their vertices bit for bit, each inner edge occurs once in
either direction, and there are neither gaps, overlaps nor T-junctions by construction.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["components", "dissolve_crumbs", "smooth", "trace"]


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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
