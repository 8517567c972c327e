"""An inspection from the button to the workbook, and what strangers get. The grid county says of every patch that it
lies in the first village: half of them do not (Q2208)."""

from __future__ import annotations

import io
import json
from datetime import date

import polars as pl
import pytest
import python_calamine
from django.test import Client

from jintu.foundation.checks.inspection import keeping
from jintu.foundation.checks.inspection.models import Inspection, InspectionMark
from jintu.foundation.identity.models import User
from jintu.foundation.journal import Actor
from jintu.foundation.journal.models import Entry
from jintu.foundation.operations import files, jobs, signing

pytestmark = pytest.mark.django_db
HALF = 15


@pytest.fixture
def inspection(county) -> Inspection:
    return keeping.inspect_version(county["DLTB"])


def count(inspection: Inspection, rule: str) -> int:
    return next(o["count"] for o in inspection.outcomes if o["rule"] == rule)


def test_the_inspection_names_what_it_used_and_keeps_its_error_layer(county, inspection):
    assert {t: f["hash"] for t, f in inspection.inputs.items()} == {t: v.hash for t, v in county.items()}
    assert count(inspection, "Q2208") == HALF
    assert not inspection.accepted
    errors = pl.read_parquet(files.path_of(inspection.errors))
    assert errors.filter(pl.col("rule") == "Q2208").height == HALF
    assert errors["geometry"].null_count() == 0
    assert Entry.objects.filter(act="checks.inspect").exists()


def test_the_error_layer_opens_in_other_programs(inspection, tmp_path):
    import pyogrio

    path = tmp_path / "errors.parquet"
    path.write_bytes(files.path_of(inspection.errors).read_bytes())
    if "Parquet" not in pyogrio.list_drivers():
        pytest.skip("this GDAL reads no Parquet")
    assert pyogrio.read_info(path)["features"] >= HALF


def test_the_error_layer_says_that_it_is_geoparquet(inspection):
    import pyarrow.parquet as pq

    geo = json.loads(pq.read_schema(files.path_of(inspection.errors)).metadata[b"geo"])
    assert geo["primary_column"] == "geometry"
    assert geo["columns"]["geometry"]["encoding"] == "WKB"


def test_the_pages_from_the_version_to_the_errors(county, director: Client):
    version = county["DLTB"]
    empty = director.get(f"/findings/inspections/version/{version.pk}/")
    assert "not been inspected" in empty.content.decode()
    answer = director.post(f"/findings/inspections/version/{version.pk}/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/jobs/")
    job = jobs.run_here("checks.inspect", actor=Actor(user=1), division="990121", version=version.pk)
    page = director.get(job.result["url"]).content.decode()
    assert "not qualified" in page
    assert "Q2208" in page
    errors = director.get(f"{job.result['url']}?rule=Q2208").content.decode()
    assert errors.count("data-map-fly") == HALF
    assert "990121001002" in errors
    listed = director.get(f"/findings/inspections/version/{version.pk}/").content.decode()
    assert f"/findings/inspections/{job.result['inspection']}/" in listed
    assert director.get("/findings/inspections/rules/").status_code == 200
    assert "inspections/version" in director.get(f"/map/versions/{version.pk}/").content.decode()


def test_a_job_that_ran_twice_keeps_one_inspection(county):
    from jintu.foundation.checks import tasks

    class Running:
        pk, actor, progress = 77, Actor(user=1), None

    once = tasks.inspect(Running, division="990121", version=county["DLTB"].pk)
    again = tasks.inspect(Running, division="990121", version=county["DLTB"].pk)
    assert once == again
    assert Inspection.objects.count() == 1


def test_an_exempt_error_does_not_count_next_time(county, inspection, director: Client):
    rows, kept = keeping.errors_of(inspection, "Q2208", 0, 100)
    assert kept == HALF
    address = f"/findings/inspections/{inspection.pk}/mark/"
    error = {name: rows[0][name] for name in ("rule", "key", "field", "value")}
    refused = director.post(address, {**error, "state": "exempt", "reason": ""})
    assert refused.status_code == 422
    assert not InspectionMark.objects.exists()
    assert director.post(address, {**error, "state": "exempt", "reason": "飞入地"}).status_code == 302
    assert director.post(address, {**error, "key": "nobody", "state": "exempt", "reason": "飞入地"}).status_code == 404
    again = keeping.inspect_version(county["DLTB"])
    assert count(again, "Q2208") == HALF - 1
    assert next(o["aside"] for o in again.outcomes if o["rule"] == "Q2208") == 1
    page = director.get(f"/findings/inspections/{again.pk}/?rule=Q2208").content.decode()
    assert "exempt" in page
    assert Entry.objects.filter(act="checks.mark_error").count() == 1


def test_the_workbook_has_summary_rules_and_errors(inspection, director: Client):
    answer = director.get(f"/findings/inspections/{inspection.pk}/report.xlsx")
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(b"".join(answer.streaming_content)))
    summary, rules, errors = (book.get_sheet_by_index(n).to_python() for n in range(3))
    assert summary[4][1] == inspection.score
    assert len(rules) == 1 + len(inspection.outcomes)
    assert sum(row[0] == "Q2208" for row in errors) == HALF


def test_strangers_see_nothing(county, inspection, neighbour: Client):
    version = county["DLTB"]
    for address in (
        f"/findings/inspections/version/{version.pk}/",
        f"/findings/inspections/{inspection.pk}/",
        f"/findings/inspections/{inspection.pk}/report.xlsx",
    ):
        assert neighbour.get(address).status_code == 404
        assert Client().get(address).status_code == 302
    assert neighbour.post(f"/findings/inspections/version/{version.pk}/").status_code == 404
    assert neighbour.post(f"/findings/inspections/{inspection.pk}/mark/", {}).status_code == 404


def test_a_viewer_looks_and_does_not_start(county, inspection, director: Client):
    User.objects.filter(username="director").update(roles=["viewer"])
    version = county["DLTB"]
    assert director.get(f"/findings/inspections/{inspection.pk}/").status_code == 200
    assert director.post(f"/findings/inspections/version/{version.pk}/").status_code == 403
    assert director.post(f"/findings/inspections/{inspection.pk}/mark/", {}).status_code == 403


@pytest.mark.parametrize("page", ["version", "inspection"])
def test_pages_ask_few_queries(county, inspection, director: Client, django_assert_max_num_queries, page: str):
    address = {
        "version": f"/findings/inspections/version/{county['DLTB'].pk}/",
        "inspection": f"/findings/inspections/{inspection.pk}/?rule=Q2208",
    }[page]
    director.get(address)
    with django_assert_max_num_queries(15):
        director.get(address)


def test_the_report_is_set_signed_and_the_same_ever_after(inspection, director: Client, tmp_path):
    address = f"/findings/inspections/{inspection.pk}/report.pdf"
    content = b"".join(director.get(address).streaming_content)
    assert content.startswith(b"%PDF-")
    assert b"".join(director.get(address).streaming_content) == content
    path = tmp_path / "inspection.pdf"
    path.write_bytes(content)
    beside = tmp_path / "inspection.pdf.sig.json"
    beside.write_bytes(director.get(f"{address}.sig.json").content)
    found = signing.verify_file(path)
    assert (found.ok, found.known) == (True, "node")
    assert found.statement["accepted"] is False
    assert found.statement["version"]["hash"] == inspection.version.hash
    path.write_bytes(content[:-1] + b"x")
    assert signing.verify_file(path).wrong
    assert Entry.objects.filter(act="checks.report").count() == 1
    assert director.get(f"/findings/inspections/{inspection.pk}/report.doc").status_code == 404


def test_what_the_report_prints_is_what_the_inspection_found(inspection):
    from jintu.foundation.checks.inspection import documents

    printed = documents.facts(inspection, str)
    assert next(row for row in printed["rules"] if row[0] == "Q2208")[4] == str(HALF)
    assert len([row for row in printed["samples"] if row[0] == "Q2208"]) == documents.SHOWN_PER_RULE
    assert printed["sample"], "a county of the sample range says so on every page"
    assert printed["sketch"].count("<circle") == sum(o["count"] for o in inspection.outcomes)
    assert any(inspection.version.hash == value for _label, value, _mono in printed["about"])


def test_a_clean_version_has_a_report_without_errors(tmp_path, db):
    from jintu.foundation.checks.inspection import documents
    from jintu.foundation.layers import importing
    from jintu.foundation.layers.tests import grid

    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", date(2024, 12, 31)).version
    clean = keeping.inspect_version(version)
    printed = documents.facts(clean, str)
    assert (printed["samples"], printed["sketch"], printed["accepted"]) == ([], None, True)
    made = documents.issue(clean, "pdf", str, Actor())
    assert files.path_of(made.file).read_bytes().startswith(b"%PDF-")


@pytest.fixture
def mapped(tmp_path, db):
    """Patches under foreign headers: one column renamed, its words translated, the rest made by the mapping."""
    from jintu.foundation.layers import importing
    from jintu.foundation.layers.mapping import Mapping
    from jintu.foundation.layers.tests import grid

    data, shapes = grid.patches()
    data["权利性质"] = ["国" if v == "20" else "集" for v in data.pop("QSXZ")]
    data["剩余"] = ["x"] * len(shapes)
    for made in ("BSM", "TBMJ"):
        del data[made]
    mapping = Mapping(
        columns={"ownership": "权利性质"},
        values={"ownership": {"国": "20", "集": "30"}},
        constants={"feature_code": "2001010100"},
        sequence="bsm",
        area="patch_area_m2",
    )
    path = grid.write(tmp_path / "foreign.gpkg", data, shapes)
    return importing.import_layer("DLTB", path, "990121", date(2024, 12, 31), mapping=mapping).version


def test_columns_that_a_mapping_makes_are_not_missing_and_the_report_says_how(mapped, director: Client):
    from jintu.foundation.checks.inspection import documents

    assert mapped.quality["reading"]["mapped"] == [
        ["bsm", "numbered", ""],
        ["feature_code", "constant", "2001010100"],
        ["ownership", "column", "权利性质"],
        ["ownership", "values", 2],
        ["patch_area_m2", "computed", ""],
    ]
    inspection = keeping.inspect_version(mapped)
    assert (count(inspection, "Q2101"), count(inspection, "Q2103")) == (0, 1)
    extra, _count = keeping.errors_of(inspection, "Q2103", 0, 5)
    assert [e["value"] for e in extra] == ["剩余"]  # 权利性质 was delivered, YSDM is the standard's
    wrong, _count = keeping.errors_of(inspection, "Q2102", 0, 50)
    assert "QSXZ" not in {e["field"] for e in wrong} and not any("权利性质" in e["value"] for e in wrong)
    words = "QSXZ ← 权利性质; QSXZ: 2 words translated"
    printed = {label: value for label, value, _mono in documents.facts(inspection, str)["about"]}
    assert words in printed["Mapped columns"] and "BSM numbered by row" in printed["Mapped columns"]
    assert "TBMJ computed from the outline" in director.get(f"/findings/inspections/{inspection.pk}/").content.decode()
    answer = director.get(f"/findings/inspections/{inspection.pk}/report.xlsx")
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(b"".join(answer.streaming_content)))
    assert any(words in str(row[1]) for row in book.get_sheet_by_index(0).to_python())


@pytest.mark.parametrize(
    ("recorded", "missing"),
    [(lambda m: m[0] != "patch_area_m2", ["TBMJ"]), (lambda m: False, ["BSM", "TBMJ", "YSDM"])],
    ids=["one less", "as versions loaded before the mapping was recorded"],
)
def test_what_neither_the_file_nor_a_mapping_gives_is_missing(mapped, recorded, missing):
    reading = mapped.quality["reading"]
    reading["mapped"] = [m for m in reading["mapped"] if recorded(m)]
    mapped.save(update_fields=["quality"])
    errors, _count = keeping.errors_of(keeping.inspect_version(mapped), "Q2101", 0, 5)
    assert sorted(e["expected"] for e in errors) == missing
