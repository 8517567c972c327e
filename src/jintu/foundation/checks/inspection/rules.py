"""What a rule of the inspection is: a pure function over one layer that yields the rows that break it.

A rule names the tables it is about, and the other tables it must see; one that is not there makes it "not run: needs
…". It never sees a model, a file or the clock::

    @quality("Q2210", "C", ("非耕地填了坡度级", "Slope class on other than cultivated land"), tables=("DLTB",))
    def slope_only_on_cultivated(t: Table, data: Dataset, p: Parameters) -> Iterator[pl.DataFrame]:
        bad = ~starts(t, "land_use_code", "01") & filled(t, "slope_class")
        yield t.errors(bad, "slope_class", expected="")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from ..rules import Parameters
    from .tables import Dataset, Table

__all__ = [
    "OUTLINES",
    "PARTS",
    "PLANE",
    "SEVERITIES",
    "Needs",
    "QualityRule",
    "catalogue",
    "get",
    "quality",
    "register",
]

SEVERITIES = ("A", "B", "C")
"""Fatal (致命), serious (严重), slight (一般)."""

PARTS = {
    "1": ("完整性与数学基础", "Completeness and mathematical basis"),
    "2": ("属性", "Attributes"),
    "3": ("图层内拓扑", "Topology inside a layer"),
    "4": ("图层间关系", "Relations between layers"),
    "5": ("面积一致性", "Consistency of areas"),
    "6": ("汇总与核对", "Summaries and cross-checks"),
}
"""Parts of the inspection by the first digit of the rule."""

OUTLINES = ("polygon", "line", "point")
"""Kinds of layers that are no mere tables."""

PLANE = "plane coordinates"
"""What a rule needs that looks at outlines as they were delivered, in a plane system."""

Check = Callable[["Table", "Dataset", "Parameters"], Iterable["pl.DataFrame"]]


class Needs(Exception):
    """Raised by a rule that finds, looking closer, that what it must see is not there: it was not run."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.names = names


@dataclass(frozen=True)
class QualityRule:
    """``tables``: those it judges (empty: every one); ``needs``: further tables it must see; ``given``: what it must
    see beside tables (see `given`); ``columns``: our names of columns a table must have for the rule to say anything
    of it; ``geometries``: kinds of outlines it looks at, ``partition``: those of partitions only; ``plane``: as they
    were delivered, in a plane system."""

    id: str
    severity: str
    name: tuple[str, str]
    function: Check
    tables: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    geometries: tuple[str, ...] = ()
    partition: bool = False
    plane: bool = False
    remedy: tuple[str, str] = ("", "")

    @property
    def part(self) -> tuple[str, str]:
        return PARTS[self.id[1]]

    @property
    def clause(self) -> str:
        """What the function says of itself: the definition, for the catalogue."""
        return (self.function.__doc__ or "").strip()

    def judges(self, t: Table) -> bool:
        """Is the rule about this table and does the table have what it looks at?"""
        named = not self.tables or t.schema.table in self.tables
        shaped = not self.geometries or (t.has_outlines and t.schema.geometry in self.geometries)
        return named and shaped and (t.schema.partition or not self.partition) and set(self.columns) <= set(t.names)


def quality(id: str, severity: str, name: tuple[str, str], **facts: Any) -> Callable[[Check], QualityRule]:
    """Make a `QualityRule` of a function."""
    if severity not in SEVERITIES:
        raise ValueError(f"{id}: severity must be one of {SEVERITIES}")

    def make(function: Check) -> QualityRule:
        return QualityRule(id, severity, name, function, **facts)

    return make


_catalogue: dict[str, QualityRule] = {}


def register(*rules: QualityRule) -> None:
    """Called from a domain's AppConfig.ready(). Raises ValueError for an id used twice."""
    for rule in rules:
        if _catalogue.setdefault(rule.id, rule) is not rule:
            raise ValueError(f"the quality rule {rule.id} is declared twice")


def catalogue() -> Iterator[QualityRule]:
    """All rules by number."""
    yield from (_catalogue[id] for id in sorted(_catalogue))


def get(id: str) -> QualityRule | None:
    return _catalogue.get(id)
