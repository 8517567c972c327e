"""Payment of the price: overdue instalments, certificates before full payment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.expressions import days_since, hits
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Hit, Parameters, Rows, rule

from . import laws
from .common import SUPPLY, supplies

if TYPE_CHECKING:
    from jintu.foundation.checks.inputs import Inputs

__all__ = ["RULES"]


@rule(
    "R22",
    name=("价款逾期未缴", "Payment overdue"),
    severity="orange",
    law=laws.CONTRACT,
    needs={"payment": Rows("land.payment", may_be_empty=False), "supply": SUPPLY},
    formula="as_of > due_on; unpaid_yuan = due_yuan − paid_yuan > 0",
    explain=(
        "约定支付日期已过，该期价款未缴清。补录缴款；确未缴的发催缴通知，按合同计收违约金(日千分之一)，超过 60 "
        "日可解除合同。",
        "The agreed day has passed and the instalment is not fully paid. Enter payments that are missing; "
        "otherwise demand "
        "it with the penalty of the contract; after 60 days the contract may be cancelled.",
    ),
)
def payment_overdue(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Instalments due before the as-of date and not fully paid by then. A payment without a date counts as paid. The
    penalty shown is unpaid × ``penalty_per_day`` × days."""
    counted = pl.col("paid_on").is_null() | (pl.col("paid_on") <= p.as_of)
    found = (
        t["payment"]
        .with_columns(
            due_yuan=pl.col("due_amount"),
            paid_yuan=pl.when(counted).then(pl.col("paid_amount").fill_null(0.0)).otherwise(0.0),
            late_days=days_since("due_on", p.as_of),
        )
        .with_columns(unpaid_yuan=pl.col("due_yuan") - pl.col("paid_yuan"))
        .filter((pl.col("late_days") > 0) & (pl.col("unpaid_yuan") > p.slack_yuan))
        .with_columns(penalty_yuan=pl.col("unpaid_yuan") * p.penalty_per_day * pl.col("late_days"))
    )
    yield from hits(
        found,
        ("land.payment", "payment_key"),
        ("land.supply", "supply_no"),
        values=("due_on", "due_yuan", "paid_yuan", "unpaid_yuan", "late_days", "penalty_yuan"),
        constants={"as_of": p.as_of, "penalty_per_day": p.penalty_per_day},
        days="late_days",
    )


@rule(
    "R23",
    name=("未缴清价款发证", "Certificate before full payment"),
    severity="red",
    law=laws.CONTRACT,
    needs={"payment": Rows("land.payment", may_be_empty=False), "supply": SUPPLY},
    formula="paid_yuan(registered_on) < due_yuan",
    explain=(
        "登记发证时价款尚未缴清。核对缴款与登记日期；确属未缴清发证的，依法更正并追缴。",
        "The certificate was issued before the price was fully paid. Check the dates; otherwise correct the "
        "registration "
        "and collect the rest.",
    ),
)
def certificate_before_payment(t: Inputs, p: Parameters) -> Iterator[Hit]:
    """Supplies registered by the as-of date: Σ paid on or before that day against Σ due of all instalments. A payment
    without a date counts as paid in time; a supply without instalments is not judged."""
    registered = supplies(t, p.as_of).filter(pl.col("registered_on") <= p.as_of)
    in_time = pl.col("paid_on").is_null() | (pl.col("paid_on") <= pl.col("registered_on"))
    sums = (
        t["payment"]
        .join(registered.select("supply_no", "registered_on"), on="supply_no")
        .group_by("supply_no")
        .agg(
            due_yuan=pl.col("due_amount").sum(),
            paid_yuan=pl.col("paid_amount").filter(in_time).sum(),
            last_paid_on=pl.col("paid_on").max(),
        )
    )
    found = registered.join(sums, on="supply_no").filter(pl.col("paid_yuan") < pl.col("due_yuan") - p.slack_yuan)
    yield from hits(
        found,
        ("land.supply", "supply_no"),
        values=("registered_on", "last_paid_on", "paid_yuan", "due_yuan"),
        area="area",
    )


RULES = (payment_overdue, certificate_before_payment)
