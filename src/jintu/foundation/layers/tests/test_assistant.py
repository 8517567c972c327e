"""The assistant proposes columns by names and by what they hold, and remembers what was accepted."""

from __future__ import annotations

import pyarrow as pa
import pytest
import shapely

from jintu.foundation.layers import assistant, importing, schemas
from jintu.foundation.layers.models import LayerMapping
from jintu.kernel import formats

from . import grid
from .conftest import DAY


def _sample(**columns: list) -> assistant.Sample:
    values = {k: [None if v is None else str(v) for v in c] for k, c in columns.items()}
    return assistant.Sample(tuple(columns), tuple("text" for _ in columns), values)


def _proposed(table: str, taken: assistant.Sample) -> dict[str, str]:
    found = assistant.propose(schemas.get(table), taken)
    return {n: m.column for n, m in found.matches.items()}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("DLBM", "land_use_code"),
        ("dlbm_1", "land_use_code"),
        ("地类编码", "land_use_code"),
        ("图斑面积(平方米)", "patch_area_m2"),
        ("权属单位代", "owner_code"),  # ten bytes of GBK
        ("land-use code", "land_use_code"),
    ],
)
def test_columns_are_known_by_their_names(db, header, name) -> None:
    found = assistant.propose(schemas.get("DLTB"), _sample(**{header: []}))
    assert found.matches[name].column == header
    assert found.matches[name].score >= 0.7 and found.matches[name].reasons


def test_columns_are_known_by_what_they_hold(db) -> None:
    taken = _sample(a=["011", "013", "104", "203"], b=["水田", "旱地", "农村道路", "村庄"], c=["x", "y", "z", "w"])
    proposed = _proposed("DLTB", taken)
    assert proposed["land_use_code"] == "a" and proposed["land_use_name"] == "b" and "c" not in proposed.values()


def test_names_written_for_codes_are_translated(db) -> None:
    found = assistant.propose(schemas.get("TDYTQ"), _sample(kind=["一般农地区", "林业用地区", "牧业用地区"]))
    assert found.mapping.columns == {"zone_type": "kind"}
    assert found.mapping.values["zone_type"] == {"一般农地区": "020", "林业用地区": "090", "牧业用地区": "100"}
    assert found.mapping.sequence == "bsm" and found.mapping.area == "zone_area_m2"
    assert found.mapping.constants == {"feature_code": "2003020110"}
    assert found.open == []


def test_values_that_do_not_fit_lower_the_score(db) -> None:
    good, bad = (
        assistant.propose(schemas.get("DLTB"), _sample(TBMJ=v)).matches.get("patch_area_m2")
        for v in (["1.5", "2"], ["1.5", "many"])
    )
    assert good.score == 1.0
    assert bad.score == 0.5 and "50 %" in bad.reasons[-1]


def _foreign(path, shapes, **columns):
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary())})
    formats.write(path, table, crs=grid.CRS)
    return path


@pytest.fixture
def zoning(tmp_path):
    """Somebody else's plan: other names, words for codes, no identifier."""
    shapes = [grid.cell(0, 0, 2, 5), grid.cell(2, 0, 1, 5), grid.cell(3, 0, 3, 5)]
    return _foreign(
        tmp_path / "zoning.gpkg",
        shapes,
        kind=["城镇建设用地区", "一般农地区", "基本农田保护区"],
        sqm=[s.area for s in shapes],
    )


def test_an_area_is_known_by_the_outlines(db, zoning) -> None:
    with formats.read(zoning) as source:
        found = assistant.propose(schemas.get("TDYTQ"), assistant.sample(source))
    assert found.matches["zone_area_m2"].column == "sqm"
    assert "outlines" in found.matches["zone_area_m2"].reasons[0]


def test_what_was_accepted_is_remembered_for_files_of_the_same_shape(db, zoning, tmp_path) -> None:
    schema = schemas.get("TDYTQ")
    with formats.read(zoning) as source:
        found = assistant.propose(schema, assistant.sample(source))
    mapping = assistant.likely(found)
    assert set(mapping.columns) == {"zone_area_m2"}  # a translation of words is looked at by a person
    result = importing.import_layer(schema, zoning, "990121", DAY, mapping=found.mapping)
    assert result.rows == 3
    assistant.remember_file(schema, zoning, "", found.mapping)
    later = _foreign(tmp_path / "2025.gpkg", [grid.cell(0, 0)], kind=["林业用地区"], sqm=[1.0])
    known = assistant.remembered_for(schema, later)
    assert known is not None and known.columns == found.mapping.columns and known.values == found.mapping.values
    other = _foreign(tmp_path / "other.gpkg", [grid.cell(0, 0)], kind=["林业用地区"])
    assert assistant.remembered_for(schema, other) is None
    assert assistant.remembered_for(schemas.get("JSYDGZQ"), later) is None


def test_the_word_about_a_datum_is_not_remembered(db, zoning) -> None:
    from jintu.foundation.layers.mapping import Mapping

    schema = schemas.get("TDYTQ")
    assistant.remember_file(schema, zoning, "", Mapping(columns={"zone_type": "kind"}, take_as_cgcs2000=True))
    assert "take_as_cgcs2000" not in LayerMapping.objects.get().facts


def test_a_table_of_the_standard_needs_no_help(db, tmp_path) -> None:
    with formats.read(grid.dltb(tmp_path / "a.gpkg")) as source:
        found = assistant.propose(schemas.get("DLTB"), assistant.sample(source))
    assert found.open == []
    assert all(m.score == 1.0 for m in found.matches.values())
    assert {m.column for m in found.matches.values()} >= {"DLBM", "TBMJ", "ZLDWDM"}
