"""Keeps child processes running: the web server and the worker of ``jintu serve``. No Django, no threads."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

__all__ = ["Child", "Supervisor", "die_with_parent"]

log = logging.getLogger(__name__)

GRACE_SECONDS = 15
_PR_SET_PDEATHSIG = 1


def die_with_parent(signum: int = signal.SIGTERM) -> None:
    """Ask Linux to end this process when its parent ends, however that happens. Elsewhere nothing is done."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)


@dataclass
class Child:
    """A program to keep running."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    next_start: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.argv,
            env={**os.environ, **self.environment},
            # exec'ed, never forked to run on: a fork of a process that used Polars hangs
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts the children, starts again what ends, and ends them all on SIGTERM or SIGINT.

    A child that ends within ten seconds of its start waits longer each time, up to half a minute. ``greet`` is called
    until it returns true: it looks whether the children answer, and says so.
    """

    def __init__(self, children: Sequence[Child], *, greet: Callable[[], bool] | None = None) -> None:
        self.children = list(children)
        self._greet = greet
        self._stop = False

    def run(self) -> int:
        """Until told to stop; 0."""
        before = {s: signal.signal(s, self._told) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            for child in self.children:
                child.start()
            while not self._stop:
                self.look()
                if self._greet and self._greet():
                    self._greet = None
                time.sleep(0.2)
        finally:
            self.stop()
            for signum, handler in before.items():
                signal.signal(signum, handler)
        return 0

    def look(self) -> None:
        """Start again what has ended and is due."""
        now = time.monotonic()
        for child in self.children:
            if child.is_running:
                continue
            if child.process is not None:
                quick = now - child.started < 10
                child.restarts = child.restarts + 1 if quick else 1
                wait = min(30.0, 0.5 * 2**child.restarts) if quick else 0.0
                log.warning("%s ended with %s; starting it again in %.1f s", child.name, child.process.returncode, wait)
                child.process, child.next_start = None, now + wait
            if now >= child.next_start and not self._stop:
                child.start()

    def stop(self) -> None:
        """Ask every child to end, wait, and end by force what does not."""
        running = [c for c in self.children if c.is_running]
        for child in running:
            assert child.process is not None
            child.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not end in time", child.name)
                child.process.kill()
                child.process.wait()

    def _told(self, signum: int, frame: FrameType | None) -> None:
        self._stop = True
