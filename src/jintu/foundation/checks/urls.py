from django.urls import path

from . import inspection_views, views

app_name = "checks"
urlpatterns = [
    path("", views.findings, name="findings"),
    path("bulk/", views.bulk, name="bulk"),
    path("export.xlsx", views.export, name="export"),
    path("rules/", views.rule_list, name="rules"),
    path("rules/<str:rule_id>/", views.rule_page, name="rule"),
    path("runs/", views.run_list, name="runs"),
    path("runs/start/", views.start, name="start"),
    path("runs/<int:pk>/", views.run_page, name="run"),
    path("inspections/version/<int:version>/", inspection_views.of_version, name="inspections"),
    path("inspections/rules/", inspection_views.rule_list, name="quality_rules"),
    path("inspections/<int:pk>/", inspection_views.page, name="inspection"),
    path("inspections/<int:pk>/mark/", inspection_views.mark, name="inspection_mark"),
    path("inspections/<int:pk>/report.<str:kind>.sig.json", inspection_views.signature, name="inspection_signature"),
    path("inspections/<int:pk>/report.<str:kind>", inspection_views.report, name="inspection_report"),
    path("<uuid:uid>/", views.findings, name="finding"),
    path("<uuid:uid>/evidence.json", views.evidence_json, name="evidence"),
    path("<uuid:uid>/files/<str:sha256>", views.file, name="file"),
    path("<uuid:uid>/<str:verb>/", views.fire, name="fire"),
]
