from pathlib import Path

from django.apps import AppConfig

SCHEMAS = Path(__file__).parent / "schemas"
TABLES = ("xzq", "xzqjx", "pdt", "terrain", "dltb", "xzdw", "lxdw", "dljx", "tkxs", "jbnttb", "farmland", "cadastre")


class Config(AppConfig):
    name = "jintu.domains.survey"
    label = "survey"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.layers import reports, schemas

        from .reports import REPORTS

        for file in TABLES:
            schemas.register(SCHEMAS / f"{file}.yaml")
        reports.register(*REPORTS)
