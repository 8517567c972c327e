"""``jintu layer`` and ``jintu analyse`` on a node of their own, in processes of their own; and what kill -9 leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import shapely
from pyproj import Geod
from python_calamine import CalamineWorkbook

from . import grid

LOAD = ("layer", "import", "--no-inspect", "--reason", "a county on a grid")
"""What these tests are about is loading: the grid county would not pass an inspection."""

SETUP = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""
KILLED = """
import os, signal, sys
import django; django.setup()
from datetime import date
from jintu.foundation.layers import importing, lake, publishing
def stop(*a, **k): os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[2]
if where == "writing":
    importing._write_low = stop
elif where == "settling":
    plain = lake.settle
    lake.settle = lambda *a: (plain(*a), stop())
elif where == "journaling":
    publishing.append = stop
importing.import_layer("survey.DLTB", sys.argv[1], "990121", date.fromisoformat(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Path:
    """A node with the embedded database, outside the test's."""
    data = tmp_path_factory.mktemp("node")
    run_python(data, SETUP)
    return data


def environment(data: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JINTU_")}
    return kept | {
        "JINTU_DATA": str(data),
        "JINTU_SECRET_KEY": "tests-only",
        "JINTU_DIVISION": "990121",
        "JINTU_BUSINESS_DATE": "2026-06-15",
        "DJANGO_SETTINGS_MODULE": "jintu.config.settings",
        "JINTU_LANGUAGE": "en",
    }


def run_python(data: Path, code: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment(data), capture_output=True, text=True, check=check
    )


def jintu(data: Path, *arguments: object, code: int = 0, **variables: str) -> str:
    script = "from jintu.cli import main; main()"
    argv = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(argv, env=environment(data) | variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    for_programs = "--json" in argv  # a slow command tells its progress beside it
    return done.stdout + done.stderr if code and not for_programs else done.stdout


def answer(data: Path, *arguments: object) -> Any:
    return json.loads(jintu(data, *arguments, "--json"))


def test_a_layer_from_file_to_figures_on_the_command_line(node, tmp_path) -> None:
    old = grid.dltb(tmp_path / "old.gpkg")
    new = grid.dltb(tmp_path / "new.gpkg", DLBM={0: "203"}, DLMC={0: "村庄"})
    first = answer(node, *LOAD, "DLTB", old, "--valid-from", "2023-12-31")
    second = answer(node, *LOAD, "survey.DLTB", new, "--valid-from", "2024-12-31", "--name", "2024")
    assert (first["rows"], second["version"]["name"]) == (30, "2024")
    listed = answer(node, "layer", "list")
    assert [v["hash"] for v in listed] == [second["version"]["hash"], first["version"]["hash"]]
    shown = answer(node, "layer", "show", "DLTB@2024")
    assert shown["manifest"]["rows"] == 30 and shown["manifest"]["hash"] == second["version"]["hash"]
    assert all(v["ok"] for v in answer(node, "layer", "verify"))
    found = answer(node, "layer", "diff", "DLTB@2023-12-31", "DLTB@2024")
    assert found["attributes"] == ["1"] and found["transitions"][0]["from"] == "011"

    parcels = {
        "A": shapely.box(*_corner(0.5, 0.5), *_corner(2.5, 1.5)),
        "B": shapely.box(*_corner(3, 3), *_corner(4, 4)),
    }
    file = grid.write(tmp_path / "parcels.gpkg", {"DKBH": list(parcels)}, list(parcels.values()))
    rows = answer(node, "analyse", file, "DLTB", "--by", "DLBM")
    assert {r["layer_version"] for r in rows} == {second["version"]["hash"]}
    assert {r["parcel"] for r in rows} == {"A", "B"} and all(
        set(r) == {"parcel", "DLBM", "area_m2", "layer_version"} for r in rows
    )
    geod = Geod(a=6378137, rf=298.257222101)
    for name, shape in parcels.items():
        area = abs(geod.geometry_area_perimeter(shapely.segmentize(grid.lonlat(shape), 1e-4))[0])
        assert sum(r["area_m2"] for r in rows if r["parcel"] == name) == pytest.approx(area, rel=2e-6)
    before = answer(node, "analyse", file, "survey.DLTB@2024-06-30", "--by", "land_use_code", "--id", "DKBH")
    assert {r["layer_version"] for r in before} == {first["version"]["hash"]}
    by_name = answer(node, "analyse", file, "DLTB@2024", "--by", "ownership")
    assert {r["ownership"] for r in by_name} == {"20", "30"}
    both = answer(node, "analyse", file, "DLTB", "--by", "DLBM,ownership", "--executor", "threads:1")
    assert all(set(r) == {"parcel", "DLBM", "ownership", "area_m2", "layer_version"} for r in both)
    for one in rows:
        parts = [r["area_m2"] for r in both if (r["parcel"], r["DLBM"]) == (one["parcel"], one["DLBM"])]
        assert sum(parts) == pytest.approx(one["area_m2"], abs=1e-3)
    assert "names no executor" in jintu(node, "analyse", file, "DLTB", "--by", "DLBM", "--executor", "x", code=3)
    assert "no attribute" in jintu(node, "analyse", file, "DLTB", "--by", "X", code=4)
    assert "no version" in jintu(node, "analyse", file, "DLTB@none", "--by", "DLBM", code=4)

    data = next((node / "lake" / "survey.DLTB" / "990121").glob("2024*")) / "data.parquet"
    good = data.read_bytes()
    data.write_bytes(good[:-100] + bytes([good[-100] ^ 1]) + good[-99:])
    assert "was changed" in jintu(node, "layer", "verify", "DLTB@2024", code=1)
    data.write_bytes(good)
    assert "withdrawn" in jintu(node, "layer", "withdraw", "DLTB@2024", "--reason", "wrong")
    assert {r["layer_version"] for r in answer(node, "analyse", file, "DLTB", "--by", "DLBM")} == {
        first["version"]["hash"]
    }
    assert "has not been inspected" in jintu(node, "layer", "publish", "DLTB@2024", code=1)
    jintu(node, "layer", "publish", "DLTB@2024", "--reason", "right after all")


def _corner(i: float, j: float) -> tuple[float, float]:
    return grid.EAST + i * grid.STEP, grid.NORTH + j * grid.STEP


def test_a_refused_file_ends_with_exit_code_3_and_all_problems(node, tmp_path) -> None:
    path = grid.dltb(tmp_path / "bad.gpkg", DLBM={0: "019"}, TBMJ={4: -5.0})
    told = jintu(node, *LOAD, "DLTB", path, "--valid-from", "2020-01-01", code=3)
    assert "2 problems, nothing was loaded" in told and "row 5, field TBMJ" in told
    listed = json.loads(jintu(node, *LOAD, "DLTB", path, "--valid-from", "2020-01-01", "--json", code=3))
    assert listed["problems"] == 2 and listed["list"][0]["row"] == 1
    assert "no layer called" in jintu(node, *LOAD, "XYZ", path, "--valid-from", "2020-01-01", code=4)


def test_what_was_left_out_is_written_to_a_list(node, tmp_path) -> None:
    path = grid.dltb(tmp_path / "c.gpkg", DLBM=dict.fromkeys(range(25), "019"))
    there = tmp_path / "left.xlsx"
    load = (*LOAD, "DLTB", str(path), "--valid-from", "2001-12-31", "--good-only", "--problems", str(there))
    told = jintu(node, *load)
    assert "25 left out" in told
    sheet = CalamineWorkbook.from_path(str(there)).get_sheet_by_index(0)
    assert {row[0] for row in sheet.to_python()[1:]} == set(range(1, 26))


def test_a_mapping_file_is_used_and_kept(node, tmp_path) -> None:
    path = grid.write(tmp_path / "z.gpkg", {"使用": ["住宅", "農業"]}, [grid.cell(0, 0), grid.cell(1, 0)])
    mapping = tmp_path / "foreign.yaml"
    mapping.write_text(
        "columns: {zone_type: 使用}\nconstants: {feature_code: '2003020110'}\n"
        "values: {zone_type: {住宅: '030', '*': '990'}}\nsequence: bsm\narea: zone_area_m2\n",
        encoding="utf-8",
    )
    arguments = (*LOAD, "TDYTQ", path, "--valid-from")
    answer(node, *arguments, "2024-01-01", "--mapping", mapping, "--save-mapping", "foreign")
    second = answer(node, *arguments, "2025-01-01", "--mapping", "foreign")
    assert second["rows"] == 2
    assert "no mapping none" in jintu(node, *arguments, "2026-01-01", "--mapping", "none", code=4)


COUNT = """
import django; django.setup()
from jintu.foundation.journal.models import Entry
from jintu.foundation.layers.models import LayerVersion
print(LayerVersion.objects.count(), Entry.objects.count())
"""


@pytest.mark.parametrize(
    ("where", "day"), [("writing", "2001-01-01"), ("settling", "2002-01-01"), ("journaling", "2003-01-01")]
)
def test_killed_while_publishing_nothing_is_half_done(tmp_path, node, where: str, day: str) -> None:
    path = grid.dltb(tmp_path / f"{where}.gpkg", TBBH={0: where[:8]})
    before = run_python(node, COUNT).stdout
    done = run_python(node, KILLED, str(path), where, day, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert run_python(node, COUNT).stdout == before
    drafts = node / "lake" / ".incoming"
    assert (len(list(drafts.glob("*"))) == 1) == (where == "writing")
    # the next try finds a consistent node, removes the draft of the dead and goes through
    result = answer(node, *LOAD, "DLTB", path, "--valid-from", day)
    assert result["rows"] == 30 and not list(drafts.glob("*"))
    assert answer(node, "layer", "verify", f"DLTB@{day}")[0]["ok"]


FULL = """
import resource, sys
import django; django.setup()
from datetime import date
from jintu.foundation.layers import content, importing
where = sys.argv[2]
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
def short(plain):
    def work(*a, **k):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
        try:
            return plain(*a, **k)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    return work
if where == "data":
    content.write = short(content.write)
elif where == "small scales":
    importing._write_low = short(importing._write_low)
from jintu.kernel.errors import Refused
try:
    importing.import_layer("survey.DLTB", sys.argv[1], "990121", date.fromisoformat(sys.argv[3]))
except Refused as error:
    print(error)
"""
IN_FORCE = """
import django; django.setup()
from datetime import date
from jintu.foundation.layers import versions
found = versions.in_force("survey.DLTB", "990121", date(1999, 6, 1))
print(found.valid_from, found.table().num_rows, versions.verify(found))
"""


@pytest.mark.parametrize(("where", "day"), [("data", "1999-02-01"), ("small scales", "1999-03-01")])
def test_a_full_disc_leaves_the_last_version_in_force_and_says_so(tmp_path, node, where: str, day: str) -> None:
    """The kernel refuses to write beyond a size: what a full disc does, at each of the places where one bites."""
    if '"1999-01-01"' not in json.dumps(answer(node, "layer", "list")):
        first = grid.dltb(tmp_path / "first.gpkg", TBBH={0: "first"})
        answer(node, *LOAD, "DLTB", first, "--valid-from", "1999-01-01")
    path = grid.dltb(tmp_path / "next.gpkg", TBBH={0: where[:8]})
    before = run_python(node, COUNT).stdout
    done = run_python(node, FULL, str(path), where, day)
    assert "The disc is full" in done.stdout and "Make room" in done.stdout, done.stderr
    assert run_python(node, COUNT).stdout == before
    assert run_python(node, IN_FORCE).stdout.split() == ["1999-01-01", "30", "[]"]
    assert not list((node / "lake" / ".incoming").glob("*")), "no draft is left to fill the disc further"
    assert answer(node, *LOAD, "DLTB", path, "--valid-from", day)["rows"] == 30
    jintu(node, "layer", "withdraw", f"DLTB@{day}", "--reason", "test")


def test_the_worker_parent_imports_nothing_heavy_for_layers(node) -> None:
    code = "import django, sys; django.setup(); print([m for m in ('polars', 'pyarrow', 'numba') if m in sys.modules])"
    started = time.monotonic()
    assert run_python(node, code).stdout.strip() == "[]"
    assert time.monotonic() - started < 60


def test_imagery_is_added_and_switched_by_the_operator(node) -> None:
    address = "https://imagery.example/{z}/{x}/{y}.png"
    assert "turn it on" in jintu(node, "layer", "imagery", "add", "正射影像", address, "--taken-on", "2025-05-01")
    (source,) = answer(node, "layer", "imagery", "list")
    assert (source["name"], source["enabled"], source["url"]) == ("正射影像", False, address)
    jintu(node, "layer", "imagery", "on", "正射影像")
    assert answer(node, "layer", "imagery", "list")[0]["enabled"] is True
    jintu(node, "layer", "imagery", "off", "正射影像")
    assert "no imagery called" in jintu(node, "layer", "imagery", "on", "none", code=4)
    assert "no tile address" in jintu(node, "layer", "imagery", "add", "x", "https://imagery.example/a.png", code=3)


def test_an_old_datum_is_left_behind_only_with_parameters_that_fit(node: Path, tmp_path: Path) -> None:
    from jintu.kernel import formats
    from jintu.kernel.tests import test_transformation as made

    shape = shapely.box(40_390_000, 4_020_000, 40_390_100, 4_020_100)
    old = grid.write(tmp_path / "old.gpkg", {"DKBH": ["1"]}, [shape], crs=made.OLD)
    held = made.file(tmp_path)
    told = answer(node, "transform", old, tmp_path / "new.gpkg", "--parameters", held)
    assert told["rows"] == 1 and told["points"] == 5 and told["worst_m"] == 0
    with formats.read(tmp_path / "new.gpkg") as source:
        (moved,) = shapely.from_wkb(source.table().column(formats.GEOMETRY).to_pylist())
    expected = grid.lonlat(shapely.Point(made.by_proj([(40_390_000, 4_020_000, 114.0)])[0][:2]))
    assert shapely.MultiPoint(shapely.get_coordinates(moved)).distance(expected) < 1e-8
    made.file(tmp_path, made.WRONG["sign of a rotation"])
    refused = jintu(node, "transform", old, tmp_path / "no.gpkg", "--parameters", held, code=1)
    assert "control point N00" in refused and " m are allowed" in refused
    assert not (tmp_path / "no.gpkg").exists()


def test_the_layers_of_a_file_are_listed_and_one_is_named(node, tmp_path) -> None:
    path = grid.dltb(tmp_path / "county.gpkg")
    data, shapes = grid.patches()
    grid.write(path, {k: v[:5] for k, v in data.items()}, shapes[:5], layer="some")
    listed = answer(node, "layer", "contents", path, "--schema", "DLTB")
    assert [(m["name"], m["count"], m["crs"], m["taken"]) for m in listed] == [
        ("county", 30, grid.CRS, False),
        ("some", 5, grid.CRS, False),
    ]
    assert "Choose one of: county, some" in jintu(node, *LOAD, "DLTB", path, "--valid-from", "2019-12-31", code=3)
    loaded = answer(node, *LOAD, "DLTB", path, "--layer", "some", "--valid-from", "2019-12-31")
    assert loaded["rows"] == 5


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"JINTU_LANGUAGE": "", "LC_ALL": "zh_CN.UTF-8", "LANG": "C"}, "bad.gpkg，第 1 行"),
        ({"JINTU_LANGUAGE": "zh", "LC_ALL": "C.UTF-8"}, "bad.gpkg，第 1 行"),
        (
            {"JINTU_LANGUAGE": "", "LC_ALL": "", "LC_MESSAGES": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"},
            "bad.gpkg, row 1",
        ),
        ({"JINTU_LANGUAGE": "", "LC_ALL": "C"}, "bad.gpkg, row 1"),
    ],
)
def test_commands_speak_the_language_of_the_terminal(node, tmp_path, variables, words) -> None:
    path = grid.dltb(tmp_path / "bad.gpkg", DLBM={0: "019"})
    options = ("DLTB", path, "--valid-from", "2009-12-31")
    said = jintu(node, "layer", "import", *options, code=3, PYTHONIOENCODING="utf-8", **variables)
    assert words in said


def test_what_programs_read_does_not_depend_on_the_language(node, tmp_path) -> None:
    path = grid.dltb(tmp_path / "bad.gpkg", DLBM={0: "019"})
    said = [
        json.loads(
            jintu(node, *LOAD, "DLTB", path, "--valid-from", "2008-12-31", "--json", code=3, JINTU_LANGUAGE=language)
        )
        for language in ("zh", "en")
    ]
    assert said[0] == said[1] and "is not a code" in said[0]["list"][0]["problem"]
    asked = ("layer", "match", path, "--schema", "DLTB", "--json")
    proposed = [jintu(node, *asked, JINTU_LANGUAGE=language, PYTHONIOENCODING="utf-8") for language in ("zh", "en")]
    assert proposed[0] == proposed[1]
