"""A loaded county and the people who look at it."""

from __future__ import annotations

from datetime import date

import django
import pytest

django.setup()

from django.test import Client  # noqa: E402
from django.utils.translation import override  # noqa: E402

from jintu.foundation.identity.models import Organisation, User  # noqa: E402
from jintu.foundation.journal import Actor  # noqa: E402
from jintu.foundation.layers import importing, lake  # noqa: E402

from . import grid  # noqa: E402

DAY = date(2024, 12, 31)


@pytest.fixture
def county(db, tmp_path):
    """All five layers of the grid county, in force from the end of 2024; by table name."""
    # the west half is built and permitted, then a conditional strip, then basic farmland where nothing may be built
    blocks = {
        "TDYTQ": [("030", grid.cell(0, 0, 2, 5)), ("020", grid.cell(2, 0, 1, 5)), ("010", grid.cell(3, 0, 3, 5))],
        "JSYDGZQ": [("010", grid.cell(0, 0, 2, 5)), ("020", grid.cell(2, 0, 1, 5)), ("040", grid.cell(3, 0, 3, 5))],
        "JBNTTB": [("011", grid.cell(4, 0)), ("013", grid.cell(5, 0, 1, 2))],
    }
    files = {
        "XZQ": grid.villages(tmp_path / "xzq.gpkg"),
        "DLTB": grid.dltb(tmp_path / "dltb.gpkg"),
        **{kind: grid.zones(tmp_path / f"{kind}.gpkg", kind, cells) for kind, cells in blocks.items()},
    }
    return {kind: importing.import_layer(kind, path, "990121", DAY).version for kind, path in files.items()}


def _person(name: str, division: str, role: str) -> Client:
    unit = Organisation.objects.create(code=f"{division}-{name}", name=name, division=division)
    user = User.objects.create_user(name, "Correct-horse-7", name=name, organisation=unit, roles=[role])
    User.objects.filter(pk=user.pk).update(must_change_password=False)
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(User.objects.get(pk=user.pk))
    return client


@pytest.fixture
def director(db):
    return _person("director", "990121", "director")


@pytest.fixture
def townsman(db):
    return _person("townsman", "990121001", "clerk")


@pytest.fixture
def neighbour(db):
    return _person("neighbour", "990122", "director")


@pytest.fixture
def inspector(db):
    return _person("inspector", "990000", "inspector")


@pytest.fixture
def administrator(db):
    return _person("administrator", "990121", "system_admin")


@pytest.fixture
def actor():
    return Actor(user=7, organisation="990121-x", roles="director", division="990121", address="10.0.0.1")


@pytest.fixture(autouse=True)
def _in_english():
    """Words are compared in the language of the msgids, whether or not translations are compiled."""
    with override("en"):
        yield


@pytest.fixture(autouse=True)
def _nothing_half_done():
    """No test leaves a draft behind in the lake."""
    yield
    assert list((lake.root() / ".incoming").glob("*")) == []
