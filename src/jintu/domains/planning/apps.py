from pathlib import Path

from django.apps import AppConfig

SCHEMAS = Path(__file__).parent / "schemas"


class Config(AppConfig):
    name = "jintu.domains.planning"
    label = "planning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.layers import schemas

        from . import mappings

        for table in ("tdytq", "jsydgzq"):
            schemas.register(SCHEMAS / f"{table}.yaml")
        mappings.ship()
