"""Who is told what: acts that leave something to another person become notices, after the act is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jintu.foundation.operations.hooks import Act

from .models import Notice, User
from .scope import Scope

__all__ = ["KINDS", "Kind", "listen", "tell", "unread"]


@dataclass(frozen=True)
class Kind:
    """``right``: the verb a person must have to be told; ``url`` of the place where it is dealt with."""

    label: Any
    right: str
    url: Callable[[str], str]
    icon: str = "bell"


def _findings(state: str) -> Callable[[str], str]:
    return lambda target: f"{reverse('checks:findings')}?state={state}"


KINDS: dict[str, Kind] = {
    "finding.dispatch": Kind(_("findings dispatched to you"), "reply", _findings("dispatched"), "send"),
    "finding.return": Kind(_("replies sent back to you"), "reply", _findings("dispatched"), "arrow-back-up"),
    "finding.reply": Kind(_("replies to confirm"), "verify", _findings("replied"), "message-reply"),
    "finding.verify": Kind(_("findings to close"), "close", _findings("verified"), "circle-check"),
    "job.done": Kind(_("jobs done"), "", lambda pk: reverse("operations:job", args=[pk]), "circle-check"),
    "job.failed": Kind(_("jobs failed"), "", lambda pk: reverse("operations:job", args=[pk]), "alert-circle"),
}


def ancestors(division: str) -> list[str]:
    """Codes of the divisions a code lies in, itself included: "990121003" → 990121003, 990121, 990100, 990000, ""."""
    found = [division[:n] for n in (12, 9, 6) if len(division) >= n]
    if len(division) >= 6:
        found += [division[:4] + "00", division[:2] + "0000"]
    return list(dict.fromkeys([*found, ""]))


def people(division: str, right: str) -> list[int]:
    """Users whose scope covers the division and who may use the verb there, at the nearest level that has any."""
    codes = ancestors(division)
    candidates = User.objects.select_related("organisation").filter(
        Q(division__in=codes) | Q(division="", organisation__division__in=codes), is_active=True
    )
    levels: dict[int, list[int]] = {}
    for user in candidates:
        scope = Scope.of(user)
        if scope.can(right) and scope.covers(division):
            levels.setdefault(max(map(len, scope.divisions), default=0), []).append(user.pk)
    return levels[max(levels)] if levels else []


def tell(users: Iterable[int], kind: str, target: str = "") -> None:
    """Add to the unread notice of this kind, or make one."""
    for user in users:
        unread_same = Notice.objects.filter(user_id=user, kind=kind, read_at__isnull=True)
        if not unread_same.update(count=F("count") + 1, target=target, made_at=timezone.now()):
            Notice.objects.create(user_id=user, kind=kind, target=target)


def listen(act: Act) -> None:
    """Listener of ``after_commit``; the person who acted is not told of it."""
    kind = KINDS.get(act.act)
    if kind is None or not kind.right:
        return
    target = act.objects[0][1] if act.objects else ""
    tell((pk for pk in people(act.division, kind.right) if pk != act.user), act.act, target)


def unread(user: User) -> int:
    """Number of unread notices, for the bell."""
    return Notice.objects.filter(user=user, read_at__isnull=True).count()
