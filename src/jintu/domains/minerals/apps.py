from pathlib import Path

from django.apps import AppConfig

SCHEMAS = Path(__file__).parent / "schemas"
TABLES = ("standard", "zones", "deposits")


class Config(AppConfig):
    name = "jintu.domains.minerals"
    label = "minerals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.layers import schemas, structures

        for file in TABLES:
            schemas.register(SCHEMAS / f"{file}.yaml")
        structures.register(SCHEMAS.parent / "deliveries")
