"""Tiles of versions: what they hold at every zoom, who gets them, how long they last."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import date

import numpy as np
import pytest
import shapely

from jintu.foundation.layers import importing, tiles
from jintu.kernel.errors import InputError
from jintu.kernel.formats import mvt

from . import grid

pytestmark = pytest.mark.django_db


def decoded(data: bytes) -> dict:
    code = (
        "import json,sys,gzip,mapbox_vector_tile as m;"
        "print(json.dumps(m.decode(gzip.decompress(sys.stdin.buffer.read()),default_options={'y_coord_down':True})))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    return json.loads(done.stdout)


def where(zoom: int, i: int = 2, j: int = 2) -> tuple[int, int, int]:
    point = grid.lonlat(grid.cell(i, j)).centroid
    return (zoom, *mvt.tile_of(zoom, point.x, point.y))


def test_a_tile_holds_the_patches_with_class_and_key(county) -> None:
    layer = decoded(tiles.tile([county["DLTB"]], *where(14)))["survey.DLTB"]
    assert {f["properties"]["land_use_code"] for f in layer["features"]} == set(grid.CLASSES)
    assert all(set(f["properties"]) == {"land_use_code", "key"} for f in layer["features"])


def test_patches_of_a_tile_fit_without_gaps(county) -> None:
    z, x, y = where(13)
    shapes = []
    for tx, ty in {(x, y), mvt.tile_of(13, *grid.lonlat(grid.cell(0, 0)).centroid.coords[0]),
                   mvt.tile_of(13, *grid.lonlat(grid.cell(5, 4)).centroid.coords[0])}:  # fmt: skip
        for feature in decoded(tiles.tile([county["DLTB"]], z, tx, ty))["survey.DLTB"]["features"]:
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            shapes.append(shapely.transform(shape, lambda p, tx=tx, ty=ty: p + np.array([tx, ty]) * 4096))
    union = shapely.union_all(shapes)
    assert union.geom_type == "Polygon" and not union.interiors


@pytest.mark.parametrize("zoom", [5, 8, 9, 10, 11])
def test_small_scales_show_dissolved_classes(county, zoom: int) -> None:
    tile = decoded(tiles.tile([county["JSYDGZQ"]], *where(zoom)))
    layer = tile.get("planning.JSYDGZQ")
    if zoom < 10:  # the whole county is a few pixels
        assert layer is None or len(layer["features"]) <= 3
        return
    assert {f["properties"]["control_type"] for f in layer["features"]} == {"010", "020", "040"}
    assert len(layer["features"]) == 3


def test_land_use_is_dissolved_by_first_level(county) -> None:
    layer = decoded(tiles.tile([county["DLTB"]], *where(11)))["survey.DLTB"]
    codes = {f["properties"]["land_use_code"] for f in layer["features"]}
    assert codes <= {"01", "20", "10", "03"} and codes
    assert len(layer["features"]) < 30


def test_a_broken_partition_is_generalised_all_the_same(tmp_path) -> None:
    shapes = {8: grid.cell(2, 1, 2, 2), 9: grid.cell(3, 1).buffer(60)}
    version = importing.import_layer(
        "DLTB", grid.dltb(tmp_path / "a.gpkg", shapes=shapes), "990121", date(2024, 12, 31)
    ).version
    layer = decoded(tiles.tile([version], *where(11)))["survey.DLTB"]
    assert all(shapely.from_geojson(json.dumps(f["geometry"])).is_valid for f in layer["features"])


def test_tiles_come_from_the_cache_the_second_time(county, monkeypatch) -> None:
    first = tiles.tile([county["DLTB"]], *where(15))
    monkeypatch.setattr(tiles.drawing, "encoded", lambda *a: 1 / 0)
    assert tiles.tile([county["DLTB"]], *where(15)) == first
    with pytest.raises(ZeroDivisionError):
        tiles.tile([county["DLTB"]], *where(16))


def test_every_patch_says_its_name_in_one_tile_only(county) -> None:
    z = where(16)[0]
    west, north = (min(v) for v in zip(*(mvt.tile_of(z, *grid.lonlat(grid.cell(i, j)).centroid.coords[0])
                                         for i, j in ((0, 0), (5, 4))), strict=True))  # fmt: skip
    said, drawn = [], set()
    for tx in range(west - 1, west + 12):
        for ty in range(north - 1, north + 12):
            if data := tiles.tile([county["DLTB"]], z, tx, ty):
                tile = decoded(data)
                drawn |= {f["properties"]["key"] for f in tile["survey.DLTB"]["features"]}
                said += tile.get("survey.DLTB" + tiles.LABELS, {"features": []})["features"]
    assert len(said) == len(drawn) > 20
    assert all(f["geometry"]["type"] == "Point" and f["properties"]["land_use_code"] for f in said)


def test_nothing_outside_and_no_such_tile(county) -> None:
    assert tiles.tile([county["DLTB"]], 12, 0, 0) == b""
    for wrong in ((3, 0, 0), (17, 0, 0), (12, 5000, 1)):
        with pytest.raises(InputError):
            tiles.tile([county["DLTB"]], *wrong)


def address(version, zoom: int = 14) -> str:
    z, x, y = where(zoom)
    return f"/map/tiles/{version.layer}/{tiles.reference([version], date(2026, 1, 1))}/{z}/{x}/{y}.mvt"


def test_a_tile_may_be_kept_for_a_year(county, director) -> None:
    answer = director.get(address(county["DLTB"]), headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200 and answer["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert answer["Content-Encoding"] == "gzip" and "immutable" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    plain = director.get(address(county["DLTB"]))
    assert plain.content == gzip.decompress(answer.content)
    assert director.get(f"/map/tiles/survey.DLTB/{county['DLTB'].key}/12/1/1.mvt").status_code == 204


def test_scope_is_checked_for_every_tile(
    county, director, townsman, neighbour, inspector, administrator, client
) -> None:
    url = address(county["DLTB"])
    assert [p.get(url).status_code for p in (director, townsman, inspector)] == [200, 200, 200]
    assert neighbour.get(url).status_code == 404
    assert administrator.get(url).status_code == 403
    assert client.get(url).status_code == 302


def test_counties_are_one_layer_for_the_city(county, inspector, tmp_path) -> None:
    other = importing.import_layer(
        "DLTB", grid.dltb(tmp_path / "n.gpkg", TBBH={0: "n"}), "990122", date(2024, 12, 31)
    ).version
    pieces = [county["DLTB"], other]
    reference = tiles.reference(pieces, date(2026, 1, 1))
    z, x, y = where(14)
    answer = inspector.get(f"/map/tiles/survey.DLTB/{reference}/{z}/{x}/{y}.mvt", headers={"accept-encoding": "gzip"})
    single = decoded(tiles.tile([county["DLTB"]], z, x, y))["survey.DLTB"]["features"]
    both = decoded(answer.content)["survey.DLTB"]["features"]
    assert len(both) == 2 * len(single)


def test_a_network_with_a_thousand_holes_is_cut_into_pieces_without_losing_any_of_it() -> None:
    from jintu.foundation.layers import dissolving

    holes = [shapely.box(i + 0.1, j + 0.1, i + 0.9, j + 0.9).exterior for i in range(32) for j in range(32)]
    network = shapely.Polygon(shapely.box(0, 0, 32, 32).exterior, holes)
    codes, shapes = np.array(["10", "01"], dtype=object), np.array([network, shapely.box(40, 0, 41, 1)], dtype=object)
    made_codes, made = dissolving._in_pieces(codes, shapes)
    assert max(len(p.interiors) for p in made) <= dissolving.MOST_HOLES < 1024
    assert shapely.equals(shapely.union_all(made[made_codes == "10"]), network)
    assert made[made_codes == "01"].tolist() == [shapes[1]]


def test_what_is_too_small_to_see_shows_the_main_class(tmp_path) -> None:
    import pyarrow.parquet as pq

    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", date(2024, 12, 31)).version
    low = pq.read_table(version.directory / "low.parquet").to_pylist()
    for level in (9, 10, 11):
        shapes = [shapely.from_wkb(r["geometry"]) for r in low if r["level"] == level]
        assert shapely.area(shapely.union_all(shapes)) == pytest.approx(
            shapely.area(grid.lonlat(grid.cell(0, 0, 6, 5))), rel=0.15
        )


def test_small_scales_have_neither_gaps_nor_overlaps(tmp_path, monkeypatch) -> None:
    """Lanes, crumbs and the seams of blocks included: the areas of a level are the area of their union."""
    import pyarrow.parquet as pq

    from jintu.foundation.layers import dissolving

    monkeypatch.setattr(dissolving, "BLOCK", 16)
    lanes = {3: grid.cell(3, 0).buffer(-20), 8: grid.cell(2, 1, 1, 1).buffer(-12)}
    shapes = {k: lanes[k] for k in lanes}
    version = importing.import_layer(
        "DLTB", grid.dltb(tmp_path / "a.gpkg", shapes=shapes), "990121", date(2024, 12, 31)
    ).version
    low = pq.read_table(version.directory / "low.parquet").to_pylist()
    assert {r["level"] for r in low} >= set(range(6, 12))  # at zoom 5 the county is less than a pixel
    for level in range(4, 12):
        shapes = [shapely.from_wkb(r["geometry"]) for r in low if r["level"] == level]
        assert all(s.is_valid for s in shapes)
        assert shapely.area(shapes).sum() == pytest.approx(shapely.area(shapely.union_all(shapes)), rel=1e-9)
