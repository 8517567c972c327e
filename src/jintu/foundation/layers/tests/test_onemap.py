"""The map page: configuration, identify, search, versions; who sees what, in how many queries."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jintu.foundation.layers import importing, schemas, versions
from jintu.foundation.layers.models import ImagerySource, LayerVersion

from . import grid

pytestmark = pytest.mark.django_db


def layers_of(config: dict) -> dict[str, dict]:
    return {layer["id"]: layer for group in config["groups"] for layer in group["layers"]}


def centre(i: int, j: int) -> dict[str, float]:
    point = grid.lonlat(grid.cell(i, j)).centroid
    return {"lon": point.x, "lat": point.y}


def test_the_page_carries_the_configuration(county, director) -> None:
    answer = director.get("/map/")
    assert answer.status_code == 200 and b'id="onemap"' in answer.content
    config = director.get("/map/config/").json()
    layers = layers_of(config)
    assert {"survey.DLTB", "survey.XZQ", "survey.JBNTTB", "planning.TDYTQ", "planning.JSYDGZQ"} <= set(layers)
    assert [g["id"] for g in config["groups"]] == ["lifecycle", "land_use", "plan", "base"]
    dltb = layers["survey.DLTB"]
    assert dltb["version"] == county["DLTB"].hash and county["DLTB"].key in dltb["source"]["tiles"]
    assert dltb["style"] == {"kind": "land-use", "field": "land_use_code"}
    assert [e["token"] for e in dltb["legend"]] == ["lu-01", "lu-03", "lu-10", "lu-07"]
    assert {c["value"] for c in layers["planning.TDYTQ"]["style"]["classes"]} >= {"010", "030"}
    west, south, east, north = config["bounds"]
    assert west < centre(2, 2)["lon"] < east and south < centre(2, 2)["lat"] < north
    assert config["urls"]["analyse"] == "/map/analyse/"


def test_a_layer_that_came_to_lie_elsewhere_does_not_make_the_county_a_speck(county, director) -> None:
    stray = county["TDYTQ"]
    west, south, east, north = county["XZQ"].bbox
    LayerVersion.objects.filter(pk=stray.pk).update(west=west - 5, east=east - 5)
    config = director.get("/map/config/").json()
    assert config["home"] == pytest.approx([west, south, east, north])


def test_the_page_takes_few_queries(county, director) -> None:
    director.get("/map/")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        director.get("/map/")
    assert len(queries) <= 15


def test_another_day_shows_another_version(county, director, tmp_path) -> None:
    old = importing.import_layer(
        "DLTB", grid.dltb(tmp_path / "o.gpkg", TBBH={0: "o"}), "990121", date(2020, 12, 31)
    ).version
    now = director.get("/map/config/").json()
    then = director.get("/map/config/?as_of=2021-06-01").json()
    assert layers_of(now)["survey.DLTB"]["version"] == county["DLTB"].hash
    assert layers_of(then)["survey.DLTB"]["version"] == old.hash
    assert "survey.JBNTTB" not in layers_of(then)
    assert [d["title"] for d in now["dates"]] == ["2020", "2024", "2026-06-15"]
    assert [v["title"] for v in layers_of(now)["survey.DLTB"]["versions"]] == ["2024-12-31", "2020-12-31"]
    assert director.get("/map/config/?as_of=soon").status_code == 422


def test_the_neighbour_sees_no_layer_of_this_county(county, neighbour, townsman) -> None:
    assert not [i for i in layers_of(neighbour.get("/map/config/").json()) if i.startswith("survey")]
    config = townsman.get("/map/config/").json()
    assert "survey.DLTB" in layers_of(config)


def test_the_administrator_of_the_system_has_no_map(county, administrator, client) -> None:
    assert administrator.get("/map/").status_code == 403
    assert client.get("/map/").status_code == 302


def test_imagery_is_off_until_the_operator_turns_it_on(county, director) -> None:
    source = ImagerySource.objects.create(
        name="2025 正射影像", kind="xyz", url="https://imagery.example/{z}/{x}/{y}.png", attribution="示例"
    )
    assert "imagery" not in [g["id"] for g in director.get("/map/config/").json()["groups"]]
    ImagerySource.objects.filter(pk=source.pk).update(enabled=True)
    config = director.get("/map/config/").json()
    layer = layers_of(config)[f"imagery.{source.pk}"]
    assert layer["visible"] is False and layer["source"]["raster"] == source.url and "示例" in config["credit"]


# -- identify and search ----------


def test_neither_loads_a_version(county, director, monkeypatch) -> None:
    monkeypatch.setattr(versions, "resident", lambda v: pytest.fail("the version was read as a whole"))
    assert "Nothing here" not in director.get("/map/identify/", centre(0, 0)).content.decode()
    assert director.get("/map/search/", {"q": "17"}).json()["results"]
    assert director.get("/map/search/", {"q": "甲村"}).json()["results"]


def test_a_click_tells_all_layers_with_meanings(county, director) -> None:
    text = director.get(
        "/map/identify/", {**centre(4, 0), "layers": "survey.DLTB,survey.JBNTTB,planning.JSYDGZQ"}
    ).content.decode()
    assert text.count("<details") == 3
    for words in (
        "031",
        "wooded land",
        "990121001001000000",
        "prohibited construction zone",
        county["DLTB"].short_hash,
    ):
        assert words in text
    assert "甲村" in director.get("/map/identify/", {**centre(0, 0), "layers": "survey.XZQ"}).content.decode()


def test_persons_are_masked_for_who_only_looks(county, director, inspector, db) -> None:
    from .conftest import _person

    viewer = _person("viewer", "990121", "viewer")
    query = {**centre(4, 0), "layers": "survey.JBNTTB"}
    assert "张三" in director.get("/map/identify/", query).content.decode()
    assert "张三" not in viewer.get("/map/identify/", query).content.decode()


def test_a_click_beside_everything_and_a_bad_click(county, director, neighbour) -> None:
    assert "Nothing here" in director.get("/map/identify/", {"lon": 100, "lat": 30}).content.decode()
    assert "Nothing here" in neighbour.get("/map/identify/", centre(0, 0)).content.decode()
    for wrong in ({"lon": "x", "lat": 1}, {"lon": 1}, {"lon": 999, "lat": 1}, {"lon": "nan", "lat": "1"}):
        assert director.get("/map/identify/", wrong).status_code == 422


def test_villages_and_patches_are_found(county, director, neighbour) -> None:
    def titles(client, q: str) -> list[str]:
        return [r["title"] for r in client.get("/map/search/", {"q": q}).json()["results"]]

    assert titles(director, "甲村") == ["甲村"]
    assert titles(director, "990121001002") == ["乙村"]
    assert any("013" in t for t in titles(director, "17"))
    assert titles(director, "1") == [] and titles(neighbour, "甲村") == []
    (result,) = director.get("/map/search/", {"q": "甲村"}).json()["results"]
    assert len(result["bounds"]) == 4 and result["geometry"]["type"] == "MultiPolygon"


# -- versions ----------


def test_versions_are_listed_and_shown(county, director, neighbour) -> None:
    text = director.get("/map/versions/").content.decode()
    assert all(v.short_hash in text for v in county.values())
    url = f"/map/versions/{county['DLTB'].pk}/"
    page = director.get(url).content.decode()
    assert county["DLTB"].hash in page and county["DLTB"].source_hash in page
    assert neighbour.get(url).status_code == 404


def test_verification_and_withdrawal_over_http(county, director, townsman) -> None:
    url = f"/map/versions/{county['DLTB'].pk}/"
    assert "are what was published" in director.post(f"{url}verify/", follow=True).content.decode()
    assert townsman.post(f"{url}state/", {"to": "withdrawn", "reason": "x"}).status_code == 403
    assert director.post(f"{url}state/", {"to": "withdrawn", "reason": ""}).status_code == 422
    director.post(f"{url}state/", {"to": "withdrawn", "reason": "wrong year"})
    assert LayerVersion.objects.get(pk=county["DLTB"].pk).state == "withdrawn"
    director.post(f"{url}state/", {"to": "published", "reason": "as drawn"})
    assert LayerVersion.objects.get(pk=county["DLTB"].pk).state == "published"


def test_two_versions_are_compared_on_a_page(county, director, tmp_path) -> None:
    path = grid.dltb(tmp_path / "n.gpkg", DLBM={2: "011"}, DLMC={2: "水田"}, GDPDJ={2: "1"})
    new = importing.import_layer("DLTB", path, "990121", date(2025, 12, 31)).version
    text = director.get(f"/map/versions/{new.pk}/compare/", {"with": county["DLTB"].pk}).content.decode()
    assert "203" in text and "011" in text and "3.9987" in text
    assert director.get(f"/map/versions/{new.pk}/compare/").status_code == 422


def test_the_form_offers_each_layer_once_below_its_delivery(director) -> None:
    groups = director.get("/map/versions/import/").context["groups"]
    offered = [schema.name for _label, found in groups for schema in found]
    assert sorted(offered) == sorted(schema.name for schema in schemas.catalogue())
    (survey,) = (found for _label, found in groups if any(schema.name == "survey.DLTB" for schema in found))
    assert "planning.TDYTQ" not in {schema.name for schema in survey}


def test_a_layer_is_loaded_through_the_page_as_a_job(director, townsman, neighbour, tmp_path) -> None:
    from jintu.foundation.operations import jobs
    from jintu.foundation.operations.models import Job

    def send(client, path, **more):
        with path.open("rb") as file:
            return client.post(
                "/map/versions/import/",
                {"layer": "survey.DLTB", "division": "990121", "valid_from": "2025-12-31", "file": file, **more},
            )

    form = director.get("/map/versions/import/")
    assert form.status_code == 200
    assert "utf-8" not in form.content.decode().partition('id="encoding"')[2][:60]
    path = grid.dltb(tmp_path / "图斑.gpkg")
    assert send(townsman, path).status_code == 422  # the county is more than a township's clerk may fill
    assert send(director, path, valid_from="").status_code == 422
    assert send(director, path).status_code == 302
    jobs.work_off()
    job = Job.objects.get(kind="layers.import")
    assert job.state == "done" and job.result["rows"] == 30
    assert LayerVersion.objects.get().source_name == "图斑.gpkg"
    send(director, grid.dltb(tmp_path / "b.gpkg", DLBM={0: "999"}), valid_from="2026-01-01")
    jobs.work_off()
    job = Job.objects.filter(kind="layers.import").latest("pk")
    assert job.state == "failed" and "problems" in job.error["sentence"] and job.error["params"]["report"]
    assert LayerVersion.objects.count() == 1

    # its page gives the list, and the way to hand the same file in again
    page = director.get(f"/jobs/{job.pk}/", headers={"Accept-Language": "zh-hans"})
    assert "row 2" not in page.context["error"].sentence
    listed = director.get(f"/jobs/{job.pk}/report/")
    assert listed.status_code == 200
    assert b"".join(listed.streaming_content)[:2] == b"PK"
    assert townsman.get(f"/jobs/{job.pk}/report/").status_code == 404
    form = director.get(page.context["again"])
    assert "b.gpkg" in form.content.decode() and "2026-01-01" in form.content.decode()
    bare = form.context["kept"].sha256  # printed on pages of versions, to people who may not see the file
    assert director.get("/map/versions/import/", {"file": bare}).status_code == 404
    assert director.get("/map/versions/import/match/", {"file": bare, "layer": "survey.DLTB"}).status_code == 404
    assert neighbour.get(page.context["again"]).status_code == 404  # a link handed on opens nothing for another
    kept = {"kept": form.context["ticket"], "layer": "survey.DLTB", "division": "990121"}
    again = director.post("/map/versions/import/", {**kept, "valid_from": "2026-01-01", "good_only": "1"})
    assert again.status_code == 302, again.content[-500:]
    jobs.work_off()
    assert LayerVersion.objects.count() == 2
