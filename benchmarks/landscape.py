"""A gap-free layer of land patches and parcels that lie across it: the input of the overlay benchmarks.

The country is a lattice of fields cut by narrow roads and rivers, pushed out of shape by a smooth field so that no
edge runs along an axis. Every vertex is a function of its lattice position alone, so neighbours share their edges to
the last digit. Fields have some 20 vertices, one in thirty holds a pond (a hole, and the pond's own patch), ponds near
one another form multipolygons, and a road or river is one patch many fields long. The same numbers come out on every
machine: randomness is a hash of the position.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np

from jintu.kernel.flat import Polygons
from jintu.kernel.overlay.tree import hilbert_order

__all__ = ["SIZES", "Landscape", "files", "landscape", "parcels", "write"]

SIZES = {"small": (50_000, 1_000), "full": (1_250_000, 20_000)}
"""Scale → patches, parcels (about; full makes 1.3 million patches)."""

FIELD, ROAD, EVERY, LENGTH = 60.0, 9.0, 9, 40
"""Metres across a field and a road; a road every so many fields; fields along one road patch."""
WEST, SOUTH = 118.0, 36.0
DEGREE_NORTH = 110_960.0
DEGREE_EAST = 90_000.0
CLASSES = 24


@dataclass(frozen=True)
class Landscape:
    polygons: Polygons
    classes: np.ndarray
    """int64 (n,), 0 … CLASSES − 1"""


@nb.njit(cache=True)
def _hash(a: int, b: int, c: int) -> float:
    """A number in [0, 1) that depends on three integers."""
    h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= np.uint64(c) * np.uint64(0x165667B19E3779F9)
    for _ in range(2):
        h ^= h >> np.uint64(31)
        h *= np.uint64(0xBF58476D1CE4E5B9)
    return float(h >> np.uint64(11)) / 9007199254740992.0


@nb.njit(cache=True)
def _place(x: float, y: float, wobble: float, seed: int) -> tuple[float, float]:
    """Metres on the lattice to degrees: pushed by the smooth field, then by ``wobble`` metres of noise."""
    px, py = x, y
    for wave, push in ((7000.0, 250.0), (1900.0, 60.0), (520.0, 8.0)):
        px += push * np.sin(2 * np.pi * (y + 0.31 * x) / wave)
        py += push * np.sin(2 * np.pi * (x - 0.27 * y) / wave + 1.0)
    key_x, key_y = int(np.floor(x * 64 + 0.5)), int(np.floor(y * 64 + 0.5))
    px += wobble * (2 * _hash(key_x, key_y, seed) - 1)
    py += wobble * (2 * _hash(key_x, key_y, seed + 1) - 1)
    # delivered data have a finite resolution: a tenth of a millimetre, more or less
    return WEST + np.floor(px / DEGREE_EAST * 1e9) / 1e9, SOUTH + np.floor(py / DEGREE_NORTH * 1e9) / 1e9


@nb.njit(cache=True)
def _edge(out, n, lines_x, lines_y, i, j, along_x, forward, seed):  # type: ignore[no-untyped-def]
    """Vertices of one lattice edge, its last one left out; the number between depends on the edge."""
    x1, y1 = lines_x[i], lines_y[j]
    x2, y2 = (lines_x[i + 1], y1) if along_x else (x1, lines_y[j + 1])
    between = int(_hash(i, j, 10 + along_x) ** 2 * 10) + 1
    if abs(x2 - x1) + abs(y2 - y1) < 2 * ROAD:
        between = 0
    for k in range(between + 1):
        t = k if forward else between + 1 - k
        share = t / (between + 1)
        out[n, 0], out[n, 1] = _place(x1 + (x2 - x1) * share, y1 + (y2 - y1) * share, 0.8, seed)
        n += 1
    return n


@nb.njit(cache=True)
def _outline(out, n, lines_x, lines_y, i, j, wide, high, seed):  # type: ignore[no-untyped-def]
    """The closed ring round a block of lattice cells, counter-clockwise."""
    first = n
    for k in range(wide):
        n = _edge(out, n, lines_x, lines_y, i + k, j, True, True, seed)
    for k in range(high):
        n = _edge(out, n, lines_x, lines_y, i + wide, j + k, False, True, seed)
    for k in range(wide - 1, -1, -1):
        n = _edge(out, n, lines_x, lines_y, i + k, j + high, True, False, seed)
    for k in range(high - 1, -1, -1):
        n = _edge(out, n, lines_x, lines_y, i, j + k, False, False, seed)
    out[n] = out[first]
    return n + 1


@nb.njit(cache=True)
def _pond(out, n, x, y, seed, hole):  # type: ignore[no-untyped-def]
    first = n
    count = 8 + int(_hash(int(x), int(y), 77) * 20)
    for k in range(count):
        angle = 2 * np.pi * k / count * (-1 if hole else 1)
        step = (count - k) % count if hole else k
        radius = 9 + 6 * _hash(int(x) + step, int(y), 78)
        out[n, 0], out[n, 1] = _place(x + radius * np.cos(angle), y + radius * np.sin(angle), 0.0, seed)
        n += 1
    out[n] = out[first]
    return n + 1


@nb.njit(cache=True)
def _build(blocks, lines_x, lines_y, ponds, pond_group, room, seed):  # type: ignore[no-untyped-def]
    """Rings of the blocks (with a hole where there is a pond), then of the pond groups."""
    points = np.empty((room, 2))
    ring_ends, polygon_ends, geometry_ends = [0], [0], [0]
    n = 0
    for b in range(len(blocks)):
        i, j, wide, high = blocks[b]
        n = _outline(points, n, lines_x, lines_y, i, j, wide, high, seed)
        ring_ends.append(n)
        if ponds[b]:
            n = _pond(points, n, (lines_x[i] + lines_x[i + 1]) / 2, (lines_y[j] + lines_y[j + 1]) / 2, seed, True)
            ring_ends.append(n)
        polygon_ends.append(len(ring_ends) - 1)
        geometry_ends.append(len(polygon_ends) - 1)
    previous = -1
    for b in range(len(blocks)):
        if ponds[b]:
            i, j = blocks[b, 0], blocks[b, 1]
            n = _pond(points, n, (lines_x[i] + lines_x[i + 1]) / 2, (lines_y[j] + lines_y[j + 1]) / 2, seed, False)
            ring_ends.append(n)
            polygon_ends.append(len(ring_ends) - 1)
            if pond_group[b] == previous:
                geometry_ends[-1] = len(polygon_ends) - 1
            else:
                geometry_ends.append(len(polygon_ends) - 1)
            previous = pond_group[b]
    return points[:n], np.array(ring_ends), np.array(polygon_ends), np.array(geometry_ends)


def _lines(fields: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the lattice lines, and which gaps between them are roads."""
    gaps = np.full(fields + fields // EVERY, FIELD)
    is_road = np.zeros(len(gaps), dtype=bool)
    is_road[EVERY :: EVERY + 1] = True
    gaps[is_road] = ROAD
    return np.r_[0.0, np.cumsum(gaps)], is_road


def landscape(count: int, seed: int = 1) -> Landscape:
    """About ``count`` patches in lon/lat (EPSG:4490), valid, oriented, without gaps or overlaps."""
    lines, is_road = _lines(round(count**0.5))
    cells = len(is_road)
    blocks = []
    for i in np.flatnonzero(is_road):  # rivers and roads to the north run through everything
        blocks += [(i, j, 1, min(LENGTH, cells - j)) for j in range(0, cells, LENGTH)]
    bounds = [-1, *np.flatnonzero(is_road).tolist(), cells]
    for j in np.flatnonzero(is_road):  # roads to the east end at them
        blocks += [(a + 1, j, b - a - 1, 1) for a, b in itertools.pairwise(bounds) if b - a > 1]
    fields = np.flatnonzero(~is_road)
    grid = np.stack(np.meshgrid(fields, fields, indexing="ij"), axis=-1).reshape(-1, 2)
    blocks_array = np.vstack([np.array(blocks, dtype=np.int64).reshape(-1, 4), np.c_[grid, np.ones_like(grid)]])
    random = np.random.default_rng(seed)
    single = (blocks_array[:, 2] == 1) & (blocks_array[:, 3] == 1)
    single &= ~is_road[blocks_array[:, 0]] & ~is_road[blocks_array[:, 1]]
    ponds = single & (random.random(len(blocks_array)) < 1 / 30)
    groups = blocks_array[:, 0] // 4 * 100_000 + blocks_array[:, 1] // 8
    room = int((blocks_array[:, 2] + blocks_array[:, 3]).sum() * 2 * 11 + 80 * ponds.sum() + len(blocks_array))
    points, rings, polygons, geometries = _build(blocks_array, lines, lines, ponds, groups, room, seed)
    flat = Polygons(np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1]), rings, polygons, geometries)
    shuffled = random.permutation(len(flat))  # the order of features in a delivered file means nothing
    return Landscape(flat.take(shuffled), random.integers(0, CLASSES, len(flat)))


def parcels(count: int, patches: Landscape, seed: int = 2) -> Polygons:
    """Parcels across the landscape: star-shaped, rectangular, with holes, in two parts, and some that are patches.

    Sizes are log-normal with a median of 1.5 ha, up to some 100 ha, as construction-land parcels are.
    """
    random = np.random.default_rng(seed)
    box = patches.polygons.boxes()
    west, south, east, north = box[:, 0].min(), box[:, 1].min(), box[:, 2].max(), box[:, 3].max()
    shapes: list[Any] = []
    taken = random.choice(len(patches.polygons), count // 20, replace=False)
    own = patches.polygons.take(np.sort(taken)).to_shapely()

    for _ in range(count - len(own)):
        centre = np.array([random.uniform(west, east), random.uniform(south, north)])
        radius = np.sqrt(min(random.lognormal(np.log(15_000), 1.1), 1e6) / np.pi)
        shapes.append(_parcel(random, centre, radius))
    everything = np.array([*shapes, *own], dtype=object)
    return Polygons.from_shapely(everything[random.permutation(len(everything))])


def _parcel(random: np.random.Generator, centre: np.ndarray, radius: float) -> Any:
    import shapely

    scale = np.array([radius / DEGREE_EAST, radius / DEGREE_NORTH])
    kind = random.random()
    count = 4 if kind < 0.3 else int(random.integers(6, 60))
    angles = 2 * np.pi * np.arange(count) / count + random.uniform(0, 2 * np.pi)
    reach = np.ones(count) if kind < 0.3 else random.uniform(0.7, 1.2, count)
    circle = np.column_stack([np.cos(angles), np.sin(angles)]) * reach[:, None]
    holes = [centre + circle[::-1] * scale * 0.4] if kind > 0.95 else []
    shape = shapely.Polygon(centre + circle * scale, holes)
    if 0.9 < kind <= 0.95:
        return shapely.MultiPolygon([shape, shapely.Polygon(centre + (circle * 0.5 + [3.0, 0.4]) * scale)])
    return shape


def files(directory: Path, scale: str) -> tuple[Path, Path]:
    """GeoParquet files of patches (id, class, geometry) and parcels (id, geometry), made when they are missing.

    The patches are a layer as a lake keeps it: in Hilbert order, with the box of each row beside it, packed like it.
    """
    patch_file, parcel_file = directory / f"patches-{scale}.parquet", directory / f"parcels-{scale}.parquet"
    patch_count, parcel_count = SIZES[scale]
    if _is_made(patch_file, patch_count) and _is_made(parcel_file, parcel_count):
        return patch_file, parcel_file
    patches = landscape(patch_count)
    write(patch_file, [patches])
    write(parcel_file, [Landscape(parcels(parcel_count, patches), np.empty(0))])
    return patch_file, parcel_file


def _is_made(path: Path, count: int) -> bool:
    """Whether a file is there with what this version writes: files of an earlier one are made again."""
    import pyarrow.parquet as pq

    if not path.exists():
        return False
    facts = pq.read_metadata(path)
    first = facts.row_group(0)
    codec = {first.column(k).path_in_schema: first.column(k).compression for k in range(first.num_columns)}
    return codec.get("geometry") == "LZ4" and count <= facts.num_rows < 1.1 * count


def write(path: Path, pieces: Iterable[Landscape]) -> None:
    """Write landscapes one after another into one file, each in Hilbert order; classes only where there are some."""
    import pyarrow.parquet as pq
    import shapely

    from jintu.kernel.formats.geoparquet import codecs

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    writer, rows = None, 0
    for number, piece in enumerate(pieces):
        ordered = hilbert_order(piece.polygons.boxes())
        flat = piece.polygons.take(ordered)
        shapes = flat.to_shapely()
        if number == 0 and not shapely.is_valid(shapes).all():
            raise ValueError("the generated landscape is not valid: no peer could overlay it")
        table = _table(flat, shapes, piece.classes[ordered] if len(piece.classes) else None, rows)
        rows += table.num_rows
        if writer is None:
            writer = pq.ParquetWriter(
                partial,
                table.schema,
                compression=codecs(table.schema, ("geometry", "bbox")),
                use_dictionary=["class"],
                write_statistics=["id", "bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"],
            )
        writer.write_table(table, row_group_size=16_384)
    if writer is not None:
        writer.close()
        partial.rename(path)


def _table(flat: Polygons, shapes: Any, classes: np.ndarray | None, first: int) -> Any:
    import pyarrow as pa
    import shapely

    sides = ("xmin", "ymin", "xmax", "ymax")
    boxes = flat.boxes()
    columns = {"id": pa.array(np.arange(first, first + len(flat)))}
    if classes is not None:
        columns["class"] = pa.array(classes)
    columns["geometry"] = pa.array(shapely.to_wkb(shapes, byte_order=1), pa.large_binary())
    columns["bbox"] = pa.StructArray.from_arrays([pa.array(boxes[:, k]) for k in range(4)], names=list(sides))
    facts = {
        "encoding": "WKB",
        "geometry_types": ["Polygon", "MultiPolygon"],
        "covering": {"bbox": {side: ["bbox", side] for side in sides}},
    }
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": facts}}
    return pa.table(columns).replace_schema_metadata({b"geo": json.dumps(geo).encode()})
