"""Mapbox Vector Tiles 2.1: encode features in longitude and latitude into one tile of the Web-Mercator pyramid.

The pyramid is that of web maps (EPSG:3857 tiles, z/x/y from the north-west). CGCS2000 and WGS 84 differ by less than
what a screen shows, so degrees are taken as they are. Coordinates are projected, clipped, rounded and turned into
commands as whole arrays. Polygons may come as flat arrays (`jintu.kernel.flat.Polygons`): those that need no GEOS
never become objects (`mvt_flat`), the bytes are the same.

>>> import shapely
>>> data = encode(12, 3391, 1606, [TileLayer("p", [shapely.box(118.07, 36.1, 118.09, 36.2)], {"code": ["011"]})])
>>> data[:1], b"011" in data
(b'\\x1a', True)
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from jintu.kernel.flat import Polygons

from . import mvt_flat

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
    """Features of one layer. ``geometries``: Shapely (n,), null and empty ones are left out, or `Polygons`;
    ``columns``: by name, n values each (text, integers, floats, booleans, or None, which leaves the tag out); ``ids``:
    n positive integers."""

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
    return np.column_stack((_across(points[:, 0]), _down(points[:, 1])))


def _across(lon: NDArray[np.float64]) -> NDArray[np.float64]:
    return lon / 360 + 0.5


def _down(lat: NDArray[np.float64]) -> NDArray[np.float64]:
    sine = np.sin(np.radians(np.clip(lat, -_MAX_LAT, _MAX_LAT)))
    return 0.5 - np.arctanh(sine) / (2 * math.pi)


def _clipped(shapes: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Shapes within the square; None for a sliver that GEOS cannot clip because its vertices fall together here."""
    try:
        return shapely.clip_by_rect(shapes, low, low, high, high)
    except shapely.GEOSException:
        if len(shapes) == 1:
            return np.array([None], dtype=object)
        middle = len(shapes) // 2
        return np.concatenate((_clipped(shapes[:middle], low, high), _clipped(shapes[middle:], low, high)))


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
        placed[cut] = _clipped(placed[cut], low, high)
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
        _layer(_flat_commands(z, x, y, layer.geometries, extent, buffer), layer, extent)
        if isinstance(layer.geometries, Polygons)
        else _layer(_commands(to_tile(z, x, y, layer.geometries, extent, buffer)), layer, extent)
        for layer in layers
    )
    return b"".join(made)


def encode_layer(layer: TileLayer, extent: int = EXTENT) -> bytes:
    """One layer as a field of the tile message; its geometries are Shapely's, in whole tile units, y down, clipped."""
    return _layer(_commands(np.asarray(layer.geometries, dtype=object)), layer, extent)


class _Commands(NamedTuple):
    """Command integers of features: that of row ``rows[f]`` and of MVT type ``kinds[f]`` has
    ``numbers[begins[f] : begins[f] + counts[f]]``."""

    rows: NDArray[np.int64]
    kinds: NDArray[np.int64]
    numbers: NDArray[np.int64]
    begins: NDArray[np.int64]
    counts: NDArray[np.int64]


def _layer(made: _Commands, layer: TileLayer, extent: int) -> bytes:
    if not len(made.rows):
        return b""
    rows = made.rows.tolist()
    keys, values, tags, tag_ends = _tags(layer.columns, rows)
    numbered = np.empty(0, dtype=np.int64) if layer.ids is None else np.asarray(layer.ids, dtype=np.int64)[made.rows]
    features = mvt_flat.features(made.numbers, made.begins, made.counts, made.kinds, tags, tag_ends, numbered)
    body = [_field(15, 0) + _varint(2), _bytes(1, layer.name.encode()), features.tobytes()]
    body += [_bytes(3, key.encode()) for key in keys]
    body += values
    body.append(_field(5, 0) + _varint(extent))
    return _bytes(3, b"".join(body))


def _commands(shapes: NDArray[Any]) -> _Commands:
    """Of Shapely geometries in whole tile units, in their order."""
    kinds = np.where(shapely.is_missing(shapes), 0, _KINDS[shapely.get_type_id(shapes)])
    parts = []
    for kind, write in ((_POINT, _points), (_LINE, _lines), (_POLYGON, _polygons)):
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            found, numbers, sizes = write(shapes[rows])
            starts = np.concatenate(([0], np.cumsum(sizes)))[:-1]
            parts.append(_Commands(rows[found], np.full(len(found), kind), numbers, starts, sizes))
    return _together(parts)


def _together(parts: list[_Commands]) -> _Commands:
    """Several lots as one, in the order of the rows."""
    if not parts:
        return _Commands(*(np.empty(0, dtype=np.int64) for _ in range(5)))
    before = np.cumsum([0, *(len(p.numbers) for p in parts)])
    rows = np.concatenate([p.rows for p in parts])
    order = np.argsort(rows)
    begins = np.concatenate([p.begins + start for p, start in zip(parts, before[:-1], strict=True)])
    kinds, counts = (np.concatenate([getattr(p, name) for p in parts])[order] for name in ("kinds", "counts"))
    return _Commands(rows[order], kinds, np.concatenate([p.numbers for p in parts]), begins[order], counts)


def _flat_commands(z: int, x: int, y: int, polygons: Polygons, extent: int, buffer: int) -> _Commands:
    """Of polygons in degrees: through GEOS only what crosses the edge, has several parts or cannot be rounded as it
    is."""
    scale = extent * 2.0**z
    rings = polygons.rings._replace(
        x=_across(polygons.x) * scale - x * float(extent), y=_down(polygons.y) * scale - y * float(extent)
    )
    n = len(polygons)
    numbers = np.empty(2 * len(polygons.x) + 3 * len(polygons.ring_offsets), dtype=np.int64)
    begins, states = np.empty(n + 1, dtype=np.int64), np.empty(n, dtype=np.int64)
    parts = np.diff(polygons.geometry_offsets)
    mvt_flat.commands(rings, parts, -float(buffer), float(extent + buffer), numbers, begins, states)
    rows = np.flatnonzero(states == mvt_flat.WRITTEN)
    counts = np.diff(begins)[rows]
    made = _Commands(rows, np.full(len(rows), _POLYGON), numbers[: begins[-1]], begins[rows], counts)
    left = np.flatnonzero(states == mvt_flat.LEFT)
    if not len(left):
        return made
    others = _commands(to_tile(z, x, y, polygons.take(left).to_shapely(), extent, buffer))
    return _together([made, others._replace(rows=left[others.rows])])


# --- tags ----------


def _tags(
    columns: Mapping[str, Sequence[Any]], rows: list[int]
) -> tuple[list[str], list[bytes], NDArray[np.int64], NDArray[np.int64]]:
    """Keys, values as fields, the tags of all rows end to end and where each row's end; equal values once."""
    keys = list(columns)
    chosen = [_chosen(columns[name], rows) for name in keys]
    known = {key: place for place, key in enumerate(v for v in dict.fromkeys(chain(*chosen)) if v is not None)}
    placed: dict[Any, int] = known | _MISSING
    places = np.empty((len(rows), len(keys), 2), dtype=np.int64)
    for k, column in enumerate(chosen):
        places[:, k, 0] = k
        places[:, k, 1] = [placed[value] for value in column]
    there = places[:, :, 1] >= 0
    ends = np.concatenate(([0], np.cumsum(2 * there.sum(axis=1))))
    return keys, [_encoded(value) for value in known], places[there].ravel(), ends


_MISSING = {None: -1}


def _chosen(column: Sequence[Any], rows: list[int]) -> list[Any]:
    """The values of some rows, as `_plain` has them."""
    values = [column[row] for row in rows]
    kinds = {*map(type, values)}
    if kinds <= {str, type(None)}:
        return values
    if kinds == {int}:  # classes of a thematic map: few different ones
        once = {value: _plain(value) for value in set(values)}
        return [once[value] for value in values]
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    """What tells a value from others: text itself, of others their type too (1, 1.0 and True are three values); None
    for one that is missing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    return (type(value), value) if value is not None and value == value else None


def _encoded(value: Any) -> bytes:
    """A value, as `_plain` has it, as a field of the layer."""
    if not isinstance(value, str):
        return _bytes(4, _value(value[1]))
    data = value.encode()
    if len(data) < len(_TEXT):  # most of what a tile says: one look-up
        return _TEXT[len(data)] + data
    return _bytes(4, _bytes(1, data))


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


_TEXT = [bytes((0x22, size + 2, 0x0A, size)) for size in range(0x7E)]
"""What stands before a text of so many bytes: field 4 of the layer, in it field 1 of the value."""


# --- geometry commands ----------


_Numbers = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Which of the shapes are there, their command integers end to end, and how many each has."""


def _zigzag(delta: NDArray[np.int64]) -> NDArray[np.int64]:
    return (delta << 1) ^ (delta >> 63)


def _deltas(points: NDArray[np.int64], feature: NDArray[np.int64]) -> NDArray[np.int64]:
    """Zigzag steps from point to point; the first point of a feature steps from the origin."""
    before = np.zeros_like(points)
    before[1:] = points[:-1]
    if len(points):
        before[np.concatenate(([True], feature[1:] != feature[:-1]))] = 0
    return _zigzag(points - before)


def _points(shapes: NDArray[Any]) -> _Numbers:
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
    return rows, numbers, sizes


def _lines(shapes: NDArray[Any]) -> _Numbers:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    return _runs(points.astype(np.int64), part, owner, closed=False)


def _polygons(shapes: NDArray[Any]) -> _Numbers:
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


def _runs(points: NDArray[np.int64], run: NDArray[np.int64], owner: NDArray[np.int64], *, closed: bool) -> _Numbers:
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
        return (np.empty(0, dtype=np.int64),) * 3
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
    return rows, numbers, np.add.reduceat(sizes, begin)
