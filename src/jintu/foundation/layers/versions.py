"""Which version of a layer holds on a day, and whether it is still what it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from jintu.foundation.identity.scope import prefix_of
from jintu.kernel import hashing
from jintu.kernel.errors import InputError, Missing

from . import content, lake, tileset
from .features import Features, Held, decoded
from .models import LayerVersion, LayerVersions

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.overlay import Prepared

__all__ = [
    "Combined",
    "Resident",
    "all_until",
    "find",
    "held",
    "in_force",
    "pieces_in_force",
    "pieces_in_scope",
    "resident",
    "verify",
]


NAMED = 5
"""Divisions that a sentence names."""


@dataclass(frozen=True)
class Combined:
    """The versions of several counties read as one layer of the city above them."""

    versions: tuple[LayerVersion, ...]

    @property
    def layer(self) -> str:
        return self.versions[0].layer

    @property
    def name(self) -> str:
        return " + ".join(f"{v.division} {v.name}" for v in self.versions)

    @property
    def valid_from(self) -> date:
        return max(v.valid_from for v in self.versions)

    @property
    def hash(self) -> str:
        """Of the hashes of the parts, by division."""
        algorithm = self.versions[0].hash.partition(":")[0]
        return hashing.of_json({v.division: v.hash for v in self.versions}, algorithm)

    @property
    def rows(self) -> int:
        return sum(v.rows for v in self.versions)

    def table(
        self, columns: Sequence[str] | None = None, bbox: tuple[float, float, float, float] | None = None
    ) -> pa.Table:
        """The rows of all, by division."""
        import pyarrow as pa

        return pa.concat_tables([v.table(columns, bbox) for v in self.versions])


def _of(layer: str, division: str) -> Q:
    """Versions of the layer that hold the division or lie inside it."""
    prefix = prefix_of(division)
    above = [prefix[:n] for n in range(len(prefix) + 1)]
    return Q(layer=layer) & (Q(prefix__in=above) | Q(prefix__gte=prefix, prefix__lt=prefix + "~"))


def _pieces(found: Iterable[LayerVersion], division: str, day: date) -> list[LayerVersion]:
    """Of published versions of one layer those that together are the layer on a day in a division."""
    prefix = prefix_of(division)
    newest: dict[str, LayerVersion] = {}
    for version in sorted(found, key=lambda v: (v.valid_from, v.pk)):
        meets = prefix.startswith(version.prefix) or version.prefix.startswith(prefix)
        if version.valid_from <= day and meets:
            newest[version.prefix] = version
    holding = [p for p in newest if prefix.startswith(p)]
    if holding:
        return [newest[max(holding, key=len)]]
    # a city's own version replaces those of its counties
    kept = [p for p in newest if not any(p != q and p.startswith(q) for q in newest)]
    return [newest[p] for p in sorted(kept)]


def pieces_in_force(layer: str, division: str, day: date) -> list[LayerVersion]:
    """The versions that together are the layer on a day in a division (code or prefix): the one that holds it, or those
    of the divisions inside it, each the newest of its own."""
    return _pieces(LayerVersion.objects.published().filter(_of(layer, division), valid_from__lte=day), division, day)


def pieces_in_scope(
    layer: str, scope: Any, day: date, among: Iterable[LayerVersion] | None = None
) -> list[LayerVersion]:
    """The same for everything a scope covers. ``among``: published versions read before, to save the query."""
    if among is None:
        among = LayerVersion.objects.published().within(scope).filter(layer=layer)
    known = [v for v in among if v.layer == layer]
    pieces = [v for division in scope.divisions for v in _pieces(known, division, day)]
    return list({v.pk: v for v in pieces}.values())


def in_force(layer: str, division: str, day: date) -> LayerVersion | Combined | None:
    """The version of the layer in force in a division (code or prefix) on a day; None when there is none."""
    pieces = pieces_in_force(layer, division, day)
    if not pieces:
        return None
    return pieces[0] if len(pieces) == 1 else Combined(tuple(pieces))


def all_until(layer: str, division: str, day: date) -> list[LayerVersion | Combined]:
    """The states of the layer in a division up to and including a day, oldest first."""
    days = (
        LayerVersion.objects.published()
        .filter(_of(layer, division), valid_from__lte=day)
        .order_by("valid_from")
        .values_list("valid_from", flat=True)
        .distinct()
    )
    found: list[LayerVersion | Combined] = []
    for each in days:
        state = in_force(layer, division, each)
        if state is not None and (not found or found[-1].hash != state.hash):
            found.append(state)
    return found


def find(layer: str, at: str = "", division: str = "", scope: Any = None) -> LayerVersion:
    """A version by name, key, hash (or its beginning) or day; the newest when ``at`` is empty.

    Without ``division``, where several have such a version, it is the node's own. Raises `Missing`, and `InputError`
    where it cannot be told whose is meant.
    """
    query = LayerVersion.objects.filter(layer=layer)
    if scope is not None:
        query = query.within(scope)
    if division:
        query = query.filter(_of(layer, division))
    for found in _called(query, at):
        if not division:
            found = _of_one_division(found, layer, at)
        if (version := found.first()) is not None:
            return version
    raise Missing("There is no version {at} of {layer}.", at=at or "—", layer=layer)


def _called(query: LayerVersions, at: str) -> Iterator[LayerVersions]:
    """What a reference may mean, the likeliest first; each with the best version first."""
    if not at:
        yield query.published().order_by("-valid_from", "-pk")
        return
    exact = Q(name=at) | Q(key=at) | Q(hash=at)
    if len(at) >= 6 and all(c in "0123456789abcdef" for c in at):
        exact |= Q(hash__startswith=f"sha256:{at}") | Q(hash__startswith=f"sm3:{at}")
    yield query.filter(exact).order_by("-pk")
    with suppress(ValueError):
        day = date.fromisoformat(at)
        yield query.published().filter(valid_from__lte=day).order_by("-valid_from", "-pk")


def _of_one_division(found: LayerVersions, layer: str, at: str) -> LayerVersions:
    whose = sorted(set(found.order_by().values_list("division", flat=True)))
    if len(whose) < 2:
        return found
    if settings.NODE.division in whose:
        return found.filter(division=settings.NODE.division)
    raise InputError(
        "{count} divisions have a version {at} of {layer}: {divisions}.",
        remedy="Say whose is meant with --division.",
        count=len(whose),
        at=at or "—",
        layer=layer,
        divisions=", ".join(whose[:NAMED]) + (" …" if len(whose) > NAMED else ""),
    )


def verify(version: LayerVersion) -> list[str]:
    """What is wrong with a version's files; empty when the content is what was published.

    The manifest, the hash of every file, and the canonical hash computed again from the rows are compared.
    """
    where = version.directory
    try:
        manifest = lake.manifest(where)
    except Missing as error:
        return [str(error)]
    except ValueError:  # not even JSON any more
        return [_("the manifest was changed")]
    wrong: list[str] = []
    algorithm = version.manifest_hash.partition(":")[0]
    if hashing.of_file(where / lake.MANIFEST, algorithm) != version.manifest_hash:
        wrong.append(_("the manifest was changed"))
    for name, facts in manifest.get("files", {}).items():
        file = where / name
        if not file.is_file():
            wrong.append(_("{name} is missing").format(name=name))
        elif hashing.of_file(file, facts["hash"].partition(":")[0]) != facts["hash"]:
            wrong.append(_("{name} was changed").format(name=name))
    known = {lake.MANIFEST, *manifest.get("files", {})} | (
        {tileset.TILES, tileset.FACTS} if version.tiles_hash else set()
    )
    for name in sorted({p.name for p in where.iterdir()} - known):
        wrong.append(_("{name} does not belong to the version").format(name=name))
    wrong += tileset.verify(version)
    try:
        import pyarrow as pa

        algorithm = version.hash.partition(":")[0]
        found = content.hash_of_file(where / lake.DATA, schema=version.layer, crs=version.crs, algorithm=algorithm)
        if found != version.hash:
            wrong.append(_("the content is not what was published"))
    except (pa.ArrowException, OSError, Missing) as error:
        wrong.append(_("the content cannot be read: {error}").format(error=str(error).splitlines()[0]))
    return wrong


# --- in memory ----------


class Resident(Features):
    """A version in memory, for identify, tiles and the analysis of a drawn outline.

    With ``columns`` and ``bbox`` only a part is read, as `LayerVersion.table` does.
    """

    def __init__(
        self,
        version: LayerVersion,
        columns: Sequence[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
    ) -> None:
        kind = version.schema.geometry
        super().__init__(kind, *decoded(version.table(columns, bbox), kind))
        self.version = version
        self._classes: dict[str, tuple[NDArray[np.int64], list[str]]] = {}
        self._prepared: Prepared | None = None
        self._lock = Lock()

    @property
    def prepared(self) -> Prepared:
        """With its search tree, for overlays with many outlines."""
        with self._lock:
            if self._prepared is None:
                from jintu.kernel.overlay import prepare

                self._prepared = prepare(self.polygons)
            return self._prepared

    def classes(self, column: str) -> tuple[NDArray[np.int64], list[str]]:
        """A column as (number of each row's value, values)."""
        import numpy as np
        import pyarrow as pa

        with self._lock:
            if column not in self._classes:
                values = self.attributes.column(column).cast(pa.string()).fill_null("").combine_chunks()
                coded = values.dictionary_encode()
                if isinstance(coded, pa.ChunkedArray):
                    coded = coded.combine_chunks()
                self._classes[column] = (np.asarray(coded.indices).astype(np.int64), coded.dictionary.to_pylist())
            return self._classes[column]


_residents: Held[Resident] = Held(lambda: getattr(settings, "JINTU_RESIDENT_BYTES", 1 << 30))


def held(version: LayerVersion) -> Resident | None:
    """The version if it is in memory already."""
    return _residents.get(f"{version.layer}/{version.division}/{version.key}")


def resident(version: LayerVersion) -> Resident:
    """The version in memory. The least recently used leave when all together pass ``JINTU_RESIDENT_BYTES``."""
    key = f"{version.layer}/{version.division}/{version.key}"
    return _residents.or_made(key, lambda: Resident(version))
