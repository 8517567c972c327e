"""What differs between two versions, and the panel that shows it."""

from __future__ import annotations

from datetime import date

import pytest

from jintu.foundation.layers import importing
from jintu.foundation.layers.atlas import difference, prepared
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job

from . import grid

OLD, NEW = "2023-12-31", "2024-12-31"


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(prepared, "EDITION", tmp_path.name)


@pytest.fixture
def states(db, tmp_path):
    """Patch 1 becomes a village, patch 2 takes half of patch 3, patch 30 is gone, patch 99 is new."""
    data, shapes = grid.patches()
    old = importing.import_layer(
        "DLTB", grid.write(tmp_path / "a.gpkg", data, shapes), "990121", date.fromisoformat(OLD)
    )
    data, shapes = grid.patches(DLBM={0: "203"}, DLMC={0: "村庄"}, GDPDJ={0: None}, GDLX={0: None}, TKXS={0: 0.0})
    half = grid.cell(2, 0).intersection(_left(2.5))
    shapes[1], shapes[2] = shapes[1].union(half), shapes[2].difference(half)
    shapes[29] = grid.cell(7, 7)
    data["BSM"][29] = 99
    new = importing.import_layer(
        "DLTB", grid.write(tmp_path / "b.gpkg", data, shapes), "990121", date.fromisoformat(NEW)
    )
    return old.version, new.version


def _left(cells: float):
    import shapely

    return shapely.box(0, 0, grid.EAST + cells * grid.STEP, 1e9)


def test_each_feature_counts_once_under_what_matters_most(states) -> None:
    facts = difference.compute(*states)
    assert facts["counts"] == {"came": 1, "went": 1, "class": 1, "attributes": 0, "outline": 2}
    assert facts["same"] == 30 - 1 - 1 - 2
    (village,) = difference.rows_of(facts, "class")
    assert (village["key"], village["from"], village["to"]) == ("1", "011", "203")
    assert village["area_m2"] == pytest.approx(grid.official(grid.cell(0, 0)), rel=1e-6)
    west, south, east, north = village["box"]
    assert west < east and south < north
    assert [r["key"] for r in difference.rows_of(facts, pair=("011", "203"))] == ["1"]


def test_areas_by_class_are_those_of_the_versions(states) -> None:
    old, new = states
    for code, before, after in difference.compute(old, new)["classes"]:
        assert before == pytest.approx(float(old.quality["classes"].get(code, {}).get("area_m2", 0)))
        assert after == pytest.approx(float(new.quality["classes"].get(code, {}).get("area_m2", 0)))


def test_the_panel_shows_counts_places_and_outlines(states, director) -> None:
    old, new = states
    page = director.get("/map/difference/").content.decode()
    assert "data-map-overlay" in page and "data-map-fly" in page
    assert f'value="{old.pk}" selected' in page and f'value="{new.pk}" selected' in page
    narrowed = director.get("/map/difference/", {"layer": "survey.DLTB", "old": new.pk, "new": old.pk, "kind": "went"})
    text = narrowed.content.decode()
    assert "<span>30<small>" in text and "<span>99<small>" not in text


def test_a_neighbour_sees_nothing_and_cannot_ask(states, neighbour) -> None:
    old, new = states
    page = neighbour.get("/map/difference/", {"old": old.pk, "new": new.pk, "layer": "survey.DLTB"})
    assert "No layer has two versions yet" in page.content.decode()


def test_versions_must_be_two(states, director) -> None:
    old, _new = states
    answer = director.get("/map/difference/", {"layer": "survey.DLTB", "old": old.pk, "new": old.pk})
    assert answer.status_code == 422
    assert director.get("/map/difference/", {"layer": "survey.DLTB", "old": old.pk, "new": 999}).status_code == 404


def test_a_large_layer_is_left_to_one_job(states, director, inspector, monkeypatch) -> None:
    monkeypatch.setattr(prepared, "AT_ONCE", 10)
    first = director.get("/map/difference/").content.decode()
    inspector.get("/map/difference/")
    assert "being prepared" in first
    (job,) = Job.objects.filter(kind="atlas.difference")
    jobs.execute(job.pk)
    assert "data-map-overlay" in director.get("/map/difference/").content.decode()


def test_both_orders_of_two_tables_give_the_same_counts(states) -> None:
    old, new = states
    there, back = difference.compute(old, new), difference.compute(new, old)
    assert (there["counts"]["came"], there["counts"]["went"]) == (back["counts"]["went"], back["counts"]["came"])
    assert {(a, b) for a, b, _area in there["transitions"]} == {(b, a) for a, b, _area in back["transitions"]}
