"""Rules on two worker processes: the same errors and the same pairs as in this process, though one worker is killed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from shapely import affinity

from jintu.domains.land.registers.supply import Supply
from jintu.foundation.checks import loading, parameters
from jintu.foundation.checks.inputs import Inputs
from jintu.foundation.checks.inspection import loading as inspected
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.checks.rules import Law, Layer, Rows, rule
from jintu.foundation.layers import content, importing, lake
from jintu.foundation.layers.tests import grid
from jintu.foundation.operations import executing
from jintu.kernel.executors import Dask, Threads
from jintu.kernel.overlay import fragments
from jintu.kernel.tests.cluster import Dying, two_workers

pytest.importorskip("distributed", reason="dask.distributed is not installed (pip install jintu[cluster])")
pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 15)


@rule(
    "T1",
    name=("供地地类", "Land use of supplies"),
    severity="blue",
    law=(Law("土地管理法", "第四十三条"),),
    needs={"supply": Rows("land.supply", geometry=True), "dltb": Layer("survey.DLTB", columns=("land_use_code",))},
    formula="",
)
def land_use_of_supplies(t, p):
    yield from ()


@pytest.fixture
def county(tmp_path, monkeypatch):
    """The grid county in row groups of five patches, one of which overlaps its neighbours and another leaves a gap."""
    monkeypatch.setattr(content, "ROW_GROUP", 5)
    monkeypatch.setattr(fragments, "ROWS", 5)
    moved = {8: affinity.scale(grid.cell(2, 1), 1.1, 1.1), 22: affinity.scale(grid.cell(4, 3), 0.9, 0.9)}
    path = grid.dltb(tmp_path / "dltb.gpkg", shapes=moved)
    return importing.import_layer("DLTB", path, "990121", date(2024, 12, 31)).version


@pytest.fixture
def cluster(tmp_path):
    with two_workers(tmp_path) as both:
        yield both


def report(version) -> tuple[list[tuple], pl.DataFrame]:
    found = inspect(inspected.dataset(version, []), dict(parameters.in_force(version.valid_from)))
    return [(o.rule.id, o.count, o.affected) for o in found.outcomes], found.errors


def test_the_setting_names_the_executor(settings) -> None:
    assert executing.executor() == Threads() and executing.cluster() is None
    settings.NODE = replace(settings.NODE, executor="dask://scheduler:8786")
    assert executing.cluster() == Dask("tcp://scheduler:8786")
    assert executing.executor("threads:2") == Threads(2)


def test_an_inspection_finds_the_same_though_a_worker_dies(county, cluster, monkeypatch) -> None:
    address, workers = cluster
    outcomes, errors = report(county)
    assert {"Q3102", "Q3103"} <= set(errors["rule"])
    for runs in (Dask(address), dying := Dying(address, workers[0])):
        monkeypatch.setattr(executing, "cluster", lambda runs=runs: runs)
        again, same = report(county)
        assert again == outcomes
        assert_frame_equal(same, errors, check_exact=True)
    assert dying.killed


def test_supervision_overlays_the_same_though_a_worker_dies(county, cluster, monkeypatch) -> None:
    address, workers = cluster
    for number, block in enumerate([(0.3, 0.4, 3.9, 2.7), (1.2, 1.1, 2.5, 2.5), (20, 20, 1, 1)]):
        shape = grid.lonlat(grid.cell(*block))
        Supply.objects.create(supply_no=f"S{number}", division="990121", geom=shape, area=1, signed_on=date(2026, 1, 1))

    def pairs() -> tuple[pl.DataFrame, pl.DataFrame]:
        loaded = loading.load([land_use_of_supplies], "990121", DAY)
        t = Inputs.from_loaded(land_use_of_supplies, loaded, DAY)
        return t.overlap("supply", "dltb"), t.classes("supply", "dltb", "land_use_code")

    here = pairs()
    assert here[0].height > 20
    for runs in (Dask(address), dying := Dying(address, workers[1])):
        monkeypatch.setattr(executing, "cluster", lambda runs=runs: runs)
        for one, other in zip(pairs(), here, strict=True):
            assert_frame_equal(one, other, check_exact=True)
    assert dying.killed


def test_an_analysis_of_a_changed_file_is_refused(county) -> None:
    from jintu.foundation.layers import overlaying
    from jintu.kernel.errors import Refused
    from jintu.kernel.flat import from_shapely

    lots = from_shapely([grid.lonlat(grid.cell(0, 0, 3, 3))])
    assert overlaying.by_attributes(lots, [county], ["land_use_code"])
    path = Path(county.directory / lake.DATA)
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(Refused, match="was changed"):
        overlaying.by_attributes(lots, [county], ["land_use_code"])


def test_outlines_of_a_layer_are_read_when_a_rule_asks_and_answer_as_those_of_a_frame(county) -> None:
    Supply.objects.create(supply_no="GD-1", division="990121", geom=grid.lonlat(grid.cell(0, 0, 3, 2)))
    loaded = loading.load([land_use_of_supplies], "990121", DAY)
    (frame,) = loaded.layers.values()
    assert frame.columns == ["land_use_code"]
    lazy = Inputs.from_loaded(land_use_of_supplies, loaded, DAY)
    whole = frame.with_columns(geometry=pl.Series(county.table(["geometry"])["geometry"].to_pylist(), dtype=pl.Binary))
    plain = Inputs.of(supply=loaded.registers["land.supply", True], dltb=whole)
    assert_frame_equal(lazy.overlap("supply", "dltb"), plain.overlap("supply", "dltb"))
    assert lazy.overlap("supply", "dltb").height > 1
    assert lazy.areas("dltb").to_list() == plain.areas("dltb").to_list()
    assert_frame_equal(lazy.within_distance("supply", "dltb", 5), plain.within_distance("supply", "dltb", 5))
    assert lazy.cut("supply", 0, ("dltb", [0, 1])) == plain.cut("supply", 0, ("dltb", [0, 1]))
    assert lazy.missing(land_use_of_supplies.needs) == []


def test_facts_of_subjects_are_those_of_the_rows_that_findings_name(county) -> None:
    from jintu.foundation.checks.runner import _facts_of_subjects

    for number in range(3):
        Supply.objects.create(supply_no=f"GD-{number}", division="990121")
    loaded = loading.load([land_use_of_supplies], "990121", DAY)
    divisions, versions, titles = _facts_of_subjects(loaded, {("land.supply", "GD-1"), ("survey.DLTB", "7")})
    assert divisions == {("land.supply", "GD-1"): "990121"}
    assert list(versions) == list(titles) == [("land.supply", "GD-1")] and versions["land.supply", "GD-1"].endswith(
        ":1"
    )
