"""Rules over the land registers, by theme. Which fires when, and which fire together: docs/reference/rules.md."""

from . import approval, compensation, payment, supply, temporary, use

__all__ = ["RULES"]

RULES = (
    *approval.RULES,
    *supply.RULES,
    *payment.RULES,
    *use.RULES,
    *compensation.RULES,
    *temporary.RULES,
)
