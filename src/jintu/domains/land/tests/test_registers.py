"""The registers' descriptors, and the checks across columns."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.management import call_command

from jintu.domains.land.registers import checks
from jintu.foundation.checks.tests.frames import rows
from jintu.foundation.registers import codelists, descriptor
from jintu.foundation.registers.models import RegisterRow

NAMES = (
    "land.approval", "land.approval_parcel", "land.supply", "land.payment", "land.development_event",
    "land.compensation_project", "land.compensation_draw", "land.idle_case", "land.temporary_use", "land.quota",
    "land.price_floor", "land.allocation_use", "land.max_term", "enforcement.patch",
)  # fmt: skip

by_name = pytest.mark.parametrize("name", NAMES)


@by_name
def test_a_descriptor_names_columns_it_has(name: str):
    r = descriptor.get(name)
    assert issubclass(r.model, RegisterRow)
    for column in (r.key, r.title, r.period, r.area, r.geometry, *r.identity):
        assert not column or column in r.columns, column
    for child in r.children:
        assert child.by in descriptor.get(child.register).columns
    for _f, facts in r.columns.values():
        assert not facts.link or descriptor.get(facts.link).key
        assert not facts.codelist or codelists.get(facts.codelist)


@by_name
def test_headers_of_files_lead_to_one_column(name: str):
    """A code or alias that named two columns would put values where nobody looks for them."""
    seen: dict[str, str] = {}
    for column, (_f, facts) in descriptor.get(name).columns.items():
        for header in (facts.code, *facts.aliases):
            if header:
                assert seen.setdefault(header, column) == column, f"{header} names {seen[header]} and {column}"


@by_name
def test_areas_and_money_have_units(name: str):
    for column, (f, facts) in descriptor.get(name).columns.items():
        if type(f).__name__ in ("AreaField", "MoneyField"):
            assert facts.unit in ("m2", "yuan"), column


def test_holders_users_and_subjects_are_personal():
    assert descriptor.get("land.supply").personal == {"holder"}
    assert descriptor.get("land.temporary_use").personal == {"user_name"}
    assert descriptor.get("enforcement.patch").personal == {"subject_name"}


def test_land_use_codes_of_both_editions_are_accepted():
    codes = codelists.get("land_use")
    assert {"011", "0101", "021K", "061", "0601", "201"} <= set(codes)


@pytest.mark.django_db
def test_migrations_are_complete():
    call_command("makemigrations", "land", "enforcement", check=True, dry_run=True, verbosity=0)


# ---- checks across columns -----------------------------------------------------------------------------------------


def wrong(register: str, **facts: Any) -> list[str]:
    """Fields the register's own check complains about."""
    r = descriptor.get(register)
    return [field for _row, field, *_rest in r.validate(rows(register, {r.key: "1"} | facts))]


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        ({"total_area": 100.0, "agri_area": 60.0, "construction_area": 30.0, "unused_area": 10.0}, []),
        ({"total_area": 100.0, "agri_area": 60.0, "construction_area": 30.0, "unused_area": 4.9}, ["total_area"]),
        ({"total_area": 100.0, "agri_area": 60.0, "construction_area": 30.0, "unused_area": 5.1}, []),
        ({"total_area": 100.0, "agri_area": 60.0}, []),
        ({"agri_area": 100.0, "cult_area": 101.1}, ["cult_area"]),
        ({"agri_area": 100.0, "cult_area": 101.0}, []),
        ({"cult_area": 10.0, "paddy_area": 12.0}, ["paddy_area"]),
        ({"approved_on": date(2024, 1, 2), "received_on": date(2024, 1, 1)}, ["received_on"]),
        ({"compensation_plan_on": date(2024, 1, 2), "compensation_paid_on": date(2024, 1, 2)}, []),
    ],
    ids=str,
)
def test_areas_and_dates_of_an_approval(facts: dict, fields: list[str]):
    assert wrong("land.approval", **facts) == fields


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        ({"far_min": 2.0, "far_max": 1.0}, ["far_min"]),
        ({"far_min": 1.0, "far_max": 1.0}, []),
        ({"density_min": 50.0, "density_max": 40.0}, ["density_min"]),
        ({"start_on": date(2024, 1, 2), "finish_on": date(2024, 1, 1)}, ["finish_on"]),
        ({"signed_on": date(2024, 1, 2), "filed_on": date(2024, 1, 1)}, ["filed_on"]),
        ({"area": 100.0, "new_construction_area": 102.0}, ["new_construction_area"]),
    ],
    ids=str,
)
def test_limits_and_dates_of_a_supply(facts: dict, fields: list[str]):
    assert wrong("land.supply", **facts) == fields


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("9901212026B00001", None),
        ("9901002026B00001", None),
        ("9901222026B00001", "The supervision number {number} is of {other}, the row of {own}."),
        ("9999992026B00001", "The supervision number {number} starts with {code}, which is no division."),
        ("9901212026B1", "{number} is not an electronic supervision number."),
        ("", None),
    ],
)
def test_a_supervision_number_of_another_county_is_refused_with_the_reason(number: str, sentence: str | None):
    found = list(checks.supply(rows("land.supply", {"supply_no": "1", "supervision_no": number})))
    assert [item[2] for item in found] == ([sentence] if sentence else [])
    for _row, field, text, params, remedy in found:
        assert field == "supervision_no"
        assert text.format(**params) and remedy


@pytest.mark.parametrize(
    ("register", "facts", "fields"),
    [
        ("land.development_event", {"happened_on": date(2024, 1, 2), "reported_on": date(2024, 1, 1)}, ["reported_on"]),
        ("land.compensation_project", {"scale_area": 10.0, "added_cult_area": 12.0}, ["added_cult_area"]),
        ("land.compensation_draw", {"area": 10.0, "paddy_area": 12.0}, ["paddy_area"]),
        ("land.temporary_use", {"approved_on": date(2024, 1, 2), "until_on": date(2024, 1, 1)}, ["until_on"]),
        ("land.quota", {"conversion_area": 10.0, "cult_area": 12.0}, ["cult_area"]),
        ("land.max_term", {"valid_from": date(2024, 1, 2), "valid_to": date(2024, 1, 1)}, ["valid_to"]),
        ("enforcement.patch", {"before_on": date(2024, 1, 2), "image_on": date(2024, 1, 1)}, ["image_on"]),
        ("enforcement.patch", {"area": 10.0, "cult_area": 12.0}, ["cult_area"]),
    ],
    ids=str,
)
def test_checks_of_the_other_registers(register: str, facts: dict, fields: list[str]):
    assert wrong(register, **facts) == fields
    assert wrong(register) == []


# ---- what the rules get ----------------------------------------------------------------------------------------------


@by_name
@pytest.mark.django_db
def test_rows_reach_the_rules_with_the_types_their_tests_use(name: str):
    """The frames of the hand-written tests and those read from the database have the same columns and types."""
    import shapely

    from jintu.foundation.checks.loading import register_frame
    from jintu.foundation.checks.tests.frames import box

    r = descriptor.get(name)
    row = {r.key: "K1", "division": "990121001"}
    outline = box(0, 0, 10, 10)
    r.model.objects.create(**row, **({r.geometry: shapely.from_wkb(outline)} if r.geometry else {}))
    r.model.objects.create(**row | {r.key: "K2", "status": "withdrawn"})
    read = register_frame(name, "" if r.table else "990121")
    wanted = rows(name)
    assert {c: read.schema[c] for c in wanted.columns} == dict(wanted.schema)
    assert read[r.key].to_list() == ["K1"], "withdrawn rows do not count"
    if r.geometry:
        assert shapely.equals(shapely.from_wkb(read["geometry"][0]), shapely.from_wkb(outline))


@pytest.mark.django_db
def test_dated_tables_of_a_higher_division_reach_the_county():
    from jintu.foundation.checks.loading import register_frame

    model = descriptor.get("land.price_floor").model
    model.objects.create(floor_key="1", division="990000", price_per_m2=84, land_grade=12, use_group="industry")
    assert register_frame("land.price_floor", "990121")["price_per_m2"].to_list() == [84.0]


def test_every_link_has_one_index_of_its_own():
    """Lists of children, rules and presets ask "is there a row of mine?"; a second index would only cost."""
    for register in descriptor.catalogue():
        links = [n for n, (f, c) in register.attributes.items() if c.link and f.model._meta.app_label == "land"]
        for name in links:
            first = [i.name for i in register.model._meta.indexes if i.fields[0] == name]
            by_itself = register.model._meta.get_field(name).db_index
            assert (len(first), by_itself) == (1, False), f"{register.name}.{name}"
