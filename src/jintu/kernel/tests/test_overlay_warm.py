"""The kernels are compiled once and then come from the cache, in whatever process."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
from jintu.kernel.warm import warm_up
print(warm_up())
from jintu.kernel import flat, lines, wkb
from jintu.kernel.area import authalic
from jintu.kernel.formats import shp_rings
from jintu.kernel.overlay import edges, kernel, pairs, tree
from jintu.kernel.topology import borders, cancelling, copies, faces, meetings, noding, partition, rings, validating
from jintu.kernel.compiled import Compiled
import numba
for module in (flat, lines, wkb, authalic, edges, kernel, pairs, tree, borders, cancelling, copies, faces, meetings, noding, partition, rings, validating, shp_rings):
    for function, value in vars(module).items():
        name = module.__name__.rpartition(".")[2] + "." + function
        if isinstance(value, Compiled) and value.__module__ == module.__name__:
            print(name, len(value.signatures), value.misses)
        elif isinstance(value, numba.core.dispatcher.Dispatcher) and value.py_func.__module__ == module.__name__:
            print(name, len(value.signatures), sum(value.stats.cache_misses.values()))
"""


def run(cache):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    _seconds, *functions = done.stdout.splitlines()
    return {f.split()[0]: tuple(map(int, f.split()[1:])) for f in functions}


def test_a_second_process_compiles_nothing(tmp_path):
    first = run(tmp_path)
    second = run(tmp_path)
    entries = (
        "wkb.measure",
        "wkb.fill",
        "wkb.measure_lines",
        "wkb.fill_lines",
        "lines._boxes",
        "lines._lengths",
        "flat._orient",
        "flat._boxes",
        "authalic.areas",
        "edges.reaches",
        "pairs._candidates",
        "kernel._pair_areas",
        "pairs._sum_by_class",
        "tree._place",
        "tree._extent",
        "tree.search",
        "borders._fill",
        "borders._strike",
        "borders._remaining",
        "borders._apart",
        "cancelling._cancel_chunk",
        "cancelling._uncancelled",
        "noding._near",
        "faces._trace",
        "faces._depths",
        "partition._junctions",
        "validating._examine",
        "rings._ring_defects",
        "copies._prints",
        "meetings._count",
        "meetings._boxes",
        "meetings._meetings",
        "meetings._distances",
        "shp_rings._suspect",
        "shp_rings._rings",
        "shp_rings._owners",
    )
    for name in entries:
        assert first[name][0] == 1, f"{name} has {first[name][0]} signatures: some caller passes another kind of array"
    assert not any(misses for _, misses in second.values()), second
