"""Versions of layers, saved mappings, the operator's imagery, and results of analyses.

The map data itself is in the lake (`lake`); the database keeps what is needed to find, trust and show it.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.db import AreaField, GeometryField

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from .schemas import Schema

__all__ = ["AnalysisResult", "ImagerySource", "LayerMapping", "LayerVersion", "LayerVersions", "OfflinePackage"]


class LayerVersions(models.QuerySet):
    """Versions of layers; pages start with ``within(scope)``."""

    def published(self) -> LayerVersions:
        return self.filter(state=LayerVersion.State.PUBLISHED)

    def within(self, scope: Any) -> LayerVersions:
        """Versions of divisions inside the scope, or that hold one of the scope's divisions: a township's clerk sees
        the county's map, cut to nothing, because a map is one picture."""
        if not scope.divisions or "view" not in scope.verbs:
            return self.none()
        if "" in scope.divisions:
            return self.filter(data_level__lte=scope.data_level)
        either = scope.division_filter()
        for prefix in scope.divisions:
            above = [prefix[:n] for n in range(2, len(prefix))]
            either |= models.Q(prefix__in=above)
        return self.filter(either, data_level__lte=scope.data_level)


class LayerVersion(models.Model):
    """One immutable version of one layer of one division."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    layer = models.CharField(_("layer"), max_length=60)
    division = models.CharField(_("division"), max_length=12)
    prefix = models.CharField(max_length=12, editable=False)
    """What the codes of everything inside the division begin with."""
    data_level = models.PositiveSmallIntegerField(_("data level"), default=0)
    name = models.CharField(_("version"), max_length=60)
    key = models.CharField(max_length=40, editable=False)
    """Directory in the lake and part of tile addresses: day and beginning of the hash."""
    valid_from = models.DateField(_("valid from"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    state_reason = models.CharField(_("reason"), max_length=500, blank=True)
    hash = models.CharField(_("hash"), max_length=80)
    """Of the canonical content, "sha256:…": independent of how Parquet packs it."""
    manifest_hash = models.CharField(max_length=80)
    tiles_hash = models.CharField(max_length=80, blank=True, editable=False)
    """Of ``tiles.json`` beside the data, which describes the prebuilt tiles; empty while there are none."""
    rows = models.PositiveIntegerField(_("rows"))
    area = AreaField(_("area"))
    crs = models.TextField(_("delivered coordinate system"))
    schema_version = models.CharField(max_length=20)
    source_name = models.CharField(_("source file"), max_length=255)
    source_hash = models.CharField(max_length=80)
    mapping = models.CharField(max_length=100, blank=True)
    quality = models.JSONField(_("quality"), default=dict)
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()
    job = models.BigIntegerField(null=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = LayerVersions.as_manager()

    class Meta:
        db_table = "layer_version"
        indexes = [models.Index(fields=["layer", "prefix", "-valid_from"], name="layer_version_in_force")]
        constraints = [
            models.UniqueConstraint(fields=["layer", "division", "key"], name="layer_version_key"),
            models.UniqueConstraint(
                fields=["layer", "division", "valid_from"],
                condition=~models.Q(state="withdrawn"),
                name="layer_version_one_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.layer} {self.division} {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        from jintu.foundation.identity.scope import prefix_of

        self.prefix = prefix_of(self.division)
        super().save(*args, **kwargs)

    @property
    def schema(self) -> Schema:
        from . import schemas

        return schemas.get(self.layer)

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        return self.west, self.south, self.east, self.north

    @property
    def short_hash(self) -> str:
        """Six characters for people."""
        return self.hash.partition(":")[2][:6]

    @property
    def directory(self) -> Path:
        from . import lake

        return lake.directory(self.layer, self.division, self.key)

    def table(
        self, columns: Sequence[str] | None = None, bbox: tuple[float, float, float, float] | None = None
    ) -> pa.Table:
        """Columns by our names and ``geometry`` (WKB, lon/lat 4490); with ``bbox`` only features whose boxes meet it.

        Without ``columns`` all attributes and ``geometry``. ``geometry_delivered`` must be asked for by name. Raises
        `Refused` when the files are not what was published.
        """
        from . import lake

        return lake.read(self.directory, columns, bbox, self.manifest_hash)


class LayerMapping(models.Model):
    """How the columns of a foreign file become those of a schema; see `mapping.Mapping`."""

    layer = models.CharField(_("layer"), max_length=60)
    name = models.CharField(_("name"), max_length=100)
    facts = models.JSONField(default=dict)
    created_by = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "layer_mapping"
        constraints = [models.UniqueConstraint(fields=["layer", "name"], name="layer_mapping_once")]

    def __str__(self) -> str:
        return f"{self.layer} {self.name}"


class ImagerySource(models.Model):
    """Pictures under the map, of the operator's own: none is shipped, none is on until somebody turns it on."""

    class Kind(models.TextChoices):
        XYZ = "xyz", _("XYZ tiles")
        WMTS = "wmts", _("WMTS")

    name = models.CharField(_("name"), max_length=100, unique=True)
    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    url = models.CharField(_("address"), max_length=1000)
    """With {z}, {x}, {y} where tiles are asked for: a RESTful or KVP template of WMTS looks the same filled in."""
    attribution = models.CharField(_("attribution"), max_length=200, blank=True)
    taken_on = models.DateField(_("taken on"), null=True, blank=True)
    min_zoom = models.PositiveSmallIntegerField(default=0)
    max_zoom = models.PositiveSmallIntegerField(default=18)
    tile_size = models.PositiveSmallIntegerField(default=256)
    enabled = models.BooleanField(_("on"), default=False)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "layer_imagery"
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name


class AnalysisResult(models.Model):
    """An occupation analysis as it was answered: outline, versions, hashes, method and figures."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=200, blank=True)
    division = models.CharField(max_length=12)
    data_level = models.PositiveSmallIntegerField(default=0)
    as_of = models.DateField()
    geom = GeometryField(spatial_index=False)
    area = AreaField(_("area"))
    source_name = models.CharField(max_length=255, blank=True)
    source_hash = models.CharField(max_length=80, blank=True)
    result = models.JSONField()
    hash = models.CharField(max_length=80)
    """Of the canonical result: the printed report names it."""
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "layer_analysis"
        indexes = [models.Index(fields=["created_by", "-id"], name="layer_analysis_mine")]

    def __str__(self) -> str:
        return self.title or str(self.uid)


class OfflinePackages(models.QuerySet):
    """The ledger of what was handed out; pages start with ``within(scope)``."""

    def within(self, scope: Any) -> OfflinePackages:
        return self.filter(scope.rows(data_level=""))


class OfflinePackage(models.Model):
    """One signed package of layer versions: what, for whom, by which approval, and what became of it."""

    class State(models.TextChoices):
        PREPARING = "preparing", _("being made")
        READY = "ready", _("ready")
        HANDED_OVER = "handed_over", _("handed over")
        VOID = "void", _("void")

    number = models.CharField(_("number"), max_length=40, unique=True)
    """Division, year and a serial without gaps: "990121-2026-0007"."""
    division = models.CharField(_("division"), max_length=12)
    """The smallest that holds all versions: whoever administers it sees the entry."""
    recipient = models.CharField(_("recipient"), max_length=200)
    purpose = models.CharField(_("purpose"), max_length=500)
    approval = models.CharField(_("approval number"), max_length=100)
    approved_by = models.CharField(_("approved by"), max_length=100)
    with_data = models.BooleanField(_("with the data itself"), default=False)
    versions = models.JSONField(_("layer versions"), default=list)
    """[{"layer", "division", "key", "name", "hash"}] as they were packed."""
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PREPARING)
    state_reason = models.CharField(_("reason"), max_length=500, blank=True)
    hash = models.CharField(_("hash"), max_length=80, blank=True)
    """Of ``package.json``, which has the hash of every file."""
    fingerprint = models.CharField(_("signing key"), max_length=60, blank=True)
    bytes = models.BigIntegerField(_("size"), default=0)
    file = models.CharField(max_length=80, blank=True)
    """The ZIP among the stored files, where it was made on a page."""
    job = models.BigIntegerField(null=True)
    made_by = models.CharField(_("made by"), max_length=100, blank=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    handed_to = models.CharField(_("received by"), max_length=100, blank=True)
    handed_on = models.DateField(_("handed over on"), null=True, blank=True)
    medium = models.CharField(_("medium"), max_length=100, blank=True)

    objects = OfflinePackages.as_manager()

    class Meta:
        db_table = "layer_package"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["division", "-id"], name="layer_package_division")]

    def __str__(self) -> str:
        return self.number


from .atlas.models import MapBookmark, MapTheme  # noqa: E402 - Django finds models in this module

__all__ += ["MapBookmark", "MapTheme"]
