"""Filters in CQL2 and sorting, against the same question asked of plain rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jintu.foundation.layers.tests import grid
from jintu.foundation.publication import cql2, reading
from jintu.foundation.publication.asking import BadRequest
from jintu.foundation.publication.reading import Question

TYPES = {"land_use_code": "Char", "patch_no": "Char", "patch_area_m2": "Float", "changed_on": "Date", "c": "Char"}


class Plain(cql2.Rows):
    """Three rows; the last has no value anywhere."""

    rows = 3
    values: dict[str, list[Any]] = {
        "land_use_code": ["011", "Ab_c", None],
        "patch_no": ["it's", "%", None],
        "patch_area_m2": [1.5, 20.0, None],
        "changed_on": [date(2020, 1, 1), date(2024, 6, 1), None],
        "c": ["x", "y", None],
    }

    def column(self, name: str):
        import pyarrow as pa

        return pa.chunked_array([self.values[name]])

    def meeting(self, shape):
        import pyarrow as pa

        return pa.array([bool(shapely.intersects(shape, shapely.Point(n, n))) for n in range(3)])


def found(text: str) -> list[bool | None]:
    return cql2.parse(text, TYPES).mask(Plain()).to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("land_use_code = '011'", [True, False, None]),
        ("NOT land_use_code = '011'", [False, True, None]),
        ("land_use_code <> '011' OR land_use_code IS NULL", [False, True, True]),
        ("c IS NOT NULL", [True, True, False]),
        ("patch_no = 'it''s'", [True, False, None]),
        ("patch_no = 'it\\'s'", [True, False, None]),
        ("patch_no LIKE '\\%'", [False, True, None]),
        ("land_use_code LIKE '_1%'", [True, False, None]),
        ("land_use_code NOT LIKE '0%'", [False, True, None]),
        ("CASEI(land_use_code) = CASEI('aB_C')", [False, True, None]),
        ("CASEI(land_use_code) LIKE 'AB%'", [False, True, None]),
        ("land_use_code IN ('x', '011')", [True, False, None]),
        ("land_use_code NOT IN ('011')", [False, True, None]),
        ("patch_area_m2 BETWEEN 1 AND 1.5", [True, False, None]),
        ("patch_area_m2 NOT BETWEEN 1 AND 1.5", [False, True, None]),
        ("patch_area_m2>=-1e1 and patch_area_m2<2", [True, False, None]),
        ("changed_on > DATE('2020-01-01')", [False, True, None]),
        ("changed_on <= TIMESTAMP('2020-01-01T08:00:00Z')", [True, False, None]),
        ("S_INTERSECTS(geometry, BBOX(0.5, 0.5, 3, 3))", [False, True, True]),
        ("s_intersects(geometry, POINT(0 0)) OR \"c\" = 'y'", [True, True, None]),
        ("S_INTERSECTS(geometry, POLYGON((-1 -1, 1 -1, 1 1, -1 1, -1 -1)))", [True, True, False]),
        ("TRUE", [True, True, True]),
        ("FALSE", [False, False, False]),
        # AND binds closer than OR; NOT closer than both
        ("c = 'x' OR c = 'y' AND c = 'z'", [True, False, None]),
        ("(c = 'x' OR c = 'y') AND c = 'z'", [False, False, None]),
        ("NOT c = 'x' AND c = 'x'", [False, False, None]),
        ("NOT (c = 'x' AND patch_area_m2 = 1.5)", [False, True, None]),
    ],
)
def test_what_a_filter_finds(text: str, expected: list[bool | None]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("owner_name = 'x'", "no column owner_name"),
        ("c", "comparison is missing"),
        ("c = 1", "single quotes"),
        ("patch_area_m2 = 'x'", "compared with a number"),
        ("patch_area_m2 LIKE 'x'", "LIKE takes a column of text"),
        ("changed_on = DATE('2020-13-01')", "character 19"),
        ("c = 'x' AND", "name of a column is missing"),
        ("c = 'x' c", "should end here"),
        ("(c = 'x'", "“)” is missing"),
        ("c = 'x", "cannot be read at character 5"),
        ("c IN ()", "single quotes"),
        ("S_INTERSECTS(c, POINT(1 2))", "geometry first"),
        ("S_INTERSECTS(geometry, POINT(1))", "not valid"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", "not valid"),
        ("S_INTERSECTS(geometry, BBOX(1,2,3))", "“,” is missing"),
        ("S_WITHIN(geometry, POINT(1 2))", "no column S_WITHIN"),
        ("; DROP TABLE x", "cannot be read at character 1"),
        ("c = 'x' OR " * 210 + "TRUE", "more than 200"),
        ("(" * 60 + "TRUE" + ")" * 60, "nested too deep"),
        ("c = '" + "x" * 5000 + "'", "at most 4000"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words.replace("“)”", "“\\)”")):
        found(text)


@given(st.text(max_size=60))
def test_no_text_is_an_unexpected_error(text: str) -> None:
    try:
        found(text)
    except BadRequest as error:
        assert str(error)


CONDITIONS = st.recursive(
    st.sampled_from(["a", "b", "n"]),
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), inner, inner) | st.tuples(st.just("NOT"), inner),
    max_leaves=12,
)
LEAVES = {"a": ("c = 'x'", [True, False, None]), "b": ("patch_area_m2 > 2", [False, True, None])}
LEAVES["n"] = ("land_use_code IS NULL", [False, False, True])


def written(tree: Any) -> str:
    if isinstance(tree, str):
        return LEAVES[tree][0]
    if tree[0] == "NOT":
        return f"NOT ({written(tree[1])})"
    return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


def meant(tree: Any, row: int) -> bool | None:
    """Kleene's logic, by hand."""
    if isinstance(tree, str):
        return LEAVES[tree][1][row]
    values = [meant(part, row) for part in tree[1:]]
    if tree[0] == "NOT":
        return None if values[0] is None else not values[0]
    decides = tree[0] == "OR"
    if decides in values:
        return decides
    return None if None in values else not decides


@given(CONDITIONS)
def test_conditions_are_joined_as_logic_has_it(tree: Any) -> None:
    assert found(written(tree)) == [meant(tree, row) for row in range(3)]


# --- pages ----------


@hypothesis_settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offset=st.integers(0, 35),
    limit=st.integers(1, 35),
    order=st.lists(
        st.tuples(st.sampled_from(["land_use_code", "patch_area_m2", "bsm"]), st.booleans()),
        max_size=2,
        unique_by=lambda o: o[0],
    ),
    code=st.sampled_from([None, *grid.CLASSES]),
)
def test_sorted_pages_are_the_whole_sorted_and_cut(version, offset, limit, order, code) -> None:
    where = cql2.parse(f"land_use_code <> '{code}'", TYPES) if code else None
    rows = [r for r in version.table().to_pylist() if not code or r["land_use_code"] != code]
    for name, down in reversed(order):
        # the identifier is a whole number, kept as text
        rows.sort(key=lambda r, n=name: int(r[n]) if n == "bsm" else r[n], reverse=down)
    page = reading.page(version, Question(["bsm"], offset=offset, limit=limit, where=where, order=order))
    assert page.table.column("bsm").to_pylist() == [r["bsm"] for r in rows][offset : offset + limit]
    assert page.matched == len(rows) and page.more == (offset + limit < len(rows))


def test_geometry_in_a_filter_is_that_of_the_features(version) -> None:
    table = version.table()
    shapes = shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))
    point = shapely.point_on_surface(shapes[7])
    where = cql2.parse(f"NOT S_INTERSECTS(geometry, {point.wkt}) AND land_use_code IS NOT NULL", TYPES)
    page = reading.page(version, Question(["bsm"], limit=100, where=where))
    expected = [b for b, s in zip(table.column("bsm").to_pylist(), shapes, strict=True) if not s.intersects(point)]
    assert page.table.column("bsm").to_pylist() == expected and len(expected) < 30


def test_more_than_is_sorted_is_refused_with_the_way_out(version, monkeypatch) -> None:
    monkeypatch.setattr(reading, "COUNTED", 3)
    with pytest.raises(BadRequest, match="bbox"):
        reading.page(version, Question(["bsm"], order=[("bsm", False)]))
