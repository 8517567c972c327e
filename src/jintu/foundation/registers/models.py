"""The abstract row of every register, and import batches.

A row is visible when its batch is visible and no visible batch supersedes it. Loading a batch therefore touches many
rows in short transactions while nobody sees them, and one update of one `Batch` row makes all of them appear, or
vanish again. See docs/adr/0004-batches.md.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

__all__ = ["Batch", "RegisterRow", "RowStatus", "VisibleRows", "unique_key"]


class RowStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    VALID = "valid", _("valid")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Batch(models.Model):
    """One import into one register."""

    class State(models.TextChoices):
        LOADING = "loading", _("loading")
        VISIBLE = "visible", _("visible")
        REVERTED = "reverted", _("reverted")
        FAILED = "failed", _("failed")

    register = models.CharField(max_length=60, db_index=True)
    state = models.CharField(max_length=10, choices=State, default=State.LOADING, db_index=True)
    division = models.CharField(max_length=12, blank=True)
    file_name = models.CharField(max_length=255, blank=True)
    file_sha256 = models.CharField(max_length=64, blank=True)
    mapping = models.CharField(max_length=100, blank=True)
    period = models.CharField(max_length=20, blank=True)
    rows_read = models.PositiveIntegerField(default=0)
    rows_applied = models.PositiveIntegerField(default=0)
    rows_refused = models.PositiveIntegerField(default=0)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    visible_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "register_batch"

    @staticmethod
    def hidden_ids() -> models.QuerySet:
        return Batch.objects.exclude(state=Batch.State.VISIBLE).values("pk")


class VisibleRows(models.QuerySet):
    """Rows of a register; every query of a page starts with ``visible()`` and ``within(scope)``."""

    def visible(self) -> VisibleRows:
        hidden = Batch.hidden_ids()
        return self.exclude(batch__in=hidden).filter(Q(superseded_by=0) | Q(superseded_by__in=hidden))

    def current(self) -> VisibleRows:
        """Visible rows that count: not drafts, not withdrawn."""
        return self.visible().filter(status=RowStatus.VALID)

    def within(self, scope: Any) -> VisibleRows:
        """Rows inside a `jintu.foundation.identity.scope.Scope`."""
        return self.filter(scope.rows())


class RegisterRow(models.Model):
    """Columns every register has. Subclasses add theirs with `column()`, and a GeometryField where there is a place."""

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=uuid.uuid4, editable=False, db_index=True)
    division = models.CharField(_("division"), max_length=12)
    data_level = models.PositiveSmallIntegerField(_("data level"), default=1)
    status = models.CharField(_("status"), max_length=10, choices=RowStatus, default=RowStatus.VALID)
    status_reason = models.CharField(_("reason"), max_length=500, blank=True)
    row_version = models.PositiveIntegerField(default=1)
    batch = models.BigIntegerField(default=0)
    superseded_by = models.BigIntegerField(default=0)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = VisibleRows.as_manager()

    class Meta:
        abstract = True


def unique_key(name: str, register: str) -> models.UniqueConstraint:
    """The key of a register is unique among rows no batch supersedes; for ``Meta.constraints``."""
    return models.UniqueConstraint(fields=[name], condition=Q(superseded_by=0), name=f"{register}_key")
