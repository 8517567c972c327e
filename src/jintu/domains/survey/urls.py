from django.urls import path

from . import change_views, views

app_name = "survey"
urlpatterns = [
    path("tables/", views.in_force, name="in_force"),
    path("versions/<str:pk>/tables/", views.tables_page, name="tables"),
    path("versions/<str:pk>/tables.xlsx", views.workbook, name="tables_workbook"),
    path("versions/<str:pk>/patches/", views.patches, name="patches"),
    path("versions/<int:pk>/changes/<int:old>/", change_views.changes_page, name="changes"),
    path("versions/<int:pk>/changes/<int:old>/changes.xlsx", change_views.workbook, name="changes_workbook"),
]
