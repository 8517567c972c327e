"""A load waits for the verdict of the inspection; what is rejected is kept from force, and the last version stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jintu.foundation.checks.inspection import keeping
from jintu.foundation.checks.inspection.models import Inspection
from jintu.foundation.checks.models import RuleSetting
from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import delivery, importing, publishing, structures, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.layers.tests import grid
from jintu.foundation.operations import files, jobs
from jintu.kernel.errors import JintuError, Refused

DAY, NEXT = date(2024, 12, 31), date(2025, 12, 31)
BAD = {"TBDLMJ": {1: 1.0}}
"""A net area that does not follow from its parts (Q5105, fatal)."""


def load(path: Path, day: date = DAY, **options: Any) -> jobs.Job:
    with path.open("rb") as stream:
        stored = files.store(stream, path.name)
    return jobs.run_here(
        "layers.import",
        division="990121",
        layer="survey.DLTB",
        file=stored.sha256,
        valid_from=day.isoformat(),
        **options,
    )


def version_of(job: jobs.Job) -> LayerVersion:
    return LayerVersion.objects.get(pk=job.result["version"])


def setting(mode: str) -> None:
    RuleSetting.objects.create(rule="verdict", name="mode", value=mode, valid_from=date(2000, 1, 1), basis="order 7")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return grid.dltb(tmp_path / "good.gpkg")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return grid.dltb(tmp_path / "bad.gpkg", **BAD)


@pytest.mark.django_db
def test_what_is_accepted_comes_into_force(good) -> None:
    job = load(good)
    assert (job.result["accepted"], job.result["state"]) == (True, "published")
    assert version_of(job).state == "published"
    facts = Entry.objects.get(act="layer.publish").facts
    assert (facts["inspection"], facts["accepted"]) == (job.result["inspection"], True)


@pytest.mark.django_db
def test_what_is_rejected_stays_a_draft_and_the_last_version_in_force(good, bad) -> None:
    first = version_of(load(good))
    job = load(bad, NEXT)
    assert (job.result["accepted"], job.result["state"]) == (False, "draft")
    assert job.result["url"] == f"/findings/inspections/{job.result['inspection']}/"
    assert versions.in_force("survey.DLTB", "990121", NEXT) == first
    with pytest.raises(Refused, match="rejected the version"):
        publishing.publish(version_of(job))
    published = publishing.publish(version_of(job), decision="the flood of June: order 12")
    assert (published.state, published.state_reason) == ("published", "the flood of June: order 12")
    facts = Entry.objects.filter(act="layer.publish").latest("pk").facts
    assert facts["accepted"] is False and facts["decision"].startswith("sha256:")
    assert "flood" not in json.dumps(facts)


@pytest.mark.django_db
def test_nobody_publishes_what_was_never_inspected(good) -> None:
    version = importing.import_layer("DLTB", good, "990121", DAY, draft=True).version
    with pytest.raises(Refused, match="has not been inspected"):
        publishing.publish(version)


@pytest.mark.django_db
def test_a_load_with_a_reason_needs_no_inspection_and_keeps_the_reason(bad) -> None:
    version = version_of(load(bad, inspect=False, decision="sample data"))
    assert (version.state, version.state_reason) == ("published", "sample data")
    assert not Inspection.objects.exists()


@pytest.mark.django_db
def test_where_the_mode_is_to_refuse_no_reason_helps(bad) -> None:
    setting("refuse")
    version = version_of(load(bad, decision="because"))
    assert version.state == "withdrawn" and "not qualified" in version.state_reason
    with pytest.raises(Refused, match="rejected"):
        publishing.publish(version, decision="because")


@pytest.mark.django_db
def test_where_the_mode_is_off_nothing_is_inspected(bad) -> None:
    setting("off")
    assert version_of(load(bad)).state == "published"
    assert not Inspection.objects.exists()


@pytest.mark.django_db
def test_a_layer_can_have_a_mode_of_its_own(bad) -> None:
    RuleSetting.objects.create(
        rule="verdict", name="mode_DLTB", value="off", valid_from=date(2000, 1, 1), basis="order 8"
    )
    assert version_of(load(bad)).state == "published"


@pytest.mark.django_db
def test_the_corrected_file_takes_the_place_of_the_rejected_draft(good, bad) -> None:
    rejected = version_of(load(bad))
    accepted = version_of(load(good))
    rejected.refresh_from_db()
    assert (rejected.state, rejected.state_reason, accepted.state) == (
        "withdrawn", "replaced by another load", "published",
    )  # fmt: skip


@pytest.mark.django_db
def test_a_draft_whose_inspection_failed_gives_way(good, bad, monkeypatch, director) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "inspect_version", _fails)
        job = failed(bad)
    stranded = LayerVersion.objects.get(job=job.pk)
    again = failed(bad)  # the same content: what is there is to be inspected
    page = f"/map/versions/{stranded.pk}/"
    assert again.error["params"]["see"] == page
    assert f'href="{page}"' in director.get(f"/jobs/{again.pk}/").content.decode()
    accepted = version_of(load(good))
    stranded.refresh_from_db()
    assert (stranded.state, accepted.state) == ("withdrawn", "published")


@pytest.mark.django_db
def test_a_draft_whose_load_goes_on_keeps_its_day(good, bad, monkeypatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "inspect_version", _fails)
        job = failed(bad)
    for state in ("queued", "running", "interrupted"):
        jobs.Job.objects.filter(pk=job.pk).update(state=state)
        refused = failed(good)
        assert "has a version for" in refused.error["sentence"]
        assert refused.error["params"]["see"] == f"/map/versions/{LayerVersion.objects.get(job=job.pk).pk}/"


def failed(path: Path) -> jobs.Job:
    with pytest.raises(JintuError):
        load(path)
    job = jobs.Job.objects.latest("pk")
    assert job.state == "failed"
    return job


def _fails(*_args: Any, **_options: Any) -> None:
    raise Refused("The machine was taken away.")


@pytest.mark.django_db
def test_what_was_left_out_is_found_from_the_version(tmp_path, director, neighbour) -> None:
    version = version_of(load(grid.dltb(tmp_path / "holes.gpkg", DLBM={1: "99999"}), good_only=True))
    job = f"/jobs/{version.job}/"
    assert version.quality["refused"] == 1
    assert f'<a href="{job}">1</a>' in director.get(f"/map/versions/{version.pk}/").content.decode()
    assert "List of problems" in director.get(job).content.decode()
    assert neighbour.get(job).status_code == 404


@pytest.mark.django_db
def test_one_rejected_table_keeps_the_whole_delivery_from_force(tmp_path) -> None:
    root = tmp_path / "(990121)示例县2024"
    root.mkdir()
    grid.dltb(root / "DLTB.gpkg", **BAD)
    grid.villages(root / "XZQ.gpkg")
    found = delivery.examine(root, structures.get("survey-2009"))
    found.missing = []
    loaded = delivery.load(found, "990121", DAY)
    assert not loaded.published and "DLTB" in loaded.wanting
    assert not LayerVersion.objects.published().exists()
    inspection = Inspection.objects.get(version__layer="survey.DLTB")
    assert set(inspection.inputs) == {"DLTB", "XZQ"}, "drafts of the delivery are judged among one another"


@pytest.mark.django_db
def test_the_page_asks_whoever_publishes_for_a_reason(bad, director, neighbour) -> None:
    version = version_of(load(bad))
    address = f"/map/versions/{version.pk}/"
    shown = director.get(address).content.decode()
    assert "not qualified" in shown and 'name="reason" required' in shown
    assert director.post(f"{address}state/", {"to": "published"}).status_code == 409
    assert neighbour.post(f"{address}state/", {"to": "published", "reason": "mine"}).status_code in (403, 404)
    version.refresh_from_db()
    assert version.state == "draft"
    director.post(f"{address}state/", {"to": "published", "reason": "by order 12"})
    version.refresh_from_db()
    assert (version.state, version.state_reason) == ("published", "by order 12")


@pytest.mark.django_db
def test_the_page_of_the_job_says_that_the_layer_is_not_in_force_and_what_to_do(bad, director) -> None:
    job = load(bad)
    shown = director.get(f"/jobs/{job.pk}/").content.decode()
    assert "Not in force: kept as a draft." in shown and "not qualified" in shown and "with a reason" in shown


PREPARE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""
ATTEMPT = """
import os, signal, sys, json
import django; django.setup()
from jintu.foundation.checks.inspection import keeping
from jintu.foundation.operations import files, jobs
from jintu.foundation.operations.models import Job
if sys.argv[3] == "kill":
    keeping.keep = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] != "again":
    with open(sys.argv[1], "rb") as stream:
        stored = files.store(stream, "dltb.gpkg")
    job = jobs.run_here("layers.import", division="990121", layer="survey.DLTB", file=stored.sha256, valid_from=sys.argv[2])
else:
    Job.objects.filter(state="running").update(state="interrupted")
    job = Job.objects.get(state="interrupted")
    jobs._execute(job.pk)
    job.refresh_from_db()
print(json.dumps(job.result))
"""
HELD = """
import django; django.setup()
from datetime import date
from jintu.foundation.layers import versions
from jintu.foundation.layers.models import LayerVersion
print(versions.in_force("survey.DLTB", "990121", date(2026, 1, 1)).valid_from, LayerVersion.objects.count())
"""


def test_killed_in_the_middle_of_the_inspection_the_last_version_stays_and_the_job_goes_on(tmp_path, good) -> None:
    data = tmp_path / "node"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JINTU_")} | {
        "JINTU_DATA": str(data),
        "JINTU_SECRET_KEY": "tests-only",
        "JINTU_DIVISION": "990121",
        "DJANGO_SETTINGS_MODULE": "jintu.config.settings",
    }

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, timeout=300
        )

    data.mkdir()
    assert run(PREPARE).returncode == 0
    assert json.loads(run(ATTEMPT, str(good), "2024-12-31", "").stdout)["state"] == "published"
    other = grid.dltb(tmp_path / "next.gpkg", TBBH={0: "next"})
    assert run(ATTEMPT, str(other), "2025-12-31", "kill").returncode == -signal.SIGKILL
    assert run(HELD).stdout.split() == ["2024-12-31", "2"], "the draft waits, the last version holds"
    done = run(ATTEMPT, str(other), "2025-12-31", "again")
    assert json.loads(done.stdout)["state"] == "published", done.stderr
    assert run(HELD).stdout.split() == ["2025-12-31", "2"]
