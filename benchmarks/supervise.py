"""``jintu supervise`` on the sample county at growing size: seconds by stage, and the cost per row.

A county with a fifth as many filings as patches is generated and loaded once for each size by ``jintu demo`` (kept in
benchmarks/data). The supervision then runs twice in a new process; the second run, with compiled kernels and everything
imported, is the figure, and its findings are compared with what was planted. A row is a filing or a feature of a layer
version that was read. CPU seconds are of all threads: on a busy machine they are the figure to compare. No peer does
this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.harness import DATA, in_new_process, report

SIZES = {"small": (10_000,), "full": (10_000, 100_000, 1_000_000)}
MOST_GROWTH = {100_000: 1.4, 1_000_000: 1.2}
"""How much dearer a row may be than at the size before."""
DIVISION = "990121"


def run(scale: str) -> dict[str, Any]:
    measured = {}
    for patches in SIZES[scale]:
        measured[patches] = in_new_process("supervise", str(_county(patches)))
        print(f"  {patches:>9,} patches: {_told(measured[patches])}", flush=True)
    costs = {size: f["cpu_us_per_row"] for size, f in measured.items() if "cpu_us_per_row" in f}
    growth = {size: round(costs[size] / costs[before], 3) for before, size in pairwise(costs)}
    return {
        "size": {"patches": list(measured), "rows": {s: f.get("rows") for s, f in measured.items()}},
        "jintu": measured[SIZES[scale][-1]] | {"by_size": {str(s): f for s, f in measured.items()}},
        "peers": {},
        "ratio": {f"cost_per_row_at_{size}_of_at_most_{MOST_GROWTH[size]}": ratio for size, ratio in growth.items()},
        "agreement": min((f.get("agreement", 0.0) for f in measured.values()), default=0.0),
    }


def _told(figures: dict[str, Any]) -> str:
    if "failed" in figures:
        return str(figures["failed"])
    return (
        f"{figures['total_s']} s (load {figures['read_s']}, rules {figures['compute_s']}, keep {figures['keep_s']}), "
        f"{figures['cpu_s']} CPU s, {figures['rss_mb']} MB, {figures['rows']:,} rows, {figures['cpu_us_per_row']} µs "
        f"a row; planted {figures['planted']}, missed {figures['missed']}, extra {figures['extra']}"
    )


def _county(patches: int) -> Path:
    """A demo node of that size, made by the product's own command."""
    node = DATA / f"county-{patches}"
    if not (node / "summary.json").is_file():
        demo = ("demo", "--no-serve", "--patches", str(patches))
        subprocess.run(
            [sys.executable, "-m", "jintu.cli", "--data", str(node), *demo], check=True, stdout=subprocess.DEVNULL
        )
    return node


def measure(node: Path) -> None:
    os.environ |= {"JINTU_DATA": str(node), "DJANGO_SETTINGS_MODULE": "jintu.config.settings"}
    import django

    django.setup()
    from jintu.foundation.checks import runner
    from jintu.foundation.layers.models import LayerVersion
    from jintu.sample.compare import compare

    runner.supervise(DIVISION)
    started, cpu = time.perf_counter(), time.process_time()
    done, outcomes = runner.supervise(DIVISION)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    truth = json.loads((node / "sample" / "truth.json").read_text(encoding="utf-8"))
    result = compare(truth, (runner.plain(o.rule, h) for o in outcomes for h in o.hits))
    hashes = [v["hash"] for f in done.inputs.values() for v in f.get("versions", ())]
    rows = sum(f["rows"] for f in done.inputs.values() if "rows" in f)
    rows += sum(LayerVersion.objects.published().filter(hash__in=hashes).values_list("rows", flat=True))
    report(
        total_s=round(seconds, 3),
        cpu_s=round(cpu, 3),
        read_s=done.stages["load"],
        compute_s=done.stages["rules"],
        keep_s=done.stages["keep"],
        rows=rows,
        us_per_row=round(seconds / rows * 1e6, 2),
        cpu_us_per_row=round(cpu / rows * 1e6, 2),
        found=done.found,
        planted=result.injected,
        missed=len(result.missed),
        extra=len(result.extra),
        agreement=float(result.exact),
    )


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
