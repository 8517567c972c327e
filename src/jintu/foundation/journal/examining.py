"""What ``jintu doctor`` says about the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jintu.foundation.operations.doctor import Context, Finding

__all__ = ["examine"]

LATE_SECONDS = 60


def examine(context: Context) -> Iterator[Finding]:
    """The chain, its triggers, and how long entries have waited for their seal."""
    from jintu.foundation.operations.doctor import Finding

    from .verifying import verify

    report = verify(context.progress)
    facts = report.as_json()
    for broken in report.broken:
        yield Finding(
            "journal",
            "error",
            broken.sentence,
            "keep the data directory as it is and compare with a backup",
            facts={
                "fault": broken.fault,
                "entry": broken.entry,
                "seq": broken.seq,
                "seal": broken.seal,
            },
        )
    if report.unsealed_seconds > LATE_SECONDS:
        yield Finding(
            "journal",
            "warning",
            f"{report.unsealed} entries await their seal, the oldest for {report.unsealed_seconds:.0f} s",
            "jintu serve, or jintu worker",
        )
    if report.is_whole:
        facts.pop("broken")
        sentence = f"{report.entries} entries, {report.seals} seals: the chain is whole"
        yield Finding("journal", "ok", sentence, facts=facts)
