"""The worker process: runs django-q's cluster and, beside it, small chores every second.

django-q forks. A child forked after Polars or Arrow ran in the parent hangs, so this process imports neither (an
architecture test looks), is started by exec and runs no job itself: the forked children do.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from django.db import connection
from django.db.utils import DatabaseError
from django.utils import timezone

from . import jobs
from .models import WorkerBeat
from .supervisor import die_with_parent

__all__ = ["Chore", "run"]

log = logging.getLogger(__name__)
GRACE_SECONDS = 8
"""A running job may finish in this time; then it is interrupted, and the next worker takes it up again."""


@dataclass
class Chore:
    """Something small to do every so many seconds. Its database errors are logged, and it is tried again."""

    seconds: float
    do: Callable[[], Any]
    due: float = field(default=0.0)

    def look(self) -> None:
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + self.seconds
        try:
            self.do()
        except DatabaseError:
            log.exception("a chore of the worker failed")
            connection.close()


def run(chores: Sequence[Chore] = ()) -> int:
    """Until SIGTERM or SIGINT, or until the cluster dies (then 1: whoever supervises starts us again)."""
    from django_q.cluster import Cluster

    parent, told = os.getppid(), threading.Event()

    def tell(signum: int, frame: FrameType | None) -> None:
        told.set()

    # the children django-q forks must not outlive us, or a killed worker would go on beside its successor
    os.register_at_fork(after_in_child=lambda: die_with_parent(signal.SIGKILL))
    jobs.recover()
    jobs.resend()
    connection.close()  # the forked children open their own
    cluster = Cluster()
    cluster.start()
    for signum in (signal.SIGTERM, signal.SIGINT):  # the cluster's own handlers wait for the running job
        signal.signal(signum, tell)
    name = f"{socket.gethostname()[:80]}:{os.getpid()}"
    started = timezone.now()

    def beat() -> None:
        WorkerBeat.objects.update_or_create(
            name=name, defaults={"process": os.getpid(), "at": timezone.now(), "started_at": started}
        )

    todo = [Chore(5, beat), Chore(2, jobs.recover), *chores]
    code = 0
    while not told.wait(0.25):
        if not cluster.sentinel.is_alive():
            log.error("the job cluster ended unexpectedly")
            code = 1
            break
        if os.getppid() != parent:
            log.warning("the process that started the worker is gone")
            break
        for chore in todo:
            chore.look()
    for chore in todo[2:]:
        chore.due = 0.0
        chore.look()
    WorkerBeat.objects.filter(name=name).delete()
    connection.close()
    _stop(cluster)
    return code


def _stop(cluster: Any) -> None:
    stopper = threading.Thread(target=cluster.stop, daemon=True)
    stopper.start()
    stopper.join(GRACE_SECONDS)
    if stopper.is_alive():
        log.warning("a job is still running: it is interrupted and will be taken up again")
        if cluster.sentinel.is_alive():
            cluster.sentinel.kill()
        os._exit(0)  # a normal exit would wait for the children we no longer wait for
