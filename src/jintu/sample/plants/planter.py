"""What plants are made with: deals to spoil, and the list they are written to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..ledger import Plant, days, square
from ..sites import Part
from ..stories import Case, Deal, World

__all__ = ["PlantFunction", "Planter", "hit", "planting"]

Hit = dict[str, Any]


def hit(rule: str, *objects: tuple[str, str], area: float | None = None) -> Hit:
    """What a rule should find: its objects, the subject first, and the area by construction (m²)."""
    return {
        "rule": rule,
        "objects": [list(o) for o in objects],
        "area_m2": None if area is None else square(area),
    }


@dataclass(frozen=True)
class PlantFunction:
    """A function that plants one violation and perhaps near misses; called ``times`` times with 0, 1, 2 …"""

    function: Callable[[Planter, int], None]
    times: int
    build: int
    project: int
    other: int


def planting(times: int = 3, *, build: int = 0, project: int = 0, other: int = 0) -> Callable[..., PlantFunction]:
    """Declare how often to plant and how many free blocks of each kind one planting may need."""

    def make(function: Callable[[Planter, int], None]) -> PlantFunction:
        return PlantFunction(function, times, build, project, other)

    return make


class Planter:
    """Spoils clean stories and writes down what must be found for it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.today = world.as_of
        self.free: dict[tuple[str, date], tuple[Case, list[Part]]] = {}

    def ago(self, count: int) -> date:
        """The day so many days before the as-of date."""
        return days(self.today, -count)

    def violation(self, rule: str, what: str, *fires: Hit) -> None:
        """Write down a violation: everything it fires, the main rule first."""
        objects = [tuple(o) for o in fires[0]["objects"]]
        self.world.ledger.plants.append(Plant(rule, what, objects, list(fires)))

    def miss(self, rule: str, what: str, *objects: tuple[str, str], fires: tuple[Hit, ...] = ()) -> None:
        """Write down a near miss: the rule must stay silent (another may speak, if said)."""
        self.world.ledger.plants.append(Plant(rule, what, list(objects), list(fires)))

    def deal(
        self,
        signed_on: date,
        *,
        use: str = "061",
        approved_use: str = "",
        approved_on: date | None = None,
        **facts: Any,
    ) -> Deal:
        """A clean supply on a parcel of an otherwise ordinary approval, ready to be spoilt."""
        approved_on = approved_on or days(signed_on, -70)
        key = (approved_use or use, approved_on)
        if not self.free.get(key, (None, []))[1]:
            case = self.world.case(approved_on, use=key[0], parts=3)
            self.free[key] = (case, [p for _, p in case.parcels])
        case, parts = self.free[key]
        return self.world.supply(case, parts.pop(0), signed_on, use=use, **facts)

    def close(self) -> None:
        """Supply the parcels no plant wanted, so that their approvals stay clean."""
        for (_, approved_on), (case, parts) in self.free.items():
            while parts:
                signed_on = days(approved_on, 75)
                if signed_on > self.today:
                    break
                deal = self.world.supply(case, parts.pop(0), signed_on)
                self.world.inspect(deal)
