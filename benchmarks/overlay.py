"""Parcels × patches: area per parcel and land class, against PostGIS, DuckDB spatial and Shapely.

Each program answers the same question in a new process: for every parcel, the area it has in common with each class of
patches. Two figures: *resident* (layers loaded, indexed and analysed; the question alone, best of several) and *end to
end* (from the GeoParquet files to the answer, first call). The files are in the operating system's cache for all.

Peers sum planar areas in squared degrees, the cheapest thing they can do; Jintu is timed summing ellipsoidal square
metres. Agreement is checked in the plane, on every sum, and is the largest difference relative to the parcel's area.

Another implementation of the same method can be timed beside this one: `PROTOTYPE` names the environment variable with
the path of its Python file (see `measure_prototype`); without it that row is left out.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import DATA, best, in_new_process, percentiles, ratio, report

NOTHING = 1e-16
"""Squared degrees: about 1e-6 m², what the overlay drops as rounding."""

PROTOTYPE = "JINTU_BENCH_PROTOTYPE"

PEERS = {
    "postgis": "overlay_postgis",
    "duckdb": "overlay_duckdb",
    "sedonadb": "overlay_sedona",
    "geopandas": "overlay_geopandas",
    "shapely": "overlay_shapely",
}


def run(scale: str) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from benchmarks.landscape import files

    patches, parcels = files(DATA, scale)
    for path in (patches, parcels):
        path.read_bytes()  # into the file cache, for everybody
    in_new_process("overlay", "warm")
    own = in_new_process("overlay", scale) | min(
        (in_new_process("overlay", "cold", scale) for _ in range(3)), key=lambda figures: figures.get("total_s", 1e9)
    )
    peers = {name: in_new_process(module, scale) for name, module in PEERS.items()}
    size = {"patches": pq.read_metadata(patches).num_rows, "parcels": pq.read_metadata(parcels).num_rows}
    differences = [_difference(scale, name) for name, figures in peers.items() if "failed" not in figures]
    ratios = ratio(own, peers)
    if os.environ.get(PROTOTYPE):
        peers["prototype"] = in_new_process("overlay", "prototype", scale)
        if "ratio" in peers["prototype"]:
            ratios["prototype_candidates_per_second"] = peers["prototype"].pop("ratio")
    return {
        "size": size | {"pairs": own.get("pairs"), "candidates": own.get("candidates")},
        "jintu": own,
        "peers": peers,
        "ratio": ratios,
        "agreement": max(differences, default=None),
    }


def answer_file(scale: str, name: str) -> Any:
    return DATA / f"overlay-{scale}-{name}.npy"


def save_answer(scale: str, name: str, table: np.ndarray) -> None:
    """A peer's answer, float64 (parcels, classes) in squared degrees."""
    np.save(answer_file(scale, name), table)


def _difference(scale: str, name: str) -> float:
    ours, theirs = np.load(answer_file(scale, "jintu")), np.load(answer_file(scale, name))
    whole = np.maximum(ours.sum(axis=1), theirs.sum(axis=1))
    shared = whole > 0
    return float((np.abs(ours - theirs)[shared].max(axis=1) / whole[shared]).max())


def measure_cold(scale: str) -> None:
    """From the files to the answer in a new process: only what the parcels touch is taken apart."""
    begin = time.perf_counter()
    patch_file, parcel_file = (DATA / f"{name}-{scale}.parquet" for name in ("patches", "parcels"))
    import pyarrow.parquet as pq

    from jintu.kernel.flat import from_wkb
    from jintu.kernel.overlay.streaming import Source, overlay_files

    started = time.process_time()
    parcels = from_wkb(pq.ParquetFile(parcel_file).read(columns=["geometry"])["geometry"])
    read = time.perf_counter() - begin
    (sums,) = overlay_files(parcels, [Source(str(patch_file), ("class",))])
    total = time.perf_counter() - begin
    cpu = time.process_time()
    patches = pq.read_metadata(patch_file).num_rows
    report(
        read_s=read,
        compute_s=total - read,
        total_s=total,
        imports_cpu_s=started,
        cpu_s=cpu,
        thousand_patches_per_cpu_second=patches / cpu / 1000,
        sums=len(sums),
    )


def measure_resident(scale: str) -> None:
    """The question alone, layers in memory and prepared; one parcel, in memory and cold from the file."""
    import pyarrow.parquet as pq

    from benchmarks.landscape import CLASSES, files
    from jintu.kernel.executors import Threads
    from jintu.kernel.flat import from_wkb
    from jintu.kernel.overlay import overlay, prepare
    from jintu.kernel.overlay.pairs import candidates
    from jintu.kernel.overlay.streaming import Source, overlay_files

    patch_file, parcel_file = files(DATA, scale)
    table = pq.read_table(patch_file, columns=["class", "geometry"])
    parcels = prepare(from_wkb(pq.read_table(parcel_file, columns=["geometry"])["geometry"]))
    patches, classes = from_wkb(table["geometry"]), table["class"].to_numpy()
    del table
    layer = prepare(patches)
    resident = best(lambda: overlay(parcels, layer, classes, CLASSES))
    cpu = best(lambda: overlay(parcels, layer, classes, CLASSES, threads=1), clock=time.process_time)
    lefts, _ = candidates(parcels.boxes, layer.tree, 0, len(parcels))
    asked = [parcels.polygons.take([k]) for k in np.linspace(0, len(parcels) - 1, 300).astype(int)]
    one = percentiles(lambda lot: overlay(lot, layer, classes, CLASSES), asked)
    source = [Source(str(patch_file), ("class",))]
    cold = percentiles(lambda lot: overlay_files(lot, source, Threads(1)), asked[::3])
    in_plane = overlay(parcels.polygons, patches, classes, CLASSES, planar=True, smallest=NOTHING)
    save_answer(scale, "jintu", in_plane.dense(len(parcels), CLASSES))
    report(
        resident_s=resident,
        resident_cpu_s=cpu,
        candidates=len(lefts),
        thousand_candidates_per_cpu_second=len(lefts) / cpu / 1000,
        pairs=len(overlay(parcels, layer)),
        one_parcel_p50_ms=one[0],
        one_parcel_p99_ms=one[1],
        one_parcel_cold_p50_ms=cold[0],
        one_parcel_cold_p99_ms=cold[1],
    )


def measure_prototype(scale: str) -> None:
    """Candidate pairs a second, one core, of another implementation and of ours on the same layers in memory.

    A candidate is a parcel and a patch whose boxes overlap; finding them is part of the time, and areas are summed by
    class. The two take turns, and the best of each counts. The file must define ``Layer(x, y, ring_offsets,
    geometry_rings, classes, boxes, tree=…, threads=…)``, oriented rings in Hilbert order, and ``run_overlay(parcels,
    patches, classes, threads=…)`` that gives a table (parcels, classes) in m².
    """
    import importlib

    import pyarrow.parquet as pq

    from benchmarks.landscape import CLASSES, files
    from jintu.kernel.flat import from_wkb
    from jintu.kernel.overlay import overlay, prepare
    from jintu.kernel.overlay.pairs import candidates

    file = Path(os.environ[PROTOTYPE])
    sys.path.insert(0, str(file.parent))  # under its own name, which its compiled functions are cached with
    other = importlib.import_module(file.stem)
    patch_file, parcel_file = files(DATA, scale)
    table = pq.read_table(patch_file, columns=["class", "geometry"])
    patches, classes = prepare(from_wkb(table["geometry"])), table["class"].to_numpy()
    parcels = prepare(from_wkb(pq.read_table(parcel_file, columns=["geometry"])["geometry"]))
    del table
    theirs = [
        other.Layer(*layer.polygons.rings, codes, layer.boxes, tree=codes is not None, threads=1)
        for layer, codes in ((parcels, None), (patches, classes))
    ]
    times = np.full(2, np.inf)
    for _ in range(5):
        ours = best(lambda: overlay(parcels, patches, classes, CLASSES, threads=1), 1, time.process_time)
        others = best(lambda: other.run_overlay(*theirs, CLASSES, threads=1), 1, time.process_time)
        times = np.minimum(times, (ours, others))
    found, _ = candidates(parcels.boxes, patches.tree, 0, len(parcels))
    table = overlay(parcels, patches, classes, CLASSES).dense(len(parcels), CLASSES)
    difference = np.abs(table - other.run_overlay(*theirs, CLASSES, threads=1)[0])
    report(
        resident_cpu_s=times[1],
        jintu_resident_cpu_s=times[0],
        candidates=len(found),
        thousand_candidates_per_cpu_second=len(found) / times[1] / 1000,
        jintu_thousand_candidates_per_cpu_second=len(found) / times[0] / 1000,
        vertices_of_a_patch=len(patches.polygons.x) / len(patches),
        vertices_of_a_parcel=len(parcels.polygons.x) / len(parcels),
        largest_difference=float((difference.max(axis=1) / parcels.areas).max()),
        ratio=round(times[1] / times[0], 2),
    )


if __name__ == "__main__":
    if sys.argv[1] == "warm":
        from jintu.kernel.warm import warm_up

        report(first_call_s=warm_up())
    elif sys.argv[1] == "cold":
        measure_cold(sys.argv[2])
    elif sys.argv[1] == "prototype":
        measure_prototype(sys.argv[2])
    else:
        measure_resident(sys.argv[1])
