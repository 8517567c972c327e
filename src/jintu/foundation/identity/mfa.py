"""Second factor: time-based one-time codes (RFC 6238), secrets encrypted with the node's key."""

from __future__ import annotations

import base64
import hashlib
import os
import time

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings

from .models import User

__all__ = ["accept", "new_secret", "otpauth_uri", "seal"]

STEP_SECONDS = 30
DIGITS = 6


def _box() -> Fernet:
    key = hashlib.sha256(b"jintu mfa\x00" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, hashes.SHA1(), STEP_SECONDS)  # noqa: S303 - what authenticator apps speak (RFC 6238)


def new_secret() -> bytes:
    """Twenty random bytes."""
    return os.urandom(20)


def seal(secret: bytes) -> bytes:
    """The secret as it is stored."""
    return _box().encrypt(secret)


def otpauth_uri(secret: bytes, user: User) -> str:
    """What an authenticator reads from a QR code or by hand."""
    return _totp(secret).get_provisioning_uri(user.username, "Jintu")


def accept(user: User, code: str, secret: bytes | None = None) -> bool:
    """Is the code right now, one step early or late, and not used before? An accepted code is spent."""
    if secret is None:
        if not user.mfa_secret:
            return False
        secret = _box().decrypt(bytes(user.mfa_secret))
    now = int(time.time()) // STEP_SECONDS
    for step in (now, now - 1, now + 1):
        if step > user.mfa_last_step and _totp(secret).generate(step * STEP_SECONDS).decode() == code.strip():
            changed = User.objects.filter(pk=user.pk, mfa_last_step__lt=step).update(mfa_last_step=step)
            user.mfa_last_step = step
            return bool(changed)
    return False
