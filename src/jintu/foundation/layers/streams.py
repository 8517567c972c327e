"""Layer versions read a run of rows at a time, so that memory does not grow with the layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from . import lake

if TYPE_CHECKING:
    import pyarrow as pa

    from .models import LayerVersion

__all__ = ["row_groups"]


def row_groups(version: LayerVersion, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a version in the order of the file, one row group (some 16 000 rows) at a time.

    ``columns`` as of `LayerVersion.table`. Each group is hashed before it is handed out: raises `Refused` for a file
    that was changed, `Missing` when it is gone.
    """
    import pyarrow.parquet as pq

    where = version.directory
    try:
        lake.check_parts(where, version.manifest_hash, ())
        file = pq.ParquetFile(where / lake.DATA)
    except FileNotFoundError:
        lake.manifest(where)
        raise
    with file:
        known = file.schema_arrow.names
        names = [n for n in known if n not in (lake.BBOX, lake.DELIVERED)] if columns is None else list(columns)
        for group in range(file.num_row_groups):
            lake.check_parts(where, version.manifest_hash, [group])
            yield file.read_row_group(group, names).replace_schema_metadata(None)
