"""PNG pictures, read back by another decoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.formats import png


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_pixels_come_back(height: int, width: int, level: int, seed: int) -> None:
    rasterio = pytest.importorskip("rasterio")
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    with rasterio.MemoryFile(png.encode(pixels, level)) as file, file.open() as picture:
        assert np.array_equal(np.moveaxis(picture.read(), 0, 2), pixels)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3), (0, 2, 4)])
def test_other_arrays_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="pixels must be"):
        png.encode(np.zeros(shape, dtype=np.uint8))
    with pytest.raises(ValueError, match="pixels must be"):
        png.encode(np.zeros((2, 2, 4)))
