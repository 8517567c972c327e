"""Digests of rows against SipHash as it was published."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import siphash

MASK = (1 << 64) - 1
PUBLISHED = {0: "a3817f04ba25a8e66df67214c7550293", 1: "da87c1d86b99af44347659119b22fc45", 8: "3b62a9ba6258f5610f83e264f31497b4"}  # fmt: skip
"""Of the message 00 01 02 … of some lengths, by the authors' test vectors (vectors_sip128)."""


def sip(message: bytes) -> bytes:
    """SipHash-2-4-128, plainly."""
    k = siphash.KEY
    v = [
        0x736F6D6570736575 ^ k[0],
        0x646F72616E646F6D ^ k[1] ^ 0xEE,
        0x6C7967656E657261 ^ k[0],
        0x7465646279746573 ^ k[1],
    ]

    def turn(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & MASK

    def rounds(n: int) -> None:
        for _ in range(n):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = turn(v[1], 13) ^ v[0]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = turn(v[1], 17) ^ v[2]
            v[2] = turn(v[2], 32)

    end = len(message) - len(message) % 8
    words = [int.from_bytes(message[i : i + 8], "little") for i in range(0, end, 8)]
    words.append(int.from_bytes(message[end:].ljust(7, b"\0") + bytes([len(message) & 0xFF]), "little"))
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE
    rounds(4)
    out = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(4)
    return out.to_bytes(8, "little") + (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


def message(cells: list[Any]) -> bytes:
    parts = []
    for cell in cells:
        if cell is None:
            parts.append((-1).to_bytes(8, "little", signed=True))
            continue
        if isinstance(cell, float):
            data = np.float64(cell + 0.0).tobytes()
        elif isinstance(cell, dt.date):
            data = (cell - dt.date(1970, 1, 1)).days.to_bytes(8, "little", signed=True)
        elif isinstance(cell, int):
            data = cell.to_bytes(8, "little", signed=True)
        else:
            data = cell.encode() if isinstance(cell, str) else cell
        parts.append(len(data).to_bytes(8, "little") + data + b"\0" * (-len(data) % 8))
    return b"".join(parts)


KINDS = (
    (st.text(max_size=20), pa.string()),
    (st.binary(max_size=40), pa.large_binary()),
    (st.floats(allow_nan=False), pa.float64()),
    (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    (st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), pa.date32()),
)


@pytest.mark.parametrize("length", PUBLISHED)
def test_the_plain_one_is_siphash(length: int) -> None:
    assert sip(bytes(range(length))).hex() == PUBLISHED[length]


@given(st.lists(st.tuples(*(st.none() | values for values, _ in KINDS)), max_size=6), st.integers(0, 3))
def test_the_digest_of_a_row_is_that_of_its_cells(rows: list[tuple[Any, ...]], cut: int) -> None:
    columns = [pa.array([r[k] for r in rows], type=kind).slice(cut) for k, (_, kind) in enumerate(KINDS)]
    found = siphash.of_columns(columns)
    assert [row.astype("<u8").tobytes() for row in found] == [sip(message(list(r))) for r in rows[cut:]]


def test_digests_of_other_cells_go_in_first() -> None:
    names, areas = pa.array(["a", "b"]), pa.array([1.0, None])
    first = siphash.of_columns([names])
    found = siphash.of_columns([areas], [first])
    wanted = [sip(message([first[i].astype("<u8").tobytes(), areas[i].as_py()])) for i in range(2)]
    assert [row.astype("<u8").tobytes() for row in found] == wanted


def test_cells_run_together_are_other_cells() -> None:
    one = siphash.of_columns([pa.array(["ab", "", None]), pa.array(["", "ab", "ab"])])
    assert len(np.unique(one, axis=0)) == 3
    with pytest.raises(TypeError):
        siphash.of_columns([pa.array([[1]])])
