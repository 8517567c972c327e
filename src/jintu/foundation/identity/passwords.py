"""Password rules of GB/T 22239 level 3: Django's in our words, mixed characters, no reuse, an age limit.

Django's own sentences are half translated and speak of 密码 where these users say 口令, so each rule says its own.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import password_validation as django_rules
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from .models import User

__all__ = [
    "HISTORY", "LongEnough", "MixedCharacters", "NotCommon", "NotLikeTheAccount", "NotOnlyDigits", "NotRecentlyUsed",
    "change_password", "has_expired",
]  # fmt: skip

HISTORY = 5


class _SaysItsRule:
    """The sentence of the rule is also the sentence of its breach."""

    get_help_text: Callable[[], str]

    def get_error_message(self) -> str:
        return self.get_help_text()


class NotLikeTheAccount(_SaysItsRule, django_rules.UserAttributeSimilarityValidator):
    def get_help_text(self) -> str:
        return _("It may not resemble your account or your name.")


class LongEnough(_SaysItsRule, django_rules.MinimumLengthValidator):
    def get_help_text(self) -> str:
        return _("It must have at least %(min_length)d characters.") % {"min_length": self.min_length}


class NotCommon(_SaysItsRule, django_rules.CommonPasswordValidator):
    def get_help_text(self) -> str:
        return _("It may not be one of the passwords that everybody uses.")


class NotOnlyDigits(_SaysItsRule, django_rules.NumericPasswordValidator):
    def get_help_text(self) -> str:
        return _("It may not consist of digits only.")


class MixedCharacters:
    """Three of the four: lower case, upper case, digits, others."""

    def validate(self, password: str, user: Any = None) -> None:
        kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        found = sum(any(c in kind for c in password) for kind in kinds)
        found += any(all(c not in kind for kind in kinds) for c in password)
        if found < 3:
            raise ValidationError(self.get_help_text(), code="password_not_mixed")

    def get_help_text(self) -> str:
        return _("Use at least three of: small letters, capital letters, digits, other characters.")


class NotRecentlyUsed:
    """Not one of the last five."""

    def validate(self, password: str, user: Any = None) -> None:
        if user is None or not getattr(user, "pk", None):
            return
        if any(check_password(password, old) for old in [user.password, *user.old_passwords[: HISTORY - 1]] if old):
            raise ValidationError(self.get_help_text(), code="password_reused")

    def get_help_text(self) -> str:
        return _("It may not be one of your last five passwords.")


def change_password(user: User, password: str, *, by_user: bool) -> None:
    """Set a password the person chose, or a first one they must change."""
    user.old_passwords = [p for p in [user.password, *user.old_passwords] if p][:HISTORY]
    user.set_password(password)
    user.must_change_password = not by_user
    user.password_changed_at = timezone.now()
    user.save(update_fields=["password", "old_passwords", "must_change_password", "password_changed_at"])


def has_expired(user: User) -> bool:
    """Is the password older than the operator's limit?"""
    days = settings.JINTU_LOGIN["password_days"]
    since = user.password_changed_at or user.created_at
    return bool(days) and since + timedelta(days=days) < timezone.now()
