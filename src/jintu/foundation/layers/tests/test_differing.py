"""What differs between two versions, told from the digests of their rows."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.foundation.layers import content, digests, importing, lake, versions
from jintu.foundation.layers import differing as differing_module
from jintu.foundation.layers.differing import compared, differing
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.layers.tests import grid
from jintu.kernel import hashing
from jintu.kernel.errors import Missing, Refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "ROW_GROUP", 7)


def load(folder: Any, day: str, **changes: Any) -> LayerVersion:
    path = grid.dltb(folder / f"{day}.gpkg", **changes)
    return importing.import_layer("DLTB", path, "990121", date.fromisoformat(day)).version


EDITS: dict[str, tuple[dict[str, Any], set[str], set[str]]] = {
    "nothing": ({}, set(), set()),
    "figures": ({"TBDLMJ": {3: 1.0, 20: 2.0}}, {"4", "21"}, set()),
    "an outline": ({"shapes": {8: grid.cell(2, 1).buffer(-0.01, join_style="mitre")}}, {"9"}, {"9"}),
    "what is empty now": ({"GDLX": {0: None}, "PZWH": {29: "x"}}, {"1", "30"}, set()),
    "an outline that moves all rows": ({"shapes": {0: grid.cell(-9, -9)}}, {"1"}, {"1"}),
}  # fmt: skip


def keys_of(version: LayerVersion, rows: Any) -> set[str]:
    return set(pl.from_arrow(version.table(["bsm"]))["bsm"].gather(rows))


@pytest.mark.parametrize("name", EDITS)
def test_the_rows_that_were_edited_are_told(tmp_path, name) -> None:
    changes, rows, outlines = EDITS[name]
    old, new = load(tmp_path, "2023-12-31"), load(tmp_path, "2024-12-31", **changes)
    found = differing(old, new)
    assert found is not None
    assert keys_of(new, found.came) == rows == keys_of(old, found.gone)
    assert keys_of(old, found.outlines_gone) == outlines
    assert found.in_place == (name != "an outline that moves all rows")


def some(folder: Any, day: str, without: set[int]) -> LayerVersion:
    data, shapes = grid.patches()
    kept = [k for k in range(len(shapes)) if k not in without]
    path = grid.write(
        folder / f"{day}.gpkg", {n: [v[k] for k in kept] for n, v in data.items()}, [shapes[k] for k in kept]
    )
    return importing.import_layer("DLTB", path, "990121", date.fromisoformat(day)).version


def test_rows_are_known_wherever_they_lie(tmp_path) -> None:
    old, new = some(tmp_path, "2023-12-31", {0, 17}), some(tmp_path, "2024-12-31", {5})
    found = differing(old, new)
    assert found is not None and not found.in_place
    assert (keys_of(old, found.gone), keys_of(new, found.came)) == ({"6"}, {"1", "18"})
    was = found.before[found.before >= 0]
    keys = [pl.from_arrow(v.table(["bsm"]))["bsm"] for v in (old, new)]
    assert keys[0].gather(was).to_list() == keys[1].gather(np.flatnonzero(found.before >= 0)).to_list()


@pytest.mark.parametrize("which", ["old", "both"])
def test_of_versions_from_before_digests_are_made(tmp_path, which) -> None:
    years = some(tmp_path, "2023-12-31", {0, 17}), some(tmp_path, "2024-12-31", {5})
    beside = [digests.of_version(v) for v in years]
    for version in years[: 1 if which == "old" else 2]:
        forget_digests(version)
    for _ in range(2):  # made, and kept
        found = differing(*years)
        assert found is not None
        assert (keys_of(years[0], found.gone), keys_of(years[1], found.came)) == ({"6"}, {"1", "18"})
        differing_module._compared.cache_clear()
    for version, wanted in zip(years, beside, strict=True):
        made = digests.of_version(version)
        assert made.shape == wanted.shape
        assert (made.row == wanted.row).all() and (made.outline == wanted.outline).all()


def forget_digests(version: LayerVersion) -> None:
    """As if it had been published before digests were written."""
    where = version.directory
    facts = json.loads((where / lake.MANIFEST).read_text("utf-8"))
    facts["files"].pop(lake.DIGESTS)
    (where / lake.DIGESTS).unlink()
    (where / lake.MANIFEST).write_text(json.dumps(facts), "utf-8")
    version.manifest_hash = hashing.of_file(where / lake.MANIFEST)
    version.save()
    assert versions.verify(version) == []


def test_digests_that_were_changed_are_refused_and_told(tmp_path) -> None:
    old, new = load(tmp_path, "2023-12-31"), load(tmp_path, "2024-12-31", TBDLMJ={3: 1.0})
    path = new.directory / lake.DIGESTS
    path.write_bytes((old.directory / lake.DIGESTS).read_bytes())
    with pytest.raises(Refused):
        differing(old, new)
    assert versions.verify(new) == ["digests.parquet was changed"]
    path.unlink()
    with pytest.raises(Refused):
        differing(old, new)
    assert versions.verify(new) == ["digests.parquet is missing"]


WORDS = st.integers(0, 3)
PRINTS = st.lists(st.tuples(WORDS, WORDS), max_size=8)


@given(PRINTS, PRINTS)
def test_rows_are_paired_where_no_doubt_is(old: list[tuple[int, int]], new: list[tuple[int, int]]) -> None:
    """No row twice, none with another's digest, and none left that is alone in both."""
    left, right = (
        digests.RowDigests("", *[np.array(words, dtype=np.uint64).reshape(-1, 2)] * 2) for words in (old, new)
    )
    found = compared(left, right)
    assert found is not None
    pairs = [(int(was), row) for row, was in enumerate(found.before) if was >= 0]
    assert len({was for was, _ in pairs}) == len(pairs)
    assert all(old[was] == new[row] for was, row in pairs)
    assert all((k, k) in pairs for k in range(min(len(old), len(new))) if old[k] == new[k])
    first = [[w[0] for w in side] for side in (old, new)]
    for row, words in enumerate(new):
        if old.count(words) == 1 == first[0].count(words[0]) == first[1].count(words[0]):
            assert (old.index(words), row) in pairs
    assert sorted([*found.gone, *(was for was, _ in pairs)]) == list(range(len(old)))


def test_a_version_that_was_changed_is_refused_and_one_that_is_gone_is_missing(tmp_path) -> None:
    old, new = load(tmp_path, "2023-12-31"), load(tmp_path, "2024-12-31", TBDLMJ=dict.fromkeys(range(30), 1.0))
    forget_digests(old)
    path = old.directory / lake.DATA
    kept = path.read_bytes()
    path.write_bytes(kept[:300] + bytes([kept[300] ^ 255]) + kept[301:])
    with pytest.raises(Refused):
        differing(old, new)
    path.unlink()
    with pytest.raises((Missing, FileNotFoundError)):
        differing(old, new)
