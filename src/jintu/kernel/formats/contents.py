"""What a file holds before anything of it is read: its layers, sheets and members, each with what it is.

`read` takes the ``name`` of a `Member` as ``layer``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeVar

from jintu.kernel.errors import InputError, JintuError, Place
from jintu.kernel.formats.detect import EXTENSIONS, detect
from jintu.kernel.formats.source import Limits

__all__ = ["MOST_MEMBERS", "Member", "contents", "datasets", "datasets_among", "layers", "may_hold_several"]

DATASETS = ("shp", "gpkg", "geojson", "geoparquet", "csv", "xlsx", "txt", "dbf", "vct")
OF_MANY = ("gpkg", "fgdb", "xlsx", "vct")
"""Formats of which one file holds several layers."""
PLAIN = ("csv", "xlsx", "dbf", "txt")
P = TypeVar("P", bound=PurePath)
MOST_MEMBERS = 200
"""Layers described; a file of more is no delivery of layers."""


@dataclass(frozen=True, slots=True)
class Member:
    """A layer, sheet or member: ``geometry`` as the file calls it ("MultiPolygon", "" for a table), ``count`` rows
    (None when only reading would tell), ``crs`` "EPSG:n" or WKT (None when the file does not say).

    ``problem`` says why it cannot be opened; then nothing else is known.
    """

    name: str
    geometry: str = ""
    count: int | None = None
    crs: str | None = None
    problem: JintuError | None = None

    @property
    def crs_name(self) -> str:
        """The code, or the name that a WKT gives itself; "" when the file does not say."""
        text = self.crs or ""
        return text.split('"')[1] if text.count('"') > 1 else text


def contents(path: str | Path, *, encoding: str | None = None, limits: Limits | None = None) -> list[Member]:
    """The members of a file in its order. Raises what `read` raises for a file that cannot be opened at all."""
    path = Path(path)
    limits = limits or Limits()
    if detect(path, limits) != "zip":
        return _of_file(path, encoding, limits)
    from jintu.kernel.formats import archive

    directory, _ = archive.unpack(path, limits)
    with directory as root:
        found = meant(datasets(Path(root)))
        if len(found) == 1:
            return _of_file(found[0], encoding, limits)
        named = [(str(p.relative_to(root)), p) for p in found[:MOST_MEMBERS]]
        return [m for name, p in named for m in _of_member(name, p, encoding, limits)][:MOST_MEMBERS]


def _of_member(name: str, path: Path, encoding: str | None, limits: Limits) -> list[Member]:
    """Of one dataset of an archive: itself, or "a.gpkg/DLTB" for each of its layers."""
    try:
        inside = _of_file(path, encoding, limits)
    except JintuError as error:
        return [Member(name, problem=error)]
    if len(inside) == 1:
        (only,) = inside
        return [Member(name, only.geometry, only.count, only.crs, only.problem)]
    return [Member(f"{name}/{m.name}", m.geometry, m.count, m.crs, m.problem) for m in inside]


def _of_file(path: Path, encoding: str | None, limits: Limits) -> list[Member]:
    kind = detect(path, limits)
    if kind in ("gpkg", "fgdb"):
        from jintu.kernel.formats import ogr

        return [Member(**facts) for facts in ogr.described(path, MOST_MEMBERS)]
    names = layers(path, limits=limits)
    found = [_described(path, name if kind in OF_MANY else None, name, encoding, limits) for name in names]
    with_columns = [m for m in found if m.problem is None] if kind == "xlsx" else found
    return with_columns or found  # empty sheets are in most workbooks and mean nothing


def _described(path: Path, layer: str | None, name: str, encoding: str | None, limits: Limits) -> Member:
    from jintu.kernel import formats

    try:
        with formats.read(path, layer=layer, encoding=encoding, limits=limits) as source:
            return Member(name, source.geometry_type if source.has_geometry else "", source.count, source.crs)
    except JintuError as error:
        return Member(name, problem=error)


def layers(path: str | Path, *, limits: Limits | None = None) -> list[str]:
    """Names that `read` takes as ``layer``: layers, sheets or members of an archive; the stem of other files."""
    path = Path(path)
    limits = limits or Limits()
    kind = detect(path, limits)
    if kind in ("gpkg", "fgdb"):
        from jintu.kernel.formats import ogr

        return ogr.layers(path)
    if kind == "xlsx":
        from jintu.kernel.formats import xlsx

        return xlsx.layers(path, limits)
    if kind == "vct":
        from jintu.kernel.formats import vct

        return vct.layers(path)
    if kind == "zip":
        from jintu.kernel.formats import archive

        directory, _ = archive.unpack(path, limits)
        with directory as root:
            found = meant(datasets(Path(root)))
            if len(found) == 1:
                return layers(found[0], limits=limits)
            return names_inside(Path(root), found, limits)
    return [path.stem]


def names_inside(root: Path, found: Iterable[Path], limits: Limits) -> list[str]:
    """Names of the members of an unpacked archive, "a.gpkg/DLTB" where one holds several layers."""
    names: list[str] = []
    for path in found:
        name = str(path.relative_to(root))
        try:
            inside = layers(path, limits=limits)
        except InputError:  # `read` says what is wrong with it, when it is the one chosen
            inside = []
        names += [f"{name}/{layer}" for layer in inside] if len(inside) > 1 else [name]
    return names


def may_hold_several(path: str | Path, *, limits: Limits | None = None) -> bool:
    """Whether there may be a choice, by names alone: without unpacking or opening anything."""
    path = Path(path)
    limits = limits or Limits()
    kind = detect(path, limits)
    if kind != "zip":
        return kind in OF_MANY
    from jintu.kernel.formats import archive

    found = meant(datasets_among(archive.wanted(path, limits)))
    return len(found) > 1 or any(EXTENSIONS.get(p.suffix.lower()) in OF_MANY for p in found)


# --- the datasets of a directory ----------


def datasets(root: Path) -> list[Path]:
    """Datasets in a directory tree; the parts of a shapefile or geodatabase are not datasets of their own."""
    under = [(p, p.relative_to(root)) for p in sorted(root.rglob("*"))]
    files = (name for p, name in under if p.is_file())
    return [root / name for name in datasets_among(files, (n for p, n in under if p.is_dir()))]


def datasets_among(files: Iterable[P], folders: Iterable[P] = ()) -> list[P]:
    """Those of the relative paths that are datasets, geodatabases (which are folders) first."""
    given = list(files)
    above = {*folders, *(parent for p in given for parent in p.parents)}
    inside = {p for p in above if p.suffix.lower() == ".gdb"}
    found: list[P] = sorted(inside)  # type: ignore[type-var]
    rest = [p for p in given if not inside & set(p.parents)]
    stems = {(p.parent, p.stem.lower()) for p in rest if p.suffix.lower() == ".shp"}
    for p in rest:
        kind = EXTENSIONS.get(p.suffix.lower())
        if kind in DATASETS and not (p.suffix.lower() == ".dbf" and (p.parent, p.stem.lower()) in stems):
            found.append(p)
    return found


def meant(found: list[P]) -> list[P]:
    """The datasets that an archive was packed for: a readme or a table beside a map is not what was meant."""
    return [p for p in found if EXTENSIONS.get(p.suffix.lower()) not in PLAIN] or found


def choice_of(names: list[str], path: Path, sentence: str) -> InputError:
    """The question to ask where there are several and none was named."""
    return InputError(
        sentence,
        place=Place(file=path.name),
        remedy="Choose one of: {names}.",
        count=len(names),
        names=", ".join(names),
    )
