"""``jintu supervise`` on the sample county at growing size: seconds, and the cost per row of layers and registers.

A county is generated and loaded once for each size (kept in benchmarks/data); the supervision then runs twice in a new
process, and the second run, with compiled kernels and everything imported, is the figure. No peer does this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import DATA, in_new_process, report

SIZES = {"small": (10_000,), "full": (10_000, 100_000)}


def run(scale: str) -> dict[str, Any]:
    measured = {}
    for patches in SIZES[scale]:
        node = _county(patches)
        measured[str(patches)] = in_new_process("supervise", str(node))
    last = measured[str(SIZES[scale][-1])]
    costs = {size: figures.get("us_per_row") for size, figures in measured.items()}
    first = next(iter(costs.values()))
    growth = {size: round(cost / first, 3) for size, cost in costs.items() if cost and first}
    return {
        "size": {"patches": list(SIZES[scale]), "rows": {s: f.get("rows") for s, f in measured.items()}},
        "jintu": last | {"by_size": measured},
        "peers": {},
        "ratio": {f"cost_per_row_at_{size}": value for size, value in growth.items()},
        "agreement": min((f.get("agreement", 0.0) for f in measured.values()), default=0.0),
    }


def _county(patches: int) -> Path:
    """A demo node of that size, made by the product's own command."""
    node = DATA / f"county-{patches}"
    if not (node / "summary.json").is_file():
        command = [
            sys.executable,
            "-m",
            "jintu.cli",
            "--data",
            str(node),
            "demo",
            "--no-serve",
            "--patches",
            str(patches),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return node


def measure(node: Path) -> None:
    os.environ |= {"JINTU_DATA": str(node), "DJANGO_SETTINGS_MODULE": "jintu.config.settings"}
    import django

    django.setup()
    from jintu.foundation.checks import runner

    runner.supervise("990121")
    started = time.perf_counter()
    done, _outcomes = runner.supervise("990121")
    seconds = time.perf_counter() - started
    summary = json.loads((node / "summary.json").read_text(encoding="utf-8"))
    rows = sum(f["rows"] for f in done.inputs.values() if "rows" in f)
    layers = summary["patches"]
    report(
        total_s=round(seconds, 3),
        read_s=done.stages["load"],
        compute_s=done.stages["rules"],
        keep_s=done.stages["keep"],
        rows=rows + layers,
        us_per_row=round(seconds / (rows + layers) * 1e6, 2),
        found=done.found,
        agreement=float(summary["missed"] == 0 and summary["extra"] == 0),
    )


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
