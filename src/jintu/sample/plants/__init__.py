"""Planted violations and near misses, by stage of the life cycle.

Each function takes clean stories, breaks one thing, and writes down which rules must speak about which rows and over
how many square metres. No rule is imported: what must be found follows from how the thing was built and from the
definitions in docs/reference/rules.md.
"""

from __future__ import annotations

from ..stories import World
from . import approve, compensate, inspect, supply, use
from .planter import Planter
from .quota import short_quota

__all__ = ["plant_all", "short_quota"]

FUNCTIONS = (
    *supply.PLANTINGS,
    *use.PLANTINGS,
    *approve.PLANTINGS,
    *compensate.PLANTINGS,
    *inspect.PLANTINGS,
)

SPARE = 5
"""Blocks kept free beyond a planting's own need: the projects its cultivated land is drawn from."""


def plant_all(world: World) -> None:
    """Plant as much as there is room for: everything once before anything twice."""
    planter = Planter(world)
    for turn in range(max(f.times for f in FUNCTIONS)):
        for planting in FUNCTIONS:
            if turn >= planting.times:
                continue
            build, project = world.room("build"), world.room("project")
            enough = build >= planting.build + SPARE and world.room("other") >= planting.other
            if enough and project + build - planting.build >= planting.project + SPARE:
                planting.function(planter, turn)
    planter.close()
