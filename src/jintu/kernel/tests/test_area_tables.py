"""Sheets, control areas, adjustment, deductions and rounding: identities that hold to the last digit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jintu.kernel.area import adjustment, balancing, deductions, rounding, sheets
from jintu.kernel.area.control import OUTSIDE, control_areas
from jintu.kernel.area.official import constants, trapezoid
from jintu.kernel.crs import CGCS2000, XIAN80
from jintu.kernel.errors import InputError, Missing, Refused
from jintu.kernel.flat import from_shapely

scales = st.sampled_from(sorted(sheets.SCALES))
east = st.integers(-180 * 36_000, 180 * 36_000 - 1)
north = st.integers(0, 60 * 36_000 - 1)


# --- sheets ----------


@given(east, north, scales)
def test_a_sheet_holds_the_point_it_was_made_from(x, y, scale):
    number = sheets.sheet_at(x, y, scale)
    west, south, right, top = sheets.sheet_tenths(number)
    assert west <= x < right and south <= y < top
    assert sheets.scale_of(number) == scale
    assert sheets.sheet_at(west, south, scale) == number
    assert sheets.sheet_number(west / 36_000, south / 36_000, scale) == number


@given(east, north, scales)
def test_neighbours_share_an_edge_and_know_one_another(x, y, scale):
    number = sheets.sheet_at(x, y, scale)
    west, south, right, top = sheets.sheet_tenths(number)
    around = sheets.neighbours(number)
    back = {"N": "S", "S": "N", "E": "W", "W": "E", "NE": "SW", "SW": "NE", "NW": "SE", "SE": "NW"}
    for point, other in around.items():
        if other is None:
            assert ("N" in point and top == 60 * 36_000) or ("S" in point and south == 0)
            continue
        assert sheets.neighbours(other)[back[point]] == number
    if around["N"]:
        assert sheets.sheet_tenths(around["N"])[:3:2] == (west, right)
        assert sheets.sheet_tenths(around["N"])[1] == top


@given(east, north, scales, scales)
def test_sheets_nest(x, y, small, large):
    assume(large < small)
    inner = sheets.sheet_at(x, y, large)
    outer = sheets.parent(inner, small)
    w, s, e, n = sheets.sheet_tenths(outer)
    west, south, right, top = sheets.sheet_tenths(inner)
    assert w <= west and s <= south and right <= e and top <= n
    with pytest.raises(InputError):
        sheets.parent(outer, large)


@given(east, north, st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([5_000, 10_000, 25_000]))
def test_sheets_of_an_extent_cover_it_once(x, y, wide, tall, scale):
    assume(x + wide <= 180 * 36_000 and y + tall <= 60 * 36_000)
    bbox = (x / 36_000, y / 36_000, (x + wide) / 36_000, (y + tall) / 36_000)
    found = sheets.sheets_in(bbox, scale)
    assert len(set(found)) == len(found)
    area = 0
    for number in found:
        w, s, e, n = sheets.sheet_tenths(number)
        overlap = (min(e, x + wide) - max(w, x)) * (min(n, y + tall) - max(s, y))
        assert overlap > 0, "a sheet that is only touched is not among them"
        area += overlap
    assert area == wide * tall


def test_extents_are_listed_from_the_north_west_and_bounded():
    assert sheets.sheets_in((116.4375, 39.875, 116.5625, 39.9583333333), 10_000) == [
        "J50G002040",
        "J50G002041",
        "J50G003040",
        "J50G003041",
    ]
    with pytest.raises(InputError, match="sheets"):
        sheets.sheets_in((70, 0, 140, 59), 2_000)
    with pytest.raises(InputError, match="outside"):
        sheets.sheets_in((70, -3, 140, 59), 10_000)
    assert sheets.neighbours("A60G096096")["E"] == "A01G096001", "the series closes at 180°"


@settings(deadline=None)
@given(east, north, st.sampled_from([500_000, 250_000, 100_000]), st.sampled_from([CGCS2000, XIAN80]))
def test_theoretical_areas_sum_to_the_sheet_above(x, y, scale, datum):
    outer = sheets.sheet_at(x, y, 1_000_000)
    w, s, e, n = sheets.sheet_tenths(outer)
    row = sheets.sheets_in((w / 36_000, s / 36_000, e / 36_000, n / 36_000), scale)
    total = sum((sheets.sheet_area(number, datum) for number in row), Decimal(0))
    assert abs(total - sheets.sheet_area(outer, datum)) <= Decimal("0.01") * len(row)


def test_sheet_areas_of_the_rule():
    assert sheets.sheet_area("J50G003040", XIAN80) == pytest.approx(Decimal("24728919.07"), abs=Decimal("0.05"))
    k = constants(CGCS2000)
    assert trapezoid(k, 0.1, 0.5, 0.5) == 0


# --- control areas ----------


def test_control_areas_are_whole_sheets_and_parts_of_broken_ones():
    whole = shapely.box(*sheets.sheet_bounds("J50G003040"))
    west, south, east_, north_ = sheets.sheet_bounds("J50G003041")
    middle = (west + east_) / 2
    left, right = shapely.box(west, south, middle, north_), shapely.box(middle, south, east_, north_)
    one = shapely.union(whole, left)
    found = control_areas(from_shapely([one, right]), 10_000)
    theory = [adjustment.cents(sheets.sheet_area(s)) for s in ("J50G003040", "J50G003041")]
    assert found.areas.sum() == sum(theory) and found.outside == 0
    assert found.areas[0] == pytest.approx(theory[0] + theory[1] / 2, abs=1)
    assert [p.whole for p in found.parts] == [True, False, False]
    assert found.sheets == sum(theory)


def test_ground_of_nobody_stays_outside():
    west, south, east_, north_ = sheets.sheet_bounds("J50G003041")
    part = shapely.box(west, south, west + (east_ - west) / 4, north_)
    found = control_areas(from_shapely([part]), 10_000)
    theory = adjustment.cents(sheets.sheet_area("J50G003041"))
    assert found.areas.sum() + found.outside == theory
    assert found.areas[0] == pytest.approx(theory / 4, abs=2)
    assert all(p.division != OUTSIDE for p in found.parts)


def test_overlapping_divisions_have_no_control_area():
    box = shapely.box(*sheets.sheet_bounds("J50G003041"))
    with pytest.raises(Refused, match="overlap"):
        control_areas(from_shapely([box, box]), 10_000)


@settings(deadline=None)  # the first overlay compiles
@given(st.lists(st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)), min_size=2, max_size=8, unique=True))
def test_any_division_of_a_sheet_closes_on_it(points):
    west, south, east_, north_ = sheets.sheet_bounds("J50G003041")
    at = shapely.MultiPoint([(west + x * (east_ - west), south + y * (north_ - south)) for x, y in points])
    sheet = shapely.box(west, south, east_, north_)
    cells = shapely.voronoi_polygons(at, extend_to=sheet)
    parts = [shapely.intersection(c, sheet) for c in cells.geoms]
    parts = [p for p in parts if p.area > 0]
    assume(len(parts) > 1)
    found = control_areas(from_shapely(parts), 10_000, sheets=["J50G003041"])
    assert found.areas.sum() == adjustment.cents(sheets.sheet_area("J50G003041")) and found.outside == 0


# --- adjustment ----------


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=60), st.integers(-(10**6), 10**6))
def test_an_adjustment_closes_and_is_proportional(areas, difference):
    total = sum(areas)
    assume(total > 0 and total + difference >= 0)
    control = total + difference
    found = adjustment.adjust(areas, control).tolist()
    assert sum(found) == control
    for before, after in zip(areas, found, strict=True):
        assert abs(after - Fraction(before * control, total)) < 1
        assert after >= 0


def test_products_beyond_64_bits_are_exact():
    areas = [10**15, 10**15 + 1, 3]
    found = adjustment.adjust(areas, 3 * 10**15).tolist()
    assert sum(found) == 3 * 10**15
    assert all(abs(a - Fraction(b * 3 * 10**15, sum(areas))) < 1 for a, b in zip(found, areas, strict=True))


@given(st.data())
def test_every_level_closes_on_the_one_above(data):
    counties, towns, villages = 2, 5, 11
    town_of = data.draw(st.lists(st.integers(0, counties - 1), min_size=towns, max_size=towns))
    village_of = data.draw(st.lists(st.integers(0, towns - 1), min_size=villages, max_size=villages))
    n = data.draw(st.integers(1, 80))
    village = np.array(data.draw(st.lists(st.integers(0, villages - 1), min_size=n, max_size=n)))
    area = np.array(data.draw(st.lists(st.integers(1, 10**9), min_size=n, max_size=n)))
    town = np.array(village_of)[village]
    county = np.array(town_of)[town]
    sums = np.bincount(county, weights=area, minlength=counties).astype(np.int64)
    control = np.where(sums > 0, sums + data.draw(st.integers(0, 5000)), 0)
    found = adjustment.adjust_nested(area, [county, town, village], control)
    assert found.parts.sum() == control.sum()
    for groups, level in zip([county, town, village], found.levels, strict=True):
        got = np.zeros(len(level), dtype=np.int64)
        np.add.at(got, groups, found.parts)
        assert np.array_equal(got, level)
    for level in range(3):
        assert sum(c.difference for c in found.closures if c.level == level) == control.sum() - area.sum()


def test_a_difference_that_is_no_rounding_is_refused():
    with pytest.raises(Refused, match=r"no rounding"):
        adjustment.adjust_nested([100_000, 100_000], [[0, 0]], [250_000], limit=1_000)
    with pytest.raises(Refused, match="nothing to distribute"):
        adjustment.adjust([0, 0], 5)
    with pytest.raises(InputError, match="two groups"):
        adjustment.adjust_nested([1, 1], [[0, 1], [0, 0]], [1, 1])
    with pytest.raises(InputError, match="negative"):
        adjustment.adjust([-1, 3], 2)
    assert adjustment.apportion([1, 1, 1], 10).tolist() == [4, 3, 3]


# --- deductions ----------

money = st.decimals(0, 10**7, places=2)
shares = st.decimals("0.01", "1", places=2)


@given(money, shares)
def test_both_sides_give_the_whole_line(area, ratio):
    first, second = deductions.line_shares(area, ratio)
    assert first + second == area and first >= 0 and second >= 0
    assert abs(first - area * ratio) <= Decimal("0.005")


@given(st.decimals(1, 10**7, places=2), st.decimals(0, "0.4", places=2), st.decimals(0, "0.3", places=2))
def test_net_and_deducted_are_the_patch(area, part, ratio):
    linear, scattered = (area * part).quantize(Decimal("0.01")), Decimal("0.30") if area > 2 else Decimal(0)
    patch = deductions.Patch(area, linear, scattered, ratio)
    assert patch.net + patch.ridge + linear + scattered == area
    percent = deductions.Patch(area, linear, scattered, ratio * 100) if ratio * 100 > 1 else patch
    assert percent.ridge == patch.ridge
    cents = [np.array([adjustment.cents(v)]) for v in (area, linear, scattered)]
    column = deductions.ridge_cents(*cents, deductions.ratio_units([float(ratio)]))
    assert column[0] == adjustment.cents(patch.ridge)
    found = deductions.residual(patch, patch.ridge + Decimal("0.01"), patch.net)
    assert found.ridge == Decimal("0.01") and found.net == Decimal("0.01")


def test_shares_and_coefficients_out_of_range_are_told():
    for ratio in ("0", "1.01", "-0.5"):
        with pytest.raises(InputError):
            deductions.line_shares(Decimal(10), Decimal(ratio))
    with pytest.raises(InputError):
        deductions.as_ratio(Decimal(100))
    assert deductions.line_area(Decimal("100.5"), Decimal("3.2")) == Decimal("321.60")


def test_coefficients_are_dated(tmp_path):
    path = tmp_path / "k.csv"
    path.write_text(
        "county,slope,kind,ratio,valid_from,valid_to,document\n"
        "990121,3,T,0.11,2007-07-01,2014-12-31,甲\n990121,3,T,12.5,2015-01-01,,乙\n",
        encoding="utf-8",
    )
    known = deductions.Coefficients.read_csv(path)
    assert known.get("990121", "3", "T", dt.date(2010, 1, 1)).ratio == Decimal("0.11")
    assert known.get("990121001", "3", "T", dt.date(2020, 1, 1)).ratio == Decimal("0.125")
    assert known.find("990121", "3", "P") is None
    with pytest.raises(Missing, match="990122"):
        known.get("990122", "3", "T")
    path.write_text("county,slope,kind,ratio\n990121,1,T,0.1\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2"):
        deductions.Coefficients.read_csv(path)


def test_a_coefficient_is_measured_on_enough_patches():
    patches = [deductions.Patch(Decimal(1000), linear=Decimal(100))] * 30
    assert deductions.measured([Decimal(90)] * 30, patches) == Decimal("0.1000")
    with pytest.raises(InputError, match="29"):
        deductions.measured([Decimal(90)] * 29, patches[:29])


# --- rounding ----------


@st.composite
def divisions(draw):
    towns, villages, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    low = (rng.lognormal(11, 2, (towns * villages, columns)) * (rng.random((towns * villages, columns)) < 0.7)).astype(
        np.int64
    )
    middle = low.reshape(towns, villages, columns).sum(axis=1)
    cells = np.vstack([middle.sum(axis=0)[None], middle, low])
    parents = [-1] + [0] * towns + [1 + k // villages for k in range(towns * villages)]
    second = np.arange(columns) // 2
    return cells, parents, [second // 2, second, np.arange(columns) % 2]


@given(divisions())
def test_rounded_tables_keep_every_sum(given_):
    cells, parents, groups = given_
    rounded = rounding.nested_rounding(cells, parents, groups, 10_000)
    assert (rounded >= 0).all()
    for row in set(parents) - {-1}:
        children = [i for i, p in enumerate(parents) if p == row]
        assert np.array_equal(rounded[children].sum(axis=0), rounded[row])
    assert abs(rounded[0].sum() * 10_000 - cells[0].sum()) <= 5_000, "the whole is rounded to the nearest"
    assert np.abs(rounded * 10_000 - cells).max() < 20_000
    again = rounding.nested_rounding(cells, parents, groups, 10_000)
    assert np.array_equal(rounded, again)


def test_parts_that_are_no_sum_are_refused():
    with pytest.raises(InputError, match="do not sum"):
        rounding.nested_rounding(np.array([[10], [4]]), [-1, 0], [], 10)
    with pytest.raises(InputError):
        rounding.round_to_sum(np.array([5]), 10, -1)


# --- matrices of change ----------


@st.composite
def matrices(draw):
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    true = rng.integers(0, 10**6, (n, m)) * (rng.random((n, m)) < draw(st.sampled_from([0.3, 0.6, 1.0])))
    rows, columns = np.nonzero(true)
    noise = 1 + rng.normal(0, 1e-7, len(rows))
    return rows, columns, true[rows, columns] * noise + 1e-9, true.sum(axis=1), true.sum(axis=0), true


@given(matrices())
def test_measured_flows_balance_to_the_last_digit(made):
    rows, columns, flows, openings, closings, true = made
    r, c, v, forced = balancing.balance(rows, columns, flows, openings, closings)
    got = np.zeros(true.shape, dtype=np.int64)
    got[r, c] = v
    assert np.array_equal(got.sum(axis=1), openings) and np.array_equal(got.sum(axis=0), closings)
    assert forced == 0 and (v > 0).all()
    assert len(set(zip(r.tolist(), c.tolist(), strict=True))) == len(r)
    assert np.abs(got - true).max(initial=0) <= 4


def test_differences_that_no_flow_joins_are_counted():
    r, c, v, forced = balancing.balance([0, 1], [0, 1], [100.0, 200.0], [101, 199], [100, 200])
    found = dict(zip(zip(r.tolist(), c.tolist(), strict=True), v.tolist(), strict=True))
    assert found == {(0, 0): 100, (1, 1): 199, (0, 1): 1} and forced == 1
    with pytest.raises(InputError, match="same sum"):
        balancing.balance([0], [0], [1.0], [1], [2])
    with pytest.raises(InputError, match="negative"):
        balancing.balance([0], [0], [1.0], [-1], [-1])


@given(matrices(), st.integers(1, 50))
def test_wrong_measurements_still_balance(made, shift):
    rows, columns, flows, openings, closings, true = made
    openings, closings = openings.copy(), closings.copy()
    openings[0] += shift
    closings[-1] += shift
    r, c, v, _forced = balancing.balance(rows, columns, flows, openings, closings)
    got = np.zeros(true.shape, dtype=np.int64)
    np.add.at(got, (r, c), v)
    assert np.array_equal(got.sum(axis=1), openings) and np.array_equal(got.sum(axis=0), closings)
