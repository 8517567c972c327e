"""The sample's files: consistent with one another and with the truth, and the same for the same arguments."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Geod

from jintu.kernel.errors import Refused
from jintu.sample.around import CONTINUING
from jintu.sample.codes import CODES
from jintu.sample.county import County
from jintu.sample.generate import AS_OF, generate
from jintu.sample.ledger import HEADERS

GEOD = Geod(a=6378137.0, rf=298.257222101)
NOT_IMPLEMENTED = {"R45", "R48"}


@pytest.fixture(scope="module", params=[(16_000, 3), (18_000, 1)], ids=["16000-3", "demo"])
def sample(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Sample:
    patches, seed = request.param
    return Sample(tmp_path_factory.mktemp("sample"), patches, seed)


class Sample:
    def __init__(self, path: Path, patches: int, seed: int) -> None:
        self.path = path
        self.manifest = generate(patches, seed, path)
        self.truth = json.loads((path / "truth.json").read_text(encoding="utf-8"))
        self.rows: dict[str, list[dict[str, str]]] = {}
        for name, facts in self.manifest["registers"].items():
            with (path / facts["file"]).open(encoding=facts["encoding"], newline="") as stream:
                self.rows[name] = list(csv.DictReader(stream))

    def by_key(self, register: str) -> dict[str, dict[str, str]]:
        key = self.manifest["registers"][register]["key"]
        return {r[key]: r for r in self.rows[register]}

    def layer(self, schema: str, valid_on: str = "") -> tuple[dict[str, np.ndarray], np.ndarray]:
        facts = next(x for x in self.manifest["layers"] if x["schema"] == schema and x["valid_on"] >= valid_on)
        meta, _, wkb, columns = pyogrio.raw.read(self.path / facts["file"], encoding=facts["encoding"] or None)
        return dict(zip(meta["fields"].tolist(), columns, strict=True)), shapely.from_wkb(wkb)


def geodesic(geometry: Any) -> float:
    return sum(
        abs(GEOD.geometry_area_perimeter(shapely.geometry.polygon.orient(p))[0]) for p in shapely.get_parts(geometry)
    )


def planted(sample: Sample) -> set[tuple[str, str]]:
    """(register, key) of every row a plant is about."""
    out = set()
    for plant in sample.truth["plants"]:
        out |= {tuple(o) for o in plant["objects"]}
        for fired in plant["fires"]:
            out |= {tuple(o) for o in fired["objects"]}
    return out


def test_every_rule_has_three_violations_and_most_have_near_misses(sample: Sample) -> None:
    fired: dict[str, int] = defaultdict(int)
    missed: dict[str, int] = defaultdict(int)
    for plant in sample.truth["plants"]:
        for fire in plant["fires"]:
            fired[fire["rule"]] += 1
        if not any(f["rule"] == plant["rule"] for f in plant["fires"]):
            missed[plant["rule"]] += 1
    rules = {f"R{n:02d}" for n in range(1, 48)} - NOT_IMPLEMENTED
    assert {r for r in rules if fired[r] < 3} == set()
    assert {r for r in rules if not missed[r]} == set()


def test_no_finding_is_planted_twice(sample: Sample) -> None:
    seen = [(f["rule"], json.dumps(f["objects"])) for p in sample.truth["plants"] for f in p["fires"]]
    assert len(seen) == len(set(seen))


def test_objects_of_the_truth_exist(sample: Sample) -> None:
    keys = {name: set(sample.by_key(name)) for name in sample.rows}
    for register, key in planted(sample):
        assert key in keys[register], (register, key)


def test_headers_keys_and_counts(sample: Sample) -> None:
    for name, rows in sample.rows.items():
        assert tuple(rows[0]) == HEADERS[name]
        assert len(sample.by_key(name)) == len(rows), f"{name}: keys are unique"
        assert all(r["division"].startswith("990121") for r in rows)
    total = sum(len(r) for r in sample.rows.values())
    assert 0.75 < total / (sample.manifest["requested"] / 5) < 1.15


def test_links_lead_to_rows(sample: Sample) -> None:
    approvals, supplies = sample.by_key("land.approval"), sample.by_key("land.supply")
    projects = sample.by_key("land.compensation_project")
    assert all(r["doc_no"] in approvals for r in sample.rows["land.approval_parcel"])
    assert all(not r["doc_no"] or r["doc_no"] in approvals for r in sample.rows["land.supply"])
    for name in ("land.payment", "land.development_event", "land.idle_case"):
        assert all(r["supply_no"] in supplies for r in sample.rows[name])
    assert all(r["project_no"] in projects and r["doc_no"] in approvals for r in sample.rows["land.compensation_draw"])


def test_filed_areas_are_those_of_the_outlines(sample: Sample) -> None:
    odd = {
        k for rule in ("R04",) for p in sample.truth["plants"] if p["rule"] == rule for k in map(tuple, p["objects"])
    }
    odd_docs = {k for r, k in odd if r == "land.approval"}
    for name in ("land.approval_parcel", "land.supply", "land.temporary_use", "enforcement.patch"):
        key = HEADERS[name][0]
        for row in sample.rows[name]:
            if row.get("doc_no") in odd_docs or (name, row[key]) in odd:
                continue
            shape = shapely.from_wkt(row["geometry"])
            assert shape.is_valid
            assert float(row["area"]) == pytest.approx(geodesic(shape), rel=2e-6, abs=0.05), (name, row[key])


def test_every_outline_is_valid(sample: Sample) -> None:
    for name, rows in sample.rows.items():
        for row in rows:
            if row.get("geometry"):
                assert shapely.is_valid(shapely.from_wkt(row["geometry"])), (name, row[HEADERS[name][0]])


def test_clean_approvals_are_balanced_and_supplied_inside(sample: Sample) -> None:
    special = planted(sample)
    parcels: dict[str, list[Any]] = defaultdict(list)
    drawn: dict[str, float] = defaultdict(float)
    supplied: dict[str, list[dict[str, str]]] = defaultdict(list)
    for r in sample.rows["land.approval_parcel"]:
        parcels[r["doc_no"]].append(shapely.from_wkt(r["geometry"]))
    for r in sample.rows["land.compensation_draw"]:
        if r["state"] != "released":
            drawn[r["doc_no"]] += float(r["area"])
    for r in sample.rows["land.supply"]:
        supplied[r["doc_no"]].append(r)
    clean = 0
    for doc_no, a in sample.by_key("land.approval").items():
        rows = supplied[doc_no]
        if ("land.approval", doc_no) in special or any(("land.supply", r["supply_no"]) in special for r in rows):
            continue
        clean += 1
        area = shapely.union_all(parcels[doc_no])
        assert float(a["total_area"]) == pytest.approx(geodesic(area), rel=1e-5)
        assert drawn[doc_no] == pytest.approx(float(a["cult_area"]), abs=1.0)
        assert sum(float(r["area"]) for r in rows) <= float(a["total_area"]) * 1.0001
        for r in rows:
            outside = shapely.difference(shapely.from_wkt(r["geometry"]), area)
            assert geodesic(outside) < 1.0
            assert r["signed_on"] >= a["approved_on"]
    assert clean > 15


def test_parcels_of_different_approvals_keep_their_distance(sample: Sample) -> None:
    """Nothing but the planted pairs may look like a split project: other parcels are more than 50 m apart."""
    from jintu.sample import geodesy

    def plane(wkt: str) -> Any:
        return shapely.transform(
            shapely.from_wkt(wkt), lambda xy: np.column_stack(geodesy.to_plane(xy[:, 0], xy[:, 1]))
        )

    rows = sample.rows["land.approval_parcel"]
    shapes = np.array([plane(r["geometry"]) for r in rows])
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="dwithin", distance=51.0)
    assert {rows[a]["doc_no"] == rows[b]["doc_no"] for a, b in zip(left, right, strict=True)} == {True}


def test_class_tables_agree_with_the_survey_of_their_day(sample: Sample) -> None:
    special = {k for p in sample.truth["plants"] if p["rule"] in {"R17", "R18"} for _, k in p["objects"]}
    columns, shapes = sample.layer("survey.DLTB")
    from jintu.sample import geodesy

    tree = shapely.STRtree(shapes)
    parcels = defaultdict(list)
    for r in sample.rows["land.approval_parcel"]:
        parcels[r["doc_no"]].append(shapely.from_wkt(r["geometry"]))
    checked = 0
    for doc_no, a in sample.by_key("land.approval").items():
        if doc_no in special or a["approved_on"] > "2023-12-30":
            continue
        area = shapely.union_all(parcels[doc_no])
        area = shapely.transform(area, lambda xy: np.column_stack(geodesy.to_plane(xy[:, 0], xy[:, 1])))
        hits = tree.query(area, predicate="intersects")
        cult = sum(
            shapely.area(shapely.intersection(shapes[k], area)) for k in hits if columns["DLBM"][k].startswith("01")
        )
        assert float(a["cult_area"]) == pytest.approx(cult, rel=1e-3, abs=5.0), doc_no
        checked += 1
    assert checked > 10


def test_land_use_versions_are_coverages_and_keep_patch_numbers(sample: Sample) -> None:
    first, shapes = sample.layer("survey.DLTB")
    last, later = sample.layer("survey.DLTB", "2025-12-31")
    assert shapely.coverage_is_valid(shapes) and shapely.coverage_is_valid(later)
    assert len(np.unique(first["BSM"])) == len(shapes)
    assert len(np.unique(last["BSM"])) == len(later)
    kept = np.isin(last["BSM"], first["BSM"])
    assert 0.9 < kept.mean() < 1.0
    place = dict(zip(first["BSM"].tolist(), shapes, strict=True))
    same = [shapely.equals_exact(place[b], s) for b, s in zip(last["BSM"][kept], later[kept], strict=True)]
    assert all(same)
    assert {len(v) for v in (last["TBBH"], last["DLBM"])} == {len(later)}
    assert (last["PZWH"] != "").sum() > 50


def test_control_area_is_the_sum_of_the_patches(sample: Sample) -> None:
    villages, shapes = sample.layer("survey.XZQ")
    patches, parts = sample.layer("survey.DLTB")
    control: dict[str, int] = {}
    for code, area in zip(villages["XZQDM"].tolist(), villages["KZMJ"].tolist(), strict=True):
        control[code] = control.get(code, 0) + round(area * 100)
    for year in ("2018-12-31", "2024-12-31", "2025-12-31"):
        columns, _shapes = sample.layer("survey.DLTB", year)
        sums = dict.fromkeys(control, 0)
        for code, area in zip(columns["ZLDWDM"].tolist(), columns["TBMJ"].tolist(), strict=True):
            sums[code[:12]] += round(area * 100)
        assert sums == control, f"villages close to the cent in {year}"
    assert shapely.area(shapes).sum() == pytest.approx(shapely.area(parts).sum(), rel=1e-9)
    assert {len(c) for c in villages["XZQDM"]} == {12}
    assert villages["KZMJ"].min() > 0
    assert np.abs(villages["KZMJ"] / villages["JSMJ"] - 1).max() < 1e-4, "no patch crosses a village border"
    sums = patches["TBDLMJ"] + patches["TKMJ"] + patches["XZDWMJ"] + patches["LXDWMJ"]
    assert np.abs(sums - patches["TBMJ"]).max() < 0.011


def test_land_use_covers_the_villages_with_neither_gap_nor_overlap(sample: Sample) -> None:
    villages = shapely.coverage_union_all(sample.layer("survey.XZQ")[1])
    assert villages.geom_type == "Polygon" and not villages.interiors, "the county is one piece and encloses nothing"
    for facts in sample.manifest["layers"]:
        if facts["schema"] != "survey.DLTB":
            continue
        shapes = sample.layer("survey.DLTB", facts["valid_on"])[1]
        assert shapely.coverage_is_valid(shapes), "no overlaps, and neighbours share every vertex"
        whole = shapely.coverage_union_all(shapes)
        assert shapely.equals_identical(shapely.normalize(whole), shapely.normalize(villages))
        # without overlaps the parts weigh what the whole does: nothing inside the border is left out
        assert shapely.area(shapes).sum() == pytest.approx(shapely.Polygon(villages.exterior).area, rel=1e-12)


def test_basic_farmland_is_cultivated_and_away_from_what_was_approved(sample: Sample) -> None:
    columns, shapes = sample.layer("survey.JBNTTB")
    assert all(c.startswith("01") for c in columns["DLBM"])
    assert len(shapes) > 500
    assert all(len(name) >= 2 for name in columns["BHZRR"]), "names survive GBK"


def test_one_layer_and_one_register_are_gbk(sample: Sample) -> None:
    encodings = {x["encoding"] for x in sample.manifest["layers"]}
    assert "GBK" in encodings
    assert not list(sample.path.glob("*.cpg"))
    assert sample.manifest["registers"]["land.supply"]["encoding"] == "gbk"


def test_plan_layers_cover_the_county(sample: Sample) -> None:
    county = shapely.area(sample.layer("survey.XZQ")[1]).sum()
    for schema in ("planning.TDYTQ", "planning.JSYDGZQ"):
        _, shapes = sample.layer(schema)
        assert shapely.coverage_is_valid(shapes)
        assert shapely.area(shapes).sum() == pytest.approx(county, rel=1e-9)


def test_areas_of_the_truth_are_measured_again(sample: Sample) -> None:
    """Overlap plants once more, by GEOS on the written files."""
    supplies = sample.by_key("land.supply")
    checked = 0
    for plant in sample.truth["plants"]:
        for fired in plant["fires"]:
            if fired["rule"] != "R06":
                continue
            a, b = (shapely.from_wkt(supplies[k]["geometry"]) for _, k in fired["objects"])
            assert fired["area_m2"] == pytest.approx(geodesic(shapely.intersection(a, b)), rel=1e-4, abs=0.1)
            checked += 1
    assert checked >= 3


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    one, two, three = (generate(3000, s, tmp_path / n) for s, n in ((7, "a"), (7, "b"), (8, "c")))
    assert one["hash"] == two["hash"] != three["hash"]
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_a_benchmark_layer_alone_holds_no_filings(tmp_path: Path) -> None:
    manifest = generate(3000, 1, tmp_path, only=("DLTB",))
    assert [x["schema"] for x in manifest["layers"]] == ["survey.DLTB"]
    assert manifest["registers"] == {}
    assert [p.name for p in tmp_path.glob("*.csv")] == ["divisions.csv"]


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Refused):
        generate(3000, 1, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_another_as_of_date_moves_all_stories(tmp_path: Path) -> None:
    manifest = generate(3000, 1, tmp_path, as_of=date(2025, 6, 15))
    assert manifest["as_of"] == "2025-06-15" != AS_OF.isoformat()
    assert max(x["valid_on"] for x in manifest["layers"]) == "2024-12-31"


def test_patch_numbers_run_on_where_a_village_lies_in_two_bands(tmp_path, monkeypatch) -> None:
    """A large county is drawn a band at a time; numbers occur once in each village all the same."""
    county = partial(County, band_cells=60_000)
    monkeypatch.setattr("jintu.sample.generate.County", county)
    made = generate(16_000, 3, tmp_path, only=["DLTB"])
    assert len(county(16_000, 3).bands) > 1
    _meta, _, _, (villages, numbers) = pyogrio.raw.read(
        tmp_path / made["layers"][0]["file"], columns=["ZLDWDM", "TBBH"], read_geometry=False
    )
    assert len(set(zip(villages, numbers, strict=True))) == len(numbers)


def test_layers_around_the_patches_fit_them(tmp_path: Path) -> None:
    """Slopes cover the county, farmland lies in its blocks and they in its zones, and the neighbour meets the border."""
    only = ("XZQ", "DLTB", "JBNTTB", "PDT", "JBNTBHPK", "JBNTBHQ", "BEYOND")
    manifest = generate(3000, 1, tmp_path, only=only)
    shapes = {}
    for facts in manifest["layers"]:
        _, _, wkb, _ = pyogrio.raw.read(tmp_path / facts["file"], columns=[])
        shapes["BEYOND" if "邻县" in facts["file"] else facts["layer"] or "JBNTTB"] = shapely.from_wkb(wkb)
    area = {name: shapely.area(those).sum() for name, those in shapes.items()}
    assert area["PDT"] == pytest.approx(area["XZQ"], rel=1e-9)
    assert area["JBNTBHPK"] == pytest.approx(area["JBNTTB"], rel=1e-9) and area["JBNTBHQ"] > area["JBNTBHPK"]
    outside = shapely.difference(shapely.union_all(shapes["JBNTTB"]), shapely.union_all(shapes["JBNTBHQ"]))
    assert shapely.area(outside) < 1e-3
    assert len(shapes["BEYOND"]) > 50
    assert shapely.coverage_is_valid(np.concatenate([shapes["DLTB"], shapes["BEYOND"]]))


def test_ways_that_end_at_one_cell_of_the_neighbour_both_go_on(tmp_path: Path) -> None:
    """Of this county a road and a field road do, in the inner corner of a border."""
    manifest = generate(3000, 6, tmp_path, only=("DLTB", "BEYOND"))
    shapes, codes = {}, {}
    for facts in manifest["layers"]:
        name = "theirs" if "邻县" in facts["file"] else "own"
        _, _, wkb, (codes[name],) = pyogrio.raw.read(tmp_path / facts["file"], columns=["DLBM"])
        shapes[name] = shapely.from_wkb(wkb)
    assert shapely.coverage_is_valid(np.concatenate([shapes["own"], shapes["theirs"]]))
    ways = np.flatnonzero(np.isin(codes["own"], np.array(CODES)[CONTINUING]))
    own, theirs = shapely.STRtree(shapes["theirs"]).query(shapes["own"][ways], predicate="touches")
    along = shapely.length(shapely.intersection(shapes["own"][ways][own], shapes["theirs"][theirs])) > 0
    alike = codes["own"][ways][own] == codes["theirs"][theirs]
    assert len(set(own[along])) > 20
    assert set(own[along]) <= set(own[alike])
