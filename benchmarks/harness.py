"""What every benchmark shares: the machine, new processes, and the file a result is written to."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "DATA",
    "RESULTS",
    "Peer",
    "best",
    "in_new_process",
    "machine",
    "memory_mb",
    "percentiles",
    "ratio",
    "report",
    "reset_peak",
    "write",
]

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
RESULTS = HERE / "results"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next(
            (line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line), ""
        )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_at_start": os.getloadavg()[0],
    }


def in_new_process(module: str, *arguments: str) -> dict[str, Any]:
    """Run ``python -m benchmarks.<module> arguments``; its last line of output is its result as JSON.

    The result gains ``process_s`` (start-up included) and ``rss_mb`` (peak) unless the module says them itself.
    A failed run gives ``{"failed": reason}``: one peer that is missing must not hide the others. Bytecode is kept, for
    all of them, as it is where a program is installed.
    """
    begin = time.perf_counter()
    environment = os.environ | {
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(DATA / "numba")),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=HERE.parent,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": lines[-1] if lines else f"{module} ended with status {done.returncode}"}
    return {"process_s": round(time.perf_counter() - begin, 3), **json.loads(lines[-1])}


def report(**figures: Any) -> None:
    """Called by the process that measures: print the figures, with its own peak memory.

    VmHWM and not ru_maxrss: the latter starts from the peak of the process that forked this one.
    """
    _, peak = memory_mb()
    rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}
    print(json.dumps({"rss_mb": round(peak) or None, **rounded}))


def memory_mb() -> tuple[float, float]:
    """Resident memory of this process, and its peak since it began or since `reset_peak`; 0 where nobody tells."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    told = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return told.get("VmRSS", 0.0), told.get("VmHWM", 0.0)


def reset_peak() -> None:
    """Give back what allocators keep though nobody uses it, and measure the peak of memory from here."""
    import ctypes
    import gc

    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    marks = Path("/proc/self/clear_refs")
    if marks.exists():
        marks.write_text("5")


def best(work: Callable[[], Any], times: int = 3, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of several calls; with ``clock=time.process_time`` of all cores together."""
    seconds = []
    for _ in range(times):
        begin = clock()
        work()
        seconds.append(clock() - begin)
    return min(seconds)


def percentiles(work: Callable[[Any], Any], items: Sequence[Any]) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds of ``work(item)``; the first item is asked once before."""
    work(items[0])
    spent = []
    for item in items:
        begin = time.perf_counter()
        work(item)
        spent.append((time.perf_counter() - begin) * 1000)
    spent.sort()
    return spent[len(spent) // 2], spent[min(len(spent) - 1, len(spent) * 99 // 100)]


@dataclass(frozen=True)
class Peer:
    """A program we are compared with: its name and the module that measures it."""

    name: str
    module: str


def ratio(own: dict[str, Any], peers: dict[str, dict[str, Any]]) -> dict[str, float]:
    """How many times longer each peer takes: on resident layers, and from file to answer."""
    found = {}
    for name, figures in peers.items():
        for label, key in (("resident", "resident_s"), ("end_to_end", "total_s")):
            if own.get(key) and figures.get(key):
                found[f"{name}_{label}"] = round(figures[key] / own[key], 2)
    return found


def write(result: dict[str, Any]) -> Path:
    """Write ``benchmarks/results/<name>.json`` and print what a person wants to read of it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{result['name']}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    where = result["machine"]
    print(f"\n{result['name']}: {result['size']}  on {where['cpu']}, {where['cores']} cores, {where['memory_gb']} GB")
    ours = {"jintu": result["jintu"], **result.get("also", {})}
    for name, figures in (*ours.items(), *result.get("peers", {}).items()):
        print(f"  {name:19s}", "  ".join(f"{k} {v}" for k, v in figures.items()))
    for name, value in result.get("ratio", {}).items():
        print(f"  {value:8.1f} ×  {name}")
    print(f"  agreement {result.get('agreement')}\n  {path.relative_to(HERE.parent)}")
    return path
