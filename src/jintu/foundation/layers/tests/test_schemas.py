"""Schemas say what the standards say, under the names everybody uses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from django.apps import apps

from jintu.foundation.layers import schemas
from jintu.kernel import codelists
from jintu.kernel.errors import Missing

NAMES = {
    "survey.XZQ": "bsm division_code division_name control_area_m2 computed_area_m2 description_code",
    "survey.DLTB": "bsm feature_code patch_no land_use_code land_use_name ownership owner_code owner_name "
    "location_code location_name slope_class cultivated_type ridge_class ridge_ratio patch_area_m2 linear_area_m2 "
    "scattered_area_m2 ridge_area_m2 net_area_m2 approval_no change_no changed_on",
    "survey.JBNTTB": "bsm patch_code patch_no land_use_code ownership location_code patch_area_m2 protected_area_m2 "
    "protector",
    "planning.TDYTQ": "bsm feature_code division_code zone_no zone_type zone_area_m2 note",
    "planning.JSYDGZQ": "bsm feature_code division_code control_type zone_area_m2 note",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_has_the_agreed_columns(name: str) -> None:
    assert set(NAMES[name].split()) <= set(schemas.get(name).columns)


@pytest.mark.parametrize("name", [s.name for s in schemas.catalogue()])
def test_every_attribute_is_named_in_both_languages(name: str) -> None:
    for attribute in schemas.get(name).attributes:
        assert attribute.zh and attribute.en and attribute.code.isupper()
        assert attribute.codelist == "" or attribute.codelist in codelists.names()
        assert attribute.constraint != "C" or attribute.required_when


def test_land_use_of_2009_is_mandatory_as_the_update_standard_says() -> None:
    mandatory = {a.code for a in schemas.get("DLTB").attributes if a.mandatory}
    wanted = "BSM YSDM TBBH DLBM DLMC QSXZ QSDWDM QSDWMC ZLDWDM ZLDWMC TBMJ TBDLMJ"
    assert mandatory == set(wanted.split())


def test_an_attribute_is_found_by_code_and_by_name() -> None:
    schema = schemas.get("survey.DLTB")
    assert schema.attribute("DLBM") is schema.attribute("land_use_code") is schema.attribute("dlbm")
    with pytest.raises(Missing, match="DLBM"):
        schema.attribute("DLXX")
    with pytest.raises(Missing, match=r"survey\.DLTB"):
        schemas.get("survey.NONE")


def test_codes_have_meanings_in_the_readers_language() -> None:
    from django.utils.translation import override

    attribute = schemas.get("DLTB").columns["land_use_code"]
    with override("zh-hans"):
        assert (attribute.label, attribute.meaning("011"), attribute.meaning("0101")) == ("地类编码", "水田", "水田")
    with override("en"):
        assert (attribute.label, attribute.meaning("011"), attribute.meaning("999")) == (
            "land-use code",
            "paddy field",
            "",
        )


def test_a_schema_that_contradicts_itself_is_refused(tmp_path) -> None:
    text = (Path(apps.get_app_config("survey").path) / "schemas" / "xzq.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace("key: bsm", "key: number"), encoding="utf-8")
    with pytest.raises(ValueError, match="number"):
        schemas.read(wrong)
    wrong.write_text(text.replace("name: division_code", "name: bsm"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"no field|twice"):
        schemas.read(wrong)


def test_the_reference_page_is_what_the_schemas_say() -> None:
    script = Path(__file__).resolve().parents[5] / "scripts" / "schemas_reference.py"
    if not script.is_file():
        pytest.skip("installed without the documentation")
    spec = importlib.util.spec_from_file_location("schemas_reference", script)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page() == module.PAGE.read_text(encoding="utf-8"), "run scripts/schemas_reference.py"


def test_lines_and_tables_have_no_area(tmp_path) -> None:
    text = (Path(apps.get_app_config("survey").path) / "schemas" / "xzq.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace("geometry: polygon", "geometry: line"), encoding="utf-8")
    with pytest.raises(ValueError, match="area"):
        schemas.read(wrong)
    wrong.write_text(text.replace("geometry: polygon", "geometry: volume"), encoding="utf-8")
    with pytest.raises(ValueError, match="geometry"):
        schemas.read(wrong)
