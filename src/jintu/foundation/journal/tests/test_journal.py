"""Acts, their seals, and every way of tampering with them, on either database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from jintu.foundation.journal import Actor, Version, append, history, redact
from jintu.foundation.journal.models import Entry, Link, Pending, RecordVersion, Seal, Subject
from jintu.foundation.journal.sealing import head_file, read_head, seal, seal_all
from jintu.foundation.journal.triggers import APPEND_ONLY, expected, installed
from jintu.foundation.journal.verifying import verify
from jintu.foundation.operations import hooks
from jintu.kernel import hashing
from jintu.kernel.errors import InputError, Missing, Refused

pytestmark = pytest.mark.django_db(transaction=True)
CLERK = Actor(user=7, organisation="990121-01", roles="clerk", division="990121", address="10.0.0.7")


@pytest.fixture(autouse=True)
def _no_head_of_another_test() -> Iterator[None]:
    head_file().unlink(missing_ok=True)
    yield
    head_file().unlink(missing_ok=True)


def act(number: int, **facts: object) -> Entry:
    with transaction.atomic():
        return append(
            "register.edit",
            actor=CLERK,
            division="990121",
            objects=[("land.supply", f"S{number}")],
            facts={"row_version": number, **facts},
        )


def sealed(count: int) -> None:
    for number in range(count):
        act(number)
        if number % 3 == 2:
            seal_all()
    seal_all()


# -- writing


def test_an_act_is_written_with_its_transaction_or_not_at_all() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        append("register.edit", objects=[("land.supply", "S1")])
        raise ZeroDivisionError
    assert Entry.objects.count() == Pending.objects.count() == Subject.objects.count() == 0
    with pytest.raises(RuntimeError, match="transaction"):
        append("register.edit")


def test_an_entry_says_who_what_where() -> None:
    entry = act(1, sha256="ab")
    entry.refresh_from_db()
    assert (entry.user, entry.organisation, entry.roles, entry.address) == (7, "990121-01", "clerk", "10.0.0.7")
    assert entry.objects_json == [["land.supply", "S1"]]
    assert entry.facts == {"row_version": 1, "sha256": "ab"}
    assert (timezone.now() - entry.at).total_seconds() < 10


def test_a_bulk_act_is_one_entry_with_the_root_of_its_rows() -> None:
    hashes = [hashing.of_json({"row": n}) for n in range(1000)]
    with transaction.atomic():
        entry = append("register.import", rows=iter(hashes), facts={"batch": 5})
    assert (entry.rows, entry.rows_root) == (1000, hashing.merkle_root(hashes))
    assert Entry.objects.count() == 1


def test_content_does_not_belong_into_facts() -> None:
    with pytest.raises(ValueError, match="too long"), transaction.atomic():
        append("register.edit", facts={"text": "x" * 70_000})


def test_listeners_hear_before_and_after_the_commit() -> None:
    heard: list[str] = []

    def before(told: hooks.Act) -> None:
        heard.append(f"before {told.act} {told.objects}")

    def after(told: hooks.Act) -> None:
        heard.append(f"after {told.entry == Entry.objects.get().pk}")

    hooks.before_commit.connect(before)
    hooks.after_commit.connect(after)
    try:
        with transaction.atomic():
            append("land.sign", objects=[("land.supply", "S1")])
            assert heard == ["before land.sign (('land.supply', 'S1'),)"]
        assert heard[1:] == ["after True"]
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            append("land.sign")
            raise ZeroDivisionError
        assert len(heard) == 3
    finally:
        hooks.before_commit.disconnect(before)
        hooks.after_commit.disconnect(after)


def test_a_listener_can_refuse_the_act() -> None:
    def refuse(told: hooks.Act) -> None:
        raise Refused("The outbox is full.")

    hooks.before_commit.connect(refuse)
    try:
        with pytest.raises(Refused), transaction.atomic():
            append("land.sign")
        assert not Entry.objects.exists()
    finally:
        hooks.before_commit.disconnect(refuse)


# -- sealing


def test_the_sealer_links_entries_in_order() -> None:
    assert seal() is None
    for number in range(5):
        act(number)
    made = seal()
    assert made is not None
    assert (made.number, made.first, made.last, made.previous) == (1, 1, 5, "")
    act(5)
    second = seal()
    assert second is not None
    assert (second.number, second.first, second.last, second.previous) == (2, 6, 6, made.hash)
    assert list(Link.objects.order_by("seq").values_list("seq", "entry_id")) == [
        (i, e) for i, e in enumerate(Entry.objects.order_by("pk").values_list("pk", flat=True), start=1)
    ]
    assert made.hash.startswith("sha256:")
    assert not Pending.objects.exists()
    report = verify()
    assert report.is_whole, report.broken
    assert (report.entries, report.sealed, report.seals, report.unsealed) == (6, 6, 2, 0)
    assert report.head == second.hash
    assert read_head() is not None
    assert read_head()["hash"] == second.hash


def test_the_gm_profile_seals_with_sm3(settings: object) -> None:
    act(1)
    seal_all()
    settings.JINTU_HASH = "sm3"
    act(2)
    last = seal()
    assert last is not None
    assert last.hash.startswith("sm3:")
    assert Link.objects.order_by("seq").last().leaf.startswith("sm3:")
    assert verify().is_whole  # each hash says by which algorithm it was made


def test_unsealed_entries_have_an_age() -> None:
    act(1)
    report = verify()
    assert report.is_whole
    assert report.unsealed == 1
    assert 0 <= report.unsealed_seconds < 10


# -- refusing


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("sql", ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "TRUNCATE {t} CASCADE"])
def test_append_only_tables_refuse(table: str, sql: str) -> None:
    with transaction.atomic():
        append("x.y", objects=[("a", "b")], versions=[Version("land.supply", uuid4(), 1, {"a": 1})])
    seal_all()
    if sql.startswith("TRUNCATE") and connection.vendor == "sqlite":
        pytest.skip("SQLite has no TRUNCATE: its DELETE without WHERE fires the triggers, as tested")
    column = {"journal_seal": "root", "journal_link": "leaf", "journal_subject": "kind", "journal_entry": "act"}
    statement = sql.format(t=table, c=column.get(table, "register"))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no REPLACE")
def test_replace_is_refused_too() -> None:
    entry = act(1)
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("REPLACE INTO journal_entry SELECT * FROM journal_entry WHERE id = %s", [entry.pk])


def test_the_orm_is_refused_too() -> None:
    entry = act(1)
    entry.act = "something.else"
    with pytest.raises(DatabaseError, match="append-only"):
        entry.save()
    with pytest.raises(DatabaseError):
        Entry.objects.all().delete()


def test_triggers_survive_a_rebuild_of_the_table() -> None:
    """SQLite rebuilds a table to change a column, and drops its triggers with the old one."""
    from django.db import models

    entry = act(1)
    old = Entry._meta.get_field("organisation")
    new = models.CharField(max_length=60, blank=True)
    new.set_attributes_from_name("organisation")
    new.model = Entry
    with connection.schema_editor() as editor:
        editor.alter_field(Entry, old, new)
    try:
        assert installed() == expected(connection.vendor)
        with pytest.raises(DatabaseError, match="append-only"):
            Entry.objects.filter(pk=entry.pk).update(act="x")
    finally:
        with connection.schema_editor() as editor:
            editor.alter_field(Entry, new, old)
    assert installed() == expected(connection.vendor)


# -- tampering: what somebody does who can switch the triggers off


@contextmanager
def without_triggers() -> Iterator[Callable[..., None]]:
    """SQL past the triggers, as the owner of the database could run it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            yield cursor.execute
            cursor.execute("RESET session_replication_role")
            return
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(%'")
        standing = cursor.fetchall()
        for name, _ in standing:
            cursor.execute(f"DROP TRIGGER {name}")
        yield cursor.execute
        for _, sql in standing:
            cursor.execute(sql)
        cursor.execute("PRAGMA foreign_keys = ON")


def entry_at(seq: int) -> int:
    return Link.objects.get(seq=seq).entry_id


def test_a_changed_entry_is_named() -> None:
    sealed(8)
    victim = entry_at(4)
    with without_triggers() as run:
        run("UPDATE journal_entry SET facts = '{\"row_version\": 99}' WHERE id = %s", [victim])
    first = verify().first
    assert first is not None
    assert (first.fault, first.entry, first.seq) == ("changed", victim, 4)


@pytest.mark.parametrize("column", ["act", "division", "address", "organisation", "rows_root"])
def test_every_column_counts(column: str) -> None:
    sealed(3)
    with without_triggers() as run:
        run(f"UPDATE journal_entry SET {column} = 'x' WHERE id = %s", [entry_at(2)])
    first = verify().first
    assert first is not None
    assert (first.fault, first.seq) == ("changed", 2)


def test_a_removed_entry_is_named() -> None:
    sealed(6)
    victim = entry_at(3)
    with without_triggers() as run:
        run("DELETE FROM journal_subject WHERE entry_id = %s", [victim])
        run("DELETE FROM journal_entry WHERE id = %s", [victim])
    first = verify().first
    assert first is not None
    assert (first.fault, first.entry) == ("missing", victim)


def test_an_entry_removed_with_its_link_leaves_a_gap() -> None:
    sealed(6)
    victim = entry_at(3)
    with without_triggers() as run:
        run("DELETE FROM journal_subject WHERE entry_id = %s", [victim])
        run("DELETE FROM journal_link WHERE seq = 3")
        run("DELETE FROM journal_entry WHERE id = %s", [victim])
    report = verify()
    assert report.first is not None
    assert (report.first.fault, report.first.seq) == ("gap", 3)
    assert {b.fault for b in report.broken} == {"gap", "count"}


def test_two_exchanged_entries_are_found() -> None:
    sealed(6)
    a, b = Link.objects.get(seq=4), Link.objects.get(seq=5)
    with without_triggers() as run:
        run("UPDATE journal_link SET entry_id = -1 WHERE seq = 4")
        for seq, other in ((5, a), (4, b)):
            run("UPDATE journal_link SET entry_id = %s, leaf = %s WHERE seq = %s", [other.entry_id, other.leaf, seq])
    first = verify().first
    assert first is not None
    assert (first.fault, first.seal) == ("root", 2)


def test_an_entry_changed_with_its_leaf_breaks_the_root() -> None:
    sealed(6)
    from jintu.foundation.journal.sealing import leaf_of

    victim = Entry.objects.get(pk=entry_at(2))
    victim.act = "harmless.act"
    with without_triggers() as run:
        run("UPDATE journal_entry SET act = 'harmless.act' WHERE id = %s", [victim.pk])
        run("UPDATE journal_link SET leaf = %s WHERE seq = 2", [leaf_of(victim, "sha256")])
    first = verify().first
    assert first is not None
    assert (first.fault, first.seal) == ("root", 1)


def forge(number: int, **changes: object) -> Seal:
    """The seal with changes and a hash that fits them."""
    made = Seal.objects.get(number=number)
    for name, value in changes.items():
        setattr(made, name, value)
    made.hash = hashing.of_json(made.content())
    return made


def test_a_forged_seal_breaks_the_chain() -> None:
    sealed(9)
    false = forge(2, at=timezone.now())
    with without_triggers() as run:
        run("UPDATE journal_seal SET at = %s, hash = %s WHERE number = 2", [false.at, false.hash])
    first = verify().first
    assert first is not None
    assert (first.fault, first.seal) == ("chain", 3)


def test_a_seal_changed_without_its_hash_is_found() -> None:
    sealed(6)
    with without_triggers() as run:
        run("UPDATE journal_seal SET previous = 'sha256:00' WHERE number = 2")
    first = verify().first
    assert first is not None
    assert (first.fault, first.seal) == ("seal_changed", 2)


def test_the_last_seal_is_held_by_the_noted_head() -> None:
    sealed(6)
    false = forge(2, at=timezone.now())
    with without_triggers() as run:
        run("UPDATE journal_seal SET at = %s, hash = %s WHERE number = 2", [false.at, false.hash])
    first = verify().first
    assert first is not None
    assert first.fault == "head"


def test_an_end_cut_off_is_found() -> None:
    sealed(9)
    with without_triggers() as run:
        doomed = [entry_at(seq) for seq in (7, 8, 9)]
        run("DELETE FROM journal_link WHERE seq > 6")
        run("DELETE FROM journal_seal WHERE number > 2")
        for victim in doomed:
            run("DELETE FROM journal_subject WHERE entry_id = %s", [victim])
            run("DELETE FROM journal_entry WHERE id = %s", [victim])
    report = verify()
    assert [b.fault for b in report.broken] == ["cut"]
    head_file().unlink()
    assert verify().is_whole  # which is why the head is noted outside the database


def test_an_entry_slipped_in_is_found() -> None:
    sealed(3)
    with without_triggers() as run:
        columns = (
            "act, at, organisation, roles, actor_division, address, division, objects_json, facts, rows, rows_root"
        )
        run(
            f"INSERT INTO journal_entry ({columns}, versions_root) "
            "SELECT 'false.act', at, '', '', '', '', '', objects_json, facts, 0, '', '' "
            "FROM journal_entry WHERE id = %s",
            [entry_at(1)],
        )
    report = verify()
    assert [b.fault for b in report.broken] == ["outside"]


def test_a_changed_index_is_found() -> None:
    sealed(3)
    with without_triggers() as run:
        run("UPDATE journal_subject SET key = 'S999' WHERE entry_id = %s", [entry_at(2)])
    report = verify()
    assert [(b.fault, b.seq) for b in report.broken] == [("index", 2)]


def test_a_missing_trigger_is_found() -> None:
    on = " ON journal_entry" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_entry_no_delete'") if not on else None
        restore = (
            cursor.fetchone()[0]
            if not on
            else (
                "CREATE TRIGGER journal_entry_no_delete BEFORE DELETE ON journal_entry "
                "FOR EACH ROW EXECUTE FUNCTION journal_refuse()"
            )
        )
        cursor.execute(f"DROP TRIGGER journal_entry_no_delete{on}")
        try:
            report = verify()
        finally:
            cursor.execute(restore)
    assert [b.fault for b in report.broken] == ["trigger"]
    assert "journal_entry_no_delete" in report.broken[0].sentence


def test_a_journal_broken_everywhere_ends_after_a_hundred_faults() -> None:
    sealed(150)
    with without_triggers() as run:
        run("UPDATE journal_entry SET act = 'x'")
    report = verify()
    assert len(report.broken) == 100
    assert report.first is not None
    assert report.first.seq == 1


# -- record versions and redaction


def edit(uid: object, version: int, **data: object) -> None:
    with transaction.atomic():
        append(
            "register.edit",
            actor=CLERK,
            objects=[("land.supply", "S1")],
            versions=[Version("land.supply", uid, version, data)],
        )


def test_history_shows_who_changed_what() -> None:
    uid = uuid4()
    with transaction.atomic():
        append("register.create", actor=CLERK, objects=[("land.supply", "S1")])
    edit(uid, 1, holder="甲公司", area="10.00")
    edit(uid, 2, holder="乙公司", area="10.00")
    act(2)  # another row
    steps = history("land.supply", uid, key="S1")
    assert [(s.act, s.row_version) for s in steps] == [
        ("register.edit", 2),
        ("register.edit", 1),
        ("register.create", None),
    ]
    assert steps[0].before == {"holder": "乙公司", "area": "10.00"}
    assert history("land.supply", uuid4()) == []


def test_redaction_empties_the_values_and_nothing_else() -> None:
    uid = uuid4()
    edit(uid, 1, holder="张三")
    edit(uid, 2, holder="李四")
    seal_all()
    before = list(RecordVersion.objects.order_by("pk").values_list("digest", flat=True))
    assert redact("land.supply", uid, basis="个人信息保护法 47", actor=CLERK, row_version=1) == 1
    seal_all()
    one, two = RecordVersion.objects.order_by("pk")
    assert (one.data, one.salt) == (None, "")
    assert one.redaction.act == "journal.redact"
    assert one.redaction.facts["basis"] == "个人信息保护法 47"
    assert two.data == {"holder": "李四"}
    assert [one.digest, two.digest] == before
    assert verify().is_whole
    assert [s.redacted for s in history("land.supply", uid) if s.act == "register.edit"] == [False, True]
    with pytest.raises(Refused):
        redact("land.supply", uid, basis="again", actor=CLERK, row_version=1)
    with pytest.raises(Missing):
        redact("land.supply", uuid4(), basis="x", actor=CLERK)
    with pytest.raises(InputError):
        redact("land.supply", uid, basis="  ", actor=CLERK)


def test_versions_change_by_redaction_only() -> None:
    uid = uuid4()
    edit(uid, 1, holder="张三")
    other = act(1)
    kept = RecordVersion.objects.filter(uid=uid)
    for change in (
        {"data": {"holder": "王五"}},
        {"data": None, "salt": ""},  # without an entry that says so
        {"data": None, "salt": "", "redaction": other},  # with an entry that says something else
        {"row_version": 9},
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            kept.update(**change)
    redact("land.supply", uid, basis="x", actor=CLERK)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        kept.update(redaction=None)


def test_changed_and_removed_versions_are_found() -> None:
    uid = uuid4()
    edit(uid, 1, holder="张三")
    edit(uid, 2, holder="李四")
    seal_all()
    with without_triggers() as run:
        run('UPDATE journal_record_version SET data = \'{"holder": "x"}\' WHERE row_version = 1')
    assert [(b.fault, b.seq) for b in verify().broken] == [("version", 1)]
    with without_triggers() as run:
        run("DELETE FROM journal_record_version WHERE row_version = 2")
    assert [(b.fault, b.seq) for b in verify().broken] == [("version", 1), ("versions", 2)]
