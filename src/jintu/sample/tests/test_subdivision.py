"""The county's patches: gap-free, valid, of realistic shape; areas agree with pyproj."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pyproj import Geod

from jintu.kernel.labels import components, smooth, trace
from jintu.sample import geodesy
from jintu.sample.band import Band
from jintu.sample.county import County
from jintu.sample.layers import polygons, spread_plan
from jintu.sample.sites import Surface

GEOD = Geod(ellps="GRS80", a=6378137.0, rf=298.257222101)


def bands(county: County) -> Iterator[Band]:
    return (Band(county, number) for number in range(len(county.bands)))


def drawn(county: County) -> tuple[np.ndarray, np.ndarray]:
    shapes, areas = [], []
    for band in bands(county):
        label, first = components(band.key)
        band.place(label)
        s, a = polygons(band, label, len(first))
        shapes.append(s)
        areas.append(a)
    return np.concatenate(shapes), np.concatenate(areas)


@pytest.fixture(scope="module")
def county() -> tuple[np.ndarray, np.ndarray]:
    return drawn(County(6000, 5))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_patches_are_valid_and_leave_no_gap_or_overlap(seed: int) -> None:
    shapes, areas = drawn(County(3000, seed))
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    union = shapely.coverage_union_all(shapes)
    assert shapely.area(union) == pytest.approx(shapely.area(shapes).sum(), rel=1e-12)
    assert not shapely.get_parts(union)[0].interiors or shapely.area(shapely.get_parts(union)).min() > 0
    assert (areas > 0).all()


def test_bands_fit_one_another_bit_for_bit() -> None:
    whole = County(6000, 4, band_cells=60_000)
    assert len(whole.bands) > 2
    shapes, _ = drawn(whole)
    assert shapely.coverage_is_valid(shapes)


def test_size_and_shape_are_those_of_a_survey(county: tuple[np.ndarray, np.ndarray]) -> None:
    shapes, areas = county
    assert 0.85 < len(shapes) / 6000 < 1.15
    assert 15 <= np.median(shapely.get_num_coordinates(shapes)) <= 25
    assert 3000 < np.median(areas) < 15_000
    thin = 4 * np.pi * shapely.area(shapes) / shapely.length(shapes) ** 2
    assert (thin < 0.1).sum() > 100, "roads and rivers are long and thin"
    assert (shapely.get_num_interior_rings(shapes) > 0).any()


def test_areas_agree_with_geodesic_polygons(county: tuple[np.ndarray, np.ndarray]) -> None:
    shapes, areas = county
    for k in range(0, len(shapes), 97):
        polygon = shapely.transform(shapes[k], lambda xy: np.column_stack(geodesy.to_lonlat(xy[:, 0], xy[:, 1])))
        expected, _ = GEOD.geometry_area_perimeter(shapely.geometry.polygon.orient(polygon))
        assert areas[k] == pytest.approx(expected, rel=1e-6, abs=0.01)


def test_the_plan_is_cut_along_patches() -> None:
    """Crumbs merged across the edge of a block go with the field they joined: a zone that left them out ended in a
    spike, since corners are only straightened where patches meet."""
    crumbs = 0
    for band in bands(County(6000, 5)):
        field = (band.key >= 0) & (band.key < 1 << 44)
        crumbs += int((band.by_field()[0] != band.block)[field].sum())
        surface = Surface(band)
        nothing = np.zeros(band.county.blocks, dtype=bool)
        spread_plan(surface, nothing, nothing, nothing)
        for drawing in (surface.zone, surface.control, surface.protected):
            pairs = np.unique(np.column_stack((band.key[field], drawing[field])), axis=0)
            assert len(pairs) == len(np.unique(band.key[field]))
    assert crumbs > 0, "there are such cells"


def test_the_same_arguments_draw_the_same_county() -> None:
    one, two = County(2000, 9), County(2000, 9)
    assert np.array_equal(Band(one, 0).key, Band(two, 0).key)
    assert not np.array_equal(Band(one, 0).key, Band(County(2000, 10), 0).key[: Band(one, 0).key.shape[0]])


grids = hnp.arrays(np.int64, st.tuples(st.integers(2, 9), st.integers(2, 9)), elements=st.integers(-1, 3))


@settings(max_examples=100, deadline=None)
@given(grids)
def test_any_grid_of_labels_becomes_a_clean_partition(key: np.ndarray) -> None:
    label, first = components(key)
    h, w = key.shape
    x, y = np.arange(w + 1) * 20.0, np.arange(h + 1) * 20.0
    dx, dy = smooth(label, x, y, np.zeros((h + 1, w + 1), dtype=np.bool_), 10, 0.34)
    px, py = x[None, :] + dx, y[:, None] + dy
    corner, start, owner, hole = trace(label)
    rings = [corner[a:b] for a, b in pairwise(start)]
    built = []
    for k in range(len(first)):
        own = [n for n in range(len(rings)) if owner[n] == k]
        shell = [n for n in own if not hole[n]]
        assert len(shell) == 1, "a component has one outer ring"
        xy = [np.column_stack((px.ravel()[rings[n]], py.ravel()[rings[n]])) for n in own if hole[n]]
        outer = rings[shell[0]]
        built.append(shapely.Polygon(np.column_stack((px.ravel()[outer], py.ravel()[outer])), xy))
    shapes = np.array(built, dtype=object)
    if len(shapes):
        assert shapely.is_valid(shapes).all()
        assert shapely.coverage_is_valid(shapes)
    edges = np.concatenate([np.column_stack((r[:-1], r[1:])) for r in rings]) if rings else np.zeros((0, 2), int)
    assert len(np.unique(edges, axis=0)) == len(edges), "every directed edge occurs once"
