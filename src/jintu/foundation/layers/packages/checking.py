"""Whether a package is what was signed: every byte of every file, and no file too many or too few."""

from __future__ import annotations

import base64
import json
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jintu.foundation.operations import signing
from jintu.kernel import hashing
from jintu.kernel.errors import InputError, Missing, Place

from .making import FORMAT, STATEMENT

__all__ = ["Checked", "verify"]


@dataclass(frozen=True)
class Checked:
    """``wrong``: what is not as it was signed; ``known``: whose key signed, "" for a key this node does not know."""

    statement: dict[str, Any]
    fingerprint: str
    known: str
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.wrong and bool(self.known)


def verify(path: Path) -> Checked:
    """Look at a package, a directory or its ZIP. Raises `Missing` and `InputError` for what is no package."""
    if path.is_dir():
        return _verify(path)
    try:
        with tempfile.TemporaryDirectory(prefix="jintu-package-") as folder, zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            return _verify(Path(folder))
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise InputError("This is no package, or it is damaged.", place=Place(file=path.name)) from error


def _verify(root: Path) -> Checked:
    statement_file = root / STATEMENT
    if not statement_file.is_file():
        raise Missing("There is no {name}: this is no package.", name=STATEMENT, place=Place(file=root.name))
    signed = signing.verify_file(statement_file)
    wrong = [f"{STATEMENT}: {signed.wrong}"] if signed.wrong else []
    signature = root / f"{STATEMENT}{signing.SUFFIX}"
    if not _as_written(signature):
        wrong.append(f"{signature.name} was changed")
    try:
        statement = json.loads(statement_file.read_text(encoding="utf-8"))
        listed = {str(name): dict(facts) for name, facts in statement["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return Checked({}, signed.fingerprint, signed.known, wrong or [f"{STATEMENT} cannot be read"])
    if statement.get("format") != FORMAT:
        wrong.append(f"format {statement.get('format')} is not known")
    there = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
    for name, facts in sorted(listed.items()):
        if name not in there:
            wrong.append(f"{name} is missing")
        elif hashing.of_file(there[name], str(facts.get("hash", "")).partition(":")[0] or "sha256") != facts.get(
            "hash"
        ):
            wrong.append(f"{name} was changed")
    for name in sorted(set(there) - set(listed) - {STATEMENT, signature.name}):
        wrong.append(f"{name} does not belong to the package")
    return Checked(statement, signed.fingerprint, signed.known, wrong)


def _as_written(signature: Path) -> bool:
    """Whether the signature file is byte for byte what was written: white space and idle bits of base64 say nothing,
    but nobody may change them either."""
    content = signature.read_bytes()
    signed = json.loads(content)
    idle = any(base64.b64encode(base64.b64decode(signed[n])).decode() != signed[n] for n in ("public_key", "signature"))
    return not idle and content == (json.dumps(signed, ensure_ascii=False, indent=2) + "\n").encode()
