"""An inspection that takes over what did not change finds what a full one finds, to the byte."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import shapely
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jintu.domains.survey.reports import carried, change, checked, cube, summary
from jintu.domains.survey.rules import RULES
from jintu.domains.survey.rules.reach import REACH
from jintu.foundation.checks import parameters
from jintu.foundation.checks.inspection import keeping, partials, reuse, running, stored, tables, taken
from jintu.foundation.checks.inspection.running import Report, inspect
from jintu.foundation.checks.inspection.tables import Dataset, Table
from jintu.foundation.journal import Actor
from jintu.foundation.layers import content, digests, importing
from jintu.foundation.layers.differing import compared
from jintu.foundation.layers.tests import grid

from . import county
from .county import AS_OF

VALUES: dict[str, Any] = {
    "DLBM": st.sampled_from(["011", "013", "203", "999", "031K", None]),
    "TBMJ": st.sampled_from([0.0, -1.0, 39_999.0, 40_000.0]),
    "TBDLMJ": st.sampled_from([1.0, None]),
    "GDPDJ": st.sampled_from(["1", "2", None]),
    "ZLDWDM": st.sampled_from(["9901210010010000000", "99012100100", None]),
    "BSM": st.sampled_from(["1", "77", "78"]),
    "TBBH": st.sampled_from(["1", "9"]),
    "YSDM": st.sampled_from(["2001010100", "x"]),
}
SHAPES = st.sampled_from([
    grid.cell(0, 0), grid.cell(1, 0, 2, 1), grid.cell(0, 0).buffer(-1, join_style="mitre"), grid.cell(1, 1).buffer(0.5),
    shapely.MultiPolygon([grid.cell(0, 0), grid.cell(2, 2)]), grid.cell(5, 5), grid.cell(0, 0, 4, 3),
    shapely.Polygon([(grid.EAST, grid.NORTH), (grid.EAST + 200, grid.NORTH + 200), (grid.EAST + 200, grid.NORTH),
                     (grid.EAST, grid.NORTH + 200)]),
    shapely.Polygon([(grid.EAST, grid.NORTH), (grid.EAST + 200, grid.NORTH), (grid.EAST, grid.NORTH + 0.001)]),
])  # fmt: skip
ROWS = st.integers(0, county.COLUMNS * county.ROWS - 1)
CELLS = st.dictionaries(st.sampled_from(sorted(VALUES)), st.dictionaries(ROWS, st.none(), max_size=2), max_size=4)


@st.composite
def edits(draw: st.DrawFn) -> tuple[dict[str, dict[int, Any]], dict[int, Any]]:
    cells = {name: {row: draw(VALUES[name]) for row in rows} for name, rows in draw(CELLS).items()}
    return cells, draw(st.dictionaries(ROWS, SHAPES, max_size=2))


def data_of(patches: Table, *neighbours: Table, **others: Table) -> Dataset:
    given = {"neighbours": neighbours} if neighbours else {}
    return Dataset({"DLTB": patches, "XZQ": county.villages(), **others}, AS_OF, "990121", given=given)


def east(i: int = county.COLUMNS) -> Table:
    """The patches of a neighbour from column ``i`` on."""
    columns = {"BSM": [101, 102], "DLBM": ["031", "104"]}
    t = county.table("DLTB", columns, [grid.cell(i, 0, 1, 2), grid.cell(i, 2)])
    t.plane_wkb = None
    return t


def look(data: Dataset, earlier: reuse.Earlier | None = None) -> Report:
    return inspect(data, dict(parameters.in_force(AS_OF, ())), tables=["DLTB"], rules=RULES, earlier=earlier)


def earlier_of(report: Report, table: Table, now: Table, **facts: bool) -> reuse.Earlier:
    return reuse.Earlier(
        prints={o.rule.id: o.print for o in report.outcomes if o.ran},
        counts={o.rule.id: o.count for o in report.outcomes if o.ran},
        errors=report.errors,
        table=lambda: table,
        remains=lambda: report.remains.get("DLTB"),
        differing=lambda: compared(digests_of(table), digests_of(now)),
        **({"same": False, "around": True, "day": True} | facts),
    )


def digests_of(t: Table) -> digests.RowDigests:
    """Of a table that is no version."""
    shapes = [t.wkb.alias("geometry"), t.plane_wkb.alias("geometry_delivered")]
    return digests.of_table(t.frame.hstack(shapes).to_arrow(compat_level=pl.CompatLevel.oldest()), t.schema.key)


def assert_same(left: Report, right: Report) -> None:
    figures = [[(o.rule.id, o.count, o.aside, o.affected, o.needs) for o in r.outcomes] for r in (left, right)]
    assert figures[0] == figures[1]
    assert_frame_equal(left.errors, right.errors)
    assert (left.score, left.accepted) == (right.score, right.accepted)


ORDER = st.one_of(
    st.tuples(st.permutations(range(12)), st.integers(6, 12)).map(lambda drawn: drawn[0][: drawn[1]]),
    st.sets(st.integers(0, 11), max_size=2).map(lambda gone: [k for k in range(12) if k not in gone]),
    st.lists(st.integers(0, 11), min_size=6, max_size=14),
)
"""Rows of a layer: in another order, without one or two, some of them several times."""


def some_of(t: Table, order: list[int]) -> Table:
    """Rows of a table as a layer."""
    rows = pl.Series(order, dtype=pl.Int64)
    return Table(t.schema, t.frame[rows], t.wkb[rows], t.plane_wkb[rows], t.crs)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    before=({}, {}),
    after=({"BSM": {1: "77", 2: "1"}, "DLBM": {0: "011", 2: "011"}, "GDPDJ": {1: "1"}}, {2: grid.cell(0, 0)}),
    there=[1, 0, 1, 1, 1, 1],
    left=list(range(12)),
)
@given(before=edits(), after=edits(), there=ORDER, left=ORDER)
def test_whatever_changed_the_result_is_that_of_a_full_inspection(before, after, there, left) -> None:
    """Cells and outlines of rows change, rows come, go, lie in another order, and are there several times."""
    old = some_of(county.patches(before[1], **before[0]), there)
    new = some_of(county.patches(after[1], **after[0]), left)
    first = look(data_of(old, east()))
    earlier = earlier_of(first, old, new, beside=True)
    short = look(data_of(fresh(new), east()), earlier)
    assert_same(short, look(data_of(fresh(new), east())))
    third = some_of(county.patches(before[1], **after[0]), left)  # and once more, from what that one kept
    again = look(data_of(fresh(third), east()), earlier_of(short, new, third, beside=True))
    assert_same(again, look(data_of(third, east())))


def fresh(t: Table) -> Table:
    """The table as it is read, nothing reckoned yet."""
    return Table(t.schema, t.frame, t.wkb, t.plane_wkb, t.crs)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edit=edits(), size=st.integers(1, 11))
def test_a_layer_seen_in_parts_has_the_errors_it_has_whole(edit, size) -> None:
    table = county.patches(edit[1], **edit[0])
    whole = look(data_of(table))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "PART", size)
        assert_same(look(data_of(fresh(table))), whole)


def reused(report: Report) -> set[str]:
    return {o.rule.id for o in report.outcomes if o.reused}


@pytest.mark.parametrize(
    ("changed", "order", "beside", "taken_over"),
    [
        ({0: grid.cell(0, 0).buffer(-1, join_style="mitre")}, range(12), True, True),
        ({0: grid.cell(0, 0).buffer(-1, join_style="mitre")}, range(12), False, False),
        ({3: grid.cell(3, 0).buffer(-1, join_style="mitre")}, range(12), True, False),
        ({}, range(1, 12), True, True),
        ({}, [k for k in range(12) if k != 7], True, False),
        ({}, [3, *range(3), *range(4, 12)], True, False),
    ],
    ids=["away from the border", "another neighbour", "at the border", "gone away from it", "gone at it", "moved"],
)
def test_edges_are_matched_again_where_a_row_at_the_border_changed(changed, order, beside, taken_over) -> None:
    """The neighbour overlaps by ten metres."""
    over = county.table("DLTB", {"BSM": [7], "DLBM": ["031"]}, [shapely.affinity.translate(grid.cell(4, 0), -10, 0)])
    over.plane_wkb = None
    old, new = county.patches(DLBM={3: "031"}), some_of(county.patches(changed, DLBM={3: "031"}), list(order))
    report = look(data_of(old, over))
    short = look(data_of(new, over), earlier_of(report, old, new, beside=beside))
    assert report.errors.filter(rule="Q4113").height > 0
    assert ("Q4113" in reused(short)) == taken_over
    assert_same(short, look(data_of(fresh(new), over)))


def test_of_an_attribute_that_changed_topology_is_not_looked_at_again() -> None:
    old, new = county.patches(), county.patches(GDPDJ={0: None})
    report = look(data_of(new), earlier_of(look(data_of(old)), old, new))
    assert {"Q3102", "Q3103", "Q3104", "Q2209", "Q5105"} <= reused(report)
    assert "Q2214" in reused(report)
    assert {"Q2202", "Q2213"} <= reused(report), "the columns they name are what they were"
    assert [o.count for o in report.outcomes if o.rule.id == "Q2209"] == [1]


def test_of_an_outline_that_changed_the_topology_is_looked_at_about_it() -> None:
    old, new = county.patches(), county.patches({1: grid.cell(1, 0, 2, 1)})
    report = look(data_of(new), earlier_of(look(data_of(old)), old, new))
    assert not {"Q3102", "Q3103"} & reused(report)
    assert "remains" in new.__dict__ and "scan" not in new.__dict__, "the edges of the other outlines are known"
    assert "Q4102" in reused(report), "the villages of the other patches are known"
    assert [o.count for o in report.outcomes if o.rule.id == "Q3102"] == [1]


def test_the_same_version_is_not_looked_at_again_at_all() -> None:
    table = county.patches(TBBH={4: "1"}, DLBM={0: "999"})
    first = look(data_of(table))
    again = look(data_of(table), earlier_of(first, table, table, same=True))
    assert reused(again) == {o.rule.id for o in again.outcomes if o.ran}
    assert_same(again, first)


@pytest.mark.parametrize("facts", [{"around": False}, {}], ids=["other layers around", "other parameters"])
def test_nothing_is_taken_over_when_what_lies_around_or_a_parameter_changed(facts) -> None:
    table = county.patches()
    earlier = earlier_of(look(data_of(table)), table, table, same=True, **facts)
    if not facts:
        earlier.prints = dict.fromkeys(earlier.prints, "other")
    assert reused(look(data_of(table), earlier)) == set()


def test_what_was_not_kept_whole_is_not_taken_over() -> None:
    table = county.patches(DLBM={0: "999", 1: "999"})
    earlier = earlier_of(look(data_of(table)), table, table, same=True)
    earlier.errors = earlier.errors.filter((pl.col("rule") != "Q2204") | (pl.col("row") == 0))
    report = look(data_of(table), earlier)
    assert "Q2204" not in reused(report)
    assert [o.count for o in report.outcomes if o.rule.id == "Q2204"] == [2]


def test_every_rule_with_a_reach_is_there() -> None:
    assert set(REACH) <= {r.id for r in RULES}


@pytest.mark.django_db
def test_a_recheck_after_marks_and_a_following_version_take_over_what_they_can(tmp_path) -> None:
    def load(name: str, day: str, **changes: Any) -> Any:
        path = grid.dltb(tmp_path / name, **changes)
        return importing.import_layer("DLTB", path, "990121", AS_OF.fromisoformat(day)).version

    first = load("a.gpkg", "2023-12-31", TBDLMJ={1: 1.0, 2: 1.0})
    made = keeping.inspect_version(first)
    rows, _count = keeping.errors_of(made, "Q5105")
    keeping.mark(made, rows[0], "exempt", "measured again in the field", Actor(user=1))
    again = keeping.inspect_version(first)
    (outcome,) = [o for o in again.outcomes if o["rule"] == "Q5105"]
    assert (outcome["count"], outcome["aside"], outcome["reused"]) == (1, 1, True)
    anew = {o["rule"] for o in again.outcomes if "not_run" not in o and not o.get("reused")}
    assert anew <= {r.id for r in RULES if set(r.given) - reuse.STEADY}, "what is reckoned from other versions"

    second = load("b.gpkg", "2024-12-31", TBDLMJ={1: 1.0, 3: 1.0})
    short, _inputs = keeping.run(second)
    whole, _inputs = keeping.run(second, full=True)
    assert {"Q3102", "Q2202", "Q2213", "Q2214"} <= reused(short) and not reused(whole)
    assert_same(short, whole)


YEARS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "figures": ({"TBDLMJ": {1: 1.0}}, {"TBDLMJ": {1: 1.0, 3: 1.0}, "TBMJ": {6: 1.0}}),
    "classes": ({}, {"DLBM": {4: "203", 9: "022"}, "GDLX": {0: None}}),
    "identifiers": ({"TBBH": {4: "1"}}, {"TBBH": {4: "1", 5: "1"}}),
    "identifiers no more": ({"TBBH": {4: "1"}}, {}),
    "an error on a row that moved": (
        {"TBBH": {4: "1"}}, {"TBBH": {4: "1"}, "shapes": {0: grid.cell(0, 0).buffer(-1, join_style="mitre")}},
    ),
    "a village": ({}, {"ZLDWDM": {3: "9901210010020000000"}, "QSXZ": {3: "20"}}),
    "overlaps": ({"shapes": {1: grid.cell(1, 0, 2, 1)}}, {"shapes": {1: grid.cell(1, 0, 2, 1), 20: grid.cell(2, 3, 2, 1)}}),
    "dates that have come": ({"BGRQ": {3: date(2024, 6, 1), 5: date(2025, 6, 1)}},
                             {"BGRQ": {3: date(2024, 6, 1), 5: date(2025, 6, 1), 7: date(2026, 1, 1)}}),
    "a row that went": ({}, {"without": {7}}),
    "a row that came": ({"without": {7, 12}}, {"TBDLMJ": {9: 1.0}}),
}  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of seven rows, and everything is worth keeping."""
    monkeypatch.setattr(content, "ROW_GROUP", 7)
    monkeypatch.setattr(stored, "FEW", 1)  # rows are sought one by one
    monkeypatch.setattr(partials, "WORTH", 0)
    monkeypatch.setattr(carried, "WORTH", 0)
    forget()


def forget() -> None:
    """What is kept in memory and on disc of summaries."""
    shutil.rmtree(Path(django_settings.NODE.data) / "cache" / "summary", ignore_errors=True)
    summary._kept.clear()
    change._kept.clear()
    taken._kept.clear()


def year(folder: Any, day: str, *, without: set[int] = frozenset(), **changes: Any) -> Any:
    """A version of the grid county, some rows of it left out."""
    outlines = changes.pop("shapes", {})
    data, shapes = grid.patches(**changes)
    for row, shape in outlines.items():
        shapes[row] = shape
    kept = [k for k in range(len(shapes)) if k not in without]
    path = grid.write(
        folder / f"{day}.gpkg", {n: [v[k] for k in kept] for n, v in data.items()}, [shapes[k] for k in kept]
    )
    return importing.import_layer("DLTB", path, "990121", date.fromisoformat(day)).version


@pytest.mark.django_db
def test_rows_that_were_taken_are_not_sought_again(tmp_path, small, monkeypatch) -> None:
    version = year(tmp_path, "2023-12-31")
    whole = pl.DataFrame(pl.from_arrow(version.table(["bsm", "geometry", "net_area_m2"])))
    some = pl.Series([12, 3, 20, 3])
    assert stored.Stored(version).rows(some).frame["bsm"].to_list() == whole["bsm"][some].to_list()
    with monkeypatch.context() as patched:
        patched.setattr(stored.Stored, "_groups", None)
        found = stored.Stored(version).take(pl.Series([20, 3]), ["geometry", "net_area_m2"])
        assert_frame_equal(found, whole[[20, 3]].select("geometry", "net_area_m2"))
    others = stored.Stored(version).take(pl.Series([20, 4]), ["bsm"])
    assert_frame_equal(others, whole[[20, 4]].select("bsm"))


@pytest.mark.django_db
def test_a_part_without_degrees_has_the_outlines_topology_is_looked_at_in(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(content, "ROW_GROUP", 8)
    monkeypatch.setattr(stored, "PART", 8)
    layer = stored.Stored(year(tmp_path, "2023-12-31"))
    bare, both = list(layer.parts(attributes=False, lonlat=False)), list(layer.parts())
    assert len(bare) == len(both) > 1
    for one, other in zip(bare, both, strict=True):
        assert (one.wkb, one.first, len(one)) == (None, other.first, len(other))
        assert one.plane_wkb.equals(other.plane_wkb)
        assert one.scan.boxes.tolist() == other.scan.boxes.tolist()


@pytest.mark.django_db
def test_a_recheck_seeks_the_rows_that_changed_once(tmp_path, small, monkeypatch) -> None:
    before = year(tmp_path, "2023-12-31")
    after = year(
        tmp_path, "2024-12-31", TBDLMJ={1: 1.0}, shapes={8: grid.cell(8 % 6, 1).buffer(-0.5, join_style="mitre")}
    )
    keeping.inspect_version(before)
    sought = []
    look = stored.Stored._scattered

    def counted(self, rows, groups, names):
        sought.append((self.version.pk, names))
        return look(self, rows, groups, names)

    taken._kept.clear()
    monkeypatch.setattr(stored.Stored, "_scattered", counted)
    keeping.run(after)
    whole = [pk for pk, names in sought if len(names) > 20]
    assert sorted(whole) == sorted([before.pk, after.pk])
    others = [(pk, names) for pk, names in sought if len(names) <= 20]
    assert others and all(pk == after.pk and len(names) == 1 for pk, names in others), "neighbours, and who is wrong"


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(places=st.lists(st.tuples(st.floats(-0.5, 6.5), st.floats(-0.5, 5.5), st.floats(0.1, 4)), max_size=3))
def test_rows_near_boxes_are_those_of_the_whole_layer(tmp_path_factory, places) -> None:
    with pytest.MonkeyPatch.context() as patched, transaction.atomic():
        patched.setattr(content, "ROW_GROUP", 7)
        layer = stored.Stored(year(tmp_path_factory.mktemp("near"), "2023-12-31"))
        own = layer.coverings()
        west, south, east, north = own[:, 0].min(), own[:, 1].min(), own[:, 2].max(), own[:, 3].max()
        at = [(west + x * (east - west) / 6, south + y * (north - south) / 5, s) for x, y, s in places]
        boxes = np.array([(x, y, x + s * (east - west) / 6, y + s * (north - south) / 5) for x, y, s in at]).reshape(
            -1, 4
        )
        met = (own[:, None, 0] <= boxes[:, 2]) & (own[:, None, 2] >= boxes[:, 0])
        met &= (own[:, None, 1] <= boxes[:, 3]) & (own[:, None, 3] >= boxes[:, 1])
        assert layer.meeting(boxes).tolist() == np.flatnonzero(met.any(axis=1)).tolist()
        transaction.set_rollback(True)


def full(version: Any) -> Report:
    """Looked at with nothing kept, neither on disc nor in memory."""
    forget()
    return keeping.run(version, full=True)[0]


def neighbour(folder: Any, day: str, *, moved_m: float) -> Any:
    """A version of the county to the east, which overlaps by so many metres."""
    data, shapes = grid.patches()
    data["ZLDWDM"] = data["QSDWDM"] = ["9901220010010000000"] * len(shapes)
    there = [shapely.affinity.translate(shape, 6 * grid.STEP - moved_m, 0) for shape in shapes]
    path = grid.write(folder / f"east-{day}.gpkg", data, there)
    return importing.import_layer("DLTB", path, "990122", date.fromisoformat(day)).version


@pytest.mark.django_db
def test_neighbours_are_inputs_and_edges_matched_again_where_they_are_others(tmp_path, small) -> None:
    beyond = neighbour(tmp_path, "2023-12-31", moved_m=10)
    before = year(tmp_path, "2023-12-31")
    made = keeping.inspect_version(before)
    assert made.inputs["DLTB 990122"] == {"name": beyond.name, "hash": beyond.hash}
    after = year(tmp_path, "2024-12-31", TBDLMJ={0: 1.0})
    short, _inputs = keeping.run(after)
    assert "Q4113" in reused(short) and short.errors.filter(rule="Q4113").height == 5
    assert_same(short, full(after))
    neighbour(tmp_path, "2024-06-30", moved_m=20)
    short, _inputs = keeping.run(after)
    assert "Q4113" not in reused(short)
    assert_same(short, full(after))


@pytest.mark.django_db
@pytest.mark.parametrize("name", YEARS)
def test_a_later_version_has_the_errors_of_a_full_inspection(tmp_path, small, name) -> None:
    before, after = (
        year(tmp_path, day, **facts) for day, facts in zip(("2023-12-31", "2024-12-31"), YEARS[name], strict=True)
    )
    keeping.inspect_version(before)
    short, _inputs = keeping.run(after)
    assert len(reused(short)) > 20
    assert_same(short, full(after))


@pytest.mark.django_db
@pytest.mark.parametrize("kept", ["there", "gone"])
def test_rules_of_more_errors_than_are_kept_with_their_places_are_taken_over(
    tmp_path, small, monkeypatch, kept
) -> None:
    monkeypatch.setattr(running, "MOST_KEPT", 3)
    wrong = {"TBDLMJ": dict.fromkeys(range(2, 14), 1.0), "TBBH": dict.fromkeys(range(5), "1")}
    before = year(tmp_path, "2023-12-31", **wrong)
    wrong["TBDLMJ"] |= {0: 1.0, 3: 2.0, 20: 1.0}
    after = year(tmp_path, "2024-12-31", without={6}, **wrong)
    keeping.inspect_version(before)
    if kept == "gone":
        for file in (Path(django_settings.NODE.data) / "cache" / "inspection").glob("*.parquet"):
            file.unlink()
    short, _inputs = keeping.run(after)
    assert ("Q5105" in reused(short)) == (kept == "there")
    whole = full(after)
    assert_same(short, whole)
    assert_frame_equal(short.beyond.drop("geometry"), whole.beyond.drop("geometry"))
    assert [o.count for o in short.outcomes if o.rule.id == "Q5105"] == [13]


@pytest.mark.django_db
@pytest.mark.parametrize("kept", ["inspection", "summary"])
@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_what_was_kept_may_be_gone_or_damaged(tmp_path, small, kept, how) -> None:
    before = year(tmp_path, "2023-12-31", TBDLMJ={1: 1.0})
    after = year(tmp_path, "2024-12-31", TBDLMJ={1: 1.0, 3: 1.0})
    keeping.inspect_version(before)
    files = list((Path(django_settings.NODE.data) / "cache" / kept).iterdir())
    assert files
    for file in files:
        if how == "gone":
            file.unlink()
        else:
            content_of = bytearray(file.read_bytes())
            middle = len(content_of) // 3
            content_of[middle : middle + 8] = bytes(b ^ 255 for b in content_of[middle : middle + 8])
            file.write_bytes(content_of)
    summary._kept.clear()
    short, _inputs = keeping.run(after)
    assert_same(short, full(after))


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_sums_carried_over_are_those_of_the_version_read(tmp_path_factory, data) -> None:
    cells = st.dictionaries(st.integers(0, 29), st.sampled_from([0.0, 1.25, 39_999.99]), max_size=3)
    texts = st.dictionaries(st.sampled_from([2, 3, 4, 7, 29]), st.sampled_from(["104", "203", "022"]), max_size=3)
    draws = [{"TBDLMJ": data.draw(cells), "TKMJ": data.draw(cells), "DLBM": data.draw(texts)} for _ in range(2)]
    with pytest.MonkeyPatch.context() as patched, transaction.atomic():
        patched.setattr(content, "ROW_GROUP", 7)
        patched.setattr(carried, "WORTH", 0)
        patched.setattr(carried, "MOST_CHANGED", 1)
        folder = tmp_path_factory.mktemp("years")
        before, after = (year(folder, day, **d) for day, d in zip(("2023-12-31", "2024-12-31"), draws, strict=True))
        carried.sums(before)
        apart = carried.told(before, after)
        assert apart is not None and len(apart.came) == len(apart.gone) <= 18
        found, read = carried.sums(after), cube.sums_of(cube.patches(after))
        assert_frame_equal(found, read, check_row_order=False)
        told = stored.Stored(after).read("land_use_code", "net_area_m2").group_by("land_use_code").agg(pl.all().sum())
        assert checked.class_areas(after) == pytest.approx(dict(told.iter_rows()))
        transaction.set_rollback(True)
