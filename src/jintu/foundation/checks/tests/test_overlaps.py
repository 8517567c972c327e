"""What lies in a large layer is the same whichever way it is looked at."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from jintu.foundation.checks.inspection import overlaps, tables
from jintu.foundation.checks.inspection.tables import Table
from jintu.foundation.layers.tests import grid

from .tables import table


def squares(count: int, side: int, shift: float = 0.0) -> Table:
    """A row of squares of so many cells."""
    shapes = [shapely.affinity.translate(grid.cell(k * side, 0, side, side), shift) for k in range(count)]
    return table("DLTB", {"BSM": list(range(1, count + 1))}, shapes)


@pytest.mark.parametrize("part", [2, 5, 11])
def test_a_large_layer_covers_what_it_covers(monkeypatch, part: int):
    small, large = squares(3, 1, 37.0), squares(12, 1)
    wanted = overlaps.covered(small, large)
    monkeypatch.setattr(overlaps, "PART", part)
    monkeypatch.setattr(tables, "PART", part)
    assert overlaps.covered(small, large) == pytest.approx(wanted, rel=1e-12)
    assert wanted == pytest.approx(small.areas)


def test_some_rows_are_overlaid_as_all_are():
    left, right = squares(6, 2, 37.0), squares(12, 1)
    every = overlaps.shared(left, right)
    some = overlaps.shared(left, right, np.array([1, 4], dtype=np.uint32))
    assert some.equals(every.filter(every["left"].is_in([1, 4])))
    assert overlaps.shared(left, right, np.array([], dtype=np.uint32)).is_empty()
