"""Mapbox Vector Tiles 2.1: encode features in longitude and latitude into one tile of the Web-Mercator pyramid.

The pyramid is that of web maps (EPSG:3857 tiles, z/x/y from the north-west). CGCS2000 and WGS 84 differ by less than
what a screen shows, so degrees are taken as they are. Coordinates are projected, clipped, rounded and turned into
commands as whole arrays;
Python touches each feature once, to join its bytes.

>>> import shapely
>>> data = encode(12, 3391, 1606, [TileLayer("p", [shapely.box(118.07, 36.1, 118.09, 36.2)], {"code": ["011"]})])
>>> data[:1], b"011" in data
(b'\\x1a', True)
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = [
    "BUFFER",
    "EXTENT",
    "MAX_ZOOM",
    "TileLayer",
    "bounds",
    "encode",
    "encode_layer",
    "label_points",
    "tile_of",
    "to_tile",
]

EXTENT = 4096
BUFFER = 64
"""Units beyond the edge that are kept, so that outlines do not show the tile's border."""
MAX_ZOOM = 24
_MAX_LAT = math.degrees(2 * math.atan(math.exp(math.pi)) - math.pi / 2)

_POINT, _LINE, _POLYGON = 1, 2, 3
_MOVE_TO, _LINE_TO, _CLOSE = 1, 2, 7
_KINDS = np.array([_POINT, _LINE, 0, _POLYGON, _POINT, _LINE, _POLYGON, 0])
"""MVT geometry type by Shapely's type id."""


@dataclass
class TileLayer:
    """Features of one layer. ``geometries``: Shapely (n,), null and empty ones are left out; ``columns``: by name, n
    values each (text, integers, floats, booleans, or None, which leaves the tag out); ``ids``: n positive integers."""

    name: str
    geometries: Any
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    ids: Sequence[int] | NDArray[np.int64] | None = None


def bounds(z: int, x: int, y: int, buffer: float = 0.0) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile in degrees; ``buffer`` in tile widths on every side."""
    n = 2.0**z

    def latitude(row: float) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / n))))

    west, east = (x - buffer) / n * 360 - 180, (x + 1 + buffer) / n * 360 - 180
    return west, latitude(y + 1 + buffer), east, latitude(y - buffer)


def tile_of(z: int, lon: float, lat: float) -> tuple[int, int]:
    """Column and row of the tile that holds a point."""
    n = 2**z
    px, py = _mercator(np.array([[lon, lat]]))[0]
    return min(n - 1, max(0, int(px * n))), min(n - 1, max(0, int(py * n)))


def label_points(z: int, x: int, y: int, geometries: Any) -> NDArray[Any]:
    """Where the name of each geometry stands: a point inside the whole shape, (n,) Shapely in degrees; None where that
    point lies in another tile, so that a polygon cut by tile edges says its name once and not in every piece.

    >>> import shapely
    >>> field = shapely.box(117.95, 36.0, 118.25, 36.1)
    >>> tiles = [(12, column, row) for column in range(3387, 3394) for row in range(1605, 1610)]
    >>> sum(label_points(*t, [field])[0] is not None for t in tiles)
    1
    """
    shapes = np.asarray(geometries, dtype=object)
    middle = shapely.centroid(shapes)
    outside = np.flatnonzero(~shapely.contains(shapes, middle))
    middle[outside] = shapely.point_on_surface(shapes[outside])
    west, south, east, north = bounds(z, x, y)
    lon, lat = shapely.get_x(middle), shapely.get_y(middle)
    with np.errstate(invalid="ignore"):
        here = (lon >= west) & (lon < east) & (lat > south) & (lat <= north)
    middle[~here] = None
    return middle


def _mercator(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees to the unit square of the pyramid, origin north-west, y down."""
    sine = np.sin(np.radians(np.clip(points[:, 1], -_MAX_LAT, _MAX_LAT)))
    return np.column_stack((points[:, 0] / 360 + 0.5, 0.5 - np.arctanh(sine) / (2 * math.pi)))


def to_tile(z: int, x: int, y: int, geometries: Any, extent: int = EXTENT, buffer: int = BUFFER) -> NDArray[Any]:
    """Geometries in degrees as whole tile units (y down), clipped to the tile and its buffer; None where nothing is
    left. Polygons stay valid: where rounding makes one cross itself, it is noded on the grid."""
    shapes = np.asarray(geometries, dtype=object)
    scale, shift = extent * 2.0**z, np.array([x, y]) * float(extent)
    placed = shapely.transform(shapely.force_2d(shapes), lambda p: _mercator(p) * scale - shift)
    west, south, east, north = shapely.bounds(placed).T if len(placed) else np.empty((4, 0))
    low, high = -float(buffer), float(extent + buffer)
    with np.errstate(invalid="ignore"):
        inside = (west >= low) & (south >= low) & (east <= high) & (north <= high)
        touching = (west <= high) & (south <= high) & (east >= low) & (north >= low)
    cut = np.flatnonzero(touching & ~inside)
    if len(cut):
        placed[cut] = shapely.clip_by_rect(placed[cut], low, low, high, high)
    placed[~touching] = None
    rounded = shapely.transform(placed, np.rint)
    areas = np.isin(shapely.get_type_id(rounded), (3, 6))
    broken = np.flatnonzero(areas & ~shapely.is_valid(rounded))
    for i in broken:
        rounded[i] = _on_grid(placed[i])
    gone = shapely.is_empty(rounded) | (areas & (shapely.area(rounded) < 0.5))
    rounded[gone] = None
    return rounded


def _on_grid(shape: Any) -> Any:
    """A polygon with whole coordinates that does not cross itself; None when it collapses."""
    try:
        made = shapely.set_precision(shape if shapely.is_valid(shape) else shapely.make_valid(shape), 1.0)
    except shapely.errors.GEOSException:
        return None
    parts = [p for p in shapely.get_parts(shapely.get_parts([made])) if p.geom_type == "Polygon"]
    parts = [q for p in parts for q in shapely.get_parts(p)]
    return shapely.MultiPolygon(parts) if parts else None


def encode(z: int, x: int, y: int, layers: Sequence[TileLayer], *, extent: int = EXTENT, buffer: int = BUFFER) -> bytes:
    """The tile z/x/y of layers in degrees. A layer of which nothing is left is not in the tile; b"" is a valid tile."""
    made = (
        encode_layer(
            TileLayer(layer.name, to_tile(z, x, y, layer.geometries, extent, buffer), layer.columns, layer.ids), extent
        )
        for layer in layers
    )
    return b"".join(made)


def encode_layer(layer: TileLayer, extent: int = EXTENT) -> bytes:
    """One layer as a field of the tile message; its geometries are in whole tile units, y down, already clipped."""
    shapes = np.asarray(layer.geometries, dtype=object)
    kinds = np.where(shapely.is_missing(shapes), 0, _KINDS[shapely.get_type_id(shapes)])
    commands: dict[int, bytes] = {}
    for kind, write in ((_POINT, _points), (_LINE, _lines), (_POLYGON, _polygons)):
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            commands |= {int(rows[i]): data for i, data in write(shapes[rows])}
    if not commands:
        return b""
    order = sorted(commands)
    keys, values, tags = _tags(layer.columns, order)
    name = layer.name.encode()
    body = [_field(15, 0) + _varint(2), _bytes(1, name)]
    for row, tag in zip(order, tags, strict=True):
        number = b"" if layer.ids is None else _field(1, 0) + _varint(int(layer.ids[row]))
        geometry = commands[row]
        feature = b"".join(
            (
                number,
                _TAGS + _varint(len(tag)) if tag else b"",
                tag,
                _KIND[kinds[row]],
                _varint(len(geometry)),
                geometry,
            )
        )
        body += (_FEATURE, _varint(len(feature)), feature)
    body += [_bytes(3, key.encode()) for key in keys]
    body += [_bytes(4, value) for value in values]
    body.append(_field(5, 0) + _varint(extent))
    return _bytes(3, b"".join(body))


# --- tags ----------


def _tags(columns: Mapping[str, Sequence[Any]], rows: list[int]) -> tuple[list[str], list[bytes], list[bytes]]:
    """Keys, encoded values and the packed tags of each row; equal values are written once."""
    keys = list(columns)
    known: dict[Any, int] = {}
    values: list[bytes] = []
    places = np.empty((len(rows), len(keys), 2), dtype=np.int64)
    for k, name in enumerate(keys):
        column = columns[name]
        places[:, k, 0] = k
        places[:, k, 1] = [_place(column[row], known, values) for row in rows]
    there = places[:, :, 1] >= 0
    return keys, values, _packed(places[there].ravel(), 2 * there.sum(axis=1))


def _place(value: Any, known: dict[Any, int], values: list[bytes]) -> int:
    """The place of a value among ``values``, where it is put when it is new; −1 for one that is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value != value:
        return -1
    key = value if isinstance(value, str) else (type(value), value)  # 1, 1.0 and True are three values
    place = known.get(key)
    if place is None:
        place = known[key] = len(values)
        values.append(_value(value))
    return place


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return _field(7, 0) + _varint(int(value))
    if isinstance(value, int):
        return _field(5, 0) + _varint(value) if value >= 0 else _field(6, 0) + _varint((-value << 1) - 1)
    if isinstance(value, float):
        return _field(3, 1) + struct.pack("<d", value)
    return _bytes(1, str(value).encode())


# --- protobuf ----------


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _ONE_BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, wire: int) -> bytes:
    return bytes((number << 3 | wire,))


def _bytes(number: int, data: bytes) -> bytes:
    return _field(number, 2) + _varint(len(data)) + data


_ONE_BYTE = [bytes((value,)) for value in range(0x80)]
_FEATURE, _TAGS = _field(2, 2), _field(2, 2)
_KIND = [_field(3, 0) + _varint(kind) + _field(4, 2) for kind in range(4)]
"""A feature's type, and the beginning of its geometry."""


def _varints(values: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All values as varints end to end, and the byte at which each begins (n + 1,)."""
    wide = values.astype(np.uint64)
    length = np.ones(len(wide), dtype=np.int64)
    for bits in (7, 14, 21, 28):
        length += wide >= (1 << bits)
    starts = np.concatenate(([0], np.cumsum(length)))
    out = np.empty(starts[-1], dtype=np.uint8)
    for k in range(5):
        has = length > k
        more = np.where(length[has] > k + 1, 0x80, 0).astype(np.uint64)
        out[starts[:-1][has] + k] = ((wide[has] >> np.uint64(7 * k)) & np.uint64(0x7F)) | more
    return out, starts


# --- geometry commands ----------


def _zigzag(delta: NDArray[np.int64]) -> NDArray[np.int64]:
    return (delta << 1) ^ (delta >> 63)


def _packed(numbers: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[bytes]:
    """Cut the varints of all features into one run of bytes per feature; ``sizes``: numbers of each feature."""
    data, starts = _varints(numbers.astype(np.uint32))
    edges = starts[np.concatenate(([0], np.cumsum(sizes)))].tolist()
    raw = data.tobytes()
    return [raw[a:b] for a, b in itertools.pairwise(edges)]


def _deltas(points: NDArray[np.int64], feature: NDArray[np.int64]) -> NDArray[np.int64]:
    """Zigzag steps from point to point; the first point of a feature steps from the origin."""
    before = np.zeros_like(points)
    before[1:] = points[:-1]
    if len(points):
        before[np.concatenate(([True], feature[1:] != feature[:-1]))] = 0
    return _zigzag(points - before)


def _points(shapes: NDArray[Any]) -> list[tuple[int, bytes]]:
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    points = coordinates.astype(np.int64)
    steps = _deltas(points, owner)
    rows, first, counts = np.unique(owner, return_index=True, return_counts=True)
    sizes = 1 + 2 * counts
    numbers = np.empty(sizes.sum(), dtype=np.int64)
    head = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    numbers[head] = _MOVE_TO | counts << 3
    where = np.repeat(head + 1 - 2 * first, counts) + 2 * np.arange(len(points))
    numbers[where], numbers[where + 1] = steps[:, 0], steps[:, 1]
    return list(zip(rows.tolist(), _packed(numbers, sizes), strict=True))


def _lines(shapes: NDArray[Any]) -> list[tuple[int, bytes]]:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    return _runs(points.astype(np.int64), part, owner, closed=False)


def _polygons(shapes: NDArray[Any]) -> list[tuple[int, bytes]]:
    """Shells with positive area in tile units, holes with negative, each shell before its holes."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    points = coordinates.astype(np.int64)
    shell = np.concatenate(([True], part[1:] != part[:-1])) if len(part) else np.empty(0, dtype=bool)
    counts = np.bincount(ring, minlength=len(rings))
    starts = np.concatenate(([0], np.cumsum(counts)))
    cross = np.zeros(len(points))
    cross[:-1] = points[:-1, 0] * points[1:, 1] - points[1:, 0] * points[:-1, 1]
    cross[starts[1:] - 1] = 0
    doubled = np.add.reduceat(cross, starts[:-1]) if len(rings) else np.empty(0)
    # turn the rings that run the wrong way: index i of a turned ring reads from the other end
    turned = (doubled > 0) != shell
    position = np.arange(len(points))
    flip = turned[ring]
    position[flip] = (starts[ring] + starts[ring + 1] - 1 - position)[flip]
    points = points[position]
    # a shell without area takes its holes with it
    alive = doubled != 0
    alive &= alive[np.maximum.accumulate(np.where(shell, np.arange(len(rings)), 0))] if len(rings) else alive
    keep = alive[ring]
    return _runs(points[keep], ring[keep], owner[part], closed=True)


def _runs(
    points: NDArray[np.int64], run: NDArray[np.int64], owner: NDArray[np.int64], *, closed: bool
) -> list[tuple[int, bytes]]:
    """Lines or rings as MoveTo, LineTo (and ClosePath); ``run``: of each point, ``owner``: feature of each run."""
    # repeated points say nothing; the closing point of a ring is what ClosePath draws
    fresh = np.ones(len(points), dtype=bool)
    fresh[1:] = (points[1:] != points[:-1]).any(axis=1) | (run[1:] != run[:-1])
    points, run = points[fresh], run[fresh]
    if closed and len(run):
        last = np.concatenate((run[1:] != run[:-1], [True]))
        points, run = points[~last], run[~last]
    counts = np.bincount(run, minlength=len(owner))
    good = counts >= (3 if closed else 2)
    keep = good[run]
    points, run = points[keep], run[keep]
    if not len(points):
        return []
    runs, first, counts = np.unique(run, return_index=True, return_counts=True)
    steps = _deltas(points, owner[run])
    sizes = 2 * counts + 2 + closed
    head = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    numbers = np.empty(sizes.sum(), dtype=np.int64)
    numbers[head] = _MOVE_TO | 1 << 3
    numbers[head + 3] = _LINE_TO | (counts - 1) << 3
    if closed:
        numbers[head + sizes - 1] = _CLOSE | 1 << 3
    index = np.arange(len(points)) - np.repeat(first, counts)
    where = np.repeat(head, counts) + 1 + 2 * index + (index > 0)
    numbers[where], numbers[where + 1] = steps[:, 0], steps[:, 1]
    rows, begin = np.unique(owner[runs], return_index=True)
    return list(zip(rows.tolist(), _packed(numbers, np.add.reduceat(sizes, begin)), strict=True))
