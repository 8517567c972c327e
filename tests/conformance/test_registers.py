"""Every register × every persona × every verb: who sees, files, changes, takes back, imports and exports what.

A register that a domain adds is tested without a line being written here.
"""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jintu.foundation.registers import descriptor, exporting, importing, listing, units, values
from jintu.foundation.registers.actions import create
from jintu.foundation.registers.api import serializer_of

from .rows import COUNTY, NEIGHBOUR, row, sound

pytestmark = pytest.mark.django_db
REGISTERS = [r.name for r in descriptor.catalogue()]


@pytest.fixture(params=REGISTERS)
def register(request):
    return descriptor.get(request.param)


@pytest.fixture
def two(register):
    """A row of each county."""
    return {COUNTY: row(register, COUNTY), NEIGHBOUR: row(register, NEIGHBOUR)}


def url(name, *args):
    return reverse(f"registers:{name}", args=args)


# -- the descriptor itself


def test_a_descriptor_names_what_there_is(register):
    for name in (register.key, register.title, register.period, register.area, *register.identity):
        assert not name or name in register.attributes, name
    assert not register.geometry or register.model._meta.get_field(register.geometry)
    for child in register.children:
        assert child.by in descriptor.get(child.register).attributes
    listing.sort_of(register)


def test_units_and_code_lists_are_known(register):
    for name, (f, column) in register.attributes.items():
        if column.display:
            units.factor(column.unit, column.display)
        values.choices_of(f)
        assert not column.link or descriptor.get(column.link), name


def test_codes_and_aliases_name_one_column_each(register):
    seen: dict[str, str] = {}
    for name, (_f, column) in register.attributes.items():
        for text in {column.code, *column.aliases} - {""}:
            assert seen.setdefault(text, name) == name, f"{text} names {seen[text]} and {name}"


def test_the_key_is_unique_among_live_rows(register, two):
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        row(register, COUNTY)


def test_a_sound_row_is_filed(register):
    from jintu.foundation.identity.scope import Scope
    from jintu.foundation.journal import Actor

    made = create.perform(register, sound(register), scope=Scope.everything(), actor=Actor())
    assert register.model.objects.current().get(pk=made.pk)


# -- personas


def test_rows_seen_in_lists(register, two, persona, as_persona):
    client = as_persona(persona)
    answer = client.get(url("list", register.name))
    if "view" not in persona.verbs:
        assert answer.status_code == 403
        return
    assert answer.status_code == 200
    shown = {str(uid) for uid, _title, _cells in answer.context["body"]}
    assert shown == {str(two[d].uid) for d in persona.sees}


PAGES = {"detail": "view", "history": "view", "edit": "edit", "correct": "withdraw", "withdraw": "withdraw"}


def test_pages_of_a_row(register, two, persona, as_persona):
    client = as_persona(persona)
    for page, verb in PAGES.items():
        for division in (COUNTY, NEIGHBOUR):
            answer = client.get(url(page, register.name, two[division].uid))
            expected = 403 if verb not in persona.verbs else 200 if division in persona.sees else 404
            assert answer.status_code == expected, (page, division)


def test_pages_of_a_register(register, persona, as_persona):
    client = as_persona(persona)
    for page in ("create", "import", "export"):
        assert client.get(url(page, register.name)).status_code == (200 if page in persona.verbs else 403), page


def test_the_api(register, two, persona, as_persona):
    client = as_persona(persona)
    base = f"/api/registers/{register.name}/"
    answer = client.get(base)
    assert answer.status_code == (200 if "view" in persona.verbs else 403)
    if "view" in persona.verbs:
        assert answer.json()["count"] == len(persona.sees)
    for division, one in two.items():
        expected = {
            verb: 403 if verb not in persona.verbs else 200 if division in persona.sees else 404
            for verb in ("view", "edit", "withdraw")
        }
        address = f"{base}{one.uid}/"
        assert client.get(address).status_code == expected["view"]
        change = {"row_version": 1, "division": one.division}
        assert client.patch(address, change, content_type="application/json").status_code == expected["edit"]
        back = {"row_version": 1, "reason": "测试撤回"}
        answer = client.post(f"{address}withdraw/", back, content_type="application/json")
        assert answer.status_code == expected["withdraw"]


def test_filing_through_the_api(register, persona, as_persona):
    client = as_persona(persona)
    fields = serializer_of(register)().fields
    for division in (COUNTY, NEIGHBOUR):
        data = {k: values.plain(v) for k, v in sound(register, division, 7).items() if v is not None and k in fields}
        answer = client.post(f"/api/registers/{register.name}/", json.dumps(data), content_type="application/json")
        may = "create" in persona.verbs and division in persona.sees
        assert answer.status_code == (201 if may else 403), answer.content
    filed = len(persona.sees) if "create" in persona.verbs else 0
    assert register.model.objects.count() == filed


@pytest.mark.parametrize("register", [r for r in REGISTERS if descriptor.get(r).geometry], indirect=True)
def test_tiles_are_within_the_scope(register, persona, as_persona):
    import mapbox_vector_tile
    import shapely

    from jintu.kernel.formats import mvt

    for division in (COUNTY, NEIGHBOUR):
        row(register, division, **{register.geometry: shapely.box(113.1, 30.1, 113.12, 30.12)})
    x, y = mvt.tile_of(13, 113.11, 30.11)
    answer = as_persona(persona).get(url("tile", register.name, 13, x, y))
    if "view" not in persona.verbs:
        assert answer.status_code == 403
        return
    layers = mapbox_vector_tile.decode(answer.content) if answer.content else {}
    assert len(layers.get(register.name, {"features": []})["features"]) == len(persona.sees)


def test_strangers_see_nothing(register, two, client):
    for address in (
        url("list", register.name),
        url("detail", register.name, two[COUNTY].uid),
        url("export", register.name),
        url("create", register.name),
        url("import", register.name),
    ):
        assert client.get(address).status_code == 302
    assert client.get(f"/api/registers/{register.name}/").status_code in (401, 403)


# -- cost and round trip


def test_pages_stay_cheap(register, as_persona):
    from .conftest import PERSONAS

    rows = [register.model(**sound(register, COUNTY, n)) for n in range(1, 61)]
    register.model.objects.bulk_create(rows)
    client = as_persona(PERSONAS[1])
    client.get(url("list", register.name))
    for address in (url("list", register.name), url("detail", register.name, rows[0].uid)):
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        assert answer.status_code == 200
        assert len(asked) <= 15, [q["sql"][:120] for q in asked.captured_queries]
        assert len(answer.content) <= 120_000


def test_what_is_exported_is_imported_again_unchanged(register, tmp_path):
    from jintu.foundation.identity.scope import Scope
    from jintu.foundation.journal import Actor

    row(register, COUNTY, 1)
    row(register, COUNTY, 2)
    before = {str(r.uid): values.value_of(register, r) for r in register.model.objects.visible()}
    path = tmp_path / "rows.csv"
    rows = register.model.objects.visible().within(Scope.everything())
    exporting.write(register, rows, path, "csv", how="names", persons=True)
    result = importing.import_file(register.name, path, actor=Actor(), division=COUNTY, duplicates="update")
    assert (result.updated, result.refused) == (2, 0), result.reasons
    after = {str(r.uid): values.value_of(register, r) for r in register.model.objects.visible()}
    assert after == before
