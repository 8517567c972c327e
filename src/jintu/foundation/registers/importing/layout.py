"""The columns of a staging file: the register's own, and what the import knows about each row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ..descriptor import Register
from . import typing

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DELIVERED", "DIVISION", "HASH", "LEVEL", "OLD", "ROW", "UID", "VERSION", "hashed", "schema"]

UID, ROW, DIVISION, LEVEL, VERSION, OLD, HASH, DELIVERED = (
    "__uid__",
    "__row__",
    "__division__",
    "__level__",
    "__version__",
    "__old__",
    "__hash__",
    "__delivered__",
)
"""``OLD`` is the id of the row this one replaces, 0 for none; ``DELIVERED`` the outline as the file has it, where that
is in another reference system."""


def hashed(register: Register, frame: pl.DataFrame) -> pl.DataFrame:
    """A hash per row over its values, for the journal's Merkle root: what was loaded can be proven later."""
    import polars as pl

    names = [*register.attributes, DIVISION]
    line = frame.select(
        pl.concat_str([pl.col(n).cast(pl.String).fill_null("\x00") for n in names], separator="\x1f")
    ).to_series()
    shapes = frame[register.geometry].to_list() if register.geometry else [None] * frame.height
    digest = [
        "sha256:" + hashlib.sha256(text.encode() + b"\x1e" + (wkb or b"")).hexdigest()
        for text, wkb in zip(line.to_list(), shapes, strict=True)
    ]
    return frame.with_columns(pl.Series(HASH, digest))


def schema(register: Register) -> Any:
    """Arrow schema of the staging file."""
    import polars as pl
    import pyarrow as pa

    kinds = {
        pl.String: pa.large_string(),
        pl.Int64: pa.int64(),
        pl.Float64: pa.float64(),
        pl.Date: pa.date32(),
        pl.Boolean: pa.bool_(),
    }
    fields = [pa.field(name, kinds[typing.scaled_type(f)]) for name, (f, _c) in register.attributes.items()]
    fields.append(pa.field(DIVISION, pa.large_string()))
    if register.geometry:
        fields += [pa.field(register.geometry, pa.large_binary()), pa.field(DELIVERED, pa.large_binary())]
    fields += [
        pa.field(ROW, pa.int64()),
        pa.field(UID, pa.large_string()),
        pa.field(VERSION, pa.int64()),
        pa.field(OLD, pa.int64()),
        pa.field(LEVEL, pa.int64()),
        pa.field(HASH, pa.large_string()),
    ]
    return pa.schema(fields)
