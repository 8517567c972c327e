"""Long work: declared once as a kind, run by the worker or in this process, with progress, cancel and attempts.

::

    @jobs.kind("registers.import", title="Import")
    def run(job: jobs.Running, *, batch: int) -> dict:
        for done in …:
            job.progress(done, total, "rows")     # raises jobs.Cancelled when somebody asked for it
        return {"rows": total}

    with transaction.atomic():
        job = jobs.enqueue("registers.import", actor=actor, division="990121", batch=7)

A worker that dies leaves its job *running*; `recover` finds it by its dead process or its silent heartbeat, marks it
*interrupted* and queues it again. A kind must therefore be able to start over on what an earlier attempt left.
Arguments are identifiers, never content: they are stored, shown and sent through the queue.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import F
from django.db.utils import OperationalError
from django.utils import timezone
from django.utils.translation import gettext_noop as _noop

from jintu.kernel.errors import JintuError, Missing, Refused

from .actor import Actor
from .errors import keep
from .models import Job

__all__ = [
    "Cancelled",
    "Kind",
    "Running",
    "cancel",
    "enqueue",
    "execute",
    "kind",
    "kinds",
    "recover",
    "run_here",
    "work_off",
]

log = logging.getLogger(__name__)
R = TypeVar("R", bound=Callable[..., Any])

BEAT_SECONDS = 1.0
SILENT_SECONDS = 90
"""A running job not heard of for so long is taken for interrupted, even when its process cannot be looked up."""
MAX_ARGUMENTS = 8 * 1024


class Cancelled(JintuError):
    """Raised by `Running.progress` when somebody cancelled the job."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__(_noop("The job was cancelled."))


@dataclass(frozen=True)
class Kind:
    """``resumable``: an interrupted job is queued again, until it was tried ``attempts`` times. ``again``: the page on
    which the user of that number mends what a job of this kind failed at, from its arguments. ``told``: what came of
    it, from its result: names and values in words, shown before the counts."""

    name: str
    title: str
    run: Callable[..., Any]
    resumable: bool = True
    attempts: int = 3
    again: Callable[[Mapping[str, Any], int], str] | None = None
    told: Callable[[Mapping[str, Any]], list[tuple[str, str]]] | None = None


_kinds: dict[str, Kind] = {}


def kind(
    name: str,
    *,
    title: str,
    resumable: bool = True,
    attempts: int = 3,
    again: Callable[[Mapping[str, Any], int], str] | None = None,
    told: Callable[[Mapping[str, Any]], list[tuple[str, str]]] | None = None,
) -> Callable[[R], R]:
    """Declare what runs for jobs of this kind: ``run(job, **ids)``, its result is JSON; see `Kind`.

    A result or the params of an error may have ``report``, a stored file: the page of the job offers it.
    """

    def declare(run: R) -> R:
        _kinds[name] = Kind(name, title, run, resumable, attempts, again, told)
        return run

    return declare


def kinds() -> Mapping[str, Kind]:
    """All declared kinds, by name."""
    return dict(_kinds)


def _get(name: str) -> Kind:
    try:
        return _kinds[name]
    except KeyError:
        raise Missing("There is no kind of job called {kind}.", kind=name) from None


def enqueue(name: str, *, actor: Actor | None = None, division: str = "", title: str = "", **arguments: Any) -> Job:
    """Queue a job for the worker, in the transaction of the caller: it starts after the commit, or never.

    ``division`` says whose job it is; it is also handed to the kind when it takes an argument of that name.
    """
    job = _create(name, actor, division, title, arguments)
    _send(job)
    return job


def run_here(
    name: str,
    *,
    actor: Actor | None = None,
    division: str = "",
    title: str = "",
    progress: Callable[[int, int, str], None] | None = None,
    **arguments: Any,
) -> Job:
    """Run a job in this process, with the same bookkeeping, for commands and tests.

    ``progress`` is told what the job says. An error of the job is raised after it was noted.
    """
    job = _create(name, actor, division, title, arguments)
    _execute(job.pk, listener=progress, reraise=True)
    job.refresh_from_db()
    return job


def cancel(job: Job) -> Job:
    """Ask a job to stop: a queued one is cancelled at once, a running one at its next progress."""
    now = timezone.now()
    queued = Job.objects.filter(pk=job.pk, state__in=(Job.State.QUEUED, Job.State.INTERRUPTED))
    if not queued.update(state=Job.State.CANCELLED, cancel_asked=True, finished_at=now):
        running = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING)
        if not running.update(cancel_asked=True):
            raise Refused("The job is over.")
    job.refresh_from_db()
    return job


def _create(name: str, actor: Actor | None, division: str, title: str, arguments: dict[str, Any]) -> Job:
    what, who = _get(name), actor or Actor()
    plain = json.loads(json.dumps(arguments))
    if len(json.dumps(plain)) > MAX_ARGUMENTS:
        raise ValueError(f"the arguments of {name!r} are too long: pass identifiers")
    return Job.objects.create(
        kind=name,
        title=(title or what.title)[:200],
        arguments=plain,
        division=division,
        user=who.user,
        organisation=who.organisation,
        roles=who.roles,
        actor_division=who.division,
        address=who.address,
    )


def _send(job: Job) -> None:
    from django_q.tasks import async_task

    async_task("jintu.foundation.operations.jobs.execute", job.pk, task_name=f"job {job.pk}", save=False)


# -- running


class Running:
    """A job while it runs: what its function is given."""

    def __init__(self, job: Job, listener: Callable[[int, int, str], None] | None = None) -> None:
        self.pk = job.pk
        self.kind = job.kind
        self.division = job.division
        self.attempt = job.attempts
        self.actor = Actor(job.user, job.organisation, job.roles, job.actor_division, job.address)
        self._listener = listener
        self._state: dict[str, Any] = {"done": job.done, "total": job.total, "message": job.message}
        self._cancelled = job.cancel_asked
        self._over = threading.Event()
        self._beat: threading.Thread | None = None
        self._written = 0.0

    def progress(self, done: int, total: int = 0, message: str = "") -> None:
        """Say how far the job is; cheap enough for every row. Raises `Cancelled` when somebody asked to stop."""
        self._state = {"done": done, "total": total, "message": message[:300]}
        if self._listener:
            self._listener(done, total, message)
        if self._beat is None and time.monotonic() - self._written >= BEAT_SECONDS:
            self._write()
        if self._cancelled:
            raise Cancelled

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self._state)

    def _write(self) -> None:
        mine = Job.objects.filter(pk=self.pk)
        mine.update(heartbeat_at=timezone.now(), **self._state)
        self._cancelled = mine.filter(cancel_asked=True).exists()
        self._written = time.monotonic()

    def _keep_beating(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                try:
                    self._write()
                except OperationalError:
                    # a busy database: the next beat is a second away, and 90 may be missed
                    log.debug("job %s: heartbeat missed", self.pk)
        finally:
            connection.close()

    def __enter__(self) -> Running:
        # Inside a transaction (tests, commands) a second connection could neither see nor touch the job.
        if not connection.in_atomic_block:
            self._beat = threading.Thread(target=self._keep_beating, name=f"job-{self.pk}", daemon=True)
            self._beat.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._beat is not None:
            self._beat.join()


def execute(pk: int) -> None:
    """What the worker is sent: run a queued job. One that another process took meanwhile is left alone."""
    _execute(pk)


def _execute(pk: int, listener: Callable[[int, int, str], None] | None = None, reraise: bool = False) -> None:
    now = timezone.now()
    here = {"host": socket.gethostname()[:100], "process": os.getpid()}
    waiting = Job.objects.filter(pk=pk, state__in=(Job.State.QUEUED, Job.State.INTERRUPTED))
    taken = waiting.update(
        state=Job.State.RUNNING, attempts=F("attempts") + 1, started_at=now, heartbeat_at=now, error=None, **here
    )
    if not taken:
        return
    job = Job.objects.get(pk=pk)
    facts: dict[str, Any]
    raised: BaseException | None = None
    running = Running(job, listener)
    try:
        what = _get(job.kind)
        arguments = dict(job.arguments)
        if "division" not in arguments and "division" in inspect.signature(what.run).parameters:
            arguments["division"] = job.division
        with running:
            result = what.run(running, **arguments)
        facts = {"state": Job.State.DONE, "result": result}
    except Cancelled as error:
        facts = {"state": Job.State.CANCELLED}
        raised = error
    except JintuError as error:
        facts = {"state": Job.State.FAILED, "error": keep(error)}
        raised = error
    except Exception as error:  # the boundary of foreign code: noted here, raised again for whoever waits
        log.exception("job %s (%s) failed", pk, job.kind)
        facts = {
            "state": Job.State.FAILED,
            "error": {
                "code": "internal",
                "sentence": _noop("The job stopped at an unexpected error ({type})."),
                "remedy": _noop("The log of the node has the details; tell its administrator the number of the job."),
                "params": {"type": type(error).__name__},
            },
        }
        raised = error
    Job.objects.filter(pk=pk, state=Job.State.RUNNING, **here).update(
        finished_at=timezone.now(), heartbeat_at=timezone.now(), **running.facts, **facts
    )
    if reraise and raised is not None:
        raise raised


# -- what the worker does besides


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def recover() -> list[int]:
    """Find running jobs whose process is gone, mark them interrupted and queue them again; their numbers.

    A kind that is not resumable, or was tried often enough, fails instead.
    """
    silent = timezone.now() - timedelta(seconds=SILENT_SECONDS)
    here, found = socket.gethostname()[:100], []
    for job in Job.objects.filter(state=Job.State.RUNNING):
        gone = job.host == here and job.process is not None and not _is_alive(job.process)
        if not gone and job.heartbeat_at is not None and job.heartbeat_at > silent:
            continue
        with transaction.atomic():
            same = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)
            if not same.update(state=Job.State.INTERRUPTED):
                continue
            found.append(job.pk)
            what = _kinds.get(job.kind)
            interrupted = Job.objects.filter(pk=job.pk)
            if job.cancel_asked:
                interrupted.update(state=Job.State.CANCELLED, finished_at=timezone.now())
            elif what is None or not what.resumable or job.attempts >= what.attempts:
                error = {
                    "code": "interrupted",
                    "sentence": _noop("The process that ran the job ended before the job did ({attempts} attempts)."),
                    "remedy": _noop("Start the job again; if it ends so again, look at memory and disk of the node."),
                    "params": {"attempts": job.attempts},
                }
                interrupted.update(state=Job.State.FAILED, finished_at=timezone.now(), error=error)
            else:
                _send(job)
        log.warning("job %s (%s) was interrupted", job.pk, job.kind)
    return found


def resend() -> int:
    """At the start of a worker: send every waiting job again, since messages taken by a killed one stay locked.

    A message too many does no harm: a job is taken once.
    """
    waiting = Job.objects.filter(state__in=(Job.State.QUEUED, Job.State.INTERRUPTED))
    for job in waiting:
        _send(job)
    return len(waiting)


def work_off() -> int:
    """Run everything that waits, in this process (commands, tests); returns the number of jobs run."""
    run = 0
    while (job := Job.objects.filter(state=Job.State.QUEUED).order_by("pk").first()) is not None:
        _execute(job.pk)
        run += 1
    return run
