"""Parcels × patches: area per parcel and land class, against PostGIS, DuckDB spatial and Shapely.

Each program answers the same question in a new process: for every parcel, the area it has in common with each class of
patches. Two figures: *resident* (layers loaded, indexed and analysed; the question alone, best of several) and *end to
end* (from the GeoParquet files to the answer, first call). The files are in the operating system's cache for all.

Peers sum planar areas in squared degrees, the cheapest thing they can do; Jintu is timed summing ellipsoidal square
metres. Agreement is checked in the plane, on every sum, and is the largest difference relative to the parcel's area.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from benchmarks.harness import DATA, best, in_new_process, ratio, report
from benchmarks.landscape import CLASSES, files

NOTHING = 1e-16
"""Squared degrees: about 1e-6 m², what the overlay drops as rounding."""

PEERS = {"postgis": "overlay_postgis", "duckdb": "overlay_duckdb", "shapely": "overlay_shapely"}


def run(scale: str) -> dict[str, Any]:
    import pyarrow.parquet as pq

    patches, parcels = files(DATA, scale)
    for path in (patches, parcels):
        path.read_bytes()  # into the file cache, for everybody
    in_new_process("overlay", "warm")
    own = in_new_process("overlay", scale)
    peers = {name: in_new_process(module, scale) for name, module in PEERS.items()}
    size = {"patches": pq.read_metadata(patches).num_rows, "parcels": pq.read_metadata(parcels).num_rows}
    differences = [_difference(scale, name) for name, figures in peers.items() if "failed" not in figures]
    return {
        "size": size | {"pairs": own.get("pairs")},
        "jintu": own,
        "peers": peers,
        "ratio": ratio(own, peers),
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


def measure(scale: str) -> None:
    begin = time.perf_counter()
    import pyarrow.parquet as pq

    from jintu.kernel.flat import from_wkb
    from jintu.kernel.overlay import overlay, prepare

    patch_file, parcel_file = files(DATA, scale)
    table = pq.read_table(patch_file, columns=["class", "geometry"])
    parcels = from_wkb(pq.read_table(parcel_file, columns=["geometry"])["geometry"])
    patches, classes = from_wkb(table["geometry"]), table["class"].to_numpy()
    del table
    read = time.perf_counter() - begin
    layer = prepare(patches)
    prepared = time.perf_counter() - begin - read
    overlay(parcels, layer, classes, CLASSES)
    total = time.perf_counter() - begin
    resident = best(lambda: overlay(parcels, layer, classes, CLASSES))
    pairs = len(overlay(parcels, layer))
    single = parcels.take([len(parcels) // 2])
    one = best(lambda: overlay(single, layer, classes, CLASSES), 20)
    in_plane = overlay(parcels, patches, classes, CLASSES, planar=True, smallest=NOTHING)
    save_answer(scale, "jintu", in_plane.dense(len(parcels), CLASSES))
    report(
        read_s=read,
        prepare_s=prepared,
        compute_s=total - read - prepared,
        total_s=total,
        resident_s=resident,
        one_parcel_ms=one * 1000,
        pairs=pairs,
    )


if __name__ == "__main__":
    if sys.argv[1] == "warm":
        from jintu.kernel.warm import warm_up

        report(first_call_s=warm_up())
    else:
        measure(sys.argv[1])
