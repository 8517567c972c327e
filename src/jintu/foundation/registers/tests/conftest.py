"""The test register in the database and in the catalogue, and the people who work with it."""

from __future__ import annotations

import django
import pytest
from django.db import connection

django.setup()  # this file is imported before pytest_configure, and the models below need their apps

from jintu.foundation.identity.models import Organisation, User  # noqa: E402
from jintu.foundation.identity.scope import Scope  # noqa: E402
from jintu.foundation.journal import Actor  # noqa: E402
from jintu.foundation.registers import descriptor  # noqa: E402

from .plots import NOTE, PLOT, Note, Plot  # noqa: E402


@pytest.fixture(scope="session")
def _plot_tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Plot)
            editor.create_model(Note)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Note)
            editor.delete_model(Plot)


@pytest.fixture
def plots(_plot_tables):
    """The registers test.plot and test.note, empty."""
    before = dict(descriptor._catalogue)
    descriptor.register(PLOT, NOTE)
    yield PLOT
    descriptor._catalogue.clear()
    descriptor._catalogue.update(before)


@pytest.fixture
def emptied(plots, transactional_db):
    """For tests that commit: the tables of the test register are not flushed by Django, which does not know them."""
    yield plots
    with connection.cursor() as cursor:
        for model in (Plot, Note):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")


@pytest.fixture
def county():
    """The scope of a county director."""
    return Scope(
        divisions=("990121",), data_level=1, label="示例县",
        verbs=frozenset({"view", "create", "edit", "withdraw", "import", "export", "attach"}),
    )  # fmt: skip


@pytest.fixture
def neighbour():
    return Scope(
        divisions=("990122",), data_level=1, verbs=frozenset({"view", "create", "edit", "import"}), label="邻县"
    )


@pytest.fixture
def actor():
    return Actor(user=7, organisation="990121-lr", roles="director", division="990121")


@pytest.fixture
def person(db):
    """Make a signed-in person: ``person("clerk")``."""

    def make(role="director", division="990121", name=""):
        unit, _new = Organisation.objects.get_or_create(
            code=f"o{division}", defaults={"name": "国土资源局", "level": "county", "division": division}
        )
        user = User(username=name or f"{role}{division}", name="陈敏", organisation=unit, roles=[role])
        user.set_password("Correct-horse-9")
        user.must_change_password = False
        from django.utils import timezone

        user.password_changed_at = timezone.now()
        user.save()
        return user

    return make


@pytest.fixture
def signed_in(client, person):
    """A test client of a person: ``signed_in("clerk")``."""

    def make(role="director", division="990121"):
        client.force_login(person(role, division))
        return client

    return make
