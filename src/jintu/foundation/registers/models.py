"""The abstract row of every register, import batches, and what belongs to a register without being a row of it.

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

__all__ = [
    "COUNTS",
    "Attachment",
    "Batch",
    "DeliveredGeometry",
    "ImportMapping",
    "NumberSeries",
    "RegisterRow",
    "RowStatus",
    "SavedView",
    "SearchEntry",
    "VisibleRows",
    "row_indexes",
    "unique_key",
]


class RowStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    VALID = "valid", _("valid")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Batch(models.Model):
    """One import into one register."""

    class State(models.TextChoices):
        STAGED = "staged", _("checked, not loaded")
        LOADING = "loading", _("loading")
        VISIBLE = "visible", _("visible")
        REVERTED = "reverted", _("reverted")
        FAILED = "failed", _("failed")

    register = models.CharField(max_length=60, db_index=True)
    state = models.CharField(max_length=10, choices=State, default=State.LOADING, db_index=True)
    division = models.CharField(max_length=12, blank=True)
    file_name = models.CharField(max_length=255, blank=True)
    file_sha256 = models.CharField(max_length=80, blank=True)
    mapping = models.CharField(max_length=100, blank=True)
    period = models.CharField(max_length=20, blank=True)
    rows_read = models.PositiveIntegerField(default=0)
    rows_staged = models.PositiveIntegerField(default=0)
    """Rows in the staging file: those that will be applied, and the first ``rows_applied`` of which are."""
    rows_applied = models.PositiveIntegerField(default=0)
    rows_refused = models.PositiveIntegerField(default=0)
    rows_updating = models.PositiveIntegerField(default=0)
    rows_skipped = models.PositiveIntegerField(default=0)
    rows_indexed = models.PositiveIntegerField(default=0)
    options = models.JSONField(default=dict)
    """Mapping, encoding, layer, coordinate reference system, what to do with duplicates: all a repeat needs."""
    report = models.JSONField(default=dict)
    """Reasons of refusal with their counts, notices of the reader, the root of the row hashes."""
    job = models.BigIntegerField(null=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    visible_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "register_batch"
        indexes = [models.Index(fields=["register", "-id"], name="register_batch_newest")]

    def __str__(self) -> str:
        return f"{self.register} {self.file_name}"

    @staticmethod
    def hidden_ids() -> models.QuerySet:
        """Batches whose rows nobody sees."""
        return Batch.objects.exclude(state=Batch.State.VISIBLE).values("pk")

    @staticmethod
    def replacing_ids() -> models.QuerySet:
        """Batches that hide the rows they replaced."""
        return Batch.objects.filter(state=Batch.State.VISIBLE, rows_updating__gt=0).values("pk")


class VisibleRows(models.QuerySet):
    """Rows of a register; every query of a page starts with ``visible()`` and ``within(scope)``."""

    def visible(self) -> VisibleRows:
        """Rows of visible batches that no visible batch replaced.

        Two plain NOT INs over the few batches that matter: neither tempts the planner away from the index a page is
        read by, and both see the same moment as the rows.
        """
        return self.exclude(batch__in=Batch.hidden_ids()).exclude(superseded_by__in=Batch.replacing_ids())

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


COUNTS = ("status", "superseded_by", "batch", "data_level")
"""What decides whether a row counts, besides its division."""


def row_indexes(
    register: str,
    *dates: str,
    covers: tuple[str, ...] = (),
    key: str = "",
    links: tuple[tuple[str, ...], ...] = (),
) -> list[models.Index]:
    """Indexes every register wants; for ``Meta.indexes``: by division, by batch, by key, by each link whose other side
    asks "is there a row of mine?", and by each column lists are much sorted by, the date first.

    The one by ``key`` is beside the unique one, which knows only rows nobody superseded and is therefore of no use to a
    query for visible rows. ``links``: a column that holds another register's key, and what else is asked of such rows.

    The one by division covers what decides whether a row counts, so that counts never read the rows. ``covers``: the
    columns people filter and sum by; the index by the first date then answers a filtered list by itself, which a large
    register needs, at the price of a wider index.

    Index names are ``<register>_<column>`` and must stay within 30 characters.
    """
    made = [
        models.Index(fields=["division", *COUNTS], name=f"{register}_division"),
        models.Index(fields=["batch"], name=f"{register}_batch"),
        models.Index(fields=["superseded_by"], condition=~Q(superseded_by=0), name=f"{register}_superseded"),
    ]
    if key:
        made.append(models.Index(fields=[key], name=f"{register}_by_key"))
    for link, *asked in links:
        made.append(models.Index(fields=[link, *COUNTS, *asked], name=f"{register}_of_{link}"[:30]))
    for i, name in enumerate(dates):
        fields = [name, "division", *COUNTS, *covers] if covers and i == 0 else [name, "id"]
        made.append(models.Index(fields=fields, name=f"{register}_{name}"[:30]))
    return made


class SavedView(models.Model):
    """A list as somebody likes it: filter, order and columns under a name; shared with everybody or one's own."""

    register = models.CharField(max_length=60)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=2000, blank=True)
    """The query string of the list, without the cursor."""
    owner = models.BigIntegerField()
    shared = models.BooleanField(_("shared"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "register_saved_view"
        constraints = [models.UniqueConstraint(fields=["register", "owner", "name"], name="register_saved_view_once")]

    def __str__(self) -> str:
        return self.name


class ImportMapping(models.Model):
    """How the columns of a kind of file become columns of a register; see `importing.mapping.Mapping`."""

    register = models.CharField(max_length=60)
    name = models.CharField(_("name"), max_length=100)
    facts = models.JSONField(default=dict)
    created_by = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "register_import_mapping"
        constraints = [models.UniqueConstraint(fields=["register", "name"], name="register_import_mapping_once")]

    def __str__(self) -> str:
        return self.name


class Attachment(models.Model):
    """A file that belongs to a row, whatever version of the row is current. Never deleted: withdrawn with a reason."""

    register = models.CharField(max_length=60)
    uid = models.UUIDField()
    title = models.CharField(_("title"), max_length=200)
    file_sha256 = models.CharField(max_length=80)
    file_name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField(default=0)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "register_attachment"
        indexes = [models.Index(fields=["register", "uid"], name="register_attachment_row")]

    def __str__(self) -> str:
        return self.title


class DeliveredGeometry(models.Model):
    """A legal parcel as it was delivered: digits, coordinate reference system and file, beside the lon/lat outline.

    Kept when the delivered system is not EPSG:4490: straight lines there are not straight here, so official areas,
    lengths and exports go back to these coordinates.
    """

    register = models.CharField(max_length=60)
    uid = models.UUIDField()
    batch = models.BigIntegerField(default=0)
    crs = models.TextField()
    wkb = models.BinaryField()
    file_sha256 = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "register_delivered_geometry"
        indexes = [models.Index(fields=["register", "uid"], name="register_delivered_row")]

    def __str__(self) -> str:
        return f"{self.register} {self.uid}"


class NumberSeries(models.Model):
    """The last number given in one series (a rule, a division, a year). One row is locked to give the next."""

    rule = models.CharField(max_length=60)
    series = models.CharField(max_length=60)
    last = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "register_number_series"
        constraints = [models.UniqueConstraint(fields=["rule", "series"], name="register_number_series_once")]

    def __str__(self) -> str:
        return f"{self.rule} {self.series}"


class SearchEntry(models.Model):
    """What can be found of one visible row, across registers. The full-text index hangs on ``terms`` (migration 0002).

    ``terms`` is the row's searchable text cut into the terms of `jintu.kernel.search`: Chinese in overlapping pairs of
    characters, everything else in words.
    """

    register = models.CharField(max_length=60)
    uid = models.UUIDField()
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=400, blank=True)
    division = models.CharField(max_length=12)
    data_level = models.PositiveSmallIntegerField(default=1)
    terms = models.TextField(blank=True)

    class Meta:
        db_table = "register_search_entry"
        constraints = [models.UniqueConstraint(fields=["register", "uid"], name="register_search_entry_once")]
        indexes = [models.Index(fields=["key"], name="register_search_entry_key")]

    def __str__(self) -> str:
        return self.key
