"""What the doctor finds, and that it examines to the end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jintu.foundation.journal import append
from jintu.foundation.journal.sealing import head_file, seal_all
from jintu.foundation.operations import doctor, files
from jintu.foundation.operations.models import Job, WorkerBeat

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("in_english")]


@pytest.fixture(autouse=True)
def node(tmp_path: Path, settings: Any) -> Path:
    settings.NODE = replace(settings.NODE, data=tmp_path, secret_key="x")
    settings.DEBUG = False
    return tmp_path


def found(check: str, full: bool = False) -> list[tuple[str, str]]:
    return [(f.level, f.sentence) for f in doctor.examine(doctor.Context(full=full)) if f.check == check]


def levels(check: str, full: bool = False) -> set[str]:
    return {level for level, _ in found(check, full)}


def test_a_sound_node_is_fit() -> None:
    with transaction.atomic():
        append("register.edit")
    seal_all()
    WorkerBeat.objects.create(name="w", process=1)
    mine = {"database", "files", "uploads", "disk", "worker", "journal", "configuration"}
    faults = [f for f in doctor.examine() if f.level == "error" and f.check in mine]
    assert faults == []
    assert levels("worker") == {"ok"}
    assert "chain is whole" in found("journal")[0][1]


def test_a_changed_file_is_found_and_a_missing_one() -> None:
    one = files.store(io.BytesIO(b"%PDF-1.7 one"), "1.pdf")
    two = files.store(io.BytesIO(b"%PDF-1.7 two"), "2.pdf")
    assert levels("files") == {"ok"}
    path = files.path_of(one.sha256)
    path.chmod(0o640)
    path.write_bytes(b"%PDF-1.7 ONE")  # of the same length
    assert any(one.sha256 in s and "changed" in s for _, s in found("files", full=True))
    files.path_of(two.sha256).unlink()
    assert any(two.sha256 in s and "missing" in s for _, s in found("files"))


def test_the_configuration_is_private(node: Path) -> None:
    (node / "jintu.toml").write_text("")
    (node / "jintu.toml").chmod(0o644)
    assert levels("configuration") == {"error"}
    (node / "jintu.toml").chmod(0o600)
    assert levels("configuration") == set()


def test_debug_and_a_missing_key_are_said(settings: Any) -> None:
    settings.DEBUG = True
    settings.NODE = replace(settings.NODE, secret_key="")
    assert levels("configuration") == {"warning", "error"}


def test_waiting_jobs_without_a_worker() -> None:
    assert levels("worker") == {"warning"}
    Job.objects.create(kind="x", title="x", created_at=timezone.now() - timedelta(hours=1))
    assert levels("worker") == {"error"}
    WorkerBeat.objects.create(name="w", process=1, at=timezone.now() - timedelta(hours=1))
    assert levels("worker") == {"error"}
    WorkerBeat.objects.update(at=timezone.now())
    assert levels("worker") == {"ok"}


def test_entries_that_wait_too_long_are_said() -> None:
    with transaction.atomic():
        entry = append("register.edit")
    assert levels("journal") == {"ok"}
    assert entry.at
    from jintu.foundation.journal import examining

    old, examining.LATE_SECONDS = examining.LATE_SECONDS, -1
    try:
        assert "warning" in levels("journal")
    finally:
        examining.LATE_SECONDS = old


def test_a_cut_journal_makes_the_node_unfit() -> None:
    with transaction.atomic():
        append("register.edit")
    seal_all()
    head_file().write_text('{"seal": 9, "hash": "sha256:00"}')
    assert ("error", "the journal ends before seal 9, which was noted") in found("journal")


def test_a_check_that_breaks_does_not_end_the_examination() -> None:
    def broken(context: doctor.Context) -> Iterator[doctor.Finding]:
        raise OSError("disk on fire")
        yield

    doctor.register("aaa", broken)
    try:
        assert found("aaa") == [("error", "the check itself failed: OSError: disk on fire")]
        assert found("disk")
    finally:
        doctor._checks.pop("aaa")


def test_a_migration_not_applied_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'operations'")
        try:
            assert levels("migrations") == {"error"}
        finally:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('operations', '0001_initial', %s)",
                [timezone.now()],
            )


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about the embedded file")
def test_the_settings_of_the_file_and_its_indexes() -> None:
    from django.db import models
    from django.db.migrations import operations as ops

    from jintu.foundation.registers.db import GeometryField
    from jintu.foundation.registers.db.tests.lab import Lab

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = NORMAL")
        assert ("error", "synchronous is 1, should be 2") in found("database")
        cursor.execute("PRAGMA synchronous = FULL")
    lab = Lab()
    lab.apply(ops.CreateModel("Lot", [("id", models.BigAutoField(primary_key=True)), ("place", GeometryField())]))
    try:
        lab.model("lot").objects.create(place="POINT (1 1)")
        assert levels("database") == {"ok"}
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM rtree_lab_lot_place")
        assert ("error", "lab_lot: 1 geometries, but 0 in the spatial index") in found("database")
    finally:
        lab.clean()


def test_unfinished_uploads_are_mentioned(node: Path) -> None:
    import os

    old = node / "files" / ".incoming" / "half"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    assert found("uploads") == [("ok", "nothing to report")]
    os.utime(old, (1, 1))
    assert "warning" in levels("files")
