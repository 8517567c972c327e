"""Overlay of a layer on disk as it grows: 0.1, 1 and 10 million patches, parcels growing with them.

The layer is written piece by piece, never whole in memory, and read the same way. Each size is measured in a new
process: seconds of processor time a million patches, and the peak of memory less that of the parcels and sums.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import DATA, in_new_process, report
from benchmarks.landscape import Landscape, landscape, parcels, write

PIECES = {"small": {"20k": (20_000, 1), "100k": (100_000, 1)}, "full": {"0.1M": (100_000, 1), "1M": (1_000_000, 1)}}
PIECES["full"]["10M"] = (1_000_000, 10)
"""Scale → size → patches of a piece, pieces: a country of one county, or ten copies of it side by side."""

PATCHES_A_PARCEL = 50
APART = 1.0
"""Degrees of longitude from one piece to the next."""


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
    from jintu.kernel.overlay.streaming import Source, overlay_files

    patch_file, parcel_file = _paths(size)
    lots = from_wkb(pq.read_table(parcel_file, columns=["geometry"])["geometry"])
    patches = pq.read_metadata(patch_file).num_rows
    begin, cpu = time.perf_counter(), time.process_time()
    (sums,) = overlay_files(lots, [Source(str(patch_file), ("class",))])
    wall, spent = time.perf_counter() - begin, time.process_time() - cpu
    report(
        patches=patches,
        parcels=len(lots),
        sums=len(sums),
        wall_s=wall,
        cpu_s=spent,
        cpu_s_per_million=spent / patches * 1e6,
        parcels_and_sums_mb=(lots.nbytes + 24 * len(sums)) / 2**20,
        file_mb=patch_file.stat().st_size / 2**20,
    )


if __name__ == "__main__":
    measure(sys.argv[1])
