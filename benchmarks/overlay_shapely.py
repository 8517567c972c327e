"""The overlay benchmark in Shapely: STRtree and vectorised intersection, what a Python analyst would write."""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.harness import DATA, best, report
from benchmarks.landscape import CLASSES, files
from benchmarks.overlay import save_answer


def main(scale: str) -> None:
    begin = time.perf_counter()
    import pyarrow.parquet as pq
    import shapely

    patch_file, parcel_file = files(DATA, scale)
    columns = pq.read_table(patch_file, columns=["class", "geometry"])
    patches = shapely.from_wkb(columns["geometry"].to_numpy())
    parcels = shapely.from_wkb(pq.read_table(parcel_file, columns=["geometry"])["geometry"].to_numpy())
    classes = columns["class"].to_numpy()
    read = time.perf_counter() - begin
    tree = shapely.STRtree(patches)

    def overlay() -> np.ndarray:
        left, right = tree.query(parcels, predicate="intersects")
        areas = shapely.area(shapely.intersection(parcels[left], patches[right]))
        table = np.zeros((len(parcels), CLASSES))
        np.add.at(table, (left, classes[right]), areas)
        return table

    table = overlay()
    total = time.perf_counter() - begin
    save_answer(scale, "shapely", table)
    report(
        read_s=read,
        compute_s=total - read,
        total_s=total,
        resident_s=best(overlay, 1),
        version=f"{shapely.__version__}, GEOS {shapely.geos_version_string}",
    )


if __name__ == "__main__":
    main(sys.argv[1])
