"""The small map of findings by division: nothing without a layer, townships dissolved from villages with one."""

from datetime import date

import pytest
import shapely

from jintu.foundation.identity.scope import Scope
from jintu.foundation.statistics import atlas
from jintu.ui.choropleth import Area, choropleth

pytestmark = pytest.mark.django_db

COUNTY = Scope(divisions=("990121",), data_level=2, verbs=frozenset({"view"}))


def area(name, x, value):
    return Area(name, shapely.geometry.mapping(shapely.box(118 + x, 36, 119 + x, 37)), value, f"/{name}")


def test_without_an_administrative_layer_there_is_no_map():
    assert atlas.findings(COUNTY, date(2026, 6, 15), [{"code": "990121001", "n": 3}], 9) == ([], 0.0)


def test_villages_are_dissolved_into_the_townships_of_the_scope(monkeypatch):
    class Piece:
        pk = -1

        @staticmethod
        def table(columns):
            import pyarrow as pa

            codes = ["990121001001", "990121001002", "990121002001", "990122001001"]
            shapes = shapely.to_wkb([shapely.box(x, 36, x + 1, 37) for x in (118, 119, 120, 121)])
            return pa.table({"division_code": codes, "geometry": list(shapes), "other": codes}).select(columns)

    monkeypatch.setattr(atlas.versions, "pieces_in_scope", lambda *_: [Piece])
    monkeypatch.setattr(atlas.LayerVersion.objects, "filter", lambda **_: [Piece])
    atlas._outlines.cache_clear()
    shapes, height = atlas.findings(COUNTY, date(2026, 6, 15), [{"code": "990121001", "n": 8}], 9)
    assert [s.value for s in shapes] == [8, 0]  # the neighbour county's township is not drawn
    assert [s.shade for s in shapes] == [4, 0]
    assert shapes[0].url == "/findings/?division=990121001"
    assert shapes[0].path.count("M") == 1  # one outline, the line between the villages is gone
    assert height > 0
    atlas._outlines.cache_clear()


def test_twice_as_many_is_darker_and_none_is_blank():
    shapes, _height = choropleth([area("a", 0, 0), area("b", 1, 1), area("c", 2, 20), area("d", 3, 40)])
    assert [s.shade for s in shapes] == [0, 1, 2, 4]
