"""Named thematic maps and bookmarks."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

__all__ = ["MapBookmark", "MapTheme"]


class MapThemes(models.QuerySet):
    """Pages start with ``within(scope, user)``."""

    def within(self, scope: Any, user: int | None) -> MapThemes:
        """One's own, and those shared in a division of the scope."""
        return self.filter(models.Q(created_by=user) | models.Q(shared=True) & scope.rows())


class MapTheme(models.Model):
    """A thematic map under a name, with the scope of whoever made it."""

    name = models.CharField(_("name"), max_length=80)
    layer = models.CharField(_("layer"), max_length=60)
    definition = models.JSONField()
    digest = models.CharField(max_length=40)
    division = models.CharField(max_length=12, blank=True)
    data_level = models.PositiveSmallIntegerField(default=0)
    shared = models.BooleanField(_("for everybody in my scope"), default=False)
    created_by = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = MapThemes.as_manager()

    class Meta:
        app_label = "layers"
        db_table = "layer_theme"
        constraints = [models.UniqueConstraint(fields=["created_by", "name"], name="layer_theme_once")]
        indexes = [models.Index(fields=["division", "shared"], name="layer_theme_shared")]

    def __str__(self) -> str:
        return self.name


class MapBookmark(models.Model):
    """A view of One Map as somebody left it: place, layers, day, thematic map. It says what to show, never who may
    see it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=80)
    state = models.JSONField()
    created_by = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "layers"
        db_table = "layer_bookmark"
        constraints = [models.UniqueConstraint(fields=["created_by", "name"], name="layer_bookmark_once")]

    def __str__(self) -> str:
        return self.name
