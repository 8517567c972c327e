"""A whole delivery, a directory or its ZIP, as versions of all its layers.

The files found are matched to the layers of a `structures.Structure`; every table is imported through its schema as a
draft, and when none was refused all are put in force together. Drafts of a delivery that was refused in part are kept:
loading the corrected delivery takes up those whose file is the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel import hashing
from jintu.kernel.errors import InputError, JintuError, Place

from . import delivered, importing, publishing, schemas, structures
from .models import LayerVersion
from .structures import Structure
from .verdicts import Verdict

if TYPE_CHECKING:
    from jintu.foundation.journal import Actor
    from jintu.kernel.formats import Source

__all__ = ["Delivery", "Found", "Loaded", "Outcome", "choose", "examine", "load", "opened"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Found:
    """A table of the delivery: the file, the layer inside it, and the schema it is read through."""

    schema: schemas.Schema
    path: Path
    member: str
    format: str

    @property
    def name(self) -> str:
        return self.path.name if self.member in ("", self.path.stem) else f"{self.path.name}/{self.member}"


@dataclass
class Delivery:
    """What a directory holds. ``missing``: required layers that are not there; ``spare``: tables that come a second
    time, in a format that is not preferred; ``documents``: other files and what they are; ``unknown``: files and layers
    that do not belong to the structure; ``broken``: files that cannot be opened, and why; ``no_documents`` and
    ``no_directories``: required ones that are not there; ``checksums`` and ``metadata``: as of `delivered`."""

    name: str
    structure: Structure
    division: str = ""
    year: int | None = None
    found: list[Found] = field(default_factory=list)
    missing: list[schemas.Schema] = field(default_factory=list)
    spare: list[Found] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    no_documents: list[str] = field(default_factory=list)
    no_directories: list[str] = field(default_factory=list)
    checksums: list[dict[str, str]] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    root: Path | None = None


@dataclass
class Outcome:
    """What became of one table: a version, or the reason why there is none with the problems of its rows."""

    found: Found
    version: LayerVersion | None = None
    rows: int = 0
    refused: int = 0
    error: JintuError | None = None
    problems: list[InputError] = field(default_factory=list)
    kept: bool = False
    """Taken up from an earlier attempt."""


@dataclass
class Loaded:
    """``published``: whether the versions are in force; ``hash``: of the hashes of all versions, by layer."""

    delivery: Delivery
    outcomes: list[Outcome]
    published: bool
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    """By primary key of the version."""

    @property
    def rows(self) -> int:
        return sum(o.rows for o in self.outcomes)

    @property
    def wanting(self) -> list[str]:
        """Tables that are missing, were refused, or were rejected by the inspection."""
        return [s.table for s in self.delivery.missing] + [
            o.found.schema.table for o in self.outcomes if o.error or self.is_held(o)
        ]

    def is_held(self, outcome: Outcome) -> bool:
        """Not in force because of its verdict."""
        version = outcome.version
        verdict = self.verdicts.get(version.pk) if version else None
        return (
            version is not None
            and verdict is not None
            and not verdict.accepted
            and version.state != LayerVersion.State.PUBLISHED
        )

    @property
    def hash(self) -> str:
        versions = {o.version.layer: o.version.hash for o in self.outcomes if o.version}
        return hashing.of_json(versions) if versions else ""


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The directory of a delivery: the path itself, a ZIP unpacked as long as the block lasts, or one around a file."""
    from jintu.kernel.formats import Limits, archive

    if path.is_dir():
        yield _root(path)
        return
    with ExitStack() as stack:
        if path.suffix.lower() != ".zip":  # a file of many layers
            alone = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jintu-delivery-")))
            (alone / path.name).symlink_to(path.resolve())
            yield alone
            return
        directory, _files = archive.unpack(path, Limits())
        root = _root(Path(stack.enter_context(directory)))
        yield root


def _root(path: Path) -> Path:
    """Down to the first directory that holds more than one other directory: many archives pack the directory itself."""
    while True:
        inside = [p for p in path.iterdir() if not p.name.startswith(".") and p.name != "__MACOSX"]
        if len(inside) != 1 or not inside[0].is_dir() or inside[0].suffix.lower() == ".gdb":
            return path
        path = inside[0]


def choose(root: Path, name: str = "") -> Structure:
    """The structure called ``name``, or the one of which most layers are in the directory. Raises `InputError`."""
    if name:
        return structures.get(name)
    counted = [(len({f.schema.name for f in _tables(root, s)}), s) for s in structures.catalogue()]
    most = max(counted, key=lambda pair: pair[0], default=(0, None))
    if most[1] is None or not most[0]:
        raise InputError(
            "Nothing in the directory has the name of a layer.",
            place=Place(file=root.name),
            remedy="Say which kind of delivery it is: {names}.",
            names=", ".join(s.name for s in structures.catalogue()),
        )
    return most[1]


def examine(root: Path, structure: Structure, name: str = "") -> Delivery:
    """Match the files of a directory to the layers of a structure (Q1101, Q1102, Q1105, Q1106). Opens no table."""
    name = name or root.name
    division, year = structures.named(name, structure)
    delivery = Delivery(name, structure, division, year, root=root)
    by_layer: dict[str, list[Found]] = {}
    for found in _tables(root, structure, delivery):
        by_layer.setdefault(found.schema.name, []).append(found)
    rank = {kind: k for k, kind in enumerate(structure.prefer)}
    for table in structure.tables:
        candidates = sorted(by_layer.get(table.layer, ()), key=lambda f: (rank.get(f.format, len(rank)), f.name))
        if candidates:
            delivery.found.append(candidates[0])
            delivery.spare += candidates[1:]
        elif table.required:
            delivery.missing.append(schemas.get(table.layer))
    used = {f.path for f in (*delivery.found, *delivery.spare)}
    for path in _files(root):
        relative = str(path.relative_to(root))
        if path in used or any(p in used for p in path.parents) or _is_part(path, used):
            continue
        what = structure.document(path.name)
        if what is not None:
            delivery.documents[relative] = what
        elif relative not in delivery.broken and not delivered.LISTS.search(path.name):
            delivery.unknown.append(relative)
    _look_into(root, delivery)
    return delivery


def _look_into(root: Path, delivery: Delivery) -> None:
    """Checksum lists, metadata, and what is required and not there."""
    names = [Path(name).name for name in delivery.documents]
    folders = [p.name for p in root.rglob("*") if p.is_dir()]
    delivery.no_documents, delivery.no_directories = delivery.structure.lacking(names, folders)
    delivery.checksums = delivered.checksums(root)
    delivery.metadata = [
        delivered.metadata(root / name, name) for name in delivery.documents if name.lower().endswith(".xml")
    ]


def _files(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith("."))


def _is_part(path: Path, used: set[Path]) -> bool:
    """Whether the file is a part of a shapefile that is used."""
    return any(
        path.parent == u.parent and path.stem.lower() == u.stem.lower() and u.suffix.lower() == ".shp" for u in used
    )


def _tables(root: Path, structure: Structure, delivery: Delivery | None = None) -> Iterator[Found]:
    """Every table whose name means a layer of the structure; the delivery is told of files that cannot be opened, and
    of layers in files of many that mean nothing."""
    from jintu.kernel import formats

    for path in formats.datasets(root):
        kind = formats.EXTENSIONS.get(path.suffix.lower(), "")
        if kind in ("vct", "gpkg", "fgdb", "xlsx"):
            try:
                names = formats.layers(path)
            except InputError as error:
                names = []
                if delivery is not None:
                    delivery.broken[str(path.relative_to(root))] = str(error)
        else:
            names = [path.stem]
        strange = []
        for name in names:
            alone = len(names) == 1 and kind != "vct"
            schema = structure.schema_of(name) or (structure.schema_of(path.stem) if alone else None)
            if schema is not None:
                yield Found(schema, path, name if kind in ("vct", "gpkg", "fgdb", "xlsx") else "", kind)
            elif kind != "xlsx":
                strange.append(f"{path.relative_to(root)}/{name}")
        if delivery is not None and len(strange) < len(names):
            delivery.unknown += strange


# --- loading ----------


def load(
    delivery: Delivery,
    division: str,
    day: date,
    *,
    actor: Actor | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    take_as_cgcs2000: bool = False,
    good_only: bool = False,
    draft: bool = False,
    inspect: bool = True,
    decision: str = "",
    job: int | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Import every table found; publish all when none was refused, no required one is missing, and the inspection
    accepts all (`publishing.settle`: ``inspect``, ``decision``).

    ``good_only``: load what is right, tables and rows, and publish of that what is accepted. Raises `InputError` for a
    delivery without any table.
    """
    if not delivery.found:
        raise InputError("The delivery holds no table that can be loaded.", place=Place(file=delivery.name))
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        for path in {f.path for f in delivery.found if f.format == "vct"}:
            stack.enter_context(_held(path, delivery, encoding))
        for n, found in enumerate(delivery.found):
            if progress:
                progress(n, len(delivery.found), found.schema.label)
            outcomes.append(
                _load_one(
                    found,
                    division,
                    day,
                    actor=actor,
                    crs=None if found.schema.is_table else crs,
                    encoding=encoding if found.format in ("vct", "shp", "dbf", "csv") else None,
                    take_as_cgcs2000=take_as_cgcs2000,
                    good_only=good_only,
                    job=job,
                )
            )
    _note(outcomes, delivered.record(delivery, outcomes))
    whole = good_only or (not delivery.missing and all(o.version for o in outcomes))
    if not whole or draft:
        return Loaded(delivery, outcomes, False)
    loaded = [o.version for o in outcomes if o.version is not None]
    verdicts = publishing.settle(
        loaded,
        actor,
        inspect=inspect,
        decision=decision,
        whole=not good_only,
        job=job,
        progress=progress,
    )
    in_force = [v for v in loaded if v.state == LayerVersion.State.PUBLISHED]
    return Loaded(delivery, outcomes, len(in_force) == len(loaded) or (good_only and bool(in_force)), verdicts)


def _note(outcomes: list[Outcome], record: dict[str, Any]) -> None:
    """Each version keeps what its delivery was like; one taken up from an earlier attempt what the last was like."""
    for o in outcomes:
        if o.version is not None:
            o.version.quality["delivery"] = record
            o.version.save(update_fields=["quality"])


def _held(path: Path, delivery: Delivery, encoding: str | None) -> Source:
    """A table of the file kept open, so that the index of a VCT is made once for all its tables."""
    from jintu.kernel import formats

    member = next(f.member for f in delivery.found if f.path == path)
    return formats.read(path, layer=member, encoding=encoding)


def _load_one(found: Found, division: str, day: date, *, take_as_cgcs2000: bool, **options: Any) -> Outcome:
    from . import assistant
    from .mapping import Mapping

    outcome = Outcome(found)
    try:
        earlier = _draft(found, division, day, options["actor"])
        if earlier is not None:
            outcome.version, outcome.rows, outcome.kept = earlier, earlier.rows, True
            outcome.refused = earlier.quality.get("refused", 0)
            return outcome
        mapping = assistant.remembered_for(found.schema, found.path, found.member) or Mapping()
        if take_as_cgcs2000:
            mapping = replace(mapping, take_as_cgcs2000=True)
        result = importing.import_layer(
            found.schema, found.path, division, day, mapping=mapping, member=found.member or None, draft=True, **options
        )
        outcome.version, outcome.rows, outcome.refused = result.version, result.rows, result.refused
        outcome.problems = result.problems
    except importing.LayerRefused as error:
        outcome.error, outcome.problems = error, error.problems
    except JintuError as error:
        outcome.error = error
    return outcome


def _draft(found: Found, division: str, day: date, actor: Actor | None) -> LayerVersion | None:
    """A version of the same file for the same day, loaded by an earlier attempt; a draft of another file gives way."""
    from jintu.kernel.formats.source import sha256_of

    known = LayerVersion.objects.filter(layer=found.schema.name, division=division, valid_from=day).exclude(
        state=LayerVersion.State.WITHDRAWN
    )
    version = known.first()
    if version is None:
        return None
    files = [found.path]
    if found.format == "shp":
        from jintu.kernel.formats import shp

        files = list(shp.parts(found.path).values())
    elif found.format == "fgdb":
        files = sorted(p for p in found.path.iterdir() if p.is_file())
    if version.source_hash == sha256_of(files)[0]:
        return version
    if version.state == LayerVersion.State.DRAFT:
        publishing.withdraw(version, "replaced by another delivery", actor)
    return None
