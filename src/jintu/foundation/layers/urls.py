from django.urls import path

from . import import_views, version_views, views
from .atlas import bookmark_views, difference_views, print_views, theme_views
from .packages import views as package_views

app_name = "layers"
urlpatterns = [
    path("", views.onemap, name="onemap"),
    path("config/", views.config, name="config"),
    path("identify/", views.identify, name="identify"),
    path("search/", views.search, name="search"),
    path("analyse/", views.analyse, name="analyse"),
    path("upload/", views.upload, name="upload"),
    path("analyses/<uuid:uid>/", views.report, name="report"),
    path("analyses/<uuid:uid>/panel/", views.panel, name="panel"),
    path("analyses/<uuid:uid>/analysis.xlsx", views.workbook, name="workbook"),
    path("analyses/<uuid:uid>/outline.geojson", views.outline, name="outline"),
    path("tiles/<str:layer>/<str:version>/<int:z>/<int:x>/<int:y>.mvt", views.tile, name="tile"),
    path("difference/", difference_views.panel, name="difference"),
    path("theme/", theme_views.panel, name="theme"),
    path("theme/save/", theme_views.save, name="theme_save"),
    path("theme/<int:pk>/remove/", theme_views.remove, name="theme_remove"),
    path(
        "theme/tiles/<str:layer>/<str:version>/<str:digest>/<int:z>/<int:x>/<int:y>.mvt",
        theme_views.tile,
        name="theme_tile",
    ),
    path("packages/", package_views.index, name="packages"),
    path("packages/new/", package_views.new, name="package_new"),
    path("packages/<int:pk>/", package_views.detail, name="package"),
    path("packages/<int:pk>/file/", package_views.download, name="package_file"),
    path("packages/<int:pk>/state/", package_views.change, name="package_state"),
    path("bookmarks/", bookmark_views.panel, name="bookmarks"),
    path("bookmarks/save/", bookmark_views.save, name="bookmark_save"),
    path("bookmarks/<uuid:uid>/remove/", bookmark_views.remove, name="bookmark_remove"),
    path("bookmarks/<uuid:uid>/link/", bookmark_views.link, name="bookmark_link"),
    path("print/", print_views.panel, name="print"),
    path("print/sheet.pdf", print_views.sheet, name="sheet"),
    path("print/<int:pk>/", print_views.printed, name="printed"),
    path("versions/", version_views.index, name="versions"),
    path("versions/import/", import_views.start, name="import"),
    path("versions/import/member/", import_views.member, name="member"),
    path("versions/import/match/", import_views.match, name="match"),
    path("versions/<int:pk>/", version_views.detail, name="version"),
    path("versions/<int:pk>/export/", import_views.export, name="export"),
    path("versions/exports/<int:pk>/", import_views.exported, name="exported"),
    path("versions/<int:pk>/compare/", version_views.compare, name="compare"),
    path("versions/<int:pk>/verify/", version_views.verify, name="verify"),
    path("versions/<int:pk>/state/", version_views.change_state, name="state"),
]
