"""Rules about coordinates, rings, lengths, parcels, edges and control areas: one cell broken, and one almost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.domains.survey.rules import areas, basis, edges, relations, topology
from jintu.foundation.checks import parameters
from jintu.foundation.checks.inspection.rules import QualityRule
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.checks.inspection.tables import Dataset, Table
from jintu.foundation.layers.tests import grid
from jintu.kernel.length import geodesic

from . import county
from .county import AS_OF, found, patches, villages


def needs(rule: QualityRule, *tables: Table, **given: Any) -> tuple[str, ...]:
    """What keeps the rule from running."""
    data = Dataset({t.schema.table: t for t in tables}, AS_OF, "990121", given=given)
    (outcome,) = inspect(
        data, dict(parameters.in_force(AS_OF, ())), rules=[rule], tables=[tables[0].schema.table]
    ).outcomes
    return outcome.needs


# --- coordinates ----------


def winding(decimals: int, vertices: int = 1200) -> shapely.Polygon:
    """A circle in the first cell whose vertices have so many decimals."""
    x, y = grid.cell(0, 0).centroid.coords[0]
    turn = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    return shapely.Polygon(np.round(np.column_stack((x + 90 * np.cos(turn), y + 90 * np.sin(turn))), decimals))


def test_coordinates_rounded_to_centimetres():
    assert [e[2:] for e in found(basis.resolution, patches({0: winding(2)}))] == [("0.01 m", "0.001 m")]
    assert found(basis.resolution, patches({0: winding(3)})) == []


def test_few_vertices_may_be_round_by_chance():
    assert found(basis.resolution, patches({0: winding(2, 200)})) == []


def test_degrees_rounded_to_decimetres():
    t = patches({0: winding(4)})
    t.plane_wkb, t.crs = None, "EPSG:4490"
    assert found(basis.resolution, t) == []
    rough = shapely.transform(shapely.from_wkb(t.wkb.to_numpy()), lambda xy: np.round(xy, 6))
    t = patches({0: winding(4)})
    t.plane_wkb, t.crs, t.wkb = None, "EPSG:4490", type(t.wkb)(list(shapely.to_wkb(rough, byte_order=1)))
    assert len(found(basis.resolution, t)) == 1


def test_an_easting_without_its_zone():
    t = patches()
    shapes = shapely.from_wkb(t.plane_wkb.to_numpy())
    shapes[1] = shapely.transform(shapes[1], lambda xy: xy - [40_000_000, 0])
    t.plane_wkb = type(t.plane_wkb)(list(shapely.to_wkb(shapes, byte_order=1)))
    ((row, _field, value, expected),) = found(basis.easting_prefix, t)
    assert (row, value, expected) == (1, "383200.000", "40")
    assert found(basis.easting_prefix, patches()) == []


def metadata(text: str) -> dict[str, Any]:
    return {"metadata": [{"file": "m.xml", "items": {"note": text}, "groups": []}]}


def test_a_height_datum_is_stated_in_the_metadata():
    assert needs(basis.height_datum, patches()) == ("metadata",)
    assert found(basis.height_datum, patches(), delivery=metadata("1985国家高程基准")) == []
    assert len(found(basis.height_datum, patches(), delivery=metadata("国家大地坐标系"))) == 1


def test_lines_are_not_compared_with_borders_of_another_system():
    lines = roads(400.0)
    lines.schema, lines.crs = county.table("XZQJX", {"BSM": [1]}, [None]).schema, "EPSG:4490"
    assert needs(relations.boundary_on_border, lines, villages()) == ("the system of XZQ",)


# --- rings ----------


def with_hole(same_way: bool) -> shapely.Polygon:
    cell = grid.cell(0, 0)
    hole = list(cell.buffer(-50, join_style="mitre").exterior.coords)
    clockwise = not shapely.LinearRing(hole).is_ccw
    shell_clockwise = not cell.exterior.is_ccw
    return shapely.Polygon(cell.exterior, [hole if (clockwise == shell_clockwise) == same_way else hole[::-1]])


def test_a_hole_that_turns_as_its_shell():
    assert [row for row, *_ in found(topology.ring_direction, patches({0: with_hole(True)}))] == [0]
    assert found(topology.ring_direction, patches({0: with_hole(False)})) == []


def test_shells_may_turn_either_way_unless_an_operator_says():
    turned = {1: shapely.reverse(grid.cell(1, 0))}
    assert found(topology.ring_direction, patches(turned)) == []


# --- lengths and areas ----------


def roads(length: float) -> Table:
    """XZDW of one road along two cells, with a declared length."""
    x, y, *_ = grid.cell(0, 0).bounds
    data = {"BSM": [1], "YSDM": ["2001020100"], "DLBM": ["104"], "CD": [length], "KD": [4.0], "XZDWMJ": [4 * length]}
    return county.table("XZDW", data, [shapely.LineString([(x, y), (x + 400, y)])])


@pytest.mark.parametrize(("length", "told"), [(400.0, []), (400.1, []), (401.0, [0]), (0.0, [0])])
def test_the_declared_length_of_a_road(length, told):
    """On the ground it is 399.9… m, in the plane 400 m: both are good, within 0.1 m."""
    assert [row for row, *_ in found(areas.declared_length, roads(length))] == told


@pytest.mark.parametrize(
    ("of_plane", "beyond", "told"),
    [(1, 0, []), (0, 0, []), (0.5, 0, []), (0, -0.09, []), (0, -0.11, [0]), (1, 0.09, []), (1, 0.11, [0])],
)
def test_a_length_between_those_of_ground_and_plane_is_good(of_plane: float, beyond: float, told: list[int]):
    """``of_plane``: 1 for the length in the plane, which is the longer one here, 0 for that on the ground."""
    x, y, *_ = grid.cell(0, 0).bounds
    far = shapely.MultiLineString([[(x, y), (x + 20_000, y)], [(x, y + 9), (x + 20_000, y + 9)]])
    (ground,) = geodesic([grid.lonlat(far)])
    assert far.length - ground > 1
    declared = ground + of_plane * (far.length - ground) + beyond
    data = {"BSM": [1], "YSDM": ["2001020100"], "DLBM": ["104"], "CD": [declared], "KD": [4.0], "XZDWMJ": [1.0]}
    assert [row for row, *_ in found(areas.declared_length, county.table("XZDW", data, [far]))] == told


def test_the_control_area_approved_for_the_county(monkeypatch):
    assert needs(areas.approved_control_area, villages()) == ("approved control area of 990121",)
    total = float(villages().frame["control_area_m2"].sum())

    def judged(approved: float) -> list[tuple[str, str]]:
        given = dict(parameters.in_force(AS_OF, ()))
        given["Q5110"] = type(given["Q5110"])({**given["Q5110"], "990121": approved}, AS_OF)
        report = inspect(Dataset({"XZQ": villages()}, AS_OF, "990121"), given, rules=[areas.approved_control_area])
        return report.errors.select("value", "expected").rows()

    assert judged(total + 0.004) == []
    assert judged(total + 1) == [(f"990121 {total:.2f}", f"{total + 1:.2f}")]


# --- parcels ----------


def parcels(*those: tuple[str, shapely.Polygon]) -> Table:
    """ZD of (kind in the number, outline)."""
    numbers = [f"990121001001{kind}{k:05d}" for k, (kind, _) in enumerate(those)]
    data = {"BSM": list(range(1, len(those) + 1)), "YSDM": ["2006010100"] * len(those), "ZDH": numbers}
    return county.table("ZD", data, [shape for _, shape in those])


WEST, EAST = grid.cell(0, 0, 2, 3), grid.cell(2, 0, 2, 3)


def test_owners_parcels_must_not_overlap():
    over = parcels(("JA", WEST), ("JA", grid.cell(1, 0, 3, 3)), ("JC", grid.cell(0, 0)))
    ((row, _f, value, _e),) = found(relations.parcels_cover, over)
    assert row == 0 and value.endswith(" m² 2")
    assert float(value.split()[0]) == pytest.approx(120_000, rel=1e-2)


def test_a_use_right_lies_on_the_land_of_its_owner():
    both = parcels(("JA", WEST), ("JA", EAST), ("JC", grid.cell(0, 0)))
    assert found(relations.parcels_cover, both, villages()) == []


def test_two_use_rights_on_one_piece_of_land():
    twice = parcels(("JA", WEST), ("JC", grid.cell(0, 0)), ("JC", grid.cell(0, 0)))
    assert [row for row, *_ in found(relations.parcels_cover, twice)] == [1]


def test_owners_parcels_cover_the_village():
    errors = found(relations.parcels_cover, parcels(("JA", WEST), ("JA", grid.cell(2, 0, 2, 2))), villages())
    assert [row for row, *_ in errors] == [1]
    assert float(errors[0][2]) == pytest.approx(80_000, rel=1e-2)
    assert found(relations.parcels_cover, parcels(("JC", grid.cell(0, 0))), villages()) == [], "no owners' parcels"


# --- edges ----------


def neighbour(*those: tuple[str, shapely.Polygon]) -> Table:
    """Patches of the county to the east."""
    data = {
        "BSM": list(range(100, 100 + len(those))),
        "DLBM": [code for code, _ in those],
    }
    t = county.table("DLTB", data, [shape for _, shape in those])
    t.plane_wkb = None
    return t


def beside(i: float = 4, width: int = 1, height: int = 3) -> shapely.Polygon:
    return shapely.affinity.translate(grid.cell(0, 0, width, height), i * grid.STEP, 0)


def test_borders_that_fit():
    cells = [("031", grid.cell(4, 0)), ("203", grid.cell(4, 1)), ("011", grid.cell(4, 2))]
    assert found(edges.edges_match, patches(DLBM={3: "031"}), neighbours=[neighbour(*cells)]) == []
    assert needs(edges.edges_match, patches()) == ("neighbours",)


def test_an_overlap_with_the_neighbour():
    errors = found(edges.edges_match, patches(DLBM={3: "031"}), neighbours=[neighbour(("031", beside(3.99)))])
    assert [row for row, *_ in errors] == [3, 7, 11]
    assert [float(value.split()[0]) for _, _, value, _ in errors] == pytest.approx([400] * 3, rel=1e-2)


def test_a_gap_to_the_neighbour():
    x, y, east, north = beside().bounds
    bent = shapely.Polygon([(x, y), (east, y), (east, north), (x, north), (x + 1, (y + north) / 2)])
    errors = found(edges.edges_match, patches(DLBM={3: "031"}), neighbours=[neighbour(("031", bent))])
    assert errors and all(value.startswith("−") for _, _, value, _ in errors)
    within = shapely.Polygon([(x, y), (east, y), (east, north), (x, north), (x + 0.001, (y + north) / 2)])
    assert found(edges.edges_match, patches(DLBM={3: "031"}), neighbours=[neighbour(("031", within))]) == []


def test_a_road_that_ends_at_the_border():
    """Row 3 is a road, 200 m wide here and so one that runs along the border; its west part is narrow."""
    x, y, east, north = grid.cell(3, 0).bounds
    road = shapely.box(x, y, east, y + 20)
    mine = patches({3: road})
    beyond = shapely.box(east, y, east + 200, north)
    assert [e[:3] for e in found(edges.edges_match, mine, neighbours=[neighbour(("031", beyond))])] == [
        (3, "land_use_code", "104 → 031")
    ]
    goes_on = [("104", shapely.box(east, y, east + 200, y + 20)), ("031", shapely.box(east, y + 20, east + 200, north))]
    assert found(edges.edges_match, mine, neighbours=[neighbour(*goes_on)]) == []
    wide = patches()
    assert found(edges.edges_match, wide, neighbours=[neighbour(("031", beyond))]) == [], "it runs along the border"


@given(
    mine=st.lists(st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 4)] * 2), min_size=1, max_size=12),
    theirs=st.lists(st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 4)] * 2), min_size=1, max_size=12),
    apart_m=st.sampled_from([0.0, 1.9, 2.1, 50.0]),
)
@settings(max_examples=50, deadline=None)
def test_the_strip_at_the_border_is_what_lies_within_reach_of_the_other_layer(mine, theirs, apart_m) -> None:
    def squares(those: list[tuple[int, ...]], east: float) -> list[shapely.Polygon]:
        return [shapely.affinity.translate(grid.cell(*place), east, 0) for place in those]

    t = county.table("DLTB", {"BSM": list(range(len(mine)))}, squares(mine, 0))
    other = neighbour(*(("011", shape) for shape in squares(theirs, apart_m)))
    strip = edges._strip(t, other, 2.0)
    shapes = [shapely.from_wkb(layer.wkb.to_numpy()) for layer in (t, other)]
    near = shapely.distance(shapes[0][:, None], shapes[1][None]) <= 2.0 / other.lonlat.x_metres
    assert strip.mine.tolist() == np.flatnonzero(near.any(axis=1)).tolist()
    assert strip.theirs.tolist() == np.flatnonzero(near.any(axis=0)).tolist()
    assert strip.own.tolist() == t.wkb.gather(strip.mine).to_list()
    assert strip.foreign.tolist() == other.wkb.gather(strip.theirs).to_list()


def test_in_a_layer_that_is_no_partition_copies_are_found_without_looking_for_gaps() -> None:
    fields = county.farmland(["011", "011", "013"], [grid.cell(0, 0), grid.cell(3, 3), grid.cell(0, 0)])
    assert [row for row, *_ in found(topology.duplicates, fields)] == [0, 2]
    assert "remains" not in fields.__dict__
