"""Exact signs for the validity of polygons, as GEOS takes them: floating point first, double-double when in doubt."""

from __future__ import annotations

from typing import Any

import numba as nb

from jintu.kernel.flat import Floats

__all__ = ["crosses_at", "edge_meets_ray", "located", "turn"]

_FILTER = 3.3306690738754716e-16  # (3 + 16 ε) ε, ε = 2⁻⁵³: Shewchuk's bound for the sign of a 2×2 determinant
_SPLITTER = 134217729.0  # 2²⁷ + 1: halves a double's digits


@nb.njit(cache=True, nogil=True)
def turn(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """1 when a, b, c turn left, −1 when they turn right, 0 when they lie on a line."""
    left, right = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
    det = left - right
    if abs(det) > _FILTER * (abs(left) + abs(right)):
        return 1 if det > 0 else -1
    if left == 0.0 and right == 0.0 and (ax == cx or by == cy) and (ay == cy or bx == cx):
        return 0
    return _turn_exactly(ax, ay, bx, by, cx, cy)


@nb.njit(cache=True, nogil=True)
def _turn_exactly(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """In double-double arithmetic (106 binary digits)."""
    p1, p0 = _product(*_difference(ax, cx), *_difference(by, cy))
    q1, q0 = _product(*_difference(ay, cy), *_difference(bx, cx))
    high, low = _difference(p1, q1)
    total = high + (low + (p0 - q0))
    return 1 if total > 0 else -1 if total < 0 else 0


@nb.njit(cache=True, nogil=True)
def _difference(a: float, b: float) -> tuple[float, float]:
    """a − b as the unevaluated sum of two doubles."""
    high = a - b
    part = a - high
    return high, (a - (high + part)) + (part - b)


@nb.njit(cache=True, nogil=True)
def _product(a1: float, a0: float, b1: float, b0: float) -> tuple[float, float]:
    p = a1 * b1
    t = _SPLITTER * a1
    ah = t - (t - a1)
    al = a1 - ah
    t = _SPLITTER * b1
    bh = t - (t - b1)
    bl = b1 - bh
    low = ((ah * bh - p) + ah * bl + al * bh) + al * bl
    low += a1 * b0 + a0 * b1
    high = p + low
    return high, low - (high - p)


@nb.njit(cache=True, nogil=True)
def located(px: float, py: float, x: Floats, y: Floats, i: int, j: int) -> int:
    """1 when the point is inside the closed ring of vertices i … j, 0 when it is on it, −1 when it is outside."""
    inside = False
    for k in range(i, j):
        met = edge_meets_ray(px, py, x[k], y[k], x[k + 1], y[k + 1])
        if met == 0:
            return 0
        if met > 0:
            inside = not inside
    return 1 if inside else -1


@nb.njit(cache=True, nogil=True)
def edge_meets_ray(px: float, py: float, x1: float, y1: float, x2: float, y2: float) -> int:
    """1 when the ray from the point to the east crosses the edge, 0 when the point is on the edge, −1 otherwise."""
    if x1 < px and x2 < px:
        return -1
    if px == x2 and py == y2:
        return 0
    if y1 == py and y2 == py:
        return 0 if min(x1, x2) <= px <= max(x1, x2) else -1
    if (y1 > py) != (y2 > py):
        side = turn(x1, y1, x2, y2, px, py)
        if side == 0:
            return 0
        if (side > 0) == (y2 > y1):
            return 1
    return -1


@nb.njit(cache=True, nogil=True)
def _quadrant(dx: float, dy: float) -> int:
    if dx >= 0:
        return 0 if dy >= 0 else 3
    return 1 if dy >= 0 else 2


@nb.njit(cache=True, nogil=True)
def _by_angle(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> int:
    """Whether the direction p → a comes after (1), before (−1) or with (0) p → b, counter-clockwise from east."""
    qa, qb = _quadrant(ax - px, ay - py), _quadrant(bx - px, by - py)
    if qa != qb:
        return 1 if qa > qb else -1
    return turn(px, py, bx, by, ax, ay)


@nb.njit(cache=True, nogil=True)
def _between(p: Any, b: Any, low: Any, high: Any) -> int:
    above = _by_angle(p[0], p[1], b[0], b[1], low[0], low[1])
    below = _by_angle(p[0], p[1], b[0], b[1], high[0], high[1])
    if above == 0 or below == 0:
        return 0
    return 1 if above > 0 > below else -1


@nb.njit(cache=True, nogil=True)
def crosses_at(p: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> bool:
    """Whether the path b0, p, b1 goes from one side of the path a0, p, a1 to the other. All are (x, y)."""
    low, high = a0, a1
    if _by_angle(p[0], p[1], a0[0], a0[1], a1[0], a1[1]) > 0:
        low, high = a1, a0
    first, second = _between(p, b0, low, high), _between(p, b1, low, high)
    return first * second < 0
