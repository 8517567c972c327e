"""Detached signatures of files: Ed25519 (RFC 8032) over a canonical statement, as a small JSON file beside them.

What is signed is the statement (name of the file, hash of its bytes, who, when), not the bytes: a file of gigabytes is
read once. The statement carries the name of its algorithms; another `Signer` (SM2) can stand behind the same functions.

>>> signer = Ed25519Signer.generate()
>>> signed = sign(signer, {"file": "a.pdf", "hash": "sha256:00"})
>>> verified(signed) == signer.public_key
True
>>> verified(signed | {"statement": {"file": "b.pdf", "hash": "sha256:00"}}) is None
True
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from jintu.kernel import hashing
from jintu.kernel.errors import InputError, Unsupported

__all__ = ["Ed25519Signer", "Signer", "fingerprint", "sign", "verified"]

CONTEXT = b"jintu statement 1\n"
"""In front of every statement, so that a signature made for something else never fits one."""


class Signer(Protocol):
    """A private key that signs bytes."""

    algorithm: str

    @property
    def public_key(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes: ...


class Ed25519Signer:
    """A private key of 32 bytes."""

    algorithm = "ed25519"

    def __init__(self, private_key: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(private_key)

    @classmethod
    def generate(cls) -> Ed25519Signer:
        import secrets

        return cls(secrets.token_bytes(32))

    @property
    def private_key(self) -> bytes:
        return self._key.private_bytes_raw()

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def fingerprint(public_key: bytes) -> str:
    """For people to compare: the first 16 bytes of the key's SHA-256, in groups of four digits."""
    digits = hashlib.sha256(public_key).hexdigest()[:32]
    return " ".join(digits[i : i + 4] for i in range(0, 32, 4))


def sign(signer: Signer, statement: Mapping[str, Any]) -> dict[str, Any]:
    """The statement with its signature, as JSON values."""
    return {
        "algorithm": signer.algorithm,
        "public_key": base64.b64encode(signer.public_key).decode(),
        "statement": dict(statement),
        "signature": base64.b64encode(signer.sign(_bytes(statement))).decode(),
    }


def verified(signed: Mapping[str, Any]) -> bytes | None:
    """The public key whose signature stands under the statement; None where it does not fit.

    Raises `InputError` for what is no signature at all, `Unsupported` for an algorithm not known here. Whether the key
    may be trusted is for the caller to say.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        algorithm, statement = signed["algorithm"], dict(signed["statement"])
        key, signature = (base64.b64decode(signed[name], validate=True) for name in ("public_key", "signature"))
    except (KeyError, TypeError, ValueError):
        raise InputError("This is no signature.", remedy="Give the file that was written beside the report.") from None
    if algorithm != Ed25519Signer.algorithm:
        raise Unsupported("The signature is made with {algorithm}, which is not known here.", algorithm=str(algorithm))
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _bytes(statement))
    except (InvalidSignature, ValueError):
        return None
    return key


def _bytes(statement: Mapping[str, Any]) -> bytes:
    return CONTEXT + hashing.canonical(statement)
