"""Layer versions of the lake as the tables an inspection sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from jintu.foundation.layers import lake, schemas, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.operations import executing
from jintu.kernel.once import making

from ..lazy import pl
from .given import Given
from .stored import Stored
from .tables import Dataset, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from jintu.kernel.topology import Defects, Plane

__all__ = ["Tables", "around", "beside", "dataset", "neighbours", "table_of"]

NEAR = 0.001
"""Degrees beyond the box of a version within which patches of neighbours are looked at."""


def table_of(version: LayerVersion) -> Table:
    """A version, with its delivered outlines where they came in a plane system; read when rules ask."""
    table = Stored(version)
    table.look = _on_cluster(version, lake.DELIVERED if table.in_plane else lake.GEOMETRY)
    return table


def _on_cluster(version: LayerVersion, column: str) -> Callable[[Plane], Defects] | None:
    """How the node's cluster looks at the topology of a version's file; None where the node has none."""
    runs = executing.cluster()
    if runs is None:
        return None

    def look(plane: Plane) -> Defects:
        from jintu.kernel.topology.streaming import inspect_file

        path = str(version.directory / lake.DATA)
        return inspect_file(path, plane, executor=runs, column=column, as_delivered=column == lake.DELIVERED)

    return look


def around(version: LayerVersion, company: Iterable[LayerVersion] = ()) -> list[LayerVersion]:
    """The other layers of the same division: those of ``company`` (loaded together, not in force yet), and for the rest
    what is in force on the version's day."""
    together = {v.layer: v for v in company if v.pk != version.pk and v.division == version.division}
    found = []
    for schema in schemas.catalogue():
        if schema.name == version.layer:
            continue
        if schema.name in together:
            found.append(together[schema.name])
            continue
        whole = [
            v
            for v in versions.pieces_in_force(schema.name, version.division, version.valid_from)
            if v.division == version.division
        ]
        found += whole[:1]
    return found


def beside(version: LayerVersion) -> list[LayerVersion]:
    """The same layer of the divisions beside the version's, in force on its day, whose boxes meet its own."""
    west, south, east, north = _about(version)
    others = LayerVersion.objects.published().filter(
        layer=version.layer,
        valid_from__lte=version.valid_from,
        west__lte=east,
        east__gte=west,
        south__lte=north,
        north__gte=south,
    )
    newest: dict[str, LayerVersion] = {}
    for other in others.exclude(division=version.division).order_by("valid_from", "pk"):
        if not other.prefix.startswith(version.prefix) and not version.prefix.startswith(other.prefix):
            newest[other.prefix] = other
    return list(newest.values())


def neighbours(version: LayerVersion) -> list[Table] | None:
    """What of them is near the version's box; None without any."""
    found = []
    for other in beside(version):
        table = other.table([*other.schema.columns, lake.GEOMETRY], _about(version))
        if table.num_rows:
            frame = pl.from_arrow(table)
            found.append(Table(other.schema, frame.drop(lake.GEOMETRY), frame.get_column(lake.GEOMETRY), None, ""))
    return found or None


def _about(version: LayerVersion) -> tuple[float, float, float, float]:
    west, south, east, north = version.bbox
    return west - NEAR, south - NEAR, east + NEAR, north + NEAR


class Tables(Mapping[str, Table]):
    """Versions by the standard's table names, each read when a rule asks for it. ``held``: tables read before, by
    primary key of the version, shared by inspections of layers that come together."""

    def __init__(self, found: Iterable[LayerVersion], held: dict[int, Table]) -> None:
        self._versions = {v.schema.table: v for v in found}
        self._held = held

    def __getitem__(self, name: str) -> Table:
        version = self._versions[name]
        with making(self, name):
            if version.pk not in self._held:
                self._held[version.pk] = table_of(version)
        return self._held[version.pk]

    def __contains__(self, name: object) -> bool:
        return name in self._versions

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)


def dataset(version: LayerVersion, others: Iterable[LayerVersion], held: dict[int, Table] | None = None) -> Dataset:
    """The version with the layers around it, by the standard's table names."""
    tables = Tables((version, *others), {} if held is None else held)
    return Dataset(tables, version.valid_from, version.division, given=Given(version))
