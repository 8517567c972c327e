"""Importing in batches: the same version, however the file is cut, and never more than a batch in hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.foundation.layers import content, importing, lake, placing, reading, spill, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel import flat

from . import grid

DAY = date(2024, 12, 31)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.lists(st.integers(0, 1000), max_size=20))
def test_rows_come_back_from_disc_in_any_order(tmp_path_factory, sizes: list[int], wishes: list[int]) -> None:
    total = sum(sizes)
    table = pa.table({"n": np.arange(total), "text": [None if i % 5 == 3 else "x" * i for i in range(total)]})
    wanted = np.array(wishes, dtype=np.int64) % total
    with spill.Spill(tmp_path_factory.mktemp("spill")) as kept:
        start = 0
        for size in sizes:
            kept.add(table.slice(start, size))
            start += size
        assert kept.rows == total and kept.schema == table.schema
        assert kept.take(wanted).equals(table.take(pa.array(wanted)))
        assert kept.take(np.arange(total)).equals(table.combine_chunks())
    assert not kept.path.exists()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["square", "hole", "two", "none"]), max_size=8), st.floats(-50, 50))
def test_coordinates_are_exchanged_and_nothing_else(kinds: list[str], by: float) -> None:
    hole = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (1, 2), (2, 2)]])
    known = {
        "square": shapely.box(0, 0, 1, 1),
        "hole": hole,
        "two": shapely.MultiPolygon([shapely.box(0, 0, 1, 1), hole.normalize()]),
        "none": None,
    }
    shapes = [known[k] for k in kinds]
    column = pa.array(shapely.to_wkb(shapes, byte_order=1) if shapes else [], pa.large_binary())
    polygons = flat.from_wkb(column)
    moved = flat.refilled(column, polygons.with_coordinates(polygons.x + by, polygons.y - by))
    turned = shapely.orient_polygons(np.array(shapes, dtype=object), exterior_cw=False)
    expected = shapely.to_wkb(shapely.transform(turned, lambda p: np.add(p, [by, -by])), byte_order=1)
    assert moved.to_pylist() == list(expected)


@pytest.mark.django_db
def test_a_file_cut_otherwise_is_the_same_version(tmp_path, monkeypatch) -> None:
    path = grid.dltb(tmp_path / "a.gpkg", DLMC={3: "又"}, YSDM={5: "0"}, TBMJ={7: 1.0})
    whole = importing.import_layer("DLTB", path, "990121", DAY).version
    LayerVersion.objects.filter(pk=whole.pk).update(state=LayerVersion.State.WITHDRAWN, division="990129")
    monkeypatch.setattr(reading, "BATCH", 7)
    monkeypatch.setattr(content, "ROW_GROUP", 4)
    placed, written = [], []
    plain, take = placing.place, spill.Spill.take
    monkeypatch.setattr(placing, "place", lambda column, *a: placed.append(len(column)) or plain(column, *a))
    monkeypatch.setattr(spill.Spill, "take", lambda self, rows: written.append(len(rows)) or take(self, rows))
    monkeypatch.setattr(lake, "read", lambda *a, **k: pytest.fail("the version was read as a whole"))
    monkeypatch.setattr(importing, "_write_low", lambda target, schema: None)
    cut = importing.import_layer("DLTB", path, "990121", DAY).version
    assert sum(placed) == cut.rows and max(placed) <= 7
    assert sum(written) == cut.rows and max(written) <= 4
    assert (cut.hash, cut.area, cut.bbox) == (whole.hash, whole.area, whole.bbox)
    assert cut.quality["checks"] and cut.quality == whole.quality


@pytest.mark.django_db
def test_the_hash_is_counted_again_a_column_and_a_group_at_a_time(county, monkeypatch) -> None:
    import pyarrow.parquet as pq

    read = []
    plain = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, i, names, **k: read.append(names) or plain(self, i, names, **k)
    )
    version = county["DLTB"]
    assert versions.verify(version) == []
    assert read and all(len(names) == 1 for names in read)


@pytest.mark.django_db
def test_one_bad_outline_does_not_slow_its_neighbours(tmp_path, monkeypatch) -> None:
    west, south, east, north = grid.cell(2, 0).bounds
    bow = shapely.Polygon([(west, south), (east, north), (east, south), (west, north), (west, south)])
    looked_at = []
    plain = placing._shapes
    monkeypatch.setattr(placing, "_shapes", lambda given, *a: looked_at.append(len(given)) or plain(given, *a))
    path = grid.dltb(tmp_path / "a.gpkg", shapes={2: bow})
    result = importing.import_layer("DLTB", path, "990121", DAY, good_only=True)
    assert looked_at == [1] and result.left == [3] and result.rows == 29
    assert "crosses itself" in str(result.problems[0])
