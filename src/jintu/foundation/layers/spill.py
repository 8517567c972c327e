"""Rows waiting on disc until their order is known: Arrow, uncompressed, in the order they came.

The file is mapped, and what was read of it is let go again, so that memory does not grow with the layer. It is about as
large as the rows in a GeoPackage and is removed when the version is written.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Spill"]

NAME = "rows.arrow"


class Spill:
    """`add` batches, then `take` rows by their position; `close` removes the file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.rows = 0
        self._starts = [0]
        self._writer: pa.RecordBatchFileWriter | None = None
        self._map: mmap.mmap | None = None
        self._reader: pa.RecordBatchFileReader | None = None

    @property
    def schema(self) -> pa.Schema:
        """Of the rows. There are some."""
        return self._open().schema

    def add(self, table: pa.Table) -> None:
        """Write a batch; all have the same columns."""
        import pyarrow as pa

        if not table.num_rows:
            return
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self.path), table.schema)
        self._writer.write_batch(table.combine_chunks().to_batches()[0])
        self.rows += table.num_rows
        self._starts.append(self.rows)

    def take(self, rows: NDArray[np.int64]) -> pa.Table:
        """Rows by their position, in that order."""
        import numpy as np
        import pyarrow as pa

        reader = self._open()
        batch_of = np.searchsorted(self._starts, rows, side="right") - 1
        parts, places = [], []
        for batch in np.unique(batch_of).tolist():
            wanted = np.flatnonzero(batch_of == batch)
            parts.append(reader.get_batch(batch).take(pa.array(rows[wanted] - self._starts[batch])))
            places.append(wanted)
        table = pa.Table.from_batches(parts, reader.schema).combine_chunks()
        del parts
        self._let_go()
        if len(places) < 2:
            return table
        return table.take(pa.array(np.argsort(np.concatenate(places), kind="stable")))

    def _open(self) -> Any:
        import pyarrow as pa

        if self._reader is None:
            if self._writer is not None:
                self._writer.close()
            with self.path.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._reader = pa.ipc.open_file(pa.py_buffer(self._map))
        return self._reader

    def _let_go(self) -> None:
        """The pages read go back to the system, which has them in its cache."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = self._map = None
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
