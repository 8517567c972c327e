"""Columns of well-known binary as bytes end to end, what is wrong with one, and offsets of runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.wkb import MALFORMED, NOT_A_LINE, NOT_A_POLYGON, Integers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NOT_FINITE", "UNCLOSED", "arrow", "buffers", "gather", "little_endian", "refusal", "running_sum"]

UNCLOSED, NOT_FINITE = -11, -12
"""Refusals beside those of `wkb`."""


def buffers(column: Any, rows: Integers | None) -> tuple[NDArray[np.uint8], Integers, Integers]:
    """The bytes of all values end to end, and where each value begins and ends; a null is a value of no bytes."""
    import pyarrow as pa

    array = arrow(column)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if not len(array):
        nowhere = np.empty(0, dtype=np.int64)
        return np.empty(0, dtype=np.uint8), nowhere, nowhere
    _, offsets, data = array.buffers()
    wide = np.int64 if array.type == pa.large_binary() else np.int32
    starts = np.frombuffer(offsets, dtype=wide)[array.offset : array.offset + len(array) + 1].astype(
        np.int64, copy=False
    )
    payload = np.frombuffer(data, dtype=np.uint8) if data is not None and data.size else np.empty(0, dtype=np.uint8)
    wanted = np.arange(len(array)) if rows is None else rows
    return payload, starts[wanted], starts[wanted + 1]


def arrow(column: Any) -> pa.Array | pa.ChunkedArray:
    """A list of bytes, a pyarrow array or a polars column as binary values of pyarrow."""
    import pyarrow as pa

    polars = sys.modules.get("polars")
    if polars is not None and isinstance(column, polars.Series):
        column = column.to_arrow(compat_level=polars.CompatLevel.oldest())  # large binary, which needs no cast
    elif hasattr(column, "to_arrow"):
        column = column.to_arrow()
    if not isinstance(column, pa.Array | pa.ChunkedArray):
        return _of_bytes([None if v is None else bytes(v) for v in column])
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    in_one_piece = getattr(column, "num_chunks", 1) == 1
    if column.type == pa.large_binary() or (column.type == pa.binary() and in_one_piece):
        return column  # a cast would import pyarrow.compute; several pieces may be too long together for short offsets
    try:
        return column.cast(pa.large_binary())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unsupported(
            "A geometry column of type {type} is not WKB.",
            remedy="Give the geometry as well-known binary.",
            type=str(column.type),
        ) from error


def _of_bytes(values: list[bytes | None]) -> pa.LargeBinaryArray:
    """Such an array of its buffers: `pa.array` of a list imports pandas, which takes half a second."""
    import pyarrow as pa

    offsets = running_sum(np.array([len(v) if v is not None else 0 for v in values], dtype=np.int64))
    there = np.packbits(np.array([v is not None for v in values], dtype=np.bool_), bitorder="little")
    joined = b"".join(v for v in values if v is not None)
    made = [pa.py_buffer(there), pa.py_buffer(offsets), pa.py_buffer(joined)]
    return pa.Array.from_buffers(pa.large_binary(), len(values), made)


def little_endian(column: Any, wrong: Integers) -> list[bytes | None]:
    """All values, those at ``wrong`` written anew: little-endian, two dimensions."""
    import shapely

    values = arrow(column).to_pylist()
    for row in wrong.tolist():
        try:
            shape = shapely.from_wkb(values[row])
        except shapely.errors.GEOSException as error:
            raise refusal(MALFORMED, row) from error
        values[row] = shapely.to_wkb(shape, byte_order=1, output_dimension=2, include_srid=False)
    return values


_REFUSALS: dict[int, tuple[type[InputError], str, str]] = {
    MALFORMED: (InputError, "The geometry's WKB is cut short or broken.", "Export it again."),
    NOT_A_POLYGON: (Unsupported, "The geometry is not a polygon.", "Give polygons or multipolygons only."),
    NOT_A_LINE: (Unsupported, "The geometry is not a line.", "Give lines or multilines only."),
    UNCLOSED: (InputError, "The ring does not end where it begins.", "Repeat the first vertex as the last."),
    NOT_FINITE: (InputError, "A coordinate is not a number.", "Remove or repair the vertex."),
}


def refusal(code: int, row: int, ring: int | None = None, vertex: int | None = None) -> InputError:
    """The error for a code; ``row`` counts from 0."""
    kind, sentence, remedy = _REFUSALS[code]
    return kind(sentence, place=Place(row=row + 1, ring=ring, vertex=vertex), remedy=remedy)


def running_sum(counts: Integers) -> Integers:
    """Offsets (n + 1,) of runs of so many members."""
    out = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=out[1:])
    return out


def gather(offsets: Integers, wanted: Integers) -> tuple[Integers, Integers]:
    """New offsets of the runs wanted, and the members of those runs in order."""
    counts = offsets[wanted + 1] - offsets[wanted]
    fresh = running_sum(counts)
    return fresh, np.repeat(offsets[wanted] - fresh[:-1], counts) + np.arange(fresh[-1])
