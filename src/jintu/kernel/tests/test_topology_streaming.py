"""Topology of layers on disk: what it is in memory, however the file is cut."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from jintu.kernel.errors import InputError, Missing
from jintu.kernel.executors import Threads
from jintu.kernel.flat import Polygons, from_shapely
from jintu.kernel.overlay import fragments as fragments_module
from jintu.kernel.tests.test_overlay_streaming import grid, write
from jintu.kernel.topology import Defects, Kind, Plane, inspect
from jintu.kernel.topology.streaming import inspect_file


def damaged(columns: int, rows: int) -> Polygons:
    """A grid of cells in lon/lat with gaps, overlaps, copies, bow-ties and spikes, far apart and scattered."""
    shapes = list(grid(columns, rows).to_shapely())
    random = np.random.default_rng(5)
    chosen = random.permutation(len(shapes))[: len(shapes) // 50]
    for k, row in enumerate(chosen.tolist()):
        points = shapely.get_coordinates(shapes[row])
        if k % 4 == 0:
            shapes[row] = affinity.scale(shapes[row], 0.9, 0.9)
        elif k % 4 == 1:
            shapes[row] = affinity.scale(shapes[row], 1.1, 1.1)
        elif k % 4 == 2:
            shapes[row] = shapely.Polygon(points[[0, 2, 1, 3, 0]])
        else:
            shapes.append(shapes[row])
    return from_shapely(shapes)


def same(one: Defects, other: Defects) -> None:
    """All columns equal to the last bit."""
    for name in ("kind", "x", "y", "area", "measure", "spots", "ends"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    ours, theirs = shapely.to_wkb(one.geometries()), shapely.to_wkb(other.geometries())
    assert list(ours) == list(theirs)


@pytest.mark.parametrize(("row_group", "threads"), [(37, 2), (500, 1), (100_000, 2)])
def test_a_layer_on_disk_has_the_defects_it_has_in_memory(tmp_path, monkeypatch, row_group, threads) -> None:
    polygons, plane = damaged(40, 30), Plane.degrees(36.0)
    monkeypatch.setattr(fragments_module, "ROWS", 100)
    path = write(tmp_path / "a.parquet", polygons, row_group=row_group)
    found = inspect_file(path, plane, executor=Threads(threads))
    assert {Kind.GAP, Kind.OVERLAP, Kind.DUPLICATE, Kind.SELF_CROSSING} <= set(found.counts())
    same(found, inspect(polygons, plane))


@given(st.integers(1, 30), st.integers(1, 30), st.lists(st.tuples(st.integers(0, 89), st.floats(0.5, 1.5)), max_size=6))
@settings(max_examples=25, deadline=None)
def test_any_cut_of_any_layer(tmp_path_factory, row_group, rows, changes) -> None:
    shapes = [shapely.box(10 * (i % 9), 10 * (i // 9), 10 * (i % 9) + 10, 10 * (i // 9) + 10) for i in range(90)]
    for row, factor in changes:
        shapes[row] = affinity.scale(shapes[row], factor, factor)
    shapes[7] = None
    polygons = from_shapely(shapes)
    path = write(tmp_path_factory.mktemp("cut") / "a.parquet", polygons, row_group=row_group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fragments_module, "ROWS", rows)
        same(inspect_file(path), inspect(polygons))


def test_the_column_that_was_delivered_is_looked_at(tmp_path) -> None:
    clean, moved = grid(6, 5), damaged(20, 10)
    delivered = shapely.to_wkb(moved.take(np.arange(30)).to_shapely())
    path = write(tmp_path / "a.parquet", clean, geometry_delivered=delivered)
    assert not inspect_file(path, Plane.degrees(36)).of(Kind.GAP, Kind.OVERLAP, Kind.SELF_CROSSING)
    same(
        inspect_file(path, Plane.degrees(36), column="geometry_delivered"),
        inspect(moved.take(np.arange(30)), Plane.degrees(36)),
    )


def test_what_cannot_be_read_is_named(tmp_path) -> None:
    path = write(tmp_path / "a.parquet", grid(6, 5))
    with pytest.raises(Missing, match="no column nothing"):
        inspect_file(path, column="nothing")
    with pytest.raises(Missing, match=r"gone\.parquet"):
        inspect_file(str(tmp_path / "gone.parquet"))
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(InputError, match="damaged"):
        inspect_file(str(tmp_path / "text.parquet"))
    assert not len(inspect_file(write(tmp_path / "e.parquet", from_shapely([]))))
