"""Scope: who may see and do what, as one filter on columns of the row.

A scope is a small set of division-code prefixes, a highest data level, and the verbs the person's roles allow. There
are no grants on single objects. Three administrators are kept apart (security.md, 三员分立): the system administrator
configures, the security administrator gives accounts and roles, the audit administrator reads the journal; none of
them sees business rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Q

__all__ = ["ADMINISTRATORS", "BUSINESS_VERBS", "VERBS", "Role", "Scope", "prefix_of", "role_conflict"]


class Role(StrEnum):
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"
    CLERK = "clerk"
    DIRECTOR = "director"
    REVIEWER = "reviewer"
    INSPECTOR = "inspector"
    AUDITOR = "auditor"
    VIEWER = "viewer"


ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})

BUSINESS_VERBS = frozenset(
    {
        "view",
        "create",
        "edit",
        "withdraw",
        "import",
        "export",
        "attach",
        "analyse",
        "supervise",
        "publish",
        "dispatch",
        "reply",
        "verify",
        "close",
        "dismiss",
    }
)
ADMIN_VERBS = frozenset({"configure", "accounts", "grant", "journal", "jobs", "doctor"})
VERBS = BUSINESS_VERBS | ADMIN_VERBS

_ALLOWED: dict[Role, frozenset[str]] = {
    Role.SYSTEM_ADMIN: frozenset({"configure", "accounts", "jobs", "doctor"}),
    Role.SECURITY_ADMIN: frozenset({"grant"}),
    Role.AUDIT_ADMIN: frozenset({"journal"}),
    Role.CLERK: frozenset({"view", "create", "edit", "import", "export", "attach", "analyse", "reply", "jobs"}),
    Role.DIRECTOR: frozenset(
        {"view", "create", "edit", "withdraw", "import", "export", "attach", "analyse", "supervise", "publish"}
        | {"dispatch", "reply", "verify", "dismiss", "jobs"}
    ),
    Role.REVIEWER: frozenset({"view", "export", "attach", "analyse", "supervise", "dispatch", "verify", "jobs"}),
    Role.INSPECTOR: frozenset(
        {"view", "export", "analyse", "supervise", "dispatch", "verify", "close", "dismiss", "jobs"}
    ),
    Role.AUDITOR: frozenset({"view", "journal"}),
    Role.VIEWER: frozenset({"view", "analyse"}),
}


@dataclass(frozen=True)
class Scope:
    """What a person, a job or nobody may touch.

    ``divisions`` prefixes of division codes without trailing zeros of the level ("99", "9901", "990121"); "" is all.

    >>> county = Scope(divisions=("990121",), verbs=frozenset({"view"}))
    >>> county.covers("990121003"), county.covers("990122"), county.can("edit")
    (True, False, False)
    """

    divisions: tuple[str, ...] = ()
    data_level: int = 0
    verbs: frozenset[str] = frozenset()
    roles: frozenset[str] = field(default=frozenset())
    label: str = ""

    @classmethod
    def everything(cls) -> Scope:
        """For system jobs and the command line on the node itself."""
        return cls(divisions=("",), data_level=2, verbs=VERBS)

    @classmethod
    def nothing(cls) -> Scope:
        """For nobody: no row, no verb."""
        return cls()

    @classmethod
    def of(cls, user: Any) -> Scope:
        """The scope of a signed-in user; nothing for the anonymous and the inactive."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return cls.nothing()
        roles = frozenset(user.roles)
        verbs = frozenset().union(*(_ALLOWED[Role(r)] for r in roles if r in Role._value2member_map_))
        if user.must_change_password:
            verbs = frozenset()
        codes: tuple[str, ...] = ()
        if verbs & BUSINESS_VERBS:
            organisation = user.organisation
            codes = (user.division,) if user.division else (organisation.divisions if organisation else ())
        label = user.organisation.name if user.organisation_id else ""
        prefixes = tuple(dict.fromkeys(prefix_of(c) for c in codes))
        return cls(divisions=prefixes, data_level=user.data_level, verbs=verbs, roles=roles, label=label)

    def can(self, verb: str, thing: Any = None) -> bool:
        """May the verb be used (on this row, if one is given)?"""
        if verb not in VERBS:
            raise ValueError(f"unknown verb {verb}")
        if verb not in self.verbs:
            return False
        if thing is None:
            return True
        return self.covers(thing.division) and getattr(thing, "data_level", 0) <= self.data_level

    def covers(self, division: str) -> bool:
        """Is a division (of any level) inside the scope?"""
        return any(division.startswith(prefix) for prefix in self.divisions)

    def rows(self, division: str = "division", data_level: str = "data_level") -> Q:
        """The row filter, for models with these columns; matches nothing for an empty scope."""
        if not self.divisions or "view" not in self.verbs:
            return Q(pk__in=())
        levels = Q(**{f"{data_level}__lte": self.data_level}) if data_level else Q()
        return levels & self.division_filter(division)

    def division_filter(self, division: str = "division") -> Q:
        """Only the division part, as index ranges (a prefix is a range of codes)."""
        if "" in self.divisions:
            return Q()
        either = Q(pk__in=())
        for prefix in self.divisions:
            either |= Q(**{f"{division}__gte": prefix, f"{division}__lt": prefix + "~"})
        return either


def prefix_of(code: str) -> str:
    """The prefix shared by everything inside a division: "990000" → "99", "990100" → "9901", "990121" → "990121"."""
    if len(code) == 6:
        return code.removesuffix("00").removesuffix("00") if code.endswith("00") else code
    return code


def role_conflict(roles: list[str] | tuple[str, ...]) -> bool:
    """Do these roles break the separation: two administrators in one person, or an administrator doing business?"""
    administrators = [r for r in roles if r in ADMINISTRATORS]
    return len(administrators) > 1 or (bool(administrators) and len(roles) > len(administrators))
