"""A file is checked and loaded at the same time: faster, and still all or nothing."""

import threading

import pytest

from jintu.foundation.registers import importing
from jintu.foundation.registers.importing import apply, staging, together
from jintu.foundation.registers.models import Batch
from jintu.kernel.errors import InputError, Refused

from .plots import PLOT, Plot
from .test_importing import load, plot, write

pytestmark = pytest.mark.django_db(transaction=True)

PIECE, WAIT = 50, 60


@pytest.fixture(autouse=True)
def pieces(monkeypatch):
    """Pieces so small that a file has several."""
    monkeypatch.setattr(staging, "SIZE", PIECE)
    monkeypatch.setattr(apply, "FIRST_ROWS", PIECE)


@pytest.fixture
def late(monkeypatch):
    """The check stops before its fourth piece until something is written, whatever the machine is busy with."""
    offered, begun, written = together._Checking._put, threading.Event(), apply._write
    counted = []

    def puts(self, piece):
        counted.append(piece.height)
        if len(counted) == 4:
            assert begun.wait(WAIT), "nothing was written while the file was checked"
        offered(self, piece)

    def writes(*given):
        written(*given)
        begun.set()

    monkeypatch.setattr(together._Checking, "_put", puts)
    monkeypatch.setattr(apply, "_write", writes)
    return begun


def rows(n, **last):
    return [plot(f"N-{i:05d}", wkt="") for i in range(n - 1)] + [plot(f"N-{n:05d}", wkt="", **last)]


def nothing_is_left(batch=None):
    assert not any(t.name == "check" for t in threading.enumerate())
    found = Batch.objects.get(pk=batch) if batch else Batch.objects.get()
    assert found.state == Batch.State.FAILED
    assert not Plot.objects.exists()
    assert not staging.rows_file(found.pk).exists()
    return found


def test_rows_are_written_while_the_file_is_checked(emptied, tmp_path, actor, late):
    told = []
    result = load(write(tmp_path / "a.csv", *rows(8 * PIECE)), actor=actor, progress=lambda *given: told.append(given))
    assert late.is_set()
    assert (result.read, result.accepted, result.state) == (400, 400, "visible")
    assert Plot.objects.visible().count() == 400
    batch = Batch.objects.get()
    assert (batch.rows_read, batch.rows_staged, batch.rows_applied, batch.rows_indexed) == (400,) * 4
    assert batch.file_sha256
    assert batch.report["root"].startswith("sha256:")
    assert batch.options["encoding"] == "utf-8"
    assert told[-1][:2] == (400, 400)
    assert {message for _done, _total, message in told} <= {"reading", "loading"}
    assert not staging.directory(batch.pk).exists()


def test_a_small_file_is_checked_to_its_end_before(emptied, tmp_path, actor, monkeypatch):
    monkeypatch.setattr(together, "write", lambda *given: pytest.fail("nothing is known of its end"))
    assert load(write(tmp_path / "a.csv", *rows(PIECE)), actor=actor).accepted == PIECE


def test_a_fault_in_the_last_row_takes_all_back(emptied, tmp_path, actor, late):
    result = load(write(tmp_path / "a.csv", *rows(8 * PIECE, area="viel")), actor=actor)
    assert late.is_set()
    assert (result.read, result.accepted, result.refused, result.state) == (400, 0, 1, "failed")
    batch = nothing_is_left()
    [problem] = staging.read_problems(batch.pk)
    assert (problem.row, problem.field) == (401, "area")
    assert load(write(tmp_path / "b.csv", *rows(8 * PIECE)), actor=actor).accepted == 400


def test_good_rows_only_on_request(emptied, tmp_path, actor, late):
    result = load(write(tmp_path / "a.csv", *rows(8 * PIECE, area="viel")), actor=actor, good_only=True)
    assert (result.accepted, result.refused) == (399, 1)
    assert Plot.objects.visible().count() == 399


def test_a_check_that_fails_late_takes_all_back(emptied, tmp_path, actor, late, monkeypatch):
    settled = staging.Numbers.settled

    def fails(self, frame):
        if late.is_set():
            raise InputError("The file ends in the middle of a row.")
        return settled(self, frame)

    monkeypatch.setattr(staging.Numbers, "settled", fails)
    with pytest.raises(InputError, match="middle of a row"):
        load(write(tmp_path / "a.csv", *rows(8 * PIECE)), actor=actor)
    nothing_is_left()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_load_that_fails_ends_the_check(emptied, tmp_path, actor, monkeypatch, error):
    def fails(*given):
        raise error

    monkeypatch.setattr(apply, "_write", fails)
    with pytest.raises(error):
        load(write(tmp_path / "a.csv", *rows(40 * PIECE)), actor=actor)
    nothing_is_left()


def test_a_batch_somebody_else_loads_is_left_to_them(emptied, tmp_path, actor, monkeypatch):
    def taken(*given):
        raise apply.AnotherLoader("Another process is loading this import.")

    monkeypatch.setattr(apply, "_write", taken)
    with pytest.raises(apply.AnotherLoader):
        load(write(tmp_path / "a.csv", *rows(40 * PIECE)), actor=actor)
    assert not any(t.name == "check" for t in threading.enumerate())
    assert Batch.objects.get().state == Batch.State.LOADING


def test_a_number_filed_meanwhile_fails_the_whole_import(emptied, tmp_path, actor, monkeypatch):
    written = apply._write

    def writes(register, batch, piece, out, prepared):
        written(register, batch, piece, out, prepared)
        if batch.rows_applied == 0:
            Plot.objects.create(plot_no="N-00300", name="x", area=1, division="990121001")

    monkeypatch.setattr(apply, "_write", writes)
    with pytest.raises(Refused, match="same number"):
        load(write(tmp_path / "a.csv", *rows(8 * PIECE)), actor=actor)
    assert [r.plot_no for r in Plot.objects.all()] == ["N-00300"]


def test_what_replaces_rows_is_seen_at_once_or_not_at_all(emptied, tmp_path, actor, late, county):
    first = load(write(tmp_path / "a.csv", *rows(8 * PIECE)), actor=actor)
    assert first.accepted == 400
    late.clear()
    again = [plot(f"N-{i:05d}", name="neu", wkt="") for i in range(399)]
    result = load(write(tmp_path / "b.csv", *again), actor=actor, duplicates="update")
    assert (result.accepted, result.updated) == (399, 399)
    assert Plot.objects.visible().filter(name="neu").count() == 399
    assert Plot.objects.visible().count() == 400
    importing.revert(PLOT, Batch.objects.get(pk=result.batch), reason="x", actor=actor)
    assert Plot.objects.visible().filter(name="neu").count() == 0
