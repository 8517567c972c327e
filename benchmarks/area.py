"""Ellipsoidal area of survey-size patches, one core, against the geodesic area of PROJ (`pyproj.Geod`)."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from benchmarks.harness import best, in_new_process, ratio, report

COUNT = {"small": 200_000, "full": 2_000_000}
SAMPLE = 5_000
"""Patches given to the peer; its seconds are scaled up, because it takes some 30 µs a patch."""


def run(scale: str) -> dict[str, Any]:
    in_new_process("area", "own", "small")  # compiles
    own = in_new_process("area", "own", scale)
    peer = in_new_process("area", "peer", scale)
    return {
        "size": {"patches": COUNT[scale], "vertices": 20},
        "jintu": own,
        "peers": {"pyproj": peer},
        "ratio": ratio(own, {"pyproj": peer}),
        "agreement": float(peer["agreement"]) if "agreement" in peer else None,
    }


def patches(count: int) -> Any:
    """Patches of 20 vertices and 0.1 to 5 ha, over the latitudes 20° to 50°."""
    from jintu.kernel.flat import Polygons

    random = np.random.default_rng(7)
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    reach = random.uniform(0.2e-3, 1.2e-3, (count, 1)) * random.uniform(0.7, 1, (count, 20))
    x = np.empty((count, 21))
    y = np.empty((count, 21))
    x[:, :20] = random.uniform(80, 130, (count, 1)) + reach * np.cos(angle)
    y[:, :20] = random.uniform(20, 50, (count, 1)) + reach * np.sin(angle)
    x[:, 20], y[:, 20] = x[:, 0], y[:, 0]
    each = np.arange(count + 1)
    return Polygons(x.ravel(), y.ravel(), each * 21, each, each)


def measure_own(scale: str) -> None:
    from jintu.kernel.area import ellipsoidal

    layer = patches(COUNT[scale])
    begin = time.perf_counter()
    ellipsoidal(layer, threads=1)
    first = time.perf_counter() - begin
    seconds = best(lambda: ellipsoidal(layer, threads=1))
    report(
        read_s=0.0,
        compute_s=seconds,
        total_s=first,
        resident_s=seconds,
        million_patches_per_second_and_core=COUNT[scale] / seconds / 1e6,
    )


def measure_peer(scale: str) -> None:
    import pyproj

    from jintu.kernel.area import ellipsoidal

    layer = patches(COUNT[scale]).take(np.arange(SAMPLE))
    geod = pyproj.Geod(a=6378137.0, rf=298.257222101)
    rings = [slice(21 * i, 21 * (i + 1)) for i in range(SAMPLE)]

    def geodesic() -> np.ndarray:
        return np.array([geod.polygon_area_perimeter(layer.x[r], layer.y[r])[0] for r in rings])

    seconds = best(geodesic, 2) * COUNT[scale] / SAMPLE
    difference = np.abs(ellipsoidal(layer) / np.abs(geodesic()) - 1).max()
    report(
        read_s=0.0,
        compute_s=seconds,
        total_s=seconds,
        resident_s=seconds,
        scaled_from=SAMPLE,
        agreement=f"{difference:.2e}",
    )


if __name__ == "__main__":
    {"own": measure_own, "peer": measure_peer}[sys.argv[1]](sys.argv[2])
