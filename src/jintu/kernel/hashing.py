"""Canonical hashes, always with the name of their algorithm in front: "sha256:…", "sm3:…".

The same content gives the same hash whatever wrote it: JSON with sorted keys, decimals without trailing zeros, dates
as ISO, text in NFC. Tables hash row by row, so a table and the rows it was built from agree.

>>> canonical({"b": 1, "a": "é"}) == canonical({"a": "e\\u0301", "b": 1})
True
>>> of_json([1])[:15]
'sha256:080a9ed4'
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from jintu.kernel.errors import InputError, Place

__all__ = [
    "ALGORITHMS",
    "canonical",
    "check",
    "merkle_root",
    "new",
    "of_bytes",
    "of_file",
    "of_json",
]

ALGORITHMS = ("sha256", "sm3")
_BLOCK = 1 << 20


class _Sm3:
    """SM3 (GB/T 32905) behind the interface of hashlib."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives import hashes

        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes) -> None:
        self._hash.update(bytes(data))  # of buffers it takes those that can be written to only

    def digest(self) -> bytes:
        return self._hash.copy().finalize()

    def hexdigest(self) -> str:
        return self.digest().hex()


def new(algorithm: str) -> Any:
    """An object with ``update`` and ``hexdigest``."""
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "sm3":
        return _Sm3()
    raise ValueError(f"unknown hash algorithm {algorithm!r}; known: {', '.join(ALGORITHMS)}")


def _digest(algorithm: str) -> Callable[[bytes], bytes]:
    """The digest of some bytes, as one call."""
    if algorithm == "sha256":
        return lambda data: hashlib.sha256(data).digest()

    def other(data: bytes) -> bytes:
        hasher = new(algorithm)
        hasher.update(data)
        return bytes(hasher.digest())

    return other


def _plain(value: Any) -> Any:
    """The value as JSON knows it, with one spelling for everything equal. Raises TypeError for other types."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} has no canonical form")
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return {"$decimal": "0" if text in ("-0", "") else text}
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise TypeError(f"{value} has no canonical form")
        return {"$float": repr(value + 0.0) if value else "0.0"}
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(dt.UTC)
        return {"$time": value.isoformat()}
    if isinstance(value, dt.date):
        return {"$date": value.isoformat()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": bytes(value).hex()}
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {unicodedata.normalize("NFC", str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, ensure_ascii=False))
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no blanks; equal values give equal bytes."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def of_bytes(data: bytes, algorithm: str = "sha256") -> str:
    digest = new(algorithm)
    digest.update(data)
    return f"{algorithm}:{digest.hexdigest()}"


def of_json(value: Any, algorithm: str = "sha256") -> str:
    """Hash of the canonical JSON of a value."""
    return of_bytes(canonical(value), algorithm)


def of_file(file: Path | BinaryIO, algorithm: str = "sha256") -> str:
    """Hash of a file's bytes, read in blocks."""
    if isinstance(file, Path):
        with file.open("rb") as stream:
            return of_file(stream, algorithm)
    digest = new(algorithm)
    while block := file.read(_BLOCK):
        digest.update(block)
    return f"{algorithm}:{digest.hexdigest()}"


def merkle_root(hashes: Iterable[str], algorithm: str = "sha256") -> str:
    """Root over leaf hashes in order; RFC 6962 prefixes (0 leaf, 1 node) keep leaves and nodes apart."""
    digest = _digest(algorithm)
    level = [digest(b"\x00" + leaf.encode()) for leaf in hashes]
    if not level:
        return of_bytes(b"", algorithm)
    while len(level) > 1:
        above = [digest(b"\x01" + left + right) for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return f"{algorithm}:{level[0].hex()}"


def check(file: Path | BinaryIO, expected: str, *, place: Place | None = None) -> None:
    """Raises InputError when the file's hash is not the expected one, or names no known algorithm."""
    algorithm = expected.partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise InputError("The hash {value} names no known algorithm.", place=place, value=expected[:40])
    found = of_file(file, algorithm)
    if found != expected:
        raise InputError(
            "The content has changed: its hash is {found}, expected was {expected}.",
            place=place,
            remedy="Fetch the file again, or restore it from a backup.",
            found=found,
            expected=expected,
        )
