"""Patches are found by village and number as a join finds them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.domains.survey.rules import numbers
from jintu.domains.survey.rules.numbers import Numbers

NAMES = st.lists(st.tuples(*[st.sampled_from(["", "1", "12", "121", None])] * 2), max_size=30)


def frame(rows: list[tuple[str | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")


def first_alike(rows: list[tuple[str | None, str | None]], wanted: tuple[str | None, str | None]) -> int:
    return rows.index(wanted) if None not in wanted and wanted in rows else -1


@given(NAMES, NAMES)
def test_the_first_row_that_says_the_same_is_found(rows, wanted):
    found = Numbers(frame(rows)).find(frame(wanted))
    assert found.tolist() == [first_alike(rows, one) for one in wanted]


@pytest.mark.parametrize("hashes", [1, 2, 3])
def test_texts_that_have_the_same_hash_are_told_apart(monkeypatch, hashes):
    plain = numbers._hashed
    monkeypatch.setattr(numbers, "_hashed", lambda rows: plain(rows) % np.uint64(hashes))
    rows = [(str(k // 7), str(k % 7)) for k in range(40)] * 2
    wanted = [("0", "3"), ("5", "4"), ("5", "6"), ("9", "9"), (None, "3")]
    assert Numbers(frame(rows)).find(frame(wanted)).tolist() == [3, 39, -1, -1, -1]
