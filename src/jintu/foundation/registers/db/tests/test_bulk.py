"""Many rows in few statements come out as they went in; who waits for the file is seen by others."""

from __future__ import annotations

import time

import pytest
from django.db import connection, transaction

from jintu.foundation.registers.courtesy import LONGEST, Courtesy
from jintu.foundation.registers.db import bulk
from jintu.foundation.registers.db.geopackage.queue import Queue
from jintu.foundation.registers.models import SavedView

embedded = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no queue")
TABLE, NAMES = "register_saved_view", ["name", "query"]
SHARED = {"register": "a", "owner": 3, "shared": False, "created_at": "2026-05-01 00:00:00"}


@embedded
@pytest.mark.django_db
@pytest.mark.parametrize("rows", [0, 1, bulk.GROUP - 1, bulk.GROUP, 2 * bulk.GROUP + 7])
def test_rows_arrive_in_order(rows):
    names = [f"view {i}" for i in range(rows)]
    flat = bulk.interleaved([names, ["'; --"] * rows])
    with connection.cursor() as cursor:
        bulk.insert(cursor, TABLE, NAMES, flat, SHARED)
    found = SavedView.objects.order_by("pk").values_list("name", "query", "register", "owner", "shared")
    assert list(found) == [(name, "'; --", "a", 3, False) for name in names]


@pytest.mark.django_db
def test_fields_of_rows_are_written_as_a_save_writes_them():
    views = SavedView.objects.bulk_create(SavedView(register="a", owner=i, name=f"v{i}", query="") for i in range(3))
    for view in views[:2]:
        view.name, view.query, view.shared, view.owner = f"{view.name}'; --", "状态=%s", True, 99
    bulk.update(views[:2], ["name", "query", "shared"])
    found = list(SavedView.objects.order_by("pk").values_list("name", "query", "shared", "owner"))
    assert found == [("v0'; --", "状态=%s", True, 0), ("v1'; --", "状态=%s", True, 1), ("v2", "", False, 2)]
    bulk.update([], ["name"])


@pytest.mark.django_db
def test_texts_are_copied_as_they_are():
    if connection.vendor != "postgresql":
        pytest.skip("COPY is PostgreSQL's")
    import polars as pl

    hard = ["", "\\N", 'a "b", c', "\u5730\n\u5757", "\\."]
    shared = [pl.lit(value).alias(name) for name, value in SHARED.items()]
    frame = pl.DataFrame({"name": [str(i) for i in range(len(hard))], "query": hard}).with_columns(shared)
    with connection.cursor() as cursor:
        bulk.copy(cursor, TABLE, frame.columns, bulk.csv(frame))
    assert list(SavedView.objects.order_by("name").values_list("query", flat=True)) == hard


def test_who_waits_is_seen_until_they_have_it(tmp_path):
    one, other, third = (Queue(str(tmp_path / "node.gpkg")) for _ in range(3))
    if not one.known:
        pytest.skip("no locks on files here")
    assert not one.somebody()
    with other.waiting():
        assert one.somebody()
        with third.waiting():
            pass
        assert one.somebody()
    assert not one.somebody()
    for queue in (one, other, third):
        queue.close()


def test_nothing_is_known_of_a_database_in_memory():
    queue = Queue(":memory:")
    with queue.waiting():
        assert not queue.somebody()
    assert not queue.known


@embedded
def test_rests_are_only_for_somebody(tmp_path):
    rests = []

    def sleep(seconds):
        rests.append(seconds)
        time.sleep(seconds)

    courtesy = Courtesy(sleep)
    courtesy.queue, other = Queue(str(tmp_path / "a.gpkg")), Queue(str(tmp_path / "a.gpkg"))
    courtesy.after(0.2)
    assert rests == []
    with other.waiting():
        courtesy.after(0.2)
    assert rests
    assert sum(rests) <= 2 * LONGEST
    courtesy.queue.known = False
    rests.clear()
    for _ in range(4):
        courtesy.after(0.2)
    assert max(rests) > 0.1


@pytest.mark.django_db(transaction=True)
def test_the_pace_of_bulk_work_ends_with_it():
    def setting():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous" if connection.vendor == "sqlite" else "SHOW synchronous_commit")
            return str(cursor.fetchone()[0])

    before = setting()
    with pytest.raises(ValueError, match="x"), connection.in_bulk():
        assert setting() != before
        raise ValueError("x")
    assert setting() == before
    with transaction.atomic(), connection.in_bulk():  # nothing can be changed inside a transaction
        assert setting() == before
