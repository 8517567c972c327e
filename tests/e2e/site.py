"""Pages for browser tests of components beside those of the product: a countryside, evidence, charts.

The map server is imitated here down to its contract (frontend/README.md), so that the map is tested alone.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import shapely
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import engines
from django.urls import path

from jintu.config.urls import urlpatterns as product
from jintu.kernel.formats import mvt

WEST, SOUTH, STEP, N = 118.70, 36.20, 0.002, 24
CODES = ("0101", "0102", "0103", "0301", "0702", "0602", "1006", "1104", "0201", "2001")
WHOLE = [WEST, SOUTH, WEST + N * STEP, SOUTH + N * STEP]
SUPPLY = shapely.box(118.722, 36.222, 118.7275, 36.2275)
VILLAGE = shapely.box(118.706, 36.206, 118.742, 36.242)
APPROVAL = shapely.box(118.7215, 36.2235, 118.728, 36.2285)


@cache
def patches() -> tuple[list[Any], list[str], list[int]]:
    shapes, codes, ids = [], [], []
    for i in range(N):
        for j in range(N):
            x, y = WEST + i * STEP, SOUTH + j * STEP
            shapes.append(shapely.box(x, y, x + STEP, y + STEP))
            codes.append(CODES[(i * i + 3 * j) % len(CODES)])
            ids.append(len(ids) + 1)
    return shapes, codes, ids


def tile(request: HttpRequest, layer: str, version: str, z: int, x: int, y: int) -> HttpResponse:
    shapes, codes, ids = patches()
    if layer == "survey.DLTB":
        if version == "before":
            codes = [c if i % 5 else "0101" for i, c in enumerate(codes)]
        made = mvt.TileLayer(layer, shapes, {"land_use_code": codes}, ids)
    elif layer == "survey.XZQ":
        made = mvt.TileLayer(layer, [VILLAGE], {"division_code": ["990121001"]}, [1])
    elif layer == "survey.JBNTTB":
        keep = [i for i, c in enumerate(codes) if c == "0102"]
        made = mvt.TileLayer(layer, [shapes[i] for i in keep], {}, None)
    else:
        made = mvt.TileLayer(layer, [SUPPLY], {"uid": ["u"], "key": ["9901212026B00083"]}, [1])
    return HttpResponse(mvt.encode(z, x, y, [made]), content_type="application/vnd.mapbox-vector-tile")


def _vector(layer: str, version: str = "now") -> dict[str, Any]:
    return {
        "tiles": f"/e2e/tiles/{layer}/{version}/{{z}}/{{x}}/{{y}}.mvt",
        "layer": layer,
        "minzoom": 8,
        "maxzoom": 15,
        "bounds": WHOLE,
    }


def config(as_of: str = "2026-06-15") -> dict[str, Any]:
    version = "now" if as_of >= "2026" else "before"
    return {
        "mode": "onemap",
        "crs": "CGCS2000 (EPSG:4490)",
        "bounds": WHOLE,
        "credit": "样本数据",
        "as_of": as_of,
        "dates": [
            {"date": "2024-12-31", "title": "2024"},
            {"date": "2025-12-31", "title": "2025"},
            {"date": "2026-06-15", "title": "2026-06"},
        ],
        "groups": [
            {
                "id": "lifecycle",
                "title": "批供用补查",
                "layers": [
                    {
                        "id": "land.supply",
                        "title": "供应宗地",
                        "visible": True,
                        "date": "6-14",
                        "source": _vector("land.supply"),
                        "style": {"kind": "stage", "stage": "supply"},
                        "label": "key",
                        "label_from": 14,
                    }
                ],
            },
            {
                "id": "land_use",
                "title": "土地利用现状",
                "layers": [
                    {
                        "id": "survey.JBNTTB",
                        "title": "永久基本农田",
                        "visible": True,
                        "date": "2026-01",
                        "source": _vector("survey.JBNTTB"),
                        "style": {"kind": "hatch"},
                    },
                    {
                        "id": "survey.DLTB",
                        "title": "地类图斑",
                        "visible": True,
                        "date": as_of[:7],
                        "version": f"sha256:{version}",
                        "source": _vector("survey.DLTB", version),
                        "style": {"kind": "land-use", "field": "land_use_code"},
                        "label": "land_use_code",
                        "label_from": 14.5,
                        "versions": [
                            {
                                "version": "sha256:before",
                                "title": "2024-12",
                                "tiles": "/e2e/tiles/survey.DLTB/before/{z}/{x}/{y}.mvt",
                            }
                        ],
                    },
                ],
            },
            {
                "id": "base",
                "title": "基础地理",
                "layers": [
                    {
                        "id": "survey.XZQ",
                        "title": "行政区",
                        "visible": False,
                        "source": _vector("survey.XZQ"),
                        "style": {"kind": "boundary"},
                    }
                ],
            },
        ],
        "urls": {
            "identify": "/e2e/identify/",
            "search": "/e2e/search/",
            "analyse": "/e2e/analyse/",
            "upload": "/e2e/upload/",
            "config": "/e2e/config/",
        },
    }


def onemap(request: HttpRequest) -> HttpResponse:
    return render(request, "layers/onemap.html", {"onemap": config()})


def config_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse(config(request.GET["as_of"]))


def search(request: HttpRequest) -> JsonResponse:
    found = [
        {
            "title": "9901212026B00083",
            "hint": "大营镇新材料标准厂房一期",
            "bounds": list(SUPPLY.bounds),
            "geometry": shapely.geometry.mapping(SUPPLY),
        }
    ]
    return JsonResponse({"results": found if request.GET["q"].startswith("9901") else []})


def _file(name: str) -> str:
    return (Path(__file__).parent / "pages" / f"{name}.html").read_text(encoding="utf-8")


def _page(request: HttpRequest, source: str, **context: Any) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(source).render(context, request))


def identify(request: HttpRequest) -> HttpResponse:
    source = (
        '<div class="sec" id="identified"><h2>{{ lon }} {{ lat }}</h2><p>{{ layers }}</p>'
        '<button class="btn" type="button" data-map-close>关闭</button></div>'
    )
    return _page(request, source, **request.GET.dict())


def analyse(request: HttpRequest) -> HttpResponse:
    shape = shapely.from_geojson(request.POST["geometry"])
    source = (
        '<div class="sec" id="analysed"><h2>套合分析</h2><p data-corners>{{ n }}</p>'
        '<button class="btn" type="button" data-map-clear>清除</button></div>'
    )
    return _page(request, source, n=len(shape.exterior.coords) - 1)


def upload(request: HttpRequest) -> HttpResponse:
    sent = request.FILES["file"]
    overlay = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {"role": "selected"}, "geometry": json.loads(sent.read())}],
    }
    source = (
        '<div class="sec" id="uploaded">{{ name }}</div>'
        '<script type="application/json" data-map-overlay>{{ overlay|safe }}</script>'
    )
    return _page(request, source, name=sent.name, overlay=json.dumps(overlay))


def evidence(request: HttpRequest) -> HttpResponse:
    part = shapely.difference(SUPPLY, APPROVAL)

    def feature(shape: Any, **properties: Any) -> dict[str, Any]:
        return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(shape)}

    shown = config()
    del shown["mode"], shown["urls"], shown["dates"], shown["groups"][0]
    shown["overlays"] = {
        "type": "FeatureCollection",
        "features": [
            feature(APPROVAL, role="row", stage="approve", name="示政土批〔2025〕46号"),
            feature(SUPPLY, role="row", stage="supply", name="9901212026B00083"),
            feature(part, role="part", area_m2=76_412.55),
        ],
    }
    return _page(request, _file("evidence"), map=shown)


def charts(request: HttpRequest) -> HttpResponse:
    years = [str(y) for y in range(2020, 2027)]
    areas = {
        "批准": [142, 168, 121, 156, 134, 118, 86],
        "供应": [98, 131, 112, 119, 108, 92, 41],
        "开工": [90, 120, 98, 104, 88, 60, 22],
    }
    bars = {
        "id": "bars",
        "kind": "bar",
        "title": "批准、供应与开工",
        "unit": "公顷",
        "categories": years,
        "partial": "2026",
        "series": [
            {
                "name": name,
                "data": [{"value": v, "n": 3, "url": f"/e2e/rows/?year={y}"} for v, y in zip(row, years, strict=True)],
            }
            for name, row in areas.items()
        ],
    }
    rules = ["R25 未按时开工", "R01 批而未供满两年", "R26 疑似闲置", "R03 供地超出批准范围"]
    by_rule = {
        "id": "rules",
        "kind": "severity-bar",
        "title": "疑点按规则",
        "categories": rules,
        "series": [
            {"name": "红", "severity": "red", "data": [0, 0, 2, 1]},
            {"name": "橙", "severity": "orange", "data": [5, 3, 3, 2]},
            {"name": "黄", "severity": "yellow", "data": [9, 8, 3, 1]},
        ],
    }
    funnel = {
        "id": "funnel",
        "kind": "funnel",
        "title": "批准到竣工",
        "unit": "公顷",
        "categories": ["批准", "供应", "开工", "竣工"],
        "series": [{"name": "面积", "data": [142.2, 98.1, 90.4, 40.0]}],
    }
    change = {
        "id": "change",
        "kind": "sankey",
        "title": "地类流向",
        "unit": "公顷",
        "nodes": [
            {"id": "a:01", "name": "耕地", "token": "lu-01"},
            {"id": "a:04", "name": "草地", "token": "lu-04"},
            {"id": "b:20", "name": "城镇村及工矿用地", "token": "lu-07"},
            {"id": "b:01", "name": "耕地", "token": "lu-01"},
        ],
        "links": [
            {"source": "a:01", "target": "b:20", "value": 132.1, "url": "/e2e/rows/?from=01&to=20"},
            {"source": "a:04", "target": "b:01", "value": 124.31, "url": "/e2e/rows/?from=04&to=01"},
        ],
    }
    spark = {"kind": "spark", "categories": years, "series": [{"name": "", "data": [1, 3, 2, 5, 4, 6, 7]}]}
    figures = [
        {
            "label": "本年批准用地",
            "value": "86.42",
            "unit": "公顷",
            "note": "上年同期 80.91",
            "side": "+6.8%",
            "spark": "spark",
        },
        {"label": "疑似闲置土地", "value": "23.47", "unit": "公顷", "note": "8 宗", "side": "满两年 1 宗"},
    ]
    return _page(request, _file("charts"), charts=[bars, by_rule, funnel, change], spark=spark, figures=figures)


def rows(request: HttpRequest) -> HttpResponse:
    return _page(request, '{% extends "ui/base.html" %}{% block heading %}<h1>rows</h1>{% endblock %}')


def behaviour(request: HttpRequest) -> HttpResponse:
    return _page(request, _file("behaviour"), numbers=range(1, 6))


def act(request: HttpRequest) -> HttpResponse:
    source = '{% extends "ui/base.html" %}{% block content %}<p id="acted">{{ n }}</p>{% endblock %}'
    return _page(request, source, n=",".join(request.POST.getlist("n")))


def broken(request: HttpRequest) -> HttpResponse:
    from jintu.kernel.errors import Place, Refused

    raise Refused(
        "The deal price is in another row's hands.", place=Place(file="a.csv", row=7), remedy="Open it again."
    )


urlpatterns = [
    *product,
    path("e2e/map/", onemap),
    path("e2e/tiles/<str:layer>/<str:version>/<int:z>/<int:x>/<int:y>.mvt", tile),
    path("e2e/config/", config_json),
    path("e2e/search/", search),
    path("e2e/identify/", identify),
    path("e2e/analyse/", analyse),
    path("e2e/upload/", upload),
    path("e2e/evidence/", evidence),
    path("e2e/charts/", charts),
    path("e2e/rows/", rows),
    path("e2e/behaviour/", behaviour),
    path("e2e/act/", act),
    path("e2e/broken/", broken),
]
handler404 = "django.views.defaults.page_not_found"
