"""The county as a grid: its lines, relief, water, roads, settlements and fields, before anything becomes a polygon.

Everything is drawn on one grid whose lines are roads (narrow columns) and field columns (wide ones), in bands of block
rows so that memory stays bounded however large the county is. The grid's corners are then moved: first within their own
boxes to straighten stair-cased borders (`trace.smooth`), then by one smooth field for the whole county, which bends
straight lines into a landscape. All of it depends on (patches, seed) only.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numba import njit

from jintu.kernel.labels import components, dissolve_crumbs, smooth

from . import geodesy
from .codes import CODES, LAND_USE_INDEX
from .outline import Outline, settle_outline

__all__ = ["Band", "County", "Land"]


def patches_per_block(patches: int) -> float:
    """Patches a block and its roads fall into, measured over sizes; only how near ``patches`` is met hangs on it."""
    return 10.8 - 0.85 * float(np.log10(patches / 15_000))


RURAL, COUNTY_ROAD, TRUNK = 0, 1, 2
_ROAD_WIDTH = np.array([6.5, 15.0, 28.0])

# Special keys, above any field key (block × 1024 + part).
_RIVER, _RESERVOIR, _RAIL, _TRUNK_KEY, _ROAD_H, _ROAD_V, _DAM = (np.int64(1 + k) << np.int64(44) for k in range(7))
_VILLAGE_SHIFT = np.int64(1) << np.int64(28)
_TOWN, _POND, _HOMESTEAD = 512, 600, 640
"""Parts of a block (see field keys) from which on they are quarters of the town, the pond, and homestead rows."""


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


@njit(cache=True)
def _stroke(mask: np.ndarray, x: np.ndarray, y: np.ndarray, line: np.ndarray, half: np.ndarray) -> None:
    """Set cells of ``mask`` whose centre (x, y) lies within ``half`` (per segment) of a polyline (n × 2)."""
    for s in range(len(line) - 1):
        ax, ay, bx, by, r = line[s, 0], line[s, 1], line[s + 1, 0], line[s + 1, 1], half[s]
        i0 = np.searchsorted(x, min(ax, bx) - r)
        i1 = np.searchsorted(x, max(ax, bx) + r)
        j0 = np.searchsorted(y, min(ay, by) - r)
        j1 = np.searchsorted(y, max(ay, by) + r)
        length2 = (bx - ax) ** 2 + (by - ay) ** 2
        for j in range(j0, j1):
            for i in range(i0, i1):
                t = 0.0
                if length2 > 0:
                    t = min(1.0, max(0.0, ((x[i] - ax) * (bx - ax) + (y[j] - ay) * (by - ay)) / length2))
                ex, ey = ax + t * (bx - ax) - x[i], ay + t * (by - ay) - y[j]
                if ex * ex + ey * ey <= r * r:
                    mask[j, i] = True


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
            road[np.arange(4, count, 9)] = COUNTY_ROAD
            road[count // 2] = TRUNK
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

    def band(self, number: int) -> Band:
        """Draw one band; the same whenever it is asked for."""
        first, last = self.bands[number]
        return Band(self, number, first, last)

    def __iter__(self) -> Iterator[Band]:
        return (self.band(k) for k in range(len(self.bands)))


class Band:
    """Cells of some block rows: ``key`` (what belongs together) and ``use`` (index into `CODES`), later corners.

    All arrays are ``(rows, columns)`` with row 0 in the south; corners have one more of each.
    """

    def __init__(self, county: County, number: int, first: int, last: int) -> None:
        self.county, self.number = county, number
        self.j0 = int(np.searchsorted(county.row_block, first))
        self.j1 = int(np.searchsorted(county.row_block, last))
        self.block_rows = (first, last)
        self.x = county.x
        self.y = county.y[self.j0 : self.j1 + 1]
        self.shape = (self.j1 - self.j0, len(county.cx))
        self._draw()

    def _draw(self) -> None:
        c, land = self.county, self.county.land
        rows, cols = slice(self.j0, self.j1), slice(None)
        cy, cx = c.cy[rows], c.cx[cols]
        block = (c.row_block[rows, None] * c.nbx + c.col_block[None, :]).astype(np.int32)
        self.block = block
        self.village = land.village[block]
        pr, pc = c.row_place[rows, None], c.col_place[None, :]
        # Fields: strips across the block, parts along each strip; cuts are slanted so that not all is rectangular.
        fr = (pr / c.row_cells[c.row_block[rows]][:, None]).astype(np.float32)
        fc = (pc / c.col_cells[c.col_block][None, :]).astype(np.float32)
        turn = c.turn[block]
        across, along = np.where(turn, fc, fr), np.where(turn, fr, fc)
        strips = c.strips[block]
        strip = (across + c.slant[block].astype(np.float32) * (along - 0.5)) * strips
        strip = np.clip(strip, 0, strips - 1).astype(np.int8)
        parts = c.parts[block, strip]
        part = np.clip((along + c.shift[block, strip].astype(np.float32)) * parts, 0, parts - 1).astype(np.int8)
        key = block.astype(np.int64) * 1024 + strip.astype(np.int64) * 8 + part
        use = self._crops(block, strip, part, cx, cy)
        centre = np.hypot(
            cx[None, :] - land.x[c.village_seed][self.village], cy[:, None] - land.y[c.village_seed][self.village]
        )
        self._settle(block, centre, key, use, pr, pc)
        self._ponds(block, key, use, cx, cy)
        self._roads(block, key, use, pr, pc)
        self._water(key, use, cx, cy)
        outside = ~c.border.rows(self.j0, self.j1)
        key[outside] = -1
        village_key = np.where(key >= _RIVER, key + self.village.astype(np.int64) * _VILLAGE_SHIFT, key)
        self.key = np.where(outside, np.int64(-1), village_key)
        self.use = use
        self._tidy()

    def _crops(
        self, block: np.ndarray, strip: np.ndarray, part: np.ndarray, cx: np.ndarray, cy: np.ndarray
    ) -> np.ndarray:
        """Class of each cell's field from the block's height and the field's own chance."""
        c = self.county
        ix = LAND_USE_INDEX
        chance = c.crop[:, :, :].astype(np.float32)
        high = c.land.elevation[:, None, None]
        wet = (np.sin(c.land.x / 2900.0) * np.cos(c.land.y / 2300.0))[:, None, None]
        table = np.full(chance.shape, ix["012"], dtype=np.int8)
        lower = high < 0.36
        table[np.broadcast_to(lower & (wet > 0.25), chance.shape) & (chance < 0.75)] = ix["011"]
        dry = np.broadcast_to((high > 0.44) & (high < 0.66), chance.shape)
        table[dry] = ix["013"]
        table[dry & (chance < 0.22)] = ix["021"]
        table[dry & (chance > 0.93)] = ix["033"]
        plain = np.broadcast_to(high <= 0.44, chance.shape)
        table[plain & (chance > 0.965)] = ix["122"]
        table[plain & (chance > 0.93) & (chance < 0.965)] = ix["021"]
        table[plain & (chance > 0.915) & (chance < 0.93)] = ix["033"]
        slope = np.broadcast_to((high >= 0.66) & (high < 0.76), chance.shape)
        table[slope] = ix["031"]
        table[slope & (chance < 0.18)] = ix["013"]
        table[slope & (chance > 0.18) & (chance < 0.36)] = ix["021"]
        table[slope & (chance > 0.36) & (chance < 0.5)] = ix["032"]
        peak = np.broadcast_to(high >= 0.76, chance.shape)
        table[peak] = ix["031"]
        table[peak & (chance < 0.2)] = ix["032"]
        waste = np.broadcast_to(c.waste[:, None, None], chance.shape) & ~peak
        table[waste & (chance < 0.8)] = ix["043"]
        table[waste & (chance < 0.12)] = ix["127"]
        return table[block, strip, part]

    def _settle(
        self, block: np.ndarray, centre: np.ndarray, key: np.ndarray, use: np.ndarray, pr: np.ndarray, pc: np.ndarray
    ) -> None:
        """The county town by street blocks, villages by homestead rows."""
        c, ix = self.county, LAND_USE_INDEX
        rng = np.random.default_rng([c.seed, 7, self.number])
        town = c.land.town[block]
        quarter = ((pr > 5).astype(np.int64) * 2 + (pc > 6)) + np.zeros_like(block)
        mix = np.array(
            [
                ix[k]
                for k in ("071", "071", "071", "071", "053", "051", "052", "083", "081", "084", "087", "061", "085")
            ],
            dtype=np.int8,
        )
        pick = rng.integers(0, len(mix), (c.blocks, 4))
        key[town] = block[town].astype(np.int64) * 1024 + _TOWN + quarter[town]
        use[town] = mix[pick[block[town], quarter[town]]]
        c_radius = c.village_radius[self.village] * (0.85 + 0.3 * c.crop[block, 0, 0])
        built = (centre < c_radius) & ~town
        lot = (pr // 3).astype(np.int64) * 8 + (pc // 3) + np.zeros_like(block)
        mix = np.array([ix[k] for k in ("072",) * 12 + ("083", "086", "053", "121", "081", "063")], dtype=np.int8)
        pick = rng.integers(0, len(mix), (c.blocks, 64))
        key[built] = block[built].astype(np.int64) * 1024 + _HOMESTEAD + lot[built]
        use[built] = mix[pick[block[built], lot[built]]]
        self.built = built | town

    def _ponds(self, block: np.ndarray, key: np.ndarray, use: np.ndarray, cx: np.ndarray, cy: np.ndarray) -> None:
        c = self.county
        mask = c.pond[block]
        if not mask.any():
            return
        x = c.block_x[block % c.nbx] + c.pond_at[block, 0] * 290
        y = c.block_y[block // c.nbx] + c.pond_at[block, 1] * 250
        mask &= np.hypot(cx[None, :] - x, cy[:, None] - y) < c.pond_half[block]
        mask &= ~self.built
        key[mask] = block[mask].astype(np.int64) * 1024 + _POND
        use[mask] = LAND_USE_INDEX["114"]

    def _roads(self, block: np.ndarray, key: np.ndarray, use: np.ndarray, pr: np.ndarray, pc: np.ndarray) -> None:
        """Rural roads along block edges where there is one, streets in town, greater roads throughout."""
        c, ix = self.county, LAND_USE_INDEX
        rows = slice(self.j0, self.j1)
        row_kind = c.row_road[c.row_block[rows]][:, None] + np.zeros_like(block)
        col_kind = c.col_road[c.col_block][None, :] + np.zeros_like(block)
        in_row, in_col = (pr == 0) & np.ones_like(block, bool), (pc == 0) & np.ones_like(block, bool)
        upright = in_col & ~in_row & (c.road_west[block] | (col_kind > 0))
        level = in_row & (c.road_south[block] | (row_kind > 0))
        # A crossing belongs to the greater road, else to the level one.
        corner = in_row & in_col & ((col_kind > row_kind) | (~level & (c.road_west[block] | (col_kind > 0))))
        level &= ~corner
        j = (np.arange(self.j0, self.j1)[:, None] + np.zeros_like(block)).astype(np.int64)
        i = np.arange(len(c.cx))[None, :] + np.zeros_like(block)
        key[level] = _ROAD_H + j[level]
        upright_key = _ROAD_V + i.astype(np.int64)
        # An ordinary upright road ends at each block; a county road runs on.
        upright_key = np.where(
            col_kind == 0, upright_key + (block // c.nbx).astype(np.int64) * 65536 * 4096, upright_key
        )
        upright |= corner
        key[upright] = upright_key[upright]
        kind = np.where(level, row_kind, col_kind)
        road = level | upright
        street = c.land.town[block] & (kind == 0)
        use[road] = np.where(kind[road] > 0, ix["102"], np.where(street[road], ix["103"], ix["104"]))
        self.highway = road & (kind > 0)

    def _water(self, key: np.ndarray, use: np.ndarray, cx: np.ndarray, cy: np.ndarray) -> None:
        c, ix = self.county, LAND_USE_INDEX
        rail = np.zeros(self.shape, dtype=np.bool_)
        _stroke(rail, cx, cy, c.railway, np.full(len(c.railway), 15.0))
        river = np.zeros(self.shape, dtype=np.bool_)
        for line, half in c.rivers:
            _stroke(river, cx, cy, line, half)
        x, y, r = c.reservoir
        lake = np.hypot(cx[None, :] - x, (cy[:, None] - y) * 0.8) < r * (
            1 + 0.14 * Noise(np.random.default_rng(c.seed), 700.0).grid(cx, cy)
        )
        key[river & ~self.highway] = _RIVER
        use[river & ~self.highway] = ix["111"]
        key[lake] = _RESERVOIR
        use[lake] = ix["113"]
        dam = (np.hypot(cx[None, :] - x, (cy[:, None] - (y - r * 1.18)) * 2.4) < r * 0.33) & ~lake & ~river
        key[dam] = _DAM
        use[dam] = ix["118"]
        rail &= ~lake & ~self.highway
        key[rail] = _RAIL
        use[rail] = ix["101"]
        self.wet = river | lake | dam
        self.rail = rail

    def _tidy(self) -> None:
        """Merge crumbs left where rivers and borders cut fields."""
        for _ in range(2):
            label, first = components(self.key)
            size = np.bincount(label[label >= 0], minlength=len(first))
            soft = self.key.ravel()[first] < _RIVER
            if not dissolve_crumbs(self.key, label, size, soft, 4):
                break
        # A merged cell has the class of the component it joined, and is of its village.
        label, first = components(self.key)
        inside = label >= 0
        self.village[inside] = self.village.ravel()[first][label[inside]]
        major = self._majority(label, len(first))
        self.use[inside] = major[label[inside]]

    def by_field(self) -> tuple[np.ndarray, np.ndarray]:
        """Block of each cell, and whether it is built on, as of the field it belongs to: a crumb merged across the edge
        of a block is the field's. What is drawn block by block then runs along patches and not through them."""
        field = (self.key >= 0) & (self.key < _RIVER)
        part = self.key & 1023
        block = np.where(field, self.key >> 10, self.block).astype(np.int32)
        return block, np.where(field, (part >= _TOWN) & (part != _POND), self.built)

    def _majority(self, label: np.ndarray, n: int) -> np.ndarray:
        inside = label >= 0
        pair = label[inside].astype(np.int64) * len(CODES) + self.use[inside]
        if n * len(CODES) <= 40_000_000:
            counts = np.bincount(pair, minlength=n * len(CODES)).reshape(n, len(CODES))
            return counts.argmax(axis=1).astype(np.int8)
        values, counts = np.unique(pair, return_counts=True)
        order = np.lexsort((counts, values // len(CODES)))
        out = np.zeros(n, dtype=np.int8)
        out[values[order] // len(CODES)] = values[order] % len(CODES)
        return out

    # ---- corners ----------------------------------------------------------------------------------------------------
    def place(self, label: np.ndarray, pinned: np.ndarray | None = None) -> None:
        """Fix the corners for good, given the finest division that will be drawn: x, y, lon, lat and cell areas."""
        c = self.county
        fixed = np.zeros((self.shape[0] + 1, self.shape[1] + 1), dtype=np.bool_)
        if pinned is not None:
            fixed |= pinned
        fixed[0] = fixed[-1] = True
        dx, dy = smooth(label, self.x, self.y, fixed, 10, 0.34)
        (wx, ax), (wy, ay), (tx, bx), (ty, by) = c.warps
        px = self.x[None, :] + dx + ax * wx.grid(self.x, self.y) + bx * tx.grid(self.x, self.y)
        py = self.y[:, None] + dy + ay * wy.grid(self.x, self.y) + by * ty.grid(self.x, self.y)
        self.px = np.round(px + geodesy.EAST + 400, 3)
        self.py = np.round(py + geodesy.NORTH + 400, 3)
        lon, lat = geodesy.to_lonlat(self.px.ravel(), self.py.ravel())
        self.lon, self.lat = lon.reshape(self.px.shape), lat.reshape(self.px.shape)
        self.area = geodesy.quad_areas(self.lon, self.lat)
