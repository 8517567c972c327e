"""Addresses of the API: one set per register of the catalogue, and the OpenAPI description."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from . import api, descriptor

_PATHS = {
    "list": "",
    "row": "<uuid:uid>/",
    "correct": "<uuid:uid>/correct/",
    "withdraw": "<uuid:uid>/withdraw/",
    "outline": "<uuid:uid>/outline/",
}

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("registers/", api.Catalogue.as_view(), name="api_registers"),
]
for _register in descriptor.catalogue():
    for _part, _view in api.views_of(_register).items():
        urlpatterns.append(
            path(
                f"registers/{_register.name}/{_PATHS[_part]}",
                _view.as_view(),
                name=f"api_{_register.name.replace('.', '_')}_{_part}",
            )
        )
