"""The node's business date: today, unless the operator fixed one (a demonstration, a rehearsal of last year)."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.utils import timezone

__all__ = ["today"]


def today() -> date:
    """The date by which clocks, warnings and the official supervision run are reckoned."""
    return settings.JINTU_BUSINESS_DATE or timezone.localdate()
