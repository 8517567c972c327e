"""URLs of the console."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from jintu import __version__


def healthz(request: HttpRequest) -> JsonResponse:
    """Answers while the process serves and the database answers."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok", "version": __version__})


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("jintu.foundation.statistics.urls")),
    path("map/", include("jintu.foundation.layers.urls")),
    path("registers/", include("jintu.foundation.registers.urls")),
    path("api/", include("jintu.foundation.registers.api_urls")),
    path("survey/", include("jintu.domains.survey.urls")),
    path("findings/", include("jintu.foundation.checks.urls")),
    path("jobs/", include("jintu.foundation.operations.urls")),
    path("journal/", include("jintu.foundation.journal.urls")),
    path("openings/", include("jintu.foundation.publication.urls")),
    path("", include("jintu.foundation.publication.service_urls")),
    path("", include("jintu.foundation.identity.urls")),
]
