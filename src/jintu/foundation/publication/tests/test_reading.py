"""Pages out of a file of many row groups are those of the whole table, cut by hand."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jintu.foundation.layers import lake
from jintu.foundation.layers.tests import grid
from jintu.foundation.publication import reading
from jintu.foundation.publication.reading import Question
from jintu.kernel.errors import Missing

pytestmark = pytest.mark.django_db


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offset=st.integers(0, 35),
    limit=st.integers(1, 35),
    code=st.sampled_from([None, *grid.CLASSES, "999"]),
    corner=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1)),
)
def test_pages_are_the_whole_cut(version, offset, limit, code, corner) -> None:
    import pyarrow.parquet as pq

    assert pq.ParquetFile(version.directory / lake.DATA).num_row_groups == 8
    west, south, east, north = version.bbox
    boxes = []
    if corner:
        x, y, part = corner
        left, low = west + x * (east - west), south + y * (north - south)
        boxes = [(left, low, left + part * (east - west), low + part * (north - south))]
    equal = {"land_use_code": code} if code else {}
    table = version.table()
    expected = [
        row["bsm"]
        for row in table.to_pylist()
        if (not code or row["land_use_code"] == code)
        and (not boxes or shapely.from_wkb(row["geometry"]).intersects(shapely.box(*boxes[0])))
    ]
    page = reading.page(version, Question(["bsm"], boxes, equal, offset, limit))
    assert page.table.column("bsm").to_pylist() == expected[offset : offset + limit]
    assert page.matched == len(expected)
    assert page.more == (offset + limit < len(expected))


def test_where_counting_is_given_up_pages_are_still_right(version, monkeypatch) -> None:
    whole = reading.page(version, Question(["bsm"], [(0.0, 0.0, 180.0, 90.0)], limit=100))
    assert whole.matched == 30
    monkeypatch.setattr(reading, "COUNTED", 2)
    seen: list[str] = []
    counts = []
    while True:
        page = reading.page(version, Question(["bsm"], [(0.0, 0.0, 180.0, 90.0)], offset=len(seen), limit=7))
        seen += page.table.column("bsm").to_pylist()
        counts.append(page.matched)
        if not page.more:
            break
        assert len(seen) < 40
    assert seen == whole.table.column("bsm").to_pylist()
    assert counts[0] is None and counts[-1] == 30


def test_only_the_groups_that_are_needed_are_read_and_checked(version, monkeypatch) -> None:
    asked: list[int] = []
    plain = lake.check_parts
    monkeypatch.setattr(lake, "check_parts", lambda w, h, groups: (asked.extend(groups), plain(w, h, groups))[1])
    reading.page(version, Question(["bsm"], offset=9, limit=2))
    assert asked == [2]
    asked.clear()
    west, south, _, _ = version.bbox
    reading.page(version, Question(["bsm"], [(west, south, west + 5e-4, south + 5e-4)], limit=2))
    assert 1 <= len(set(asked)) < 8


def test_one_feature(version) -> None:
    assert reading.feature(version, ["bsm", "land_use_code"], "7")["bsm"] == "7"
    with pytest.raises(Missing):
        reading.feature(version, ["bsm"], "none")


def test_one_feature_is_not_looked_for_after_it_was_found(version, monkeypatch) -> None:
    first = version.table(["bsm"]).column("bsm")[0].as_py()
    asked: list[int] = []
    plain = lake.check_parts
    monkeypatch.setattr(lake, "check_parts", lambda w, h, groups: (asked.extend(groups), plain(w, h, groups))[1])
    reading.feature(version, ["bsm"], first)
    assert set(asked) == {0}
