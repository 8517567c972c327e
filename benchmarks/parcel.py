"""One parcel: its areas by class, asked of a layer in memory, cold from the lake, and on One Map end to end.

*Resident*: the layer prepared in memory (kernel). *Cold*: the file was never opened in this process (its footer is read
and parsed again for every question), compiled functions loaded, the operating system's file cache warm. *One Map*: the
request "analyse this area" of a signed-in director through Django, from the GeoJSON drawn to the panel rendered, with
land use, farmland, zones, registers, the answer kept and journaled; the first request, which opens the versions and
hashes what it reads of them, is told by itself. The limits are 5 ms (99th percentile), 60 ms (median) and 300 ms (95th
percentile); processor time is told beside wall time, for a busy machine.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import DATA, in_new_process, percentiles, report
from benchmarks.landscape import CLASSES, files

PATCHES = {"small": 10_000, "full": 1_000_000}
"""of the sample county on One Map"""
LIMITS_MS = {"resident_p99_ms": 5, "cold_p50_ms": 60, "onemap_p95_ms": 300}
ASKED, DRAWN = 300, 40


def run(scale: str) -> dict[str, Any]:
    from benchmarks.supervise import _county

    files(DATA, scale)
    in_new_process("overlay", "warm")
    own = in_new_process("parcel", "kernel", scale)
    county = in_new_process("parcel", "onemap", str(_county(PATCHES[scale])))
    figures = own | county
    ratios = {
        f"{name}_to_limit": round(figures[name] / limit, 2) for name, limit in LIMITS_MS.items() if name in figures
    }
    return {
        "size": {"patches": own.get("patches"), "county_patches": PATCHES[scale]},
        "jintu": figures,
        "ratio": ratios,
        "agreement": None,
    }


def measure_kernel(scale: str) -> None:
    import pyarrow.parquet as pq

    from jintu.kernel.executors import Threads
    from jintu.kernel.flat import from_wkb
    from jintu.kernel.overlay import fragments, overlay, prepare
    from jintu.kernel.overlay.streaming import Source, overlay_files

    patch_file, parcel_file = files(DATA, scale)
    patch_file.read_bytes()
    lots = from_wkb(pq.read_table(parcel_file, columns=["geometry"])["geometry"])
    asked = [lots.take([k]) for k in np.linspace(0, len(lots) - 1, ASKED).astype(int)]
    source = [Source(str(patch_file), ("class",))]

    def cold(lot: Any) -> None:
        fragments.forget()
        overlay_files(lot, source, Threads(1))

    before = time.process_time()
    cold_p50, cold_p99 = percentiles(cold, asked)
    cold_cpu = (time.process_time() - before) / (len(asked) + 1) * 1000
    table = pq.read_table(patch_file, columns=["class", "geometry"])
    layer, classes = prepare(from_wkb(table["geometry"])), table["class"].to_numpy()
    before = time.process_time()
    p50, p99 = percentiles(lambda lot: overlay(lot, layer, classes, CLASSES), asked)
    report(
        patches=len(layer),
        resident_p50_ms=p50,
        resident_p99_ms=p99,
        resident_cpu_ms=(time.process_time() - before) / (len(asked) + 1) * 1000,
        cold_p50_ms=cold_p50,
        cold_p99_ms=cold_p99,
        cold_cpu_ms=cold_cpu,
    )


def measure_onemap(node: Path) -> None:
    os.environ |= {"JINTU_DATA": str(node), "DJANGO_SETTINGS_MODULE": "jintu.config.settings"}
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from jintu.foundation.identity.models import User
    from jintu.foundation.layers.models import LayerVersion

    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(User.objects.get(username="county-director"))
    version = LayerVersion.objects.published().filter(layer="survey.DLTB").order_by("-valid_from").first()
    drawn = [json.dumps(_rectangle(version.bbox, k)) for k in range(DRAWN + 1)]

    def ask(geometry: str) -> tuple[float, float]:
        begin, cpu = time.perf_counter(), time.process_time()
        answer = client.post("/map/analyse/", {"geometry": geometry})
        spent = time.perf_counter() - begin, time.process_time() - cpu
        assert answer.status_code == 200, answer.content[:500]
        return spent[0] * 1000, spent[1] * 1000

    first = ask(drawn[0])
    wall, cpu = (sorted(values) for values in zip(*(ask(one) for one in drawn[1:]), strict=True))
    report(
        onemap_rows=version.rows,
        onemap_first_ms=first[0],
        onemap_first_cpu_ms=first[1],
        onemap_p50_ms=wall[DRAWN // 2],
        onemap_p95_ms=wall[DRAWN * 95 // 100],
        onemap_cpu_p50_ms=cpu[DRAWN // 2],
        onemap_cpu_p95_ms=cpu[DRAWN * 95 // 100],
    )


def _rectangle(box: tuple[float, float, float, float], number: int) -> dict[str, Any]:
    """An area of 100 m to 3 km, as one draws it, somewhere in a layer; always the same for a number."""
    random = np.random.default_rng(number)
    west, south, east, north = box
    x, y = random.uniform(west + 0.2 * (east - west), east - 0.2 * (east - west)), 0.0
    y = random.uniform(south + 0.2 * (north - south), north - 0.2 * (north - south))
    wide, high = np.exp(random.uniform(np.log(0.001), np.log(0.03), 2))
    ring = [[x, y], [x + wide, y], [x + wide, y + high], [x, y + high * 0.9], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


if __name__ == "__main__":
    if sys.argv[1] == "kernel":
        measure_kernel(sys.argv[2])
    else:
        measure_onemap(Path(sys.argv[2]))
