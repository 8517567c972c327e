"""Some block rows of the county, drawn: which cells belong together and what they are used for, then their corners.

Bands keep memory bounded however large the county is. The grid's corners are moved twice: within their own boxes to
straighten stair-cased borders (`labels.smooth`), then by one smooth field for the whole county, which bends straight
lines into a landscape.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from jintu.kernel.labels import components, dissolve_crumbs, smooth

from . import geodesy
from .codes import CODES, LAND_USE_INDEX
from .county import County, Noise

__all__ = ["Band"]

# Special keys, above any field key (block × 1024 + part).
_RIVER, _RESERVOIR, _RAIL, _TRUNK_KEY, _ROAD_H, _ROAD_V, _DAM = (np.int64(1 + k) << np.int64(44) for k in range(7))
_VILLAGE_SHIFT = np.int64(1) << np.int64(28)
_TOWN, _POND, _HOMESTEAD = 512, 600, 640
"""Parts of a block (see field keys) from which on they are quarters of the town, the pond, and homestead rows."""


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


class Band:
    """Cells of some block rows: ``key`` (what belongs together) and ``use`` (index into `CODES`), later corners.

    All arrays are ``(rows, columns)`` with row 0 in the south; corners have one more of each.
    """

    def __init__(self, county: County, number: int) -> None:
        self.county, self.number = county, number
        first, last = county.bands[number]
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
