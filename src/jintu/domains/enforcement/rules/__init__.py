"""Rules over inspection patches. Which fires when, and which fire together: docs/reference/rules.md."""

from . import patches

__all__ = ["RULES"]

RULES = patches.RULES
