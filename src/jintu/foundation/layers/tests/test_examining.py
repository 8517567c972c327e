"""The doctor finds a lake file that was touched."""

import pytest

from jintu.foundation.layers import lake
from jintu.foundation.layers.examining import examine
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.operations.doctor import Context

pytestmark = pytest.mark.django_db


def test_an_empty_lake_is_whole():
    assert [f.level for f in examine(Context())] == ["ok"]


def test_a_version_whose_files_are_gone_is_named(monkeypatch, tmp_path):
    version = LayerVersion(
        layer="survey.DLTB",
        division="990121",
        name="2025-12-31",
        key="k",
        valid_from="2025-12-31",
        state="published",
        hash="sha256:0",
        manifest_hash="sha256:0",
        rows=1,
        area=1,
        crs="EPSG:4490",
        schema_version="1",
        source_name="x",
        source_hash="",
        west=0,
        south=0,
        east=1,
        north=1,
    )
    version.save()
    monkeypatch.setattr(lake, "directory", lambda *_args: tmp_path / "missing")
    found = list(examine(Context()))
    assert found[0].level == "error"
    assert "survey.DLTB" in found[0].sentence
