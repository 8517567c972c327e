"""Quality inspection of a whole county: every rule that applies to its land-use patches, and again after fifty edits.

The sample county is generated as a whole delivery (`delivery`), with its plan and the neighbour's border, so that every
rule has what it needs; it is loaded and inspected by the product's own commands, its layers around the patches too.
Fifty patches are then edited (a vertex moved in half, a figure changed in the other), loaded as the next year's
version, and inspected twice, each time in a new process: looking at everything, and taking over what the first
inspection found. Both must say the same. The same is done after each kind of change alone (`inspection_years`): fifty
figures, fifty rows gone and fifty come, fifty outlines.

The peer answers the geometric questions only: `shapely.is_valid` and `shapely.coverage_invalid_edges` of the delivered
outlines, read from the same file of the lake. It marks polygons (gaps up to
a width only) and does not say what is wrong between them. CPU
seconds are of all threads; GEOS has one.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks import delivery
from benchmarks.harness import DATA, in_new_process, memory_mb, report, reset_peak
from benchmarks.inspection_years import KINDS

PATCHES = {"small": 20_000, "full": 1_000_000}
PLAN = ("TDYTQ", "JSYDGZQ")
DELIVERY = "(990121)示例县2025"
EDITS, MOVED_M = 50, 0.5
DIVISION, NEIGHBOUR = "990121", "990122"
GEOMETRY_RULES = ("Q31",)
ERRORS, RAN = "errors.parquet", "ran.json"
BEFORE, AFTER = "2025-12-31", "2026-12-31"


def run(scale: str) -> dict[str, Any]:
    node = _county(PATCHES[scale])
    in_new_process("inspection", "compile", str(node))
    in_new_process("inspection", "own", str(node))  # inspects the first version, too
    own = in_new_process("inspection", "own", str(node))
    own |= {name: value for name, value in in_new_process("inspection", "again", str(node)).items() if name != "rss_mb"}
    for kind in KINDS:
        in_new_process("inspection", kind, str(node), "write")
        for how in ("short", "full"):
            found = in_new_process("inspection", kind, str(node), how)
            own |= {name: value for name, value in found.items() if name != "rss_mb"}
    own |= {
        name: value for name, value in in_new_process("inspection", "geometry", str(node)).items() if name != "rss_mb"
    }
    own |= {
        name: value
        for name, value in in_new_process("inspection", "around", str(node)).items()
        if "around" in name or name == "rules_there_are"
    }
    if "failed" not in own:
        own["delivery_s"] = own["total_s"] + own["around_s"]  # the patches and all other layers, each among the others
    peer = in_new_process("inspection", "peer", str(node))
    ratios, agreement = {}, False
    if "failed" not in own and "failed" not in peer:
        ratios["geometry_cpu"] = round(peer["geometry_cpu_s"] / own["geometry_cpu_s"], 2)
        ratios["all_rules_to_geos_geometry"] = round(peer["geometry_cpu_s"] / own["cpu_s"], 2)
        agreement = own["missed"] == peer["missed"] == own["around_errors"] == 0
        agreement &= all(own[name] for name in ("same_after_reuse", *(f"same_after_{kind}" for kind in KINDS)))
        agreement &= own["rules_with_around"] == own["rules_there_are"]
    return {
        "size": {"patches": own.get("patches"), "edits": EDITS},
        "jintu": own,
        "peers": {"geos": peer},
        "ratio": ratios,
        "agreement": agreement,
    }


# --- the county ----------


def _county(patches: int) -> Path:
    """A node with the whole county, and with its patches a year later, made once."""
    node = DATA / f"inspection-{patches}"
    if (node / "edited.json").is_file() and (node / DELIVERY).is_dir():
        return node
    shutil.rmtree(node, ignore_errors=True)
    sample, root = node / "sample", node / DELIVERY
    _jintu(node, "init", "--division", DIVISION, "--level", "county", "--name", "示例县")
    only = [word for table in (*delivery.TABLES, *PLAN, "BEYOND") for word in ("--only", table)]
    _jintu(node, "sample", "--patches", str(patches), *only, "--out", str(sample))
    root.mkdir(parents=True)
    for path in list(sample.iterdir()):
        if path.name.startswith(f"({DIVISION})") and not any(table in path.name for table in PLAN):
            shutil.move(path, root / path.name)
    delivery.complete(root)
    (given,) = root.glob("*DLTB*.gpkg")
    edited = sample / "edited.gpkg"
    shutil.copyfile(given, edited)
    rows = _edit(edited, "DLTB")
    delivery.targets(sample / "GHZB.csv", *_totals(root))
    (beyond,) = sample.glob("*邻县*")
    _load(node, root)
    for table in PLAN:
        _load(node, *sample.glob(f"*{table}*.gpkg"), schema=table)
    _load(node, sample / "GHZB.csv", schema="GHZB")
    _load(node, beyond, schema="DLTB", division=NEIGHBOUR)
    _load(node, edited, schema="DLTB", day=AFTER)
    _jintu(node, "layer", "tables", f"survey.DLTB@{BEFORE}", "--division", DIVISION, "--out", str(root / "汇总表.xlsx"))
    delivery.checksums(root)
    _load(node, root)  # takes up what is loaded, and keeps what the delivery is like now
    in_new_process("inspection", "approve", str(node))
    for file in (*sample.glob("*.gpkg"), *root.glob("*.gpkg"), *root.glob("*.shp"), *root.glob("*.dbf")):
        file.unlink()
    (node / "edited.json").write_text(json.dumps(rows), "utf-8")
    return node


def _load(node: Path, path: Path, *, schema: str = "", division: str = DIVISION, day: str = BEFORE) -> None:
    words = ("layer", "import", *([schema] if schema else []), str(path), "--division", division, "--valid-from", day)
    _jintu(node, *words, "--no-inspect", "--reason", "benchmark")


def _totals(root: Path) -> tuple[float, float]:
    """m² of cultivated land and of basic farmland."""
    patches, _ = delivery.read(root, "DLTB", outlines=False)
    farmland, _ = delivery.read(root, "JBNTTB", outlines=False)
    return float(patches.filter(pl.col("DLBM") < "02")["TBDLMJ"].sum()), float(farmland["JBNTMJ"].sum())


def _jintu(node: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "jintu.cli", "--data", str(node), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _edit(file: Path, layer: str) -> dict[str, list[str]]:
    """Move a vertex of some rows half a metre, change the net area of others; their identifiers by what was done."""
    import numpy as np

    database = sqlite3.connect(file)
    (column,) = database.execute(
        "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
    ).fetchone()
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f'DROP TRIGGER "{trigger}"')  # they keep an index with functions of GDAL
    count, first = database.execute(f'SELECT COUNT(*), MIN(rowid) FROM "{layer}"').fetchone()
    chosen = first + np.random.default_rng(5).choice(count, EDITS, replace=False)
    done: dict[str, list[str]] = {"moved": [], "changed": []}
    for k, row in enumerate(chosen.tolist()):
        bsm, blob = database.execute(f'SELECT BSM, "{column}" FROM "{layer}" WHERE rowid = ?', (row,)).fetchone()
        if k % 2:
            database.execute(f'UPDATE "{layer}" SET TBDLMJ = TBDLMJ + 1 WHERE rowid = ?', (row,))
            done["changed"].append(str(bsm))
        else:
            database.execute(f'UPDATE "{layer}" SET "{column}" = ? WHERE rowid = ?', (_moved(blob), row))
            done["moved"].append(str(bsm))
    database.commit()
    database.close()
    return done


def _moved(blob: bytes) -> bytes:
    """A GeoPackage geometry with the second vertex of its first ring half a metre aside."""
    import shapely

    head = 8 + {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 7]
    shape = shapely.from_wkb(blob[head:])
    points = shapely.get_coordinates(shape)
    along = points[2] - points[0]
    points[1] += MOVED_M * along[::-1] * (1, -1) / (along**2).sum() ** 0.5
    box = struct.pack("<4d", points[:, 0].min(), points[:, 0].max(), points[:, 1].min(), points[:, 1].max())
    moved = shapely.to_wkb(shapely.set_coordinates(shape, points), byte_order=1)
    return blob[:3] + bytes([(blob[3] & ~0x0F) | 0x03]) + blob[4:8] + box + moved


# --- measured ----------


def _versions(node: Path) -> tuple[Any, Any]:
    os.environ |= {"JINTU_DATA": str(node), "DJANGO_SETTINGS_MODULE": "jintu.config.settings"}
    import django

    django.setup()
    from jintu.foundation.layers.models import LayerVersion

    versions = LayerVersion.objects.filter(layer="survey.DLTB", division=DIVISION)
    before, after = versions.order_by("valid_from")[:2]
    return before, after


def measure_approve(node: Path) -> None:
    """The control area that was approved for the county is the one it has."""
    _versions(node)
    from datetime import date

    from jintu.foundation.checks.models import RuleSetting
    from jintu.foundation.layers.models import LayerVersion

    villages = LayerVersion.objects.get(layer="survey.XZQ")
    area = sum(villages.table(["control_area_m2"])["control_area_m2"].to_pylist())
    RuleSetting.objects.create(
        rule="Q5110", name=DIVISION, value=round(area, 2), valid_from=date.fromisoformat(BEFORE), basis="benchmark"
    )
    report(control_area_m2=area)


def measure_compile(node: Path) -> None:
    """All kernels, as `jintu init` and `jintu upgrade` do it: none of the measured processes compiles one."""
    from jintu.kernel.warm import warm_up

    report(compile_s=warm_up())


def measure_own(node: Path) -> None:
    """The second version whole; its errors are written down for `measure_again`."""
    before, after = _versions(node)
    from jintu.foundation.checks.inspection import keeping
    from jintu.foundation.checks.inspection.models import Inspection

    if not Inspection.objects.filter(version=before).exists():
        keeping.inspect_version(before)
        reset_peak()
    started, cpu = time.perf_counter(), time.process_time()
    whole, _inputs = keeping.run(after, full=True)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    whole.errors.write_parquet(node / ERRORS)
    (node / RAN).write_text(json.dumps([o.rule.id for o in whole.outcomes if o.ran]), "utf-8")
    edited = json.loads((node / "edited.json").read_text("utf-8"))
    told = {rule: set(whole.errors.filter(rule=rule)["key"].to_list()) for rule in ("Q5101", "Q5105")}
    missed = len(set(edited["moved"]) - told["Q5101"]) + len(set(edited["changed"]) - told["Q5105"])
    dearest = sorted(whole.outcomes, key=lambda o: -o.seconds)[:5]
    report(
        patches=after.rows,
        rules=sum(o.ran for o in whole.outcomes),
        errors=whole.count(),
        missed=missed,
        total_s=seconds,
        cpu_s=cpu,
        dearest_s=" ".join(f"{o.rule.id} {o.seconds:.1f}" for o in dearest),
    )


def measure_again(node: Path) -> None:
    """The second version with what an inspection of the first one found."""
    _before, after = _versions(node)
    from jintu.foundation.checks.inspection import keeping

    started, cpu = time.perf_counter(), time.process_time()
    short, _inputs = keeping.run(after)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    same = short.errors.equals(pl.read_parquet(node / ERRORS))
    _rss, peak = memory_mb()
    report(after_edits_s=seconds, after_edits_cpu_s=cpu, after_edits_rss_mb=round(peak), same_after_reuse=same)


def measure_kind(node: Path, kind: str, how: str) -> None:
    """The version with one kind of change: written, inspected with what was found before (``short``), or whole."""
    before, edited = _versions(node)
    from benchmarks import inspection_years as years
    from jintu.foundation.checks.inspection import keeping

    after = years.made(before, kind)
    years.alone(before, after)
    kept = node / f"errors-{kind}.parquet"
    try:
        if how == "short":
            started, cpu = time.perf_counter(), time.process_time()
            found, _inputs = keeping.run(after)
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
            found.errors.write_parquet(kept)
            report(**{f"after_{kind}_s": seconds, f"after_{kind}_cpu_s": cpu})
        elif how == "full":
            found, _inputs = keeping.run(after, full=True)
            report(**{f"same_after_{kind}": found.errors.equals(pl.read_parquet(kept))})
        else:
            report()
    finally:
        years.alone(before, edited)


def measure_around(node: Path) -> None:
    """The layers around the first version, each whole among the others; the county as generated has no error in any of
    them, nor in the first version itself."""
    before, _after = _versions(node)
    from jintu.foundation.checks.inspection import keeping, rules
    from jintu.foundation.checks.inspection.models import Inspection
    from jintu.foundation.layers.models import LayerVersion

    ran: set[str] = set()
    wrong: dict[str, int] = {}
    rows = 0
    started, cpu = time.perf_counter(), time.process_time()
    for version in LayerVersion.objects.filter(division=DIVISION).exclude(layer=before.layer).order_by("layer"):
        found, _inputs = keeping.run(version, full=True)
        rows += version.rows
        ran |= {o.rule.id for o in found.outcomes if o.ran}
        wrong |= {f"{o.rule.id} {o.table}": o.count for o in found.outcomes if o.count}
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    of_patches = Inspection.objects.filter(version=before).latest("pk").outcomes
    together = ran | {o["rule"] for o in of_patches if "not_run" not in o}
    together |= set(json.loads((node / RAN).read_text("utf-8")))  # changes are of the second version
    wrong |= {f"{o['rule']} {o['table']}": o["count"] for o in of_patches if o["count"]}
    told = " ".join(f"{name} {count}" for name, count in sorted(wrong.items()))
    report(
        around_rows=rows,
        around_rules=len(ran),
        rules_with_around=len(together),
        rules_there_are=len(list(rules.catalogue())),
        around_s=seconds,
        around_cpu_s=cpu,
        around_rss_mb=round(memory_mb()[1]),
        around_errors=sum(wrong.values()),
        around_told=told,
    )


def measure_geometry(node: Path) -> None:
    """The rules of outlines alone, to compare with GEOS."""
    _before, after = _versions(node)
    from jintu.foundation.checks import parameters
    from jintu.foundation.checks.inspection import loading, rules, running

    chosen = [rule for rule in rules.catalogue() if rule.id.startswith(GEOMETRY_RULES)]
    data = loading.dataset(after, ())
    cpu = time.process_time()
    running.inspect(data, dict(parameters.in_force(after.valid_from)), tables=["DLTB"], rules=chosen)
    report(geometry_cpu_s=time.process_time() - cpu)


def measure_peer(node: Path) -> None:
    import pyarrow.parquet as pq
    import shapely

    _before, after = _versions(node)
    started, cpu = time.perf_counter(), time.process_time()
    table = pq.read_table(after.directory / "data.parquet", columns=["bsm", "geometry_delivered"])
    shapes = shapely.from_wkb(table.column("geometry_delivered").to_numpy(zero_copy_only=False))
    valid = shapely.is_valid(shapes)
    open_ = ~shapely.is_empty(shapely.coverage_invalid_edges(shapes, gap_width=2 * MOVED_M))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    moved = json.loads((node / "edited.json").read_text("utf-8"))["moved"]
    keys = table.column("bsm").to_numpy(zero_copy_only=False)
    told = {str(key) for key in keys[open_ | ~valid]}
    report(total_s=seconds, geometry_cpu_s=cpu, marked=int(open_.sum()), missed=len(set(moved) - told))


if __name__ == "__main__":
    measures = {
        "approve": measure_approve,
        "compile": measure_compile,
        "own": measure_own,
        "again": measure_again,
        "around": measure_around,
        "geometry": measure_geometry,
        "peer": measure_peer,
    }
    if sys.argv[1] in KINDS:
        measure_kind(Path(sys.argv[2]), kind=sys.argv[1], how=sys.argv[3])
    else:
        measures[sys.argv[1]](Path(sys.argv[2]))
