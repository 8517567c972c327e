"""Vector tiles, WMTS and its pictures."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from jintu.foundation.layers import tiles
from jintu.foundation.layers.tests import grid as county_grid
from jintu.foundation.layers.tests.test_kinds import corners, roads  # noqa: F401 - fixtures
from jintu.foundation.publication import opening, painting
from jintu.foundation.publication.grids import SETS

pytestmark = pytest.mark.django_db
FRONTEND = Path(__file__).resolve().parents[5] / "frontend" / "src" / "css" / "tokens.css"
NS = {"w": "http://www.opengis.net/wmts/1.0", "o": "http://www.opengis.net/ows/1.1"}


def pixels(data: bytes) -> np.ndarray:
    """(rows, columns, 4) of a PNG, read by another decoder."""
    rasterio = pytest.importorskip("rasterio")
    with rasterio.MemoryFile(data) as file, file.open() as picture:
        return np.moveaxis(picture.read(), 0, 2)


def version_of(name: str):
    return opening.find(name).version


# --- tiles ----------


def test_tilesets_say_where_tiles_are(land_use, public) -> None:
    root = f"/open/collections/{land_use}/tiles"
    (known,) = public.get(root).json()["tilesets"]
    assert known["dataType"] == "vector" and known["tileMatrixSetURI"].endswith("WebMercatorQuad")
    (template,) = [k for k in known["links"] if k["rel"] == "item"]
    facts = public.get(f"{root}/WebMercatorQuad").json()
    (layer,) = facts["layers"]
    assert set(layer["propertiesSchema"]["properties"]) == {"land_use_code", "key"}
    for limit in facts["tileMatrixSetLimits"]:
        zoom, row, column = int(limit["tileMatrix"]), limit["minTileRow"], limit["minTileCol"]
        if zoom not in (9, 14):
            continue
        place = {"tileMatrix": zoom, "tileRow": row, "tileCol": column}
        address = template["href"].partition("testserver")[2].format(**place)
        answer = public.get(address)
        assert answer.status_code == 200 and answer["Content-Type"] == "application/vnd.mapbox-vector-tile"
        assert answer.content == gzip.decompress(tiles.tile([version_of(land_use)], zoom, column, row))
        packed = public.get(address, headers={"accept-encoding": "gzip"})
        assert packed["Content-Encoding"] == "gzip" and gzip.decompress(packed.content) == answer.content


def test_where_no_tile_is(land_use, public) -> None:
    root = f"/open/collections/{land_use}/tiles"
    assert public.get(f"{root}/WebMercatorQuad/14/1/1").status_code == 204
    for wrong in (
        f"WebMercatorQuad/{tiles.MIN_ZOOM - 1}/0/0",
        "WebMercatorQuad/17/0/0",
        "WebMercatorQuad/14/99999/1",
        "Other/14/1/1",
        "Other",
    ):
        assert public.get(f"{root}/{wrong}").status_code == 404


def test_the_tile_matrix_set_is_that_of_the_standard(land_use, public) -> None:
    facts = public.get("/open/tileMatrixSets/WebMercatorQuad").json()
    first, last = facts["tileMatrices"][0], facts["tileMatrices"][-1]
    # OGC 17-083r4, annex D.1
    assert first["scaleDenominator"] == pytest.approx(559082264.028717, rel=1e-9)
    assert first["cellSize"] == pytest.approx(156543.033928041, rel=1e-9)
    assert first["pointOfOrigin"] == pytest.approx([-20037508.3427892, 20037508.3427892], abs=1e-6)
    assert (last["id"], last["matrixWidth"]) == ("24", 16777216)
    assert public.get("/open/tileMatrixSets").json()["tileMatrixSets"][0]["id"] == "WebMercatorQuad"


# --- WMTS ----------


def test_capabilities(land_use, public) -> None:
    answers = [
        public.get("/open/wmts?SERVICE=WMTS&REQUEST=GetCapabilities"),
        public.get("/open/wmts?service=wmts&version=1.0.0&request=getcapabilities"),
        public.get("/open/wmts/1.0.0/WMTSCapabilities.xml"),
    ]
    assert len({a.content for a in answers}) == 1 and answers[0]["Content-Type"].startswith("text/xml")
    root = ElementTree.fromstring(answers[0].content)
    assert root.findtext("w:Contents/w:Layer/o:Identifier", namespaces=NS) == land_use
    sets = {s.findtext("o:Identifier", namespaces=NS): s for s in root.findall("w:Contents/w:TileMatrixSet", NS)}
    assert set(sets) == {"c", "w"}
    assert sets["c"].findtext("o:SupportedCRS", namespaces=NS) == "urn:ogc:def:crs:EPSG::4490"
    first = sets["c"].find("w:TileMatrix", NS)
    # Tianditu's level 1: two tiles side by side, 0.703125° a pixel, from 90° N 180° W, latitude first
    assert [first.findtext(f"w:{n}", namespaces=NS) for n in ("MatrixWidth", "MatrixHeight")] == ["2", "1"]
    assert first.findtext("w:TopLeftCorner", namespaces=NS) == "90.0 -180.0"
    assert float(first.findtext("w:ScaleDenominator", namespaces=NS)) == pytest.approx(279541132.0143589, rel=1e-9)
    assert "审" in answers[0].content.decode()


@pytest.mark.parametrize(
    ("query", "code", "locator"),
    [
        ("", "MissingParameterValue", "service"),
        ("SERVICE=WMS&REQUEST=GetCapabilities", "InvalidParameterValue", "service"),
        ("SERVICE=WMTS", "MissingParameterValue", "request"),
        ("SERVICE=WMTS&REQUEST=GetLegend", "OperationNotSupported", "request"),
        ("SERVICE=WMTS&REQUEST=GetFeatureInfo", "MissingParameterValue", "layer"),
        ("SERVICE=WMTS&REQUEST=GetTile&LAYER=x", "MissingParameterValue", "style"),
        ("SERVICE=WMTS&REQUEST=GetCapabilities&ACCEPTVERSIONS=2.0.0", "VersionNegotiationFailed", "acceptversions"),
    ],
)
def test_faults(public, land_use, query: str, code: str, locator: str) -> None:
    answer = public.get(f"/open/wmts?{query}")
    report = ElementTree.fromstring(answer.content)
    exception = report.find("o:Exception", NS)
    assert answer.status_code == 400
    assert (exception.get("exceptionCode"), exception.get("locator")) == (code, locator)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"LAYER": "DLTB-990121-2020-01-01-aaaaaaaa"}, "InvalidParameterValue"),
        ({"STYLE": "red"}, "InvalidParameterValue"),
        ({"FORMAT": "image/tiff"}, "InvalidParameterValue"),
        ({"TILEMATRIXSET": "x"}, "InvalidParameterValue"),
        ({"TILEMATRIX": "0"}, "InvalidParameterValue"),
        ({"TILEMATRIX": "19"}, "InvalidParameterValue"),
        ({"TILEROW": "-1"}, "InvalidParameterValue"),
        ({"TILEROW": "999999"}, "TileOutOfRange"),
    ],
)
def test_faults_of_a_tile(public, land_use, change: dict[str, str], code: str) -> None:
    asked = {"SERVICE": "WMTS", "REQUEST": "GetTile", "LAYER": land_use, "STYLE": "default", "FORMAT": "image/png"}
    asked |= {"TILEMATRIXSET": "c", "TILEMATRIX": "14", "TILEROW": "2446", "TILECOL": "13594"}
    assert public.get("/open/wmts", asked)["Content-Type"] == "image/png"
    assert public.get("/open/wmts", asked | {"FORMAT": "tiles"}).status_code == 200  # as Chinese clients ask
    answer = public.get("/open/wmts", asked | change)
    assert answer.status_code == 400 and code in answer.content.decode()


def test_both_ways_give_the_same_picture(public, land_use) -> None:
    kvp = "SERVICE=WMTS&REQUEST=GetTile&STYLE=default&TILEMATRIXSET=c&TILEMATRIX=14&TILEROW=2446&TILECOL=13594"
    one = public.get(f"/open/wmts?{kvp}&LAYER={land_use}")
    two = public.get(f"/open/wmts/1.0.0/{land_use}/default/c/14/2446/13594.png")
    assert one.content == two.content and one["ETag"] and "public" in one["Cache-Control"]
    assert pixels(one.content).shape == (256, 256, 4)


# --- pictures ----------


def test_colours_are_those_of_the_console() -> None:
    if not FRONTEND.exists():
        pytest.skip("the sources of the front end are not here")
    light = FRONTEND.read_text(encoding="utf-8").partition("color-scheme: light")[0]
    known = {k: tuple(bytes.fromhex(v)) for k, v in re.findall(r"--jt-((?:lu|map)-\w+):\s*#([0-9a-f]{6})", light)}
    assert known.items() <= painting.colours().items() and len(known) > 20


@pytest.mark.parametrize("name", ["c", "w"])
@pytest.mark.parametrize("zoom", [14, 16, 18])
def test_each_patch_has_the_colour_of_its_class(land_use, name: str, zoom: int) -> None:
    grid, version = SETS[name], version_of(land_use)
    classes = version.table(["bsm", "land_use_code"]).to_pylist()
    by_number = {int(r["bsm"]): r["land_use_code"] for r in classes}
    for number in (1, 8, 17, 30):
        point = county_grid.lonlat(county_grid.cell((number - 1) % 6, (number - 1) // 6)).centroid
        row, _, column, _ = grid.limits(zoom, (point.x, point.y, point.x, point.y))
        west, south, east, north = grid.box(zoom, row, column)
        (x, y), cell = grid.projected(np.array([[point.x, point.y]]))[0], grid.cell(zoom)
        assert west <= x <= east and south <= y <= north
        pixel = pixels(painting.draw(version, grid, zoom, row, column))[int((north - y) / cell), int((x - west) / cell)]
        code = by_number[number]
        token = "lu-07" if code.startswith("20") else f"lu-{code[:2]}"
        assert tuple(pixel) == (*painting.colours()[token], 255), (number, code)


def test_neighbouring_tiles_fit(opened) -> None:
    """The share of covered pixels is the county's area, whatever the tiles cut."""
    grid, version = SETS["w"], opened["DLTB"]
    top, bottom, left, right = grid.limits(16, version.bbox)
    rows = [
        np.concatenate([pixels(painting.draw(version, grid, 16, r, c)) for c in range(left, right + 1)], axis=1)
        for r in range(top, bottom + 1)
    ]
    whole = np.concatenate(rows)[..., 3] / 255.0
    metres = county_grid.cell(0, 0, 6, 5).area
    scale = np.cos(np.radians((version.south + version.north) / 2))
    assert whole.sum() * (grid.cell(16) * scale) ** 2 == pytest.approx(metres, rel=0.01)
    inside = whole > 0
    columns = np.flatnonzero(inside.any(axis=0))
    assert len(columns) == columns[-1] - columns[0] + 1  # no stripe along a tile's edge


@pytest.mark.parametrize("kind", ["XZQ", "JBNTTB", "TDYTQ", "JSYDGZQ"])
def test_every_way_of_drawing(opened, kind: str) -> None:
    grid, version = SETS["c"], opened[kind]
    for zoom in (8, 11, 14, 17):
        row, _, column, _ = grid.limits(zoom, version.bbox)
        opacity = pixels(painting.draw(version, grid, zoom, row, column))[..., 3]
        assert opacity.max() > 0 or zoom in (8, 17)  # a spot, and the county's corner
        if kind == "XZQ":
            assert (opacity > 0).mean() < 0.2  # only borders


def test_lines_and_points_are_seen(roads, corners) -> None:  # noqa: F811
    grid = SETS["w"]
    for version in (roads.version, corners.version):
        for zoom in (11, 15):
            row, _, column, _ = grid.limits(zoom, version.bbox)
            share = (pixels(painting.draw(version, grid, zoom, row, column))[..., 3] > 0).mean()
            assert 0 < share < 0.1, (version.layer, zoom)


def test_a_picture_is_kept_far_and_drawn_near(land_use, monkeypatch) -> None:
    grid, version = SETS["c"], version_of(land_use)
    first = painting.picture(version, grid, 14, 2446, 13594)
    monkeypatch.setattr(painting, "draw", lambda *a: b"anew")
    assert painting.picture(version, grid, 14, 2446, 13594) == first
    assert painting.picture(version, grid, 16, 1, 1) == b"anew"


def test_where_nothing_is_the_picture_is_empty(land_use) -> None:
    empty = pixels(painting.draw(version_of(land_use), SETS["w"], 10, 1, 1))
    assert empty.shape == (256, 256, 4) and not empty.any()
    assert io.BytesIO(painting.draw(version_of(land_use), SETS["w"], 10, 1, 1)).read(4) == b"\x89PNG"


# --- GetFeatureInfo ----------


def asked_at(name: str, set_name: str, zoom: int, lon: float, lat: float) -> dict[str, object]:
    """The parameters for a place, reckoned from the definition of the grids alone."""
    if set_name == "c":
        across, down = (lon + 180) / 360 * 2**zoom, (90 - lat) / 360 * 2**zoom
    else:
        across = (lon + 180) / 360 * 2**zoom
        down = (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom
    place = {"TileMatrix": zoom, "TileRow": int(down), "TileCol": int(across)}
    pixel = {"I": int(across % 1 * 256), "J": int(down % 1 * 256)}
    asked = {"Service": "WMTS", "Request": "GetFeatureInfo", "Version": "1.0.0", "Layer": name, "Style": "default"}
    return asked | {
        "Format": "image/png",
        "TileMatrixSet": set_name,
        **place,
        **pixel,
        "InfoFormat": "application/json",
    }


@pytest.mark.parametrize("set_name", ["c", "w"])
def test_what_is_at_a_pixel(land_use, public, set_name: str) -> None:
    import shapely

    version = version_of(land_use)
    table = version.table()
    shapes = shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))
    for row in (0, 7, 20):
        point = shapely.point_on_surface(shapes[row])
        asked = asked_at(land_use, set_name, 18, point.x, point.y)
        found = public.get("/open/wmts", asked).json()["features"]
        assert [f["id"] for f in found] == [table.column("bsm")[row].as_py()]
        assert set(found[0]["properties"]) == set(opening.find(land_use).shown)
        place = "/".join(str(asked[n]) for n in ("TileMatrix", "TileRow", "TileCol", "J", "I"))
        by_address = public.get(f"/open/wmts/1.0.0/{land_use}/default/{set_name}/{place}.json")
        assert by_address.json()["features"] == found
        page = public.get("/open/wmts", asked | {"InfoFormat": "text/html"}).content.decode()
        plain = public.get("/open/wmts", asked | {"InfoFormat": "text/plain"}).content.decode()
        number = table.column("patch_no")[row].as_py()
        assert f">{number}<" in page and f": {number}\n" in plain and "<script" not in page
    nowhere = public.get("/open/wmts", asked_at(land_use, set_name, 12, 0.0, 0.0))
    assert nowhere.json()["features"] == []


def test_what_is_wrong_with_a_pixel_is_said(land_use, public) -> None:
    asked = asked_at(land_use, "c", 12, 118.7, 36.2)
    for wrong, code in (
        ({"I": 256}, "PointIJOutOfRange"),
        ({"J": "x"}, "PointIJOutOfRange"),
        ({"InfoFormat": "image/png"}, "InvalidParameterValue"),
        ({"Layer": "nope"}, "InvalidParameterValue"),
        ({"TileRow": 10**6}, "TileOutOfRange"),
    ):
        answer = public.get("/open/wmts", asked | wrong)
        assert answer.status_code == 400 and f'exceptionCode="{code}"' in answer.content.decode(), wrong


def test_points_are_hit_near_by(corners) -> None:  # noqa: F811
    """A hundred metres lie between them; at level 15 four pixels are 19 m."""
    import shapely

    from jintu.foundation.publication import asked_point
    from jintu.foundation.publication.models import Opening

    version = corners.version
    point = shapely.from_wkb(version.table().column("geometry")[0].as_py())
    pixel = 360 / 256 / 2**15
    hits = []
    for away in (0, 3, 10):
        asked = asked_at("x", "c", 15, point.x - away * pixel, point.y)
        tile = tuple(int(asked[n]) for n in ("TileMatrix", "TileRow", "TileCol"))
        rows = asked_point._rows(Opening(version=version), SETS["c"], tile, (int(asked["I"]), int(asked["J"])))
        hits.append(len(rows))
    assert hits == [1, 1, 0]
