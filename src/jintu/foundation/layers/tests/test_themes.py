"""Thematic maps: counting, classes, tiles, saving."""

from __future__ import annotations

import gzip
import json
import os
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import content, generalise, importing, lake, rowgroups, versions
from jintu.foundation.layers.atlas import painting, palettes, pictures, prepared, themes
from jintu.foundation.layers.models import MapTheme
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job
from jintu.kernel.formats import mvt

from . import grid

LAYER = "survey.DLTB"


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(prepared, "EDITION", tmp_path.name)


def theme_in(page: str) -> dict:
    return json.loads(re.search(r"data-map-theme>(.*?)</script>", page, re.S).group(1))["layers"][0]


def test_every_feature_is_counted_once_with_its_area(county) -> None:
    version = county["DLTB"]
    for name, method in (("declared_area_m2", "quantile"), ("land_use_code", themes.BY_VALUE)):
        attribute = name if name in version.schema.columns else version.schema.area
        facts = themes.count([version], attribute, method, 5)
        assert sum(n for n, _area in facts["classes"]) + facts["other"][0] + facts["none"] == version.rows
        assert sum(a for _n, a in facts["classes"]) == pytest.approx(float(version.area), rel=1e-3)


def test_values_without_a_colour_are_the_others(county) -> None:
    version = county["DLTB"]
    facts = (
        themes.count([version], "patch_number", themes.BY_VALUE, 5)
        if "patch_number" in version.schema.columns
        else None
    )
    name = next(a.name for a in themes.attributes_of(version.schema) if a.code == "TBBH")
    facts = facts or themes.count([version], name, themes.BY_VALUE, 5)
    assert len(facts["values"]) == themes.MOST_VALUES
    assert facts["other"][0] == version.rows - themes.MOST_VALUES


def test_numbers_of_words_are_refused(county, director) -> None:
    answer = director.get("/map/theme/", {"layer": LAYER, "attribute": "land_use_code", "method": "quantile"})
    assert answer.status_code == 200  # the form offers only what there is
    assert "by value" not in answer.content.decode() or "quantiles" not in answer.content.decode()
    bad = director.get(
        "/map/theme/", {"layer": LAYER, "attribute": county["DLTB"].schema.area, "method": "manual", "breaks": "1 x"}
    )
    assert bad.status_code == 422


def test_persons_and_running_numbers_are_not_offered() -> None:
    from jintu.foundation.layers import schemas

    for schema in schemas.catalogue():
        offered = {a.name for a in themes.attributes_of(schema)}
        assert schema.key not in offered
        assert not any(schema.columns[n].personal for n in offered)


def test_tiles_carry_the_class_at_every_zoom(county, director) -> None:
    version = county["DLTB"]
    page = director.get("/map/theme/", {"layer": LAYER, "attribute": version.schema.area, "k": "3"}).content.decode()
    layer = theme_in(page)
    assert layer["source"]["minzoom"] < 12 and "<rect" in page
    assert len(layer["style"]["colours"]) == len(layer["legend"])
    import mapbox_vector_tile

    lon, lat = (version.west + version.east) / 2, (version.south + version.north) / 2
    for zoom in (9, 13):
        n = 2**zoom
        x = int((lon + 180) / 360 * n)
        y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * n)
        address = layer["source"]["tiles"].format(z=zoom, x=x, y=y)
        answer = director.get(address, HTTP_ACCEPT_ENCODING="gzip")
        assert answer.status_code == 200, address
        drawn = mapbox_vector_tile.decode(gzip.decompress(answer.content))
        classes = {f["properties"]["c"] for f in drawn["theme"]["features"]}
        assert classes and classes <= set(range(-1, 3))


def test_a_tile_reads_the_row_groups_it_meets_and_two_columns(monkeypatch, tmp_path, county) -> None:
    monkeypatch.setattr(content, "ROW_GROUP", 4)
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "g.gpkg"), "990122", date(2024, 12, 31)).version
    read = []
    plain = rowgroups._read
    monkeypatch.setattr(rowgroups, "_read", lambda v, columns, n: read.append((columns, n)) or plain(v, columns, n))
    monkeypatch.setattr(versions, "resident", lambda v: pytest.fail("the version was read as a whole"))
    monkeypatch.setattr(lake, "read", lambda *a, **k: pytest.fail("the version was read as a whole"))
    theme = themes.Theme(LAYER, "land_use_code", themes.BY_VALUE, values=("011", "013"))
    lon, lat = grid.lonlat(grid.cell(0, 0)).centroid.coords[0]
    n = 2**16
    x, y = int((lon + 180) / 360 * n), int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * n)
    import mapbox_vector_tile

    drawn = mapbox_vector_tile.decode(gzip.decompress(pictures.tile(theme, [version], 16, x, y)))
    assert {f["properties"]["c"] for f in drawn["theme"]["features"]} <= {-1, 0, 1}
    assert 0 < len(read) < len(rowgroups._index(version).boxes)
    assert {columns for columns, _ in read} == {("land_use_code", "geometry")}


def test_before_a_dense_layer_is_painted_no_tile_holds_more_than_its_own_tiles_do(
    monkeypatch, tmp_path, county
) -> None:
    monkeypatch.setattr(generalise, "MOST_FEATURES", 3)
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "g.gpkg"), "990122", date(2024, 12, 31)).version
    theme = themes.Theme(LAYER, "land_use_code", themes.BY_VALUE, values=("011", "013"))
    assert painting.layer_of(theme, [version], version.valid_from)["source"]["minzoom"] == 14
    place = mvt.tile_of(13, *grid.lonlat(grid.cell(0, 0)).centroid.coords[0])
    assert pictures.tile(theme, [version], 13, *place) == b""
    near = mvt.tile_of(14, *grid.lonlat(grid.cell(0, 0)).centroid.coords[0])
    assert pictures.tile(theme, [version], 14, *near) != b""
    pictures.make_picture(theme, version)
    assert painting.layer_of(theme, [version], version.valid_from)["source"]["minzoom"] == 4
    assert pictures.tile(theme, [version], 13, *place) != b"", "the empty tile was kept"


def test_a_neighbour_gets_no_tile(county, director, neighbour) -> None:
    page = director.get("/map/theme/", {"layer": LAYER, "attribute": "land_use_code"}).content.decode()
    address = theme_in(page)["source"]["tiles"].format(z=13, x=6797, y=3206)
    assert neighbour.get(address).status_code == 404
    assert "No layer has a version" in neighbour.get("/map/theme/").content.decode()


def test_a_theme_is_saved_found_again_and_removed(county, director, townsman, neighbour) -> None:
    page = director.get(
        "/map/theme/", {"layer": LAYER, "attribute": county["DLTB"].schema.area, "k": "4"}
    ).content.decode()
    digest = theme_in(page)["style"]["digest"]
    sent = {"digest": digest, "name": "面积", "shared": "on", "scheme": "puor"}
    assert director.post("/map/theme/save/", sent).status_code == 200
    assert director.post("/map/theme/save/", sent).status_code == 409
    kept = MapTheme.objects.get()
    assert Entry.objects.filter(act="map.theme").count() == 1
    again = director.get("/map/theme/", {"saved": kept.pk}).content.decode()
    assert theme_in(again)["style"]["digest"] == digest.replace("ylgnbu", "puor")
    config = director.get("/map/config/", {"theme": digest.replace("ylgnbu", "puor")}).json()
    assert config["groups"][0]["layers"][0]["style"]["colours"] == palettes.ramp("puor", 4)
    assert theme_in(again)["style"]["colours"] == palettes.ramp("puor", 4)
    assert neighbour.get("/map/theme/", {"saved": kept.pk}).status_code in (200, 404)
    assert "面积" not in neighbour.get("/map/theme/").content.decode()
    assert townsman.post(f"/map/theme/{kept.pk}/remove/").status_code == 404
    assert director.post(f"/map/theme/{kept.pk}/remove/").status_code == 200
    assert not MapTheme.objects.exists()


def test_large_layers_are_painted_by_a_job(county, director, monkeypatch) -> None:
    monkeypatch.setattr(prepared, "AT_ONCE", 10)
    page = director.get("/map/theme/", {"layer": LAYER, "attribute": "land_use_code"}).content.decode()
    assert theme_in(page)["source"]["minzoom"] == 12 and "Small scales are being drawn" in page
    (job,) = Job.objects.filter(kind="atlas.picture")
    jobs.execute(job.pk)
    page = director.get("/map/theme/", {"layer": LAYER, "attribute": "land_use_code"}).content.decode()
    assert theme_in(page)["source"]["minzoom"] < 12


def test_another_day_keeps_the_theme(county, director) -> None:
    page = director.get("/map/theme/", {"layer": LAYER, "attribute": "land_use_code"}).content.decode()
    digest = theme_in(page)["style"]["digest"]
    assert director.get("/map/config/", {"theme": digest}).json()["groups"][0]["id"] == "theme"
    before = director.get("/map/config/", {"theme": digest, "as_of": "2000-01-01"}).json()
    assert all(g["id"] != "theme" for g in before["groups"])


def test_land_use_on_paper_has_the_colours_of_the_screen() -> None:
    css = (Path(__file__).resolve().parents[5] / "frontend" / "src" / "css" / "tokens.css").read_text("utf-8")
    light = css[: css.index("[data-bs-theme=dark]")]
    assert dict(re.findall(r"--jt-lu-(\d\d): (#[0-9a-f]{6})", light)) == palettes.LAND_USE


def test_limits_survive_the_form_and_may_be_typed_the_chinese_way(county, director) -> None:
    sent = {"layer": LAYER, "attribute": county["DLTB"].schema.area, "method": "manual"}
    page = director.get("/map/theme/", sent | {"breaks": "10000.25\uff0c10000.5\uff1b20000、30000"}).content.decode()
    assert 'value="10000.25 10000.5 20000 30000"' in page
    assert "10\u202f000.5" in page and "20\u202f000.0" in page


def test_what_has_no_value_has_no_class(county) -> None:
    import pyarrow as pa

    theme = themes.Theme(LAYER, "slope_class", themes.BY_VALUE, values=("2",))
    assert theme.numbers(pa.chunked_array([["2", None, "9"]])).tolist() == [0, -1, -1]
    number = themes.Theme(LAYER, county["DLTB"].schema.area, "manual", breaks=(10.0,))
    assert number.numbers(pa.chunked_array([[1.0, None, 10.0]])).tolist() == [0, -1, 1]
    assert pictures.LAYER == "theme"


def test_definitions_that_nobody_asks_for_go(monkeypatch, settings) -> None:
    monkeypatch.setattr(prepared, "EVERY", 1)
    monkeypatch.setattr(prepared, "MOST", {"": 3})
    paths = [prepared.place_of("theme", n) for n in range(6)]
    for age, path in enumerate(paths[:3]):
        prepared.write(path, {"n": age})
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    assert prepared.kept(paths[0]) == {"n": 0}  # used again: now the newest
    prepared.write(paths[3], {"n": 3})
    assert [prepared.kept(p) is not None for p in paths[:4]] == [True, False, True, True]
