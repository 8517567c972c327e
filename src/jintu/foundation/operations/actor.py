"""Who acts, as plain values. The journal and jobs keep these and never a foreign key to an account."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Actor"]


@dataclass(frozen=True)
class Actor:
    """All empty is the system itself (a schedule, the command line on the node)."""

    user: int | None = None
    organisation: str = ""
    roles: str = ""
    division: str = ""
    address: str = ""
