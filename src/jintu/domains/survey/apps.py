from pathlib import Path

from django.apps import AppConfig

SCHEMAS = Path(__file__).parent / "schemas"
TABLES = ("xzq", "xzqjx", "pdt", "terrain", "dltb", "xzdw", "lxdw", "dljx", "tkxs", "jbnttb", "farmland", "cadastre")


class Config(AppConfig):
    name = "jintu.domains.survey"
    label = "survey"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.checks import parameters
        from jintu.foundation.checks.inspection import given, reuse, rules
        from jintu.foundation.layers import reports, schemas, structures

        from .reports import REPORTS, checked
        from .rules import RULES
        from .rules.reach import REACH

        rules.register(*RULES)
        given.provide("summary", checked.checked)
        given.provide("delivered tables", checked.delivered_tables)
        given.provide("changes", checked.changed)
        given.provide("areas of classes", checked.class_areas)
        reuse.declare(REACH)
        parameters.register_file(SCHEMAS.parent / "codes" / "quality_parameters.csv")
        for file in TABLES:
            schemas.register(SCHEMAS / f"{file}.yaml")
        structures.register(SCHEMAS.parent / "deliveries")
        reports.register(*REPORTS)
