"""Partial sums are added in memory that the answer bounds, and in the order in which the fragments lie in the file."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel.executors import Threads
from jintu.kernel.overlay import adding, prepare, streaming
from jintu.kernel.overlay.adding import Adder
from jintu.kernel.overlay.fragments import BYTES, ROWS, all_of, plan, reader
from jintu.kernel.overlay.streaming import Source, overlay_files
from jintu.kernel.tests.test_overlay_streaming import grid, parcels, write

FRAGMENT = st.dictionaries(
    st.tuples(st.integers(0, 5), st.sampled_from("abcd")), st.floats(1e-6, 1e6), min_size=0, max_size=12
)


def add(adder: Adder, fragment: dict) -> None:
    values = tuple(sorted({(code,) for _, code in fragment}))
    rows = sorted(fragment)
    left = np.array([parcel for parcel, _ in rows], dtype=np.int64)
    code = np.array([values.index((value,)) for _, value in rows], dtype=np.int64)
    adder.add(left, code, np.array([fragment[row] for row in rows]), values)


@given(st.lists(FRAGMENT, max_size=30), st.integers(1, 20))
def test_sums_are_those_of_plain_addition_however_many_wait(fragments, waiting) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adding, "WAITING", waiting)
        adder = Adder()
        for fragment in fragments:
            add(adder, fragment)
        left, code, area = adder.settled()
    names = list(adder.values)
    assert names == list(dict.fromkeys((c,) for f in fragments for c in sorted({c for _, c in f})))
    keys = list(zip(left.tolist(), code.tolist(), strict=True))
    assert all(a < b for a, b in pairwise(keys))
    expected: dict = {}
    for fragment in fragments:
        for (parcel, value), m2 in fragment.items():
            expected.setdefault((parcel, names.index((value,))), []).append(m2)
    assert set(keys) == set(expected)
    for key, m2 in zip(keys, area.tolist(), strict=True):
        assert m2 == pytest.approx(math.fsum(expected[key]), rel=1e-14)


def test_what_is_held_is_bounded_by_the_answer_and_not_by_the_layer() -> None:
    """One parcel over a country of 20 000 fragments has one sum for each class, not one for each fragment."""
    adder, most = Adder(), 0
    left, code = np.zeros(24, dtype=np.int64), np.arange(24)
    values = tuple((k,) for k in range(24))
    for _ in range(20_000):
        adder.add(left, code, np.ones(24), values)
        most = max(most, adder.held)
    assert most <= adding.WAITING + 24
    assert adder.settled()[2].tolist() == [20_000.0] * 24


def test_an_eighth_of_a_large_answer_waits_at_most(monkeypatch) -> None:
    monkeypatch.setattr(adding, "WAITING", 100)
    adder = Adder()
    for first in range(0, 40_000, 50):
        adder.add(np.arange(first, first + 50), np.zeros(50, dtype=np.int64), np.ones(50), (("a",),))
        assert adder.held <= first + 50
        assert adder._count <= max(100, (first + 50) // 8)
    assert len(adder.settled()[0]) == 40_000


@pytest.mark.parametrize("threads", [1, 2])
def test_the_fragments_in_flight_do_not_grow_with_the_layer(tmp_path, monkeypatch, threads) -> None:
    """Counted, not timed: how many fragments are read and not yet added, and how many bytes of columns each reads."""
    path = write(tmp_path / "a.parquet", grid(160, 100), row_group=100)
    lots = prepare(parcels(200, 160, 100))
    monkeypatch.setattr("jintu.kernel.overlay.fragments.ROWS", 200)
    begun, added, most = [], [], 0

    def counting(question, fragment):
        nonlocal most
        begun.append(fragment)
        most = max(most, len(begun) - len(added))
        return streaming.task(question, fragment)

    class Counted(Threads):
        def run(self, task, shared, items):
            for partial in super().run(counting, shared, items):
                yield partial
                added.append(partial)

    (sums,) = overlay_files(lots, [Source(path, ("code",))], Counted(threads))
    assert len(begun) == len(added) == len(plan(path, 0, lots.tree)) > 50
    assert len(sums) > 200 and most <= 2 * threads + 1


def test_a_fragment_is_never_larger_than_the_bound(tmp_path) -> None:
    path = write(tmp_path / "a.parquet", grid(200, 200), row_group=700)
    fragments = all_of(path)
    assert len(fragments) > 2
    with reader(path) as file:
        for fragment in fragments:
            assert len(file.rows(fragment.groups)) <= ROWS
            assert file.values(fragment.groups).nbytes <= BYTES
