"""The real worker and the real server, as processes on a node of their own: jobs, kill -9, shut-down."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

ON_POSTGRESQL = connection.vendor == "postgresql"
PYTHON = f"""
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "jintu.config.settings"
import django
django.setup()
import {__package__}.worker_kinds
"""


class Node:
    """A node in a directory (and, on PostgreSQL, a database) of its own, driven through its command line."""

    def __init__(self, data: Path, database: str = "") -> None:
        self.data = data
        self.database = database
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("JINTU_", "DJANGO_"))},
            "JINTU_DATA": str(data),
            "JINTU_SECRET_KEY": "tests-only",
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "JINTU_DATABASE": database,
        }
        self.processes: list[subprocess.Popen[str]] = []

    def python(self, code: str) -> str:
        """What a Python program with Django and the test kinds prints."""
        done = subprocess.run(
            [sys.executable, "-c", PYTHON + code], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PYTHON + code], env=self.environment, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[str]:
        return self.start(
            "from jintu.foundation.operations.worker import run, Chore\n"
            "from jintu.foundation.journal.sealing import seal_all\nsys.exit(run([Chore(1, seal_all)]))"
        )

    def enqueue(self, kind: str, **arguments: Any) -> int:
        return int(
            self.python(
                f"from jintu.foundation.operations import jobs\nprint(jobs.enqueue({kind!r}, **{arguments!r}).pk)"
            )
        )

    def job(self, number: int) -> dict[str, Any]:
        """Read straight from the database: starting Django for every look would be slow."""
        if self.database:
            import psycopg

            with psycopg.connect(self.database) as connection:
                return self._row(connection.execute("SELECT * FROM operations_job WHERE id = %s", [number]))
        import sqlite3

        there = sqlite3.connect(f"file:{self.data / 'jintu.gpkg'}?mode=ro", uri=True, timeout=20)
        try:
            return self._row(there.execute("SELECT * FROM operations_job WHERE id = ?", [number]))
        finally:
            there.close()

    @staticmethod
    def _row(cursor: Any) -> dict[str, Any]:
        row = dict(zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True))
        if isinstance(row["result"], str):
            row["result"] = json.loads(row["result"])
        return row

    def wait(self, number: int, is_so: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not is_so(row := self.job(number)):
            assert time.monotonic() < deadline, f"still {row['state']} after {seconds} s: {row}"
            time.sleep(0.1)
        return row

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stderr:
                process.stderr.close()


def on_server(*statements: str) -> None:
    import psycopg

    with psycopg.connect(os.environ["JINTU_TEST_PG"], dbname="postgres", autocommit=True) as server:
        for statement in statements:
            server.execute(statement)


def url_of(name: str) -> str:
    return urlunsplit(urlsplit(os.environ["JINTU_TEST_PG"])._replace(path=f"/{name}"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """An empty node, made once: its directory, and the name of its database on PostgreSQL."""
    data = tmp_path_factory.mktemp("nodes") / "template"
    data.mkdir(parents=True)
    name = f"jintu_template_{os.getpid()}" if ON_POSTGRESQL else ""
    if name:
        on_server(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    made = Node(data, url_of(name) if name else "")
    made.python("from jintu.config.commands import node\nnode.migrate()")
    yield data, name
    if name:
        on_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def node(template: tuple[Path, str], tmp_path: Path) -> Iterator[Node]:
    data, origin = template
    shutil.copytree(data, tmp_path / "node")
    name = f"jintu_worker_{os.getpid()}" if origin else ""
    if name:
        on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {origin}")
    made = Node(tmp_path / "node", url_of(name) if name else "")
    yield made
    made.end()
    if name:
        on_server(f"DROP DATABASE {name} WITH (FORCE)")


def children_of(process: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent == process:
            number = int(path.parent.name)
            found += [number, *children_of(number)]
    return found


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_worker_runs_polars_jobs_one_after_the_other(node: Node) -> None:
    """A child forked after Polars ran in its parent hangs: so the second job is the test."""
    numbers = [node.enqueue("test.table", rows=200_000) for _ in range(3)]
    process = node.worker()
    rows = [node.wait(n, lambda r: r["state"] == "done") for n in numbers]
    assert [r["result"]["groups"] for r in rows] == [7, 7, 7]
    assert process.pid not in {r["result"]["process"] for r in rows}


def test_a_job_killed_half_way_is_taken_up_again(node: Node, tmp_path: Path) -> None:
    marker = tmp_path / "attempts"
    node.worker()
    number = node.enqueue("test.killed", marker=str(marker))
    row = node.wait(number, lambda r: r["state"] == "done")
    assert (row["attempts"], row["result"]) == (2, {"attempt": 2})
    first, second = marker.read_text().split()
    assert first != second


def test_kill_9_of_the_worker_leaves_nothing_running_and_nothing_lost(node: Node) -> None:
    process = node.worker()
    number = node.enqueue("test.sleep", seconds=3)
    node.wait(number, lambda r: r["state"] == "running")
    children = children_of(process.pid)
    assert len(children) >= 3
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [c for c in children if alive(c)]
    assert node.job(number)["state"] == "running"  # as it was left
    node.worker()
    row = node.wait(number, lambda r: r["state"] == "done")
    assert row["attempts"] == 2


def test_a_worker_told_to_stop_does_not_wait_for_a_long_job(node: Node) -> None:
    process = node.worker()
    number = node.enqueue("test.sleep", seconds=120)
    node.wait(number, lambda r: r["state"] == "running")
    children, began = children_of(process.pid), time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert time.monotonic() - began < 25
    time.sleep(0.5)
    assert not [c for c in children if alive(c)]


def test_an_idle_worker_stops_at_once(node: Node) -> None:
    process = node.worker()
    number = node.enqueue("test.table", rows=10)
    node.wait(number, lambda r: r["state"] == "done")
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_serve_answers_starts_again_what_dies_and_ends_cleanly(node: Node) -> None:
    port = free_port()
    (node.data / "static").mkdir(exist_ok=True)
    process = node.start(
        f"sys.argv = ['jintu', 'serve', '--port', '{port}', '--processes', '1']\nfrom jintu.cli import main\nmain()"
    )

    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except OSError:
            return False

    def wait_until(condition: Callable[[], bool], seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.2)

    wait_until(healthy)

    def commands() -> dict[int, str]:
        found = {}
        for child in children_of(process.pid):
            try:
                found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
        return found

    wait_until(lambda: sum("jintu.cli worker" in c for c in commands().values()) >= 3)
    old = {pid for pid, c in commands().items() if "jintu.cli worker" in c}
    os.kill(min(old), signal.SIGKILL)
    wait_until(lambda: len({p for p, c in commands().items() if "jintu.cli worker" in c} - old) >= 3)
    everything = children_of(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    time.sleep(0.5)
    assert not [c for c in everything if alive(c)]
    assert not healthy()
