"""Jobs and stored files."""

from __future__ import annotations

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

__all__ = ["Job", "StoredFile", "WorkerBeat"]


class Job(models.Model):
    """A long piece of work: who asked for it, how far it is, and how it ended."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        INTERRUPTED = "interrupted", _("interrupted")

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    kind = models.CharField(_("kind"), max_length=60)
    title = models.CharField(_("title"), max_length=200)
    arguments = models.JSONField(default=dict)
    """Identifiers only; what a job works on stays where it is."""
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    error = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    """{"code", "sentence", "params", "place", "remedy"}: translated when it is shown."""
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    division = models.CharField(_("division"), max_length=12, blank=True)
    user = models.BigIntegerField(null=True)
    organisation = models.CharField(max_length=30, blank=True)
    roles = models.CharField(max_length=300, blank=True)
    actor_division = models.CharField(max_length=12, blank=True)
    address = models.CharField(max_length=45, blank=True)
    host = models.CharField(max_length=100, blank=True)
    process = models.IntegerField(null=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    heartbeat_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operations_job"
        verbose_name = _("job")
        indexes = [models.Index(fields=["state", "id"]), models.Index(fields=["division", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED, self.State.CANCELLED}

    @property
    def percent(self) -> int | None:
        """0 to 100, or None while the total is unknown."""
        if self.state == self.State.DONE:
            return 100
        return min(100, self.done * 100 // self.total) if self.total else None


class StoredFile(models.Model):
    """A file under the data directory, named by the hash of its content: the same content is stored once."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "operations_stored_file"

    def __str__(self) -> str:
        return self.name


class WorkerBeat(models.Model):
    """One row per worker process: when it was last alive."""

    name = models.CharField(max_length=120, primary_key=True)
    process = models.IntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "operations_worker_beat"
