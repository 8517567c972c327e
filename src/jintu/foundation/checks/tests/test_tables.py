"""Outlines of lines in tables of the inspection: read flat, whole or in parts, in degrees or as delivered."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import shapely

from jintu.foundation.checks.inspection import stored
from jintu.foundation.checks.inspection.tables import Table
from jintu.foundation.layers import lake, schemas
from jintu.foundation.layers.tests import grid

LINES = [shapely.LineString([(40_500_000 + 9 * k, 4e6), (40_500_005 + 9 * k, 4e6 + 7)]) for k in range(5)]
SHAPES = [*LINES[:3], None, *LINES[3:]]


def column(shapes):
    return pl.Series([None if s is None else shapely.to_wkb(s, byte_order=1) for s in shapes], dtype=pl.Binary)


DEGREES = column([None if s is None else grid.lonlat(s) for s in SHAPES])
FRAME = pl.DataFrame({"bsm": [str(k) for k in range(len(SHAPES))]})


def test_lines_are_those_topology_looks_at() -> None:
    flat = Table(schemas.get("XZDW"), FRAME, DEGREES, column(SHAPES), grid.CRS).lines
    assert [s.is_empty or shapely.get_parts(s)[0] for s in flat.to_shapely()] == [*LINES[:3], True, *LINES[3:]]
    in_degrees = Table(schemas.get("XZDW"), FRAME, DEGREES)
    assert in_degrees.points[0].max() < 180
    assert np.array_equal(in_degrees.points[0], in_degrees.lines.x)


@pytest.mark.parametrize("plane", [None, column(SHAPES)])
def test_boxes_are_in_degrees_and_a_row_without_an_outline_leaves_the_layer_its_middle(plane) -> None:
    t = Table(schemas.get("XZDW"), FRAME, DEGREES, plane, grid.CRS)
    wanted = shapely.bounds(shapely.from_wkb(DEGREES.to_numpy()))
    there = np.arange(len(SHAPES)) != 3
    assert np.array_equal(t.boxes[there], wanted[there])
    assert t.bounds == (*wanted[there, :2].min(axis=0), *wanted[there, 2:].max(axis=0))
    assert t.lonlat.y_metres == pytest.approx(111_000, rel=0.01)


def test_lines_of_a_stored_layer_are_read_part_by_part(monkeypatch) -> None:
    monkeypatch.setattr(stored, "PART", 2)
    frame = pl.DataFrame({lake.DELIVERED: column(SHAPES)})
    t = stored.Stored.__new__(stored.Stored)
    t._plane, t._starts = True, [0, 2, 3, 6]
    reads = []

    def groups(wanted, names):
        reads.append(list(wanted))
        return frame.select(names)[t._starts[wanted[0]] : t._starts[wanted[-1] + 1]]

    t._groups = groups
    whole = Table(schemas.get("XZDW"), FRAME, DEGREES, column(SHAPES), grid.CRS).lines
    assert all(np.array_equal(a, b) for a, b in zip(t.lines.arrays, whole.arrays, strict=True))
    assert reads == [[0], [1], [2]]
