"""The node's key and the files it signs.

The private key is ``keys/node.ed25519`` in the data directory, readable by its owner alone and no part of a backup; the
public one lies beside it and is what others are given. Keys of other nodes to be trusted are ``keys/trusted/*.pub``.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from jintu.kernel import hashing, signing
from jintu.kernel.errors import InputError, Missing, Place

__all__ = ["SUFFIX", "Verified", "node_fingerprint", "node_signer", "sign_bytes", "sign_statement", "verify_file"]

SUFFIX = ".sig.json"
PRIVATE = "node.ed25519"
PUBLIC = "node.pub"


def _folder() -> Path:
    return settings.NODE.data / "keys"


def node_signer() -> signing.Ed25519Signer:
    """The node's key, made the first time it is asked for."""
    path = _folder() / PRIVATE
    if not path.is_file():
        _make(path)
    try:
        return signing.Ed25519Signer(base64.b64decode(path.read_bytes(), validate=True))
    except ValueError:
        raise InputError(
            "The key of the node cannot be read.", place=Place(file=str(path)), remedy="Put the right key back."
        ) from None


def node_fingerprint() -> str:
    """Of the node's public key, for people to compare."""
    return signing.fingerprint(node_signer().public_key)


def _make(path: Path) -> None:
    """Of two processes that make one at once the first wins: a link never replaces a file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    signer = signing.Ed25519Signer.generate()
    handle, scratch = tempfile.mkstemp(prefix=".key-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(base64.b64encode(signer.private_key))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(scratch, path)
        except FileExistsError:
            return
    finally:
        os.unlink(scratch)
    (path.parent / PUBLIC).write_bytes(base64.b64encode(signer.public_key) + b"\n")


def sign_statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A statement signed by the node; who signed and when are added to it."""
    about = {
        "node": {"division": settings.NODE.division, "name": settings.NODE.name},
        "signed_at": timezone.now().isoformat(timespec="seconds"),
    }
    return signing.sign(node_signer(), {**statement, **about})


def sign_bytes(content: bytes, name: str, **facts: Any) -> bytes:
    """The signature file of some content: JSON, to lie beside it as NAME.sig.json."""
    signed = sign_statement({"file": name, "hash": hashing.of_bytes(content), **facts})
    return (json.dumps(signed, ensure_ascii=False, indent=2) + "\n").encode()


@dataclass(frozen=True)
class Verified:
    """What came out. ``wrong``: why the file is not what was signed, "" where it is; ``known``: whose key it is, "" for
    a key this node does not know: whoever asks must compare its ``fingerprint``."""

    statement: dict[str, Any]
    fingerprint: str
    known: str
    wrong: str = ""

    @property
    def ok(self) -> bool:
        return not self.wrong and bool(self.known)


def verify_file(path: Path, signature: Path | None = None) -> Verified:
    """Compare a file with its signature (default: the file of that name beside it). Raises `Missing`, `InputError`."""
    signature = signature or path.with_name(path.name + SUFFIX)
    if not signature.is_file():
        raise Missing(
            "There is no signature {name}.", place=Place(file=path.name), name=signature.name, remedy="Give its path."
        )
    try:
        signed = json.loads(signature.read_text(encoding="utf-8"))
        signer = signing.verified(signed if isinstance(signed, dict) else {})
    except ValueError:
        raise InputError("This is no signature.", place=Place(file=signature.name)) from None
    statement = dict(signed["statement"])
    key = signer or base64.b64decode(signed["public_key"])
    wrong = ""
    if signer is None:
        wrong = "the signature does not fit what it says"
    else:
        declared = str(statement.get("hash", ""))
        if hashing.of_file(path, declared.partition(":")[0] or "sha256") != declared:
            wrong = "the file was changed after it was signed"
    return Verified(statement, signing.fingerprint(key), _whose(key), wrong)


def _whose(key: bytes) -> str:
    """Name of a key this node trusts: its own, or that of a file of ``keys/trusted``."""
    encoded = base64.b64encode(key).decode()
    own = _folder() / PUBLIC
    if (_folder() / PRIVATE).is_file() and node_signer().public_key == key:
        return own.stem
    for path in sorted((_folder() / "trusted").glob("*.pub")):
        if path.read_text(encoding="ascii", errors="replace").strip() == encoded:
            return path.stem
    return ""
