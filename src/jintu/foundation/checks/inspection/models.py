"""Inspections of layer versions, and what people said of single errors."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jintu.foundation.layers.models import LayerVersion

__all__ = ["Inspection", "InspectionMark", "InspectionReport"]


class InspectionsQuery(models.QuerySet):
    """Pages start with ``within(scope)``."""

    def within(self, scope: Any) -> InspectionsQuery:
        return self.filter(version__in=LayerVersion.objects.within(scope))


class Inspection(models.Model):
    """One inspection of one version: reproducible, it names every version and parameter it used. Never changed."""

    version = models.ForeignKey(LayerVersion, models.PROTECT, related_name="+")
    division = models.CharField(_("division"), max_length=12)
    inputs = models.JSONField(default=dict)
    """{"DLTB": {"name": …, "hash": …}, …}"""
    parameters = models.JSONField(default=dict)
    outcomes = models.JSONField(default=list)
    """One per rule and table, as `running.Outcome.as_json`, with ``marked``: errors set aside by people."""
    score = models.FloatField(_("score"))
    accepted = models.BooleanField(_("qualified"))
    fatal = models.PositiveIntegerField(_("fatal errors"))
    serious = models.PositiveIntegerField(_("serious errors"))
    slight = models.PositiveIntegerField(_("slight errors"))
    errors = models.CharField(max_length=64, blank=True)
    """Hash of the stored file with the error layer (GeoParquet); "" where there are none."""
    seconds = models.FloatField(default=0)
    job = models.BigIntegerField(null=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = InspectionsQuery.as_manager()

    class Meta:
        db_table = "checks_inspection"
        indexes = [models.Index(fields=["version", "-id"], name="checks_inspection_latest")]

    def __str__(self) -> str:
        return f"{self.version} {self.score:.2f}"


class InspectionMark(models.Model):
    """What a person said of an error: it holds for the same error in every later version of the layer."""

    class State(models.TextChoices):
        CONFIRMED = "confirmed", _("confirmed")
        FALSE_POSITIVE = "false_positive", _("false positive")
        EXEMPT = "exempt", _("exempt")

    layer = models.CharField(max_length=60)
    division = models.CharField(max_length=12)
    rule = models.CharField(max_length=8)
    key = models.CharField(max_length=100)
    field = models.CharField(max_length=60, blank=True)
    value = models.CharField(max_length=200, blank=True)
    """What stood there: another value is another error."""
    state = models.CharField(_("state"), max_length=16, choices=State)
    reason = models.CharField(_("reason"), max_length=500)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "checks_inspection_mark"
        constraints = [
            models.UniqueConstraint(
                fields=["layer", "division", "rule", "key", "field", "value"], name="checks_inspection_mark_once"
            )
        ]


class InspectionReport(models.Model):
    """A report of an inspection as it was issued: the file and its signature never change."""

    class Kind(models.TextChoices):
        PDF = "pdf", "PDF"
        XLSX = "xlsx", "Excel"

    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=4, choices=Kind)
    language = models.CharField(max_length=10)
    file = models.CharField(max_length=64)
    """Hash of the stored file."""
    name = models.CharField(max_length=120)
    signature = models.JSONField()
    """As `operations.signing.sign_statement` gives it."""
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "checks_inspection_report"
        constraints = [
            models.UniqueConstraint(fields=["inspection", "kind", "language"], name="checks_inspection_report_once")
        ]

    def __str__(self) -> str:
        return self.name
