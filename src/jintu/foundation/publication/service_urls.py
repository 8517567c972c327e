"""What everybody may ask, below ``/open``. No address ends in a slash, as the standards have them."""

from django.urls import path, re_path

from . import views

app_name = "open"
_COLLECTION = "open/collections/<str:collection>"
_TILE = "<str:name>/<int:zoom>/<int:row>/<int:column>"
urlpatterns = [
    re_path(r"^open/?$", views.landing, name="landing"),
    path("open/conformance", views.conformance, name="conformance"),
    path("open/openapi", views.interface, name="openapi"),
    path("open/collections", views.collections, name="collections"),
    path(_COLLECTION, views.collection, name="collection"),
    path(f"{_COLLECTION}/schema", views.schema, name="schema"),
    path(f"{_COLLECTION}/queryables", views.queryables, name="queryables"),
    path(f"{_COLLECTION}/items", views.items, name="items"),
    path(f"{_COLLECTION}/items/<str:identifier>", views.item, name="item"),
    path(f"{_COLLECTION}/tiles", views.tilesets_of, name="tilesets"),
    path(f"{_COLLECTION}/tiles/<str:name>", views.tileset, name="tileset"),
    path(f"{_COLLECTION}/tiles/{_TILE}", views.tile, name="tile"),
    path("open/tileMatrixSets", views.matrix_sets, name="matrix_sets"),
    path("open/tileMatrixSets/<str:name>", views.matrix_set, name="matrix_set"),
    path("open/wmts", views.wmts_kvp, name="wmts"),
    path("open/wmts/1.0.0/WMTSCapabilities.xml", views.wmts_capabilities, name="wmts_capabilities"),
    path(
        "open/wmts/1.0.0/<str:collection>/<str:style>/<str:tilematrixset>/<str:tilematrix>/<str:tilerow>/<str:tilecol>.png",
        views.wmts_tile,
        name="wmts_tile",
    ),
    path(
        "open/wmts/1.0.0/<str:collection>/<str:style>/<str:tilematrixset>/<str:tilematrix>/<str:tilerow>/<str:tilecol>"
        "/<str:j>/<str:i>.<str:ending>",
        views.wmts_info,
        name="wmts_info",
    ),
]
