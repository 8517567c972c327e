"""Offline packages: what is in them, who may make one, that every changed byte is found, and the ledger."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import random
import subprocess
import zipfile
from pathlib import Path

import pytest
from django.utils import timezone

from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import importing, publishing, tileset
from jintu.foundation.layers.models import OfflinePackage
from jintu.foundation.layers.packages import checking, contents, ledger, making
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, Missing, NotAllowed, Refused

from . import grid

pytestmark = pytest.mark.django_db

SAID = {"recipient": "示例县水利局", "purpose": "防洪规划", "approval": "示自然资函〔2026〕7号", "approved_by": "左远"}
COUNTY = Scope(divisions=("990121",), data_level=2, verbs=frozenset({"view", "export"}))


@pytest.fixture
def viewer(tmp_path, monkeypatch):
    """Built files of the front end, where none are built: their content is tested in the browser."""
    built = Path(making.__file__).parents[3] / "ui" / "static" / "dist" / "offline" / "viewer.js"
    if not built.exists():
        folder = tmp_path / "built" / "static" / "dist"
        (folder / "offline").mkdir(parents=True)
        for name in ("offline/viewer.js", "offline/viewer.css", "THIRD-PARTY.txt"):
            (folder / name).write_text("built\n")
        monkeypatch.setattr(making, "resources", lambda _: tmp_path / "built")


@pytest.fixture
def entry(county, actor):
    return ledger.open_entry([county["DLTB"], county["XZQ"]], **SAID, actor=actor)


@pytest.fixture
def folder(entry, viewer, tmp_path):
    ledger.make(entry, tmp_path / "disc")
    return tmp_path / "disc"


def part(path: Path) -> tuple[str, bytes]:
    name, data = path.read_text()[len("JINTU_PART(") : -2].split(",", 1)
    return json.loads(name), base64.b64decode(json.loads(data))


def test_a_package_holds_layers_viewer_statement_and_signature(folder, entry, county) -> None:
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert names >= {"index.html", "viewer.js", "viewer.css", "content.js", "package.json", "package.json.sig.json"}
    assert {"SHA256SUMS", "README.txt", "layers/1-DLTB/tiles.pmtiles", "layers/1-DLTB/manifest.json"} <= names
    assert {"layers/1-DLTB/style.json", "layers/1-DLTB/metadata.json", "layers/2-XZQ/tiles-0.js"} <= names
    assert not any(n.endswith("data.parquet") for n in names)
    checked = checking.verify(folder)
    assert checked.ok and checked.wrong == [] and checked.statement["approval"]["number"] == SAID["approval"]
    assert checked.statement["versions"][0]["hash"] == county["DLTB"].hash
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_parts_put_together_are_the_archive_and_the_rows(folder, county, monkeypatch) -> None:
    where = folder / "layers" / "1-DLTB"
    name, data = part(where / "tiles-0.js")
    assert name == "layers/1-DLTB/tiles-0" and data == (county["DLTB"].directory / tileset.TILES).read_bytes()
    name, data = part(where / "rows-0.js")
    rows = json.loads(gzip.decompress(data))
    assert len(rows) == county["DLTB"].rows and [r[0] for r in rows] == sorted(r[0] for r in rows)
    assert all(len(r[1]) == 4 and r[1][0] < r[1][2] for r in rows)
    content = json.loads((folder / "content.js").read_text()[len("window.JINTU_CONTENT=") :])
    layer = content["layers"][0]
    assert layer["rows"]["first"] == [rows[0][0]] and len(rows[0][2]) == len(layer["rows"]["columns"])
    assert SAID["recipient"] in content["watermark"]


def test_runs_of_rows_begin_with_their_first_number(county, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(contents, "RUN", 7)
    (tmp_path / "l").mkdir()
    first = contents.write_rows(county["DLTB"], tmp_path, "l", lambda: None)
    runs = [json.loads(gzip.decompress(part(tmp_path / "l" / f"rows-{n}.js")[1])) for n in range(len(first))]
    assert [r[0][0] for r in runs] == first and sum(map(len, runs)) == county["DLTB"].rows


def test_columns_about_persons_stay_at_home(county) -> None:
    for version in county.values():
        assert not any(a.personal for a in contents.columns_of(version))


def test_every_changed_byte_is_found(folder) -> None:
    """In each file a few bytes, one at a time, the signature among them."""
    draw = random.Random(5)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        for at in {0, len(content) - 1, draw.randrange(len(content))}:
            changed = bytearray(content)
            changed[at] ^= 1 << draw.randrange(7)
            path.write_bytes(changed)
            with contextlib.suppress(InputError, Missing):
                assert not checking.verify(folder).ok, (path.name, at)
        path.write_bytes(content)
    assert checking.verify(folder).ok


def test_a_file_too_many_or_too_few_is_found(folder) -> None:
    (folder / "layers" / "more.txt").write_text("x")
    assert checking.verify(folder).wrong == ["layers/more.txt does not belong to the package"]
    (folder / "layers" / "more.txt").unlink()
    (folder / "README.txt").unlink()
    assert checking.verify(folder).wrong == ["README.txt is missing"]


def test_a_zip_is_verified_like_its_directory(entry, viewer, tmp_path) -> None:
    ledger.make(entry, tmp_path / "disc.zip")
    assert checking.verify(tmp_path / "disc.zip").ok and entry.bytes == (tmp_path / "disc.zip").stat().st_size
    with zipfile.ZipFile(tmp_path / "disc.zip", "a") as archive:
        archive.writestr("more.txt", "x")
    assert checking.verify(tmp_path / "disc.zip").wrong == ["more.txt does not belong to the package"]
    (tmp_path / "no.zip").write_bytes(b"no")
    with pytest.raises(InputError):
        checking.verify(tmp_path / "no.zip")


def test_nothing_half_done_and_nothing_overwritten(entry, viewer, tmp_path) -> None:
    def stop(*_) -> None:
        raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled):
        ledger.make(entry, tmp_path / "disc", progress=stop)
    assert not (tmp_path / "disc").exists() and not list(tmp_path.glob(".disc*"))
    (tmp_path / "disc").mkdir()
    (tmp_path / "disc" / "mine.txt").write_text("x")
    with pytest.raises(Refused):
        ledger.make(entry, tmp_path / "disc")
    assert entry.state == OfflinePackage.State.PREPARING


def test_with_data_the_version_itself_goes_along(county, viewer, tmp_path) -> None:
    entry = ledger.open_entry([county["DLTB"]], **SAID, with_data=True, persons=True)
    ledger.make(entry, tmp_path / "disc")
    given = tmp_path / "disc" / "layers" / "1-DLTB" / "data.parquet"
    assert given.read_bytes() == (county["DLTB"].directory / "data.parquet").read_bytes()


def test_only_published_layers_of_the_givers_own_divisions(county, tmp_path) -> None:
    other = importing.import_layer("DLTB", grid.dltb(tmp_path / "n.gpkg", TBBH={0: "n"}), "990122", grid_day()).version
    assert ledger.choose(COUNTY, [county["DLTB"].pk]) == [county["DLTB"]]
    township = Scope(
        divisions=("990121001",), data_level=2, verbs=COUNTY.verbs
    )  # sees the county's map, owns none of it
    for scope, wanted in ((COUNTY, other), (township, county["DLTB"])):
        with pytest.raises(NotAllowed):
            ledger.choose(scope, [wanted.pk])
    publishing.withdraw(county["XZQ"], "wrong file")
    with pytest.raises(NotAllowed):
        ledger.choose(COUNTY, [county["XZQ"].pk])
    with pytest.raises(InputError):
        ledger.choose(COUNTY, [])


def grid_day():
    from .conftest import DAY

    return DAY


def test_a_layer_withdrawn_meanwhile_is_not_packed(county, entry, viewer, tmp_path) -> None:
    publishing.withdraw(county["XZQ"], "wrong file")
    with pytest.raises(Refused, match="no longer published"):
        ledger.make(entry, tmp_path / "disc")


def test_numbers_have_no_gaps_and_every_act_is_in_the_journal(county, entry, viewer, tmp_path, actor) -> None:
    second = ledger.open_entry([county["DLTB"]], **SAID)
    year = timezone.localdate().year
    assert [entry.number, second.number] == [f"990121-{year}-0001", f"990121-{year}-0002"]
    with pytest.raises(InputError):
        ledger.open_entry([county["DLTB"]], **{**SAID, "approval": " "})
    ledger.make(entry, tmp_path / "disc", actor=actor)
    ledger.hand_over(entry, handed_to="苗敏", medium="DVD 17", on=timezone.localdate(), actor=actor)
    with pytest.raises(Refused):
        ledger.hand_over(entry, handed_to="苗敏", medium="", on=timezone.localdate())
    ledger.void(entry, "returned", actor)
    acts = list(Entry.objects.filter(act__startswith="package.").order_by("pk").values_list("act", flat=True))
    assert acts == ["package.order"] * 2 + ["package.make", "package.hand_over", "package.void"]


def test_the_page_orders_a_package_and_hands_it_out(county, director, neighbour, townsman, viewer) -> None:
    form = {**SAID, "versions": [county["DLTB"].pk]}
    answer = director.post("/map/packages/new/", form)
    assert answer.status_code == 302
    entry = OfflinePackage.objects.get()
    job = Job.objects.get(pk=entry.job)
    jobs.execute(job.pk)
    entry.refresh_from_db()
    assert entry.state == "ready" and entry.hash.startswith("sha256:")
    assert entry.number in director.get("/map/packages/").content.decode()
    page = f"/map/packages/{entry.pk}/"
    assert SAID["approval"] in director.get(page).content.decode()
    fetched = director.get(f"{page}file/")
    assert fetched.status_code == 200 and b"".join(fetched.streaming_content).startswith(b"PK")
    assert Entry.objects.filter(act="package.download").exists()
    day = timezone.localdate().isoformat()
    director.post(f"{page}state/", {"handed_to": "苗敏", "medium": "DVD 17", "handed_on": day})
    entry.refresh_from_db()
    assert entry.state == "handed_over" and entry.medium == "DVD 17"
    assert [neighbour.get(p).status_code for p in (page, f"{page}file/")] == [404, 404]
    assert entry.number not in neighbour.get("/map/packages/").content.decode()
    assert townsman.post("/map/packages/new/", form).status_code == 403
    director.post(f"{page}state/", {"to": "void", "reason": "returned"})
    assert director.get(f"{page}file/").status_code == 404


def test_what_is_missing_is_said_and_kept(county, director) -> None:
    answer = director.post("/map/packages/new/", {**SAID, "recipient": "", "versions": [county["DLTB"].pk]})
    assert answer.status_code == 422 and SAID["purpose"] in answer.content.decode()
    assert not OfflinePackage.objects.exists()


def test_what_is_wanting_is_said_in_the_language_of_the_page(county, director) -> None:
    form = SAID | {"versions": [county["XZQ"].pk]}
    for lang, words in (("zh-hans", "请填写批准文号"), ("en", "number of the approval")):
        page = director.post("/map/packages/new/", form | {"approval": " "}, headers={"accept-language": lang})
        assert page.status_code == 422 and words in page.content.decode()
    none = director.post("/map/packages/new/", SAID, headers={"accept-language": "zh-hans"})
    assert none.status_code == 422 and "Choose between" not in none.content.decode()


def test_the_page_of_a_package_says_what_comes_next(county, director, viewer) -> None:
    director.post("/map/packages/new/", SAID | {"versions": [county["DLTB"].pk]})
    entry = OfflinePackage.objects.get()
    page = director.get(f"/map/packages/{entry.pk}/").content.decode()
    assert "goes on by itself" in page and "hx-trigger" in page
    jobs.work_off()
    page = director.get(f"/map/packages/{entry.pk}/").content.decode()
    assert "Next: download the ZIP" in page and county["DLTB"].schema.label in page and 'hx-trigger="load' not in page


def test_a_package_is_dated_by_the_clock_of_the_office(entry, settings) -> None:
    from datetime import UTC, datetime

    entry.created_at = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)  # 04:30 of the second in Shanghai
    assert ("2026-03-02") in dict(contents.package_facts(entry)).values()
