"""Kinds of jobs for the tests that start real processes; loaded by naming this module in JINTU_TEST_KINDS."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from jintu.foundation.operations import jobs


@jobs.kind("test.table", title="A table with Polars, threads and all")
def table(job: jobs.Running, *, rows: int) -> dict[str, Any]:
    import polars as pl

    frame = pl.DataFrame({"n": range(rows)}).lazy().group_by(pl.col("n") % 7).agg(pl.len()).collect()
    return {"groups": frame.height, "process": os.getpid()}


@jobs.kind("test.killed", title="Killed at its first attempt")
def killed(job: jobs.Running, *, marker: str) -> dict[str, Any]:
    """Writes down each attempt; the first kills its own process half way, as the kernel would when memory is short."""
    with Path(marker).open("a") as notes:
        notes.write(f"{os.getpid()}\n")
    job.progress(1, 2, "half")
    if job.attempt == 1:
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    return {"attempt": job.attempt}


@jobs.kind("test.sleep", title="Sleeping")
def sleep(job: jobs.Running, *, seconds: float) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job.progress(0, 1, "sleeping")
        time.sleep(0.05)
    return {"attempt": job.attempt}
