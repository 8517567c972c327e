"""Jobs in this process: bookkeeping, progress, cancel, failure, recovery. The worker itself: `test_worker.py`."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from jintu.foundation.operations import jobs
from jintu.foundation.operations.actor import Actor
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, Missing, Place, Refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    before = dict(jobs._kinds)

    @jobs.kind("test.count", title="Counting")
    def count(job: jobs.Running, *, to: int, division: str = "") -> dict[str, Any]:
        for number in range(to):
            job.progress(number, to, f"at {number}")
        job.progress(to, to, "done")
        return {"counted": to, "by": job.actor.user, "division": division, "attempt": job.attempt}

    @jobs.kind("test.refuse", title="Refusing")
    def refuse(job: jobs.Running) -> None:
        job.progress(3, 10, "row 3")
        raise InputError("Area {value} is negative.", place=Place(file="a.csv", row=3, field="area"), value=-1)

    @jobs.kind("test.break", title="Breaking")
    def break_(job: jobs.Running) -> None:
        raise ZeroDivisionError("secret detail")

    @jobs.kind("test.once", title="Once", resumable=False)
    def once(job: jobs.Running) -> None:
        pass

    yield
    jobs._kinds.clear()
    jobs._kinds.update(before)


def test_a_job_run_here_keeps_its_books() -> None:
    seen: list[tuple[int, int, str]] = []
    job = jobs.run_here(
        "test.count", actor=Actor(user=7), division="990121", to=5, progress=lambda *said: seen.append(said)
    )
    assert (job.state, job.done, job.total, job.message) == ("done", 5, 5, "done")
    assert job.result == {"counted": 5, "by": 7, "division": "990121", "attempt": 1}
    assert seen[0] == (0, 5, "at 0")
    assert seen[-1] == (5, 5, "done")
    assert job.created_at <= job.started_at <= job.finished_at
    assert (job.attempts, job.percent, job.process, job.host) == (1, 100, os.getpid(), socket.gethostname()[:100])
    assert job.is_over


def test_it_works_inside_a_transaction_too() -> None:
    with transaction.atomic():
        job = jobs.run_here("test.count", to=3)
    assert job.state == "done"


def test_a_queued_job_starts_after_the_commit_or_never() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        jobs.enqueue("test.count", to=1)
        raise ZeroDivisionError
    assert not Job.objects.exists()
    assert not OrmQ.objects.exists()
    with transaction.atomic():
        job = jobs.enqueue("test.count", actor=Actor(user=1, roles="clerk"), division="990121", to=2)
    assert (job.state, job.user, job.roles, job.arguments) == ("queued", 1, "clerk", {"to": 2})
    assert OrmQ.objects.get().task["args"] == (job.pk,)
    assert jobs.work_off() == 1
    job.refresh_from_db()
    assert job.state == "done"
    assert job.result["division"] == "990121"


def test_a_job_is_taken_once() -> None:
    job = jobs.enqueue("test.count", to=1)
    jobs.execute(job.pk)
    jobs.execute(job.pk)  # a second message, after a worker was killed
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 1)


def test_unknown_kinds_and_long_arguments_are_refused() -> None:
    with pytest.raises(Missing):
        jobs.enqueue("test.nothing")
    with pytest.raises(ValueError, match="identifiers"):
        jobs.enqueue("test.count", to="x" * 9000)
    with pytest.raises(TypeError):
        jobs.enqueue("test.count", to=object())


def test_an_error_says_what_and_where() -> None:
    job = jobs.enqueue("test.refuse")
    jobs.work_off()
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("failed", 3, 10)
    assert job.error == {
        "code": "input",
        "sentence": "Area {value} is negative.",
        "remedy": "",
        "params": {"value": "-1"},
        "place": {"file": "a.csv", "row": 3, "field": "area"},
    }
    with pytest.raises(InputError):
        jobs.run_here("test.refuse")
    assert Job.objects.filter(state="failed").count() == 2


def test_an_unexpected_error_keeps_its_details_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    job = jobs.enqueue("test.break")
    jobs.work_off()
    job.refresh_from_db()
    assert job.state == "failed"
    assert job.error["params"] == {"type": "ZeroDivisionError"}
    assert "secret detail" not in str(job.error)
    assert "secret detail" in caplog.text


def test_a_queued_job_is_cancelled_at_once() -> None:
    job = jobs.cancel(jobs.enqueue("test.count", to=1))
    assert job.state == "cancelled"
    assert jobs.work_off() == 0
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("cancelled", 0)
    with pytest.raises(Refused):
        jobs.cancel(job)


def test_a_running_job_stops_at_its_next_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BEAT_SECONDS", 0.02)
    reached = 0

    @jobs.kind("test.long", title="Long")
    def long(job: jobs.Running) -> None:
        nonlocal reached
        for reached in range(10_000):
            if reached == 3:
                jobs.cancel(Job.objects.get(pk=job.pk))
            job.progress(reached, 10_000)
            time.sleep(0.01)

    job = jobs.enqueue("test.long")
    jobs.work_off()
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert 3 <= reached < 1000


def test_progress_and_heartbeat_are_seen_while_the_job_is_in_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress goes through a connection of its own: a rollback of the job's work does not take it back."""
    monkeypatch.setattr(jobs, "BEAT_SECONDS", 0.02)

    @jobs.kind("test.slow", title="Slow")
    def slow(job: jobs.Running) -> dict[str, Any]:
        job.progress(4, 9, "four")
        deadline = time.monotonic() + 10
        while Job.objects.get(pk=job.pk).done != 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        return {"seen": Job.objects.get(pk=job.pk).message}

    assert jobs.run_here("test.slow").result == {"seen": "four"}


# -- recovery


def running(**facts: Any) -> Job:
    now = timezone.now()
    return Job.objects.create(
        kind=facts.pop("kind", "test.count"),
        title="t",
        arguments={"to": 2},
        state="running",
        attempts=1,
        **{"host": socket.gethostname()[:100], "process": os.getpid(), "heartbeat_at": now, "started_at": now, **facts},
    )


def dead_process() -> int:
    """The number of a process that has just ended."""
    child = os.posix_spawn("/bin/true", ["/bin/true"], {})
    os.waitpid(child, 0)
    return child


def test_a_living_job_is_left_alone() -> None:
    running()
    running(host="elsewhere", process=1)
    assert jobs.recover() == []


def test_a_job_of_a_dead_process_is_queued_again() -> None:
    job = running(process=dead_process())
    assert jobs.recover() == [job.pk]
    job.refresh_from_db()
    assert job.state == "interrupted"
    assert OrmQ.objects.count() == 1
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.result["attempt"]) == ("done", 2, 2)


def test_a_silent_job_on_another_machine_is_queued_again() -> None:
    job = running(host="elsewhere", heartbeat_at=timezone.now() - timedelta(seconds=jobs.SILENT_SECONDS + 1))
    assert jobs.recover() == [job.pk]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"attempts": 3}, "failed"),
        ({"kind": "test.once"}, "failed"),
        ({"kind": "test.gone"}, "failed"),
        ({"cancel_asked": True}, "cancelled"),
    ],
)
def test_some_jobs_are_not_tried_again(facts: dict[str, Any], state: str) -> None:
    job = running(process=dead_process())
    Job.objects.filter(pk=job.pk).update(**facts)
    jobs.recover()
    job.refresh_from_db()
    assert job.state == state
    assert job.finished_at is not None
    assert not OrmQ.objects.exists()
    if state == "failed":
        assert job.error["code"] == "interrupted"


def test_what_a_killed_worker_had_taken_is_sent_again() -> None:
    job = jobs.enqueue("test.count", to=1)
    OrmQ.objects.update(lock=timezone.now() + timedelta(hours=6))  # taken, never run
    assert jobs.resend() == 1
    assert OrmQ.objects.filter(lock__lte=timezone.now()).count() == 1
    assert Job.objects.get(pk=job.pk).state == "queued"


def test_connections_are_not_left_behind() -> None:
    jobs.run_here("test.count", to=1)
    assert connection.is_usable()
