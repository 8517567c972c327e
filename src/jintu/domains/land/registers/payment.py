"""Instalments of the price (价款缴纳)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.models import COUNTS, RegisterRow, row_indexes, unique_key

from . import fields

__all__ = ["PAYMENT", "Payment"]


class Payment(RegisterRow):
    """One instalment of a contract, and what has been paid of it; the key is supply number, ``#``, instalment."""

    payment_key = fields.key(_("payment key"), 80)
    supply_no = fields.link(
        _("supply no."), "land.supply", code="GYBH", aliases=("供应编号", "电子监管号"), listed=True, required=True
    )
    seq = fields.count(_("instalment"), code="ZFQH", aliases=("支付期号",), listed=True)
    due_on = fields.day(_("due on"), code="ZFSJ", aliases=("约定支付日期",), listed=True, filter=True, required=True)
    due_amount = fields.money(_("amount due"), code="ZFJE", aliases=("约定支付金额",), listed=True, required=True)
    paid_on = fields.day(_("paid on"), code="SJZFSJ", aliases=("实际支付日期",), listed=True, filter=True)
    paid_amount = fields.money(_("amount paid"), code="SJZFJE", aliases=("实际支付金额",), listed=True)

    class Meta:
        db_table = "land_payment"
        verbose_name = _("payment of the price")
        constraints = [unique_key("payment_key", "land_payment")]
        indexes = row_indexes(
            "land_payment",
            "due_on",
            covers=("supply_no", "due_amount", "paid_amount", "paid_on"),
            key="payment_key",
            links=(("supply_no", "due_on"),),
        )
        # the few that are not paid are asked for by the process picture, which would read all to find them
        indexes += [
            models.Index(
                fields=["due_on", "division", *COUNTS, "due_amount", "paid_amount"],
                condition=models.Q(paid_amount__lt=models.F("due_amount")),
                name="land_payment_unpaid",
            )
        ]

    def __str__(self) -> str:
        return self.payment_key


PAYMENT = Register(
    name="land.payment",
    model=Payment,
    label=_("Payments"),
    key="payment_key",
    period="due_on",
    identity=("supply_no", "seq", "due_on"),
    stage="supply",
    group=_("Supply"),
    icon="coin",
)
