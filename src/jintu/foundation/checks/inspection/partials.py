"""What an inspection keeps of a layer for the next one: what topology left of it.

It is derived from the version and lies in the node's cache: where it is gone, or another release wrote it, topology is
looked at whole. Some 50 bytes a row; the last two versions of a layer that were inspected are kept.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jintu import __version__

if TYPE_CHECKING:
    from jintu.foundation.layers.models import LayerVersion
    from jintu.kernel.topology import Remains

__all__ = ["ahead", "load", "save"]

WORTH = 20_000
"""Rows from which on a layer is not simply looked at whole."""
VERSIONS = 2
AT_ONCE = 2

T = TypeVar("T")
U = TypeVar("U")


def ahead(work: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """``work`` of each, in order, a few at a time: the next is read while the last ones are looked at."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: deque[Future[U]] = deque()
        for item in items:
            running.append(pool.submit(work, item))
            del item
            if len(running) == AT_ONCE:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


# --- kept ----------


def _folder() -> Path:
    from django.conf import settings

    return Path(settings.NODE.data) / "cache" / "inspection"


def _path(version: LayerVersion) -> Path:
    return _folder() / f"{version.layer}-{version.division}-{version.hash.rpartition(':')[2]}.npz"


def save(version: LayerVersion, left: Remains) -> None:
    """Keep it beside what is kept of the version before; older ones go."""
    import numpy as np

    if len(left) < WORTH:
        return
    path = _path(version)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"edges": np.array(left.edges.columns), "boxes": left.boxes}
    columns |= {"vertices": left.vertices, "boundary": left.boundary}
    draft = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(draft, release=np.array(__version__), **columns)
    draft.replace(path)
    kept = sorted(_folder().glob(f"{version.layer}-{version.division}-*.npz"), key=lambda p: p.stat().st_mtime)
    for old in kept[:-VERSIONS]:
        old.unlink(missing_ok=True)


def load(version: LayerVersion) -> Remains | None:
    """What is kept of a version; None where there is nothing, or nothing that can be used."""
    import numpy as np

    from jintu.kernel.topology import Remains
    from jintu.kernel.topology.cancelling import Edges

    try:
        with np.load(_path(version)) as file:
            if file["release"].item() != __version__:
                return None
            return Remains(Edges(*file["edges"]), file["boxes"], file["vertices"], file["boundary"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # it is derived: looking at the layer gives it again
