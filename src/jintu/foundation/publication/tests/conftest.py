"""The grid county of the layers' tests, with its land use open to the public."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import django
import pytest

django.setup()

from django.test import Client  # noqa: E402

from jintu.foundation.layers import content, importing  # noqa: E402
from jintu.foundation.layers.tests import grid  # noqa: E402
from jintu.foundation.layers.tests.conftest import (  # noqa: E402, F401 - fixtures
    DAY,
    _in_english,
    actor,
    administrator,
    county,
    director,
    neighbour,
    townsman,
)
from jintu.foundation.publication import opening  # noqa: E402

APPROVAL = "样图审字（2026）第1号"


@pytest.fixture(autouse=True)
def _with_a_map_approval(settings):
    settings.NODE = replace(settings.NODE, map_approval_no=APPROVAL)


@pytest.fixture
def opened(county, actor):  # noqa: F811
    """Land use and villages are open, everything else is in force but closed. By table name, as `county`."""
    for kind in ("DLTB", "XZQ"):
        opening.open_version(county[kind], actor)
    return county


@pytest.fixture
def land_use(db, tmp_path, actor):  # noqa: F811
    """Only land use, open: 30 patches. Its collection's name."""
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", DAY).version
    return opening.open_version(version, actor).collection


@pytest.fixture
def public():
    """Somebody out there who takes JSON."""
    return Client(HTTP_ACCEPT_LANGUAGE="en", HTTP_ACCEPT="application/json")


@pytest.fixture
def name(opened):
    """The open collection of land use."""
    return opening.Opening.objects.get(version=opened["DLTB"]).collection


@pytest.fixture
def version(db, tmp_path, monkeypatch):
    """30 patches in row groups of four."""
    monkeypatch.setattr(content, "ROW_GROUP", 4)
    return importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", date(2024, 12, 31)).version
