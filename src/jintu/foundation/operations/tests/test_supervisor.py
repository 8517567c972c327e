"""What dies is started again, later each time; what is told to stop stops."""

from __future__ import annotations

import signal
import sys
import threading
import time

import pytest

from jintu.foundation.operations import supervisor
from jintu.foundation.operations.supervisor import Child, Supervisor


def sleeper(name: str, code: str = "import time; time.sleep(60)") -> Child:
    return Child(name, [sys.executable, "-c", code])


def test_a_child_that_ends_is_started_again_after_a_while() -> None:
    child = sleeper("short", "pass")
    found = Supervisor([child])
    child.start()
    assert child.process is not None
    child.process.wait()
    found.look()
    assert child.process is None
    assert 0.5 < child.next_start - time.monotonic() <= 1.0
    found.look()
    assert child.process is None  # not yet
    child.next_start = 0.0
    found.look()
    assert child.is_running or child.process is not None
    child.process.wait()
    found.look()
    assert 1.5 < child.next_start - time.monotonic() <= 2.0  # longer each time
    found.stop()


def test_run_ends_all_children_on_sigterm() -> None:
    children = [sleeper("a"), sleeper("b")]
    supervised = Supervisor(children)
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM))
    timer.start()
    assert supervised.run() == 0
    assert not any(c.is_running for c in children)
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.5)
    stubborn = sleeper(
        "stubborn",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
    )
    stubborn.start()
    time.sleep(0.5)
    Supervisor([stubborn]).stop()
    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL
