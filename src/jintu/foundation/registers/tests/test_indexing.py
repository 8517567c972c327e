"""The search index after an import: complete, up to date with what people changed meanwhile, and resumable."""

import pytest
from django.db import connection

from jintu.foundation.registers import importing
from jintu.foundation.registers.actions import edit, withdraw
from jintu.foundation.registers.importing import indexing, staging
from jintu.foundation.registers.models import Batch, SearchEntry

from .plots import PLOT, Plot
from .test_importing import staged


def titles():
    return dict(SearchEntry.objects.filter(register=PLOT.name).values_list("key", "title"))


def loaded(tmp_path, actor, monkeypatch, n):
    """A batch that is visible but not indexed, as an interrupted load leaves it."""
    batch = staged(tmp_path, actor, n, wkt="")
    with monkeypatch.context() as patch:
        patch.setattr(importing.apply, "index_batch", lambda *_: None)
        patch.setattr(staging, "drop", lambda _: None)
        importing.finish(PLOT, batch, actor=actor)
    assert titles() == {}
    return Batch.objects.get(pk=batch.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("from_staging", [True, False])
def test_rows_changed_before_they_are_indexed_are_found_as_they_are(
    plots, tmp_path, actor, county, monkeypatch, from_staging
):
    batch = loaded(tmp_path, actor, monkeypatch, 30)
    changed, gone = Plot.objects.get(plot_no="N-00004"), Plot.objects.get(plot_no="N-00007")
    edit.perform(PLOT, changed.uid, {"name": "新名"}, row_version=1, scope=county, actor=actor)
    withdraw.perform(PLOT, gone.uid, row_version=1, reason="重复填报", scope=county, actor=actor)
    if not from_staging:
        staging.drop(batch.pk)
    assert indexing.index_batch(PLOT, batch) == 30
    found = titles()
    assert len(found) == 29
    assert found["N-00004"] == "新名"
    assert "N-00007" not in found
    assert Batch.objects.get(pk=batch.pk).rows_indexed == 30


@pytest.mark.django_db
@pytest.mark.parametrize("from_staging", [True, False])
def test_an_interrupted_index_goes_on_where_it_stopped(plots, tmp_path, actor, monkeypatch, from_staging):
    batch = loaded(tmp_path, actor, monkeypatch, 900)
    if not from_staging:
        staging.drop(batch.pk)
    monkeypatch.setattr(indexing, "CHUNK", 100)

    def stop(done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        indexing.index_batch(PLOT, batch, stop)
    again = Batch.objects.get(pk=batch.pk)
    assert 0 < again.rows_indexed == len(titles()) < 900
    indexing.index_batch(PLOT, again)
    assert len(titles()) == 900


@pytest.mark.django_db(transaction=True)
def test_lanes_index_every_row_once(emptied, tmp_path, actor, monkeypatch):
    """On PostgreSQL two connections write; an entry that is there already is replaced."""
    batch = loaded(tmp_path, actor, monkeypatch, 3_000)
    row = Plot.objects.get(plot_no="N-01500")
    SearchEntry.objects.create(register=PLOT.name, uid=row.uid, key="old", title="old", division=row.division)
    monkeypatch.setattr(indexing, "CHUNK", 100)
    told = []
    indexing.index_batch(PLOT, batch, lambda done, total: told.append((done, total)))
    assert titles() == dict(Plot.objects.values_list("plot_no", "name"))
    assert told == sorted(told)
    again = Batch.objects.get(pk=batch.pk)
    assert again.rows_indexed == batch.rows_indexed == 3_000


@pytest.mark.django_db(transaction=True)
def test_a_lane_that_fails_stops_the_others(emptied, tmp_path, actor, monkeypatch):
    batch = loaded(tmp_path, actor, monkeypatch, 3_000)
    monkeypatch.setattr(indexing, "CHUNK", 100)
    put, calls = indexing._put, []

    def fails(entries):
        calls.append(1)
        if len(calls) == 4:
            raise OSError("disc")
        put(entries)

    monkeypatch.setattr(indexing, "_put", fails)
    with pytest.raises(OSError, match="disc"):
        indexing.index_batch(PLOT, batch)
    assert len(calls) <= 4 + indexing.LANES
    monkeypatch.setattr(indexing, "_put", put)
    again = Batch.objects.get(pk=batch.pk)
    assert again.rows_indexed == len(titles()) < 3_000
    indexing.index_batch(PLOT, again)
    assert len(titles()) == 3_000


@pytest.mark.django_db(transaction=True)
def test_a_lane_whose_turn_does_not_come_lets_go_and_tries_again(emptied, tmp_path, actor, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("one lane")
    batch = loaded(tmp_path, actor, monkeypatch, 1_000)
    monkeypatch.setattr(indexing, "CHUNK", 100)
    monkeypatch.setattr(indexing, "PATIENCE", 0)
    indexing.index_batch(PLOT, batch)
    assert len(titles()) == 1_000
