"""Foreign data into a schema: a saved mapping of columns, constants and values.

::

    columns:    {zone_note: 使用分, note: 計畫_1}        # our name: column of the file
    constants:  {feature_code: "2003020110"}
    values:     {zone_type: {住宅區: "030", "*": "990"}}  # "*" is every other value
    sequence:   bsm                                      # numbered by row, when the file has no identifier
    area:       zone_area_m2                             # computed, when the file has none
    take_as_cgcs2000: true                               # the operator's word: no datum shift is applied

>>> m = Mapping.of({"columns": {"zone_type": "使用分"}, "values": {"zone_type": {"住宅區": "030", "*": "990"}}})
>>> m.translate("zone_type", "住宅區"), m.translate("zone_type", "x"), m.translate("note", "x")
('030', '990', 'x')
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Missing, Place

if TYPE_CHECKING:
    from .schemas import Schema

__all__ = ["Mapping", "load", "match", "save", "ship", "shipped"]

OTHER = "*"
_shipped: dict[tuple[str, str], Path] = {}


@dataclass(frozen=True)
class Mapping:
    """How a kind of file becomes a layer; an empty mapping means headers that are the standard's."""

    columns: AnyMapping[str, str] = field(default_factory=dict)
    constants: AnyMapping[str, str] = field(default_factory=dict)
    values: AnyMapping[str, AnyMapping[str, str]] = field(default_factory=dict)
    sequence: str = ""
    area: str = ""
    take_as_cgcs2000: bool = False
    name: str = ""

    @classmethod
    def of(cls, facts: AnyMapping[str, Any], name: str = "") -> Mapping:
        """From JSON or YAML. Raises `InputError` for keys that mean nothing."""
        unknown = set(facts) - set(cls.__dataclass_fields__)
        if unknown:
            raise InputError(
                "The mapping has unknown entries: {names}.",
                place=Place(file=name),
                remedy="Known are: {known}.",
                names=", ".join(sorted(unknown)),
                known=", ".join(n for n in cls.__dataclass_fields__ if n != "name"),
            )
        return cls(**{**facts, "name": facts.get("name") or name})

    def check(self, schema: Schema) -> None:
        """Raises `Missing` for a column that the schema does not have."""
        for name in (*self.columns, *self.constants, *self.values, *filter(None, (self.sequence, self.area))):
            schema.attribute(name)

    def translate(self, name: str, value: str | None) -> str | None:
        """The value of a column by our name, as the schema wants it."""
        table = self.values.get(name)
        if table is None or value is None:
            return value
        return table.get(value, table.get(OTHER, value))

    def facts(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if v and k != "name"}


def match(schema: Schema, headers: list[str], mapping: Mapping) -> dict[str, str]:
    """Our name → column of the file, by the mapping first, then by any spelling the schema knows, in any case."""
    known = {h.strip().casefold(): h for h in reversed(headers)}
    found: dict[str, str] = {}
    for attribute in schema.attributes:
        given = mapping.columns.get(attribute.name) or mapping.columns.get(attribute.code)
        if given is not None:
            if given not in headers:
                raise InputError(
                    "The file has no column {column}, which the mapping takes for {name}.",
                    remedy="The columns are: {headers}.",
                    column=given,
                    name=attribute.code,
                    headers=", ".join(headers),
                )
            found[attribute.name] = given
            continue
        if attribute.name in mapping.constants or attribute.name in (mapping.sequence, mapping.area):
            continue
        for spelling in attribute.spellings():
            header = known.get(spelling.casefold())
            if header is not None:
                found[attribute.name] = header
                break
    return found


def ship(layer: str, name: str, path: Path) -> None:
    """A mapping that comes with a domain, as a YAML file; called from its ``apps.py``."""
    _shipped[layer, name] = path


def shipped(layer: str) -> list[str]:
    """Names of the mappings that come with the domains."""
    return [name for of, name in _shipped if of == layer]


def load(layer: str, name: str) -> Mapping:
    """A saved mapping, or one that comes with a domain. Raises `Missing`."""
    from .models import LayerMapping

    kept = LayerMapping.objects.filter(layer=layer, name=name).first()
    if kept is None and (layer, name) in _shipped:
        import yaml

        return Mapping.of(yaml.safe_load(_shipped[layer, name].read_text(encoding="utf-8")), name)
    if kept is None:
        saved = LayerMapping.objects.filter(layer=layer).exclude(name__contains=":")  # those of shapes have no name
        names = [*saved.values_list("name", flat=True), *shipped(layer)]
        raise Missing(
            "There is no mapping {name} for {layer}; there are: {names}.",
            name=name,
            layer=layer,
            names=", ".join(names) or "—",
        )
    return Mapping.of(kept.facts, name)


def save(schema: Schema, mapping: Mapping, name: str, user: int | None = None) -> None:
    """Keep a mapping under a name, in place of an older one."""
    from .models import LayerMapping

    mapping.check(schema)
    LayerMapping.objects.update_or_create(
        layer=schema.name, name=name, defaults={"facts": mapping.facts(), "created_by": user}
    )
