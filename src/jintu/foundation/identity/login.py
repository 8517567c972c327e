"""Signing in: the count of failures is kept in the database, so that it survives a restart and many processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from jintu.foundation.journal import Actor, append

from . import mfa
from .models import LoginAttempt, User

__all__ = ["Answer", "locked_until", "sign_in"]


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: the user; or why not, how many tries are left, until when it is locked."""

    user: User | None = None
    why: str = ""
    tries_left: int | None = None
    until: datetime | None = None


def locked_until(username: str, address: str, now: datetime | None = None) -> datetime | None:
    """The end of a lock on this account or this address, or None."""
    rules = settings.JINTU_LOGIN
    now = now or timezone.now()
    since = now - timedelta(minutes=rules["window_minutes"])
    for column, value, limit in (
        ("username", username, rules["failures"]),
        ("address", address, rules["failures_per_address"]),
    ):
        if not value:
            continue
        failures = _failures(column, value, since)
        if len(failures) >= limit:
            until = failures[0] + timedelta(minutes=rules["lock_minutes"])
            if until > now:
                return until
    return None


def _failures(column: str, value: str, since: datetime) -> list[datetime]:
    """Times of failures since the last success inside the window, newest first."""
    attempts = LoginAttempt.objects.filter(**{column: value}, at__gt=since)
    success = attempts.filter(succeeded=True).order_by("-at").values_list("at", flat=True).first()
    if success is not None and column == "username":
        attempts = attempts.filter(at__gt=success)
    return list(attempts.filter(succeeded=False).order_by("-at").values_list("at", flat=True)[:200])


def sign_in(username: str, password: str, address: str, code: str = "") -> Answer:
    """Check account, password and second factor. Every attempt is counted and journaled by account number only."""
    username = username.strip()[:60]
    until = locked_until(username, address)
    if until is not None:
        return Answer(why="locked", until=until)
    user = User.objects.select_related("organisation").filter(username=username).first()
    if user is None:
        make_password(password)  # the same time as for a known account
        right = False
    else:
        right = user.check_password(password) and user.is_active
    if right and user is not None and user.mfa_secret:
        if not code:
            return Answer(why="code_needed")
        right = mfa.accept(user, code)
    _count(username, address, user, right)
    if right:
        return Answer(user=user)
    failed = len(
        _failures("username", username, timezone.now() - timedelta(minutes=settings.JINTU_LOGIN["window_minutes"]))
    )
    left = max(0, settings.JINTU_LOGIN["failures"] - failed)
    return Answer(why="wrong", tries_left=left, until=locked_until(username, address))


def _count(username: str, address: str, user: User | None, right: bool) -> None:
    with transaction.atomic():
        LoginAttempt.objects.create(username=username, address=address, succeeded=right)
        append(
            "identity.sign_in" if right else "identity.sign_in_refused",
            actor=Actor(user=user.pk if user else None, address=address),
            division=user.division if user else "",
            objects=[("identity.user", str(user.pk))] if user else [],
            facts={},
        )
