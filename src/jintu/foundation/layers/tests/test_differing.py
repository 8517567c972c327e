"""What differs between two versions, told from the bytes of their files."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from jintu.foundation.layers import content, importing, lake
from jintu.foundation.layers.differing import differing
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.layers.tests import grid
from jintu.kernel.errors import Missing, Refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "ROW_GROUP", 7)


def load(folder: Any, day: str, **changes: Any) -> LayerVersion:
    path = grid.dltb(folder / f"{day}.gpkg", **changes)
    return importing.import_layer("DLTB", path, "990121", date.fromisoformat(day)).version


EDITS: dict[str, tuple[dict[str, Any], set[str], set[str], set[str]]] = {
    "nothing": ({"BGJLH": {}}, set(), set(), set()),
    "figures": ({"TBDLMJ": {3: 1.0, 20: 2.0}}, {"4", "21"}, set(), {"net_area_m2"}),
    "an outline": (
        {"shapes": {8: grid.cell(2, 1).buffer(-0.01, join_style="mitre")}},
        {"9"}, {"9"}, {"geometry", "geometry_delivered"},
    ),
    "what is empty now": ({"GDLX": {0: None}, "PZWH": {29: "x"}}, {"1", "30"}, set(), {"cultivated_type", "approval_no"}),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_the_rows_and_columns_that_were_edited_are_told(tmp_path, name) -> None:
    changes, rows, outlines, columns = EDITS[name]
    changes = {key: value for key, value in changes.items() if value}
    old, new = load(tmp_path, "2023-12-31"), load(tmp_path, "2024-12-31", **changes)
    found = differing(old, new)
    assert found is not None
    keys = pl.from_arrow(new.table(["bsm"]))["bsm"]
    assert set(keys.gather(found.rows)) == rows
    assert set(keys.gather(found.outlines)) == outlines
    assert found.columns == columns


def test_nothing_is_told_where_a_row_is_gone(tmp_path) -> None:
    data, shapes = grid.patches()
    path = grid.write(tmp_path / "less.gpkg", {n: v[1:] for n, v in data.items()}, shapes[1:])
    old = load(tmp_path, "2023-12-31")
    new = importing.import_layer("DLTB", path, "990121", date(2024, 12, 31)).version
    assert differing(old, new) is None


def test_a_file_that_was_changed_is_refused_and_one_that_is_gone_is_missing(tmp_path) -> None:
    old, new = load(tmp_path, "2023-12-31"), load(tmp_path, "2024-12-31", TBDLMJ=dict.fromkeys(range(30), 1.0))
    path = old.directory / lake.DATA
    kept = path.read_bytes()
    path.write_bytes(kept[:300] + bytes([kept[300] ^ 255]) + kept[301:])
    with pytest.raises(Refused):
        differing(old, new)
    path.unlink()
    with pytest.raises((Missing, FileNotFoundError)):
        differing(old, new)
