"""Layers around the patches that only a whole delivery has: slopes, protected blocks and zones, the neighbour's border.

They are cut from the corners of the patches like all layers of the sample, and written when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jintu.kernel.labels import components

from .codes import CODES
from .layers import RIDGE_RATIOS, Patches, Villages, polygons, slope_class
from .names import COUNTY, NEIGHBOUR, TOWNSHIPS

if TYPE_CHECKING:
    from .sites import Surface

__all__ = ["NEIGHBOURS", "block_columns", "patches_beyond", "protection_columns", "slope_columns"]

REACH = 2
"""Cells beyond the border that the neighbour's patches are drawn on."""
CONTINUING = np.isin(CODES, ["101", "102", "104", "107", "111", "117"])
"""Railways, roads, rivers and ditches: they go on beyond a border (Q4113)."""
NEIGHBOURS = Villages(np.array([f"{NEIGHBOUR}101201"]), np.array(["邻界村"]), np.array(["101"]))


def slope_columns(surface: Surface, first_bsm: int) -> tuple[dict[str, Any], np.ndarray]:
    """The columns of PDT: one row for each piece of a slope class."""
    band = surface.band
    slope = slope_class(band, band.by_field()[0])
    label, first = components(np.where(band.key >= 0, slope.astype(np.int64), np.int64(-1)))
    shapes, area = polygons(band, label, len(first))
    own = slope.ravel()[first]
    return {
        "BSM": _serial(first_bsm, len(first)),
        "YSDM": np.full(len(first), "1000780000"),
        "PDJB": own.astype(str),
        "TKKCXS": RIDGE_RATIOS[own - 1],
        "MJ": np.round(area, 2),
    }, shapes


def block_columns(surface: Surface, villages: Villages, first_bsm: int) -> tuple[dict[str, Any], np.ndarray]:
    """The columns of JBNTBHPK: pieces of basic farmland that hang together within a village."""
    band = surface.band
    label, first = components(np.where(surface.protected, band.village.astype(np.int64), np.int64(-1)))
    shapes, area = polygons(band, label, len(first))
    serial = _serial(first_bsm, len(first))
    number = np.char.zfill((serial % 10_000).astype(str), 4)
    return {
        "BSM": serial,
        "YSDM": np.full(len(first), "2005010300"),
        "BHPKBH": np.char.add(villages.code[band.village.ravel()[first]], number),
        "PKMJ": np.round(area, 2),
        "JBNTMJ": np.round(area, 2),
    }, shapes


def protection_columns(surface: Surface, first_bsm: int) -> tuple[dict[str, Any], np.ndarray]:
    """The columns of JBNTBHQ: pieces of the plan's protection zone within a township."""
    band = surface.band
    township = band.county.village_township[band.village].astype(np.int64)
    label, first = components(np.where((surface.zone == 10) & (band.key >= 0), township, np.int64(-1)))
    shapes, area = polygons(band, label, len(first))
    code = np.array([suffix for suffix, _ in TOWNSHIPS])[township.ravel()[first]]
    name = np.array([name for _, name in TOWNSHIPS])[township.ravel()[first]]
    serial = _serial(first_bsm, len(first))
    number = np.char.zfill((serial % 10_000).astype(str), 4)
    return {
        "BSM": serial,
        "YSDM": np.full(len(first), "2005010100"),
        "BHQBH": np.char.add(np.char.add(COUNTY, code), number),
        "XZQDM": np.char.add(COUNTY, code),
        "XZQMC": name,
        "JBNTMJ": np.round(area, 2),
    }, shapes


def patches_beyond(surface: Surface, p: Patches, first_bsm: int) -> Patches:
    """What the neighbouring county has along the border: the patches that end there go on for some cells."""
    band = surface.band
    grown = _grown(p.label, CONTINUING[p.use], REACH)
    _past_corners(grown, p.label, p.use)
    grown[band.key >= 0] = -1
    label, first = components(grown)
    shapes, area = polygons(band, label, len(first))
    of, n = grown.ravel()[first], len(first)
    return Patches(
        label=label,
        first=first,
        use=p.use[of],
        village=np.zeros(n, dtype=np.int64),
        size=np.bincount(label[label >= 0], minlength=n),
        shapes=shapes,
        area=area,
        cents=np.rint(area * 100).astype(np.int64),
        bsm=_serial(first_bsm, n),
        doc_no=[""] * n,
        changed_on=[""] * n,
        key=of,
    )


def _grown(label: np.ndarray, first: np.ndarray, cells: int) -> np.ndarray:
    """Labels spread over so many cells around them, those of ``first`` before the others: a road that meets the border
    goes on though a field beside it might."""
    out = label.astype(np.int64)
    for _ in range(cells):
        for chosen in (first, ~first):
            free = out < 0
            source = np.where((out >= 0) & chosen[np.maximum(out, 0)], out, np.int64(-1))
            for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
                there = np.roll(source, step, axis)
                edge = (slice(None),) * axis + (0 if step > 0 else -1,)
                there[edge] = -1
                take = free & (there >= 0) & (out < 0)
                out[take] = there[take]
    return out


def _past_corners(grown: np.ndarray, label: np.ndarray, use: np.ndarray) -> None:
    """Of two ways that end at one cell of the neighbour only one has it; the other goes on past a corner of the cell,
    or has it and leaves the corner to the first."""
    ends, cells = _ends(label, CONTINUING[use])
    ways = label[tuple(ends.T)]
    go_on = use[grown[tuple(cells.T)]] == use[ways]
    for way in np.setdiff1d(ways, ways[go_on]):
        for end, cell in zip(ends[ways == way], cells[ways == way], strict=True):
            holder = grown[tuple(cell)]
            others = ends[(cells == cell).all(axis=1) & (ways == holder)]
            for whose, own in ((way, end), *((holder, other) for other in others)):
                free = [c for c in _corners(own, cell, label) if grown[c] == holder or not CONTINUING[use[grown[c]]]]
                if free:
                    grown[tuple(cell)] = holder if whose == way else way
                    grown[free[0]] = whose
                    break


def _ends(label: np.ndarray, continuing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells of ways at the border and the neighbour's cells beside them: places (n, 2) of both."""
    inside = np.argwhere((label >= 0) & continuing[np.maximum(label, 0)])
    ends, cells = [], []
    for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        there = inside + step
        drawn = ((there >= 0) & (there < label.shape)).all(axis=1)
        there, own = there[drawn], inside[drawn]
        free = label[tuple(there.T)] < 0
        ends.append(own[free])
        cells.append(there[free])
    return np.concatenate(ends), np.concatenate(cells)


def _corners(end: np.ndarray, cell: np.ndarray, label: np.ndarray) -> list[tuple[int, int]]:
    """Cells of the neighbour beside its cell at an end that touch the end in a corner."""
    aside = (cell - end)[::-1]
    places = [tuple(int(v) for v in cell + aside), tuple(int(v) for v in cell - aside)]
    return [(j, i) for j, i in places if 0 <= j < label.shape[0] and 0 <= i < label.shape[1] and label[j, i] < 0]


def _serial(first: int, count: int) -> np.ndarray:
    return first + np.arange(count, dtype=np.int64)
