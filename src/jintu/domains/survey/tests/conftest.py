"""The grid county of the layers' tests, loaded, and the people who look at it."""

from jintu.foundation.layers.tests.conftest import (  # noqa: F401
    _in_english,
    county,
    director,
    inspector,
    neighbour,
    townsman,
)
