"""What a delivery holds, as data: one YAML file per kind of delivery, listed in the domains' ``apps.py``.

A structure names the layers of a delivery with the required ones, the rule of its directory's name, and which format is
taken where a table comes in several.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jintu.kernel.errors import Missing

from . import schemas

__all__ = ["Structure", "Table", "catalogue", "get", "named", "register"]


@dataclass(frozen=True)
class Table:
    """A layer of a delivery; a delivery without a required one is not complete (Q1105)."""

    layer: str
    required: bool = False


@dataclass(frozen=True)
class Document:
    """Other files that belong to a delivery, by pattern of their names; those required are looked for (Q1107)."""

    pattern: str
    zh: str
    en: str
    required: bool = False


@dataclass(frozen=True)
class Structure:
    """A kind of delivery. ``prefer``: formats, the one that is taken first; ``directories``: patterns of the names of
    those that must be there (Q1101); ``mark``: as of `schemas.Attribute`."""

    name: str
    zh: str
    en: str
    standard: str
    mark: str
    pattern: str
    prefer: tuple[str, ...]
    tables: tuple[Table, ...]
    documents: tuple[Document, ...]
    directories: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.zh if schemas.in_chinese() else self.en

    def document(self, name: str) -> str | None:
        """What a file is that holds no layer; None when the structure does not know it."""
        known = self.kind(name)
        return None if known is None else known.zh if schemas.in_chinese() else known.en

    def kind(self, name: str) -> Document | None:
        return next((d for d in self.documents if fnmatch.fnmatch(name.lower(), d.pattern.lower())), None)

    def lacking(self, files: Iterable[str], directories: Iterable[str]) -> tuple[list[str], list[str]]:
        """(required documents, required directories) that are not among those there, by name."""
        there = {d.zh for d in map(self.kind, files) if d}
        documents = list(dict.fromkeys(d.zh for d in self.documents if d.required and d.zh not in there))
        names = list(directories)
        return documents, [d for d in self.directories if not fnmatch.filter(names, d)]

    def schema_of(self, stem: str) -> schemas.Schema | None:
        """The schema that a file's or layer's name means: "DLTB", "(330105)县DLTB2009", "330105_dltb", "地类图斑"."""
        words = {w.upper() for w in re.findall(r"[A-Za-z]+", stem)}
        known = [schemas.get(t.layer) for t in self.tables]
        for schema in known:
            if schema.table in words:
                return schema
        for schema in known:
            if words & set(schema.aliases):
                return schema
        # the longest first: 基期地类图斑 is not 地类图斑
        for schema in sorted(known, key=lambda s: -len(s.zh)):
            if schema.zh in stem:
                return schema
        return None


_catalogue: dict[str, Structure] = {}


def register(directory: Path) -> None:
    """Read the structures of a directory; called from a domain's AppConfig.ready() after its schemas."""
    for file in sorted(directory.glob("*.yaml")):
        structure = read(file)
        _catalogue[structure.name] = structure


def read(file: Path) -> Structure:
    """The structure of a YAML file. Raises ValueError, with the file, for one that contradicts itself."""
    import yaml

    facts = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        return Structure(
            **{k: str(facts[k]) for k in ("name", "zh", "en", "standard", "mark", "pattern")},
            prefer=tuple(facts["prefer"]),
            tables=tuple(Table(schemas.get(t["layer"]).name, bool(t.get("required"))) for t in facts["tables"]),
            documents=tuple(Document(**d) for d in facts.get("documents", ())),
            directories=tuple(str(d) for d in facts.get("directories", ())),
        )
    except (KeyError, TypeError, Missing) as error:
        raise ValueError(f"{file.name}: {error} is missing or wrong") from error


def named(name: str, structure: Structure) -> tuple[str, int | None]:
    """(division code or "", year or None) that the name of a directory says: "(330105)县名2009".

    >>> rule = r"^[(（]?(?P<division>\\d{6})[)）]?(?P<name>\\D*)(?P<year>\\d{4})?$"
    >>> s = Structure("x", "", "", "", "M", rule, (), (), ())
    >>> named("(330105)县名2009", s), named("数据", s)
    (('330105', 2009), ('', None))
    """
    found = re.match(structure.pattern, name)
    if not found:
        return "", None
    year = found["year"]
    return found["division"] or "", int(year) if year else None


def get(name: str) -> Structure:
    """Raises `Missing`."""
    if name not in _catalogue:
        raise Missing(
            "There is no kind of delivery called {name}; there are: {names}.",
            name=name,
            names=", ".join(sorted(_catalogue)) or "—",
        )
    return _catalogue[name]


def catalogue() -> list[Structure]:
    return list(_catalogue.values())
