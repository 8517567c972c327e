"""Overlay of a layer on disk as it grows: 0.1, 1 and 10 million patches, parcels growing with them.

The layer is written piece by piece, never whole in memory, and read the same way. Each size is measured in a new
process: seconds of processor time a million patches, and memory. ``run_mb`` is the peak while it runs above what the
process held before, parcels in memory; ``net_mb`` is that less what grows with the parcels alone (their boxes and tree,
their sums at 40 bytes): what is left depends on the fragments in flight, not on the layer.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import DATA, in_new_process, memory_mb, report, reset_peak
from benchmarks.landscape import Landscape, landscape, parcels, write

PIECES = {"small": {"20k": (20_000, 1), "100k": (100_000, 1)}, "full": {"0.1M": (100_000, 1), "1M": (1_000_000, 1)}}
PIECES["full"]["10M"] = (1_000_000, 10)
"""Scale → size → patches of a piece, pieces: a country of one county, or ten copies of it side by side."""

PATCHES_A_PARCEL = 50
APART = 1.0
"""Degrees of longitude from one piece to the next."""

PREPARED_BYTES, ADDING_BYTES = 100, 40
"""Of a parcel's box and its part of the tree, and of a sum while sums are added up."""


def run(scale: str) -> dict[str, Any]:
    sizes = PIECES[scale]
    for size, (count, pieces) in sizes.items():
        _files(size, count, pieces)
    in_new_process("overlay", "warm")
    own: dict[str, Any] = {}
    for size in sizes:
        figures = [in_new_process("growth", size) for _ in range(2)]
        own[size] = min(figures, key=lambda f: f.get("cpu_s", 1e9))
    first, last = list(sizes)[-2:]
    costs = [own[size].get("cpu_s_per_million") for size in (first, last)]
    return {
        "size": {size: count * pieces for size, (count, pieces) in sizes.items()},
        "jintu": own,
        "ratio": {"cost_per_patch": round(costs[1] / costs[0], 3)} if all(costs) else {},
        "agreement": None,
    }


def _paths(size: str) -> tuple[Path, Path]:
    return DATA / f"growth-patches-{size}.parquet", DATA / f"growth-parcels-{size}.parquet"


def _files(size: str, count: int, pieces: int) -> None:
    patch_file, parcel_file = _paths(size)
    if patch_file.exists() and parcel_file.exists():
        return
    piece = landscape(count)
    lots = Landscape(parcels(count // PATCHES_A_PARCEL, piece), np.empty(0))
    for path, one in ((patch_file, piece), (parcel_file, lots)):
        write(path, (Landscape(_moved(one.polygons, k), one.classes) for k in range(pieces)))


def _moved(polygons: Any, number: int) -> Any:
    return polygons.with_coordinates(polygons.x + APART * number, polygons.y)


def measure(size: str) -> None:
    import pyarrow.parquet as pq

    from jintu.kernel.flat import from_wkb
    from jintu.kernel.overlay import prepare
    from jintu.kernel.overlay.streaming import Source, overlay_files

    patch_file, parcel_file = _paths(size)
    lots = from_wkb(pq.ParquetFile(parcel_file).read(columns=["geometry"])["geometry"])
    patches = pq.read_metadata(patch_file).num_rows
    reset_peak()
    before, _ = memory_mb()
    begin, cpu = time.perf_counter(), time.process_time()
    parcels_and_tree = prepare(lots)
    (sums,) = overlay_files(parcels_and_tree, [Source(str(patch_file), ("class",))])
    wall, spent = time.perf_counter() - begin, time.process_time() - cpu
    _, peak = memory_mb()
    grown = (PREPARED_BYTES * len(lots) + ADDING_BYTES * len(sums)) / 2**20
    report(
        patches=patches,
        parcels=len(lots),
        sums=len(sums),
        wall_s=wall,
        cpu_s=spent,
        cpu_s_per_million=spent / patches * 1e6,
        before_mb=round(before),
        run_mb=round(peak - before),
        parcels_and_sums_mb=round(grown),
        net_mb=round(peak - before - grown),
        file_mb=patch_file.stat().st_size / 2**20,
    )


if __name__ == "__main__":
    measure(sys.argv[1])
