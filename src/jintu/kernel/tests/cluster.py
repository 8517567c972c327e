"""A scheduler and two workers, each a process of its own, for tests of what runs on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jintu.kernel.executors import Dask


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """(address tcp://…, worker processes)."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    address_file = folder / "scheduler.json"

    def begin(module: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *options, "--host", "127.0.0.1", "--no-dashboard"]
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    started = [begin("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(address_file))]
    try:
        until = time.monotonic() + 60
        while not address_file.exists() or not address_file.read_text():
            assert time.monotonic() < until and started[0].poll() is None
            time.sleep(0.1)
        address = json.loads(address_file.read_text())["address"]
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
        started += [begin("distributed.cli.dask_worker", address, *options) for _ in range(2)]
        from distributed import Client

        with Client(address, set_as_default=False, timeout="60s") as client:
            client.wait_for_workers(2, timeout=60)
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait(30)


class Dying:
    """Dask, but a worker is killed while tasks run: when the second result is in."""

    def __init__(self, address: str, worker: subprocess.Popen[bytes]) -> None:
        self.address, self.worker, self.killed = address, worker, False

    def run(self, task: Any, shared: Any, items: Any) -> Iterator[Any]:
        for number, result in enumerate(Dask(self.address).run(task, shared, items)):
            if number == 1 and not self.killed:
                self.worker.send_signal(signal.SIGKILL)
                self.killed = True
            yield result
        assert self.worker.wait(30) == -signal.SIGKILL
