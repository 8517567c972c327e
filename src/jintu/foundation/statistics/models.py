"""Figures that are dear to reckon, kept with the state of the journal they were reckoned at."""

from __future__ import annotations

from django.db import models

__all__ = ["Figures"]


class Figures(models.Model):
    """One answer for one scope and period. Valid while the journal has not grown; else refreshed after a minute."""

    key = models.CharField(max_length=64, unique=True)
    stamp = models.BigIntegerField()
    computed_at = models.DateTimeField(auto_now=True)
    value = models.JSONField()

    class Meta:
        db_table = "statistics_figures"
