from pathlib import Path

from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.domains.land"
    label = "land"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.checks import formula, parameters, rules
        from jintu.foundation.registers import codelists, descriptor

        from . import mappings, process
        from .registers import (
            approval,
            approval_parcel,
            compensation_draw,
            compensation_project,
            development_event,
            idle_case,
            payment,
            supply,
            tables,
            temporary_use,
        )
        from .rules import RULES
        from .uses import labels

        descriptor.register(
            approval.APPROVAL,
            approval_parcel.APPROVAL_PARCEL,
            temporary_use.TEMPORARY_USE,
            supply.SUPPLY,
            payment.PAYMENT,
            development_event.DEVELOPMENT_EVENT,
            idle_case.IDLE_CASE,
            compensation_project.COMPENSATION_PROJECT,
            compensation_draw.COMPENSATION_DRAW,
            tables.QUOTA,
            tables.PRICE_FLOOR,
            tables.ALLOCATION_USE,
            tables.MAX_TERM,
            tables.WORKING_CALENDAR,
        )
        codelists.register("land_use", labels)
        rules.register(*RULES)
        parameters.register_file(Path(__file__).parent / "codes" / "rule_parameters.csv")
        formula.register_labels(Path(__file__).parent / "codes" / "value_labels.csv")
        process.declare()
        mappings.ship()
