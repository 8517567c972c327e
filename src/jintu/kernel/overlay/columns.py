"""Columns of Arrow as NumPy arrays, without pandas.

``Array.to_numpy`` and the functions of ``pyarrow.compute`` first import pandas where it is installed: half a second,
which is a quarter of a question put from cold files to a million polygons. Columns without nulls do not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.flat import Integers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["numbered", "to_numpy"]


def to_numpy(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """The values of a column of numbers (n,), not copied where they lie in one piece; a null is not a number.

    >>> import pyarrow as pa
    >>> to_numpy(pa.chunked_array([[1, 2], [3]])).tolist(), to_numpy(pa.array([0.5, None])).tolist()
    ([1, 2, 3], [0.5, nan])
    """
    if column.null_count:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    pieces = [np.from_dlpack(chunk) for chunk in getattr(column, "chunks", [column]) if len(chunk)]
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if pieces else np.empty(0)


def numbered(column: pa.ChunkedArray, rows: Integers) -> tuple[Integers, list[Any]]:
    """What a column holds in ``rows``: for each of them the index of its value (k,), and the values as plain Python.

    Values that no row has may be among them; None is.

    >>> import pyarrow as pa
    >>> column = pa.chunked_array([["wood", "pond"], ["wood", None]])
    >>> numbers, values = numbered(column, np.array([3, 2, 1]))
    >>> [values[n] for n in numbers]
    [None, 'wood', 'pond']
    """
    import pyarrow as pa

    if pa.types.is_integer(column.type) and not column.null_count:
        found, first, numbers = np.unique(to_numpy(column)[rows], return_index=True, return_inverse=True)
        order = np.argsort(first)
        return np.argsort(order)[numbers], [*found[order].tolist(), None]
    encoded = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = [*(encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else ()), None]
    indices = [c.indices if not c.null_count else c.indices.fill_null(len(values) - 1) for c in encoded.chunks]
    numbers = np.concatenate([to_numpy(c).astype(np.int64) for c in indices] or [np.empty(0, dtype=np.int64)])
    return numbers[rows], values
