"""A file becomes rows: all or nothing, visible at once, resumable, revertible, with faults told row by row."""

import threading
from datetime import date
from decimal import Decimal

import pytest
import shapely
from django.db import connection

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal.models import Entry
from jintu.foundation.registers import importing, search
from jintu.foundation.registers.actions import edit
from jintu.foundation.registers.importing import apply, staging
from jintu.foundation.registers.importing import mapping as mappings
from jintu.foundation.registers.models import Batch, DeliveredGeometry, ImportMapping
from jintu.kernel import hashing
from jintu.kernel.errors import InputError, JintuError, Missing, NotAllowed, Refused

from .plots import PLOT, Plot

SQUARE = "POLYGON((113.10 30.10,113.11 30.10,113.11 30.11,113.10 30.11,113.10 30.10))"
HEAD = "plot_no,name,kind,area,price,signed_on,people,division,geometry"


def write(path, *rows, head=HEAD, encoding="utf-8"):
    path.write_bytes("\n".join([head, *rows]).encode(encoding) + b"\n")
    return path


def plot(
    no,
    name="地块",
    kind="b",
    area="100.5",
    price="12.30",
    day="2026-05-01",
    people="",
    division="990121001",
    wkt=SQUARE,
):
    return f'{no},{name},{kind},{area},{price},{day},{people},{division},"{wkt}"'


def load(path, **options):
    options.setdefault("division", "990121")
    return importing.import_file("test.plot", path, **options)


pytestmark = pytest.mark.django_db


def test_the_own_field_names_need_no_mapping(plots, tmp_path, actor):
    result = load(write(tmp_path / "a.csv", plot("A"), plot("B", wkt="")), actor=actor)
    assert (result.read, result.accepted, result.refused, result.reasons) == (2, 2, 0, [])
    a, b = Plot.objects.current().order_by("plot_no")
    assert (a.area, a.price, a.signed_on, a.division) == (
        Decimal("100.50"), Decimal("12.30"), date(2026, 5, 1), "990121001",
    )  # fmt: skip
    assert a.geom.equals(shapely.from_wkt(SQUARE))
    assert b.geom is None
    assert (a.created_by, a.row_version, a.batch) == (7, 1, result.batch)
    assert Plot.objects.filter(geom__intersects=shapely.Point(113.105, 30.105)).count() == 1


def test_one_entry_proves_all_rows(plots, tmp_path, actor):
    result = load(write(tmp_path / "a.csv", plot("A"), plot("B"), plot("C")), actor=actor)
    entry = Entry.objects.get(act="register.import")
    assert entry.rows == 3
    assert entry.rows_root == Batch.objects.get(pk=result.batch).report["root"]
    assert entry.rows_root != hashing.merkle_root([])


def test_imported_rows_are_found(plots, tmp_path, actor, county):
    load(write(tmp_path / "a.csv", plot("A", name="柳河镇农产品冷链")), actor=actor)
    assert [e.key for g in search.find("冷链", county) for e in g.entries] == ["A"]


def test_with_one_fault_nothing_is_loaded(plots, tmp_path, actor):
    result = load(write(tmp_path / "a.csv", plot("A"), plot("B", day="2026-02-31")), actor=actor)
    assert (result.read, result.accepted, result.refused, result.state) == (2, 0, 1, "failed")
    (reason,) = result.reasons
    assert (reason["field"], reason["count"], reason["example"]["row"]) == ("signed_on", 1, 3)
    assert not Plot.objects.exists()


def test_good_rows_only_on_request(plots, tmp_path, actor):
    result = load(write(tmp_path / "a.csv", plot("A"), plot("B", day="2026-02-31")), actor=actor, good_only=True)
    assert (result.accepted, result.refused) == (1, 1)
    assert [r.plot_no for r in Plot.objects.visible()] == ["A"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (plot("B", area="-1"), "area"),
        (plot("B", area=""), "area"),
        (plot("", name="", area="", day=""), "plot_no"),
        (plot("B", kind="z"), "kind"),
        (plot("B", name="x" * 61), "name"),
        (plot("B", day="45000"), "signed_on"),
        (plot("B", division="990122001"), "division"),
        (plot("B", division="12"), "division"),
        (plot("B", kind="a", people="2"), "people"),
        (plot("B", wkt="POLYGON((113 30,114 31,114 30,113 31,113 30))"), "geom"),
        (plot("B", wkt="POLYGON((30 113,30 114,31 114,30 113))"), "geom"),
        (plot("B", wkt="POLYGON((0 0,0.001 0,0.001 0.001,0 0))"), "geom"),
        (plot("B", wkt="POLYGON((500000 3300000,500010 3300000,500010 3300010,500000 3300000))"), "geom"),
        (plot("B", wkt="POLYGON((113 30"), "geom"),
        (plot("A"), "plot_no"),
    ],
    ids=["negative", "no area", "nothing to know it by", "code", "long", "serial", "neighbour", "no division",
         "domain", "bow-tie", "swapped", "null island", "metres", "wkt", "twice in the file"],
)  # fmt: skip
def test_faults_are_told_with_row_and_field(plots, tmp_path, actor, row, field):
    result = load(write(tmp_path / "a.csv", plot("A"), row), actor=actor)
    assert result.accepted == 0
    assert field in {r["field"] for r in result.reasons}
    assert {r["example"]["row"] for r in result.reasons} == {3}
    for reason in result.reasons:
        assert reason["example"]["sentence"].format(**reason["example"]["params"])


def test_gbk_headers_units_and_labels(plots, tmp_path, actor):
    path = write(
        tmp_path / "供地.csv",
        "K-1,示例项目,built,1.2345,426.12,2009年6月2日",
        head="DKH,项目名称,kind,面积(公顷),成交价（万元）,签订日期",
        encoding="gbk",
    )
    result = load(path, actor=actor)
    assert result.accepted == 1, result.reasons
    row = Plot.objects.get()
    assert (row.area, row.price, row.signed_on, row.kind) == (
        Decimal("12345.00"), Decimal("4261200.00"), date(2009, 6, 2), "b",
    )  # fmt: skip
    assert Batch.objects.get().options["encoding"] == "gb18030"


def test_a_unit_is_never_guessed(plots, tmp_path, actor):
    path = write(tmp_path / "a.csv", "K-1,x,1.2", head="DKH,项目名称,面积")
    with pytest.raises(InputError) as caught:
        load(path, actor=actor)
    assert "unit" in str(caught.value)
    assert not Batch.objects.exclude(state=Batch.State.FAILED).exists()


def test_a_mapping_with_names_constants_and_translations(plots, tmp_path, actor):
    path = write(tmp_path / "a.csv", "一号,12亩,住宅,示例县,无", head="名称,大小,类型,行政区,编号")
    ImportMapping.objects.create(
        register="test.plot",
        name="台账",
        facts={
            "columns": {
                "name": "名称",
                "area": {"from": "大小", "unit": "mu"},
                "kind": {"from": "类型", "values": {"住宅": "b"}},
                "plot_no": "编号",
                "signed_on": {"constant": "2019-01-01"},
            },
            "division": {"from": "行政区", "by": "name", "at": "signed_on"},
            "empty": ["无"],
        },
    )
    result = load(path, mapping="台账", actor=actor)
    assert result.accepted == 1, result.reasons
    row = Plot.objects.get()
    assert (row.division, row.kind, row.area, row.signed_on) == (
        "990121", "b", Decimal("8000.00"), date(2019, 1, 1),
    )  # fmt: skip
    assert row.plot_no.startswith("NK-")


def test_a_mapping_nobody_saved_is_named(plots, tmp_path, actor):
    with pytest.raises(Missing) as caught:
        load(write(tmp_path / "a.csv", plot("A")), mapping="gone", actor=actor)
    assert "gone" in str(caught.value)


@pytest.mark.parametrize(
    "facts",
    [
        {"columns": {"area": {"column": "x"}}},
        {"colums": {}},
        {"columns": {"nothing": "名称"}},
        {"columns": {"name": "没有"}},
    ],
)
def test_a_wrong_mapping_is_refused(plots, tmp_path, actor, facts):
    with pytest.raises(InputError):
        load(write(tmp_path / "a.csv", plot("A")), mapping=facts, actor=actor)


def test_a_natural_key_finds_the_same_row_again(plots, tmp_path, actor):
    path = write(tmp_path / "a.csv", "一号,100,2026-05-01", "二号,200,2026-05-01", head="name,area,signed_on")
    load(path, actor=actor)
    again = write(tmp_path / "b.csv", " 一号 ,100.00,2026/5/1", "三号,5,2026-05-01", head="name,area,signed_on")
    result = load(again, actor=actor, duplicates="skip")
    assert (result.accepted, result.skipped) == (1, 1)
    assert Plot.objects.visible().count() == 3


def test_a_number_the_register_has_is_refused_skipped_or_replaced(plots, tmp_path, actor, county):
    load(write(tmp_path / "a.csv", plot("A"), plot("B")), actor=actor)
    before = Plot.objects.get(plot_no="A")
    second = write(tmp_path / "b.csv", plot("A", area="999"), plot("C"))
    refused = load(second, actor=actor)
    assert (refused.accepted, refused.reasons[0]["field"]) == (0, "plot_no")
    updated = load(second, actor=actor, duplicates="update")
    assert (updated.accepted, updated.updated) == (2, 1)
    now = Plot.objects.visible().get(plot_no="A")
    assert (now.uid, now.row_version, now.area) == (before.uid, 2, Decimal("999.00"))
    assert Plot.objects.visible().count() == 3
    assert Plot.objects.filter(plot_no="A").count() == 2


def test_a_number_of_another_county_is_not_taken_over(plots, tmp_path, actor, neighbour):
    load(write(tmp_path / "a.csv", plot("A")), actor=actor)
    result = load(
        write(tmp_path / "b.csv", plot("A", division="990122001")), division="990122", scope=neighbour, actor=actor,
        duplicates="update",
    )  # fmt: skip
    assert (result.accepted, result.refused) == (0, 1)


def test_nobody_imports_for_another_county(plots, tmp_path, actor, neighbour):
    with pytest.raises(NotAllowed):
        load(write(tmp_path / "a.csv", plot("A")), scope=neighbour, actor=actor)


def test_a_reverted_import_is_gone_and_what_it_replaced_is_back(plots, tmp_path, actor, county):
    load(write(tmp_path / "a.csv", plot("A", name="旧名称")), actor=actor)
    result = load(write(tmp_path / "b.csv", plot("A", name="新名称"), plot("B")), actor=actor, duplicates="update")
    importing.revert(PLOT, Batch.objects.get(pk=result.batch), reason="报错了文件", actor=actor)
    row = Plot.objects.visible().get()
    assert (row.name, row.row_version, row.superseded_by) == ("旧名称", 1, 0)
    assert [e.title for g in search.find("旧名称", county) for e in g.entries] == ["旧名称"]
    assert search.find("新名称", county) == []
    assert Entry.objects.filter(act="register.revert").count() == 1
    # the number is free again for the right file
    third = load(write(tmp_path / "c.csv", plot("B", name="x")), actor=actor)
    assert third.accepted == 1


def test_an_import_somebody_worked_on_is_not_reverted(plots, tmp_path, actor, county):
    result = load(write(tmp_path / "a.csv", plot("A")), actor=actor)
    row = Plot.objects.get()
    edit.perform(PLOT, row.uid, {"price": Decimal(5)}, row_version=1, scope=county, actor=actor)
    with pytest.raises(Refused) as caught:
        importing.revert(PLOT, Batch.objects.get(pk=result.batch), reason="x y", actor=actor)
    assert "A" in str(caught.value)
    assert Plot.objects.visible().count() == 1


def test_the_same_file_twice_is_refused(plots, tmp_path, actor):
    path = write(tmp_path / "a.csv", plot("A"))
    load(path, actor=actor)
    with pytest.raises(Refused) as caught:
        load(path, actor=actor, duplicates="skip")
    assert "imported already" in str(caught.value)
    assert load(path, actor=actor, duplicates="skip", again=True).skipped == 1


def test_a_second_file_for_the_period_is_refused(plots, tmp_path, actor):
    load(write(tmp_path / "a.csv", plot("A")), actor=actor, period="2026-05")
    with pytest.raises(Refused) as caught:
        load(write(tmp_path / "b.csv", plot("B")), actor=actor, period="2026-05")
    assert "a.csv" in str(caught.value)


def test_a_file_for_the_same_months_is_warned_of(plots, tmp_path, actor):
    first = load(write(tmp_path / "a.csv", plot("A")), actor=actor)
    second = load(write(tmp_path / "b.csv", plot("B")), actor=actor)
    assert Batch.objects.get(pk=second.batch).report["same_period"] == [first.batch]


def test_empty_files_and_files_without_a_needed_column(plots, tmp_path, actor):
    with pytest.raises(JintuError):
        load(write(tmp_path / "a.csv"), actor=actor)
    (tmp_path / "b.csv").write_bytes(b"")
    with pytest.raises(JintuError):
        load(tmp_path / "b.csv", actor=actor)
    with pytest.raises(InputError) as caught:
        load(write(tmp_path / "c.csv", "A,x", head="plot_no,name"), actor=actor)
    assert "area" in str(caught.value)
    assert not Plot.objects.exists()


def test_delivered_coordinates_stay(plots, tmp_path, actor):
    wkt = "POLYGON((413000 3330000,414000 3330000,414000 3331000,413000 3330000))"
    path = write(tmp_path / "a.csv", plot("A", wkt=wkt))
    facts = {"columns": {n: n for n in ("plot_no", "name", "kind", "signed_on")}
             | {"area": {"from": "area", "unit": "m2"}},
             "division": {"from": "division"}, "geometry": {"from": "geometry", "crs": "EPSG:4547"}}  # fmt: skip
    result = load(path, mapping=facts, actor=actor)
    assert result.accepted == 1, result.reasons
    row = Plot.objects.get()
    kept = DeliveredGeometry.objects.get(uid=row.uid)
    assert shapely.from_wkb(bytes(kept.wkb)).equals(shapely.from_wkt(wkt))
    assert kept.crs == "EPSG:4547"
    assert kept.file_sha256


def test_another_datum_is_refused(plots, tmp_path, actor):
    path = write(tmp_path / "a.csv", plot("A"))
    facts = {"columns": {"plot_no": "plot_no", "name": "name", "area": {"from": "area", "unit": "m2"}},
             "division": {"from": "division"}, "geometry": {"from": "geometry", "crs": "EPSG:4610"}}  # fmt: skip
    with pytest.raises(InputError):
        load(path, mapping=facts, actor=actor)


def staged(tmp_path, actor, n, name="big.csv", wkt=SQUARE, first=0):
    """A batch of ``n`` checked rows, numbered from ``first``, not loaded."""
    path = write(tmp_path / name, *(plot(f"N-{i:05d}", wkt=wkt) for i in range(first, first + n)))
    batch = importing.open_batch(PLOT, path.name, actor=actor, scope=Scope.everything(), division="990121")
    importing.prepare(PLOT, batch, path, None, scope=Scope.everything())
    return batch


def test_a_killed_load_goes_on_where_it_stopped(plots, tmp_path, actor, monkeypatch):
    batch = staged(tmp_path, actor, 900)
    written = apply._write
    calls = []

    def dies(register, batch, piece, out, prepared):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(piece.height)
        written(register, batch, piece, out, prepared)

    monkeypatch.setattr(apply, "_write", dies)
    monkeypatch.setattr(apply, "FIRST_ROWS", 100)
    with pytest.raises(KeyboardInterrupt):
        importing.finish(PLOT, batch, actor=actor)
    monkeypatch.setattr(apply, "_write", written)
    again = Batch.objects.get(pk=batch.pk)
    assert again.state == Batch.State.LOADING
    assert again.rows_applied == sum(calls) == Plot.objects.count()
    assert not Plot.objects.visible().exists()
    importing.finish(PLOT, again, actor=actor)
    assert Plot.objects.visible().count() == Plot.objects.count() == 900
    assert Entry.objects.filter(act="register.import").count() == 1
    assert not staging.directory(batch.pk).exists()


def test_a_row_changed_after_the_check_fails_the_whole_import(plots, tmp_path, actor, county):
    load(write(tmp_path / "a.csv", plot("A"), plot("B")), actor=actor)
    path = write(tmp_path / "b.csv", plot("A", name="x"), plot("B", name="y"), plot("C"))
    batch = importing.open_batch(PLOT, path.name, actor=actor, scope=Scope.everything(), division="990121")
    batch.options = {"duplicates": "update"}
    importing.prepare(PLOT, batch, path, None, scope=Scope.everything())
    row = Plot.objects.get(plot_no="B")
    edit.perform(PLOT, row.uid, {"price": Decimal(7)}, row_version=1, scope=county, actor=actor)
    with pytest.raises(Refused):
        importing.finish(PLOT, batch, actor=actor)
    assert Batch.objects.get(pk=batch.pk).state == Batch.State.FAILED
    assert Plot.objects.visible().count() == Plot.objects.filter(superseded_by=0).count() == Plot.objects.count() == 2


def test_a_number_filed_meanwhile_fails_the_whole_import(plots, tmp_path, actor, county):
    from jintu.foundation.registers.actions import create

    batch = staged(tmp_path, actor, 20)
    create.perform(
        PLOT,
        {"plot_no": "N-00011", "name": "x", "area": Decimal(1), "division": "990121001"},
        scope=county,
        actor=actor,
    )
    with pytest.raises(Refused):
        importing.finish(PLOT, batch, actor=actor)
    assert [r.plot_no for r in Plot.objects.all()] == ["N-00011"]


def test_leftovers_of_failed_and_reverted_imports_are_cleaned(plots, tmp_path, actor):
    load(write(tmp_path / "a.csv", plot("A")), actor=actor)
    batch = Batch.objects.create(register="test.plot", state=Batch.State.FAILED)
    Plot.objects.update(superseded_by=batch.pk)
    Plot.objects.create(plot_no="A", name="left", area=1, division="990121001", batch=batch.pk)
    assert importing.leftovers() == 1
    row = Plot.objects.get()
    assert (row.name, row.superseded_by) == ("地块", 0)
    assert importing.leftovers() == 0


@pytest.mark.parametrize("dead", [True, False])
def test_a_load_nobody_goes_on_with_frees_its_numbers(plots, tmp_path, actor, dead):
    import os
    import socket
    import subprocess

    gone = subprocess.Popen(["true"])
    gone.wait()
    batch = staged(tmp_path, actor, 3)
    options = batch.options | {"host": socket.gethostname(), "process": gone.pid if dead else os.getpid()}
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.LOADING, options=options)
    Plot.objects.create(plot_no="N-00001", name="left", area=1, division="990121001", batch=batch.pk)
    result = load(write(tmp_path / "again.csv", plot("N-00001")), actor=actor)
    assert result.accepted == (1 if dead else 0)
    assert Plot.objects.filter(name="left").exists() is not dead


def test_a_load_whose_job_waits_is_left_to_it(plots, tmp_path, actor):
    from jintu.foundation.operations.models import Job

    batch = staged(tmp_path, actor, 3)
    job = Job.objects.create(kind="registers.import", title="x", state=Job.State.INTERRUPTED)
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.LOADING, job=job.pk)
    assert importing.leftovers() == 0
    Job.objects.update(state=Job.State.FAILED)
    assert importing.leftovers() == 1
    assert Batch.objects.get(pk=batch.pk).state == Batch.State.FAILED


def test_a_row_that_is_being_replaced_is_not_edited(plots, tmp_path, actor, county):
    load(write(tmp_path / "a.csv", plot("A")), actor=actor)
    batch = Batch.objects.create(register="test.plot", state=Batch.State.LOADING)
    Plot.objects.update(superseded_by=batch.pk)
    row = Plot.objects.get()
    with pytest.raises(Refused):
        edit.perform(PLOT, row.uid, {"price": Decimal(7)}, row_version=1, scope=county, actor=actor)


def test_headers_are_matched_by_name_code_alias_and_label(plots):
    found = mappings.match(PLOT, ["DKH", "项 目 名 称", "面积（公顷）", "Signed On", "holder", "其他"])
    assert found == {
        "plot_no": "DKH", "name": "项 目 名 称", "area": "面积（公顷）", "signed_on": "Signed On", "holder": "holder",
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_people_sign_in_and_save_while_a_hundred_thousand_rows_load(emptied, tmp_path, actor, county, person):
    """Somebody signs in and saves a form again and again meanwhile: every request is answered, none is lost."""
    from django.test import Client
    from django.urls import reverse

    from jintu.foundation.registers.actions import create

    row = create.perform(
        PLOT, {"plot_no": "E-1", "name": "x", "area": Decimal(1), "division": "990121001"}, scope=county, actor=actor
    )
    someone = person("director")
    edit_page = reverse("registers:edit", args=["test.plot", row.uid])
    batch = staged(tmp_path, actor, 100_000, wkt="")
    wrong, saved = [], []
    over, loaded = threading.Event(), 100_000

    def works():
        try:
            version = 1
            while not over.is_set():
                client = Client()
                form = {
                    "division": "990121001", "data_level": "1", "plot_no": "E-1", "name": "x", "kind": "a", "area": "1",
                    "price": str(version), "row_version": str(version),
                }  # fmt: skip
                who = {"username": someone.username, "password": "Correct-horse-9"}
                client.post(reverse("identity:login"), who)
                answer = client.post(edit_page, form)
                if answer.status_code != 302:
                    wrong.append((answer.status_code, answer.content[-500:]))
                    return
                version += 1
                saved.append(version)
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=works)
    thread.start()
    importing.finish(PLOT, batch, actor=actor)
    during = len(saved)
    while len(saved) < 5 and not wrong and loaded < 400_000:  # a fast machine loads before five forms are written
        batch = staged(tmp_path, actor, 20_000, wkt="", first=loaded)
        importing.finish(PLOT, batch, actor=actor)
        loaded += 20_000
    over.set()
    thread.join()
    assert not wrong
    assert during and len(saved) >= 5
    assert Plot.objects.visible().count() == loaded + 1
    assert Plot.objects.get(uid=row.uid).row_version == saved[-1]


@pytest.mark.django_db(transaction=True)
def test_no_transaction_of_a_load_is_long(emptied, tmp_path, actor, monkeypatch):
    batch = staged(tmp_path, actor, 8_000)
    lengths = []
    monkeypatch.setattr(apply.Courtesy, "after", lambda self, seconds: lengths.append(seconds))
    importing.finish(PLOT, batch, actor=actor)
    assert len(lengths) > 3
    # the machine of the tests may stop for a moment; the rule is kept on the whole
    assert sorted(lengths)[len(lengths) // 2] < apply.MOST_SECONDS
