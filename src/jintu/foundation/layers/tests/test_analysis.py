"""Occupation analysis: figures that an independent computation confirms, and words that fit them."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
import shapely
from django.utils import translation
from pyproj import Geod

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import analysis, outlines, reporting
from jintu.foundation.layers.models import AnalysisResult
from jintu.kernel import formats
from jintu.kernel.errors import InputError

from . import grid

pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 15)
COUNTY = Scope(("990121",), 1, frozenset({"view", "analyse"}))
GEOD = Geod(a=6378137, rf=298.257222101)


def said(answer: dict) -> list[str]:
    """The sentences in English, whatever the language of the node."""
    with translation.override("en"):
        return reporting.sentences(answer)


def geodesic(shape) -> float:
    """Area by an independent road: GEOS cuts, PROJ measures. Edges are cut into ten-metre pieces, because PROJ joins
    vertices by geodesics and we by lines straight in degrees."""
    shape = shapely.segmentize(shape, 1e-4)
    parts = [p for g in shapely.get_parts([shape]) for p in shapely.get_parts(g) if p.geom_type == "Polygon"]
    return sum(abs(GEOD.geometry_area_perimeter(p)[0]) for p in parts)


def drawn(i: float, j: float, width: float, height: float) -> outlines.Outline:
    """An outline drawn on the map, in cells."""
    x, y = grid.EAST + i * grid.STEP, grid.NORTH + j * grid.STEP
    shape = grid.lonlat(shapely.box(x, y, x + width * grid.STEP, y + height * grid.STEP))
    return outlines.from_geojson(shapely.to_geojson(shape))


def analysed(*block: float) -> dict:
    return analysis.analyse(drawn(*block), COUNTY, DAY)


def test_class_areas_agree_with_an_independent_computation(county) -> None:
    outline = drawn(0.3, 0.4, 3.9, 2.7)
    answer = analysis.analyse(outline, COUNTY, DAY)
    shape = outline.parcels[0].geometry
    expected: dict[str, float] = {}
    for row in county["DLTB"].table(["land_use_code", "geometry"]).to_pylist():
        area = geodesic(shapely.intersection(shapely.from_wkb(row["geometry"]), shape))
        expected[row["land_use_code"]] = expected.get(row["land_use_code"], 0.0) + area
    found = {e["code"]: e["area_m2"] for e in answer["land_use"]["classes"]}
    assert found.keys() == {c for c, a in expected.items() if a > 0.1}
    for code, area in found.items():
        assert area == pytest.approx(expected[code], rel=1e-7, abs=0.02)
    assert answer["area_m2"] == pytest.approx(geodesic(shape), rel=1e-7, abs=0.02)
    assert sum(found.values()) == pytest.approx(answer["area_m2"], rel=1e-7)
    assert answer["land_use"]["outside_m2"] == 0


def test_the_three_classes_ownership_and_ridges(county) -> None:
    use = analysed(0, 0, 6, 5)["land_use"]
    sums = {e["code"]: e["area_m2"] for e in use["classes"]}
    assert use["three"]["AGRI"] == pytest.approx(sums["011"] + sums["013"] + sums["031"] + sums["104"], abs=0.05)
    assert use["three"]["CONSTRUCTION"] == pytest.approx(sums["203"], abs=0.05) and use["three"]["UNUSED"] == 0
    assert use["cultivated_m2"] == pytest.approx(sums["011"] + sums["013"], abs=0.05)
    assert use["ridge_m2"] == pytest.approx(0.1 * use["cultivated_m2"], rel=1e-6)
    assert use["ownership"]["state"] == pytest.approx(sums["203"] + sums["104"], abs=0.05)
    assert [e["code"] for e in use["first"]] == ["01", "03", "10", "20"]


def test_what_lies_outside_the_survey_is_said(county) -> None:
    answer = analysed(5, 4, 2, 1)
    assert answer["land_use"]["outside_m2"] == pytest.approx(answer["area_m2"] / 2, rel=1e-4)
    assert any("outside the surveyed area" in s for s in said(answer))


@pytest.mark.parametrize(
    ("block", "conclusion", "farmland"),
    [
        ((0, 0, 2, 1), "conforming", 0),
        ((1, 0, 2, 1), "conditional", 0),
        ((2.5, 0, 1, 1), "not_conforming", 0),
        ((4, 0, 2, 1), "not_conforming", 2),
        ((-1, 0, 2, 1), "unknown", 0),
    ],
)
def test_plan_conclusion_and_basic_farmland(county, block, conclusion: str, farmland: int) -> None:
    answer = analysed(*block)
    assert answer["conformity"]["conclusion"] == conclusion
    assert answer["farmland"]["count"] == farmland
    zones = {"permitted_m2", "conditional_m2", "restricted_m2", "prohibited_m2", "outside_m2"}
    assert sum(answer["conformity"][z] for z in zones) == pytest.approx(answer["area_m2"], rel=1e-5)


def test_without_layers_nothing_is_claimed(db) -> None:
    answer = analysed(0, 0, 1, 1)
    assert answer["land_use"] is answer["farmland"] is answer["zones"] is None
    assert answer["conformity"]["conclusion"] == "unknown" and answer["versions"] == []
    assert "no version is in force" in said(answer)[1]


def test_the_neighbour_gets_no_figures_of_this_county(county) -> None:
    answer = analysis.analyse(drawn(0, 0, 1, 1), Scope(("990122",), 1, frozenset({"view"})), DAY)
    assert answer["land_use"] is None and answer["versions"] == []


def test_the_same_question_gives_the_same_answer_and_names_its_versions(county) -> None:
    first, second = analysed(1, 1, 2, 2), analysed(1, 1, 2, 2)
    assert first == second
    assert {v["hash"] for v in first["versions"]} == {county[k].hash for k in ("DLTB", "JBNTTB", "TDYTQ", "JSYDGZQ")}
    before = analysis.analyse(drawn(1, 1, 2, 2), COUNTY, date(2024, 12, 30))
    assert before["versions"] == []


# -- hand-ins ----------


def parcels_txt(path, areas: list[str], cells: list) -> bytes:
    table = pa.table(
        {
            "area_ha": areas,
            "parcel_no": [str(k + 1) for k in range(len(cells))],
            "parcel_name": [f"地块{k + 1}" for k in range(len(cells))],
            "use": ["061"] * len(cells),
            "geometry": pa.array(shapely.to_wkb(cells), pa.binary()),
        }
    )
    formats.write(path, table, crs=grid.CRS)
    return path.read_bytes()


def test_declared_areas_of_a_boundary_point_file_are_compared_by_the_survey_rule(county, tmp_path) -> None:
    cells = [grid.cell(0, 0), grid.cell(1, 0, 1, 2)]
    right = [f"{grid.official(c) / 10_000:.4f}" for c in cells]
    outline = outlines.from_upload(io.BytesIO(parcels_txt(tmp_path / "a.txt", right, cells)), "a.txt")
    assert [p.name for p in outline.parcels] == ["地块1", "地块2"] and outline.crs == "EPSG:4528"
    declared = analysis.analyse(outline, COUNTY, DAY)["declared"]
    assert declared["agrees"] and declared["official"] and abs(Decimal(declared["difference_m2"])) < 1
    wrong = [right[0], "9.9999"]
    outline = outlines.from_upload(io.BytesIO(parcels_txt(tmp_path / "b.txt", wrong, cells)), "b.txt")
    declared = analysis.analyse(outline, COUNTY, DAY)["declared"]
    assert not declared["agrees"]
    assert Decimal(declared["difference_m2"]) == pytest.approx(Decimal(str(grid.official(cells[1]))) - 99999, abs=1)


def test_parcels_that_overlap_one_another_are_noticed(county, tmp_path) -> None:
    cells = [grid.cell(0, 0, 2, 1), grid.cell(1, 0, 2, 1)]
    outline = outlines.from_upload(io.BytesIO(parcels_txt(tmp_path / "a.txt", ["8", "8"], cells)), "a.txt")
    answer = analysis.analyse(outline, COUNTY, DAY)
    assert answer["own_overlap_m2"] == pytest.approx(grid.official(grid.cell(1, 0)), rel=1e-5)
    assert any("counted twice" in s for s in said(answer))


def test_a_zipped_shapefile_is_analysed(county, tmp_path) -> None:
    grid.write(tmp_path / "p.shp", {"DKMC": ["甲"]}, [grid.cell(0, 0)], encoding="gb18030")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for part in tmp_path.glob("p.*"):
            if part.suffix != ".zip":
                archive.write(part, part.name)
    outline = outlines.from_upload(io.BytesIO((tmp_path / "p.zip").read_bytes()), "p.zip")
    assert [p.name for p in outline.parcels] == ["甲"] and outline.source_hash.startswith("sha256:")
    assert analysis.analyse(outline, COUNTY, DAY)["conformity"]["conclusion"] == "conforming"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("[1]", "cannot be read"),
        ('{"type":"Point","coordinates":[118,36]}', "not an area"),
        ('{"type":"Polygon","coordinates":[]}', "no outline"),
        ('{"type":"Polygon","coordinates":[[[118,36],[118.1,36.1],[118.1,36],[118,36.1],[118,36]]]}', "crosses itself"),
        ('{"type":"Polygon","coordinates":[[[36,88],[36.1,88],[36.1,88.1],[36,88]]]}', "swapped"),
        ('{"type":"Polygon","coordinates":[[[100,20],[110,20],[110,30],[100,30],[100,20]]]}', "at most 5000 km²"),
    ],
)
def test_outlines_that_cannot_be_analysed_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        outlines.from_geojson(text)


def test_an_upload_is_limited(monkeypatch, tmp_path) -> None:
    cells = [grid.cell(0, 0), grid.cell(2, 0)]
    data = parcels_txt(tmp_path / "a.txt", ["4", "4"], cells)
    monkeypatch.setattr(outlines, "MOST_PARCELS", 1)
    with pytest.raises(InputError, match="2 outlines"):
        outlines.from_upload(io.BytesIO(data), "a.txt")
    monkeypatch.setattr(outlines, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="larger than"):
        outlines.from_upload(io.BytesIO(data), "../../a.txt")
    with pytest.raises(InputError):
        outlines.from_upload(io.BytesIO(b"\x00" * 50), "a.shp")


# -- pages ----------


def post(client, *block: float, **more):
    x, y = grid.EAST + block[0] * grid.STEP, grid.NORTH + block[1] * grid.STEP
    shape = grid.lonlat(shapely.box(x, y, x + block[2] * grid.STEP, y + block[3] * grid.STEP))
    return client.post("/map/analyse/", {"geometry": shapely.to_geojson(shape), "as_of": "2026-06-15", **more})


def test_the_panel_shows_and_keeps_the_result(county, director) -> None:
    answer = post(director, 4, 0, 1, 1)
    text = answer.content.decode()
    assert answer.status_code == 200
    for words in ("031", "does not conform", county["DLTB"].short_hash, "data-map-overlay", "farmland"):
        assert words in text, words
    kept = AnalysisResult.objects.get()
    entry = Entry.objects.get(act="layer.analyse")
    assert entry.facts["hash"] == kept.hash and [str(kept.uid)] == [k for _, k in entry.objects_json]
    from jintu.kernel import hashing

    assert hashing.of_json(kept.result) == kept.hash


def test_units_and_levels_switch(county, director) -> None:
    post(director, 0, 0, 1, 1)
    url = f"/map/analyses/{AnalysisResult.objects.get().uid}/panel/"
    area = grid.official(grid.cell(0, 0))
    for unit, value in (("ha", f"{area / 1e4:.4f}"), ("mu", f"{area * 0.0015:.2f}"), ("m2", f"{area:.0f}"[:2])):
        assert value in director.get(url, {"unit": unit}).content.decode()
    assert "agricultural land" in director.get(url, {"level": "three"}).content.decode()
    assert director.get(url, {"unit": "acre", "level": "x"}).status_code == 200


def test_the_report_names_versions_method_and_hashes(county, director) -> None:
    post(director, 3, 0, 2, 1)
    kept = AnalysisResult.objects.get()
    text = director.get(f"/map/analyses/{kept.uid}/").content.decode()
    for words in (kept.hash, kept.result["outline"], county["DLTB"].hash, county["TDYTQ"].hash, analysis.METHOD):
        assert words in text
    assert (
        director.get(f"/map/analyses/{kept.uid}/outline.geojson").json()["features"][0]["properties"]["hash"]
        == kept.hash
    )


def test_the_workbook_holds_the_same_figures(county, director) -> None:
    from python_calamine import CalamineWorkbook

    post(director, 3, 0, 2, 1)
    kept = AnalysisResult.objects.get()
    book = CalamineWorkbook.from_filelike(io.BytesIO(director.get(f"/map/analyses/{kept.uid}/analysis.xlsx").content))
    assert book.sheet_names[:2] == ["Summary", "Present land use"]
    rows = book.get_sheet_by_name("Present land use").to_python()[1:]
    assert {(r[0], r[2]) for r in rows} == {(e["code"], e["area_m2"]) for e in kept.result["land_use"]["classes"]}
    hashes = [r[4] for r in book.get_sheet_by_name("Versions").to_python()[1:]]
    assert hashes == [v["hash"] for v in kept.result["versions"]]


def test_results_stay_within_the_scope(county, director, neighbour, inspector) -> None:
    post(director, 0, 0, 1, 1)
    url = f"/map/analyses/{AnalysisResult.objects.get().uid}/"
    assert [p.get(url).status_code for p in (director, inspector, neighbour)] == [200, 200, 404]


def test_who_may_not_analyse_is_told_so(county, administrator) -> None:
    assert post(administrator, 0, 0, 1, 1).status_code == 403


def test_an_upload_over_http(county, director, tmp_path) -> None:
    data = parcels_txt(tmp_path / "界址点.txt", ["3.9987"], [grid.cell(0, 0)])
    file = io.BytesIO(data)
    file.name = "界址点.txt"
    text = director.post("/map/upload/", {"file": file, "as_of": "2026-06-15"}).content.decode()
    assert "界址点.txt" in text and "Declared and computed" in text
    overlay = json.loads(text.split('data-map-overlay="">')[1].split("</script>")[0])
    assert overlay["features"][0]["properties"]["role"] == "selected"
    assert director.post("/map/upload/", {}).status_code == 422


def test_an_analysis_asks_few_questions_of_the_database(county, director, django_assert_max_num_queries) -> None:
    post(director, 0, 0, 6, 5)
    with django_assert_max_num_queries(20):
        assert post(director, 0.5, 0.5, 5, 4).status_code == 200
