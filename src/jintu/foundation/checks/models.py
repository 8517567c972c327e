"""Runs of the supervision, the findings they keep, and what people did about them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.db import AreaField, GeometryField

from .inspection.models import Inspection, InspectionMark

__all__ = [
    "Finding",
    "FindingEvent",
    "FindingObject",
    "Inspection",
    "InspectionMark",
    "RuleSetting",
    "Run",
    "RunRule",
    "Severity",
    "finding_key",
]


class Severity(models.IntegerChoices):
    """Stored as a number so that lists sort by it; red is the gravest."""

    RED = 4, _("red")
    ORANGE = 3, _("orange")
    YELLOW = 2, _("yellow")
    BLUE = 1, _("blue")

    @property
    def word(self) -> str:
        return self.name.lower()


def finding_key(rule: str, objects: Iterable[tuple[str, str]]) -> str:
    """A finding's identity: its rule and the keys of its objects, whatever their order, area or outline."""
    parts = [rule, *sorted(f"{register}\x1f{key}" for register, key in objects)]
    return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()


class RuleSetting(models.Model):
    """A rule's parameter as the operator set it, from a date, on a basis; overrides the shipped value."""

    rule = models.CharField(max_length=8)
    name = models.CharField(max_length=60)
    value = models.JSONField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    basis = models.CharField(max_length=300)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "checks_rule_setting"
        indexes = [models.Index(fields=["rule", "name", "valid_from"])]


class Run(models.Model):
    """One supervision of one division on one date. Reproducible: it names every version it used."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETE = "complete", _("complete")
        INTERRUPTED = "interrupted", _("interrupted")
        FAILED = "failed", _("failed")

    division = models.CharField(_("division"), max_length=12)
    data_level = models.PositiveSmallIntegerField(default=1)
    as_of = models.DateField(_("as-of date"))
    official = models.BooleanField(_("official"), default=False)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    started_by = models.BigIntegerField(null=True)
    inputs = models.JSONField(default=dict)
    """{"land.supply": {"rows": n, "sha256": …}, "survey.DLTB": {"versions": [{"name", "hash"}]}}"""
    stages = models.JSONField(default=dict)
    found = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    what_if = models.JSONField(null=True)
    """The hits of a run that is not official; an official run keeps findings instead."""

    class Meta:
        db_table = "checks_run"
        indexes = [models.Index(fields=["division", "-id"])]


class RunRule(models.Model):
    """What became of one rule in one run: ran, not run (and what it needs), failed, not in force."""

    class State(models.TextChoices):
        RAN = "ran", _("ran")
        NOT_RUN = "not_run", _("not run")
        FAILED = "failed", _("failed")
        NOT_IN_FORCE = "not_in_force", _("not in force")

    run = models.ForeignKey(Run, models.CASCADE, related_name="rules")
    rule = models.CharField(max_length=8)
    version = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=State)
    needs = models.JSONField(default=list)
    parameters = models.JSONField(default=dict)
    error = models.CharField(max_length=500, blank=True)
    found = models.PositiveIntegerField(default=0)
    area_m2 = AreaField(null=True)
    seconds = models.FloatField(default=0)

    class Meta:
        db_table = "checks_run_rule"
        constraints = [models.UniqueConstraint(fields=["run", "rule"], name="checks_run_rule_once")]


class Finding(models.Model):
    """Something a rule found, followed until a person closes it."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DISPATCHED = "dispatched", _("dispatched")
        REPLIED = "replied", _("replied")
        VERIFIED = "verified", _("verified")
        CLOSED = "closed", _("closed")
        DISMISSED = "dismissed", _("dismissed")

    class Standing(models.TextChoices):
        DETECTED = "detected", _("detected")
        GONE = "gone", _("no longer detected")

    class Outcome(models.TextChoices):
        NONE = "", "—"
        EXPLAINED = "explained", _("explained")
        RECTIFIED = "rectified", _("rectified")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("finding number"), max_length=30, blank=True, db_index=True)
    key = models.CharField(max_length=64)
    rule = models.CharField(_("rule"), max_length=8)
    division = models.CharField(_("division"), max_length=12)
    data_level = models.PositiveSmallIntegerField(default=1)
    severity = models.PositiveSmallIntegerField(_("severity"), choices=Severity)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    objects_json = models.JSONField(default=list, db_column="objects")
    area_m2 = AreaField(_("area"), null=True)
    days = models.IntegerField(_("days"), null=True)
    risk = models.BigIntegerField(_("risk"), default=0)
    """severity × area (m²) × days, land_lifecycle.md §8; the order of the queue."""
    values = models.JSONField(default=dict)
    geom = GeometryField(null=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    standing = models.CharField(_("standing"), max_length=10, choices=Standing, default=Standing.DETECTED)
    outcome = models.CharField(_("reply"), max_length=10, choices=Outcome, blank=True, default=Outcome.NONE)
    due_on = models.DateField(_("due"), null=True)
    first_run = models.ForeignKey(Run, models.PROTECT, related_name="+")
    last_run = models.ForeignKey(Run, models.PROTECT, related_name="+")
    gone_run = models.ForeignKey(Run, models.PROTECT, related_name="+", null=True)
    gone_because = models.JSONField(default=list)
    seen_versions = models.JSONField(default=dict)
    """Row versions of the objects when last detected, to show which edit made a finding vanish."""
    row_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "checks_finding"
        constraints = [models.UniqueConstraint(fields=["division", "key"], name="checks_finding_identity")]
        indexes = [
            # the queue is walked along its order; what filters it stands in the index
            models.Index(fields=["-risk", "-id", "state", "division", "data_level"], name="checks_finding_queue"),
            models.Index(fields=["rule", "state"], name="checks_finding_rule"),
            # by itself the answer to home page, dashboard and queue: how many, how large, of which rule, how old
            models.Index(
                fields=["division", "state", "data_level", "severity", "rule", "first_run", "due_on", "area_m2"],
                name="checks_finding_figures",
            ),
            models.Index(fields=["last_run", "standing"], name="checks_finding_run"),
        ]

    @property
    def is_settled(self) -> bool:
        return self.state in (self.State.CLOSED, self.State.DISMISSED)


class FindingObject(models.Model):
    """Which rows a finding is about, so that a row's page shows its findings with one query."""

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="about")
    register = models.CharField(max_length=60)
    key = models.CharField(max_length=200)

    class Meta:
        db_table = "checks_finding_object"
        constraints = [models.UniqueConstraint(fields=["finding", "register", "key"], name="checks_about_once")]
        indexes = [models.Index(fields=["register", "key"])]


class FindingEvent(models.Model):
    """One step in a finding's life. The journal seals the act; the words and files stay here."""

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    verb = models.CharField(max_length=20)
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10, blank=True)
    user = models.BigIntegerField(null=True)
    organisation = models.CharField(max_length=30, blank=True)
    outcome = models.CharField(max_length=10, blank=True)
    note = models.TextField(blank=True)
    files = models.JSONField(default=list)
    due_on = models.DateField(null=True)
    run = models.ForeignKey(Run, models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "checks_finding_event"
        ordering = ["at", "id"]
