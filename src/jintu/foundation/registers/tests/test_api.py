"""The API: the same scope, filters, verbs and conflicts as the pages, and a description that fits."""

import sys
import types
from datetime import date
from decimal import Decimal

import pytest
import shapely
from django.urls import clear_url_caches, path

from jintu.foundation.registers import api
from jintu.foundation.registers.models import RowStatus

from .plots import NOTE, PLOT, Plot

pytestmark = pytest.mark.django_db

ROWS = "/api/registers/test.plot/"


@pytest.fixture
def routes(plots, settings):
    """The test register's addresses: the real ones are made from the catalogue when the process starts."""
    from jintu.config import urls
    from jintu.foundation.registers.api_urls import _PATHS

    module = types.ModuleType("registers_test_urls")
    module.urlpatterns = list(urls.urlpatterns)
    for register in (PLOT, NOTE):
        for part, view in api.views_of(register).items():
            module.urlpatterns.append(path(f"api/registers/{register.name}/{_PATHS[part]}", view.as_view()))
    sys.modules[module.__name__] = module
    settings.ROOT_URLCONF = module.__name__
    clear_url_caches()
    yield module
    del sys.modules[module.__name__]
    clear_url_caches()


@pytest.fixture
def rows(routes):
    Plot.objects.bulk_create(
        Plot(
            plot_no=f"P-{i}", name=f"地块 {i}", area=Decimal(100 + i), division="990121001", holder="某公司",
            signed_on=date(2026, 1, 1 + i), kind="b" if i % 2 else "a",
        )
        for i in range(6)
    )  # fmt: skip
    return {p.plot_no: p for p in Plot.objects.all()}


def send(client, method, url, data=None):
    return getattr(client, method)(url, data, content_type="application/json")


def test_a_list_is_paged_by_key(rows, signed_in):
    client = signed_in()
    first = client.get(ROWS + "?size=4&sort=plot_no").json()
    assert (first["count"], first["count_is_capped"], first["previous"]) == (6, False, None)
    second = client.get(first["next"]).json()
    assert [r["plot_no"] for r in first["results"] + second["results"]] == [f"P-{i}" for i in range(6)]
    assert client.get(second["previous"]).json()["results"] == first["results"]


def test_filters_are_those_of_the_pages_and_unknown_ones_refused(rows, signed_in):
    client = signed_in()
    assert {r["plot_no"] for r in client.get(ROWS + "?kind=b&area__gte=103").json()["results"]} == {"P-3", "P-5"}
    answer = client.get(ROWS + "?colour=red")
    assert answer.status_code == 422
    assert "colour" in answer.json()["detail"]


def test_a_record_in_exact_values(rows, signed_in):
    row = signed_in().get(f"{ROWS}{rows['P-1'].uid}/").json()
    assert (row["area"], row["signed_on"], row["row_version"], row["holder"]) == ("101.00", "2026-01-02", 1, "某公司")


def test_names_are_masked_for_viewers(rows, signed_in):
    row = signed_in("viewer").get(f"{ROWS}{rows['P-1'].uid}/").json()
    assert "某公司" not in str(row)


def test_filing_editing_withdrawing(rows, signed_in):
    client = signed_in()
    geometry = shapely.geometry.mapping(shapely.box(113, 30, 113.1, 30.1))
    data = {"plot_no": "N-1", "name": "新", "area": "5.50", "division": "990121001", "geom": geometry}
    made = send(client, "post", ROWS, data)
    assert made.status_code == 201, made.json()
    uid = made.json()["uid"]
    assert made.json()["geom"]["type"] == "Polygon"
    edited = send(client, "patch", f"{ROWS}{uid}/", {"name": "改", "row_version": 1})
    assert (edited.status_code, edited.json().get("row_version")) == (200, 2), edited.json()
    late = send(client, "patch", f"{ROWS}{uid}/", {"name": "晚", "row_version": 1})
    assert (late.status_code, late.json()["current"]["name"]) == (409, "改")
    assert send(client, "patch", f"{ROWS}{uid}/", {"name": "无"}).status_code == 422
    right = send(client, "post", f"{ROWS}{uid}/correct/", {"plot_no": "N-2", "row_version": 2, "reason": "有误"})
    assert right.json()["plot_no"] == "N-2"
    gone = send(client, "post", f"{ROWS}{uid}/withdraw/", {"row_version": 3, "reason": "重复"})
    assert gone.json()["status"] == "withdrawn"
    assert Plot.objects.get(uid=uid).status == RowStatus.WITHDRAWN


def test_an_outline_follows(rows, signed_in):
    geometry = {"type": "Polygon", "coordinates": [[[113, 30], [113.1, 30], [113.1, 30.1], [113, 30]]]}
    answer = send(signed_in(), "post", f"{ROWS}{rows['P-1'].uid}/outline/", {"geometry": geometry, "row_version": 1})
    assert answer.status_code == 200
    assert Plot.objects.get(plot_no="P-1").geom is not None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"name": "x", "area": "1", "division": "990122001", "plot_no": "X"}, 403),
        ({"name": "x", "area": "-1", "division": "990121001", "plot_no": "X"}, 422),
        ({"name": "x", "area": "many", "division": "990121001", "plot_no": "X"}, 400),
        ({"area": "1", "division": "990121001", "plot_no": "X"}, 400),
        ({"name": "x", "area": "1", "division": "990121001", "plot_no": "P-1"}, 422),
        ({"name": "x", "area": "1", "division": "990121001", "plot_no": "X", "colour": "red"}, 422),
    ],
)
def test_what_is_wrong_is_refused(rows, signed_in, data, status):
    assert send(signed_in(), "post", ROWS, data).status_code == status
    assert Plot.objects.count() == 6


def test_strangers_viewers_and_neighbours(rows, client, signed_in):
    uid = rows["P-1"].uid
    assert client.get(ROWS).status_code in (401, 403)
    assert send(signed_in("viewer"), "patch", f"{ROWS}{uid}/", {"name": "x", "row_version": 1}).status_code == 403
    neighbour = signed_in("clerk", "990122")
    assert neighbour.get(f"{ROWS}{uid}/").status_code == 404
    assert neighbour.get(ROWS).json()["count"] == 0


def test_the_description_covers_every_register(routes, signed_in):
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.validation import validate_schema

    schema = SchemaGenerator(urlconf=routes.__name__).get_schema(request=None, public=True)
    validate_schema(schema)
    operations = schema["paths"]["/api/registers/test.plot/"]
    assert {"get", "post"} <= set(operations)
    names = {p["name"] for p in operations["get"]["parameters"]}
    assert {"q", "area__gte", "kind", "bbox", "after"} <= names


def test_the_catalogue_names_columns_and_units(rows, signed_in):
    found = {r["name"]: r for r in signed_in().get("/api/registers/").json()}
    columns = {c["name"]: c for c in found["test.plot"]["columns"]}
    assert columns["area"]["unit"] == "m2"
    assert columns["holder"]["personal"]
