"""Old drafts go, with an entry in the journal; nothing that was published does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import importing, publishing, retention
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job

from . import grid

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(county, tmp_path):
    file = grid.dltb(tmp_path / "d.gpkg", TBBH={0: "d"})
    version = importing.import_layer("DLTB", file, "990121", date(2025, 12, 31), draft=True).version
    LayerVersion.objects.update(created_at=timezone.now() - timedelta(days=400))
    return version


def test_only_old_drafts_are_due(draft) -> None:
    assert [v.pk for v in retention.due()] == [draft.pk]
    LayerVersion.objects.filter(pk=draft.pk).update(created_at=timezone.now() - timedelta(days=20))
    assert retention.due() == [] and [v.pk for v in retention.due(days=10)] == [draft.pk]


def test_the_term_is_dated_and_a_node_may_set_its_own(settings, monkeypatch) -> None:
    two = (retention.Term(date(2026, 1, 1), 180, "a"), retention.Term(date(2027, 1, 1), 90, "b"))
    monkeypatch.setattr(retention, "terms", lambda: two)
    assert [retention.draft_days(date(y, 6, 1)) for y in (2025, 2026, 2027)] == [180, 180, 90]
    settings.JINTU_DRAFT_DAYS = 7
    assert retention.draft_days(date(2027, 6, 1)) == 7


def test_a_draft_goes_with_its_files_and_an_entry(draft) -> None:
    where = draft.directory
    assert where.is_dir()
    job = jobs.run_here("layers.retention", drafts=[draft.pk])
    assert [r["hash"] for r in job.result["removed"]] == [draft.hash]
    assert not where.exists() and not LayerVersion.objects.filter(pk=draft.pk).exists()
    entry = Entry.objects.get(act="layer.remove_draft")
    assert entry.facts["hash"] == draft.hash and entry.division == "990121"


def test_the_worker_does_it_once_a_day_when_the_node_says_so(draft, settings) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0)
    assert not retention.ask(), "nothing is removed unless a node says so"
    settings.JINTU_RETENTION_AT = "02:30"
    assert not retention.ask(noon.replace(hour=2, minute=29))
    late = noon.replace(hour=23, minute=59)
    assert retention.ask(late)
    Job.objects.update(created_at=noon)  # it may be night now
    assert not retention.ask(late)
    jobs.work_off()
    assert not LayerVersion.objects.filter(pk=draft.pk).exists() and not draft.directory.exists()
    assert retention.ask(late + timedelta(days=1))


def test_what_was_published_meanwhile_stays(draft) -> None:
    due = retention.due()
    publishing.publish(draft, decision="looked at by hand")
    assert retention.remove(due) == [] and draft.directory.is_dir()
    assert LayerVersion.objects.filter(pk=draft.pk).exists()
