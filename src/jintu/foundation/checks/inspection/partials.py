"""What an inspection keeps of a layer for the next one: what topology left of it, and of rules with very many errors
those that the error layer lacks.

Both lie in the node's cache, of the last two versions of a layer that were inspected: where they are gone, or another
release wrote them, topology and those rules look at the whole layer. Topology leaves some 50 bytes a row.
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
    import polars

    from jintu.foundation.layers.models import LayerVersion
    from jintu.kernel.topology import Remains

    from .models import Inspection

__all__ = ["ahead", "beyond", "load", "save", "save_beyond"]

WORTH = 20_000
"""Rows from which on a layer is not simply looked at whole."""
VERSIONS = 2
OF = b"jintu:inspection"
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
    _forget(version, path.suffix)


def _forget(version: LayerVersion, suffix: str) -> None:
    """What was kept of versions before the last ones goes."""
    kept = sorted(_folder().glob(f"{version.layer}-{version.division}-*{suffix}"), key=lambda p: p.stat().st_mtime)
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


def save_beyond(inspection: Inspection, errors: polars.DataFrame) -> None:
    """Keep the errors of an inspection that its error layer has not."""
    import polars as pl
    import pyarrow.parquet as pq

    path = _path(inspection.version).with_suffix(".parquet")
    if not errors.height:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}.parquet")
    table = errors.to_arrow(compat_level=pl.CompatLevel.oldest()).replace_schema_metadata({OF: str(inspection.pk)})
    pq.write_table(table, draft, compression="zstd", write_page_checksum=True)
    draft.replace(path)
    _forget(inspection.version, path.suffix)


def beyond(inspection: Inspection) -> polars.DataFrame | None:
    """Those errors; None where there are none, or none that can be used."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _path(inspection.version).with_suffix(".parquet")
    try:
        with pq.ParquetFile(path, memory_map=False, page_checksum_verification=True) as file:
            of = (file.schema_arrow.metadata or {}).get(OF, b"").decode()
            return pl.DataFrame(pl.from_arrow(file.read())) if of == str(inspection.pk) else None
    except (pa.ArrowException, OSError, ValueError):
        return None  # the rules look for them again
