"""Schemas of layers as data: YAML files, one document per table of the standards, listed in the domains' ``apps.py``.

A schema maps the standard's column codes (DLBM) to our names (land_use_code) and says what each column must hold. In
the lake and in rules only our names occur; the codes live at the import and export edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from jintu.kernel.errors import Missing

__all__ = ["DIVISIONS", "THEMES", "Attribute", "Schema", "catalogue", "get", "in_chinese", "read_all", "register"]

THEMES = ("lifecycle", "ownership", "land_use", "plan", "minerals", "base")
"""Groups of the layer tree, drawn on top first: thin parcels over land use. "lifecycle" is that of the registers."""

DIVISIONS = "survey.XZQ"
"""The layer that says where administrative divisions lie."""

TYPES = ("Int", "Char", "Float", "Date")
GEOMETRIES = ("point", "line", "polygon", "none")
"""In the order in which a map draws them, top first; "none" is a table."""
MARKS = ("V", "M", "U")
SYMBOLS = ("outline", "land_use", "farmland", "use_zone", "control_zone", "classes", "plain")


def in_chinese() -> bool:
    """Whether the reader's language is Chinese."""
    from django.utils.translation import get_language

    return (get_language() or "zh").startswith("zh")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One column of a layer.

    ``code`` of the standard, ``name`` ours; ``type`` Int, Char, Float or Date with ``length`` and ``decimals``;
    ``constraint`` M mandatory, C conditional (``required_when``: column → beginning of the code that demands it),
    O optional. ``codelist`` names a list of `jintu.kernel.codelists`; ``choices`` is a list of its own. ``names``: this
    column repeats the name of the code in that column. ``clause``: rule of the quality inspection. Int columns are
    identifiers: they are checked as numbers and kept as text. ``serial``: numbered by row where the file has no such
    column. ``mark``: how sure the field is, V seen in a source, M from memory, U not verified.
    """

    code: str
    name: str
    zh: str
    en: str
    type: str = "Char"
    length: int | None = None
    decimals: int | None = None
    constraint: str = "O"
    codelist: str = ""
    choices: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    not_codes: tuple[str, ...] = ()
    names: str = ""
    rule: str = ""
    clause: str = ""
    unit: str = ""
    minimum: float | None = None
    above: float | None = None
    aliases: tuple[str, ...] = ()
    required_when: Mapping[str, str] = field(default_factory=dict)
    personal: bool = False
    serial: bool = False
    mark: str = "M"

    @property
    def label(self) -> str:
        """The name in the reader's language."""
        return self.zh if in_chinese() else self.en

    @property
    def mandatory(self) -> bool:
        return self.constraint == "M"

    def spellings(self) -> tuple[str, ...]:
        """Headers under which the column may arrive, best first."""
        return (self.code, self.name, *self.aliases, self.zh, self.en)

    def meaning(self, value: Any) -> str:
        """The name of a code in the reader's language, or ""."""
        if value is None:
            return ""
        if self.choices:
            pair = self.choices.get(str(value))
            return (pair[0] if in_chinese() else pair[1]) if pair else ""
        if not self.codelist:
            return ""
        from jintu.kernel import codelists

        codes = codelists.land_use(str(value)) if self.codelist == "land_use" else codelists.get(self.codelist)
        found = codes.find(str(value))
        return "" if found is None else found.name_zh if in_chinese() else found.name_en


@dataclass(frozen=True)
class Schema:
    """A kind of layer: polygons, lines, points, or a table without geometry.

    ``classes``: the column by which areas are summed and the map is coloured (``symbols`` says how, ``tokens`` in which
    design colours: by code, or "*" for all); ``key``: identifies a feature; ``partition``: features neither overlap nor
    leave gaps; ``area`` and ``length``: columns that declare what is computed from the geometry; ``aliases``: names
    under which files of the layer are also delivered; ``mark``: as of `Attribute`; ``public``: the only columns that
    may ever be opened to the public, none unless named.
    """

    name: str
    table: str
    zh: str
    en: str
    theme: str
    standard: str
    version: str
    feature_code: str
    key: str
    title: tuple[str, ...]
    area: str
    classes: str
    symbols: str
    partition: bool
    attributes: tuple[Attribute, ...]
    source: str = ""
    geometry: str = "polygon"
    length: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    mark: str = "M"
    public: tuple[str, ...] = ()

    @property
    def is_table(self) -> bool:
        """Without geometry: kept and listed, never drawn."""
        return self.geometry == "none"

    @property
    def label(self) -> str:
        return self.zh if in_chinese() else self.en

    @cached_property
    def columns(self) -> dict[str, Attribute]:
        """Attributes by our name, in order."""
        return {a.name: a for a in self.attributes}

    @cached_property
    def codes(self) -> dict[str, Attribute]:
        """Attributes by the standard's code."""
        return {a.code: a for a in self.attributes}

    def attribute(self, name: str) -> Attribute:
        """By our name or the standard's code, in any case. Raises `Missing`."""
        found = self.columns.get(name.lower()) or self.codes.get(name.upper())
        if found is None:
            raise Missing(
                "The layer {layer} has no attribute {name}; there are: {names}.",
                layer=self.name,
                name=name,
                names=", ".join(self.codes),
            )
        return found

    def title_of(self, row: Mapping[str, Any]) -> str:
        """What a feature is called: its class with the class's name, then its number."""
        words: list[str] = []
        for name in self.title:
            value = row.get(name)
            if value not in (None, ""):
                meaning = self.columns[name].meaning(value)
                words.append(f"{value} {meaning}" if meaning else str(value))
        return " ".join(dict.fromkeys(words))


_catalogue: dict[str, Schema] = {}


def register(path: str | Path) -> None:
    """Read the schemas of a YAML file or of every one in a directory; called from a domain's AppConfig.ready()."""
    path = Path(path)
    for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
        for schema in read_all(file):
            _catalogue[schema.name] = schema


def read(path: Path) -> Schema:
    """The only schema of a YAML file; see `read_all`."""
    (schema,) = read_all(path)
    return schema


def read_all(path: Path) -> list[Schema]:
    """The schemas of a YAML file, one a document. Raises ValueError, with the file, for one that contradicts itself."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the compiled reader where there is one: ten times as fast
    return [_schema(facts, path) for facts in yaml.load_all(path.read_text(encoding="utf-8"), loader) if facts]


def _schema(facts: dict[str, Any], path: Path) -> Schema:
    try:
        mark = facts.get("mark", "M")
        attributes = tuple(_attribute(a, mark) for a in facts["fields"])
        schema = Schema(
            name=facts["name"],
            table=facts["table"],
            zh=facts["zh"],
            en=facts["en"],
            theme=facts["theme"],
            standard=facts["standard"],
            version=str(facts["version"]),
            feature_code=str(facts.get("feature_code", "")),
            key=facts["key"],
            title=tuple(facts["title"]),
            area=facts.get("area", ""),
            classes=facts.get("classes", ""),
            symbols=facts.get("symbols", "outline"),
            partition=bool(facts.get("partition", False)),
            attributes=attributes,
            source=path.name,
            geometry=facts.get("geometry", "polygon"),
            length=facts.get("length", ""),
            tokens={str(k): v for k, v in facts.get("tokens", {}).items()},
            aliases=tuple(facts.get("aliases", ())),
            mark=mark,
            public=tuple(facts.get("public", ())),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name}: {error} is missing or wrong") from error
    used = {schema.key, *schema.title, *(n for n in (schema.area, schema.length, schema.classes) if n)}
    used |= set(schema.public)
    used |= {n for a in attributes for n in (*a.required_when, *((a.names,) if a.names else ()))}
    if unknown := used - set(schema.columns):
        raise ValueError(f"{path.name}: there is no field {', '.join(sorted(unknown))}")
    if len(schema.columns) != len(attributes) or len(schema.codes) != len(attributes):
        raise ValueError(f"{path.name}: a field or code occurs twice")
    for name, known in (("theme", THEMES), ("geometry", GEOMETRIES), ("symbols", SYMBOLS), ("mark", MARKS)):
        if getattr(schema, name) not in known:
            raise ValueError(f"{path.name}: {name} of {schema.name} must be one of {', '.join(known)}")
    if (schema.area or schema.partition) and schema.geometry != "polygon":
        raise ValueError(f"{path.name}: only polygons have an area")
    if schema.public:
        _check_public(schema, path)
    return schema


def _check_public(schema: Schema, path: Path) -> None:
    """What may be public is never about persons, and holds what tiles carry: identifier, class and label."""
    if personal := [n for n in schema.public if schema.columns[n].personal]:
        raise ValueError(f"{path.name}: {', '.join(personal)} of {schema.name} is about persons and never public")
    carried = {schema.key, schema.title[0], *([schema.classes] if schema.classes else [])}
    if hidden := carried - set(schema.public):
        raise ValueError(f"{path.name}: {', '.join(sorted(hidden))} of {schema.name} is on the map and must be public")


def _attribute(facts: dict[str, Any], mark: str) -> Attribute:
    kept = {"mark": mark, **facts}
    for name in ("aliases", "not_codes"):
        kept[name] = tuple(kept.get(name, ()))
    kept["choices"] = {str(k): tuple(v) for k, v in kept.get("choices", {}).items()}
    attribute = Attribute(**kept)
    if attribute.type not in TYPES or attribute.constraint not in ("M", "C", "O") or attribute.mark not in MARKS:
        raise KeyError(f"type, constraint or mark of {attribute.code}")
    if attribute.codelist:
        from jintu.kernel import codelists

        codelists.get(attribute.codelist)
    return attribute


def get(name: str) -> Schema:
    """The schema called ``name`` ("survey.DLTB", or its table or an alias alone, "DLTB"). Raises `Missing`."""
    found = _catalogue.get(name) or next((s for s in _catalogue.values() if s.table == name.upper()), None)
    found = found or next((s for s in _catalogue.values() if name.upper() in s.aliases), None)
    if found is None:
        raise Missing(
            "There is no layer called {name}; there are: {names}.", name=name, names=", ".join(sorted(_catalogue))
        )
    return found


def catalogue() -> Iterator[Schema]:
    """All schemas, in the order of the layer tree: within a theme what is drawn on top comes first."""
    yield from sorted(_catalogue.values(), key=_place)


def _place(schema: Schema) -> tuple[int, int, int]:
    over = ("farmland", "plain")  # thin pictures that a coloured ground would hide
    return (
        THEMES.index(schema.theme),
        GEOMETRIES.index(schema.geometry),
        0 if schema.symbols in over else 2 if schema.symbols == "outline" else 1,
    )
