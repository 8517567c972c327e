"""Layers of the sample county as files: columns under their standard codes, in the delivered CRS of the county.

DLTB, XZQ, JBNTTB, TDYTQ and JSYDGZQ are all cut from the same corners, so that they fit one another exactly.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from jintu.kernel.labels import components, outlines

from . import geodesy
from .codes import CODES, CULTIVATED, LAND_USE, LAND_USE_INDEX
from .names import COUNTY

if TYPE_CHECKING:
    import pyarrow as pa

    from .band import Band
    from .sites import Surface

__all__ = ["RIDGE_RATIOS", "LayerFile", "LayerWriter", "Villages", "patches", "polygons", "slope_class"]

_SITE = np.int64(1) << np.int64(40)


@dataclass
class Villages:
    """Codes and names of villages, by village number."""

    code: np.ndarray
    name: np.ndarray
    township: np.ndarray


def polygons(band: Band, label: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Polygons (plane) and ellipsoidal areas (m²) of components ``0 … count - 1`` of a label grid."""
    flat, ends, rings = outlines(label, count)
    xy = np.column_stack((band.px.ravel()[flat], band.py.ravel()[flat]))
    shapes = shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy, (ends, rings))
    signed = geodesy.ring_areas(band.lon.ravel()[flat], band.lat.ravel()[flat], ends[:-1])
    area = np.bincount(np.repeat(np.arange(count), np.diff(rings)), weights=signed, minlength=count)
    return shapes, area


@dataclass
class LayerFile:
    """Where a layer version goes."""

    schema: str
    name: str
    valid_on: date
    path: Path
    driver: str = "GPKG"
    layer: str = ""
    encoding: str = ""


class LayerWriter:
    """Appends bands of rows to one file."""

    def __init__(self, target: LayerFile) -> None:
        self.target = target
        self.rows = 0
        self.digest = hashlib.sha256()

    def write(self, columns: dict[str, Any], shapes: np.ndarray) -> None:
        """Append rows; ``columns`` are arrays of one length, ``shapes`` plane polygons."""
        import pyarrow as pa
        import pyogrio

        if not len(shapes):
            return
        # GeoPackage notes when its contents changed last; a fixed day keeps the same sample the same bytes.
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{self.target.valid_on}T00:00:00.000Z"})
        arrays = {k: pa.array(v) for k, v in columns.items()}
        arrays["geom"] = pa.array(shapely.to_wkb(shapes))
        table: pa.Table = pa.table(arrays)
        options: dict[str, Any] = {}
        if self.target.driver == "GPKG":
            options["layer"] = self.target.layer or self.target.name
            if self.rows == 0:
                options["layer_options"] = {"SPATIAL_INDEX": "NO", "GEOMETRY_NAME": "geom"}
        else:
            options["encoding"] = self.target.encoding or "UTF-8"
        pyogrio.write_arrow(
            table,
            self.target.path,
            driver=self.target.driver,
            geometry_name="geom",
            geometry_type="Polygon",
            crs=geodesy.CRS,
            append=self.rows > 0,
            **options,
        )
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
        self.rows += len(shapes)
        for column in ("geom", *columns):
            for chunk in table.column(column).chunks:
                self.digest.update(b"".join(bytes(b) for b in chunk.buffers() if b is not None))

    def close(self) -> None:
        """A shapefile in GBK is delivered as such files usually are: without a .cpg."""
        if self.target.encoding and self.target.encoding.upper() != "UTF-8":
            self.target.path.with_suffix(".cpg").unlink(missing_ok=True)


@dataclass
class Patches:
    """The land-use patches of a band on a date."""

    label: np.ndarray
    first: np.ndarray
    use: np.ndarray
    village: np.ndarray
    size: np.ndarray
    shapes: np.ndarray
    area: np.ndarray
    """Ellipsoidal areas, m²."""
    cents: np.ndarray
    """Areas as delivered, hundredths of m²: those of a village's piece sum to its control area, whatever the year."""
    bsm: np.ndarray
    doc_no: list[str]
    changed_on: list[str]
    key: np.ndarray


def village_pieces(band: Band) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Connected pieces of villages: label grid, first cells, and control areas in hundredths of m², rounded once."""
    label, first = components(np.where(band.key >= 0, band.village.astype(np.int64), np.int64(-1)))
    inside = label >= 0
    area = np.bincount(label[inside], weights=band.area[inside], minlength=len(first))
    return label, first, np.rint(area * 100).astype(np.int64)


def _closed(area: np.ndarray, piece: np.ndarray, control: np.ndarray) -> np.ndarray:
    """Areas (m²) in hundredths that sum to each piece's control: the largest remainders are rounded up."""
    whole = np.floor(area * 100)
    order = np.lexsort((whole - area * 100, piece))
    cents = whole.astype(np.int64)
    left = control - np.bincount(piece, weights=whole, minlength=len(control)).astype(np.int64)
    each, rest = np.divmod(left, np.maximum(np.bincount(piece, minlength=len(control)), 1))
    cents += each[piece]
    of = piece[order]
    cents[order[np.arange(len(of)) - np.searchsorted(of, of) < rest[of]]] += 1
    return cents


def _cents(band: Band, before: Patches | None, area: np.ndarray, bsm: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Delivered areas: what stayed keeps its own, new patches (``bsm`` 0) share what the control area leaves."""
    pieces, _first, control = village_pieces(band)
    piece = pieces.ravel()[first]
    cents = np.zeros(len(area), dtype=np.int64)
    new = bsm == 0
    if before is not None:
        order = np.argsort(before.bsm)
        cents[~new] = before.cents[order[np.searchsorted(before.bsm, bsm[~new], sorter=order)]]
    taken = np.zeros(len(control), dtype=np.int64)
    np.add.at(taken, piece, cents)
    cents[new] = _closed(area[new], piece[new], control - taken)
    return cents


def patches(surface: Surface, when: date, before: Patches | None, next_bsm: int) -> Patches:
    """Patches on a date. A patch that is the same cells as before keeps its number; ``next_bsm`` numbers the others."""
    band = surface.band
    key, use = band.key.copy(), band.use.copy()
    marks: dict[int, tuple[str, date]] = {}
    for since, part, code, group, doc_no in sorted(surface.changes, key=lambda c: c[0]):
        if since > when:
            continue
        key[part.cells] = _SITE + group
        use[part.cells] = code
        marks[group] = (doc_no, since)
    label, first = components(key)
    n = len(first)
    inside = label >= 0
    size = np.bincount(label[inside], minlength=n)
    patch_key, patch_use = key.ravel()[first], use.ravel()[first]
    shapes, area = polygons(band, label, n)
    bsm = np.zeros(n, dtype=np.int64)
    if before is not None:
        identity = zip(before.first.tolist(), before.size.tolist(), before.key.tolist(), strict=True)
        old = dict(zip(identity, before.bsm.tolist(), strict=True))
        identity = zip(first.tolist(), size.tolist(), patch_key.tolist(), strict=True)
        bsm[:] = [old.get(t, 0) for t in identity]
    new = bsm == 0
    cents = _cents(band, before, area, bsm, first)
    bsm[new] = next_bsm + np.arange(new.sum())
    groups = np.where((patch_key >= _SITE) & (patch_key < (np.int64(1) << np.int64(44))), patch_key - _SITE, -1)
    doc_nos, changed_on = [""] * n, [""] * n
    for k in np.flatnonzero(groups >= 0).tolist():
        doc, day = marks[int(groups[k])]
        doc_nos[k], changed_on[k] = doc, f"{day:%Y%m%d}"
    return Patches(
        label,
        first,
        patch_use,
        band.village.ravel()[first],
        size,
        shapes,
        area,
        cents,
        bsm,
        doc_nos,
        changed_on,
        patch_key,
    )


RIDGE_RATIOS = np.array([0.0, 0.06, 0.11, 0.16, 0.2])
"""Share of field ridges in each slope class."""


def slope_class(band: Band, block: np.ndarray) -> np.ndarray:
    """1 to 5 for each of some blocks, by their height."""
    return np.digitize(band.county.land.elevation[block], (0.44, 0.56, 0.66, 0.74)) + 1


_STATE = np.isin(CODES, ["101", "102", "111", "113", "118", "116"])


def land_use_columns(
    surface: Surface, p: Patches, villages: Villages, order: np.ndarray, numbered: np.ndarray
) -> dict[str, Any]:
    """The columns of DLTB (TD/T 1016-2007 with the 2009 update standard), rows in ``order``; ``numbered`` as for
    `_running`."""
    cultivated = CULTIVATED[p.use]
    slope = slope_class(surface.band, surface.band.by_field()[0].ravel()[p.first])
    ratio = np.where(cultivated, RIDGE_RATIOS[slope - 1], 0.0)
    terrace = np.where(slope == 2, "P", "T")
    area = p.cents / 100
    ridge = np.round(area * ratio, 2)
    sloped = cultivated & (slope >= 2)
    names = np.array(list(LAND_USE.values()))
    town = surface.band.county.land.town[surface.band.block.ravel()[p.first]]
    state = _STATE[p.use] | (town & ~cultivated)
    village = villages.code[p.village]
    owner = np.char.add(village, "0000000")
    patch_no = _running(p.village, numbered)
    n = len(area)
    columns = {
        "BSM": p.bsm,
        "YSDM": np.full(n, "2001010100"),
        "TBYBH": np.full(n, ""),
        "TBBH": patch_no,
        "DLBM": CODES[p.use],
        "DLMC": names[p.use],
        "QSXZ": np.where(state, "20", "30"),
        "QSDWDM": np.where(state, COUNTY + "0" * 13, owner),
        "QSDWMC": np.where(state, "示例县人民政府", villages.name[p.village]),
        "ZLDWDM": owner,
        "ZLDWMC": villages.name[p.village],
        "GDLX": np.where(sloped, terrace, ""),
        "KCLX": np.where(sloped, "TK", ""),
        "GDPDJ": np.where(cultivated, slope.astype(str), ""),
        "KCDLBM": np.where(sloped, "123", ""),
        "TKXS": np.where(sloped, ratio, 0.0),
        "TBMJ": area,
        "XZDWMJ": np.zeros(n),
        "LXDWMJ": np.zeros(n),
        "TKMJ": np.where(sloped, ridge, 0.0),
        "TBDLMJ": np.round(area - np.where(sloped, ridge, 0.0), 2),
        "PZWH": np.array(p.doc_no, dtype=str) if n else np.zeros(0, dtype=str),
        "BGJLH": np.where(np.array(p.changed_on, dtype=str) != "", np.char.add("BG", p.bsm.astype(str)), ""),
        "BGRQ": np.array(p.changed_on, dtype=str),
    }
    return {k: v[order] for k, v in columns.items()}


def _running(village: np.ndarray, numbered: np.ndarray) -> np.ndarray:
    """Patch numbers running within each village, as text. ``numbered``: how many patches each village has in the bands
    before; those of this one are added to it."""
    order = np.argsort(village, kind="stable")
    ordered = village[order]
    begin = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1]
    run = np.arange(len(ordered)) - np.repeat(begin, np.diff(np.r_[begin, len(ordered)]))
    number = np.empty(len(village), dtype=np.int64)
    number[order] = run + 1 + numbered[ordered]
    numbered += np.bincount(village, minlength=len(numbered))
    return number.astype(str)


def village_columns(band: Band, villages: Villages, first_bsm: int) -> tuple[dict[str, Any], np.ndarray]:
    """The columns of XZQ at village level; control area is the sum of the patches, to the cent."""
    label, first, control = village_pieces(band)
    shapes, area = polygons(band, label, len(first))
    village = band.village.ravel()[first]
    largest = np.zeros(len(first), dtype=bool)
    order = np.lexsort((area, village))
    largest[order[np.r_[np.flatnonzero(np.diff(village[order])), len(order) - 1]]] = True
    n = len(first)
    columns = {
        "BSM": first_bsm + np.arange(n, dtype=np.int64),
        "YSDM": np.full(n, "1000600100"),
        "XZQDM": villages.code[village],
        "XZQMC": villages.name[village],
        "KZMJ": control / 100,
        "JSMJ": np.round(area, 2),
        "MSSM": np.where(largest, "00", "01"),
    }
    return columns, shapes


def farmland_columns(
    surface: Surface, p: Patches, villages: Villages, protectors: np.ndarray, first_bsm: int, numbered: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """The columns of JBNTTB: basic farmland is the part of cultivated patches inside the protection zone. ``numbered``
    as for `_running`."""
    band = surface.band
    base = band.key.copy()
    base[~surface.protected] = -1
    label, first = components(base)
    shapes, area = polygons(band, label, len(first))
    patch = p.label.ravel()[first]
    village = band.village.ravel()[first]
    owner = np.char.add(villages.code[village], "0000000")
    slope = slope_class(band, band.by_field()[0].ravel()[first])
    ratio = RIDGE_RATIOS[slope - 1]
    area = np.round(area, 2)
    ridge = np.round(area * ratio, 2)
    n = len(first)
    serial = first_bsm + np.arange(n, dtype=np.int64)
    columns = {
        "BSM": serial,
        "YSDM": np.full(n, "2005010500"),
        "JBNTTBBH": np.char.add(villages.code[village], np.char.zfill((serial % 1_000_000).astype(str), 6)),
        "TBBH": _running(village, numbered),
        "DLBM": CODES[p.use[patch]],
        "QSXZ": np.full(n, "30"),
        "QSDWDM": owner,
        "ZLDWDM": owner,
        "GDPDJ": slope.astype(str),
        "GDLX": np.where(slope >= 2, np.where(slope == 2, "P", "T"), ""),
        "TBMJ": area,
        "XZDWMJ": np.zeros(n),
        "LXDWMJ": np.zeros(n),
        "TKXS": ratio,
        "TKMJ": ridge,
        "TBDLMJ": np.round(area - ridge, 2),
        "JBNTMJ": np.round(area - ridge, 2),
        "BHZRR": protectors[village],
    }
    return columns, shapes


def zone_columns(
    surface: Surface, mask: np.ndarray, table: dict[str, str], kind: str, first_bsm: int
) -> tuple[dict[str, Any], np.ndarray]:
    """Columns of a plan layer: ``kind`` TDYTQ (land-use zones) or JSYDGZQ (control zones), one row per zone piece."""
    band = surface.band
    township = band.county.village_township[band.village].astype(np.int64)
    key = np.where(band.key >= 0, township * 1000 + mask, np.int64(-1))
    label, first = components(key)
    shapes, area = polygons(band, label, len(first))
    code = np.char.zfill(mask.ravel()[first].astype(str), 3)
    suffix = np.array([surface.suffix[v] for v in band.village.ravel()[first].tolist()])
    n = len(first)
    serial = first_bsm + np.arange(n, dtype=np.int64)
    division = np.char.add(COUNTY, suffix)
    note = np.array([table[c] for c in code.tolist()])
    if kind == "TDYTQ":
        return {
            "BSM": serial,
            "YSDM": np.full(n, "2003020110"),
            "XZQDM": division,
            "TDYTQBH": np.char.zfill(serial.astype(str), 8),
            "TDYTQLXDM": code,
            "MJ": np.round(area, 2),
            "SM": note,
        }, shapes
    return {
        "BSM": serial,
        "YSDM": np.full(n, "2003020210"),
        "XZQDM": division,
        "GZQLXDM": code,
        "GZQMJ": np.round(area, 2),
        "SM": note,
    }, shapes


def spread_plan(surface: Surface, developed: np.ndarray, industrial: np.ndarray, spared: np.ndarray) -> None:
    """Fill the plan's zones and the protected farmland of a band, consistent with what is on the ground.

    Masks over all blocks: ``developed`` ones are inside the permitted zone; basic farmland lies on cultivated plain
    away from them and from ``spared`` ones (where land is to be reclaimed or used for a time).
    """
    band = surface.band
    land = band.county.land
    block, built = band.by_field()
    use = band.use
    zone = np.full(block.shape, 20, dtype=np.int16)
    high = land.elevation[block]
    zone[high >= 0.66] = 90
    near = land.settled[block] | built
    zone[near] = 40
    zone[land.town[block]] = 30
    zone[developed[block]] = 30
    zone[industrial[block]] = 50
    plain = (high < 0.62) & ~near & ~developed[block] & ~spared[block] & ~land.town[block]
    zone[plain] = 10
    ring = _grown(developed | land.town, band.county.nbx)
    wet = np.isin(use, [LAND_USE_INDEX[c] for c in ("111", "113", "118")])
    zone[wet] = 70
    control = np.full(block.shape, 30, dtype=np.int16)
    control[ring[block] & (zone != 10)] = 20
    control[land.settled[block] | built | land.town[block] | developed[block]] = 10
    control[(high >= 0.8) | wet] = 40
    # Basic farmland: whole fields only, none in blocks that stories use.
    surface.zone, surface.control = zone, control
    surface.protected = (zone == 10) & CULTIVATED[use] & (band.key >= 0) & (band.key < (np.int64(1) << np.int64(40)))
    for layer, part, value in surface.overrides:
        getattr(surface, layer)[part.cells] = value


def _grown(mask: np.ndarray, nbx: int) -> np.ndarray:
    grid = mask.reshape(-1, nbx)
    out = grid.copy()
    out[1:] |= grid[:-1]
    out[:-1] |= grid[1:]
    out[:, 1:] |= grid[:, :-1]
    out[:, :-1] |= grid[:, 1:]
    return out.ravel()
