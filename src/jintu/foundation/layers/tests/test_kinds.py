"""Lines, points and tables are layers like polygons: loaded, hashed, drawn, found."""

from __future__ import annotations

import gzip
import json
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from jintu.foundation.layers import importing, lake, schemas, tiles, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel import formats
from jintu.kernel.formats import mvt

from . import grid
from .conftest import DAY


def _road(i: int, code: str = "104", **other) -> dict:
    return {
        "BSM": i + 1,
        "YSDM": "2001020100",
        "DLBM": code,
        "DLMC": {"104": "农村道路", "117": "沟渠"}[code],
        "XZDWBH": str(i),
        "CD": 1000.0,
        "KD": 4.0,
        "XZDWMJ": 4000.0,
        "QSXZ": "30",
        "QSDWDM1": "9901210010010000000",
        "QSDWMC1": "甲村",
        "KCTBBH1": "1",
        "KCTBDWDM1": "9901210010010000000",
        "KCBL": 1.0,
    } | other


def _line(j: int) -> shapely.LineString:
    y = grid.NORTH + 100 + j * grid.STEP
    return shapely.LineString([(grid.EAST + 100, y), (grid.EAST + 1100, y)])


def _file(path, rows, shapes, **options):
    table = pa.Table.from_pylist(rows)
    if shapes is not None:
        table = table.append_column("geometry", pa.array(shapely.to_wkb(list(shapes)), pa.binary()))
    formats.write(path, table, crs=grid.CRS if shapes is not None else None, **options)
    return path


@pytest.fixture
def roads(db, tmp_path):
    rows = [_road(0), _road(1), _road(2, "117")]
    path = _file(tmp_path / "XZDW.shp", rows, [_line(j) for j in range(3)])
    return importing.import_layer("XZDW", path, "990121", DAY)


@pytest.fixture
def corners(db, tmp_path):
    shapes = [shapely.Point(grid.EAST + 100 * k, grid.NORTH) for k in range(5)]
    rows = [{"BSM": k + 1, "YSDM": "2006030100", "JZDH": f"J{k}"} for k in range(5)]
    return importing.import_layer("JZD", _file(tmp_path / "JZD.gpkg", rows, shapes), "990121", DAY)


def test_lines_are_loaded_with_their_lengths(roads) -> None:
    version = LayerVersion.objects.get(pk=roads.version.pk)
    assert (version.layer, version.rows, version.area) == ("survey.XZDW", 3, 0)
    length = roads.quality["length"]
    assert length["declared_m"] == 3000.0
    assert length["computed_m"] == pytest.approx(3000, rel=1e-3)
    assert roads.quality["classes"] == {"104": {"rows": 2, "area_m2": 0.0}, "117": {"rows": 1, "area_m2": 0.0}}
    assert versions.verify(version) == []
    delivered = shapely.from_wkb(version.table(["geometry_delivered"]).column(0).to_pylist())
    assert {g.geom_type for g in delivered} == {"LineString"}
    assert sorted(g.coords[0][1] for g in delivered) == [_line(j).coords[0][1] for j in range(3)]


def test_the_file_in_the_lake_says_it_holds_lines(roads) -> None:
    geo = json.loads(pq.read_schema(roads.version.directory / lake.DATA).metadata[b"geo"])
    assert geo["columns"]["geometry"]["geometry_types"] == ["LineString", "MultiLineString"]


def test_a_length_that_is_not_that_of_the_line_is_counted(db, tmp_path) -> None:
    path = _file(tmp_path / "XZDW.gpkg", [_road(0), _road(1, CD=900.0)], [_line(0), _line(1)])
    checks = importing.import_layer("XZDW", path, "990121", DAY).quality["checks"]
    assert [(c["rule"], c["keys"]) for c in checks] == [("Q5103", ["2"])]


@pytest.mark.parametrize(("table", "shape"), [("XZDW", shapely.Point(grid.EAST, grid.NORTH)), ("JZD", _line(0))])
def test_geometry_of_another_kind_is_refused_by_row(db, tmp_path, table, shape) -> None:
    row = _road(0) if table == "XZDW" else {"BSM": 1, "YSDM": "2006030100", "JZDH": "J1"}
    path = _file(tmp_path / "x.gpkg", [row], [shape])
    with pytest.raises(importing.LayerRefused) as caught:
        importing.import_layer(table, path, "990121", DAY)
    problem = caught.value.problems[0]
    assert (problem.place.row, problem.place.field, problem.params["kind"]) == (1, "geometry", shape.geom_type)


def test_a_line_of_one_place_is_refused(db, tmp_path) -> None:
    here = (grid.EAST, grid.NORTH)
    path = _file(tmp_path / "x.gpkg", [_road(0)], [shapely.LineString([here, here])])
    with pytest.raises(importing.LayerRefused, match="no length"):
        importing.import_layer("XZDW", path, "990121", DAY)


def _tiles(version: LayerVersion, zoom: int) -> bytes:
    west, south, east, north = version.bbox
    x, y = mvt.tile_of(zoom, (west + east) / 2, (south + north) / 2)
    return gzip.decompress(tiles.tile([version], zoom, x, y) or gzip.compress(b""))


@pytest.mark.parametrize("zoom", [8, 11, 14])
def test_lines_and_points_are_in_the_tiles_near_and_far(roads, corners, zoom) -> None:
    near = _tiles(roads.version, zoom)
    assert b"survey.XZDW" in near and (b"104" if zoom > 11 else b"10") in near
    assert b"survey.JZD" in _tiles(corners.version, zoom)


def test_a_layer_named_by_its_identifier_has_tiles(db, tmp_path) -> None:
    path = _file(tmp_path / "JZX.gpkg", [{"BSM": 7, "YSDM": "2006020100"}], [_line(0)])
    tile = _tiles(importing.import_layer("JZX", path, "990121", DAY).version, 15)
    assert b"bsm" in tile and b"survey.JZX" in tile


def test_lines_and_points_are_on_the_map_with_styles_of_their_own(roads, corners, director) -> None:
    config = director.get("/map/config/").json()
    layers = {layer["id"]: layer for group in config["groups"] for layer in group["layers"]}
    assert layers["survey.XZDW"]["style"]["kind"] == "line"
    assert [e["kind"] for e in layers["survey.XZDW"]["legend"]] == ["line", "line"]
    assert layers["survey.JZD"]["style"] == {"kind": "point", "token": "map-supply"}


def test_a_click_beside_a_line_finds_it_and_one_far_away_does_not(roads, director) -> None:
    middle = grid.lonlat(_line(0).interpolate(0.5, normalized=True))
    ask = {"layers": "survey.XZDW", "zoom": 15, "lon": middle.x, "lat": middle.y + 2e-5}
    answer = director.get("/map/identify/", ask).content.decode()
    assert "104" in answer and "LineString" in answer
    far = director.get("/map/identify/", ask | {"lat": middle.y + 6e-4}).content.decode()
    assert "LineString" not in far


def test_a_table_is_loaded_listed_and_kept_off_the_map(db, tmp_path, director) -> None:
    rows = [{"XZQDM": "990121", "ZBDM": code, "GHZ": value} for code, value in (("01", 5.5), ("02", 4.25))]
    path = _file(tmp_path / "指标.csv", rows, None)
    made = importing.import_layer("planning.GHZB", path, "990121", DAY)
    assert (made.rows, made.version.crs, made.version.area) == (2, "", 0)
    assert versions.verify(made.version) == []
    assert made.version.table(["indicator", "target_value"]).to_pylist() == [
        {"indicator": "01", "target_value": 5.5},
        {"indicator": "02", "target_value": 4.25},
    ]
    config = director.get("/map/config/").json()
    assert [g["id"] for g in config["groups"]] == ["lifecycle"] and "bounds" not in config
    page = director.get(f"/map/versions/{made.version.pk}/").content.decode()
    assert "4.25" in page and "version-map" not in page


def test_a_code_that_is_not_in_the_list_is_refused_in_a_table_too(db, tmp_path) -> None:
    path = _file(tmp_path / "a.csv", [{"XZQDM": "990121", "ZBDM": "77", "GHZ": 1.0}], None)
    with pytest.raises(importing.LayerRefused, match="77"):
        importing.import_layer("planning.GHZB", path, "990121", DAY)


def test_two_versions_of_lines_are_compared(roads, tmp_path) -> None:
    from jintu.foundation.layers import comparing

    rows = [_road(0, SM=None), _road(1, SM="拓宽")]
    path = _file(tmp_path / "b.gpkg", rows, [_line(0), _line(5)])
    later = importing.import_layer("XZDW", path, "990121", date(2025, 12, 31))
    found = comparing.diff(roads.version, later.version)
    assert (found.vanished, found.attributes, found.geometry, found.same) == (["3"], ["2"], ["2"], 1)


def test_every_schema_of_the_standards_is_there() -> None:
    kinds = {s.name: s.geometry for s in schemas.catalogue()}
    survey = "DLTB XZDW LXDW DLJX XZQ XZQJX PDT JBNTBHQ JBNTBHPK JBNTTB ZD JZX JZD"
    plan = "TDYTQ JSYDGZQ JSYDGZBJ TDGHDL ZDJSXM TDZZQY JQDLTB JQXZDW JQLXDW JQDLJX ZXCQ GHJBNT GHZB"
    minerals = "KANCHQ KANCKC KAICAQ KAICKC AGH CGH ZDKCGM"
    wanted = {
        f"{d}.{t}"
        for d, names in (("survey", survey), ("planning", plan), ("minerals", minerals))
        for t in names.split()
    }
    assert wanted <= set(kinds)
    assert kinds["survey.XZDW"] == "line" and kinds["survey.LXDW"] == "point" and kinds["planning.GHZB"] == "none"
