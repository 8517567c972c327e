from pathlib import Path

from django.apps import AppConfig

SCHEMAS = Path(__file__).parent / "schemas"
TABLES = ("tdytq", "jsydgzq", "land", "farmland", "projects", "base_year", "tables")


class Config(AppConfig):
    name = "jintu.domains.planning"
    label = "planning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.checks.inspection import reuse, rules
        from jintu.foundation.layers import schemas, structures

        from . import mappings
        from .rules import REACH, RULES

        rules.register(*RULES)
        reuse.declare(REACH)
        for file in TABLES:
            schemas.register(SCHEMAS / f"{file}.yaml")
        structures.register(SCHEMAS.parent / "deliveries")
        mappings.ship()
