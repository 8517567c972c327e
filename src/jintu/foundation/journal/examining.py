"""What ``jintu doctor`` says about the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

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
            _("keep the data directory as it is and compare with a backup"),
            facts={
                "fault": broken.fault,
                "entry": broken.entry,
                "seq": broken.seq,
                "seal": broken.seal,
            },
        )
    if report.unsealed_seconds > LATE_SECONDS:
        said = _("{count} entries await their seal, the oldest for {seconds} s").format(
            count=report.unsealed, seconds=f"{report.unsealed_seconds:.0f}"
        )
        yield Finding("journal", "warning", said, _("jintu serve, or jintu worker"))
    if report.is_whole:
        facts.pop("broken")
        said = _("{entries} entries, {seals} seals: the chain is whole")
        yield Finding("journal", "ok", said.format(entries=report.entries, seals=report.seals), facts=facts)
