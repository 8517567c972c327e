"""The switch: who may throw it, what it shows, and that nothing else can be reached by anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import importing, publishing, schemas
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.layers.tests import grid
from jintu.foundation.publication import opening
from jintu.foundation.publication.models import Opening
from jintu.kernel.errors import InputError, Missing, Refused

pytestmark = pytest.mark.django_db


def collections(public) -> list[str]:
    return [c["id"] for c in public.get("/open/collections").json()["collections"]]


def every_address(name: str) -> list[str]:
    """All addresses by which a collection could answer."""
    root = f"/open/collections/{name}"
    picture = f"{name}/default/w/14/6420/13594.png"
    kvp = f"LAYER={name}&STYLE=default&TILEMATRIXSET=w&TILEMATRIX=14&TILEROW=6420&TILECOL=13594"
    return [
        root,
        *(f"{root}/{part}" for part in ("schema", "queryables", "items", "items/1", "tiles", "tiles/WebMercatorQuad")),
        f"{root}/tiles/WebMercatorQuad/14/6420/13594",
        f"/open/wmts/1.0.0/{picture}",
        f"/open/wmts?SERVICE=WMTS&REQUEST=GetTile&{kvp}",
    ]


def assert_unreachable(public, version: LayerVersion) -> None:
    name = Opening(version=version).collection
    answers = {address: public.get(address).status_code for address in every_address(name)}
    assert set(answers.values()) <= {400, 404}, answers
    for address in ("", "/collections", "/openapi", "/wmts?SERVICE=WMTS&REQUEST=GetCapabilities"):
        assert name not in public.get(f"/open{address}").content.decode()
        assert name not in public.get(f"/open{address}", headers={"accept": "text/html"}).content.decode()


def test_what_is_open_answers_at_every_address(opened, public, name) -> None:
    answers = {address: public.get(address).status_code for address in every_address(name)}
    assert set(answers.values()) == {200}, answers


def test_nothing_is_open_by_itself(county, public) -> None:
    assert collections(public) == []
    for version in county.values():
        assert_unreachable(public, version)


def test_only_what_was_opened_is_open(opened, public) -> None:
    assert {c.partition("-")[0] for c in collections(public)} == {"DLTB", "XZQ"}
    for kind in ("JBNTTB", "TDYTQ", "JSYDGZQ"):
        assert_unreachable(public, opened[kind])


def test_another_county_and_an_older_version_stay_closed(opened, public, tmp_path) -> None:
    other = importing.import_layer("DLTB", grid.dltb(tmp_path / "n.gpkg", TBBH={0: "n"}), "990122", date(2024, 12, 31))
    older = importing.import_layer("DLTB", grid.dltb(tmp_path / "o.gpkg", TBBH={0: "o"}), "990121", date(2023, 12, 31))
    assert_unreachable(public, other.version)
    assert_unreachable(public, older.version)


def test_a_draft_cannot_be_opened(county, public, tmp_path) -> None:
    draft = county["DLTB"]
    LayerVersion.objects.filter(pk=draft.pk).update(state="draft")
    draft.refresh_from_db()
    with pytest.raises(Refused, match="in force"):
        opening.open_version(draft)
    Opening.objects.create(version=draft, columns=list(draft.schema.public))  # even if somebody wrote the row
    assert_unreachable(public, draft)


@pytest.mark.parametrize("level", [1, 2])
def test_internal_data_cannot_be_opened(county, public, level: int) -> None:
    version = county["DLTB"]
    LayerVersion.objects.filter(pk=version.pk).update(data_level=level)
    version.refresh_from_db()
    with pytest.raises(Refused, match="public data level"):
        opening.open_version(version)
    Opening.objects.create(version=version, columns=list(version.schema.public))
    assert_unreachable(public, version)


def test_a_withdrawn_version_is_closed_and_stays_closed_when_it_is_in_force_again(opened, public, actor) -> None:
    version = opened["DLTB"]
    publishing.withdraw(version, "wrong file", actor)
    assert_unreachable(public, version)
    publishing.publish(version, actor, decision="published again")
    assert_unreachable(public, version)
    opening.open_version(version, actor)
    assert Opening(version=version).collection in collections(public)


def test_opening_and_closing_show_at_once_without_a_restart(opened, public, actor, name) -> None:
    assert public.get(f"/open/collections/{name}/items/1").status_code == 200
    opening.close(opened["DLTB"], "replaced by a newer one", actor)
    assert_unreachable(public, opened["DLTB"])
    opening.open_version(opened["TDYTQ"], actor)
    assert {c.partition("-")[0] for c in collections(public)} == {"TDYTQ", "XZQ"}


def test_an_address_that_was_cached_is_not_answered_with_unchanged_after_closing(opened, public, actor, name) -> None:
    address = f"/open/collections/{name}/items"
    tag = public.get(address)["ETag"]
    assert public.get(address, headers={"if-none-match": tag}).status_code == 304
    opening.close(opened["DLTB"], "closed", actor)
    assert public.get(address, headers={"if-none-match": tag}).status_code == 404


# --- columns ----------


def test_only_allowed_columns_are_anywhere(opened, public, name) -> None:
    hidden = ["owner_name", "QSDWMC", "owner_code", "QSDWDM", "ownership", "slope_class", "approval_no"]
    for address in every_address(name):
        for form in ("application/json", "text/html"):
            text = public.get(address, headers={"accept": form}).content.decode("utf-8", "replace")
            assert not [h for h in hidden if h in text], address
    feature = public.get(f"/open/collections/{name}/items/1").json()
    assert set(feature["properties"]) == set(schemas.get("DLTB").public)


@pytest.mark.parametrize(
    "parameter", ["owner_name=甲村", "properties=owner_name", "protector=张三", "filter=1=1", "q=甲"]
)
def test_hidden_columns_can_be_neither_asked_for_nor_searched(opened, public, name, parameter: str) -> None:
    assert public.get(f"/open/collections/{name}/items?{parameter}").status_code == 400


def test_persons_are_never_public(county, public, actor) -> None:
    opening.open_version(county["JBNTTB"], actor)
    name = Opening.objects.get(version=county["JBNTTB"]).collection
    for address in every_address(name):
        text = public.get(address).content.decode("utf-8", "replace")
        assert "张三" not in text and "protector" not in text


def test_a_schema_that_allows_more_later_shows_no_more_of_an_open_version(opened, public, name, monkeypatch) -> None:
    wider = replace(schemas.get("DLTB"), public=(*schemas.get("DLTB").public, "owner_name"))
    monkeypatch.setitem(schemas._catalogue, wider.name, wider)
    assert "owner_name" not in public.get(f"/open/collections/{name}/items/1").json()["properties"]
    narrower = replace(wider, public=("bsm", "land_use_code"))
    monkeypatch.setitem(schemas._catalogue, wider.name, narrower)
    assert set(public.get(f"/open/collections/{name}/items/1").json()["properties"]) == {"bsm", "land_use_code"}


def test_no_schema_lets_out_persons_or_what_it_does_not_name(tmp_path) -> None:
    for schema in schemas.catalogue():
        assert not [n for n in schema.public if schema.columns[n].personal]
    text = """
name: x.X
table: X
zh: 某
en: some
theme: base
standard: none
version: "1"
key: bsm
title: [bsm]
public: [bsm, holder]
fields:
  - {code: BSM, name: bsm, zh: 标识码, en: identifier, type: Int}
  - {code: QLR, name: holder, zh: 权利人, en: holder, personal: true}
"""
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="about persons"):
        schemas.read(file)
    file.write_text(text.replace("[bsm, holder]", "[holder]").replace(", personal: true", ""), encoding="utf-8")
    with pytest.raises(ValueError, match="must be public"):
        schemas.read(file)


def test_layers_without_an_allow_list_cannot_be_opened(county, tmp_path, monkeypatch) -> None:
    closed = replace(schemas.get("DLTB"), public=())
    monkeypatch.setitem(schemas._catalogue, closed.name, closed)
    with pytest.raises(Refused, match="may be public"):
        opening.open_version(county["DLTB"])


# --- the act ----------


def test_both_acts_are_in_the_journal(opened, actor) -> None:
    opening.close(opened["DLTB"], "  replaced  ", actor)
    acts = [e for e in Entry.objects.order_by("pk") if e.act in ("layer.open", "layer.close")]
    assert [e.act for e in acts] == ["layer.open", "layer.open", "layer.close"]
    facts = acts[0].facts if isinstance(acts[0].facts, dict) else json.loads(acts[0].facts)
    assert facts["columns"] == list(schemas.get("DLTB").public) and facts["hash"] == opened["DLTB"].hash
    assert acts[0].division == "990121"
    assert Opening.objects.get(version=opened["DLTB"]).reason == "replaced"


def test_closing_needs_a_reason_and_something_open(opened, county) -> None:
    with pytest.raises(InputError, match="reason"):
        opening.close(opened["DLTB"], " ")
    with pytest.raises(Refused, match="not open"):
        opening.close(county["TDYTQ"], "whatever")


def test_without_a_map_approval_number_nothing_is_opened(county, settings) -> None:
    settings.NODE = replace(settings.NODE, map_approval_no="")
    with pytest.raises(Refused, match="map approval number"):
        opening.open_version(county["DLTB"])


def test_names_that_look_like_a_collection(opened, name) -> None:
    for wrong in ("", "DLTB", "DLTB-990121", name.replace("DLTB", "LTB"), name.lower(), f"{name}x", name + "/../x"):
        with pytest.raises(Missing):
            opening.find(wrong)


# --- its pages ----------


def test_the_director_opens_and_closes(county, director, public) -> None:
    page = f"/openings/{county['DLTB'].pk}/"
    assert "Open to the public" in director.get(page).content.decode()
    assert director.post(page, {"to": "open"}).status_code == 302
    assert len(collections(public)) == 1
    text = director.get(page).content.decode()
    assert "open to the public" in text and "person" not in text
    assert county["DLTB"].name in director.get("/openings/").content.decode()
    director.post(page, {"to": "closed", "reason": "replaced"})
    assert collections(public) == []
    assert "replaced" in director.get("/openings/").content.decode()


def test_others_do_not(county, townsman, neighbour, administrator, client, public) -> None:
    page = f"/openings/{county['DLTB'].pk}/"
    assert townsman.post(page, {"to": "open"}).status_code == 403
    assert neighbour.get(page).status_code == neighbour.post(page, {"to": "open"}).status_code == 404
    assert administrator.get(page).status_code == 403
    assert client.get(page).status_code == 302
    assert collections(public) == []
    assert 'value="open"' not in townsman.get(page).content.decode()


def test_the_page_of_a_version_leads_to_the_switch(county, director) -> None:
    assert f"/openings/{county['DLTB'].pk}/" in director.get(f"/map/versions/{county['DLTB'].pk}/").content.decode()


def test_who_is_signed_in_sees_what_everybody_sees(opened, director, public, name) -> None:
    address = f"/open/collections/{name}/items"
    mine = director.get(address, headers={"accept": "application/json"})
    theirs = public.get(address)
    assert mine.json()["features"] == theirs.json()["features"]
    assert "Cookie" not in mine["Vary"] and not mine.cookies and mine["ETag"] == theirs["ETag"]
    name = Opening(version=opened["TDYTQ"]).collection
    assert director.get(f"/open/collections/{name}").status_code == 404


def test_the_list_says_open_and_closed_in_its_own_words(land_use, director) -> None:
    """Other apps translate "open" of a finding otherwise."""
    page = director.get("/openings/", headers={"accept-language": "zh-hans"}).content.decode()
    assert "已向公众开放" in page and "待下发" not in page


def test_the_page_of_a_collection_lists_the_open_columns_and_no_others(land_use, public) -> None:
    found = opening.find(land_use)
    page = public.get(f"/open/collections/{land_use}?f=html&lang=en").content.decode()
    for attribute in found.version.schema.attributes:
        assert (f"<code>{attribute.name}</code>" in page) == (attribute.name in found.shown)
    assert "<td>m²</td>" in page


def test_documents_lead_on_by_links(land_use, public) -> None:
    page = public.get(f"/open/collections/{land_use}/tiles?f=html").content.decode()
    assert f'href="http://testserver/open/collections/{land_use}/tiles/WebMercatorQuad"' in page
    assert "{tileMatrix}" in page and 'href="http://testserver/open/collections/{' not in page
