"""Vector tiles: our encoder read back by another implementation, in its own process (protobuf does not share one)."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jintu.kernel.flat import from_shapely
from jintu.kernel.formats import mvt

FIXTURES = Path(__file__).resolve().parents[5] / "shared/data/suites/mvt-fixtures/fixtures"
DECODER = """
import json, sys
import mapbox_vector_tile
out = []
for tile in json.load(sys.stdin):
    try:
        out.append(mapbox_vector_tile.decode(bytes.fromhex(tile), default_options={"y_coord_down": True}))
    except Exception as error:
        out.append(str(error))
json.dump(out, sys.stdout)
"""


def decoded(*tiles: bytes) -> list[dict]:
    sent = json.dumps([t.hex() for t in tiles])
    done = subprocess.run([sys.executable, "-c", DECODER], input=sent, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def shapes_of(tile: dict, layer: str) -> list:
    features = tile[layer]["features"]
    return [shapely.from_geojson(json.dumps(f["geometry"])) for f in features]


def units(*geometries: object, **columns: list) -> bytes:
    return mvt.encode_layer(mvt.TileLayer("t", np.array(geometries, dtype=object), columns))


def test_geometries_and_tags_come_back_as_they_went_in() -> None:
    given = [
        shapely.Polygon([(10, 10), (100, 10), (100, 90), (10, 90)], [[(20, 20), (20, 40), (40, 40), (40, 20)]]),
        shapely.MultiPolygon([shapely.box(0, 0, 5, 5), shapely.box(4000, 4000, 4096, 4096)]),
        shapely.LineString([(0, 0), (10, 3), (-64, 4160)]),
        shapely.MultiLineString([[(0, 0), (1, 1)], [(5, 5), (6, 6), (7, 5)]]),
        shapely.Point(7, 8),
        shapely.MultiPoint([(1, 2), (3, 4), (-5, 6)]),
    ]
    text = ["水田", "", "水田", None, "b", "c"]
    data = mvt.encode_layer(
        mvt.TileLayer(
            "地类",
            given,
            {"name": text, "n": [1, -2, 2**40, None, 0, 5], "f": [0.5] * 6, "b": [True] * 6},
            ids=[1, 2, 300, 4, 5, 2**33],
        )
    )
    (tile,) = decoded(data)
    layer = tile["地类"]
    assert layer["version"] == 2 and layer["extent"] == 4096
    for shape, back in zip(given, shapes_of(tile, "地类"), strict=True):
        assert shapely.equals(shape, back), (shape, back)
    assert [f["properties"].get("name") for f in layer["features"]] == text
    assert [f["properties"].get("n") for f in layer["features"]] == [1, -2, 2**40, None, 0, 5]
    assert layer["features"][0]["properties"]["f"] == 0.5 and layer["features"][0]["properties"]["b"] is True
    assert [f["id"] for f in layer["features"]] == [1, 2, 300, 4, 5, 2**33]


def test_shells_wind_clockwise_on_screen_whichever_way_they_came() -> None:
    ring, hole = [(0, 0), (9, 0), (9, 9), (0, 9), (0, 0)], [(3, 3), (6, 3), (6, 6), (3, 6), (3, 3)]
    ways = [shapely.Polygon(a, [b]) for a in (ring, ring[::-1]) for b in (hole, hole[::-1])]
    tiles = decoded(*(units(w) for w in ways))
    assert all(shapely.equals(shapes_of(t, "t")[0], ways[0]) for t in tiles)
    exterior = tiles[0]["t"]["features"][0]["geometry"]["coordinates"][0]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(exterior))
    assert area > 0  # the surveyor's formula in tile units, as the specification asks (§4.3.3.3)


def test_what_collapses_is_left_out() -> None:
    sliver = shapely.Polygon([(0, 0), (10, 0), (5, 0)])
    assert units(sliver, None, shapely.Polygon(), shapely.LineString([(1, 1), (1, 1)])) == b""
    (tile,) = decoded(units(sliver, shapely.box(0, 0, 2, 2), code=["a", "b"]))
    assert [f["properties"] for f in tile["t"]["features"]] == [{"code": "b"}]


def test_a_polygon_is_placed_and_clipped_at_the_buffer() -> None:
    z, x, y = 10, *mvt.tile_of(10, 118.0, 36.0)
    west, south, east, north = mvt.bounds(z, x, y)
    assert west <= 118.0 < east and south <= 36.0 < north
    huge = shapely.box(west - 1, south - 1, east + 1, north + 1)
    (tile,) = decoded(mvt.encode(z, x, y, [mvt.TileLayer("t", [huge])]))
    (shape,) = shapes_of(tile, "t")
    assert shape.bounds == (-64, -64, 4160, 4160)
    quarter = shapely.box(west, (south + north) / 2, (west + east) / 2, north)
    (shape,) = shapes_of(decoded(mvt.encode(z, x, y, [mvt.TileLayer("t", [quarter])]))[0], "t")
    assert shape.bounds[0] == 0 and shape.bounds[1] == 0 and shape.bounds[2] == 2048
    assert abs(shape.bounds[3] - 2048) < 3  # latitude is not linear in the projection
    assert mvt.encode(z, x + 2, y, [mvt.TileLayer("t", [quarter])]) == b""


@given(st.integers(0, 18), st.floats(-179.9, 179.9), st.floats(-84, 84))
def test_a_point_lies_in_the_tile_it_is_said_to_lie_in(z: int, lon: float, lat: float) -> None:
    west, south, east, north = mvt.bounds(z, *mvt.tile_of(z, lon, lat))
    slack = 1e-9
    assert west - slack <= lon <= east + slack and south - slack <= lat <= north + slack


@given(st.lists(st.tuples(st.floats(117.99, 118.03), st.floats(35.99, 36.02)), min_size=3, max_size=12, unique=True))
def test_rounded_polygons_never_cross_themselves(points: list[tuple[float, float]]) -> None:
    centre = np.mean(points, axis=0)
    ring = sorted(points, key=lambda p: math.atan2(p[1] - centre[1], p[0] - centre[0]))
    shape = shapely.make_valid(shapely.Polygon(ring))
    z = 13
    for column in (0, 1):
        x, y = mvt.tile_of(z, 118.0, 36.0)
        (placed,) = mvt.to_tile(z, x + column, y, [shape])
        if placed is not None and placed.geom_type in ("Polygon", "MultiPolygon"):
            assert placed.is_valid
            assert (shapely.get_coordinates(placed) % 1 == 0).all()


def star(points: list[tuple[float, float]]) -> shapely.Polygon:
    centre = np.mean(points, axis=0)
    return shapely.Polygon(sorted(points, key=lambda p: math.atan2(p[1] - centre[1], p[0] - centre[0])))


def in_unit(least: int, most: int) -> st.SearchStrategy:
    """Corners on a coarse lattice (rounded, they fall together) or anywhere."""
    side = st.one_of(st.integers(0, 12).map(lambda v: v / 12), st.floats(0, 1))
    return st.lists(st.tuples(side, side), min_size=least, max_size=most, unique=True)


@settings(deadline=None)  # the first example compiles
@given(
    st.lists(st.tuples(in_unit(3, 9), st.one_of(st.none(), in_unit(3, 5))), min_size=1, max_size=6),
    st.integers(10, 24),
    st.floats(-0.5, 0.5),
)
@example(  # a sliver that GEOS cannot clip
    [([(0.0, 0.0), (0.0, 1 / 12), (0.0, 2 / 12)], None)] * 4 + [([(0.0, 0.0), (0.5, 0.0), (0.5, 8.3e-195)], None)],
    10,
    0.0,
)
def test_flat_polygons_give_the_bytes_of_shapely_ones(rings, z: int, shift: float) -> None:
    """Whatever the corners do on the grid: small ones collapse, thin ones touch themselves, large ones are cut."""
    x, y = mvt.tile_of(z, 118.0, 36.0)
    west, south, east, north = mvt.bounds(z, x, y)
    width, height = (east - west), (north - south)
    shapes = []
    for number, (outer, inner) in enumerate(rings):
        size = 10.0 ** -(number % 4)

        def placed(points, size=size, number=number):
            return [
                (west + width * (shift + number / 7 + size * px), south + height * (0.2 + size * py))
                for px, py in points
            ]

        shell = star(placed(outer))
        hole = None if inner is None else star(placed([(0.4 + 0.2 * px, 0.4 + 0.2 * py) for px, py in inner]))
        inside = hole is not None and shell.covers(hole)  # outside its shell it is no hole
        shapes.append(shapely.Polygon(shell.exterior, [hole.exterior] if inside else []))
    flat = from_shapely(shapes)
    columns = {"code": [str(n % 2) for n in range(len(shapes))], "n": list(range(len(shapes)))}
    ours = mvt.encode(z, x, y, [mvt.TileLayer("t", flat, columns, range(1, len(shapes) + 1))])
    theirs = mvt.encode(z, x, y, [mvt.TileLayer("t", flat.to_shapely(), columns, range(1, len(shapes) + 1))])
    assert ours == theirs


def test_several_parts_and_nothing_at_all_pass_through_the_flat_way() -> None:
    z, x, y = 14, *mvt.tile_of(14, 118.0, 36.0)
    west, south, east, _ = mvt.bounds(z, x, y)
    side = (east - west) / 8
    squares = [shapely.box(west + k * side, south, west + (k + 0.5) * side, south + side) for k in range(5)]
    flat = from_shapely([squares[0], None, shapely.MultiPolygon(squares[1:3]), squares[3], shapely.box(0, 0, 1, 1)])
    data = mvt.encode(z, x, y, [mvt.TileLayer("t", flat, {"key": list("abcde")})])
    (tile,) = decoded(data)
    assert [f["properties"]["key"] for f in tile["t"]["features"]] == ["a", "c", "d"]
    assert [len(shapely.get_parts(s)) for s in shapes_of(tile, "t")] == [1, 2, 1]
    assert mvt.encode(z, x, y, [mvt.TileLayer("t", from_shapely([]), {"key": []})]) == b""


@pytest.mark.shared
def test_public_tiles_survive_decoding_and_encoding_again() -> None:
    """The valid geometries of the public MVT test tiles: decode, encode with ours, decode again."""
    originals = []
    for directory in sorted(FIXTURES.iterdir()):
        info = json.loads((directory / "info.json").read_text())
        if info.get("validity", {}).get("v2") and (directory / "tile.mvt").stat().st_size:
            originals.append((directory / "tile.mvt").read_bytes())
    assert len(originals) > 10
    first = [t for t in decoded(*originals) if isinstance(t, dict)]  # the other decoder refuses some that are legal
    ours: list[bytes] = []
    expected: list[list] = []
    for tile in first:
        for name, layer in tile.items():
            pairs = [
                (g, f["properties"])
                for f in layer["features"]
                if (g := shapely.from_geojson(json.dumps(f["geometry"]))) is not None
                and g.is_valid
                and not g.is_empty
                and g.geom_type != "GeometryCollection"
            ]
            if not pairs:
                continue
            keys = sorted({k for _, p in pairs for k in p})
            columns = {k: [p.get(k) for _, p in pairs] for k in keys}
            ours.append(mvt.encode_layer(mvt.TileLayer(name, [g for g, _ in pairs], columns), layer["extent"]))
            expected.append(pairs)
    assert len(ours) > 10
    for pairs, tile in zip(expected, decoded(*ours), strict=True):
        (layer,) = tile.values()
        assert len(layer["features"]) == len(pairs)
        for (shape, properties), feature in zip(pairs, layer["features"], strict=True):
            assert shapely.equals(shape, shapely.from_geojson(json.dumps(feature["geometry"])))
            assert feature["properties"] == properties
