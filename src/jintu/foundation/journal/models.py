"""The journal's tables. All but `Pending` are append-only by database triggers; see docs/adr/0003-journal.md."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

__all__ = ["Entry", "Link", "Pending", "RecordVersion", "Seal", "Subject"]


class Entry(models.Model):
    """One act. Identifiers and hashes only: names and old values stay in tables the law can make us redact."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("time"), default=timezone.now)
    act = models.CharField(_("act"), max_length=60)
    user = models.BigIntegerField(_("user"), null=True)
    organisation = models.CharField(max_length=30, blank=True)
    roles = models.CharField(max_length=300, blank=True)
    actor_division = models.CharField(max_length=12, blank=True)
    address = models.CharField(max_length=45, blank=True)
    division = models.CharField(_("division"), max_length=12, blank=True)
    objects_json = models.JSONField(default=list)
    """[[type, key], …] of what the act was done to."""
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    rows = models.PositiveIntegerField(default=0)
    """Rows of a bulk act, whose hashes ``rows_root`` is the Merkle root of."""
    rows_root = models.CharField(max_length=80, blank=True)
    versions_root = models.CharField(max_length=80, blank=True)
    """Merkle root of the digests of the record versions kept with this entry."""

    class Meta:
        db_table = "journal_entry"
        verbose_name = _("journal entry")
        indexes = [
            models.Index(fields=["act", "id"]),
            models.Index(fields=["user", "id"]),
            models.Index(fields=["division", "id"]),
            models.Index(fields=["at"]),
        ]

    def content(self) -> dict[str, Any]:
        """What is hashed: every column."""
        return {f.attname: getattr(self, f.attname) for f in self._meta.concrete_fields}


class Subject(models.Model):
    """Index of entries by object. Derived from ``Entry.objects_json`` and verified against it."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="subjects")
    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=200)

    class Meta:
        db_table = "journal_subject"
        indexes = [models.Index(fields=["kind", "key", "entry"]), models.Index(fields=["key", "entry"])]


class Pending(models.Model):
    """Entries that await their place in the chain; written with the entry, removed by the sealer."""

    entry = models.OneToOneField(Entry, models.PROTECT, primary_key=True, related_name="+")

    class Meta:
        db_table = "journal_pending"


class Seal(models.Model):
    """A run of entries closed by one hash: Merkle root of their leaves, and the hash of the seal before."""

    number = models.BigIntegerField(primary_key=True)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    root = models.CharField(max_length=80)
    previous = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()
    hash = models.CharField(max_length=80)

    class Meta:
        db_table = "journal_seal"

    def content(self) -> dict[str, Any]:
        """What ``hash`` is of: every other column."""
        return {f.attname: getattr(self, f.attname) for f in self._meta.concrete_fields if f.attname != "hash"}


class Link(models.Model):
    """An entry's place in the chain: numbers without gaps, in the order the sealer found committed entries."""

    seq = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="link")
    seal = models.ForeignKey(Seal, models.PROTECT, related_name="links")
    leaf = models.CharField(max_length=80)

    class Meta:
        db_table = "journal_link"


class RecordVersion(models.Model):
    """What a register row was before a change. `redact` empties it by law; its digest and its place remain."""

    id = models.BigAutoField(primary_key=True)
    register = models.CharField(max_length=60)
    uid = models.UUIDField()
    row_version = models.PositiveIntegerField()
    data = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    salt = models.CharField(max_length=32, blank=True)
    """Random, redacted with the data: without it a short value could be guessed from the digest."""
    digest = models.CharField(max_length=80)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="versions")
    redaction = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="redacted")

    class Meta:
        db_table = "journal_record_version"
        indexes = [models.Index(fields=["register", "uid", "row_version"])]
