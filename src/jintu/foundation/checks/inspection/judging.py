"""The inspection as the judge that loads of layers wait for: see `jintu.foundation.layers.verdicts`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from jintu.foundation.layers.verdicts import MODES, Verdict

from .. import parameters
from .models import Inspection
from .rules import catalogue

if TYPE_CHECKING:
    from jintu.foundation.journal import Actor
    from jintu.foundation.layers.models import LayerVersion
    from jintu.foundation.layers.schemas import Schema

    from .tables import Table

__all__ = ["Inspector", "verdict_of"]

DEFAULT = "hold"


class Inspector:
    """Judges by the quality rules; the parameter ``mode`` of the rule "verdict" says what follows, ``mode_TABLE`` for
    one layer."""

    def mode(self, schema: Schema, day: date) -> str:
        """``off`` too where no rule is about the layer."""
        if not any(not r.tables or schema.table in r.tables for r in catalogue()):
            return "off"
        values: dict[str, Any] = dict(parameters.in_force(day).get("verdict", {}))
        wanted = values.get(f"mode_{schema.table}", values.get("mode", DEFAULT))
        return wanted if wanted in MODES else DEFAULT

    def judge(
        self,
        versions: Sequence[LayerVersion],
        actor: Actor | None,
        job: int | None,
        progress: Callable[[int, int, str], None] | None,
    ) -> dict[int, Verdict]:
        from . import keeping

        held: dict[int, Table] = {}
        made = {}
        for v in versions:
            done = Inspection.objects.filter(version=v, job=job).order_by("-id").first() if job else None
            made[v.pk] = verdict_of(
                done or keeping.inspect_version(v, actor=actor, job=job, progress=progress, company=versions, held=held)
            )
        return made

    def standing(self, version: LayerVersion) -> Verdict | None:
        newest = Inspection.objects.filter(version=version).order_by("-id").first()
        return None if newest is None else verdict_of(newest)


def verdict_of(inspection: Inspection) -> Verdict:
    """What publishing needs to know of an inspection."""
    from django.urls import reverse

    return Verdict(
        inspection.pk,
        inspection.accepted,
        inspection.score,
        {"A": inspection.fatal, "B": inspection.serious, "C": inspection.slight},
        [o for o in inspection.outcomes if o["count"] or "not_run" in o],
        reverse("checks:inspection", args=[inspection.pk]),
    )
