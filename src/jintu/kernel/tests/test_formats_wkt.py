"""WKT read many at a time is what GEOS reads one by one."""

import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.formats.wkt import from_wkt

NUMBER = st.one_of(
    st.floats(-180, 180, allow_nan=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-180, 180, allow_nan=False, places=12).map(str),
)
POINT = st.tuples(NUMBER, NUMBER).map(" ".join)


@st.composite
def rings(draw):
    points = draw(st.lists(POINT, min_size=1, max_size=7))
    closed = [*points, points[0]] if draw(st.integers(0, 9)) else points
    return draw(st.sampled_from([",", ", ", " ,"])).join(closed)


TEXT = st.one_of(
    st.none(),
    st.builds("{}(({})){}".format, st.sampled_from(["POLYGON", "POLYGON ", "polygon"]), rings(), st.sampled_from(["", " "])),
    st.builds("POLYGON(({}),({}))".format, rings(), rings()),
    st.builds("MULTIPOLYGON((({})),(({})))".format, rings(), rings()),
    st.sampled_from(["", "POLYGON EMPTY", "POINT(1 2)", "POLYGON(())", "POLYGON((,))", "POLYGON((0 0 1, 1 0 1, 1 1 1, 0 0 1))",
                     "POLYGON((e e, e e, e e, e e))", "POLYGON((0 0, 1 0, 1 1, 0 0", "大营镇"]),
)  # fmt: skip


def same(a, b):
    if a is None or b is None:
        return a is b
    return shapely.to_wkb(a) == shapely.to_wkb(b)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=6))
def test_it_reads_what_geos_reads(texts):
    expected = shapely.from_wkt(texts, on_invalid="ignore") if texts else []
    found = from_wkt(pa.array(texts, pa.string()))
    assert len(found) == len(texts)
    assert all(same(a, b) for a, b in zip(found, expected, strict=True)), (texts, found, expected)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_kind_of_text_column(kind):
    (found,) = from_wkt(pa.array(["POLYGON((113.1 30.1, 113.2 30.1, 113.2 30.2, 113.1 30.1))"], kind))
    assert found.equals(shapely.from_wkt("POLYGON((113.1 30.1, 113.2 30.1, 113.2 30.2, 113.1 30.1))"))
