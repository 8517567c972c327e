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


def _serial(first: int, count: int) -> np.ndarray:
    return first + np.arange(count, dtype=np.int64)
