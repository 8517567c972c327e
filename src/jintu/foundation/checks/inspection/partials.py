"""What an inspection keeps of a layer for the next one: a fingerprint of every row, and what topology left of it.

It is derived from the version and lies in the node's cache: where it is gone, or another release wrote it, the layer is
read again. Some 65 bytes a row; the last two versions of a layer that were inspected are kept.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jintu import __version__

from ..lazy import pl
from .tables import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion
    from jintu.kernel.topology import Remains

__all__ = ["Partials", "ahead", "load", "of", "prints", "save"]

WORTH = 20_000
"""Rows from which on a layer is not simply read again."""
VERSIONS = 2
AT_ONCE = 2

T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Partials:
    """``whole``, ``outline``: fingerprints (n,) uint64 of all a row has, and of its identifier and outlines; ``shape``:
    columns and reference system; ``remains``: of partitions, unless they came in degrees, whose metres are the
    layer's own."""

    shape: str
    whole: NDArray[np.uint64]
    outline: NDArray[np.uint64]
    remains: Remains | None = None


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


def prints(part: Table) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Fingerprints of the rows of a part: of everything, and of identifier and outlines."""
    outlines = {"outline": part.wkb, "delivered outline": part.plane_wkb}
    shapes = pl.DataFrame([s.alias(name) for name, s in outlines.items() if s is not None])
    of_outlines = part.frame.select(part.keys.alias("key")).hstack(shapes).hash_rows()
    return part.frame.hstack(shapes).hash_rows().to_numpy(), of_outlines.to_numpy()


def shape_of(t: Table, frame: Any) -> str:
    return json.dumps([t.crs, [(name, str(kind)) for name, kind in frame.schema.items()]])


def of(t: Table) -> Partials:
    """Read a layer for its fingerprints."""
    import numpy as np

    none = np.empty(0, dtype=np.uint64)
    found = list(ahead(lambda part: (shape_of(t, part.frame), prints(part)), t.parts()))
    whole, outline = (np.concatenate([none, *(both[k] for _, both in found)]) for k in (0, 1))
    return Partials(found[0][0] if found else "", whole, outline)


# --- kept ----------


def _folder() -> Path:
    from django.conf import settings

    return Path(settings.NODE.data) / "cache" / "inspection"


def _path(version: LayerVersion) -> Path:
    return _folder() / f"{version.layer}-{version.division}-{version.hash.rpartition(':')[2]}.npz"


def _written_by() -> str:
    return f"{__version__} {pl.__version__}"


def save(version: LayerVersion, partials: Partials) -> None:
    """Keep it beside what is kept of the version before; older ones go."""
    import numpy as np

    if len(partials.whole) < WORTH:
        return
    path = _path(version)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {"whole": partials.whole, "outline": partials.outline}
    if (left := partials.remains) is not None:
        columns |= {"edges": np.array(left.edges.columns), "boxes": left.boxes}
        columns |= {"vertices": left.vertices, "boundary": left.boundary}
    facts = np.array([_written_by(), partials.shape])
    draft = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(draft, facts=facts, **columns)
    draft.replace(path)
    kept = sorted(_folder().glob(f"{version.layer}-{version.division}-*.npz"), key=lambda p: p.stat().st_mtime)
    for old in kept[:-VERSIONS]:
        old.unlink(missing_ok=True)


def load(version: LayerVersion) -> Partials | None:
    """What is kept of a version; None where there is nothing, or nothing that can be used."""
    import numpy as np

    from jintu.kernel.topology import Remains
    from jintu.kernel.topology.cancelling import Edges

    try:
        with np.load(_path(version)) as file:
            written_by, shape = file["facts"].tolist()
            if written_by != _written_by():
                return None
            left = None
            if "edges" in file:
                left = Remains(Edges(*file["edges"]), file["boxes"], file["vertices"], file["boundary"])
            return Partials(shape, file["whole"], file["outline"], left)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # it is derived: reading the layer gives it again
