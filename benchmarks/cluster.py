"""The streamed overlay and the topology of a layer on a cluster of worker processes, against threads: what is added.

The layer and parcels are those of `growth`. Two dask workers of one thread each, and where PySpark is installed two
Spark workers, do the tasks that two threads do; all are processes of this machine, started and warmed before the clock
runs. Answers must be the same to the last bit. Processor seconds are those of the driver and of all its workers: the
overhead is what a cluster costs more, for carrying references, the parcels and partial sums.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import growth
from benchmarks.harness import in_new_process, report

SIZE = {"small": ("100k", (100_000, 1)), "full": ("1M", (1_000_000, 1))}
WORKERS = 2


def run(scale: str) -> dict[str, Any]:
    size, pieces = SIZE[scale]
    growth._files(size, *pieces)
    in_new_process("overlay", "warm")
    own = {name: in_new_process("cluster", name, size) for name in ("threads", "dask", "spark")}
    base = own["threads"]
    ratios = {
        f"{name}_{question}": round(own[name][f"{question}_cpu_s"] / base[f"{question}_cpu_s"], 3)
        for name in ("dask", "spark")
        for question in ("overlay", "topology")
        if f"{question}_cpu_s" in own[name] and f"{question}_cpu_s" in base
    }
    answers = {figures["answer"] for figures in own.values() if "answer" in figures}
    return {
        "size": {"patches": base.get("patches"), "parcels": base.get("parcels"), "workers": WORKERS},
        "jintu": own,
        "ratio": ratios,
        "agreement": float(len(answers) == 1),
    }


def measure(name: str, size: str) -> None:
    if name == "spark":
        try:
            import pyspark  # noqa: F401
        except ImportError:
            print("PySpark is not installed: not run")
            sys.exit(1)
    with {"threads": _threads, "dask": _dask, "spark": _spark}[name]() as (executor, pids):
        _measure(executor, pids, size)


def _measure(executor: Any, pids: Callable[[], list[int]], size: str) -> None:
    import pyarrow.parquet as pq

    from jintu.kernel import hashing
    from jintu.kernel.flat import from_wkb
    from jintu.kernel.overlay.streaming import Source, overlay_files
    from jintu.kernel.topology import Plane
    from jintu.kernel.topology.streaming import inspect_file

    patch_file, parcel_file = (str(path) for path in growth._paths(size))
    lots = from_wkb(pq.read_table(parcel_file, columns=["geometry"])["geometry"])
    few, plane = lots.take(np.arange(20)), Plane.degrees(36.3)
    figures: dict[str, Any] = {"patches": pq.read_metadata(patch_file).num_rows, "parcels": len(lots)}
    overlay_files(few, [Source(patch_file, ("class",))], executor)
    digest = b""
    for question, work in (
        ("overlay", lambda: overlay_files(lots, [Source(patch_file, ("class",))], executor)[0]),
        ("topology", lambda: inspect_file(patch_file, plane, executor=executor)),
    ):
        if question == "topology":  # compiled and imported in the workers before the clock runs
            inspect_file(parcel_file, plane, executor=executor)
        begin, spent = time.perf_counter(), _cpu(pids())
        found = work()
        figures[f"{question}_wall_s"] = time.perf_counter() - begin
        figures[f"{question}_cpu_s"] = _cpu(pids()) - spent
        columns = ("left", "code", "area_m2") if question == "overlay" else ("kind", "x", "y", "area", "spots")
        digest += b"".join(np.ascontiguousarray(getattr(found, c)).tobytes() for c in columns)
    report(**figures, answer=hashing.of_bytes(digest)[7:19])


def _cpu(pids: list[int]) -> float:
    """User and system seconds of this process and of others."""
    total, tick = time.process_time(), os.sysconf("SC_CLK_TCK")
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / tick
    return total


# --- executors ----------


@contextmanager
def _threads() -> Iterator[Any]:
    from jintu.kernel.executors import Threads

    yield Threads(WORKERS), list


@contextmanager
def _dask() -> Iterator[Any]:
    from jintu.kernel.executors import Dask

    with tempfile.TemporaryDirectory() as folder:
        address_file = Path(folder) / "scheduler.json"
        common = ("--host", "127.0.0.1", "--no-dashboard")

        def begin(kind: str, *options: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options, *common]
            return subprocess.Popen(command, stderr=subprocess.DEVNULL)

        started = [begin("scheduler", "--port", "0", "--scheduler-file", str(address_file))]
        try:
            until = time.monotonic() + 120
            while not address_file.exists() and time.monotonic() < until:
                time.sleep(0.1)
            options = ("--scheduler-file", str(address_file), "--nthreads", "1", "--no-nanny")
            started += [begin("worker", *options, "--local-directory", folder) for _ in range(WORKERS)]
            from distributed import Client

            with Client(scheduler_file=str(address_file), set_as_default=False, timeout="120s") as client:
                client.wait_for_workers(WORKERS, timeout=120)
                address = client.scheduler.address
            yield Dask(address), lambda: [process.pid for process in started]
        finally:
            for process in started:
                process.kill()
                process.wait(30)


@contextmanager
def _spark() -> Iterator[Any]:
    from jintu.kernel.spark import Spark

    executor = Spark(f"local[{WORKERS}]")
    session = executor._session()
    try:
        yield executor, lambda: _descendants(os.getpid())
    finally:
        session.stop()


def _descendants(pid: int) -> list[int]:
    """Processes started by a process, by their processes, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, front = [], [pid]
    while front:
        front = [child for one in front for child in children.get(one, ())]
        found += front
    return found


if __name__ == "__main__":
    measure(*sys.argv[1:])
