"""Backups of a running node and their restoring, with everything that can be wrong with one."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection, transaction

from jintu.foundation.journal import append
from jintu.foundation.journal.models import Seal
from jintu.foundation.journal.sealing import seal_all
from jintu.foundation.operations import backup as backups
from jintu.foundation.operations import files
from jintu.kernel.errors import InputError, JintuError, Missing, Refused

pytestmark = pytest.mark.django_db(transaction=True)
ON_POSTGRESQL = connection.vendor == "postgresql"
DATABASE = backups.DATABASE[connection.vendor]


@pytest.fixture
def node(tmp_path: Path, settings: Any) -> Path:
    """A data directory with a file, two layer versions (one of them unfinished), journal and configuration."""
    data = tmp_path / "node"
    settings.NODE = replace(settings.NODE, data=data)
    data.mkdir()
    (data / "jintu.toml").write_text(
        'secret_key = "hush"\ndatabase = "postgres://u:pw@h/n"\ndivision = "990121"\n', encoding="utf-8"
    )
    files.store(io.BytesIO(b"%PDF-1.7 approval"), "批文.pdf")
    (data / "files" / ".incoming" / "half").write_bytes(b"unfinished")
    done = data / "lake" / "survey.DLTB" / "990121" / "v1"
    half = data / "lake" / "survey.DLTB" / "990121" / "v2"
    for version in (done, half):
        version.mkdir(parents=True)
        (version / "data.parquet").write_bytes(b"PAR1 rows PAR1")
    (done / "manifest.json").write_text("{}")
    with transaction.atomic():
        append("register.edit", objects=[("land.supply", "S1")])
    seal_all()
    return data


@pytest.fixture
def empty_database() -> Iterator[str]:
    """URL of an empty PostgreSQL database; nothing on the embedded one."""
    if not ON_POSTGRESQL:
        yield ""
        return
    import psycopg

    name = f"jintu_restore_{os.getpid()}"
    with psycopg.connect(os.environ["JINTU_TEST_PG"], dbname="postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}")
        server.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(urlsplit(os.environ["JINTU_TEST_PG"])._replace(path=f"/{name}"))
        server.execute(f"DROP DATABASE {name}")


def entries_of(data: Path, database: str) -> list[tuple[str, ...]]:
    if database:
        import psycopg

        with psycopg.connect(database) as there:
            return there.execute("SELECT act FROM journal_entry ORDER BY id").fetchall()
    there = sqlite3.connect(data / "jintu.gpkg")
    try:
        return there.execute("SELECT act FROM journal_entry ORDER BY id").fetchall()
    finally:
        there.close()


@pytest.mark.parametrize("name", ["saved", "saved.tar"])
def test_a_backup_restores_the_whole_node(node: Path, tmp_path: Path, name: str, empty_database: str) -> None:
    summary = backups.backup(tmp_path / name)
    assert summary.secrets is False
    manifest = backups.restore(tmp_path / name, tmp_path / "new", database=empty_database, expect=summary.manifest)
    assert manifest["database"] == connection.vendor
    new = tmp_path / "new"
    assert entries_of(new, empty_database) == [("register.edit",)]
    stored = [p.relative_to(node) for p in (node / "files").rglob("*") if p.is_file() and ".incoming" not in p.parts]
    assert len(stored) == 1
    for part in (*stored, Path("journal.head"), Path("lake/survey.DLTB/990121/v1/data.parquet")):
        assert (new / part).read_bytes() == (node / part).read_bytes()
    assert not (new / "lake/survey.DLTB/990121/v2").exists()  # never published
    assert not (new / "files/.incoming").exists()
    assert json.loads((new / "journal.head").read_text())["hash"] == Seal.objects.get().hash
    assert (new / "jintu.toml").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".jintu")] == []


def test_the_restored_file_is_a_working_geopackage(node: Path, tmp_path: Path) -> None:
    if ON_POSTGRESQL:
        pytest.skip("about the embedded file")
    backups.backup(tmp_path / "saved")
    backups.restore(tmp_path / "saved", tmp_path / "new")
    from django.db import connections

    other = connections.create_connection("default")
    other.settings_dict = {**connection.settings_dict, "NAME": str(tmp_path / "new" / "jintu.gpkg")}
    try:
        with other.cursor() as cursor:
            for pragma, value in (("journal_mode", "wal"), ("application_id", 0x47504B47), ("user_version", 10300)):
                cursor.execute(f"PRAGMA {pragma}")
                assert cursor.fetchone()[0] == value
            with pytest.raises(Exception, match="append-only"):
                cursor.execute("DELETE FROM journal_entry")
    finally:
        other.close()


def test_secrets_stay_out_unless_asked_for(node: Path, tmp_path: Path, empty_database: str) -> None:
    backups.backup(tmp_path / "saved")
    text = (tmp_path / "saved" / "jintu.toml").read_text()
    assert "hush" not in text
    assert "pw" not in text
    assert "990121" in text
    backups.restore(tmp_path / "saved", tmp_path / "new", database=empty_database)
    config = (tmp_path / "new" / "jintu.toml").read_text()
    assert "secret_key" in config  # a new one
    assert "hush" not in config
    if empty_database:
        assert empty_database in config


def test_the_configuration_kept_apart_is_used(node: Path, tmp_path: Path, empty_database: str) -> None:
    backups.backup(tmp_path / "saved")
    kept = tmp_path / "kept.toml"
    shutil.copy(node / "jintu.toml", kept)
    backups.restore(tmp_path / "saved", tmp_path / "new", config=kept, database=empty_database)
    assert 'secret_key = "hush"' in (tmp_path / "new" / "jintu.toml").read_text()


def test_with_secrets(node: Path, tmp_path: Path) -> None:
    summary = backups.backup(tmp_path / "saved.tar", with_secrets=True)
    assert summary.secrets is True
    assert (tmp_path / "saved.tar").stat().st_mode & 0o077 == 0
    with tarfile.open(tmp_path / "saved.tar") as tar:
        assert b"hush" in tar.extractfile("./jintu.toml").read()  # type: ignore[union-attr]


def tampered(change: Callable[[Path], None], node: Path, tmp_path: Path) -> JintuError:
    """The error of restoring a backup after a change; nothing may be left in the new directory."""
    backups.backup(tmp_path / "saved")
    change(tmp_path / "saved")
    with pytest.raises(JintuError) as raised:
        backups.restore(tmp_path / "saved", tmp_path / "new", database="postgres://nobody@127.0.0.1:1/none")
    assert not (tmp_path / "new").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".jintu")] == []
    return raised.value


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def stored(saved: Path) -> Path:
    return next(p for p in (saved / "files").rglob("*") if p.is_file())


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a bit of the database": (lambda saved: flip(saved / DATABASE), "changed"),
    "a bit of a file": (lambda saved: flip(stored(saved)), "changed"),
    "a file cut short": (lambda saved: stored(saved).write_bytes(b""), "changed"),
    "a file removed": (lambda saved: stored(saved).unlink(), "missing"),
    "a layer removed": (lambda saved: shutil.rmtree(saved / "lake"), "missing"),
    "a file added": (lambda saved: (saved / "files" / "more").write_text("x"), "does not name"),
    "no manifest": (lambda saved: (saved / "manifest.json").unlink(), "no backup"),
    "a broken manifest": (lambda saved: (saved / "manifest.json").write_text("{"), "cannot be read"),
    "a manifest without parts": (lambda saved: (saved / "manifest.json").write_text('{"format": 1}'), "cannot be read"),
    "configuration": (lambda saved: (saved / "jintu.toml").write_text("debug = true"), "changed"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_backup_is_refused(what: str, node: Path, tmp_path: Path) -> None:
    change, said = CHANGES[what]
    error = tampered(change, node, tmp_path)
    assert isinstance(error, InputError | Missing)
    assert said in str(error)


def test_a_manifest_rewritten_to_fit_is_caught_by_its_hash(node: Path, tmp_path: Path) -> None:
    summary = backups.backup(tmp_path / "saved")
    victim = stored(tmp_path / "saved")
    victim.write_bytes(b"forged")
    file = tmp_path / "saved" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["parts"][victim.relative_to(tmp_path / "saved").as_posix()] = backups._part(victim)
    file.write_text(json.dumps(manifest))
    backups.verify(tmp_path / "saved")  # fits itself
    with pytest.raises(InputError, match="not the one expected"):
        backups.verify(tmp_path / "saved", expect=summary.manifest)


def test_a_manifest_cannot_lead_outside(node: Path, tmp_path: Path) -> None:
    backups.backup(tmp_path / "saved")
    file = tmp_path / "saved" / "manifest.json"
    manifest = json.loads(file.read_text())
    (tmp_path / "outside").write_text("x")
    manifest["parts"]["../outside"] = backups._part(tmp_path / "outside")
    file.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="outside the backup"):
        backups.verify(tmp_path / "saved")


def test_an_archive_cannot_lead_outside(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        member = tarfile.TarInfo("../../escaped")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(InputError, match="cannot be read"):
        backups.restore(tmp_path / "evil.tar", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(node: Path, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    with pytest.raises(Refused, match="exists already"):
        backups.backup(tmp_path / "saved")
    backups.backup(tmp_path / "good")
    with pytest.raises(Refused, match="not empty"):
        backups.restore(tmp_path / "good", node)


def test_a_backup_of_a_newer_version_is_refused(node: Path, tmp_path: Path) -> None:
    backups.backup(tmp_path / "saved")
    file = tmp_path / "saved" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": backups.FORMAT + 1}))
    with pytest.raises(InputError, match="newer version"):
        backups.verify(tmp_path / "saved")


def test_a_backup_that_fails_leaves_nothing(node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(OSError, match="No space"):
        backups.backup(tmp_path / "saved")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["node"]


def test_writers_do_not_wait_for_a_backup_nor_it_for_them(node: Path, tmp_path: Path) -> None:
    """Rows written while the backup runs are in it or not; it is consistent either way."""
    import threading

    stop, written = threading.Event(), []

    def write() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    written.append(append("register.edit", objects=[("land.supply", f"S{len(written)}")]).pk)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backups.backup(tmp_path / "saved")
    finally:
        stop.set()
        writer.join()
    assert written
    backups.verify(tmp_path / "saved")
    if not ON_POSTGRESQL:
        there = sqlite3.connect(tmp_path / "saved" / DATABASE)
        entries, subjects = (
            there.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("journal_entry", "journal_subject")
        )
        there.close()
        assert entries == subjects
