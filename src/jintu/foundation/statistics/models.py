"""Summaries of registers: figures by division, level and year, and which registers changed since they were reckoned."""

from __future__ import annotations

from django.db import models

from jintu.foundation.registers.db import ExactDecimalField

__all__ = ["Changed", "Reckoned", "Total"]


class Reckoned(models.Model):
    """One reckoning of one figure (`wanted.Wanted.name`) over all rows of the node, whoever may see them.

    The newest with ``ready`` counts; the one before it stays for pages that are being made from it.
    """

    name = models.CharField(max_length=200)
    registers = models.JSONField(default=list)
    """The registers its rows were read from: a change of any of them makes it out of date."""
    day = models.DateField()
    """The day that presets ("due to start, not started") were reckoned for."""
    at = models.DateTimeField()
    """When reading began: what was committed before is in it."""
    version = models.CharField(max_length=40)
    """The release that reckoned it: another may mean something else by a preset."""
    ready = models.BooleanField(default=False)

    class Meta:
        db_table = "statistics_reckoned"
        indexes = [models.Index(fields=["name", "-id"], name="statistics_reckoned_name")]

    def __str__(self) -> str:
        return self.name


class Total(models.Model):
    """Number and area of the rows inside one division, of one data level and one year (0: all years).

    ``prefix`` is a division code as scopes have it ("", "99", "9901", "990121", "990121003"): a row counts in every
    division it lies in, so that a scope reads one line for each of its own divisions and sums no township.
    """

    reckoned = models.ForeignKey(Reckoned, models.CASCADE, related_name="totals")
    prefix = models.CharField(max_length=12, blank=True)
    data_level = models.PositiveSmallIntegerField()
    year = models.PositiveSmallIntegerField(default=0)
    n = models.BigIntegerField()
    area = ExactDecimalField(max_digits=18, decimal_places=2)

    class Meta:
        db_table = "statistics_total"
        constraints = [
            models.UniqueConstraint(fields=["reckoned", "prefix", "data_level", "year"], name="statistics_total_once")
        ]

    def __str__(self) -> str:
        return f"{self.prefix} {self.year}"


class Changed(models.Model):
    """A register changed. Only ever added to by whoever changes rows, so that no two of them wait for one another."""

    register = models.CharField(max_length=60, db_index=True)

    class Meta:
        db_table = "statistics_changed"

    def __str__(self) -> str:
        return self.register
