"""The abstract tests of OGC API – Features part 1 (17-069r4, annex A) and part 2 (18-058r1), asked of this node.

The names follow the annex: /conf/core, /conf/geojson, /conf/html, /conf/oas30, and /conf/crs of part 2.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import pytest
import shapely

from jintu.foundation.publication import features, reading

pytestmark = pytest.mark.django_db

CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CGCS2000 = "http://www.opengis.net/def/crs/EPSG/0/4490"
MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"


@pytest.fixture
def ask(public, land_use):
    """``ask(path, **parameters)`` below /open; "{c}" in the path is the collection."""

    def asked(path: str = "", status: int = 200, **parameters: object):
        query = urlencode({k.replace("_", "-") if k == "bbox_crs" else k: v for k, v in parameters.items()})
        answer = public.get(f"/open{path.format(c=f'/collections/{land_use}')}{'?' + query if query else ''}")
        assert answer.status_code == status, answer.content[:500]
        return answer

    return asked


def links(document: dict, rel: str, kind: str = "") -> list[str]:
    return [k["href"] for k in document["links"] if k["rel"] == rel and kind in k.get("type", "")]


def followed(public, address: str, accept: str = "application/json"):
    parts = urlsplit(address)
    return public.get(f"{parts.path}?{parts.query}", headers={"accept": accept})


def fits(ask, name: str, document: object) -> None:
    """The document is as the node's own OpenAPI description says."""
    jsonschema = pytest.importorskip("jsonschema")
    api = json.loads(json.dumps(ask("/openapi").json()).replace('"nullable": true', '"x": true'))
    for part in ("geometry", "properties"):  # nullable of OpenAPI 3.0 is no JSON Schema
        api["components"]["schemas"]["featureGeoJSON"]["properties"][part]["type"] = ["object", "null"]
    jsonschema.validate(document, {"$ref": f"#/components/schemas/{name}", "components": api["components"]})


# --- core: landing page, API definition, conformance ----------


def test_root(ask, public) -> None:
    for path in ("", "/"):
        page = ask(path).json()
    fits(ask, "landingPage", page)
    for rel in ("service-desc", "service-doc", "conformance", "data", "self", "alternate"):
        assert links(page, rel), rel
    for link in page["links"]:
        answer = followed(public, link["href"], link["type"])
        assert answer.status_code == 200, link
        assert answer["Content-Type"].split(";")[0] == link["type"].split(";")[0], link


def test_api_definition(ask) -> None:
    """/conf/oas30/oas-definition: valid, complete, and every reference in it resolves inside it."""
    answer = ask("/openapi")
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json;version=3.0"
    api = answer.json()
    openapi = pytest.importorskip("pygeoapi.openapi")
    assert openapi.validate_openapi_document(api)
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(api))):
        assert reference.startswith("#/")
        node = api
        for step in reference[2:].split("/"):
            node = node[step]
    operations = [o["get"]["operationId"] for o in api["paths"].values()]
    assert len(operations) == len(set(operations))


def test_every_path_of_the_definition_answers(ask, public, land_use) -> None:
    """/conf/oas30/completeness and oas-impl."""
    api = ask("/openapi").json()
    for path in api["paths"]:
        filled = path.format(
            featureId="1", tileMatrixSetId="WebMercatorQuad", tileMatrix=14, tileRow=6420, tileCol=13594
        )
        answer = public.get(f"/open{filled if filled != '/' else ''}")
        assert answer.status_code == 200, path
        kinds = api["paths"][path]["get"]["responses"]["200"]["content"]
        kind = answer["Content-Type"].split(";")[0]
        assert kind in kinds or "application/json" in kinds, (path, kind)


def test_conformance(ask) -> None:
    document = ask("/conformance").json()
    fits(ask, "confClasses", document)
    assert {f"{CORE}/{name}" for name in ("core", "geojson", "html", "oas30")} <= set(document["conformsTo"])
    # only what is there is claimed
    assert not [c for c in document["conformsTo"] if "features-4" in c or "records" in c]
    assert ask("/conformance").json() == document


def test_http(public, land_use) -> None:
    """/conf/core/http: HTTP/1.1 and its methods; nothing can be written."""
    address = f"/open/collections/{land_use}/items"
    assert public.head(address).status_code == 200 and public.head(address).content == b""
    assert "GET" in public.options(address)["Allow"]
    for method in (public.post, public.put, public.patch, public.delete):
        answer = method(address, b"{}", content_type="application/json") if method != public.delete else method(address)
        assert answer.status_code == 405 and "POST" not in answer["Allow"]


# --- core: collections ----------


def test_collections(ask, public, land_use) -> None:
    document = ask("/collections").json()
    fits(ask, "collections", document)
    assert links(document, "self") and links(document, "alternate", "text/html")
    (collection,) = document["collections"]
    assert collection["id"] == land_use
    items = links(collection, "items", "application/geo+json")
    assert items and links(collection, "items", "text/html")
    assert followed(public, items[0]).json()["type"] == "FeatureCollection"
    west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
    assert west < east and south < north
    assert collection["extent"]["temporal"]["interval"] == [["2024-12-31T00:00:00Z", None]]
    single = ask("{c}").json()
    fits(ask, "collection", single)
    assert {k: single[k] for k in ("id", "title", "extent", "crs")} == {
        k: collection[k] for k in ("id", "title", "extent", "crs")
    }
    assert "审" in single["attribution"]
    assert not links(single, "alternate", "ld+json")


def test_links_of_a_collection_lead_somewhere(ask, public) -> None:
    for link in ask("{c}").json()["links"]:
        answer = followed(public, link["href"], link["type"])
        assert answer.status_code == 200, link
        assert answer["Content-Type"].split(";")[0] == link["type"].split(";")[0], link


# --- core: features ----------


def test_features(ask, land_use) -> None:
    answer = ask("{c}/items")
    assert answer["Content-Type"] == "application/geo+json"
    assert answer["Content-Crs"] == f"<{CRS84}>"
    page = answer.json()
    fits(ask, "featureCollectionGeoJSON", page)
    assert page["numberMatched"] == page["numberReturned"] == len(page["features"]) == 30
    assert datetime.fromisoformat(page["timeStamp"].replace("Z", "+00:00"))
    assert links(page, "self", "application/geo+json") and links(page, "alternate", "text/html")
    assert not links(page, "next") and not links(page, "prev")
    assert len({f["id"] for f in page["features"]}) == 30
    for feature in page["features"]:
        assert feature["type"] == "Feature" and shapely.from_geojson(json.dumps(feature["geometry"])).is_valid


@pytest.mark.parametrize("limit", [1, 7, 29, 30])
def test_limit_and_next(ask, public, limit: int) -> None:
    """/conf/core/fc-limit-response and fc-links: pages follow one another, none twice, none left out."""
    page = ask("{c}/items", limit=limit).json()
    seen, steps = [f["id"] for f in page["features"]], 0
    while following := links(page, "next"):
        page = followed(public, following[0]).json()
        assert len(page["features"]) <= limit and page["numberMatched"] == 30
        seen += [f["id"] for f in page["features"]]
        steps += 1
        assert steps < 40
        assert links(page, "prev")
    assert len(seen) == len(set(seen)) == 30


def test_more_than_the_most_is_cut_and_nonsense_refused(ask) -> None:
    assert ask("{c}/items", limit=10_000_000).json()["numberReturned"] == 30
    for wrong in ("0", "-1", "x", "1.5", ""):
        ask("{c}/items", 400, limit=wrong)
    for wrong in ("-1", "x"):
        ask("{c}/items", 400, offset=wrong)
    assert ask("{c}/items", offset=1_000_000).json()["features"] == []


def shapes(ask) -> dict[str, shapely.Geometry]:
    found = ask("{c}/items").json()["features"]
    return {f["id"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in found}


def test_bbox(ask) -> None:
    """/conf/core/fc-bbox-response: exactly the features whose geometry meets the box."""
    everything = shapes(ask)
    centre = everything["8"].centroid
    for radius in (1e-5, 1e-3, 4e-3, 1.0):
        box = shapely.box(centre.x - radius, centre.y - radius, centre.x + radius, centre.y + radius)
        page = ask("{c}/items", bbox=",".join(map(str, box.bounds))).json()
        expected = {i for i, s in everything.items() if s.intersects(box)}
        assert {f["id"] for f in page["features"]} == expected and page["numberMatched"] == len(expected)
    west, south, east, north = box.bounds
    assert ask("{c}/items", bbox=f"{west},{south},-10,{east},{north},100").json()["numberMatched"] == 30
    assert ask("{c}/items", bbox="10,10,11,11").json() | {"timeStamp": ""} == ask(
        "{c}/items", bbox="10,10,11,11"
    ).json() | {"timeStamp": ""}
    assert ask("{c}/items", bbox="10,10,11,11").json()["features"] == []
    for wrong in ("1,2,3", "a,b,c,d", "118,37,119,36", "1,2,3,4,5", ""):
        ask("{c}/items", 400, bbox=wrong)


def test_a_box_across_the_antimeridian(ask) -> None:
    """West of 100° E and east of 170° W: the county at 118° lies between."""
    assert ask("{c}/items", bbox="100,-80,-170,80").json()["numberMatched"] == 30
    assert ask("{c}/items", bbox="170,-80,-170,80").json()["numberMatched"] == 0


def test_the_geometry_decides_not_its_box(land_use, public, tmp_path, actor) -> None:
    """A box in the notch of an L meets its bounding box, but not the L."""
    from datetime import date

    from jintu.foundation.layers import importing
    from jintu.foundation.layers.tests import grid
    from jintu.foundation.publication import opening

    ell = grid.cell(0, 0, 2, 2).difference(grid.cell(1, 1).buffer(-1))
    path = grid.dltb(tmp_path / "l.gpkg", shapes={0: ell})
    version = importing.import_layer("DLTB", path, "990122", date(2024, 12, 31)).version
    name = opening.open_version(version, actor).collection
    notch = grid.lonlat(grid.cell(1, 1).buffer(-60))
    query = ",".join(map(str, notch.bounds))
    found = public.get(f"/open/collections/{name}/items?bbox={query}").json()["features"]
    assert "1" not in {f["id"] for f in found} and found


def test_datetime(ask) -> None:
    """/conf/core/fc-time-response: the patches hold from the version's day on."""
    for inside in (
        "2024-12-31",
        "2025-06-01T12:00:00Z",
        "2020-01-01/..",
        "../2024-12-31",
        "/2026-01-01",
        "2024-01-01/",
    ):
        assert ask("{c}/items", datetime=inside).json()["numberMatched"] == 30, inside
    for before in ("2024-12-30", "../2024-12-30", "2020-01-01T00:00:00Z/2021-01-01T00:00:00+08:00"):
        page = ask("{c}/items", datetime=before).json()
        assert page["features"] == [] and page["numberMatched"] == 0 and not links(page, "next"), before
    for wrong in ("yesterday", "2024-13-01", "2025-01-01/2024-01-01", "", "2024-12-31T25:00:00Z", "2024"):
        ask("{c}/items", 400, datetime=wrong)


def test_properties_filter(ask) -> None:
    every = ask("{c}/items").json()["features"]
    for name, value in (
        ("land_use_code", "011"),
        ("bsm", "7"),
        ("patch_area_m2", every[0]["properties"]["patch_area_m2"]),
    ):
        expected = {f["id"] for f in every if f["properties"][name] == value}
        page = ask("{c}/items", **{name: value, "limit": 2}).json()
        assert page["numberMatched"] == len(expected) > 0
        assert {f["id"] for f in page["features"]} <= expected
    assert ask("{c}/items", land_use_code="' OR 1=1").json()["features"] == []
    ask("{c}/items", 400, patch_area_m2="much")
    page = ask("{c}/items", properties="land_use_code", skipGeometry="true", limit=3).json()
    assert all(
        set(f["properties"]) == {"land_use_code"} and f["geometry"] is None and f["id"] for f in page["features"]
    )


def test_unknown_and_wrong_parameters(ask) -> None:
    """/conf/core/query-param-unknown and query-param-invalid."""
    for path in ("", "/conformance", "/collections", "{c}", "{c}/items", "{c}/items/1", "{c}/queryables", "{c}/tiles"):
        error = ask(path, 400, nothing="1").json()
        fits(ask, "exception", error)
        ask(path, 400, f="xml")


def test_feature(ask, public) -> None:
    answer = ask("{c}/items/7")
    feature = answer.json()
    fits(ask, "featureGeoJSON", feature)
    assert answer["Content-Type"] == "application/geo+json" and feature["id"] == "7"
    assert links(feature, "self", "application/geo+json") and links(feature, "collection")
    assert followed(public, links(feature, "collection")[0]).status_code == 200
    assert feature["geometry"] == next(f for f in ask("{c}/items").json()["features"] if f["id"] == "7")["geometry"]
    fits(ask, "exception", ask("{c}/items/none", 404).json())
    fits(ask, "exception", ask("/collections/none/items/1", 404).json())


def test_a_page_of_very_detailed_features_is_shorter_and_pages_go_on(ask, public, monkeypatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 300)
    page = ask("{c}/items", limit=10).json()
    assert 1 <= page["numberReturned"] < 10 and page["numberMatched"] == 30
    following = followed(public, links(page, "next")[0]).json()
    assert not {f["id"] for f in following["features"]} & {f["id"] for f in page["features"]}


# --- html ----------


@pytest.mark.parametrize(
    "path", ["", "/conformance", "/openapi", "/collections", "{c}", "{c}/items", "{c}/items/1", "{c}/tiles"]
)
def test_pages(ask, public, land_use, path: str) -> None:
    """/conf/html: every resource as a page, with nothing from elsewhere and nothing inline."""
    address = f"/open{path.format(c=f'/collections/{land_use}')}"
    for answer in (public.get(address, headers={"accept": "text/html"}), ask(path, f="html")):
        text = answer.content.decode()
        assert answer["Content-Type"].startswith("text/html") and "<!doctype html>" in text
        assert "<script" not in text and "style=" not in text and "onclick" not in text
        assert not re.search(r'(?:src|<link[^>]*href)="(?!/static/)', text)
        assert "审" in text  # the map approval number
    chinese = ask(path, f="html", lang="zh")
    assert chinese["Content-Language"] == "zh-Hans" and 'lang="zh-Hans"' in chinese.content.decode()


def test_no_form_is_served_that_is_not_promised(ask) -> None:
    for path in ("", "{c}", "{c}/items"):
        assert "ld+json" not in ask(path).content.decode()
        ask(path, 400, f="jsonld")
        ask(path, 400, f="csv")


# --- part 2: coordinate systems ----------


def test_crs(ask) -> None:
    collection = ask("{c}").json()
    assert collection["crs"] == list(features.CRSS) and collection["storageCrs"] == CRS84
    plain = shapes(ask)["7"]
    for crs in features.CRSS:
        for path in ("{c}/items", "{c}/items/7"):
            answer = ask(path, crs=crs)
            assert answer["Content-Crs"] == f"<{crs}>"
            document = answer.json()
            feature = (
                document if document["type"] == "Feature" else next(f for f in document["features"] if f["id"] == "7")
            )
            x, y = feature["geometry"]["coordinates"][0][0]
            if crs == MERCATOR:
                assert x == pytest.approx(plain.exterior.coords[0][0] * 111319.4908, rel=1e-8) and y > 4e6
            elif crs == CRS84:
                assert (x, y) == plain.exterior.coords[0]
            else:  # latitude first
                assert (y, x) == pytest.approx(plain.exterior.coords[0], abs=1e-8)
    ask("{c}/items", 400, crs="http://www.opengis.net/def/crs/EPSG/0/2000000")


def test_bbox_crs(ask) -> None:
    west, south, east, north = shapes(ask)["8"].buffer(-1e-4).bounds
    plain = ask("{c}/items", bbox=f"{west},{south},{east},{north}").json()
    swapped = ask("{c}/items", bbox=f"{south},{west},{north},{east}", bbox_crs=CGCS2000).json()
    assert [f["id"] for f in swapped["features"]] == [f["id"] for f in plain["features"]] == ["8"]
    ask("{c}/items", 400, bbox=f"{west},{south},{east},{north}", bbox_crs="http://www.opengis.net/def/crs/EPSG/0/1")


# --- caching and limits ----------


def test_unchanged_is_said_without_the_body(ask, public, land_use) -> None:
    answer = ask("{c}/items", limit=3)
    assert answer["Cache-Control"].startswith("public") and answer["ETag"].startswith('W/"')
    assert answer["Access-Control-Allow-Origin"] == "*"
    address = f"/open/collections/{land_use}/items?limit="
    again = public.get(f"{address}3", headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304 and again.content == b""
    assert public.get(f"{address}4", headers={"if-none-match": answer["ETag"]}).status_code == 200


def test_too_many_requests(ask, public, settings) -> None:
    settings.JINTU_OPEN_REQUESTS_PER_MINUTE = 3
    codes = [public.get("/open/conformance").status_code for _ in range(5)]
    assert codes[:3] == [200] * 3 and codes[-1] == 429
    answer = public.get("/open/conformance")
    assert int(answer["Retry-After"]) > 0 and answer.json()["code"] == "TooManyRequests"


def test_a_file_that_was_changed_is_not_served(ask, public, land_use) -> None:
    from jintu.foundation.layers import lake
    from jintu.foundation.publication import opening

    path = opening.find(land_use).version.directory / lake.DATA
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(bytes(data))
    assert public.get(f"/open/collections/{land_use}/items").status_code == 409


# --- part 3: filtering ----------


def test_filter_and_sortby(ask) -> None:
    at = "{c}/items"
    rows = ask(at, limit="100").json()["features"]
    codes = sorted({f["properties"]["land_use_code"] for f in rows})
    text = f"land_use_code = '{codes[0]}' OR land_use_code = '{codes[1]}' AND patch_area_m2 < 0"
    some = ask(at, limit="100", filter=text, sortby="-patch_area_m2").json()
    areas = [f["properties"]["patch_area_m2"] for f in some["features"]]
    assert {f["properties"]["land_use_code"] for f in some["features"]} == {codes[0]}
    assert areas == sorted(areas, reverse=True)
    assert some["numberMatched"] == sum(f["properties"]["land_use_code"] == codes[0] for f in rows)


def test_links_of_a_filtered_page_keep_the_question(ask, public) -> None:
    page = ask("{c}/items", limit="2", filter="patch_area_m2 > 0", sortby="bsm,-patch_no").json()
    seen = [f["id"] for f in page["features"]]
    again = public.get(links(page, "self")[0]).json()
    assert [f["id"] for f in again["features"]] == seen
    while following := links(page, "next"):
        page = public.get(following[0]).json()
        seen += [f["id"] for f in page["features"]]
    assert seen == sorted(seen, key=int) and len(seen) == 30


def test_filter_crs_has_its_own_axis_order(ask) -> None:
    at = "{c}/items"
    west, south, east, north = ask("{c}").json()["extent"]["spatial"]["bbox"][0]
    x, y = west + (east - west) * 0.3, south + (north - south) * 0.3
    plain = ask(at, filter=f"S_INTERSECTS(geometry, POINT({x} {y}))").json()
    assert plain["numberMatched"] >= 1
    for crs in ("http://www.opengis.net/def/crs/EPSG/0/4326", "http://www.opengis.net/def/crs/EPSG/0/4490"):
        turned = ask(at, filter=f"S_INTERSECTS(geometry, POINT({y} {x}))", **{"filter-crs": crs}).json()
        assert [f["id"] for f in turned["features"]] == [f["id"] for f in plain["features"]]


def test_bad_filters_are_told_apart_from_errors(public, land_use) -> None:
    at = f"/open/collections/{land_use}/items"
    for given in (
        {"filter": ""},
        {"filter": "owner_name = 'x'"},
        {"filter": "land_use_code = "},
        {"filter": "bsm = 'x'", "filter-lang": "cql2-json"},
        {"filter": "bsm = 'x'", "filter-crs": "EPSG:1"},
        {"sortby": "owner_name"},
        {"sortby": "bsm,bsm"},
        {"sortby": ""},
    ):
        answer = public.get(at, given)
        assert answer.status_code == 400 and len(answer.json()["description"]) > 10, given


def test_queryables_are_the_open_columns_by_their_labels(ask) -> None:
    described = ask("{c}/queryables").json()
    assert described["additionalProperties"] is False
    assert described["properties"]["land_use_code"]["title"] != "land_use_code"
    assert links(ask("{c}").json(), "http://www.opengis.net/def/rel/ogc/1.0/queryables")
    shown = ask("{c}/items", limit="1").json()["features"][0]["properties"]
    assert set(described["properties"]) - {"geometry"} == set(shown)


# --- what the OGC's executable suite asks beside the abstract tests ----------


def test_periods_may_be_given_by_their_length(ask, public, land_use) -> None:
    """FeaturesTime, example 8 of the suite: a day and a duration of ISO 8601."""
    at = "{c}/items"
    assert ask(at, datetime="2024-12-31/P2D").json()["numberMatched"] == 30
    assert ask(at, datetime="2024-12-01/P2D").json()["numberMatched"] == 0
    assert ask(at, datetime="2024-01-31/P11M").json()["numberMatched"] == 30
    for wrong in ("P2D", "2024-12-31/P", "2024-12-31/PT", "2024-12-31/P9999Y", "P1D/2024-12-31"):
        assert public.get(f"/open/collections/{land_use}/items", {"datetime": wrong}).status_code == 400, wrong


def test_systems_that_are_not_there_are_refused_everywhere(ask) -> None:
    """CrsParameterInvalid and BBoxCrsParameterInvalid of the suite."""
    unknown = "http://www.opengis.net/def/crs/0/unsupported"
    ask("{c}/items", 400, crs=unknown)
    ask("{c}/items/7", 400, crs=unknown)
    ask("{c}/items", 400, bbox="5,49,6,50", bbox_crs=unknown)


def test_links_are_titled_in_the_language_of_the_answer(ask) -> None:
    for path in ("{c}", "{c}/items", "{c}/items/7"):
        for link in ask(path, lang="zh").json()["links"]:
            assert not link["title"].isascii() or link["rel"] == "collection", link
