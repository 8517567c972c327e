"""The overlay benchmark in GeoPandas: read_parquet, sjoin, vectorised intersection, groupby."""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.harness import DATA, best, report
from benchmarks.landscape import CLASSES, files
from benchmarks.overlay import save_answer


def main(scale: str) -> None:
    begin = time.perf_counter()
    import geopandas
    import shapely

    patch_file, parcel_file = files(DATA, scale)
    patches = geopandas.read_parquet(patch_file, columns=["class", "geometry"])
    parcels = geopandas.read_parquet(parcel_file, columns=["geometry"])
    read = time.perf_counter() - begin

    def overlay() -> np.ndarray:
        pairs = geopandas.sjoin(parcels, patches, predicate="intersects")
        right = patches.geometry.array[pairs["index_right"].to_numpy()]
        pairs["area"] = shapely.area(shapely.intersection(pairs.geometry.array, right))
        sums = pairs.groupby([pairs.index, "class"])["area"].sum()
        table = np.zeros((len(parcels), CLASSES))
        table[sums.index.get_level_values(0), sums.index.get_level_values(1)] = sums.to_numpy()
        return table

    table = overlay()
    total = time.perf_counter() - begin
    save_answer(scale, "geopandas", table)
    report(
        read_s=read,
        compute_s=total - read,
        total_s=total,
        resident_s=best(overlay, 1),
        version=f"{geopandas.__version__}, GEOS {shapely.geos_version_string}",
    )


if __name__ == "__main__":
    main(sys.argv[1])
