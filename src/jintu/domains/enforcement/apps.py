from pathlib import Path

from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.domains.enforcement"
    label = "enforcement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.checks import parameters, rules
        from jintu.foundation.registers import descriptor

        from .registers import patch
        from .rules import RULES

        descriptor.register(patch.PATCH)
        rules.register(*RULES)
        parameters.register_file(Path(__file__).parent / "codes" / "rule_parameters.csv")
