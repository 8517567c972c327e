"""What identifies a sample beside patches and seed; nothing heavy is imported for it."""

from __future__ import annotations

from datetime import date

__all__ = ["AS_OF", "FORMAT"]

AS_OF = date(2026, 6, 15)
"""The date the stories are told up to, unless another is asked for."""

FORMAT = 3
"""Raised whenever the same arguments would give another county."""
