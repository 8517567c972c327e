"""Put the sample county together and write it: layers, registers, divisions, the truth and a manifest."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from jintu.kernel.errors import Refused
from jintu.kernel.labels import components

from . import around, geodesy
from .asof import AS_OF, FORMAT
from .band import Band
from .codes import CONTROL, ZONES
from .county import County
from .layers import (
    LayerFile,
    LayerWriter,
    Patches,
    Villages,
    farmland_columns,
    land_use_columns,
    patches,
    spread_plan,
    village_columns,
    zone_columns,
)
from .ledger import HEADERS, Ledger, square
from .names import COUNTY, NEIGHBOUR, TOWNSHIPS, Names, division_table
from .plants import plant_all
from .sites import Shape, Slot, Surface
from .stories import World
from .tables import write_tables

__all__ = ["AS_OF", "generate", "versions"]

MARKER = ".jintu-sample"
BEYOND = "BEYOND"
"""The neighbouring county's DLTB along the border."""
GBK = "land.supply"
"""The register written in GBK, as such tables often arrive."""

Progress = Callable[[int, int, str], None]


def versions(as_of: date) -> list[date]:
    """Dates of the land-use versions: the survey all stories start from, then the last three year-ends."""
    return [date(as_of.year - 8, 12, 31), *(date(as_of.year - k, 12, 31) for k in (3, 2, 1))]


def generate(
    patches_wanted: int,
    seed: int,
    out: Path,
    *,
    as_of: date = AS_OF,
    filings: int | None = None,
    only: Iterable[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the sample county into ``out`` and return its manifest (also written as ``sample.json``).

    ``filings`` rows of all registers together, a fifth of the patches unless given; ``only`` limits the layers (for
    benchmarks: ``{"DLTB"}`` writes the newest land-use version alone, without registers). The same arguments give the
    same files.
    """
    _clear(out)
    (out / MARKER).write_text("jintu sample\n", encoding="utf-8")
    report = progress or (lambda done, total, message: None)
    county = County(patches_wanted, seed)
    names = Names(np.random.default_rng([seed, 11]))
    villages = _villages(county, names)
    protectors = np.array([names.person() for _ in range(len(villages.code))])
    ledger = Ledger()
    wanted = set(only) or {"XZQ", "DLTB", "JBNTTB", "TDYTQ", "JSYDGZQ"}
    bare = bool(only)
    files = _files(out, as_of, wanted, bare)
    writers = {f.name: LayerWriter(f) for f in files}
    dates = [f.valid_on for f in files if f.schema == "survey.DLTB" and f.name != BEYOND]
    total_filings = 0 if bare else (filings if filings is not None else patches_wanted // 5)
    if not bare:
        write_tables(ledger)
    counts: dict[str, int] = {}
    numbered = {f.name: np.zeros(len(villages.code), dtype=np.int64) for f in files}
    serial = 0
    steps = len(county.bands) * 3 + 1
    for number in range(len(county.bands)):
        report(number * 3, steps, f"band {number + 1} of {len(county.bands)}: drawing")
        band = Band(county, number)
        surface = Surface(band, suffix={v: villages.township[v] for v in range(len(villages.code))})
        rng = np.random.default_rng([seed, 13, number])
        here = total_filings // len(county.bands)
        world = _prepare(surface, ledger, names, rng, as_of, bare, here)
        report(number * 3 + 1, steps, f"band {number + 1}: stories")
        planned = {name: list(slots) for name, slots in world.slots.items()}
        if not bare:
            share = total_filings * (number + 1) // len(county.bands)
            _stories(world, share)
        _spread(world, planned)
        report(number * 3 + 2, steps, f"band {number + 1}: layers")
        serial = _write_band(surface, villages, protectors, writers, dates, serial, counts, numbered)
    for writer in writers.values():
        writer.close()
    if not bare:
        _quotas(ledger, as_of)
    registers = {} if bare else _write_registers(out, ledger)
    _write_divisions(out, villages)
    truth = {"as_of": as_of.isoformat(), "plants": [p.as_json() for p in ledger.plants]}
    if not bare:
        _write_json(out / "truth.json", truth)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "patches": counts.get("patches", 0),
        "seed": seed,
        "requested": patches_wanted,
        "as_of": as_of.isoformat(),
        "division": COUNTY,
        "crs": geodesy.CRS,
        "layers": [
            {
                "schema": f.schema,
                "file": f.path.name,
                "layer": f.layer,
                "valid_on": f.valid_on.isoformat(),
                "rows": writers[f.name].rows,
                "encoding": f.encoding,
                "content": writers[f.name].digest.hexdigest(),
            }
            for f in files
        ],
        "registers": registers,
        "divisions": "divisions.csv",
        "truth": "" if bare else "truth.json",
    }
    manifest["hash"] = hashlib.sha256(json.dumps([manifest, truth], sort_keys=True).encode()).hexdigest()
    _write_json(out / "sample.json", manifest)
    report(steps, steps, "done")
    return manifest


def _clear(out: Path) -> None:
    """Make the directory empty; only an earlier sample is ever deleted."""
    out.mkdir(parents=True, exist_ok=True)
    there = sorted(p for p in out.iterdir())
    if not there:
        return
    marker = out / MARKER
    if not marker.is_file():
        raise Refused(
            "The directory {path} holds other files; the sample is only written to an empty directory.",
            path=str(out),
            remedy="Name another directory with --out.",
        )
    for old in there:
        if old.is_file():
            old.unlink()


def _villages(county: County, names: Names) -> Villages:
    """Codes below the townships: 001–199 for neighbourhood committees in sub-districts, 200–399 for village ones."""
    count = len(county.village_seed)
    township = [TOWNSHIPS[t][0] for t in county.village_township]
    serial: dict[str, int] = {}
    code = []
    for suffix in township:
        serial[suffix] = serial.get(suffix, 0) + 1
        code.append(f"{COUNTY}{suffix}{serial[suffix] + (0 if suffix[0] == '0' else 199):03d}")
    given = names.villages(count)
    named = [n[:-1] + "社区" if c[6] == "0" else n for n, c in zip(given, code, strict=True)]
    return Villages(np.array(code), np.array(named), np.array(township))


def _prepare(
    surface: Surface, ledger: Ledger, names: Names, rng: np.random.Generator, as_of: date, bare: bool, rows: int
) -> World:
    """Choose blocks for each kind of story and fix the corners."""
    band, county = surface.band, surface.band.county
    land = county.land
    slots = surface.slots()
    high = land.elevation[[s.block for s in slots]]
    order = rng.permutation(len(slots))
    poor = [k for k in order if 0.44 <= high[k] < 0.78]
    project = set(poor[: max(len(slots) // 5, 12)])
    plain = [k for k in order if k not in project and high[k] < 0.64]
    near = sorted(plain, key=lambda k: county.d_town[slots[k].block] * (0.85 + 0.3 * ((k * 7919) % 1000) / 1000))
    # As many blocks as the stories will take, so that the rest of the plain stays protected farmland.
    build = near[: min(int(len(plain) * 0.7), 260 + rows // 11)]
    taken = set(build)
    other = [k for k in plain if k not in taken][: min(int(len(plain) * 0.2), 40 + rows // 30)]
    world = World(surface, ledger, names, rng, as_of)
    chosen = {"build": build, "project": sorted(project), "other": other}
    world.slots = {name: deque(slots[k] for k in ks) for name, ks in chosen.items()}
    pinned = np.zeros((band.shape[0] + 1, band.shape[1] + 1), dtype=np.bool_)
    if not bare:
        for ks in chosen.values():
            for k in ks:
                _pin(pinned, slots[k])
    label, _ = components(band.key)
    band.place(label, pinned)
    return world


def _spread(world: World, planned: dict[str, list[Slot]]) -> None:
    """Spread the plan over the band: what stories took is developed, the rest of the plain stays farmland."""
    blocks = world.surface.band.county.blocks
    left = {name: {s.block for s in slots} for name, slots in world.slots.items()}
    taken = {name: [s.block for s in slots if s.block not in left[name]] for name, slots in planned.items()}
    developed, spared = np.zeros(blocks, dtype=bool), np.zeros(blocks, dtype=bool)
    developed[taken["build"]] = True
    spared[taken["project"] + taken["other"]] = True
    spread_plan(world.surface, developed, developed & (np.arange(blocks) % 3 == 0), spared)


def _pin(pinned: np.ndarray, slot: Slot) -> None:
    """Keep the corners of a slot and of its parts where the grid has them."""
    rows, cols = slice(slot.j0, slot.j1 + 1), slice(slot.i0, slot.i1 + 1)
    pinned[slot.j0, cols] = pinned[slot.j1, cols] = True
    for count in (1, 2, 3):
        for p in slot.parts(count):
            pinned[rows, p.i0] = pinned[rows, p.i1] = True


def _stories(world: World, rows: int) -> None:
    """Plants first (they need their room), everyday stories until there are enough rows."""
    plant_all(world)
    ledger = world.ledger
    turn = 0
    while ledger.count() < rows:
        turn += 1
        if turn % 7 == 2 and world.room("other"):
            world.tell_existing()
        elif turn % 5 == 1 and world.room("other"):
            world.tell_temporary()
        elif turn % 3 == 0 and world.room("other"):
            world.tell_patch()
        elif world.room("build") < 8:
            # The county is full; what was told so far is whole.
            break
        elif turn % 25 == 3:
            world.tell_idle()
        else:
            world.tell()
    for case in world.cases:
        for deal in case.deals:
            if deal.built_on is not None:
                part = deal.part
                world.surface.paint(deal.built_on, part, deal.built_as, world.new_group(), case.approval["doc_no"])


def _write_band(
    surface: Surface,
    villages: Villages,
    protectors: np.ndarray,
    writers: dict[str, LayerWriter],
    dates: list[date],
    serial: int,
    counts: dict[str, int],
    numbered: dict[str, np.ndarray],
) -> int:
    band: Band = surface.band
    before: Patches | None = None
    first = serial
    for when in dates:
        p = patches(surface, when, before, serial + 1)
        serial = max(serial, int(p.bsm.max(initial=0)))
        order = np.lexsort((p.first, p.village))
        name = f"DLTB_{when.year}"
        writers[name].write(land_use_columns(surface, p, villages, order, numbered[name]), p.shapes[order])
        if before is None:
            base = p
        before = p
    assert before is not None
    counts["patches"] = counts.get("patches", 0) + len(before.first)
    if "XZQ" in writers:
        columns, shapes = village_columns(band, villages, first + 1)
        writers["XZQ"].write(columns, shapes)
    if "JBNTTB" in writers:
        columns, shapes = farmland_columns(surface, base, villages, protectors, first + 1, numbered["JBNTTB"])
        writers["JBNTTB"].write(columns, shapes)
    if "TDYTQ" in writers:
        columns, shapes = zone_columns(surface, surface.zone, ZONES, "TDYTQ", first + 1)
        writers["TDYTQ"].write(columns, shapes)
    if "JSYDGZQ" in writers:
        columns, shapes = zone_columns(surface, surface.control, CONTROL, "JSYDGZQ", first + 1)
        writers["JSYDGZQ"].write(columns, shapes)
    made = {
        "PDT": lambda: around.slope_columns(surface, first + 1),
        "JBNTBHPK": lambda: around.block_columns(surface, villages, first + 1),
        "JBNTBHQ": lambda: around.protection_columns(surface, first + 1),
    }
    for name in made.keys() & writers.keys():
        writers[name].write(*made[name]())
    if BEYOND in writers:
        beyond = around.patches_beyond(surface, before, first + 1)
        order = np.arange(len(beyond.first))
        columns = land_use_columns(surface, beyond, around.NEIGHBOURS, order, numbered[BEYOND])
        writers[BEYOND].write(columns, beyond.shapes)
    return serial


def _files(out: Path, as_of: date, wanted: set[str], bare: bool) -> list[LayerFile]:
    dates = versions(as_of)
    stem = f"({COUNTY})示例县"
    files = []
    if "XZQ" in wanted:
        files.append(LayerFile("survey.XZQ", "XZQ", dates[0], out / f"{stem}XZQ.gpkg", layer="XZQ"))
    if "DLTB" in wanted:
        for d in dates[-1:] if bare else dates:
            path = out / f"{stem}DLTB{d.year}.gpkg"
            files.append(LayerFile("survey.DLTB", f"DLTB_{d.year}", d, path, layer="DLTB"))
    if "JBNTTB" in wanted:
        path = out / f"{stem}JBNTTB.shp"
        files.append(LayerFile("survey.JBNTTB", "JBNTTB", dates[0], path, "ESRI Shapefile", encoding="GBK"))
    if "TDYTQ" in wanted:
        files.append(LayerFile("planning.TDYTQ", "TDYTQ", dates[0], out / f"{stem}TDYTQ.gpkg", layer="TDYTQ"))
    if "JSYDGZQ" in wanted:
        files.append(LayerFile("planning.JSYDGZQ", "JSYDGZQ", dates[0], out / f"{stem}JSYDGZQ.gpkg", layer="JSYDGZQ"))
    for name in ("PDT", "JBNTBHPK", "JBNTBHQ"):
        if name in wanted:
            files.append(LayerFile(f"survey.{name}", name, dates[-1], out / f"{stem}{name}.gpkg", layer=name))
    if BEYOND in wanted:
        path = out / f"({NEIGHBOUR})邻县DLTB{dates[-1].year}.gpkg"
        files.append(LayerFile("survey.DLTB", BEYOND, dates[-1], path, layer="DLTB"))
    return files


def _quotas(ledger: Ledger, as_of: date) -> None:
    """Yearly quotas that the filings keep, but for the years whose quota is planted short; see `plants`."""
    converted: dict[int, float] = {}
    cultivated: dict[int, float] = {}
    for a in ledger.rows["land.approval"]:
        if a["kind"] not in {"batch", "single_site"}:
            continue
        converted[a["quota_year"]] = converted.get(a["quota_year"], 0.0) + a["agri_area"]
        cultivated[a["quota_year"]] = cultivated.get(a["quota_year"], 0.0) + a["cult_area"]
    from .plants import short_quota

    for year in range(as_of.year - 7, as_of.year + 1):
        used = square(converted.get(year, 0.0))
        row: dict[str, Any] = {
            "quota_key": f"{COUNTY}#{year}",
            "year": year,
            "conversion_area": square(used * 1.15 + 200_000),
            "cult_area": square(cultivated.get(year, 0.0) * 1.2 + 200_000),
            "carry_ratio": 0.0,
            "basis": f"示自然资计〔{year}〕1号",
            "division": COUNTY,
        }
        short_quota(ledger, row, used, as_of)
        row["cult_area"] = min(row["cult_area"], row["conversion_area"])
        ledger.add("land.quota", row)


def _write_registers(out: Path, ledger: Ledger) -> dict[str, dict[str, Any]]:
    registers: dict[str, dict[str, Any]] = {}
    for name, columns in HEADERS.items():
        rows = ledger.rows.get(name, [])
        encoding = "gbk" if name == GBK else "utf-8-sig"
        path = out / f"{name}.csv"
        with path.open("w", newline="", encoding=encoding) as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([_text(row[c]) for c in columns] for row in rows)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        registers[name] = {
            "file": path.name,
            "rows": len(rows),
            "encoding": encoding,
            "key": columns[0],
            "content": digest,
        }
    return registers


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Shape):
        return value.wkt
    if isinstance(value, float):
        return repr(round(value, 4))
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _write_divisions(out: Path, villages: Villages) -> None:
    rows = division_table(villages.name.tolist(), villages.code.tolist())
    with (out / "divisions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["code", "name", "level", "parent"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
