"""``python -m benchmarks [--scale small|full] [--only NAME …]``: run the benchmarks and write their results."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from benchmarks.harness import machine, write
from benchmarks.table import write_page

BENCHMARKS = (
    "area",
    "overlay",
    "growth",
    "cluster",
    "parcel",
    "topology",
    "inspection",
    "register_import",
    "supervise",
    "pages",
    "mapview",
    "tiles",
    "survey_tables",
)
"""Modules of this package with ``run(scale) -> result``, in the order they run."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", choices=("small", "full"), default=os.environ.get("SCALE") or "small")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=BENCHMARKS,
        metavar="NAME",
        default=os.environ.get("ONLY", "").split() or BENCHMARKS,
        help=", ".join(BENCHMARKS),
    )
    parser.add_argument("--table", action="store_true", help="only write docs/reference/benchmarks.md from the results")
    chosen = parser.parse_args()
    if chosen.table:
        print(write_page())
        return 0
    unknown = set(chosen.only) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))} (there are {', '.join(BENCHMARKS)})")
    failed = 0
    for name in BENCHMARKS:
        if name in chosen.only:
            where = machine()
            result = importlib.import_module(f"benchmarks.{name}").run(chosen.scale)
            write({"name": name, "machine": where, **result})
            failed += "failed" in result["jintu"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
