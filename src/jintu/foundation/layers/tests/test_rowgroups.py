"""Row groups in memory: what a tile reads of a version, kept while there is room."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow.compute as pc
import pytest

from jintu.foundation.layers import content, drawing, lake, rowgroups, versions
from jintu.foundation.layers.features import Held
from jintu.kernel.errors import Missing, Refused

from . import grid

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept():
    rowgroups._kept.clear()
    yield
    rowgroups._kept.clear()


@pytest.fixture
def small_groups(monkeypatch):
    """Versions published now have row groups of four."""
    monkeypatch.setattr(content, "ROW_GROUP", 4)


def box_of(i: int, j: int) -> tuple[float, float, float, float]:
    return grid.lonlat(grid.cell(i, j)).buffer(-1e-4).bounds


@pytest.mark.parametrize("table", ["DLTB", "XZQ", "JSYDGZQ"])
def test_what_is_near_is_what_the_lake_has_there(small_groups, county, table: str) -> None:
    version = county[table]
    columns = drawing.columns_of(version.schema)
    for box in (box_of(0, 0), box_of(3, 2), version.bbox, (0.0, 0.0, 1.0, 1.0)):
        found, there = rowgroups.near(version, columns, box), version.table(columns, box)
        assert found.attributes.equals(there.drop_columns(["geometry"]).combine_chunks())
        whole = versions.Resident(version, columns, box)
        assert np.array_equal(found.boxes, whole.boxes) and len(found.polygons) == len(whole.polygons)
        assert [s.wkb for s in found.shapes(range(len(found)))] == [s.wkb for s in whole.shapes(range(len(whole)))]


def test_what_matches_is_found_with_all_its_columns_and_the_search_ends_with_the_last_wanted(
    small_groups, county, monkeypatch
) -> None:
    version = county["DLTB"]
    read = []
    plain = rowgroups._read
    monkeypatch.setattr(rowgroups, "_read", lambda *a: read.append(a[2]) or plain(*a))
    whole = versions.Resident(version)
    codes = whole.attributes.column("land_use_code").to_pylist()
    code = max(set(codes), key=codes.count)
    rows = [i for i, c in enumerate(codes) if c == code]
    for most in (1, len(rows), len(rows) + 5):
        read.clear()
        rowgroups._kept.clear()
        found = rowgroups.matching(version, "land_use_code", lambda column: pc.equal(column, code), most)
        assert [found.row(i) for i in range(len(found))] == [whole.row(i) for i in rows[:most]]
        assert [s.wkb for s in found.shapes(range(len(found)))] == [s.wkb for s in whole.shapes(rows[:most])]
        assert read == sorted({i // 4 for i in rows[:most]})
    none = rowgroups.matching(version, "land_use_code", lambda column: pc.equal(column, "none"), 3)
    assert len(none) == 0 and none.attributes.column_names == found.attributes.column_names


def test_a_later_search_reads_nothing_but_what_it_finds_and_that_once(
    small_groups, county, settings, monkeypatch
) -> None:
    version = county["DLTB"]
    read = []
    plain = rowgroups._table
    monkeypatch.setattr(rowgroups, "_table", lambda *a: read.append(a[1:]) or plain(*a))
    rowgroups._kept.clear()
    keys = version.table([version.schema.key]).column(0).to_pylist()

    def found(wanted: str) -> int:
        read.clear()
        return len(rowgroups.matching(version, version.schema.key, lambda column: pc.equal(column, wanted), 5))

    assert found("none") == 0 and len(read) == len(rowgroups._index(version).boxes)
    assert found("none") == 0 and read == []
    assert found(keys[-1]) == 1 and len(read) == 1
    assert found(keys[-1]) == 1 and read == []
    settings.JINTU_TILE_BYTES = 1  # no room: as slow as the first one, and right
    assert found(keys[0]) == 1 and found(keys[-1]) == 1 and len(rowgroups._kept.kept) == 1


def test_only_the_groups_that_meet_are_read_and_once(small_groups, county, monkeypatch) -> None:
    version = county["DLTB"]
    columns = drawing.columns_of(version.schema)
    read = []
    plain = rowgroups._read
    monkeypatch.setattr(rowgroups, "_read", lambda *a: read.append(a[2]) or plain(*a))
    rowgroups.near(version, columns, box_of(0, 0))
    assert 0 < len(read) < len(rowgroups._index(version).boxes)
    before = list(read)
    rowgroups.near(version, columns, box_of(0, 0))
    assert read == before


def test_the_least_recently_used_leave_when_there_is_no_room(small_groups, county, settings) -> None:
    version = county["DLTB"]
    settings.JINTU_TILE_BYTES = 1
    columns = drawing.columns_of(version.schema)
    assert len(rowgroups.near(version, columns, version.bbox)) == version.rows
    assert len(rowgroups._kept.kept) == 1 and rowgroups._kept.total > 0


def test_a_changed_or_missing_file_is_refused(small_groups, county, monkeypatch) -> None:
    version = county["DLTB"]
    columns = drawing.columns_of(version.schema)
    path = version.directory / lake.DATA
    keep = path.read_bytes()
    start = lake._parts(path)[1][0]
    path.write_bytes(keep[:start] + bytes([keep[start] ^ 0xFF]) + keep[start + 1 :])
    with pytest.raises(Refused, match="changed after it was published"):
        rowgroups.near(version, columns, version.bbox)
    with pytest.raises(Refused, match="changed after it was published"):
        rowgroups.matching(version, version.schema.key, lambda column: pc.equal(column, "none"), 1)
    path.unlink()
    (version.directory / lake.MANIFEST).unlink()
    with pytest.raises(Missing):
        rowgroups.near(version, columns, version.bbox)


class _Weight:
    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


def test_two_who_ask_at_once_wait_for_one_making() -> None:
    held: Held[_Weight] = Held(lambda: 10)
    begun, go_on, made, found = threading.Event(), threading.Event(), [], []

    def make() -> _Weight:
        begun.set()
        go_on.wait(10)
        made.append(_Weight(4))
        return made[-1]

    threads = [threading.Thread(target=lambda: found.append(held.or_made("a", make))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1 and found == made * 3 and not held._making


def test_what_could_not_be_made_is_tried_again() -> None:
    held: Held[_Weight] = Held(lambda: 10)

    def broken() -> _Weight:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        held.or_made("a", broken)
    assert held.or_made("a", lambda: _Weight(1)).nbytes == 1 and not held._making
