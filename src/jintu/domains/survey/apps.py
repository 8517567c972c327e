from pathlib import Path

from django.apps import AppConfig

SCHEMAS = Path(__file__).parent / "schemas"


class Config(AppConfig):
    name = "jintu.domains.survey"
    label = "survey"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.layers import schemas

        for table in ("xzq", "dltb", "jbnttb"):
            schemas.register(SCHEMAS / f"{table}.yaml")
