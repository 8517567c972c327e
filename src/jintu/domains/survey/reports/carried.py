"""Sums of the patches of a version, kept beside it, and those of the version after it made of them.

A version of a million patches is read for its sums once. Where the next one differs in some rows, these alone are read:
the old figures are taken off, the new ones put on. All figures are whole hundredths, so that nothing is lost.

The sums are derived from the version and lie in the node's cache: where they are gone or damaged, or another release
wrote them, the version is read again.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from jintu import __version__
from jintu.foundation.layers.differing import differing
from jintu.kernel.errors import Missing, Refused

from . import cube

if TYPE_CHECKING:
    import polars as pl

    from jintu.foundation.layers.differing import Differing
    from jintu.foundation.layers.models import LayerVersion

__all__ = ["less", "sums", "told"]

WORTH = 20_000
"""Rows from which on a version is not simply read again."""
VERSIONS = 4
MOST_CHANGED = 5
"""Where more than this part changed the version is read: one in five."""


def sums(version: LayerVersion) -> pl.DataFrame:
    """`cube.sums_of` all patches of a version: kept, or from the version before, or read."""
    if version.rows < WORTH:
        return cube.sums_of(cube.patches(version))
    found = _load(version)
    if found is None:
        found = _from_before(version)
        if found is None:
            found = cube.sums_of(cube.patches(version))
        _save(version, found)
    return found


def told(old: LayerVersion, new: LayerVersion) -> Differing | None:
    """What differs between two versions, where that is told at little cost and is little."""
    try:
        found = differing(old, new)
    except (Missing, Refused):  # the older one may have been removed; the newer is checked by whoever reads it
        return None
    few = found is not None and max(len(found.came), len(found.gone)) * MOST_CHANGED <= new.rows
    return found if few else None


def _from_before(version: LayerVersion) -> pl.DataFrame | None:
    before = (
        type(version)
        .objects.published()
        .filter(layer=version.layer, division=version.division, valid_from__lt=version.valid_from)
    )
    old = before.order_by("-valid_from", "-pk").first()
    kept = _load(old) if old is not None and old.schema_version == version.schema_version else None
    if old is None or kept is None or (apart := told(old, version)) is None:
        return None
    came = cube.sums_of(cube.patches(version, rows=apart.came))
    return less(cube.added([kept, came]), cube.sums_of(cube.patches(old, rows=apart.gone)))


def less(whole: pl.DataFrame, part: pl.DataFrame) -> pl.DataFrame:
    """Sums of all rows but some."""
    import polars as pl

    taken = part.with_columns(-pl.col(name) for name in cube.FIGURES)
    return cube.added([whole, taken]).filter(pl.col("rows") > 0)


# --- kept ----------


def _folder() -> Path:
    return Path(settings.NODE.data) / "cache" / "summary"


@cache
def _written_by() -> str:
    """Release and code: another one may sum otherwise."""
    code = hashlib.sha256(Path(cube.__file__).read_bytes()).hexdigest()
    return hashlib.sha256(f"{__version__} {code}".encode()).hexdigest()[:16]


def _path(version: LayerVersion) -> Path:
    return _folder() / f"{version.layer}-{version.division}-{version.hash.rpartition(':')[2]}-{_written_by()}.parquet"


def _load(version: LayerVersion) -> pl.DataFrame | None:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(_path(version), memory_map=False, page_checksum_verification=True) as file:
            table = file.read()
    except (pa.ArrowException, OSError, ValueError):
        return None
    frame = pl.DataFrame(pl.from_arrow(table))
    return frame if frame.columns == [*cube.GROUPED, *cube.FIGURES] else None


def _save(version: LayerVersion, found: pl.DataFrame) -> None:
    """Keep them beside those of the versions before; older ones go."""
    import polars as pl
    import pyarrow.parquet as pq

    path = _path(version)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}.parquet")
    table = found.to_arrow(compat_level=pl.CompatLevel.oldest())
    pq.write_table(table, draft, compression="zstd", write_page_checksum=True)
    draft.replace(path)
    kept = sorted(_folder().glob(f"{version.layer}-{version.division}-*.parquet"), key=lambda p: p.stat().st_mtime)
    for old in kept[:-VERSIONS]:
        old.unlink(missing_ok=True)
