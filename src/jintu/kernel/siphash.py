"""Digests of rows: 128 bits for what a row of a table says, by SipHash-2-4 over its cells.

Two rows have the same digest where all their cells are the same: nothing there, the same number, the same bytes. A
cell is its length in bytes (−1 where there is none) and its bytes, each filled up to words of eight, so that rows of
different cells are different messages. SipHash (Aumasson and Bernstein, 2012) with the key of its published test
vectors: it is no secret, so digests tell rows apart and protect nothing; that is left to the hashes of files
(`hashing`).

>>> import pyarrow as pa
>>> found = of_columns([pa.array(["a", None, "a"]), pa.array([1.0, 1.0, 1.0])])
>>> bool((found[0] == found[2]).all()), bool((found[0] == found[1]).any())
(True, False)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jintu.kernel.compiled import compiled

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Digests", "of_columns"]

Digests = NDArray[np.uint64]
"""(n, 2): the words of each digest."""

KEY = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
_START = (0x736F6D6570736575, 0x646F72616E646F6D ^ 0xEE, 0x6C7967656E657261, 0x7465646279746573)
NOTHING = -1
"""Length of a cell without a value."""


def of_columns(columns: Sequence[pa.Array], before: Sequence[Digests] = ()) -> Digests:
    """The digest of each row of some columns of one length, in their order; ``before``: digests of other cells of the
    same rows, which go in first. Raises TypeError for a column that is neither text, bytes, days nor numbers."""
    n = len(columns[0]) if columns else len(before[0])
    state = np.zeros((n, 5), dtype=np.uint64)
    state[:, :4] = [word ^ KEY[i % 2] for i, word in enumerate(_START)]
    ends = np.arange(0, 16 * n + 1, 16, dtype=np.int64)
    cells = [(_padded(np.ascontiguousarray(d)), ends, np.full(n, 16, dtype=np.int64)) for d in before]
    for words, offsets, lengths in (*cells, *map(_cells, columns)):
        _absorb(words, offsets, lengths, state)
    out = np.empty((n, 2), dtype=np.uint64)
    _finish(state, out)
    return out


def _cells(column: pa.Array) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """The bytes of a column as words, where those of each cell begin, and how many it has."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    none = np.empty(0, dtype=np.int64)
    if not len(column):
        return _padded(none), none, none
    kind = column.type
    there = np.asarray(pc.is_valid(column))
    if pt.is_string(kind) or pt.is_binary(kind) or pt.is_large_string(kind) or pt.is_large_binary(kind):
        column = column.cast(pa.large_binary())
        _validity, ends, data = column.buffers()
        offsets = np.frombuffer(ends, dtype="<i8")[column.offset : column.offset + len(column) + 1]
        raw = np.frombuffer(data or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
        return _padded(raw), offsets - offsets[0], np.where(there, np.diff(offsets), NOTHING)
    if pt.is_floating(kind):
        values = np.asarray(pc.fill_null(column, 0.0)).astype("<f8") + 0.0  # −0.0 is 0.0
    elif pt.is_integer(kind) or pt.is_boolean(kind):
        values = np.asarray(pc.fill_null(column.cast(pa.int64()), 0)).astype("<i8")
    elif pt.is_date(kind):
        values = np.asarray(pc.fill_null(column.cast(pa.date32()).cast(pa.int32()), 0)).astype("<i8")
    else:
        raise TypeError(f"{kind} has no digest")
    offsets = np.arange(0, 8 * len(column) + 1, 8, dtype=np.int64)
    return _padded(values), offsets, np.where(there, 8, NOTHING)


def _padded(values: NDArray[Any]) -> NDArray[np.uint64]:
    """The bytes of an array as words, with one word more than there are whole ones."""
    raw = values.reshape(-1).view(np.uint8)
    out = np.zeros(len(raw) // 8 + 2, dtype="<u8")
    out.view(np.uint8)[: len(raw)] = raw
    return out


# --- compiled ----------


@compiled
def _absorb(
    words: NDArray[np.uint64], offsets: NDArray[np.int64], lengths: NDArray[np.int64], state: NDArray[np.uint64]
) -> None:
    """One cell of each row goes into its state: the four words of SipHash, and how many words went in."""
    for i in range(len(lengths)):
        a, b, c, d, count = state[i, 0], state[i, 1], state[i, 2], state[i, 3], state[i, 4]
        at, todo = offsets[i], lengths[i]
        m = np.uint64(todo)
        while True:
            d ^= m
            for _ in range(2):
                a, b, c, d = _round(a, b, c, d)
            a ^= m
            count += np.uint64(1)
            if todo <= 0:
                break
            k, aside = at >> 3, np.uint64(8 * (at & 7))
            m = words[k] >> aside
            if aside:
                m |= words[k + 1] << (np.uint64(64) - aside)
            if todo < 8:
                m &= (np.uint64(1) << np.uint64(8 * todo)) - np.uint64(1)
            at += 8
            todo -= 8
        state[i, 0], state[i, 1], state[i, 2], state[i, 3], state[i, 4] = a, b, c, d, count


@compiled
def _finish(state: NDArray[np.uint64], out: NDArray[np.uint64]) -> None:
    """The last word, which has the length of the message, and the two words of each digest."""
    for i in range(len(state)):
        a, b, c, d = state[i, 0], state[i, 1], state[i, 2], state[i, 3]
        m = (state[i, 4] * np.uint64(8)) << np.uint64(56)
        d ^= m
        for _ in range(2):
            a, b, c, d = _round(a, b, c, d)
        a ^= m
        c ^= np.uint64(0xEE)
        for _ in range(4):
            a, b, c, d = _round(a, b, c, d)
        out[i, 0] = a ^ b ^ c ^ d
        b ^= np.uint64(0xDD)
        for _ in range(4):
            a, b, c, d = _round(a, b, c, d)
        out[i, 1] = a ^ b ^ c ^ d


@compiled
def _round(a: Any, b: Any, c: Any, d: Any) -> Any:
    """SipRound."""
    a += b
    b = (b << np.uint64(13)) | (b >> np.uint64(51))
    b ^= a
    a = (a << np.uint64(32)) | (a >> np.uint64(32))
    c += d
    d = (d << np.uint64(16)) | (d >> np.uint64(48))
    d ^= c
    a += d
    d = (d << np.uint64(21)) | (d >> np.uint64(43))
    d ^= a
    c += b
    b = (b << np.uint64(17)) | (b >> np.uint64(47))
    b ^= c
    c = (c << np.uint64(32)) | (c >> np.uint64(32))
    return a, b, c, d
