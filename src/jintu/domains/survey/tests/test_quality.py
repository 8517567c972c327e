"""Every rule of the inspection: nothing in a sound county, and exactly the cell that was broken in another."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jintu.domains.survey.rules import RULES, areas, attributes, basis, relations, topology
from jintu.foundation.checks import parameters
from jintu.foundation.checks.inspection.rules import QualityRule, catalogue
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.checks.inspection.tables import Dataset
from jintu.foundation.layers.tests import grid

from . import county
from .county import AS_OF, farmland, found, patches, villages


def sound() -> Dataset:
    tables = {"DLTB": patches(), "XZQ": villages(), "JBNTTB": farmland(["011"], [grid.cell(0, 0)])}
    return Dataset(tables, AS_OF, "990121")


def test_a_sound_county_has_no_errors():
    report = inspect(sound(), dict(parameters.in_force(AS_OF, ())))
    wrong = {(o.rule.id, o.table): o.count for o in report.outcomes if o.count}
    assert wrong == {}
    assert report.accepted
    assert report.score == 100


# row 0 is 011 with ridges, row 1 is 013 and level, row 2 is a village (203), row 3 a road (104), row 4 woods (031)
BROKEN = [
    (attributes.mandatory_empty, {"QSDWMC": {4: None}}, [(4, "owner_name")]),
    (attributes.identifier_unique, {"BSM": {3: 8}}, [(3, "bsm"), (7, "bsm")]),
    (attributes.feature_code, {"YSDM": {0: "2001010200"}}, [(0, "feature_code")]),
    (attributes.land_use_listed, {"DLBM": {0: "123", 4: "999"}}, [(0, "land_use_code"), (4, "land_use_code")]),
    (attributes.names_of_codes, {"DLMC": {1: "水田"}}, [(1, "land_use_name")]),
    (attributes.ownership_listed, {"QSXZ": {2: "99"}}, [(2, "ownership")]),
    (attributes.unit_codes, {"QSDWDM": {2: "99012100100"}}, [(2, "owner_code")]),
    (attributes.cultivated_has_slope, {"GDPDJ": {0: None}}, [(0, "slope_class")]),
    (attributes.slope_only_on_cultivated, {"GDPDJ": {2: "1"}}, [(2, "slope_class")]),
    (attributes.sloping_has_type, {"GDLX": {0: None}}, [(0, "cultivated_type")]),
    (attributes.sloping_has_type, {"TKXS": {0: 0.0}}, [(0, "ridge_ratio")]),
    (attributes.level_has_no_ridges, {"TKXS": {1: 0.1}}, [(1, "ridge_ratio")]),
    (attributes.patch_number_unique, {"TBBH": {4: "1"}}, [(0, "patch_no"), (4, "patch_no")]),
    (attributes.no_future_date, {"BGRQ": {5: date(2025, 1, 1)}}, [(5, "changed_on")]),
    (attributes.adjustable_classes, {"DLBM": {0: "011K", 4: "031K"}}, [(0, "land_use_code")]),
    (attributes.areas_positive, {"TBMJ": {0: 0.0}, "TKMJ": {5: -1.0}}, [(0, "patch_area_m2"), (5, "ridge_area_m2")]),
    (attributes.unit_names, {"ZLDWMC": {0: "乙村"}}, [(0, "location_name")]),
    (attributes.approval_number_form, {"PZWH": {0: "好的"}}, [(0, "approval_no")]),
    (areas.declared_area, {"TBMJ": {6: 39_000.0}}, [(6, "patch_area_m2")]),
    (areas.ridge_identity, {"TKMJ": {0: 1.0}}, [(0, "ridge_area_m2")]),
    (areas.net_identity, {"TBDLMJ": {4: 1.0}}, [(4, "net_area_m2")]),
    (relations.location_is_village, {"ZLDWDM": {0: "9901210010020000000"}}, [(0, "location_code")]),
]


@pytest.mark.parametrize(("rule", "changes", "expected"), BROKEN, ids=[f"{r.id} {list(c)}" for r, c, _ in BROKEN])
def test_the_broken_cell_is_found(rule: QualityRule, changes: dict[str, Any], expected: list[tuple[int, str]]):
    errors = found(rule, patches(**changes), villages())
    assert [(row, column) for row, column, _v, _e in errors] == expected
    assert found(rule, patches(), villages()) == []


def test_a_document_number_of_the_usual_form_is_good():
    assert found(attributes.approval_number_form, patches(PZWH={0: "示土资〔2009〕12号", 1: "国土资函[2008]3号"})) == []


def test_patches_must_cover_the_village():
    smaller = {0: grid.cell(0, 0).buffer(-1, join_style="mitre")}
    ((row, _column, outside, _expected),) = found(relations.patches_cover_division, patches(smaller), villages())
    assert row == 0
    assert float(outside) == pytest.approx(200**2 - 198**2, rel=1e-2)


def test_a_patch_across_the_border_is_found():
    across = {1: grid.cell(1, 0, 2, 1)}
    errors = found(relations.inside_one_village, patches(across), villages())
    assert [row for row, *_ in errors] == [1]
    assert float(errors[0][2]) == pytest.approx(40_000, rel=1e-2)


def test_state_land_may_belong_to_the_county():
    county, township, other = "9901210000000000000", "9901210010000000000", "9901220010000000000"
    errors = found(attributes.unit_codes, patches(QSDWDM={0: county, 1: township, 2: other}), villages())
    assert [(row, column) for row, column, *_ in errors] == [(2, "owner_code")]


def test_a_village_whose_code_ends_in_nothing_has_its_own_patches():
    codes = {k: f"9901210010{'20' if k % 4 < 2 else '21'}0000000" for k in range(12)}
    named = villages(XZQDM={0: "990121001020", 1: "990121001021"})
    assert found(areas.control_area, patches(ZLDWDM=codes), named) == []


def test_the_parts_of_a_village_with_an_exclave_count_together():
    both = villages(XZQDM={1: "990121001001"}, KZMJ={0: 1.0, 1: 1.0})
    one = dict.fromkeys(range(12), "9901210010010000000")
    total = float(patches().frame["patch_area_m2"].sum())
    assert [row for row, *_ in found(areas.control_area, patches(ZLDWDM=one), both)] == [0, 1]
    right = villages(XZQDM={1: "990121001001"}, KZMJ={0: 1.0, 1: round(total - 1, 2)})
    assert found(areas.control_area, patches(ZLDWDM=one), right) == []


def test_patches_add_up_to_the_control_area():
    errors = found(areas.control_area, patches(), villages(KZMJ={1: 1.0}))
    assert [row for row, *_ in errors] == [1]


def test_farmland_on_a_village_is_found():
    shapes = [grid.cell(0, 0), grid.cell(2, 0)]
    assert found(relations.farmland_is_agricultural, farmland(["011", "203"], shapes)) == [
        (1, "land_use_code", "203", "")
    ]


def test_farmland_of_more_than_its_net_area_is_found():
    t = farmland(["011"], [grid.cell(0, 0)])
    t.frame = t.frame.with_columns(net_area_m2=t.frame["protected_area_m2"] - 5)
    assert [row for row, *_ in found(areas.protected_area, t)] == [0]


def test_a_foreign_datum_and_a_wrong_zone_are_found():
    t = patches()
    t.crs = "EPSG:2364"  # the same zone on Xi'an 80
    assert [e[:2] for e in found(basis.reference_system, t)] == [(-1, "")]
    t.crs = "EPSG:4524"  # CGCS2000, zone 36
    assert len(found(basis.central_meridian, t)) == 1
    assert found(basis.central_meridian, patches()) == []


def test_a_patch_far_away_is_found():
    t = patches({5: grid.cell(60, 0)})
    assert [row for row, *_ in found(basis.outside_the_county, t, villages())] == [5]


def test_an_overlap_and_a_gap_are_found_with_their_area():
    wider = grid.cell(0, 0).union(grid.cell(1, 0)).intersection(grid.cell(0, 0).buffer(10, join_style="mitre"))
    ((row, _f, value, _e),) = found(topology.overlaps, patches({0: wider}))
    assert row == 0
    assert value.startswith("2000.00 m² 2")
    narrower = grid.cell(5 % 4, 1).buffer(-1, join_style="mitre")
    ((row, _f, value, _e),) = found(topology.gaps, patches({5: narrower}))
    assert row == -1
    assert float(value.split()[0]) == pytest.approx(200**2 - 198**2)


def test_a_spike_and_a_double_vertex_are_found():
    import shapely

    x, y, east, north = grid.cell(0, 0).bounds
    spike = shapely.Polygon(
        [(x, y), (x + 100, y), (x + 101, y - 300), (x + 102, y), (east, y), (east, north), (x, north)]
    )
    double = shapely.Polygon([(x, y), (x + 100, y), (x + 100.0004, y), (east, y), (east, north), (x, north)])
    assert [row for row, *_ in found(topology.spikes, patches({0: spike}))] == [0]
    assert [row for row, *_ in found(topology.double_vertices, patches({0: double}))] == [0]
    assert found(topology.spikes, patches()) == found(topology.double_vertices, patches()) == []


def test_a_bow_tie_is_not_valid():
    import shapely

    x, y, east, north = grid.cell(0, 0).bounds
    bow = shapely.Polygon([(x, y), (east, north), (east, y), (x, north)])
    assert [row for row, *_ in found(topology.valid_outlines, patches({0: bow}))] == [0]
    assert found(topology.valid_outlines, patches()) == []


def boundaries(*lines: list[tuple[float, float]], kinds: list[str] | None = None):
    """XZQJX of lines given in cells of the grid; ``kinds``: JXLX of each."""
    import shapely

    x, y, *_ = grid.cell(0, 0).bounds
    step = grid.STEP
    shapes = [shapely.LineString([(x + i * step, y + j * step) for i, j in line]) for line in lines]
    n = len(shapes)
    data = {
        "BSM": list(range(1, n + 1)),
        "YSDM": ["1000600200"] * n,
        "JXLX": kinds or ["670500"] * n,
        "JXXZ": ["600001"] * n,
    }
    return county.table("XZQJX", data, shapes)


def test_lines_that_cross_overlap_or_are_short_are_found():
    crossing = boundaries([(0, 0), (2, 2)], [(0, 2), (2, 0)])
    assert [(row, field) for row, field, *_ in found(topology.crossing_lines, crossing)] == [(0, "#line_crossing")]
    assert len(found(topology.overlapping_lines, boundaries([(0, 0), (2, 0)], [(1, 0), (3, 0)]))) == 1
    assert [row for row, *_ in found(topology.short_lines, boundaries([(0, 0), (0.0005, 0)], [(1, 0), (3, 0)]))] == [0]
    sound = boundaries([(0, 0), (2, 0)], [(2, 0), (2, 3)], kinds=["670500", "660200"])
    for rule in (topology.crossing_lines, topology.overlapping_lines, topology.short_lines):
        assert found(rule, sound) == []


def test_a_line_that_goes_on_as_another_of_the_same_attributes_is_a_pseudo_node():
    two = [(0, 0), (2, 0)], [(2, 0), (2, 3)]
    assert found(topology.crossing_lines, boundaries(*two)) == [(0, "#pseudo_node", "2", "")]
    three = boundaries(*two, [(2, 0), (4, 0)])
    assert found(topology.crossing_lines, three) == [], "where three meet there is a node"
    ring = boundaries([(0, 0), (2, 0), (2, 2), (0, 0)])
    assert found(topology.crossing_lines, ring) == [], "a closed line meets itself"


def test_a_boundary_line_off_the_border_is_found():
    on, off = [(2, 0), (2, 3)], [(1, 0), (1, 3)]
    errors = found(relations.boundary_on_border, boundaries(on, off), villages())
    assert [row for row, *_ in errors] == [1]
    assert float(errors[0][2].split()[0]) == pytest.approx(600, abs=0.01)


def test_the_same_outline_twice_is_found_from_whatever_vertex_it_starts():
    import shapely

    ring = list(grid.cell(0, 0).exterior.coords)[:-1]
    turned = shapely.Polygon([*ring[2:], *ring[:2]])
    assert [row for row, *_ in found(topology.duplicates, patches({6: turned}))] == [0, 6]


def test_a_small_long_patch_is_a_sliver_and_a_small_round_one_is_not():
    corner = grid.cell(0, 0).bounds[:2]
    import shapely

    long = shapely.box(corner[0], corner[1], corner[0] + 190, corner[1] + 0.9)
    compact = shapely.box(corner[0], corner[1], corner[0] + 10, corner[1] + 10)
    assert [row for row, *_ in found(topology.slivers, patches({0: long}))] == [0]
    assert found(topology.slivers, patches({0: compact})) == []


def test_a_feature_of_two_parts_is_found():
    import shapely

    both = shapely.MultiPolygon([grid.cell(0, 0), grid.cell(5, 5)])
    assert found(topology.several_parts, patches({0: both})) == [(0, "", "2", "1")]


def test_rules_without_their_layer_are_not_run():
    report = inspect(Dataset({"DLTB": patches()}, AS_OF), dict(parameters.in_force(AS_OF, ())))
    lacking = {o.rule.id: o.needs for o in report.outcomes if not o.ran}
    assert lacking["Q4102"] == ("XZQ",)
    assert "Q2201" not in lacking


def test_one_fatal_error_rejects_and_slight_ones_cost_points():
    data = sound()
    data.tables["DLTB"] = patches(GDPDJ={2: "1"})  # type: ignore[index]
    slight = inspect(data, dict(parameters.in_force(AS_OF, ())))
    assert slight.accepted
    assert slight.score == pytest.approx(100 - 5 / 12)
    data.tables["DLTB"] = patches(QSXZ={2: "99"})  # type: ignore[index]
    assert not inspect(data, dict(parameters.in_force(AS_OF, ()))).accepted


def test_every_rule_has_words_in_both_languages_and_a_definition():
    for rule in catalogue():
        assert all(rule.name)
        assert rule.clause.endswith((".", "。"))
    assert {r.id for r in RULES} <= {r.id for r in catalogue()}


def test_shared_parameters_exist_for_what_rules_read():
    """A rule that reads a parameter nobody ships would fail in the middle of an inspection."""
    import inspect as source
    import re

    shipped = parameters.in_force(AS_OF, ())
    for rule in catalogue():
        text = source.getsource(rule.function)
        if "p.items()" in text:  # takes whatever is shipped
            assert shipped[rule.id]
            continue
        read = set(re.findall(r"\bp\.(\w+)", text)) | ({"tolerance_m2"} if "_off(" in text or ", p)" in text else set())
        assert read <= set(shipped.get(rule.id, {})), f"{rule.id} reads {read - set(shipped.get(rule.id, {}))}"
        assert set(shipped.get(rule.id, {})) <= read, f"{rule.id} ignores {set(shipped[rule.id]) - read}"
