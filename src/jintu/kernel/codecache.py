"""Where compiled code is kept: a directory for each state of the sources it can be made of.

numba looks at one file at a time: a function whose callee lies in another file would be taken as it was before that
file changed, and go on with the old callee. Sources that changed therefore get a directory of their own.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

__all__ = ["digest", "directory", "remove_others"]

KERNEL = Path(__file__).parent
MARKS = (b"njit", b"@compiled")
"""What a file with compiled functions has in it."""
LENGTH = 16


def digest() -> str:
    """Of all sources of the kernel that compiled code can be made of."""
    found = hashlib.sha256()
    for path in sorted(KERNEL.rglob("*.py")):
        source = path.read_bytes()
        if "tests" not in path.parts and any(mark in source for mark in MARKS):
            found.update(source)
    return found.hexdigest()


def directory(base: Path) -> Path:
    """The directory in ``base`` for the kernel as it is now; a value for ``NUMBA_CACHE_DIR``."""
    return base / digest()[:LENGTH]


def remove_others(chosen: Path) -> None:
    """Remove what was kept for other states of the sources, beside the directory that is used now."""
    if chosen != directory(chosen.parent):  # a place somebody else has chosen
        return
    for path in chosen.parent.iterdir():
        if path != chosen and path.is_dir() and re.fullmatch(rf"[0-9a-f]{{{LENGTH}}}", path.name):
            shutil.rmtree(path, ignore_errors=True)
