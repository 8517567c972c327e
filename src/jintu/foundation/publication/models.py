"""Openings: which layer version the public may see, and which of its columns."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jintu.foundation.layers.models import LayerVersion

__all__ = ["Opening"]


class Opening(models.Model):
    """The switch of one version. A closed opening stays: it says that and why the version was open once."""

    version = models.OneToOneField(LayerVersion, models.PROTECT, related_name="opening")
    is_open = models.BooleanField(_("open"), default=True)
    columns = models.JSONField(_("columns"), default=list)
    """As they were when it was opened: a schema that allows more later shows no more of this version."""
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "layer_opening"

    def __str__(self) -> str:
        return f"{self.version} {'open' if self.is_open else 'closed'}"

    @property
    def collection(self) -> str:
        """The name in addresses: table, division and the version's key."""
        return f"{self.version.layer.rpartition('.')[2]}-{self.version.division}-{self.version.key}"

    @property
    def shown(self) -> list[str]:
        """Columns the public sees, in the schema's order: opened then and still allowed now."""
        schema = self.version.schema
        return [n for n in schema.columns if n in self.columns and n in schema.public]
