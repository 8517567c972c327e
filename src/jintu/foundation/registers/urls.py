from django.urls import path

from . import export_views, import_views, tiles, views, write_views

app_name = "registers"
urlpatterns = [
    path("", views.index, name="index"),
    path("search/", views.find, name="search"),
    path("exports/<int:pk>/", export_views.exported, name="exported"),
    path("<str:name>/", views.rows, name="list"),
    path("<str:name>/new/", write_views.new, name="create"),
    path("<str:name>/import/", import_views.start, name="import"),
    path("<str:name>/import/<int:pk>/", import_views.batch_page, name="import_batch"),
    path("<str:name>/import/<int:pk>/columns/", import_views.match, name="import_mapping"),
    path("<str:name>/import/<int:pk>/load/", import_views.confirm, name="import_load"),
    path("<str:name>/import/<int:pk>/give-up/", import_views.give_up, name="import_give_up"),
    path("<str:name>/import/<int:pk>/revert/", import_views.take_back, name="import_revert"),
    path("<str:name>/import/<int:pk>/problems.xlsx", import_views.problems_file, name="import_problems"),
    path("<str:name>/export/", export_views.export, name="export"),
    path("<str:name>/views/", views.save_view, name="save_view"),
    path("<str:name>/views/<int:pk>/drop/", views.drop_view, name="drop_view"),
    path("<str:name>/tiles/<int:z>/<int:x>/<int:y>.mvt", tiles.tile, name="tile"),
    path("<str:name>/files/<int:pk>/", views.attachment, name="attachment"),
    path("<str:name>/files/<int:pk>/withdraw/", write_views.drop_file, name="detach"),
    path("<str:name>/<uuid:uid>/", views.detail, name="detail"),
    path("<str:name>/<uuid:uid>/history/", views.history, name="history"),
    path("<str:name>/<uuid:uid>/outline.geojson", views.geojson, name="geojson"),
    path("<str:name>/<uuid:uid>/edit/", write_views.change, name="edit"),
    path("<str:name>/<uuid:uid>/correct/", write_views.put_right, name="correct"),
    path("<str:name>/<uuid:uid>/withdraw/", write_views.take_back, name="withdraw"),
    path("<str:name>/<uuid:uid>/outline/", write_views.outline, name="geometry"),
    path("<str:name>/<uuid:uid>/attach/", write_views.add_file, name="attach"),
]
