"""A file of several layers: they are listed, the one called like the schema is offered, and nobody is guessed for."""

from __future__ import annotations

import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jintu.foundation.layers import assistant, importing, members, schemas
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job
from jintu.kernel import formats
from jintu.kernel.errors import InputError

from . import grid
from .conftest import DAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A GeoPackage with the villages first, then two layers of patches."""
    path = tmp_path / "county.gpkg"
    grid.villages(path)
    villages = path.rename(tmp_path / "v.gpkg")
    with formats.read(villages) as source:
        formats.write(path, source.table(), crs=grid.CRS, layer="villages")
    data, shapes = grid.patches()
    grid.write(path, data, shapes, layer="DLTB")
    grid.write(path, {k: v[:6] for k, v in data.items()}, shapes[:6], layer="old_patches")
    return path


@pytest.fixture
def packed(tmp_path: Path, several: Path) -> Path:
    """An archive of that file and of a shapefile."""
    grid.dltb(tmp_path / "patches.shp")
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in (several, *tmp_path.glob("patches.*")):
            archive.write(part, f"maps/{part.name}")
    return path


def test_members_are_told_with_geometry_rows_and_coordinate_system(several: Path) -> None:
    found = {m.name: m for m in formats.contents(several)}
    assert list(found) == ["villages", "DLTB", "old_patches"]
    assert [m.count for m in found.values()] == [2, 30, 6]
    assert {m.crs for m in found.values()} == {grid.CRS}
    assert members.kind_of(found["DLTB"]) == "polygon"
    assert members.fits(schemas.get("DLTB"), found["DLTB"]) and not members.fits(schemas.get("XZDW"), found["DLTB"])


def test_layers_of_a_file_in_an_archive_are_members_of_the_archive(packed: Path) -> None:
    names = [m.name for m in formats.contents(packed)]
    assert names == [*(f"maps/county.gpkg/{n}" for n in ("villages", "DLTB", "old_patches")), "maps/patches.shp"]
    assert formats.layers(packed) == names
    counts = [formats.read(packed, layer=name).count for name in names]
    assert counts == [2, 30, 6, 30]
    assert formats.may_hold_several(packed)


def test_what_holds_one_layer_offers_no_choice(tmp_path: Path) -> None:
    grid.dltb(tmp_path / "a.shp")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in tmp_path.glob("a.*"):
            if part.suffix != ".zip":
                archive.write(part, part.name)
    assert not formats.may_hold_several(tmp_path / "a.zip")
    assert not formats.may_hold_several(grid.dltb(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["XZQ", "DLTB"], "DLTB"),
        (["XZQ", "dltb", "DLTB_2009"], "dltb"),
        (["XZQ", "330105_dltb2009"], "330105_dltb2009"),
        (["行政区", "地类图斑"], "地类图斑"),
        (["maps/DLTB.shp", "maps/XZQ.shp"], "maps/DLTB.shp"),
        (["a.gpkg/DLTB", "a.gpkg/XZQ"], "a.gpkg/DLTB"),
        (["a.gpkg/DLTB", "b.gpkg/DLTB"], None),
        (["DLTB_1", "DLTB_2"], None),
        (["one", "two"], None),
    ],
)
def test_only_one_alone_is_meant_by_its_name(names: list[str], found: str | None) -> None:
    assert members.named_like(schemas.get("DLTB"), names) == found


def test_the_layer_called_like_the_schema_is_loaded_and_told(several: Path) -> None:
    result = importing.import_layer("DLTB", several, "990121", DAY)
    assert result.rows == 30 and any("DLTB is read, by its name" in n for n in result.notices)
    assert assistant.remembered_for(schemas.get("DLTB"), several) is None  # read, and nothing was accepted before


def test_without_a_name_to_go_by_the_question_is_asked(several: Path, packed: Path) -> None:
    with pytest.raises(InputError, match="Choose one of: villages, DLTB, old_patches"):
        importing.import_layer("TDYTQ", several, "990121", DAY)
    with pytest.raises(InputError, match=r"4 layers|4 datasets"):
        importing.import_layer("TDYTQ", packed, "990121", DAY)


def test_a_workbook_of_two_tables_is_not_read_by_its_first(tmp_path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        for name in ("empty", "one", "two"):
            sheet = book.add_worksheet(name)
            if name != "empty":
                sheet.write_row(0, 0, ["a", "b"])
    with pytest.raises(InputError, match="Choose one of: one, two"):
        formats.read(tmp_path / "a.xlsx", choose=members.chooser(schemas.get("GHZB")))


# --- the pages ----------


def _hand_in(client, path: Path, action: str = "", layer: str = "survey.DLTB"):
    upload = SimpleUploadedFile(path.name, path.read_bytes())
    asked = {"layer": layer, "division": "990121", "valid_from": "2024-12-31", "name": "n"}
    return client.post("/map/versions/import/", {"file": upload, "action": action, **asked})


def test_a_clerk_sees_the_layers_and_chooses(director, several: Path) -> None:
    answer = _hand_in(director, several)
    assert answer.status_code == 302 and "/import/member/" in answer["Location"] and not Job.objects.exists()
    page = director.get(answer["Location"])
    text = page.content.decode()
    assert "villages" in text and "EPSG:4528" in text and "polygons" in text
    (chosen,) = [r for r in page.context["found"] if r["chosen"]]
    assert chosen["member"].name == "DLTB"
    passed = {**page.context["passed"], "kept": page.context["ticket"]}
    answer = director.post("/map/versions/import/", {**passed, "member": "old_patches"})
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/" and job.arguments["member"] == "old_patches"
    jobs.work_off()
    job.refresh_from_db()
    assert (job.state, job.result["rows"]) == ("done", 6)


def test_the_layer_chosen_is_the_one_whose_columns_are_matched(director, several: Path) -> None:
    page = director.get(_hand_in(director, several, "match", "planning.TDYTQ")["Location"])
    assert not any(r["chosen"] for r in page.context["found"]) and "which one is it" in page.content.decode()
    passed = {**page.context["passed"], "kept": page.context["ticket"]}
    answer = director.post("/map/versions/import/", {**passed, "member": "villages", "action": "match"})
    assert parse_qs(urlparse(answer["Location"]).query)["member"] == ["villages"]
    page = director.get(answer["Location"])
    assert "XZQDM" in page.context["headers"] and page.context["passed"]["member"] == "villages"


def test_a_file_handed_in_again_has_its_layer_chosen(director, several: Path) -> None:
    page = director.get(_hand_in(director, several)["Location"])
    passed = {**page.context["passed"], "kept": page.context["ticket"]}
    answer = director.post("/map/versions/import/", {**passed, "before": "old_patches"})
    page = director.get(answer["Location"])
    assert [r["member"].name for r in page.context["found"] if r["chosen"]] == ["old_patches"]


def test_another_persons_file_is_not_listed(director, neighbour, several: Path) -> None:
    location = _hand_in(director, several)["Location"]
    assert neighbour.get(location).status_code == 404
