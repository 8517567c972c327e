"""The plan of the county, before anything is drawn: grid, relief, water, settlements, how blocks fall into fields.

Everything lies on one grid whose lines are roads (narrow columns) and field columns (wide ones). `band` draws the cells
of the plan, some block rows at a time. All of it depends on (patches, seed) only.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from .outline import Outline, settle_outline

__all__ = ["County", "Land", "Noise"]


def patches_per_block(patches: int) -> float:
    """Patches a block and its roads fall into, measured over sizes; only how near ``patches`` is met hangs on it."""
    return 10.8 - 0.85 * float(np.log10(patches / 15_000))


_COUNTY_ROAD, _TRUNK = 1, 2
"""Kinds of grid lines; 0 is a rural road."""
_ROAD_WIDTH = np.array([6.5, 15.0, 28.0])


class Noise:
    """Smooth noise as a sum of separable waves: a grid costs a few outer products, not a sine per cell."""

    def __init__(self, rng: np.random.Generator, wave: float, terms: int = 6) -> None:
        self.k = 2 * np.pi / (wave * rng.uniform(0.7, 1.6, (terms, 2)))
        self.p = rng.uniform(0, 2 * np.pi, (terms, 2))
        weight = rng.uniform(0.5, 1.0, terms)
        self.a = weight / np.sqrt((weight**2).sum()) * 2

    def grid(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Values (about unit variance) at every (y, x) of a grid, shape (len(y), len(x))."""
        u = np.sin(np.outer(self.k[:, 0], x) + self.p[:, :1])
        v = np.sin(np.outer(self.k[:, 1], y) + self.p[:, 1:])
        return np.einsum("t,tj,ti->ji", self.a, v, u, optimize=True)

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Values at points."""
        u = np.sin(np.multiply.outer(x, self.k[:, 0]) + self.p[:, 0])
        v = np.sin(np.multiply.outer(y, self.k[:, 1]) + self.p[:, 1])
        return (u * v) @ self.a


def _chaikin(line: np.ndarray, rounds: int = 3) -> np.ndarray:
    for _ in range(rounds):
        a, b = line[:-1], line[1:]
        inner = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
        line = np.concatenate([line[:1], inner, line[-1:]])
    return line


@dataclass
class Land:
    """Facts of a block, arrays over all blocks (index ``bj × nbx + bi``)."""

    x: np.ndarray
    y: np.ndarray
    elevation: np.ndarray
    village: np.ndarray
    inside: np.ndarray
    town: np.ndarray
    settled: np.ndarray


@dataclass
class County:
    """The plan of the whole county: grid lines, water, settlements, divisions.

    ``patches`` is what is asked for; what comes out is within a few per cent of it.
    """

    patches: int
    seed: int
    band_cells: int = 3_600_000
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, self.patches, 20260615])
        blocks = max(self.patches / patches_per_block(self.patches), 150.0)
        frame = blocks / 0.69
        self.nbx = int(np.ceil(np.sqrt(frame * 1.12)))
        self.nby = int(np.ceil(frame / self.nbx))
        self._lines()
        self._relief()
        self.border = self._border()
        self._rivers()
        self._settlements()
        self._fields()

    # ---- grid lines ------------------------------------------------------------------------------------------------
    def _lines(self) -> None:
        rng, spec = self.rng, []
        for count, low, high in ((self.nbx, 13, 18), (self.nby, 11, 16)):
            cells = rng.integers(low, high, count)
            road = np.zeros(count, dtype=np.int8)
            road[np.arange(4, count, 9)] = _COUNTY_ROAD
            road[count // 2] = _TRUNK
            widths, block, place = [], [], []
            for b in range(count):
                pitch = rng.uniform(17.5, 24.0)
                widths.append(np.r_[_ROAD_WIDTH[road[b]], pitch * rng.uniform(0.93, 1.07, cells[b])])
                block.append(np.full(cells[b] + 1, b, dtype=np.int32))
                place.append(np.arange(cells[b] + 1, dtype=np.int16))
            line = np.r_[0.0, np.cumsum(np.concatenate(widths))]
            spec.append((line, np.concatenate(block), np.concatenate(place), cells, road))
        self.x, self.col_block, self.col_place, self.col_cells, self.col_road = spec[0]
        self.y, self.row_block, self.row_place, self.row_cells, self.row_road = spec[1]
        self.cx, self.cy = (self.x[1:] + self.x[:-1]) / 2, (self.y[1:] + self.y[:-1]) / 2
        self.width, self.height = self.x[-1], self.y[-1]
        self.block_x = np.array([self.cx[self.col_block == b].mean() for b in range(self.nbx)])
        self.block_y = np.array([self.cy[self.row_block == b].mean() for b in range(self.nby)])

    @property
    def blocks(self) -> int:
        return self.nbx * self.nby

    # ---- relief and outline ----------------------------------------------------------------------------------------
    def _relief(self) -> None:
        rng, size = self.rng, min(self.width, self.height)
        self.warps = [
            (Noise(rng, 7600.0), 130.0),
            (Noise(rng, 7600.0), 130.0),
            (Noise(rng, 1200.0), 12.0),
            (Noise(rng, 1200.0), 12.0),
        ]
        self.hills = [(Noise(rng, size * 0.7), 0.13), (Noise(rng, size * 0.25), 0.07), (Noise(rng, 2600.0), 0.03)]
        self.outline = [(Noise(rng, size * 0.5), 0.10), (Noise(rng, size * 0.16), 0.035), (Noise(rng, 1500.0), 0.012)]
        self.tilt = rng.uniform(-0.35, 0.35)

    def elevation(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Height between about 0 and 1 on the grid of (y, x): hills in the north, a plain in the south."""
        u, v = x / self.width, y / self.height
        base = 0.20 + 0.62 * np.add.outer(np.clip(v, 0, 1) ** 1.8, self.tilt * (u - 0.5) * 0.6)
        for noise, amplitude in self.hills:
            base += amplitude * noise.grid(x, y)
        return base

    def _border(self) -> Outline:
        """The cells of the county: one piece, with neither holes nor islands."""
        rows = max(1, self.band_cells // len(self.cx))
        masks = (self._near(self.cx, self.cy[j : j + rows]) for j in range(0, len(self.cy), rows))
        return settle_outline(masks, len(self.cx))

    def _near(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which points of the grid of (y, x) the noise would give to the county: holes and islands included."""
        u, v = 2 * x / self.width - 1, 2 * y / self.height - 1
        r = np.add.outer(np.abs(v) ** 2.6, np.abs(u) ** 2.6) ** (1 / 2.6)
        for noise, amplitude in self.outline:
            r += amplitude * noise.grid(x, y)
        return r < 0.9

    # ---- rivers -----------------------------------------------------------------------------------------------------
    def _rivers(self) -> None:
        """Least-effort paths downhill over a coarse grid: one river through the county, tributaries joining it."""
        n = 110
        gx, gy = np.linspace(0, self.width, n), np.linspace(0, self.height, n)
        height = self.elevation(gx, gy)
        rough = Noise(self.rng, self.width / 7).grid(gx, gy)
        # Climbing costs, valleys attract; the cost field alone decides where water goes.
        effort = np.exp(5.0 * (height - height.min())) * (1 + 0.35 * rough**2)
        mouth = (0, int(np.argmin(effort[0, n // 5 : -n // 5])) + n // 5)
        back = self._downhill(effort, [mouth])
        tops = self.rng.permutation(np.arange(n // 10, n - n // 10, max(n // 12, 1)))[:4]
        sources = [(n - 1, int(tops[0]))] + [(int(n * 0.72), int(t)) for t in tops[1:4]]
        self.rivers: list[tuple[np.ndarray, np.ndarray]] = []
        drained: set[tuple[int, int]] = set()
        for k, cell in enumerate(sources):
            path = [cell]
            while path[-1] != mouth and path[-1] not in drained:
                path.append(back[path[-1]])
            drained.update(path)
            points = np.array([(gx[i], gy[j]) for j, i in path], dtype=float)
            if k == 0:
                points[0, 1], points[-1, 1] = self.height + 200, -200.0
            if len(points) < 4:
                continue
            points[1:-1] += self.rng.normal(0, self.width / n * 0.35, points[1:-1].shape)
            line = _chaikin(points)
            grow = np.linspace(0, 1, len(line) - 1)
            half = (17 + 26 * grow) if k == 0 else (11.5 + 9 * grow)
            self.rivers.append((line, half))
        main = self.rivers[0][0]
        upper = main[int(len(main) * 0.22)]
        self.reservoir = (upper[0], upper[1], self.rng.uniform(330, 420) * min(1.0 + self.width / 90000, 2.5))
        tilt = self.rng.uniform(0.25, 0.45)
        a = np.array([-300.0, self.height * (0.5 - tilt)])
        b = np.array([self.width + 300, self.height * (0.5 + tilt / 2)])
        t = np.linspace(0, 1, 60)[:, None]
        bend = np.c_[np.zeros(60), np.sin(t[:, 0] * 5.0) * self.height * 0.03]
        self.railway = a * (1 - t) + b * t + bend

    @staticmethod
    def _downhill(effort: np.ndarray, ends: list[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
        cost = dict.fromkeys(ends, 0.0)
        back: dict[tuple[int, int], tuple[int, int]] = {}
        queue = [(0.0, e) for e in ends]
        h, w = effort.shape
        while queue:
            c, (j, i) = heapq.heappop(queue)
            if c > cost[j, i]:
                continue
            for dj, di in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
                jj, ii = j + dj, i + di
                if 0 <= jj < h and 0 <= ii < w:
                    new = c + (effort[j, i] + effort[jj, ii]) * (1.0 if dj == 0 or di == 0 else 1.414)
                    if new < cost.get((jj, ii), np.inf):
                        cost[jj, ii] = new
                        back[jj, ii] = (j, i)
                        heapq.heappush(queue, (new, (jj, ii)))
        return back

    # ---- settlements and divisions ---------------------------------------------------------------------------------
    def _settlements(self) -> None:
        rng = self.rng
        bx, by = np.meshgrid(self.block_x, self.block_y)
        bx, by = bx.ravel(), by.ravel()
        inside = self.border.at(
            np.searchsorted(self.y, self.block_y) - 1, np.searchsorted(self.x, self.block_x) - 1
        ).ravel()
        high = self.elevation(self.block_x, self.block_y).ravel()
        # The county town: low ground near the crossing of the trunk roads.
        town_x = self.x[np.searchsorted(self.col_block, self.nbx // 2)] + 500
        town_y = self.y[np.searchsorted(self.row_block, self.nby // 2)] + 400
        self.town = (town_x, town_y)
        town_blocks = max(12.0, 0.016 * inside.sum())
        self.town_radius = float(
            np.sqrt(town_blocks * np.mean(np.diff(self.block_x)) * np.mean(np.diff(self.block_y)) / np.pi)
        )
        d_town = np.hypot(bx - town_x, by - town_y) * (1 + 0.12 * Noise(rng, 1800.0).at(bx, by))
        # Villages on a jittered lattice of blocks.
        per = max(18.0, inside.sum() / 2200)
        step = np.sqrt(per)
        seeds = []
        for v in np.arange(step / 2, self.nby, step):
            for u in np.arange(step / 2, self.nbx, step):
                i = int(np.clip(u + rng.uniform(-0.3, 0.3) * step, 0, self.nbx - 1))
                j = int(np.clip(v + rng.uniform(-0.3, 0.3) * step, 0, self.nby - 1))
                if inside[j * self.nbx + i]:
                    seeds.append(j * self.nbx + i)
        seeds_a = np.array(sorted(set(seeds)))
        sx, sy = bx[seeds_a], by[seeds_a]
        village = np.empty(self.blocks, dtype=np.int32)
        for chunk in np.array_split(np.arange(self.blocks), max(1, self.blocks * len(seeds_a) // 20_000_000)):
            village[chunk] = np.argmin((bx[chunk, None] - sx) ** 2 + (by[chunk, None] - sy) ** 2, axis=1)
        self.village_seed = seeds_a
        self.village_radius = rng.uniform(95, 190, len(seeds_a)) * np.where(high[seeds_a] > 0.62, 0.6, 1.0)
        # Twelve townships: farthest-point seeds, the first being the county town.
        first = int(np.argmin((sx - town_x) ** 2 + (sy - town_y) ** 2))
        chosen = [first]
        gap = np.hypot(sx - sx[first], sy - sy[first])
        while len(chosen) < min(12, len(seeds_a)):
            chosen.append(int(np.argmax(gap)))
            gap = np.minimum(gap, np.hypot(sx - sx[chosen[-1]], sy - sy[chosen[-1]]))
        self.village_township = np.argmin(
            (sx[:, None] - sx[chosen]) ** 2 + (sy[:, None] - sy[chosen]) ** 2, axis=1
        ).astype(np.int32)
        self.township_seat = np.array(chosen)
        self.village_radius[self.township_seat] = rng.uniform(230, 320, len(chosen))
        town = d_town < self.town_radius
        settled = np.zeros(self.blocks, dtype=bool)
        reach = self.village_radius[village] + 190
        settled |= np.hypot(bx - sx[village], by - sy[village]) < reach
        self.land = Land(bx, by, high, village, inside, town & inside, settled)
        self.d_town = d_town

    # ---- how blocks fall into fields -------------------------------------------------------------------------------
    def _fields(self) -> None:
        """Per block: strips and parts, the crop, roads at its edges. Arrays over blocks."""
        rng, n, land = self.rng, self.blocks, self.land
        hill = np.clip((land.elevation - 0.45) / 0.3, 0, 1)
        self.turn = rng.random(n) < 0.5
        self.strips = np.where(hill > 0.75, rng.integers(1, 3, n), rng.integers(2, 5, n)).astype(np.int8)
        self.parts = np.where(hill[:, None] > 0.75, rng.integers(1, 4, (n, 5)), rng.integers(2, 5, (n, 5))).astype(
            np.int8
        )
        self.slant = rng.normal(0, 0.10, n)
        self.shift = rng.uniform(-0.12, 0.12, (n, 5))
        self.crop = rng.random((n, 5, 6))
        town_like = land.town | (self.d_town < self.town_radius * 1.05)
        keep = 0.86 - 0.75 * hill
        self.road_west = (rng.random(n) < keep) | town_like
        self.road_south = (rng.random(n) < keep) | town_like
        self.pond = (rng.random(n) < 0.09) & (land.elevation < 0.62) & ~land.town & ~land.settled
        # Half of the ponds lie inside one large field, whose ring then has a hole.
        middle = rng.random(n) < 0.5
        self.pond_at = np.where(rng.random((n, 2)) < 0.5, -1, 1) * rng.uniform(0.2, 0.26, (n, 2))
        self.pond_half = np.where(middle, rng.uniform(24, 32, n), rng.uniform(34, 52, n))
        inner = self.pond & middle
        self.strips[inner] = 2
        self.parts[inner] = 2
        self.slant[inner] = 0.0
        self.shift[inner] = 0.0
        self.waste = (rng.random(n) < 0.03 + 0.22 * hill) & ~land.town & ~land.settled

    # ---- bands ------------------------------------------------------------------------------------------------------
    @cached_property
    def bands(self) -> list[tuple[int, int]]:
        """Block rows ``[first, last)`` of each band, about ``band_cells`` cells in a band."""
        rows = self.row_cells + 1
        per = max(1, int(self.band_cells / (len(self.cx) * rows.mean())))
        count = max(1, round(self.nby / per))
        edges = np.linspace(0, self.nby, count + 1).astype(int)
        return [(int(a), int(b)) for a, b in pairwise(edges)]
